/* Elementwise activations and softmax. */
#include "kernel/set/activation.h"
#include "kernel/set/set.h"

/* The kind is constant in each call, so that the loop holds one function. */
#define ACTIVATE_CASE(kind)                                                          \
    case kind:                                                                       \
        for (int64_t i = 0; i < count; i += AED_WIDTH)                               \
            v_store(y + i, activation_value(kind, v_load(x + i), v_set(parameter))); \
        break;

void AED_SET(activate)(aed_activation kind, float parameter, int64_t count, const float *x,
                       float *y)
{
    switch (kind) {
        ACTIVATE_CASE(AED_RELU)
        ACTIVATE_CASE(AED_LEAKY_RELU)
        ACTIVATE_CASE(AED_ELU)
        ACTIVATE_CASE(AED_TANH)
        ACTIVATE_CASE(AED_SIGMOID)
        ACTIVATE_CASE(AED_SOFTPLUS)
        ACTIVATE_CASE(AED_IDENTITY)
    }
}

#define BACKWARD_CASE(kind)                                                                    \
    case kind:                                                                                 \
        for (int64_t i = 0; i < count; i += AED_WIDTH)                                         \
            v_store(dx + i,                                                                    \
                    v_load(dy + i) * activation_slope(kind, v_load(y + i), v_set(parameter))); \
        break;

void AED_SET(activate_backward)(aed_activation kind, float parameter, int64_t count, const float *y,
                                const float *dy, float *dx)
{
    switch (kind) {
        BACKWARD_CASE(AED_RELU)
        BACKWARD_CASE(AED_LEAKY_RELU)
        BACKWARD_CASE(AED_ELU)
        BACKWARD_CASE(AED_TANH)
        BACKWARD_CASE(AED_SIGMOID)
        BACKWARD_CASE(AED_SOFTPLUS)
        BACKWARD_CASE(AED_IDENTITY)
    }
}

AED_INLINE void bias_channel(aed_activation kind, float parameter, int64_t columns, const float *y,
                             float *dy, float *grad)
{
    float block[AED_LANE_BLOCK];
    vf sum[AED_PARTS] = {{0}};
    for (int64_t n = 0; n < columns; n += AED_LANE_BLOCK)
#pragma GCC unroll 4
        for (int part = 0; part < AED_PARTS; part++) {
            const int64_t at = n + part * AED_WIDTH;
            const vf dx = v_load(dy + at) *
                          activation_slope(kind, v_load(y + at), v_set(parameter));
            v_store(dy + at, dx);
            sum[part] += dx;
        }
    for (int part = 0; part < AED_PARTS; part++) v_store(block + part * AED_WIDTH, sum[part]);
    *grad += lanes_sum(block);
}

void AED_SET(activate_bias_gradient)(aed_activation kind, float parameter, int channels,
                                     int64_t columns, const float *y, float *dy, float *grad)
{
#define BIAS_CHANNEL(kind) bias_channel(kind, parameter, columns, y, dy, grad)
    for (int c = 0; c < channels; c++, y += columns, dy += columns, grad++)
        AED_EACH_ACTIVATION(kind, BIAS_CHANNEL)
}

void AED_SET(softmax)(int channels, int64_t columns, const float *x, float *y)
{
    for (int64_t n = 0; n < columns; n += AED_WIDTH) {
        vf top = v_load(x + n);
        for (int c = 1; c < channels; c++) {
            const vf in = v_load(x + c * columns + n);
            top = v_select((in > top) | (in != in), in, top);
        }
        vf sum = v_zero();
        for (int c = 0; c < channels; c++) {
            const vf e = v_exp_negative(v_load(x + c * columns + n) - top);
            v_store(y + c * columns + n, e);
            sum += e;
        }
        const vf inverse = 1.0f / sum;
        for (int c = 0; c < channels; c++) {
            float *at = y + c * columns + n;
            v_store(at, v_load(at) * inverse);
        }
    }
}

void AED_SET(softmax_backward)(int channels, int64_t columns, const float *y, const float *dy,
                               float *dx)
{
    for (int64_t n = 0; n < columns; n += AED_WIDTH) {
        vf dot = v_zero();
        for (int c = 0; c < channels; c++)
            dot = v_fma(v_load(y + c * columns + n), v_load(dy + c * columns + n), dot);
        for (int c = 0; c < channels; c++) {
            const int64_t at = c * columns + n;
            v_store(dx + at, v_load(y + at) * (v_load(dy + at) - dot));
        }
    }
}
