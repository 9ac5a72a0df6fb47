/* Shapes, intervals and named parameter tensors. */
#ifndef AEDIST_TENSOR_H
#define AEDIST_TENSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "aedist/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { AED_MAX_RANK = 5 };

/* Shape of one sample's activation, the batch left out: (features), (channels, length),
 * (channels, height, width). */
typedef struct aed_shape {
    int rank;
    int64_t size[AED_MAX_RANK];
} aed_shape;

/* Product of the sizes; 1 for rank 0. Shapes are made by aed_shape_make or a layer's infer, which
 * have checked that it fits. */
int64_t aed_shape_count(const aed_shape *shape);

/* Whether both have the same sizes. */
bool aed_shape_equal(const aed_shape *a, const aed_shape *b);

/* Writes "1x28x28" into text (at least 96 bytes) and returns it. */
const char *aed_shape_text(const aed_shape *shape, char *text);

/* Makes a shape; fails with AED_CONFIG on a size < 1 or more than 2^31 - 1 elements. */
aed_status aed_shape_make(int rank, const int64_t *size, aed_shape *shape);

/* Closed interval that holds every value; infinite ends mean unbounded. */
typedef struct aed_interval {
    double lo, hi;
} aed_interval;

/* One parameter tensor in PyTorch's layout and naming ("encoder.0.weight"). */
typedef struct aed_tensor {
    char name[64];
    aed_shape shape;
    int64_t offset; /* floats from the start of the parameter block, a multiple of 16 */
    int64_t fan_in; /* as PyTorch's default initialisation counts it */
    bool constant;  /* starts as `value` whatever the initialisation: a normalisation's tensors */
    float value;
} aed_tensor;

#ifdef __cplusplus
}
#endif

#endif
