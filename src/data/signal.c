/* Signals: functions of x given in the config, sampled from a random start, noisy at the input.
 *
 *   x_i = start + i 2 pi / interval_points,  i = 0 ... intervals * interval_points - 1
 *   clean[c][i] = f_c(x_i),  noisy[c][i] = clean[c][i] + noise * z,  z standard normal
 * `start` is uniform in [start0, start1), one a sample, shared by its channels. Then each channel
 * of clean and of noisy is divided by its own L2 norm over its points; a channel that is zero
 * everywhere has none and stays zero. The target is clean, the input noisy.
 *
 * Everything is computed in double; only the results are floats. A fresh source draws starts and
 * noise anew in each epoch; otherwise every epoch sees those of epoch 0. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "aedist/rng.h"
#include "core/memory.h"
#include "data/expression.h"
#include "data/sources.h"
#include "kernel/kernels.h"

enum { NORMALIZE_NONE, NORMALIZE_L2 };
enum { TRIAL_POINTS = 64 }; /* where a new expression is tried */

typedef struct signal_state {
    int64_t channels, points;
    double start, span, step, noise;
    bool normalize, fresh;
    double limit; /* largest value that stays finite as it is stored */
    uint64_t seed;
    char *where;                /* of the spec, for messages */
    aed_expression **functions; /* [channels] */
    double *x, *clean, *noisy;  /* [points] of one channel */
    float *normal;              /* [points + 1][AED_LANE_BLOCK] */
} signal_state;

static void signal_destroy(aed_source *source)
{
    signal_state *state = source->state;
    if (!state) return;
    if (state->functions)
        for (int64_t c = 0; c < state->channels; c++) aed_expression_destroy(&state->functions[c]);
    aed_free(state->functions);
    aed_free(state->where);
    aed_free(state->x);
    aed_free(state->clean);
    aed_free(state->noisy);
    aed_free(state->normal);
    aed_free(state);
    source->state = NULL;
}

static aed_status read_start(const aed_spec *spec, signal_state *state)
{
    const aed_arg_value *start = aed_spec_value(spec, "start");
    const double fallback[2] = {-5000, 5000};
    const double *range = start->count ? start->numbers : fallback;
    if (start->count != 0 && start->count != 2)
        return aed_fail(AED_CONFIG, "%s: 'start' has %" PRId64 " numbers; give [lowest, highest]",
                        spec->where, start->count);
    if (!(range[0] <= range[1]))
        return aed_fail(AED_CONFIG, "%s: 'start' runs from %g down to %g; swap them", spec->where,
                        range[0], range[1]);
    state->start = range[0];
    state->span = range[1] - range[0];
    return AED_OK;
}

/* A function that has no value anywhere is a mistake in the config, found before any work. */
static aed_status try_function(const signal_state *state, aed_expression *function)
{
    double x[TRIAL_POINTS], y[TRIAL_POINTS];
    const double length = state->span + state->step * (double)(state->points - 1);
    for (int i = 0; i < TRIAL_POINTS; i++) x[i] = state->start + length * i / (TRIAL_POINTS - 1);
    aed_expression_evaluate(function, TRIAL_POINTS, x, y);
    for (int i = 0; i < TRIAL_POINTS; i++)
        if (fabs(y[i]) <= state->limit) return AED_OK;
    return aed_fail(AED_CONFIG,
                    "%s: %s has no finite value at any of %d points from x = %g to %g; change the "
                    "function or 'start'",
                    state->where, aed_expression_title(function), TRIAL_POINTS, x[0],
                    x[TRIAL_POINTS - 1]);
}

static aed_status create_functions(const aed_spec *spec, signal_state *state)
{
    const aed_arg_value *texts = aed_spec_value(spec, "functions");
    if (texts->count < 1)
        return aed_fail(AED_CONFIG,
                        "%s: signal needs 'functions', a list of expressions such as [cos(x)]",
                        spec->where);
    state->functions = aed_alloc((size_t)texts->count, sizeof(aed_expression *));
    if (!state->functions)
        return aed_fail(AED_MEMORY, "%s: no memory for %" PRId64 " functions", spec->where,
                        texts->count);
    state->channels = texts->count;
    for (int64_t c = 0; c < texts->count; c++) {
        char label[32];
        snprintf(label, sizeof label, "functions[%" PRId64 "]", c);
        aed_status status = aed_expression_create(spec->where, label, texts->strings[c],
                                                  &state->functions[c]);
        if (status == AED_OK) status = try_function(state, state->functions[c]);
        if (status != AED_OK) return status;
    }
    return AED_OK;
}

