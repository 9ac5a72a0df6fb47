/* What is found out about a trained model; the kinds and their arguments are in config/analyses.h.
 *
 * An analysis is one file with one function and one row in the table of analysis.c. It walks over
 * samples (train/walk.h) and leaves arrays, the same on all ranks and on any number of them. */
#ifndef AED_ANALYSIS_ANALYSIS_H
#define AED_ANALYSIS_ANALYSIS_H

#include "core/buffer.h"
#include "io/results.h"
#include "train/walk.h"

/* The arrays that a trial's analyses left: what results hold below /trials/<id>/analysis. */
typedef struct aed_analyses {
    aed_pool pool; /* owns all that follows */
    aed_result_array *arrays;
    int64_t count, room;
} aed_analyses;

/* Looks whether what the config asks for can be done with this model and these data, before any
 * training. Not collective. Fails with AED_CONFIG, AED_MEMORY. */
aed_status aed_analyses_check(const aed_trainer *trainer);

/* Does the config's analyses with the trainer's parameters; `metrics` are the recorded ones. destroy in
 * any case. Fails alike: AED_CONFIG, AED_DATA, AED_MEMORY, AED_STOPPED. Collective. */
aed_status aed_analyses_run(aed_trainer *trainer, const aed_metrics *metrics,
                            aed_analyses *analyses);
void aed_analyses_destroy(aed_analyses *analyses);

/* ---- Between the files of analysis/ ---- */

/* One analysis at work. */
typedef struct aed_analysis {
    aed_trainer *trainer;
    const aed_metrics *metrics;
    const aed_spec *spec;
    aed_analyses *results;
} aed_analysis;

/* Adds an array "analysis/<kind>/name" of zeros and returns its values; NULL when memory is short or
 * it would have more than 2^31 - 1 numbers: aed_status_message() says which, and *status has it. `along`
 * names the array of this analysis that counts its first dimension, "" for none. */
void *aed_analysis_add(aed_analysis *analysis, const char *name, const char *along,
                       aed_number_type type, const aed_shape *shape, aed_status *status);

/* Whether such an array may be added, so that it can be told before any training: AED_CONFIG if not. */
aed_status aed_analysis_fits(const aed_spec *spec, const char *name, const aed_shape *shape);

/* [count], [count][sample's shape] and [a][b][sample's shape]; what is too much for a shape becomes one
 * dimension. */
aed_shape aed_analysis_row(int64_t count);
aed_shape aed_analysis_rows(int64_t count, const aed_shape *sample);
aed_shape aed_analysis_grid(int64_t a, int64_t b, const aed_shape *sample);

/* The samples that arguments called split and corrupt (if the kind has them) ask for. */
aed_evaluation_spec aed_analysis_samples(const aed_spec *spec);
/* How many of them arguments called `samples` and `count` ask for: at most all. */
int64_t aed_analysis_count(const aed_spec *spec, const aed_split *split);
/* Chooses those. */
aed_status aed_analysis_choose(const aed_spec *spec, aed_walk *walk);

/* The code of a model: its shape, and how it divides into channels (the first dimension). */
typedef struct aed_code {
    aed_shape shape;
    int64_t features, channels, per_channel;
} aed_code;
aed_code aed_analysis_code(const aed_model *model);
/* The same of the output of a layer, -1: the input. */
aed_code aed_analysis_tap(const aed_model *model, int layer);
/* The shape of a model's output. */
const aed_shape *aed_analysis_output(const aed_model *model);

/* The function of each kind, and what may be wrong with its arguments before (NULL: nothing). */
typedef aed_status (*aed_analysis_run)(aed_analysis *analysis);
typedef aed_status (*aed_analysis_check)(const aed_spec *spec, const aed_trainer *trainer);

/* Of those that change the code: it has to be something else than the input. */
aed_status aed_check_code(const aed_spec *spec, const aed_trainer *trainer);
aed_status aed_analyse_ablation(aed_analysis *analysis);
aed_status aed_analyse_assemble(aed_analysis *analysis);
aed_status aed_check_assemble(const aed_spec *spec, const aed_trainer *trainer);
aed_status aed_analyse_code_confusion(aed_analysis *analysis);
aed_status aed_check_code_confusion(const aed_spec *spec, const aed_trainer *trainer);
aed_status aed_check_labels(const aed_spec *spec, const aed_trainer *trainer);
aed_status aed_analyse_decode(aed_analysis *analysis);
aed_status aed_check_decode(const aed_spec *spec, const aed_trainer *trainer);
aed_status aed_analyse_encode(aed_analysis *analysis);
aed_status aed_analyse_epochs_to(aed_analysis *analysis);
aed_status aed_check_epochs_to(const aed_spec *spec, const aed_trainer *trainer);
aed_status aed_analyse_filters(aed_analysis *analysis);
aed_status aed_analyse_pca(aed_analysis *analysis);
aed_status aed_check_pca(const aed_spec *spec, const aed_trainer *trainer);
aed_status aed_analyse_probe(aed_analysis *analysis);
aed_status aed_check_probe(const aed_spec *spec, const aed_trainer *trainer);
aed_status aed_analyse_products(aed_analysis *analysis);
aed_status aed_check_products(const aed_spec *spec, const aed_trainer *trainer);
aed_status aed_analyse_reconstruct(aed_analysis *analysis);
/* Of those that keep samples, `count` of them at most. */
aed_status aed_check_chosen(const aed_spec *spec, const aed_trainer *trainer);
aed_status aed_analyse_robustness(aed_analysis *analysis);
aed_status aed_analyse_shared_point(aed_analysis *analysis);
aed_status aed_check_shared_point(const aed_spec *spec, const aed_trainer *trainer);
aed_status aed_analyse_stride_power(aed_analysis *analysis);
aed_status aed_check_stride_power(const aed_spec *spec, const aed_trainer *trainer);
aed_status aed_analyse_worst(aed_analysis *analysis);

#endif
