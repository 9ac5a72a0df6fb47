/* The loss with each channel of the code zeroed. Groups: base [1], loss [channels], channel. */
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/channels.h"
#include "core/memory.h"

typedef struct ablation {
    aed_channels channels;
    int64_t terms;
} ablation;

/* sums[1 + channels][terms]: of the whole code first. */
static void visit(void *self, aed_trainer *t, const aed_tile *tile, int64_t first,
                  const float *target, double *sums)
{
    ablation *a = self;
    (void)first;
    aed_model_forward(&t->model, t->params, t->workspace, tile);
    aed_trainer_losses(t, tile, target, sums);
    aed_channels_begin(&a->channels, t);
    for (int64_t c = 0; c < a->channels.code.channels; c++) {
        aed_channels_without(&a->channels, t, tile, c);
        aed_trainer_losses(t, tile, target, sums + (1 + c) * a->terms);
    }
    aed_channels_end(&a->channels, t);
}

aed_status aed_analyse_ablation(aed_analysis *analysis)
{
    aed_trainer *t = analysis->trainer;
    const aed_evaluation_spec samples = aed_analysis_samples(analysis->spec);
    ablation a = {.terms = t->term_count};
    aed_walk walk;
    const double *sums;
    aed_status status = aed_walk_create(t, &samples, false, &walk);
    if (status == AED_OK) status = aed_channels_create(t, &a.channels);
    AED_TRY(aed_dist_agree(&t->comm, status));
    const int64_t channels = a.channels.code.channels, count = walk.pass.split.samples;
    AED_TRY(aed_walk_run(t, &walk, (1 + channels) * a.terms, visit, &a, &sums));
    const aed_shape one = aed_analysis_row(1), each = aed_analysis_row(channels);
    double *base = aed_analysis_add(analysis, "base", "", AED_NUMBER_F64, &one, &status);
    double *loss = aed_analysis_add(analysis, "loss", "", AED_NUMBER_F64, &each, &status);
    if (!base || !loss) goto done;
    *base = aed_trainer_weigh(t, sums, count);
    for (int64_t c = 0; c < channels; c++)
        loss[c] = aed_trainer_weigh(t, sums + (1 + c) * a.terms, count);
done:
    aed_channels_destroy(&a.channels);
    aed_walk_destroy(&walk);
    return status;
}
