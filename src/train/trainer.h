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
#include "core/clock.h"
#include "core/watch.h"
#include "data/corrupt.h"
#include "dist/sum.h"
#include "optim/optim.h"

/* A loss term bound to the model: it compares the output of `layer` with the sample (at the
 * reconstruction), with the label, or with zero (a penalty anywhere else). */
typedef struct aed_term {
    const aed_loss_ops *ops;
    const aed_spec *spec;
    char name[96]; /* "mse"; "code_l1" if another term is an l1 too */
    double weight;
    int layer;        /* -1: the input */
    int64_t features; /* of that output */
    int64_t elements; /* a sample that the mean is over: features, or 1 of a loss on labels */
    bool is_penalty;
} aed_term;

/* The units of a relu: its features, or its channels if it has such, for which a map of zeros is dead.
 * What is looked at is the output of the layer that computes it, after a pooling too. */
typedef struct aed_units {
    char name[80];           /* "dead_units.encoder.1" */
    const char *path;        /* "encoder.1" */
    int layer;               /* whose output is looked at */
    int64_t count, features; /* units, features of each */
} aed_units;

struct aed_visitor;

/* A way over samples: the training's, an evaluation's, or a walk of one's own (walk.h). */
typedef struct aed_pass {
    const char *name; /* its metrics begin with it: "train", "val", "noisy" */
    aed_split split;
    bool train; /* noise and dropout act, corruption is another every epoch */
    aed_corruption *corruptions;
    int corruption_count;
    int64_t epoch; /* of a fresh source's samples */
    float factor;  /* that scales the current batch; see aed_dataset_max */
    aed_sum *sum;
    int64_t leaf;
    int64_t doubles;   /* of a leaf's payload: see AED_SLOT_* */
    bool confusion;    /* the payload has a confusion matrix */
    double *terms;     /* mean of each term over the last step or evaluation */
    double accuracy;   /* likewise; NAN without a loss on labels */
    int64_t *confused; /* [classes][outputs] of the last evaluation, or NULL */
    bool units;        /* the payload has a number a relu unit: leaves where it is not 0 */
    int64_t *dead;     /* [unit_count] of the last evaluation: 1 for a dead one; NULL without */
    bool looks;        /* the payload has what look.c wants to know */
    int64_t units_at, look_at;         /* where these begin */
    bool labels;                       /* are loaded, though no loss may want them */
    const struct aed_visitor *visitor; /* does what is done with a tile; NULL: losses */
} aed_pass;

/* What the last validation showed beside its losses. */
typedef struct aed_look {
    bool same, zero;       /* every output is the same for all samples; and 0 */
    int64_t *dead;         /* [units_count] 1 for a relu all of whose units are 0 for all samples */
    double code_dimension; /* NAN if it is not wanted */
} aed_look;

/* The reconstruction's loss on the validation samples if every output is their mean, and if it is its
 * target; NAN where they are not known. */
typedef struct aed_floors {
    double mean, least;
} aed_floors;

/* A run of parameters in their block; both multiples of 16. */
typedef struct aed_parameters {
    int64_t begin, count;
} aed_parameters;

typedef struct aed_trainer {
    const aed_config *config;
    const aed_dataset *data;
    aed_comm comm;
    aed_model model;

    int64_t samples, batch, steps; /* of an epoch */
    int64_t features;              /* of a sample */

    float *params;           /* parameter block */
    aed_parameters *trained; /* those that are not frozen, in order */
    int64_t trained_count;
    float *state;     /* of the optimiser: of each of these all its blocks, from blocks x begin */
    float *clipped;   /* gradients after clipping; NULL without */
    float *ema;       /* moving average of the parameters; NULL without */
    float *workspace; /* of one tile */
    float *zeros;     /* what penalties compare with; NULL without */
    int32_t *labels;  /* of the tile */
    uint32_t *ids;    /* of samples ids_first ... ids_first+ids_count-1 of the pass's order, */
    int64_t ids_first, ids_count; /* with room for one tile more than a batch */

    uint32_t
        *next_ids; /* [next_room] of the leaf that is announced to a streamed data set; else NULL */
    int64_t next_room;
    const aed_pass *announced; /* the pass and the first sample of that leaf */
    int64_t announced_first;

    aed_term *terms;
    int64_t term_count;
    int64_t *backward;  /* the terms by layer, the last layer first */
    int64_t classifier; /* the term whose output is judged by accuracy; -1: none */
    const aed_optim_ops *optim;
    double settings[AED_OPTIM_MAX_SETTINGS];
    aed_optim_scalars scalars;
    aed_schedule schedule;

    aed_units *units;    /* of every relu whose output is left to look at, in order */
    int64_t units_count; /* of relus */
    int64_t unit_count;  /* of all their units, if these are recorded */
    int64_t code_size;   /* numbers of the code, if its dimension is recorded */
    aed_look look;

    aed_pass *passes; /* the training, the validation, then the config's evaluations */
    int64_t pass_count;

    int64_t epoch;         /* being trained, from 1; 0 before the first */
    int64_t step;          /* completed in this epoch */
    aed_permutation order; /* of this epoch */
    aed_rng_key *keys;     /* of this epoch, a layer */

    aed_watch *watch; /* asked once a tile; NULL: nobody watches */
    aed_laps *laps;   /* slots of the layers, then AED_LAP_*; NULL but for --profile */

    const float *grads; /* of the last step, summed over the batch */
    double lr;
    bool early;                /* the step in progress changes parameters as soon as it can */
    aed_optim_scalars stepped; /* the scalars after it */
    aed_status tile_status;    /* of loading this rank's tiles; agreed on after the sum */
} aed_trainer;

