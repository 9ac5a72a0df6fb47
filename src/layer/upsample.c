/* upsample: every size of (channels, sizes ...) times a whole number, as PyTorch's Upsample with
 * align_corners false. nearest repeats each point; linear (bilinear) interpolates at
 * (q + 1/2) / scale - 1/2, held within the input. */
#include <inttypes.h>

#include "core/memory.h"
#include "layer/layer.h"
#include "layer/product.h"
#include "layer/resampling.h"
#include "layer/window.h"

enum { NEAREST }; /* the first of the modes; the others are linear */

/* Up to two input points of one dimension with their weights. */
typedef struct stencil {
    int64_t at[2];
    double weight[2];
} stencil;

static stencil stencil_at(bool nearest, int64_t q, int64_t scale, int64_t size)
{
    if (nearest) return (stencil){{q / scale, 0}, {1, 0}};
    double place = ((double)q + 0.5) / (double)scale - 0.5;
    if (place < 0) place = 0;
    const int64_t low = (int64_t)place, high = low + 1 < size ? low + 1 : low;
    return (stencil){{low, high}, {1 - (place - (double)low), place - (double)low}};
}

/* Enters what output point (qy, qx) takes; returns the number of entries. */
static int64_t enter_point(const stencil *y, const stencil *x, int64_t width, int64_t row,
                           aed_resampling_entry *entries)
{
    int64_t count = 0;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            const double weight = y->weight[i] * x->weight[j];
            if (weight == 0) continue;
            entries[count++] = (aed_resampling_entry){
                (int32_t)row, (int32_t)(y->at[i] * width + x->at[j]), (float)weight};
        }
    return count;
}

static aed_status upsample_infer(aed_layer *layer)
{
    aed_status status = AED_OK;
    const int dimensions = layer->in.rank - 1;
    aed_resampling_entry *entries = NULL;
    if (dimensions != 1 && dimensions != 2)
        return aed_layer_fail(layer, "needs an input of channels and one or two sizes");
    AED_TRY(aed_window_check(layer, dimensions));
    const bool nearest = aed_spec_int(&layer->spec->spec, "mode") == NEAREST;
    int64_t in[2] = {1, 1}, scale[2] = {1, 1}, sizes[2];
    for (int d = 0; d < dimensions; d++) {
        in[2 - dimensions + d] = layer->in.size[1 + d];
        scale[2 - dimensions + d] = aed_window_list(layer, "scale", d, 2);
        sizes[d] = layer->in.size[1 + d] * scale[2 - dimensions + d];
    }
    AED_TRY(aed_window_shape(layer, layer->in.size[0], dimensions, sizes));
    const int64_t height = in[0] * scale[0], width = in[1] * scale[1];
    entries = aed_alloc((size_t)(4 * height * width), sizeof *entries);
    if (!entries) {
        status = aed_fail(AED_MEMORY, "out of memory for a layer's index lists");
        goto done;
    }
    int64_t count = 0;
    for (int64_t qy = 0; qy < height; qy++)
        for (int64_t qx = 0; qx < width; qx++) {
            const stencil y = stencil_at(nearest, qy, scale[0], in[0]);
            const stencil x = stencil_at(nearest, qx, scale[1], in[1]);
            count += enter_point(&y, &x, in[1], qy * width + qx, entries + count);
        }
    layer->out_interval = layer->in_interval;
    AED_TRY(aed_resampling_create(layer, (int32_t)(height * width), (int32_t)(in[0] * in[1]), count,
                                  entries));
done:
    aed_free(entries);
    return status;
}

/* A nearest upsampling takes over the convolution behind it. */
static aed_status upsample_fuse(aed_layer *layer, int offered)
{
    const int dimensions = layer->in.rank - 1;
    int64_t scale[2] = {1, 1};
    if (aed_spec_int(&layer->spec->spec, "mode") != NEAREST) return AED_OK;
    for (int d = 0; d < dimensions; d++)
        scale[2 - dimensions + d] = aed_window_list(layer, "scale", d, 2);
    return aed_product_fold(layer, scale, offered);
}

static void upsample_forward(const aed_layer *layer, const float *params, const float *x, float *y,
                             const aed_tile *tile)
{
    if (layer->absorbs)
        aed_product_forward(layer + 1, params, x, y, tile);
    else
        aed_resampling_forward(layer, params, x, y, tile);
}

static void upsample_backward(const aed_layer *layer, const float *params, const float *x,
                              const float *y, float *dy, float *dx, float *grads,
                              const aed_tile *tile)
{
    if (layer->absorbs)
        aed_product_backward(layer + 1, params, x, y, dy, dx, grads, tile);
    else
        aed_resampling_backward(layer, params, x, y, dy, dx, grads, tile);
}

static const char *const modes[] = {"nearest", "linear", "bilinear", NULL};
static const aed_arg_def upsample_args[] = {
    {"scale", AED_ARG_INTS, true, 0, 1, 1 << 10, NULL, "factor of each size"},
    {"mode", AED_ARG_CHOICE, false, NEAREST, 0, 0, modes, "repeat points or interpolate"},
};

const aed_layer_ops aed_layer_upsample = {
    .kind = {"upsample", "larger sizes by repeating or interpolating", upsample_args,
             AED_COUNT(upsample_args), "scale"},
    .infer = upsample_infer,
    .forward = upsample_forward,
    .backward = upsample_backward,
    .fuse = upsample_fuse,
    .destroy = aed_resampling_destroy,
};
