/* Lane products: y = W x with samples in the columns, and the gradient of W.
 *
 * Forward and input gradient: a block of rows times a strip of columns in registers, weights
 * broadcast. Weight gradient: the inner dimension is the samples, so v is transposed into strips
 * (a copy of b x columns floats against a x b x columns products) and the columns of u are
 * broadcast; no register is ever summed across. Every element is one chain in the order of its
 * inner index. */
#include <stdbool.h>

#include "kernel/set/set.h"

/* Rows and registers of a block, as many sums as the registers allow; and rows of a block of one register, whose
 * sums would wait for each other. */
#if AED_WIDTH == 16
enum { ROWS = 8, VECTORS = 3, TALL = 12 };
#elif AED_WIDTH == 8
enum { ROWS = 6, VECTORS = 2, TALL = 6 };
#else
enum { ROWS = 4, VECTORS = 2, TALL = 4 };
#endif

enum { LINE = 16 }; /* floats of a cache line */

/* Hides from the compiler where a number comes from. */
#define OPAQUE(value) __asm__("" : "+r"(value))

/* Weights that do not follow each other along the inner dimension are taken in pieces of so many, whose
 * cache lines last from one block of rows to the next; the sums wait in y. */
enum { PIECE = 32 };

/* A piece of a product: y starts from the bias or, unless `first`, goes on from what it holds. */
typedef struct dense_piece {
    int inner;
    int64_t columns, w_row, w_column;
    bool first, last;
    aed_activation activation;
} dense_piece;

AED_INLINE bool clips(const dense_piece *piece)
{
    return piece->last && piece->activation == AED_RELU;
}

/* Row i of a block from every fourth one's address: there are not registers enough for the addresses of all. `row`
 * and `three` rows must be opaque, or the compiler keeps an address a row in memory. */
AED_INLINE const float *row_of(const float *const *fourth, int64_t row, int64_t three, int i)
{
    return fourth[i / 4] + (i % 4 == 3 ? three : i % 4 * row);
}

AED_INLINE void dense_block(int rows, int vectors, const dense_piece *piece, const float *w,
                            const float *bias, const float *x, float *y)
{
    const int inner = piece->inner;
    const bool clip = clips(piece), follow = piece->w_column == 1;
    const int64_t w_column = piece->w_column;
    int64_t columns = piece->columns, row = piece->w_row, three = 3 * row;
    const float *fourth[2] = {w, rows > 4 ? w + 4 * row : w};
    float *to = y;
    vf sum[ROWS][VECTORS];
    /* Unrolled, or the compiler has the sums in memory before and after the loop over k. */
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++, to += columns)
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++) {
            sum[i][v] = bias ? v_set(bias[i]) : v_zero();
            if (!piece->first) sum[i][v] = v_load(to + v * AED_WIDTH);
        }
    for (int k = 0; k < inner; k++) {
        OPAQUE(row);
        OPAQUE(three);
        /* The weights of the next block of rows, whose lines are too far apart for the processor to
         * see them coming. */
        if (!follow)
            __builtin_prefetch(fourth[0] + LINE);
        else if (k % LINE == 0)
#pragma GCC unroll 8
            for (int i = 0; i < rows; i++) __builtin_prefetch(fourth[0] + (rows + i) * row);
        vf in[VECTORS];
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++) in[v] = v_load(x + v * AED_WIDTH);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
            const vf weight = v_set(*row_of(fourth, row, three, i));
#pragma GCC unroll 3
            for (int v = 0; v < vectors; v++) sum[i][v] = v_fma(weight, in[v], sum[i][v]);
        }
        fourth[0] += w_column;
        fourth[1] += w_column;
        x += columns;
    }
    OPAQUE(columns); /* or the compiler keeps the address of everything loaded before */
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++, y += columns)
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++)
            v_store(y + v * AED_WIDTH, clip ? v_at_least(sum[i][v], v_zero()) : sum[i][v]);
}

#if AED_WIDTH == 16
/* The same of one register and weights that follow each other. */
AED_INLINE void dense_tall(int rows, const dense_piece *piece, const float *w, const float *bias,
                           const float *x, float *y)
{
    const int64_t columns = piece->columns;
    const bool clip = clips(piece);
    int64_t row = piece->w_row, three = 3 * row;
    const float *fourth[3] = {w, w + 4 * row, w + 8 * row};
    vf sum[TALL];
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
        sum[i] = !piece->first ? v_load(y + i * columns) : bias ? v_set(bias[i]) : v_zero();
    for (int k = 0; k < piece->inner; k++, x += columns) {
        OPAQUE(row);
        OPAQUE(three);
        const vf in = v_keep(v_load(x));
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++)
            sum[i] = v_fma(v_set(*row_of(fourth, row, three, i)), in, sum[i]);
        for (int i = 0; i < 3; i++) fourth[i]++;
    }
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
        v_store(y + i * columns, clip ? v_at_least(sum[i], v_zero()) : sum[i]);
}

