/* Dropout: an element (or a whole channel) of a lane is dropped where a keyed 32-bit word is below a
 * threshold, and scaled otherwise. Nothing is stored: the way back draws the same words. Counter
 * (sample id, pair) gives the words of groups 2 pair and 2 pair + 1. */
#include "kernel/set/set.h"
#include "kernel/set/threefry.h"

/* Group `g` of one register of lanes: its `size` elements kept or dropped by `word`, then none below `lowest`. */
AED_INLINE void drop_group(vu word, uint32_t threshold, float scale, float lowest, int64_t size,
                           int lanes, const float *x, float *y)
{
    const vi keep = word >= threshold;
    for (int64_t i = 0; i < size; i++)
        v_store(y + i * lanes,
                v_at_least(v_and(keep, v_load(x + i * lanes) * scale), v_set(lowest)));
}

void AED_SET(dropout)(aed_rng_key key, const uint32_t *ids, int lanes, int64_t groups,
                      int64_t group_size, uint32_t threshold, float scale,
                      aed_activation activation, const float *x, float *y)
{
    const float lowest = activation == AED_RELU ? 0 : -__builtin_inff();
    const int64_t registers = lanes / AED_WIDTH, units = (groups + 1) / 2 * registers;
    for (int64_t first = 0; first < units; first += UNITS) {
        vu a[UNITS], b[UNITS];
        draw_units(key, ids, registers, units, first, a, b);
        for (int j = 0; j < UNITS && first + j < units; j++) {
            const int64_t g = (first + j) / registers * 2, step = group_size * lanes;
            const int64_t at = g * step + (first + j) % registers * AED_WIDTH;
            drop_group(a[j], threshold, scale, lowest, group_size, lanes, x + at, y + at);
            if (g + 1 < groups)
                drop_group(b[j], threshold, scale, lowest, group_size, lanes, x + at + step,
                           y + at + step);
        }
    }
}

void AED_SET(dropout_relu_backward)(int64_t count, float scale, const float *y, const float *dy,
                                    float *dx)
{
    for (int64_t i = 0; i < count; i += AED_WIDTH)
        v_store(dx + i, v_load(dy + i) * v_and(v_load(y + i) > 0.0f, v_set(scale)));
}
