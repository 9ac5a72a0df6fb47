/* The elementary functions of the kernels over their whole range, in units of the last place: the
 * polynomials promise 1 to 3. The logarithm is reached through the loss that uses it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/numeric.h"

enum { COUNT = 16384 };

/* Distances to the exact value in units of its last place. */
static const double ALLOWED = 4;

static double ulps(double got, double want)
{
    int exponent;
    frexp(want, &exponent);
    return fabs(got - want) / ldexp(1, exponent - 24);
}

/* Points from -lo to hi, dense near 0: a sign and a magnitude by powers of 2. */
static void fill(float *x, double lo, double hi)
{
    for (uint32_t i = 0; i < COUNT; i++) {
        const double size = pow(2, (double)aed_test_uniform(1, i, -20, 7));
        const double point = i % 2 ? size : -size;
        x[i] = (float)fmin(fmax(point, lo), hi);
    }
}

static void check(aed_activation kind, double lo, double hi, double (*exact)(double))
{
    aed_test_block x = aed_test_block_create(COUNT), y = aed_test_block_create(COUNT);
    double worst = 0;
    int64_t at = 0;
    fill(x.at, lo, hi);
    aed_kernels()->activate(kind, 1, COUNT, x.at, y.at);
    for (int64_t i = 0; i < COUNT; i++) {
        const double error = ulps((double)y.at[i], exact((double)x.at[i]));
        if (!(error <= worst)) {
            worst = error;
            at = i;
        }
    }
    if (!(worst <= ALLOWED))
        fail_msg("%.3g units in the last place at %.9g: got %.9g, want %.9g", worst,
                 (double)x.at[at], (double)y.at[at], exact((double)x.at[at]));
    aed_test_block_destroy(&x);
    aed_test_block_destroy(&y);
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }
static double elu(double x) { return x > 0 ? x : expm1(x); }

static void test_tanh_is_precise(void **state)
{
    (void)state;
    check(AED_TANH, -128, 128, tanh);
}

/* Below -87 the exact values leave the normal floats, and the kernels stop at the smallest. */
static void test_sigmoid_is_precise(void **state)
{
    (void)state;
    check(AED_SIGMOID, -87, 128, sigmoid);
}

static void test_softplus_is_precise(void **state)
{
    (void)state;
    check(AED_SOFTPLUS, -87, 128, softplus);
}

static void test_elu_is_precise(void **state)
{
    (void)state;
    check(AED_ELU, -128, 128, elu);
}

/* bce with target 1 is -log y. */
static void test_log_is_precise(void **state)
{
    (void)state;
    aed_test_block y = aed_test_block_create(16), target = aed_test_block_create(16);
    for (uint32_t i = 0; i < 4096; i++) {
        const double exact = (double)aed_test_uniform(1, i, -86, 0);
        y.at[0] = i % 2 ? (float)exp(exact) : aed_test_uniform(2, i, 0.3, 0.9999);
        target.at[0] = 1;
        const double got = aed_kernels()->loss(AED_BCE, 0, 1, 16, 1, y.at, target.at, 1, NULL);
        const double want = -log((double)y.at[0]);
        if (!(ulps(got, want) <= ALLOWED))
            fail_msg("log %.9g: got %.9g, want %.9g", (double)y.at[0], got, want);
    }
    aed_test_block_destroy(&y);
    aed_test_block_destroy(&target);
}

/* Infinities and NaN come out as PyTorch's do. */
static void test_activations_at_infinity(void **state)
{
    (void)state;
    aed_test_block x = aed_test_block_create(16), y = aed_test_block_create(16);
    x.at[0] = INFINITY;
    x.at[1] = -INFINITY;
    for (int kind = AED_RELU; kind <= AED_SOFTPLUS; kind++) {
        aed_kernels()->activate((aed_activation)kind, 0.5f, 16, x.at, y.at);
        const bool bounded = kind == AED_TANH || kind == AED_SIGMOID;
        assert_true(bounded ? y.at[0] == 1 : y.at[0] == INFINITY);
        const float low = kind == AED_LEAKY_RELU ? -INFINITY
                          : kind == AED_ELU      ? -0.5f
                          : kind == AED_TANH     ? -1
                                                 : 0;
        if (!(y.at[1] == low || fabsf(y.at[1] - low) < 2e-38f))
            fail_msg("activation %d of -infinity is %g", kind, (double)y.at[1]);
        assert_true(isnan(y.at[2]));
    }
    aed_test_block_destroy(&x);
    aed_test_block_destroy(&y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tanh_is_precise),     cmocka_unit_test(test_sigmoid_is_precise),
        cmocka_unit_test(test_softplus_is_precise), cmocka_unit_test(test_elu_is_precise),
        cmocka_unit_test(test_log_is_precise),      cmocka_unit_test(test_activations_at_infinity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
