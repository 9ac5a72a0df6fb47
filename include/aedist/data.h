/* Data sources and data sets.
 *
 * A source makes sample `id` as a pure function of (its spec, epoch if fresh, id): the same whoever
 * makes it. Ids 0 ... samples-1 are for training; `test_samples` more may follow, which are never
 * trained on. A data set keeps a source's samples in memory (bytes stay bytes), or has them made or
 * read when they are wanted, scales them, and fills tiles: float [features][lanes], samples
 * innermost. Splits say which ids an epoch or an evaluation runs over. */
#ifndef AEDIST_DATA_H
#define AEDIST_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "aedist/spec.h"
#include "aedist/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct aed_source aed_source;

/* Values behind the last row that filling a tile may read. */
enum { AED_ROWS_OVERREAD = 8 };

/* Samples, one after the other: [count][features]. Members that are not there are NULL. */
typedef struct aed_rows {
    float *target;   /* unless source->is_bytes */
    float *input;    /* if source->own_input, which bytes never have */
    uint8_t *bytes;  /* instead of target, if source->is_bytes */
    int32_t *labels; /* [count], 0 ... classes-1, if source->classes > 0 */
} aed_rows;

typedef struct aed_source_ops {
    aed_kind kind;
    /* Reads the spec, fills the public members and `state`; on failure leaves nothing behind. Bad
     * arguments are AED_CONFIG, files that cannot be read or lie are AED_DATA. */
    aed_status (*create)(const aed_spec *spec, aed_source *source);
    /* Makes `count` samples into the members that are not NULL: all that the source has, or the
     * labels alone. Values are finite. Fails with AED_DATA, e.g. on a NaN from an expression. Of a
     * streamed source it is called from a thread of the data set's own, never from two at once. */
    aed_status (*make)(const aed_source *source, int64_t epoch, const uint32_t *ids, int64_t count,
                       const aed_rows *rows);
    void (*destroy)(aed_source *source);
} aed_source_ops;

struct aed_source {
    const aed_source_ops *ops;
    void *state;
    int64_t samples;       /* for training, an epoch; 1 ... */
    int64_t test_samples;  /* ids samples ... samples+test_samples-1; the sum is below 2^32 */
    aed_shape shape;       /* of one sample */
    aed_interval interval; /* of the targets, unscaled; of bytes 0 ... 255 */
    bool fresh;            /* new samples every epoch: nothing to keep in memory */
    bool own_input;        /* the input differs from the target by the source's own doing */
    bool is_bytes;         /* targets are bytes */
    bool slow_to_read;     /* `make` reads a file: stream what does not fit, in the background */
    int32_t classes;       /* labels are 0 ... classes-1; 0: there are none */
    /* All samples, if the source has them in memory (else all NULL): a data set then makes no copy.
     * AED_ROWS_OVERREAD values behind the last one may be read. */
    aed_rows held;
};

/* The registered source called `name`, or NULL; and the whole table, for help and suggestions. */
const aed_source_ops *aed_source_find(const char *name);
const aed_source_ops *const *aed_source_table(int *count);

/* Makes the source that `spec` (of a kind from the table) describes. destroy takes NULL members. */
aed_status aed_source_create(const aed_spec *spec, aed_source *source);
void aed_source_destroy(aed_source *source);

/* A whole number below 2^48 that tells these samples from others: a hash over some of them and over how
 * many there are. Fails with AED_DATA, AED_MEMORY. Not to be called while a data set of this source
 * lives. */
aed_status aed_source_mark(const aed_source *source, double *mark);

/* Samples in a program's own memory, as a source kind of its own (see kinds.h): fill in the numbers, then
 * let aed_array_source_set make the table. A config then names it: `data: {source: NAME}`. Every rank has
 * all of the same samples. Checked when a source is made of it. */
typedef struct aed_array_source {
    aed_source_ops ops;            /* set by aed_array_source_set */
    aed_shape shape;               /* of one sample */
    int64_t samples, test_samples; /* to train on, and behind them for tests only */
    const float *values;           /* [samples + test_samples][features]; not copied */
    const int32_t *labels;         /* of all of them, 0 ... classes-1; NULL if classes is 0 */
    int32_t classes;
} aed_array_source;

/* `name` is what the config calls it. */
void aed_array_source_set(aed_array_source *arrays, const char *name);

/* How targets become what the model sees. Bytes are multiplied by 1/255 first, by every scaling but
 * `none`. A source with its own input can only be left as it is. */
