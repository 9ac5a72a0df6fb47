/* Normals from Threefry-2x32-13 by Box and Muller (Annals of Mathematical Statistics 29, 1958).
 *
 * Counter (sample id, pair) gives two words. The first makes the radius sqrt(-2 log u), the second
 * the angle: phi uniform in [-pi/2, pi/2) and one more bit as the sign of the cosine cover the
 * circle, so sine and cosine need one polynomial each and no quadrants. Two normals then cost one
 * logarithm; u has 31 bits, so |z| reaches 6.6. */
#include "kernel/set/set.h"
#include "kernel/set/vmath.h"

typedef struct pair {
    vf first, second;
} pair;

AED_INLINE void threefry13(aed_rng_key key, vu *a, vu *b)
{
    static const int rotation[8] = {13, 15, 26, 6, 17, 29, 16, 24};
    const uint32_t schedule[3] = {key.word[0], key.word[1],
                                  0x1BD11BDAu ^ key.word[0] ^ key.word[1]};
    *a += schedule[0];
    *b += schedule[1];
#pragma GCC unroll 13
    for (int round = 0; round < 13; round++) {
        *a += *b;
        *b = v_rotate(*b, rotation[round % 8]) ^ *a;
        if (round % 4 == 3) {
            const uint32_t injection = (uint32_t)round / 4 + 1;
            *a += schedule[injection % 3];
            *b += schedule[(injection + 1) % 3] + injection;
        }
    }
}

AED_INLINE pair normal_pair(aed_rng_key key, vu ids, uint32_t index)
{
    vu a = ids, b = ids * 0 + index;
    threefry13(key, &a, &b);
    const vf u = v_fma(__builtin_convertvector((vi)(a >> 1), vf), v_set(0x1p-31f),
                       v_set(0x1p-32f));
    const vf radius = v_sqrt(v_log_positive(u) * -2.0f);

    const vf turn = __builtin_convertvector((vi)b, vf) * 0x1p-31f; /* [-1, 1] quarter turns */
    const vf z = turn * turn;
    vf sine = v_fma(v_set(1.508205605e-04f), z, v_set(-4.672227893e-03f));
    sine = v_fma(sine, z, v_set(7.968848199e-02f));
    sine = v_fma(sine, z, v_set(-6.459633708e-01f));
    sine = v_fma(sine, z, v_set(1.570796251e+00f)) * turn;
    vf cosine = v_fma(v_set(-2.382491948e-05f), z, v_set(9.177248576e-04f));
    cosine = v_fma(cosine, z, v_set(-2.086268924e-02f));
    cosine = v_fma(cosine, z, v_set(2.536693215e-01f));
    cosine = v_fma(cosine, z, v_set(-1.233700514e+00f));
    cosine = v_fma(cosine, z, v_set(1.0f));
    /* The lowest bit of the radius's word is free: u uses the other 31. */
    const vi sign = (vi)(a << 31);
    return (pair){radius * (vf)((vi)cosine ^ sign), radius * sine};
}

void AED_SET(normal)(aed_rng_key key, const uint32_t *ids, int lanes, uint32_t first,
                     int64_t elements, float *out)
{
    for (int64_t e = 0; e < elements; e += 2)
        for (int lane = 0; lane < lanes; lane += AED_WIDTH) {
            const pair z = normal_pair(key, v_load_u(ids + lane), (first + (uint32_t)e) / 2);
            v_store(out + e * lanes + lane, z.first);
            if (e + 1 < elements) v_store(out + (e + 1) * lanes + lane, z.second);
        }
}

void AED_SET(add_noise)(aed_rng_key key, const uint32_t *ids, int lanes, int64_t elements,
                        const float *std, const float *x, float *y)
{
    for (int64_t e = 0; e < elements; e += 2)
        for (int lane = 0; lane < lanes; lane += AED_WIDTH) {
            const int64_t at = e * lanes + lane;
            const pair z = normal_pair(key, v_load_u(ids + lane), (uint32_t)(e / 2));
            v_store(y + at, v_fma(v_set(std[e]), z.first, v_load(x + at)));
            if (e + 1 < elements)
                v_store(y + at + lanes, v_fma(v_set(std[e + 1]), z.second, v_load(x + at + lanes)));
        }
}
