/* Plans and runs the products of product.h. */
#include "layer/product.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "layer/layer.h"

/* Names and shapes of weight and bias in PyTorch's layout: the weight is (narrow, wide of a group,
 * taps), which is (out, in, taps) for a convolution and (in, out, taps) for a transposed one. */
static aed_status make_tensors(aed_layer *layer, int dimensions, const aed_axis axes[2])
{
    const aed_product *product = layer->state;
    const int64_t narrow = (int64_t)product->narrow * product->groups;
    const int64_t out = product->to_narrow ? narrow : (int64_t)product->wide * product->groups;
    int64_t size[4] = {narrow, product->wide};
    for (int d = 0; d < dimensions; d++) size[2 + d] = axes[2 - dimensions + d].kernel;
    aed_tensor *weight = &layer->tensors[0], *bias = &layer->tensors[1];
    if (aed_shape_make(2 + dimensions, size, &weight->shape) != AED_OK)
        return aed_layer_fail(layer, "has a weight of more than %d elements", INT32_MAX);
    /* PyTorch counts the second dimension as "in" for every layer. */
    weight->fan_in = bias->fan_in = product->wide * product->taps;
    snprintf(weight->name, sizeof weight->name, "weight");
    snprintf(bias->name, sizeof bias->name, "bias");
    layer->tensor_count = product->bias ? 2 : 1;
    return aed_shape_make(1, &out, &bias->shape);
}

static bool is_tiled(const aed_axis *axis)
{
    return axis->stride == axis->kernel && axis->padding == 0 && axis->dilation == 1 &&
           axis->wide == axis->narrow * axis->stride;
}

static void plan_scatter(aed_product *product)
{
    const aed_axis *high = &product->axes[0], *wide = &product->axes[1];
    product->scattered = !product->pointwise && !product->single && is_tiled(high) &&
                         is_tiled(wide);
    product->scatter_plan = (aed_scatter){.outputs = product->wide,
                                          .inputs = product->narrow,
                                          .w_in = product->wide * product->taps,
                                          .rows = (int32_t)high->narrow,
                                          .columns = (int32_t)wide->narrow,
                                          .high = (int)high->kernel,
                                          .wide = (int)wide->kernel};
}

static void plan_gathers(aed_product *product)
{
    const int64_t w_narrow = product->wide * product->taps, w_wide = product->taps;
    product->narrow_plan = (aed_gather){.outputs = product->narrow,
                                        .inputs = product->wide,
                                        .w_out = w_narrow,
                                        .w_in = w_wide,
                                        .x_positions = (int32_t)product->wide_positions,
                                        .pairs = product->lists.by_narrow};
    product->wide_plan = (aed_gather){.outputs = product->wide,
                                      .inputs = product->narrow,
                                      .w_out = w_wide,
                                      .w_in = w_narrow,
                                      .x_positions = (int32_t)product->narrow_positions,
                                      .pairs = product->lists.by_wide};
    product->weight_plan = (aed_gather_weight){.a_channels = product->narrow,
                                               .b_channels = product->wide,
                                               .w_a = w_narrow,
                                               .w_b = w_wide,
                                               .v_positions = (int32_t)product->wide_positions,
                                               .taps = (int32_t)product->taps,
                                               .pairs = product->lists.by_narrow};
}

/* A window over all of its input, which has no other place. */
static bool is_single(const aed_axis *axis)
{
    return axis->narrow == 1 && axis->kernel == axis->wide && axis->padding == 0 &&
           axis->dilation == 1;
}

static bool is_pointwise(const aed_axis *axis)
{
    return axis->kernel == 1 && axis->stride == 1 && axis->padding == 0 &&
           axis->narrow == axis->wide;
}

/* How often a dense product wants the bias of an output channel: once for each of its rows. */
static int64_t biases_each(const aed_product *product)
{
    return product->single && !product->to_narrow ? product->taps : 1;
}

aed_status aed_product_plan(aed_product *product, const aed_axis axes[2])
{
    memcpy(product->axes, axes, sizeof product->axes);
    product->narrow_positions = axes[0].narrow * axes[1].narrow;
    product->wide_positions = axes[0].wide * axes[1].wide;
    product->taps = axes[0].kernel * axes[1].kernel;
    product->pointwise = is_pointwise(&axes[0]) && is_pointwise(&axes[1]);
    product->single = !product->folded && is_single(&axes[0]) && is_single(&axes[1]);
    product->narrow_floats = product->narrow * product->narrow_positions * product->lanes;
    product->wide_floats = product->wide * product->wide_positions * product->lanes;
    product->weight_floats = (int64_t)product->narrow * product->wide * product->taps;
    /* The dense gradient works in strips of 32 wide channels: not worth it for a few. */
    product->dense_weight = product->pointwise && product->wide >= 8 &&
                            (int64_t)product->narrow * product->wide >= 256;
    if (product->dense_weight) return AED_OK;
    aed_status status;
    AED_TRY(aed_pairs_create(axes, &product->lists));
    plan_gathers(product);
    plan_scatter(product);
    aed_product_plan_winograd(product);
done:
    return status;
}

