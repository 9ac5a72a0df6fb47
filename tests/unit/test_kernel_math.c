/* Accuracy of the vector functions against libm in float64, in units in the last place, over all
 * magnitudes of their ranges; and what they make of NaN, infinities and zeros. All sets have the
 * same bits (test_kernels.c), so it is enough to compile the functions here for any of them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define AED_KERNEL_SET test
#include "core/memory.h"
#include "kernel/set/lanes.h"
#include "kernel/set/vmath.h"
#include "support/kernel_case.h"

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t to_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static int pin(void **state)
{
    (void)state;
    aed_float_pin();
    return 0;
}

/* ---- Functions under test, a vector at a time ------------------------------------------------ */

typedef void (*vector_function)(const float *x, float *y);
typedef double (*exact_function)(double x);

#define VECTOR_FUNCTION(name) \
    static void call_##name(const float *x, float *y) { v_store(y, v_##name(v_load(x))); }
VECTOR_FUNCTION(exp_negative)
VECTOR_FUNCTION(log_positive)
VECTOR_FUNCTION(log)
VECTOR_FUNCTION(log1p_unit)
VECTOR_FUNCTION(sigmoid)
VECTOR_FUNCTION(tanh)
VECTOR_FUNCTION(expm1_negative)
VECTOR_FUNCTION(softplus)

static double exact_sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double exact_softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }

static float one_value(vector_function function, float x)
{
    float in[AED_WIDTH], out[AED_WIDTH];
    for (int i = 0; i < AED_WIDTH; i++) in[i] = x;
    function(in, out);
    return out[0];
}

/* Fails where the function is off by more than `bound` units for a float from lo to hi, both of one
 * sign: every SPACING-th of them, by bit pattern. */
static void check_range(const char *name, vector_function function, exact_function exact, float lo,
                        float hi, double bound)
{
    enum { SPACING = 2003 };
    float x[AED_WIDTH], y[AED_WIDTH], worst_x = 0;
    double worst = 0;
    const uint32_t a = to_bits(lo), b = to_bits(hi);
    const uint32_t first = a < b ? a : b, last = a < b ? b : a;
    for (uint64_t bits = first; bits <= last; bits += SPACING * AED_WIDTH) {
        for (uint32_t i = 0; i < AED_WIDTH; i++) {
            const uint64_t at = bits + SPACING * i;
            x[i] = from_bits(at < last ? (uint32_t)at : last);
        }
        function(x, y);
        for (int i = 0; i < AED_WIDTH; i++) {
            const double error = aed_case_ulps(exact(x[i]), y[i]);
            if (error <= worst) continue;
            worst = error;
            worst_x = x[i];
        }
    }
    if (worst > bound) fail_msg("%s(%a) is off by %.2f units", name, (double)worst_x, worst);
}

static void test_exp_negative_accuracy(void **state)
{
    (void)state;
    check_range("exp", call_exp_negative, exp, -87.3f, -0x1p-126f, 1.1);
    assert_true(one_value(call_exp_negative, 0.0f) == 1.0f);
    assert_true(one_value(call_exp_negative, -0.0f) == 1.0f);
    assert_true(isnan(one_value(call_exp_negative, NAN)));
    const float floor = one_value(call_exp_negative, -87.3f);
    assert_true(floor > 0 && floor < 0x1p-125f);
    assert_true(one_value(call_exp_negative, -88.0f) == floor);
    assert_true(one_value(call_exp_negative, -1e30f) == floor);
    assert_true(one_value(call_exp_negative, -INFINITY) == floor);
}

static void test_log_accuracy(void **state)
{
    (void)state;
    check_range("log", call_log_positive, log, 0x1p-126f, 0x1.fffffep127f, 1.1);
    check_range("log", call_log, log, 0x1p-126f, 0x1.fffffep127f, 1.1);
    check_range("log", call_log, log, 0.9f, 1.1f, 1.1);
    assert_true(one_value(call_log, 1.0f) == 0);
    assert_true(one_value(call_log, 0.0f) == -INFINITY);
    assert_true(one_value(call_log, -0.0f) == -INFINITY);
    assert_true(one_value(call_log, 0x1p-140f) == -INFINITY);
    assert_true(one_value(call_log, INFINITY) == INFINITY);
    assert_true(isnan(one_value(call_log, -1.0f)));
    assert_true(isnan(one_value(call_log, -INFINITY)));
    assert_true(isnan(one_value(call_log, NAN)));
}

static void test_log1p_unit_accuracy(void **state)
{
    (void)state;
    check_range("log1p", call_log1p_unit, log1p, 0x1p-126f, 1.0f, 2.5);
    assert_true(one_value(call_log1p_unit, 0.0f) == 0);
    assert_true(isnan(one_value(call_log1p_unit, NAN)));
}

static void test_sigmoid_accuracy(void **state)
{
    (void)state;
    check_range("sigmoid", call_sigmoid, exact_sigmoid, -87.3f, -0x1p-126f, 2.8);
    check_range("sigmoid", call_sigmoid, exact_sigmoid, 0x1p-126f, 0x1.fffffep127f, 2.8);
    assert_true(one_value(call_sigmoid, 0.0f) == 0.5f);
    assert_true(one_value(call_sigmoid, -0.0f) == 0.5f);
    assert_true(one_value(call_sigmoid, INFINITY) == 1);
    assert_true(one_value(call_sigmoid, -INFINITY) < 0x1p-125f);
    assert_true(one_value(call_sigmoid, -INFINITY) >= 0);
    assert_true(isnan(one_value(call_sigmoid, NAN)));
}

