/* See matches.h. */
#include "app/matches.h"

#include <stdlib.h>
#include <string.h>

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

/* Reads the trials that are done, in the order of their rows. */
static aed_status read_trials(aed_run *run, aed_trial_record **records, aed_match_trial *trials,
                              int64_t *count)
{
    aed_status status = AED_OK;
    for (int64_t i = 0; i < aed_run_ended_count(run) && status == AED_OK; i++) {
        if (strcmp(aed_run_ended(run, i)->status, "done") != 0) continue;
        status = aed_run_read(run, i, &records[i]);
        if (status != AED_OK) break;
        const aed_trial_result *result = &records[i]->result;
        trials[(*count)++] = (aed_match_trial){.row = aed_run_row(run, result->id),
                                               .group = i, /* for the moment: its record */
                                               .tensor_count = result->tensor_count,
                                               .tensors = result->tensors,
                                               .parameters = result->parameters};
    }
    qsort(trials, (size_t)*count, sizeof *trials, compare_rows);
    return status;
}

/* records[first[g]] stands for group g. */
static void find_groups(aed_trial_record *const *records, int64_t *first, aed_match_trial *trials,
                        int64_t count)
{
    int64_t groups = 0;
    for (int64_t i = 0; i < count; i++) {
        const int64_t own = trials[i].group;
        int64_t g = 0;
        while (g < groups && !same_but_seed(&records[first[g]]->result, &records[own]->result)) g++;
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
    aed_trial_record **records = aed_alloc(ended, sizeof *records);
    aed_match_trial *trials = aed_alloc(ended, sizeof *trials);
    int64_t *first = aed_alloc(ended, sizeof *first);
    if (!records || !trials || !first)
        status = aed_fail(AED_MEMORY, "out of memory for matched filters");
    if (status == AED_OK) status = read_trials(run, records, trials, &count);
    if (status == AED_OK) {
        find_groups(records, first, trials, count);
        status = aed_matches_make(trials, count, matches);
    }
    if (status == AED_OK) aed_run_set_analysis(run, matches->arrays, matches->count);
    for (size_t i = 0; records && i < ended; i++) aed_trial_record_destroy(&records[i]);
    aed_free(records);
    aed_free(trials);
    aed_free(first);
    return status;
}
