/* The samples that come out worst: mean squared error of each, the largest first. */
#include "analysis/chosen.h"
#include "core/memory.h"
#include "dist/dist.h"

typedef struct errors {
    int64_t features;
    float *squared; /* [samples] mean squared error */
} errors;

static void visit(void *self, aed_trainer *t, const aed_tile *tile, int64_t first,
                  const float *target, double *sums)
{
    errors *e = self;
    const float *y = aed_model_forward(&t->model, t->params, t->workspace, tile);
    (void)sums;
    for (int lane = 0; lane < tile->valid; lane++) {
        double sum = 0;
        for (int64_t f = 0; f < e->features; f++) {
            const double d = (double)y[f * tile->lanes + lane] -
                             (double)target[f * tile->lanes + lane];
            sum += d * d;
        }
        e->squared[first + lane] = (float)(sum / (double)e->features);
    }
}

aed_status aed_analyse_worst(aed_analysis *analysis)
{
    aed_trainer *t = analysis->trainer;
    const aed_evaluation_spec samples = aed_analysis_samples(analysis->spec);
    errors e = {.features = t->features};
    uint32_t *places = NULL;
    aed_walk walk;
    const double *sums;
    aed_status status = aed_walk_create(t, &samples, false, &walk);
    const int64_t all = walk.pass.split.samples, wanted = aed_spec_int(analysis->spec, "count");
    const int64_t count = wanted < all ? wanted : all;
    e.squared = aed_alloc((size_t)all, sizeof *e.squared);
    places = aed_alloc((size_t)count, sizeof *places);
    if (status == AED_OK && (!e.squared || !places))
        status = aed_fail(AED_MEMORY, "out of memory for the errors of samples");
    AED_TRY(aed_dist_agree(&t->comm, status));
    AED_TRY(aed_walk_run(t, &walk, 0, visit, &e, &sums));
    AED_TRY(aed_walk_gather(t, &walk, 1, e.squared));
    status = aed_chosen_sort(all, e.squared, count, places);
    const aed_shape row = aed_analysis_row(count);
    double *loss = aed_analysis_add(analysis, "loss", "sample", AED_NUMBER_F64, &row, &status);
    AED_TRY(aed_dist_agree(&t->comm, status));
    for (int64_t i = 0; i < count; i++) loss[i] = (double)e.squared[places[i]];
    status = aed_chosen_look(analysis, &walk, places, count, false);
done:
    aed_free(e.squared);
    aed_free(places);
    aed_walk_destroy(&walk);
    return status;
}
