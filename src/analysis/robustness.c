/* The loss by the noise of the input: train.corrupt with another std for its first gaussian, or a
 * gaussian of its own before it. Over a sweep of training noises: a grid of train by test noise. */
#include <string.h>

#include "analysis/analysis.h"
#include "core/memory.h"
#include "dist/dist.h"

/* The config's corruptions with the gaussian's std first; its place in the list if it has one. */
static aed_status prepare(const aed_trainer *t, aed_pass *pass, aed_corruption **gaussian)
{
    *gaussian = NULL;
    for (int i = 0; i < pass->corruption_count && !*gaussian; i++)
        if (strcmp(pass->corruptions[i].ops->kind.name, "gaussian") == 0)
            *gaussian = &pass->corruptions[i];
    if (*gaussian) return AED_OK;
    static const aed_arg_value zero = {.given = true};
    const aed_spec spec = {
        .kind = &aed_corruption_find("gaussian")->kind, .values = &zero, .where = "robustness"};
    const int count = pass->corruption_count;
    aed_corruption *list = aed_alloc((size_t)count + 1, sizeof *list);
    if (!list) return aed_fail(AED_MEMORY, "out of memory for corruptions");
    if (count > 0) memcpy(list + 1, pass->corruptions, (size_t)count * sizeof *list);
    aed_free(pass->corruptions);
    pass->corruptions = list;
    pass->corruption_count = count + 1;
    *gaussian = list;
    const aed_status status = aed_corruption_prepare(&spec, list);
    if (status == AED_OK)
        aed_corruptions_key(list, count + 1, t->config->seed, "evaluate.analysis.corrupt", 0);
    return status;
}

static void visit(void *self, aed_trainer *t, const aed_tile *tile, int64_t first,
                  const float *target, double *sums)
{
    (void)self;
    (void)first;
    aed_model_forward(&t->model, t->params, t->workspace, tile);
    aed_trainer_losses(t, tile, target, sums);
}

aed_status aed_analyse_robustness(aed_analysis *analysis)
{
    aed_trainer *t = analysis->trainer;
    const aed_arg_value *levels = aed_spec_value(analysis->spec, "noise");
    const aed_shape row = aed_analysis_row(levels->count);
    aed_evaluation_spec samples = aed_analysis_samples(analysis->spec);
    aed_corruption *gaussian = NULL;
    aed_walk walk;
    samples.corrupt_as_train = true;
    aed_status status = aed_walk_create(t, &samples, false, &walk);
    if (status == AED_OK) status = prepare(t, &walk.pass, &gaussian);
    AED_TRY(aed_dist_agree(&t->comm, status));
    double *noise = aed_analysis_add(analysis, "noise", "", AED_NUMBER_F64, &row, &status);
    double *loss = aed_analysis_add(analysis, "loss", "", AED_NUMBER_F64, &row, &status);
    AED_TRY(aed_dist_agree(&t->comm, status));
    for (int64_t i = 0; i < levels->count; i++) {
        const double *sums;
        noise[i] = levels->numbers[i];
        gaussian->settings[0] = (float)noise[i];
        AED_TRY(aed_walk_run(t, &walk, t->term_count, visit, NULL, &sums));
        loss[i] = aed_trainer_weigh(t, sums, walk.pass.split.samples);
    }
done:
    aed_walk_destroy(&walk);
    return status;
}
