/* Labels against the number of the code that is largest, for codes that were not told the labels: which
 * number stands for which label is found as an assignment. */
#include "analysis/analysis.h"
#include "analysis/assign.h"
#include "core/memory.h"
#include "dist/dist.h"

enum { MOST_CELLS = 1 << 20, MOST_SIDE = 4096 };

aed_status aed_check_labels(const aed_spec *spec, const aed_trainer *trainer)
{
    if (trainer->data->classes > 0) return AED_OK;
    return aed_fail(AED_CONFIG, "%s: the analysis %s needs labels, which this data source has not",
                    spec->where, spec->kind->name);
}

aed_status aed_check_code_confusion(const aed_spec *spec, const aed_trainer *trainer)
{
    const int64_t columns = aed_analysis_code(&trainer->model).features;
    const int64_t classes = trainer->data->classes;
    const aed_status status = aed_check_labels(spec, trainer);
    if (status != AED_OK ||
        (columns <= MOST_SIDE && classes <= MOST_SIDE && columns * classes <= MOST_CELLS))
        return status;
    return aed_fail(AED_CONFIG,
                    "%s: code_confusion of %lld classes and a code of %lld numbers is too wide: "
                    "%d a side and %d cells at most",
                    spec->where, (long long)classes, (long long)columns, MOST_SIDE, MOST_CELLS);
}

static void visit(void *self, aed_trainer *t, const aed_tile *tile, int64_t first,
                  const float *target, double *sums)
{
    const aed_code *code = self;
    const aed_model *model = &t->model;
    (void)first;
    (void)target;
    aed_model_forward(model, t->params, t->workspace, tile);
    const float *y = aed_model_output(model, t->workspace, model->code_layer);
    for (int lane = 0; lane < tile->valid; lane++) {
        int64_t best = 0;
        for (int64_t f = 1; f < code->features; f++)
            if (y[f * tile->lanes + lane] > y[best * tile->lanes + lane]) best = f;
        sums[t->labels[lane] * code->features + best] += 1;
    }
}

/* The column that stands for each class, then those that are left, in order. */
static aed_status order_columns(int64_t classes, int64_t columns, const int64_t *counts,
                                int64_t *order)
{
    double *values = aed_alloc((size_t)(classes * columns), sizeof *values);
    int64_t *column = aed_alloc((size_t)(classes + columns), sizeof *column), most = 1, at = 0;
    int64_t *taken = column + classes;
    aed_status status = AED_OK;
    if (!values || !column) status = aed_fail(AED_MEMORY, "out of memory for a confusion matrix");
    for (int64_t i = 0; status == AED_OK && i < classes * columns; i++)
        if (counts[i] > most) most = counts[i];
    for (int64_t i = 0; status == AED_OK && i < classes * columns; i++)
        values[i] = (double)counts[i] / (double)most;
    if (status == AED_OK) status = aed_assign(classes, columns, values, column);
    for (int64_t c = 0; status == AED_OK && c < classes; c++) {
        if (column[c] < 0) continue;
        order[at++] = column[c];
        taken[column[c]] = 1;
    }
    for (int64_t c = 0; status == AED_OK && c < columns; c++)
        if (!taken[c]) order[at++] = c;
    aed_free(values);
    aed_free(column);
    return status;
}

aed_status aed_analyse_code_confusion(aed_analysis *analysis)
{
    aed_trainer *t = analysis->trainer;
    const aed_evaluation_spec samples = aed_analysis_samples(analysis->spec);
    aed_code code = aed_analysis_code(&t->model);
    const int64_t classes = t->data->classes, cells = classes * code.features;
    const aed_shape shape = {.rank = 2, .size = {classes, code.features}};
    const aed_shape row = aed_analysis_row(code.features);
    aed_walk walk;
    const double *sums;
    aed_status status = aed_walk_create(t, &samples, true, &walk);
    int64_t *counts = aed_analysis_add(analysis, "counts", "", AED_NUMBER_I64, &shape, &status);
    int64_t *order = aed_analysis_add(analysis, "order", "", AED_NUMBER_I64, &row, &status);
    AED_TRY(aed_dist_agree(&t->comm, status));
    AED_TRY(aed_walk_run(t, &walk, cells, visit, &code, &sums));
    for (int64_t i = 0; i < cells; i++) counts[i] = (int64_t)sums[i];
    status = order_columns(classes, code.features, counts, order);
done:
    aed_walk_destroy(&walk);
    return status;
}
