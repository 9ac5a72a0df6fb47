/* Lane products: y = W x with samples in the columns, and the gradient of W.
 *
 * Forward and input gradient: a block of rows times a strip of columns in registers, weights
 * broadcast. Weight gradient: the inner dimension is the samples, so v is transposed into strips
 * (a copy of b x columns floats against a x b x columns products) and the columns of u are
 * broadcast; no register is ever summed across. Every element is one chain in the order of its
 * inner index. */
#include "kernel/set/set.h"

/* Rows and registers of a block: as many sums as the registers allow. */
#if AED_WIDTH == 16
enum { ROWS = 8, VECTORS = 3 };
#elif AED_WIDTH == 8
enum { ROWS = 4, VECTORS = 3 };
#else
enum { ROWS = 4, VECTORS = 2 };
#endif

AED_INLINE void dense_block(int rows, int vectors, int inner, int64_t columns, const float *w,
                            int64_t w_row, int64_t w_column, const float *bias,
                            aed_activation activation, const float *x, float *y)
{
    vf sum[ROWS][VECTORS];
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++) sum[i][v] = bias ? v_set(bias[i]) : v_zero();
    for (int k = 0; k < inner; k++) {
        vf in[VECTORS];
        for (int v = 0; v < vectors; v++) in[v] = v_load(x + k * columns + v * AED_WIDTH);
        for (int i = 0; i < rows; i++) {
            const vf weight = v_set(w[i * w_row + k * w_column]);
            for (int v = 0; v < vectors; v++) sum[i][v] = v_fma(weight, in[v], sum[i][v]);
        }
    }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++) {
            vf out = sum[i][v];
            if (activation == AED_RELU) out = v_select(out < 0.0f, v_zero(), out);
            v_store(y + i * columns + v * AED_WIDTH, out);
        }
}

#define DENSE_CASE(n)                                                                            \
    case n:                                                                                      \
        if (vectors == VECTORS)                                                                  \
            dense_block(n, VECTORS, inner, columns, w, w_row, w_column, bias, activation, x, y); \
        else if (vectors == 2)                                                                   \
            dense_block(n, 2, inner, columns, w, w_row, w_column, bias, activation, x, y);       \
        else                                                                                     \
            dense_block(n, 1, inner, columns, w, w_row, w_column, bias, activation, x, y);       \
        break;

static void dense_rows(int rows, int vectors, int inner, int64_t columns, const float *w,
                       int64_t w_row, int64_t w_column, const float *bias,
                       aed_activation activation, const float *x, float *y)
{
    switch (rows) {
        DENSE_CASE(1)
        DENSE_CASE(2)
        DENSE_CASE(3)
        DENSE_CASE(4)
#if AED_WIDTH > 8
        DENSE_CASE(5)
        DENSE_CASE(6)
        DENSE_CASE(7)
        DENSE_CASE(8)
#endif
    }
}

void AED_SET(dense)(int rows, int inner, int64_t columns, const float *w, int64_t w_row,
                    int64_t w_column, const float *bias, aed_activation activation, const float *x,
                    float *y)
{
    int vectors;
    for (int64_t n = 0; n < columns; n += vectors * AED_WIDTH) {
        const int64_t left = (columns - n) / AED_WIDTH;
        vectors = left < VECTORS ? (int)left : VECTORS;
        for (int m = 0; m < rows; m += ROWS)
            dense_rows(rows - m < ROWS ? rows - m : ROWS, vectors, inner, columns, w + m * w_row,
                       w_row, w_column, bias ? bias + m : NULL, activation, x + n,
                       y + m * columns + n);
    }
}

/* ---- Weight gradient ------------------------------------------------------------------------- */

/* Columns of grad in a strip, and its registers. */
enum { STRIP = 32 };
#if AED_WIDTH == 16
enum { GRAD_ROWS = 8, GRAD_VECTORS = 2 };
#elif AED_WIDTH == 8
enum { GRAD_ROWS = 6, GRAD_VECTORS = 2 };
#else
enum { GRAD_ROWS = 4, GRAD_VECTORS = 2 };
#endif

/* out[j][0..W-1] = row[0..W-1][j] for W rows `stride` apart, W being the width of a register: by
 * rounds of pairwise exchanges at distances 1, 2, 4, 8. Rows from `rows` on count as 0. */