#define TALL_CASE(n)                         \
    case n:                                  \
        dense_tall(n, piece, w, bias, x, y); \
        break;
#endif

#define DENSE_CASE(n)                                      \
    case n:                                                \
        if (vectors == VECTORS)                            \
            dense_block(n, VECTORS, piece, w, bias, x, y); \
        else if (vectors == 2)                             \
            dense_block(n, 2, piece, w, bias, x, y);       \
        else                                               \
            dense_block(n, 1, piece, w, bias, x, y);       \
        break;

static void dense_rows(int rows, int vectors, const dense_piece *piece, const float *w,
                       const float *bias, const float *x, float *y)
{
    switch (rows) {
        DENSE_CASE(1)
        DENSE_CASE(2)
        DENSE_CASE(3)
        DENSE_CASE(4)
#if AED_WIDTH > 4
        DENSE_CASE(5)
        DENSE_CASE(6)
#endif
#if AED_WIDTH > 8
        DENSE_CASE(7)
        DENSE_CASE(8)
        TALL_CASE(9)
        TALL_CASE(10)
        TALL_CASE(11)
        TALL_CASE(12)
#endif
    }
}

/* Rows of a block: where they are tall, blocks of about the same size. */
static int rows_at_once(int rows, int vectors, int64_t w_column)
{
    if (vectors > 1 || w_column != 1) return ROWS;
    const int blocks = (rows + TALL - 1) / TALL;
    return (rows + blocks - 1) / blocks;
}

void AED_SET(dense)(int rows, int inner, int64_t columns, const float *w, int64_t w_row,
                    int64_t w_column, bool add, const float *bias, aed_activation activation,
                    const float *x, float *y)
{
    const int most = w_column == 1 ? inner : PIECE;
    int vectors;
    for (int64_t n = 0; n < columns; n += vectors * AED_WIDTH) {
        const int64_t left = (columns - n) / AED_WIDTH;
        /* Not 3 and 1: a single register's sums wait for each other. */
        vectors = left < VECTORS ? (int)left : left == VECTORS + 1 ? (VECTORS + 1) / 2 : VECTORS;
        const int block = rows_at_once(rows, vectors, w_column);
        for (int k = 0; k < inner; k += most) {
            const dense_piece piece = {.inner = inner - k < most ? inner - k : most,
                                       .columns = columns,
                                       .w_row = w_row,
                                       .w_column = w_column,
                                       .first = k == 0 && !add,
                                       .last = inner - k <= most,
                                       .activation = activation};
            for (int m = 0; m < rows; m += block)
                dense_rows(rows - m < block ? rows - m : block, vectors, &piece,
                           w + m * w_row + k * w_column, bias ? bias + m : NULL,
                           x + k * columns + n, y + m * columns + n);
        }
    }
}

/* ---- Weight gradient ------------------------------------------------------------------------- */

/* Columns of grad in a strip, floats of strips that stay in the nearest cache, and the registers. */
enum { STRIP = AED_DENSE_STRIP, NEAR = 4096 };
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

/* Registers of columns that pass a block of rows at once. */
enum { GRAD_PART = GRAD_VECTORS * AED_WIDTH };

/* Where a block of rows goes, rows `stride` apart: see dense_weight. */
typedef struct grad_place {
    float *grad, *join;
    int64_t stride;
    bool add;
} grad_place;

AED_INLINE grad_place place_at(const grad_place *place, int64_t offset)
{
    grad_place moved = *place;
    moved.grad += offset;
    if (moved.join) moved.join += offset;
    return moved;
}

