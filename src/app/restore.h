/* Stored trials brought back: their config, perhaps overridden, data, engine and parameters. */
#ifndef AED_APP_RESTORE_H
#define AED_APP_RESTORE_H

#include "aedist/data.h"
#include "config/config.h"
#include "io/stored.h"
#include "train/trainer.h"

/* What trials have in common: where they come from, and the data of the last one. */
typedef struct aed_restorer {
    aed_comm comm;
    aed_stored *stored; /* the caller's; NULL but on rank 0 */
    const char *const *overrides;
    int override_count;
    aed_trial_list data_list; /* of the trial whose data this is; none: count 0 */
    aed_source source;
    aed_dataset dataset;
} aed_restorer;

typedef struct aed_restored {
    aed_trial_list list; /* its config, unless the restorer's data_list has it */
    aed_config config;   /* a copy, with the evaluations: */
    aed_evaluation_spec *evaluations;
    aed_trainer trainer;
} aed_restored;

/* Makes the engine of stored trial `index` (rank 0's says which) with the trial's parameters. If its
 * data have both held-out and test samples, the evaluation `test` is added to those of its config.
 * `restored` must stay where it is. Fails with AED_CONFIG if an override does not fit the config or
 * changes the parameters' shapes, AED_DATA, AED_MEMORY. Collective; fails alike. */
aed_status aed_restorer_open(aed_restorer *restorer, int64_t index, aed_restored *restored);
/* Before the next one is opened. */
void aed_restored_close(aed_restored *restored);
/* Frees the data. */
void aed_restorer_destroy(aed_restorer *restorer);

#endif
