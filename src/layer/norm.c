/* group_norm: each of `groups` groups of channels of a sample to mean 0 and variance 1, then a weight
 * and a bias a channel, as PyTorch's GroupNorm. layer_norm: all features of a sample, a weight and a
 * bias each, as PyTorch's LayerNorm over the sample's whole shape. Neither looks at other samples. */
#include <inttypes.h>
#include <stdio.h>

#include "core/memory.h"
#include "kernel/kernels.h"
#include "layer/layer.h"

typedef struct norm_state {
    int64_t groups, weights, places; /* weights of a group, features of a weight */
    float eps;
} norm_state;

static void norm_destroy(aed_layer *layer)
{
    aed_free(layer->state);
    layer->state = NULL;
}

/* Weight and bias have the shape `shape`. */
static aed_status norm_infer(aed_layer *layer, int64_t groups, const aed_shape *shape)
{
    const int64_t features = aed_shape_count(&layer->in), weights = aed_shape_count(shape);
    norm_state *state = aed_alloc(1, sizeof *state);
    if (!state) return aed_fail(AED_MEMORY, "out of memory for a layer");
    *state = (norm_state){groups, weights / groups, features / weights,
                          (float)aed_spec_number(&layer->spec->spec, "eps")};
    layer->state = state;
    layer->out = layer->in;
    layer->out_interval = (aed_interval){-__builtin_inf(), __builtin_inf()};
    layer->tensor_count = 2;
    layer->scratch = 2 * layer->lanes;
    /* Rough: two passes over the features and one to write, a few operations each. */
    layer->flops = 8 * features;
    for (int i = 0; i < 2; i++) {
        aed_tensor *tensor = &layer->tensors[i];
        snprintf(tensor->name, sizeof tensor->name, i == 0 ? "weight" : "bias");
        tensor->shape = *shape;
        tensor->constant = true;
        tensor->value = i == 0 ? 1 : 0;
    }
    return AED_OK;
}

static aed_status group_norm_infer(aed_layer *layer)
{
    const int64_t groups = aed_spec_int(&layer->spec->spec, "groups");
    const int64_t channels = layer->in.size[0];
    const aed_shape shape = {1, {channels}};
    if (channels % groups)
        return aed_layer_fail(
            layer, "has %" PRId64 " groups for %" PRId64 " channels; the groups must divide them",
            groups, channels);
    if (aed_shape_count(&layer->in) == groups)
        return aed_layer_fail(layer, "has one feature a group, which would always become 0");
    return norm_infer(layer, groups, &shape);
}

static aed_status layer_norm_infer(aed_layer *layer)
{
    if (aed_shape_count(&layer->in) == 1)
        return aed_layer_fail(layer, "has one feature, which would always become 0");
    return norm_infer(layer, 1, &layer->in);
}

static void norm_forward(const aed_layer *layer, const float *params, const float *x, float *y,
                         const aed_tile *tile)
{
    const norm_state *s = layer->state;
    layer->kernels->normalize(s->groups, s->weights, s->places, tile->lanes, s->eps,
                              params + layer->tensors[0].offset, params + layer->tensors[1].offset,
                              x, y);
}

static void norm_backward(const aed_layer *layer, const float *params, const float *x,
                          const float *y, float *dy, float *dx, float *grads, const aed_tile *tile)
{
    (void)y;
    const norm_state *s = layer->state;
    layer->kernels->normalize_backward(
        s->groups, s->weights, s->places, tile->lanes, s->eps, params + layer->tensors[0].offset, x,
        dy, dx, grads + layer->tensors[0].offset, grads + layer->tensors[1].offset, tile->scratch);
}

#define EPS                                                                        \
    {                                                                              \
        "eps", AED_ARG_FLOAT, false, 1e-5, 1e-12, 1, NULL, "added to the variance" \
    }

static const aed_arg_def group_norm_args[] = {
    {"groups", AED_ARG_INT, true, 0, 1, 1 << 20, NULL, "groups of channels"}, EPS};
static const aed_arg_def layer_norm_args[] = {EPS};

const aed_layer_ops aed_layer_group_norm = {
    .kind = {"group_norm", "groups of channels to mean 0 and variance 1", group_norm_args,
             AED_COUNT(group_norm_args), "groups"},
    .infer = group_norm_infer,
    .forward = norm_forward,
    .backward = norm_backward,
    .destroy = norm_destroy,
};
const aed_layer_ops aed_layer_layer_norm = {
    .kind = {"layer_norm", "a sample to mean 0 and variance 1", layer_norm_args,
             AED_COUNT(layer_norm_args), NULL},
    .infer = layer_norm_infer,
    .forward = norm_forward,
    .backward = norm_backward,
    .destroy = norm_destroy,
};
