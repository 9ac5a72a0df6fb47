/* All kernel sets give equal bits: every kernel, on inputs of many shapes, with NaN, infinities,
 * zeros and subnormals where a user's data or a diverging run may bring them. The plain set is the
 * reference; test_kernel_products.c, test_kernel_math.c and the last cases check its values. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "support/kernel_case.h"
#include "support/pair_lists.h"
#include "support/winograd_case.h"

/* A random call of one kernel: makes its inputs from the seed and returns what it wrote, *count
 * floats to be freed by the caller. */
typedef float *(*set_case)(const aed_kernels_table *set, uint64_t seed, int64_t *count);

static void check_sets(const char *what, set_case run, int runs)
{
    const aed_kernels_table *plain = aed_kernels_named("plain");
    assert_non_null(plain);
    for (int seed = 1; seed <= runs; seed++) {
        int64_t count, other_count;
        float *expected = run(plain, (uint64_t)seed, &count);
        for (int i = 0; i + 1 < AED_CASE_SETS; i++) {
            const aed_kernels_table *set = aed_kernels_named(aed_case_sets[i]);
            if (!set) continue;
            float *actual = run(set, (uint64_t)seed, &other_count);
            assert_int_equal(count, other_count);
            aed_case_equal_bits(what, count, expected, actual);
            aed_free(actual);
        }
        aed_free(expected);
    }
}

/* Ordinary numbers for most seeds, every kind of number for each fourth. */
static float *mixed_floats(uint64_t *seed, int64_t count)
{
    return aed_case_int(seed, 0, 3) ? aed_case_floats(seed, count, -2, 2)
                                    : aed_case_odd_floats(seed, count);
}

/* ---- Products -------------------------------------------------------------------------------- */

static float *dense_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    const int rows = aed_case_int(&seed, 1, 40), inner = aed_case_int(&seed, 1, 50);
    const int64_t columns = 16 * aed_case_int(&seed, 1, 13);
    const int transposed = aed_case_int(&seed, 0, 1);
    const aed_activation activation = aed_case_int(&seed, 0, 1) ? AED_RELU : AED_IDENTITY;
    float *w = aed_case_floats(&seed, rows * inner, -1, 1),
          *x = mixed_floats(&seed, inner * columns);
    float *bias = aed_case_floats(&seed, rows, -1, 1);
    float *y = aed_case_floats(&seed, *count = rows * columns, -1, 1);
    set->dense(rows, inner, columns, w, transposed ? 1 : inner, transposed ? rows : 1,
               aed_case_int(&seed, 0, 1) ? bias : NULL, activation, x, y);
    aed_free(w);
    aed_free(bias);
    aed_free(x);
    return y;
}

static float *dense_weight_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    const int a = aed_case_int(&seed, 1, 40), b = aed_case_int(&seed, 1, 70);
    const int64_t columns = 16 * aed_case_int(&seed, 1, 13);
    float *u = mixed_floats(&seed, a * columns), *v = aed_case_floats(&seed, b * columns, -1, 1);
    float *grad = aed_case_floats(&seed, *count = a * b, -1, 1);
    float *scratch = aed_case_odd_floats(&seed, aed_dense_weight_group(b, columns) * columns);
    float *other = aed_case_floats(&seed, a * b, -1, 1);
    const bool joins = aed_case_int(&seed, 0, 1);
    set->dense_weight(a, b, columns, u, v, aed_case_int(&seed, 0, 1), joins ? other : grad,
                      joins ? grad : NULL, scratch);
    aed_free(other);
    aed_free(u);
    aed_free(v);
    aed_free(scratch);
    return grad;
}

/* Every third moves by one, over many places. */
static aed_case_window random_window(uint64_t *seed)
{
    if (aed_case_int(seed, 0, 2) == 0) return aed_case_window_dense(seed);
    return (aed_case_window){.positions = aed_case_int(seed, 1, 9),
                             .taps = aed_case_int(seed, 1, 20),
                             .wide_positions = aed_case_int(seed, 1, 40),
                             .stride = aed_case_int(seed, 1, 4),
                             .padding = aed_case_int(seed, 0, 3),
                             .dilation = aed_case_int(seed, 1, 2)};
}

