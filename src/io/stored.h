/* The ended trials of a run, read from its ledger without disturbing the run or changing anything; or
 * the one of a checkpoint.
 * Nothing here is collective. */
#ifndef AED_IO_STORED_H
#define AED_IO_STORED_H

#include "io/ledger.h"
#include "io/trial_record.h"

typedef struct aed_stored aed_stored;

/* Opens the run in `folder` (or a ledger or a checkpoint by its own path) as it is now; what a job adds
 * later is not seen. Fails with AED_DATA, AED_MEMORY. */
aed_status aed_stored_open(const char *folder, aed_stored **stored);
/* Takes a pointer to NULL. */
void aed_stored_close(aed_stored **stored);

/* Of a checkpoint: nothing is wrong. */
const aed_ledger_health *aed_stored_health(const aed_stored *stored);

/* Number of trials, and the latest result of trial `index`, in the order in which they first ended; its
 * parameters and its arrays' values may be NULL: they stay in the ledger. */
int64_t aed_stored_count(const aed_stored *stored);
const aed_trial_result *aed_stored_trial(const aed_stored *stored, int64_t index);

/* The trial whose id begins with `text`; NULL or "" will do if there is one only. Fails with AED_CONFIG, naming what there is, if none or
 * several do. */
aed_status aed_stored_find(const aed_stored *stored, const char *text, int64_t *index);

/* Trial `index` with its parameters, which are checked against its weights_hash (a checkpoint has a
 * checksum of its own); destroy the record. The status of one from a checkpoint is "running".
 * Fails with AED_DATA, AED_MEMORY. */
aed_status aed_stored_read(aed_stored *stored, int64_t index, aed_trial_record **record);

#endif
