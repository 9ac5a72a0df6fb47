/* Convolutions as gathers over precomputed pairs of (tap, position).
 *
 * A block of output channels times a few registers of samples stays in registers while the pairs of
 * one position and all input channels pass; weights are broadcast. Each element is summed over
 * input channels, then pairs, in the list's order, starting at the bias, whatever the block. */
#include "kernel/set/set.h"

/* Output channels and registers of samples held at once. */
#if AED_WIDTH == 16
enum { CHANNELS = 8, VECTORS = 2 };
#elif AED_WIDTH == 8
enum { CHANNELS = 6, VECTORS = 2 };
#else
enum { CHANNELS = 4, VECTORS = 1 };
#endif

/* Output channels o ... o+channels-1, registers lane ... of all positions. */
AED_INLINE void gather_block(const aed_gather *plan, int channels, int vectors, int o, int lane,
                             int lanes, const float *w, const float *bias, const float *x, float *y)
{
    const aed_pairs *pairs = &plan->pairs;
    for (int32_t row = 0; row < pairs->rows; row++) {
        vf sum[CHANNELS][VECTORS];
        for (int i = 0; i < channels; i++)
            for (int v = 0; v < vectors; v++) sum[i][v] = bias ? v_set(bias[o + i]) : v_zero();
        for (int c = 0; c < plan->inputs; c++) {
            const float *xc = x + (int64_t)c * plan->x_positions * lanes + lane;
            const float *wc = w + o * plan->w_out + c * plan->w_in;
            for (int32_t e = pairs->start[row]; e < pairs->start[row + 1]; e++) {
                const float *xe = xc + (int64_t)pairs->position[e] * lanes;
                const float *we = wc + pairs->tap[e];
                vf in[VECTORS];
                for (int v = 0; v < vectors; v++) in[v] = v_load(xe + v * AED_WIDTH);
                for (int i = 0; i < channels; i++) {
                    const vf weight = v_set(we[i * plan->w_out]);
                    for (int v = 0; v < vectors; v++)
                        sum[i][v] = v_fma(weight, in[v], sum[i][v]);
                }
            }
        }
        for (int i = 0; i < channels; i++)
            for (int v = 0; v < vectors; v++)
                v_store(y + ((int64_t)(o + i) * pairs->rows + row) * lanes + lane + v * AED_WIDTH,
                        sum[i][v]);
    }
}

/* Register blocks must have constant sizes: one call each, unrolled by the compiler. */
#define GATHER_CASE(n)                                                                    \
    case n:                                                                               \
        if (vectors == VECTORS)                                                           \
            gather_block(plan, n, VECTORS, o, lane, lanes, w, bias, x, y);                \
        else                                                                              \
            gather_block(plan, n, 1, o, lane, lanes, w, bias, x, y);                      \
        break;

static void gather_channels(const aed_gather *plan, int channels, int vectors, int o, int lane,
                            int lanes, const float *w, const float *bias, const float *x, float *y)
{
    switch (channels) {
        GATHER_CASE(1)
        GATHER_CASE(2)
        GATHER_CASE(3)
        GATHER_CASE(4)
#if AED_WIDTH > 4
        GATHER_CASE(5)
        GATHER_CASE(6)
#endif
#if AED_WIDTH > 8
        GATHER_CASE(7)
        GATHER_CASE(8)
#endif
    }
}

void AED_SET(gather)(const aed_gather *plan, int lanes, const float *w, const float *bias,
                     const float *x, float *y)
{
    int vectors;
    for (int lane = 0; lane < lanes; lane += vectors * AED_WIDTH) {
        vectors = lanes - lane >= VECTORS * AED_WIDTH ? VECTORS : 1;
        for (int o = 0; o < plan->outputs; o += CHANNELS) {
            const int channels = plan->outputs - o < CHANNELS ? plan->outputs - o : CHANNELS;
            gather_channels(plan, channels, vectors, o, lane, lanes, w, bias, x, y);
        }
    }
}

