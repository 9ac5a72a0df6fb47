/* The kinds of analyses: what `analysis:` may ask for. How each is done is for src/analysis. */
#ifndef AED_CONFIG_ANALYSES_H
#define AED_CONFIG_ANALYSES_H

#include "aedist/spec.h"

/* In the order in which they run and are written. */
typedef enum aed_analysis_kind {
    AED_ANALYSIS_ABLATION,
    AED_ANALYSIS_ASSEMBLE,
    AED_ANALYSIS_CODE_CONFUSION,
    AED_ANALYSIS_DECODE,
    AED_ANALYSIS_ENCODE,
    AED_ANALYSIS_EPOCHS_TO,
    AED_ANALYSIS_FILTERS,
    AED_ANALYSIS_PCA,
    AED_ANALYSIS_PROBE,
    AED_ANALYSIS_PRODUCTS,
    AED_ANALYSIS_RECONSTRUCT,
    AED_ANALYSIS_ROBUSTNESS,
    AED_ANALYSIS_SHARED_POINT,
    AED_ANALYSIS_STRIDE_POWER,
    AED_ANALYSIS_WORST,
    AED_ANALYSIS_COUNT
} aed_analysis_kind;

/* The table, by aed_analysis_kind. */
const aed_kind *aed_analysis_kind_of(int index);

#endif
