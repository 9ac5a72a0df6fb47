/* The training loop of one trial, and what it records. */
#ifndef AED_TRAIN_TRIAL_H
#define AED_TRAIN_TRIAL_H

#include "train/choice.h"
#include "train/history.h"
#include "train/snapshots.h"
#include "train/symptoms.h"

/* Where a trial stands; handed to the observer. */
typedef struct aed_progress {
    int64_t epoch, epochs;
    double train_loss;
    double val_loss;   /* of the last recorded epoch; NAN before */
    bool recorded;     /* this epoch was added to the metrics: */
    const double *row; /* its values then, in the order of the metrics' columns */
} aed_progress;

/* Called on every rank; must be cheap and must not communicate with the trial's other ranks. */
typedef struct aed_observer {
    void (*epoch)(void *self, const aed_progress *progress); /* after every epoch */
    void (*save)(void *self); /* between two steps, if the trainer's watch says that one is due */
    void (*snapshot)(void *self); /* after one was taken, the training's newest; may be NULL */
    void *self;
} aed_observer;

/* A trial on its way. */
typedef struct aed_training {
    aed_trainer *trainer;
    aed_trial_history history;
    /* Sums of the epoch's steps so far, each weighted by samples: */
    double epoch_loss;
    int64_t epoch_samples;
    double *epoch_details; /* terms and accuracy, where there are columns for them */
    double gradient_norm;  /* of the last recorded epoch's last step */
    double *layer_norms;   /* likewise, of each layer; NULL unless they are recorded */
    int64_t layer_norm_count;
    aed_choice choice;
    aed_symptoms symptoms;
    aed_snapshots snapshots;
    bool evaluated;   /* the validation pass holds what it left in the last recorded epoch */
    double kept_loss; /* val_loss of the weights it ended with; NAN: those of the last epoch */
    double start, seconds_before;
} aed_training;

/* Makes the loop's memory over a trainer, which must outlive it. Collective; fails alike: AED_MEMORY,
 * AED_CONFIG if the config watches a metric or wants snapshots of samples that there are not. */
aed_status aed_training_create(aed_trainer *trainer, aed_training *training);
void aed_training_destroy(aed_training *training);

/* Trains from where the trial stands to its last epoch, or to where early stopping or a symptom ends it; the
 * trainer's parameters are those that the config keeps then. On AED_DIVERGED, AED_DATA or AED_STOPPED the
 * history holds what came before, and the trainer stands at the failed step's start; after
 * AED_STOPPED another call goes on. Collective; the status is the same on all ranks. */
aed_status aed_training_run(aed_training *training, const aed_observer *observer);

/* Seconds of training so far, before an interruption included; valid while it runs. */
double aed_training_seconds(const aed_training *training);

/* The state between two steps, but for the parameters: names, and pointers into the living trial,
 * into arrays[AED_TRAINING_STATES]. Returns their number. Every rank holds the same. */
enum { AED_TRAINING_STATES = 34 };
int64_t aed_training_state(aed_training *training, aed_state_array *arrays);

/* Takes up a trial where `saved` (with parameters and states) left it: from there on all bits are as
 * if it had never been interrupted. The trainer must be new. Fails with AED_DATA if it is of another
 * trial or its numbers are impossible; the training is new then. Not collective; every rank restores the same. */
aed_status aed_training_restore(aed_training *training, const aed_trial_result *saved);

#endif
