/* Data sets: the samples of a source in memory, its own or the source's, or made when they are
 * wanted. Scaling is in scale.c, splits in split.c, the filling of tiles in tile.c. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"
#include "data/rows_cache.h"
#include "data/stream.h"
#include "kernel/kernels.h"

enum { MAKE_BLOCK = 1024 }; /* samples asked of a source at once */
static const double GIB = 1024.0 * 1024.0 * 1024.0;

static double physical_memory(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && bytes > 0 ? (double)pages * (double)bytes : 0x1p63;
}

aed_status aed_data_check_size(aed_status status, const char *where, int64_t samples,
                               int64_t features, int bytes, size_t *numbers)
{
    const double needed = (double)samples * (double)features * bytes;
    if (needed > physical_memory())
        return aed_fail(status,
                        "%s: %" PRId64 " samples of %" PRId64 " numbers need %.1f GiB, this "
                        "machine has %.1f GiB; use fewer or smaller samples",
                        where, samples, features, needed / GIB, physical_memory() / GIB);
    *numbers = (size_t)samples * (size_t)features; /* fits: physical memory is below 2^63 bytes */
    return AED_OK;
}

int aed_source_number_bytes(const aed_source *source)
{
    if (source->is_bytes) return 1;
    return (int)sizeof(float) * (source->own_input ? 2 : 1);
}

/* ---- Rows ------------------------------------------------------------------------------------- */

aed_status aed_rows_alloc(const aed_dataset *dataset, bool is_bytes, int64_t count, aed_rows *rows)
{
    const size_t numbers = (size_t)(count * dataset->features) + AED_ROWS_OVERREAD;
    bool complete;
    *rows = (aed_rows){0};
    if (is_bytes) {
        rows->bytes = aed_alloc_aligned(numbers, 1);
        complete = rows->bytes != NULL;
    } else {
        rows->target = aed_alloc_aligned(numbers, sizeof(float));
        if (dataset->own_input) rows->input = aed_alloc_aligned(numbers, sizeof(float));
        complete = rows->target && (rows->input || !dataset->own_input);
    }
    if (dataset->classes > 0) {
        rows->labels = aed_alloc((size_t)count, sizeof *rows->labels);
        complete = complete && rows->labels;
    }
    if (complete) return AED_OK;
    return aed_fail(AED_MEMORY, "data set: no memory for %zu numbers; use fewer samples", numbers);
}

void aed_rows_free(aed_rows *rows)
{
    aed_free(rows->target);
    aed_free(rows->input);
    aed_free(rows->bytes);
    aed_free(rows->labels);
    *rows = (aed_rows){0};
}

/* Sources are free to use libm and muParser, so they too see one floating-point environment. */
aed_status aed_rows_make(const aed_source *source, int64_t epoch, const uint32_t *ids,
                         int64_t count, const aed_rows *rows)
{
    const unsigned state = aed_float_pin();
    const aed_status status = source->ops->make(source, epoch, ids, count, rows);
    aed_float_restore(state);
    return status;
}

/* The rows from sample `first` on. */
static aed_rows rows_from(const aed_dataset *dataset, int64_t first)
{
    const aed_rows *rows = &dataset->cache->rows;
    const int64_t offset = first * dataset->features;
    return (aed_rows){.target = rows->target ? rows->target + offset : NULL,
                      .input = rows->input ? rows->input + offset : NULL,
                      .bytes = rows->bytes ? rows->bytes + offset : NULL,
                      .labels = rows->labels ? rows->labels + first : NULL};
}

static aed_status make_all(const aed_dataset *dataset)
{
    uint32_t ids[MAKE_BLOCK];
    const int64_t total = dataset->cache->total;
    for (int64_t first = 0; first < total; first += MAKE_BLOCK) {
        const int64_t left = total - first, count = left < MAKE_BLOCK ? left : MAKE_BLOCK;
        const aed_rows rows = rows_from(dataset, first);
        for (int64_t i = 0; i < count; i++) ids[i] = (uint32_t)(first + i);
        const aed_status status = aed_rows_make(dataset->source, 0, ids, count, &rows);
        if (status != AED_OK) return status;
    }
    return AED_OK;
}

/* ---- Data sets -------------------------------------------------------------------------------- */

static aed_status create_cache(aed_dataset *dataset, int64_t total)
{
    dataset->cache = aed_alloc(1, sizeof *dataset->cache);
    if (!dataset->cache) return aed_fail(AED_MEMORY, "data set: out of memory");
    dataset->cache->total = total;
    return AED_OK;
}

