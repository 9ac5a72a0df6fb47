/* Scaling: what each kind does to a value and to the interval of the set.
 *
 * Everything but a batch's largest and a sample's norm is x * factor - shift of bytes, rounded once,
 * and (x - shift) * factor of floats, in float32. As the operations are monotone, the interval's ends
 * go through the same formula, and 1 is the most that a scaling to [0, 1] gives: r * (1/r) rounds to
 * at most 1. */
#include <inttypes.h>
#include <math.h>

#include "core/memory.h"
#include "data/rows_cache.h"

static const char *const kind_names[] = {
    [AED_SCALE_NONE] = "none",
    [AED_SCALE_UNIT] = "unit",
    [AED_SCALE_STANDARD] = "{mean, std}",
    [AED_SCALE_BATCH_MAX] = "batch_max",
    [AED_SCALE_L2] = "l2",
    [AED_SCALE_AUTO] = "auto",
};

static bool is_bytes(const aed_dataset *dataset) { return dataset->source->is_bytes; }

static float apply(const aed_dataset *dataset, double x)
{
    const aed_affine *affine = &dataset->cache->affine;
    if (is_bytes(dataset)) return fmaf((float)x, affine->factor, -affine->shift);
    const float shifted = (float)x - affine->shift;
    return shifted * affine->factor;
}

/* The largest value of each sample, before its batch's factor. */
static float row_max(const aed_dataset *dataset, const aed_rows *rows, int64_t row)
{
    const int64_t features = dataset->features;
    if (rows->bytes) {
        uint8_t largest = 0;
        for (int64_t f = 0; f < features; f++) {
            const uint8_t value = rows->bytes[row * features + f];
            largest = value > largest ? value : largest;
        }
        return apply(dataset, largest);
    }
    float largest = -INFINITY;
    for (int64_t f = 0; f < features; f++) {
        const float value = rows->target[row * features + f];
        largest = value > largest ? value : largest;
    }
    return largest;
}

aed_status aed_dataset_max(const aed_dataset *dataset, int64_t epoch, const uint32_t *ids,
                           int64_t count, float *largest)
{
    const aed_rows_cache *cache = dataset->cache;
    float most = -INFINITY;
    for (int64_t i = 0; i < count; i++) {
        float value;
        if (cache->largest) {
            value = cache->largest[ids[i]];
        } else {
            const aed_status status = aed_rows_make(dataset->source, epoch, ids + i, 1,
                                                    &cache->staging);
            if (status != AED_OK) return status;
            value = row_max(dataset, &cache->staging, 0);
        }
        most = value > most ? value : most;
    }
    *largest = most;
    return AED_OK;
}

/* Those of a tile's worth of samples from `first` on. */
static aed_status find_largest_of(const aed_dataset *dataset, int64_t first, float *largest)
{
    const aed_rows_cache *cache = dataset->cache;
    const int64_t left = cache->total - first;
    const int64_t count = left < AED_DATA_MAX_LANES ? left : AED_DATA_MAX_LANES;
    uint32_t ids[AED_DATA_MAX_LANES];
    aed_status status = AED_OK;
    for (int64_t i = 0; i < count; i++) ids[i] = (uint32_t)(first + i);
    if (!cache->kept) status = aed_rows_make(dataset->source, 0, ids, count, &cache->staging);
    for (int64_t i = 0; i < count && status == AED_OK; i++)
        largest[first + i] = cache->kept ? row_max(dataset, &cache->rows, first + i)
                                         : row_max(dataset, &cache->staging, i);
    return status;
}

static aed_status find_largest(aed_dataset *dataset)
{
    aed_rows_cache *cache = dataset->cache;
    aed_status status = AED_OK;
    if (dataset->source->fresh) return AED_OK;
    float *largest = aed_alloc((size_t)cache->total, sizeof *largest);
    if (!largest)
        return aed_fail(AED_MEMORY,
                        "data set: no memory for the largest values of %" PRId64 " samples",
                        cache->total);
    for (int64_t i = 0; i < cache->total && status == AED_OK; i += AED_DATA_MAX_LANES)
        status = find_largest_of(dataset, i, largest);
    if (status == AED_OK)
        cache->largest = largest;
    else
        aed_free(largest);
    return status;
}

