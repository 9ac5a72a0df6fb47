/* The products' kernels against plain loops in float64, in every set, for shapes with every kind of
 * tail. The order of a float sum is not that of the loops, so a result may be off by the rounding
 * of its terms: at most n eps times the sum of their sizes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "support/kernel_case.h"
#include "support/pair_lists.h"

static const double EPS = 0x1p-24;

/* A sum in float64 with what is needed to judge a float one. */
typedef struct exact_sum {
    double value, size;
    int terms;
} exact_sum;

static void add(exact_sum *sum, double term)
{
    sum->value += term;
    sum->size += fabs(term);
    sum->terms++;
}

static void check(const char *what, const aed_kernels_table *set, int64_t index, exact_sum sum,
                  float actual)
{
    const double bound = (sum.terms + 1) * EPS * sum.size;
    if (!(fabs((double)actual - sum.value) <= bound))
        fail_msg("%s (%s): element %lld is %.9g, expected %.9g within %.3g", what, set->name,
                 (long long)index, (double)actual, sum.value, bound);
}

typedef void (*set_case)(const aed_kernels_table *set, uint64_t seed);

/* Runs a case with the same seeds in every set. */
static void in_every_set(set_case run, int runs)
{
    for (int i = 0; i < AED_CASE_SETS; i++) {
        const aed_kernels_table *set = aed_kernels_named(aed_case_sets[i]);
        for (int seed = 1; set && seed <= runs; seed++) run(set, (uint64_t)seed);
    }
}

/* ---- Dense ----------------------------------------------------------------------------------- */

static void dense_case(const aed_kernels_table *set, uint64_t seed)
{
    const int rows = aed_case_int(&seed, 1, 37), inner = aed_case_int(&seed, 1, 40);
    const int64_t columns = 16 * aed_case_int(&seed, 1, 13);
    const int transposed = aed_case_int(&seed, 0, 1), relu = aed_case_int(&seed, 0, 1);
    float *w = aed_case_floats(&seed, rows * inner, -1, 1);
    float *bias = aed_case_int(&seed, 0, 2) ? aed_case_floats(&seed, rows, -1, 1) : NULL;
    float *x = aed_case_floats(&seed, inner * columns, -1, 1);
    float *y = aed_case_floats(&seed, rows * columns, -1, 1),
          *before = aed_case_copy(rows * columns, y);
    const int64_t w_row = transposed ? 1 : inner, w_column = transposed ? rows : 1;
    const bool more = aed_case_int(&seed, 0, 1);
    set->dense(rows, inner, columns, w, w_row, w_column, more, bias, relu ? AED_RELU : AED_IDENTITY,
               x, y);
    for (int m = 0; m < rows; m++)
        for (int64_t n = 0; n < columns; n++) {
            exact_sum sum = {0};
            if (more)
                add(&sum, before[m * columns + n]);
            else if (bias)
                add(&sum, bias[m]);
            for (int k = 0; k < inner; k++)
                add(&sum, (double)w[m * w_row + k * w_column] * x[k * columns + n]);
            if (relu && sum.value < 0) sum.value = 0;
            check("dense", set, m * columns + n, sum, y[m * columns + n]);
        }
    aed_free(w);
    aed_free(bias);
    aed_free(x);
    aed_free(y);
    aed_free(before);
}

static void test_dense(void **state)
{
    (void)state;
    in_every_set(dense_case, 150);
}

