/* results.h5 from what a run knows. */
#ifndef AED_IO_RESULTS_FILE_H
#define AED_IO_RESULTS_FILE_H

#include <hdf5.h>
#include <stdbool.h>

#include "io/hdf5.h"
#include "io/results.h"

/* One row of /summary: a planned trial, an ended one, or both. */
typedef struct aed_result_row {
    const char *id;
    uint64_t seed;
    int64_t setting_count;
    const aed_result_setting *settings;
    const aed_trial_result *result; /* NULL: not ended */
    bool running;
} aed_result_row;

/* Writes /sweep and /summary. */
aed_status aed_results_write_summary(aed_hdf5 *file, hid_t root, const aed_result_row *rows,
                                     int64_t count);
/* Writes group `parent`/analysis, if the result has anything for it. */
aed_status aed_results_write_analysis(aed_hdf5 *file, hid_t parent, const aed_trial_result *result);
/* Writes group `trials`/<id> with metrics, parameters and analysis. */
aed_status aed_results_write_trial(aed_hdf5 *file, hid_t trials, const aed_trial_result *result);

#endif
