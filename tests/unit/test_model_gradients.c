/* Whole models against the float64 reference: the output, every parameter's gradient by central
 * differences, and the outputs of named layers. The chains are those where a plan can go wrong: what
 * may be computed in place, views between, noise after an activation whose output backward needs,
 * layers before the first parameter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "aedist/model.h"
#include "core/memory.h"
#include "support/layer_run.h"
#include "support/reference.h"

enum { MAX_LAYERS = 10, WIDEST = 64 };

static const double STEP = 1e-5;
static const double K = 16;

typedef struct chain_layer {
    const char *kind, *args, *name;
} chain_layer;

typedef struct chain {
    const char *title;
    aed_shape in;
    int lanes, valid, code;
    chain_layer layers[MAX_LAYERS];
} chain;

static const chain chains[] = {
    {"noise keeps the output of tanh",
     {1, {5}},
     16,
     13,
     1,
     {{"linear", "out=4", NULL},
      {"tanh", "", NULL},
      {"gaussian_noise", "std=0.3", NULL},
      {"linear", "out=5", NULL}}},
    {"tanh in place of noise",
     {1, {5}},
     16,
     16,
     0,
     {{"linear", "out=4", NULL},
      {"gaussian_noise", "std=0.3", NULL},
      {"tanh", "", NULL},
      {"linear", "out=5", NULL}}},
    {"activations on activations",
     {1, {4}},
     32,
     19,
     2,
     {{"linear", "out=6", NULL},
      {"softplus", "", NULL},
      {"tanh", "", NULL},
      {"elu", "", NULL},
      {"gaussian_noise", "std=0.1", NULL},
      {"sigmoid", "", NULL},
      {"linear", "out=4", NULL},
      {"leaky_relu", "", NULL}}},
    {"views between",
     {2, {2, 6}},
     16,
     9,
     3,
     {{"conv1d", "out=3 kernel=3 stride=2", NULL},
      {"flatten", "", NULL},
      {"tanh", "", NULL},
      {"linear", "out=4", NULL},
      {"unflatten", "shape=2,2", NULL},
      {"sigmoid", "", NULL},
      {"flatten", "", NULL},
      {"softmax", "", NULL},
      {"linear", "out=12", NULL},
      {"unflatten", "shape=2,6", NULL}}},
    {"before the first parameter",
     {2, {3, 4}},
     32,
     32,
     2,
     {{"gaussian_noise", "std=0.1,0,0.2", NULL},
      {"flatten", "", NULL},
      {"tanh", "", NULL},
      {"linear", "out=3", NULL},
      {"relu", "", NULL},
      {"linear", "out=12", NULL},
      {"unflatten", "shape=3,4", NULL}}},
    {"named layers are kept",
     {1, {5}},
     16,
     16,
     4,
     {{"linear", "out=4", "before"},
      {"relu", "", "after"},
      {"linear", "out=3", NULL},
      {"gaussian_noise", "std=0.2", "noisy"},
      {"sigmoid", "", NULL},
      {"tanh", "", NULL},
      {"linear", "out=5", NULL}}},
    {"convolutions with noise on the code",
     {2, {1, 7}},
     32,
     23,
     1,
     {{"conv1d", "out=3 kernel=7 stride=4", NULL},
      {"tanh", "", NULL},
      {"gaussian_noise", "std=0.1,0.01,0.001", NULL},
      {"conv_transpose1d", "out=1 kernel=7 stride=4", NULL}}},
};

typedef struct fixture {
    const chain *c;
    aed_test_spec specs[MAX_LAYERS];
    aed_layer_spec layers[MAX_LAYERS];
    char paths[MAX_LAYERS][24];
    aed_model model;
    aed_rng_key keys[MAX_LAYERS];
    uint32_t ids[64];
    aed_tile tile;
    aed_test_block params, workspace, grads;
    float *dy; /* [features][lanes], random, 0 in the unused lanes */
    double *params64;
    double values[MAX_LAYERS + 1][WIDEST]; /* input and every layer's output, one sample */
} fixture;

