/* The training loop: epochs of steps, a row of metrics every so many epochs. All that it knows between
 * two steps is listed in trial_state.c, so that it can be left there and taken up again. */
#include "train/trial.h"

#include <math.h>
#include <string.h>

#include "core/clock.h"
#include "core/memory.h"
#include "kernel/kernels.h"

static aed_status make_layer_norms(aed_training *training)
{
    training->layer_norm_count = aed_trainer_layer_norms(training->trainer, NULL);
    training->layer_norms = aed_alloc((size_t)training->layer_norm_count,
                                      sizeof *training->layer_norms);
    return training->layer_norms ? AED_OK : aed_fail(AED_MEMORY, "out of memory for a trial");
}

aed_status aed_training_create(aed_trainer *trainer, aed_training *training)
{
    *training = (aed_training){.trainer = trainer, .kept_loss = NAN};
    aed_status status = aed_history_create(trainer, &training->history);
    training->epoch_details = aed_alloc((size_t)aed_history_details(trainer), sizeof(double));
    if (status == AED_OK && !training->epoch_details)
        status = aed_fail(AED_MEMORY, "out of memory for a trial");
    if (status == AED_OK)
        status = aed_choice_create(trainer, &training->history, &training->choice);
    if (status == AED_OK) status = aed_symptoms_create(trainer, &training->symptoms);
    if (status == AED_OK && trainer->config->metrics_layer_norms)
        status = make_layer_norms(training);
    if (status == AED_OK) status = aed_snapshots_create(trainer, &training->snapshots);
    status = aed_dist_agree(&trainer->comm, status);
    if (status != AED_OK) aed_training_destroy(training);
    return status;
}

void aed_training_destroy(aed_training *training)
{
    aed_history_destroy(&training->history);
    aed_choice_destroy(&training->choice);
    aed_symptoms_destroy(&training->symptoms);
    aed_free(training->layer_norms);
    aed_snapshots_destroy(&training->snapshots);
    aed_free(training->epoch_details);
    memset(training, 0, sizeof *training);
}

/* ---- Epochs ----------------------------------------------------------------------------------- */

static void begin_epoch(aed_training *training)
{
    aed_trainer_begin_epoch(training->trainer, training->history.epochs + 1);
    training->epoch_loss = 0;
    training->epoch_samples = 0;
    for (int64_t i = 0; i < aed_history_details(training->trainer); i++)
        training->epoch_details[i] = 0;
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
        aed_history_add(trainer, &trainer->passes[AED_PASS_TRAIN], (double)count,
                        training->epoch_details);
        if (trainer->watch && trainer->watch->save_due && trainer->step < trainer->steps)
            observer->save(observer->self);
    }
    return AED_OK;
}

/* The validation loss of other parameters than the trained ones. */
static aed_status evaluate_with(aed_trainer *trainer, float *params, double *loss)
{
    float *own = trainer->params;
    trainer->params = params;
    const aed_status status = aed_trainer_evaluate(trainer, &trainer->passes[AED_PASS_VAL], loss);
    trainer->params = own;
    return status;
}

static double dead_share(const aed_trainer *trainer)
{
    int64_t dead = 0;
    for (int64_t i = 0; i < trainer->unit_count; i++) dead += trainer->passes[AED_PASS_VAL].dead[i];
    return (double)dead / (double)trainer->unit_count;
}

/* In the order of aed_history_extras' columns. */
static void put_extras(const aed_training *training, double *row)
{
    const aed_trainer *trainer = training->trainer;
    const aed_config *config = trainer->config;
    if (config->metrics_norms) *row++ = aed_trainer_parameter_norm(trainer);
    if (config->metrics_dead_units) *row++ = dead_share(trainer);
    if (config->metrics_skill) *row++ = aed_symptoms_skill(&training->symptoms, trainer);
    if (config->metrics_code_dimension) *row++ = trainer->look.code_dimension;
    for (int64_t i = 0; i < training->layer_norm_count; i++) *row++ = training->layer_norms[i];
}

