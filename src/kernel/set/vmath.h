/* Elementary functions on vectors of lanes, by polynomials: a library's versions differ from
 * processor to processor. Coefficients are our own minimax fits (weighted least squares with
 * Lawson's iteration); errors are 1 to 3 units in the last place. NaN goes in, NaN comes out. */
#ifndef AED_KERNEL_SET_VMATH_H
#define AED_KERNEL_SET_VMATH_H

#include "kernel/set/lanes.h"

#define AED_LN2_HIGH 0.693145751953125f /* 17 bits: exact products with small integers */
#define AED_LN2_LOW 1.42860682030941723e-6f

/* exp(x) = power * (1 + the returned), power a power of two, for -87.4 < x < 88. */
AED_INLINE vf v_exp_parts(vf x, vf *power)
{
    const vf magic = v_set(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
    const vf shifted = v_fma(x, v_set(1.44269504f), magic);
    const vf n = shifted - magic;
    vf r = v_fma(n, v_set(-AED_LN2_HIGH), x);
    r = v_fma(n, v_set(-AED_LN2_LOW), r);
    vf p = v_fma(v_set(1.395060215e-03f), r, v_set(8.368953131e-03f));
    p = v_fma(p, r, v_set(4.166620597e-02f));
    p = v_fma(p, r, v_set(1.666651815e-01f));
    p = v_fma(p, r, v_set(0.5f));
    *power = (vf)(((vu)shifted - (vu)magic + 127) << 23);
    return v_fma(p * r, r, r);
}

/* exp(x) for x <= 0; at most 2^-126 below -87.3. */
AED_INLINE vf v_exp_negative(vf x)
{
    vf power;
    const vf rest = v_exp_parts(v_at_least(x, v_set(-87.3f)), &power);
    return (rest + 1.0f) * power;
}

/* log(x) for normal x > 0. */
AED_INLINE vf v_log_positive(vf x)
{
    const vi bits = (vi)((vu)x -
                         0x3f3504f3); /* sqrt(1/2): the mantissa lies in [sqrt(1/2), sqrt(2)) */
    const vf e = __builtin_convertvector(bits >> 23, vf);
    const vf f = (vf)((bits & 0x007fffff) + 0x3f3504f3) - 1.0f;
    vf p = v_fma(v_set(-7.859615237e-02f), f, v_set(1.288164854e-01f));
    p = v_fma(p, f, v_set(-1.312875450e-01f));
    p = v_fma(p, f, v_set(1.418119222e-01f));
    p = v_fma(p, f, v_set(-1.662455350e-01f));
    p = v_fma(p, f, v_set(2.000228614e-01f));
    p = v_fma(p, f, v_set(-2.500081062e-01f));
    p = v_fma(p, f, v_set(3.333331645e-01f));
    const vf square = f * f;
    p = v_fma(p, f, v_set(-0.5f));
    vf y = v_fma(e, v_set(AED_LN2_LOW), p * square);
    y = y + f;
    return v_fma(e, v_set(AED_LN2_HIGH), y);
}

/* log(x): -infinity at 0 (and for subnormals), NaN below. */
AED_INLINE vf v_log(vf x)
{
    vf y = v_log_positive(x);
    y = v_select(x < 1.17549435e-38f, v_set(-__builtin_inff()), y);
    y = v_select((x < 0.0f) | (x != x), v_set(__builtin_nanf("")), y);
    return v_select(x == __builtin_inff(), x, y);
}

/* What log(1 + x) needs besides log(u), u being the rounded 1 + x and |x| <= 1: the rounding error
 * (exact: Dekker's fast two-sum) over u. Leaving the division out costs less than a unit. */
AED_INLINE vf v_log1p_rest(vf x, vf u) { return x - (u - 1.0f); }

/* log(1 + e) for 0 <= e <= 1. */
AED_INLINE vf v_log1p_unit(vf e)
{
    const vf u = e + 1.0f;
    return v_log_positive(u) + v_log1p_rest(e, u);
}

AED_INLINE vf v_sigmoid(vf x)
{
    const vf e = v_exp_negative(-v_abs(x));
    const vf upper = 1.0f / (e + 1.0f);
    return v_pick(v_greater(v_zero(), x), e * upper, upper);
}

/* tanh(|x|) = m / (m + 2) with m = exp(2|x|) - 1, which keeps its digits near 0. Beyond 10 it is 1. */
AED_INLINE vf v_tanh(vf x)
{
    const vf y = v_abs(x) * 2.0f;
    vf power;
    const vf rest = v_exp_parts(v_select(y > 20.0f, v_set(20.0f), y), &power);
    const vf m = v_fma(power, rest, power - 1.0f);
    return (vf)((vi)(m / (m + 2.0f)) | ((vi)x & (int32_t)0x80000000));
}

/* exp(x) - 1 for x <= 0. */
AED_INLINE vf v_expm1_negative(vf x)
{
    vf p = v_fma(v_set(1.991852478e-04f), x, v_set(1.394617604e-03f));
    p = v_fma(p, x, v_set(8.333263919e-03f));
    p = v_fma(p, x, v_set(4.166626930e-02f));
    p = v_fma(p, x, v_set(1.666666716e-01f));
    p = v_fma(p, x, v_set(0.5f));
    const vf small = v_fma(p * x, x, x);
    return v_select(x > -0.34f, small, v_exp_negative(x) - 1.0f);
}

AED_INLINE vf v_softplus(vf x)
{
    const vf positive = v_select(x < 0.0f, v_zero(), x);
    return positive + v_log1p_unit(v_exp_negative(-v_abs(x)));
}

#endif
