/* Decisions at recorded epochs; see choice.h. */
#include "train/choice.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"

/* "unknown metric ...", with those that there are. */
static aed_status unknown_metric(const aed_early_stopping *early, const aed_trial_history *history)
{
    char names[512];
    size_t at = 0;
    names[0] = '\0';
    for (int64_t i = 0; i < history->metrics.column_count && at < sizeof names; i++)
        if (aed_history_column(history, history->columns[i]) >= 0)
            at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", at ? ", " : "",
                                   history->columns[i]);
    return aed_fail(AED_CONFIG, "%s: '%.100s' is no metric of this training; use one of %s",
                    early->where, early->metric, names);
}

aed_status aed_choice_create(const aed_trainer *trainer, const aed_trial_history *history,
                             aed_choice *choice)
{
    const aed_early_stopping *early = &trainer->config->early_stopping;
    *choice = (aed_choice){.best_loss = INFINITY, .column = -1};
    if (early->patience > 0) {
        choice->column = aed_history_column(history, early->metric);
        if (choice->column < 0) return unknown_metric(early, history);
        choice->higher = aed_metric_rises(early->metric);
        choice->watched_best = choice->higher ? -INFINITY : INFINITY;
    }
    if (trainer->config->keep == AED_KEEP_BEST) {
        choice->best = aed_alloc_aligned((size_t)trainer->model.parameter_block, sizeof(float));
        if (!choice->best) return aed_fail(AED_MEMORY, "out of memory for a trial's best weights");
    }
    return AED_OK;
}

void aed_choice_destroy(aed_choice *choice)
{
    aed_free(choice->best);
    memset(choice, 0, sizeof *choice);
}

bool aed_choice_betters(double value, double best, double min_delta, bool higher)
{
    return higher ? value > best + min_delta : value < best - min_delta;
}

static void keep_best(aed_choice *choice, double loss, int64_t epoch, const aed_trainer *trainer)
{
    if (!(loss < choice->best_loss)) return;
    choice->best_loss = loss;
    choice->best_epoch = epoch;
    if (choice->best)
        memcpy(choice->best, trainer->params,
               sizeof(float) * (size_t)trainer->model.parameter_block);
}

static void watch(aed_choice *choice, double value, int64_t epoch, const aed_early_stopping *early)
{
    if (aed_choice_betters(value, choice->watched_best, early->min_delta, choice->higher)) {
        choice->watched_best = value;
        choice->watched_epoch = epoch;
    } else if (epoch - choice->watched_epoch >= early->patience) {
        choice->ended = 1;
    }
}

void aed_choice_heed(aed_choice *choice, const aed_trial_history *history, aed_trainer *trainer)
{
    const int64_t columns = history->metrics.column_count, rows = history->metrics.rows;
    const double *row = history->values + (rows - 1) * columns;
    const double before = rows > 1 ? row[AED_COLUMN_EPOCH - columns] : 0;
    const int64_t epoch = (int64_t)row[AED_COLUMN_EPOCH];
    keep_best(choice, row[AED_COLUMN_VAL_LOSS], epoch, trainer);
    aed_schedule_observe(&trainer->schedule, row[AED_COLUMN_VAL_LOSS], epoch - (int64_t)before);
    if (choice->column >= 0 && epoch < trainer->config->epochs)
        watch(choice, row[choice->column], epoch, &trainer->config->early_stopping);
}

const float *aed_choice_kept(const aed_choice *choice, const aed_trainer *trainer)
{
    switch (trainer->config->keep) {
    case AED_KEEP_BEST: return choice->best;
    case AED_KEEP_MEAN: return trainer->ema;
    case AED_KEEP_LAST: break;
    }
    return trainer->params;
}
