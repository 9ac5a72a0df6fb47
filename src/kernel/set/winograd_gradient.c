/* The weights' gradient by minimal filtering; see winograd.h.
 *
 * Both sides of some tiles of every line are expanded into the second cache. At each point the gradient is then
 * that of a convolution along the height: a block of filters' taps stays in registers while all rows pass, each
 * lane a sum of its own; only at the end are a sum's 16 lanes added up (sum.c). */
#include <stdbool.h>

#include "kernel/set/set.h"
#include "kernel/set/winograd.h"

/* One side of the convolution for some tiles of every line, expanded: [points][channels][tiles][rows]. */
typedef struct expanded_side {
    int channels;
    int32_t rows, columns, above; /* rows of zeros above, and as many below */
    int32_t shift;                /* columns by which tiles begin earlier */
    int64_t point;                /* floats from point to point */
    float *sums;                  /* NULL, or [channels][16 lanes]: of all its points, for biases */
} expanded_side;

/* Rows by which what is expanded is fetched ahead, as stores to the second cache would wait. */
enum { AHEAD = 4 };

/* Rows of an expanded plane. */
AED_INLINE int32_t side_rows(const expanded_side *s) { return s->rows + 2 * s->above; }

/* The sum of a row of a tile. Of the wide side its last columns count with the next tile, if there is one. */
AED_INLINE vf row_sum(int count, bool last, const vf *in)
{
    vf sum = (in[0] + in[1]) + (in[2] + in[3]);
    if (count > TILE && last) {
        sum += in[TILE] + in[TILE + 1];
        if (count > TILE + 2) sum += in[TILE + 2] + in[TILE + 3];
    }
    return sum;
}

/* Tiles at columns at ... end-1 of the narrow side's, of which there are `narrow`. */
AED_INLINE void expand_side(int taps, bool wide, const expanded_side *s, int32_t at, int32_t end,
                            int32_t narrow, int lanes, const float *x, float *expanded)
{
    const int points = taps + TILE - 1, count = wide ? points : TILE;
    for (int c = 0; c < s->channels; c++, x += (int64_t)s->rows * s->columns * lanes) {
        float *const sums = s->sums ? s->sums + c * AED_LANE_BLOCK : NULL;
        vf sum = sums ? v_load(sums) : v_zero();
        for (int32_t first = at; first < end; first += TILE)
            for (int32_t r = -s->above; r < s->rows + s->above; r++, expanded += AED_WIDTH) {
                vf in[MOST_POINTS], out[MOST_POINTS];
                if (r < 0 || r >= s->rows) {
#pragma GCC unroll 8
                    for (int j = 0; j < points; j++) out[j] = v_zero();
                } else {
                    load_tile(count, first - s->shift, s->columns, lanes,
                              x + (int64_t)r * s->columns * lanes, in);
                    if (sums) sum += row_sum(count, first + TILE >= narrow, in);
                    if (wide)
                        expand_wide(taps, in, out);
                    else
                        expand_narrow(taps, in, out);
                }
#pragma GCC unroll 8
                for (int j = 0; j < points; j++) {
                    v_store(expanded + j * s->point, out[j]);
                    __builtin_prefetch(expanded + j * s->point + AHEAD * AED_WIDTH, 1);
                }
            }
        if (sums) v_store(sums, sum);
    }
}

/* sums[a][b][taps][16 lanes] += over tiles and rows: n[a][r] * x[b][r + k], of one point. */
typedef struct gradient_task {
    int32_t tiles, rows;
    const float *n, *x;
    int64_t n_channel, x_channel;
    float *sums;
    int64_t sums_a, sums_b;
} gradient_task;

