/* Normalisation of each sample's groups of features (Wu, He: Group normalization, ECCV 2018; Ba,
 * Kiros, Hinton: Layer normalization, 2016), with a weight and a bias for every `places` features:
 *   n = (x - mean) / sqrt(variance + eps),  y = n w + b,
 *   dx = (g - mean(g) - n mean(g n)) / sqrt(variance + eps) with g = dy w.
 * Samples lie in lanes, so nothing crosses them but the gradients of w and b. */
#include "kernel/set/set.h"

typedef struct moments {
    vf mean, inverse; /* of the standard deviation */
} moments;

/* Of one register of lanes: `count` features, `lanes` floats apart. */
AED_INLINE moments moments_of(int64_t count, int lanes, float eps, const float *x)
{
    const vf share = v_set(1.0f / (float)count);
    vf sum = v_zero(), squares = v_zero();
    for (int64_t i = 0; i < count; i++) sum += v_load(x + i * lanes);
    const vf mean = sum * share;
    for (int64_t i = 0; i < count; i++) {
        const vf distance = v_load(x + i * lanes) - mean;
        squares = v_fma(distance, distance, squares);
    }
    return (moments){mean, 1.0f / v_sqrt(v_fma(squares, share, v_set(eps)))};
}

void AED_SET(normalize)(int64_t groups, int64_t weights, int64_t places, int lanes, float eps,
                        const float *w, const float *b, const float *x, float *y)
{
    for (int64_t g = 0; g < groups; g++)
        for (int lane = 0; lane < lanes; lane += AED_WIDTH) {
            const int64_t at = g * weights * places * lanes + lane;
            const moments m = moments_of(weights * places, lanes, eps, x + at);
            for (int64_t c = 0; c < weights; c++) {
                const vf factor = m.inverse * w[g * weights + c];
                const vf shift = v_set(b[g * weights + c]);
                for (int64_t i = at + c * places * lanes; i < at + (c + 1) * places * lanes;
                     i += lanes)
                    v_store(y + i, v_fma(v_load(x + i) - m.mean, factor, shift));
            }
        }
}

/* The input gradient of one group and register of lanes. */
AED_INLINE void group_backward(int64_t weights, int64_t places, int lanes, moments m,
                               const float *w, const float *x, const float *dy, float *dx)
{
    const vf share = v_set(1.0f / (float)(weights * places));
    vf sum = v_zero(), product = v_zero();
    for (int64_t c = 0; c < weights; c++)
        for (int64_t i = c * places * lanes; i < (c + 1) * places * lanes; i += lanes) {
            const vf gradient = v_load(dy + i) * w[c];
            sum += gradient;
            product = v_fma(gradient, (v_load(x + i) - m.mean) * m.inverse, product);
        }
    sum *= share;
    product *= share;
    for (int64_t c = 0; c < weights; c++)
        for (int64_t i = c * places * lanes; i < (c + 1) * places * lanes; i += lanes) {
            const vf normal = (v_load(x + i) - m.mean) * m.inverse;
            const vf gradient = v_load(dy + i) * w[c] - sum;
            v_store(dx + i, v_fma(-normal, product, gradient) * m.inverse);
        }
}

/* Adds one weight's and bias' gradients over its places and all lanes. */
AED_INLINE void weight_backward(int64_t places, int lanes, const float *mean, const float *inverse,
                                const float *x, const float *dy, float *grad_w, float *grad_b)
{
    vf scaled[AED_PARTS] = {{0}}, plain[AED_PARTS] = {{0}};
    for (int64_t i = 0; i < places * lanes; i += lanes)
        for (int lane = 0; lane < lanes; lane += AED_LANE_BLOCK)
            for (int part = 0; part < AED_PARTS; part++) {
                const int64_t at = lane + part * AED_WIDTH;
                const vf gradient = v_load(dy + i + at);
                const vf normal = (v_load(x + i + at) - v_load(mean + at)) * v_load(inverse + at);
                scaled[part] = v_fma(gradient, normal, scaled[part]);
                plain[part] += gradient;
            }
    float block[2][AED_LANE_BLOCK];
    for (int part = 0; part < AED_PARTS; part++) {
        v_store(block[0] + part * AED_WIDTH, scaled[part]);
        v_store(block[1] + part * AED_WIDTH, plain[part]);
    }
    *grad_w += lanes_sum(block[0]);
    *grad_b += lanes_sum(block[1]);
}

void AED_SET(normalize_backward)(int64_t groups, int64_t weights, int64_t places, int lanes,
                                 float eps, const float *w, const float *x, const float *dy,
                                 float *dx, float *grad_w, float *grad_b, float *scratch)
{
    float *mean = scratch, *inverse = scratch + lanes;
    for (int64_t g = 0; g < groups; g++) {
        const int64_t at = g * weights * places * lanes;
        for (int lane = 0; lane < lanes; lane += AED_WIDTH) {
            const moments m = moments_of(weights * places, lanes, eps, x + at + lane);
            v_store(mean + lane, m.mean);
            v_store(inverse + lane, m.inverse);
        }
        for (int64_t c = 0; c < weights; c++)
            weight_backward(places, lanes, mean, inverse, x + at + c * places * lanes,
                            dy + at + c * places * lanes, grad_w + g * weights + c,
                            grad_b + g * weights + c);
        for (int lane = 0; dx && lane < lanes; lane += AED_WIDTH) {
            const moments m = {v_load(mean + lane), v_load(inverse + lane)};
            group_backward(weights, places, lanes, m, w + g * weights, x + at + lane,
                           dy + at + lane, dx + at + lane);
        }
    }
}
