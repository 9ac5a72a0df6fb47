/* aedist eval: what stored models reach, on their own data or on others. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/restore.h"
#include "config/text.h"
#include "core/memory.h"
#include "io/json.h"
#include "kernel/kernels.h"
#include "train/measure.h"

static const char help[] =
    "Usage: [mpirun -np N] aedist eval RUN|CHECKPOINT [TRIAL] [key.path=value ...] [--json]\n"
    "\n"
    "Evaluates the trained models of the run in the folder RUN, as its ledger has them: all "
    "trials\n"
    "that are done, or the one whose id begins with TRIAL; or the model of a checkpoint. Prints "
    "the metrics of the validation, "
    "of\n"
    "the test samples (if the validation has others) and of each entry of evaluate:, a row a "
    "trial.\n"
    "Without overrides they are the last ones that the training recorded, bit for bit, on any\n"
    "number of ranks.\n"
    "\n"
    "  key.path=value    overrides a key of the trial's config: data.path=DIR for other data,\n"
    "                    evaluate.hard.corrupt='[{gaussian: 1}]' for a further evaluation. What\n"
    "                    changes the parameters' shapes is refused\n"
    "  --json            a JSON object a line and trial, numbers in full\n"
    "\n"
    "Exit codes: 0 done, 2 usage, no such trial or an override that does not fit, 3 the run or "
    "the\n"
    "data cannot be read, 4 a loss of every trial is not finite, 5 of some.\n";

/* What is printed of a trial; rank 0 only. */
typedef struct table {
    bool json;
    const aed_stored *stored;
    aed_text names; /* of the columns of the header printed last */
    int widths[64]; /* of those of settings */
    aed_buffer line;
} table;

/* ---- Output ------------------------------------------------------------------------------------ */

static void put_settings(aed_buffer *line, const aed_trial_result *result)
{
    char seed[32];
    aed_json_put_plain(line, ", \"settings\": {");
    for (int64_t i = 0; i < result->setting_count; i++) {
        const aed_result_setting *setting = &result->settings[i];
        if (i) aed_json_put_plain(line, ", ");
        aed_json_put_text(line, setting->axis);
        aed_json_put_plain(line, ": ");
        snprintf(seed, sizeof seed, "%" PRIu64, result->seed);
        /* A double does not hold every seed. */
        if (strcmp(setting->axis, "seed") == 0)
            aed_json_put_plain(line, seed);
        else if (isnan(setting->number))
            aed_json_put_text(line, setting->text);
        else
            aed_json_put_number(line, setting->number);
    }
    aed_json_put_plain(line, "}");
}

static aed_status print_json(table *out, const aed_trial_result *result,
                             const aed_measures *measures)
{
    aed_buffer *line = &out->line;
    line->size = 0;
    aed_json_put_plain(line, "{\"trial\": ");
    aed_json_put_text(line, result->id);
    put_settings(line, result);
    aed_json_put_plain(line, ", \"weights_hash\": ");
    aed_json_put_text(line, result->weights_hash);
    aed_json_put_plain(line, ", \"metrics\": {");
    for (int64_t i = 0; i < measures->count; i++) {
        if (i) aed_json_put_plain(line, ", ");
        aed_json_put_text(line, measures->names[i]);
        aed_json_put_plain(line, ": ");
        aed_json_put_number(line, measures->values[i]);
    }
    aed_json_put_plain(line, "}}\n");
    if (line->failed) return aed_fail(AED_MEMORY, "out of memory for a line");
    fwrite(line->bytes, 1, line->size, stdout);
    return AED_OK;
}

enum { WIDTH = 12, COLUMNS = sizeof((table *)0)->widths / sizeof(int) };

static int larger(int a, int b) { return a > b ? a : b; }

/* Of a column of settings: as wide as its name and as every trial's value. */
static int setting_width(const aed_stored *stored, const char *axis)
{
    int width = larger(WIDTH, (int)strlen(aed_show(axis).text));
    for (int64_t i = 0; i < aed_stored_count(stored); i++) {
        const aed_trial_result *result = aed_stored_trial(stored, i);
        for (int64_t k = 0; k < result->setting_count; k++)
            if (strcmp(result->settings[k].axis, axis) == 0)
                width = larger(width, (int)strlen(aed_show(result->settings[k].text).text));
    }
    return width;
}