AED_INLINE void gradient_block(int taps, int narrow, int wide, const gradient_task *t)
{
    vf sum[4][2][MOST_TAPS];
#pragma GCC unroll 4
    for (int a = 0; a < narrow; a++)
#pragma GCC unroll 2
        for (int b = 0; b < wide; b++)
#pragma GCC unroll 5
            for (int k = 0; k < taps; k++)
                sum[a][b][k] = v_load(t->sums + a * t->sums_a + b * t->sums_b + k * AED_LANE_BLOCK);
    const float *n = t->n, *x = t->x;
    const int64_t n_channel = t->n_channel, x_channel = t->x_channel;
    const int32_t rows = t->rows;
    for (int32_t tile = 0; tile < t->tiles; tile++, x += (taps - 1) * AED_WIDTH)
        for (int32_t r = 0; r < rows; r++, n += AED_WIDTH, x += AED_WIDTH) {
            vf held[4];
#pragma GCC unroll 4
            for (int a = 0; a < narrow; a++) held[a] = v_keep(v_load(n + a * n_channel));
#pragma GCC unroll 2
            for (int b = 0; b < wide; b++)
#pragma GCC unroll 5
                for (int k = 0; k < taps; k++) {
                    const vf in = v_keep(v_load(x + b * x_channel + k * AED_WIDTH));
#pragma GCC unroll 4
                    for (int a = 0; a < narrow; a++)
                        sum[a][b][k] = v_fma(held[a], in, sum[a][b][k]);
                }
        }
#pragma GCC unroll 4
    for (int a = 0; a < narrow; a++)
#pragma GCC unroll 2
        for (int b = 0; b < wide; b++)
#pragma GCC unroll 5
            for (int k = 0; k < taps; k++)
                v_store(t->sums + a * t->sums_a + b * t->sums_b + k * AED_LANE_BLOCK, sum[a][b][k]);
}

#if AED_WIDTH == 16
enum { NARROW_BLOCK = 4 };
#else
enum { NARROW_BLOCK = 2 };
#endif

/* Some channels of the narrow side and all of the wide one, at one point. */
AED_INLINE void gradient_channels(int taps, int narrow, int wide_channels, gradient_task t)
{
    const int wide = taps == 3 || narrow < NARROW_BLOCK ? 2 : 1;
    int b = 0;
    for (; b + wide <= wide_channels && AED_WIDTH == 16; b += wide) {
        gradient_block(taps, narrow, wide, &t);
        t.x += wide * t.x_channel;
        t.sums += wide * t.sums_b;
    }
    for (; b < wide_channels; b++) {
        gradient_block(taps, narrow, 1, &t);
        t.x += t.x_channel;
        t.sums += t.sums_b;
    }
}

/* Where a call's sums are, 16 lanes each: [narrow][wide][points][taps], and of the sides' points or NULL. */
typedef struct gradient_sums {
    float *weights, *narrow, *wide;
} gradient_sums;

AED_INLINE void gradient(int taps, const aed_winograd *conv, int lanes, const float *narrow,
                         const float *wide, gradient_sums to, float *scratch)
{
    const int points = taps + TILE - 1;
    expanded_side n = {.channels = conv->narrow, .rows = conv->rows, .columns = conv->columns};
    expanded_side x = {.channels = conv->wide,
                       .rows = wide_size(conv, conv->rows, conv->row_padding),
                       .columns = wide_size(conv, conv->columns, conv->column_padding),
                       .above = conv->row_padding,
                       .shift = conv->column_padding};
    const int64_t n_tile = n.channels * side_rows(&n), x_tile = x.channels * side_rows(&x);
    const int32_t most = aed_winograd_together(conv), all = (conv->columns + TILE - 1) / TILE;
    n.point = (most * n_tile | 1) * AED_WIDTH;
    x.point = (most * x_tile | 1) * AED_WIDTH;
    float *const x_expanded = scratch + points * n.point;
    gradient_task t = {.rows = conv->rows,
                       .sums_a = (int64_t)conv->wide * points * taps * AED_LANE_BLOCK,
                       .sums_b = points * taps * AED_LANE_BLOCK};
    for (int lane = 0; lane < lanes; lane += AED_WIDTH)
        for (int32_t tile = 0; tile < all; tile += most) {
            t.tiles = all - tile < most ? all - tile : most;
            const int32_t at = tile * TILE, end = at + t.tiles * TILE;
            n.sums = to.narrow ? to.narrow + lane % AED_LANE_BLOCK : NULL;
            x.sums = to.wide ? to.wide + lane % AED_LANE_BLOCK : NULL;
            expand_side(taps, false, &n, at, end, conv->columns, lanes, narrow + lane, scratch);
            expand_side(taps, true, &x, at, end, conv->columns, lanes, wide + lane, x_expanded);
            t.n_channel = t.tiles * side_rows(&n) * AED_WIDTH;
            t.x_channel = t.tiles * side_rows(&x) * AED_WIDTH;
            for (int j = 0; j < points; j++)
                for (int a = 0; a < conv->narrow; a += NARROW_BLOCK) {
                    const int left = conv->narrow - a;
                    t.n = scratch + j * n.point + a * t.n_channel;
                    t.x = x_expanded + j * x.point;
                    t.sums = to.weights + a * t.sums_a + j * taps * AED_LANE_BLOCK +
                             lane % AED_LANE_BLOCK;
                    if (left >= NARROW_BLOCK)
                        gradient_channels(taps, NARROW_BLOCK, conv->wide, t);
                    else if (left == 3)
                        gradient_channels(taps, 3, conv->wide, t);
                    else if (left == 2)
                        gradient_channels(taps, 2, conv->wide, t);
                    else
                        gradient_channels(taps, 1, conv->wide, t);
                }
        }
}

