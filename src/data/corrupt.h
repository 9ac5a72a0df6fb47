/* Corruption of a tile's inputs: gaussian, clip, salt_and_pepper, masking. What is drawn is keyed by
 * (seed, place in the config, epoch, sample id, element), so it depends on no tile, lane or rank. */
#ifndef AED_DATA_CORRUPT_H
#define AED_DATA_CORRUPT_H

#include <stdbool.h>
#include <stdint.h>

#include "aedist/rng.h"
#include "aedist/spec.h"
#include "aedist/tensor.h"

typedef struct aed_corruption aed_corruption;

typedef struct aed_corruption_ops {
    aed_kind kind;
    bool is_random; /* draws: needs a key every epoch */
    /* Reads the arguments into settings, a level into the first. Fails with AED_CONFIG. */
    aed_status (*prepare)(const aed_spec *spec, aed_corruption *corruption);
    void (*apply)(const aed_corruption *corruption, const uint32_t *ids, int lanes,
                  int64_t features, const float *x, float *y);
    /* What values in *interval may become, in any epoch. */
    void (*widen)(const aed_corruption *corruption, aed_interval *interval);
} aed_corruption_ops;

/* One prepared kind; a plain value. */
struct aed_corruption {
    const aed_corruption_ops *ops;
    float settings[4];
    const aed_ramp *ramp; /* of settings[0]; NULL if it is the same in every epoch */
    int position;         /* in the config's list */
    aed_rng_key key;
};

const aed_corruption_ops *aed_corruption_find(const char *name);
const aed_corruption_ops *const *aed_corruption_table(int *count);

/* Prepares one, of a kind from the table. Fails with AED_CONFIG, naming spec->where. */
aed_status aed_corruption_prepare(const aed_spec *spec, aed_corruption *corruption);
/* y[features][lanes] from x, of the samples ids[lanes]; y may be x. NaN stays. */
void aed_corruption_apply(const aed_corruption *corruption, const uint32_t *ids, int lanes,
                          int64_t features, const float *x, float *y);

/* Prepares a config's list into list[count], to be applied in order. *prepared <= count: a clip is one
 * pass with the gaussian before it. */
aed_status aed_corruptions_prepare(const aed_spec *specs, int count, aed_corruption *list,
                                   int *prepared);
/* What values in *interval may become by the list, in any epoch. Fails with AED_CONFIG. */
aed_status aed_corruptions_widen(const aed_spec *specs, int64_t count, aed_interval *interval);
/* The keys and levels of `epoch` (0: none, the ramps' ends); `path` is the list's place in the config, such as "train.corrupt". */
void aed_corruptions_key(aed_corruption *list, int count, uint64_t seed, const char *path,
                         uint64_t epoch);
/* Applies all in order; count >= 1. */
void aed_corruptions_apply(const aed_corruption *list, int count, const uint32_t *ids, int lanes,
                           int64_t features, const float *x, float *y);

#endif
