/* What results in memory hold, and what both readers need; see contents.h. */
#include "io/contents.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

static aed_status out_of_memory(void)
{
    return aed_fail(AED_MEMORY, "out of memory for what a run holds");
}

/* ---- Shared -------------------------------------------------------------------------------- */

const char *aed_contents_name(aed_pool *pool, const char *resolved)
{
    static const char key[] = "name: ";
    if (strncmp(resolved, key, sizeof key - 1) != 0) return NULL;
    const char *name = resolved + sizeof key - 1;
    return aed_pool_text(pool, name, strcspn(name, "\n"));
}

const char *aed_contents_number(aed_pool *pool, double number)
{
    char text[32];
    const int length = snprintf(text, sizeof text, "%.9g", number);
    return aed_pool_text(pool, text, (size_t)length);
}

const char *aed_contents_setting(aed_pool *pool, const char *before, const char *axis,
                                 const char *value)
{
    const size_t lengths[] = {strlen(before), strlen(axis), strlen(value)};
    const size_t room = lengths[0] + lengths[1] + lengths[2] + 3;
    char *text = aed_pool_alloc(pool, room, 1);
    if (text) snprintf(text, room, "%s%s%s=%s", before, *before ? " " : "", axis, value);
    return text;
}

int64_t aed_contents_best(const aed_contents *contents)
{
    int64_t best = -1;
    for (int64_t i = 0; i < contents->trial_count; i++) {
        const aed_contents_trial *trial = &contents->trials[i];
        if (strcmp(trial->status, "done") != 0 || isnan(trial->val_loss)) continue;
        if (best < 0 || trial->val_loss < contents->trials[best].val_loss) best = i;
    }
    return best;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_axes(const void *a, const void *b)
{
    return strcmp(((const aed_contents_axis *)a)->name, ((const aed_contents_axis *)b)->name);
}

static int compare_tensors(const void *a, const void *b)
{
    return strcmp(((const aed_tensor *)a)->name, ((const aed_tensor *)b)->name);
}

void aed_contents_sort(aed_contents *contents)
{
    if (contents->metric_count > 0)
        qsort(contents->metrics, (size_t)contents->metric_count, sizeof *contents->metrics,
              compare_names);
    if (contents->axis_count > 0)
        qsort(contents->axes, (size_t)contents->axis_count, sizeof *contents->axes, compare_axes);
    if (contents->tensor_count > 0)
        qsort(contents->tensors, (size_t)contents->tensor_count, sizeof *contents->tensors,
              compare_tensors);
}

void aed_contents_destroy(aed_contents *contents)
{
    aed_pool_destroy(&contents->pool);
    *contents = (aed_contents){0};
}

/* ---- Of results in memory ------------------------------------------------------------------- */

typedef struct result_list {
    const aed_trial_result **results;
    int64_t count;
} result_list;

static const aed_result_setting *find_setting(const aed_trial_result *result, const char *axis)
{
    for (int64_t i = 0; i < result->setting_count; i++)
        if (strcmp(result->settings[i].axis, axis) == 0) return &result->settings[i];
    return NULL;
}

/* A value as results.h5 has it: seeds whole, numbers if all trials have one there, else texts. */
static const char *value_text(aed_pool *pool, const aed_trial_result *result,
                              const aed_result_setting *setting, bool is_number)
{
    char seed[32];
    if (strcmp(setting->axis, "seed") == 0) {
        const int length = snprintf(seed, sizeof seed, "%" PRIu64, result->seed);
        return aed_pool_text(pool, seed, (size_t)length);
    }
    return is_number ? aed_contents_number(pool, setting->number)
                     : aed_pool_text(pool, setting->text, strlen(setting->text));
}

static bool is_number(const result_list *list, const char *axis)
{
    for (int64_t i = 0; i < list->count; i++) {
        const aed_result_setting *setting = find_setting(list->results[i], axis);
        if (setting && isnan(setting->number)) return false;
    }
    return true;
}

static aed_status add_axis(const result_list *list, const char *name, aed_contents *contents)
{
    const int64_t count = list->count;
    const bool number = is_number(list, name);
    aed_contents_axis *axis = &contents->axes[contents->axis_count++];
    *axis = (aed_contents_axis){
        .name = aed_pool_text(&contents->pool, name, strlen(name)),
        .values = aed_pool_alloc(&contents->pool, (size_t)count, sizeof *axis->values)};
    if (!axis->name || !axis->values) return out_of_memory();
    for (int64_t i = 0; i < count; i++) {
        const aed_trial_result *result = list->results[i];
        const aed_result_setting *setting = find_setting(result, name);
        bool seen = !setting;
        const char *text = seen ? NULL : value_text(&contents->pool, result, setting, number);
        if (!seen && !text) return out_of_memory();
        for (int64_t k = 0; k < axis->count && !seen; k++)
            seen = strcmp(axis->values[k], text) == 0;
        if (!seen) axis->values[axis->count++] = text;
    }
    return AED_OK;
}

static aed_status add_axes(const result_list *list, aed_contents *contents)
{
    int64_t most = 0;
    for (int64_t i = 0; i < list->count; i++) most += list->results[i]->setting_count;
    contents->axes = aed_pool_alloc(&contents->pool, (size_t)most, sizeof *contents->axes);
    if (!contents->axes) return out_of_memory();
    for (int64_t i = 0; i < list->count; i++) {
        const aed_trial_result *result = list->results[i];
        for (int64_t k = 0; k < result->setting_count; k++) {
            bool known = false;
            for (int64_t a = 0; a < contents->axis_count; a++)
                known = known || strcmp(contents->axes[a].name, result->settings[k].axis) == 0;
            if (known) continue;
            const aed_status status = add_axis(list, result->settings[k].axis, contents);
            if (status != AED_OK) return status;
        }
    }
    return AED_OK;
}

static double last_value(const aed_metrics *metrics, const char *name)
{
    for (int64_t c = 0; c < metrics->column_count && metrics->rows > 0; c++)
        if (strcmp(metrics->names[c], name) == 0)
            return metrics->values[(metrics->rows - 1) * metrics->column_count + c];
    return NAN;
}

static aed_status add_trials(const result_list *list, aed_contents *contents)
{
    const int64_t count = list->count;
    aed_pool *pool = &contents->pool;
    contents->trials = aed_pool_alloc(pool, (size_t)count, sizeof *contents->trials);
    if (!contents->trials) return out_of_memory();
    for (int64_t i = 0; i < count; i++) {
        const aed_trial_result *result = list->results[i];
        aed_contents_trial *trial = &contents->trials[contents->trial_count++];
        *trial = (aed_contents_trial){
            .id = aed_pool_text(pool, result->id, strlen(result->id)),
            .status = aed_pool_text(pool, result->status, strlen(result->status)),
            .weights_hash = aed_pool_text(pool, result->weights_hash, strlen(result->weights_hash)),
            .val_loss = last_value(&result->metrics, "val_loss")};
        if (!trial->id || !trial->status || !trial->weights_hash) return out_of_memory();
    }
    return AED_OK;
}

static aed_status add_best_settings(const result_list *list, aed_contents *contents)
{
    const aed_trial_result *result = list->results[contents->best];
    contents->best_settings = "";
    for (int64_t a = 0; a < contents->axis_count; a++) {
        const char *axis = contents->axes[a].name;
        const aed_result_setting *setting = find_setting(result, axis);
        if (!setting) continue;
        const char *value = value_text(&contents->pool, result, setting, is_number(list, axis));
        if (value)
            contents->best_settings = aed_contents_setting(&contents->pool, contents->best_settings,
                                                           axis, value);
        if (!value || !contents->best_settings) return out_of_memory();
    }
    return AED_OK;
}

static aed_status describe_trial(const aed_trial_result *result, aed_contents *contents)
{
    aed_pool *pool = &contents->pool;
    const aed_metrics *metrics = &result->metrics;
    contents->name = aed_contents_name(pool, result->resolved);
    contents->metrics = aed_pool_alloc(pool, (size_t)metrics->column_count,
                                       sizeof *contents->metrics);
    contents->tensors = aed_pool_alloc(pool, (size_t)result->tensor_count,
                                       sizeof *contents->tensors);
    if (!contents->metrics || !contents->tensors) return out_of_memory();
    for (int64_t i = 0; i < metrics->column_count; i++) {
        contents->metrics[i] = aed_pool_text(pool, metrics->names[i], strlen(metrics->names[i]));
        if (!contents->metrics[i]) return out_of_memory();
    }
    for (int64_t i = 0; i < result->tensor_count; i++) {
        contents->tensors[i] = (aed_tensor){.shape = result->tensors[i].shape};
        memcpy(contents->tensors[i].name, result->tensors[i].name, sizeof result->tensors[i].name);
    }
    contents->metric_count = metrics->column_count;
    contents->rows = metrics->rows;
    contents->tensor_count = result->tensor_count;
    return AED_OK;
}

static aed_status fill(const result_list *list, aed_contents *contents)
{
    aed_status status;
    *contents = (aed_contents){.best = -1};
    AED_TRY(add_trials(list, contents));
    AED_TRY(add_axes(list, contents));
    contents->best = aed_contents_best(contents);
    if (list->count > 0)
        AED_TRY(describe_trial(list->results[contents->best < 0 ? 0 : contents->best], contents));
    aed_contents_sort(contents);
    if (contents->best >= 0) AED_TRY(add_best_settings(list, contents));

done:
    if (status != AED_OK) aed_contents_destroy(contents);
    return status;
}

aed_status aed_contents_of_trial(const aed_trial_result *result, aed_contents *contents)
{
    const result_list list = {.results = &result, .count = 1};
    return fill(&list, contents);
}

aed_status aed_contents_of_ledger(const aed_stored *stored, aed_contents *contents)
{
    result_list list = {.count = aed_stored_count(stored)};
    list.results = aed_alloc((size_t)list.count, sizeof *list.results);
    if (!list.results) return out_of_memory();
    for (int64_t i = 0; i < list.count; i++) list.results[i] = aed_stored_trial(stored, i);
    const aed_status status = fill(&list, contents);
    aed_free(list.results);
    return status;
}