/* What a step spends time on beside its layers. */
enum { AED_LAP_LOAD, AED_LAP_LOSS, AED_LAP_SUM, AED_LAP_UPDATE, AED_LAPS };
/* Number of a trainer's slots, and the slot of one of these. */
static inline int aed_trainer_slots(const aed_trainer *trainer)
{
    return 2 * trainer->model.layer_count + AED_LAPS;
}
static inline int aed_trainer_slot(const aed_trainer *trainer, int what)
{
    return 2 * trainer->model.layer_count + what;
}

/* passes[] of every trainer. */
enum { AED_PASS_TRAIN, AED_PASS_VAL, AED_PASS_FIRST_OWN };

/* Makes the engine of `config` over `data`, whose samples have the shape `shape`, with parameters
 * initialised from the config's seed. config, data must outlive it. Collective (makes the canonical
 * sums); fails alike on all ranks. */
aed_status aed_trainer_create(const aed_config *config, const aed_dataset *data,
                              const aed_shape *shape, const aed_comm *comm, aed_trainer *trainer);
/* The same for this rank alone and without initial values, which take longest: tells what a training
 * would be and whether it can be. Not collective. */
aed_status aed_trainer_plan(const aed_config *config, const aed_dataset *data,
                            const aed_shape *shape, aed_trainer *trainer);
void aed_trainer_destroy(aed_trainer *trainer);

/* Starts epoch `epoch` (from 1): its order and random streams. */
void aed_trainer_begin_epoch(aed_trainer *trainer, int64_t epoch);

/* One optimiser step. *loss is the weighted sum of the terms, each the mean over the step's samples
 * and elements (of a loss on labels: samples); *count the number of samples. The training pass's
 * terms and accuracy are set. Fails on all ranks alike: AED_DIVERGED if the loss is not finite (the
 * message tells the step and the layer), AED_DATA if a source failed, AED_STOPPED if the watch of one
 * of the ranks said so: the step has not been then. Collective. */
aed_status aed_trainer_step(aed_trainer *trainer, double *loss, int64_t *count);

/* The same loss over all samples of an evaluation's pass, without noise or dropout, corrupted as the
 * pass says. The pass's terms, accuracy and confusion matrix are set. Fails as a step does.
 * Collective. */
aed_status aed_trainer_evaluate(aed_trainer *trainer, aed_pass *pass, double *loss);

/* Norm of all parameters. */
double aed_trainer_parameter_norm(const aed_trainer *trainer);

/* Norm of the last step's gradient, before clipping; frozen parameters have none. */
double aed_trainer_gradient_norm(const aed_trainer *trainer);

/* The same of each layer's own parameters, into norms[layer_count]: those of layers without any, or
 * frozen ones, are left out. Returns their number; norms may be NULL. */
int64_t aed_trainer_layer_norms(const aed_trainer *trainer, double *norms);
/* The layer of such a norm. */
int aed_trainer_normed_layer(const aed_trainer *trainer, int64_t norm);

/* The loss that compares the model's output with the sample, the first one of several; NULL: none. */
const aed_term *aed_trainer_reconstruction(const aed_trainer *trainer);

/* Its floors, by two passes over the validation samples without the model; NAN too if a sample has
 * more than 2^16 numbers. Fails as an evaluation does, or with AED_MEMORY. Collective. */
aed_status aed_trainer_floors(aed_trainer *trainer, aed_floors *floors);

/* Number of leaves in a full batch: more ranks than this cannot help. */
int64_t aed_trainer_leaves(const aed_trainer *trainer);

/* ---- Between the files of train/ ---- */

