/* A nearest upsampling with the convolution behind it, as one transposed convolution.
 *
 * Upsampling by s repeats each point s times, so a convolution (kernel k, stride 1, padding p) meets it
 * with the sum of several weights: along each dimension output q meets point i with the taps t for
 * which floor((q + t - p) / s) = i. That is a transposed convolution of stride s and padding k - 1 - p
 * with k + s - 1 taps,
 *
 *   folded[k - 1 - t + e] += weight[t]  for all t and e = 0 ... s-1,
 *
 * and ((k + s - 1) / (k s))^2 of the products in two dimensions: 4/9 for k = 3, s = 2. Beyond the edges
 * of the upsampled map lies nothing in either. The sums have another order than those of the separate
 * layers. Folded weights are made from the layer's for every tile, a few thousand additions, and their
 * gradient is added to the layer's the same way. */
#include <string.h>

#include "core/memory.h"
#include "layer/layer.h"
#include "layer/product.h"

/* Folding pays while there are at most so many folded weights for each of the layer's. */
enum { MOST_EXPANSION = 4 };

static bool fold_axis(const aed_axis *conv, int64_t scale, aed_axis *axis)
{
    *axis = (aed_axis){.kernel = conv->kernel + scale - 1,
                       .stride = scale,
                       .padding = conv->kernel - 1 - conv->padding,
                       .dilation = 1,
                       .narrow = conv->wide / scale,
                       .wide = conv->narrow};
    return conv->stride == 1 && conv->dilation == 1 && axis->padding >= 0;
}

/* The convolution behind the upsampling as the transposed one that computes both; false if it cannot or
 * should not be. */
static bool fold_axes(const aed_layer *conv, const int64_t scale[2], aed_axis axes[2])
{
    if (conv->ops->forward != aed_product_forward) return false;
    const aed_product *product = conv->state;
    if (!product->to_narrow || product->pointwise) return false;
    for (int d = 0; d < 2; d++)
        if (!fold_axis(&product->axes[d], scale[d], &axes[d])) return false;
    return axes[0].kernel * axes[1].kernel <= MOST_EXPANSION * product->taps &&
           aed_pairs_count(axes) >= 0;
}

static int64_t folded_floats(const aed_product *product)
{
    return (product->groups * product->weight_floats + 15) / 16 * 16;
}

/* Which folded taps each tap of a convolution with these axes is part of. */
static aed_status list_taps(const aed_axis conv[2], const int64_t scale[2], aed_product *product)
{
    const int64_t height = conv[0].kernel, width = conv[1].kernel;
    product->fold_taps = (int)(height * width);
    product->fold_repeat = (int)(scale[0] * scale[1]);
    product->fold_to = aed_alloc((size_t)product->fold_taps * (size_t)product->fold_repeat,
                                 sizeof *product->fold_to);
    if (!product->fold_to)
        return aed_fail(AED_MEMORY, "out of memory for a convolution's index lists");
    int32_t *next = product->fold_to;
    for (int64_t ty = 0; ty < height; ty++)
        for (int64_t tx = 0; tx < width; tx++)
            for (int64_t ey = 0; ey < scale[0]; ey++)
                for (int64_t ex = 0; ex < scale[1]; ex++)
                    *next++ = (int32_t)((height - 1 - ty + ey) * (width + scale[1] - 1) + width -
                                        1 - tx + ex);
    return AED_OK;
}

aed_status aed_product_fold(aed_layer *layer, const int64_t scale[2], int offered)
{
    aed_status status = AED_OK;
    aed_layer *conv = layer + 1;
    aed_axis axes[2];
    if (!fold_axes(conv, scale, axes)) return AED_OK;
    aed_product *product = conv->state;
    aed_product made = {.groups = product->groups,
                        .narrow = product->wide,
                        .wide = product->narrow,
                        .lanes = product->lanes,
                        .bias = product->bias,
                        .folded = true};
    AED_TRY(list_taps(product->axes, scale, &made));
    aed_pairs_destroy(&product->lists);
    *product = made;
    AED_TRY(aed_product_plan(product, axes));
    if (offered > 1) AED_TRY(aed_product_fuse(conv, offered - 1));
    product->folded_at = (conv->scratch + 15) / 16 * 16;
    layer->absorbs = 1 + conv->absorbs;
    layer->kept = conv->kept;
    layer->scratch = product->folded_at + 2 * folded_floats(product);
done:
    return status;
}

/* ---- Weights ---------------------------------------------------------------------------------- */

static int64_t filters(const aed_product *product)
{
    return (int64_t)product->groups * product->narrow * product->wide;
}

/* Where the folded weights have filter number `filter` of the layer's, which are (out, in of a group):
 * they are (in, out of a group). */
static int64_t folded_filter(const aed_product *product, int64_t filter)
{
    const int64_t in = filter % product->narrow, out = filter / product->narrow;
    const int64_t group = out / product->wide;
    return ((group * product->narrow + in) * product->wide + out % product->wide) * product->taps;
}

const float *aed_product_fold_weights(const aed_product *product, const float *weight,
                                      float *scratch)
{
    float *const folded = scratch + product->folded_at;
    memset(folded, 0, (size_t)folded_floats(product) * sizeof *folded);
    for (int64_t i = 0; i < filters(product); i++) {
        float *to = folded + folded_filter(product, i);
        const int32_t *place = product->fold_to;
        for (int tap = 0; tap < product->fold_taps; tap++, weight++)
            for (int e = 0; e < product->fold_repeat; e++) to[*place++] += *weight;
    }
    return folded;
}

float *aed_product_fold_clear(const aed_product *product, float *scratch)
{
    float *const gradient = scratch + product->folded_at + folded_floats(product);
    memset(gradient, 0, (size_t)folded_floats(product) * sizeof *gradient);
    return gradient;
}

void aed_product_fold_gradient(const aed_product *product, const float *scratch, float *grad)
{
    const float *const gradient = scratch + product->folded_at + folded_floats(product);
    for (int64_t i = 0; i < filters(product); i++) {
        const float *from = gradient + folded_filter(product, i);
        const int32_t *place = product->fold_to;
        for (int tap = 0; tap < product->fold_taps; tap++, grad++)
            for (int e = 0; e < product->fold_repeat; e++) *grad += from[*place++];
    }
}
