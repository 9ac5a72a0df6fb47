/* Handwritten-looking digits, drawn from strokes.
 *
 * A digit is a few points (glyph_shapes.c), moved at random one by one and all together, turned,
 * slanted, stretched, and brought to a height of 20/28 of the image with the middle of their
 * strokes near its middle. A smooth curve runs through the points of a stroke: cubic Hermite
 * sections whose slope at a point is that from the point before to the point behind (Catmull and
 * Rom, Computer Aided Geometric Design, 1974), each drawn as a few straight pieces. A pixel's ink
 * follows from the distance d of its centre to the nearest piece, for a pen of half width r whose
 * edge is `soft` wide:
 *   u = clamp((r - d) / soft + 1/2, 0, 1),  byte = round(255 u^2 (3 - 2 u))
 *
 * Of every ten ids that begin with a multiple of 10 each digit is drawn once, in a random order.
 * Only additions, multiplications, divisions and roots are used, which every machine rounds alike. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "aedist/rng.h"
#include "core/memory.h"
#include "data/glyph_shapes.h"
#include "data/sources.h"

enum {
    MIN_SIZE = 8,
    MAX_SIZE = 64,
    PIECES = 4,      /* straight pieces of a section */
    ORDERS = 3628800 /* of ten digits */
};

/* The elements of a sample's random numbers; each point has two. */
enum {
    DRAW_STYLE,
    DRAW_TURN,
    DRAW_SLANT,
    DRAW_ASPECT,
    DRAW_SCALE,
    DRAW_SHIFT_X,
    DRAW_SHIFT_Y,
    DRAW_PEN,
    DRAW_EDGE,
    DRAW_BEND,
    DRAW_PROPORTION,
    DRAW_TREMOR,
    DRAW_POINTS
};

typedef struct glyphs {
    int size;
    aed_rng_key draw, order;
} glyphs;

typedef struct point {
    double x, y;
} point;

typedef struct pen {
    float half_width, soft; /* in pixels */
} pen;

/* Uniform in [lo, hi). */
static double between(const glyphs *state, uint32_t id, uint32_t element, double lo, double hi)
{
    return lo + (hi - lo) * aed_rng_uniform(state->draw, id, element);
}

/* Bell-shaped with standard deviation `sigma`, within 2.45 of it: two uniforms added. */
static double bell(const glyphs *state, uint32_t id, uint32_t element, double sigma)
{
    const uint32_t counter[2] = {id, element};
    uint32_t word[2];
    aed_rng_threefry2x32(13, state->draw.word, counter, word);
    const double sum = ((double)word[0] + (double)word[1]) * 0x1p-32 - 1;
    return sigma * 2.449489742783178 * sum;
}

/* The order of the ten digits of a block of ids is a number below 10!, its digits in the factorial
 * number system say which of the digits left comes next. */
static int32_t label_of(const glyphs *state, uint32_t id)
{
    int32_t left[AED_GLYPH_DIGITS];
    for (int i = 0; i < AED_GLYPH_DIGITS; i++) left[i] = i;
    uint32_t order = (uint32_t)(aed_rng_uniform(state->order, id / AED_GLYPH_DIGITS, 0) * ORDERS);
    const uint32_t place = id % AED_GLYPH_DIGITS;
    for (uint32_t i = 0;; i++) {
        const uint32_t count = AED_GLYPH_DIGITS - i, pick = order % count;
        if (i == place) return left[pick];
        order /= count;
        left[pick] = left[count - 1];
    }
}

/* ---- Shape ------------------------------------------------------------------------------------ */

/* The style's points with a hand's inaccuracies, in a box [-1/2, 1/2]^2. */
static void place_points(const glyphs *state, uint32_t id, const aed_glyph_style *style, point *at)
{
    const double bend = bell(state, id, DRAW_BEND, 0.11);
    const double proportion = bell(state, id, DRAW_PROPORTION, 0.16);
    const double tremor = between(state, id, DRAW_TREMOR, 0.02, 0.075);
    for (int i = 0; i < style->count; i++) {
        const uint32_t element = DRAW_POINTS + 2 * (uint32_t)i;
        const double x = style->point[i].x * 0.01 + bell(state, id, element, tremor);
        const double y = style->point[i].y * 0.01 + bell(state, id, element + 1, tremor);
        const double hump = y * (1 - y); /* moves the middle against top and bottom */
        at[i] = (point){x - 0.5 + bend * 4 * hump, y - 0.5 + proportion * 2 * hump};
    }
}

