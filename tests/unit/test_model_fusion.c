/* Fused models against the same models computed layer by layer: output and gradients to the bit, in
 * every kernel set. What must not be fused is seen from the plan. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "aedist/model.h"
#include "core/memory.h"
#include "model/plan.h"
#include "support/numeric.h"

enum { MAX_LAYERS = 6 };

typedef struct chain_layer {
    const char *kind, *args, *name;
} chain_layer;

typedef struct chain {
    const char *title;
    aed_shape in;
    int lanes, absorbs; /* layers that the first one is to take over */
    chain_layer layers[MAX_LAYERS];
} chain;

#define CONV                                       \
    {                                              \
        "conv2d", "out=7 kernel=3 padding=1", NULL \
    }
#define POOL                           \
    {                                  \
        "max_pool2d", "kernel=2", NULL \
    }
#define UP(scale)                        \
    {                                    \
        "upsample", "scale=" scale, NULL \
    }
/* A second layer asks the first for its output's gradient, and has one of its input to give. */
#define REST \
    {"conv2d", "out=3 kernel=2", NULL}, { "flatten", "", NULL }

static const chain chains[] = {
    {"pooling alone", {3, {2, 6, 8}}, 16, 1, {CONV, POOL, REST}},
    {"relu", {3, {2, 6, 8}}, 16, 2, {CONV, {"relu", "", NULL}, POOL, REST}},
    {"leaky_relu", {3, {2, 6, 8}}, 32, 2, {CONV, {"leaky_relu", "slope=0.3", NULL}, POOL, REST}},
    {"elu", {3, {2, 6, 8}}, 16, 2, {CONV, {"elu", "alpha=0.7", NULL}, POOL, REST}},
    {"tanh", {3, {2, 6, 8}}, 48, 2, {CONV, {"tanh", "", NULL}, POOL, REST}},
    {"sigmoid", {3, {2, 6, 8}}, 16, 2, {CONV, {"sigmoid", "", NULL}, POOL, REST}},
    {"softplus", {3, {2, 6, 8}}, 64, 2, {CONV, {"softplus", "", NULL}, POOL, REST}},
    {"odd sizes", {3, {1, 7, 9}}, 32, 2, {CONV, {"relu", "", NULL}, POOL, REST}},
    {"groups",
     {3, {4, 6, 6}},
     16,
     2,
     {{"conv2d", "out=6 kernel=3 padding=1 groups=2 bias=0", NULL},
      {"relu", "", NULL},
      POOL,
      REST}},
    {"a strided transposed convolution",
     {3, {3, 3, 4}},
     32,
     2,
     {{"conv_transpose2d", "out=9 kernel=3 stride=2", NULL}, {"tanh", "", NULL}, POOL, REST}},
    {"one dimension",
     {2, {2, 11}},
     16,
     2,
     {{"conv1d", "out=3 kernel=3", NULL},
      {"relu", "", NULL},
      {"max_pool1d", "kernel=2", NULL},
      {"flatten", "", NULL}}},
    {"a map too large to be spread at once",
     {3, {1, 34, 34}},
     64,
     2,
     {{"conv2d", "out=3 kernel=3", NULL}, {"relu", "", NULL}, POOL, {"flatten", "", NULL}}},
    {"a large kernel",
     {3, {1, 9, 8}},
     32,
     2,
     {{"conv2d", "out=2 kernel=5 padding=1", NULL},
      {"relu", "", NULL},
      POOL,
      {"flatten", "", NULL}}},
    {"relu of a minimal filtering",
     {3, {4, 9, 8}},
     32,
     1,
     {{"conv2d", "out=9 kernel=5 padding=1", NULL}, {"relu", "", NULL}, REST}},
    {"tanh of a transposed one",
     {3, {8, 5, 8}},
     16,
     1,
     {{"conv_transpose2d", "out=6 kernel=5", NULL}, {"tanh", "", NULL}, REST}},
    {"an even kernel, another in height",
     {3, {1, 9, 10}},
     48,
     1,
     {{"conv2d", "out=4 kernel=3,4 padding=2,0", NULL}, POOL, {"flatten", "", NULL}}},
    {"a kernel of 2",
     {3, {3, 7, 7}},
     16,
     2,
     {{"conv2d", "out=1 kernel=1,2", NULL}, {"relu", "", NULL}, POOL, {"flatten", "", NULL}}},
    {"not padded for a stride",
     {3, {2, 9, 9}},
     16,
     2,
     {{"conv2d", "out=5 kernel=3 stride=2 padding=1", NULL}, {"relu", "", NULL}, POOL, REST}},
    {"not padded for a dilation",
     {3, {2, 9, 9}},
     16,
     1,
     {{"conv2d", "out=5 kernel=3 dilation=2", NULL}, POOL, REST}},
    {"two in a row",
     {3, {1, 8, 8}},
     16,
     2,
     {CONV,
      {"relu", "", NULL},
      POOL,
      {"conv2d", "out=1 kernel=3 padding=1", NULL},
      POOL,
      {"flatten", "", NULL}}},
    {"a dense layer, whose gradient a leaf's first tile writes",
     {1, {37}},
     32,
     0,
     {{"linear", "out=19", NULL}, {"linear", "out=21", NULL}}},
    {"an activation alone",
     {3, {3, 6, 5}},
     32,
     1,
     {{"conv2d", "out=8 kernel=3 padding=1", NULL}, {"relu", "", NULL}, REST}},
    {"an activation behind a transposed convolution of groups",
     {3, {4, 3, 4}},
     16,
     1,
     {{"conv_transpose2d", "out=6 kernel=2 stride=2 groups=2", NULL},
      {"elu", "alpha=0.7", NULL},
      REST}},
    {"an activation of a map too large to be taken at once",
     {3, {1, 34, 34}},
     64,
     1,
     {{"conv2d", "out=3 kernel=3", NULL}, {"sigmoid", "", NULL}, {"flatten", "", NULL}}},
    {"not past a name", {3, {2, 6, 8}}, 16, 1, {CONV, {"relu", "", "tap"}, POOL, REST}},
    {"relu behind dropout of elements",
     {3, {2, 6, 8}},
     32,
     0,
     {CONV, {"dropout", "p=0.3", NULL}, {"relu", "", NULL}, REST}},
    {"no other activation behind dropout",
     {3, {2, 6, 8}},
     16,
     0,
     {CONV, {"dropout", "p=0.3", NULL}, {"tanh", "", NULL}, REST}},
    {"not past dropout",
     {3, {2, 6, 8}},
     16,
     0,
     {CONV, {"dropout2d", "p=0.5", NULL}, {"relu", "", NULL}, POOL, REST}},
    {"not with overlapping windows",
     {3, {2, 7, 7}},
     16,
     1,
     {CONV, {"relu", "", NULL}, {"max_pool2d", "kernel=2 stride=1", NULL}, REST}},
    {"not with padding",
     {3, {2, 6, 6}},
     16,
     1,
     {CONV, {"relu", "", NULL}, {"max_pool2d", "kernel=2 padding=1", NULL}, REST}},
    {"nearest upsampling", {3, {3, 4, 5}}, 32, 1, {UP("2"), CONV, {"flatten", "", NULL}}},
    {"with an activation, in groups",
     {3, {4, 3, 4}},
     16,
     2,
     {UP("2"),
      {"conv2d", "out=6 kernel=3 padding=1 groups=2", NULL},
      {"tanh", "", NULL},
      {"flatten", "", NULL}}},
    {"with an activation and pooling, padding as wide as can be",
     {3, {2, 4, 3}},
     16,
     3,
     {UP("3"),
      {"conv2d", "out=5 kernel=3 padding=2 bias=0", NULL},
      {"relu", "", NULL},
      POOL,
      {"flatten", "", NULL}}},
    {"by a factor a dimension, an even kernel",
     {3, {2, 3, 5}},
     48,
     2,
     {UP("3,1"), {"conv2d", "out=2 kernel=4,2", NULL}, {"relu", "", NULL}, REST}},
    {"in one dimension",
     {2, {3, 7}},
     16,
     1,
     {UP("2"), {"conv1d", "out=2 kernel=5 padding=2", NULL}, {"flatten", "", NULL}}},
    {"not linear upsampling",
     {3, {2, 4, 4}},
     16,
     0,
     {{"upsample", "scale=2 mode=2", NULL}, CONV, {"flatten", "", NULL}}},
    {"not before a stride",
     {3, {2, 4, 4}},
     16,
     0,
     {UP("2"), {"conv2d", "out=3 kernel=3 stride=2", NULL}, {"flatten", "", NULL}}},
    {"not before a dilation",
     {3, {2, 4, 4}},
     16,
     0,
     {UP("2"), {"conv2d", "out=3 kernel=2 dilation=2", NULL}, {"flatten", "", NULL}}},
    {"not before padding wider than the kernel",
     {3, {2, 4, 4}},
     16,
     0,
     {UP("2"), {"conv2d", "out=3 kernel=2 padding=2", NULL}, {"flatten", "", NULL}}},
    {"not by a factor far above the kernel",
     {3, {1, 2, 2}},
     16,
     0,
     {UP("9"), {"conv2d", "out=3 kernel=3", NULL}, {"flatten", "", NULL}}},
    {"not past a name of the upsampling",
     {3, {2, 4, 4}},
     16,
     0,
     {{"upsample", "scale=2", "tap"}, CONV, {"flatten", "", NULL}}},
};

