/* Samples that share the value of one element, nearly: how much of a sample its code keeps beside it. */
#include <math.h>

#include "analysis/chosen.h"
#include "core/memory.h"
#include "dist/dist.h"

typedef struct values {
    int64_t point;
    float *of; /* [samples] */
} values;

static void visit(void *self, aed_trainer *t, const aed_tile *tile, int64_t first,
                  const float *target, double *sums)
{
    values *v = self;
    (void)t;
    (void)sums;
    for (int lane = 0; lane < tile->valid; lane++)
        v->of[first + lane] = target[v->point * tile->lanes + lane];
}

aed_status aed_check_shared_point(const aed_spec *spec, const aed_trainer *trainer)
{
    const int64_t point = aed_spec_int(spec, "point");
    if (point >= trainer->features)
        return aed_fail(AED_CONFIG,
                        "%s: a sample has %lld elements, 0 is the first; there is no "
                        "point %lld",
                        spec->where, (long long)trainer->features, (long long)point);
    return aed_check_chosen(spec, trainer);
}

aed_status aed_analyse_shared_point(aed_analysis *analysis)
{
    aed_trainer *t = analysis->trainer;
    const aed_spec *spec = analysis->spec;
    const aed_evaluation_spec samples = aed_analysis_samples(spec);
    values v = {.point = aed_spec_int(spec, "point")};
    uint32_t *places = NULL;
    aed_walk walk;
    const double *sums;
    aed_status status = aed_walk_create(t, &samples, false, &walk);
    const int64_t all = walk.pass.split.samples, wanted = aed_spec_int(spec, "count");
    const int64_t count = wanted < all ? wanted : all;
    v.of = aed_alloc((size_t)all, sizeof *v.of);
    places = aed_alloc((size_t)count, sizeof *places);
    if (status == AED_OK && (!v.of || !places))
        status = aed_fail(AED_MEMORY, "out of memory for the values of samples");
    AED_TRY(aed_dist_agree(&t->comm, status));
    AED_TRY(aed_walk_run(t, &walk, 0, visit, &v, &sums));
    AED_TRY(aed_walk_gather(t, &walk, 1, v.of));
    const float wanted_value = v.of[aed_spec_int(spec, "sample")];
    for (int64_t i = 0; i < all; i++) v.of[i] = -fabsf(v.of[i] - wanted_value);
    AED_TRY(aed_dist_agree(&t->comm, aed_chosen_sort(all, v.of, count, places)));
    status = aed_chosen_look(analysis, &walk, places, count, false);
done:
    aed_free(v.of);
    aed_free(places);
    aed_walk_destroy(&walk);
    return status;
}
