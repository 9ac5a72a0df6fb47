/* Activation and maximum pooling behind a convolution: one line of windows at a time on the way
 * forward, while it lies in the nearest cache; the way back from the windows' winners.
 *
 * Forward keeps the pooled outputs and a byte for each winner. As every activation's derivative is
 * taken from its output, and only winners have a gradient, that is all that backward needs. */
#include "kernel/set/activation.h"
#include "kernel/set/set.h"

/* As relu's derivative is 0 where it is flat, it may come after the maximum: a window of zeros has no
 * winner that counts. */
AED_INLINE void pool_windows(aed_activation kind, int high, const aed_pooling *pooling, int width,
                             int lanes, const float *rows, float *y, uint8_t *winner)
{
    const aed_activation before = kind == AED_RELU ? AED_IDENTITY : kind;
    const vf parameter = v_set(pooling->parameter);
    const int32_t windows = pooling->columns / 2;
    const int64_t line = (int64_t)pooling->columns * width;
    for (int32_t window = 0; window < windows; window++)
        for (int lane = 0; lane < width; lane += AED_WIDTH) {
            const float *from = rows + (int64_t)2 * window * width + lane;
            vf top = v_zero();
            vi index = {0};
#pragma GCC unroll 4
            for (int k = 0; k < 2 * high; k++) {
                const vf in = activation_value(before, v_load(from + k / 2 * line + k % 2 * width),
                                               parameter);
                const vi wins = (in > top) | (in != in);
                top = k == 0 ? in : v_select(wins, in, top);
                index = k == 0 ? index : v_select_i(wins, (vi){0} + k, index);
            }
            const vi nobody = top != top;
            index = v_select_i(nobody, (vi){0} + AED_POOL_NOBODY, index);
            if (kind == AED_RELU) top = activation_value(kind, top, parameter);
            v_store(y + (int64_t)window * lanes + lane, top);
            v_store_bytes(winner + (int64_t)window * lanes + lane, index);
        }
}

#define POOL_WINDOWS(kind)                                             \
    if (pooling->high == 2)                                            \
        pool_windows(kind, 2, pooling, width, lanes, rows, y, winner); \
    else                                                               \
        pool_windows(kind, 1, pooling, width, lanes, rows, y, winner)

void AED_SET(pool_line)(const aed_pooling *pooling, int width, int lanes, const float *rows,
                        float *y,
                        uint8_t *winner){AED_EACH_ACTIVATION(pooling->activation, POOL_WINDOWS)}

/* One line of windows back: dx[high][columns][lanes], a last odd column being 0. */
AED_INLINE void unpool_line(aed_activation kind, const aed_pooling *pooling, int lanes,
                            const float *y, const uint8_t *winner, const float *dy, float *dx)
{
    const vf parameter = v_set(pooling->parameter);
    const int32_t windows = pooling->columns / 2, entries = 2 * pooling->high;
    for (int32_t window = 0; window < windows; window++)
        for (int lane = 0; lane < lanes; lane += AED_WIDTH) {
            const int64_t at = (int64_t)window * lanes + lane;
            const vi index = v_load_bytes(winner + at);
            const vf in = v_load(dy + at) * activation_slope(kind, v_load(y + at), parameter);
            for (int k = 0; k < entries; k++) {
                const int64_t row = k / 2 * pooling->columns + 2 * window + k % 2;
                v_store(dx + row * lanes + lane, v_and(index == k, in));
            }
        }
    for (int line = 0; line < pooling->high && pooling->columns % 2; line++)
        for (int lane = 0; lane < lanes; lane += AED_WIDTH)
            v_store(dx + ((int64_t)(line + 1) * pooling->columns - 1) * lanes + lane, v_zero());
}

#define UNPOOL_LINE(kind) unpool_line(kind, pooling, lanes, y, winner, dy, dx)

void AED_SET(unpool)(const aed_pooling *pooling, int channels, int lanes, const float *y,
                     const uint8_t *winner, const float *dy, float *dx)
{
    const int32_t lines = pooling->rows / pooling->high;
    const int64_t out = (int64_t)(pooling->columns / 2) * lanes;
    const int64_t in = (int64_t)pooling->high * pooling->columns * lanes;
    const int64_t rest = (int64_t)(pooling->rows % pooling->high) * pooling->columns * lanes;
    for (int c = 0; c < channels; c++) {
        for (int32_t line = 0; line < lines; line++, y += out, winner += out, dy += out, dx += in)
            AED_EACH_ACTIVATION(pooling->activation, UNPOOL_LINE)
        for (int64_t i = 0; i < rest; i += AED_WIDTH) v_store(dx + i, v_zero());
        dx += rest;
    }
}
