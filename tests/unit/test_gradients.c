/* Forward and backward of every layer kind against the float64 reference: values directly, gradients
 * by central differences of a random linear functional of the output, formed in float64 alone. Every
 * kernel set of the processor must give the same bits, and an elementwise layer the same in place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "layer/product.h"
#include "support/kernel_case.h"
#include "support/layer_run.h"
#include "support/reference.h"

enum { MAX_SETS = 3 };

/* Step of the differences: their error is about STEP^2 and 1e-16 / STEP. */
static const double STEP = 1e-5;
/* Tolerance in eps of the tensor's largest element; minimal filtering rounds more (docs/determinism.md). */
static const double K = 8, K_FILTERED = 16;

#define FLAT(n)  \
    {            \
        1, { n } \
    }
#define MAP(channels, length)   \
    {                           \
        2, { channels, length } \
    }

#define IMAGE(channels, height, width) \
    {                                  \
        3, { channels, height, width } \
    }

/* Whole tiles and last tiles, T = 16 and 32 (48 and 64 once); one channel, 17 and 33; every window
 * setting alone and together; pointwise products, small and large enough for the dense gradient. */
static const aed_test_layer_case cases[] = {
    {"linear", "out=1", FLAT(1), 16, 16},
    {"linear", "out=1", FLAT(2), 32, 23},
    {"linear", "out=3 bias=0", FLAT(5), 16, 1},
    {"linear", "out=17", FLAT(40), 32, 19},
    {"linear", "out=40 bias=0", FLAT(17), 16, 13},
    {"linear", "out=9", FLAT(33), 48, 40},
    {"linear", "out=8", FLAT(32), 64, 64},
    {"conv1d", "out=3 kernel=7 stride=4", MAP(1, 7), 32, 32},
    {"conv1d", "out=1 kernel=1", MAP(1, 1), 16, 5},
    {"conv1d", "out=2 kernel=3", MAP(1, 9), 16, 16},
    {"conv1d", "out=3 kernel=3 stride=2 padding=1", MAP(2, 8), 16, 13},
    {"conv1d", "out=5 kernel=2 stride=3 bias=0", MAP(3, 11), 32, 31},
    {"conv1d", "out=4 kernel=3 stride=2 padding=4 dilation=3", MAP(2, 9), 32, 17},
    {"conv1d", "out=17 kernel=3 padding=2", MAP(17, 3), 16, 11},
    {"conv1d", "out=9 kernel=18", MAP(2, 20), 16, 16},
    {"conv1d", "out=2 kernel=1 stride=2", MAP(3, 5), 16, 16},
    {"conv1d", "out=2 kernel=1 padding=1", MAP(3, 4), 16, 16},
    {"conv1d", "out=5 kernel=1", MAP(7, 3), 32, 29},
    {"conv1d", "out=17 kernel=1", MAP(18, 5), 16, 9},
    {"conv1d", "out=8 kernel=1 bias=0", MAP(33, 3), 32, 32},
    {"conv1d", "out=6 kernel=3 groups=2 padding=1", MAP(4, 5), 16, 14},
    {"conv1d", "out=32 kernel=1 groups=2", MAP(32, 3), 32, 30},
    {"conv2d", "out=3 kernel=3 padding=1", IMAGE(1, 5, 6), 16, 16},
    {"conv2d", "out=2 kernel=2,3 stride=2,1 padding=0,2 dilation=1,2", IMAGE(3, 5, 7), 16, 13},
    {"conv2d", "out=9 kernel=5 bias=0", IMAGE(2, 6, 5), 32, 21},
    {"conv2d", "out=10 kernel=5 padding=1", IMAGE(4, 7, 8), 16,
     16}, /* filtered, see product_winograd.c */
    {"conv2d", "out=8 kernel=5 padding=2 groups=2", IMAGE(8, 8, 8), 16, 16},
    {"conv2d", "out=4 kernel=3 groups=4 stride=2 padding=1", IMAGE(4, 5, 5), 16, 16},
    {"conv2d", "out=17 kernel=1", IMAGE(18, 2, 3), 16, 9},
    {"conv_transpose2d", "out=3 kernel=2 stride=2", IMAGE(4, 3, 2), 16, 16},
    {"conv_transpose2d", "out=2 kernel=3 stride=2,3 padding=1,0 output_padding=1,2", IMAGE(3, 3, 2),
     32, 29},
    {"conv_transpose2d", "out=4 kernel=3,2 dilation=2,1 groups=2 bias=0", IMAGE(6, 2, 3), 16, 5},
    {"conv_transpose2d", "out=6 kernel=5", IMAGE(8, 4, 6), 16, 13},
    {"conv_transpose2d", "out=8 kernel=5 groups=2", IMAGE(8, 8, 8), 16, 16},
    {"conv_transpose2d", "out=3 kernel=2,3 stride=2,3 groups=3 bias=0", IMAGE(6, 3, 2), 32, 20},
    {"conv_transpose2d", "out=4 kernel=3 stride=3 groups=2", IMAGE(4, 1, 1), 16, 13},
    {"conv_transpose2d", "out=17 kernel=1 groups=1", IMAGE(18, 2, 3), 16, 9},
    {"max_pool1d", "kernel=2", MAP(3, 7), 16, 16},
    {"max_pool1d", "kernel=3 stride=2 padding=1 dilation=2", MAP(2, 9), 32, 27},
    {"max_pool2d", "kernel=2", IMAGE(3, 4, 6), 16, 13},
    {"max_pool2d", "kernel=3,2 stride=2,1 padding=1,0", IMAGE(2, 5, 5), 32, 32},
    {"avg_pool1d", "kernel=3 stride=2 padding=1", MAP(2, 8), 16, 11},
    {"avg_pool2d", "kernel=2", IMAGE(3, 4, 5), 16, 16},
    {"avg_pool2d", "kernel=3,2 stride=1,2 padding=1", IMAGE(1, 4, 4), 32, 20},
    {"group_norm", "groups=1", MAP(3, 4), 16, 16},
    {"group_norm", "groups=2", IMAGE(4, 3, 2), 32, 25},
    {"group_norm", "groups=3 eps=0.1", FLAT(9), 16, 7},
    {"layer_norm", "", FLAT(7), 32, 32},
    {"layer_norm", "eps=0.01", IMAGE(2, 3, 2), 16, 13},
    {"upsample", "scale=3", MAP(2, 4), 16, 16},
    {"upsample", "scale=2 mode=1", MAP(3, 5), 16, 9},
    {"upsample", "scale=2,3", IMAGE(2, 3, 2), 32, 32},
    {"upsample", "scale=2 mode=2", IMAGE(3, 4, 3), 16, 14},
    {"conv_transpose1d", "out=1 kernel=7 stride=4", MAP(3, 1), 32, 32},
    {"conv_transpose1d", "out=2 kernel=3", MAP(1, 5), 16, 16},
    {"conv_transpose1d", "out=3 kernel=4 stride=4", MAP(3, 1), 16, 16},
    {"conv_transpose1d", "out=3 kernel=4 stride=4", MAP(3, 5), 16, 16},
    {"conv_transpose1d", "out=3 kernel=3 stride=2 padding=1 output_padding=1", MAP(2, 5), 16, 13},
    {"conv_transpose1d", "out=4 kernel=2 stride=3 bias=0", MAP(3, 4), 32, 31},
    {"conv_transpose1d", "out=2 kernel=2 stride=3 output_padding=2", MAP(5, 3), 16, 2},
    {"conv_transpose1d", "out=5 kernel=3 stride=2 padding=2 dilation=3", MAP(2, 6), 32, 17},
    {"conv_transpose1d", "out=2 kernel=2 dilation=3 output_padding=2", MAP(2, 4), 16, 16},
    {"conv_transpose1d", "out=17 kernel=3 padding=1", MAP(17, 3), 16, 11},
    {"conv_transpose1d", "out=7 kernel=1", MAP(5, 3), 32, 29},
    {"conv_transpose1d", "out=17 kernel=1", MAP(16, 5), 16, 9},
    {"conv_transpose1d", "out=33 kernel=1 bias=0", MAP(8, 3), 32, 32},
    {"relu", "", MAP(3, 5), 16, 13},
    {"relu", "", FLAT(1), 32, 32},
    {"leaky_relu", "", MAP(3, 5), 32, 29},
    {"leaky_relu", "slope=0.3", FLAT(7), 16, 16},
    {"elu", "", MAP(17, 2), 16, 13},
    {"elu", "alpha=1.7", FLAT(7), 32, 32},
    {"tanh", "", MAP(3, 5), 16, 13},
    {"tanh", "", FLAT(33), 32, 32},
    {"sigmoid", "", MAP(1, 9), 32, 17},
    {"softplus", "", FLAT(17), 16, 16},
    {"softmax", "", FLAT(1), 16, 16},
    {"softmax", "", FLAT(10), 32, 21},
    {"softmax", "", MAP(17, 3), 16, 13},
};

