/* Symptoms of a training that learns nothing, as they show at recorded epochs. They are judged from sums
 * that all ranks hold alike; config.h lists them, docs/training.md says what they mean. */
#ifndef AED_TRAIN_SYMPTOMS_H
#define AED_TRAIN_SYMPTOMS_H

#include "train/history.h"

enum { AED_SYMPTOM_BYTES = 256 };

/* Numbered signs: each symptom is one, but for the last: there is a dead sign for each relu. */
typedef struct aed_symptoms {
    int64_t count;
    int64_t *since; /* [count] epoch from which it has shown; 0: it does not */
    int64_t *told;  /* [count] epoch when it had lasted long enough for the first time; 0: never */
    int64_t zero;   /* 1: the outputs that are the same are 0 */
    double skill;   /* best one since the skill began to be none */
    aed_floors floors;
} aed_symptoms;

/* Fails with AED_MEMORY; destroy in any case. Not collective. */
aed_status aed_symptoms_create(const aed_trainer *trainer, aed_symptoms *symptoms);
void aed_symptoms_destroy(aed_symptoms *symptoms);

/* Finds the floors that the skill is measured by, if it is wanted. Collective; fails as an evaluation
 * does. */
aed_status aed_symptoms_begin(aed_symptoms *symptoms, aed_trainer *trainer);

/* 1 - (loss - least) / (mean - least) of the last validation's reconstruction: 1 for a perfect one, 0 for
 * the mean sample's; NAN where the floors are not known, or the samples are all alike. */
double aed_symptoms_skill(const aed_symptoms *symptoms, const aed_trainer *trainer);

/* Takes in the history's last row and what its validation left in the trainer. Returns whether the
 * training is to end. */
bool aed_symptoms_heed(aed_symptoms *symptoms, const aed_trial_history *history,
                       const aed_trainer *trainer);

/* Whether a sign has shown long enough at the history's last row. */
bool aed_symptoms_lasts(const aed_symptoms *symptoms, const aed_trial_history *history,
                        const aed_trainer *trainer, int64_t sign);
/* The symptom that it is a sign of. */
aed_symptom aed_symptoms_kind(int64_t sign);
/* What it says, into text[AED_SYMPTOM_BYTES]; of a sign that shows at the history's last row. */
void aed_symptoms_text(const aed_symptoms *symptoms, const aed_trial_history *history,
                       const aed_trainer *trainer, int64_t sign, char *text);
/* Those that last at the last row, a line each without one at the end, for the caller to aed_free; ""
 * if there are none. NULL: out of memory. */
char *aed_symptoms_lines(const aed_symptoms *symptoms, const aed_trial_history *history,
                         const aed_trainer *trainer);

#endif
