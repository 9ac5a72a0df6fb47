/* A convolution of stride 1 over padded planes, with maximum pooling by 2 x 2 behind it: a window's four
 * sums stay in registers until the largest is known. On the way back a tap meets one input of a window and
 * sample, the winner's, which is chosen before it is multiplied.
 *
 * Forward, every sum runs over input channels, then taps, from the bias on: as in gather.c, the zeros
 * of the padding aside. Backward, a weight's lane sums over windows in order, in each over blocks of 16
 * lanes; a bias likewise. */
#include "kernel/set/set.h"

/* Output channels of a block. */
#if AED_WIDTH == 16
enum { CHANNELS = 6 };
#elif AED_WIDTH == 8
enum { CHANNELS = 2 };
#else
enum { CHANNELS = 1 };
#endif
/* Lines of taps whose gradients are summed at once. */
#define TAP_LINES(wide) ((wide) == 3 ? 3 : 2)
enum { PLACES = 4, MOST_LINES = 3, MOST_TAPS = 2 * AED_PADDED_MOST };

static int32_t window_lines(const aed_padded_conv *conv)
{
    return (conv->rows - conv->high + 1) / 2;
}
static int32_t windows(const aed_padded_conv *conv) { return (conv->columns - conv->wide + 1) / 2; }

/* ---- Forward ------------------------------------------------------------------------------------- */

/* The largest of four, the first if there are several, at least `lowest`; and which one it was. */
AED_INLINE vf pool_largest(const vf *in, vf lowest, vi *winner)
{
    const vm second = v_greater(in[1], in[0]), fourth = v_greater(in[3], in[2]);
    const vf upper = v_pick(second, in[1], in[0]), lower = v_pick(fourth, in[3], in[2]);
    const vm below = v_greater(lower, upper);
    const vm nobody = v_unordered(in[0], in[1]) | v_unordered(in[2], in[3]);
    const vi zero = {0};
    vi index = v_pick_i(below, v_pick_i(fourth, zero + 3, zero + 2),
                        v_pick_i(second, zero + 1, zero));
    *winner = v_pick_i(nobody, zero + AED_POOL_NOBODY, index);
    vf top = v_pick(below, lower, upper);
    top = v_at_least(top, lowest);
    return v_pick(nobody, v_set(__builtin_nanf("")), top);
}

/* Some channels of a window; x is where its first place meets the first tap. */
AED_INLINE void convolve_window(int channels, const aed_padded_conv *conv, int lanes,
                                const float *w, const float *bias, const float *x,
                                int64_t y_channel, float *y, uint8_t *winner)
{
    const int64_t line = (int64_t)conv->columns * lanes, plane = conv->rows * line;
    const int64_t w_out = conv->w_out;
    vf sum[CHANNELS][PLACES];
    for (int i = 0; i < channels; i++)
        for (int k = 0; k < PLACES; k++) sum[i][k] = v_set(bias ? bias[i] : 0);
    for (int c = 0; c < conv->inputs; c++) {
        const float *weight = w + c * conv->w_in;
        for (int ty = 0; ty < conv->high; ty++) {
            const float *at = x + c * plane + ty * line;
            for (int tx = 0; tx < conv->wide; tx++, at += lanes, weight++) {
                vf in[PLACES];
                for (int k = 0; k < PLACES; k++)
                    in[k] = v_keep(v_load(at + k / 2 * line + k % 2 * lanes));
                for (int i = 0; i < channels; i++) {
                    const vf factor = v_set(weight[i * w_out]);
                    for (int k = 0; k < PLACES; k++) sum[i][k] = v_fma(factor, in[k], sum[i][k]);
                }
            }
        }
    }
    const vf lowest = v_set(conv->lowest);
    for (int i = 0; i < channels; i++) {
        vi index;
        v_store(y + i * y_channel, pool_largest(sum[i], lowest, &index));
        v_store_bytes(winner + i * y_channel, index);
    }
}

/* Some channels of a line of windows; x, y and winner are the line's. */
AED_INLINE void convolve_line(int channels, const aed_padded_conv *conv_given, int lanes,
                              const float *w, const float *bias, const float *x, int64_t y_channel,
                              float *y, uint8_t *winner)
{
    const aed_padded_conv conv = *conv_given; /* a copy, whose members can stay in registers */
    const int64_t out = (int64_t)windows(&conv) * lanes;
    for (int64_t at = 0; at < out; at += lanes, x += lanes)
        for (int lane = 0; lane < lanes; lane += AED_WIDTH, x += AED_WIDTH)
            convolve_window(channels, &conv, lanes, w, bias, x, y_channel, y + at + lane,
                            winner + at + lane);
}

