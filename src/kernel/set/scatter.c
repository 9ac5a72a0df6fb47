/* Transposed convolutions whose windows lie side by side: every output meets one input position, by a tap of
 * its own. So all taps of all outputs are rows of one dense product, of which each input is loaded once for as
 * many as fit into registers. Each element is summed over input channels from the bias on: the order of
 * gather.c. */
#include "kernel/set/set.h"

/* Rows of a block, and positions beside them. */
#if AED_WIDTH == 16
enum { ROWS = 8 };
#define PLACES(rows) ((rows) == 8 ? 3 : (rows) == 4 ? 6 : 8)
#elif AED_WIDTH == 8
enum { ROWS = 4 };
#define PLACES(rows) ((rows) == 4 ? 3 : 6)
#else
enum { ROWS = 4 };
#define PLACES(rows) 1
#endif
enum { HALF = 4, MOST_PLACES = 8 };

/* Positions whose inputs stay in the nearest cache while all rows pass: a multiple of all PLACES. */
enum { CHUNK = 24 };

/* Some positions, on their way to all rows. */
typedef struct scatter_task {
    int inputs, lanes;
    int64_t w_in, x_channel;
    const float *w, *bias, *x; /* of the first row, its output, the first position */
    float *y, lowest;          /* lowest of an output: 0 for relu */
    int count;                 /* of positions, and where in y each one's window begins: */
    int64_t place[CHUNK];
    int64_t row[ROWS]; /* and where in its window each row of a block is */
    float row_bias[ROWS];
} scatter_task;

/* Positions p ... p+places-1 to a block of rows. */
AED_INLINE void scatter_block(int rows, int places, const scatter_task *t, int p)
{
    const int64_t x_channel = t->x_channel, w_in = t->w_in;
    const float *x = t->x + p * t->lanes, *w = t->w;
    vf sum[ROWS][MOST_PLACES];
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < places; k++) sum[i][k] = v_set(t->row_bias[i]);
    for (int c = 0; c < t->inputs; c++, w += w_in, x += x_channel) {
        vf in[MOST_PLACES];
        for (int k = 0; k < places; k++) in[k] = v_keep(v_load(x + k * t->lanes));
        for (int i = 0; i < rows; i++) {
            const vf weight = v_keep(v_set(w[i]));
            for (int k = 0; k < places; k++) sum[i][k] = v_fma(weight, in[k], sum[i][k]);
        }
    }
    const vf lowest = v_set(t->lowest);
    for (int k = 0; k < places; k++) {
        float *const y = t->y + t->place[p + k];
        for (int i = 0; i < rows; i++) v_store(y + t->row[i], v_at_least(sum[i][k], lowest));
    }
}

/* All positions to rows m ... m+rows-1. */
AED_INLINE void scatter_rows(int rows, const aed_scatter *plan, scatter_task t, int m)
{
    const int taps = plan->high * plan->wide;
    const int64_t line = (int64_t)plan->columns * plan->wide * t.lanes;
    for (int i = 0; i < rows; i++) {
        const int o = (m + i) / taps, tap = (m + i) % taps;
        t.row[i] = o * taps * t.x_channel + tap / plan->wide * line + tap % plan->wide * t.lanes;
        t.row_bias[i] = t.bias ? t.bias[o] : 0;
    }
    t.w += m;
    int p = 0;
    for (; p + PLACES(rows) <= t.count; p += PLACES(rows)) scatter_block(rows, PLACES(rows), &t, p);
    for (; p < t.count; p++) scatter_block(rows, 1, &t, p);
}

/* Where the windows of positions p ... begin. */
static void list_places(const aed_scatter *plan, int32_t p, scatter_task *t)
{
    const int64_t line = (int64_t)plan->columns * plan->wide * t->lanes;
    for (int i = 0; i < t->count; i++, p++)
        t->place[i] = p / plan->columns * plan->high * line +
                      p % plan->columns * plan->wide * t->lanes;
}

void AED_SET(scatter)(const aed_scatter *plan, int lanes, const float *w, const float *bias,
                      aed_activation activation, const float *x, float *y)
{
    const int rows = plan->outputs * plan->high * plan->wide;
    const int32_t positions = plan->rows * plan->columns;
    scatter_task t = {.inputs = plan->inputs,
                      .lanes = lanes,
                      .w_in = plan->w_in,
                      .x_channel = (int64_t)positions * lanes,
                      .w = w,
                      .bias = bias,
                      .lowest = activation == AED_RELU ? 0 : -__builtin_inff()};
    for (int32_t p = 0; p < positions; p += CHUNK) {
        t.count = positions - p < CHUNK ? positions - p : CHUNK;
        list_places(plan, p, &t);
        for (int lane = 0; lane < lanes; lane += AED_WIDTH) {
            t.x = x + (int64_t)p * lanes + lane;
            t.y = y + lane;
            int m = 0;
            for (; m + ROWS <= rows; m += ROWS) scatter_rows(ROWS, plan, t, m);
#if AED_WIDTH == 16
            for (; m + HALF <= rows; m += HALF) scatter_rows(HALF, plan, t, m);
#endif
            for (; m < rows; m++) scatter_rows(1, plan, t, m);
        }
    }
}
