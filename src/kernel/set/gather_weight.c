/* The weights' gradient of a convolution, over the same groups of rows as its forward direction.
 *
 * A weight belongs to a channel of u and to a column: a channel of v with a tap. A block of channels
 * times columns stays in registers while the rows of a group pass, each lane a sum of its own; so a
 * row is loaded once for all columns, and a column once for all channels. The rows come in chunks
 * that stay in the nearest cache while all columns pass. A lane sums over groups, rows and blocks of
 * 16 lanes, in that order; only at the end are a weight's 16 lanes added up (sum.c). */
#include "kernel/set/set.h"

/* Register blocks: channels, columns and the registers of each sum, as many sums as the registers
 * allow. First those of 1, 2 ... FEW channels, which serve what is left of any number. */
#if AED_WIDTH == 16
enum { FEW = 4 };
#define EACH_SHAPE(call)                                                                \
    call(1, 8, 1) call(2, 8, 1) call(3, 8, 1) call(4, 6, 1) call(4, 5, 1) call(5, 5, 1) \
        call(8, 3, 1)
#elif AED_WIDTH == 8
enum { FEW = 4 };
#define EACH_SHAPE(call) call(1, 6, 2) call(2, 6, 1) call(3, 4, 1) call(4, 3, 1)
#else
enum { FEW = 2 };
#define EACH_SHAPE(call) call(1, 1, 1) call(2, 1, 1)
#endif
/* A single channel of u meets taps that follow each other: so many runs of n columns pass at once, and
 * rows for so many registers of u. */
#if AED_WIDTH == 16
enum { HELD = 8, LONGEST_RUN = 5, RUN_COLUMNS = 12 };
#elif AED_WIDTH == 8
enum { HELD = 4, LONGEST_RUN = 5, RUN_COLUMNS = 10 };
#else
enum { LONGEST_RUN = 0, RUN_COLUMNS = 1 };
#endif
#define RUNS(n) (RUN_COLUMNS / (n))
enum {
    BLOCK_CHANNELS = 8, /* of a shape at most, and its columns */
    BLOCK_COLUMNS = 12, /* of runs too */
    MOST_COLUMNS = 56,  /* whose sums are kept at once, for */
    MOST_CHANNELS = 16,
    MOST_SUMS = 448,                       /* in all */
    PADDED = MOST_COLUMNS + BLOCK_COLUMNS, /* up to whole register blocks */
    CHUNK = 64                             /* blocks of 16 lanes that pass at once */
};

/* Some channels of u, some columns, and a chunk of a group's rows. */
typedef struct weight_task {
    const float *u;
    int64_t u_channel;
    int lanes, columns;
    int run;                          /* columns that lie side by side in v, in runs of so many */
    const float *v[PADDED];           /* where the group's first row meets the column */
    float *sums[PADDED];              /* [channels][16] */
    int blocks;                       /* of 16 lanes, of the chunk's rows in turn: */
    int32_t u_at[CHUNK], v_at[CHUNK]; /* where each lies in a channel, and beyond v */
} weight_task;

AED_INLINE void weight_block(int channels, int columns, int vectors, const weight_task *task,
                             int column, int part)
{
    const weight_task *t = task;
    const float *v[BLOCK_COLUMNS];
    vf sum[BLOCK_CHANNELS][BLOCK_COLUMNS][2];
    for (int j = 0; j < columns; j++) {
        v[j] = t->v[column + j] + part * AED_WIDTH;
        for (int i = 0; i < channels; i++)
            for (int k = 0; k < vectors; k++)
                sum[i][j][k] = v_load(t->sums[column + j] + i * AED_LANE_BLOCK +
                                      (part + k) * AED_WIDTH);
    }
    const float *u = t->u + part * AED_WIDTH;
    const int64_t u_channel = t->u_channel;
    const int blocks = t->blocks;
    for (int block = 0; block < blocks; block++) {
        const float *row = u + t->u_at[block];
        const int64_t at = t->v_at[block];
        for (int k = 0; k < vectors; k++) {
            const float *const here = row + k * AED_WIDTH;
            if (channels < columns) { /* the fewer factors are held, the others pass */
                vf held[BLOCK_CHANNELS];
                for (int i = 0; i < channels; i++) held[i] = v_keep(v_load(here + i * u_channel));
                for (int j = 0; j < columns; j++) {
                    vf in = v_load(v[j] + at + k * AED_WIDTH);
                    if (channels > 1) in = v_keep(in);
                    for (int i = 0; i < channels; i++)
                        sum[i][j][k] = v_fma(held[i], in, sum[i][j][k]);
                }
            } else {
                vf held[BLOCK_COLUMNS];
                for (int j = 0; j < columns; j++)
                    held[j] = v_keep(v_load(v[j] + at + k * AED_WIDTH));
                for (int i = 0; i < channels; i++) {
                    const vf in = v_keep(v_load(here + i * u_channel));
                    for (int j = 0; j < columns; j++)
                        sum[i][j][k] = v_fma(in, held[j], sum[i][j][k]);
                }
            }
        }
    }
    for (int j = 0; j < columns; j++)
        for (int i = 0; i < channels; i++)
            for (int k = 0; k < vectors; k++)
                v_store(t->sums[column + j] + i * AED_LANE_BLOCK + (part + k) * AED_WIDTH,
                        sum[i][j][k]);
}

