/* softmax over the channels (the features of a flat sample), as PyTorch's Softmax(dim=1). */
#include "kernel/kernels.h"
#include "layer/layer.h"

static aed_status softmax_infer(aed_layer *layer)
{
    layer->out = layer->in;
    layer->out_interval = (aed_interval){0, 1};
    return AED_OK;
}

static int64_t columns(const aed_layer *layer)
{
    return aed_shape_count(&layer->in) / layer->in.size[0] * layer->lanes;
}

static void softmax_forward(const aed_layer *layer, const float *params, const float *x, float *y,
                            const aed_tile *tile)
{
    (void)params;
    (void)tile;
    layer->kernels->softmax((int)layer->in.size[0], columns(layer), x, y);
}

static void softmax_backward(const aed_layer *layer, const float *params, const float *x,
                             const float *y, float *dy, float *dx, float *grads,
                             const aed_tile *tile)
{
    (void)params;
    (void)x;
    (void)grads;
    (void)tile;
    layer->kernels->softmax_backward((int)layer->in.size[0], columns(layer), y, dy, dx);
}

const aed_layer_ops aed_layer_softmax = {
    .kind = {"softmax", "exp(x) over its sum, over the channels", NULL, 0, NULL},
    .elementwise = true,
    .keeps_output = true,
    .infer = softmax_infer,
    .forward = softmax_forward,
    .backward = softmax_backward,
};
