/* Losses and their gradients in one pass; cross-entropy on logits in two.
 *
 * Element losses are added in float over at most 32 features a lane, then in double, so that an
 * image's sum keeps its digits. Lanes that only repeat a sample add nothing and get gradient 0 by
 * selection, not by multiplication: they may hold anything. */
#include "kernel/set/set.h"
#include "kernel/set/vmath.h"

enum { RUN = 32 };

typedef struct element {
    vf loss, slope;
} element;

/* log(x) of normal x > 0, -100 below. */
AED_INLINE vf v_log_clamped(vf x)
{
    return v_pick(v_greater(v_set(1.17549435e-38f), x), v_set(-100.0f), v_log_positive(x));
}

AED_INLINE element loss_element(aed_loss_function kind, vf y, vf t, float parameter)
{
    const vf difference = y - t;
    element e;
    switch (kind) {
    case AED_MSE:
        e.loss = difference * difference;
        e.slope = difference + difference;
        break;
    case AED_L1:
        e.loss = v_abs(difference);
        e.slope = v_and(difference > 0.0f, v_set(1.0f)) - v_and(difference < 0.0f, v_set(1.0f));
        e.slope = v_select(difference != difference, difference, e.slope);
        break;
    case AED_SMOOTH_L1: {
        const vf size = v_abs(difference);
        const vi inside = size < parameter;
        const vf sign = v_and(difference > 0.0f, v_set(1.0f)) -
                        v_and(difference < 0.0f, v_set(1.0f));
        e.loss = v_select(inside, difference * difference * (0.5f / parameter),
                          size - 0.5f * parameter);
        e.slope = v_select(inside, difference * (1.0f / parameter), sign);
        e.slope = v_select(difference != difference, difference, e.slope);
        break;
    }
    case AED_BCE:
    default: {
        /* -(t log y + (1-t) log(1-y)) with the logarithms clamped at -100, where y or 1 - y is 0; the slope's
         * denominator at 1e-12, both as PyTorch does. NaN unless y lies in [0, 1]. */
        const vf rest = 1.0f - y;
        const vf log_y = v_log_clamped(y);
        const vf log_rest = v_log_clamped(rest) + v_log1p_rest(-y, rest);
        e.loss = -v_fma(t, log_y, (1.0f - t) * log_rest);
        e.loss = v_select((y >= 0.0f) & (rest >= 0.0f), e.loss, v_set(__builtin_nanf("")));
        e.slope = difference / v_at_least(y * rest, v_set(1e-12f));
        break;
    }
    }
    return e;
}

/* The sum of 16 doubles in the order of lanes_sum. */
AED_INLINE double total_sum(const vd *total)
{
    double lane[AED_LANE_BLOCK], t[8];
    memcpy(lane, total, sizeof lane);
    for (int i = 0; i < 8; i++) t[i] = lane[i] + lane[i + 8];
    for (int i = 0; i < 4; i++) t[i] += t[i + 4];
    return (t[0] + t[2]) + (t[1] + t[3]);
}

/* Registers of two blocks of lanes, and their doubles. */
enum { MOST = 2 * AED_PARTS };

/* Adds the losses of one or two blocks of lanes to the 16 of total, block by block. */
AED_INLINE void loss_blocks(int blocks, aed_loss_function kind, float parameter, int64_t features,
                            int lanes, int valid, const float *y, const float *target, float scale,
                            float *dy, vd *total)
{
    const int registers = blocks * AED_PARTS;
    vi counts[MOST];
    vd sum[2 * MOST] = {{0}};
    for (int r = 0; r < registers; r++) {
        vi index;
        for (int i = 0; i < AED_WIDTH; i++) index[i] = r * AED_WIDTH + i;
        counts[r] = index < valid;
    }
    for (int64_t start = 0; start < features; start += RUN) {
        const int64_t end = start + RUN < features ? start + RUN : features;
        vf partial[MOST] = {{0}};
        for (int64_t f = start; f < end; f++)
            for (int r = 0; r < registers; r++) {
                const int64_t at = f * lanes + r * AED_WIDTH;
                const element e = loss_element(kind, v_load(y + at), v_load(target + at),
                                               parameter);
                partial[r] += v_and(counts[r], e.loss);
                if (dy) v_store(dy + at, v_and(counts[r], e.slope * scale));
            }
        for (int r = 0; r < registers; r++) {
            sum[2 * r] += v_widen_low(partial[r]);
            sum[2 * r + 1] += v_widen_high(partial[r]);
        }
    }
    for (int i = 0; i < 2 * registers; i++) total[i % (2 * AED_PARTS)] += sum[i];
}