typedef enum aed_scale_kind {
    AED_SCALE_NONE, /* as they are (bytes: 0 ... 255) */
    AED_SCALE_UNIT, /* to [0, 1]: bytes by 255, other data from the source's interval or, if that
                          * is not finite, from the smallest and largest value */
    AED_SCALE_STANDARD,  /* (x - mean) / std */
    AED_SCALE_BATCH_MAX, /* by the largest value of the global batch, where that is above 0 */
    AED_SCALE_L2,        /* each sample by its Euclidean norm, where that is above 0 */
    AED_SCALE_AUTO       /* unit for bytes, none for others; a data set tells which */
} aed_scale_kind;

typedef struct aed_scale {
    aed_scale_kind kind;
    double mean, std; /* of AED_SCALE_STANDARD; std > 0 */
} aed_scale;

typedef enum aed_split_kind { AED_SPLIT_TRAIN, AED_SPLIT_VAL, AED_SPLIT_TEST } aed_split_kind;

/* What a split holds: its sample at place i is ids[i], or first + i where ids is NULL. */
typedef struct aed_split {
    int64_t samples;
    uint32_t first;
    const uint32_t *ids; /* ascending; the data set's */
    int64_t epoch;       /* >= 0: a fresh source's samples of this epoch; -1: the trainer's */
} aed_split;

/* Options of a data set; all zeros: as they are, in memory. */
typedef struct aed_dataset_options {
    const char *where; /* begins messages, such as the place in a config; NULL: "data set" */
    aed_scale scale;
    double holdout; /* part (below 1) or number of training samples kept for validation; 0: none */
    double memory;  /* bytes that samples may take: what does not fit is made or read when it is
                     * wanted, with the same results; 0: half the machine's */
} aed_dataset_options;

typedef struct aed_dataset {
    const aed_source *source; /* NULL when made from arrays */
    int64_t samples;          /* of the training split */
    int64_t features;
    int32_t classes;
    aed_scale scale;       /* as applied, never AED_SCALE_AUTO */
    aed_interval interval; /* of the scaled targets; of the inputs too, unless they are their own */
    bool own_input;
    bool batch_scaled; /* tiles want the batch's factor: see aed_dataset_max */
    bool streamed;     /* samples are read while others are worked on: see aed_dataset_announce */
    double bytes;      /* of memory for samples */
    struct aed_rows_cache *cache; /* private: rows in memory, staging, splits */
} aed_dataset;

/* Makes (or opens) all samples; keeps a pointer to the source. options NULL: all zeros. Fails with
 * AED_CONFIG (an option that does not go with the source), AED_DATA, AED_MEMORY; *dataset is then
 * empty. Not collective. */
aed_status aed_dataset_create(const aed_source *source, const aed_dataset_options *options,
                              aed_dataset *dataset);
/* A set over copies of arrays target[samples][features], input the same or NULL (= target), labels
 * [samples] or NULL, 0 ... classes-1. Its interval is that of all numbers. */
aed_status aed_dataset_from_arrays(int64_t samples, int64_t features, const float *target,
                                   const float *input, const int32_t *labels, int32_t classes,
                                   aed_dataset *dataset);
void aed_dataset_destroy(aed_dataset *dataset);

/* Fills *split. VAL is the held-out part, else the test samples, else (of a fresh source) the
 * samples of epoch 0, else the training samples. TEST fails with AED_CONFIG if there are none. A
 * fresh source's test samples are those of epoch 0. */
aed_status aed_dataset_split(const aed_dataset *dataset, aed_split_kind kind, aed_split *split);

/* Announces that the samples ids[count] of `epoch` come next, in tiles, in this order; a streamed set
 * begins to read them, any other ignores it. At most two announcements stand at a time: what is being
 * used and what is next. Never blocks; allocates nothing once the count has been seen. Samples that
 * were not announced are read when a tile wants them. */
void aed_dataset_announce(const aed_dataset *dataset, int64_t epoch, const uint32_t *ids,
                          int64_t count);

/* Fills target[features][lanes], input[features][lanes] (may be the same memory, then it gets the
 * targets) and labels[lanes] (NULL: not wanted) with the samples ids[lanes] of `epoch`; lanes is 16,
 * 32, 48 or 64, the last ids may repeat one sample. Scaled; `factor` multiplies what is batch-scaled
 * (else 1). Returns AED_DATA if a source fails. */
aed_status aed_dataset_tile(const aed_dataset *dataset, int64_t epoch, const uint32_t *ids,
                            int lanes, float factor, float *target, float *input, int32_t *labels);

/* The largest value of samples ids[count] of a batch-scaled set, before the batch's factor. That of
 * the batch, over all ranks, is what divides it: factor = 1 / largest, or 1 if that is not above 0. */
aed_status aed_dataset_max(const aed_dataset *dataset, int64_t epoch, const uint32_t *ids,
                           int64_t count, float *largest);

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

#ifdef __cplusplus
}
#endif

#endif