/* Evaluates every pass but the training's, whose sums are there, into the next row. */
static aed_status record_row(aed_training *training)
{
    aed_trainer *trainer = training->trainer;
    aed_trial_history *history = &training->history;
    const int64_t columns = history->metrics.column_count;
    double *row = history->values + history->metrics.rows * columns;
    int64_t at = AED_FIXED_COLUMNS;
    for (int64_t i = 0; i < columns; i++) row[i] = 0;
    if (trainer->ema) { /* first, as what an evaluation leaves shall be that of the trained ones */
        const aed_status status = evaluate_with(trainer, trainer->ema, &row[history->results - 1]);
        if (status != AED_OK) return status;
    }
    row[AED_COLUMN_GRAD_NORM] = training->gradient_norm;
    row[AED_COLUMN_TRAIN_LOSS] = training->epoch_loss / (double)training->epoch_samples;
    for (int64_t i = 0; i < aed_history_details(trainer); i++)
        row[at++] = training->epoch_details[i] / (double)training->epoch_samples;
    for (int64_t i = AED_PASS_VAL; i < trainer->pass_count; i++) {
        aed_pass *pass = &trainer->passes[i];
        double loss;
        const aed_status status = aed_trainer_evaluate(trainer, pass, &loss);
        if (status != AED_OK) return status;
        row[i == AED_PASS_VAL ? AED_COLUMN_VAL_LOSS : at++] = loss;
        at += aed_history_add(trainer, pass, 1, row + at);
    }
    put_extras(training, row + history->results);
    training->evaluated = true;
    row[AED_COLUMN_EPOCH] = (double)trainer->epoch;
    row[AED_COLUMN_LR] = trainer->lr;
    row[AED_COLUMN_TIME] = training->seconds_before + aed_clock_seconds() - training->start;
    history->metrics.rows++;
    return AED_OK;
}

static void take_norms(aed_training *training)
{
    training->gradient_norm = aed_trainer_gradient_norm(training->trainer);
    if (training->layer_norms) aed_trainer_layer_norms(training->trainer, training->layer_norms);
}

static aed_status take_snapshot(aed_training *training, int64_t epoch, const aed_observer *observer)
{
    const int64_t before = training->snapshots.count;
    const aed_status status = aed_snapshots_take(training->trainer, epoch, &training->snapshots);
    if (training->snapshots.count > before && observer && observer->snapshot)
        observer->snapshot(observer->self);
    return status;
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
    progress.recorded = aed_history_records(config, epoch);
    if (progress.recorded) {
        /* The gradient is gone if the job was stopped between the last step and here. */
        if (!taken_up) take_norms(training);
        status = record_row(training);
        if (status != AED_OK) return status;
        aed_choice_heed(&training->choice, history, trainer);
        if (aed_symptoms_heed(&training->symptoms, history, trainer) && epoch < config->epochs)
            training->choice.ended = 1;
        progress.row = history->values +
                       (history->metrics.rows - 1) * history->metrics.column_count;
        progress.val_loss = progress.row[AED_COLUMN_VAL_LOSS];
    }
    if (aed_snapshots_due(&training->snapshots, config, epoch)) {
        status = take_snapshot(training, epoch, observer);
        if (status != AED_OK) return status;
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

/* The weights that the config keeps take the place of the last epoch's, and their loss is found: of the
 * validation's accuracy, confusion matrix and dead units too, it is the last word. Those of a trial
 * that was taken up at its end are found anew. May be done again. */
static aed_status keep_weights(aed_training *training)
{
    aed_trainer *trainer = training->trainer;
    const float *kept = aed_choice_kept(&training->choice, trainer);
    double loss;
    if (kept == trainer->params)
        return training->evaluated
                   ? AED_OK
                   : aed_trainer_evaluate(trainer, &trainer->passes[AED_PASS_VAL], &loss);
    memcpy(trainer->params, kept, sizeof(float) * (size_t)trainer->model.parameter_block);
    return aed_trainer_evaluate(trainer, &trainer->passes[AED_PASS_VAL], &training->kept_loss);
}

aed_status aed_training_run(aed_training *training, const aed_observer *observer)
{
    aed_trainer *trainer = training->trainer;
    aed_trial_history *history = &training->history;
    aed_status status = AED_OK;
    const unsigned environment = aed_float_pin();
    training->start = aed_clock_seconds();
    if (history->epochs == 0 && trainer->epoch == 0) status = take_snapshot(training, 0, observer);
    if (status == AED_OK) status = aed_symptoms_begin(&training->symptoms, trainer);
    while (status == AED_OK && !training->choice.ended &&
           history->epochs < trainer->config->epochs) {
        if (trainer->epoch == history->epochs) begin_epoch(training);
        status = run_epoch(training, observer);
    }
    if (status == AED_OK) status = take_snapshot(training, history->epochs, observer);
    if (status == AED_OK) status = keep_weights(training);
    history->seconds = aed_training_seconds(training);
    aed_float_restore(environment);
    return status;
}

double aed_training_seconds(const aed_training *training)
{
    return training->seconds_before + aed_clock_seconds() - training->start;
}
