/* Convolutions of stride 1 by minimal filtering where it pays; see kernel/set/winograd.c. */
#include "layer/layer.h"
#include "layer/product.h"

/* What four points of a line cost beside the products, in products: to expand a channel of either side into the
 * nearest cache or, for the gradient, the second; and to collapse it. And what a direct product costs, to the wide
 * side more, for its edges, and a point of the biases' gradient, which filtering gives besides. As measured on
 * AVX-512. */
enum { EXPAND = 45, EXPAND_FAR = 85, COLLAPSE_NARROW = 35, COLLAPSE_WIDE = 80, BIAS = 5 };
static const double DIRECT_NARROW = 1.15, DIRECT_WIDE = 1.35, DIRECT_GRADIENT = 1.25;

/* So many filters' expanded weights stay in the cache. */
enum { MOST_FILTERS = 512 };

static bool suits(const aed_axis *axis)
{
    return axis->stride == 1 && axis->dilation == 1 && (axis->kernel == 3 || axis->kernel == 5) &&
           axis->wide + 2 * axis->padding == axis->narrow + axis->kernel - 1;
}

static aed_winograd forward_plan(const aed_product *product)
{
    const aed_axis *high = &product->axes[0], *wide = &product->axes[1];
    return (aed_winograd){.narrow = product->narrow,
                          .wide = product->wide,
                          .taps = (int)wide->kernel,
                          .rows = (int32_t)high->narrow,
                          .columns = (int32_t)wide->narrow,
                          .row_padding = (int32_t)high->padding,
                          .column_padding = (int32_t)wide->padding};
}

/* Its wide side is the narrow one of this, which pads as much as the other does not. */
static aed_winograd turned_plan(const aed_product *product)
{
    const aed_axis *high = &product->axes[0], *wide = &product->axes[1];
    return (aed_winograd){.narrow = product->wide,
                          .wide = product->narrow,
                          .taps = (int)wide->kernel,
                          .rows = (int32_t)high->wide,
                          .columns = (int32_t)wide->wide,
                          .row_padding = (int32_t)(high->kernel - 1 - high->padding),
                          .column_padding = (int32_t)(wide->kernel - 1 - wide->padding)};
}

/* A plan's costs: from side to side, and the gradient's. */
typedef struct costs {
    double to_narrow, to_wide, gradient;
} costs;

static costs plan_costs(const aed_winograd *conv)
{
    const int32_t wide_rows = conv->rows + conv->taps - 1 - 2 * conv->row_padding;
    const double tiles = (conv->columns + AED_WINOGRAD_TILE - 1) / AED_WINOGRAD_TILE;
    const double products = (double)aed_winograd_weights(conv);
    const double narrow = (double)conv->rows * conv->narrow, wide = (double)wide_rows * conv->wide;
    return (costs){
        .to_narrow = tiles * (conv->rows * products + wide * EXPAND + narrow * COLLAPSE_NARROW),
        .to_wide = tiles * (wide_rows * products + narrow * EXPAND + wide * COLLAPSE_WIDE),
        .gradient = tiles * (conv->rows * products + (narrow + wide) * EXPAND_FAR)};
}

void aed_product_plan_winograd(aed_product *product)
{
    const aed_axis *high = &product->axes[0], *wide = &product->axes[1];
    const int64_t filters = (int64_t)product->narrow * product->wide;
    if (product->folded || product->single || !suits(high) || !suits(wide) ||
        high->kernel != wide->kernel || filters > MOST_FILTERS)
        return;
    const double direct = (double)(filters * product->taps * product->narrow_positions);
    const aed_winograd conv = forward_plan(product), turned = turned_plan(product);
    const costs cost = plan_costs(&conv);
    const bool turns = turned.row_padding >= 0 && turned.column_padding >= 0 &&
                       plan_costs(&turned).to_narrow < cost.to_wide;
    const double to_wide = turns ? plan_costs(&turned).to_narrow : cost.to_wide;
    product->filter_narrow = (aed_product_filter){cost.to_narrow < DIRECT_NARROW * direct, false,
                                                  conv};
    product->filter_wide = (aed_product_filter){to_wide < DIRECT_WIDE * direct, turns,
                                                turns ? turned : conv};
    const int64_t outputs = product->to_narrow ? product->narrow * product->narrow_positions
                                               : product->wide * product->wide_positions;
    product->filters_weight = cost.gradient < DIRECT_GRADIENT * direct + (double)(BIAS * outputs);
}

/* The expanded weights come first, to a whole register. */
static int64_t weights_floats(const aed_product *product)
{
    return (aed_winograd_weights(&product->filter_narrow.conv) + 15) / 16 * 16;
}

int64_t aed_product_winograd_scratch(const aed_product *product)
{
    const aed_winograd *conv = &product->filter_narrow.conv;
    int64_t most = 0;
    if (product->filter_narrow.used || product->filter_wide.used)
        most = weights_floats(product) + aed_winograd_scratch(conv);
    if (product->filters_weight && aed_winograd_gradient_scratch(conv) > most)
        most = aed_winograd_gradient_scratch(conv);
    return most;
}

void aed_product_winograd(const aed_layer *layer, bool to_narrow, const float *weight,
                          const float *bias, aed_activation activation, const float *x, float *y,
                          float *scratch)
{
    const aed_product *product = layer->state;
    const aed_product_filter *filter = to_narrow ? &product->filter_narrow : &product->filter_wide;
    layer->kernels->winograd_weights(&filter->conv, filter->turned, weight, scratch);
    layer->kernels->winograd(&filter->conv, to_narrow || filter->turned, layer->lanes, scratch,
                             bias, activation, x, y, scratch + weights_floats(product));
}

void aed_product_winograd_gradient(const aed_layer *layer, int group,
                                   const aed_product_weights *weights, const float *x,
                                   const float *dy, float *scratch)
{
    const aed_product *product = layer->state;
    const bool narrow = product->to_narrow;
    const int64_t outputs = narrow ? product->narrow : product->wide;
    float *const bias = weights->bias_grad ? weights->bias_grad + group * outputs : NULL;
    layer->kernels->winograd_gradient(&product->filter_narrow.conv, layer->lanes, narrow ? dy : x,
                                      narrow ? x : dy,
                                      weights->weight_grad + group * product->weight_floats,
                                      narrow ? bias : NULL, narrow ? NULL : bias, scratch);
}
