/* Trains the trials of a job and keeps their results. */
#ifndef AED_APP_RUN_H
#define AED_APP_RUN_H

#include "app/job.h"

/* Trains every trial that the ledger does not hold yet; rank 0 writes. `command` is the command line,
 * `start` the clock when the program started. Returns AED_OK, AED_DIVERGED if every trial failed,
 * AED_PARTIAL if some did, or what went wrong with the run as a whole. Collective. */
aed_status aed_app_run(aed_job *job, const aed_options *options, const char *command, double start);

#endif
