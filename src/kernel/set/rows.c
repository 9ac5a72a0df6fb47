/* Samples into lanes: rows of features, gathered by id and transposed by shuffles of registers. */
#include "kernel/set/set.h"

/* Features moved at once: one register holds them of two samples, of one, or half of one. */
#if AED_WIDTH == 4
enum { FEATURES = 4 };
#else
enum { FEATURES = 8 };
#endif

/* Register i: feature 0 ... FEATURES-1 of row i and, if it is that wide, of row i + FEATURES. */
AED_INLINE vf load_pair(const float *samples, int64_t features, const uint32_t *ids, int i)
{
    vf v;
    memcpy(&v, samples + (int64_t)ids[i] * features, sizeof(float) * FEATURES);
#if AED_WIDTH == 16
    memcpy((float *)&v + FEATURES, samples + (int64_t)ids[i + FEATURES] * features,
           sizeof(float) * FEATURES);
#endif
    return v;
}

/* out[feature][0 ... AED_WIDTH-1] for `valid` features of AED_WIDTH rows: squares of FEATURES,
 * exchanged at distances 4, 2, 1 (2, 1). */
AED_INLINE void transpose_rows(const float *samples, int64_t features, const uint32_t *ids,
                               int64_t valid, int lanes, float *out)
{
    vf a[FEATURES], b[FEATURES];
#pragma GCC unroll 8
    for (int i = 0; i < FEATURES; i++) a[i] = load_pair(samples, features, ids, i);
#if AED_WIDTH == 16
    AED_EXCHANGE(FEATURES, a, b, 4, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27)
    AED_EXCHANGE(FEATURES, b, a, 2, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
    AED_EXCHANGE(FEATURES, a, b, 1, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
#elif AED_WIDTH == 8
    AED_EXCHANGE(FEATURES, a, b, 4, 0, 1, 2, 3, 8, 9, 10, 11)
    AED_EXCHANGE(FEATURES, b, a, 2, 0, 1, 8, 9, 4, 5, 12, 13)
    AED_EXCHANGE(FEATURES, a, b, 1, 0, 8, 2, 10, 4, 12, 6, 14)
#else
    AED_EXCHANGE(FEATURES, a, b, 2, 0, 1, 4, 5)
    AED_EXCHANGE(FEATURES, b, a, 1, 0, 4, 2, 6)
    memcpy(b, a, sizeof b);
#endif
#pragma GCC unroll 8
    for (int i = 0; i < FEATURES; i++)
        if (i < valid) v_store(out + (int64_t)i * lanes, b[i]);
}

void AED_SET(load_rows)(const float *samples, int64_t features, const uint32_t *ids, int lanes,
                        float *out)
{
    for (int64_t f = 0; f < features; f += FEATURES) {
        /* The last block moves back over features that are already written, where it can. */
        const int64_t back = f + FEATURES > features && f > 0 ? f + FEATURES - features : 0;
        const int64_t valid = features < FEATURES ? features : FEATURES;
        for (int lane = 0; lane < lanes; lane += AED_WIDTH)
            transpose_rows(samples + f - back, features, ids + lane, valid, lanes,
                           out + (f - back) * lanes + lane);
    }
}
