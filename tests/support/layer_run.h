/* One layer with random parameters, inputs and output gradients, outside of any model: what the
 * gradient tests run under every kernel set. */
#ifndef AED_TESTS_SUPPORT_LAYER_RUN_H
#define AED_TESTS_SUPPORT_LAYER_RUN_H

#include "aedist/layer.h"
#include "support/numeric.h"

typedef struct aed_test_layer_case {
    const char *kind, *args;
    aed_shape in;
    int lanes, valid;
} aed_test_layer_case;

typedef struct aed_test_layer {
    const aed_test_layer_case *c;
    char name[160]; /* of the case, for messages */
    aed_test_spec spec;
    aed_layer_spec layer_spec;
    aed_layer layer;
    int64_t in, out;    /* features */
    int64_t parameters; /* floats of the block */
    aed_test_block params, x, dy, scratch;
    double *params64; /* the same numbers */
    double *x64;      /* [in], one sample */
} aed_test_layer;

/* What one kernel set computes: y and dx over all lanes, gradients added to random numbers. */
typedef struct aed_test_layer_result {
    aed_test_block y, dx, grads;
} aed_test_layer_result;

/* Plans the layer and fills its blocks. The lanes from c->valid on repeat the last valid sample and
 * have dy = 0, as in a last tile. Fails the test if the layer cannot be planned. */
void aed_test_layer_create(const aed_test_layer_case *c, aed_test_layer *layer);
void aed_test_layer_destroy(aed_test_layer *layer);

/* Forward and backward under `set`. */
void aed_test_layer_run(aed_test_layer *layer, const aed_kernels_table *set,
                        aed_test_layer_result *result);
void aed_test_layer_result_destroy(aed_test_layer_result *result);
/* The same in place (y over x, dx over dy), for an elementwise layer; has no grads. */
void aed_test_layer_run_in_place(aed_test_layer *layer, const aed_kernels_table *set,
                                 aed_test_layer_result *result);

/* What stood at `index` of the gradient block before backward added to it. */
float aed_test_layer_grads_before(int64_t index);

/* Fills x64 with the sample in `lane`. */
void aed_test_layer_load(aed_test_layer *layer, int lane);

/* Zeroed; fails the test if memory is short. Free with aed_free. */
double *aed_test_doubles(int64_t count);

#endif
