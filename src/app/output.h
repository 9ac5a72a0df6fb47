/* The folder of a job's results. */
#ifndef AED_APP_OUTPUT_H
#define AED_APP_OUTPUT_H

#include "app/job.h"

/* Opens `folder` as the run of the job's trials and writes config.yaml. Refuses one that holds finished
 * trials of another config, as aed_run_open does one that is no run. `command` is the line that was
 * typed, `hosts` where the job runs. Rank 0 only. */
aed_status aed_output_open(const aed_job *job, const char *folder, const char *command,
                           const char *hosts, aed_run **run);

#endif