AED_INLINE void transpose_square(const float *row, int64_t stride, int rows, float *out,
                                 int64_t out_stride)
{
    vf a[AED_WIDTH], b[AED_WIDTH];
#pragma GCC unroll 16
    for (int i = 0; i < AED_WIDTH; i++) a[i] = i < rows ? v_load(row + i * stride) : v_zero();
#if AED_WIDTH == 16
    AED_EXCHANGE(AED_WIDTH, a, b, 1, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
    AED_EXCHANGE(AED_WIDTH, b, a, 2, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
    AED_EXCHANGE(AED_WIDTH, a, b, 4, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27)
    AED_EXCHANGE(AED_WIDTH, b, a, 8, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#elif AED_WIDTH == 8
    AED_EXCHANGE(AED_WIDTH, a, b, 4, 0, 1, 2, 3, 8, 9, 10, 11)
    AED_EXCHANGE(AED_WIDTH, b, a, 2, 0, 1, 8, 9, 4, 5, 12, 13)
    AED_EXCHANGE(AED_WIDTH, a, b, 1, 0, 8, 2, 10, 4, 12, 6, 14)
    memcpy(a, b, sizeof a);
#else
    AED_EXCHANGE(AED_WIDTH, a, b, 2, 0, 1, 4, 5)
    AED_EXCHANGE(AED_WIDTH, b, a, 1, 0, 4, 2, 6)
#endif
#pragma GCC unroll 16
    for (int i = 0; i < AED_WIDTH; i++) v_store(out + i * out_stride, a[i]);
}

/* strip[column][STRIP] = v[b ... b+STRIP-1][column], rows from `rows` on being 0. */
static void transpose_strip(int rows, int64_t columns, const float *v, float *strip)
{
    for (int64_t n = 0; n < columns; n += AED_WIDTH)
        for (int i = 0; i < STRIP; i += AED_WIDTH) {
            const int here = rows - i < 0 ? 0 : rows - i < AED_WIDTH ? rows - i : AED_WIDTH;
            transpose_square(v + (here ? i * columns : 0) + n, columns, here, strip + n * STRIP + i,
                             STRIP);
        }
}

/* grad[rows][valid of STRIP] += u[rows][columns] times the strip. */
AED_INLINE void grad_block(int rows, int valid, int64_t columns, const float *u, const float *strip,
                           float *grad, int64_t grad_stride)
{
    for (int part = 0; part < valid; part += GRAD_VECTORS * AED_WIDTH) {
        vf sum[GRAD_ROWS][GRAD_VECTORS];
        const int full = valid - part >= GRAD_VECTORS * AED_WIDTH;
        float edge[GRAD_ROWS][GRAD_VECTORS * AED_WIDTH];
        const size_t bytes = sizeof(float) *
                             (size_t)(full ? GRAD_VECTORS * AED_WIDTH : valid - part);
        memset(edge, 0, sizeof edge);
        for (int i = 0; i < rows; i++) {
            const float *from = grad + i * grad_stride + part;
            if (!full) from = memcpy(edge[i], from, bytes);
            for (int v = 0; v < GRAD_VECTORS; v++) sum[i][v] = v_load(from + v * AED_WIDTH);
        }
        for (int64_t n = 0; n < columns; n++) {
            vf in[GRAD_VECTORS];
            for (int v = 0; v < GRAD_VECTORS; v++)
                in[v] = v_load(strip + n * STRIP + part + v * AED_WIDTH);
            for (int i = 0; i < rows; i++) {
                const vf factor = v_set(u[i * columns + n]);
                for (int v = 0; v < GRAD_VECTORS; v++) sum[i][v] = v_fma(factor, in[v], sum[i][v]);
            }
        }
        for (int i = 0; i < rows; i++) {
            float *to = full ? grad + i * grad_stride + part : edge[i];
            for (int v = 0; v < GRAD_VECTORS; v++) v_store(to + v * AED_WIDTH, sum[i][v]);
            if (!full) memcpy(grad + i * grad_stride + part, edge[i], bytes);
        }
    }
}

#define GRAD_CASE(n) \
    case n: grad_block(n, valid, columns, u, strip, grad, grad_stride); break;

static void grad_rows(int rows, int valid, int64_t columns, const float *u, const float *strip,
                      float *grad, int64_t grad_stride)
{
    switch (rows) {
        GRAD_CASE(1)
        GRAD_CASE(2)
        GRAD_CASE(3)
        GRAD_CASE(4)
#if AED_WIDTH > 4
        GRAD_CASE(5)
        GRAD_CASE(6)
#endif
#if AED_WIDTH > 8
        GRAD_CASE(7)
        GRAD_CASE(8)
#endif
    }
}

void AED_SET(dense_weight)(int a, int b, int64_t columns, const float *u, const float *v,
                           float *grad, float *scratch)
{
    for (int k = 0; k < b; k += STRIP) {
        const int valid = b - k < STRIP ? b - k : STRIP;
        transpose_strip(valid, columns, v + k * columns, scratch);
        for (int m = 0; m < a; m += GRAD_ROWS)
            grad_rows(a - m < GRAD_ROWS ? a - m : GRAD_ROWS, valid, columns, u + m * columns,
                      scratch, grad + (int64_t)m * b + k, b);
    }
}
