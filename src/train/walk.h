/* A way over samples with a trained model on which more is done than summing losses: what analyses and
 * snapshots are made of. */
#ifndef AED_TRAIN_WALK_H
#define AED_TRAIN_WALK_H

#include "train/trainer.h"

/* Does something with a loaded tile whose first lane is the sample at place `first` of the split: goes
 * forward, reads taps, adds to sums[]. May use the workspace of the trainer; NULL for sums in a look. */
typedef void (*aed_visit)(void *self, aed_trainer *trainer, const aed_tile *tile, int64_t first,
                          const float *target, double *sums);

struct aed_visitor {
    aed_visit visit;
    void *self;
};

typedef struct aed_walk {
    aed_pass pass;
    uint32_t *ids;   /* of chosen samples; NULL: all of the split */
    int64_t *places; /* in the split of the chosen samples */
} aed_walk;

/* A way over the samples of `spec`, in evaluation: no dropout, no code noise, corrupted as it says.
 * `labels`: they are read too. destroy in any case. Fails with AED_CONFIG, AED_MEMORY. */
aed_status aed_walk_create(aed_trainer *trainer, const aed_evaluation_spec *spec, bool labels,
                           aed_walk *walk);
void aed_walk_destroy(aed_walk *walk);

/* Keeps the samples at `count` places of the split, or its first ones (at most all) if places is NULL.
 * `what` is looked at: it is named when there is no such place. Fails with AED_CONFIG, AED_MEMORY. */
aed_status aed_walk_choose(aed_walk *walk, const char *where, const char *what,
                           const uint32_t *places, int64_t count);

/* Visits every tile of this rank's leaves, `self` with it; sums[doubles] of all are summed canonically,
 * on all ranks, valid until the walk is destroyed or run again. Fails alike: AED_DATA, AED_STOPPED,
 * AED_MEMORY. Collective. */
aed_status aed_walk_run(aed_trainer *trainer, aed_walk *walk, int64_t doubles, aed_visit visit,
                        void *self, const double **sums);
/* After a run in which each rank filled the rows of its own samples in rows[samples][width] (float32):
 * all rows on all ranks. Collective. */
aed_status aed_walk_gather(const aed_trainer *trainer, const aed_walk *walk, int64_t width,
                           float *rows);

/* Visits every tile on every rank: for few samples, where nothing has to be sent. Collective. */
aed_status aed_walk_look(aed_trainer *trainer, aed_walk *walk, aed_visit visit, void *self);

/* [features][lanes] -> [valid][features] */
void aed_walk_read(const float *values, int64_t features, const aed_tile *tile, float *out);

#endif