/* ---- Runs ---------------------------------------------------------------------------------------- */

/* Where rows follow each other as the columns of a run do, a column of one row is the next column of
 * the row before: it is loaded once for all of them. */
#if AED_WIDTH > 4
/* `runs` runs of `run` columns, `blocks` blocks of 16 lanes a row. */
AED_INLINE void weight_runs(int run, int runs, int blocks, const weight_task *t, int column,
                            int part)
{
    const int rows = HELD / blocks, lanes = blocks * AED_LANE_BLOCK;
    const int32_t whole = (rows - 1) * lanes + (blocks - 1) * AED_LANE_BLOCK;
    const float *v[RUNS(2)];
    vf sum[RUNS(2)][LONGEST_RUN];
    for (int r = 0; r < runs; r++) {
        v[r] = t->v[column + r * run] + part * AED_WIDTH;
        for (int j = 0; j < run; j++)
            sum[r][j] = v_load(t->sums[column + r * run + j] + part * AED_WIDTH);
    }
    const float *u = t->u + part * AED_WIDTH;
    for (int at = 0; at < t->blocks;) {
        const float *row = u + t->u_at[at];
        const int64_t shift = t->v_at[at];
        const int last = at + HELD - 1;
        if (last < t->blocks && t->u_at[last] - t->u_at[at] == whole &&
            t->v_at[last] - t->v_at[at] == whole) {
            vf held[HELD];
            for (int i = 0; i < HELD; i++) held[i] = v_keep(v_load(row + i * AED_LANE_BLOCK));
#pragma GCC unroll 16
            for (int i = 0; i < rows + run - 1; i++)
#pragma GCC unroll 8
                for (int r = 0; r < runs; r++)
#pragma GCC unroll 2
                    for (int block = 0; block < blocks; block++) {
                        const vf in = v_load(v[r] + shift + i * lanes + block * AED_LANE_BLOCK);
#pragma GCC unroll 8
                        for (int j = 0; j < run; j++)
                            if (i - j >= 0 && i - j < rows)
                                sum[r][j] = v_fma(held[(i - j) * blocks + block], in, sum[r][j]);
                    }
            at += HELD;
        } else {
            const vf in = v_keep(v_load(row));
            for (int r = 0; r < runs; r++)
                for (int j = 0; j < run; j++)
                    sum[r][j] = v_fma(in, v_load(v[r] + shift + j * lanes), sum[r][j]);
            at++;
        }
    }
    for (int r = 0; r < runs; r++)
        for (int j = 0; j < run; j++)
            v_store(t->sums[column + r * run + j] + part * AED_WIDTH, sum[r][j]);
}

#define RUN_FUNCTION(n, blocks)                                                     \
    static __attribute__((noinline)) void runs_##n##_##blocks(const weight_task *t) \
    {                                                                               \
        for (int column = 0; column < t->columns; column += RUNS(n) * n)            \
            for (int part = 0; part < AED_PARTS; part++)                            \
                weight_runs(n, RUNS(n), blocks, t, column, part);                   \
    }
RUN_FUNCTION(2, 1)
RUN_FUNCTION(3, 1)
RUN_FUNCTION(4, 1)
RUN_FUNCTION(5, 1)
RUN_FUNCTION(2, 2)
RUN_FUNCTION(3, 2)
RUN_FUNCTION(4, 2)
RUN_FUNCTION(5, 2)

static void (*const run_functions[2][LONGEST_RUN - 1])(const weight_task *task) = {
    {runs_2_1, runs_3_1, runs_4_1, runs_5_1}, {runs_2_2, runs_3_2, runs_4_2, runs_5_2}};
#endif

/* The length of the runs that the columns make up, all of them equally long; else 1. */
static int run_length(const weight_task *task)
{
    int run = 1;
    while (run < task->columns && task->v[run] == task->v[run - 1] + task->lanes) run++;
    if (run < 2 || run > LONGEST_RUN || task->columns % run || task->lanes > 2 * AED_LANE_BLOCK)
        return 1;
    for (int i = run; i < task->columns; i++)
        if (i % run && task->v[i] != task->v[i - 1] + task->lanes) return 1;
    return run;
}

/* ---- Shapes -------------------------------------------------------------------------------------- */