AED_INLINE double loss_loop(aed_loss_function kind, float parameter, int64_t features, int lanes,
                            int valid, const float *y, const float *target, float scale, float *dy)
{
    vd total[2 * AED_PARTS] = {{0}};
    const int blocks = kind == AED_BCE ? 1 : 2; /* two would not fit into the registers */
    int lane = 0;
    for (; lane + blocks * AED_LANE_BLOCK <= lanes; lane += blocks * AED_LANE_BLOCK)
        loss_blocks(blocks, kind, parameter, features, lanes, valid - lane, y + lane, target + lane,
                    scale, dy ? dy + lane : NULL, total);
    if (lane < lanes)
        loss_blocks(1, kind, parameter, features, lanes, valid - lane, y + lane, target + lane,
                    scale, dy ? dy + lane : NULL, total);
    return total_sum(total);
}

#define LOSS_CASE(kind) \
    case kind: return loss_loop(kind, parameter, features, lanes, valid, y, target, scale, dy);

double AED_SET(loss)(aed_loss_function kind, float parameter, int64_t features, int lanes,
                     int valid, const float *y, const float *target, float scale, float *dy)
{
    switch (kind) {
        LOSS_CASE(AED_MSE)
        LOSS_CASE(AED_BCE)
        LOSS_CASE(AED_L1)
        LOSS_CASE(AED_SMOOTH_L1)
    }
    return 0;
}

/* ---- Cross-entropy ------------------------------------------------------------------------------ */

/* One register of columns: -log softmax(x)[label] = log(sum of exp(x - top)) - (x[label] - top), top
 * being the largest, so that no exponential overflows. With smoothing s the target is 1 - s at the
 * label plus s / classes everywhere. dy gets (softmax - target) * scale, 0 where not counted. */
AED_INLINE vf cross_entropy_register(float smoothing, int64_t classes, int lanes, vi counted,
                                     const float *x, const int32_t *labels, float scale, float *dy)
{
    const vf sure = v_set(1.0f - smoothing), share = v_set(smoothing / (float)classes);
    vi label;
    memcpy(&label, labels, sizeof label);
    vf top = v_load(x);
    for (int64_t c = 1; c < classes; c++) {
        const vf in = v_load(x + c * lanes);
        top = v_select((in > top) | (in != in), in, top);
    }
    vf sum = v_zero(), chosen = v_zero(), all = v_zero();
    for (int64_t c = 0; c < classes; c++) {
        const vf rest = v_load(x + c * lanes) - top, e = v_exp_negative(rest);
        sum += e;
        chosen += v_and(label == (int32_t)c, rest);
        if (smoothing > 0) all += rest;
        if (dy) v_store(dy + c * lanes, e);
    }
    const vf inverse = 1.0f / sum;
    for (int64_t c = 0; dy && c < classes; c++) {
        const vf target = v_and(label == (int32_t)c, sure) + share;
        const vf slope = v_fma(v_load(dy + c * lanes), inverse, -target);
        v_store(dy + c * lanes, v_and(counted, slope * scale));
    }
    vf loss = v_log(sum) - chosen * sure;
    if (smoothing > 0) loss -= all * share;
    return v_and(counted, loss);
}

double AED_SET(cross_entropy)(float smoothing, int64_t classes, int lanes, int valid,
                              const float *y, const int32_t *labels, float scale, float *dy)
{
    vd total[2 * AED_PARTS] = {{0}};
    for (int lane = 0; lane < lanes; lane += AED_WIDTH) {
        vi index;
        for (int i = 0; i < AED_WIDTH; i++) index[i] = lane + i;
        const vf loss = cross_entropy_register(smoothing, classes, lanes, index < valid, y + lane,
                                               labels + lane, scale, dy ? dy + lane : NULL);
        const int part = lane % AED_LANE_BLOCK / AED_WIDTH;
        total[2 * part] += v_widen_low(loss);
        total[2 * part + 1] += v_widen_high(loss);
    }
    return total_sum(total);
}