/* The interval of float data by its source or, if that does not know it, by its values. */
static aed_status find_interval(const aed_dataset *dataset, const char *where,
                                aed_interval *interval)
{
    const aed_rows_cache *cache = dataset->cache;
    *interval = dataset->source->interval;
    if (isfinite(interval->lo) && isfinite(interval->hi)) return AED_OK;
    if (!cache->kept)
        return aed_fail(AED_CONFIG,
                        "%s: scale 'unit' needs the smallest and the largest value, which are not "
                        "known of samples that are not in memory; use {mean: M, std: S}",
                        where);
    *interval = (aed_interval){INFINITY, -INFINITY};
    for (int64_t i = 0; i < cache->total * dataset->features; i++) {
        interval->lo = fmin(interval->lo, (double)cache->rows.target[i]);
        interval->hi = fmax(interval->hi, (double)cache->rows.target[i]);
    }
    return AED_OK;
}

static aed_status prepare_unit(aed_dataset *dataset, const char *where, aed_affine *affine)
{
    aed_interval interval;
    if (is_bytes(dataset)) return AED_OK;
    const aed_status status = find_interval(dataset, where, &interval);
    if (status != AED_OK) return status;
    affine->shift = (float)interval.lo;
    if ((double)affine->shift > interval.lo) affine->shift = nextafterf(affine->shift, -INFINITY);
    float top = (float)interval.hi;
    if ((double)top < interval.hi) top = nextafterf(top, INFINITY);
    const float range = top - affine->shift;
    affine->factor = range > 0 ? 1 / range : 1;
    if (!isfinite(range) || affine->factor == 0 || !isfinite(affine->factor))
        return aed_fail(AED_CONFIG,
                        "%s: scale 'unit' of values from %g to %g leaves the range of a float; use "
                        "{mean: M, std: S}",
                        where, interval.lo, interval.hi);
    return AED_OK;
}

static aed_status prepare_standard(const aed_dataset *dataset, const char *where,
                                   aed_affine *affine)
{
    const aed_scale *scale = &dataset->scale;
    const bool bytes = is_bytes(dataset);
    affine->shift = (float)(bytes ? scale->mean / scale->std : scale->mean);
    affine->factor = (float)(1 / (bytes ? 255 * scale->std : scale->std));
    if (scale->std > 0 && isfinite(affine->shift) && isnormal(affine->factor)) return AED_OK;
    return aed_fail(AED_CONFIG,
                    "%s: scale {mean: %g, std: %g}: both must be finite as floats, and 'std' above "
                    "0",
                    where, scale->mean, scale->std);
}

/* Values of [lo, hi] divided by something positive that is at least as large as they are. */
static aed_interval divided(aed_interval from, double lowest)
{
    return (aed_interval){from.lo < 0 ? lowest : 0, from.hi > 0 ? 1 : 0};
}

static aed_interval scaled_interval(const aed_dataset *dataset)
{
    const aed_interval from = dataset->source->interval;
    switch (dataset->scale.kind) {
    case AED_SCALE_UNIT: return (aed_interval){0, 1};
    case AED_SCALE_BATCH_MAX: /* where all is negative, nothing is divided */
        return divided(from, from.hi > 0 ? -INFINITY : from.lo);
    case AED_SCALE_L2: return divided(from, -1);
    case AED_SCALE_STANDARD:
        return (aed_interval){(double)apply(dataset, from.lo), (double)apply(dataset, from.hi)};
    case AED_SCALE_NONE:
    case AED_SCALE_AUTO: break;
    }
    return from;
}

aed_status aed_scale_prepare(aed_dataset *dataset, const aed_scale *scale, const char *where)
{
    aed_status status = AED_OK;
    aed_affine *affine = &dataset->cache->affine;
    dataset->scale = *scale;
    if (scale->kind == AED_SCALE_AUTO)
        dataset->scale.kind = is_bytes(dataset) ? AED_SCALE_UNIT : AED_SCALE_NONE;
    const aed_scale_kind kind = dataset->scale.kind;
    if (kind != AED_SCALE_NONE && dataset->own_input)
        return aed_fail(AED_CONFIG,
                        "%s: scale '%s' would change the targets of the source '%s' but not the "
                        "inputs, which it makes itself; use scale 'none'",
                        where, kind_names[kind], dataset->source->ops->kind.name);
    *affine = (aed_affine){.factor = 1};
    if (is_bytes(dataset) && kind != AED_SCALE_NONE) affine->factor = 1.0f / 255.0f;
    dataset->batch_scaled = kind == AED_SCALE_BATCH_MAX;
    if (kind == AED_SCALE_UNIT) AED_TRY(prepare_unit(dataset, where, affine));
    if (kind == AED_SCALE_STANDARD) AED_TRY(prepare_standard(dataset, where, affine));
    if (kind == AED_SCALE_BATCH_MAX) AED_TRY(find_largest(dataset));
    dataset->interval = scaled_interval(dataset);
done:
    return status;
}
