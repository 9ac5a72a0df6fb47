/* This set's row of the kernel table. */
#include "kernel/set/set.h"

#define AED_TEXT2(a) #a
#define AED_TEXT(a) AED_TEXT2(a)

extern const aed_kernels_table AED_PASTE(aed_kernels, AED_KERNEL_SET);

const aed_kernels_table AED_PASTE(aed_kernels, AED_KERNEL_SET) = {
    .name = AED_TEXT(AED_KERNEL_SET),
    .normal = AED_SET(normal),
    .add_noise = AED_SET(add_noise),
    .add_noise_within = AED_SET(add_noise_within),
    .clip = AED_SET(clip),
    .replace = AED_SET(replace),
    .load_rows = AED_SET(load_rows),
    .load_bytes = AED_SET(load_bytes),
    .standardize = AED_SET(standardize),
    .unit_columns = AED_SET(unit_columns),
    .gather = AED_SET(gather),
    .scatter = AED_SET(scatter),
    .gather_pool = AED_SET(gather_pool),
    .unpool = AED_SET(unpool),
    .convolve_pool = AED_SET(convolve_pool),
    .convolve_pool_gradient = AED_SET(convolve_pool_gradient),
    .winograd_weights = AED_SET(winograd_weights),
    .winograd = AED_SET(winograd),
    .winograd_gradient = AED_SET(winograd_gradient),
    .gather_weight = AED_SET(gather_weight),
    .bias_gradient = AED_SET(bias_gradient),
    .dense = AED_SET(dense),
    .dense_weight = AED_SET(dense_weight),
    .activate = AED_SET(activate),
    .activate_backward = AED_SET(activate_backward),
    .activate_bias_gradient = AED_SET(activate_bias_gradient),
    .softmax = AED_SET(softmax),
    .softmax_backward = AED_SET(softmax_backward),
    .resample = AED_SET(resample),
    .max_pool = AED_SET(max_pool),
    .max_pool_backward = AED_SET(max_pool_backward),
    .dropout = AED_SET(dropout),
    .dropout_relu_backward = AED_SET(dropout_relu_backward),
    .add_gumbel = AED_SET(add_gumbel),
    .one_hot = AED_SET(one_hot),
    .normalize = AED_SET(normalize),
    .normalize_backward = AED_SET(normalize_backward),
    .loss = AED_SET(loss),
    .cross_entropy = AED_SET(cross_entropy),
    .multiply_adds = AED_SET(multiply_adds),
    .sum_of_squares = AED_SET(sum_of_squares),
    .scale = AED_SET(scale),
    .adam = AED_SET(adam),
    .sgd = AED_SET(sgd),
};
