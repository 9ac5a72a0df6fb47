/* Cubic Bezier curves, sampled at equidistant x, whole or cut to a window.
 *
 * A curve has the control points (0, 0), (1/2, p1), (1/2, p2), (1, 0), with p1 and p2 uniform in
 * [-1, 1):
 *   x(t) = 3 (1-t)^2 t / 2 + 3 (1-t) t^2 / 2 + t^3
 *   y(t) = 3 (1-t)^2 t p1  + 3 (1-t) t^2 p2
 * drawn at 10 * points equidistant t in [0, 1]. For each of `points` equidistant x in [0, 1] the
 * nearest drawn point (the first, if several are) gives y. Since x(t) knows neither p1 nor p2, the
 * picked t are the same for all curves, and a sample is two weights a point.
 *
 * The article (a deconvolution autoencoder on Bezier curves) draws a window's start from
 * 0 ... points-window-1: the last possible start is never drawn, as with numpy's randint.
 *
 * Interval: for |p1|, |p2| <= 1, |y| <= a + b with the picked point's two weights a, b >= 0, and
 * a + b = 3 t (1-t) <= 3/4. Rounding is monotone, so the largest rounded a + b bounds every rounded
 * y too; the two are equal for p1 = p2 = -1. */
#include <inttypes.h>

#include "aedist/rng.h"
#include "core/memory.h"
#include "data/sources.h"

enum { CURVE_POINTS = 10, /* drawn points a sampled point */ MAX_POINTS = 65536 };

typedef struct bezier {
    int64_t points, window; /* window == points: whole curves */
    double *a, *b;          /* [points] weights of p1 and p2 */
    aed_rng_key key;
} bezier;

enum { DRAW_P1, DRAW_P2, DRAW_START }; /* elements of a sample's random numbers */

/* Equidistant point i of `count` in [0, 1], rounded as numpy.linspace rounds it. */
static double equidistant(int64_t i, int64_t count)
{
    return i == count - 1 ? 1.0 : (double)i * (1.0 / (double)(count - 1));
}

static double curve_x(double t)
{
    const double s = 1 - t;
    return 3 * (s * s) * t * 0.5 + 3 * s * (t * t) * 0.5 + t * t * t;
}

/* x(t) grows with t, so the nearest point moves on with the target and one pass finds them all. */
static void pick_points(bezier *state)
{
    const int64_t drawn = state->points * CURVE_POINTS;
    int64_t pick = 0;
    for (int64_t i = 0; i < state->points; i++) {
        const double target = equidistant(i, state->points);
        double distance = curve_x(equidistant(pick, drawn)) - target;
        for (; pick + 1 < drawn; pick++) {
            const double next = curve_x(equidistant(pick + 1, drawn)) - target;
            if (next * next >= distance * distance) break;
            distance = next;
        }
        const double t = equidistant(pick, drawn), s = 1 - t;
        state->a[i] = 3 * (s * s) * t;
        state->b[i] = 3 * s * (t * t);
    }
}

static aed_interval curve_interval(const bezier *state)
{
    float bound = 0;
    for (int64_t i = 0; i < state->points; i++) {
        const float reach = (float)(state->a[i] + state->b[i]);
        if (reach > bound) bound = reach;
    }
    return (aed_interval){-(double)bound, bound};
}

static void bezier_destroy(aed_source *source)
{
    bezier *state = source->state;
    if (!state) return;
    aed_free(state->a);
    aed_free(state->b);
    aed_free(state);
    source->state = NULL;
}

static aed_status bezier_create(const aed_spec *spec, aed_source *source)
{
    aed_status status;
    const int64_t points = aed_spec_int(spec, "points"), window = aed_spec_int(spec, "window");
    if (window > points)
        return aed_fail(AED_CONFIG,
                        "%s: a window of %" PRId64 " points does not fit a curve of %" PRId64
                        "; lower 'window' or raise 'points'",
                        spec->where, window, points);

    bezier *state = aed_alloc(1, sizeof *state);
    source->state = state;
    if (!state) return aed_fail(AED_MEMORY, "%s: no memory for the bezier source", spec->where);
    state->points = points;
    state->window = window > 0 ? window : points;
    state->key = aed_rng_key_make((uint64_t)aed_spec_int(spec, "seed"), "data/bezier", 0);
    state->a = aed_alloc((size_t)points, sizeof *state->a);
    state->b = aed_alloc((size_t)points, sizeof *state->b);
    if (!state->a || !state->b) {
        status = aed_fail(AED_MEMORY, "%s: no memory for curves of %" PRId64 " points", spec->where,
                          points);
        goto done;
    }
    pick_points(state);

    source->samples = aed_spec_int(spec, "samples");
    source->interval = curve_interval(state);
    AED_TRY(aed_shape_make(2, (const int64_t[]){1, state->window}, &source->shape));
done:
    if (status != AED_OK) bezier_destroy(source);
    return status;
}

static int64_t window_start(const bezier *state, uint32_t id)
{
    const int64_t starts = state->points - state->window;
    /* u <= 1 - 2^-53, so the product stays below `starts` after rounding too. */
    return (int64_t)(aed_rng_uniform(state->key, id, DRAW_START) * (double)starts);
}

static aed_status bezier_make(const aed_source *source, int64_t epoch, const uint32_t *ids,
                              int64_t count, const aed_rows *rows)
{
    const bezier *state = source->state;
    float *target = rows->target;
    (void)epoch;
    for (int64_t i = 0; i < count; i++) {
        const double p1 = 2 * aed_rng_uniform(state->key, ids[i], DRAW_P1) - 1;
        const double p2 = 2 * aed_rng_uniform(state->key, ids[i], DRAW_P2) - 1;
        const int64_t start = window_start(state, ids[i]);
        const double *a = state->a + start, *b = state->b + start;
        for (int64_t j = 0; j < state->window; j++) *target++ = (float)(a[j] * p1 + b[j] * p2);
    }
    return AED_OK;
}

static const aed_arg_def bezier_args[] = {
    {"samples", AED_ARG_INT, false, 16384, 1, AED_DATA_MAX_SAMPLES, NULL, "curves"},
    {"points", AED_ARG_INT, false, 15, 2, MAX_POINTS, NULL, "points of a whole curve"},
    {"window", AED_ARG_INT, false, 0, 0, MAX_POINTS, NULL,
     "points cut out of each curve at a random start; 0: whole curves"},
    {"seed", AED_ARG_INT, false, 0, 0, AED_DATA_MAX_SEED, NULL, "chooses the curves"},
};

const aed_source_ops aed_source_bezier = {
    .kind = {.name = "bezier",
             .help = "cubic Bezier curves with two random control points",
             .args = bezier_args,
             .arg_count = sizeof bezier_args / sizeof *bezier_args},
    .create = bezier_create,
    .make = bezier_make,
    .destroy = bezier_destroy,
};