/* ---- Weight gradient -------------------------------------------------------------------------- */

/* Channels of u held at once, 16 lanes each. */
enum { WEIGHT_CHANNELS = AED_WIDTH == 16 ? 8 : AED_WIDTH == 8 ? 4 : 2 };

/* One tap, one channel of v, channels a ... a+channels-1 of u: 16 lanes of each into blocks. */
AED_INLINE void weight_block(const aed_gather_weight *plan, int channels, int a, int b, int32_t tap,
                             int lanes, const float *u, const float *v, float *blocks)
{
    const aed_pairs *pairs = &plan->pairs;
    const float *ua = u + (int64_t)a * plan->u_positions * lanes;
    const float *vb = v + (int64_t)b * plan->v_positions * lanes;
    vf sum[WEIGHT_CHANNELS][AED_PARTS];
    for (int i = 0; i < channels; i++)
        for (int part = 0; part < AED_PARTS; part++) sum[i][part] = v_zero();
    for (int32_t e = pairs->start[tap]; e < pairs->start[tap + 1]; e++) {
        const float *ue = ua + (int64_t)pairs->tap[e] * lanes;
        const float *ve = vb + (int64_t)pairs->position[e] * lanes;
        for (int lane = 0; lane < lanes; lane += AED_LANE_BLOCK)
            for (int part = 0; part < AED_PARTS; part++) {
                const vf in = v_load(ve + lane + part * AED_WIDTH);
                for (int i = 0; i < channels; i++)
                    sum[i][part] = v_fma(v_load(ue + (int64_t)i * plan->u_positions * lanes + lane +
                                                part * AED_WIDTH),
                                         in, sum[i][part]);
            }
    }
    for (int i = 0; i < channels; i++)
        for (int part = 0; part < AED_PARTS; part++)
            v_store(blocks + i * AED_LANE_BLOCK + part * AED_WIDTH, sum[i][part]);
}

#define WEIGHT_CASE(n)                                             \
    case n: weight_block(plan, n, a, b, tap, lanes, u, v, blocks); break;

static void weight_channels(const aed_gather_weight *plan, int channels, int a, int b, int32_t tap,
                            int lanes, const float *u, const float *v, float *blocks)
{
    switch (channels) {
        WEIGHT_CASE(1)
        WEIGHT_CASE(2)
#if AED_WIDTH > 4
        WEIGHT_CASE(3)
        WEIGHT_CASE(4)
#endif
#if AED_WIDTH > 8
        WEIGHT_CASE(5)
        WEIGHT_CASE(6)
        WEIGHT_CASE(7)
        WEIGHT_CASE(8)
#endif
    }
}

void AED_SET(gather_weight)(const aed_gather_weight *plan, int lanes, const float *u,
                            const float *v, float *grad, float *scratch)
{
    const int32_t taps = plan->pairs.rows;
    for (int b = 0; b < plan->b_channels; b++)
        for (int a = 0; a < plan->a_channels; a += WEIGHT_CHANNELS) {
            const int left = plan->a_channels - a;
            const int channels = left < WEIGHT_CHANNELS ? left : WEIGHT_CHANNELS;
            /* scratch[channel of u][tap][16]: the lane sums of a channel are consecutive. */
            float blocks[WEIGHT_CHANNELS * AED_LANE_BLOCK];
            for (int32_t tap = 0; tap < taps; tap++) {
                weight_channels(plan, channels, a, b, tap, lanes, u, v, blocks);
                for (int i = 0; i < channels; i++)
                    memcpy(scratch + ((int64_t)i * taps + tap) * AED_LANE_BLOCK,
                           blocks + i * AED_LANE_BLOCK, sizeof(float) * AED_LANE_BLOCK);
            }
            for (int i = 0; i < channels; i++)
                AED_SET(add_lane_sums)(taps, scratch + (int64_t)i * taps * AED_LANE_BLOCK,
                                       grad + (a + i) * plan->w_a + b * plan->w_b, 1);
        }
}
