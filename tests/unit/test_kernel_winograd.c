/* Minimal filtering against plain sums in float64, in every set. A tile's rounding errors reach all of its outputs,
 * so what is allowed follows from the size of all terms of a sum, not from one output's own. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "support/kernel_case.h"
#include "support/winograd_case.h"

/* Roundings of a term of the plain sums: those of the transforms, at most. */
static const double ROUNDINGS = 6 * 0x1p-24;

/* What a case works with; out starts as `before`. */
typedef struct filtering {
    aed_winograd conv;
    int lanes;
    int64_t narrow_floats, wide_floats, weight_floats;
    float *w, *bias, *narrow, *wide, *expanded, *scratch, *gradient_scratch;
} filtering;

static filtering make(uint64_t *seed)
{
    filtering f = {.conv = aed_case_winograd(seed), .lanes = 16 * aed_case_int(seed, 1, 3)};
    const aed_winograd *conv = &f.conv;
    f.narrow_floats = conv->narrow * aed_case_winograd_points(conv, true) * f.lanes;
    f.wide_floats = conv->wide * aed_case_winograd_points(conv, false) * f.lanes;
    f.weight_floats = (int64_t)conv->narrow * conv->wide * conv->taps * conv->taps;
    f.w = aed_case_floats(seed, f.weight_floats, -1, 1);
    f.bias = aed_case_floats(seed, AED_CASE_CHANNELS, -1, 1);
    f.narrow = aed_case_floats(seed, f.narrow_floats, -1, 1);
    f.wide = aed_case_floats(seed, f.wide_floats, -1, 1);
    f.expanded = aed_case_floats(seed, aed_winograd_weights(conv), -1, 1);
    f.scratch = aed_case_odd_floats(seed, aed_winograd_scratch(conv));
    f.gradient_scratch = aed_case_odd_floats(seed, aed_winograd_gradient_scratch(conv));
    return f;
}

static void destroy(filtering *f)
{
    aed_free(f->w);
    aed_free(f->bias);
    aed_free(f->narrow);
    aed_free(f->wide);
    aed_free(f->expanded);
    aed_free(f->scratch);
    aed_free(f->gradient_scratch);
}

/* Visits every product narrow[n][p] * wide[c][q] * w[n][c][tap]: places in a lane of each side and in w. */
typedef void (*visitor)(const filtering *f, int64_t narrow, int64_t wide, int64_t weight,
                        double *sums);

static void visit(const filtering *f, visitor each, double *sums)
{
    const aed_winograd *conv = &f->conv;
    const int rows = aed_case_winograd_rows(conv), columns = aed_case_winograd_columns(conv);
    for (int n = 0; n < conv->narrow; n++)
        for (int c = 0; c < conv->wide; c++)
            for (int k = 0; k < conv->taps; k++)
                for (int l = 0; l < conv->taps; l++)
                    for (int p = 0; p < conv->rows * conv->columns; p++) {
                        const int r = p / conv->columns + k - conv->row_padding;
                        const int q = p % conv->columns + l - conv->column_padding;
                        if (r < 0 || r >= rows || q < 0 || q >= columns) continue;
                        each(f, (int64_t)n * conv->rows * conv->columns + p,
                             ((int64_t)c * rows + r) * columns + q,
                             (((int64_t)n * conv->wide + c) * conv->taps + k) * conv->taps + l,
                             sums);
                    }
}

static void add_narrow(const filtering *f, int64_t narrow, int64_t wide, int64_t weight,
                       double *sums)
{
    for (int lane = 0; lane < f->lanes; lane++)
        sums[narrow * f->lanes + lane] += (double)f->w[weight] * f->wide[wide * f->lanes + lane];
}

static void add_wide(const filtering *f, int64_t narrow, int64_t wide, int64_t weight, double *sums)
{
    for (int lane = 0; lane < f->lanes; lane++)
        sums[wide * f->lanes + lane] += (double)f->w[weight] * f->narrow[narrow * f->lanes + lane];
}

static void add_weight(const filtering *f, int64_t narrow, int64_t wide, int64_t weight,
                       double *sums)
{
    for (int lane = 0; lane < f->lanes; lane++)
        sums[weight] += (double)f->narrow[narrow * f->lanes + lane] *
                        f->wide[wide * f->lanes + lane];
}

static void check(const char *what, const aed_kernels_table *set, const filtering *f, int64_t count,
                  const double *want, const float *got, double terms)
{
    const aed_winograd *c = &f->conv;
    for (int64_t i = 0; i < count; i++)
        if (!(fabs((double)got[i] - want[i]) <= ROUNDINGS * terms))
            fail_msg(
                "%s (%s): element %lld is %.9g, expected %.9g within %.3g; narrow %dx%dx%d, wide "
                "%d, taps %d, padding %d,%d, %d lanes",
                what, set->name, (long long)i, (double)got[i], want[i], ROUNDINGS * terms,
                c->narrow, (int)c->rows, (int)c->columns, c->wide, c->taps, (int)c->row_padding,
                (int)c->column_padding, f->lanes);
}

