/* What a trial decides from its recorded epochs: which weights it keeps, whether it ends early, when a
 * plateau lowers the learning rate. Decisions follow from the sums that all ranks hold alike. */
#ifndef AED_TRAIN_CHOICE_H
#define AED_TRAIN_CHOICE_H

#include "train/history.h"

typedef struct aed_choice {
    double best_loss;   /* lowest val_loss of all recorded epochs */
    int64_t best_epoch; /* its epoch; 0: none yet */
    float *best;        /* its parameters, owned; NULL unless they are to be kept */
    int64_t column;     /* of the watched metric; -1: training never ends early */
    bool higher;        /* it gets better by rising */
    double watched_best;
    int64_t watched_epoch; /* of the last improvement by more than min_delta */
    int64_t ended;         /* 1: training has ended early */
} aed_choice;

/* Fails with AED_MEMORY, or AED_CONFIG if the watched metric is none of the history's; destroy in any
 * case. Not collective. */
aed_status aed_choice_create(const aed_trainer *trainer, const aed_trial_history *history,
                             aed_choice *choice);
void aed_choice_destroy(aed_choice *choice);

/* Takes the history's last row in: the decisions, and the schedule's. */
void aed_choice_heed(aed_choice *choice, const aed_trial_history *history, aed_trainer *trainer);

/* Whether `value` betters `best` by more than min_delta; NaN never does. */
bool aed_choice_betters(double value, double best, double min_delta, bool higher);

/* The parameters that the config keeps, of a trial that has ended. */
const float *aed_choice_kept(const aed_choice *choice, const aed_trainer *trainer);

#endif
