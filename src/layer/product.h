/* Products of a layer's weights with its activations: linear, convolution, transposed convolution.
 *
 * A convolution connects a "narrow" side with positions p to a "wide" side with positions
 * q = p*stride + k*dilation - padding by a weight tensor (narrow channels, wide channels, taps). A
 * convolution reads the wide side and writes the narrow one, a transposed convolution the other way
 * round; a linear layer is either with one position and one tap. So there are three products: to
 * narrow, to wide, and the weight's gradient. */
#ifndef AED_LAYER_PRODUCT_H
#define AED_LAYER_PRODUCT_H

#include "aedist/layer.h"
#include "kernel/kernels.h"

typedef struct aed_window {
    int64_t kernel, stride, padding, dilation;
} aed_window;

typedef struct aed_product {
    int narrow, wide; /* channels */
    int64_t narrow_positions, wide_positions;
    bool pointwise;    /* position p meets position p only, one tap: a dense product */
    bool dense_weight; /* the weight's gradient, too */
    bool to_narrow;    /* forward writes the narrow side */
    bool bias;
    aed_activation fused; /* applied to the forward output */
    int64_t pairs;     /* of positions, all taps */
    aed_gather narrow_plan, wide_plan;
    aed_gather_weight weight_plan;
    int32_t *memory; /* of the pair lists */
} aed_product;

/* Makes the layer's state an aed_product and fills its tensors, flops and scratch. narrow and wide
 * are channel counts; the window's output size has been checked by the caller. */
aed_status aed_product_create(aed_layer *layer, bool to_narrow, int64_t narrow, int64_t wide,
                              int64_t narrow_positions, int64_t wide_positions,
                              const aed_window *window);
void aed_product_destroy(aed_layer *layer);

/* The forward and backward of every layer kind that is a product; see aed_layer_ops. */
void aed_product_forward(const aed_layer *layer, const float *params, const float *x, float *y,
                         const aed_tile *tile);
void aed_product_backward(const aed_layer *layer, const float *params, const float *x,
                          const float *y, const float *dy, float *dx, float *grads,
                          const aed_tile *tile);

#endif
