/* The functions of one kernel set, by their names in it; table.c gathers them. */
#ifndef AED_KERNEL_SET_SET_H
#define AED_KERNEL_SET_SET_H

#include "kernel/set/lanes.h"

void AED_SET(normal)(aed_rng_key key, const uint32_t *ids, int lanes, uint32_t first,
                     int64_t elements, float *out);
void AED_SET(add_noise)(aed_rng_key key, const uint32_t *ids, int lanes, int64_t elements,
                        const float *std, const float *x, float *y);
void AED_SET(add_noise_within)(aed_rng_key key, const uint32_t *ids, int lanes, int64_t elements,
                               float std, float lo, float hi, const float *x, float *y);
void AED_SET(clip)(int64_t count, float lo, float hi, const float *x, float *y);
void AED_SET(replace)(aed_rng_key key, const uint32_t *ids, int lanes, int64_t elements,
                      uint32_t low_below, uint32_t high_below, float low, float high,
                      const float *x, float *y);
void AED_SET(load_rows)(const float *samples, int64_t features, const uint32_t *ids, int lanes,
                        float *out);
void AED_SET(load_bytes)(const uint8_t *samples, int64_t features, const uint32_t *ids, int lanes,
                         float factor, float shift, float *out);
void AED_SET(standardize)(int64_t count, float shift, float factor, float *x);
void AED_SET(unit_columns)(int64_t features, int lanes, float *x);
void AED_SET(gather)(const aed_gather *plan, int lanes, const float *w, const float *bias,
                     aed_activation activation, const float *x, float *y);
void AED_SET(scatter)(const aed_scatter *plan, int lanes, const float *w, const float *bias,
                      aed_activation activation, const float *x, float *y);
void AED_SET(gather_pool)(const aed_gather *plan, const aed_pooling *pooling, int lanes,
                          const float *w, const float *bias, const float *x, float *y,
                          uint8_t *winner, float *scratch);
void AED_SET(unpool)(const aed_pooling *pooling, int channels, int lanes, const float *y,
                     const uint8_t *winner, const float *dy, float *dx);
/* Activates and pools one line of windows of rows[high * columns][width], `width` lanes of the
 * `lanes` that y and winner have. */
void AED_SET(pool_line)(const aed_pooling *pooling, int width, int lanes, const float *rows,
                        float *y, uint8_t *winner);
void AED_SET(convolve_pool)(const aed_padded_conv *conv, int lanes, const float *w,
                            const float *bias, const float *x, float *y, uint8_t *winner);
void AED_SET(convolve_pool_gradient)(const aed_padded_conv *conv, int lanes, const float *x,
                                     const float *y, const uint8_t *winner, const float *dy,
                                     float *grad_w, float *grad_b);
void AED_SET(winograd_weights)(const aed_winograd *conv, bool turned, const float *w,
                               float *expanded);
void AED_SET(winograd)(const aed_winograd *conv, bool to_narrow, int lanes, const float *expanded,
                       const float *bias, aed_activation activation, const float *x, float *y,
                       float *scratch);
void AED_SET(winograd_gradient)(const aed_winograd *conv, int lanes, const float *narrow,
                                const float *wide, float *grad, float *narrow_bias,
                                float *wide_bias, float *scratch);
void AED_SET(gather_weight)(const aed_gather_weight *plan, int lanes, const float *u,
                            const float *v, float *grad);
void AED_SET(bias_gradient)(int channels, int64_t columns, const float *dy, float *grad);
void AED_SET(dense)(int rows, int inner, int64_t columns, const float *w, int64_t w_row,
                    int64_t w_column, bool add, const float *bias, aed_activation activation,
                    const float *x, float *y);
void AED_SET(dense_strips)(int b, int64_t columns, const float *v, float *strips);
void AED_SET(dense_weight)(int a, int b, int64_t columns, const float *u, const float *strips,
                           bool add, float *grad, float *join);
void AED_SET(activate)(aed_activation kind, float parameter, int64_t count, const float *x,
                       float *y);
void AED_SET(activate_backward)(aed_activation kind, float parameter, int64_t count, const float *y,
                                const float *dy, float *dx);
void AED_SET(activate_bias_gradient)(aed_activation kind, float parameter, int channels,
                                     int64_t columns, const float *y, float *dy, float *grad);
void AED_SET(softmax)(int channels, int64_t columns, const float *x, float *y);
void AED_SET(softmax_backward)(int channels, int64_t columns, const float *y, const float *dy,
                               float *dx);
void AED_SET(resample)(const aed_pairs *pairs, const float *weights, int channels,
                       int32_t x_positions, int lanes, const float *x, float *y);
void AED_SET(max_pool)(const aed_pairs *pairs, int channels, int32_t x_positions, int lanes,
                       const float *x, float *y);
void AED_SET(max_pool_backward)(const aed_pairs *pairs, int channels, int32_t x_positions,
                                int lanes, const float *x, const float *y, const float *dy,
                                float *dx);
void AED_SET(dropout)(aed_rng_key key, const uint32_t *ids, int lanes, int64_t groups,
                      int64_t group_size, uint32_t threshold, float scale,
                      aed_activation activation, const float *x, float *y);
void AED_SET(dropout_relu_backward)(int64_t count, float scale, const float *y, const float *dy,
                                    float *dx);
void AED_SET(add_gumbel)(aed_rng_key key, const uint32_t *ids, int lanes, int64_t elements,
                         float scale, const float *x, float *y);
void AED_SET(one_hot)(int channels, int64_t columns, const float *x, float *y);
void AED_SET(normalize)(int64_t groups, int64_t weights, int64_t places, int lanes, float eps,
                        const float *w, const float *b, const float *x, float *y);
void AED_SET(normalize_backward)(int64_t groups, int64_t weights, int64_t places, int lanes,
                                 float eps, const float *w, const float *x, const float *dy,
                                 float *dx, float *grad_w, float *grad_b, float *scratch);
double AED_SET(loss)(aed_loss_function kind, float parameter, int64_t features, int lanes,
                     int valid, const float *y, const float *target, float scale, float *dy);
double AED_SET(cross_entropy)(float smoothing, int64_t classes, int lanes, int valid,
                              const float *y, const int32_t *labels, float scale, float *dy);
int64_t AED_SET(multiply_adds)(int64_t turns);
double AED_SET(sum_of_squares)(int64_t count, const float *x);
void AED_SET(scale)(int64_t count, float factor, float *x);
void AED_SET(adam)(const aed_adam_settings *settings, int64_t count, const float *grads,
                   float *params, float *m, float *v);
void AED_SET(sgd)(const aed_sgd_settings *settings, int64_t count, const float *grads,
                  float *params, float *momentum);

/* out[i] = the sum of 16-lane block i, in the order that lanes.h names; `count` blocks, rounded up to
 * the width of a register, are read and as many sums written. */
void AED_SET(lane_sums)(int count, const float *blocks, float *out);

#endif