/* Often one, which has code of its own. */
static int some_channels(uint64_t *seed)
{
    return aed_case_int(seed, 0, 2) ? aed_case_int(seed, 1, 20) : 1;
}

static float *gather_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    const aed_case_window window = random_window(&seed);
    const int outputs = some_channels(&seed), inputs = some_channels(&seed);
    const int lanes = 16 * aed_case_int(&seed, 1, 4), taps = window.taps;
    aed_gather plan = {.outputs = outputs,
                       .inputs = inputs,
                       .w_out = taps,
                       .w_in = outputs * taps,
                       .x_positions = window.positions,
                       .pairs = aed_case_pairs_make(&window, AED_CASE_BY_Q)};
    float *w = aed_case_floats(&seed, outputs * inputs * taps, -1, 1);
    float *bias = aed_case_floats(&seed, outputs, -1, 1);
    float *x = mixed_floats(&seed, (int64_t)inputs * window.positions * lanes);
    float *y = aed_case_floats(&seed, *count = (int64_t)outputs * plan.pairs.rows * lanes, -1, 1);
    const aed_activation activation = aed_case_int(&seed, 0, 1) ? AED_RELU : AED_IDENTITY;
    set->gather(&plan, lanes, w, aed_case_int(&seed, 0, 1) ? bias : NULL, activation, x, y);
    aed_case_pairs_free(&plan.pairs);
    aed_free(w);
    aed_free(bias);
    aed_free(x);
    return y;
}

/* The three products of minimal filtering, one after the other. */
static float *winograd_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    const aed_winograd conv = aed_case_winograd(&seed);
    const int lanes = 16 * aed_case_int(&seed, 1, 3);
    const int64_t narrow = conv.narrow * aed_case_winograd_points(&conv, true) * lanes;
    const int64_t wide = conv.wide * aed_case_winograd_points(&conv, false) * lanes;
    const int64_t weights = conv.narrow * conv.wide * conv.taps * conv.taps;
    const aed_activation activation = aed_case_int(&seed, 0, 1) ? AED_RELU : AED_IDENTITY;
    float *w = aed_case_floats(&seed, weights, -1, 1), *bias = aed_case_floats(&seed, 9, -1, 1);
    float *n = mixed_floats(&seed, narrow), *x = mixed_floats(&seed, wide);
    float *expanded = aed_case_odd_floats(&seed, aed_winograd_weights(&conv));
    float *scratch = aed_case_odd_floats(&seed, aed_winograd_scratch(&conv));
    float *more = aed_case_odd_floats(&seed, aed_winograd_gradient_scratch(&conv));
    float *out = aed_case_floats(&seed, *count = narrow + wide + weights + conv.wide, -1, 1);
    set->winograd_weights(&conv, false, w, expanded);
    set->winograd(&conv, true, lanes, expanded, bias, activation, x, out, scratch);
    set->winograd(&conv, false, lanes, expanded, bias, activation, n, out + narrow, scratch);
    float *const grads = out + narrow + wide;
    set->winograd_gradient(&conv, lanes, n, x, grads, aed_case_int(&seed, 0, 1) ? bias : NULL,
                           grads + weights, more);
    aed_free(w);
    aed_free(bias);
    aed_free(n);
    aed_free(x);
    aed_free(expanded);
    aed_free(scratch);
    aed_free(more);
    return out;
}

static float *gather_weight_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    const aed_case_window window = random_window(&seed);
    const int lanes = 16 * aed_case_int(&seed, 1, 4), taps = window.taps;
    const int a = some_channels(&seed), b = some_channels(&seed);
    aed_gather_weight plan = {.a_channels = a,
                              .b_channels = b,
                              .w_a = b * taps,
                              .w_b = taps,
                              .v_positions = window.wide_positions,
                              .taps = taps,
                              .pairs = aed_case_pairs_make(&window, AED_CASE_BY_P)};
    float *u = mixed_floats(&seed, (int64_t)a * window.positions * lanes);
    float *v = aed_case_floats(&seed, (int64_t)b * window.wide_positions * lanes, -1, 1);
    float *grad = aed_case_floats(&seed, *count = (int64_t)a * b * taps, -1, 1);
    set->gather_weight(&plan, lanes, u, v, grad);
    aed_case_pairs_free(&plan.pairs);
    aed_free(u);
    aed_free(v);
    return grad;
}

