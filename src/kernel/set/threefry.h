/* Threefry-2x32 with 13 rounds on vectors; the scalar form and the source are in core/rng.c. */
#ifndef AED_KERNEL_SET_THREEFRY_H
#define AED_KERNEL_SET_THREEFRY_H

#include "kernel/set/lanes.h"

/* Registers drawn side by side: the latency of each chain hides behind the others. */
enum { UNITS = 4 };

#define EACH_UNIT _Pragma("GCC unroll 4") for (int j = 0; j < UNITS; j++)

AED_INLINE void threefry13(aed_rng_key key, vu *a, vu *b)
{
    static const int rotation[8] = {13, 15, 26, 6, 17, 29, 16, 24};
    const uint32_t schedule[3] = {key.word[0], key.word[1],
                                  0x1BD11BDAu ^ key.word[0] ^ key.word[1]};
    EACH_UNIT
    {
        a[j] += schedule[0];
        b[j] += schedule[1];
    }
#pragma GCC unroll 13
    for (int round = 0; round < 13; round++) {
        const uint32_t injection = (uint32_t)round / 4 + 1;
        EACH_UNIT a[j] += b[j];
        EACH_UNIT b[j] = v_rotate(b[j], rotation[round % 8]) ^ a[j];
        if (round % 4 != 3) continue;
        EACH_UNIT a[j] += schedule[injection % 3];
        EACH_UNIT b[j] += schedule[(injection + 1) % 3] + injection;
    }
}

/* The words of units first ... first+UNITS-1 of `units`, the last repeated to fill up. A unit is a
 * register of samples, of `registers`, and a pair of elements: a has the even one's word, b the odd's. */
AED_INLINE void draw_units(aed_rng_key key, const uint32_t *ids, int64_t registers, int64_t units,
                           int64_t first, vu *a, vu *b)
{
    EACH_UNIT
    {
        const int64_t unit = first + j < units ? first + j : units - 1;
        a[j] = v_load_u(ids + unit % registers * AED_WIDTH);
        b[j] = (vu){0} + (uint32_t)(unit / registers);
    }
    threefry13(key, a, b);
}

#endif
