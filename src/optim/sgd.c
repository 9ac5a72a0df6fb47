/* sgd with momentum as PyTorch defines it: g += weight_decay p; b = momentum b + (1-dampening) g
 * (b = g at first); p -= lr (nesterov ? g + momentum b : b). */
#include "kernel/kernels.h"
#include "optim/optim.h"

enum { MOMENTUM, NESTEROV, DAMPENING, WEIGHT_DECAY };

static void sgd_prepare(const aed_spec *spec, double *settings, aed_optim_scalars *scalars)
{
    settings[MOMENTUM] = aed_spec_number(spec, "momentum");
    settings[NESTEROV] = aed_spec_bool(spec, "nesterov");
    settings[DAMPENING] = aed_spec_number(spec, "dampening");
    settings[WEIGHT_DECAY] = aed_spec_number(spec, "weight_decay");
    *scalars = (aed_optim_scalars){0};
}

static void sgd_step(const double *settings, aed_optim_scalars *scalars, double lr, int64_t count,
                     const float *grads, float *params, float *state, int64_t stride)
{
    (void)stride; /* there is one block */
    const aed_sgd_settings step = {
        .lr = (float)lr,
        .momentum = (float)settings[MOMENTUM],
        .one_minus_dampening = (float)(1 - settings[DAMPENING]),
        .weight_decay = (float)settings[WEIGHT_DECAY],
        .nesterov = settings[NESTEROV] != 0,
        .first = scalars->step == 0,
    };
    scalars->step++;
    aed_kernels()->sgd(&step, count, grads, params, settings[MOMENTUM] != 0 ? state : NULL);
}

static const aed_arg_def sgd_args[] = {
    {"lr", AED_ARG_FLOAT, true, 0, 0, 1e38, NULL, "learning rate"},
    {"momentum", AED_ARG_FLOAT, false, 0, 0, 1, NULL, "weight of past gradients"},
    {"nesterov", AED_ARG_BOOL, false, 0, 0, 0, NULL, "Nesterov's momentum"},
    {"dampening", AED_ARG_FLOAT, false, 0, 0, 1, NULL, "taken off the new gradient's weight"},
    {"weight_decay", AED_ARG_FLOAT, false, 0, 0, 1e6, NULL, "L2 penalty, added to the gradient"},
};

const aed_optim_ops aed_optim_sgd = {
    .kind = {"sgd", "stochastic gradient descent", sgd_args, AED_COUNT(sgd_args), "lr"},
    .state_blocks = 1,
    .prepare = sgd_prepare,
    .step = sgd_step,
};