/* Sum over the output of dy times y for the sample in x64: the functional whose gradients backward
 * must give. */
static double functional(const aed_test_layer *t, int lane, double *y)
{
    double sum = 0;
    aed_reference_forward(&t->layer, t->params64, t->x64, y);
    for (int64_t o = 0; o < t->out; o++) sum += (double)t->dy.at[o * t->c->lanes + lane] * y[o];
    return sum;
}

/* Its slope along *number, an element of params64 or x64; y is room for an output. */
static double slope_along(const aed_test_layer *t, double *number, int lane, double *y)
{
    const double old = *number;
    *number = old + STEP;
    const double above = functional(t, lane, y);
    *number = old - STEP;
    const double below = functional(t, lane, y);
    *number = old;
    return (above - below) / (2 * STEP);
}

static double tolerance(const aed_test_layer *t)
{
    const aed_layer *layer = &t->layer;
    if (layer->ops->forward != aed_product_forward) return K * AED_TEST_EPS;
    const aed_product *product = layer->state;
    const bool filtered = product->filter_narrow.used || product->filter_wide.used ||
                          product->filters_weight;
    return (filtered ? K_FILTERED : K) * AED_TEST_EPS;
}

static bool check_forward(aed_test_layer *t, const aed_test_layer_result *r, double *y)
{
    const int64_t lanes = t->c->lanes, count = t->out * lanes;
    double *want = aed_test_doubles(count);
    for (int lane = 0; lane < lanes; lane++) {
        aed_test_layer_load(t, lane);
        aed_reference_forward(&t->layer, t->params64, t->x64, y);
        for (int64_t o = 0; o < t->out; o++) want[o * lanes + lane] = y[o];
    }
    const double eps = tolerance(t);
    /* An activation keeps its relative precision where its values are small. */
    const bool ok = t->layer.ops->elementwise
                        ? aed_test_near_each("forward", count, lanes, r->y.at, want, eps, 1e-30)
                        : aed_test_near("forward", count, lanes, r->y.at, want,
                                        eps * aed_test_largest(count, want));
    aed_free(want);
    return ok;
}

