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

/* Floats behind the last row that a kernel may read. */
enum { OVERREAD = 8 };

/* Allocates `floats` for targets and, unless inputs are the targets, for inputs. */
static aed_status allocate(size_t floats, bool own_input, float **target, float **input)
{
    floats += OVERREAD;
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

/* ---- Tiles ------------------------------------------------------------------------------------ */

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
    uint32_t staged_ids[AED_DATA_MAX_LANES];
    const int64_t features = dataset->features;
    const float *from_target = dataset->target, *from_input = dataset->input;
    if (lanes < 1 || lanes > AED_DATA_MAX_LANES || lanes % AED_LANE_BLOCK)
        return aed_fail(AED_INTERNAL, "aed_dataset_tile: %d lanes; 16, 32, 48 or 64 are possible",
                        lanes);
    if (!dataset->target) {
        const aed_status status = stage(dataset, epoch, ids, lanes, staged_ids);
        if (status != AED_OK) return status;
        ids = staged_ids;
        from_target = dataset->staging_target;
        from_input = dataset->staging_input;
    }
    aed_kernels()->load_rows(from_target, features, ids, lanes, target);
    /* One buffer for both, or no input buffer, gets the targets. */
    if (!input || input == target) return AED_OK;
    if (from_input == from_target)
        memcpy(input, target, sizeof *input * (size_t)(features * lanes));
    else
        aed_kernels()->load_rows(from_input, features, ids, lanes, input);
    return AED_OK;
}
