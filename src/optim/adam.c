/* adam (Kingma, Ba: Adam, ICLR 2015) and adamw (Loshchilov, Hutter: Decoupled weight decay
 * regularization, ICLR 2019), with PyTorch's place of eps:
 * p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps).
 * The powers are running products in float64, part of the optimiser's state: no libm. */
#include "kernel/kernels.h"
#include "optim/optim.h"

enum { BETA1, BETA2, EPS, L2, DECOUPLED };
enum { POWER1, POWER2 }; /* scalars: beta1^step, beta2^step */

static void adam_read(const aed_spec *spec, double *settings, aed_optim_scalars *scalars)
{
    settings[BETA1] = aed_spec_number(spec, "beta1");
    settings[BETA2] = aed_spec_number(spec, "beta2");
    settings[EPS] = aed_spec_number(spec, "eps");
    settings[L2] = settings[DECOUPLED] = 0;
    *scalars = (aed_optim_scalars){.value = {[POWER1] = 1, [POWER2] = 1}};
}

static void adam_prepare(const aed_spec *spec, double *settings, aed_optim_scalars *scalars)
{
    adam_read(spec, settings, scalars);
    settings[L2] = aed_spec_number(spec, "weight_decay");
}

static void adamw_prepare(const aed_spec *spec, double *settings, aed_optim_scalars *scalars)
{
    adam_read(spec, settings, scalars);
    settings[DECOUPLED] = aed_spec_number(spec, "weight_decay");
}

static void adam_step(const double *settings, aed_optim_scalars *scalars, double lr, int64_t count,
                      const float *grads, float *params, float *state, int64_t stride)
{
    scalars->step++;
    scalars->value[POWER1] *= settings[BETA1];
    scalars->value[POWER2] *= settings[BETA2];
    const aed_adam_settings step = {
        .beta1 = (float)settings[BETA1],
        .beta2 = (float)settings[BETA2],
        .one_minus_beta1 = (float)(1 - settings[BETA1]),
        .one_minus_beta2 = (float)(1 - settings[BETA2]),
        .eps = (float)settings[EPS],
        .step_size = (float)(lr / (1 - scalars->value[POWER1])),
        .inverse_root = (float)(1 / __builtin_sqrt(1 - scalars->value[POWER2])),
        .weight_decay = (float)settings[L2],
        .shrink = (float)(1 - lr * settings[DECOUPLED]),
    };
    aed_kernels()->adam(&step, count, grads, params, state, state + stride);
}

#define ADAM_ARGS(decay, decay_help)                                                           \
    {                                                                                          \
        {"lr", AED_ARG_FLOAT, false, 1e-3, 0, 1e38, NULL, "learning rate"},                    \
            {"beta1", AED_ARG_FLOAT, false, 0.9, 0, 0.9999999, NULL, "decay of the mean"},     \
            {"beta2", AED_ARG_FLOAT, false, 0.999, 0, 0.9999999, NULL, "decay of the square"}, \
            {"eps", AED_ARG_FLOAT, false, 1e-8, 0, 1, NULL, "added to the root"},              \
            {"weight_decay", AED_ARG_FLOAT, false, decay, 0, 1e6, NULL, decay_help},           \
    }

static const aed_arg_def adam_args[] = ADAM_ARGS(0, "L2 penalty, added to the gradient");
static const aed_arg_def adamw_args[] = ADAM_ARGS(0.01, "decoupled shrinking of the weights");

const aed_optim_ops aed_optim_adam = {
    .kind = {"adam", "adaptive moments", adam_args, AED_COUNT(adam_args), "lr"},
    .state_blocks = 2,
    .prepare = adam_prepare,
    .step = adam_step,
};
const aed_optim_ops aed_optim_adamw = {
    .kind = {"adamw", "adam with decoupled weight decay", adamw_args, AED_COUNT(adamw_args), "lr"},
    .state_blocks = 2,
    .prepare = adamw_prepare,
    .step = adam_step,
};
