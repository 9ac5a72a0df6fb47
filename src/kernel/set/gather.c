/* Convolutions as gathers over precomputed pairs of (tap, position).
 *
 * A block of output channels times places times registers of lanes stays in registers while the
 * pairs and all input channels pass; weights are broadcast. The places of a block are rows that
 * meet alike (see aed_pairs), so that one look into the list serves them all. Each element is
 * summed over input channels, then pairs, in the list's order, starting at the bias, whatever the
 * block. */
#include <stdbool.h>

#include "kernel/set/set.h"

/* Registers of a block: 16 lanes, except where they would take too many. CHANNELS is the most output
 * channels of a block; places(n) how many places fit beside n of them, with enough sums to hide the
 * latency of an addition and pointers enough for the places. */
#if AED_WIDTH == 16
enum { CHANNELS = 8, VECTORS = 1 };
#define PLACES(n) ((n) <= 2 ? 8 : (n) <= 4 ? 6 : (n) <= 6 ? 4 : 3)
#elif AED_WIDTH == 8
enum { CHANNELS = 6, VECTORS = 2 };
#define PLACES(n) (6 / (n))
#else
enum { CHANNELS = 4, VECTORS = 1 };
#define PLACES(n) 1
#endif

/* Blocks of few channels take so many input channels at a time, if rows have that many pairs. */
enum { FEW_CHANNELS = 2, FEW_INPUTS = 4, FEW_PAIRS = 4 };

/* Some input channels and rows of one block of channels and registers. */
typedef struct gather_task {
    aed_pairs pairs;
    int32_t first, end; /* rows, in the pairs' order */
    int inputs, lanes;
    int64_t y_row, w_out, w_in, x_channel, y_channel;
    const float *w, *bias, *x;
    float *y;
    float lowest; /* of a result: 0 for relu */
} gather_task;

/* Adds the products of one pair and input channel: the fewer factors are held, the others pass. */
AED_INLINE void gather_pair(int channels, int places, const float *w, int64_t w_out,
                            const float *const *x, int64_t at, vf (*sum)[PLACES(1)][VECTORS])
{
    if (channels <= places * VECTORS) {
        vf weight[CHANNELS];
        for (int i = 0; i < channels; i++) weight[i] = v_keep(v_set(w[i * w_out]));
        for (int p = 0; p < places; p++)
            for (int v = 0; v < VECTORS; v++) {
                vf in = v_load(x[p] + at + v * AED_WIDTH);
                if (channels > 1) in = v_keep(in);
                for (int i = 0; i < channels; i++)
                    sum[i][p][v] = v_fma(weight[i], in, sum[i][p][v]);
            }
    } else {
        vf in[PLACES(1)][VECTORS];
        for (int p = 0; p < places; p++)
            for (int v = 0; v < VECTORS; v++) in[p][v] = v_load(x[p] + at + v * AED_WIDTH);
        for (int i = 0; i < channels; i++) {
            const vf weight = v_set(w[i * w_out]);
            for (int p = 0; p < places; p++)
                for (int v = 0; v < VECTORS; v++)
                    sum[i][p][v] = v_fma(weight, in[p][v], sum[i][p][v]);
        }
    }
}

/* ---- One output channel --------------------------------------------------------------------------- */

/* Its sums would take a load for each product. Where places lie side by side, and the taps of a row too,
 * an input is loaded once for all the places that it meets: of SEGMENTS segments of SIDE places. */
#if AED_WIDTH > 4
enum {
    SIDE = 4,
    SEGMENTS = AED_WIDTH == 16 ? 4 : 1,
    RUN_PLACES = SIDE * SEGMENTS,
    LONGEST_RUN = 5
};

/* Whether entries e ... e+run-1 are positions in a row, whose taps move by `step`. */
static bool is_run(const aed_pairs *pairs, int32_t e, int run, int step)
{
    for (int i = 1; i < run; i++)
        if (pairs->tap[e + i] != pairs->tap[e] + step * i ||
            pairs->position[e + i] != pairs->position[e] + i)
            return false;
    return true;
}

/* The length of the runs that a row's entries are made of, positive if taps ascend with the positions,
 * else negative; 0 if they are not. */