/* Rows in memory if they fit, else a tile's worth of them, and a thread to read what is slow. */
static aed_status create_rows(aed_dataset *dataset, double memory, const char *where)
{
    const aed_source *source = dataset->source;
    aed_rows_cache *cache = dataset->cache;
    const int bytes = aed_source_number_bytes(source);
    const double needed = (double)cache->total * (double)dataset->features * bytes;
    const double allowed = memory > 0 ? memory : physical_memory() / 2;
    aed_status status = AED_OK;
    if (source->held.target || source->held.bytes) {
        cache->rows = source->held;
        cache->kept = true;
        dataset->bytes = needed;
    } else if (!source->fresh && needed <= allowed) {
        cache->kept = cache->owned = true;
        dataset->bytes = needed;
        AED_TRY(aed_rows_alloc(dataset, source->is_bytes, cache->total, &cache->rows));
        AED_TRY(make_all(dataset));
    } else {
        size_t numbers;
        AED_TRY(aed_data_check_size(AED_MEMORY, where, AED_DATA_MAX_LANES, dataset->features, bytes,
                                    &numbers));
        AED_TRY(aed_rows_alloc(dataset, source->is_bytes, AED_DATA_MAX_LANES, &cache->staging));
        dataset->bytes = (double)numbers * bytes;
        dataset->streamed = source->slow_to_read;
        if (dataset->streamed) {
            double areas;
            AED_TRY(aed_stream_create(dataset, allowed, &cache->stream, &areas));
            dataset->bytes += areas;
        }
    }
done:
    return status;
}

aed_status aed_dataset_create(const aed_source *source, const aed_dataset_options *options,
                              aed_dataset *dataset)
{
    static const aed_dataset_options plain = {0};
    const aed_dataset_options *chosen = options ? options : &plain;
    const char *where = chosen->where ? chosen->where : "data set";
    aed_status status;
    *dataset = (aed_dataset){.source = source,
                             .samples = source->samples,
                             .features = aed_shape_count(&source->shape),
                             .classes = source->classes,
                             .own_input = source->own_input};
    AED_TRY(create_cache(dataset, source->samples + source->test_samples));
    AED_TRY(create_rows(dataset, chosen->memory, where));
    AED_TRY(aed_scale_prepare(dataset, &chosen->scale, where));
    AED_TRY(aed_split_prepare(dataset, chosen->holdout, where));
done:
    if (status != AED_OK) aed_dataset_destroy(dataset);
    return status;
}

static aed_status check_arrays(int64_t samples, int64_t features, const int32_t *labels,
                               int32_t classes)
{
    if (samples < 1 || samples > UINT32_MAX || features < 1 || features > INT32_MAX)
        return aed_fail(AED_DATA,
                        "data set: %" PRId64 " samples of %" PRId64 " numbers; there "
                        "must be 1 to 2^32 - 1 samples of 1 to 2^31 - 1 numbers",
                        samples, features);
    for (int64_t i = 0; labels && i < samples; i++)
        if (labels[i] < 0 || labels[i] >= classes)
            return aed_fail(AED_DATA,
                            "data set: label %" PRId32 " of sample %" PRId64 " is not one of 0 ... "
                            "%" PRId32,
                            labels[i], i, classes - 1);
    return AED_OK;
}

aed_status aed_dataset_from_arrays(int64_t samples, int64_t features, const float *target,
                                   const float *input, const int32_t *labels, int32_t classes,
                                   aed_dataset *dataset)
{
    aed_status status;
    size_t numbers;
    *dataset = (aed_dataset){.samples = samples,
                             .features = features,
                             .classes = labels ? classes : 0,
                             .own_input = input != NULL,
                             .interval = {-INFINITY, INFINITY}};
    AED_TRY(check_arrays(samples, features, labels, classes));
    AED_TRY(aed_data_check_size(AED_MEMORY, "data set", samples, features,
                                (int)sizeof(float) * (input ? 2 : 1), &numbers));
    AED_TRY(create_cache(dataset, samples));
    dataset->cache->kept = dataset->cache->owned = true;
    AED_TRY(aed_rows_alloc(dataset, false, samples, &dataset->cache->rows));
    dataset->cache->affine = (aed_affine){.factor = 1};
    dataset->bytes = (double)numbers * sizeof(float) * (input ? 2 : 1);
    const aed_rows *rows = &dataset->cache->rows;
    memcpy(rows->target, target, numbers * sizeof(float));
    if (input) memcpy(rows->input, input, numbers * sizeof(float));
    if (labels) memcpy(rows->labels, labels, (size_t)samples * sizeof *labels);
done:
    if (status != AED_OK) aed_dataset_destroy(dataset);
    return status;
}

void aed_dataset_destroy(aed_dataset *dataset)
{
    if (!dataset) return;
    aed_rows_cache *cache = dataset->cache;
    if (cache) {
        aed_stream_destroy(&cache->stream);
        if (cache->owned) aed_rows_free(&cache->rows);
        aed_rows_free(&cache->staging);
        aed_free(cache->largest);
        aed_free(cache->order);
        aed_free(cache);
    }
    *dataset = (aed_dataset){0};
}
