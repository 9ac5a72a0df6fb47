/* A few chosen samples, looked at: what they are, their codes and what becomes of them. */
#ifndef AED_ANALYSIS_CHOSEN_H
#define AED_ANALYSIS_CHOSEN_H

#include "analysis/analysis.h"

/* The places of the `count` largest of keys[samples], in this order; of equals the first one; what is not a
 * number counts as infinity. Fails with AED_MEMORY. Not collective. */
aed_status aed_chosen_sort(int64_t samples, const float *keys, int64_t count, uint32_t *places);

/* Adds sample, clean, input, output and code of the samples at `places` of the walk's split (NULL: of
 * all samples of the walk, which was narrowed before), and, if `ablated`, the outputs with each channel
 * of the code zeroed. Every rank does all. Collective. */
aed_status aed_chosen_look(aed_analysis *analysis, aed_walk *walk, const uint32_t *places,
                           int64_t count, bool ablated);

#endif
