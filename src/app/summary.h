/* What is written of a trial, gathered: its result, or the part of it that a checkpoint has so far. */
#ifndef AED_APP_SUMMARY_H
#define AED_APP_SUMMARY_H

#include "analysis/analysis.h"
#include "app/job.h"
#include "train/trial.h"

enum { AED_SUMMARY_SCALARS = 10 };

typedef struct aed_trial_summary {
    aed_trial_result result; /* points into the job, the training and: */
    char *resolved, *reason;
    aed_result_setting *settings;
    const char *names[AED_SUMMARY_SCALARS];
    double scalars[AED_SUMMARY_SCALARS];
    int64_t scalar_count;
    aed_result_array *arrays;
} aed_trial_summary;

/* The trial's swept settings as results hold them, for the caller to aed_free. */
aed_status aed_summary_settings(const aed_trial *trial, aed_result_setting **settings);

/* How a stored trial ended: AED_OK, AED_DIVERGED or AED_DATA. */
aed_status aed_summary_outcome(const aed_trial_result *result);

/* `outcome` is how the trial ended, AED_STOPPED for one on its way; the message of a failure is the
 * last one. Destroy in any case. Not collective. */
aed_status aed_summary_create(aed_job *job, int64_t trial, const aed_training *training,
                              const aed_analyses *analyses, aed_status outcome,
                              aed_trial_summary *summary);
void aed_summary_destroy(aed_trial_summary *summary);

#endif
