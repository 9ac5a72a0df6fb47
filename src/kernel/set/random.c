/* Normals from Threefry-2x32-13 by Box and Muller (Annals of Mathematical Statistics 29, 1958).
 *
 * Counter (sample id, pair) gives two words. The first makes the radius sqrt(-2 log u), the second
 * the angle: phi uniform in [-pi/2, pi/2) and one more bit as the sign of the cosine cover the
 * circle, so sine and cosine need one polynomial each and no quadrants. Two normals then cost one
 * logarithm; u has 31 bits, so |z| reaches 6.6. */
#include <stdbool.h>

#include "kernel/set/set.h"
#include "kernel/set/threefry.h"
#include "kernel/set/vmath.h"

/* Turns the words of a counter into both normals, in place. */
AED_INLINE void box_muller(vu *first, vu *second)
{
    const vu a = *first, b = *second;
    /* 31 bits, rounded to float: in (0, 1]. */
    const vf u = v_fma(__builtin_convertvector((vi)(a >> 1), vf), v_set(0x1p-31f), v_set(0x1p-32f));
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
    *first = (vu)(radius * (vf)((vu)cosine ^ a << 31));
    *second = (vu)(radius * sine);
}

/* What becomes of a normal z: itself, x + std[element] z, or x + std[0] z within [lo, hi]. */
typedef enum use { ALONE, ADD_EACH, ADD_WITHIN } use;

AED_INLINE vf used(use how, vf z, vf x, float std, float lo, float hi)
{
    if (how == ALONE) return z;
    const vf y = v_fma(v_set(std), z, x);
    return how == ADD_EACH ? y : v_clip(y, lo, hi);
}

/* out = normals as `how` says (constant in each call). Pairs of elements times registers of lanes are
 * one list of units. */
AED_INLINE void draw(aed_rng_key key, const uint32_t *ids, int lanes, uint32_t first,
                     int64_t elements, use how, const float *std, float lo, float hi,
                     const float *x, float *out)
{
    const int64_t units = (elements + 1) / 2 * (lanes / AED_WIDTH);
    int64_t element = 0;
    int lane = 0;
    for (int64_t left = units; left > 0; left -= UNITS) {
        vu a[UNITS], b[UNITS];
        int64_t elements_of[UNITS];
        int lanes_of[UNITS];
        EACH_UNIT /* the last unit is repeated to fill the group */
        {
            elements_of[j] = element;
            lanes_of[j] = lane;
            a[j] = v_load_u(ids + lane);
            b[j] = (vu){0} + (first + (uint32_t)element) / 2;
            if (j + 1 >= left) continue;
            lane += AED_WIDTH;
            if (lane == lanes) {
                lane = 0;
                element += 2;
            }
        }
        threefry13(key, a, b);
        EACH_UNIT box_muller(&a[j], &b[j]);
        EACH_UNIT
        {
            if (j >= left) break;
            const int64_t e = elements_of[j], at = e * lanes + lanes_of[j];
            const bool adds = how != ALONE, each = how == ADD_EACH;
            v_store(out + at, used(how, (vf)a[j], adds ? v_load(x + at) : v_zero(),
                                   adds ? std[each ? e : 0] : 0, lo, hi));
            if (e + 1 == elements) continue;
            v_store(out + at + lanes, used(how, (vf)b[j], adds ? v_load(x + at + lanes) : v_zero(),
                                           adds ? std[each ? e + 1 : 0] : 0, lo, hi));
        }
    }
}

void AED_SET(normal)(aed_rng_key key, const uint32_t *ids, int lanes, uint32_t first,
                     int64_t elements, float *out)
{
    draw(key, ids, lanes, first, elements, ALONE, NULL, 0, 0, NULL, out);
}

void AED_SET(add_noise)(aed_rng_key key, const uint32_t *ids, int lanes, int64_t elements,
                        const float *std, const float *x, float *y)
{
    draw(key, ids, lanes, 0, elements, ADD_EACH, std, 0, 0, x, y);
}

void AED_SET(add_noise_within)(aed_rng_key key, const uint32_t *ids, int lanes, int64_t elements,
                               float std, float lo, float hi, const float *x, float *y)
{
    draw(key, ids, lanes, 0, elements, ADD_WITHIN, &std, lo, hi, x, y);
}
