/* Convolutions of stride 1 by minimal filtering where it pays; see kernel/set/winograd.c. */
#include "layer/layer.h"
#include "layer/product.h"

/* What four points of a line cost beside the products, in products: to expand a channel of either side into the
 * nearest cache or, for the gradient, the second; and to collapse it. And what a direct product costs, to the wide
 * side more, for its edges. As measured on AVX-512. */
enum { EXPAND = 45, EXPAND_FAR = 100, COLLAPSE_NARROW = 35, COLLAPSE_WIDE = 80 };
static const double DIRECT = 1.15, DIRECT_WIDE = 1.35;

/* So many filters' expanded weights stay in the cache. */
enum { MOST_FILTERS = 512 };

static bool suits(const aed_axis *axis)
{
    return axis->stride == 1 && axis->dilation == 1 && (axis->kernel == 3 || axis->kernel == 5) &&
           axis->wide + 2 * axis->padding == axis->narrow + axis->kernel - 1;
}

/* Whether each of the three products takes less time filtered. */
static void choose(aed_product *product)
{
    const int64_t taps = product->axes[1].kernel, columns = product->axes[1].narrow;
    const int64_t filters = (int64_t)product->narrow * product->wide;
    const int64_t rows = product->axes[0].narrow, wide_rows = product->axes[0].wide;
    const int64_t narrow = rows * product->narrow, wide = wide_rows * product->wide;
    const double direct = (double)(filters * taps * taps * rows * columns);
    const double products = (double)(filters * taps * (taps + AED_WINOGRAD_TILE - 1));
    const double tiles = (double)((columns + AED_WINOGRAD_TILE - 1) / AED_WINOGRAD_TILE);
    const double to_narrow = (double)rows * products +
                             (double)(wide * EXPAND + narrow * COLLAPSE_NARROW);
    const double to_wide = (double)wide_rows * products +
                           (double)(narrow * EXPAND + wide * COLLAPSE_WIDE);
    const double gradient = (double)rows * products + (double)((narrow + wide) * EXPAND_FAR);
    product->filters_narrow = tiles * to_narrow < DIRECT * direct;
    product->filters_wide = tiles * to_wide < DIRECT_WIDE * direct;
    product->filters_weight = tiles * gradient < DIRECT * direct;
}

void aed_product_plan_winograd(aed_product *product)
{
    const aed_axis *high = &product->axes[0], *wide = &product->axes[1];
    if (product->folded || !suits(high) || !suits(wide) || high->kernel != wide->kernel ||
        (int64_t)product->narrow * product->wide > MOST_FILTERS)
        return;
    choose(product);
    product->winograd = (aed_winograd){.narrow = product->narrow,
                                       .wide = product->wide,
                                       .taps = (int)wide->kernel,
                                       .rows = (int32_t)high->narrow,
                                       .columns = (int32_t)wide->narrow,
                                       .row_padding = (int32_t)high->padding,
                                       .column_padding = (int32_t)wide->padding};
}

/* The expanded weights come first, to a whole register. */
static int64_t weights_floats(const aed_product *product)
{
    return (aed_winograd_weights(&product->winograd) + 15) / 16 * 16;
}

int64_t aed_product_winograd_scratch(const aed_product *product)
{
    const aed_winograd *conv = &product->winograd;
    int64_t most = 0;
    if (product->filters_narrow || product->filters_wide)
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
    layer->kernels->winograd_weights(&product->winograd, weight, scratch);
    layer->kernels->winograd(&product->winograd, to_narrow, layer->lanes, scratch, bias, activation,
                             x, y, scratch + weights_floats(product));
}
