/* The activations and their derivatives, a register at a time. Every derivative is taken from the
 * output y, so the input need not be kept: softplus' = 1 - exp(-y), elu' = y + alpha below 0,
 * tanh' = 1 - y^2. */
#ifndef AED_KERNEL_SET_ACTIVATION_H
#define AED_KERNEL_SET_ACTIVATION_H

#include "kernel/set/vmath.h"

AED_INLINE vf activation_value(aed_activation kind, vf x, vf parameter)
{
    switch (kind) {
    case AED_RELU: return v_select(x < 0.0f, v_zero(), x);
    case AED_LEAKY_RELU: return v_select(x < 0.0f, x * parameter, x);
    case AED_ELU:
        return v_select(x < 0.0f, parameter * v_expm1_negative(v_select(x < 0.0f, x, v_zero())), x);
    case AED_TANH: return v_tanh(x);
    case AED_SIGMOID: return v_sigmoid(x);
    case AED_SOFTPLUS: return v_softplus(x);
    case AED_IDENTITY: break;
    }
    return x;
}

AED_INLINE vf activation_slope(aed_activation kind, vf y, vf parameter)
{
    const vf one = v_set(1.0f);
    switch (kind) {
    case AED_RELU: return v_and(y > 0.0f, one);
    case AED_LEAKY_RELU: return v_select(y > 0.0f, one, parameter);
    case AED_ELU: return v_select(y > 0.0f, one, y + parameter);
    case AED_TANH: return v_fma(-y, y, one);
    case AED_SIGMOID: return y * (one - y);
    case AED_SOFTPLUS: return -v_expm1_negative(-y);
    case AED_IDENTITY: break;
    }
    return one;
}

/* Calls what follows with the kind as a constant, so that its loop holds one function. */
#define AED_EACH_ACTIVATION(kind, call)               \
    switch (kind) {                                   \
    case AED_IDENTITY: call(AED_IDENTITY); break;     \
    case AED_RELU: call(AED_RELU); break;             \
    case AED_LEAKY_RELU: call(AED_LEAKY_RELU); break; \
    case AED_ELU: call(AED_ELU); break;               \
    case AED_TANH: call(AED_TANH); break;             \
    case AED_SIGMOID: call(AED_SIGMOID); break;       \
    case AED_SOFTPLUS: call(AED_SOFTPLUS); break;     \
    }

#endif
