/* Plans and runs the products of product.h. */
#include "layer/product.h"

#include <inttypes.h>
#include <string.h>

#include "core/memory.h"

/* More pairs than this (256 MiB of lists) is a slip in the config, not a model. */
static const int64_t MAX_PAIRS = INT64_C(1) << 22;
static const int64_t MAX_PARAMETERS = INT64_C(1) << 31;

/* Calls for every (p, tap, q) that meet, in the order p, tap: counts them (lists NULL) or enters
 * them into the list whose row is `by` (0: p, 1: tap, 2: q). */
static int64_t walk_pairs(const aed_product *product, const aed_window *window, int by,
                          int32_t *fill, int32_t *first, int32_t *second)
{
    int64_t count = 0;
    for (int64_t p = 0; p < product->narrow_positions; p++)
        for (int64_t tap = 0; tap < window->kernel; tap++) {
            const int64_t q = p * window->stride + tap * window->dilation - window->padding;
            if (q < 0 || q >= product->wide_positions) continue;
            count++;
            if (!fill) continue;
            const int64_t row = by == 0 ? p : by == 1 ? tap : q;
            const int32_t at = fill[row]++;
            first[at] = (int32_t)(by == 1 ? p : tap);
            second[at] = (int32_t)(by == 2 ? p : q);
        }
    return count;
}

/* Builds one list in CSR form at *memory and moves *memory behind it. */
static void build_pairs(const aed_product *product, const aed_window *window, int by, int64_t rows,
                        int32_t **memory, aed_pairs *pairs)
{
    int32_t *start = *memory, *first = start + rows + 1, *second = first + product->pairs;
    *memory = second + product->pairs;
    memset(start, 0, sizeof *start * (size_t)(rows + 1));
    for (int64_t p = 0; p < product->narrow_positions; p++)
        for (int64_t tap = 0; tap < window->kernel; tap++) {
            const int64_t q = p * window->stride + tap * window->dilation - window->padding;
            if (q >= 0 && q < product->wide_positions) start[(by == 0 ? p : by == 1 ? tap : q) + 1]++;
        }
    for (int64_t row = 0; row < rows; row++) start[row + 1] += start[row];
    /* Filling moves each row's start to its end, that is to the next row's start. */
    walk_pairs(product, window, by, start, first, second);
    memmove(start + 1, start, sizeof *start * (size_t)rows);
    start[0] = 0;
    *pairs = (aed_pairs){.rows = (int32_t)rows, .start = start, .tap = first, .position = second};
}

static aed_status build_lists(aed_product *product, const aed_window *window)
{
    const int64_t rows =
        product->narrow_positions + product->wide_positions + window->kernel + 3;
    int32_t *memory = aed_alloc((size_t)(rows + 6 * product->pairs), sizeof *memory);
    if (!memory) return aed_fail(AED_MEMORY, "out of memory for a convolution's index lists");
    product->memory = memory;
    const int64_t taps = window->kernel;
    product->narrow_plan = (aed_gather){.outputs = product->narrow,
                                        .inputs = product->wide,
                                        .w_out = product->wide * taps,
                                        .w_in = taps,
                                        .x_positions = (int32_t)product->wide_positions};
    build_pairs(product, window, 0, product->narrow_positions, &memory,
                &product->narrow_plan.pairs);
    product->wide_plan = (aed_gather){.outputs = product->wide,
                                      .inputs = product->narrow,
                                      .w_out = taps,
                                      .w_in = product->wide * taps,
                                      .x_positions = (int32_t)product->narrow_positions};
    build_pairs(product, window, 2, product->wide_positions, &memory, &product->wide_plan.pairs);
    product->weight_plan = (aed_gather_weight){.a_channels = product->narrow,
                                               .b_channels = product->wide,
                                               .w_a = product->wide * taps,
                                               .w_b = taps,
                                               .u_positions = (int32_t)product->narrow_positions,
                                               .v_positions = (int32_t)product->wide_positions};
    build_pairs(product, window, 1, taps, &memory, &product->weight_plan.pairs);
    return AED_OK;
}

/* Names and shapes of weight and bias, in PyTorch's layout: (out, in, taps) for what writes the
 * narrow side, (in, out, taps) for what writes the wide one; linear has no taps. */
static aed_status make_tensors(aed_layer *layer, const aed_product *product, int64_t taps)
{
    const int64_t size[3] = {product->narrow, product->wide, taps};
    const bool linear = layer->out.rank == 1;
    aed_shape *shape = &layer->tensors[0].shape;
    if (aed_shape_make(linear ? 2 : 3, size, shape) != AED_OK ||
        aed_shape_count(shape) >= MAX_PARAMETERS)
        return aed_fail(AED_CONFIG, "%s: %s would have %" PRId64 " x %" PRId64 " x %" PRId64
                                    " weights; at most 2^31 are supported",
                        layer->spec->spec.where, layer->ops->kind.name, size[0], size[1], size[2]);
    /* PyTorch counts the second dimension as "in" for every layer. */
    const int64_t fan_in = product->wide * taps;
    strcpy(layer->tensors[0].name, "weight");
    layer->tensors[0].fan_in = fan_in;
    layer->tensor_count = 1;
    if (product->bias) {
        const int64_t out = product->to_narrow ? product->narrow : product->wide;
        strcpy(layer->tensors[1].name, "bias");
        layer->tensors[1].fan_in = fan_in;
        if (aed_shape_make(1, &out, &layer->tensors[1].shape) != AED_OK) return AED_CONFIG;
        layer->tensor_count = 2;
    }
    return AED_OK;
}

