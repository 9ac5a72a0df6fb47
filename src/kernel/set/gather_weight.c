/* The weights' gradient of a convolution, over the same groups of rows as its forward direction.
 *
 * A weight belongs to a channel of u and to a column: a channel of v with a tap. A block of channels
 * times columns stays in registers while the rows of a group pass, each lane a sum of its own; so a
 * row is loaded once for all columns, and a column once for all channels. The rows come in chunks
 * that stay in the nearest cache while all columns pass. A lane sums over groups, rows and blocks of
 * 16 lanes, in that order; only at the end are a weight's 16 lanes added up (sum.c). */
#include "kernel/set/set.h"

/* The most channels of a block, the columns beside n channels, and the registers of each sum: as
 * many sums as the registers allow, but no more columns than there are pointers. */
#if AED_WIDTH == 16
enum { CHANNELS = 4 };
#define COLUMNS(n) ((n) <= 3 ? 8 : 6)
#define VECTORS(n) 1
#elif AED_WIDTH == 8
enum { CHANNELS = 4 };
#define COLUMNS(n) ((n) == 1 ? 6 : 12 / (n))
#define VECTORS(n) ((n) == 1 ? 2 : 1)
#else
enum { CHANNELS = 2 };
#define COLUMNS(n) 1
#define VECTORS(n) 1
#endif
enum {
    MOST_COLUMNS = 28, /* whose sums are kept at once, for */
    MOST_CHANNELS = 16,
    MOST_SUMS = MOST_COLUMNS * MOST_CHANNELS + AED_LANE_BLOCK, /* rounded up */
    PADDED = MOST_COLUMNS + 8,                                 /* 8: up to whole register blocks */
    CHUNK = 64 /* blocks of 16 lanes that pass at once */
};

/* Some channels of u, some columns, and a chunk of a group's rows. */
typedef struct weight_task {
    const float *u;
    int64_t u_channel;
    int columns;
    const float *v[PADDED];           /* where the group's first row meets the column */
    float *sums[PADDED];              /* [channels][16] */
    int blocks;                       /* of 16 lanes, of the chunk's rows in turn: */
    int32_t u_at[CHUNK], v_at[CHUNK]; /* where each lies in a channel, and beyond v */
} weight_task;

AED_INLINE void weight_block(int channels, const weight_task *task, int column, int part)
{
    const weight_task *t = task;
    const int columns = COLUMNS(channels), vectors = VECTORS(channels);
    const float *v[COLUMNS(1)];
    vf sum[CHANNELS][COLUMNS(1)][VECTORS(1)];
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
                vf held[CHANNELS];
                for (int i = 0; i < channels; i++) held[i] = v_keep(v_load(here + i * u_channel));
                for (int j = 0; j < columns; j++) {
                    vf in = v_load(v[j] + at + k * AED_WIDTH);
                    if (channels > 1) in = v_keep(in);
                    for (int i = 0; i < channels; i++)
                        sum[i][j][k] = v_fma(held[i], in, sum[i][j][k]);
                }
            } else {
                vf held[COLUMNS(1)];
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

/* Register blocks have constant sizes: one function for each number of channels. */
#define WEIGHT_FUNCTION(n)                                                 \
    static __attribute__((noinline)) void weight_##n(const weight_task *t) \
    {                                                                      \
        for (int column = 0; column < t->columns; column += COLUMNS(n))    \
            for (int part = 0; part < AED_PARTS; part += VECTORS(n))       \
                weight_block(n, t, column, part);                          \
    }

WEIGHT_FUNCTION(1)
WEIGHT_FUNCTION(2)
#if AED_WIDTH > 4
WEIGHT_FUNCTION(3)
WEIGHT_FUNCTION(4)
#endif

static void (*const weight_functions[CHANNELS])(const weight_task *task) = {
    weight_1,
    weight_2,
#if AED_WIDTH > 4
    weight_3,
    weight_4,
#endif
};
static const int weight_columns[CHANNELS] = {
    COLUMNS(1),
    COLUMNS(2),
#if AED_WIDTH > 4
    COLUMNS(3),
    COLUMNS(4),
#endif
};

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
    for (const int end = count + PADDED - MOST_COLUMNS; count && count < end; count++) {
        task->v[count] = task->v[count - 1];
        task->sums[count] = unused;
    }
}