/* Turns by 2 atan(t), slants, and stretches in x. */
static void transform_points(const glyphs *state, uint32_t id, int count, point *at)
{
    const double t = bell(state, id, DRAW_TURN, 0.06); /* 2 atan(0.06): 6.9 degrees */
    const double cosine = (1 - t * t) / (1 + t * t), sine = 2 * t / (1 + t * t);
    const double slant = 0.08 + bell(state, id, DRAW_SLANT, 0.24);
    const double aspect = between(state, id, DRAW_ASPECT, 0.55, 1.1);
    for (int i = 0; i < count; i++) {
        const double x = at[i].x * aspect - slant * at[i].y, y = at[i].y;
        at[i] = (point){cosine * x - sine * y, sine * x + cosine * y};
    }
}

static double smaller(double a, double b) { return a < b ? a : b; }
static double larger(double a, double b) { return a > b ? a : b; }

/* Brings the points to pixels. */
static void fit_points(const glyphs *state, uint32_t id, int count, double half_width, point *at)
{
    point low = at[0], high = at[0], middle = {0, 0};
    for (int i = 0; i < count; i++) {
        low = (point){smaller(low.x, at[i].x), smaller(low.y, at[i].y)};
        high = (point){larger(high.x, at[i].x), larger(high.y, at[i].y)};
        middle = (point){middle.x + at[i].x / count, middle.y + at[i].y / count};
    }
    const double unit = state->size / 28.0;
    const double extent = larger(high.x - low.x, high.y - low.y);
    const double scale = (20 * unit * between(state, id, DRAW_SCALE, 0.88, 1.04) - 2 * half_width) /
                         extent;
    const double x = 14.25 * unit + bell(state, id, DRAW_SHIFT_X, 0.7 * unit),
                 y = 14 * unit + bell(state, id, DRAW_SHIFT_Y, 0.7 * unit);
    for (int i = 0; i < count; i++)
        at[i] = (point){x + scale * (at[i].x - middle.x), y + scale * (at[i].y - middle.y)};
}

/* ---- Drawing ---------------------------------------------------------------------------------- */

static float clamp(float x, float lo, float hi) { return x < lo ? lo : x > hi ? hi : x; }

/* Lowers the squared distances to those from the piece a b, where they are within `reach`. */
static void draw_piece(int size, point a, point b, float reach, float *square)
{
    const float ax = (float)a.x, ay = (float)a.y, dx = (float)b.x - ax, dy = (float)b.y - ay;
    const float length = dx * dx + dy * dy, per_length = length > 0 ? 1 / length : 0;
    const float last = (float)(size - 1);
    /* Pixels whose centres are in the piece's box and `reach` around it. */
    const int left = (int)clamp((dx < 0 ? ax + dx : ax) - reach + 0.5f, 0, last),
              right = (int)clamp((dx < 0 ? ax : ax + dx) + reach - 0.5f, 0, last),
              top = (int)clamp((dy < 0 ? ay + dy : ay) - reach + 0.5f, 0, last),
              bottom = (int)clamp((dy < 0 ? ay : ay + dy) + reach - 0.5f, 0, last);
    for (int row = top; row <= bottom; row++) {
        const float y = (float)row + 0.5f - ay;
        for (int column = left; column <= right; column++) {
            const float x = (float)column + 0.5f - ax;
            const float along = clamp((x * dx + y * dy) * per_length, 0, 1);
            const float off_x = x - along * dx, off_y = y - along * dy;
            const float found = off_x * off_x + off_y * off_y;
            float *best = square + row * size + column;
            *best = found < *best ? found : *best;
        }
    }
}

/* The slope at point i, for the section that begins there (`ahead`) or ends there. */
static point slope_at(const aed_glyph_style *style, const point *at, int i, bool ahead)
{
    const bool first = style->point[i].join == AED_GLYPH_START;
    const bool end = i + 1 == style->count || style->point[i + 1].join == AED_GLYPH_START;
    const bool turns = style->point[i].join == AED_GLYPH_CORNER;
    const int from = first || (turns && ahead) ? i : i - 1;
    const int to = end || (turns && !ahead) ? i : i + 1;
    const double part = to - from == 2 ? 0.5 : 1;
    return (point){(at[to].x - at[from].x) * part, (at[to].y - at[from].y) * part};
}

/* The section from point i to point i+1. */
static void draw_section(const glyphs *state, const aed_glyph_style *style, const point *at, int i,
                         float reach, float *square)
{
    const point a = at[i], b = at[i + 1], p = slope_at(style, at, i, true),
                q = slope_at(style, at, i + 1, false);
    point from = a;
    for (int piece = 1; piece <= PIECES; piece++) {
        const double t = piece * (1.0 / PIECES), s = 1 - t;
        const double of_a = (1 + 2 * t) * s * s, of_b = (3 - 2 * t) * t * t, of_p = t * s * s,
                     of_q = -t * t * s;
        const point to = {of_a * a.x + of_b * b.x + of_p * p.x + of_q * q.x,
                          of_a * a.y + of_b * b.y + of_p * p.y + of_q * q.y};
        draw_piece(state->size, from, to, reach, square);
        from = to;
    }
}