static void plan(const chain *c, fixture *f)
{
    int count = 0;
    for (; count < MAX_LAYERS && c->layers[count].kind; count++) {
        const chain_layer *layer = &c->layers[count];
        snprintf(f->paths[count], sizeof f->paths[count], "encoder.%d", count);
        aed_test_spec_make(&aed_layer_find(layer->kind)->kind, layer->args, &f->specs[count]);
        f->layers[count] = (aed_layer_spec){f->specs[count].spec, f->paths[count], layer->name,
                                            false};
    }
    if (aed_model_create(f->layers, count, c->code, &c->in, (aed_interval){-3, 3}, c->valid,
                         c->lanes, 0, &f->model) != AED_OK)
        fail_msg("%s: %s", c->title, aed_status_message());
    aed_model_keys(&f->model, 5, 1, f->keys);
}

static void create(const chain *c, fixture *f)
{
    memset(f, 0, sizeof *f);
    f->c = c;
    plan(c, f);
    const int lanes = c->lanes;
    f->params = aed_test_block_create(f->model.parameter_block);
    f->grads = aed_test_block_create(f->model.parameter_block);
    f->workspace = aed_test_block_create(f->model.workspace);
    f->params64 = aed_test_doubles(f->model.parameter_block);
    for (int64_t i = 0; i < f->model.parameter_block; i++) {
        f->params.at[i] = aed_test_uniform(3, (uint32_t)i, -0.7, 0.7);
        f->params64[i] = (double)f->params.at[i];
        f->grads.at[i] = 0;
    }
    for (int i = 0; i < lanes; i++) f->ids[i] = 100 + (uint32_t)(i < c->valid ? i : c->valid - 1);
    const int64_t features = aed_shape_count(&c->in);
    for (int64_t i = 0; i < features * lanes; i++)
        f->workspace.at[f->model.input_at + i] = aed_test_uniform(
            1, (uint32_t)(i / lanes * 1000 + f->ids[i % lanes]), -2, 2);
    f->tile = (aed_tile){.lanes = lanes,
                         .valid = c->valid,
                         .ids = f->ids,
                         .train = true,
                         .keys = f->keys,
                         .scratch = f->workspace.at + f->model.scratch_at};
    f->dy = aed_alloc((size_t)(features * lanes), sizeof *f->dy);
    assert_non_null(f->dy);
    for (int64_t i = 0; i < features * lanes; i++)
        f->dy[i] = i % lanes < c->valid ? aed_test_uniform(2, (uint32_t)i, -1, 1) : 0;
}

static void destroy(fixture *f)
{
    aed_model_destroy(&f->model);
    aed_test_block_destroy(&f->params);
    aed_test_block_destroy(&f->grads);
    aed_test_block_destroy(&f->workspace);
    aed_free(f->params64);
    aed_free(f->dy);
}

/* The noise layer in float64: the same normals, which the reference cannot know. */
static void add_noise(const fixture *f, int index, uint32_t id, const double *x, double *y)
{
    const aed_layer *layer = &f->model.layers[index];
    const aed_arg_value *std = aed_spec_value(&layer->spec->spec, "std");
    const int64_t features = aed_shape_count(&layer->in), channels = layer->in.size[0];
    for (int64_t i = 0; i < features; i++) {
        const int64_t channel = std->count == 1 ? 0 : i / (features / channels);
        y[i] = x[i] +
               std->numbers[channel] * (double)aed_rng_normal(f->keys[index], id, (uint32_t)i);
    }
}

/* Every layer's output for the sample in values[0]. */
static const double *reference(fixture *f, int lane)
{
    for (int i = 0; i < f->model.layer_count; i++)
        if (f->model.layers[i].ops->is_random)
            add_noise(f, i, f->ids[lane], f->values[i], f->values[i + 1]);
        else
            aed_reference_forward(&f->model.layers[i], f->params64, f->values[i], f->values[i + 1]);
    return f->values[f->model.layer_count];
}

static void load(fixture *f, int lane)
{
    const int64_t features = aed_shape_count(&f->c->in);
    for (int64_t i = 0; i < features; i++)
        f->values[0][i] = (double)aed_test_uniform(1, (uint32_t)(i * 1000 + f->ids[lane]), -2, 2);
}