static bool check_input_gradient(aed_test_layer *t, const aed_test_layer_result *r, double *y)
{
    const int64_t lanes = t->c->lanes, count = t->in * lanes;
    double *want = aed_test_doubles(count);
    for (int lane = 0; lane < t->c->valid; lane++) {
        aed_test_layer_load(t, lane);
        for (int64_t i = 0; i < t->in; i++)
            want[i * lanes + lane] = slope_along(t, t->x64 + i, lane, y);
    }
    /* A softmax of one channel has the gradient 0 everywhere: hence at least 1. */
    double scale = aed_test_largest(count, want);
    if (scale < 1) scale = 1;
    const bool ok = aed_test_near("input gradient", count, lanes, r->dx.at, want,
                                  tolerance(t) * scale);
    aed_free(want);
    return ok;
}

static bool check_parameter_gradient(aed_test_layer *t, const aed_test_layer_result *r, double *y,
                                     const aed_tensor *tensor)
{
    const int64_t count = aed_shape_count(&tensor->shape);
    double *want = aed_test_doubles(count);
    char what[96];
    for (int lane = 0; lane < t->c->valid; lane++) {
        aed_test_layer_load(t, lane);
        for (int64_t i = 0; i < count; i++)
            want[i] += slope_along(t, t->params64 + tensor->offset + i, lane, y);
    }
    const double scale = aed_test_largest(count, want) + 1; /* 1: what was there before */
    for (int64_t i = 0; i < count; i++)
        want[i] += (double)aed_test_layer_grads_before(tensor->offset + i);
    snprintf(what, sizeof what, "%s gradient", tensor->name);
    const bool ok = aed_test_near(what, count, 1, r->grads.at + tensor->offset, want,
                                  tolerance(t) * scale);
    aed_free(want);
    return ok;
}

