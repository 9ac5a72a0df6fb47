/* The training targets, looked at for the checks; see checks.h. */
#include <math.h>

#include "core/memory.h"
#include "train/checks.h"

/* Values that are looked at: some tenths of a second. */
enum { LANES = 16, MOST_VALUES = 1 << 24 };

/* Over the first samples of the training split, a tile at a time. */
typedef struct walk {
    const aed_dataset *data;
    aed_split split;
    int64_t samples;
    float factor; /* of batch-scaled data */
    float *tile;  /* [features][LANES] */
} walk;

/* The ids of samples `first` ... of the walk; returns how many of the lanes count. */
static int list_ids(const walk *w, int64_t first, uint32_t ids[LANES])
{
    for (int64_t lane = 0; lane < LANES; lane++) {
        const int64_t at = first + lane < w->samples ? first + lane : w->samples - 1;
        ids[lane] = w->split.ids ? w->split.ids[at] : w->split.first + (uint32_t)at;
    }
    return w->samples - first < LANES ? (int)(w->samples - first) : LANES;
}

/* Fills the tile; epoch 1 is the first that is trained on. */
static aed_status load(const walk *w, int64_t first, int *valid)
{
    uint32_t ids[LANES];
    *valid = list_ids(w, first, ids);
    return aed_dataset_tile(w->data, 1, ids, LANES, w->factor, w->tile, w->tile, NULL);
}

/* By the largest value of all: each batch's is at most that, so the targets are these or further from
 * 0. */
static aed_status find_factor(walk *w)
{
    float largest = 0, most = 0;
    for (int64_t first = 0; first < w->samples; first += LANES) {
        uint32_t ids[LANES];
        list_ids(w, first, ids);
        const aed_status status = aed_dataset_max(w->data, 1, ids, LANES, &largest);
        if (status != AED_OK) return status;
        if (largest > most) most = largest;
    }
    w->factor = most > 0 ? 1 / most : 1;
    return AED_OK;
}

static aed_status begin(const aed_dataset *data, walk *w)
{
    const int64_t most = MOST_VALUES / data->features + 1;
    aed_status status;
    *w = (walk){.data = data, .factor = 1};
    w->tile = aed_alloc_aligned((size_t)data->features * LANES, sizeof *w->tile);
    if (!w->tile) return aed_fail(AED_MEMORY, "out of memory for the checks of the set-up");
    AED_TRY(aed_dataset_split(data, AED_SPLIT_TRAIN, &w->split));
    w->samples = w->split.samples < most ? w->split.samples : most;
    if (data->batch_scaled) status = find_factor(w);
done:
    return status;
}

static void see(aed_targets *targets, int64_t f, double value)
{
    if (value < targets->range.lo) targets->range.lo = value;
    if (value > targets->range.hi) targets->range.hi = value;
    targets->mean[f] += (value - targets->mean[f]) / (double)targets->samples;
}

aed_status aed_targets_look(const aed_dataset *data, aed_targets *targets)
{
    walk w;
    aed_status status;
    *targets = (aed_targets){.range = {INFINITY, -INFINITY}};
    AED_TRY(begin(data, &w));
    targets->mean = aed_alloc((size_t)data->features, sizeof *targets->mean);
    if (!targets->mean) AED_TRY(aed_fail(AED_MEMORY, "out of memory for the checks of the set-up"));
    for (int64_t first = 0; first < w.samples; first += LANES) {
        int valid;
        AED_TRY(load(&w, first, &valid));
        for (int lane = 0; lane < valid; lane++) {
            targets->samples++;
            for (int64_t f = 0; f < data->features; f++)
                see(targets, f, (double)w.tile[f * LANES + lane]);
        }
    }
done:
    aed_free(w.tile);
    return status;
}

void aed_targets_destroy(aed_targets *targets)
{
    aed_free(targets->mean);
    *targets = (aed_targets){0};
}

/* The term's loss over a tile, summed. */
static double loss_of(const aed_term *term, const walk *w, int valid, const float *outputs)
{
    return term->ops->evaluate(term->spec, w->data->features, LANES, valid, outputs, w->tile, NULL,
                               0, NULL);
}

aed_status aed_targets_floors(const aed_dataset *data, const aed_targets *targets,
                              const aed_term *term, aed_interval reach, double *nearest,
                              double *mean)
{
    walk w;
    aed_status status;
    const int64_t values = data->features * LANES;
    float *outputs = aed_alloc_aligned((size_t)values, sizeof *outputs);
    double sums[2] = {0, 0};
    AED_TRY(begin(data, &w));
    if (!outputs) AED_TRY(aed_fail(AED_MEMORY, "out of memory for the checks of the set-up"));
    for (int64_t first = 0; first < w.samples; first += LANES) {
        int valid;
        AED_TRY(load(&w, first, &valid));
        for (int64_t i = 0; i < values; i++)
            outputs[i] = (float)fmin(fmax((double)w.tile[i], reach.lo), reach.hi);
        sums[0] += loss_of(term, &w, valid, outputs);
        for (int64_t i = 0; i < values; i++) outputs[i] = (float)targets->mean[i / LANES];
        sums[1] += loss_of(term, &w, valid, outputs);
    }
    *nearest = sums[0] / ((double)w.samples * (double)data->features);
    *mean = sums[1] / ((double)w.samples * (double)data->features);
done:
    aed_free(w.tile);
    aed_free(outputs);
    return status;
}