/* Register blocks have constant sizes: one function for each shape. */
#define WEIGHT_FUNCTION(n, m, vectors)                                           \
    static __attribute__((noinline)) void weight_##n##_##m(const weight_task *t) \
    {                                                                            \
        for (int column = 0; column < t->columns; column += m)                   \
            for (int part = 0; part < AED_PARTS; part += vectors)                \
                weight_block(n, m, vectors, t, column, part);                    \
    }
EACH_SHAPE(WEIGHT_FUNCTION)

typedef struct weight_shape {
    int channels, columns;
    void (*add)(const weight_task *task);
} weight_shape;
#define SHAPE(n, m, vectors) {n, m, weight_##n##_##m},
static const weight_shape shapes[] = {EACH_SHAPE(SHAPE)};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

/* Some channels of u and a block of columns: taps first_tap ... first_tap+taps-1 of channels first_b ... first_b+b-1. */
typedef struct column_block {
    int32_t first_tap, taps;
    int first_b, b;
    int first_a, a;
} column_block;

static int least(int a, int b) { return a < b ? a : b; }

/* The columns of a block that a group has, filled up to whole register blocks. */
static void enter_columns(const aed_gather_weight *plan, const column_block *block, int32_t group,
                          const float *v, int lanes, float *sums, float *unused, weight_task *task)
{
    const aed_pairs *pairs = &plan->pairs;
    const int32_t row = pairs->order[pairs->group[group]];
    int count = 0;
    for (int b = 0; b < block->b; b++) {
        const float *from = v + (int64_t)(block->first_b + b) * plan->v_positions * lanes;
        for (int32_t e = pairs->start[row]; e < pairs->start[row + 1]; e++) {
            const int32_t tap = pairs->tap[e] - block->first_tap;
            if (tap < 0 || tap >= block->taps) continue;
            task->v[count] = from + (int64_t)pairs->position[e] * lanes;
            task->sums[count++] = sums + (b * block->taps + tap) * block->a * AED_LANE_BLOCK;
        }
    }
    task->columns = count;
    task->run = block->a == 1 ? run_length(task) : 1;
    for (const int end = count + BLOCK_COLUMNS; count && count < end; count++) {
        task->v[count] = task->v[count - task->run];
        task->sums[count] = unused;
    }
}

/* Adds the sums of a block to the gradient. */
static void add_sums(const aed_gather_weight *plan, const column_block *block, const float *sums,
                     float *grad)
{
    float out[MOST_SUMS + AED_LANE_BLOCK], *next = out; /* rounded up */
    AED_SET(lane_sums)(block->b * block->taps * block->a, sums, out);
    grad += block->first_a * plan->w_a + block->first_b * plan->w_b + block->first_tap;
    for (int b = 0; b < block->b; b++, grad += plan->w_b)
        for (int32_t tap = 0; tap < block->taps; tap++)
            for (int i = 0; i < block->a; i++) grad[i * plan->w_a + tap] += *next++;
}

/* Lists the blocks of `rows` rows of the pairs' order. */
static void enter_rows(const aed_pairs *pairs, int32_t first, int32_t rows, int lanes,
                       weight_task *task)
{
    int count = 0;
    for (int32_t i = first; i < first + rows; i++)
        for (int lane = 0; lane < lanes; lane += AED_LANE_BLOCK, count++) {
            task->u_at[count] = pairs->order[i] * lanes + lane;
            task->v_at[count] = pairs->shift[i] * lanes + lane;
        }
    task->blocks = count;
}

/* All channels of the block over a chunk: as many at a time as the shape has, then what is left. */
static void pass_chunk(const column_block *block, const weight_shape *shape, const float *u,
                       weight_task *task)
{
    const int columns = task->columns + BLOCK_COLUMNS;
    int first = 0;
#if AED_WIDTH > 4
    if (task->run > 1) {
        task->u = u;
        run_functions[task->lanes / AED_LANE_BLOCK - 1][task->run - 2](task);
        return;
    }
#endif
    while (first < block->a) {
        const int left = block->a - first;
        const weight_shape *s = left < shape->channels ? &shapes[least(left, FEW) - 1] : shape;
        task->u = u + first * task->u_channel;
        s->add(task);
        first += s->channels;
        for (int i = 0; i < columns; i++) task->sums[i] += s->channels * AED_LANE_BLOCK;
    }
    for (int i = 0; i < columns; i++) task->sums[i] -= first * AED_LANE_BLOCK;
}

