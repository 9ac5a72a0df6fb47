/* Tiles: rows into float [features][lanes], scaled on the way. */
#include <string.h>

#include "data/rows_cache.h"
#include "data/stream.h"
#include "kernel/kernels.h"

int aed_rows_distinct(const uint32_t *ids, int lanes)
{
    int distinct = lanes;
    while (distinct > 1 && ids[distinct - 1] == ids[distinct - 2]) distinct--;
    return distinct;
}

/* Makes or gets the samples of a tile that are not kept: lane i's is row places[i] of *rows. */
static aed_status stage(const aed_dataset *dataset, int64_t epoch, const uint32_t *ids, int lanes,
                        uint32_t *places, const aed_rows **rows)
{
    aed_rows_cache *cache = dataset->cache;
    if (cache->stream) return aed_stream_rows(cache->stream, ids, lanes, places, rows);
    *rows = &cache->staging;

    const int distinct = aed_rows_distinct(ids, lanes);
    for (int lane = 0; lane < lanes; lane++)
        places[lane] = (uint32_t)(lane < distinct ? lane : distinct - 1);
    return aed_rows_make(dataset->source, epoch, ids, distinct, &dataset->cache->staging);
}

/* Targets into lanes. Bytes are scaled by the kernel that loads them, for floats it is often nothing
 * that is left to do. */
static void load_targets(const aed_dataset *dataset, const aed_rows *rows, const uint32_t *ids,
                         int lanes, float factor, float *target)
{
    const aed_kernels_table *kernels = aed_kernels();
    const aed_affine *affine = &dataset->cache->affine;
    const int64_t features = dataset->features, count = features * lanes;
    if (rows->bytes) {
        kernels->load_bytes(rows->bytes, features, ids, lanes, affine->factor, affine->shift,
                            target);
    } else {
        kernels->load_rows(rows->target, features, ids, lanes, target);
        if (affine->shift != 0 || affine->factor != 1)
            kernels->standardize(count, affine->shift, affine->factor, target);
    }
    /* In a step of its own, so that the largest becomes 1 and no more. */
    if (factor != 1) kernels->scale(count, factor, target);
    if (dataset->scale.kind == AED_SCALE_L2) kernels->unit_columns(features, lanes, target);
}

aed_status aed_dataset_tile(const aed_dataset *dataset, int64_t epoch, const uint32_t *ids,
                            int lanes, float factor, float *target, float *input, int32_t *labels)
{
    uint32_t places[AED_DATA_MAX_LANES];
    const aed_rows_cache *cache = dataset->cache;
    const aed_rows *rows = &cache->rows;
    if (lanes < 1 || lanes > AED_DATA_MAX_LANES || lanes % AED_LANE_BLOCK)
        return aed_fail(AED_INTERNAL, "aed_dataset_tile: %d lanes; 16, 32, 48 or 64 are possible",
                        lanes);
    if (!cache->kept) {
        const aed_status status = stage(dataset, epoch, ids, lanes, places, &rows);
        if (status != AED_OK) return status;
        ids = places;
    }
    load_targets(dataset, rows, ids, lanes, factor, target);
    for (int lane = 0; labels && rows->labels && lane < lanes; lane++)
        labels[lane] = rows->labels[ids[lane]];
    /* One buffer for both, or no input buffer, gets the targets. */
    if (!input || input == target) return AED_OK;
    if (rows->input)
        aed_kernels()->load_rows(rows->input, dataset->features, ids, lanes, input);
    else
        memcpy(input, target, sizeof *input * (size_t)(dataset->features * lanes));
    return AED_OK;
}

void aed_dataset_announce(const aed_dataset *dataset, int64_t epoch, const uint32_t *ids,
                          int64_t count)
{
    (void)epoch; /* samples of files are the same in every one */
    if (dataset->cache->stream) aed_stream_announce(dataset->cache->stream, ids, count);
}