/* Adds the sums of a block to the gradient. */
static void add_sums(const aed_gather_weight *plan, const column_block *block, const float *sums,
                     float *grad)
{
    float out[MOST_SUMS], *next = out;
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

/* All channels of the block over a chunk, `most` at a time. */
static void pass_chunk(const column_block *block, int most, const float *u, weight_task *task)
{
    const int columns = task->columns + PADDED - MOST_COLUMNS;
    int first = 0;
    for (;;) {
        task->u = u + first * task->u_channel;
        weight_functions[least(block->a - first, most) - 1](task);
        if (first + most >= block->a) break;
        first += most;
        for (int i = 0; i < columns; i++) task->sums[i] += most * AED_LANE_BLOCK;
    }
    for (int i = 0; i < columns; i++) task->sums[i] -= first * AED_LANE_BLOCK;
}

/* The gradient of a block. */
static void weight_block_rows(const aed_gather_weight *plan, const column_block *block, int most,
                              int lanes, const float *u, const float *v, float *grad)
{
    const aed_pairs *pairs = &plan->pairs;
    float sums[MOST_SUMS * AED_LANE_BLOCK] __attribute__((aligned(64)));
    float unused[MOST_CHANNELS * AED_LANE_BLOCK] __attribute__((aligned(64)));
    const int count = block->b * block->taps * block->a;
    for (int i = 0; i < count * AED_LANE_BLOCK; i += AED_WIDTH) v_store(sums + i, v_zero());
    for (int i = 0; i < block->a * AED_LANE_BLOCK; i += AED_WIDTH) v_store(unused + i, v_zero());
    weight_task task;
    task.u_channel = (int64_t)pairs->rows * lanes;
    u += block->first_a * task.u_channel;
    const int32_t rows = CHUNK * AED_LANE_BLOCK / lanes;
    for (int32_t g = 0; g < pairs->groups; g++) {
        enter_columns(plan, block, g, v, lanes, sums, unused, &task);
        if (task.columns == 0) continue;
        for (int32_t i = pairs->group[g]; i < pairs->group[g + 1]; i += rows) {
            enter_rows(pairs, i, least(pairs->group[g + 1] - i, rows), lanes, &task);
            pass_chunk(block, most, u, &task);
        }
    }
    add_sums(plan, block, sums, grad);
}

/* The size of blocks of channels with which the fewest register blocks serve all of them. */
static int most_channels(int channels, int64_t columns)
{
    int best = 1;
    int64_t fewest = INT64_MAX;
    for (int n = 1; n <= CHANNELS; n++) {
        const int64_t blocks = (channels + n - 1) / n *
                               ((columns + weight_columns[n - 1] - 1) / weight_columns[n - 1]);
        if (blocks > fewest) continue;
        fewest = blocks;
        best = n;
    }
    return best;
}

void AED_SET(gather_weight)(const aed_gather_weight *plan, int lanes, const float *u,
                            const float *v, float *grad)
{
    const int taps_at_once = least(plan->taps, MOST_COLUMNS);
    const int b_at_once = MOST_COLUMNS / taps_at_once;
    const int64_t columns = (int64_t)plan->b_channels * plan->taps;
    const int most = most_channels(plan->a_channels,
                                   columns < MOST_COLUMNS ? columns : MOST_COLUMNS);
    const int a_at_once = MOST_CHANNELS / most * most;
    for (int a = 0; a < plan->a_channels; a += a_at_once)
        for (int b = 0; b < plan->b_channels; b += b_at_once)
            for (int32_t tap = 0; tap < plan->taps; tap += taps_at_once) {
                const column_block block = {.first_tap = tap,
                                            .taps = least(plan->taps - tap, taps_at_once),
                                            .first_b = b,
                                            .b = least(plan->b_channels - b, b_at_once),
                                            .first_a = a,
                                            .a = least(plan->a_channels - a, a_at_once)};
                weight_block_rows(plan, &block, most, lanes, u, v, grad);
            }
}
