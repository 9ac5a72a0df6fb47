/* The first recorded epoch at which a metric is at or below a level: NAN if it never is. Of one
 * that gets better by rising, at or above. */
#include <math.h>
#include <string.h>

#include "analysis/analysis.h"
#include "train/history.h"

static const char *metric_name(const aed_spec *spec)
{
    const aed_arg_value *metric = aed_spec_value(spec, "metric");
    return metric->count > 0 ? metric->strings[0] : "val_loss";
}

aed_status aed_check_epochs_to(const aed_spec *spec, const aed_trainer *trainer)
{
    aed_trial_history history = {0};
    aed_status status = aed_history_create(trainer, &history);
    if (status == AED_OK && aed_history_column(&history, metric_name(spec)) < 0)
        status = aed_fail(AED_CONFIG,
                          "%s: '%.100s' is no metric of this training; val_loss is always one",
                          spec->where, metric_name(spec));
    aed_history_destroy(&history);
    return status;
}

static double first_epoch(const aed_metrics *metrics, const char *name, double level)
{
    int64_t column = 0, epoch = 0;
    while (column < metrics->column_count && strcmp(metrics->names[column], name) != 0) column++;
    while (epoch < metrics->column_count && strcmp(metrics->names[epoch], "epoch") != 0) epoch++;
    if (column == metrics->column_count || epoch == metrics->column_count) return NAN;
    for (int64_t i = 0; i < metrics->rows; i++) {
        const double *row = metrics->values + i * metrics->column_count;
        if (aed_metric_rises(name) ? row[column] >= level : row[column] <= level) return row[epoch];
    }
    return NAN;
}

aed_status aed_analyse_epochs_to(aed_analysis *analysis)
{
    const aed_arg_value *levels = aed_spec_value(analysis->spec, "levels");
    const aed_shape row = aed_analysis_row(levels->count);
    aed_status status = AED_OK;
    double *level = aed_analysis_add(analysis, "level", "", AED_NUMBER_F64, &row, &status);
    double *epoch = aed_analysis_add(analysis, "epoch", "", AED_NUMBER_F64, &row, &status);
    if (!level || !epoch) return status;
    for (int64_t i = 0; i < levels->count; i++) {
        level[i] = levels->numbers[i];
        epoch[i] = first_epoch(analysis->metrics, metric_name(analysis->spec), level[i]);
    }
    return AED_OK;
}
