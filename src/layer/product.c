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

static bool is_pointwise(const aed_axis *axis)
{
    return axis->kernel == 1 && axis->stride == 1 && axis->padding == 0 &&
           axis->narrow == axis->wide;
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
                             .narrow_positions = axes[0].narrow * axes[1].narrow,
                             .wide_positions = axes[0].wide * axes[1].wide,
                             .taps = axes[0].kernel * axes[1].kernel,
                             .pointwise = is_pointwise(&axes[0]) && is_pointwise(&axes[1]),
                             .to_narrow = to_narrow,
                             .bias = aed_spec_bool(&layer->spec->spec, "bias")};
    product->narrow_floats = product->narrow * product->narrow_positions * layer->lanes;
    product->wide_floats = product->wide * product->wide_positions * layer->lanes;
    product->weight_floats = (int64_t)product->narrow * product->wide * product->taps;
    /* The dense gradient works in strips of 32 wide channels: not worth it for a few. */
    product->dense_weight = product->pointwise && product->wide >= 16 &&
                            (int64_t)product->narrow * product->wide >= 256;
    AED_TRY(make_tensors(layer, dimensions, axes));
    if (!product->dense_weight) {
        AED_TRY(aed_pairs_create(axes, &product->lists));
        plan_gathers(product);
    }
    layer->flops = 2 * pairs * (narrow / groups) * wide;
    if (product->dense_weight) {
        const int64_t columns = product->narrow_positions * layer->lanes;
        layer->scratch = aed_dense_weight_group(product->wide, columns) * columns;
        layer->starts_weight = true;
    }
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
    }
    aed_free(product);
    layer->state = NULL;
}

/* One side of a group to the other; the bias belongs to the forward direction. */
static void apply_group(const aed_layer *layer, bool to_narrow, const float *weight,
                        const float *bias, const float *x, float *y)
{
    const aed_product *product = layer->state;
    const int64_t columns = product->narrow_positions * layer->lanes;
    if (!product->pointwise) {
        const aed_gather *plan = to_narrow ? &product->narrow_plan : &product->wide_plan;
        layer->kernels->gather(plan, layer->lanes, weight, bias, x, y);
    } else if (to_narrow) {
        layer->kernels->dense(product->narrow, product->wide, columns, weight, product->wide, 1,
                              bias, AED_IDENTITY, x, y);
    } else {
        layer->kernels->dense(product->wide, product->narrow, columns, weight, 1, product->wide,
                              bias, AED_IDENTITY, x, y);
    }
}

static void product_apply(const aed_layer *layer, bool to_narrow, const float *weight,
                          const float *bias, const float *x, float *y)
{
    const aed_product *product = layer->state;
    const int outputs = to_narrow ? product->narrow : product->wide;
    const int64_t x_floats = to_narrow ? product->wide_floats : product->narrow_floats;
    const int64_t y_floats = to_narrow ? product->narrow_floats : product->wide_floats;
    for (int g = 0; g < product->groups; g++)
        apply_group(layer, to_narrow, weight + g * product->weight_floats,
                    bias ? bias + (int64_t)g * outputs : NULL, x + g * x_floats, y + g * y_floats);
}

void aed_product_forward(const aed_layer *layer, const float *params, const float *x, float *y,
                         const aed_tile *tile)
{
    const aed_product *product = layer->state;
    const float *bias = product->bias ? params + layer->tensors[1].offset : NULL;
    if (product->pooled) {
        aed_product_pool_forward(layer, params, x, y, tile->scratch);
        return;
    }
    product_apply(layer, product->to_narrow, params + layer->tensors[0].offset, bias, x, y);
}

static void weight_gradient(const aed_layer *layer, const float *narrow_side,
                            const float *wide_side, float *grad, const aed_tile *tile)
{
    const aed_product *product = layer->state;
    for (int g = 0; g < product->groups; g++) {
        const float *u = narrow_side + g * product->narrow_floats;
        const float *v = wide_side + g * product->wide_floats;
        float *to = grad + g * product->weight_floats;
        if (product->dense_weight)
            layer->kernels->dense_weight(product->narrow, product->wide,
                                         product->narrow_positions * layer->lanes, u, v,
                                         !tile->first, to, tile->scratch);
        else
            layer->kernels->gather_weight(&product->weight_plan, layer->lanes, u, v, to);
    }
}

void aed_product_backward(const aed_layer *layer, const float *params, const float *x,
                          const float *y, const float *dy, float *dx, float *grads,
                          const aed_tile *tile)
{
    const aed_product *product = layer->state;
    if (product->pooled) {
        aed_product_pool_backward(layer, params, x, y, dy, dx, grads, tile->scratch);
        return;
    }
    weight_gradient(layer, product->to_narrow ? dy : x, product->to_narrow ? x : dy,
                    grads + layer->tensors[0].offset, tile);
    if (product->bias) {
        const int outputs = product->to_narrow ? product->narrow : product->wide;
        const int64_t positions = product->to_narrow ? product->narrow_positions
                                                     : product->wide_positions;
        layer->kernels->bias_gradient(outputs * product->groups, positions * layer->lanes, dy,
                                      grads + layer->tensors[1].offset);
    }
    if (dx)
        product_apply(layer, !product->to_narrow, params + layer->tensors[0].offset, NULL, dy, dx);
}