aed_status aed_product_create(aed_layer *layer, bool to_narrow, int64_t narrow, int64_t wide,
                              int64_t groups, int dimensions, const aed_axis axes[2])
{
    aed_status status = AED_OK;
    if (narrow % groups || wide % groups)
        return aed_layer_fail(layer,
                              "has %" PRId64 " groups, which must divide its input and output "
                              "channels",
                              groups);
    const int64_t pairs = aed_pairs_count(axes);
    if (pairs < 0)
        return aed_layer_fail(layer, "connects too many positions; use a smaller kernel or sample");
    aed_product *product = aed_alloc(1, sizeof *product);
    if (!product) return aed_fail(AED_MEMORY, "out of memory for a layer");
    layer->state = product;
    *product = (aed_product){.groups = (int)groups,
                             .narrow = (int)(narrow / groups),
                             .wide = (int)(wide / groups),
                             .lanes = layer->lanes,
                             .to_narrow = to_narrow,
                             .bias = aed_spec_bool(&layer->spec->spec, "bias")};
    AED_TRY(aed_product_plan(product, axes));
    AED_TRY(make_tensors(layer, dimensions, axes));
    layer->flops = 2 * pairs * (narrow / groups) * wide;
    layer->scratch = aed_product_winograd_scratch(product);
    if (product->dense_weight) {
        const int64_t columns = product->narrow_positions * layer->lanes;
        layer->scratch = aed_dense_strips_floats(product->wide, columns);
        layer->starts_weight = true;
    }
    if (biases_each(product) > 1 && product->bias) layer->scratch = wide * product->taps;
    layer->out_interval = (aed_interval){-__builtin_inf(), __builtin_inf()};
done:
    if (status != AED_OK) aed_product_destroy(layer);
    return status;
}

void aed_product_destroy(aed_layer *layer)
{
    aed_product *product = layer->state;
    if (product) {
        aed_pairs_destroy(&product->lists);
        aed_free(product->pool_memory);
        aed_free(product->fold_to);
    }
    aed_free(product);
    layer->state = NULL;
}

static const float *repeat_biases(const aed_product *product, const float *bias, float *repeated)
{
    const int64_t each = biases_each(product), count = product->wide * product->groups * each;
    for (int64_t i = 0; i < count; i++) repeated[i] = bias[i / each];
    return repeated;
}

/* One side of a group to the other; bias and activation (identity or relu) belong to the forward
 * direction. */
static void apply_group(const aed_layer *layer, bool to_narrow, const float *weight,
                        const float *bias, aed_activation activation, const float *x, float *y,
                        float *scratch)
{
    const aed_product *product = layer->state;
    const int64_t columns = product->narrow_positions * layer->lanes;
    const int wide = product->single ? (int)(product->wide * product->taps) : product->wide;
    if ((to_narrow ? &product->filter_narrow : &product->filter_wide)->used) {
        aed_product_winograd(layer, to_narrow, weight, bias, activation, x, y, scratch);
    } else if (product->scattered && !to_narrow) {
        layer->kernels->scatter(&product->scatter_plan, layer->lanes, weight, bias, activation, x,
                                y);
    } else if (!product->pointwise && !product->single) {
        const aed_gather *plan = to_narrow ? &product->narrow_plan : &product->wide_plan;
        layer->kernels->gather(plan, layer->lanes, weight, bias, activation, x, y);
    } else if (to_narrow) {
        layer->kernels->dense(product->narrow, wide, columns, weight, wide, 1, false, bias,
                              activation, x, y);
    } else {
        layer->kernels->dense(wide, product->narrow, columns, weight, 1, wide, false, bias,
                              activation, x, y);
    }
}

static void product_apply(const aed_layer *layer, bool to_narrow, const float *weight,
                          const float *bias, aed_activation activation, const float *x, float *y,
                          float *scratch)
{
    const aed_product *product = layer->state;
    const int64_t outputs = to_narrow ? product->narrow : product->wide * biases_each(product);
    const int64_t x_floats = to_narrow ? product->wide_floats : product->narrow_floats;
    const int64_t y_floats = to_narrow ? product->narrow_floats : product->wide_floats;
    const aed_activation within = activation == AED_RELU ? AED_RELU : AED_IDENTITY;
    for (int g = 0; g < product->groups; g++) {
        apply_group(layer, to_narrow, weight + g * product->weight_floats,
                    bias ? bias + g * outputs : NULL, within, x + g * x_floats, y + g * y_floats,
                    scratch);
        if (activation != within)
            layer->kernels->activate(activation, product->parameter, y_floats, y + g * y_floats,
                                     y + g * y_floats);
    }
}

