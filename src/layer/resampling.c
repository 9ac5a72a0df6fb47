/* Sparse maps over positions; see resampling.h. */
#include "layer/resampling.h"

#include <string.h>

#include "core/memory.h"

/* Sorts the entries by row or by column into one direction's list. */
static void sort_entries(int64_t count, const aed_resampling_entry *entries, bool by_row,
                         int32_t rows, int32_t *start, int32_t *position, float *weights)
{
    for (int64_t i = 0; i < count; i++) start[(by_row ? entries[i].row : entries[i].column) + 2]++;
    for (int32_t row = 0; row < rows; row++) start[row + 2] += start[row + 1];
    for (int64_t i = 0; i < count; i++) {
        const int32_t at = start[(by_row ? entries[i].row : entries[i].column) + 1]++;
        position[at] = by_row ? entries[i].column : entries[i].row;
        weights[at] = entries[i].weight;
    }
}

aed_status aed_resampling_create(aed_layer *layer, int32_t rows, int32_t columns, int64_t count,
                                 const aed_resampling_entry *entries)
{
    aed_resampling *map = aed_alloc(1, sizeof *map);
    layer->state = map;
    if (map) {
        map->memory = aed_alloc((size_t)rows + (size_t)columns + 4 + 2 * (size_t)count,
                                sizeof *map->memory);
        map->forward_weights = aed_alloc(2 * (size_t)count, sizeof *map->forward_weights);
    }
    if (!map || !map->memory || !map->forward_weights) {
        aed_resampling_destroy(layer);
        return aed_fail(AED_MEMORY, "out of memory for a layer's index lists");
    }
    map->backward_weights = map->forward_weights + count;
    int32_t *forward_start = map->memory, *backward_start = forward_start + rows + 2;
    int32_t *forward_position = backward_start + columns + 2;
    int32_t *backward_position = forward_position + count;
    sort_entries(count, entries, true, rows, forward_start, forward_position, map->forward_weights);
    sort_entries(count, entries, false, columns, backward_start, backward_position,
                 map->backward_weights);
    map->forward = (aed_pairs){.rows = rows, .start = forward_start, .position = forward_position};
    map->backward = (aed_pairs){
        .rows = columns, .start = backward_start, .position = backward_position};
    return AED_OK;
}

void aed_resampling_destroy(aed_layer *layer)
{
    aed_resampling *map = layer->state;
    if (map) {
        aed_free(map->memory);
        aed_free(map->forward_weights);
    }
    aed_free(map);
    layer->state = NULL;
}

void aed_resampling_forward(const aed_layer *layer, const float *params, const float *x, float *y,
                            const aed_tile *tile)
{
    (void)params;
    const aed_resampling *map = layer->state;
    layer->kernels->resample(&map->forward, map->forward_weights, (int)layer->in.size[0],
                             map->backward.rows, tile->lanes, x, y);
}

void aed_resampling_backward(const aed_layer *layer, const float *params, const float *x,
                             const float *y, float *dy, float *dx, float *grads,
                             const aed_tile *tile)
{
    (void)params;
    (void)x;
    (void)y;
    (void)grads;
    const aed_resampling *map = layer->state;
    if (dx)
        layer->kernels->resample(&map->backward, map->backward_weights, (int)layer->in.size[0],
                                 map->forward.rows, tile->lanes, dy, dx);
}