/* Whether it sums in another order than the separate layers. */
static bool folds(const chain *c)
{
    return c->absorbs > 0 && strcmp(c->layers[0].kind, "upsample") == 0;
}

/* Whether its first layer's weights sum over windows: a convolution of stride 1 over few channels, with
 * relu or nothing before its pooling. */
static bool pads(const chain *c)
{
    const chain_layer *conv = &c->layers[0], *pool = &c->layers[c->absorbs];
    return c->absorbs > 0 && strcmp(conv->kind, "conv2d") == 0 && !strstr(conv->args, "stride") &&
           !strstr(conv->args, "dilation") && strcmp(pool->kind, "max_pool2d") == 0 &&
           (c->absorbs == 1 || strcmp(c->layers[1].kind, "relu") == 0);
}

/* What one plan of a chain computes. */
typedef struct outcome {
    aed_model model;
    aed_test_block params, workspace, grads;
    const float *y;
    int64_t y_count;
} outcome;

static void plan(const chain *c, bool fuse, aed_test_spec *specs, aed_layer_spec *layers,
                 aed_model *model)
{
    static const char *const paths[MAX_LAYERS] = {"encoder.0", "encoder.1", "encoder.2",
                                                  "encoder.3", "encoder.4", "encoder.5"};
    int count = 0;
    for (; count < MAX_LAYERS && c->layers[count].kind; count++) {
        const chain_layer *layer = &c->layers[count];
        aed_test_spec_make(&aed_layer_find(layer->kind)->kind, layer->args, &specs[count]);
        layers[count] = (aed_layer_spec){specs[count].spec, paths[count], layer->name, false};
    }
    if (aed_model_plan(layers, count, -1, &c->in, (aed_interval){-3, 3}, c->lanes, c->lanes, 0,
                       fuse, model) != AED_OK)
        fail_msg("%s: %s", c->title, aed_status_message());
}