void aed_product_forward(const aed_layer *layer, const float *params, const float *x, float *y,
                         const aed_tile *tile)
{
    const aed_product *product = layer->state;
    aed_product_weights weights = {.weight = params + layer->tensors[0].offset};
    if (product->bias) weights.bias = params + layer->tensors[1].offset;
    if (product->bias && biases_each(product) > 1)
        weights.bias = repeat_biases(product, weights.bias, tile->scratch);
    if (product->folded)
        weights.weight = aed_product_fold_weights(product, weights.weight, tile->scratch);
    if (product->pooled)
        aed_product_pool_forward(layer, &weights, x, y, tile->scratch);
    else
        product_apply(layer, product->to_narrow, weights.weight, weights.bias, product->activation,
                      x, y, tile->scratch);
}

/* ---- Backward --------------------------------------------------------------------------------- */

/* Bytes of the output's gradient that share the cache of a core with the other factor. */
static const int64_t BLOCK_BYTES = 256 * 1024;

/* Adds to the weight's gradient of a group for `channels` output channels from `first` on; dy is
 * theirs, x and grad the group's. */
static void gather_gradient(const aed_layer *layer, int first, int channels, const float *x,
                            const float *dy, float *grad)
{
    const aed_product *product = layer->state;
    aed_gather_weight plan = product->weight_plan;
    *(product->to_narrow ? &plan.a_channels : &plan.b_channels) = channels;
    layer->kernels->gather_weight(&plan, layer->lanes, product->to_narrow ? dy : x,
                                  product->to_narrow ? x : dy,
                                  grad + first * (product->to_narrow ? plan.w_a : plan.w_b));
}

/* Makes dy of a group the gradient before the activation and adds to the parameters' gradients, for as
 * many channels at a time as stay in the cache. */
static void group_gradients(const aed_layer *layer, int group, const aed_product_weights *weights,
                            const float *x, const float *y, float *dy)
{
    const aed_product *product = layer->state;
    const int outputs = product->to_narrow ? product->narrow : product->wide;
    const int64_t floats = (product->to_narrow ? product->narrow_floats : product->wide_floats) /
                           outputs;
    const int most = floats * 4 < BLOCK_BYTES ? (int)(BLOCK_BYTES / (floats * 4)) : 1;
    float *const grad = weights->weight_grad + group * product->weight_floats;
    for (int first = 0; first < outputs; first += most) {
        const int channels = outputs - first < most ? outputs - first : most;
        float *const here = dy + first * floats;
        float *const bias = weights->bias_grad
                                ? weights->bias_grad + (int64_t)group * outputs + first
                                : NULL;
        if (product->activation != AED_IDENTITY && bias)
            layer->kernels->activate_bias_gradient(product->activation, product->parameter,
                                                   channels, floats, y + first * floats, here,
                                                   bias);
        else if (product->activation != AED_IDENTITY)
            layer->kernels->activate_backward(product->activation, product->parameter,
                                              channels * floats, y + first * floats, here, here);
        else if (bias)
            layer->kernels->bias_gradient(channels, floats, here, bias);
        if (!product->dense_weight) gather_gradient(layer, first, channels, x, here, grad);
    }
}

static void product_backward(const aed_layer *layer, const aed_product_weights *weights,
                             const float *x, const float *y, float *dy, float *dx,
                             const aed_tile *tile)
{
    const aed_product *product = layer->state;
    const int64_t x_floats = product->to_narrow ? product->wide_floats : product->narrow_floats;
    const int64_t y_floats = product->to_narrow ? product->narrow_floats : product->wide_floats;
    for (int g = 0; g < product->groups; g++) {
        float *const here = dy + g * y_floats;
        if (product->filters_weight) {
            if (product->activation != AED_IDENTITY)
                layer->kernels->activate_backward(product->activation, product->parameter, y_floats,
                                                  y + g * y_floats, here, here);
            aed_product_winograd_gradient(layer, g, weights, x + g * x_floats, here, tile->scratch);
        } else {
            group_gradients(layer, g, weights, x + g * x_floats, y + g * y_floats, here);
        }
    }
    if (dx)
        product_apply(layer, !product->to_narrow, weights->weight, NULL, AED_IDENTITY, dy, dx,
                      tile->scratch);
}

