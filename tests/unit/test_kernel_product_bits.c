/* All kernel sets give equal bits: the products, with NaN, infinities, zeros and subnormals among their inputs.
 * The plain set is the reference; test_kernel_products.c and test_kernel_winograd.c check its values. */
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

static float *dense_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    const int rows = aed_case_int(&seed, 1, 40), inner = aed_case_int(&seed, 1, 50);
    const int64_t columns = 16 * aed_case_int(&seed, 1, 13);
    const int transposed = aed_case_int(&seed, 0, 1);
    const aed_activation activation = aed_case_int(&seed, 0, 1) ? AED_RELU : AED_IDENTITY;
    float *w = aed_case_floats(&seed, rows * inner, -1, 1),
          *x = aed_case_mixed_floats(&seed, inner * columns);
    float *bias = aed_case_floats(&seed, rows, -1, 1);
    float *y = aed_case_floats(&seed, *count = rows * columns, -1, 1);
    set->dense(rows, inner, columns, w, transposed ? 1 : inner, transposed ? rows : 1,
               aed_case_int(&seed, 0, 1), aed_case_int(&seed, 0, 1) ? bias : NULL, activation, x,
               y);
    aed_free(w);
    aed_free(bias);
    aed_free(x);
    return y;
}

static float *dense_weight_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    const int a = aed_case_int(&seed, 1, 40), b = aed_case_int(&seed, 1, 70);
    const int64_t columns = 16 * aed_case_int(&seed, 1, 13);
    float *u = aed_case_mixed_floats(&seed, a * columns),
          *v = aed_case_floats(&seed, b * columns, -1, 1);
    float *grad = aed_case_floats(&seed, *count = a * b, -1, 1);
    float *strips = aed_case_odd_floats(&seed, aed_dense_strips_floats(b, columns));
    float *other = aed_case_floats(&seed, a * b, -1, 1);
    const bool joins = aed_case_int(&seed, 0, 1);
    set->dense_strips(b, columns, v, strips);
    set->dense_weight(a, b, columns, u, strips, aed_case_int(&seed, 0, 1), joins ? other : grad,
                      joins ? grad : NULL);
    aed_free(other);
    aed_free(u);
    aed_free(v);
    aed_free(strips);
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
    float *x = aed_case_mixed_floats(&seed, (int64_t)inputs * window.positions * lanes);
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
    float *w = aed_case_floats(&seed, weights, -1, 1),
          *bias = aed_case_floats(&seed, AED_CASE_CHANNELS, -1, 1);
    float *n = aed_case_mixed_floats(&seed, narrow), *x = aed_case_mixed_floats(&seed, wide);
    float *expanded = aed_case_odd_floats(&seed, aed_winograd_weights(&conv));
    float *scratch = aed_case_odd_floats(&seed, aed_winograd_scratch(&conv));
    float *more = aed_case_odd_floats(&seed, aed_winograd_gradient_scratch(&conv));
    float *out = aed_case_floats(&seed, *count = narrow + wide + weights + conv.narrow + conv.wide,
                                 -1, 1);
    float *const grads = out + narrow + wide, *const biases = grads + weights;
    set->winograd_weights(&conv, false, w, expanded);
    set->winograd(&conv, true, lanes, expanded, bias, activation, x, out, scratch);
    set->winograd(&conv, false, lanes, expanded, bias, activation, n, out + narrow, scratch);
    set->winograd_gradient(&conv, lanes, n, x, grads, biases, biases + conv.narrow, more);
    aed_free(w);
    aed_free(bias);
    aed_free(n);
    aed_free(x);
    aed_free(expanded);
    aed_free(scratch);
    aed_free(more);
    return out;
}

static float *scatter_case(const aed_kernels_table *set, uint64_t seed, int64_t *count)
{
    const int lanes = 16 * aed_case_int(&seed, 1, 3);
    aed_scatter plan = {.outputs = some_channels(&seed),
                        .inputs = some_channels(&seed),
                        .rows = aed_case_int(&seed, 1, 7),
                        .columns = aed_case_int(&seed, 1, 9),
                        .high = aed_case_int(&seed, 1, 3),
                        .wide = aed_case_int(&seed, 1, 3)};
    const int64_t positions = plan.rows * plan.columns, taps = plan.high * plan.wide;
    plan.w_in = plan.outputs * taps;
    float *w = aed_case_floats(&seed, plan.inputs * plan.w_in, -1, 1);
    float *bias = aed_case_floats(&seed, plan.outputs, -1, 1);
    float *x = aed_case_mixed_floats(&seed, plan.inputs * positions * lanes);
    float *y = aed_case_floats(&seed, *count = plan.outputs * taps * positions * lanes, -1, 1);
    set->scatter(&plan, lanes, w, aed_case_int(&seed, 0, 1) ? bias : NULL,
                 aed_case_int(&seed, 0, 1) ? AED_RELU : AED_IDENTITY, x, y);
    aed_free(w);
    aed_free(bias);
    aed_free(x);
    return y;
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
    float *u = aed_case_mixed_floats(&seed, (int64_t)a * window.positions * lanes);
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
    float *dy = aed_case_mixed_floats(&seed, channels * columns);
    float *grad = aed_case_floats(&seed, *count = channels, -1, 1);
    set->bias_gradient(channels, columns, dy, grad);
    aed_free(dy);
    return grad;
}

static void test_products_same_bits(void **state)
{
    (void)state;
    aed_case_same_in_sets("dense", dense_case, 300);
    aed_case_same_in_sets("dense_weight", dense_weight_case, 200);
    aed_case_same_in_sets("gather", gather_case, 300);
    aed_case_same_in_sets("gather_weight", gather_weight_case, 300);
    aed_case_same_in_sets("winograd", winograd_case, 200);
    aed_case_same_in_sets("scatter", scatter_case, 200);
    aed_case_same_in_sets("bias_gradient", bias_gradient_case, 100);
}

static int pin(void **state)
{
    (void)state;
    aed_float_pin();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_products_same_bits)};
    return cmocka_run_group_tests(tests, pin, NULL);
}