/* One tile forward and, in training, backward; `odd` becomes an input of the first sample. */
static void run(const chain *c, bool fuse, bool train, float odd, outcome *out)
{
    aed_test_spec specs[MAX_LAYERS];
    aed_layer_spec layers[MAX_LAYERS];
    aed_rng_key keys[MAX_LAYERS];
    uint32_t ids[64];
    plan(c, fuse, specs, layers, &out->model);
    const aed_model *model = &out->model;
    assert_int_equal(model->layers[0].absorbs, fuse ? c->absorbs : 0);
    aed_model_keys(model, 5, 1, keys);
    out->params = aed_test_block_create(model->parameter_block);
    out->grads = aed_test_block_create(model->parameter_block);
    out->workspace = aed_test_block_create(model->workspace);
    for (int64_t i = 0; i < model->parameter_block; i++) {
        out->params.at[i] = aed_test_uniform(3, (uint32_t)i, -0.7, 0.7);
        out->grads.at[i] = NAN;
    }
    /* Of the fused model as of a leaf's first tile, else as of a later one. */
    aed_model_begin_leaf(model, fuse ? model->layer_count - 1 : -1, out->grads.at);
    for (int i = 0; i < c->lanes; i++) ids[i] = 100 + (uint32_t)i;
    const int64_t features = aed_shape_count(&c->in);
    float *x = out->workspace.at + model->input_at;
    /* Mostly zeros, so that windows have equal entries. */
    for (int64_t i = 0; i < features * c->lanes; i++) {
        const float value = aed_test_uniform(1, (uint32_t)i, -2, 2);
        x[i] = fabsf(value) < 1.8f ? 0 : value;
    }
    x[5 * c->lanes] = odd;
    const aed_tile tile = {.lanes = c->lanes,
                           .valid = c->lanes,
                           .ids = ids,
                           .train = train,
                           .first = fuse,
                           .keys = keys,
                           .scratch = out->workspace.at + model->scratch_at};
    out->y = aed_model_forward(model, out->params.at, out->workspace.at, &tile);
    out->y_count = aed_shape_count(&model->layers[model->layer_count - 1].out) * c->lanes;
    if (!train) return;
    float *dy = aed_model_gradient(model, out->workspace.at, NULL);
    for (int64_t i = 0; i < out->y_count; i++) dy[i] = aed_test_uniform(2, (uint32_t)i, -1, 1);
    aed_model_backward(model, out->params.at, out->workspace.at, model->layer_count - 1, -1, dy,
                       out->grads.at, &tile);
}

static void outcome_destroy(outcome *out)
{
    aed_model_destroy(&out->model);
    aed_test_block_destroy(&out->params);
    aed_test_block_destroy(&out->workspace);
    aed_test_block_destroy(&out->grads);
}

