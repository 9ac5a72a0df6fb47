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

typedef struct aed_product {
    int groups;
    int narrow, wide; /* channels of one group */
    int64_t narrow_positions, wide_positions, taps;
    int64_t narrow_floats, wide_floats,
        weight_floats; /* of one group: a tile's sides, the weight */
    bool pointwise;    /* position p meets position p only, one tap: a dense product */
    bool dense_weight; /* the weight's gradient, too */
    bool to_narrow;    /* forward writes the narrow side */
    bool bias;
    aed_gather narrow_plan, wide_plan; /* of one group */
    aed_gather_weight weight_plan;
    aed_pair_lists lists;
    bool pooled; /* with an activation and a pooling behind it */
    aed_pooling pooling;
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
/* Takes over an elementwise activation, if there is one, and a max_pool by 2 without padding; see
 * aed_layer_ops and product_pool.c. */
aed_status aed_product_fuse(aed_layer *layer, int offered);

/* The forward and backward of every layer kind that is a product; see aed_layer_ops. */
void aed_product_forward(const aed_layer *layer, const float *params, const float *x, float *y,
                         const aed_tile *tile);
void aed_product_backward(const aed_layer *layer, const float *params, const float *x,
                          const float *y, const float *dy, float *dx, float *grads,
                          const aed_tile *tile);

/* The same if pooled. */
void aed_product_pool_forward(const aed_layer *layer, const float *params, const float *x, float *y,
                              float *scratch);
void aed_product_pool_backward(const aed_layer *layer, const float *params, const float *x,
                               const float *y, const float *dy, float *dx, float *grads,
                               float *scratch);

#endif
