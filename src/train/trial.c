/* The training loop: epochs of steps, a row of metrics every so many epochs. All that it knows between
 * two steps is listed in describe_state(), so that it can be left there and taken up again. */
#include "train/trial.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/memory.h"
#include "kernel/kernels.h"

/* The first columns of the metrics. The training's and the validation's terms follow if there are
 * several, their accuracies if there is a loss on labels, then each further evaluation's loss, terms
 * and accuracy. */
enum { EPOCH, TRAIN_LOSS, VAL_LOSS, LR, GRAD_NORM, TIME, FIXED_COLUMNS };

static const char *const fixed_names[FIXED_COLUMNS] = {"epoch", "train_loss", "val_loss",
                                                       "lr",    "grad_norm",  "time_s"};

/* Columns of a pass beside its loss. */
static int64_t details(const aed_trainer *trainer)
{
    return (trainer->term_count > 1 ? trainer->term_count : 0) + (trainer->classifier >= 0);
}

static void name_column(aed_trial_history *history, const char *pass, const char *what)
{
    const int64_t at = history->metrics.column_count++;
    snprintf(history->names[at], sizeof *history->names, "%.48s%s%.96s", pass, pass[0] ? "_" : "",
             what);
    history->columns[at] = history->names[at];
}

static void name_details(const aed_trainer *trainer, const aed_pass *pass,
                         aed_trial_history *history)
{
    for (int64_t i = 0; trainer->term_count > 1 && i < trainer->term_count; i++)
        name_column(history, pass->name, trainer->terms[i].name);
    if (trainer->classifier >= 0) name_column(history, pass->name, "accuracy");
}

static int64_t row_room(const aed_config *config)
{
    return config->epochs / config->metrics_every + 2;
}

static aed_status create_history(const aed_trainer *trainer, aed_trial_history *history)
{
    const int64_t columns = FIXED_COLUMNS + trainer->pass_count * (details(trainer) + 1);
    const int64_t rows = row_room(trainer->config);
    history->names = aed_alloc((size_t)columns, sizeof *history->names);
    history->columns = aed_alloc((size_t)columns, sizeof *history->columns);
    history->values = aed_alloc((size_t)rows, sizeof(double) * (size_t)columns);
    if (!history->names || !history->columns || !history->values)
        return aed_fail(AED_MEMORY,
                        "out of memory for %" PRId64 " rows of metrics; raise metrics.every", rows);
    for (int i = 0; i < FIXED_COLUMNS; i++) name_column(history, "", fixed_names[i]);
    for (int64_t i = 0; i < trainer->pass_count; i++) {
        const aed_pass *pass = &trainer->passes[i];
        if (i >= AED_PASS_FIRST_OWN) name_column(history, pass->name, "loss");
        name_details(trainer, pass, history);
    }
    history->metrics.names = history->columns;
    history->metrics.values = history->values;
    return AED_OK;
}

aed_status aed_training_create(aed_trainer *trainer, aed_training *training)
{
    *training = (aed_training){.trainer = trainer};
    aed_status status = create_history(trainer, &training->history);
    training->epoch_details = aed_alloc((size_t)details(trainer), sizeof(double));
    if (status == AED_OK && !training->epoch_details)
        status = aed_fail(AED_MEMORY, "out of memory for a trial");
    status = aed_dist_agree(&trainer->comm, status);
    if (status != AED_OK) aed_training_destroy(training);
    return status;
}

void aed_training_destroy(aed_training *training)
{
    aed_free(training->history.names);
    aed_free(training->history.columns);
    aed_free(training->history.values);
    aed_free(training->epoch_details);
    memset(training, 0, sizeof *training);
}

/* ---- Epochs ----------------------------------------------------------------------------------- */

/* Adds weight times the terms and accuracy of a pass to values; returns their number. */
static int64_t add_details(const aed_trainer *trainer, const aed_pass *pass, double weight,
                           double *values)
{
    int64_t count = 0;
    for (int64_t i = 0; trainer->term_count > 1 && i < trainer->term_count; i++)
        values[count++] += weight * pass->terms[i];
    if (trainer->classifier >= 0) values[count++] += weight * pass->accuracy;
    return count;
}