static aed_status allocate_scratch(const aed_spec *spec, signal_state *state)
{
    size_t floats;
    const aed_status status = aed_data_check_size(AED_CONFIG, spec->where, state->points + 1,
                                                  AED_LANE_BLOCK, 2 * sizeof(float), &floats);
    if (status != AED_OK) return status;
    state->x = aed_alloc((size_t)state->points, sizeof *state->x);
    state->clean = aed_alloc((size_t)state->points, sizeof *state->clean);
    state->noisy = aed_alloc((size_t)state->points, sizeof *state->noisy);
    state->normal = aed_alloc_aligned(floats, sizeof *state->normal);
    if (!state->x || !state->clean || !state->noisy || !state->normal)
        return aed_fail(AED_MEMORY, "%s: no memory for signals of %" PRId64 " points", spec->where,
                        state->points);
    return AED_OK;
}

static aed_status set_shape(const aed_spec *spec, const signal_state *state, aed_source *source)
{
    const int64_t size[2] = {aed_spec_value(spec, "functions")->count, state->points};
    if (size[0] < 1 || aed_shape_make(2, size, &source->shape) == AED_OK) return AED_OK;
    return aed_fail(AED_CONFIG, "%s: %" PRId64 " functions at %" PRId64 " points: %s", spec->where,
                    size[0], size[1], aed_status_message());
}

static aed_status signal_create(const aed_spec *spec, aed_source *source)
{
    aed_status status;
    signal_state *state = aed_alloc(1, sizeof *state);
    source->state = state;
    if (!state) return aed_fail(AED_MEMORY, "%s: no memory for the signal source", spec->where);
    const int64_t interval_points = aed_spec_int(spec, "interval_points");
    state->points = aed_spec_int(spec, "intervals") * interval_points; /* each at most 2^20 */
    state->step = 2 * 3.141592653589793 / (double)interval_points;
    state->noise = aed_spec_number(spec, "noise");
    state->normalize = aed_spec_int(spec, "normalize") == NORMALIZE_L2;
    state->limit = state->normalize ? DBL_MAX : FLT_MAX;
    state->fresh = aed_spec_bool(spec, "fresh");
    state->seed = (uint64_t)aed_spec_int(spec, "seed");
    state->where = aed_strdup(spec->where);
    if (!state->where) {
        status = aed_fail(AED_MEMORY, "%s: no memory for the signal source", spec->where);
        goto done;
    }
    AED_TRY(read_start(spec, state));
    AED_TRY(set_shape(spec, state, source));
    AED_TRY(create_functions(spec, state));
    AED_TRY(allocate_scratch(spec, state));

    source->samples = aed_spec_int(spec, "samples");
    source->fresh = state->fresh;
    source->own_input = state->noise > 0;
    source->interval = state->normalize ? (aed_interval){-1, 1}
                                        : (aed_interval){-INFINITY, INFINITY};
done:
    if (status != AED_OK) signal_destroy(source);
    return status;
}

static aed_status check_values(const signal_state *state, const double *value, int64_t channel,
                               uint32_t id)
{
    bool finite = true;
    for (int64_t i = 0; i < state->points; i++) finite &= fabs(value[i]) <= state->limit;
    if (finite) return AED_OK;

    int64_t i = 0;
    while (fabs(value[i]) <= state->limit) i++;
    return aed_fail(AED_DATA,
                    "%s: %s %sis %g at x = %.17g (sample %" PRIu32 "); change the function or "
                    "'start' so that every value is finite",
                    state->where, aed_expression_title(state->functions[channel]),
                    value == state->noisy ? "with its noise " : "",
                    isnan(value[i]) ? (double)NAN : value[i], state->x[i], id);
}

/* Stores the values, divided by their L2 norm if wanted, and spoils value[]. They are scaled by the
 * largest first, so that no square leaves the range; the largest is then 1 and the norm at least 1,
 * so that no result exceeds 1. */
static void store_channel(const signal_state *state, double *value, float *out)
{
    double largest = 0, sum = 0, scale = 1;
    for (int64_t i = 0; i < state->points; i++) {
        const double size = fabs(value[i]);
        largest = size > largest ? size : largest;
    }
    if (state->normalize && largest > 0) {
        for (int64_t i = 0; i < state->points; i++) {
            value[i] /= largest;
            sum += value[i] * value[i];
        }
        scale = 1 / sqrt(sum);
    }
    for (int64_t i = 0; i < state->points; i++) out[i] = (float)(value[i] * scale);
}

/* A block of at most AED_LANE_BLOCK samples: the normals come for that many ids at once. */
typedef struct block {
    const uint32_t *ids; /* [AED_LANE_BLOCK], the last repeated */
    int64_t count;
    aed_rng_key noise_key;
    double start[AED_LANE_BLOCK];
} block;

/* The normals of a channel's points: elements channel * points ... Returns the first one's row; the
 * kernel starts at even elements. */
