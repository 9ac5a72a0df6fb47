/* The training loop: epochs of steps, a row of metrics every so many epochs. */
#include "train/trial.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/memory.h"
#include "kernel/kernels.h"

/* Columns of the metrics; terms of the loss follow if there is more than one. */
enum { EPOCH, TRAIN_LOSS, VAL_LOSS, LR, GRAD_NORM, TIME, FIXED_COLUMNS };

static int64_t term_columns(const aed_config *config)
{
    return config->loss_count > 1 ? config->loss_count : 0;
}

static aed_status create_record(const aed_config *config, aed_trial_history *history)
{
    static const char *const fixed[FIXED_COLUMNS] = {"epoch", "train_loss", "val_loss",
                                                     "lr",    "grad_norm",  "time_s"};
    const int64_t terms = term_columns(config), columns = FIXED_COLUMNS + 2 * terms;
    memset(history, 0, sizeof *history);
    if (columns > (int64_t)(sizeof history->names / sizeof *history->names))
        return aed_fail(AED_CONFIG, "train.loss: %d terms are supported at most", 12);
    for (int64_t i = 0; i < FIXED_COLUMNS; i++)
        snprintf(history->names[i], sizeof *history->names, "%s", fixed[i]);
    for (int64_t i = 0; i < terms; i++) {
        const char *name = config->losses[i].spec.kind->name;
        snprintf(history->names[FIXED_COLUMNS + i], sizeof *history->names, "train_%.30s", name);
        snprintf(history->names[FIXED_COLUMNS + terms + i], sizeof *history->names, "val_%.30s",
                 name);
    }
    for (int64_t i = 0; i < columns; i++) history->name_list[i] = history->names[i];
    const int64_t rows = config->epochs / config->metrics_every + 2;
    history->values = aed_alloc((size_t)rows, sizeof(double) * (size_t)columns);
    if (!history->values)
        return aed_fail(AED_MEMORY,
                        "out of memory for %" PRId64 " rows of metrics; raise metrics.every", rows);
    history->metrics = (aed_metrics){
        .column_count = columns, .names = history->name_list, .values = history->values};
    return AED_OK;
}

void aed_trial_history_destroy(aed_trial_history *history)
{
    aed_free(history->values);
    memset(history, 0, sizeof *history);
}

/* Sums of an epoch: the loss and its terms, weighted by samples. */
typedef struct epoch_sums {
    double loss, terms[12];
    int64_t samples;
} epoch_sums;

static aed_status train_epoch(aed_trainer *trainer, int64_t epoch, epoch_sums *sums)
{
    const int64_t terms = term_columns(trainer->config);
    sums->loss = 0;
    sums->samples = 0;
    for (int64_t i = 0; i < terms; i++) sums->terms[i] = 0;
    aed_trainer_begin_epoch(trainer, epoch);
    for (int64_t step = 0; step < trainer->steps; step++) {
        double loss;
        int64_t count;
        aed_status status = aed_trainer_step(trainer, &loss, &count);
        if (status != AED_OK) return status;
        sums->loss += loss * (double)count;
        sums->samples += count;
        for (int64_t i = 0; i < terms; i++)
            sums->terms[i] += trainer->step_losses[i] * (double)count;
    }
    return AED_OK;
}

static aed_status record_row(aed_trainer *trainer, const epoch_sums *sums, double seconds,
                             aed_trial_history *history)
{
    const int64_t terms = term_columns(trainer->config);
    double *row = history->values + history->metrics.rows * history->metrics.column_count;
    double val_loss;
    row[GRAD_NORM] = aed_trainer_gradient_norm(trainer);
    aed_status status = aed_trainer_evaluate(trainer, &val_loss);
    if (status != AED_OK) return status;
    row[EPOCH] = (double)trainer->epoch;
    row[TRAIN_LOSS] = sums->loss / (double)sums->samples;
    row[VAL_LOSS] = val_loss;
    row[LR] = trainer->lr;
    row[TIME] = seconds;
    for (int64_t i = 0; i < terms; i++) {
        row[FIXED_COLUMNS + i] = sums->terms[i] / (double)sums->samples;
        row[FIXED_COLUMNS + terms + i] = trainer->step_losses[i];
    }
    history->metrics.rows++;
    return AED_OK;
}

static aed_status run_epochs(aed_trainer *trainer, const aed_observer *observer, double start,
                             aed_trial_history *history)
{
    const int64_t epochs = trainer->config->epochs, every = trainer->config->metrics_every;
    aed_progress progress = {.epochs = epochs, .val_loss = NAN};
    for (int64_t epoch = 1; epoch <= epochs; epoch++) {
        epoch_sums sums;
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
    aed_status status = aed_dist_agree(&trainer->comm, create_record(trainer->config, history));
    if (status != AED_OK) return status;
    const unsigned environment = aed_float_pin();
    const double start = aed_clock_seconds();
    status = run_epochs(trainer, observer, start, history);
    history->seconds = aed_clock_seconds() - start;
    aed_float_restore(environment);
    return status;
}