static void begin_epoch(aed_training *training)
{
    aed_trainer_begin_epoch(training->trainer, training->history.epochs + 1);
    training->epoch_loss = 0;
    training->epoch_samples = 0;
    for (int64_t i = 0; i < details(training->trainer); i++) training->epoch_details[i] = 0;
}

/* The rest of the epoch's steps. */
static aed_status train_steps(aed_training *training, const aed_observer *observer)
{
    aed_trainer *trainer = training->trainer;
    while (trainer->step < trainer->steps) {
        double loss;
        int64_t count;
        aed_status status = aed_trainer_step(trainer, &loss, &count);
        if (status != AED_OK) return status;
        training->epoch_loss += loss * (double)count;
        training->epoch_samples += count;
        add_details(trainer, &trainer->passes[AED_PASS_TRAIN], (double)count,
                    training->epoch_details);
        if (trainer->watch && trainer->watch->save_due && trainer->step < trainer->steps)
            observer->save(observer->self);
    }
    return AED_OK;
}

/* Evaluates every pass but the training's, whose sums are there, into the next row. */
static aed_status record_row(aed_training *training)
{
    aed_trainer *trainer = training->trainer;
    aed_trial_history *history = &training->history;
    const int64_t columns = history->metrics.column_count;
    double *row = history->values + history->metrics.rows * columns;
    int64_t at = FIXED_COLUMNS;
    for (int64_t i = 0; i < columns; i++) row[i] = 0;
    row[GRAD_NORM] = training->gradient_norm;
    row[TRAIN_LOSS] = training->epoch_loss / (double)training->epoch_samples;
    for (int64_t i = 0; i < details(trainer); i++)
        row[at++] = training->epoch_details[i] / (double)training->epoch_samples;
    for (int64_t i = AED_PASS_VAL; i < trainer->pass_count; i++) {
        aed_pass *pass = &trainer->passes[i];
        double loss;
        const aed_status status = aed_trainer_evaluate(trainer, pass, &loss);
        if (status != AED_OK) return status;
        row[i == AED_PASS_VAL ? VAL_LOSS : at++] = loss;
        at += add_details(trainer, pass, 1, row + at);
    }
    row[EPOCH] = (double)trainer->epoch;
    row[LR] = trainer->lr;
    row[TIME] = training->seconds_before + aed_clock_seconds() - training->start;
    history->metrics.rows++;
    return AED_OK;
}

/* The rest of the epoch that stands in the trainer, its row if it has one, and what it means. */
static aed_status run_epoch(aed_training *training, const aed_observer *observer)
{
    aed_trainer *trainer = training->trainer;
    aed_trial_history *history = &training->history;
    const aed_config *config = trainer->config;
    const int64_t epoch = trainer->epoch;
    const bool taken_up = trainer->step == trainer->steps;
    aed_status status = train_steps(training, observer);
    if (status != AED_OK) return status;
    aed_progress progress = {.epoch = epoch, .epochs = config->epochs, .val_loss = NAN};
    progress.recorded = epoch == 1 || epoch == config->epochs || epoch % config->metrics_every == 0;
    if (progress.recorded) {
        /* The gradient is gone if the job was stopped between the last step and here. */
        if (!taken_up) training->gradient_norm = aed_trainer_gradient_norm(trainer);
        status = record_row(training);
        if (status != AED_OK) return status;
        progress.row = history->values +
                       (history->metrics.rows - 1) * history->metrics.column_count;
        progress.val_loss = progress.row[VAL_LOSS];
    }
    history->epochs = epoch;
    history->samples += training->epoch_samples;
    progress.train_loss = training->epoch_loss / (double)training->epoch_samples;
    if (observer) {
        observer->epoch(observer->self, &progress);
        if (trainer->watch && trainer->watch->save_due) observer->save(observer->self);
    }
    return AED_OK;
}

aed_status aed_training_run(aed_training *training, const aed_observer *observer)
{
    aed_trainer *trainer = training->trainer;
    aed_trial_history *history = &training->history;
    aed_status status = AED_OK;
    const unsigned environment = aed_float_pin();
    training->start = aed_clock_seconds();
    while (status == AED_OK && history->epochs < trainer->config->epochs) {
        if (trainer->epoch == history->epochs) begin_epoch(training);
        status = run_epoch(training, observer);
    }
    history->seconds = aed_training_seconds(training);
    aed_float_restore(environment);
    return status;
}

