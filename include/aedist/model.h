/* A model: a chain of layers, planned once for one tile width; forward and backward of one tile.
 *
 * The model owns no parameters and no activations: it tells how large the blocks are, and calls take
 * pointers into them, so that stored, averaged and best weights run through the same code. */
#ifndef AEDIST_MODEL_H
#define AEDIST_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "aedist/layer.h"
#include "aedist/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct aed_model {
    aed_layer *layers;
    int layer_count;
    int code_layer; /* its output is the code, before noise; -1: the input is the code */
    aed_shape input;
    int lanes;    /* T: samples of a tile */
    int64_t leaf; /* samples of a leaf, a multiple of lanes */

    aed_tensor *tensors; /* of all layers, names made whole, offsets into the parameter block */
    int64_t tensor_count;
    int64_t parameter_count; /* numbers that are trained */
    int64_t parameter_block; /* floats of the block, padding included; a multiple of 16 */

    int64_t flops; /* forward, a sample */
    int64_t saved; /* activation floats kept for backward, a sample */

    /* Float offsets into the workspace of one tile: */
    int64_t *output_at; /* of each layer's output; an in-place layer shares its input's */
    int64_t input_at, target_at, gradient_at[2], scratch_at;
    int64_t workspace; /* floats in all */
    int first_trained; /* the first layer with parameters that are not frozen: backward ends there */
} aed_model;

/* Plans a model for samples of shape `input` (interval of the data: `interval`). `batch` is the
 * global batch size, which with the model's size decides the tile and the leaf unless they are given
 * (non-zero). The specs must outlive the model. Fails with AED_CONFIG, naming the layer's place. */
aed_status aed_model_create(const aed_layer_spec *specs, int64_t count, int code_layer,
                            const aed_shape *input, aed_interval interval, int64_t batch,
                            int64_t tile, int64_t leaf, aed_model *model);
void aed_model_destroy(aed_model *model);

/* The tile's input [features][lanes] lies at workspace + input_at; returns the last output. */
const float *aed_model_forward(const aed_model *model, const float *params, float *workspace,
                               const aed_tile *tile);
/* The same from the output of layer `from` on (-1: the input), a tap's, that lies in the workspace. */
const float *aed_model_forward_from(const aed_model *model, const float *params, float *workspace,
                                    int from, const aed_tile *tile);
/* One of the two buffers for gradients of activations: the one that is not `taken` (NULL: either). */
float *aed_model_gradient(const aed_model *model, float *workspace, const float *taken);
/* Prepares grads (a block) for the tiles of a leaf, the first of which says so (aed_tile.first) and goes
 * back from layer `from`: clears all but what that tile writes. */
void aed_model_begin_leaf(const aed_model *model, int from, float *grads);
/* Whether there is anything that such a tile writes. */
bool aed_model_starts_weights(const aed_model *model, int from);
/* Adds grads of a leaf whose last tile had `join` (aed_tile.join) to that: all but what it added. */
void aed_model_join_leaf(const aed_model *model, int from, const float *grads, float *join);
/* Tells `update` of all parameters but those of which a tile that goes back from layer `from` tells it. */
void aed_model_update_rest(const aed_model *model, int from, const aed_update *update);
/* After forward. Goes back from dy, the gradient of the output of layer `from` in a gradient buffer,
 * to that of layer `to` < from, adding to grads (a block). Returns the buffer with the latter, NULL
 * if no layer up to `to` has parameters; the buffer dy is overwritten. */
float *aed_model_backward(const aed_model *model, const float *params, float *workspace, int from,
                          int to, float *dy, float *grads, const aed_tile *tile);

/* Index of the layer whose output the tap `name` is, -1 for the input: `input`, `logits` (the
 * code before its activation), `code` (before its noise), `reconstruction` or a layer's own name. AED_NO_TAP if
 * the model has none of that name. Outputs at taps stay as they are until the next forward. */
enum { AED_NO_TAP = -2 };
int aed_model_tap(const aed_model *model, const char *name);

/* Output of layer `index` of the last forward (index -1: the input). */
const float *aed_model_output(const aed_model *model, const float *workspace, int index);

/* Sets what differs from epoch to epoch (from 1) in the layers themselves. */
void aed_model_begin_epoch(aed_model *model, int64_t epoch);
/* The stream keys of the random layers for one epoch, into keys[layer_count]. */
void aed_model_keys(const aed_model *model, uint64_t seed, int64_t epoch, aed_rng_key *keys);

#ifdef __cplusplus
}
#endif

#endif