static void dense_weight_case(const aed_kernels_table *set, uint64_t seed)
{
    const int a = aed_case_int(&seed, 1, 37), b = aed_case_int(&seed, 1, 70);
    const int64_t columns = 16 * aed_case_int(&seed, 1, 13);
    float *u = aed_case_floats(&seed, a * columns, -1, 1);
    float *v = aed_case_floats(&seed, b * columns, -1, 1);
    float *grad = aed_case_floats(&seed, a * b, -1, 1), *before = aed_case_copy(a * b, grad);
    float *strips = aed_case_floats(&seed, aed_dense_strips_floats(b, columns), -1, 1);
    const bool more = aed_case_int(&seed, 0, 1);
    float *join = aed_case_int(&seed, 0, 1) ? aed_case_floats(&seed, a * b, -1, 1) : NULL;
    float *joined = join ? aed_case_copy(a * b, join) : NULL;
    set->dense_strips(b, columns, v, strips);
    set->dense_weight(a, b, columns, u, strips, more, grad, joined);
    for (int i = 0; i < a; i++)
        for (int j = 0; j < b; j++) {
            exact_sum sum = {0};
            if (more) add(&sum, before[i * b + j]);
            for (int64_t n = 0; n < columns; n++)
                add(&sum, (double)u[i * columns + n] * v[j * columns + n]);
            if (join) add(&sum, join[i * b + j]);
            check("dense_weight", set, i * b + j, sum, (join ? joined : grad)[i * b + j]);
        }
    if (join) aed_case_equal_bits("dense_weight's own gradient", a * b, before, grad);
    aed_free(u);
    aed_free(v);
    aed_free(grad);
    aed_free(join);
    aed_free(joined);
    aed_free(before);
    aed_free(strips);
}

static void test_dense_weight(void **state)
{
    (void)state;
    in_every_set(dense_weight_case, 150);
}

/* ---- Gather ---------------------------------------------------------------------------------- */

/* Every fifth has more taps than any block takes at once. */
static aed_case_window random_window(uint64_t *seed)
{
    aed_case_window window = {.taps = aed_case_int(seed, 1, aed_case_int(seed, 0, 4) ? 9 : 70),
                              .stride = aed_case_int(seed, 1, 4),
                              .dilation = aed_case_int(seed, 1, 2),
                              .positions = aed_case_int(seed, 1, 9)};
    window.padding = aed_case_int(seed, 0, window.taps - 1);
    /* May be shorter or longer than what the windows cover. */
    window.wide_positions = aed_case_int(seed, 1, 40);
    return window;
}

/* Forward or backward direction of a convolution between channels, perhaps with relu. */
static void check_gather(const aed_kernels_table *set, const aed_case_window *window_given,
                         int outputs, int inputs, uint64_t seed)
{
    const aed_case_window window = *window_given;
    const int to_wide = aed_case_int(&seed, 0, 1), lanes = 16 * aed_case_int(&seed, 1, 4);
    const int relu = aed_case_int(&seed, 0, 1);
    aed_gather plan = {
        .outputs = outputs,
        .inputs = inputs,
        .w_out = to_wide ? window.taps : inputs * window.taps,
        .w_in = to_wide ? outputs * window.taps : window.taps,
        .x_positions = to_wide ? window.positions : window.wide_positions,
        .pairs = aed_case_pairs_make(&window, to_wide ? AED_CASE_BY_Q : AED_CASE_BY_P),
    };
    const int64_t x_count = (int64_t)inputs * plan.x_positions * lanes;
    const int64_t y_count = (int64_t)outputs * plan.pairs.rows * lanes;
    float *w = aed_case_floats(&seed, outputs * inputs * window.taps, -1, 1);
    float *bias = aed_case_int(&seed, 0, 2) ? aed_case_floats(&seed, outputs, -1, 1) : NULL;
    float *x = aed_case_floats(&seed, x_count, -1, 1), *y = aed_case_floats(&seed, y_count, -1, 1);
    set->gather(&plan, lanes, w, bias, relu ? AED_RELU : AED_IDENTITY, x, y);
    for (int64_t at = 0; at < y_count; at++) {
        const int64_t lane = at % lanes, row = at / lanes % plan.pairs.rows;
        const int64_t o = at / lanes / plan.pairs.rows;
        exact_sum sum = {0};
        if (bias) add(&sum, bias[o]);
        for (int64_t c = 0; c < inputs; c++)
            for (int32_t e = plan.pairs.start[row]; e < plan.pairs.start[row + 1]; e++)
                add(&sum, (double)w[o * plan.w_out + c * plan.w_in + plan.pairs.tap[e]] *
                              x[(c * plan.x_positions + plan.pairs.position[e]) * lanes + lane]);
        if (relu && sum.value < 0) sum.value = 0;
        check("gather", set, at, sum, y[at]);
    }
    aed_case_pairs_free(&plan.pairs);
    aed_free(w);
    aed_free(bias);
    aed_free(x);
    aed_free(y);
}

