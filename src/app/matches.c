/* See matches.h. */
#include "app/matches.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/filters.h"
#include "config/analyses.h"
#include "core/memory.h"
#include "io/trial_record.h"

static bool asks_for_filters(const aed_trial_list *list)
{
    for (int64_t i = 0; i < list->count; i++)
        for (int k = 0; k < list->trials[i].config.analysis_count; k++)
            if (list->trials[i].config.analyses[k].kind ==
                aed_analysis_kind_of(AED_ANALYSIS_FILTERS))
                return true;
    return false;
}

/* Whether two trials have the same settings but for the seed. */
static bool same_but_seed(const aed_trial_result *a, const aed_trial_result *b)
{
    if (a->setting_count != b->setting_count) return false;
    for (int64_t i = 0; i < a->setting_count; i++) {
        const aed_result_setting *x = &a->settings[i], *y = &b->settings[i];
        if (strcmp(x->axis, y->axis) != 0) return false;
        if (strcmp(x->axis, "seed") != 0 && strcmp(x->text, y->text) != 0) return false;
    }
    return true;
}

static int compare_rows(const void *a, const void *b)
{
    const aed_match_trial *x = a, *y = b;
    return (x->row > y->row) - (x->row < y->row);
}

/* The weights of convolutions alone, of which there may be thousands of trials' in memory at a time. */
static aed_status keep_filters(aed_pool *pool, const aed_trial_result *result,
                               aed_match_trial *trial)
{
    aed_filters filters;
    int64_t count = 0, floats = 0;
    for (int64_t i = 0; i < result->tensor_count; i++) {
        if (!aed_filters_of(&result->tensors[i], &filters)) continue;
        count++;
        floats += aed_shape_count(&result->tensors[i].shape);
    }
    aed_tensor *tensors = aed_pool_alloc(pool, (size_t)count, sizeof *tensors);
    float *parameters = aed_pool_alloc(pool, (size_t)floats, sizeof *parameters);
    if (!tensors || !parameters) return aed_fail(AED_MEMORY, "out of memory for matched filters");
    trial->tensors = tensors;
    trial->parameters = parameters;
    for (int64_t i = 0, at = 0; i < result->tensor_count; i++) {
        const aed_tensor *tensor = &result->tensors[i];
        if (!aed_filters_of(tensor, &filters)) continue;
        tensors[trial->tensor_count] = *tensor;
        tensors[trial->tensor_count++].offset = at;
        const size_t size = (size_t)aed_shape_count(&tensor->shape);
        memcpy(parameters + at, result->parameters + tensor->offset, size * sizeof *parameters);
        at += (int64_t)size;
    }
    return AED_OK;
}

/* Reads the trials that are done, in the order of their rows; group is their number in the run. */
static aed_status read_trials(aed_run *run, aed_pool *pool, aed_match_trial *trials, int64_t *count)
{
    aed_status status = AED_OK;
    for (int64_t i = 0; i < aed_run_ended_count(run) && status == AED_OK; i++) {
        const aed_trial_result *ended = aed_run_ended(run, i);
        aed_trial_record *record;
        if (strcmp(ended->status, "done") != 0) continue;
        status = aed_run_read(run, i, &record);
        if (status != AED_OK) break;
        aed_match_trial *trial = &trials[(*count)++];
        *trial = (aed_match_trial){.row = aed_run_row(run, ended->id), .group = i};
        status = keep_filters(pool, &record->result, trial);
        aed_trial_record_destroy(&record);
    }
    qsort(trials, (size_t)*count, sizeof *trials, compare_rows);
    return status;
}

/* first[g] is the number of the trial that stands for group g. */
static void find_groups(const aed_run *run, int64_t *first, aed_match_trial *trials, int64_t count)
{
    int64_t groups = 0;
    for (int64_t i = 0; i < count; i++) {
        const int64_t own = trials[i].group;
        int64_t g = 0;
        while (g < groups && !same_but_seed(aed_run_ended(run, first[g]), aed_run_ended(run, own)))
            g++;
        if (g == groups) first[groups++] = own;
        trials[i].group = g;
    }
}

aed_status aed_app_match(aed_run *run, const aed_trial_list *list, bool wanted,
                         aed_analyses *matches)
{
    const size_t ended = (size_t)aed_run_ended_count(run);
    int64_t count = 0;
    aed_status status = AED_OK;
    *matches = (aed_analyses){0};
    if (!wanted && !asks_for_filters(list)) return AED_OK;
    aed_pool pool = {0};
    aed_match_trial *trials = aed_alloc(ended, sizeof *trials);
    int64_t *first = aed_alloc(ended, sizeof *first);
    if (!trials || !first) status = aed_fail(AED_MEMORY, "out of memory for matched filters");
    if (status == AED_OK) status = read_trials(run, &pool, trials, &count);
    if (status == AED_OK) {
        find_groups(run, first, trials, count);
        status = aed_matches_make(trials, count, matches);
    }
    if (status == AED_OK) aed_run_set_analysis(run, matches->arrays, matches->count);
    aed_pool_destroy(&pool);
    aed_free(trials);
    aed_free(first);
    return status;
}