static void test_tanh_accuracy(void **state)
{
    (void)state;
    check_range("tanh", call_tanh, tanh, 0x1p-126f, 0x1.fffffep127f, 2.5);
    for (int i = -1200; i < 70; i++) { /* odd to the last bit */
        const float x = exp2f((float)i * 0.1f);
        assert_true(one_value(call_tanh, -x) == -one_value(call_tanh, x));
    }
    assert_true(to_bits(one_value(call_tanh, 0.0f)) == 0);
    assert_true(to_bits(one_value(call_tanh, -0.0f)) == 0x80000000u);
    assert_true(one_value(call_tanh, INFINITY) == 1);
    assert_true(one_value(call_tanh, -INFINITY) == -1);
    assert_true(isnan(one_value(call_tanh, NAN)));
}

static void test_expm1_negative_accuracy(void **state)
{
    (void)state;
    check_range("expm1", call_expm1_negative, expm1, -0x1.fffffep127f, -0x1p-126f, 2.0);
    assert_true(one_value(call_expm1_negative, 0.0f) == 0);
    assert_true(one_value(call_expm1_negative, -INFINITY) == -1);
    assert_true(isnan(one_value(call_expm1_negative, NAN)));
}

static void test_softplus_accuracy(void **state)
{
    (void)state;
    check_range("softplus", call_softplus, exact_softplus, -87.3f, -0x1p-126f, 2.8);
    check_range("softplus", call_softplus, exact_softplus, 0x1p-126f, 0x1.fffffep127f, 2.8);
    assert_true(one_value(call_softplus, INFINITY) == INFINITY);
    assert_true(one_value(call_softplus, -INFINITY) < 0x1p-125f);
    assert_true(one_value(call_softplus, -INFINITY) >= 0);
    assert_true(isnan(one_value(call_softplus, NAN)));
}

/* ---- Through the kernels --------------------------------------------------------------------- */

static void test_activate_elu_accuracy(void **state)
{
    (void)state;
    enum { COUNT = 1 << 16 };
    const float alpha = 1.7f;
    uint64_t random = 1;
    float *x = aed_case_floats(&random, COUNT, -20, 5);
    float *y = aed_case_floats(&random, COUNT, 0, 1);
    double worst = 0;
    aed_kernels()->activate(AED_ELU, alpha, COUNT, x, y);
    for (int i = 0; i < COUNT; i++)
        worst = fmax(worst, aed_case_ulps(x[i] < 0 ? alpha * expm1((double)x[i]) : x[i], y[i]));
    if (worst > 3) fail_msg("elu is off by %.2f units", worst);
    aed_free(x);
    aed_free(y);
}

/* Binary cross-entropy of one prediction and target; its slope is *slope. */
static double bce(float y, float t, float *slope)
{
    float outputs[16], targets[16], dy[16];
    for (int i = 0; i < 16; i++) {
        outputs[i] = y;
        targets[i] = t;
    }
    const double loss = aed_kernels()->loss(AED_BCE, 0, 1, 16, 1, outputs, targets, 1, dy);
    *slope = dy[0];
    return loss;
}

static double clamped_log(double x, double exact) { return x <= 0 || exact < -100 ? -100 : exact; }

static void test_loss_bce_accuracy(void **state)
{
    (void)state;
    uint64_t random = 2;
    double worst = 0, worst_slope = 0;
    for (int i = 0; i < aed_case_rounds(200000); i++) {
        float y = (float)aed_case_uniform(&random, 0, 1), slope;
        if (i % 2) y = from_bits((uint32_t)aed_case_int(&random, 0x00800000, 0x3f800000));
        if (i % 4 == 3) y = 1 - y;
        const float t = i % 3 == 0 ? 0 : i % 3 == 1 ? 1 : (float)aed_case_uniform(&random, 0, 1);
        const double loss = bce(y, t, &slope);
        const double exact = -(t * clamped_log(y, log((double)y)) +
                               (1.0 - t) * clamped_log(1.0 - y, log1p(-(double)y)));
        worst = fmax(worst, aed_case_ulps(exact, (float)loss));
        worst_slope = fmax(worst_slope,
                           aed_case_ulps(((double)y - t) / fmax(y * (1.0 - y), 1e-12), slope));
    }
    if (worst > 3) fail_msg("bce is off by %.2f units", worst);
    if (worst_slope > 3) fail_msg("its slope is off by %.2f units", worst_slope);
}

/* The clamps: the logarithm at -100, the slope's denominator at 1e-12. */
static void test_loss_bce_clamps(void **state)
{
    (void)state;
    float slope;
    assert_true(bce(0, 1, &slope) == 100);
    assert_true(fabsf(slope / -1e12f - 1) < 1e-6f);
    assert_true(bce(1, 0, &slope) == 100);
    assert_true(fabsf(slope / 1e12f - 1) < 1e-6f);
    assert_true(bce(0, 0, &slope) == 0 && slope == 0);
    assert_true(bce(1, 1, &slope) == 0 && slope == 0);
    assert_true(isnan(bce(NAN, 1, &slope)) && isnan(slope));
    assert_true(isnan(bce(-0.5f, 1, &slope)));
    assert_true(isnan(bce(1.5f, 0, &slope)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exp_negative_accuracy),
        cmocka_unit_test(test_log_accuracy),
        cmocka_unit_test(test_log1p_unit_accuracy),
        cmocka_unit_test(test_sigmoid_accuracy),
        cmocka_unit_test(test_tanh_accuracy),
        cmocka_unit_test(test_expm1_negative_accuracy),
        cmocka_unit_test(test_softplus_accuracy),
        cmocka_unit_test(test_activate_elu_accuracy),
        cmocka_unit_test(test_loss_bce_accuracy),
        cmocka_unit_test(test_loss_bce_clamps),
    };
    return cmocka_run_group_tests(tests, pin, NULL);
}