/* One direction, with or without bias and relu. */
static void check_direction(const aed_kernels_table *set, const filtering *f, bool to_narrow,
                            uint64_t *seed)
{
    const bool biased = aed_case_int(seed, 0, 1), relu = aed_case_int(seed, 0, 1);
    const int64_t count = to_narrow ? f->narrow_floats : f->wide_floats;
    const int inputs = to_narrow ? f->conv.wide : f->conv.narrow;
    const int64_t plane = aed_case_winograd_points(&f->conv, to_narrow) * f->lanes;
    float *got = aed_case_odd_floats(seed, count);
    double *want = aed_alloc((size_t)count, sizeof *want);
    assert_non_null(want);
    visit(f, to_narrow ? add_narrow : add_wide, want);
    for (int64_t i = 0; i < count; i++) {
        if (biased) want[i] += f->bias[i / plane];
        if (relu && want[i] < 0) want[i] = 0;
    }
    set->winograd(&f->conv, to_narrow, f->lanes, f->expanded, biased ? f->bias : NULL,
                  relu ? AED_RELU : AED_IDENTITY, to_narrow ? f->wide : f->narrow, got, f->scratch);
    check(to_narrow ? "to narrow" : "to wide", set, f, count, want, got,
          inputs * f->conv.taps * f->conv.taps + 1);
    aed_free(want);
    aed_free(got);
}

static void directions_case(const aed_kernels_table *set, uint64_t seed)
{
    filtering f = make(&seed);
    set->winograd_weights(&f.conv, false, f.w, f.expanded);
    check_direction(set, &f, true, &seed);
    check_direction(set, &f, false, &seed);
    destroy(&f);
}

/* The way to the narrow side as the turned convolution of one to the wide side. */
static void turned_case(const aed_kernels_table *set, uint64_t seed)
{
    filtering f = make(&seed);
    const aed_winograd conv = f.conv;
    const aed_winograd turned = {.narrow = conv.wide,
                                 .wide = conv.narrow,
                                 .taps = conv.taps,
                                 .rows = aed_case_winograd_rows(&conv),
                                 .columns = aed_case_winograd_columns(&conv),
                                 .row_padding = conv.taps - 1 - conv.row_padding,
                                 .column_padding = conv.taps - 1 - conv.column_padding};
    const bool can_turn = turned.row_padding >= 0 && turned.column_padding >= 0;
    float *got = aed_case_odd_floats(&seed, f.wide_floats);
    double *want = aed_alloc((size_t)f.wide_floats, sizeof *want);
    assert_non_null(want);
    if (can_turn) {
        visit(&f, add_wide, want);
        set->winograd_weights(&turned, true, f.w, f.expanded);
        set->winograd(&turned, true, f.lanes, f.expanded, NULL, AED_IDENTITY, f.narrow, got,
                      f.scratch);
        check("turned", set, &f, f.wide_floats, want, got,
              f.conv.narrow * f.conv.taps * f.conv.taps + 1);
    }
    aed_free(want);
    aed_free(got);
    destroy(&f);
}

/* The sums over points and lanes of the channels of a side. */
static void check_bias(const aed_kernels_table *set, const filtering *f, bool narrow,
                       const float *got, const float *before)
{
    const int channels = narrow ? f->conv.narrow : f->conv.wide;
    const int64_t plane = aed_case_winograd_points(&f->conv, narrow) * f->lanes;
    const float *side = narrow ? f->narrow : f->wide;
    for (int c = 0; c < channels; c++) {
        double want = before[c];
        for (int64_t i = 0; i < plane; i++) want += side[c * plane + i];
        check("bias", set, f, 1, &want, got + c, (double)plane + 1);
    }
}

static void gradient_case(const aed_kernels_table *set, uint64_t seed)
{
    filtering f = make(&seed);
    float *grad = aed_case_floats(&seed, f.weight_floats, -1, 1);
    enum { BOTH = 2 * AED_CASE_CHANNELS };
    float *biases = aed_case_floats(&seed, BOTH, -1, 1), *before = aed_case_copy(BOTH, biases);
    double *want = aed_alloc((size_t)f.weight_floats, sizeof *want);
    assert_non_null(want);
    for (int64_t i = 0; i < f.weight_floats; i++) want[i] = grad[i];
    visit(&f, add_weight, want);
    const bool narrow = aed_case_int(&seed, 0, 1), wide = aed_case_int(&seed, 0, 1);
    set->winograd_gradient(&f.conv, f.lanes, f.narrow, f.wide, grad, narrow ? biases : NULL,
                           wide ? biases + AED_CASE_CHANNELS : NULL, f.gradient_scratch);
    check("gradient", set, &f, f.weight_floats, want, grad,
          (double)f.conv.rows * f.conv.columns * f.lanes + 1);
    if (narrow) check_bias(set, &f, true, biases, before);
    if (wide) check_bias(set, &f, false, biases + AED_CASE_CHANNELS, before + AED_CASE_CHANNELS);
    aed_free(want);
    aed_free(grad);
    aed_free(biases);
    aed_free(before);
    destroy(&f);
}

static void in_every_set(void (*run)(const aed_kernels_table *set, uint64_t seed), int runs)
{
    for (int i = 0; i < AED_CASE_SETS; i++) {
        const aed_kernels_table *set = aed_kernels_named(aed_case_sets[i]);
        for (int seed = 1; set && seed <= aed_case_rounds(runs); seed++) run(set, (uint64_t)seed);
    }
}

static void test_directions_are_those_of_plain_sums(void **state)
{
    (void)state;
    in_every_set(directions_case, 150);
    in_every_set(turned_case, 150);
}

static void test_gradient_is_that_of_plain_sums(void **state)
{
    (void)state;
    in_every_set(gradient_case, 100);
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
        cmocka_unit_test(test_directions_are_those_of_plain_sums),
        cmocka_unit_test(test_gradient_is_that_of_plain_sums),
    };
    return cmocka_run_group_tests(tests, pin, NULL);
}
