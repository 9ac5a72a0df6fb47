/* Data sets: all samples of a source in memory (or, of a fresh source, one tile at a time), and the
 * filling of tiles, float [features][lanes], from rows, float [features] a sample. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"
#include "data/sources.h"
#include "kernel/kernels.h"

enum { MAKE_BLOCK = 1024 }; /* samples asked of a source at once */

static double physical_memory(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && bytes > 0 ? (double)pages * (double)bytes : 0x1p63;
}

aed_status aed_data_check_size(aed_status status, const char *where, int64_t samples,
                               int64_t features, int copies, size_t *floats)
{
    const double gib = 1024.0 * 1024.0 * 1024.0;
    const double needed = (double)samples * (double)features * copies * sizeof(float);
    if (needed > physical_memory())
        return aed_fail(status,
                        "%s: %" PRId64 " samples of %" PRId64 " numbers need %.1f GiB, this "
                        "machine has %.1f GiB; use fewer or smaller samples",
                        where, samples, features, needed / gib, physical_memory() / gib);
    *floats = (size_t)samples * (size_t)features; /* fits: physical memory is below 2^63 bytes */
    return AED_OK;
}

/* Sources are free to use libm and muParser, so they too see one floating-point environment. */
static aed_status make_samples(const aed_source *source, int64_t epoch, const uint32_t *ids,
                               int64_t count, float *target, float *input)
{
    const unsigned state = aed_float_pin();
    const aed_status status = source->ops->make(source, epoch, ids, count, target, input);
    aed_float_restore(state);
    return status;
}

static aed_status make_all(aed_dataset *dataset)
{
    uint32_t ids[MAKE_BLOCK];
    for (int64_t first = 0; first < dataset->samples; first += MAKE_BLOCK) {
        const int64_t left = dataset->samples - first,
                      count = left < MAKE_BLOCK ? left : MAKE_BLOCK;
        const int64_t offset = first * dataset->features;
        for (int64_t i = 0; i < count; i++) ids[i] = (uint32_t)(first + i);
        const aed_status status = make_samples(
            dataset->source, 0, ids, count, dataset->target + offset,
            dataset->source->own_input ? dataset->input + offset : NULL);
        if (status != AED_OK) return status;
    }
    return AED_OK;
}

/* Allocates `floats` for targets and, unless inputs are the targets, for inputs. */
static aed_status allocate(size_t floats, bool own_input, float **target, float **input)
{
    *target = aed_alloc_aligned(floats, sizeof(float));
    *input = own_input ? aed_alloc_aligned(floats, sizeof(float)) : *target;
    if (!*target || !*input)
        return aed_fail(AED_MEMORY, "data set: no memory for %zu numbers; use fewer samples",
                        floats);
    return AED_OK;
}

aed_status aed_dataset_create(const aed_source *source, aed_dataset *dataset)
{
    aed_status status;
    size_t floats;
    *dataset = (aed_dataset){
        .source = source, .samples = source->samples, .features = aed_shape_count(&source->shape)};
    AED_TRY(aed_data_check_size(AED_MEMORY, "data set",
                                source->fresh ? AED_DATA_MAX_LANES : source->samples,
                                dataset->features, source->own_input ? 2 : 1, &floats));
    if (source->fresh) {
        AED_TRY(
            allocate(floats, source->own_input, &dataset->staging_target, &dataset->staging_input));
    } else {
        AED_TRY(allocate(floats, source->own_input, &dataset->target, &dataset->input));
        AED_TRY(make_all(dataset));
    }
done:
    if (status != AED_OK) aed_dataset_destroy(dataset);
    return status;
}

aed_status aed_dataset_from_arrays(int64_t samples, int64_t features, const float *target,
                                   const float *input, aed_dataset *dataset)
{
    aed_status status;
    size_t floats;
    *dataset = (aed_dataset){.samples = samples, .features = features};
    if (samples < 1 || samples > UINT32_MAX || features < 1 || features > INT32_MAX) {
        status = aed_fail(AED_DATA,
                          "data set: %" PRId64 " samples of %" PRId64 " numbers; there "
                          "must be 1 to 2^32 - 1 samples of 1 to 2^31 - 1 numbers",
                          samples, features);
        goto done;
    }
    AED_TRY(aed_data_check_size(AED_MEMORY, "data set", samples, features, input ? 2 : 1, &floats));
    AED_TRY(allocate(floats, input != NULL, &dataset->target, &dataset->input));
    memcpy(dataset->target, target, floats * sizeof(float));
    if (input) memcpy(dataset->input, input, floats * sizeof(float));
done:
    if (status != AED_OK) aed_dataset_destroy(dataset);
    return status;
}

void aed_dataset_destroy(aed_dataset *dataset)
{
    if (!dataset) return;
    if (dataset->input != dataset->target) aed_free(dataset->input);
    if (dataset->staging_input != dataset->staging_target) aed_free(dataset->staging_input);
    aed_free(dataset->target);
    aed_free(dataset->staging_target);
    *dataset = (aed_dataset){0};
}

/* ---- Tiles ----------------------------------------------------------------------------------- */

typedef float quad __attribute__((vector_size(16)));
typedef int32_t quad_index __attribute__((vector_size(16)));