/* Floats of a dense weight that stay in a core's second cache with their gradients and an optimiser's state; and
 * the most of a side that stays beside them, as it is passed over for each part of the weight. */
enum { DENSE_TOGETHER = 16384, DENSE_SIDE = 65536 };

/* Rows of the weight, a multiple of 16, or all. */
static int rows_together(const aed_product *product, int64_t columns)
{
    const int rows = DENSE_TOGETHER / product->wide / 16 * 16;
    if (product->wide * columns > DENSE_SIDE) return product->narrow;
    return rows > 16 ? rows : 16;
}

/* The gradient of `count` weights from `begin` on is whole. */
static void tell_update(const aed_layer *layer, const aed_tile *tile, int64_t begin, int64_t count)
{
    const aed_update *update = tile->update;
    if (update) update->apply(update->self, layer, begin, (count + 15) / 16 * 16);
}

/* The gradients of a dense product's group but those of its biases, for some rows of the weight after the other;
 * `at` is where the group's begin in the weight. */
static void dense_gradients(const aed_layer *layer, int64_t at, const aed_product_weights *weights,
                            const float *x, const float *dy, float *dx, const aed_tile *tile)
{
    const aed_product *product = layer->state;
    const int narrow = product->narrow, wide = product->wide;
    const int64_t columns = product->narrow_positions * layer->lanes;
    const int64_t offset = layer->tensors[0].offset;
    const int together = rows_together(product, columns);
    const float *narrow_side = product->to_narrow ? dy : x;
    layer->kernels->dense_strips(wide, columns, product->to_narrow ? x : dy, tile->scratch);
    for (int first = 0; first < narrow; first += together) {
        const int rows = narrow - first < together ? narrow - first : together;
        const int64_t here = at + (int64_t)first * wide;
        const float *const weight = weights->weight + here;
        if (dx && product->to_narrow)
            layer->kernels->dense(wide, rows, columns, weight, 1, wide, first > 0, NULL,
                                  AED_IDENTITY, dy + first * columns, dx);
        else if (dx)
            layer->kernels->dense(rows, wide, columns, weight, wide, 1, false, NULL, AED_IDENTITY,
                                  dy, dx + first * columns);
        layer->kernels->dense_weight(rows, wide, columns, narrow_side + first * columns,
                                     tile->scratch, !tile->first, weights->weight_grad + here,
                                     tile->join ? tile->join + offset + here : NULL);
        if (product->groups == 1) tell_update(layer, tile, offset + here, (int64_t)rows * wide);
    }
}

static void dense_backward(const aed_layer *layer, const aed_product_weights *weights,
                           const float *x, const float *y, float *dy, float *dx,
                           const aed_tile *tile)
{
    const aed_product *product = layer->state;
    const int64_t x_floats = product->to_narrow ? product->wide_floats : product->narrow_floats;
    const int64_t y_floats = product->to_narrow ? product->narrow_floats : product->wide_floats;
    for (int g = 0; g < product->groups; g++) {
        group_gradients(layer, g, weights, x + g * x_floats, y + g * y_floats, dy + g * y_floats);
        dense_gradients(layer, g * product->weight_floats, weights, x + g * x_floats,
                        dy + g * y_floats, dx ? dx + g * x_floats : NULL, tile);
    }
    /* Those of a group need not begin at a multiple of 16. */
    if (product->groups > 1)
        tell_update(layer, tile, layer->tensors[0].offset,
                    product->groups * product->weight_floats);
}

void aed_product_backward(const aed_layer *layer, const float *params, const float *x,
                          const float *y, float *dy, float *dx, float *grads, const aed_tile *tile)
{
    const aed_product *product = layer->state;
    float *const grad = grads + layer->tensors[0].offset;
    aed_product_weights weights = {.weight = params + layer->tensors[0].offset,
                                   .weight_grad = grad};
    if (product->bias) weights.bias_grad = grads + layer->tensors[1].offset;
    if (product->folded) {
        weights.weight = dx ? aed_product_fold_weights(product, weights.weight, tile->scratch)
                            : NULL;
        weights.weight_grad = aed_product_fold_clear(product, tile->scratch);
    }
    if (product->dense_weight)
        dense_backward(layer, &weights, x, y, dy, dx, tile);
    else if (product->pooled)
        aed_product_pool_backward(layer, &weights, x, y, dy, dx, tile->scratch);
    else
        product_backward(layer, &weights, x, y, dy, dx, tile);
    if (product->folded) aed_product_fold_gradient(product, tile->scratch, grad);
}
