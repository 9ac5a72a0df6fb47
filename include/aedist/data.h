/* Data sources and data sets.
 *
 * A source makes sample `id` as a pure function of (its spec, epoch if fresh, id): the same whoever
 * makes it. A data set holds a source's samples (or makes them on the fly if the source is fresh)
 * and fills tiles: float [features][lanes], samples innermost. */
#ifndef AEDIST_DATA_H
#define AEDIST_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "aedist/spec.h"
#include "aedist/tensor.h"

typedef struct aed_source aed_source;

typedef struct aed_source_ops {
    aed_kind kind;
    /* Reads the spec, fills the public members and `state`; on failure leaves nothing behind. */
    aed_status (*create)(const aed_spec *spec, aed_source *source);
    /* Makes `count` samples, sample-major: target[count][features], and input[count][features] if
     * source->own_input (else input is NULL). Fails with AED_DATA, e.g. on a NaN from an expression. */
    aed_status (*make)(const aed_source *source, int64_t epoch, const uint32_t *ids, int64_t count,
                       float *target, float *input);
    void (*destroy)(aed_source *source);
} aed_source_ops;

struct aed_source {
    const aed_source_ops *ops;
    void *state;
    int64_t samples;       /* per epoch, 1 ... 2^32 - 1 */
    aed_shape shape;       /* of one sample */
    aed_interval interval; /* of the targets */
    bool fresh;            /* new samples every epoch: nothing to keep in memory */
    bool own_input;        /* the input differs from the target by the source's own doing */
};

/* The registered source called `name`, or NULL; and the whole table, for help and suggestions. */
const aed_source_ops *aed_source_find(const char *name);
const aed_source_ops *const *aed_source_table(int *count);

/* Makes the source that `spec` (of a kind from the table) describes. destroy takes NULL members. */
aed_status aed_source_create(const aed_spec *spec, aed_source *source);
void aed_source_destroy(aed_source *source);

typedef struct aed_dataset {
    const aed_source *source; /* NULL when made from arrays */
    int64_t samples;
    int64_t features;
    float *target; /* [samples][features]; NULL if the source is fresh */
    float *input;  /* likewise; == target unless the source has its own input */
    float *staging_target, *staging_input; /* [lanes][features], for fresh sources */
} aed_dataset;

/* Makes all samples of a source that is not fresh; keeps a pointer to the source. */
aed_status aed_dataset_create(const aed_source *source, aed_dataset *dataset);
/* A set over copies of arrays target[samples][features], input the same or NULL (= target). */
aed_status aed_dataset_from_arrays(int64_t samples, int64_t features, const float *target,
                                   const float *input, aed_dataset *dataset);
void aed_dataset_destroy(aed_dataset *dataset);

/* Fills target[features][lanes] and input[features][lanes] with the samples ids[lanes] of `epoch`;
 * lanes is 16, 32, 48 or 64. Returns AED_DATA if a fresh source fails. */
aed_status aed_dataset_tile(const aed_dataset *dataset, int64_t epoch, const uint32_t *ids,
                            int lanes, float *target, float *input);

/* The epoch's order: a keyed permutation of 0 ... count-1, evaluated per index. */
typedef struct aed_permutation {
    uint32_t count;
    uint32_t half_bits[2]; /* of the Feistel network's left and right word */
    uint32_t round_key[6];
} aed_permutation;

/* seed and epoch choose the permutation; count >= 1. */
void aed_permutation_make(uint64_t seed, uint64_t epoch, uint32_t count, aed_permutation *perm);
/* out[i] = image of (first + i), i < n; first + n <= count. */
void aed_permutation_read(const aed_permutation *perm, uint32_t first, uint32_t n, uint32_t *out);

#endif
