/* gaussian_noise: y = x + std[channel] * standard normal, in training only; std may be a ramp over the
 * epochs. The normals are keyed by
 * the layer's path, the epoch, the sample and the element. */
#include <inttypes.h>
#include <math.h>

#include "core/memory.h"
#include "kernel/kernels.h"
#include "layer/layer.h"

static void noise_destroy(aed_layer *layer)
{
    aed_free(layer->state);
    layer->state = NULL;
}

/* The state is the std of every feature, of this epoch. */
static void set_spread(aed_layer *layer, int64_t epoch)
{
    const aed_arg_value *std = aed_spec_value(&layer->spec->spec, "std");
    const int64_t channels = layer->in.size[0], features = aed_shape_count(&layer->in);
    const double level = aed_ramp_at(std->ramp, epoch);
    float *spread = layer->state;
    for (int64_t f = 0; f < features; f++)
        spread[f] = (float)(std->numbers[std->count == 1 ? 0 : f / (features / channels)] * level);
}

static void noise_begin_epoch(aed_layer *layer, int64_t epoch)
{
    if (aed_spec_value(&layer->spec->spec, "std")->ramp) set_spread(layer, epoch);
}

static aed_status noise_infer(aed_layer *layer)
{
    const aed_arg_value *std = aed_spec_value(&layer->spec->spec, "std");
    const int64_t channels = layer->in.size[0], features = aed_shape_count(&layer->in);
    if (std->count != 1 && std->count != channels)
        return aed_layer_fail(layer,
                              "has %" PRId64 " values for %" PRId64
                              " channels; give one a channel, or one for all",
                              std->count, channels);
    float *spread = aed_alloc((size_t)features, sizeof *spread);
    if (!spread) return aed_fail(AED_MEMORY, "out of memory for a noise layer");
    layer->state = spread;
    set_spread(layer, 1);
    bool noisy = std->ramp != NULL;
    for (int64_t f = 0; f < features; f++) noisy = noisy || spread[f] != 0;
    layer->out = layer->in;
    layer->out_interval = noisy ? (aed_interval){-INFINITY, INFINITY} : layer->in_interval;
    return AED_OK;
}

static void noise_forward(const aed_layer *layer, const float *params, const float *x, float *y,
                          const aed_tile *tile)
{
    (void)params;
    const int64_t features = aed_shape_count(&layer->in);
    if (tile->train)
        layer->kernels->add_noise(tile->keys[layer->index], tile->ids, tile->lanes, features,
                                  layer->state, x, y);
    else if (x != y)
        layer->kernels->activate(AED_IDENTITY, 0, features * tile->lanes, x, y);
}

/* The identity. */
static void noise_backward(const aed_layer *layer, const float *params, const float *x,
                           const float *y, float *dy, float *dx, float *grads, const aed_tile *tile)
{
    (void)params;
    (void)x;
    (void)y;
    (void)grads;
    if (dx != dy)
        layer->kernels->activate(AED_IDENTITY, 0, aed_shape_count(&layer->in) * tile->lanes, dy,
                                 dx);
}

static const aed_arg_def noise_args[] = {
    {"std", AED_ARG_LEVELS, true, 0, 0, 1e30, NULL, "standard deviation, a channel or for all"},
};

const aed_layer_ops aed_layer_gaussian_noise = {
    .kind = {"gaussian_noise", "adds normal noise in training", noise_args, 1, "std"},
    .elementwise = true,
    .is_random = true,
    .infer = noise_infer,
    .forward = noise_forward,
    .backward = noise_backward,
    .begin_epoch = noise_begin_epoch,
    .destroy = noise_destroy,
};
