/* dropout: elements dropped with probability p in training, the others divided by 1 - p, as
 * PyTorch's Dropout; dropout1d and dropout2d drop whole channels. Keyed by the layer's path, the
 * epoch, the sample and the element or channel. A relu behind it is computed in the same pass: what it lets
 * through was not dropped, so that on the way back nothing is drawn again. */
#include "core/memory.h"
#include "kernel/kernels.h"
#include "layer/layer.h"

typedef struct dropout_state {
    int64_t groups, group_size;
    uint32_t threshold; /* of a 32-bit word */
    float scale;
    bool relu; /* behind it, computed here */
} dropout_state;

static void dropout_destroy(aed_layer *layer)
{
    aed_free(layer->state);
    layer->state = NULL;
}

static aed_status dropout_infer(aed_layer *layer, int64_t groups)
{
    const double p = aed_spec_number(&layer->spec->spec, "p");
    const int64_t features = aed_shape_count(&layer->in);
    dropout_state *state = aed_alloc(1, sizeof *state);
    if (!state) return aed_fail(AED_MEMORY, "out of memory for a layer");
    *state = (dropout_state){groups, features / groups, (uint32_t)(p * 0x1p32),
                             (float)(1 / (1 - p)), false};
    layer->state = state;
    layer->out = layer->in;
    /* Scaled or 0. */
    layer->out_interval.lo = layer->in_interval.lo < 0 ? layer->in_interval.lo / (1 - p) : 0;
    layer->out_interval.hi = layer->in_interval.hi > 0 ? layer->in_interval.hi / (1 - p) : 0;
    return AED_OK;
}

static aed_status dropout_elements_infer(aed_layer *layer)
{
    return dropout_infer(layer, aed_shape_count(&layer->in));
}

static aed_status dropout_channels_infer(aed_layer *layer, int dimensions)
{
    char text[96];
    if (layer->in.rank != 1 + dimensions)
        return aed_layer_fail(layer, "needs an input of channels and %d sizes, but its input is %s",
                              dimensions, aed_shape_text(&layer->in, text));
    return dropout_infer(layer, layer->in.size[0]);
}

static aed_status dropout1d_infer(aed_layer *layer) { return dropout_channels_infer(layer, 1); }
static aed_status dropout2d_infer(aed_layer *layer) { return dropout_channels_infer(layer, 2); }

static void apply(const aed_layer *layer, const aed_tile *tile, aed_activation activation,
                  const float *from, float *to)
{
    const dropout_state *s = layer->state;
    if (tile->train)
        layer->kernels->dropout(tile->keys[layer->index], tile->ids, tile->lanes, s->groups,
                                s->group_size, s->threshold, s->scale, activation, from, to);
    else if (from != to || activation != AED_IDENTITY)
        layer->kernels->activate(activation, 0, s->groups * s->group_size * tile->lanes, from, to);
}

static void dropout_forward(const aed_layer *layer, const float *params, const float *x, float *y,
                            const aed_tile *tile)
{
    (void)params;
    const dropout_state *s = layer->state;
    apply(layer, tile, s->relu ? AED_RELU : AED_IDENTITY, x, y);
}

static void dropout_backward(const aed_layer *layer, const float *params, const float *x,
                             const float *y, float *dy, float *dx, float *grads,
                             const aed_tile *tile)
{
    (void)params;
    (void)x;
    (void)grads;
    const dropout_state *s = layer->state;
    if (s->relu)
        layer->kernels->dropout_relu_backward(s->groups * s->group_size * tile->lanes,
                                              tile->train ? s->scale : 1, y, dy, dx);
    else
        apply(layer, tile, AED_IDENTITY, dy, dx);
}

static aed_status dropout_fuse(aed_layer *layer, int offered)
{
    dropout_state *s = layer->state;
    aed_activation activation;
    float parameter;
    (void)offered;
    s->relu = aed_activation_of(layer + 1, &activation, &parameter) && activation == AED_RELU;
    layer->absorbs = s->relu;
    return AED_OK;
}

static const aed_arg_def dropout_args[] = {
    {"p", AED_ARG_FLOAT, false, 0.5, 0, 0.999999, NULL, "probability of dropping"},
};

#define DROPOUT(name, help, infer_function)                                                 \
    {                                                                                       \
        .kind = {name, help, dropout_args, 1, "p"}, .elementwise = true, .is_random = true, \
        .infer = infer_function, .forward = dropout_forward, .backward = dropout_backward,  \
        .fuse = dropout_fuse, .destroy = dropout_destroy,                                   \
    }

const aed_layer_ops aed_layer_dropout = DROPOUT("dropout", "drops elements in training",
                                                dropout_elements_infer);
const aed_layer_ops aed_layer_dropout1d = DROPOUT(
    "dropout1d", "drops channels of (channels, length) in training", dropout1d_infer);
const aed_layer_ops aed_layer_dropout2d = DROPOUT(
    "dropout2d", "drops channels of (channels, height, width) in training", dropout2d_infer);
