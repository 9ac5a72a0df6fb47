/* Codes of samples, with their labels if they have such; what a probe is trained on, too. */
#include "analysis/encode.h"

#include "core/memory.h"

typedef struct encoding {
    aed_code code;
    float *codes;  /* [samples][features] */
    float *labels; /* [samples]; NULL: not wanted */
} encoding;

static void visit(void *self, aed_trainer *t, const aed_tile *tile, int64_t first,
                  const float *target, double *sums)
{
    encoding *e = self;
    const aed_model *model = &t->model;
    (void)target;
    (void)sums;
    aed_model_forward(model, t->params, t->workspace, tile);
    aed_walk_read(aed_model_output(model, t->workspace, model->code_layer), e->code.features, tile,
                  e->codes + first * e->code.features);
    for (int lane = 0; e->labels && lane < tile->valid; lane++)
        e->labels[first + lane] = (float)t->labels[lane];
}

aed_status aed_encode(aed_trainer *trainer, aed_walk *walk, float *codes, int64_t *labels)
{
    const int64_t samples = walk->pass.split.samples;
    encoding e = {.code = aed_analysis_code(&trainer->model), .codes = codes};
    const double *sums;
    aed_status status = AED_OK;
    if (labels) e.labels = aed_alloc((size_t)samples, sizeof *e.labels);
    if (labels && !e.labels) status = aed_fail(AED_MEMORY, "out of memory for labels");
    AED_TRY(aed_dist_agree(&trainer->comm, status));
    AED_TRY(aed_walk_run(trainer, walk, 0, visit, &e, &sums));
    AED_TRY(aed_walk_gather(trainer, walk, e.code.features, e.codes));
    if (labels) AED_TRY(aed_walk_gather(trainer, walk, 1, e.labels));
    for (int64_t i = 0; labels && i < samples; i++) labels[i] = (int64_t)e.labels[i];
done:
    aed_free(e.labels);
    return status;
}

aed_status aed_analyse_encode(aed_analysis *analysis)
{
    aed_trainer *t = analysis->trainer;
    const aed_evaluation_spec samples = aed_analysis_samples(analysis->spec);
    const aed_code code = aed_analysis_code(&t->model);
    const bool labelled = t->data->classes > 0;
    aed_walk walk;
    int64_t *labels = NULL;
    aed_status status = aed_walk_create(t, &samples, labelled, &walk);
    if (status == AED_OK) status = aed_analysis_choose(analysis->spec, &walk);
    AED_TRY(aed_dist_agree(&t->comm, status));
    const int64_t count = walk.pass.split.samples;
    const aed_shape row = aed_analysis_row(count), rows = aed_analysis_rows(count, &code.shape);
    int64_t *places = aed_analysis_add(analysis, "sample", "", AED_NUMBER_I64, &row, &status);
    float *codes = aed_analysis_add(analysis, "code", "sample", AED_NUMBER_F32, &rows, &status);
    if (labelled)
        labels = aed_analysis_add(analysis, "label", "sample", AED_NUMBER_I64, &row, &status);
    AED_TRY(aed_dist_agree(&t->comm, status));
    for (int64_t i = 0; i < count; i++) places[i] = walk.places[i];
    status = aed_encode(t, &walk, codes, labels);
done:
    aed_walk_destroy(&walk);
    return status;
}
