/* All kernel sets give equal bits: every kernel, on inputs of many shapes, with NaN, infinities,
 * zeros and subnormals where a user's data or a diverging run may bring them. The plain set is the
 * reference; test_kernel_math.c and the last cases check its values. For the products see
 * test_kernel_product_bits.c. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "support/kernel_case.h"

/* ---- Elementwise ----------------------------------------------------------------------------- */

static float *activate_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    *count = 16 * aed_case_int(&seed, 1, 40);
    const float parameter = (float)aed_case_uniform(&seed, 0.01, 2);
    float *x = aed_case_odd_floats(&seed, *count), *y = aed_case_copy(*count, x);
    set->activate((aed_activation)(seed % 7), parameter, *count, x, y);
    aed_free(x);
    return y;
}

/* In place, of whole channels, and their sums: what activate_backward and bias_gradient do one after the other. */
static float *activate_bias_gradient_case(const aed_kernels_table *set, uint64_t seed,
                                          int64_t *count)
{
    const int channels = aed_case_int(&seed, 1, 5);
    const int64_t columns = 16 * aed_case_int(&seed, 1, 6), all = channels * columns;
    const aed_activation kind = (aed_activation)(seed % 7);
    const float parameter = (float)aed_case_uniform(&seed, 0.01, 2);
    float *y = aed_case_mixed_floats(&seed, all), *grad = aed_case_floats(&seed, channels, -1, 1);
    float *out = aed_case_mixed_floats(&seed, *count = all + channels),
          *apart = aed_case_copy(all, out);
    memcpy(out + all, grad, (size_t)channels * sizeof *grad);
    set->activate_bias_gradient(kind, parameter, channels, columns, y, out, out + all);
    set->activate_backward(kind, parameter, all, y, apart, apart);
    set->bias_gradient(channels, columns, apart, grad);
    aed_case_equal_bits("activate_bias_gradient, in two steps", all, apart, out);
    aed_case_equal_bits("activate_bias_gradient's sums", channels, grad, out + all);
    aed_free(y);
    aed_free(grad);
    aed_free(apart);
    return out;
}

static float *activate_backward_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    *count = 16 * aed_case_int(&seed, 1, 40);
    const float parameter = (float)aed_case_uniform(&seed, 0.01, 2);
    float *y = aed_case_odd_floats(&seed, *count), *dy = aed_case_odd_floats(&seed, *count);
    float *dx = aed_case_copy(*count, y);
    set->activate_backward((aed_activation)(seed % 7), parameter, *count, y, dy, dx);
    aed_free(y);
    aed_free(dy);
    return dx;
}

static float *softmax_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    const int channels = aed_case_int(&seed, 1, 20);
    const int64_t columns = 16 * aed_case_int(&seed, 1, 6);
    *count = channels * columns;
    float *x = aed_case_mixed_floats(&seed, *count), *y = aed_case_copy(*count, x);
    if (seed & 1) {
        set->softmax(channels, columns, x, y);
    } else {
        float *dy = aed_case_mixed_floats(&seed, *count);
        set->softmax_backward(channels, columns, x, dy, y);
        aed_free(dy);
    }
    aed_free(x);
    return y;
}

static float *loss_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    const int lanes = 16 * aed_case_int(&seed, 1, 4), valid = aed_case_int(&seed, 1, lanes);
    const int64_t features = aed_case_int(&seed, 1, 100);
    const int odd = aed_case_int(&seed, 0, 2) == 0;
    *count = features * lanes + 2;
    float *y = aed_case_floats(&seed, *count, 0, 1), *target = aed_case_floats(&seed, *count, 0, 1);
    float *dy = aed_case_floats(&seed, *count, 0, 1);
    if (odd) {
        aed_free(y);
        y = aed_case_odd_floats(&seed, *count);
    }
    const double loss = set->loss((aed_loss_function)(seed % 4), 0.3f, features, lanes, valid, y,
                                  target, 0.7f, dy);
    /* The loss's own bits behind the gradient. */
    if (isnan(loss))
        dy[*count - 2] = dy[*count - 1] = NAN;
    else
        memcpy(dy + *count - 2, &loss, sizeof loss);
    aed_free(y);
    aed_free(target);
    return dy;
}

