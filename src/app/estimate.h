/* What a job will take: time by a few measured steps, memory by what the process takes now. */
#ifndef AED_APP_ESTIMATE_H
#define AED_APP_ESTIMATE_H

#include "app/job.h"

typedef struct aed_estimate {
    double step;    /* seconds of a measured step, on one rank */
    double total;   /* seconds of all trials on one rank */
    double longest; /* seconds of the longest trial on one rank */
    double bytes;   /* of a rank, MPI and the libraries included */
} aed_estimate;

/* Trains a few steps of the most expensive trial on this rank. The rest follows from the numbers of
 * operations: three times the forward ones in training, once in evaluations. Writing results and
 * checkpoints is not in it. Fails with AED_DIVERGED if there is no step to be measured. Not
 * collective. */
aed_status aed_estimate_job(aed_job *job, aed_estimate *estimate);

/* Seconds of the job on `ranks` ranks, if no more than one worked on a trial. */
double aed_estimate_seconds(const aed_estimate *estimate, int64_t ranks);

#endif
