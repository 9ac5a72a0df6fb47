/* A fixed linear map over the positions of every channel, as a sparse matrix in both directions. */
#ifndef AED_LAYER_RESAMPLING_H
#define AED_LAYER_RESAMPLING_H

#include "aedist/layer.h"
#include "kernel/kernels.h"

/* One entry: output position `row` takes `weight` times input position `column`. */
typedef struct aed_resampling_entry {
    int32_t row, column;
    float weight;
} aed_resampling_entry;

typedef struct aed_resampling {
    aed_pairs forward, backward;
    float *forward_weights, *backward_weights;
    int32_t *memory;
} aed_resampling;

/* Makes the layer's state an aed_resampling of `count` entries, in the order of their rows; columns
 * is the number of input positions. */
aed_status aed_resampling_create(aed_layer *layer, int32_t rows, int32_t columns, int64_t count,
                                 const aed_resampling_entry *entries);
void aed_resampling_destroy(aed_layer *layer);

/* The forward and backward of every layer kind that is a resampling; see aed_layer_ops. */
void aed_resampling_forward(const aed_layer *layer, const float *params, const float *x, float *y,
                            const aed_tile *tile);
void aed_resampling_backward(const aed_layer *layer, const float *params, const float *x,
                             const float *y, float *dy, float *dx, float *grads,
                             const aed_tile *tile);

#endif
