/* Parameters of stored trials that trials begin with (`model.init_from`). */
#ifndef AED_TRAIN_INITIAL_H
#define AED_TRAIN_INITIAL_H

#include "config/config.h"
#include "dist/dist.h"
#include "io/trial_record.h"
#include "train/trainer.h"

/* All that a job's trials name, each once. */
typedef struct aed_initials {
    int64_t count;
    aed_trial_record **records;  /* owned */
    const char **runs, **trials; /* owned lists of the config's texts: where each is from */
} aed_initials;

/* Reads on rank 0 what the list's trials name and gives it to all; sets the weights of their
 * init_from. Fails alike: AED_CONFIG if there is no such trial, AED_DATA, AED_MEMORY; destroy in any
 * case. Collective. */
aed_status aed_initials_create(aed_trial_list *list, const aed_comm *comm, aed_initials *initials);
void aed_initials_destroy(aed_initials *initials);

/* Copies what `from` (of one of the list's trials; it may name nothing) asks for into the trainer's
 * parameters. Fails with AED_CONFIG, naming the parameter, if one is missing or of another shape. Not
 * collective; all ranks do the same. */
aed_status aed_initials_apply(const aed_initials *initials, const aed_init_from *from,
                              aed_trainer *trainer);

#endif
