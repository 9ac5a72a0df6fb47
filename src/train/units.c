/* Dead units: those of a relu that are 0 for all samples of a pass. */
#include <inttypes.h>
#include <stdio.h>

#include "core/memory.h"
#include "train/trainer.h"

/* They ride in the pass's sum as a number each. */
enum { MOST_UNITS = 1 << 16 };

/* The layer whose output shows the relu's zeros: itself, or the one that computes it. -1: what comes
 * behind writes over it. */
static int owner_of(const aed_model *model, int relu)
{
    int owner = relu;
    while (model->layers[owner].absorbed) owner--;
    const int next = owner + model->layers[owner].absorbs + 1;
    if (next == model->layer_count || model->output_at[next] != model->output_at[owner])
        return owner;
    const aed_layer_ops *ops = model->layers[next].ops;
    return ops->is_view || ops->is_random ? owner : -1;
}

static void add_units(aed_trainer *t, int relu, int owner)
{
    const aed_layer *layer = &t->model.layers[owner];
    const aed_shape *shape = &layer[layer->absorbs].out;
    aed_units *units = &t->units[t->units_count++];
    *units = (aed_units){.layer = owner, .count = shape->size[0]};
    units->features = aed_shape_count(shape) / units->count;
    units->path = t->model.layers[relu].spec->path;
    snprintf(units->name, sizeof units->name, "dead_units.%.60s", units->path);
}

aed_status aed_trainer_find_units(aed_trainer *trainer)
{
    aed_trainer *t = trainer;
    const aed_layer_ops *relu = aed_layer_find("relu");
    int64_t count = 0;
    t->units = aed_alloc((size_t)t->model.layer_count, sizeof *t->units);
    if (!t->units) return aed_fail(AED_MEMORY, "out of memory for a trial");
    for (int i = 0; i < t->model.layer_count; i++) {
        const int owner = t->model.layers[i].ops == relu ? owner_of(&t->model, i) : -1;
        if (owner < 0) continue;
        add_units(t, i, owner);
        count += t->units[t->units_count - 1].count;
    }
    t->look.dead = aed_alloc((size_t)t->units_count, sizeof *t->look.dead);
    if (!t->look.dead) return aed_fail(AED_MEMORY, "out of memory for a trial");
    if (!t->config->metrics_dead_units) return AED_OK;
    if (count == 0)
        return aed_fail(AED_CONFIG,
                        "metrics.dead_units: the model has no relu whose units could die; leave it "
                        "out");
    if (count > MOST_UNITS)
        return aed_fail(AED_CONFIG,
                        "metrics.dead_units: the model has %" PRId64
                        " relu units, more than %d; leave it out",
                        count, (int)MOST_UNITS);
    t->unit_count = count;
    return AED_OK;
}

bool aed_units_alive(const aed_trainer *trainer, const aed_units *units, int64_t first, int64_t end,
                     const aed_tile *tile)
{
    const float *y = aed_model_output(&trainer->model, trainer->workspace, units->layer);
    for (int64_t f = first * units->features; f < end * units->features; f++)
        for (int lane = 0; lane < tile->valid; lane++)
            if (y[f * tile->lanes + lane] != 0) return true;
    return false;
}

void aed_trainer_watch_units(const aed_trainer *trainer, const aed_tile *tile, double *counts)
{
    for (int64_t i = 0; i < trainer->units_count; i++) {
        const aed_units *units = &trainer->units[i];
        for (int64_t u = 0; u < units->count; u++, counts++)
            if (*counts == 0 && aed_units_alive(trainer, units, u, u + 1, tile)) *counts = 1;
    }
}