#define CONVOLVE_CASE(n)                                                                    \
    case n:                                                                                 \
        if (n <= CHANNELS) convolve_line(n, conv, lanes, w, bias, x, y_channel, y, winner); \
        break;

static void convolve_channels(int channels, const aed_padded_conv *conv, int lanes, const float *w,
                              const float *bias, const float *x, int64_t y_channel, float *y,
                              uint8_t *winner)
{
    switch (channels) {
        CONVOLVE_CASE(1)
        CONVOLVE_CASE(2)
        CONVOLVE_CASE(3)
        CONVOLVE_CASE(4)
        CONVOLVE_CASE(5)
        CONVOLVE_CASE(6)
    }
}

void AED_SET(convolve_pool)(const aed_padded_conv *conv, int lanes, const float *w,
                            const float *bias, const float *x, float *y, uint8_t *winner)
{
    const int32_t lines = window_lines(conv);
    const int64_t out = (int64_t)windows(conv) * lanes, y_channel = lines * out;
    for (int32_t line = 0; line < lines; line++) {
        int blocks = (conv->outputs + CHANNELS - 1) / CHANNELS;
        for (int o = 0, here; o < conv->outputs; o += here, blocks--) {
            here = (conv->outputs - o + blocks - 1) / blocks; /* all of about the same size */
            const int64_t to = o * y_channel + line * out;
            convolve_channels(here, conv, lanes, w + o * conv->w_out, bias ? bias + o : NULL,
                              x + (int64_t)2 * line * conv->columns * lanes, y_channel, y + to,
                              winner + to);
        }
    }
}

/* ---- Backward ------------------------------------------------------------------------------------ */

/* Channels that a line of windows passes while its inputs are in the nearest cache. */
enum { GRAD_CHANNELS = 16, MOST_SUMS = GRAD_CHANNELS * (MOST_TAPS + 1) * AED_LANE_BLOCK };

/* A channel's line of windows: x is where the first one's first place meets the first of the taps. */
typedef struct gradient_task {
    const aed_padded_conv *conv;
    int lanes;
    const float *x, *y, *dy;
    const uint8_t *winner;
} gradient_task;

/* Adds to the sums of its weights in some lines of taps of one input channel, and of its bias: [lines * wide +
 * 1][16], the bias last. A weight meets the place that won: of each lane the input is chosen, to the left or
 * right, above or below. */
AED_INLINE void gradient_line(int lines, int wide, int64_t lanes, const gradient_task *task,
                              int part, float *sums)
{
    const gradient_task t = *task;
    const int64_t line = t.conv->columns * lanes;
    const int64_t end = windows(t.conv) * lanes;
    const vf lowest = v_set(t.conv->lowest);
    vf sum[MOST_TAPS + 1];
    for (int j = 0; j <= lines * wide; j++) sum[j] = v_load(sums + j * AED_LANE_BLOCK);
    for (int64_t window = 0; window < end; window += lanes)
        for (int64_t lane = part * AED_WIDTH; lane < lanes; lane += AED_LANE_BLOCK) {
            const int64_t at = window + lane;
            const float *const x = t.x + at + window; /* two columns a window */
            const vi index = v_load_bytes(t.winner + at);
            const vf dy = v_where(v_greater(v_load(t.y + at), lowest) &
                                      v_below_i(index, AED_POOL_NOBODY),
                                  v_load(t.dy + at));
            const vm right = v_test_i(index, 1), below = v_test_i(index, 2);
            vf above[AED_PADDED_MOST];
            sum[lines * wide] += dy;
#pragma GCC unroll 4
            for (int ty = 0; ty <= lines; ty++) {
                vf in = v_keep(v_load(x + ty * line));
#pragma GCC unroll 8
                for (int tx = 0; tx < wide; tx++) {
                    const vf next = v_keep(v_load(x + ty * line + (tx + 1) * lanes));
                    const vf won = v_pick(right, next, in);
                    if (ty > 0) {
                        vf *const to = &sum[(ty - 1) * wide + tx];
                        *to = v_fma(dy, v_pick(below, won, above[tx]), *to);
                    }
                    above[tx] = won;
                    in = next;
                }
            }
        }
    for (int j = 0; j <= lines * wide; j++) v_store(sums + j * AED_LANE_BLOCK, sum[j]);
}

