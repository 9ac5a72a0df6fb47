/* The weights' gradient of a convolution, over the pairs of each tap.
 *
 * The lanes of both factors' channels meet in registers, 16 sums a weight; only at the end of a tap
 * are the 16 added up, sixteen weights at once (sum.c). A lane sums over the pairs in the list's
 * order, each with its blocks of lanes in order. */
#include "kernel/set/set.h"

/* Sums in registers: channels of the side that has more of them times channels of the other, 16
 * lanes each. */
#if AED_WIDTH == 16
enum { MANY = 8, FEW = 2 };
#elif AED_WIDTH == 8
enum { MANY = 4, FEW = 1 };
#else
enum { MANY = 2, FEW = 1 };
#endif

/* One factor: [channels][positions][lanes], its positions in the list, and the stride of its
 * channels in the gradient. */
typedef struct weight_side {
    const float *x;
    int channels;
    int64_t channel_stride, w;
    const int32_t *position;
} weight_side;

/* All taps of some channels of a and of b; `waiting` blocks are in sums. */
typedef struct weight_task {
    weight_side a, b;
    const int32_t *start;
    int32_t taps;
    int lanes;
    float *grad;
    aed_lane_sums *sums;
    int waiting;
} weight_task;

/* How many pairs from here on follow each other in both factors: one run of memory in each. */
AED_INLINE int32_t run_length(const int32_t *a, const int32_t *b, int32_t most)
{
    int32_t run = 1;
    while (run < most && a[run] == a[0] + run && b[run] == b[0] + run) run++;
    return run;
}

/* Adds the products of `columns` consecutive columns. */
AED_INLINE void weight_run(int many, int few, int64_t columns, const float *a, int64_t a_stride,
                           const float *b, int64_t b_stride, vf (*sum)[FEW][AED_PARTS])
{
    for (int64_t at = 0; at < columns; at += AED_LANE_BLOCK)
        for (int part = 0; part < AED_PARTS; part++) {
            const int64_t column = at + part * AED_WIDTH;
            vf in[FEW];
            for (int j = 0; j < few; j++) in[j] = v_load(b + j * b_stride + column);
            for (int i = 0; i < many; i++) {
                const vf factor = v_keep(v_load(a + i * a_stride + column));
                for (int j = 0; j < few; j++)
                    sum[i][j][part] = v_fma(factor, in[j], sum[i][j][part]);
            }
        }
}

/* Works on a copy of the task, whose members can then stay in registers. `single`: a has but one
 * position, so that its addresses are the same for all taps. Returns `waiting`. */
AED_INLINE int weight_block(int many, int few, int single, const weight_task *task)
{
    const weight_task t = *task;
    const int64_t a_stride = single ? t.lanes : t.a.channel_stride;
    int waiting = t.waiting;
    for (int32_t tap = 0; tap < t.taps; tap++) {
        const int32_t start = t.start[tap], end = t.start[tap + 1];
        vf sum[MANY][FEW][AED_PARTS];
        for (int i = 0; i < many; i++)
            for (int j = 0; j < few; j++)
                for (int part = 0; part < AED_PARTS; part++) sum[i][j][part] = v_zero();
        int32_t run;
        for (int32_t e = start; e < end; e += run) {
            run = single ? 1 : run_length(t.a.position + e, t.b.position + e, end - e);
            const float *a = single ? t.a.x : t.a.x + (int64_t)t.a.position[e] * t.lanes;
            const float *b = t.b.x + (int64_t)t.b.position[e] * t.lanes;
            weight_run(many, few, (int64_t)run * t.lanes, a, a_stride, b, t.b.channel_stride, sum);
        }
        if (waiting + many * few > AED_LANE_BLOCK) {
            AED_SET(lane_sums_add)(t.sums, waiting);
            waiting = 0;
        }
        for (int i = 0; i < many; i++)
            for (int j = 0; j < few; j++, waiting++) {
                t.sums->to[waiting] = t.grad + i * t.a.w + j * t.b.w + tap;
                for (int part = 0; part < AED_PARTS; part++)
                    v_store(t.sums->block[waiting] + part * AED_WIDTH, sum[i][j][part]);
            }
    }
    return waiting;
}

/* One function a size: together they would share one frame and spill. */
#define WEIGHT_FUNCTION(name, many, few, single)                       \
    static __attribute__((noinline)) int name(const weight_task *task) \
    {                                                                  \
        return weight_block(many, few, single, task);                  \
    }
#define WEIGHT_FUNCTIONS(many)                         \
    WEIGHT_FUNCTION(weight_##many, many, 1, 0)         \
    WEIGHT_FUNCTION(weight_##many##_few, many, FEW, 0) \
    WEIGHT_FUNCTION(weight_##many##_single, many, 1, 1)
#define WEIGHT_ENTRY(many)                                         \
    {                                                              \
        weight_##many, weight_##many##_few, weight_##many##_single \
    }

typedef int (*weight_function)(const weight_task *task);
enum { ONE_CHANNEL, FEW_CHANNELS, SINGLE_POSITION, FUNCTIONS };

WEIGHT_FUNCTIONS(1)
WEIGHT_FUNCTIONS(2)
#if AED_WIDTH > 4
WEIGHT_FUNCTIONS(3)
WEIGHT_FUNCTIONS(4)
#endif
#if AED_WIDTH > 8
WEIGHT_FUNCTIONS(5)
WEIGHT_FUNCTIONS(6)
WEIGHT_FUNCTIONS(7)
WEIGHT_FUNCTIONS(8)
#endif

static const weight_function weight_functions[MANY][FUNCTIONS] = {
    WEIGHT_ENTRY(1), WEIGHT_ENTRY(2),
#if AED_WIDTH > 4
    WEIGHT_ENTRY(3), WEIGHT_ENTRY(4),
#endif
#if AED_WIDTH > 8
    WEIGHT_ENTRY(5), WEIGHT_ENTRY(6), WEIGHT_ENTRY(7), WEIGHT_ENTRY(8),
#endif
};

void AED_SET(gather_weight)(const aed_gather_weight *plan, int lanes, const float *u,
                            const float *v, float *grad)
{
    const aed_pairs *pairs = &plan->pairs;
    const weight_side sides[2] = {
        {u, plan->a_channels, (int64_t)plan->u_positions * lanes, plan->w_a, pairs->tap},
        {v, plan->b_channels, (int64_t)plan->v_positions * lanes, plan->w_b, pairs->position}};
    const weight_side *a = &sides[plan->a_channels < plan->b_channels];
    const weight_side *b = &sides[plan->a_channels >= plan->b_channels];
    aed_lane_sums sums;
    weight_task task = {*a, *b, pairs->start, pairs->rows, lanes, NULL, &sums, 0};
    for (int m = 0; m < a->channels; m += MANY) {
        const int many = a->channels - m < MANY ? a->channels - m : MANY;
        const weight_function *functions = weight_functions[many - 1];
        int few;
        for (int f = 0; f < b->channels; f += few) {
            const int kind = a->channel_stride == lanes ? SINGLE_POSITION
                             : b->channels - f >= FEW   ? FEW_CHANNELS
                                                        : ONE_CHANNEL;
            few = kind == FEW_CHANNELS ? FEW : 1;
            task.a.x = a->x + m * a->channel_stride;
            task.b.x = b->x + f * b->channel_stride;
            task.grad = grad + m * a->w + f * b->w;
            task.waiting = functions[kind](&task);
        }
    }
    AED_SET(lane_sums_add)(&sums, task.waiting);
}
