/* Minimal filtering from one side of a convolution to the other; see winograd.h.
 *
 * Some tiles of every line pass from the first row to the last. The rows of x that a block of rows of y meets are
 * expanded into a window that stays in the nearest cache; a channel's sums at all points stay in registers
 * over all channels of x and taps, in that order, and are collapsed from there. */
#include <stdbool.h>

#include "kernel/set/set.h"
#include "kernel/set/winograd.h"

/* Rows of outputs whose sums at all points stay in registers or, where those are few, at GROUP points in
 * turn. */
#if AED_WIDTH == 16
#define ROWS(taps) ((taps) == 5 ? 3 : 4)
#define GROUP(taps) ((taps) + 3)
#elif AED_WIDTH == 8
#define ROWS(taps) 4
#define GROUP(taps) 2
#else
#define ROWS(taps) 2
#define GROUP(taps) 2
#endif
enum { MOST_ROWS = 4 };
_Static_assert((int)MOST_ROWS <= (int)AED_WINOGRAD_ROWS, "the scratch of winograd is too small");
/* Rows of inputs that a block of outputs meets. */
#define WINDOW(taps) (ROWS(taps) + (taps)-1)
/* Floats of an expanded row: an odd number of registers, so that rows spread over the sets of a cache. */
#define ROW(taps) (((taps) + TILE) * AED_WIDTH)

/* ---- One direction --------------------------------------------------------------------------------- */

/* Some tiles of every line, on their way from some channels of x to all of y. */
typedef struct tile_task {
    int inputs, outputs, lanes;
    int64_t w_in, w_out;
    const float *w, *bias;
    float lowest; /* of an output: 0 for relu */
    int32_t x_rows, x_columns, y_rows, y_columns;
    const float *x;
    float *y;
    int32_t above;              /* rows of zeros before x that row 0 of y meets */
    int32_t x_shift, y_shift;   /* columns by which tiles begin earlier */
    int32_t at, end, narrow;    /* the tiles' first column and behind their last, of so many */
    bool first_pass, last_pass; /* of the channels of x */
    float *window;              /* [tiles][inputs][WINDOW][ROW]: row r - above of x at r % WINDOW */
} tile_task;

/* Row r - above of x into the window. */
AED_INLINE void expand_row(int taps, bool to_narrow, const tile_task *t, int32_t at, int32_t r,
                           float *window)
{
    const int32_t from = r - t->above;
    const int64_t row = (int64_t)t->x_columns * t->lanes, plane = t->x_rows * row;
    const bool outside = from < 0 || from >= t->x_rows;
    const int points = taps + TILE - 1;
    float *to = window + r % WINDOW(taps) * ROW(taps);
    const float *x = t->x + from * row;
    for (int c = 0; c < t->inputs; c++, to += WINDOW(taps) * ROW(taps), x += plane) {
        vf in[MOST_POINTS], out[MOST_POINTS];
        if (outside) {
#pragma GCC unroll 8
            for (int j = 0; j < points; j++) out[j] = v_zero();
        } else {
            load_tile(to_narrow ? points : TILE, at - t->x_shift, t->x_columns, t->lanes, x, in);
            if (to_narrow)
                expand_wide(taps, in, out);
            else
                expand_narrow(taps, in, out);
        }
#pragma GCC unroll 8
        for (int j = 0; j < points; j++) v_store(to + j * AED_WIDTH, out[j]);
    }
}

/* sum[j][r] = sum over inputs, taps k: w[j][k] * x[r + k][j], for some points j from `first` on; x are the
 * rows of the window, the taps in reverse if `turned`. The sums of point 1 begin with `bias`, as that reaches all
 * outputs of the narrow side alike. */