static bool check_sets_agree(aed_test_layer *t, const aed_test_layer_result *first,
                             const aed_kernels_table *set)
{
    aed_test_layer_result other;
    aed_test_layer_run(t, set, &other);
    bool ok = aed_test_same_bits("forward", first->y.count, other.y.at, first->y.at);
    ok &= aed_test_same_bits("input gradient", first->dx.count, other.dx.at, first->dx.at);
    ok &= aed_test_same_bits("gradients", t->parameters, other.grads.at, first->grads.at);
    aed_test_layer_result_destroy(&other);
    if (t->layer.ops->elementwise) {
        aed_test_layer_run_in_place(t, set, &other);
        ok &= aed_test_same_bits("forward in place", first->y.count, other.y.at, first->y.at);
        ok &= aed_test_same_bits("backward in place", first->y.count, other.dx.at, first->dx.at);
        aed_test_layer_result_destroy(&other);
    }
    if (!ok) print_error("  with kernels %s\n", set->name);
    return ok;
}

static bool check_case(const aed_test_layer_case *c)
{
    const aed_kernels_table *sets[MAX_SETS];
    const int count = aed_test_kernel_sets(sets);
    aed_test_layer t;
    aed_test_layer_result first;
    aed_test_layer_create(c, &t);
    aed_test_layer_run(&t, sets[0], &first);
    double *y = aed_test_doubles(t.out);
    bool ok = check_forward(&t, &first, y);
    if (!aed_case_on_valgrind()) { /* the slopes are float64 alone, and most of the time */
        ok &= check_input_gradient(&t, &first, y);
        for (int i = 0; i < t.layer.tensor_count; i++)
            ok &= check_parameter_gradient(&t, &first, y, &t.layer.tensors[i]);
    }
    for (int i = 0; i < count; i++) ok &= check_sets_agree(&t, &first, sets[i]);
    if (!ok) print_error("  in %s\n", t.name);
    aed_free(y);
    aed_test_layer_result_destroy(&first);
    aed_test_layer_destroy(&t);
    return ok;
}

static void check_kind(const char *kind)
{
    int checked = 0, failed = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].kind, kind) == 0) {
            checked++;
            failed += !check_case(&cases[i]);
        }
    assert_true(checked > 0);
    assert_int_equal(failed, 0);
}

