/* What a model reaches on its evaluations, once; the names are those of the trial's metrics. */
#ifndef AED_TRAIN_MEASURE_H
#define AED_TRAIN_MEASURE_H

#include "train/trainer.h"

enum { AED_MEASURE_NAME = 160 };

/* A name and a value each: val_loss, its terms if there are several, its accuracy if there is a loss on
 * labels; then the same of each further evaluation. */
typedef struct aed_measures {
    int64_t count;
    char (*names)[AED_MEASURE_NAME]; /* owned */
    double *values;                  /* owned */
} aed_measures;

/* Evaluates every pass but the training's with the trainer's parameters. Allocates *measures, to be
 * destroyed after success. Fails alike on all ranks: AED_DIVERGED if a loss is not finite, AED_DATA if
 * a source failed, AED_MEMORY. Collective. */
aed_status aed_measures_create(aed_trainer *trainer, aed_measures *measures);
void aed_measures_destroy(aed_measures *measures);

#endif