/* A leaf's doubles: a sum a term, then these, then the confusion matrix, the units, and the look. */
enum { AED_SLOT_FAILED, AED_SLOT_STOPPED, AED_SLOT_CORRECT, AED_SLOTS };

/* terms.c: binds the config's losses to the model. Where they are defined is for checks.h. */
aed_status aed_trainer_bind_terms(aed_trainer *trainer, const aed_shape *shape);
/* units.c: finds the relus of the model. Fails with AED_MEMORY, and AED_CONFIG if the config wants their
 * dead units and there are none, or too many. */
aed_status aed_trainer_find_units(aed_trainer *trainer);
/* Whether one of the units first ... end-1 of a relu is not 0 in a tile that has gone forward. */
bool aed_units_alive(const aed_trainer *trainer, const aed_units *units, int64_t first, int64_t end,
                     const aed_tile *tile);
/* Counts the units that are not 0 in a tile that has gone forward: counts[unit_count] are 1 for those
 * that were not 0 before in the leaf. */
void aed_trainer_watch_units(const aed_trainer *trainer, const aed_tile *tile, double *counts);

/* look.c: finds what the config's metrics need. Fails with AED_CONFIG. */
aed_status aed_trainer_plan_look(aed_trainer *trainer);
/* Its part of a leaf's doubles; adds a tile that has gone forward to them; judges their sums over a pass. */
int64_t aed_look_doubles(const aed_trainer *trainer);
void aed_look_tile(const aed_trainer *trainer, const aed_tile *tile, double *sums);
void aed_look_take(const aed_trainer *trainer, const double *sums, int64_t leaves, int64_t samples,
                   aed_look *look);

/* Forward, losses into sums[] and, unless grads is NULL, backward of one tile; `samples` is the size
 * of the whole batch. */
void aed_trainer_tile(aed_trainer *trainer, const aed_pass *pass, const aed_tile *tile,
                      const float *target, int64_t samples, float *grads, double *sums);
/* The losses of the tile in the workspace after a forward: adds to sums[]. */
void aed_trainer_losses(const aed_trainer *trainer, const aed_tile *tile, const float *target,
                        double *sums);
/* Sums what is to be summed over samples [begin, begin+samples) of the pass's order: per leaf a sum a
 * term, AED_SLOTS, then the pass's own. Fails as a step does. Collective. */
aed_status aed_trainer_sum(aed_trainer *trainer, aed_pass *pass, int64_t begin, int64_t samples,
                           const double **sums);
/* Weighted mean of summed terms over `samples`. */
double aed_trainer_weigh(const aed_trainer *trainer, const double *sums, int64_t samples);
/* Weighted mean of summed terms over `samples`; leaves the means, accuracy and confusion matrix in
 * the pass, and the look in the trainer. */
double aed_trainer_mean(aed_trainer *trainer, aed_pass *pass, const double *sums, int64_t samples);

/* Leaves of an evaluation's pass. */
int64_t aed_pass_leaves(const aed_pass *pass);

/* pass.c: makes the passes, without their sums; frees them. */
aed_status aed_trainer_create_passes(aed_trainer *trainer);
void aed_trainer_destroy_passes(aed_trainer *trainer);
/* The same for one more evaluation, and frees it. Fails with AED_CONFIG, AED_MEMORY; destroy in any
 * case. */
aed_status aed_trainer_create_pass(const aed_trainer *trainer, const aed_evaluation_spec *spec,
                                   aed_pass *pass);
void aed_trainer_destroy_pass(aed_pass *pass);
/* Works out the ids of `count` samples (at most a batch) from `first` on of the pass's order. */
void aed_trainer_order(aed_trainer *trainer, const aed_pass *pass, int64_t first, int64_t count);
/* Tells a streamed data set that `count` samples (at most a leaf) from `first` on are next, unless it
 * has been told. */
void aed_trainer_announce(aed_trainer *trainer, const aed_pass *pass, int64_t first, int64_t count);
/* The factor of a batch-scaled data set for samples [first, first+samples) of the pass's order, of
 * which this rank looks at [begin, end). Collective if the set is batch-scaled. */
aed_status aed_trainer_scale(aed_trainer *trainer, aed_pass *pass, int64_t begin, int64_t end);
/* Loads samples first ... first+valid-1 of the order into the workspace, corrupted, fills *tile and
 * *target. */
aed_status aed_trainer_load(aed_trainer *trainer, const aed_pass *pass, int64_t first,
                            int64_t valid, aed_tile *tile, const float **target);
/* Finds where a loss stopped being finite in samples [first, first+samples) and reports it as
 * AED_DIVERGED. Collective. */
aed_status aed_trainer_diagnose(aed_trainer *trainer, const aed_pass *pass, int64_t first,
                                int64_t samples);

#endif
