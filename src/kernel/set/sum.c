/* Sums across samples: 16 lanes each, then the lanes in the order that lanes.h names. */
#include "kernel/set/set.h"

/* One step of a transposing addition: a and b hold partial sums of groups of 2 * span lanes, the
 * result those of groups of `span`, its lower half from a, the upper from b. `low` is where the lower
 * spans of all groups lie. */
AED_INLINE vf fold(vf a, vf b, int span, vi low)
{
    return AED_SHUFFLE(a, b, low) + AED_SHUFFLE(a, b, low + span);
}

/* As many blocks as a register has lanes, at once: every step halves the registers and keeps the
 * order of each sum. */
#if AED_WIDTH == 16
AED_INLINE vf width_sums(const float *blocks)
{
    vf a[8], b[4], c[2];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        a[i] = fold(v_load(blocks + 32 * i), v_load(blocks + 32 * i + 16), 8,
                    (vi){0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23});
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        b[i] = fold(a[2 * i], a[2 * i + 1], 4,
                    (vi){0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27});
    for (int i = 0; i < 2; i++)
        c[i] = fold(b[2 * i], b[2 * i + 1], 2,
                    (vi){0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29});
    return fold(c[0], c[1], 1, (vi){0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30});
}
#elif AED_WIDTH == 8
AED_INLINE vf width_sums(const float *blocks)
{
    vf a[8], b[4], c[2];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) a[i] = v_load(blocks + 16 * i) + v_load(blocks + 16 * i + 8);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        b[i] = fold(a[2 * i], a[2 * i + 1], 4, (vi){0, 1, 2, 3, 8, 9, 10, 11});
    for (int i = 0; i < 2; i++)
        c[i] = fold(b[2 * i], b[2 * i + 1], 2, (vi){0, 1, 4, 5, 8, 9, 12, 13});
    return fold(c[0], c[1], 1, (vi){0, 2, 4, 6, 8, 10, 12, 14});
}
#else
AED_INLINE vf width_sums(const float *blocks)
{
    vf a[4], b[2];
    for (int i = 0; i < 4; i++) {
        const float *block = blocks + 16 * i;
        a[i] = (v_load(block) + v_load(block + 8)) + (v_load(block + 4) + v_load(block + 12));
    }
    for (int i = 0; i < 2; i++) b[i] = fold(a[2 * i], a[2 * i + 1], 2, (vi){0, 1, 4, 5});
    return fold(b[0], b[1], 1, (vi){0, 2, 4, 6});
}
#endif

void AED_SET(lane_sums)(int count, const float *blocks, float *out)
{
    for (int i = 0; i < count; i += AED_WIDTH)
        v_store(out + i, width_sums(blocks + i * AED_LANE_BLOCK));
}

/* Channels that are summed side by side, as one sum is a chain of additions that wait for each other. */
enum { SIDE_BY_SIDE = 4 };

/* The 16 lanes of each channel, summed over its blocks. */
AED_INLINE void channel_lanes(int channels, int64_t columns, const float *dy, float *out)
{
    vf lanes[SIDE_BY_SIDE][AED_PARTS] = {{{0}}};
    for (int64_t n = 0; n < columns; n += AED_LANE_BLOCK)
#pragma GCC unroll 4
        for (int c = 0; c < channels; c++)
#pragma GCC unroll 4
            for (int part = 0; part < AED_PARTS; part++)
                lanes[c][part] += v_load(dy + c * columns + n + part * AED_WIDTH);
    for (int c = 0; c < channels; c++)
        for (int part = 0; part < AED_PARTS; part++)
            v_store(out + c * AED_LANE_BLOCK + part * AED_WIDTH, lanes[c][part]);
}

void AED_SET(bias_gradient)(int channels, int64_t columns, const float *dy, float *grad)
{
    enum { TOGETHER = 16 };
    float lanes[TOGETHER * AED_LANE_BLOCK] __attribute__((aligned(64))) = {0}, sums[TOGETHER];
    for (int first = 0; first < channels; first += TOGETHER) {
        const int count = channels - first < TOGETHER ? channels - first : TOGETHER;
        for (int c = 0; c < count;) {
            const float *const from = dy + (first + c) * columns;
            float *const to = lanes + c * AED_LANE_BLOCK;
            if (count - c >= SIDE_BY_SIDE) {
                channel_lanes(SIDE_BY_SIDE, columns, from, to);
                c += SIDE_BY_SIDE;
            } else {
                channel_lanes(1, columns, from, to);
                c++;
            }
        }
        AED_SET(lane_sums)(count, lanes, sums);
        for (int c = 0; c < count; c++) grad[first + c] += sums[c];
    }
}

double AED_SET(sum_of_squares)(int64_t count, const float *x)
{
    double lanes[AED_LANE_BLOCK] = {0};
    for (int64_t i = 0; i < count; i += AED_LANE_BLOCK)
        for (int lane = 0; lane < AED_LANE_BLOCK; lane++)
            lanes[lane] += (double)x[i + lane] * x[i + lane];
    double sum = 0;
    for (int lane = 0; lane < AED_LANE_BLOCK; lane++) sum += lanes[lane];
    return sum;
}
