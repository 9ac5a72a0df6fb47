/* A convolution with the activation and the maximum pooling behind it, computed as one layer.
 *
 * A line of windows is gathered, activated and pooled while it lies in the nearest cache, so that the
 * large map before the pooling is never written. Kept are the pooled outputs and, behind them, a byte
 * for each window's winner. On the way back the map's gradient is spread out again, for as many
 * output channels at a time as stay in the cache. The results are those of the separate layers, bit
 * for bit.
 *
 * Of few input channels the convolution's planes are padded, for kernels that hold a window in registers
 * (kernel/set/padded.c). If nobody wants the input's gradient they sum the weights' gradient, too, window
 * by window: the one result with bits of its own. */
#include <string.h>

#include "core/memory.h"
#include "layer/layer.h"
#include "layer/product.h"

/* Bytes of spread gradients that share the cache of a core with the other factor. */
static const int64_t SPREAD_BYTES = 256 * 1024;

/* Few input channels are padded for kernels that need no index lists and keep a window in registers. */
static void plan_padded(aed_product *product)
{
    enum { FEW_INPUTS = 4 };
    const aed_axis *y = &product->axes[0], *x = &product->axes[1];
    const aed_activation activation = product->pooling.activation;
    product->padded = product->to_narrow && product->pooling.high == 2 &&
                      product->wide <= FEW_INPUTS && x->kernel >= 2 &&
                      x->kernel <= AED_PADDED_MOST && y->stride == 1 && x->stride == 1 &&
                      y->dilation == 1 && x->dilation == 1 &&
                      (activation == AED_IDENTITY || activation == AED_RELU);
    product->padded_conv = (aed_padded_conv){.outputs = product->narrow,
                                             .inputs = product->wide,
                                             .w_out = product->wide * product->taps,
                                             .w_in = product->taps,
                                             .rows = (int32_t)(y->wide + 2 * y->padding),
                                             .columns = (int32_t)(x->wide + 2 * x->padding),
                                             .high = (int)y->kernel,
                                             .wide = (int)x->kernel,
                                             .lowest = activation == AED_RELU ? 0
                                                                              : -__builtin_inff()};
}

static int64_t padded_floats(const aed_product *product)
{
    const aed_padded_conv *conv = &product->padded_conv;
    return (int64_t)conv->inputs * conv->rows * conv->columns * product->lanes;
}

static aed_status plan_pool(aed_layer *layer, const aed_layer *pool)
{
    aed_product *product = layer->state;
    const bool flat = layer->out.rank == 2;
    const int32_t rows = flat ? 1 : (int32_t)layer->out.size[1];
    const int32_t columns = (int32_t)layer->out.size[layer->out.rank - 1];
    const int32_t high = flat ? 1 : 2, lines = rows / high;
    const int64_t pooled = aed_shape_count(&pool->out) * layer->lanes;
    aed_gather *plan = &product->pool_plan;
    *plan = product->to_narrow ? product->narrow_plan : product->wide_plan;
    product->pool_memory = aed_alloc(3 * (size_t)plan->pairs.rows + (size_t)lines + 2,
                                     sizeof *product->pool_memory);
    if (!product->pool_memory)
        return aed_fail(AED_MEMORY, "out of memory for a convolution's index lists");
    int32_t *slab = product->pool_memory + 3 * (size_t)plan->pairs.rows + 1;
    product->pooling.rows = rows;
    product->pooling.columns = columns;
    product->pooling.high = high;
    product->pooling.slab = slab;
    product->pooled_floats = pooled / product->groups;
    product->pooled = true;
    product->single = false;  /* its lines are gathered */
    layer->kept = pooled / 4; /* a byte each */
    layer->scratch = (product->to_narrow ? product->narrow_floats : product->wide_floats) +
                     (int64_t)AED_POOL_CHANNELS * high * columns * AED_LANE_BLOCK;
    plan_padded(product);
    if (product->padded && layer->scratch < padded_floats(product))
        layer->scratch = padded_floats(product);
    return aed_pairs_group_slabs(&plan->pairs, high * columns, product->pool_memory, slab);
}

aed_status aed_product_fuse(aed_layer *layer, int offered)
{
    aed_product *product = layer->state;
    aed_pooling *pooling = &product->pooling;
    if (product->pointwise) return AED_OK;
    pooling->activation = AED_IDENTITY;
    const int activations = aed_activation_of(layer + 1, &pooling->activation, &pooling->parameter);
    layer->absorbs = activations;
    if (offered > activations && aed_max_pool_halves(layer + 1 + activations)) {
        layer->absorbs += 1;
        return plan_pool(layer, layer + 1 + activations);
    }
    product->activation = pooling->activation;
    product->parameter = pooling->parameter;
    return AED_OK;
}

/* The winners of all groups lie behind the outputs of all. */
static int64_t winners_at(const aed_product *product)
{
    return product->groups * product->pooled_floats;
}

