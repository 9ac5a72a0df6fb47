/* Which trials a merged run gets, and from where. */
#ifndef AED_APP_MERGE_H
#define AED_APP_MERGE_H

#include "app/job.h"
#include "io/stored.h"

/* A run that trials are taken from. */
typedef struct aed_merge_source {
    const char *folder;
    aed_stored *stored;
    int64_t done, failed; /* of its trials, those of the sweep */
    int64_t foreign;      /* of no trial of the sweep: left out */
} aed_merge_source;

typedef struct aed_merge_choice {
    int source; /* index, -1: no run has the trial */
    int64_t trial;
} aed_merge_choice;

/* Fills choices[job->list.count] with where each trial of the job is taken from: the first source that has
 * it as done, else the first that has it as failed. Fails with AED_DATA if a ledger is damaged, a trial
 * is not what its id says, was trained on other data or by another program than the rest, or was done in two sources
 * with different results; AED_MEMORY. Not collective. */
aed_status aed_merge_choose(const aed_job *job, aed_merge_source *sources, int source_count,
                            aed_merge_choice *choices);

#endif