static void gather_case(const aed_kernels_table *set, uint64_t seed)
{
    const aed_case_window window = random_window(&seed);
    const int outputs = aed_case_int(&seed, 1, 20);
    check_gather(set, &window, outputs, aed_case_int(&seed, 1, 9), seed);
}

/* One output channel, or a few, whose places and taps lie side by side. */
static void dense_gather_case(const aed_kernels_table *set, uint64_t seed)
{
    const aed_case_window window = aed_case_window_dense(&seed);
    const int outputs = aed_case_int(&seed, 1, 2);
    check_gather(set, &window, outputs, aed_case_int(&seed, 1, 9), seed);
}

/* An input beyond the second cache, which passes in chunks. */
static void large_gather_case(const aed_kernels_table *set, uint64_t seed)
{
    const aed_case_window window = {.taps = 3,
                                    .stride = 1,
                                    .dilation = 1,
                                    .padding = 1,
                                    .positions = 700,
                                    .wide_positions = 700};
    check_gather(set, &window, 20, 12, seed);
}

static void test_gather(void **state)
{
    (void)state;
    in_every_set(gather_case, 300);
    in_every_set(dense_gather_case, 100);
    in_every_set(large_gather_case, 2);
}

static void check_gather_weight(const aed_kernels_table *set, const aed_case_window *window_given,
                                int a, uint64_t seed)
{
    const aed_case_window window = *window_given;
    const int lanes = 16 * aed_case_int(&seed, 1, 4), taps = window.taps;
    const int b = aed_case_int(&seed, 1, 10);
    aed_gather_weight plan = {.a_channels = a,
                              .b_channels = b,
                              .w_a = b * taps,
                              .w_b = taps,
                              .v_positions = window.wide_positions,
                              .taps = taps,
                              .pairs = aed_case_pairs_make(&window, AED_CASE_BY_P)};
    float *u = aed_case_floats(&seed, (int64_t)a * window.positions * lanes, -1, 1);
    float *v = aed_case_floats(&seed, (int64_t)b * window.wide_positions * lanes, -1, 1);
    const int64_t count = (int64_t)a * b * taps;
    float *grad = aed_case_floats(&seed, count, -1, 1), *before = aed_case_copy(count, grad);
    set->gather_weight(&plan, lanes, u, v, grad);
    for (int64_t at = 0; at < count; at++) {
        const int64_t tap = at % taps, j = at / taps % b, i = at / taps / b;
        exact_sum sum = {0};
        add(&sum, before[at]);
        for (int p = 0; p < window.positions; p++)
            for (int32_t e = plan.pairs.start[p]; e < plan.pairs.start[p + 1]; e++)
                for (int lane = 0; lane < lanes && plan.pairs.tap[e] == tap; lane++)
                    add(&sum,
                        (double)u[(i * window.positions + p) * lanes + lane] *
                            v[(j * plan.v_positions + plan.pairs.position[e]) * lanes + lane]);
        check("gather_weight", set, at, sum, grad[at]);
    }
    aed_case_pairs_free(&plan.pairs);
    aed_free(u);
    aed_free(v);
    aed_free(grad);
    aed_free(before);
}

static void gather_weight_case(const aed_kernels_table *set, uint64_t seed)
{
    const aed_case_window window = random_window(&seed);
    check_gather_weight(set, &window, aed_case_int(&seed, 1, 20), seed);
}

/* One channel, or some, whose places and taps lie side by side: many rows for every register block. */
static void dense_gather_weight_case(const aed_kernels_table *set, uint64_t seed)
{
    const aed_case_window window = aed_case_window_dense(&seed);
    const int a = aed_case_int(&seed, 0, 1) ? 1 : aed_case_int(&seed, 2, 20);
    check_gather_weight(set, &window, a, seed);
}

static void test_gather_weight(void **state)
{
    (void)state;
    in_every_set(dense_gather_weight_case, 100);
    in_every_set(gather_weight_case, 300);
}

/* ---- Scatter --------------------------------------------------------------------------------- */

