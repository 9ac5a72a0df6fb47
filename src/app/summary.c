/* See summary.h. */
#include "app/summary.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"

aed_status aed_summary_settings(const aed_trial *trial, aed_result_setting **settings)
{
    const int64_t count = trial->setting_count;
    aed_result_setting *made = aed_alloc((size_t)count, sizeof *made);
    if (!made) return aed_fail(AED_MEMORY, "out of memory for a trial's result");
    for (int64_t i = 0; i < count; i++)
        made[i] = (aed_result_setting){trial->settings[i].axis, trial->settings[i].text,
                                       trial->settings[i].number};
    *settings = made;
    return AED_OK;
}

aed_status aed_summary_outcome(const aed_trial_result *result)
{
    if (strcmp(result->status, "failed") != 0) return AED_OK;
    return strcmp(result->failure, "data") == 0 ? AED_DATA : AED_DIVERGED;
}

static void add_scalar(aed_trial_summary *summary, const char *name, double value)
{
    summary->names[summary->scalar_count] = name;
    summary->scalars[summary->scalar_count++] = value;
}

/* What was decided at recorded epochs. */
static void add_choice(const aed_training *training, aed_trial_summary *summary)
{
    const aed_choice *choice = &training->choice;
    if (choice->best_epoch > 0) add_scalar(summary, "best_epoch", (double)choice->best_epoch);
    if (choice->column >= 0 || choice->ended)
        add_scalar(summary, "stopped_early", (double)choice->ended);
    if (!isnan(training->kept_loss)) add_scalar(summary, "kept_val_loss", training->kept_loss);
}

/* What the last validation left besides its loss: counts of samples, true class down, taken for across;
 * for each relu's units 1 if it is dead; and the snapshots. */
static aed_status add_arrays(const aed_training *training, const aed_analyses *analyses,
                             aed_trial_summary *summary)
{
    const aed_trainer *trainer = training->trainer;
    const aed_pass *pass = &trainer->passes[AED_PASS_VAL];
    const int64_t *dead = pass->dead;
    int64_t count = 0;
    const int64_t analysed = analyses ? analyses->count : 0;
    summary->arrays = aed_alloc((size_t)(trainer->units_count + 1 + AED_SNAPSHOT_ARRAYS + analysed),
                                sizeof *summary->arrays);
    if (!summary->arrays) return aed_fail(AED_MEMORY, "out of memory for a trial's result");
    if (pass->confusion)
        summary->arrays[count++] = (aed_result_array){
            "analysis",
            "confusion",
            "",
            AED_NUMBER_I64,
            {2, {trainer->data->classes, trainer->terms[trainer->classifier].features}},
            pass->confused};
    for (int64_t i = 0; pass->units && i < trainer->units_count; dead += trainer->units[i++].count)
        summary->arrays[count++] = (aed_result_array){
            "analysis",     trainer->units[i].name,         "",
            AED_NUMBER_I64, {1, {trainer->units[i].count}}, dead};
    count += aed_snapshots_arrays(&training->snapshots, &trainer->model, summary->arrays + count);
    if (analysed > 0)
        memcpy(summary->arrays + count, analyses->arrays,
               (size_t)analysed * sizeof *analyses->arrays);
    count += analysed;
    summary->result.array_count = count;
    return AED_OK;
}

aed_status aed_summary_create(aed_job *job, int64_t trial, const aed_training *training,
                              const aed_analyses *analyses, aed_status outcome,
                              aed_trial_summary *summary)
{
    aed_status status;
    const aed_plan *plan = &job->plans[trial];
    const aed_trial *source = &job->list.trials[trial];
    const aed_trial_history *history = &training->history;
    const aed_trainer *trainer = training->trainer;
    const bool failed = outcome != AED_OK && outcome != AED_STOPPED;
    *summary = (aed_trial_summary){0};
    add_scalar(summary, "tile", (double)plan->tile);
    add_scalar(summary, "leaf", (double)plan->leaf);
    add_scalar(summary, "data_mark", plan->data_mark);
    add_scalar(summary, "program_mark", job->program_mark);
    add_choice(training, summary);
    summary->reason = outcome == AED_OK ? aed_symptoms_lines(&training->symptoms, history, trainer)
                                        : aed_strdup(failed ? aed_status_message() : "");
    if (!summary->reason) return aed_fail(AED_MEMORY, "out of memory for a trial's result");
    if (outcome != AED_STOPPED) {
        (void)aed_job_floors(job, plan->code_size); /* an extra: without it they are NAN */
        const double skill = aed_symptoms_skill(&training->symptoms, trainer);
        if (outcome == AED_OK && !isnan(skill)) add_scalar(summary, "skill", skill);
        if (!isnan(job->mean_floor)) {
            add_scalar(summary, "mean_floor", job->mean_floor);
            add_scalar(summary, "pca_floor", job->pca_floor);
        }
    }
    AED_TRY(aed_summary_settings(source, &summary->settings));
    AED_TRY(aed_config_resolve(&source->config, plan->tile, plan->leaf, &summary->resolved));
    summary->result = (aed_trial_result){
        .status = failed                   ? "failed"
                  : outcome == AED_STOPPED ? "running"
                                           : "done",
        .reason = summary->reason,
        .failure = !failed               ? ""
                   : outcome == AED_DATA ? "data"
                                         : "diverged",
        .seed = source->config.seed,
        .epochs = history->epochs,
        .seconds = history->seconds,
        .samples_per_second = history->seconds > 0 ? (double)history->samples / history->seconds
                                                   : 0,
        .resolved = summary->resolved,
        .setting_count = source->setting_count,
        .settings = summary->settings,
        .metrics = history->metrics,
        .scalar_count = summary->scalar_count,
        .scalar_names = summary->names,
        .scalar_values = summary->scalars,
        .tensor_count = trainer->model.tensor_count,
        .tensors = trainer->model.tensors,
        .parameters = trainer->params,
    };
    if (outcome != AED_STOPPED) {
        AED_TRY(add_arrays(training, analyses, summary));
        summary->result.arrays = summary->arrays;
    }
    memcpy(summary->result.id, plan->id, sizeof summary->result.id);
    if (outcome != AED_STOPPED)
        aed_weights_hash(summary->result.tensors, summary->result.tensor_count,
                         summary->result.parameters, summary->result.weights_hash);
done:
    return status;
}

void aed_summary_destroy(aed_trial_summary *summary)
{
    aed_free(summary->resolved);
    aed_free(summary->reason);
    aed_free(summary->settings);
    aed_free(summary->arrays);
    memset(summary, 0, sizeof *summary);
}