static void in_every_set(void (*check)(const chain *c, const char *title))
{
    const aed_kernels_table *sets[3];
    const int count = aed_test_kernel_sets(sets);
    for (int s = 0; s < count; s++) {
        aed_test_use_kernels(sets[s]);
        for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
            char title[160];
            snprintf(title, sizeof title, "%s (%s)", chains[i].title, sets[s]->name);
            check(&chains[i], title);
        }
    }
    aed_test_use_kernels(sets[0]);
}

static bool is_close(const char *title, int64_t count, const float *a, const float *b)
{
    double most = 0, scale = 0;
    for (int64_t i = 0; i < count; i++) {
        most = fmax(most, fabs((double)a[i] - b[i]));
        scale = fmax(scale, fabs((double)b[i]));
    }
    if (most <= 1e-5 * scale) return true;
    print_error("%s: differ by %g of %g\n", title, most, scale);
    return false;
}

static void check_bits(const chain *c, const char *title)
{
    outcome fused, apart;
    run(c, true, true, 1, &fused);
    run(c, false, true, 1, &apart);
    assert_int_equal(fused.y_count, apart.y_count);
    bool (*const equal)(const char *, int64_t, const float *,
                        const float *) = folds(c) ? is_close : aed_test_same_bits;
    bool (*const equal_grads)(const char *, int64_t, const float *,
                              const float *) = pads(c) ? is_close : equal;
    const bool same = equal(title, fused.y_count, fused.y, apart.y) &
                      equal_grads(title, fused.model.parameter_block, fused.grads.at,
                                  apart.grads.at);
    outcome_destroy(&fused);
    outcome_destroy(&apart);
    if (!same) fail_msg("%s: fused and separate layers differ", title);
}

static void test_fused_layers_give_the_bits_of_separate_ones(void **state)
{
    (void)state;
    in_every_set(check_bits);
}

/* The chain's second layer is dropout. */
static void check_dropout(const char *title, int absorbs)
{
    const chain *c = chains;
    while (strcmp(c->title, title) != 0) c++;
    outcome fused, apart;
    run(c, true, false, 1, &fused);
    run(c, false, false, 1, &apart);
    assert_int_equal(fused.model.layers[1].absorbs, absorbs);
    if (!aed_test_same_bits(title, fused.y_count, fused.y, apart.y))
        fail_msg("%s: evaluated, fused and separate layers differ", title);
    outcome_destroy(&fused);
    outcome_destroy(&apart);
}

static void test_dropout_takes_relu_and_nothing_else(void **state)
{
    (void)state;
    check_dropout("relu behind dropout of elements", 1);
    check_dropout("not past dropout", 1);
    check_dropout("no other activation behind dropout", 0);
}

/* A NaN goes through a fused pooling as through a separate one. */
static void check_nan(const chain *c, const char *title)
{
    outcome fused, apart;
    run(c, true, true, NAN, &fused);
    run(c, false, true, NAN, &apart);
    for (int64_t i = 0; i < fused.y_count; i++)
        if (isnan(fused.y[i]) != isnan(apart.y[i]) ||
            (!isnan(fused.y[i]) && !folds(c) && fused.y[i] != apart.y[i]))
            fail_msg("%s: output %lld is %g, expected %g", title, (long long)i, (double)fused.y[i],
                     (double)apart.y[i]);
    outcome_destroy(&fused);
    outcome_destroy(&apart);
}

static void test_nan_passes_fused_layers(void **state)
{
    (void)state;
    in_every_set(check_nan);
}

/* What is folded, and what is padded, has bits of its own: the same in every set. */
static void test_own_bits_are_the_same_in_every_set(void **state)
{
    (void)state;
    const aed_kernels_table *sets[3];
    const int count = aed_test_kernel_sets(sets);
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        outcome first, other;
        if (!folds(&chains[i]) && !pads(&chains[i])) continue;
        aed_test_use_kernels(sets[0]);
        run(&chains[i], true, true, 1, &first);
        for (int s = 1; s < count; s++) {
            aed_test_use_kernels(sets[s]);
            run(&chains[i], true, true, 1, &other);
            if (!(aed_test_same_bits(chains[i].title, first.y_count, first.y, other.y) &
                  aed_test_same_bits(chains[i].title, first.model.parameter_block, first.grads.at,
                                     other.grads.at)))
                fail_msg("%s: %s and %s differ", chains[i].title, sets[0]->name, sets[s]->name);
            outcome_destroy(&other);
        }
        outcome_destroy(&first);
    }
    aed_test_use_kernels(sets[0]);
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
        cmocka_unit_test(test_fused_layers_give_the_bits_of_separate_ones),
        cmocka_unit_test(test_dropout_takes_relu_and_nothing_else),
        cmocka_unit_test(test_nan_passes_fused_layers),
        cmocka_unit_test(test_own_bits_are_the_same_in_every_set),
    };
    return cmocka_run_group_tests(tests, pin, NULL);
}