/* The gradient of a block. */
static void weight_block_rows(const aed_gather_weight *plan, const column_block *block,
                              const weight_shape *shape, int lanes, const float *u, const float *v,
                              float *grad)
{
    const aed_pairs *pairs = &plan->pairs;
    float sums[(MOST_SUMS + AED_LANE_BLOCK) * AED_LANE_BLOCK] __attribute__((aligned(64)));
    float unused[MOST_CHANNELS * AED_LANE_BLOCK] __attribute__((aligned(64)));
    const int count = block->b * block->taps * block->a;
    for (int i = 0; i < count * AED_LANE_BLOCK; i += AED_WIDTH) v_store(sums + i, v_zero());
    for (int i = 0; i < block->a * AED_LANE_BLOCK; i += AED_WIDTH) v_store(unused + i, v_zero());
    weight_task task;
    task.lanes = lanes;
    task.u_channel = (int64_t)pairs->rows * lanes;
    u += block->first_a * task.u_channel;
    const int32_t rows = CHUNK * AED_LANE_BLOCK / lanes;
    for (int32_t g = 0; g < pairs->groups; g++) {
        enter_columns(plan, block, g, v, lanes, sums, unused, &task);
        if (task.columns == 0) continue;
        for (int32_t i = pairs->group[g]; i < pairs->group[g + 1]; i += rows) {
            enter_rows(pairs, i, least(pairs->group[g + 1] - i, rows), lanes, &task);
            pass_chunk(block, shape, u, &task);
        }
    }
    add_sums(plan, block, sums, grad);
}

/* How a plan is cut: the shape of register blocks, and the channels of u and v whose sums are kept at
 * once, with all taps if they are few enough. */
typedef struct weight_cut {
    const weight_shape *shape;
    int a, b, taps;
} weight_cut;

/* Half cycles, about, in which blocks of the shape take a row of `columns` columns of all channels: two
 * products a cycle, or two loads. */
static int64_t shape_cost(const weight_shape *shape, int channels, int64_t columns)
{
    int64_t cost = 12; /* to enter the row */
    while (channels > 0) {
        const weight_shape *s = channels < shape->channels ? &shapes[least(channels, FEW) - 1]
                                                           : shape;
        const int m = s->channels == 1 && LONGEST_RUN > 0 ? RUN_COLUMNS : s->columns;
        const int products = s->channels * m, loads = s->channels + m + 2;
        const int blocks = channels / s->channels;
        cost += blocks * ((columns + m - 1) / m) * (products > loads ? products : loads);
        channels -= blocks * s->channels;
    }
    return cost;
}

_Static_assert((int)MOST_SUMS >= (int)MOST_COLUMNS * (int)BLOCK_CHANNELS,
               "the sums of a shape's channels with all taps must fit");

/* The cheapest cut of a large plan; small ones have no time to look for it. */
static weight_cut cut_plan(const aed_gather_weight *plan)
{
    enum { LARGE = 4096, SEVERAL = 6 }; /* pairs of channels and positions; channels of v to try */
    const int taps = least(plan->taps, MOST_COLUMNS);
    weight_cut cut = {.shape = &shapes[least(plan->a_channels, FEW) - 1],
                      .a = least(plan->a_channels, least(MOST_CHANNELS, MOST_SUMS / taps)),
                      .taps = taps};
    cut.b = least(plan->b_channels, least(MOST_COLUMNS / taps, MOST_SUMS / (taps * cut.a)));
    if ((int64_t)plan->pairs.start[plan->pairs.rows] * plan->a_channels < LARGE) return cut;
    double least_cost = 0;
    for (int i = FEW - 1; i < SHAPES; i++)
        for (int b = 1; b <= least(SEVERAL, plan->b_channels) && b * taps <= MOST_COLUMNS; b++) {
            const int n = shapes[i].channels;
            const int most = least(MOST_CHANNELS, MOST_SUMS / (b * taps)) / n * n;
            if (most == 0) continue;
            const int a = least(plan->a_channels, most);
            const double cost = (double)shape_cost(&shapes[i], a, b * taps) / (a * b);
            if (least_cost > 0 && cost >= least_cost) continue;
            least_cost = cost;
            cut = (weight_cut){.shape = &shapes[i], .a = a, .b = b, .taps = taps};
        }
    return cut;
}

void AED_SET(gather_weight)(const aed_gather_weight *plan, int lanes, const float *u,
                            const float *v, float *grad)
{
    const weight_cut cut = cut_plan(plan);
    for (int a = 0; a < plan->a_channels; a += cut.a)
        for (int b = 0; b < plan->b_channels; b += cut.b)
            for (int32_t tap = 0; tap < plan->taps; tap += cut.taps) {
                const column_block block = {.first_tap = tap,
                                            .taps = least(plan->taps - tap, cut.taps),
                                            .first_b = b,
                                            .b = least(plan->b_channels - b, cut.b),
                                            .first_a = a,
                                            .a = least(plan->a_channels - a, cut.a)};
                weight_block_rows(plan, &block, cut.shape, lanes, u, v, grad);
            }
}
