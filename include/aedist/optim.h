/* Optimisers, learning-rate schedules and initialisations. */
#ifndef AEDIST_OPTIM_H
#define AEDIST_OPTIM_H

#include <stdint.h>

#include "aedist/spec.h"
#include "aedist/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { AED_OPTIM_MAX_SCALARS = 4 };

/* An optimiser's own numbers: prepared once, advanced a step at a time; part of a checkpoint. */
typedef struct aed_optim_scalars {
    int64_t step;                        /* completed steps */
    double value[AED_OPTIM_MAX_SCALARS]; /* e.g. beta1^step, beta2^step */
} aed_optim_scalars;

typedef struct aed_optim_ops {
    aed_kind kind;
    int state_blocks; /* blocks of floats it keeps, one each a parameter (momentum: 1, adam: 2) */
    void (*prepare)(const aed_spec *spec, double *settings, aed_optim_scalars *scalars);
    /* One step with learning rate lr over params[count] (a multiple of 16), grads and the blocks of
     * state, `stride` floats apart. What it does to a parameter does not depend on the others: a step may
     * be taken in parts, each with the scalars as they were before it. */
    void (*step)(const double *settings, aed_optim_scalars *scalars, double lr, int64_t count,
                 const float *grads, float *params, float *state, int64_t stride);
} aed_optim_ops;

const aed_optim_ops *aed_optim_find(const char *name);
const aed_optim_ops *const *aed_optim_table(int *count);
/* The base learning rate of an optimiser's spec. */
double aed_optim_lr(const aed_spec *spec);

enum { AED_SCHEDULE_MAX_SETTINGS = 5, AED_SCHEDULE_STATES = 4 };

typedef struct aed_schedule aed_schedule;

typedef struct aed_schedule_ops {
    aed_kind kind;
    /* Reads its settings once, and sets the state if it has one. */
    void (*prepare)(const aed_spec *spec, aed_schedule *schedule);
    /* The learning rate in `epoch` (from 0), without warm-up. */
    double (*rate)(const aed_schedule *schedule, int64_t epoch);
    /* Of one that heeds the validation: `loss` was found `epochs` epochs after the last one. NULL for
     * all others. */
    void (*observe)(aed_schedule *schedule, double loss, int64_t epochs);
} aed_schedule_ops;

const aed_schedule_ops *aed_schedule_find(const char *name);
const aed_schedule_ops *const *aed_schedule_table(int *count);

/* A schedule ready for the step: no names are looked up in it. */
struct aed_schedule {
    const aed_schedule_ops *ops;
    double lr;      /* the optimiser's */
    int64_t epochs; /* of the whole training */
    int64_t warmup; /* epochs */
    double settings[AED_SCHEDULE_MAX_SETTINGS];
    double state[AED_SCHEDULE_STATES]; /* changed by observe only; part of a checkpoint */
};

void aed_schedule_prepare(const aed_spec *spec, double lr, int64_t epochs, aed_schedule *schedule);
/* The learning rate of step `step` (of `steps` an epoch) in `epoch` (from 0), warm-up included. */
double aed_schedule_lr(const aed_schedule *schedule, int64_t epoch, int64_t step, int64_t steps);
/* Tells it a validation loss, `epochs` epochs after the one before (after the start). */
void aed_schedule_observe(aed_schedule *schedule, double loss, int64_t epochs);

typedef struct aed_init_ops {
    aed_kind kind;
    /* Fills values[count] of one tensor, keyed by seed and the tensor's name. */
    void (*fill)(const aed_spec *spec, uint64_t seed, const aed_tensor *tensor, float *values);
} aed_init_ops;

const aed_init_ops *aed_init_find(const char *name);
const aed_init_ops *const *aed_init_table(int *count);

#ifdef __cplusplus
}
#endif

#endif