static void scatter_case(const aed_kernels_table *set, uint64_t seed)
{
    const int lanes = 16 * aed_case_int(&seed, 1, 3), relu = aed_case_int(&seed, 0, 1);
    aed_scatter plan = {.outputs = aed_case_int(&seed, 1, 9),
                        .inputs = aed_case_int(&seed, 1, 9),
                        .rows = aed_case_int(&seed, 1, 7),
                        .columns = aed_case_int(&seed, 1, 9),
                        .high = aed_case_int(&seed, 1, 3),
                        .wide = aed_case_int(&seed, 1, 3)};
    const int64_t positions = plan.rows * plan.columns, taps = plan.high * plan.wide;
    const int64_t line = (int64_t)plan.columns * plan.wide;
    plan.w_in = plan.outputs * taps;
    float *w = aed_case_floats(&seed, plan.inputs * plan.w_in, -1, 1);
    float *bias = aed_case_int(&seed, 0, 1) ? aed_case_floats(&seed, plan.outputs, -1, 1) : NULL;
    float *x = aed_case_floats(&seed, plan.inputs * positions * lanes, -1, 1);
    float *y = aed_case_odd_floats(&seed, plan.outputs * taps * positions * lanes);
    set->scatter(&plan, lanes, w, bias, relu ? AED_RELU : AED_IDENTITY, x, y);
    for (int64_t i = 0; i < plan.outputs * taps * positions * lanes; i++) {
        const int64_t lane = i % lanes, place = i / lanes % (taps * positions);
        const int64_t o = i / lanes / (taps * positions), r = place / line, q = place % line;
        const int64_t tap = r % plan.high * plan.wide + q % plan.wide;
        const int64_t p = r / plan.high * plan.columns + q / plan.wide;
        exact_sum sum = {0};
        if (bias) add(&sum, bias[o]);
        for (int c = 0; c < plan.inputs; c++)
            add(&sum,
                (double)w[c * plan.w_in + o * taps + tap] * x[(c * positions + p) * lanes + lane]);
        if (relu && sum.value < 0) sum.value = 0;
        check("scatter", set, i, sum, y[i]);
    }
    aed_free(w);
    aed_free(bias);
    aed_free(x);
    aed_free(y);
}

static void test_scatter(void **state)
{
    (void)state;
    in_every_set(scatter_case, 150);
}

/* ---- Sums ------------------------------------------------------------------------------------ */

static void bias_gradient_case(const aed_kernels_table *set, uint64_t seed)
{
    const int channels = aed_case_int(&seed, 1, 40);
    const int64_t columns = 16 * aed_case_int(&seed, 1, 13);
    float *dy = aed_case_floats(&seed, channels * columns, -1, 1);
    float *grad = aed_case_floats(&seed, channels, -1, 1), *before = aed_case_copy(channels, grad);
    set->bias_gradient(channels, columns, dy, grad);
    for (int c = 0; c < channels; c++) {
        exact_sum sum = {0};
        add(&sum, before[c]);
        for (int64_t n = 0; n < columns; n++) add(&sum, dy[c * columns + n]);
        check("bias_gradient", set, c, sum, grad[c]);
    }
    aed_free(dy);
    aed_free(grad);
    aed_free(before);
}

static void test_bias_gradient(void **state)
{
    (void)state;
    in_every_set(bias_gradient_case, 100);
}

static void sum_of_squares_case(const aed_kernels_table *set, uint64_t seed)
{
    const int64_t count = 16 * aed_case_int(&seed, 0, 40);
    float *x = aed_case_floats(&seed, count, -1e3, 1e3);
    double expected = 0;
    for (int64_t i = 0; i < count; i++) expected += (double)x[i] * x[i];
    const double actual = set->sum_of_squares(count, x);
    if (fabs(actual - expected) > 1e-14 * expected) fail_msg("%.17g, %.17g", actual, expected);
    aed_free(x);
}

static void test_sum_of_squares(void **state)
{
    (void)state;
    in_every_set(sum_of_squares_case, 50);
}

static int pin(void **state)
{
    (void)state;
    aed_float_pin();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense),          cmocka_unit_test(test_dense_weight),
        cmocka_unit_test(test_gather),         cmocka_unit_test(test_gather_weight),
        cmocka_unit_test(test_scatter),        cmocka_unit_test(test_bias_gradient),
        cmocka_unit_test(test_sum_of_squares),
    };
    return cmocka_run_group_tests(tests, pin, NULL);
}
