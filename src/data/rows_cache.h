/* What a data set keeps. Private to src/data. */
#ifndef AED_DATA_ROWS_CACHE_H
#define AED_DATA_ROWS_CACHE_H

#include "data/sources.h"

typedef struct aed_stream aed_stream;

/* How loaded values are scaled: bytes to x * factor - shift, rounded once, as part of their loading;
 * floats to (x - shift) * factor, which takes away no more digits than it must. */
typedef struct aed_affine {
    float factor, shift;
} aed_affine;

typedef struct aed_rows_cache {
    int64_t total; /* samples of all splits */
    bool kept;     /* rows holds all of them; else they are made or read into staging */
    bool owned;    /* rows is the data set's, not the source's */
    aed_rows rows;
    aed_rows staging;   /* [AED_DATA_MAX_LANES] */
    aed_stream *stream; /* reads ahead; NULL: what is not kept is made when it is wanted */
    aed_affine affine;
    float *
        largest; /* [total], each sample's largest value, of a batch-scaled set that is not fresh */
    uint32_t *order; /* [training samples], those of the split and then the held-out ones; NULL */
    int64_t held_out;
} aed_rows_cache;

/* Allocates rows for `count` samples of what `dataset` has; aed_rows_free takes what it left. */
aed_status aed_rows_alloc(const aed_dataset *dataset, bool is_bytes, int64_t count, aed_rows *rows);
void aed_rows_free(aed_rows *rows);

/* source->make in the floating-point environment of the kernels. */
aed_status aed_rows_make(const aed_source *source, int64_t epoch, const uint32_t *ids,
                         int64_t count, const aed_rows *rows);

/* Number of distinct ones of ids[lanes], of which the last may repeat one sample. */
int aed_rows_distinct(const uint32_t *ids, int lanes);

/* Chooses and checks the scaling, and what follows from it: affine, interval, largest. The rows that
 * are kept are there. */
aed_status aed_scale_prepare(aed_dataset *dataset, const aed_scale *scale, const char *where);

/* Chooses the held-out samples; see aed_dataset_options. */
aed_status aed_split_prepare(aed_dataset *dataset, double holdout, const char *where);

#endif