static int run_of_row(const aed_pairs *pairs, int32_t row)
{
    const int32_t begin = pairs->start[row], end = pairs->start[row + 1];
    for (int run = LONGEST_RUN; run > 1; run--) {
        if ((end - begin) % run || end == begin) continue;
        const int step = pairs->tap[begin + 1] > pairs->tap[begin] ? 1 : -1;
        int32_t e = begin;
        while (e < end && is_run(pairs, e, run, step)) e += run;
        if (e == end) return run * step;
    }
    return 0;
}

/* The products of one run and input channel: x points to the run's first input of each segment. */
AED_INLINE void run_products(int run, int step, const float *w, const float *const *x, int64_t at,
                             int64_t lanes, vf (*sum)[VECTORS])
{
    vf weight[LONGEST_RUN];
#pragma GCC unroll 8
    for (int k = 0; k < run; k++) weight[k] = v_keep(v_set(w[step * k]));
#pragma GCC unroll 8
    for (int i = 0; i < SIDE + run - 1; i++)
#pragma GCC unroll 8
        for (int s = 0; s < SEGMENTS; s++)
#pragma GCC unroll 2
            for (int v = 0; v < VECTORS; v++) {
                const vf in = v_keep(v_load(x[s] + at + i * lanes + v * AED_WIDTH));
#pragma GCC unroll 8
                for (int k = 0; k < run; k++)
                    if (i >= k && i - k < SIDE)
                        sum[s * SIDE + i - k][v] = v_fma(weight[k], in, sum[s * SIDE + i - k][v]);
            }
}

/* RUN_PLACES rows of the order from number i on, all of whose segments lie side by side. */
AED_INLINE void gather_runs(int run, int step, bool go_on, const gather_task *t, int32_t i)
{
    const int32_t *order = t->pairs.order, *shift = t->pairs.shift;
    const int32_t begin = t->pairs.start[order[i]], end = t->pairs.start[order[i] + 1];
    const int64_t lanes = t->lanes;
    const float *x[SEGMENTS], *w = t->w;
    float *y[SEGMENTS];
    vf sum[RUN_PLACES][VECTORS];
    for (int s = 0; s < SEGMENTS; s++) {
        x[s] = t->x + (shift[i + s * SIDE] - shift[i]) * lanes;
        y[s] = t->y + order[i + s * SIDE] * t->y_row;
    }
    for (int p = 0; p < RUN_PLACES; p++)
        for (int v = 0; v < VECTORS; v++)
            sum[p][v] = go_on ? v_load(y[p / SIDE] + p % SIDE * t->y_row + v * AED_WIDTH)
                              : v_set(t->bias ? t->bias[0] : 0);
    int64_t at = 0;
    for (int c = 0; c < t->inputs; c++, w += t->w_in, at += t->x_channel)
        for (int32_t e = begin; e < end; e += run)
            run_products(run, step, w + t->pairs.tap[e], x, at + t->pairs.position[e] * lanes,
                         lanes, sum);
    const vf lowest = v_set(t->lowest);
    for (int p = 0; p < RUN_PLACES; p++)
        for (int v = 0; v < VECTORS; v++)
            v_store(y[p / SIDE] + p % SIDE * t->y_row + v * AED_WIDTH,
                    v_at_least(sum[p][v], lowest));
}

/* Whether all segments of the RUN_PLACES rows from number i on lie side by side: order and shift ascend
 * strictly within a group, so that the ends tell. */
static bool are_segments(const aed_pairs *pairs, int32_t i)
{
    for (int32_t s = i; s < i + RUN_PLACES; s += SIDE)
        if (pairs->order[s + SIDE - 1] - pairs->order[s] != SIDE - 1 ||
            pairs->shift[s + SIDE - 1] - pairs->shift[s] != SIDE - 1)
            return false;
    return true;
}

#define RUN_FUNCTION(run, step, go_on)                                                           \
    static __attribute__((noinline)) void runs_##run##_##step##_##go_on(const gather_task *task, \
                                                                        int32_t i)               \
    {                                                                                            \
        gather_runs(run, step ? 1 : -1, go_on, task, i);                                         \
    }
#define RUN_FUNCTIONS(run) \
    RUN_FUNCTION(run, 0, 0) RUN_FUNCTION(run, 1, 0) RUN_FUNCTION(run, 0, 1) RUN_FUNCTION(run, 1, 1)
