/* The layers and losses in float64, one sample at a time, each straight from its definition: what
 * the lane kernels are measured against. No tiles, no index lists, no order of sums to keep. */
#ifndef AED_TESTS_SUPPORT_REFERENCE_H
#define AED_TESTS_SUPPORT_REFERENCE_H

#include "aedist/layer.h"
#include "aedist/loss.h"

/* y[out] of one sample x[in]. `layer` gives kind, arguments and shapes; params is its block. */
void aed_reference_forward(const aed_layer *layer, const double *params, const double *x,
                           double *y);

/* Sum of the element losses of one sample; `label` is for a loss that reads no target. */
double aed_reference_loss(const aed_spec *spec, int64_t features, const double *y,
                          const double *target, int32_t label);

#endif
