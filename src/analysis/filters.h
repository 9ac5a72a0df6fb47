/* The filters of convolutions: where they lie in a weight, how smooth they are, and which is which in
 * two trainings. */
#ifndef AED_ANALYSIS_FILTERS_H
#define AED_ANALYSIS_FILTERS_H

#include <stdbool.h>

#include "aedist/tensor.h"

/* The filters of a weight, one after the other: of a convolution (out, in, k...) each belongs to an
 * output channel, of a transposed one (in, out, k...) to an input channel: the first dimension in both.
 * The kernel is the last dimensions. */
typedef struct aed_filters {
    int64_t count, size; /* filters, numbers of each */
    int64_t kernel[2];   /* the last two sizes; 1 for a missing one */
} aed_filters;

/* Whether the tensor is the weight of a convolution: rank 3 or 4, named ".weight". */
bool aed_filters_of(const aed_tensor *tensor, aed_filters *filters);

/* Mean squared second difference along the kernel's dimensions, of each filter; NAN if the kernel has
 * fewer than 3 taps in each. */
void aed_filters_smoothness(const aed_filters *filters, const float *weight, double *smoothness);

/* Which filter of `weight` stands for filter i of `reference`, order[i], with which sign (1 or -1) and
 * |cosine| score[i]: the assignment of the largest sum of |cosines|. Fails as aed_assign. */
aed_status aed_filters_match(const aed_filters *filters, const float *reference,
                             const float *weight, int64_t *order, double *sign, double *score);

#endif