RUN_FUNCTIONS(2)
RUN_FUNCTIONS(3)
RUN_FUNCTIONS(4)
RUN_FUNCTIONS(5)
#define RUN_ROW(run)                                                                 \
    {                                                                                \
        {runs_##run##_0_0, runs_##run##_0_1}, { runs_##run##_1_0, runs_##run##_1_1 } \
    }
static void (*const run_functions[LONGEST_RUN - 1][2][2])(const gather_task *task, int32_t i) = {
    RUN_ROW(2), RUN_ROW(3), RUN_ROW(4), RUN_ROW(5)};
#endif

/* ---- Any number of channels ---------------------------------------------------------------------- */

/* Rows number first ... end-1 of the order, `places` at once: those meet alike. */
AED_INLINE void gather_rows(int channels, int places, bool go_on, const gather_task *t,
                            int32_t first, int32_t end)
{
    const int32_t *tap = t->pairs.tap, *position = t->pairs.position, *order = t->pairs.order;
    const int64_t w_out = t->w_out, w_in = t->w_in, x_channel = t->x_channel, lanes = t->lanes;
    const int inputs = t->inputs;
    for (int32_t i = first; i < end; i += places) {
        const int32_t pairs = t->pairs.start[order[i]], pairs_end = t->pairs.start[order[i] + 1];
        const float *w = t->w, *x[PLACES(1)];
        vf sum[CHANNELS][PLACES(1)][VECTORS];
        for (int p = 0; p < places; p++)
            x[p] = t->x + (t->pairs.shift[i + p] - t->pairs.shift[i]) * lanes;
        for (int c = 0; c < channels; c++)
            for (int p = 0; p < places; p++)
                for (int v = 0; v < VECTORS; v++)
                    sum[c][p][v] = go_on     ? v_load(t->y + order[i + p] * t->y_row +
                                                      c * t->y_channel + v * AED_WIDTH)
                                   : t->bias ? v_set(t->bias[c])
                                             : v_zero();
        if (pairs_end - pairs == 1) { /* looked up once for all channels */
            w += tap[pairs];
            int64_t at = position[pairs] * lanes;
            for (int c = 0; c < inputs; c++, w += w_in, at += x_channel)
                gather_pair(channels, places, w, w_out, x, at, sum);
        } else {
            int64_t at = 0;
            for (int c = 0; c < inputs; c++, w += w_in, at += x_channel)
                for (int32_t e = pairs; e < pairs_end; e++)
                    gather_pair(channels, places, w + tap[e], w_out, x, at + position[e] * lanes,
                                sum);
        }
        const vf lowest = v_set(t->lowest);
        for (int p = 0; p < places; p++) {
            float *y = t->y + order[i + p] * t->y_row;
            for (int c = 0; c < channels; c++)
                for (int v = 0; v < VECTORS; v++)
                    v_store(y + c * t->y_channel + v * AED_WIDTH, v_at_least(sum[c][p][v], lowest));
        }
    }
}

#if AED_WIDTH > 4
/* One channel: rows at ... stop-1, which meet alike, where they and their taps lie side by side, and
 * those between. Returns the first row of what is left. */
AED_INLINE int32_t gather_side_by_side(bool go_on, const gather_task *t, int32_t at, int32_t stop)
{
    enum { AT_ONCE = RUN_PLACES > PLACES(1) ? RUN_PLACES : PLACES(1) };
    if (stop - at < AT_ONCE) return at;
    const int run = run_of_row(&t->pairs, t->pairs.order[at]);
    if (run == 0) return at;
    const int length = run < 0 ? -run : run;
    void (*const gather)(const gather_task *, int32_t) = run_functions[length - 2][run > 0][go_on];
    while (at + AT_ONCE <= stop)
        if (are_segments(&t->pairs, at)) {
            gather(t, at);
            at += RUN_PLACES;
        } else {
            gather_rows(1, PLACES(1), go_on, t, at, at + PLACES(1));
            at += PLACES(1);
        }
    return at;
}
#endif

/* Rows at ... stop-1, which meet alike: as many at once as fit, then half of that where a block has
 * few sums, which wait for each other. Returns the first row of what is left. */
AED_INLINE int32_t gather_alike(int channels, int places, bool go_on, const gather_task *t,
                                int32_t at, int32_t stop)
{
#if AED_WIDTH > 4
    if (channels == 1) at = gather_side_by_side(go_on, t, at, stop);
#endif
    if (stop - at >= places) {
        const int32_t whole = stop - (stop - at) % places;
        gather_rows(channels, places, go_on, t, at, whole);
        at = whole;
    }
    if (channels <= FEW_CHANNELS && places > 4 && stop - at >= places / 2) {
        gather_rows(channels, places / 2, go_on, t, at, at + places / 2);
        at += places / 2;
    }
    return at;
}

/* The task's rows, group by group; what is left of one goes together with the small groups that
 * follow. */
AED_INLINE void gather_groups(int channels, int places, bool go_on, const gather_task *task)
{
    const gather_task t = *task; /* a copy, whose members can stay in registers */
    const int32_t *group = t.pairs.group;
    if (places == 1) {
        gather_rows(channels, 1, go_on, &t, t.first, t.end);
        return;
    }
    int32_t g = 0;
    for (int32_t at = t.first, stop; at < t.end; at = stop) {
        while (group[g + 1] <= at) g++;
        stop = group[g + 1] < t.end ? group[g + 1] : t.end;
        const int32_t rest = gather_alike(channels, places, go_on, &t, at, stop);
        while (stop < t.end && group[g + 2] - group[g + 1] < places) stop = group[++g + 1];
        if (stop > t.end) stop = t.end;
        gather_rows(channels, 1, go_on, &t, rest, stop);
    }
}

/* Register blocks have constant sizes: one function for each number of channels. The sums start from
 * the bias or, in functions gather_on, go on from what y holds. */
#define GATHER_FUNCTION(name, n, go_on)                                       \
    static __attribute__((noinline)) void name##_##n(const gather_task *task) \
    {                                                                         \
        gather_groups(n, PLACES(n), go_on, task);                             \
    }

GATHER_FUNCTION(gather, 1, false)
GATHER_FUNCTION(gather, 2, false)
GATHER_FUNCTION(gather, 3, false)
GATHER_FUNCTION(gather, 4, false)
#if AED_WIDTH > 4
GATHER_FUNCTION(gather, 5, false)
GATHER_FUNCTION(gather, 6, false)
#endif
#if AED_WIDTH > 8
GATHER_FUNCTION(gather, 7, false)
GATHER_FUNCTION(gather, 8, false)
#endif
GATHER_FUNCTION(gather_on, 1, true)
GATHER_FUNCTION(gather_on, 2, true)

static void (*const gather_functions[CHANNELS])(const gather_task *task) = {
    gather_1, gather_2, gather_3, gather_4,
#if AED_WIDTH > 4
    gather_5, gather_6,
#endif
#if AED_WIDTH > 8
    gather_7, gather_8,
#endif
};
static void (*const gather_on_functions[FEW_CHANNELS])(const gather_task *task) = {gather_on_1,
                                                                                   gather_on_2};

/* The whole plan; a call sets the block of channels and registers. */
static gather_task plan_task(const aed_gather *plan, int lanes)
{
    return (gather_task){.pairs = plan->pairs,
                         .end = plan->pairs.rows,
                         .inputs = plan->inputs,
                         .lanes = lanes,
                         .y_row = lanes,
                         .w_out = plan->w_out,
                         .w_in = plan->w_in,
                         .x_channel = (int64_t)plan->x_positions * lanes,
                         .y_channel = (int64_t)plan->pairs.rows * lanes,
                         .lowest = -__builtin_inff()};
}

/* Bytes of x that all blocks of channels pass over while they lie in the second cache, and the rows
 * of a chunk at least: a multiple of all PLACES. */
enum { CHUNK_BYTES = 128 * 1024, CHUNK_ROWS = 24 };

/* Rows whose input is about CHUNK_BYTES: all, if that is not much more. */
static int32_t chunk_rows(const aed_gather *plan)
{
    const int32_t rows = plan->pairs.rows;
    const int64_t bytes = (int64_t)plan->inputs * plan->x_positions * VECTORS * AED_WIDTH * 4;
    if (bytes <= 2 * CHUNK_BYTES) return rows;
    return (int32_t)(rows * (int64_t)CHUNK_BYTES / bytes / CHUNK_ROWS + 1) * CHUNK_ROWS;
}

/* The task's rows of one block of channels. Where a block is small, every input is loaded for few
 * products: it then takes a few input channels at a time, whose windows stay in the nearest cache
 * while all rows pass. */
static void gather_block(const aed_gather *plan, int channels, gather_task *task)
{
    const bool few = channels <= FEW_CHANNELS && plan->inputs > FEW_INPUTS &&
                     plan->pairs.start[plan->pairs.rows] >= FEW_PAIRS * plan->pairs.rows;
    if (!few) {
        gather_functions[channels - 1](
            task); /* small plans come here: nothing is copied for them */
        return;
    }
    const gather_task whole = *task;
    task->inputs = FEW_INPUTS;
    task->lowest = -__builtin_inff();
    gather_functions[channels - 1](task);
    for (int c = FEW_INPUTS; c < plan->inputs; c += FEW_INPUTS) {
        task->inputs = plan->inputs - c < FEW_INPUTS ? plan->inputs - c : FEW_INPUTS;
        task->w += FEW_INPUTS * plan->w_in;
        task->x += FEW_INPUTS * task->x_channel;
        task->lowest = plan->inputs - c <= FEW_INPUTS ? whole.lowest : -__builtin_inff();
        gather_on_functions[channels - 1](task);
    }
    *task = whole;
}

void AED_SET(gather)(const aed_gather *plan, int lanes, const float *w, const float *bias,
                     aed_activation activation, const float *x, float *y)
{
    gather_task task = plan_task(plan, lanes);
    if (activation == AED_RELU) task.lowest = 0;
    const int32_t rows = plan->pairs.rows;
    const int32_t chunk = plan->outputs > CHANNELS ? chunk_rows(plan) : rows;
    for (int lane = 0; lane < lanes; lane += VECTORS * AED_WIDTH)
        for (int32_t row = 0; row < rows; row += chunk)
            for (int o = 0; o < plan->outputs; o += CHANNELS) {
                const int channels = plan->outputs - o < CHANNELS ? plan->outputs - o : CHANNELS;
                task.first = row;
                task.end = rows - row < chunk ? rows : row + chunk;
                task.w = w + o * plan->w_out;
                task.bias = bias ? bias + o : NULL;
                task.x = x + lane;
                task.y = y + o * task.y_channel + lane;
                gather_block(plan, channels, &task);
            }
}

/* ---- With pooling -------------------------------------------------------------------------------- */

_Static_assert((int)CHANNELS <= (int)AED_POOL_CHANNELS, "the scratch of gather_pool is too small");

/* The lines of windows of the task's block, each gathered into scratch, whence it goes, activated and
 * pooled, to y[channels][windows][lanes]. */
static void pool_lines(const aed_pooling *pooling, int channels, gather_task *task, int lanes,
                       float *y, uint8_t *winner, float *scratch)
{
    const int32_t lines = pooling->rows / pooling->high, windows = pooling->columns / 2;
    const int32_t positions = pooling->high * pooling->columns;
    task->y_row = VECTORS * AED_WIDTH;
    task->y_channel = positions * task->y_row;
    for (int32_t line = 0; line < lines; line++) {
        task->first = task->pairs.group[pooling->slab[line]];
        task->end = task->pairs.group[pooling->slab[line + 1]];
        task->y = scratch - line * task->y_channel;
        gather_functions[channels - 1](task);
        for (int c = 0; c < channels; c++) {
            const int64_t to = ((int64_t)c * lines + line) * windows * lanes;
            AED_SET(pool_line)
            (pooling, VECTORS * AED_WIDTH, lanes, scratch + c * task->y_channel, y + to,
             winner + to);
        }
    }
}

void AED_SET(gather_pool)(const aed_gather *plan, const aed_pooling *pooling, int lanes,
                          const float *w, const float *bias, const float *x, float *y,
                          uint8_t *winner, float *scratch)
{
    const int64_t y_channel = (int64_t)(pooling->rows / pooling->high) * (pooling->columns / 2) *
                              lanes;
    gather_task task = plan_task(plan, lanes);
    for (int lane = 0; lane < lanes; lane += VECTORS * AED_WIDTH)
        for (int o = 0; o < plan->outputs; o += CHANNELS) {
            const int channels = plan->outputs - o < CHANNELS ? plan->outputs - o : CHANNELS;
            const int64_t to = o * y_channel + lane;
            task.w = w + o * plan->w_out;
            task.bias = bias ? bias + o : NULL;
            task.x = x + lane;
            pool_lines(pooling, channels, &task, lanes, y + to, winner + to, scratch);
        }
}
