/* The layer kinds, one a file; registry.c holds the table. */
#ifndef AED_LAYER_LAYER_H
#define AED_LAYER_LAYER_H

#include "aedist/layer.h"
#include "kernel/kernels.h"

extern const aed_layer_ops aed_layer_linear, aed_layer_conv1d, aed_layer_conv2d,
    aed_layer_conv_transpose1d, aed_layer_conv_transpose2d;
extern const aed_layer_ops aed_layer_relu, aed_layer_leaky_relu, aed_layer_elu, aed_layer_tanh,
    aed_layer_sigmoid, aed_layer_softplus, aed_layer_softmax, aed_layer_gumbel_softmax;
extern const aed_layer_ops aed_layer_flatten, aed_layer_unflatten;
extern const aed_layer_ops aed_layer_max_pool1d, aed_layer_max_pool2d, aed_layer_avg_pool1d,
    aed_layer_avg_pool2d, aed_layer_upsample;
extern const aed_layer_ops aed_layer_group_norm, aed_layer_layer_norm;
extern const aed_layer_ops aed_layer_gaussian_noise, aed_layer_dropout, aed_layer_dropout1d,
    aed_layer_dropout2d;

/* Whether the layer is an elementwise activation whose derivative follows from its output; which. */
bool aed_activation_of(const aed_layer *layer, aed_activation *function, float *parameter);
/* Whether the layer is a max_pool by windows of 2 (2 x 2) side by side, without padding. */
bool aed_max_pool_halves(const aed_layer *layer);

/* Number of elements of an array, for arg tables. */
#define AED_COUNT(array) ((int)(sizeof(array) / sizeof(array)[0]))

#endif