double aed_training_seconds(const aed_training *training)
{
    return training->seconds_before + aed_clock_seconds() - training->start;
}

/* ---- State ------------------------------------------------------------------------------------ */

/* Everything that a step reads and an earlier step wrote, but for the parameters. */
static int64_t describe_state(aed_training *training, aed_state_array *arrays)
{
    aed_trainer *t = training->trainer;
    aed_trial_history *history = &training->history;
    const int64_t columns = history->metrics.column_count;
    const aed_state_array all[AED_TRAINING_STATES] = {
        {"epoch", AED_STATE_I64, 1, &t->epoch},
        {"step", AED_STATE_I64, 1, &t->step},
        {"epochs", AED_STATE_I64, 1, &history->epochs},
        {"samples", AED_STATE_I64, 1, &history->samples},
        {"rows", AED_STATE_I64, 1, &history->metrics.rows},
        {"metrics", AED_STATE_F64, history->metrics.rows * columns, history->values},
        {"epoch_loss", AED_STATE_F64, 1, &training->epoch_loss},
        {"epoch_samples", AED_STATE_I64, 1, &training->epoch_samples},
        {"epoch_details", AED_STATE_F64, details(t), training->epoch_details},
        {"gradient_norm", AED_STATE_F64, 1, &training->gradient_norm},
        {"lr", AED_STATE_F64, 1, &t->lr},
        {"seconds", AED_STATE_F64, 1, &training->seconds_before},
        {"optimizer_step", AED_STATE_I64, 1, &t->scalars.step},
        {"optimizer_scalars", AED_STATE_F64, AED_OPTIM_MAX_SCALARS, t->scalars.value},
        {"optimizer_state", AED_STATE_F32, t->optim->state_blocks * t->model.parameter_block,
         t->state},
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
    return (size_t)array->count * (array->type == AED_STATE_F32 ? sizeof(float) : sizeof(double));
}

static aed_status unfit(const char *what)
{
    return aed_fail(AED_DATA, "checkpoint: its %s does not fit this trial", what);
}

/* The array of that name in a checkpoint, NULL without. */
static const aed_state_array *find_state(const aed_trial_result *saved, const char *name)
{
    for (int64_t i = 0; i < saved->state_count; i++)
        if (strcmp(saved->states[i].name, name) == 0) return &saved->states[i];
    return NULL;
}

static aed_status take_number(const aed_trial_result *saved, const char *name, int64_t most,
                              int64_t *number)
{
    const aed_state_array *array = find_state(saved, name);
    if (!array || array->type != AED_STATE_I64 || array->count != 1) return unfit(name);
    memcpy(number, array->values, sizeof *number);
    return *number >= 0 && *number <= most ? AED_OK : unfit(name);
}

static aed_status check_state(const aed_training *training, const aed_trial_result *saved,
                              int64_t *rows)
{
    const aed_trainer *t = training->trainer;
    aed_status status;
    int64_t epoch, epochs, step;
    AED_TRY(take_number(saved, "epochs", t->config->epochs, &epochs));
    AED_TRY(take_number(saved, "epoch", t->config->epochs, &epoch));
    AED_TRY(take_number(saved, "step", t->steps, &step));
    AED_TRY(take_number(saved, "rows", row_room(t->config), rows));
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
    AED_TRY(check_state(training, saved, &training->history.metrics.rows));
    const int64_t count = describe_state(training, own);
    for (int64_t i = 0; i < count; i++) {
        const aed_state_array *array = find_state(saved, own[i].name);
        if (!array || array->type != own[i].type || array->count != own[i].count)
            AED_TRY(unfit(own[i].name));
    }
    for (int64_t i = 0; i < count; i++)
        memcpy(own[i].values, find_state(saved, own[i].name)->values, state_bytes(&own[i]));
    for (int64_t i = 0; i < saved->tensor_count; i++)
        memcpy(t->params + t->model.tensors[i].offset, saved->parameters + saved->tensors[i].offset,
               sizeof(float) * (size_t)aed_shape_count(&saved->tensors[i].shape));
    if (t->epoch > 0) {
        const int64_t step = t->step;
        aed_trainer_begin_epoch(t, t->epoch);
        t->step = step;
    }
done:
    return status;
}
