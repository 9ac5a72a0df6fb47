/* Filters matched across the seeds of a run. */
#ifndef AED_ANALYSIS_MATCHES_H
#define AED_ANALYSIS_MATCHES_H

#include "analysis/analysis.h"

/* A trained trial as far as it matters here. */
typedef struct aed_match_trial {
    int64_t row;   /* in /summary */
    int64_t group; /* trials of one group differ in the seed only; 0, 1 ... by first appearance */
    int64_t tensor_count;
    const aed_tensor *tensors; /* names, shapes, offsets into */
    const float *parameters;
} aed_match_trial;

/* Matches the filters of every convolution of each trial with those of the first of its group, the
 * reference. Adds to `matches`, below "analysis/filters":
 *   trial [trials] rows, group [trials];
 *   <layer>_order [trials][filters], <layer>_sign, <layer>_score: filter order[i] x sign[i] stands for
 *     filter i of the reference, with |cosine| score[i];
 *   <layer>_consistency [groups], <layer>_worst [groups]: over the other trials of the group, mean
 *     and least of a trial's mean score; NAN for a group of one.
 * Layers that not all trials have in one shape are left out, those with more than 64 filters too.
 * Fails with AED_MEMORY, AED_INTERNAL. Not collective. */
aed_status aed_matches_make(const aed_match_trial *trials, int64_t count, aed_analyses *matches);

#endif
