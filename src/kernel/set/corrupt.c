/* Corruption of inputs: clipping, and replacing elements at random. Counter (sample id, pair) gives the
 * words of elements 2 pair and 2 pair + 1; their upper 31 bits are compared, so that a share of 1 has
 * a threshold, too. */
#include "kernel/set/set.h"
#include "kernel/set/threefry.h"

void AED_SET(clip)(int64_t count, float lo, float hi, const float *x, float *y)
{
    for (int64_t i = 0; i < count; i += AED_WIDTH) v_store(y + i, v_clip(v_load(x + i), lo, hi));
}

/* x, `low` where the word is below the first threshold, `high` where below the second; NaN stays. */
AED_INLINE vf replaced(vf x, vu word, uint32_t low_below, uint32_t high_below, float low,
                       float high)
{
    const vu bits = word >> 1;
    const vf other = v_select((vi)(bits < low_below), v_set(low), v_set(high));
    return v_select((vi)(bits < high_below) & (x == x), other, x);
}

void AED_SET(replace)(aed_rng_key key, const uint32_t *ids, int lanes, int64_t elements,
                      uint32_t low_below, uint32_t high_below, float low, float high,
                      const float *x, float *y)
{
    const int64_t registers = lanes / AED_WIDTH, units = (elements + 1) / 2 * registers;
    for (int64_t first = 0; first < units; first += UNITS) {
        vu a[UNITS], b[UNITS];
        draw_units(key, ids, registers, units, first, a, b);
        for (int j = 0; j < UNITS && first + j < units; j++) {
            const int64_t e = (first + j) / registers * 2;
            const int64_t at = e * lanes + (first + j) % registers * AED_WIDTH, next = at + lanes;
            v_store(y + at, replaced(v_load(x + at), a[j], low_below, high_below, low, high));
            if (e + 1 < elements)
                v_store(y + next,
                        replaced(v_load(x + next), b[j], low_below, high_below, low, high));
        }
    }
}