static inline quad load(const float *from)
{
    quad value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline void store(float *to, quad value) { memcpy(to, &value, sizeof value); }

/* Four features of four rows, transposed, to out[4][lanes] and, unless NULL, to copy[4][lanes]. */
static inline void transpose_4x4(const float *const *rows, int64_t feature, int64_t lanes,
                                 float *out, float *copy)
{
    const quad a = load(rows[0] + feature), b = load(rows[1] + feature),
               c = load(rows[2] + feature), d = load(rows[3] + feature);
    const quad_index low = {0, 4, 1, 5}, high = {2, 6, 3, 7};
    const quad_index first = {0, 1, 4, 5}, second = {2, 3, 6, 7};
    const quad ab_low = __builtin_shuffle(a, b, low), cd_low = __builtin_shuffle(c, d, low);
    const quad ab_high = __builtin_shuffle(a, b, high), cd_high = __builtin_shuffle(c, d, high);
    const quad column[4] = {
        __builtin_shuffle(ab_low, cd_low, first), __builtin_shuffle(ab_low, cd_low, second),
        __builtin_shuffle(ab_high, cd_high, first), __builtin_shuffle(ab_high, cd_high, second)};
    for (int i = 0; i < 4; i++) store(out + i * lanes, column[i]);
    if (copy)
        for (int i = 0; i < 4; i++) store(copy + i * lanes, column[i]);
}

/* Lanes from first_lane on, a row at a time: for samples of one to three features. */
static void fill_rows(const float *const *rows, int64_t features, int first_lane, int lanes,
                      float *out, float *copy)
{
    for (int lane = first_lane; lane < lanes; lane++) {
        const float *row = rows[lane];
        for (int64_t f = 0; f < features; f++) out[f * lanes + lane] = row[f];
        for (int64_t f = 0; copy && f < features; f++) copy[f * lanes + lane] = row[f];
    }
}

/* out[features][lanes] (and copy, unless NULL) from rows[lanes]. Blocks of 16 lanes fill whole
 * cache lines; a rest of fewer than four features is done by moving the last block back over
 * features already written. */
static void fill_tile(const float *const *rows, int64_t features, int lanes, float *out,
                      float *copy)
{
    const int whole = features < 4 ? 0 : lanes / 4 * 4;
    for (int block = 0; block < whole; block += 16) {
        const int end = block + 16 < whole ? block + 16 : whole;
        for (int64_t f = 0; whole && f < features; f += 4) {
            const int64_t feature = f + 4 <= features ? f : features - 4;
            for (int lane = block; lane < end; lane += 4) {
                const int64_t at = feature * lanes + lane;
                transpose_4x4(rows + lane, feature, lanes, out + at, copy ? copy + at : NULL);
            }
        }
    }
    if (whole < lanes) fill_rows(rows, features, whole, lanes, out, copy);
}

static void find_rows(const float *samples, int64_t features, const uint32_t *ids, int lanes,
                      const float **rows)
{
    for (int lane = 0; lane < lanes; lane++) rows[lane] = samples + (int64_t)ids[lane] * features;
}

/* Makes the tile's samples into the staging rows; the last lanes may repeat one sample. */
static aed_status stage(const aed_dataset *dataset, int64_t epoch, const uint32_t *ids, int lanes,
                        uint32_t *staged_ids)
{
    int distinct = lanes;
    while (distinct > 1 && ids[distinct - 1] == ids[distinct - 2]) distinct--;
    for (int lane = 0; lane < lanes; lane++)
        staged_ids[lane] = (uint32_t)(lane < distinct ? lane : distinct - 1);
    return make_samples(dataset->source, epoch, ids, distinct, dataset->staging_target,
                        dataset->source->own_input ? dataset->staging_input : NULL);
}

aed_status aed_dataset_tile(const aed_dataset *dataset, int64_t epoch, const uint32_t *ids,
                            int lanes, float *target, float *input)
{
    const float *rows[AED_DATA_MAX_LANES];
    uint32_t staged_ids[AED_DATA_MAX_LANES];
    const float *from_target = dataset->target, *from_input = dataset->input;
    if (lanes < 1 || lanes > AED_DATA_MAX_LANES)
        return aed_fail(AED_INTERNAL, "aed_dataset_tile: %d lanes; at most %d are possible", lanes,
                        AED_DATA_MAX_LANES);
    if (!dataset->target) {
        const aed_status status = stage(dataset, epoch, ids, lanes, staged_ids);
        if (status != AED_OK) return status;
        ids = staged_ids;
        from_target = dataset->staging_target;
        from_input = dataset->staging_input;
    }
    /* One buffer for both, or no input buffer, gets the targets. */
    const bool one_output = !input || input == target;
    const bool one_source = from_input == from_target;
    find_rows(from_target, dataset->features, ids, lanes, rows);
    fill_tile(rows, dataset->features, lanes, target, !one_output && one_source ? input : NULL);
    if (!one_output && !one_source) {
        find_rows(from_input, dataset->features, ids, lanes, rows);
        fill_tile(rows, dataset->features, lanes, input, NULL);
    }
    return AED_OK;
}

void aed_dataset_prefetch(const aed_dataset *dataset, const uint32_t *ids, int64_t count)
{
    const int64_t features = dataset->features;
    if (!dataset->target || features > 64) return; /* longer rows come in order: hardware sees it */
    for (int64_t i = 0; i < count; i++) {
        const float *row = dataset->target + (int64_t)ids[i] * features;
        __builtin_prefetch(row);
        __builtin_prefetch(row + features - 1);
    }
}
