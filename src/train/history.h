/* What a trial records: columns of metrics, a row every so many epochs. */
#ifndef AED_TRAIN_HISTORY_H
#define AED_TRAIN_HISTORY_H

#include "io/results.h"
#include "train/trainer.h"

/* The first columns of the metrics. The training's and the validation's terms follow if there are
 * several, their accuracies if there is a loss on labels, then each further evaluation's loss, terms
 * and accuracy, then ema_val_loss if there is a moving average, then what is wanted of param_norm,
 * dead_units, skill, code_dimension and each layer's grad_norm. */
enum {
    AED_COLUMN_EPOCH,
    AED_COLUMN_TRAIN_LOSS,
    AED_COLUMN_VAL_LOSS,
    AED_COLUMN_LR,
    AED_COLUMN_GRAD_NORM,
    AED_COLUMN_TIME,
    AED_FIXED_COLUMNS
};

/* What the loop leaves. All ranks hold the same numbers, times aside. */
typedef struct aed_trial_history {
    aed_metrics metrics;  /* names, rows, values: */
    char (*names)[160];   /* owned; one after the other as in metrics */
    const char **columns; /* owned; metrics.names points here */
    double *values;       /* owned; metrics.values points here */
    int64_t results;      /* the columns before this are fixed, losses or accuracies */
    int64_t epochs;       /* completed */
    double seconds;
    int64_t samples; /* trained on, all epochs */
} aed_trial_history;

/* Makes room for all rows that the config can lead to. Fails with AED_MEMORY; destroy in any case. */
aed_status aed_history_create(const aed_trainer *trainer, aed_trial_history *history);
void aed_history_destroy(aed_trial_history *history);

/* The most rows that there can be. */
int64_t aed_history_room(const aed_config *config);
/* Whether `epoch` gets a row: the first, the last, and every so many. */
bool aed_history_records(const aed_config *config, int64_t epoch);

/* The column of a loss or an accuracy, by name; -1 if there is none. */
int64_t aed_history_column(const aed_trial_history *history, const char *name);

/* Columns at the end, of numbers that are no results. */
int64_t aed_history_extras(const aed_trainer *trainer);
/* Columns of a pass beside its loss. */
int64_t aed_history_details(const aed_trainer *trainer);
/* Adds weight times the terms and accuracy of a pass to values; returns their number. */
int64_t aed_history_add(const aed_trainer *trainer, const aed_pass *pass, double weight,
                        double *values);

#endif
