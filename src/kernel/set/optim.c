/* Optimiser steps over the parameter block, as PyTorch defines them; the settings are prepared in
 * double once a step by optim/. */
#include "kernel/set/set.h"

void AED_SET(scale)(int64_t count, float factor, float *x)
{
    for (int64_t i = 0; i < count; i += AED_WIDTH) v_store(x + i, v_load(x + i) * factor);
}

void AED_SET(adam)(const aed_adam_settings *settings, int64_t count, const float *grads,
                   float *params, float *m, float *v)
{
    const aed_adam_settings s = *settings;
    for (int64_t i = 0; i < count; i += AED_WIDTH) {
        const vf old = v_load(params + i);
        const vf g = v_fma(v_set(s.weight_decay), old, v_load(grads + i));
        const vf first = v_fma(v_set(s.one_minus_beta1), g, v_load(m + i) * s.beta1);
        const vf second = v_fma(g * s.one_minus_beta2, g, v_load(v + i) * s.beta2);
        const vf root = v_fma(v_sqrt(second), v_set(s.inverse_root), v_set(s.eps));
        v_store(m + i, first);
        v_store(v + i, second);
        v_store(params + i, v_fma(v_set(-s.step_size), first / root, old * s.shrink));
    }
}

void AED_SET(sgd)(const aed_sgd_settings *settings, int64_t count, const float *grads,
                  float *params, float *momentum)
{
    const aed_sgd_settings s = *settings;
    for (int64_t i = 0; i < count; i += AED_WIDTH) {
        const vf old = v_load(params + i);
        vf g = v_fma(v_set(s.weight_decay), old, v_load(grads + i));
        if (momentum) {
            const vf buffer = s.first ? g
                                      : v_fma(v_set(s.one_minus_dampening), g,
                                              v_load(momentum + i) * s.momentum);
            v_store(momentum + i, buffer);
            g = s.nesterov ? v_fma(v_set(s.momentum), buffer, g) : buffer;
        }
        v_store(params + i, v_fma(v_set(-s.lr), g, old));
    }
}