static float *cross_entropy_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    const int lanes = 16 * aed_case_int(&seed, 1, 4), valid = aed_case_int(&seed, 1, lanes);
    const int classes = aed_case_int(&seed, 1, 40);
    const bool odd = aed_case_int(&seed, 0, 2) == 0;
    int32_t labels[64];
    for (int lane = 0; lane < lanes; lane++) labels[lane] = aed_case_int(&seed, 0, classes - 1);
    *count = classes * lanes + 2;
    float *y = odd ? aed_case_odd_floats(&seed, *count) : aed_case_floats(&seed, *count, -9, 9);
    float *dy = aed_case_floats(&seed, *count, 0, 1);
    const double loss = set->cross_entropy(seed % 2 ? 0 : 0.1f, classes, lanes, valid, y, labels,
                                           0.7f, dy);
    if (isnan(loss))
        dy[*count - 2] = dy[*count - 1] = NAN;
    else
        memcpy(dy + *count - 2, &loss, sizeof loss);
    aed_free(y);
    return dy;
}

static float *sum_of_squares_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    const int64_t length = 16 * aed_case_int(&seed, 0, 40);
    float *x = aed_case_floats(&seed, length, -2, 2), *out = aed_case_floats(&seed, 2, 0, 1);
    const double sum = set->sum_of_squares(length, x);
    memcpy(out, &sum, sizeof sum);
    *count = 2;
    aed_free(x);
    return out;
}

static float *scale_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    *count = 16 * aed_case_int(&seed, 0, 40);
    float *x = aed_case_odd_floats(&seed, *count);
    set->scale(*count, 1.7f, x);
    return x;
}

static void test_elementwise_same_bits(void **state)
{
    (void)state;
    aed_case_same_in_sets("activate", activate_case, 400);
    aed_case_same_in_sets("activate_backward", activate_backward_case, 400);
    aed_case_same_in_sets("activate_bias_gradient", activate_bias_gradient_case, 300);
    aed_case_same_in_sets("softmax", softmax_case, 300);
    aed_case_same_in_sets("loss", loss_case, 400);
    aed_case_same_in_sets("cross_entropy", cross_entropy_case, 400);
    aed_case_same_in_sets("sum_of_squares", sum_of_squares_case, 100);
    aed_case_same_in_sets("scale", scale_case, 100);
}

/* ---- Random numbers and optimisers ----------------------------------------------------------- */

static float *random_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    const int lanes = 16 * aed_case_int(&seed, 1, 4), elements = aed_case_int(&seed, 1, 33);
    const aed_rng_key key = {{(uint32_t)aed_case_bits(&seed), (uint32_t)aed_case_bits(&seed)}};
    uint32_t ids[64];
    for (int lane = 0; lane < lanes; lane++) ids[lane] = (uint32_t)aed_case_bits(&seed);
    *count = elements * lanes;
    float *x = aed_case_mixed_floats(&seed, *count), *std = aed_case_floats(&seed, elements, 0, 1);
    float *y = aed_case_copy(*count, x);
    if (seed & 1)
        set->normal(key, ids, lanes, (uint32_t)(seed >> 8) & ~1u, elements, y);
    else
        set->add_noise(key, ids, lanes, elements, std, x, y);
    aed_free(x);
    aed_free(std);
    return y;
}