/* Of rows x GRAD_PART elements: the products of u[rows][columns] with a part of the strip. */
AED_INLINE void grad_block(int rows, bool add, int64_t columns, const float *u, const float *strip,
                           const grad_place *place)
{
    const int64_t stride = place->stride;
    float *const grad = place->grad, *const join = place->join;
    vf sum[GRAD_ROWS][GRAD_VECTORS];
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < GRAD_VECTORS; v++)
            sum[i][v] = add ? v_load(grad + i * stride + v * AED_WIDTH) : v_zero();
    for (int i = 0; i < rows && join; i++)
        for (int v = 0; v < GRAD_VECTORS; v++)
            __builtin_prefetch(join + i * stride + v * AED_WIDTH, 1);
    for (int64_t n = 0; n < columns; n++) {
        vf in[GRAD_VECTORS];
        for (int v = 0; v < GRAD_VECTORS; v++) in[v] = v_load(strip + n * STRIP + v * AED_WIDTH);
        for (int i = 0; i < rows; i++) {
            const vf factor = v_set(u[i * columns + n]);
            for (int v = 0; v < GRAD_VECTORS; v++) sum[i][v] = v_fma(factor, in[v], sum[i][v]);
        }
    }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < GRAD_VECTORS; v++) {
            const int64_t at = i * stride + v * AED_WIDTH;
            if (join)
                v_store(join + at, v_load(join + at) + sum[i][v]);
            else
                v_store(grad + at, sum[i][v]);
        }
}

/* The same for the first `valid` columns of one register only. */
AED_INLINE void grad_edge(int rows, int valid, bool add, int64_t columns, const float *u,
                          const float *strip, const grad_place *place)
{
    const int64_t stride = place->stride;
    float *const grad = place->grad, *const join = place->join;
    vf sum[GRAD_ROWS];
    for (int i = 0; i < rows; i++) sum[i] = add ? v_load_first(grad + i * stride, valid) : v_zero();
    for (int64_t n = 0; n < columns; n++) {
        const vf in = v_load(strip + n * STRIP);
        for (int i = 0; i < rows; i++) sum[i] = v_fma(v_set(u[i * columns + n]), in, sum[i]);
    }
    for (int i = 0; i < rows; i++) {
        const int64_t at = i * stride;
        if (join)
            v_store_first(join + at, valid, v_load_first(join + at, valid) + sum[i]);
        else
            v_store_first(grad + at, valid, sum[i]);
    }
}

/* All parts of the strip's first `valid` columns. */
AED_INLINE void grad_parts(int rows, int valid, bool add, int64_t columns, const float *u,
                           const float *strip, const grad_place *place)
{
    int part = 0;
    for (; part + GRAD_PART <= valid; part += GRAD_PART) {
        const grad_place here = place_at(place, part);
        grad_block(rows, add, columns, u, strip + part, &here);
    }
    for (; part < valid; part += AED_WIDTH) {
        const grad_place here = place_at(place, part);
        grad_edge(rows, valid - part < AED_WIDTH ? valid - part : AED_WIDTH, add, columns, u,
                  strip + part, &here);
    }
}

#define GRAD_CASE(n)                                               \
    case n:                                                        \
        if (place->add)                                            \
            grad_parts(n, valid, true, columns, u, strip, place);  \
        else                                                       \
            grad_parts(n, valid, false, columns, u, strip, place); \
        break;

static void grad_rows(int rows, int valid, int64_t columns, const float *u, const float *strip,
                      const grad_place *place)
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

void AED_SET(dense_strips)(int b, int64_t columns, const float *v, float *strips)
{
    for (int k = 0; k < b; k += STRIP)
        transpose_strip(b - k < STRIP ? b - k : STRIP, columns, v + k * columns,
                        strips + k * columns);
}

void AED_SET(dense_weight)(int a, int b, int64_t columns, const float *u, const float *strips,
                           bool add, float *grad, float *join)
{
    const grad_place place = {.grad = grad, .join = join, .stride = b, .add = add};
    const int64_t near = NEAR / columns / STRIP * STRIP;
    const int group = near < STRIP ? STRIP : near < b ? (int)near : b;
    for (int first = 0; first < b; first += group) {
        const int end = b - first < group ? b : first + group;
        /* Rows of grad are passed through in order: they are too many for a near cache. They come in
         * blocks of about the same size: a small one's sums wait for each other. */
        int blocks = (a + GRAD_ROWS - 1) / GRAD_ROWS;
        for (int m = 0, rows; m < a; m += rows, blocks--) {
            rows = (a - m + blocks - 1) / blocks;
            for (int k = first; k < end; k += STRIP) {
                const grad_place here = place_at(&place, (int64_t)m * b + k);
                grad_rows(rows, end - k < STRIP ? end - k : STRIP, columns, u + m * columns,
                          strips + k * columns, &here);
            }
        }
    }
}