static float *bias_gradient_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    const int64_t columns = 16 * aed_case_int(&seed, 1, 13);
    const int channels = aed_case_int(&seed, 1, 20);
    float *dy = mixed_floats(&seed, channels * columns);
    float *grad = aed_case_floats(&seed, *count = channels, -1, 1);
    set->bias_gradient(channels, columns, dy, grad);
    aed_free(dy);
    return grad;
}

static void test_products_same_bits(void **state)
{
    (void)state;
    check_sets("dense", dense_case, 300);
    check_sets("dense_weight", dense_weight_case, 200);
    check_sets("gather", gather_case, 300);
    check_sets("gather_weight", gather_weight_case, 300);
    check_sets("winograd", winograd_case, 200);
    check_sets("bias_gradient", bias_gradient_case, 100);
}

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
    float *x = mixed_floats(&seed, *count), *y = aed_case_copy(*count, x);
    if (seed & 1) {
        set->softmax(channels, columns, x, y);
    } else {
        float *dy = mixed_floats(&seed, *count);
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
    check_sets("activate", activate_case, 400);
    check_sets("activate_backward", activate_backward_case, 400);
    check_sets("softmax", softmax_case, 300);
    check_sets("loss", loss_case, 400);
    check_sets("cross_entropy", cross_entropy_case, 400);
    check_sets("sum_of_squares", sum_of_squares_case, 100);
    check_sets("scale", scale_case, 100);
}

/* ---- Random numbers and optimisers ----------------------------------------------------------- */

static float *random_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    const int lanes = 16 * aed_case_int(&seed, 1, 4), elements = aed_case_int(&seed, 1, 33);
    const aed_rng_key key = {{(uint32_t)aed_case_bits(&seed), (uint32_t)aed_case_bits(&seed)}};
    uint32_t ids[64];
    for (int lane = 0; lane < lanes; lane++) ids[lane] = (uint32_t)aed_case_bits(&seed);
    *count = elements * lanes;
    float *x = mixed_floats(&seed, *count), *std = aed_case_floats(&seed, elements, 0, 1);
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
    float *x = mixed_floats(&seed, *count);
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
    float *grads = mixed_floats(&seed, length), *all = aed_case_floats(&seed, 3 * length, 0, 1);
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
    float *grads = mixed_floats(&seed, length), *all = aed_case_floats(&seed, 2 * length, 0, 1);
    set->sgd(&settings, length, grads, all, aed_case_int(&seed, 0, 2) ? all + length : NULL);
    *count = 2 * length;
    aed_free(grads);
    return all;
}

static void test_random_and_optimisers_same_bits(void **state)
{
    (void)state;
    check_sets("normal, add_noise", random_case, 300);
    check_sets("add_gumbel, one_hot", gumbel_case, 300);
    check_sets("adam", adam_case, 200);
    check_sets("sgd", sgd_case, 200);
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
    aed_kernels()->dense(ROWS, INNER, 16, w, INNER, 1, NULL, AED_IDENTITY, x, expected);
    for (int64_t columns = 16; columns <= MOST; columns += 16) {
        for (int64_t i = 0; i < INNER * columns; i++) wide[i] = x[i / columns * 16 + i % 16];
        aed_kernels()->dense(ROWS, INNER, columns, w, INNER, 1, NULL, AED_IDENTITY, wide, y);
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
        cmocka_unit_test(test_products_same_bits),
        cmocka_unit_test(test_elementwise_same_bits),
        cmocka_unit_test(test_random_and_optimisers_same_bits),
        cmocka_unit_test(test_loss_ignores_unused_lanes),
        cmocka_unit_test(test_dense_independent_of_columns),
        cmocka_unit_test(test_kernels_choose_by_environment),
        cmocka_unit_test(test_float_pin_flushes_and_restores),
    };
    return cmocka_run_group_tests(tests, pin, NULL);
}
