/* Codes of samples. */
#ifndef AED_ANALYSIS_ENCODE_H
#define AED_ANALYSIS_ENCODE_H

#include "analysis/analysis.h"

/* Codes of the walk's samples into codes[samples][features of the code], and their labels[samples] unless
 * it is NULL, on all ranks. Fails as a walk does. Collective. */
aed_status aed_encode(aed_trainer *trainer, aed_walk *walk, float *codes, int64_t *labels);

#endif
