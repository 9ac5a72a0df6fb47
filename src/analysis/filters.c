/* See filters.h; in float64, in the order of the numbers. */
#include "analysis/filters.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/assign.h"
#include "core/memory.h"

bool aed_filters_of(const aed_tensor *tensor, aed_filters *filters)
{
    static const char tail[] = ".weight";
    const aed_shape *shape = &tensor->shape;
    const size_t length = strlen(tensor->name), end = sizeof tail - 1;
    if (shape->rank < 3 || shape->rank > 4 || length < end ||
        strcmp(tensor->name + length - end, tail) != 0)
        return false;
    *filters = (aed_filters){
        .count = shape->size[0],
        .size = aed_shape_count(shape) / shape->size[0],
        .kernel = {shape->rank == 4 ? shape->size[2] : 1, shape->size[shape->rank - 1]}};
    return true;
}

/* Adds the squared second differences of `count` numbers that lie `step` apart. */
static void add_differences(const float *w, int64_t count, int64_t step, double *sum,
                            int64_t *terms)
{
    for (int64_t i = 0; i + 2 < count; i++) {
        const double d = (double)w[i * step] - 2 * (double)w[(i + 1) * step] +
                         (double)w[(i + 2) * step];
        *sum += d * d;
        ++*terms;
    }
}

void aed_filters_smoothness(const aed_filters *filters, const float *weight, double *smoothness)
{
    const int64_t rows = filters->kernel[0], columns = filters->kernel[1], plane = rows * columns;
    for (int64_t f = 0; f < filters->count; f++) {
        const float *filter = weight + f * filters->size;
        double sum = 0;
        int64_t terms = 0;
        for (int64_t p = 0; p < filters->size; p += plane) {
            for (int64_t r = 0; r < rows; r++)
                add_differences(filter + p + r * columns, columns, 1, &sum, &terms);
            for (int64_t c = 0; c < columns; c++)
                add_differences(filter + p + c, rows, columns, &sum, &terms);
        }
        smoothness[f] = terms > 0 ? sum / (double)terms : NAN;
    }
}

static double dot(const float *a, const float *b, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

/* 0 if one of them is all zeros. */
static double cosine(const float *a, const float *b, int64_t count)
{
    const double norms = sqrt(dot(a, a, count)) * sqrt(dot(b, b, count));
    const double value = norms > 0 ? dot(a, b, count) / norms : 0;
    return value > 1 ? 1 : value < -1 ? -1 : value;
}

aed_status aed_filters_match(const aed_filters *filters, const float *reference,
                             const float *weight, int64_t *order, double *sign, double *score)
{
    const int64_t n = filters->count, size = filters->size;
    double *cosines = aed_alloc((size_t)(2 * n * n), sizeof *cosines);
    if (!cosines)
        return aed_fail(AED_MEMORY, "out of memory for the match of %lld filters", (long long)n);
    double *likeness = cosines + n * n;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++) {
            cosines[i * n + k] = cosine(reference + i * size, weight + k * size, size);
            likeness[i * n + k] = fabs(cosines[i * n + k]);
        }
    const aed_status status = aed_assign(n, n, likeness, order);
    for (int64_t i = 0; i < n && status == AED_OK; i++) {
        sign[i] = cosines[i * n + order[i]] < 0 ? -1 : 1;
        score[i] = likeness[i * n + order[i]];
    }
    aed_free(cosines);
    return status;
}

/* "encoder.0_smoothness" of every convolution. The match across seeds is made over the whole run. */
aed_status aed_analyse_filters(aed_analysis *analysis)
{
    const aed_trainer *t = analysis->trainer;
    aed_status status = AED_OK;
    for (int64_t i = 0; i < t->model.tensor_count && status == AED_OK; i++) {
        const aed_tensor *tensor = &t->model.tensors[i];
        aed_filters filters;
        char name[96];
        if (!aed_filters_of(tensor, &filters)) continue;
        const aed_shape row = aed_analysis_row(filters.count);
        const size_t stem = strlen(tensor->name) - strlen(".weight");
        snprintf(name, sizeof name, "%.*s_smoothness", (int)stem, tensor->name);
        double *smoothness = aed_analysis_add(analysis, name, "", AED_NUMBER_F64, &row, &status);
        if (smoothness) aed_filters_smoothness(&filters, t->params + tensor->offset, smoothness);
    }
    return status;
}