static __attribute__((noinline)) void gradient_3(const aed_winograd *conv, int lanes,
                                                 const float *narrow, const float *wide,
                                                 gradient_sums to, float *scratch)
{
    gradient(3, conv, lanes, narrow, wide, to, scratch);
}
static __attribute__((noinline)) void gradient_5(const aed_winograd *conv, int lanes,
                                                 const float *narrow, const float *wide,
                                                 gradient_sums to, float *scratch)
{
    gradient(5, conv, lanes, narrow, wide, to, scratch);
}

/* grad += G^T u for a line, the gradients of a point `apart` floats from the next one's. */
static void collapse_line(int taps, const float *u, int apart, float *grad)
{
    const float *v[MOST_POINTS];
    for (int j = 0; j < taps + TILE - 1; j++) v[j] = u + j * apart;
    if (taps == 5) {
        const float even1 = -2.0f / 9 * (*v[1] + *v[2]), odd1 = -2.0f / 9 * (*v[1] - *v[2]);
        const float even2 = 1.0f / 90 * (*v[3] + *v[4]), odd2 = 1.0f / 90 * (*v[3] - *v[4]);
        const float even3 = 2.0f / 45 * (*v[5] + *v[6]), odd3 = 2.0f / 45 * (*v[5] - *v[6]);
        grad[0] += *v[0] + even1 + even2 + 16 * even3;
        grad[1] += odd1 + 2 * odd2 + 8 * odd3;
        grad[2] += even1 + 4 * even2 + 4 * even3;
        grad[3] += odd1 + 8 * odd2 + 2 * odd3;
        grad[4] += even1 + 16 * even2 + even3 + *v[7];
    } else {
        const float even1 = -1.0f / 6 * (*v[1] + *v[2]), odd1 = -1.0f / 6 * (*v[1] - *v[2]);
        const float even2 = 1.0f / 24 * (*v[3] + *v[4]), odd2 = 1.0f / 12 * (*v[3] - *v[4]);
        grad[0] += 0.25f * *v[0] + even1 + even2;
        grad[1] += odd1 + odd2;
        grad[2] += even1 + 4 * even2 + *v[5];
    }
}

void AED_SET(winograd_gradient)(const aed_winograd *conv, int lanes, const float *narrow,
                                const float *wide, float *grad, float *narrow_bias,
                                float *wide_bias, float *scratch)
{
    const int taps = conv->taps;
    const int64_t weights = aed_winograd_weights(conv), count = weights + conv->narrow + conv->wide;
    float *const sums = scratch, *const n_sums = sums + weights * AED_LANE_BLOCK;
    float *const x_sums = n_sums + conv->narrow * AED_LANE_BLOCK;
    float *const out = sums + count * AED_LANE_BLOCK;
    float *const rest = out + (count + AED_LANE_BLOCK - 1) / AED_LANE_BLOCK * AED_LANE_BLOCK;
    const gradient_sums to = {sums, narrow_bias ? n_sums : NULL, wide_bias ? x_sums : NULL};
    memset(sums, 0, (size_t)count * AED_LANE_BLOCK * sizeof *sums);
    (taps == 5 ? gradient_5 : gradient_3)(conv, lanes, narrow, wide, to, rest);
    AED_SET(lane_sums)((int)count, sums, out);
    for (int i = 0; i < conv->narrow * conv->wide; i++)
        for (int k = 0; k < taps; k++, grad += taps)
            collapse_line(taps, out + i * taps * (taps + TILE - 1) + k, taps, grad);
    for (int n = 0; n < conv->narrow && narrow_bias; n++) narrow_bias[n] += out[weights + n];
    for (int c = 0; c < conv->wide && wide_bias; c++)
        wide_bias[c] += out[weights + conv->narrow + c];
}
