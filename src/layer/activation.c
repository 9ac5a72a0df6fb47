/* Elementwise activations: relu, leaky_relu, elu, tanh, sigmoid, softplus. One family, one file:
 * they differ in the kernel's name and in the interval of their output. */
#include <math.h>

#include "core/memory.h"
#include "kernel/kernels.h"
#include "layer/layer.h"

/* What a call needs, looked up once. */
typedef struct activation_state {
    aed_activation function;
    float parameter;
    int64_t count; /* floats of a tile */
} activation_state;

static aed_activation function_of(const aed_layer *layer);

/* The function in float64, for intervals only: never part of a result. */
static double activation_at(aed_activation function, double parameter, double x)
{
    switch (function) {
    case AED_RELU: return x < 0 ? 0 : x;
    case AED_LEAKY_RELU: return x < 0 && parameter > 0 ? parameter * x : x < 0 ? 0 : x;
    case AED_ELU: return x < 0 ? parameter * expm1(x) : x;
    case AED_TANH: return tanh(x);
    case AED_SIGMOID: return 1 / (1 + exp(-x));
    case AED_SOFTPLUS: return x > 700 ? x : log1p(exp(x));
    case AED_IDENTITY: break;
    }
    return x;
}

static aed_status activation_infer(aed_layer *layer)
{
    const aed_spec *spec = &layer->spec->spec;
    const double parameter = spec->kind->arg_count ? spec->values[0].number : 0;
    activation_state *state = aed_alloc(1, sizeof *state);
    if (!state) return aed_fail(AED_MEMORY, "out of memory for a layer");
    *state = (activation_state){function_of(layer), (float)parameter,
                                aed_shape_count(&layer->in) * layer->lanes};
    layer->state = state;
    layer->out = layer->in;
    layer->out_interval.lo = activation_at(state->function, parameter, layer->in_interval.lo);
    layer->out_interval.hi = activation_at(state->function, parameter, layer->in_interval.hi);
    return AED_OK;
}

static void activation_destroy(aed_layer *layer)
{
    aed_free(layer->state);
    layer->state = NULL;
}

static void activation_forward(const aed_layer *layer, const float *params, const float *x,
                               float *y, const aed_tile *tile)
{
    (void)params;
    (void)tile;
    const activation_state *state = layer->state;
    layer->kernels->activate(state->function, state->parameter, state->count, x, y);
}

static void activation_backward(const aed_layer *layer, const float *params, const float *x,
                                const float *y, float *dy, float *dx, float *grads,
                                const aed_tile *tile)
{
    (void)params;
    (void)x;
    (void)grads;
    (void)tile;
    const activation_state *state = layer->state;
    layer->kernels->activate_backward(state->function, state->parameter, state->count, y, dy, dx);
}

#define ACTIVATION(function_name, help_text, arguments, argument_count, main_argument) \
    {                                                                                  \
        .kind = {function_name, help_text, arguments, argument_count, main_argument},  \
        .elementwise = true, .keeps_output = true, .infer = activation_infer,          \
        .forward = activation_forward, .backward = activation_backward,                \
        .destroy = activation_destroy,                                                 \
    }

static const aed_arg_def leaky_relu_args[] = {
    {"slope", AED_ARG_FLOAT, false, 0.01, 0, 1, NULL, "slope below zero"},
};
static const aed_arg_def elu_args[] = {
    {"alpha", AED_ARG_FLOAT, false, 1, 0, 1e6, NULL, "minus the limit far below zero"},
};

const aed_layer_ops aed_layer_relu = ACTIVATION("relu", "max(0, x)", NULL, 0, NULL);
const aed_layer_ops aed_layer_leaky_relu = ACTIVATION("leaky_relu", "x, or slope * x below zero",
                                                      leaky_relu_args, 1, "slope");
const aed_layer_ops aed_layer_elu = ACTIVATION("elu", "x, or alpha * (exp(x) - 1) below zero",
                                               elu_args, 1, "alpha");
const aed_layer_ops aed_layer_tanh = ACTIVATION("tanh", "hyperbolic tangent", NULL, 0, NULL);
const aed_layer_ops aed_layer_sigmoid = ACTIVATION("sigmoid", "1 / (1 + exp(-x))", NULL, 0, NULL);
const aed_layer_ops aed_layer_softplus = ACTIVATION("softplus", "log(1 + exp(x))", NULL, 0, NULL);

static aed_activation function_of(const aed_layer *layer)
{
    const aed_layer_ops *ops = layer->ops;
    return ops == &aed_layer_relu         ? AED_RELU
           : ops == &aed_layer_leaky_relu ? AED_LEAKY_RELU
           : ops == &aed_layer_elu        ? AED_ELU
           : ops == &aed_layer_tanh       ? AED_TANH
           : ops == &aed_layer_sigmoid    ? AED_SIGMOID
                                          : AED_SOFTPLUS;
}

bool aed_activation_of(const aed_layer *layer, aed_activation *function, float *parameter)
{
    if (layer->ops->forward != activation_forward) return false;
    const activation_state *state = layer->state;
    *function = state->function;
    *parameter = state->parameter;
    return true;
}
