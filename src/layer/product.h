/* Products of a layer's weights with its activations: linear, convolution, transposed convolution.
 *
 * The weights have the layout (narrow channels, wide channels / groups, taps). A convolution reads
 * the wide side and writes the narrow one, a transposed convolution the other way round; a linear
 * layer is either with one position and one tap. So there are three products: to narrow, to wide,
 * and the weight's gradient. */
#ifndef AED_LAYER_PRODUCT_H
#define AED_LAYER_PRODUCT_H

#include "aedist/layer.h"
#include "kernel/kernels.h"
#include "layer/pairs.h"

/* How one direction is filtered, if it is (product_winograd.c): as what `conv` is between its sides, or as the
 * convolution from its wide side to its narrow one that does the same with the kernel turned. */
typedef struct aed_product_filter {
    bool used, turned;
    aed_winograd conv;
} aed_product_filter;

typedef struct aed_product {
    int groups;
    int narrow, wide; /* channels of one group */
    int64_t narrow_positions, wide_positions, taps;
    int64_t narrow_floats, wide_floats,
        weight_floats; /* of one group: a tile's sides, the weight */
    bool pointwise;    /* position p meets position p only, one tap: a dense product */
    bool single; /* one narrow position, which meets each wide one by a tap of its own: so is it */
    bool dense_weight; /* the weight's gradient is a dense product, too */
    bool scattered;    /* windows side by side, over all of the wide side */
    bool to_narrow;    /* forward writes the narrow side */
    bool bias;
    aed_gather narrow_plan, wide_plan; /* of one group */
    aed_scatter scatter_plan;          /* to wide, if scattered */
    aed_gather_weight weight_plan;
    /* By minimal filtering, where that pays: */
    aed_product_filter filter_narrow, filter_wide;
    bool filters_weight;
    aed_pair_lists lists;
    aed_axis axes[2];
    int lanes;
    aed_activation activation; /* of the layer behind it that is computed here; identity: none */
    float parameter;
    /* Folded with the nearest upsampling before it (see fold.c): */
    bool folded;
    int fold_taps, fold_repeat; /* a tap of the layer's weight is part of so many folded ones: */
    int32_t *fold_to;           /* [fold_taps][fold_repeat] */
    int64_t folded_at;          /* floats of scratch before the folded weights and their gradient */
    bool pooled;                /* with an activation and a pooling behind it */
    aed_pooling pooling;
    bool padded; /* of few input channels, which are padded for it: */
    aed_padded_conv padded_conv;
    aed_gather pool_plan;  /* the forward plan in slabs of a line of windows */
    int64_t pooled_floats; /* of a group's pooled output */
    int32_t *pool_memory;
} aed_product;

/* Makes the layer's state an aed_product and fills its tensors, flops, scratch and interval. narrow
 * and wide are all channels, divisible by groups; dimensions (0: linear, 1, 2) is how many of the
 * axes, the last ones, the weight's shape has. The layer's `out` must be set. */
aed_status aed_product_create(aed_layer *layer, bool to_narrow, int64_t narrow, int64_t wide,
                              int64_t groups, int dimensions, const aed_axis axes[2]);
void aed_product_destroy(aed_layer *layer);
/* Positions, lists and plans along axes; groups, narrow, wide and lanes must be set. */
aed_status aed_product_plan(aed_product *product, const aed_axis axes[2]);
/* Takes over an elementwise activation and a max_pool by 2 without padding, or one of the two; see
 * aed_layer_ops and product_pool.c. */
aed_status aed_product_fuse(aed_layer *layer, int offered);
/* The same for a nearest upsampling by scale[2] and the convolution behind it, if folding pays: the
 * upsampling's forward and backward are then those of layer[1], its kind's; see fold.c. */
aed_status aed_product_fold(aed_layer *layer, const int64_t scale[2], int offered);

/* The forward and backward of every layer kind that is a product; see aed_layer_ops. */
void aed_product_forward(const aed_layer *layer, const float *params, const float *x, float *y,
                         const aed_tile *tile);
void aed_product_backward(const aed_layer *layer, const float *params, const float *x,
                          const float *y, float *dy, float *dx, float *grads, const aed_tile *tile);

/* What a call works with: the layer's own, or the folded weights. */
typedef struct aed_product_weights {
    const float *weight, *bias; /* bias NULL: none */
    float *weight_grad, *bias_grad;
} aed_product_weights;

/* The folded weights, made from the layer's in scratch; and their gradient, cleared. */
const float *aed_product_fold_weights(const aed_product *product, const float *weight,
                                      float *scratch);
float *aed_product_fold_clear(const aed_product *product, float *scratch);
/* Adds the gradient of the folded weights to that of the layer's. */
void aed_product_fold_gradient(const aed_product *product, const float *scratch, float *grad);

/* Which directions are filtered, and how. */
void aed_product_plan_winograd(aed_product *product);
/* Floats of scratch that they want. */
int64_t aed_product_winograd_scratch(const aed_product *product);
/* One side of a group to the other, filtered; and the gradients of its weights and biases. */
void aed_product_winograd(const aed_layer *layer, bool to_narrow, const float *weight,
                          const float *bias, aed_activation activation, const float *x, float *y,
                          float *scratch);
void aed_product_winograd_gradient(const aed_layer *layer, int group,
                                   const aed_product_weights *weights, const float *x,
                                   const float *dy, float *scratch);

/* The whole of forward and backward if pooled; x to the end of a product else. */
void aed_product_pool_forward(const aed_layer *layer, const aed_product_weights *weights,
                              const float *x, float *y, float *scratch);
void aed_product_pool_backward(const aed_layer *layer, const aed_product_weights *weights,
                               const float *x, const float *y, const float *dy, float *dx,
                               float *scratch);

#endif