/* Noise, then (for odd seeds) the largest channel of it. */
static float *gumbel_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    const int lanes = 16 * aed_case_int(&seed, 1, 4), elements = aed_case_int(&seed, 1, 33);
    const bool largest = seed & 1;
    const aed_rng_key key = {{(uint32_t)aed_case_bits(&seed), (uint32_t)aed_case_bits(&seed)}};
    uint32_t ids[64];
    for (int lane = 0; lane < lanes; lane++) ids[lane] = (uint32_t)aed_case_bits(&seed);
    *count = elements * lanes;
    float *x = aed_case_mixed_floats(&seed, *count);
    set->add_gumbel(key, ids, lanes, elements, 0.7f, x, x);
    if (largest) set->one_hot(elements, lanes, x, x);
    return x;
}

/* Parameters and both states, one after the other. */
static float *adam_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    const int64_t length = 16 * aed_case_int(&seed, 1, 40);
    const aed_adam_settings settings = {0.9f,   0.999f,
                                        1e-8f,  0.1f,
                                        0.001f, (float)aed_case_uniform(&seed, 0, 1),
                                        1.5f,   (float)aed_case_uniform(&seed, 0, 0.1),
                                        0.99f};
    float *grads = aed_case_mixed_floats(&seed, length),
          *all = aed_case_floats(&seed, 3 * length, 0, 1);
    set->adam(&settings, length, grads, all, all + length, all + 2 * length);
    *count = 3 * length;
    aed_free(grads);
    return all;
}

static float *sgd_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    const int64_t length = 16 * aed_case_int(&seed, 1, 40);
    const aed_sgd_settings settings = {
        0.1f, 0.9f, 0.5f, 0.01f, aed_case_int(&seed, 0, 1), aed_case_int(&seed, 0, 1)};
    float *grads = aed_case_mixed_floats(&seed, length),
          *all = aed_case_floats(&seed, 2 * length, 0, 1);
    set->sgd(&settings, length, grads, all, aed_case_int(&seed, 0, 2) ? all + length : NULL);
    *count = 2 * length;
    aed_free(grads);
    return all;
}

static void test_random_and_optimisers_same_bits(void **state)
{
    (void)state;
    aed_case_same_in_sets("normal, add_noise", random_case, 300);
    aed_case_same_in_sets("add_gumbel, one_hot", gumbel_case, 300);
    aed_case_same_in_sets("adam", adam_case, 200);
    aed_case_same_in_sets("sgd", sgd_case, 200);
}

/* ---- Lanes that only repeat a sample --------------------------------------------------------- */

