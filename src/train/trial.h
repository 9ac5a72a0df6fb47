/* The training loop of one trial, and what it records. */
#ifndef AED_TRAIN_TRIAL_H
#define AED_TRAIN_TRIAL_H

#include "io/results.h"
#include "train/trainer.h"

/* Where a trial stands; handed to the observer. */
typedef struct aed_progress {
    int64_t epoch, epochs;
    double train_loss;
    double val_loss; /* of the last recorded epoch; NAN before */
    bool recorded;   /* this epoch was added to the metrics */
} aed_progress;

/* Called after every epoch, on every rank: must be cheap and must not communicate. */
typedef struct aed_observer {
    void (*epoch)(void *self, const aed_progress *progress);
    void *self;
} aed_observer;

/* What the loop leaves. All ranks hold the same numbers, times aside. */
typedef struct aed_trial_history {
    aed_metrics metrics;  /* names, rows, values: */
    char (*names)[160];   /* owned; one after the other as in metrics */
    const char **columns; /* owned; metrics.names points here */
    double *values;       /* owned; metrics.values points here */
    int64_t epochs;       /* completed */
    double seconds;
    int64_t samples; /* trained on, all epochs */
} aed_trial_history;

/* Trains all epochs. On AED_DIVERGED (or AED_DATA) the history holds what came before; the trainer's
 * parameters are those of the failed step's start. Collective; the status is the same on all ranks. */
aed_status aed_trial_run(aed_trainer *trainer, const aed_observer *observer,
                         aed_trial_history *history);
void aed_trial_history_destroy(aed_trial_history *history);

#endif
