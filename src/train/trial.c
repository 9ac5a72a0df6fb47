/* The training loop: epochs of steps, a row of metrics every so many epochs. */
#include "train/trial.h"

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

static aed_status create_record(const aed_config *config, aed_trial_record *record)
{
    static const char *const fixed[FIXED_COLUMNS] = {"epoch", "train_loss", "val_loss",
                                                     "lr",    "grad_norm",  "time_s"};
    const int64_t terms = term_columns(config), columns = FIXED_COLUMNS + 2 * terms;
    memset(record, 0, sizeof *record);
    if (columns > (int64_t)(sizeof record->names / sizeof *record->names))
        return aed_fail(AED_CONFIG, "train.loss: %d terms are supported at most", 12);
    for (int64_t i = 0; i < FIXED_COLUMNS; i++)
        snprintf(record->names[i], sizeof *record->names, "%s", fixed[i]);
    for (int64_t i = 0; i < terms; i++) {
        const char *name = config->losses[i].spec.kind->name;
        snprintf(record->names[FIXED_COLUMNS + i], sizeof *record->names, "train_%.30s", name);
        snprintf(record->names[FIXED_COLUMNS + terms + i], sizeof *record->names, "val_%.30s",
                 name);
    }
    for (int64_t i = 0; i < columns; i++) record->name_list[i] = record->names[i];
    const int64_t rows = config->epochs / config->metrics_every + 2;
    record->values = aed_alloc((size_t)rows, sizeof(double) * (size_t)columns);
    if (!record->values) return aed_fail(AED_MEMORY, "out of memory for the metrics of a trial");
    record->metrics = (aed_metrics){.column_count = columns, .names = record->name_list,
                                    .values = record->values};
    return AED_OK;
}

void aed_trial_record_destroy(aed_trial_record *record)
{
    aed_free(record->values);
    memset(record, 0, sizeof *record);
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
                             aed_trial_record *record)
{
    const int64_t terms = term_columns(trainer->config);
    double *row = record->values + record->metrics.rows * record->metrics.column_count;
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
    record->metrics.rows++;
    return AED_OK;
}

static aed_status run_epochs(aed_trainer *trainer, const aed_observer *observer, double start,
                             aed_trial_record *record)
{
    const int64_t epochs = trainer->config->epochs, every = trainer->config->metrics_every;
    aed_progress progress = {.epochs = epochs, .val_loss = NAN};
    for (int64_t epoch = 1; epoch <= epochs; epoch++) {
        epoch_sums sums;
        aed_status status = train_epoch(trainer, epoch, &sums);
        if (status != AED_OK) return status;
        progress.recorded = epoch == 1 || epoch == epochs || epoch % every == 0;
        if (progress.recorded) {
            status = record_row(trainer, &sums, aed_clock_seconds() - start, record);
            if (status != AED_OK) return status;
            const double *row = record->values +
                                (record->metrics.rows - 1) * record->metrics.column_count;
            progress.val_loss = row[VAL_LOSS];
        }
        record->epochs = epoch;
        record->samples += sums.samples;
        progress.epoch = epoch;
        progress.train_loss = sums.loss / (double)sums.samples;
        if (observer) observer->epoch(observer->self, &progress);
    }
    return AED_OK;
}

aed_status aed_trial_run(aed_trainer *trainer, const aed_observer *observer,
                         aed_trial_record *record)
{
    aed_status status = create_record(trainer->config, record);
    if (status != AED_OK) return status;
    const unsigned environment = aed_float_pin();
    const double start = aed_clock_seconds();
    status = run_epochs(trainer, observer, start, record);
    record->seconds = aed_clock_seconds() - start;
    aed_float_restore(environment);
    return status;
}
