/* What the reconstruction's loss is for two ways to know nothing and all: every output the mean of the
 * validation samples, and every output its target (0 for mse, but not for bce). Two passes over the
 * samples, of which the first finds their mean; the model has no part in it. */
#include <math.h>

#include "core/memory.h"
#include "train/walk.h"

/* The mean rides in the pass's sum as a number each. */
enum { MOST_FEATURES = 1 << 16 };

enum { MEAN, LEAST, LOSSES };

typedef struct visitor {
    const aed_term *term;
    float *mean; /* [features][lanes] */
} visitor;

static void add_targets(void *self, aed_trainer *t, const aed_tile *tile, int64_t first,
                        const float *target, double *sums)
{
    (void)self;
    (void)first;
    for (int64_t f = 0; f < t->features; f++)
        for (int lane = 0; lane < tile->valid; lane++)
            sums[f] += (double)target[f * tile->lanes + lane];
}

static double loss_of(const aed_term *term, const aed_tile *tile, const float *outputs,
                      const float *target)
{
    return term->ops->evaluate(term->spec, term->features, tile->lanes, tile->valid, outputs,
                               target, NULL, 0, NULL);
}

static void add_losses(void *self, aed_trainer *t, const aed_tile *tile, int64_t first,
                       const float *target, double *sums)
{
    const visitor *v = self;
    (void)t;
    (void)first;
    sums[MEAN] += loss_of(v->term, tile, v->mean, target);
    sums[LEAST] += loss_of(v->term, tile, target, target);
}

static aed_status measure(aed_trainer *t, aed_walk *walk, visitor *v, aed_floors *floors)
{
    const double *sums;
    const double samples = (double)walk->pass.split.samples;
    const double elements = samples * (double)v->term->elements;
    aed_status status;
    AED_TRY(aed_walk_run(t, walk, t->features, add_targets, v, &sums));
    for (int64_t i = 0; i < t->features * t->model.lanes; i++)
        v->mean[i] = (float)(sums[i / t->model.lanes] / samples);
    AED_TRY(aed_walk_run(t, walk, LOSSES, add_losses, v, &sums));
    *floors = (aed_floors){.mean = sums[MEAN] / elements, .least = sums[LEAST] / elements};
done:
    return status;
}

aed_status aed_trainer_floors(aed_trainer *trainer, aed_floors *floors)
{
    static const aed_evaluation_spec validation = {
        .name = "val", .where = "data", .split = AED_SPLIT_VAL};
    aed_trainer *t = trainer;
    aed_walk walk = {0};
    visitor v = {.term = aed_trainer_reconstruction(t)};
    aed_status status;
    *floors = (aed_floors){NAN, NAN};
    if (!v.term || t->features > MOST_FEATURES) return AED_OK;
    status = aed_walk_create(t, &validation, false, &walk);
    v.mean = aed_alloc_aligned((size_t)(t->features * t->model.lanes), sizeof *v.mean);
    if (status == AED_OK && !v.mean) status = aed_fail(AED_MEMORY, "out of memory for a trial");
    AED_TRY(aed_dist_agree(&t->comm, status));
    status = measure(t, &walk, &v, floors);
done:
    t->announced = NULL; /* of a pass that is no more */
    aed_walk_destroy(&walk);
    aed_free(v.mean);
    return status;
}