AED_INLINE void sum_points(int taps, bool turned, int rows, int first, int points,
                           const tile_task *t, const float *w, const float *const *window,
                           float bias, vf (*sum)[MOST_ROWS])
{
    const int inputs = t->inputs;
    const int64_t w_in = t->w_in;
    const float *x[MOST_ROWS + MOST_TAPS - 1];
    vf part[MOST_POINTS][MOST_ROWS];
#pragma GCC unroll 8
    for (int i = 0; i < rows + taps - 1; i++) x[i] = window[i] + first * AED_WIDTH;
#pragma GCC unroll 8
    for (int j = 0; j < points; j++)
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++) part[j][r] = first + j == 1 ? v_set(bias) : v_zero();
    w += first * taps;
    for (int c = 0; c < inputs; c++, w += w_in) {
#pragma GCC unroll 8
        for (int j = 0; j < points; j++) {
            vf weight[MOST_TAPS];
#pragma GCC unroll 5
            for (int k = 0; k < taps; k++)
                weight[k] = v_keep(v_set(w[j * taps + (turned ? taps - 1 - k : k)]));
#pragma GCC unroll 8
            for (int i = 0; i < rows + taps - 1; i++) {
                const vf in = v_keep(v_load(x[i] + j * AED_WIDTH));
#pragma GCC unroll 5
                for (int k = 0; k < taps; k++)
                    if (i >= k && i - k < rows)
                        part[j][i - k] = v_fma(weight[k], in, part[j][i - k]);
            }
        }
#pragma GCC unroll 8
        for (int i = 0; i < rows + taps - 1; i++) x[i] += WINDOW(taps) * ROW(taps);
    }
#pragma GCC unroll 8
    for (int j = 0; j < points; j++)
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++) sum[first + j][r] = part[j][r];
}

/* A row of a tile's outputs to y. Those that another tile or pass will add to, or did, are there without bias
 * and activation. `inner`: one pass does all, and the tile lies within the line, beside others. */
AED_INLINE void put_row(int taps, bool to_narrow, bool inner, const tile_task *t, int32_t at,
                        float bias, const vf *out, float *y)
{
    const vf lowest = v_set(t->lowest), biases = v_set(bias);
    const int count = to_narrow ? TILE : taps + TILE - 1;
#pragma GCC unroll 8
    for (int i = 0; i < count; i++) {
        const int32_t column = at - t->y_shift + i;
        if (!inner && (column < 0 || column >= t->y_columns)) continue;
        const bool add = (!to_narrow && i < taps - 1 && (inner || at > 0)) ||
                         (!inner && !t->first_pass);
        const bool open = (i >= TILE && (inner || at + TILE < t->narrow)) ||
                          (!inner && !t->last_pass);
        vf sum = out[i];
        if (add) sum += v_load(y + i * t->lanes);
        if (!open && !to_narrow) sum += biases;
        v_store(y + i * t->lanes, open ? sum : v_at_least(sum, lowest));
    }
}

/* Row r of a block's sums to y. */
AED_INLINE void collapse_row(int taps, bool to_narrow, bool inner, const tile_task *t, int32_t at,
                             float bias, vf (*sum)[MOST_ROWS], int r, float *y)
{
    vf v[MOST_POINTS], out[MOST_POINTS];
#pragma GCC unroll 8
    for (int j = 0; j < taps + TILE - 1; j++) v[j] = sum[j][r];
    if (to_narrow)
        collapse_narrow(taps, v, out);
    else
        collapse_wide(taps, v, out);
    if (inner)
        put_row(taps, to_narrow, true, t, at, bias, out, y);
    else
        put_row(taps, to_narrow, false, t, at, bias, out, y);
}

