/* See matches.h. */
#include "analysis/matches.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/filters.h"
#include "config/analyses.h"

/* GLPK takes 0.2 s for 64 filters, and 16 times that for twice as many. */
enum { MOST_FILTERS = 64 };

/* One layer in all trials. */
typedef struct layer_match {
    const aed_match_trial *trials;
    int64_t count, groups;
    aed_filters filters;
    int64_t *order;
    double *sign, *score; /* [trials][filters] */
    double *consistency, *worst;
} layer_match;

static const aed_tensor *find_tensor(const aed_match_trial *trial, const char *name)
{
    for (int64_t i = 0; i < trial->tensor_count; i++)
        if (strcmp(trial->tensors[i].name, name) == 0) return &trial->tensors[i];
    return NULL;
}

static bool is_everywhere(const aed_match_trial *trials, int64_t count, const aed_tensor *tensor)
{
    for (int64_t i = 1; i < count; i++) {
        const aed_tensor *other = find_tensor(&trials[i], tensor->name);
        if (!other || !aed_shape_equal(&other->shape, &tensor->shape)) return false;
    }
    return true;
}

static const float *weight_of(const aed_match_trial *trial, const char *name)
{
    return trial->parameters + find_tensor(trial, name)->offset;
}

static int64_t first_of_group(const layer_match *m, int64_t trial)
{
    int64_t i = 0;
    while (m->trials[i].group != m->trials[trial].group) i++;
    return i;
}

static aed_status match_references(layer_match *m, const char *name)
{
    aed_status status = AED_OK;
    for (int64_t i = 0; i < m->count && status == AED_OK; i++) {
        const int64_t at = i * m->filters.count;
        status = aed_filters_match(&m->filters, weight_of(&m->trials[first_of_group(m, i)], name),
                                   weight_of(&m->trials[i], name), m->order + at, m->sign + at,
                                   m->score + at);
    }
    return status;
}

static double mean(const double *values, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += values[i];
    return sum / (double)count;
}

/* Over the trials of the group but its first. */
static void measure_group(layer_match *m, int64_t group)
{
    const int64_t n = m->filters.count;
    int64_t others = 0;
    double sum = 0, worst = INFINITY;
    for (int64_t i = 0; i < m->count; i++) {
        if (m->trials[i].group != group || first_of_group(m, i) == i) continue;
        const double score = mean(m->score + i * n, n);
        sum += score;
        worst = fmin(worst, score);
        others++;
    }
    m->consistency[group] = others > 0 ? sum / (double)others : NAN;
    m->worst[group] = others > 0 ? worst : NAN;
}

static void *add(aed_analysis *analysis, const char *layer, const char *what, aed_number_type type,
                 const aed_shape *shape, aed_status *status)
{
    char name[96];
    const size_t stem = strlen(layer) - strlen(".weight");
    snprintf(name, sizeof name, "%.*s_%s", (int)stem, layer, what);
    return aed_analysis_add(analysis, name, "", type, shape, status);
}

static aed_status match_layer(aed_analysis *analysis, const char *name, layer_match *m)
{
    const aed_shape grid = {2, {m->count, m->filters.count}}, row = aed_analysis_row(m->groups);
    aed_status status = AED_OK;
    m->order = add(analysis, name, "order", AED_NUMBER_I64, &grid, &status);
    m->sign = add(analysis, name, "sign", AED_NUMBER_F64, &grid, &status);
    m->score = add(analysis, name, "score", AED_NUMBER_F64, &grid, &status);
    m->consistency = add(analysis, name, "consistency", AED_NUMBER_F64, &row, &status);
    m->worst = add(analysis, name, "worst", AED_NUMBER_F64, &row, &status);
    if (status == AED_OK) status = match_references(m, name);
    for (int64_t g = 0; g < m->groups && status == AED_OK; g++) measure_group(m, g);
    return status;
}

aed_status aed_matches_make(const aed_match_trial *trials, int64_t count, aed_analyses *matches)
{
    const aed_spec spec = {.kind = aed_analysis_kind_of(AED_ANALYSIS_FILTERS), .where = "analysis"};
    aed_analysis analysis = {.spec = &spec, .results = matches};
    const aed_shape row = aed_analysis_row(count);
    layer_match m = {.trials = trials, .count = count};
    aed_status status = AED_OK;
    if (count == 0) return AED_OK;
    int64_t *rows = aed_analysis_add(&analysis, "trial", "", AED_NUMBER_I64, &row, &status);
    int64_t *groups = aed_analysis_add(&analysis, "group", "", AED_NUMBER_I64, &row, &status);
    for (int64_t i = 0; i < count && status == AED_OK; i++) {
        rows[i] = trials[i].row;
        groups[i] = trials[i].group;
        if (trials[i].group >= m.groups) m.groups = trials[i].group + 1;
    }
    for (int64_t i = 0; i < trials[0].tensor_count && status == AED_OK; i++) {
        const aed_tensor *tensor = &trials[0].tensors[i];
        if (!aed_filters_of(tensor, &m.filters) || m.filters.count > MOST_FILTERS ||
            !is_everywhere(trials, count, tensor))
            continue;
        status = match_layer(&analysis, tensor->name, &m);
    }
    return status;
}
