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

/* Adds the products of one pair and input channel. */
AED_INLINE void gather_pair(int channels, int vectors, const float *w, int64_t w_out,
                            const float *x, vf (*sum)[VECTORS])
{
    vf in[VECTORS];
    for (int v = 0; v < vectors; v++) in[v] = v_load(x + v * AED_WIDTH);
    for (int i = 0; i < channels; i++) {
        const vf weight = v_set(w[i * w_out]);
        for (int v = 0; v < vectors; v++) sum[i][v] = v_fma(weight, in[v], sum[i][v]);
    }
}

/* Output channels o ... o+channels-1, registers lane ... of all positions. */
AED_INLINE void gather_block(const aed_gather *plan, int channels, int vectors, int o, int lane,
                             int lanes, const float *w, const float *bias, const float *x, float *y)
{
    const aed_pairs pairs = plan->pairs;
    const int64_t w_out = plan->w_out, w_in = plan->w_in;
    const int64_t x_channel = (int64_t)plan->x_positions * lanes;
    const int inputs = plan->inputs;
    w += o * w_out;
    x += lane;
    y += (int64_t)o * pairs.rows * lanes + lane;
    for (int32_t row = 0; row < pairs.rows; row++) {
        const int32_t start = pairs.start[row], end = pairs.start[row + 1];
        vf sum[CHANNELS][VECTORS];
        for (int i = 0; i < channels; i++)
            for (int v = 0; v < vectors; v++) sum[i][v] = bias ? v_set(bias[o + i]) : v_zero();
        if (end - start == 1) { /* looked up once for all channels */
            const float *we = w + pairs.tap[start];
            const float *xe = x + (int64_t)pairs.position[start] * lanes;
            for (int c = 0; c < inputs; c++, we += w_in, xe += x_channel)
                gather_pair(channels, vectors, we, w_out, xe, sum);
        } else {
            const float *wc = w, *xc = x;
            for (int c = 0; c < inputs; c++, wc += w_in, xc += x_channel)
                for (int32_t e = start; e < end; e++)
                    gather_pair(channels, vectors, wc + pairs.tap[e], w_out,
                                xc + (int64_t)pairs.position[e] * lanes, sum);
        }
        for (int i = 0; i < channels; i++)
            for (int v = 0; v < vectors; v++)
                v_store(y + ((int64_t)i * pairs.rows + row) * lanes + v * AED_WIDTH, sum[i][v]);
    }
}

/* Register blocks must have constant sizes: one call each, unrolled by the compiler. */
#define GATHER_CASE(n)                                                     \
    case n:                                                                \
        if (vectors == VECTORS)                                            \
            gather_block(plan, n, VECTORS, o, lane, lanes, w, bias, x, y); \
        else                                                               \
            gather_block(plan, n, 1, o, lane, lanes, w, bias, x, y);       \
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