static int column_width(const table *out, int64_t column)
{
    return column < COLUMNS ? out->widths[column] : WIDTH;
}

static int metric_width(const char *name) { return larger(WIDTH, (int)strlen(name)); }

/* The names of the columns, one after the other. */
static void name_columns(const aed_trial_result *result, const aed_measures *measures,
                         aed_text *names)
{
    for (int64_t i = 0; i < result->setting_count; i++)
        aed_text_addf(names, "%s ", result->settings[i].axis);
    for (int64_t i = 0; i < measures->count; i++) aed_text_addf(names, "%s ", measures->names[i]);
}

/* The header, again whenever the columns are others than before: trials may differ in their swept keys
 * and losses. */
static void print_header(table *out, const aed_trial_result *result, const aed_measures *measures)
{
    aed_text names = {0};
    name_columns(result, measures, &names);
    const bool same = names.bytes && out->names.bytes && strcmp(names.bytes, out->names.bytes) == 0;
    aed_text_free(same ? &names : &out->names);
    if (same) return;
    out->names = names;
    printf("%-13s", "trial");
    for (int64_t i = 0; i < result->setting_count; i++) {
        const char *axis = result->settings[i].axis;
        if (i < COLUMNS) out->widths[i] = setting_width(out->stored, axis);
        printf("  %*s", column_width(out, i), aed_show(axis).text);
    }
    for (int64_t i = 0; i < measures->count; i++)
        printf("  %*s", metric_width(measures->names[i]), measures->names[i]);
    printf("\n");
}

static void print_row(table *out, const aed_trial_result *result, const aed_measures *measures)
{
    print_header(out, result, measures);
    printf("%-13s", result->id);
    for (int64_t i = 0; i < result->setting_count; i++)
        printf("  %*s", column_width(out, i), aed_show(result->settings[i].text).text);
    for (int64_t i = 0; i < measures->count; i++)
        printf("  %*.6g", metric_width(measures->names[i]), measures->values[i]);
    printf("\n");
}

/* What the training found for the weights that it kept: the last value recorded, or that of other weights
 * than the last epoch's, of which it tells val_loss alone. NAN if it does not say. */
static double recorded(const aed_trial_result *result, const char *name)
{
    const aed_metrics *metrics = &result->metrics;
    for (int64_t i = 0; i < result->scalar_count; i++)
        if (strcmp(result->scalar_names[i], "kept_val_loss") == 0)
            return strcmp(name, "val_loss") == 0 ? result->scalar_values[i] : NAN;
    for (int64_t c = 0; c < metrics->column_count && metrics->rows > 0; c++)
        if (strcmp(metrics->names[c], name) == 0)
            return metrics->values[(metrics->rows - 1) * metrics->column_count + c];
    return NAN;
}

/* The same model on the same data has the same loss to the bit; else something is not the same. */
static void compare(const aed_trial_result *result, const aed_measures *measures)
{
    for (int64_t i = 0; i < measures->count; i++) {
        const double then = recorded(result, measures->names[i]);
        if (isnan(then) || then == measures->values[i]) continue;
        fprintf(stderr,
                "aedist: note: trial %s: %s was %.9g at the end of its training and is %.9g now: "
                "the data or aedist are not what they were\n",
                result->id, measures->names[i], then, measures->values[i]);
        return;
    }
}

static aed_status print_trial(table *out, const aed_trial_result *result, bool overridden,
                              const aed_measures *measures)
{
    aed_status status = AED_OK;
    if (out->json)
        status = print_json(out, result, measures);
    else
        print_row(out, result, measures);
    if (!overridden && strcmp(result->status, "done") == 0) compare(result, measures);
    fflush(stdout);
    return status;
}

/* ---- Trials ------------------------------------------------------------------------------------ */