/* With NaN in the lanes from `valid` on, the loss is that of the valid ones and dy is +0 there. */
static void check_unused_lanes(const aed_kernels_table *set, aed_loss_function kind, uint64_t seed)
{
    const int lanes = 16 * aed_case_int(&seed, 1, 4), valid = aed_case_int(&seed, 1, lanes - 1);
    const int64_t features = aed_case_int(&seed, 1, 70), count = features * lanes;
    float *y = aed_case_floats(&seed, count, 0.1, 0.9), *t = aed_case_floats(&seed, count, 0, 1);
    float *dy = aed_case_odd_floats(&seed, count), *clean_dy = aed_case_odd_floats(&seed, count);
    const double clean = set->loss(kind, 0.2f, features, lanes, valid, y, t, 1, clean_dy);
    for (int64_t i = 0; i < count; i++)
        if (i % lanes >= valid) y[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -1e30f;
    const double loss = set->loss(kind, 0.2f, features, lanes, valid, y, t, 1, dy);
    assert_true(isfinite(loss) && loss > 0);
    assert_memory_equal(&loss, &clean, sizeof loss);
    assert_memory_equal(dy, clean_dy, sizeof *dy * (size_t)count);
    const float zero = 0;
    for (int64_t i = 0; i < count; i++)
        if (i % lanes >= valid) assert_memory_equal(&dy[i], &zero, sizeof zero);
    assert_true(set->loss(kind, 0.2f, features, lanes, valid, y, t, 1, NULL) == loss);
    aed_free(y);
    aed_free(t);
    aed_free(dy);
    aed_free(clean_dy);
}

static void test_loss_ignores_unused_lanes(void **state)
{
    (void)state;
    for (int i = 0; i < AED_CASE_SETS; i++) {
        const aed_kernels_table *set = aed_kernels_named(aed_case_sets[i]);
        for (int kind = AED_MSE; set && kind <= AED_SMOOTH_L1; kind++)
            for (uint64_t seed = 1; seed <= 50; seed++)
                check_unused_lanes(set, (aed_loss_function)kind, seed);
    }
}

/* An element's bits do not depend on the lanes and columns beside it. */
static void test_dense_independent_of_columns(void **state)
{
    (void)state;
    enum { ROWS = 13, INNER = 21, MOST = 16 * 13 };
    uint64_t seed = 3;
    float *w = aed_case_floats(&seed, ROWS * INNER, -1, 1);
    float *x = aed_case_floats(&seed, INNER * 16, -1, 1),
          *wide = aed_case_floats(&seed, INNER * MOST, 0, 1);
    float *expected = aed_case_floats(&seed, ROWS * 16, 0, 1),
          *y = aed_case_floats(&seed, ROWS * MOST, 0, 1);
    aed_kernels()->dense(ROWS, INNER, 16, w, INNER, 1, false, NULL, AED_IDENTITY, x, expected);
    for (int64_t columns = 16; columns <= MOST; columns += 16) {
        for (int64_t i = 0; i < INNER * columns; i++) wide[i] = x[i / columns * 16 + i % 16];
        aed_kernels()->dense(ROWS, INNER, columns, w, INNER, 1, false, NULL, AED_IDENTITY, wide, y);
        for (int64_t i = 0; i < ROWS * columns; i++)
            aed_case_equal_bits("dense", 1, expected + i / columns * 16 + i % 16, y + i);
    }
    aed_free(w);
    aed_free(x);
    aed_free(wide);
    aed_free(expected);
    aed_free(y);
}

/* ---- Choosing a set -------------------------------------------------------------------------- */

static void test_kernels_choose_by_environment(void **state)
{
    (void)state;
    for (int i = 0; i < AED_CASE_SETS; i++) {
        if (!aed_kernels_named(aed_case_sets[i])) continue;
        assert_int_equal(setenv("AEDIST_SIMD", aed_case_sets[i], 1), 0);
        assert_int_equal(aed_kernels_choose(), AED_OK);
        assert_string_equal(aed_kernels()->name, aed_case_sets[i]);
    }
    setenv("AEDIST_SIMD", "sse9", 1);
    assert_int_equal(aed_kernels_choose(), AED_CONFIG);
    assert_non_null(strstr(aed_status_message(), "sse9"));
    assert_null(aed_kernels_named("sse9"));
    unsetenv("AEDIST_SIMD");
}

static unsigned environment_before; /* of the group's pin */

/* Volatile, so that the compiler leaves the product where it is written. */
static volatile float tiny = 0x1p-126f, half = 0.5f;

static void test_float_pin_flushes_and_restores(void **state)
{
    (void)state;
    const unsigned outside = aed_float_pin();
    volatile float kept, flushed, again;
    aed_float_restore(environment_before);
    kept = tiny * half;
    const unsigned old = aed_float_pin();
    flushed = tiny * half;
    aed_float_restore(old);
    again = tiny * half;
    assert_true(kept > 0 && again > 0);
#if defined(__x86_64__) || defined(__aarch64__)
    if (!aed_case_on_valgrind()) assert_true(flushed == 0); /* it cannot flush */
#endif
    aed_float_restore(outside);
}

static int pin(void **state)
{
    (void)state;
    environment_before = aed_float_pin();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elementwise_same_bits),
        cmocka_unit_test(test_random_and_optimisers_same_bits),
        cmocka_unit_test(test_loss_ignores_unused_lanes),
        cmocka_unit_test(test_dense_independent_of_columns),
        cmocka_unit_test(test_kernels_choose_by_environment),
        cmocka_unit_test(test_float_pin_flushes_and_restores),
    };
    return cmocka_run_group_tests(tests, pin, NULL);
}
