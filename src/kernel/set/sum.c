/* Sums across samples: 16 lanes each, then the lanes in the order that lanes.h names. */
#include "kernel/set/set.h"

#if AED_WIDTH == 16

/* Sixteen blocks at once by a transposing addition: every step halves the registers and keeps the
 * order of each sum. a and b hold partial sums of groups of `span` lanes; the result's lower halves
 * come from a, the upper from b. */
AED_INLINE vf fold(vf a, vf b, vi low, vi high)
{
    return __builtin_shuffle(a, b, low) + __builtin_shuffle(a, b, high);
}

AED_INLINE vf sixteen_sums(const float *blocks)
{
    const vi low8 = {0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23};
    const vi high8 = low8 + 8;
    const vi low4 = {0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27};
    const vi high4 = low4 + 4;
    const vi low2 = {0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29};
    const vi high2 = low2 + 2;
    const vi low1 = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};
    const vi high1 = low1 + 1;
    vf a[8], b[4], c[2];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        a[i] = fold(v_load(blocks + 32 * i), v_load(blocks + 32 * i + 16), low8, high8);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) b[i] = fold(a[2 * i], a[2 * i + 1], low4, high4);
    c[0] = fold(b[0], b[1], low2, high2);
    c[1] = fold(b[2], b[3], low2, high2);
    return fold(c[0], c[1], low1, high1);
}

void AED_SET(lane_sums_add)(aed_lane_sums *sums, int count)
{
    float out[AED_LANE_BLOCK];
    if (count <= 2) {
        for (int i = 0; i < count; i++) *sums->to[i] += lanes_sum(sums->block[i]);
        return;
    }
    for (int i = count; i < AED_LANE_BLOCK; i++) v_store(sums->block[i], v_zero());
    v_store(out, sixteen_sums(sums->block[0]));
    for (int i = 0; i < count; i++) *sums->to[i] += out[i];
}

#else

void AED_SET(lane_sums_add)(aed_lane_sums *sums, int count)
{
    for (int i = 0; i < count; i++) *sums->to[i] += lanes_sum(sums->block[i]);
}

#endif

void AED_SET(bias_gradient)(int channels, int64_t columns, const float *dy, float *grad)
{
    for (int c = 0; c < channels; c++) {
        vf lanes[AED_PARTS] = {{0}};
        for (int64_t n = 0; n < columns; n += AED_LANE_BLOCK)
#pragma GCC unroll 4
            for (int part = 0; part < AED_PARTS; part++)
                lanes[part] += v_load(dy + c * columns + n + part * AED_WIDTH);
        float block[AED_LANE_BLOCK];
        for (int part = 0; part < AED_PARTS; part++) v_store(block + part * AED_WIDTH, lanes[part]);
        grad[c] += lanes_sum(block);
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