/* `rows` rows of all outputs from row `first` on. */
AED_INLINE void output_rows(int taps, bool to_narrow, int rows, const tile_task *t, int32_t at,
                            int32_t first, const float *from)
{
    const int64_t row = (int64_t)t->y_columns * t->lanes;
    const float *window[MOST_ROWS + MOST_TAPS - 1];
#pragma GCC unroll 8
    for (int i = 0; i < rows + taps - 1; i++)
        window[i] = from + (first + i) % WINDOW(taps) * ROW(taps);
    const int32_t column = at - t->y_shift, count = to_narrow ? TILE : taps + TILE - 1;
    const bool inner = t->first_pass && t->last_pass && column >= 0 &&
                       column + count <= t->y_columns &&
                       (to_narrow || (at > 0 && at + TILE < t->narrow));
    for (int o = 0; o < t->outputs; o++) {
        const float bias = t->bias ? t->bias[o] : 0;
        float *const y = t->y + (o * t->y_rows + first) * row +
                         (int64_t)(at - t->y_shift) * t->lanes;
        vf sum[MOST_POINTS][MOST_ROWS];
        for (int j = 0; j < taps + TILE - 1; j += GROUP(taps))
            sum_points(taps, !to_narrow, rows, j, GROUP(taps), t, t->w + o * t->w_out, window,
                       to_narrow && t->first_pass ? bias : 0, sum);
        /* No loop: the sums must stay in registers. */
        if (rows > 0) collapse_row(taps, to_narrow, inner, t, at, bias, sum, 0, y);
        if (rows > 1) collapse_row(taps, to_narrow, inner, t, at, bias, sum, 1, y + row);
        if (rows > 2) collapse_row(taps, to_narrow, inner, t, at, bias, sum, 2, y + 2 * row);
        if (rows > 3) collapse_row(taps, to_narrow, inner, t, at, bias, sum, 3, y + 3 * row);
    }
}

/* Block of rows by block, so that what tiles share is near. */
AED_INLINE void pass_tiles(int taps, bool to_narrow, const tile_task *t)
{
    int32_t expanded = 0;
    for (int32_t r = 0, rows; r < t->y_rows; r += rows) {
        const int32_t left = t->y_rows - r;
        /* Two times two rows instead of three and one, which would wait for its sums. */
        rows = left == 4 && ROWS(taps) == 3 ? 2 : left < ROWS(taps) ? left : ROWS(taps);
        float *window = t->window;
        for (int32_t at = t->at; at < t->end; at += TILE) {
            for (int32_t i = expanded; i < r + rows + taps - 1; i++)
                expand_row(taps, to_narrow, t, at, i, window);
            if (rows == ROWS(taps))
                output_rows(taps, to_narrow, ROWS(taps), t, at, r, window);
            else if (rows == 3)
                output_rows(taps, to_narrow, 3, t, at, r, window);
            else if (rows == 2)
                output_rows(taps, to_narrow, 2, t, at, r, window);
            else
                output_rows(taps, to_narrow, 1, t, at, r, window);
            window += t->inputs * WINDOW(taps) * ROW(taps);
        }
        expanded = r + rows + taps - 1;
    }
}

static __attribute__((noinline)) void narrow_3(const tile_task *t) { pass_tiles(3, true, t); }
static __attribute__((noinline)) void narrow_5(const tile_task *t) { pass_tiles(5, true, t); }
static __attribute__((noinline)) void wide_3(const tile_task *t) { pass_tiles(3, false, t); }
static __attribute__((noinline)) void wide_5(const tile_task *t) { pass_tiles(5, false, t); }

static tile_task make_task(const aed_winograd *conv, bool to_narrow, int lanes)
{
    const int64_t filter = conv->taps * (conv->taps + TILE - 1);
    const int32_t rows = wide_size(conv, conv->rows, conv->row_padding);
    const int32_t columns = wide_size(conv, conv->columns, conv->column_padding);
    return (tile_task){.outputs = to_narrow ? conv->narrow : conv->wide,
                       .lanes = lanes,
                       .w_in = to_narrow ? filter : conv->wide * filter,
                       .w_out = to_narrow ? conv->wide * filter : filter,
                       .x_rows = to_narrow ? rows : conv->rows,
                       .x_columns = to_narrow ? columns : conv->columns,
                       .y_rows = to_narrow ? conv->rows : rows,
                       .y_columns = to_narrow ? conv->columns : columns,
                       .x_shift = to_narrow ? conv->column_padding : 0,
                       .y_shift = to_narrow ? 0 : conv->column_padding,
                       .narrow = conv->columns,
                       .above = to_narrow ? conv->row_padding : conv->taps - 1 - conv->row_padding};
}