/* Bytes from squared distances. */
static void ink(pen tip, float reach, int count, const float *square, uint8_t *bytes)
{
    const float per_soft = 1 / tip.soft;
    memset(bytes, 0, (size_t)count);
    for (int i = 0; i < count; i++) {
        if (square[i] >= reach * reach) continue;
        const float u = clamp((tip.half_width - sqrtf(square[i])) * per_soft + 0.5f, 0, 1);
        bytes[i] = (uint8_t)(255 * (u * u * (3 - 2 * u)) + 0.5f);
    }
}

static void draw(const glyphs *state, uint32_t id, int32_t digit, uint8_t *bytes)
{
    float square[MAX_SIZE * MAX_SIZE];
    point at[AED_GLYPH_MAX_POINTS];
    const aed_glyph_style *style = aed_glyph_style_pick(
        digit, aed_rng_uniform(state->draw, id, DRAW_STYLE));
    const double unit = state->size / 28.0;
    const pen tip = {(float)(between(state, id, DRAW_PEN, 0.8, 1.9) * unit),
                     (float)larger(between(state, id, DRAW_EDGE, 1.0, 1.7) * unit, 1)};
    const float reach = tip.half_width + 0.5f * tip.soft;
    const int pixels = state->size * state->size;

    place_points(state, id, style, at);
    transform_points(state, id, style->count, at);
    fit_points(state, id, style->count, tip.half_width, at);
    for (int i = 0; i < pixels; i++) square[i] = 4 * MAX_SIZE * MAX_SIZE;
    for (int i = 0; i + 1 < style->count; i++)
        if (style->point[i + 1].join != AED_GLYPH_START)
            draw_section(state, style, at, i, reach, square);
    ink(tip, reach, pixels, square, bytes);
}

/* ---- Source ----------------------------------------------------------------------------------- */

static void glyphs_destroy(aed_source *source)
{
    aed_free(source->state);
    source->state = NULL;
}

static aed_status glyphs_create(const aed_spec *spec, aed_source *source)
{
    aed_status status;
    const int64_t size = aed_spec_int(spec, "size"), samples = aed_spec_int(spec, "samples"),
                  test_samples = aed_spec_int(spec, "test_samples");
    glyphs *state = aed_alloc(1, sizeof *state);
    if (!state) return aed_fail(AED_MEMORY, "%s: no memory for the glyphs source", spec->where);
    source->state = state;
    if (samples + test_samples > UINT32_MAX) {
        status = aed_fail(AED_CONFIG,
                          "%s: %" PRId64 " samples and %" PRId64 " test samples; together at most "
                          "2^32 - 1 are possible",
                          spec->where, samples, test_samples);
        goto done;
    }
    const uint64_t seed = (uint64_t)aed_spec_int(spec, "seed");
    state->size = (int)size;
    state->draw = aed_rng_key_make(seed, "data/glyphs", 0);
    state->order = aed_rng_key_make(seed, "data/glyphs/labels", 0);

    source->samples = samples;
    source->test_samples = test_samples;
    source->interval = (aed_interval){0, 255};
    source->is_bytes = true;
    source->classes = AED_GLYPH_DIGITS;
    const int64_t sizes[] = {1, size, size};
    AED_TRY(aed_shape_make(3, sizes, &source->shape));
done:
    if (status != AED_OK) glyphs_destroy(source);
    return status;
}

static aed_status glyphs_make(const aed_source *source, int64_t epoch, const uint32_t *ids,
                              int64_t count, const aed_rows *rows)
{
    const glyphs *state = source->state;
    const int64_t pixels = aed_shape_count(&source->shape);
    (void)epoch;
    for (int64_t i = 0; i < count; i++) {
        const int32_t digit = label_of(state, ids[i]);
        if (rows->labels) rows->labels[i] = digit;
        if (rows->bytes) draw(state, ids[i], digit, rows->bytes + i * pixels);
    }
    return AED_OK;
}

static const aed_arg_def glyphs_args[] = {
    {"samples", AED_ARG_INT, false, 10000, 1, AED_DATA_MAX_SAMPLES, NULL, "digits to train on"},
    {"test_samples", AED_ARG_INT, false, 2000, 0, AED_DATA_MAX_SAMPLES, NULL,
     "digits that are never trained on"},
    {"size", AED_ARG_INT, false, 28, MIN_SIZE, MAX_SIZE, NULL, "rows and columns of the image"},
    {"seed", AED_ARG_INT, false, 0, 0, AED_DATA_MAX_SEED, NULL, "chooses the digits"},
};

const aed_source_ops aed_source_glyphs = {
    .kind = {.name = "glyphs",
             .help = "labelled images of digits, drawn from strokes as if by hand",
             .args = glyphs_args,
             .arg_count = sizeof glyphs_args / sizeof *glyphs_args},
    .create = glyphs_create,
    .make = glyphs_make,
    .destroy = glyphs_destroy,
};
