/* See walk.h. A pass with a visitor in the losses' place; the leaves and the sum are those of every
 * evaluation. */
#include "train/walk.h"

#include <inttypes.h>

#include "core/memory.h"
#include "dist/dist.h"

static aed_status out_of_memory(void)
{
    return aed_fail(AED_MEMORY, "out of memory for an analysis; use fewer samples or ranks");
}

aed_status aed_walk_create(aed_trainer *trainer, const aed_evaluation_spec *spec, bool labels,
                           aed_walk *walk)
{
    *walk = (aed_walk){0};
    const aed_status status = aed_trainer_create_pass(trainer, spec, &walk->pass);
    walk->pass.labels = labels;
    walk->pass.confusion = walk->pass.units = false;
    /* Another walk may have been where this one is now. */
    trainer->announced = NULL;
    return status;
}

void aed_walk_destroy(aed_walk *walk)
{
    aed_trainer_destroy_pass(&walk->pass);
    aed_free(walk->ids);
    aed_free(walk->places);
    *walk = (aed_walk){0};
}

aed_status aed_walk_choose(aed_walk *walk, const char *where, const char *what,
                           const uint32_t *places, int64_t count)
{
    aed_split *split = &walk->pass.split;
    if (!places && count > split->samples) count = split->samples;
    walk->ids = aed_alloc((size_t)count, sizeof *walk->ids);
    walk->places = aed_alloc((size_t)count, sizeof *walk->places);
    if (!walk->ids || !walk->places) return out_of_memory();
    for (int64_t i = 0; i < count; i++) {
        const int64_t place = places ? (int64_t)places[i] : i;
        if (place >= split->samples)
            return aed_fail(AED_CONFIG,
                            "%s: %s of sample %" PRId64 ", but the split has %" PRId64
                            " samples (0 is the first)",
                            where, what, place, split->samples);
        walk->ids[i] = split->ids ? split->ids[place] : split->first + (uint32_t)place;
        walk->places[i] = split->ids ? (int64_t)split->ids[place] : place;
    }
    split->ids = walk->ids;
    split->samples = count;
    return AED_OK;
}

/* A walk's leaves may be longer than those that the trainer was made for. */
static aed_status make_room(aed_trainer *t, const aed_pass *pass)
{
    if (!t->data->streamed || pass->leaf <= t->next_room) return AED_OK;
    uint32_t *grown = aed_realloc(t->next_ids, (size_t)pass->leaf, sizeof *grown);
    if (!grown) return out_of_memory();
    t->next_ids = grown;
    t->next_room = pass->leaf;
    return AED_OK;
}

static int64_t leaves_of(const aed_pass *pass)
{
    return (pass->split.samples + pass->leaf - 1) / pass->leaf;
}

aed_status aed_walk_run(aed_trainer *trainer, aed_walk *walk, int64_t doubles, aed_visit visit,
                        void *self, const double **sums)
{
    const struct aed_visitor visitor = {visit, self};
    aed_pass *pass = &walk->pass;
    aed_status status;
    pass->doubles = trainer->term_count + AED_SLOTS + doubles;
    aed_sum_destroy(&pass->sum);
    AED_TRY(aed_dist_agree(&trainer->comm, make_room(trainer, pass)));
    AED_TRY(aed_sum_create(&trainer->comm, leaves_of(pass), 0, pass->doubles, &pass->sum));
    pass->visitor = &visitor;
    status = aed_trainer_sum(trainer, pass, 0, pass->split.samples, sums);
    *sums += trainer->term_count + AED_SLOTS;
done:
    pass->visitor = NULL;
    return status;
}

aed_status aed_walk_gather(const aed_trainer *trainer, const aed_walk *walk, int64_t width,
                           float *rows)
{
    const aed_pass *pass = &walk->pass;
    const aed_comm *comm = &trainer->comm;
    aed_status status = AED_OK;
    for (int rank = 0; rank < comm->size && comm->size > 1; rank++) {
        int64_t first, end;
        aed_dist_block(leaves_of(pass), comm->size, rank, &first, &end);
        first *= pass->leaf;
        end *= pass->leaf;
        if (end > pass->split.samples) end = pass->split.samples;
        if (first >= end) continue;
        AED_TRY(aed_dist_broadcast(comm, rows + first * width,
                                   (size_t)((end - first) * width) * sizeof *rows, rank));
    }
done:
    return status;
}

aed_status aed_walk_look(aed_trainer *trainer, aed_walk *walk, aed_visit visit, void *self)
{
    aed_trainer *t = trainer;
    aed_pass *pass = &walk->pass;
    const int64_t samples = pass->split.samples, lanes = t->model.lanes;
    aed_status status = aed_trainer_scale(t, pass, 0, samples);
    if (status == AED_OK) status = t->tile_status;
    for (int64_t first = 0; first < samples && status == AED_OK; first += lanes) {
        const int64_t left = samples - first;
        aed_tile tile;
        const float *target;
        status = aed_trainer_load(t, pass, first, left < lanes ? left : lanes, &tile, &target);
        if (status == AED_OK) visit(self, t, &tile, first, target, NULL);
    }
    return aed_dist_agree(&t->comm, status);
}

void aed_walk_read(const float *values, int64_t features, const aed_tile *tile, float *out)
{
    for (int lane = 0; lane < tile->valid; lane++)
        for (int64_t f = 0; f < features; f++) *out++ = values[f * tile->lanes + lane];
}