static const float *draw_normals(const signal_state *state, const block *samples, int64_t channel)
{
    const uint32_t first = (uint32_t)(channel * state->points), odd = first % 2;
    aed_kernels()->normal(samples->noise_key, samples->ids, AED_LANE_BLOCK, first - odd,
                          state->points + odd, state->normal);
    return state->normal + odd * AED_LANE_BLOCK;
}

static aed_status make_channel(const signal_state *state, const block *samples, int64_t channel,
                               float *target, float *input)
{
    const float *normal = input ? draw_normals(state, samples, channel) : NULL;
    const int64_t stride = state->channels * state->points;
    aed_status status = AED_OK;
    for (int64_t s = 0; s < samples->count; s++) {
        const int64_t at = s * stride + channel * state->points;
        for (int64_t i = 0; i < state->points; i++)
            state->x[i] = samples->start[s] + (double)i * state->step;
        aed_expression_evaluate(state->functions[channel], state->points, state->x, state->clean);
        AED_TRY(check_values(state, state->clean, channel, samples->ids[s]));
        if (input) {
            for (int64_t i = 0; i < state->points; i++)
                state->noisy[i] = state->clean[i] +
                                  state->noise * (double)normal[i * AED_LANE_BLOCK + s];
            AED_TRY(check_values(state, state->noisy, channel, samples->ids[s]));
            store_channel(state, state->noisy, input + at);
        }
        store_channel(state, state->clean, target + at);
    }
done:
    return status;
}

static aed_status signal_make(const aed_source *source, int64_t epoch, const uint32_t *ids,
                              int64_t count, const aed_rows *rows)
{
    const signal_state *state = source->state;
    float *target = rows->target, *input = rows->input;
    const uint64_t drawn = state->fresh ? (uint64_t)epoch : 0;
    const aed_rng_key start_key = aed_rng_key_make(state->seed, "data/signal/start", drawn);
    const aed_rng_key noise_key = aed_rng_key_make(state->seed, "data/signal/noise", drawn);
    const int64_t features = state->channels * state->points;
    for (int64_t first = 0; first < count; first += AED_LANE_BLOCK) {
        uint32_t block_ids[AED_LANE_BLOCK];
        const int64_t left = count - first;
        block samples = {.ids = block_ids,
                         .count = left < AED_LANE_BLOCK ? left : AED_LANE_BLOCK,
                         .noise_key = noise_key};
        for (int64_t s = 0; s < AED_LANE_BLOCK; s++) {
            block_ids[s] = ids[first + (s < samples.count ? s : samples.count - 1)];
            samples.start[s] = state->start +
                               state->span * aed_rng_uniform(start_key, block_ids[s], 0);
        }
        for (int64_t c = 0; c < state->channels; c++) {
            const aed_status status = make_channel(state, &samples, c, target + first * features,
                                                   input ? input + first * features : NULL);
            if (status != AED_OK) return status;
        }
    }
    return AED_OK;
}

static const char *const normalize_choices[] = {"none", "l2", NULL};

static const aed_arg_def signal_args[] = {
    {"samples", AED_ARG_INT, false, 128, 1, AED_DATA_MAX_SAMPLES, NULL, "samples an epoch"},
    {"fresh", AED_ARG_BOOL, false, 1, 0, 0, NULL, "new samples every epoch, else the same ones"},
    {"functions", AED_ARG_STRINGS, true, 0, 0, 0, NULL,
     "expressions of x, one a channel: cos(x^4/10)"},
    {"intervals", AED_ARG_INT, false, 3, 1, 1048576, NULL, "intervals of 2 pi a sample"},
    {"interval_points", AED_ARG_INT, false, 4, 1, 1048576, NULL, "equidistant points an interval"},
    {"start", AED_ARG_FLOATS, false, 0, -1.0e12, 1.0e12, NULL,
     "lowest and highest first x of a sample; [-5000, 5000] if not given"},
    {"noise", AED_ARG_FLOAT, false, 1, 0, 1.0e30, NULL,
     "standard deviation of the input's noise, before normalising"},
    {"normalize", AED_ARG_CHOICE, false, NORMALIZE_L2, 0, 0, normalize_choices,
     "l2: divide each channel by its norm over its points"},
    {"seed", AED_ARG_INT, false, 0, 0, AED_DATA_MAX_SEED, NULL, "chooses starts and noise"},
};

const aed_source_ops aed_source_signal = {
    .kind = {.name = "signal",
             .help = "functions of x, sampled from a random start, with Gaussian noise",
             .args = signal_args,
             .arg_count = sizeof signal_args / sizeof *signal_args},
    .create = signal_create,
    .make = signal_make,
    .destroy = signal_destroy,
};
