/* Layers: one ops table per kind, one registry row each.
 *
 * A layer sees one tile: activations float [features][lanes], samples innermost, lanes a multiple of
 * 16. It owns no memory of the run; calls take pointers into blocks that the model carved. A program may
 * have kinds of its own (kinds.h): what they compute has the same bits on any number of ranks if it is a
 * function of its arguments alone, in one fixed order of additions. */
#ifndef AEDIST_LAYER_H
#define AEDIST_LAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "aedist/rng.h"
#include "aedist/spec.h"
#include "aedist/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One layer as the config has it. */
typedef struct aed_layer_spec {
    aed_spec spec;    /* of a layer kind, whose table spec.kind heads */
    const char *path; /* "encoder.0", "code.activation", "code.noise", "decoder.2" */
    const char *name; /* tap, or NULL */
    bool frozen;      /* its parameters stay as they are */
} aed_layer_spec;

typedef struct aed_layer aed_layer;

/* Somebody who steps parameters as soon as their gradients are whole. */
typedef struct aed_update {
    /* Those of parameters [begin, begin + count) of the block, both multiples of 16, are whole in grads or in the
     * tile's join, and `layer` (NULL: the model tells) has read these parameters for the last time in this
     * tile: they change now. Once for each, a tensor's padding included. */
    void (*apply)(void *self, const aed_layer *layer, int64_t begin, int64_t count);
    void *self;
} aed_update;

/* What a tile knows besides its activations. */
typedef struct aed_tile {
    int lanes;                /* T, a multiple of 16 */
    int valid;                /* lanes 0 ... valid-1 count; the rest repeat the last valid sample */
    const uint32_t *ids;      /* [lanes] sample ids */
    bool train;               /* noise and dropout act in training only */
    bool first;               /* of its leaf: see aed_layer.starts_weight */
    float *join;              /* NULL, or of its leaf's last tile: see there, too */
    const aed_update *update; /* NULL, or of its step's last tile: see there, too */
    const aed_rng_key *keys;  /* [layers] of this epoch, by layer index; set if is_random */
    float *scratch;           /* model-wide scratch, as large as the largest layer asked for */
    struct aed_laps *laps; /* of layers: forward by index, then backward; NULL: nobody measures */
} aed_tile;

enum { AED_LAYER_MAX_TENSORS = 2 };

typedef struct aed_layer_ops {
    aed_kind kind;
    bool elementwise;  /* output shape is the input's; backward reads y and dy only, dx may be dy */
    bool keeps_output; /* backward reads y */
    bool is_view;      /* y is x: no forward, no backward (flatten) */
    bool is_random;    /* forward draws random numbers: it gets a key every epoch */
    /* From spec, in, in_interval: fills out, out_interval, tensors, flops, scratch and state. Fails
     * with AED_CONFIG naming spec->where. */
    aed_status (*infer)(aed_layer *layer);
    /* y[out][lanes] from x[in][lanes]. */
    void (*forward)(const aed_layer *layer, const float *params, const float *x, float *y,
                    const aed_tile *tile);
    /* dx[in][lanes] (unless NULL) from dy[out][lanes], which it may overwrite; adds to grads, laid out
     * as the params. */
    void (*backward)(const aed_layer *layer, const float *params, const float *x, const float *y,
                     float *dy, float *dx, float *grads, const aed_tile *tile);
    /* Optional. What differs from epoch to epoch (from 1) beside the keys: a level of noise. */
    void (*begin_epoch)(aed_layer *layer, int64_t epoch);
    void (*destroy)(aed_layer *layer); /* frees state; NULL if there is none */
    /* Optional. Takes over what the layers behind this one do, layer[1] ... layer[offered], whose
     * outputs nobody else reads: sets `absorbs` to how many it will compute within its own forward
     * and backward, y and dy then being the last one's, and `kept` and `scratch` as it needs them. */
    aed_status (*fuse)(aed_layer *layer, int offered);
} aed_layer_ops;

struct aed_layer {
    const aed_layer_ops *ops;
    const aed_layer_spec *spec;
    const struct aed_kernels *kernels; /* the chosen kernel set */
    int index;                         /* position in the model */
    int lanes;                         /* T, set before infer */
    aed_shape in, out;
    aed_interval in_interval, out_interval;
    int tensor_count; /* tensors[].name is "weight", "bias" from infer; the model makes it whole */
    aed_tensor tensors[AED_LAYER_MAX_TENSORS];
    /* backward writes the gradient of tensors[0] of a leaf's first tile instead of adding to it, so
     * that nobody has to clear it; and of the last one, if that has a `join`, it adds the whole leaf's
     * gradient to that, a block like grads, instead of keeping it. If the last tile has an `update`, backward must
     * tell it of all of tensors[0], best a part at a time while that is in the cache. */
    bool starts_weight;
    int64_t scratch; /* floats */
    int64_t kept;    /* floats of a tile behind y that forward leaves for backward */
    int absorbs;     /* layers behind this one that are computed within it */
    bool absorbed;   /* computed within a layer before: no forward, no backward, no output */
    int64_t flops;   /* forward, a sample */
    void *state;     /* the kind's own: geometry, tap tables */
};

/* Fails with AED_CONFIG and a message naming the layer's place and kind: for infer. */
aed_status aed_layer_fail(const aed_layer *layer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The registered layer kind, or NULL; and the whole table. */
const aed_layer_ops *aed_layer_find(const char *name);
const aed_layer_ops *const *aed_layer_table(int *count);

#ifdef __cplusplus
}
#endif

#endif