aed_status aed_product_create(aed_layer *layer, bool to_narrow, int64_t narrow, int64_t wide,
                              int64_t narrow_positions, int64_t wide_positions,
                              const aed_window *window)
{
    aed_status status = AED_OK;
    aed_product *product = aed_alloc(1, sizeof *product);
    if (!product) return aed_fail(AED_MEMORY, "out of memory for a layer");
    layer->state = product;
    *product = (aed_product){.narrow = (int)narrow,
                             .wide = (int)wide,
                             .narrow_positions = narrow_positions,
                             .wide_positions = wide_positions,
                             .to_narrow = to_narrow,
                             .bias = aed_spec_bool(&layer->spec->spec, "bias")};
    product->pointwise = window->kernel == 1 && window->stride == 1 && window->padding == 0 &&
                         narrow_positions == wide_positions;
    /* The dense gradient works in strips of 32 wide channels: not worth it for a few. */
    product->dense_weight = product->pointwise && wide >= 16 && narrow * wide >= 256;
    if (narrow_positions > MAX_PAIRS / window->kernel) {
        status = aed_fail(AED_CONFIG,
                          "%s: %" PRId64 " positions times %" PRId64
                          " taps are more than the supported %" PRId64,
                          layer->spec->spec.where, narrow_positions, window->kernel, MAX_PAIRS);
        goto done;
    }
    product->pairs = walk_pairs(product, window, 0, NULL, NULL, NULL);
    if (!product->dense_weight) AED_TRY(build_lists(product, window));
    AED_TRY(make_tensors(layer, product, window->kernel));
    layer->flops = 2 * product->pairs * narrow * wide;
    layer->scratch = product->dense_weight ? 32 * product->narrow_positions * layer->lanes : 0;
    layer->out_interval = (aed_interval){-__builtin_inf(), __builtin_inf()};
done:
    if (status != AED_OK) aed_product_destroy(layer);
    return status;
}

void aed_product_destroy(aed_layer *layer)
{
    aed_product *product = layer->state;
    if (product) aed_free(product->memory);
    aed_free(product);
    layer->state = NULL;
}

/* One side to the other; `bias` and the fused activation belong to the forward direction. */
static void product_apply(const aed_layer *layer, bool to_narrow, const float *weight,
                          const float *bias, aed_activation fused, const float *x, float *y)
{
    const aed_product *product = layer->state;
    const int64_t columns = product->narrow_positions * layer->lanes;
    if (!product->pointwise) {
        const aed_gather *plan = to_narrow ? &product->narrow_plan : &product->wide_plan;
        layer->kernels->gather(plan, layer->lanes, weight, bias, x, y);
    } else if (to_narrow) {
        layer->kernels->dense(product->narrow, product->wide, columns, weight, product->wide, 1,
                              bias, fused, x, y);
    } else {
        layer->kernels->dense(product->wide, product->narrow, columns, weight, 1, product->wide,
                              bias, fused, x, y);
    }
}

void aed_product_forward(const aed_layer *layer, const float *params, const float *x, float *y,
                         const aed_tile *tile)
{
    (void)tile;
    const aed_product *product = layer->state;
    const float *bias = product->bias ? params + layer->tensors[1].offset : NULL;
    product_apply(layer, product->to_narrow, params + layer->tensors[0].offset, bias,
                  product->fused, x, y);
}

void aed_product_backward(const aed_layer *layer, const float *params, const float *x,
                          const float *y, const float *dy, float *dx, float *grads,
                          const aed_tile *tile)
{
    (void)y;
    const aed_product *product = layer->state;
    const float *narrow_side = product->to_narrow ? dy : x;
    const float *wide_side = product->to_narrow ? x : dy;
    float *weight_grad = grads + layer->tensors[0].offset;
    if (product->dense_weight)
        layer->kernels->dense_weight(product->narrow, product->wide,
                                     product->narrow_positions * layer->lanes, narrow_side,
                                     wide_side, weight_grad, tile->scratch);
    else
        layer->kernels->gather_weight(&product->weight_plan, layer->lanes, narrow_side, wide_side,
                                      weight_grad);
    if (product->bias) {
        const int64_t positions =
            product->to_narrow ? product->narrow_positions : product->wide_positions;
        layer->kernels->bias_gradient(product->to_narrow ? product->narrow : product->wide,
                                      positions * layer->lanes, dy,
                                      grads + layer->tensors[1].offset);
    }
    if (dx)
        product_apply(layer, !product->to_narrow, params + layer->tensors[0].offset, NULL,
                      AED_IDENTITY, dy, dx);
}
