/* Set-ups that cannot work, or seldom do, found before any training. */
#ifndef AED_TRAIN_CHECKS_H
#define AED_TRAIN_CHECKS_H

#include "train/trainer.h"

enum { AED_FINDING_BYTES = 640 };

/* What `rule` says of a planned trainer, into text[AED_FINDING_BYTES]: place, what is wrong, remedy; ""
 * if nothing. Looks at the training targets only where the intervals leave a doubt; targets that cannot
 * be made pass, as the training will say why. Fails with AED_MEMORY. Not collective. */
aed_status aed_check_find(const aed_trainer *trainer, aed_check rule, char *text);

/* ---- targets.c, for the rules ---- */

/* What the training targets are, by looking at them: at all, or at as many of the first ones as make
 * 2^24 values. */
typedef struct aed_targets {
    int64_t samples;    /* that were looked at */
    aed_interval range; /* of all values */
    double *mean;       /* [features] */
} aed_targets;
/* Fails with AED_DATA, AED_MEMORY; destroy in any case. */
aed_status aed_targets_look(const aed_dataset *data, aed_targets *targets);
void aed_targets_destroy(aed_targets *targets);
/* Two means of the loss `term` over these samples and their elements: if every output is the number in
 * `reach` that is nearest to its target, which is the least that outputs there can have (the losses of
 * the registry grow with the distance on either side); and if every output is the targets' mean. Fails
 * with AED_DATA, AED_MEMORY. */
aed_status aed_targets_floors(const aed_dataset *data, const aed_targets *targets,
                              const aed_term *term, aed_interval reach, double *nearest,
                              double *mean);

#endif