void AED_SET(winograd)(const aed_winograd *conv, bool to_narrow, int lanes, const float *w,
                       const float *bias, aed_activation activation, const float *x, float *y,
                       float *scratch)
{
    void (*const pass)(const tile_task *) = to_narrow ? (conv->taps == 5 ? narrow_5 : narrow_3)
                                                      : (conv->taps == 5 ? wide_5 : wide_3);
    const int inputs = to_narrow ? conv->wide : conv->narrow;
    const int passes = (inputs + AED_WINOGRAD_NEAR - 1) / AED_WINOGRAD_NEAR;
    const int most = (inputs + passes - 1) / passes;
    const int32_t columns = AED_WINOGRAD_NEAR / most * TILE;
    tile_task t = make_task(conv, to_narrow, lanes);
    t.bias = bias;
    t.lowest = activation == AED_RELU ? 0 : -__builtin_inff();
    t.window = scratch;
    for (int lane = 0; lane < lanes; lane += AED_WIDTH)
        for (t.at = 0; t.at < conv->columns; t.at = t.end) {
            t.end = conv->columns - t.at < columns ? conv->columns : t.at + columns;
            for (int first = 0; first < inputs; first += most) {
                t.inputs = inputs - first < most ? inputs - first : most;
                t.w = w + first * t.w_in;
                t.x = x + (int64_t)first * t.x_rows * t.x_columns * lanes + lane;
                t.y = y + lane;
                t.first_pass = first == 0;
                t.last_pass = first + most >= inputs;
                pass(&t);
            }
        }
}

/* ---- Weights --------------------------------------------------------------------------------------- */

/* u = G w for a line, the values of a point `apart` floats from the next one's. */
static void expand_line(int taps, const float *w, float *u, int apart)
{
    if (taps == 5) {
        const float even1 = -2.0f / 9 * (w[0] + w[2] + w[4]), odd1 = -2.0f / 9 * (w[1] + w[3]);
        const float even2 = 1.0f / 90 * (w[0] + 4 * w[2] + 16 * w[4]);
        const float odd2 = 1.0f / 90 * (2 * w[1] + 8 * w[3]);
        const float even3 = 2.0f / 45 * (16 * w[0] + 4 * w[2] + w[4]);
        const float odd3 = 2.0f / 45 * (8 * w[1] + 2 * w[3]);
        u[0] = w[0];
        u[1 * apart] = even1 + odd1;
        u[2 * apart] = even1 - odd1;
        u[3 * apart] = even2 + odd2;
        u[4 * apart] = even2 - odd2;
        u[5 * apart] = even3 + odd3;
        u[6 * apart] = even3 - odd3;
        u[7 * apart] = w[4];
    } else {
        const float even1 = -1.0f / 6 * (w[0] + w[2]), odd1 = -1.0f / 6 * w[1];
        const float even2 = 1.0f / 24 * (w[0] + 4 * w[2]), odd2 = 1.0f / 12 * w[1];
        u[0] = 0.25f * w[0];
        u[1 * apart] = even1 + odd1;
        u[2 * apart] = even1 - odd1;
        u[3 * apart] = even2 + odd2;
        u[4 * apart] = even2 - odd2;
        u[5 * apart] = w[2];
    }
}

void AED_SET(winograd_weights)(const aed_winograd *conv, bool turned, const float *w,
                               float *expanded)
{
    const int taps = conv->taps, count = taps * taps;
    for (int n = 0; n < conv->narrow; n++)
        for (int c = 0; c < conv->wide; c++, expanded += taps * (taps + TILE - 1)) {
            const float *filter = w + (turned ? c * conv->narrow + n : n * conv->wide + c) * count;
            float back[MOST_TAPS * MOST_TAPS];
            if (turned) {
                for (int i = 0; i < count; i++) back[i] = filter[count - 1 - i];
                filter = back;
            }
            for (int k = 0; k < taps; k++) expand_line(taps, filter + k * taps, expanded + k, taps);
        }
}