static double functional(fixture *f, int lane)
{
    const double *y = reference(f, lane);
    const int64_t features = aed_shape_count(&f->c->in);
    double sum = 0;
    for (int64_t i = 0; i < features; i++) sum += (double)f->dy[i * f->c->lanes + lane] * y[i];
    return sum;
}

static bool check_gradient(fixture *f, const aed_tensor *tensor)
{
    const int64_t count = aed_shape_count(&tensor->shape);
    double *want = aed_test_doubles(count);
    for (int lane = 0; lane < f->c->valid; lane++) {
        load(f, lane);
        for (int64_t i = 0; i < count; i++) {
            double *number = f->params64 + tensor->offset + i;
            const double old = *number;
            *number = old + STEP;
            const double above = functional(f, lane);
            *number = old - STEP;
            const double below = functional(f, lane);
            *number = old;
            want[i] += (above - below) / (2 * STEP);
        }
    }
    const bool ok = aed_test_near(tensor->name, count, 1, f->grads.at + tensor->offset, want,
                                  K * AED_TEST_EPS * aed_test_largest(count, want));
    aed_free(want);
    return ok;
}

/* The outputs that somebody may read after forward: the last one and those of named layers. */
static bool check_outputs(fixture *f)
{
    const int lanes = f->c->lanes, last = f->model.layer_count - 1;
    bool ok = true;
    for (int i = 0; i <= last; i++) {
        if (i != last && i != f->c->code && !f->layers[i].name) continue;
        const int64_t features = aed_shape_count(&f->model.layers[i].out);
        double *want = aed_test_doubles(features * lanes);
        for (int lane = 0; lane < lanes; lane++) {
            load(f, lane);
            reference(f, lane);
            for (int64_t j = 0; j < features; j++) want[j * lanes + lane] = f->values[i + 1][j];
        }
        ok &= aed_test_near(f->paths[i], features * lanes, lanes,
                            aed_model_output(&f->model, f->workspace.at, i), want,
                            K * AED_TEST_EPS * aed_test_largest(features * lanes, want));
        aed_free(want);
    }
    return ok;
}

static bool check_chain(const chain *c)
{
    fixture f;
    create(c, &f);
    const size_t bytes = sizeof(float) * (size_t)(aed_shape_count(&c->in) * c->lanes);
    aed_model_forward(&f.model, f.params.at, f.workspace.at, &f.tile);
    bool ok = check_outputs(&f);
    float *dy = aed_model_gradient(&f.model, f.workspace.at, NULL);
    memcpy(dy, f.dy, bytes);
    aed_model_backward(&f.model, f.params.at, f.workspace.at, f.model.layer_count - 1, -1, dy,
                       f.grads.at, &f.tile);
    for (int64_t i = 0; i < f.model.tensor_count; i++)
        ok &= check_gradient(&f, &f.model.tensors[i]);
    if (!ok) print_error("  in chain '%s'\n", c->title);
    destroy(&f);
    return ok;
}

static void test_model_gradients_match_differences(void **state)
{
    (void)state;
    int failed = 0;
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) failed += !check_chain(&chains[i]);
    assert_int_equal(failed, 0);
}

/* Without training there is no noise anywhere: the outputs of epoch 1 and 2 are the same bits. */
static void test_model_in_evaluation_ignores_the_epoch(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        fixture f;
        create(&chains[i], &f);
        const int64_t count = aed_shape_count(&chains[i].in) * chains[i].lanes;
        f.tile.train = false;
        const float *y = aed_model_forward(&f.model, f.params.at, f.workspace.at, &f.tile);
        memcpy(f.dy, y, sizeof *y * (size_t)count);
        aed_model_keys(&f.model, 6, 2, f.keys);
        y = aed_model_forward(&f.model, f.params.at, f.workspace.at, &f.tile);
        assert_true(aed_test_same_bits(chains[i].title, count, y, f.dy));
        destroy(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model_gradients_match_differences),
        cmocka_unit_test(test_model_in_evaluation_ignores_the_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
