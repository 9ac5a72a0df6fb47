/* Convolutions of stride 1 with fewer multiplications: minimal filtering along each line (Winograd,
 * Arithmetic Complexity of Computations, SIAM 1980), ordinary sums along the height.
 *
 * A line of the narrow side is cut into tiles of AED_WINOGRAD_TILE = 4 points, which meet taps + 3 of the wide
 * side. Read as the coefficients of polynomials, a tile times a line of the kernel is a tile of the wide side;
 * so their values at as many points multiply: one product a point, where the coefficients take 4 * taps. The
 * points are 0, 1, -1, 2, -2, of five taps 1/2 and -1/2 too, and infinity. With n a tile of the narrow side, x
 * one of the wide side, w a line of the kernel, and matrices A, B, G that depend on the points alone,
 *
 *   to narrow  n = A^T (G w . B^T x)    to wide  x = B (G w . A n)    gradient  w = G^T (A n . B^T x),
 *
 * each the transpose of the other two. Tiles of the wide side overlap; to wide adds them up.
 *
 * With tiles of 4 the errors are two to five times those of the plain sums (docs/determinism.md). */
#ifndef AED_KERNEL_SET_WINOGRAD_H
#define AED_KERNEL_SET_WINOGRAD_H

#include "kernel/set/lanes.h"

enum { TILE = AED_WINOGRAD_TILE, MOST_TAPS = 5, MOST_POINTS = MOST_TAPS + TILE - 1 };

AED_INLINE int32_t wide_size(const aed_winograd *conv, int32_t narrow, int32_t padding)
{
    return narrow + conv->taps - 1 - 2 * padding;
}

/* v = B^T x. */
AED_INLINE void expand_wide(int taps, const vf *x, vf *v)
{
    if (taps == 5) {
        const vf even1 = v_fma(x[4], v_set(-4.25f), x[2] + x[6]);
        const vf odd1 = v_fma(x[3], v_set(-4.25f), x[1] + x[5]);
        const vf even2 = v_fma(x[4], v_set(-1.25f), v_fma(x[2], v_set(0.25f), x[6]));
        const vf odd2 = v_fma(x[3], v_set(-2.5f), v_fma(x[5], v_set(2), x[1] * 0.5f));
        const vf even3 = v_fma(x[4], v_set(-5), v_fma(x[2], v_set(4), x[6]));
        const vf odd3 = v_fma(x[3], v_set(-2.5f), v_fma(x[5], v_set(0.5f), x[1] * 2));
        v[0] = v_fma(x[4] - x[2], v_set(5.25f), x[0] - x[6]);
        v[1] = even1 + odd1;
        v[2] = even1 - odd1;
        v[3] = even2 + odd2;
        v[4] = even2 - odd2;
        v[5] = even3 + odd3;
        v[6] = even3 - odd3;
        v[7] = v_fma(x[3] - x[5], v_set(5.25f), x[7] - x[1]);
    } else {
        const vf even1 = v_fma(x[2], v_set(-4), x[4]), odd1 = v_fma(x[1], v_set(-4), x[3]);
        const vf even2 = x[4] - x[2], odd2 = (x[3] - x[1]) * 2;
        v[0] = v_fma(x[0], v_set(4), v_fma(x[2], v_set(-5), x[4]));
        v[1] = even1 + odd1;
        v[2] = even1 - odd1;
        v[3] = even2 + odd2;
        v[4] = even2 - odd2;
        v[5] = v_fma(x[1], v_set(4), v_fma(x[3], v_set(-5), x[5]));
    }
}

/* v = A n. */
AED_INLINE void expand_narrow(int taps, const vf *n, vf *v)
{
    const vf even1 = n[0] + n[2], odd1 = n[1] + n[3];
    const vf even2 = v_fma(n[2], v_set(4), n[0]), odd2 = v_fma(n[3], v_set(8), n[1] * 2);
    v[0] = n[0];
    v[1] = even1 + odd1;
    v[2] = even1 - odd1;
    v[3] = even2 + odd2;
    v[4] = even2 - odd2;
    if (taps == 5) {
        const vf even3 = v_fma(n[2], v_set(0.25f), n[0]);
        const vf odd3 = v_fma(n[3], v_set(0.125f), n[1] * 0.5f);
        v[5] = even3 + odd3;
        v[6] = even3 - odd3;
    }
    v[taps + 2] = n[3];
}

/* x = B v. */
AED_INLINE void collapse_wide(int taps, const vf *v, vf *x)
{
    const vf even1 = v[1] + v[2], odd1 = v[1] - v[2], even2 = v[3] + v[4], odd2 = v[3] - v[4];
    if (taps == 5) {
        const vf even3 = v[5] + v[6], odd3 = v[5] - v[6];
        x[0] = v[0];
        x[1] = v_fma(odd3, v_set(2), v_fma(odd2, v_set(0.5f), odd1 - v[7]));
        x[2] = v_fma(v[0], v_set(-5.25f),
                     v_fma(even3, v_set(4), v_fma(even2, v_set(0.25f), even1)));
        x[3] = v_fma(v[7], v_set(5.25f), v_fma(odd2 + odd3, v_set(-2.5f), odd1 * -4.25f));
        x[4] = v_fma(v[0], v_set(5.25f),
                     v_fma(even3, v_set(-5), v_fma(even2, v_set(-1.25f), even1 * -4.25f)));
        x[5] = v_fma(v[7], v_set(-5.25f), v_fma(odd3, v_set(0.5f), v_fma(odd2, v_set(2), odd1)));
        x[6] = even1 + even2 + even3 - v[0];
        x[7] = v[7];
    } else {
        x[0] = v[0] * 4;
        x[1] = v_fma(odd2, v_set(-2), (v[5] - odd1) * 4);
        x[2] = v_fma(v[0], v_set(-5), v_fma(even1, v_set(-4), -even2));
        x[3] = v_fma(v[5], v_set(-5), v_fma(odd2, v_set(2), odd1));
        x[4] = even1 + even2 + v[0];
        x[5] = v[5];
    }
}

/* n = A^T v. */
AED_INLINE void collapse_narrow(int taps, const vf *v, vf *y)
{
    const vf even1 = v[1] + v[2], odd1 = v[1] - v[2], even2 = v[3] + v[4], odd2 = v[3] - v[4];
    y[0] = even1 + even2 + v[0];
    y[1] = v_fma(odd2, v_set(2), odd1);
    y[2] = v_fma(even2, v_set(4), even1);
    y[3] = v_fma(odd2, v_set(8), odd1 + v[taps + 2]);
    if (taps == 5) {
        const vf even3 = v[5] + v[6], odd3 = v[5] - v[6];
        y[0] += even3;
        y[1] = v_fma(odd3, v_set(0.5f), y[1]);
        y[2] = v_fma(even3, v_set(0.25f), y[2]);
        y[3] = v_fma(odd3, v_set(0.125f), y[3]);
    }
}

/* A row of a tile at columns at ... at+count-1 of a plane's row x, zeros outside. */
AED_INLINE void load_tile(int count, int32_t at, int32_t columns, int lanes, const float *x, vf *in)
{
    x += (int64_t)at * lanes;
    if (at >= 0 && at + count <= columns) {
#pragma GCC unroll 8
        for (int i = 0; i < count; i++) in[i] = v_load(x + i * lanes);
    } else {
#pragma GCC unroll 8
        for (int i = 0; i < count; i++)
            in[i] = at + i >= 0 && at + i < columns ? v_load(x + i * lanes) : v_zero();
    }
}

#endif