/* Register blocks have constant sizes: one function for each number of lines of each width. */
#define GRADIENT_FUNCTION(wide, lines)                                                           \
    static __attribute__((noinline)) void gradient_##wide##_##lines(const gradient_task *task,   \
                                                                    float *sums)                 \
    {                                                                                            \
        for (int part = 0; part < AED_PARTS; part++)                                             \
            if (task->lanes == AED_LANE_BLOCK)                                                   \
                gradient_line(lines, wide, AED_LANE_BLOCK, task, part, sums + part * AED_WIDTH); \
            else                                                                                 \
                gradient_line(lines, wide, task->lanes, task, part, sums + part * AED_WIDTH);    \
    }
GRADIENT_FUNCTION(2, 1)
GRADIENT_FUNCTION(2, 2)
GRADIENT_FUNCTION(3, 1)
GRADIENT_FUNCTION(3, 2)
GRADIENT_FUNCTION(3, 3)
GRADIENT_FUNCTION(4, 1)
GRADIENT_FUNCTION(4, 2)
GRADIENT_FUNCTION(5, 1)
GRADIENT_FUNCTION(5, 2)

static void (*const gradient_functions[][MOST_LINES])(const gradient_task *, float *) = {
    {gradient_2_1, gradient_2_2},
    {gradient_3_1, gradient_3_2, gradient_3_3},
    {gradient_4_1, gradient_4_2},
    {gradient_5_1, gradient_5_2}};

/* Some lines of taps, from `ty` on, of an input channel c; y, winner and dy are those of `channels` outputs, grad_w
 * is where the first one's gradient of these lines begins; grad_b is NULL or the first one's. */
static void gradient_taps(const gradient_task *whole, int channels, int lines, float *grad_w,
                          float *grad_b)
{
    const aed_padded_conv *conv = whole->conv;
    const int taps = lines * conv->wide, high = window_lines(conv);
    const int64_t out = (int64_t)windows(conv) * whole->lanes;
    float sums[MOST_SUMS] __attribute__((aligned(64)));
    memset(sums, 0, (size_t)(channels * (taps + 1)) * AED_LANE_BLOCK * sizeof *sums);
    for (int32_t row = 0; row < high; row++)
        for (int i = 0; i < channels; i++) {
            const int64_t at = (int64_t)(i * high + row) * out;
            const gradient_task task = {.conv = conv,
                                        .lanes = whole->lanes,
                                        .x = whole->x +
                                             (int64_t)2 * row * conv->columns * whole->lanes,
                                        .y = whole->y + at,
                                        .dy = whole->dy + at,
                                        .winner = whole->winner + at};
            gradient_functions[conv->wide - 2][lines - 1](&task,
                                                          sums + i * (taps + 1) * AED_LANE_BLOCK);
        }
    for (int i = 0; i < channels; i++) {
        const float *const from = sums + i * (taps + 1) * AED_LANE_BLOCK;
        for (int j = 0; j < taps; j++)
            grad_w[i * conv->w_out + j] += lanes_sum(from + j * AED_LANE_BLOCK);
        if (grad_b) grad_b[i] += lanes_sum(from + taps * AED_LANE_BLOCK);
    }
}

void AED_SET(convolve_pool_gradient)(const aed_padded_conv *conv, int lanes, const float *x,
                                     const float *y, const uint8_t *winner, const float *dy,
                                     float *grad_w, float *grad_b)
{
    const int64_t line = (int64_t)conv->columns * lanes;
    const int64_t y_channel = (int64_t)window_lines(conv) * windows(conv) * lanes;
    const int most = TAP_LINES(conv->wide);
    for (int o = 0; o < conv->outputs; o += GRAD_CHANNELS) {
        const int left = conv->outputs - o, channels = left < GRAD_CHANNELS ? left : GRAD_CHANNELS;
        for (int c = 0; c < conv->inputs; c++)
            for (int ty = 0, lines; ty < conv->high; ty += lines) {
                lines = conv->high - ty < most ? conv->high - ty : most;
                const gradient_task task = {.conv = conv,
                                            .lanes = lanes,
                                            .x = x + (c * conv->rows + ty) * line,
                                            .y = y + o * y_channel,
                                            .dy = dy + o * y_channel,
                                            .winner = winner + o * y_channel};
                gradient_taps(&task, channels, lines,
                              grad_w + o * conv->w_out + c * conv->w_in + ty * conv->wide,
                              grad_b && c == 0 && ty == 0 ? grad_b + o : NULL);
            }
    }
}
