/* gumbel_softmax over the channels (the features of a flat sample): in training a sample of the
 * categorical distribution softmax(x), relaxed to softmax((x + g) / temperature) with standard Gumbel
 * noise g (Jang, Gu, Poole: Categorical reparameterization with Gumbel-softmax, ICLR 2017). `hard` gives
 * the one-hot vector of its largest channel and keeps the relaxed one's gradient. In evaluation there
 * is no noise. The noise is keyed by the layer's path, the epoch, the sample and the element, so the
 * way back can draw it again. */
#include "core/memory.h"
#include "kernel/kernels.h"
#include "layer/layer.h"

typedef struct gumbel_state {
    float inverse_temperature;
    bool hard;
} gumbel_state;

static void gumbel_destroy(aed_layer *layer)
{
    aed_free(layer->state);
    layer->state = NULL;
}

static aed_status gumbel_infer(aed_layer *layer)
{
    const aed_spec *spec = &layer->spec->spec;
    gumbel_state *state = aed_alloc(1, sizeof *state);
    if (!state) return aed_fail(AED_MEMORY, "out of memory for a layer");
    *state = (gumbel_state){(float)(1 / aed_spec_number(spec, "temperature")),
                            aed_spec_bool(spec, "hard")};
    layer->state = state;
    layer->out = layer->in;
    layer->out_interval = (aed_interval){0, 1};
    return AED_OK;
}

static int64_t columns(const aed_layer *layer)
{
    return aed_shape_count(&layer->in) / layer->in.size[0] * layer->lanes;
}

/* (x + g) / temperature, x / temperature in evaluation. */
static void logits(const aed_layer *layer, const float *x, float *y, const aed_tile *tile)
{
    const gumbel_state *s = layer->state;
    const int64_t features = aed_shape_count(&layer->in);
    if (tile->train) {
        layer->kernels->add_gumbel(tile->keys[layer->index], tile->ids, tile->lanes, features,
                                   s->inverse_temperature, x, y);
        return;
    }
    layer->kernels->activate(AED_IDENTITY, 0, features * tile->lanes, x, y);
    layer->kernels->scale(features * tile->lanes, s->inverse_temperature, y);
}

static void gumbel_forward(const aed_layer *layer, const float *params, const float *x, float *y,
                           const aed_tile *tile)
{
    (void)params;
    const gumbel_state *s = layer->state;
    const int channels = (int)layer->in.size[0];
    logits(layer, x, y, tile);
    if (s->hard)
        layer->kernels->one_hot(channels, columns(layer), y, y);
    else
        layer->kernels->softmax(channels, columns(layer), y, y);
}

static void gumbel_backward(const aed_layer *layer, const float *params, const float *x,
                            const float *y, float *dy, float *dx, float *grads,
                            const aed_tile *tile)
{
    (void)params;
    (void)grads;
    const gumbel_state *s = layer->state;
    const int channels = (int)layer->in.size[0];
    if (s->hard) { /* the relaxed output, made again */
        logits(layer, x, dx, tile);
        layer->kernels->softmax(channels, columns(layer), dx, dx);
        y = dx;
    }
    layer->kernels->softmax_backward(channels, columns(layer), y, dy, dx);
    layer->kernels->scale(aed_shape_count(&layer->in) * tile->lanes, s->inverse_temperature, dx);
}

static const aed_arg_def gumbel_args[] = {
    {"temperature", AED_ARG_FLOAT, false, 1, 1e-6, 1e6, NULL,
     "towards 0 one channel takes all, towards infinity all are alike"},
    {"hard", AED_ARG_BOOL, false, 0, 0, 0, NULL,
     "exactly 1 and 0, with the gradient of the soft output"},
};

const aed_layer_ops aed_layer_gumbel_softmax = {
    .kind = {"gumbel_softmax",
             "softmax((x + Gumbel noise) / temperature) over the channels; no noise in evaluation",
             gumbel_args, AED_COUNT(gumbel_args), "temperature"},
    .is_random = true,
    .infer = gumbel_infer,
    .forward = gumbel_forward,
    .backward = gumbel_backward,
    .destroy = gumbel_destroy,
};
