/* One layer outside of any model; see layer_run.h. */
#include "support/layer_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"

double *aed_test_doubles(int64_t count)
{
    double *block = aed_alloc((size_t)count, sizeof *block);
    assert_non_null(block);
    return block;
}

static void place_tensors(aed_test_layer *t)
{
    for (int i = 0; i < t->layer.tensor_count; i++) {
        t->layer.tensors[i].offset = t->parameters;
        t->parameters += (aed_shape_count(&t->layer.tensors[i].shape) + 15) / 16 * 16;
    }
}

/* Inputs in +-3; for an activation also some far out, where saturation begins and ends. */
static void fill_inputs(aed_test_layer *t)
{
    static const float far[] = {0.02f, -0.02f, 9, -9, 20, -20, 80, -80};
    const int lanes = t->c->lanes, valid = t->c->valid;
    for (int64_t i = 0; i < t->in * lanes; i++)
        t->x.at[i] = aed_test_uniform(1, (uint32_t)i, -3, 3);
    if (t->parameters == 0)
        for (int i = 0; i < 8 && i < valid; i++) t->x.at[i] = far[i];
    for (int64_t i = 0; i < t->in * lanes; i++)
        if (i % lanes >= valid) t->x.at[i] = t->x.at[i / lanes * lanes + valid - 1];
    for (int64_t i = 0; i < t->out * lanes; i++)
        t->dy.at[i] = i % lanes < valid ? aed_test_uniform(2, (uint32_t)i, -1, 1) : 0;
    for (int64_t i = 0; i < t->parameters; i++) {
        t->params.at[i] = aed_test_uniform(3, (uint32_t)i, -0.5, 0.5);
        t->params64[i] = (double)t->params.at[i];
    }
}

void aed_test_layer_create(const aed_test_layer_case *c, aed_test_layer *layer)
{
    aed_test_layer *t = layer;
    char shape[96];
    const aed_layer_ops *ops = aed_layer_find(c->kind);
    assert_non_null(ops);
    memset(t, 0, sizeof *t);
    t->c = c;
    snprintf(t->name, sizeof t->name, "%s %s on %s, %d of %d lanes", c->kind, c->args,
             aed_shape_text(&c->in, shape), c->valid, c->lanes);
    aed_test_spec_make(&ops->kind, c->args, &t->spec);
    t->layer_spec = (aed_layer_spec){.spec = t->spec.spec, .path = "encoder.0"};
    t->layer = (aed_layer){.ops = ops,
                           .spec = &t->layer_spec,
                           .lanes = c->lanes,
                           .in = c->in,
                           .in_interval = {-__builtin_inf(), __builtin_inf()}};
    if (ops->infer(&t->layer) != AED_OK) fail_msg("%s: %s", t->name, aed_status_message());
    place_tensors(t);
    t->in = aed_shape_count(&t->layer.in);
    t->out = aed_shape_count(&t->layer.out);
    t->params = aed_test_block_create(t->parameters);
    t->x = aed_test_block_create(t->in * c->lanes);
    t->dy = aed_test_block_create(t->out * c->lanes);
    t->scratch = aed_test_block_create(t->layer.scratch);
    t->params64 = aed_test_doubles(t->parameters);
    t->x64 = aed_test_doubles(t->in);
    fill_inputs(t);
}

void aed_test_layer_destroy(aed_test_layer *layer)
{
    if (layer->layer.ops->destroy) layer->layer.ops->destroy(&layer->layer);
    aed_test_block_destroy(&layer->params);
    aed_test_block_destroy(&layer->x);
    aed_test_block_destroy(&layer->dy);
    aed_test_block_destroy(&layer->scratch);
    aed_free(layer->params64);
    aed_free(layer->x64);
}

float aed_test_layer_grads_before(int64_t index)
{
    return aed_test_uniform(4, (uint32_t)index, -1, 1);
}

static void run(aed_test_layer *t, const aed_kernels_table *set, const float *x, float *dy,
                aed_test_layer_result *result)
{
    const aed_tile tile = {
        .lanes = t->c->lanes, .valid = t->c->valid, .train = true, .scratch = t->scratch.at};
    t->layer.kernels = set;
    t->layer.ops->forward(&t->layer, t->params.at, x, result->y.at, &tile);
    t->layer.ops->backward(&t->layer, t->params.at, x, result->y.at, dy, result->dx.at,
                           result->grads.at, &tile);
}

void aed_test_layer_run(aed_test_layer *layer, const aed_kernels_table *set,
                        aed_test_layer_result *result)
{
    const int64_t lanes = layer->c->lanes;
    result->y = aed_test_block_create(layer->out * lanes);
    result->dx = aed_test_block_create(layer->in * lanes);
    result->grads = aed_test_block_create(layer->parameters);
    for (int64_t i = 0; i < layer->parameters; i++)
        result->grads.at[i] = aed_test_layer_grads_before(i);
    run(layer, set, layer->x.at, layer->dy.at, result);
}

void aed_test_layer_run_in_place(aed_test_layer *layer, const aed_kernels_table *set,
                                 aed_test_layer_result *result)
{
    const int64_t count = layer->in * layer->c->lanes;
    result->y = aed_test_block_create(count);
    result->dx = aed_test_block_create(count);
    result->grads = aed_test_block_create(0);
    memcpy(result->y.at, layer->x.at, sizeof(float) * (size_t)count);
    memcpy(result->dx.at, layer->dy.at, sizeof(float) * (size_t)count);
    run(layer, set, result->y.at, result->dx.at, result);
}

void aed_test_layer_result_destroy(aed_test_layer_result *result)
{
    aed_test_block_destroy(&result->y);
    aed_test_block_destroy(&result->dx);
    aed_test_block_destroy(&result->grads);
}

void aed_test_layer_load(aed_test_layer *layer, int lane)
{
    for (int64_t i = 0; i < layer->in; i++)
        layer->x64[i] = (double)layer->x.at[i * layer->c->lanes + lane];
}
