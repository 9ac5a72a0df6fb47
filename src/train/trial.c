/* The training loop: epochs of steps, a row of metrics every so many epochs. */
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

static aed_status create_record(const aed_trainer *trainer, aed_trial_history *history)
{
    const aed_config *config = trainer->config;
    const int64_t columns = FIXED_COLUMNS + trainer->pass_count * (details(trainer) + 1);
    const int64_t rows = config->epochs / config->metrics_every + 2;
    memset(history, 0, sizeof *history);
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

void aed_trial_history_destroy(aed_trial_history *history)
{
    aed_free(history->names);
    aed_free(history->columns);
    aed_free(history->values);
    memset(history, 0, sizeof *history);
}

/* Sums of an epoch's steps: the loss, then what details() counts, each weighted by samples. */
typedef struct epoch_sums {
    double loss;
    int64_t samples;
    double *details;
} epoch_sums;

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

static aed_status train_epoch(aed_trainer *trainer, int64_t epoch, epoch_sums *sums)
{
    sums->loss = 0;
    sums->samples = 0;
    for (int64_t i = 0; i < details(trainer); i++) sums->details[i] = 0;
    aed_trainer_begin_epoch(trainer, epoch);
    for (int64_t step = 0; step < trainer->steps; step++) {
        double loss;
        int64_t count;
        aed_status status = aed_trainer_step(trainer, &loss, &count);
        if (status != AED_OK) return status;
        sums->loss += loss * (double)count;
        sums->samples += count;
        add_details(trainer, &trainer->passes[AED_PASS_TRAIN], (double)count, sums->details);
    }
    return AED_OK;
}

/* Evaluates every pass but the training's, whose sums are there, into the next row. */
static aed_status record_row(aed_trainer *trainer, const epoch_sums *sums, double seconds,
                             aed_trial_history *history)
{
    const int64_t columns = history->metrics.column_count;
    double *row = history->values + history->metrics.rows * columns;
    int64_t at = FIXED_COLUMNS;
    for (int64_t i = 0; i < columns; i++) row[i] = 0;
    row[GRAD_NORM] = aed_trainer_gradient_norm(trainer);
    row[TRAIN_LOSS] = sums->loss / (double)sums->samples;
    for (int64_t i = 0; i < details(trainer); i++)
        row[at++] = sums->details[i] / (double)sums->samples;
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
    row[TIME] = seconds;
    history->metrics.rows++;
    return AED_OK;
}

static aed_status run_epochs(aed_trainer *trainer, const aed_observer *observer, double start,
                             double *details, aed_trial_history *history)
{
    const int64_t epochs = trainer->config->epochs, every = trainer->config->metrics_every;
    aed_progress progress = {.epochs = epochs, .val_loss = NAN};
    for (int64_t epoch = 1; epoch <= epochs; epoch++) {
        epoch_sums sums = {.details = details};
        aed_status status = train_epoch(trainer, epoch, &sums);
        if (status != AED_OK) return status;
        progress.recorded = epoch == 1 || epoch == epochs || epoch % every == 0;
        if (progress.recorded) {
            status = record_row(trainer, &sums, aed_clock_seconds() - start, history);
            if (status != AED_OK) return status;
            const double *row = history->values +
                                (history->metrics.rows - 1) * history->metrics.column_count;
            progress.val_loss = row[VAL_LOSS];
        }
        history->epochs = epoch;
        history->samples += sums.samples;
        progress.epoch = epoch;
        progress.train_loss = sums.loss / (double)sums.samples;
        if (observer) observer->epoch(observer->self, &progress);
    }
    return AED_OK;
}

aed_status aed_trial_run(aed_trainer *trainer, const aed_observer *observer,
                         aed_trial_history *history)
{
    aed_status status = create_record(trainer, history);
    double *sums = aed_alloc((size_t)details(trainer), sizeof *sums);
    if (status == AED_OK && !sums) status = aed_fail(AED_MEMORY, "out of memory for a trial");
    status = aed_dist_agree(&trainer->comm, status);
    if (status == AED_OK) {
        const unsigned environment = aed_float_pin();
        const double start = aed_clock_seconds();
        status = run_epochs(trainer, observer, start, sums, history);
        history->seconds = aed_clock_seconds() - start;
        aed_float_restore(environment);
    }
    aed_free(sums);
    return status;
}
