/* Naive float64 layers and losses; see reference.h. The formulas are those of PyTorch's manual:
 * conv1d            y[o][p] = b[o] + sum over c, k of w[o][c][k] x[c][p stride + k dilation - padding]
 * conv_transpose1d  y[o][p stride + k dilation - padding] += w[c][o][k] x[c][p], y starting at b[o]
 * linear            y[o] = b[o] + sum over c of w[o][c] x[c] */
#include "support/reference.h"

#include <math.h>
#include <string.h>

static bool is_kind(const aed_spec *spec, const char *name)
{
    return strcmp(spec->kind->name, name) == 0;
}

/* The bias of output channel o; 0 without one. */
static double bias_of(const aed_layer *layer, const double *params, int64_t o)
{
    return aed_spec_bool(&layer->spec->spec, "bias") ? params[layer->tensors[1].offset + o] : 0;
}

static void linear(const aed_layer *layer, const double *params, const double *x, double *y)
{
    const double *w = params + layer->tensors[0].offset;
    const int64_t inputs = layer->in.size[0];
    for (int64_t o = 0; o < layer->out.size[0]; o++) {
        y[o] = bias_of(layer, params, o);
        for (int64_t c = 0; c < inputs; c++) y[o] += w[o * inputs + c] * x[c];
    }
}

typedef struct window {
    int64_t kernel, stride, padding, dilation;
} window;

static window window_of(const aed_spec *spec)
{
    return (window){aed_spec_int(spec, "kernel"), aed_spec_int(spec, "stride"),
                    aed_spec_int(spec, "padding"), aed_spec_int(spec, "dilation")};
}

static void conv1d(const aed_layer *layer, const double *params, const double *x, double *y)
{
    const double *w = params + layer->tensors[0].offset;
    const window s = window_of(&layer->spec->spec);
    const int64_t channels = layer->in.size[0], length = layer->in.size[1];
    for (int64_t o = 0; o < layer->out.size[0]; o++)
        for (int64_t p = 0; p < layer->out.size[1]; p++) {
            double sum = bias_of(layer, params, o);
            for (int64_t c = 0; c < channels; c++)
                for (int64_t k = 0; k < s.kernel; k++) {
                    const int64_t q = p * s.stride + k * s.dilation - s.padding;
                    if (q >= 0 && q < length)
                        sum += w[(o * channels + c) * s.kernel + k] * x[c * length + q];
                }
            y[o * layer->out.size[1] + p] = sum;
        }
}

static void conv_transpose1d(const aed_layer *layer, const double *params, const double *x,
                             double *y)
{
    const double *w = params + layer->tensors[0].offset;
    const window s = window_of(&layer->spec->spec);
    const int64_t channels = layer->in.size[0], length = layer->in.size[1];
    const int64_t outputs = layer->out.size[0], reach = layer->out.size[1];
    for (int64_t o = 0; o < outputs; o++)
        for (int64_t q = 0; q < reach; q++) y[o * reach + q] = bias_of(layer, params, o);
    for (int64_t c = 0; c < channels; c++)
        for (int64_t p = 0; p < length; p++)
            for (int64_t o = 0; o < outputs; o++)
                for (int64_t k = 0; k < s.kernel; k++) {
                    const int64_t q = p * s.stride + k * s.dilation - s.padding;
                    if (q >= 0 && q < reach)
                        y[o * reach + q] += w[(c * outputs + o) * s.kernel + k] * x[c * length + p];
                }
}

/* Over the first dimension: the features of a flat sample, else the channels at every position. */
static void softmax(const aed_layer *layer, const double *x, double *y)
{
    const int64_t channels = layer->in.size[0];
    const int64_t positions = aed_shape_count(&layer->in) / channels;
    for (int64_t p = 0; p < positions; p++) {
        double top = -INFINITY, sum = 0;
        for (int64_t c = 0; c < channels; c++) top = fmax(top, x[c * positions + p]);
        for (int64_t c = 0; c < channels; c++) sum += exp(x[c * positions + p] - top);
        for (int64_t c = 0; c < channels; c++)
            y[c * positions + p] = exp(x[c * positions + p] - top) / sum;
    }
}

static double activation(const aed_spec *spec, double x)
{
    if (is_kind(spec, "relu")) return x > 0 ? x : 0;
    if (is_kind(spec, "leaky_relu")) return x > 0 ? x : aed_spec_number(spec, "slope") * x;
    if (is_kind(spec, "elu")) return x > 0 ? x : aed_spec_number(spec, "alpha") * expm1(x);
    if (is_kind(spec, "tanh")) return tanh(x);
    if (is_kind(spec, "sigmoid")) return 1 / (1 + exp(-x));
    if (is_kind(spec, "softplus")) return fmax(x, 0) + log1p(exp(-fabs(x)));
    return NAN; /* a kind without a reference fails every comparison */
}

void aed_reference_forward(const aed_layer *layer, const double *params, const double *x, double *y)
{
    const aed_spec *spec = &layer->spec->spec;
    const int64_t features = aed_shape_count(&layer->in);
    if (is_kind(spec, "linear"))
        linear(layer, params, x, y);
    else if (is_kind(spec, "conv1d"))
        conv1d(layer, params, x, y);
    else if (is_kind(spec, "conv_transpose1d"))
        conv_transpose1d(layer, params, x, y);
    else if (is_kind(spec, "softmax"))
        softmax(layer, x, y);
    else if (is_kind(spec, "flatten") || is_kind(spec, "unflatten"))
        memcpy(y, x, sizeof *y * (size_t)features);
    else
        for (int64_t f = 0; f < features; f++) y[f] = activation(spec, x[f]);
}

static double element_loss(const aed_spec *spec, double y, double t)
{
    const double size = fabs(y - t);
    if (is_kind(spec, "mse")) return size * size;
    if (is_kind(spec, "l1")) return size;
    if (is_kind(spec, "bce")) return -(t * fmax(log(y), -100) + (1 - t) * fmax(log(1 - y), -100));
    if (is_kind(spec, "smooth_l1")) {
        const double beta = aed_spec_number(spec, "beta");
        return size < beta ? 0.5 * size * size / beta : size - 0.5 * beta;
    }
    return NAN;
}

double aed_reference_loss(const aed_spec *spec, int64_t features, const double *y,
                          const double *target)
{
    double sum = 0;
    for (int64_t f = 0; f < features; f++) sum += element_loss(spec, y[f], target[f]);
    return sum;
}