/* x of a group with zeros around each plane. */
static void pad_planes(const aed_product *product, const float *x, float *padded)
{
    const aed_axis *high = &product->axes[0], *wide = &product->axes[1];
    const int64_t lanes = product->lanes, line = wide->wide * lanes, side = wide->padding * lanes;
    const int64_t above = high->padding * product->padded_conv.columns * lanes;
    const size_t bytes = sizeof *x;
    for (int c = 0; c < product->wide; c++) {
        memset(padded, 0, (size_t)above * bytes);
        padded += above;
        for (int64_t row = 0; row < high->wide; row++, x += line, padded += line + 2 * side) {
            memset(padded, 0, (size_t)side * bytes);
            memcpy(padded + side, x, (size_t)line * bytes);
            memset(padded + side + line, 0, (size_t)side * bytes);
        }
        memset(padded, 0, (size_t)above * bytes);
        padded += above;
    }
}

void aed_product_pool_forward(const aed_layer *layer, const aed_product_weights *weights,
                              const float *x, float *y, float *scratch)
{
    const aed_product *product = layer->state;
    const float *bias = weights->bias;
    uint8_t *winner = (uint8_t *)(y + winners_at(product));
    const int64_t x_floats = product->to_narrow ? product->wide_floats : product->narrow_floats;
    for (int g = 0; g < product->groups; g++) {
        const float *const w = weights->weight + g * product->weight_floats;
        const float *const b = bias ? bias + (int64_t)g * product->pool_plan.outputs : NULL;
        const int64_t pooled = g * product->pooled_floats;
        if (product->padded) {
            pad_planes(product, x + g * x_floats, scratch);
            layer->kernels->convolve_pool(&product->padded_conv, layer->lanes, w, b, scratch,
                                          y + pooled, winner + pooled);
        } else {
            layer->kernels->gather_pool(&product->pool_plan, &product->pooling, layer->lanes, w, b,
                                        x + g * x_floats, y + pooled, winner + pooled, scratch);
        }
    }
}

/* One group, or some of its output channels: those from `first` on. Pointers are to the group's. */
typedef struct spread_block {
    const float *x, *y, *dy;
    const uint8_t *winner;
    float *weight_grad, *bias_grad; /* bias_grad NULL: no bias */
    int first, channels;
} spread_block;

/* Spreads the gradients of a block's channels into `spread` and adds to the parameters' gradients. */
static void block_gradients(const aed_layer *layer, const spread_block *block, float *spread)
{
    const aed_product *product = layer->state;
    const int lanes = layer->lanes, outputs = product->pool_plan.outputs;
    const int64_t at = block->first * (product->pooled_floats / outputs);
    const int64_t positions = product->pool_plan.pairs.rows;
    aed_gather_weight plan = product->weight_plan;
    layer->kernels->unpool(&product->pooling, block->channels, lanes, block->y + at,
                           block->winner + at, block->dy + at, spread);
    if (block->bias_grad)
        layer->kernels->bias_gradient(block->channels, positions * lanes, spread,
                                      block->bias_grad + block->first);
    *(product->to_narrow ? &plan.a_channels : &plan.b_channels) = block->channels;
    layer->kernels->gather_weight(&plan, lanes, product->to_narrow ? spread : block->x,
                                  product->to_narrow ? block->x : spread,
                                  block->weight_grad +
                                      block->first * (product->to_narrow ? plan.w_a : plan.w_b));
}

void aed_product_pool_backward(const aed_layer *layer, const aed_product_weights *weights,
                               const float *x, const float *y, const float *dy, float *dx,
                               float *scratch)
{
    const aed_product *product = layer->state;
    const uint8_t *winner = (const uint8_t *)(y + winners_at(product));
    const int outputs = product->pool_plan.outputs;
    const int64_t map_bytes = (int64_t)product->pool_plan.pairs.rows * layer->lanes * 4;
    const int64_t x_floats = product->to_narrow ? product->wide_floats : product->narrow_floats;
    /* The input's gradient takes all channels at once. */
    const int64_t most = dx ? outputs : map_bytes < SPREAD_BYTES ? SPREAD_BYTES / map_bytes : 1;
    for (int g = 0; g < product->groups; g++) {
        const int64_t pooled = g * product->pooled_floats;
        spread_block block = {.x = x + g * x_floats,
                              .y = y + pooled,
                              .dy = dy + pooled,
                              .winner = winner + pooled,
                              .weight_grad = weights->weight_grad + g * product->weight_floats};
        if (weights->bias_grad) block.bias_grad = weights->bias_grad + (int64_t)g * outputs;
        if (product->padded && !dx) {
            pad_planes(product, block.x, scratch);
            layer->kernels->convolve_pool_gradient(&product->padded_conv, layer->lanes, scratch,
                                                   block.y, block.winner, block.dy,
                                                   block.weight_grad, block.bias_grad);
            continue;
        }
        for (; block.first < outputs; block.first += block.channels) {
            const int left = outputs - block.first;
            block.channels = left < most ? left : (int)most;
            block_gradients(layer, &block, scratch);
        }
        if (dx)
            layer->kernels->gather(product->to_narrow ? &product->wide_plan : &product->narrow_plan,
                                   layer->lanes, weights->weight + g * product->weight_floats, NULL,
                                   AED_IDENTITY, scratch, dx + g * x_floats);
    }
}
