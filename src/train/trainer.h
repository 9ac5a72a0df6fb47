/* One trial's engine: its model, parameters, optimiser and place in the data.
 *
 * All ranks of the trial's communicator hold the same parameters and take the same branches; calls
 * marked collective are made by all of them. After create nothing is allocated. */
#ifndef AED_TRAIN_TRAINER_H
#define AED_TRAIN_TRAINER_H

#include "aedist/data.h"
#include "aedist/loss.h"
#include "aedist/model.h"
#include "aedist/optim.h"
#include "config/config.h"
#include "dist/sum.h"
#include "optim/optim.h"

typedef struct aed_trainer {
    const aed_config *config;
    const aed_dataset *data;
    aed_comm comm;
    aed_model model;

    int64_t samples, batch, steps; /* of an epoch */
    int64_t features;              /* of a sample */
    aed_split splits[2];           /* evaluated, trained on */

    float *params, *state; /* parameter block; optimiser state blocks behind each other */
    float *clipped;        /* gradients after clipping; NULL without */
    float *workspace;      /* of one tile */
    float *input_std;      /* std of the input noise, a feature; NULL without noise */
    uint32_t *ids; /* of samples ids_first ... ids_first+ids_count-1 of the epoch's order, */
    int64_t ids_first, ids_count; /* with room for one tile more than a batch */

    const aed_loss_ops **losses;
    const aed_optim_ops *optim;
    double settings[AED_OPTIM_MAX_SETTINGS];
    aed_optim_scalars scalars;
    aed_schedule schedule;

    aed_sum *sum, *evaluate_sum;
    int64_t evaluate_leaf;
    int64_t payload_doubles; /* a sum a loss term, then the number of failed tiles */

    int64_t epoch;         /* being trained, from 1; 0 before the first */
    int64_t step;          /* completed in this epoch */
    aed_permutation order; /* of this epoch */
    aed_rng_key *keys;     /* of this epoch, a layer */
    aed_rng_key input_key;

    const float *grads;  /* of the last step, summed over the batch */
    double *step_losses; /* of the last step or evaluation, a term */
    double lr;
    aed_status tile_status; /* of loading this rank's tiles; agreed on after the sum */
} aed_trainer;

/* Makes the engine of `config` over `data`, whose samples have the shape `shape` and lie in
 * `interval`, with parameters initialised from the config's seed. config, data must outlive it.
 * Collective (makes the canonical sums); fails alike on all ranks. */
aed_status aed_trainer_create(const aed_config *config, const aed_dataset *data,
                              const aed_shape *shape, aed_interval interval, const aed_comm *comm,
                              aed_trainer *trainer);
void aed_trainer_destroy(aed_trainer *trainer);

/* Starts epoch `epoch` (from 1): its order and random streams. */
void aed_trainer_begin_epoch(aed_trainer *trainer, int64_t epoch);

/* One optimiser step. *loss is the weighted sum of the terms, each the mean over the step's samples
 * and elements; *count the number of samples. Fails on all ranks alike: AED_DIVERGED if the loss is
 * not finite (the message tells the step and the layer), AED_DATA if a source failed. Collective. */
aed_status aed_trainer_step(aed_trainer *trainer, double *loss, int64_t *count);

/* The same loss over the samples of the split `val`, without noise. Collective. */
aed_status aed_trainer_evaluate(aed_trainer *trainer, double *loss);

/* Norm of the last step's gradient, before clipping. */
double aed_trainer_gradient_norm(const aed_trainer *trainer);

/* Number of leaves in a full batch: more ranks than this cannot help. */
int64_t aed_trainer_leaves(const aed_trainer *trainer);

/* ---- Between the files of train/ ---- */

/* Works out the ids of `count` samples (at most a batch) from `first` on of the epoch's order. */
void aed_trainer_order(aed_trainer *trainer, int64_t first, int64_t count, bool train);
/* Loads samples first ... first+valid-1 of the order into the workspace, corrupted if `train`, fills
 * *tile and *target. */
aed_status aed_trainer_load(aed_trainer *trainer, int64_t first, int64_t valid, bool train,
                            aed_tile *tile, const float **target);
/* Adds the tile's loss sums to sums[]; gradient: the loss's gradient is left in the workspace. */
void aed_trainer_loss(const aed_trainer *trainer, const aed_tile *tile, const float *y,
                      const float *target, int64_t samples, bool gradient, double *sums);
/* Weighted mean of summed terms over `samples`; leaves each term's mean in step_losses. */
double aed_trainer_mean(aed_trainer *trainer, const double *sums, int64_t samples);
/* AED_DIVERGED with a message that names the first layer that is not finite. Collective. */
aed_status aed_trainer_diagnose(aed_trainer *trainer, int64_t first, int64_t samples, bool train);

#endif
