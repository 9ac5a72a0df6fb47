/* Samples in a program's own memory as a source: see aed_array_source. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "data/sources.h"

static aed_status check_labels(const aed_spec *spec, const aed_array_source *arrays, int64_t total)
{
    if (arrays->classes < 0 || (arrays->classes > 0) != (arrays->labels != NULL))
        return aed_fail(AED_CONFIG, "%s: labels and a number of classes go together", spec->where);
    for (int64_t i = 0; arrays->labels && i < total; i++)
        if (arrays->labels[i] < 0 || arrays->labels[i] >= arrays->classes)
            return aed_fail(AED_DATA, "%s: label %" PRId64 " is %d, but there are %d classes",
                            spec->where, i, (int)arrays->labels[i], (int)arrays->classes);
    return AED_OK;
}

static aed_status find_interval(const aed_spec *spec, const float *values, size_t count,
                                aed_interval *interval)
{
    *interval = (aed_interval){INFINITY, -INFINITY};
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            return aed_fail(AED_DATA, "%s: value %zu of the samples is not finite", spec->where, i);
        interval->lo = fmin(interval->lo, (double)values[i]);
        interval->hi = fmax(interval->hi, (double)values[i]);
    }
    return AED_OK;
}

static aed_status arrays_create(const aed_spec *spec, aed_source *source)
{
    const aed_array_source *arrays = (const aed_array_source *)spec->kind;
    aed_status status;
    size_t numbers;
    AED_TRY(aed_shape_make(arrays->shape.rank, arrays->shape.size, &source->shape));
    if (!arrays->values || arrays->samples < 1 || arrays->test_samples < 0 ||
        (double)arrays->samples + (double)arrays->test_samples > AED_DATA_MAX_SAMPLES)
        return aed_fail(AED_CONFIG, "%s: an array source needs values and at least one sample",
                        spec->where);
    const int64_t total = arrays->samples + arrays->test_samples;
    AED_TRY(aed_data_check_size(AED_CONFIG, spec->where, total, aed_shape_count(&source->shape),
                                sizeof(float), &numbers));
    AED_TRY(check_labels(spec, arrays, total));
    AED_TRY(find_interval(spec, arrays->values, numbers, &source->interval));
    source->samples = arrays->samples;
    source->test_samples = arrays->test_samples;
    source->classes = arrays->classes;
done:
    return status;
}

static aed_status arrays_make(const aed_source *source, int64_t epoch, const uint32_t *ids,
                              int64_t count, const aed_rows *rows)
{
    const aed_array_source *arrays = (const aed_array_source *)source->ops;
    const int64_t features = aed_shape_count(&source->shape);
    (void)epoch;
    for (int64_t i = 0; i < count; i++) {
        if (rows->target)
            memcpy(rows->target + i * features, arrays->values + ids[i] * features,
                   (size_t)features * sizeof(float));
        if (rows->labels) rows->labels[i] = arrays->labels[ids[i]];
    }
    return AED_OK;
}

void aed_array_source_set(aed_array_source *arrays, const char *name)
{
    arrays->ops = (aed_source_ops){
        .kind = {.name = name, .help = "the program's own samples"},
        .create = arrays_create,
        .make = arrays_make,
    };
}
