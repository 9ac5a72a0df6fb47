/* The columns and rows of a trial's metrics; see history.h. */
#include "train/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"

static const char *const fixed_names[AED_FIXED_COLUMNS] = {"epoch", "train_loss", "val_loss",
                                                           "lr",    "grad_norm",  "time_s"};

int64_t aed_history_details(const aed_trainer *trainer)
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

static void name_extras(const aed_trainer *trainer, aed_trial_history *history)
{
    const aed_config *config = trainer->config;
    char name[96];
    if (config->metrics_norms) name_column(history, "", "param_norm");
    if (config->metrics_dead_units) name_column(history, "", "dead_units");
    if (config->metrics_skill) name_column(history, "", "skill");
    if (config->metrics_code_dimension) name_column(history, "", "code_dimension");
    if (!config->metrics_layer_norms) return;
    for (int64_t i = 0; i < aed_trainer_layer_norms(trainer, NULL); i++) {
        const int layer = aed_trainer_normed_layer(trainer, i);
        snprintf(name, sizeof name, "grad_norm.%.60s", trainer->model.layers[layer].spec->path);
        name_column(history, "", name);
    }
}

int64_t aed_history_room(const aed_config *config)
{
    return config->epochs / config->metrics_every + 2;
}

aed_status aed_history_create(const aed_trainer *trainer, aed_trial_history *history)
{
    const int64_t columns = AED_FIXED_COLUMNS +
                            trainer->pass_count * (aed_history_details(trainer) + 1) +
                            (trainer->ema != NULL) + aed_history_extras(trainer);
    const int64_t rows = aed_history_room(trainer->config);
    history->names = aed_alloc((size_t)columns, sizeof *history->names);
    history->columns = aed_alloc((size_t)columns, sizeof *history->columns);
    history->values = aed_alloc((size_t)rows, sizeof(double) * (size_t)columns);
    if (!history->names || !history->columns || !history->values)
        return aed_fail(AED_MEMORY,
                        "out of memory for %" PRId64 " rows of metrics; raise metrics.every", rows);
    for (int i = 0; i < AED_FIXED_COLUMNS; i++) name_column(history, "", fixed_names[i]);
    for (int64_t i = 0; i < trainer->pass_count; i++) {
        const aed_pass *pass = &trainer->passes[i];
        if (i >= AED_PASS_FIRST_OWN) name_column(history, pass->name, "loss");
        name_details(trainer, pass, history);
    }
    if (trainer->ema) name_column(history, "ema", "val_loss");
    name_extras(trainer, history);
    history->results = history->metrics.column_count - aed_history_extras(trainer);
    history->metrics.names = history->columns;
    history->metrics.values = history->values;
    return AED_OK;
}

void aed_history_destroy(aed_trial_history *history)
{
    aed_free(history->names);
    aed_free(history->columns);
    aed_free(history->values);
    memset(history, 0, sizeof *history);
}

int64_t aed_history_extras(const aed_trainer *trainer)
{
    const aed_config *config = trainer->config;
    return config->metrics_norms + config->metrics_dead_units + config->metrics_skill +
           config->metrics_code_dimension +
           (config->metrics_layer_norms ? aed_trainer_layer_norms(trainer, NULL) : 0);
}

bool aed_history_records(const aed_config *config, int64_t epoch)
{
    return epoch == 1 || epoch == config->epochs || epoch % config->metrics_every == 0;
}

int64_t aed_history_column(const aed_trial_history *history, const char *name)
{
    for (int64_t i = AED_COLUMN_TRAIN_LOSS; i < history->metrics.column_count; i++) {
        const bool is_result = i <= AED_COLUMN_VAL_LOSS ||
                               (i >= AED_FIXED_COLUMNS && i < history->results);
        if (is_result && strcmp(history->columns[i], name) == 0) return i;
    }
    return -1;
}

int64_t aed_history_add(const aed_trainer *trainer, const aed_pass *pass, double weight,
                        double *values)
{
    int64_t count = 0;
    for (int64_t i = 0; trainer->term_count > 1 && i < trainer->term_count; i++)
        values[count++] += weight * pass->terms[i];
    if (trainer->classifier >= 0) values[count++] += weight * pass->accuracy;
    return count;
}
