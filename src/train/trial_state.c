/* What a trial knows between two steps, listed in one table; see trial.h. */
#include <string.h>

#include "core/clock.h"
#include "io/trial_record.h"
#include "train/trial.h"

/* Everything that a step reads and an earlier step wrote, but for the parameters. */
static int64_t describe_state(aed_training *training, aed_state_array *arrays)
{
    aed_trainer *t = training->trainer;
    aed_trial_history *history = &training->history;
    aed_choice *choice = &training->choice;
    aed_symptoms *signs = &training->symptoms;
    aed_snapshots *shots = &training->snapshots;
    const int64_t shown = shots->count * shots->samples,
                  samples = shots->count ? shots->samples : 0;
    const int64_t columns = history->metrics.column_count;
    const aed_state_array all[AED_TRAINING_STATES] = {
        {"epoch", AED_NUMBER_I64, 1, &t->epoch},
        {"step", AED_NUMBER_I64, 1, &t->step},
        {"epochs", AED_NUMBER_I64, 1, &history->epochs},
        {"samples", AED_NUMBER_I64, 1, &history->samples},
        {"rows", AED_NUMBER_I64, 1, &history->metrics.rows},
        {"metrics", AED_NUMBER_F64, history->metrics.rows * columns, history->values},
        {"epoch_loss", AED_NUMBER_F64, 1, &training->epoch_loss},
        {"epoch_samples", AED_NUMBER_I64, 1, &training->epoch_samples},
        {"epoch_details", AED_NUMBER_F64, aed_history_details(t), training->epoch_details},
        {"gradient_norm", AED_NUMBER_F64, 1, &training->gradient_norm},
        {"lr", AED_NUMBER_F64, 1, &t->lr},
        {"seconds", AED_NUMBER_F64, 1, &training->seconds_before},
        {"optimizer_step", AED_NUMBER_I64, 1, &t->scalars.step},
        {"optimizer_scalars", AED_NUMBER_F64, AED_OPTIM_MAX_SCALARS, t->scalars.value},
        {"optimizer_state", AED_NUMBER_F32, t->optim->state_blocks * t->model.parameter_block,
         t->state},
        {"schedule", AED_NUMBER_F64, AED_SCHEDULE_STATES, t->schedule.state},
        {"ema", AED_NUMBER_F32, t->ema ? t->model.parameter_block : 0, t->ema},
        {"best_loss", AED_NUMBER_F64, 1, &choice->best_loss},
        {"best_epoch", AED_NUMBER_I64, 1, &choice->best_epoch},
        {"best", AED_NUMBER_F32, choice->best ? t->model.parameter_block : 0, choice->best},
        {"watched_best", AED_NUMBER_F64, 1, &choice->watched_best},
        {"watched_epoch", AED_NUMBER_I64, 1, &choice->watched_epoch},
        {"ended", AED_NUMBER_I64, 1, &choice->ended},
        {"layer_norms", AED_NUMBER_F64, training->layer_norm_count, training->layer_norms},
        {"symptoms_since", AED_NUMBER_I64, signs->count, signs->since},
        {"symptoms_told", AED_NUMBER_I64, signs->count, signs->told},
        {"symptoms_zero", AED_NUMBER_I64, 1, &signs->zero},
        {"symptoms_skill", AED_NUMBER_F64, 1, &signs->skill},
        {"snapshots", AED_NUMBER_I64, 1, &shots->count},
        {"snapshot_epochs", AED_NUMBER_I64, shots->count, shots->epochs},
        {"snapshot_clean", AED_NUMBER_F32, samples * shots->inputs, shots->clean},
        {"snapshot_input", AED_NUMBER_F32, samples * shots->inputs, shots->input},
        {"snapshot_outputs", AED_NUMBER_F32, shown * shots->outputs, shots->output},
        {"snapshot_codes", AED_NUMBER_F32, shown * shots->codes, shots->code},
    };
    memcpy(arrays, all, sizeof all);
    return AED_TRAINING_STATES;
}

int64_t aed_training_state(aed_training *training, aed_state_array *arrays)
{
    const double now = aed_clock_seconds();
    training->seconds_before += now - training->start;
    training->start = now;
    return describe_state(training, arrays);
}

static size_t state_bytes(const aed_state_array *array)
{
    return (size_t)array->count * (array->type == AED_NUMBER_F32 ? sizeof(float) : sizeof(double));
}

static aed_status unfit(const char *what)
{
    return aed_fail(AED_DATA, "checkpoint: its %s does not fit this trial", what);
}

static aed_status take_number(const aed_trial_result *saved, const char *name, int64_t most,
                              int64_t *number)
{
    const aed_state_array *array = aed_trial_record_state(saved, name);
    if (!array || array->type != AED_NUMBER_I64 || array->count != 1) return unfit(name);
    memcpy(number, array->values, sizeof *number);
    return *number >= 0 && *number <= most ? AED_OK : unfit(name);
}

static aed_status check_state(const aed_training *training, const aed_trial_result *saved,
                              int64_t *rows, int64_t *snapshots)
{
    const aed_trainer *t = training->trainer;
    aed_status status;
    int64_t epoch = 0, epochs = 0, step = 0;
    AED_TRY(take_number(saved, "epochs", t->config->epochs, &epochs));
    AED_TRY(take_number(saved, "epoch", t->config->epochs, &epoch));
    AED_TRY(take_number(saved, "step", t->steps, &step));
    AED_TRY(take_number(saved, "rows", aed_history_room(t->config), rows));
    AED_TRY(take_number(saved, "snapshots", training->snapshots.room, snapshots));
    if (epoch < epochs || epoch > epochs + 1) AED_TRY(unfit("epoch"));
    if (saved->tensor_count != t->model.tensor_count) AED_TRY(unfit("number of parameters"));
    for (int64_t i = 0; i < saved->tensor_count; i++) {
        const aed_tensor *own = &t->model.tensors[i], *other = &saved->tensors[i];
        if (strcmp(own->name, other->name) != 0 || own->shape.rank != other->shape.rank ||
            memcmp(own->shape.size, other->shape.size,
                   sizeof *own->shape.size * (size_t)own->shape.rank) != 0)
            AED_TRY(unfit(own->name));
    }
done:
    return status;
}

aed_status aed_training_restore(aed_training *training, const aed_trial_result *saved)
{
    aed_trainer *t = training->trainer;
    aed_status status;
    aed_state_array own[AED_TRAINING_STATES];
    AED_TRY(
        check_state(training, saved, &training->history.metrics.rows, &training->snapshots.count));
    const int64_t count = describe_state(training, own);
    for (int64_t i = 0; i < count; i++) {
        const aed_state_array *array = aed_trial_record_state(saved, own[i].name);
        if (!array || array->type != own[i].type || array->count != own[i].count)
            AED_TRY(unfit(own[i].name));
    }
    for (int64_t i = 0; i < count; i++)
        if (own[i].count > 0)
            memcpy(own[i].values, aed_trial_record_state(saved, own[i].name)->values,
                   state_bytes(&own[i]));
    for (int64_t i = 0; i < saved->tensor_count; i++)
        memcpy(t->params + t->model.tensors[i].offset, saved->parameters + saved->tensors[i].offset,
               sizeof(float) * (size_t)aed_shape_count(&saved->tensors[i].shape));
    if (t->epoch > 0) {
        const int64_t step = t->step;
        aed_trainer_begin_epoch(t, t->epoch);
        t->step = step;
    }
done:
    if (status != AED_OK) training->history.metrics.rows = training->snapshots.count = 0;
    return status;
}
