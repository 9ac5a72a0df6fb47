/* Uniform numbers, as they are or mixed by a matrix.
 *
 * Sample: target[o] = sum over j of mix[o][j] * u[j], u[j] uniform in [0, 1), summed in double in
 * the order of j. Without a matrix the sample is u itself.
 *
 * Interval: row o reaches from the sum of its negative entries to the sum of its positive ones. As
 * rounding is monotone and the sums run in the same order, these bound the rounded values too. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "aedist/rng.h"
#include "core/memory.h"
#include "data/sources.h"

typedef struct linear_mix {
    int64_t outputs, features;
    double *mix; /* [outputs][features]; NULL: unmixed */
    double *u;   /* [features] of the sample being made; NULL if unmixed */
    aed_rng_key key;
} linear_mix;

static void linear_mix_destroy(aed_source *source)
{
    linear_mix *state = source->state;
    if (!state) return;
    aed_free(state->mix);
    aed_free(state->u);
    aed_free(state);
    source->state = NULL;
}

/* The sizes that 'features' (0: not given) and 'mix' agree on. */
static aed_status find_sizes(const aed_spec *spec, linear_mix *state)
{
    const aed_arg_value *mix = aed_spec_value(spec, "mix");
    const int64_t features = aed_spec_int(spec, "features");
    if (mix->count == 0) {
        if (features < 1)
            return aed_fail(AED_CONFIG,
                            "%s: linear_mix needs 'features' (how many uniform numbers) or 'mix' "
                            "(a matrix)",
                            spec->where);
        state->outputs = state->features = features;
        return AED_OK;
    }
    if (mix->rows < 1 || mix->count % mix->rows != 0)
        return aed_fail(AED_CONFIG, "%s: 'mix' must be a list of equally long rows", spec->where);
    state->outputs = mix->rows;
    state->features = mix->count / mix->rows;
    if (features > 0 && features != state->features)
        return aed_fail(AED_CONFIG,
                        "%s: 'features' is %" PRId64 " but 'mix' has %" PRId64
                        " columns; leave 'features' out or make them equal",
                        spec->where, features, state->features);
    return AED_OK;
}

static aed_status copy_matrix(const aed_spec *spec, linear_mix *state)
{
    const aed_arg_value *mix = aed_spec_value(spec, "mix");
    if (mix->count == 0) return AED_OK;
    state->mix = aed_alloc((size_t)mix->count, sizeof *state->mix);
    state->u = aed_alloc((size_t)state->features, sizeof *state->u);
    if (!state->mix || !state->u)
        return aed_fail(AED_MEMORY, "%s: no memory for a matrix of %" PRId64 " numbers",
                        spec->where, mix->count);
    memcpy(state->mix, mix->numbers, (size_t)mix->count * sizeof *state->mix);
    return AED_OK;
}

static aed_interval mix_interval(const linear_mix *state)
{
    aed_interval interval = {INFINITY, -INFINITY};
    if (!state->mix) return (aed_interval){0, 1};
    for (int64_t o = 0; o < state->outputs; o++) {
        double lo = 0, hi = 0;
        for (int64_t j = 0; j < state->features; j++) {
            const double weight = state->mix[o * state->features + j];
            if (weight < 0) lo += weight;
            if (weight > 0) hi += weight;
        }
        interval.lo = fmin(interval.lo, (float)lo);
        interval.hi = fmax(interval.hi, (float)hi);
    }
    return interval;
}

static aed_status linear_mix_create(const aed_spec *spec, aed_source *source)
{
    aed_status status;
    linear_mix *state = aed_alloc(1, sizeof *state);
    source->state = state;
    if (!state) return aed_fail(AED_MEMORY, "%s: no memory for the linear_mix source", spec->where);
    state->key = aed_rng_key_make((uint64_t)aed_spec_int(spec, "seed"), "data/linear_mix", 0);
    AED_TRY(find_sizes(spec, state));
    AED_TRY(copy_matrix(spec, state));

    source->samples = aed_spec_int(spec, "samples");
    source->interval = mix_interval(state);
    if (!isfinite(source->interval.lo) || !isfinite(source->interval.hi)) {
        status = aed_fail(AED_CONFIG,
                          "%s: the entries of 'mix' add up to more than a float holds (3.4e38)",
                          spec->where);
        goto done;
    }
    AED_TRY(aed_shape_make(1, &state->outputs, &source->shape));
done:
    if (status != AED_OK) linear_mix_destroy(source);
    return status;
}

static void mix_sample(const linear_mix *state, uint32_t id, float *target)
{
    for (int64_t j = 0; j < state->features; j++)
        state->u[j] = aed_rng_uniform(state->key, id, (uint32_t)j);
    for (int64_t o = 0; o < state->outputs; o++) {
        const double *row = state->mix + o * state->features;
        double sum = 0;
        for (int64_t j = 0; j < state->features; j++) sum += row[j] * state->u[j];
        target[o] = (float)sum;
    }
}

static aed_status linear_mix_make(const aed_source *source, int64_t epoch, const uint32_t *ids,
                                  int64_t count, const aed_rows *rows)
{
    const linear_mix *state = source->state;
    float *target = rows->target;
    (void)epoch;
    for (int64_t i = 0; i < count; i++, target += state->outputs) {
        if (state->mix) {
            mix_sample(state, ids[i], target);
            continue;
        }
        for (int64_t j = 0; j < state->features; j++)
            target[j] = (float)aed_rng_uniform(state->key, ids[i], (uint32_t)j);
    }
    return AED_OK;
}

static const aed_arg_def linear_mix_args[] = {
    {"samples", AED_ARG_INT, false, 100, 1, AED_DATA_MAX_SAMPLES, NULL, "samples"},
    {"features", AED_ARG_INT, false, 0, 0, INT32_MAX, NULL,
     "uniform numbers a sample; 0: as many as 'mix' has columns"},
    {"mix", AED_ARG_MATRIX, false, 0, 0, 0, NULL,
     "matrix (outputs x features) that the numbers are multiplied by; none: unmixed"},
    {"seed", AED_ARG_INT, false, 0, 0, AED_DATA_MAX_SEED, NULL, "chooses the numbers"},
};

const aed_source_ops aed_source_linear_mix = {
    .kind = {.name = "linear_mix",
             .help = "uniform random numbers in [0, 1), mixed by a matrix",
             .args = linear_mix_args,
             .arg_count = sizeof linear_mix_args / sizeof *linear_mix_args},
    .create = linear_mix_create,
    .make = linear_mix_make,
    .destroy = linear_mix_destroy,
};
