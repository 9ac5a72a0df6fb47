/* Losses and their gradients in one pass.
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
    case AED_BCE: default: {
        /* -(t log y + (1-t) log(1-y)) with the logarithms clamped at -100; the slope's denominator
         * at 1e-12, both as PyTorch does. */
        vf log_y = v_log(y), log_rest = v_log(1.0f - y);
        log_y = v_select(log_y < -100.0f, v_set(-100.0f), log_y);
        log_rest = v_select(log_rest < -100.0f, v_set(-100.0f), log_rest);
        e.loss = -v_fma(t, log_y, (1.0f - t) * log_rest);
        vf denominator = y * (1.0f - y);
        denominator = v_select(denominator < 1e-12f, v_set(1e-12f), denominator);
        e.slope = difference / denominator;
        break;
    }
    }
    return e;
}

AED_INLINE double loss_loop(aed_loss_function kind, float parameter, int64_t features, int lanes,
                            int valid, const float *y, const float *target, float scale, float *dy)
{
    double sum = 0;
    for (int lane = 0; lane < lanes; lane += AED_WIDTH) {
        vi index = {0};
        for (int i = 0; i < AED_WIDTH; i++) index[i] = lane + i;
        const vi counts = index < valid;
        double total[AED_WIDTH] = {0};
        for (int64_t start = 0; start < features; start += RUN) {
            const int64_t end = start + RUN < features ? start + RUN : features;
            vf partial = v_zero();
            for (int64_t f = start; f < end; f++) {
                const int64_t at = f * lanes + lane;
                const element e = loss_element(kind, v_load(y + at), v_load(target + at), parameter);
                partial += v_and(counts, e.loss);
                if (dy) v_store(dy + at, v_and(counts, e.slope * scale));
            }
            for (int i = 0; i < AED_WIDTH; i++) total[i] += (double)partial[i];
        }
        for (int i = 0; i < AED_WIDTH; i++) sum += total[i];
    }
    return sum;
}

#define LOSS_CASE(kind)                                                                        \
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