/* Evaluates and prints trial `index`. *outcome is AED_DIVERGED if a loss is not finite. */
static aed_status evaluate(aed_restorer *restorer, int64_t index, table *out, aed_status *outcome)
{
    aed_restored restored;
    aed_measures measures;
    aed_status status = aed_restorer_open(restorer, index, &restored);
    if (status != AED_OK) return status;
    *outcome = aed_measures_create(&restored.trainer, &measures);
    if (*outcome == AED_OK) {
        if (restorer->stored)
            status = print_trial(out, aed_stored_trial(restorer->stored, index),
                                 restorer->override_count > 0, &measures);
        aed_measures_destroy(&measures);
    } else if (*outcome == AED_DIVERGED) {
        if (restorer->stored)
            fprintf(stderr, "aedist: trial %s: %s\n", aed_stored_trial(restorer->stored, index)->id,
                    aed_status_message());
    } else {
        status = *outcome;
    }
    aed_restored_close(&restored);
    return aed_dist_agree(&restorer->comm, status);
}

/* Those that have not failed: of a checkpoint, its own. */
static aed_status list_good(const char *run, const aed_stored *stored, int64_t *chosen,
                            int64_t *count)
{
    *count = 0;
    for (int64_t i = 0; i < aed_stored_count(stored); i++)
        if (strcmp(aed_stored_trial(stored, i)->status, "failed") != 0) chosen[(*count)++] = i;
    if (*count > 0) return AED_OK;
    return aed_fail(AED_DATA, "%s: no trial of this run is done yet; see aedist info", run);
}

/* The trials that are asked for, by their indices in `stored`; free *chosen. */
static aed_status choose(const aed_command_args *args, aed_stored *stored, int64_t **chosen,
                         int64_t *count)
{
    aed_status status;
    *chosen = aed_alloc((size_t)aed_stored_count(stored) + 1, sizeof **chosen);
    if (!*chosen) return aed_fail(AED_MEMORY, "out of memory for the trials");
    *count = 1;
    if (args->word_count == 1) return list_good(args->words[0], stored, *chosen, count);
    AED_TRY(aed_stored_find(stored, args->words[1], *chosen));
    const aed_trial_result *result = aed_stored_trial(stored, **chosen);
    if (strcmp(result->status, "failed") == 0)
        fprintf(stderr, "aedist: note: trial %s failed: %s\n", result->id, result->reason);
done:
    return status;
}

static aed_status evaluate_all(aed_restorer *restorer, const int64_t *chosen, int64_t count,
                               table *out)
{
    int64_t failed = 0;
    aed_status status = AED_OK;
    for (int64_t i = 0; i < count; i++) {
        aed_status outcome;
        status = evaluate(restorer, chosen ? chosen[i] : 0, out, &outcome);
        if (status != AED_OK) return status;
        failed += outcome != AED_OK;
    }
    return failed == 0 ? AED_OK : failed == count ? AED_DIVERGED : AED_PARTIAL;
}

static aed_status run(const aed_command_args *args, const aed_comm *world)
{
    aed_restorer restorer = {
        .comm = *world, .overrides = args->overrides, .override_count = args->override_count};
    table out = {.json = args->json};
    int64_t count = 0, *chosen = NULL; /* on rank 0 */
    aed_status status;
    AED_TRY(aed_dist_agree(world, aed_kernels_choose()));
    if (world->rank == 0) status = aed_stored_open(args->words[0], &restorer.stored);
    if (restorer.stored) status = choose(args, restorer.stored, &chosen, &count);
    AED_TRY(aed_dist_agree(world, status));
    out.stored = restorer.stored;
    AED_TRY(aed_dist_broadcast(world, &count, sizeof count, 0));
    status = evaluate_all(&restorer, chosen, count, &out);

done:
    aed_free(chosen);
    aed_buffer_destroy(&out.line);
    aed_text_free(&out.names);
    aed_restorer_destroy(&restorer);
    aed_stored_close(&restorer.stored);
    return status;
}

const aed_command aed_command_eval = {.name = "eval",
                                      .help = help,
                                      .options = AED_OPTION_JSON,
                                      .least_words = 1,
                                      .most_words = 2,
                                      .overrides = true,
                                      .collective = true,
                                      .run = run};
