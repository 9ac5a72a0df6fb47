/* --sbatch: a job script for Slurm, fitted to what the job will take. */
#ifndef AED_APP_SBATCH_H
#define AED_APP_SBATCH_H

#include "app/job.h"

/* Checks --nodes, --ranks and --time. Fails with AED_CONFIG. */
aed_status aed_sbatch_check(aed_sbatch_options *options);

/* Measures a few steps and prints the script. For rank 0 alone; not collective. */
aed_status aed_sbatch_print(aed_job *job, const aed_options *options);

#endif