#define GRADIENT_TEST(kind)                                     \
    static void test_##kind##_matches_differences(void **state) \
    {                                                           \
        (void)state;                                            \
        check_kind(#kind);                                      \
    }

GRADIENT_TEST(linear)
GRADIENT_TEST(conv1d)
GRADIENT_TEST(conv_transpose1d)
GRADIENT_TEST(conv2d)
GRADIENT_TEST(conv_transpose2d)
GRADIENT_TEST(max_pool1d)
GRADIENT_TEST(max_pool2d)
GRADIENT_TEST(avg_pool1d)
GRADIENT_TEST(avg_pool2d)
GRADIENT_TEST(group_norm)
GRADIENT_TEST(layer_norm)
GRADIENT_TEST(upsample)
GRADIENT_TEST(relu)
GRADIENT_TEST(leaky_relu)
GRADIENT_TEST(elu)
GRADIENT_TEST(tanh)
GRADIENT_TEST(sigmoid)
GRADIENT_TEST(softplus)
GRADIENT_TEST(softmax)

/* Every kind of the table is in the cases, moves nothing, or is the noise of test_noise.c. */
static void test_layer_table_is_covered(void **state)
{
    (void)state;
    int count;
    const aed_layer_ops *const *table = aed_layer_table(&count);
    for (int i = 0; i < count; i++) {
        bool found = table[i]->is_view || table[i]->is_random;
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
            found = found || strcmp(cases[c].kind, table[i]->kind.name) == 0;
        if (!found) fail_msg("no case for layer %s", table[i]->kind.name);
    }
}

static void expect_view(const char *kind, const char *args, aed_shape in, aed_shape out)
{
    aed_test_layer t;
    aed_test_layer_create(&(aed_test_layer_case){kind, args, in, 16, 16}, &t);
    assert_true(t.layer.ops->is_view);
    assert_true(aed_shape_equal(&t.layer.out, &out));
    aed_test_layer_destroy(&t);
}

static void test_views_change_shapes_only(void **state)
{
    (void)state;
    expect_view("flatten", "", (aed_shape)MAP(3, 5), (aed_shape)FLAT(15));
    expect_view("flatten", "", (aed_shape)FLAT(4), (aed_shape)FLAT(4));
    expect_view("unflatten", "shape=3,5", (aed_shape)FLAT(15), (aed_shape)MAP(3, 5));
    expect_view("unflatten", "shape=1,2,3", (aed_shape)MAP(2, 3), (aed_shape){3, {1, 2, 3}});
}

/* What the default initialisation divides by: the weight's second dimension times the taps, as PyTorch
 * counts for every kind, and the same for the bias. */
static void expect_fan_in(const char *kind, const char *args, aed_shape in, int64_t fan_in)
{
    aed_test_layer t;
    aed_test_layer_create(&(aed_test_layer_case){kind, args, in, 16, 16}, &t);
    for (int i = 0; i < t.layer.tensor_count; i++)
        assert_int_equal(t.layer.tensors[i].fan_in, fan_in);
    aed_test_layer_destroy(&t);
}

static void test_fan_in_is_pytorchs(void **state)
{
    (void)state;
    expect_fan_in("linear", "out=3", (aed_shape)FLAT(5), 5);
    expect_fan_in("conv1d", "out=3 kernel=4", (aed_shape)MAP(2, 9), 8);
    expect_fan_in("conv_transpose1d", "out=3 kernel=4", (aed_shape)MAP(2, 9), 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear_matches_differences),
        cmocka_unit_test(test_conv1d_matches_differences),
        cmocka_unit_test(test_conv_transpose1d_matches_differences),
        cmocka_unit_test(test_conv2d_matches_differences),
        cmocka_unit_test(test_conv_transpose2d_matches_differences),
        cmocka_unit_test(test_max_pool1d_matches_differences),
        cmocka_unit_test(test_max_pool2d_matches_differences),
        cmocka_unit_test(test_avg_pool1d_matches_differences),
        cmocka_unit_test(test_avg_pool2d_matches_differences),
        cmocka_unit_test(test_group_norm_matches_differences),
        cmocka_unit_test(test_layer_norm_matches_differences),
        cmocka_unit_test(test_upsample_matches_differences),
        cmocka_unit_test(test_relu_matches_differences),
        cmocka_unit_test(test_leaky_relu_matches_differences),
        cmocka_unit_test(test_elu_matches_differences),
        cmocka_unit_test(test_tanh_matches_differences),
        cmocka_unit_test(test_sigmoid_matches_differences),
        cmocka_unit_test(test_softplus_matches_differences),
        cmocka_unit_test(test_softmax_matches_differences),
        cmocka_unit_test(test_layer_table_is_covered),
        cmocka_unit_test(test_views_change_shapes_only),
        cmocka_unit_test(test_fan_in_is_pytorchs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
