/* Naive float64 layers and losses; see reference.h. The formulas are those of PyTorch's manual:
 * conv              y[o][p] = b[o] + sum over c, k of w[o][c][k] x[c][p stride + k dilation - padding]
 * conv_transpose    y[o][p stride + k dilation - padding] += w[c][o][k] x[c][p], y starting at b[o]
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

/* One dimension of a window, sizes of both sides included. */
typedef struct window {
    int64_t kernel, stride, padding, dilation, in, out;
} window;

static int64_t window_value(const aed_spec *spec, const char *name, int d, int64_t fallback)
{
    const aed_arg_value *value = aed_spec_value(spec, name);
    if (!value) return fallback; /* a mean has no dilation */
    if (value->count == 0) return value->number != 0 ? (int64_t)value->number : fallback;
    return (int64_t)value->numbers[value->count > 1 ? d : 0];
}

/* The layer's windows over height and width; a length is a width. */
static void windows_of(const aed_layer *layer, window windows[2])
{
    const aed_spec *spec = &layer->spec->spec;
    const int dimensions = layer->in.rank - 1;
    windows[0] = (window){1, 1, 0, 1, 1, 1};
    for (int d = 0; d < dimensions; d++) {
        const int64_t kernel = window_value(spec, "kernel", d, 1);
        const bool pools = strstr(spec->kind->name, "pool") != NULL;
        windows[2 - dimensions + d] = (window){kernel,
                                               window_value(spec, "stride", d, pools ? kernel : 1),
                                               window_value(spec, "padding", d, 0),
                                               window_value(spec, "dilation", d, 1),
                                               layer->in.size[1 + d],
                                               layer->out.size[1 + d]};
    }
}

static int64_t wide_position(const window *w, int64_t p, int64_t k)
{
    return p * w->stride + k * w->dilation - w->padding;
}

/* Calls for every place p of the narrow side and tap k of both dimensions whose place q on the wide
 * side exists: y gets w x, along the convolution or, transposed, against it. */
static void convolve(const aed_layer *layer, bool transposed, const double *w, const double *x,
                     double *y)
{
    window s[2];
    windows_of(layer, s);
    const int64_t groups = aed_spec_int(&layer->spec->spec, "groups");
    const int64_t inputs = layer->in.size[0] / groups, outputs = layer->out.size[0] / groups;
    const int64_t in = s[0].in * s[1].in, out = s[0].out * s[1].out;
    const int64_t narrow[2] = {transposed ? s[0].in : s[0].out, transposed ? s[1].in : s[1].out};
    const int64_t wide[2] = {transposed ? s[0].out : s[0].in, transposed ? s[1].out : s[1].in};
    for (int64_t o = 0; o < groups * outputs; o++)
        for (int64_t i = 0; i < inputs; i++) {
            const int64_t c = o / outputs * inputs + i; /* input channel of the same group */
            const int64_t row = transposed ? c * outputs + o % outputs : o * inputs + i;
            for (int64_t py = 0; py < narrow[0]; py++)
                for (int64_t px = 0; px < narrow[1]; px++)
                    for (int64_t ky = 0; ky < s[0].kernel; ky++)
                        for (int64_t kx = 0; kx < s[1].kernel; kx++) {
                            const int64_t qy = wide_position(&s[0], py, ky);
                            const int64_t qx = wide_position(&s[1], px, kx);
                            if (qy < 0 || qy >= wide[0] || qx < 0 || qx >= wide[1]) continue;
                            const int64_t p = py * narrow[1] + px, q = qy * wide[1] + qx;
                            y[o * out + (transposed ? q : p)] +=
                                w[(row * s[0].kernel + ky) * s[1].kernel + kx] *
                                x[c * in + (transposed ? p : q)];
                        }
        }
}

/* Maximum or mean over windows; the mean counts the padding, as PyTorch's does. */
static void pool(const aed_layer *layer, bool maximum, const double *x, double *y)
{
    window s[2];
    windows_of(layer, s);
    for (int64_t c = 0; c < layer->in.size[0]; c++)
        for (int64_t py = 0; py < s[0].out; py++)
            for (int64_t px = 0; px < s[1].out; px++) {
                double top = -INFINITY, sum = 0;
                for (int64_t ky = 0; ky < s[0].kernel; ky++)
                    for (int64_t kx = 0; kx < s[1].kernel; kx++) {
                        const int64_t qy = wide_position(&s[0], py, ky);
                        const int64_t qx = wide_position(&s[1], px, kx);
                        if (qy < 0 || qy >= s[0].in || qx < 0 || qx >= s[1].in) continue;
                        const double value = x[(c * s[0].in + qy) * s[1].in + qx];
                        if (value > top) top = value;
                        sum += value;
                    }
                y[(c * s[0].out + py) * s[1].out + px] = maximum ? top
                                                                 : sum / (double)(s[0].kernel *
                                                                                  s[1].kernel);
            }
}

/* Groups of consecutive features to mean 0 and variance 1, weight and bias every `places`. */
static void normalize(const aed_layer *layer, int64_t groups, const double *params, const double *x,
                      double *y)
{
    const double *w = params + layer->tensors[0].offset, *b = params + layer->tensors[1].offset;
    const int64_t count = aed_shape_count(&layer->in), size = count / groups;
    const int64_t places = count / aed_shape_count(&layer->tensors[0].shape);
    const double eps = aed_spec_number(&layer->spec->spec, "eps");
    for (int64_t g = 0; g < groups; g++) {
        double mean = 0, variance = 0;
        for (int64_t i = g * size; i < (g + 1) * size; i++) mean += x[i] / (double)size;
        for (int64_t i = g * size; i < (g + 1) * size; i++)
            variance += (x[i] - mean) * (x[i] - mean) / (double)size;
        for (int64_t i = g * size; i < (g + 1) * size; i++)
            y[i] = (x[i] - mean) / sqrt(variance + eps) * w[i / places] + b[i / places];
    }
}

/* x at a place between points, along one dimension of `size`. */
static double blend(const double *x, int64_t size, int64_t stride, double place)
{
    const double held = place < 0 ? 0 : place > (double)(size - 1) ? (double)(size - 1) : place;
    const int64_t low = (int64_t)held, high = low + 1 < size ? low + 1 : low;
    return x[low * stride] + (held - (double)low) * (x[high * stride] - x[low * stride]);
}

static void upsample(const aed_layer *layer, const double *x, double *y)
{
    const bool nearest = aed_spec_int(&layer->spec->spec, "mode") == 0;
    const int last = layer->in.rank - 1;
    const int64_t height = last == 2 ? layer->in.size[1] : 1, width = layer->in.size[last];
    const int64_t out_height = last == 2 ? layer->out.size[1] : 1,
                  out_width = layer->out.size[last];
    double row[64];
    for (int64_t c = 0; c < layer->in.size[0]; c++)
        for (int64_t qy = 0; qy < out_height; qy++) {
            const double fy = (double)height / (double)out_height;
            const double py = nearest ? floor((double)qy * fy) : ((double)qy + 0.5) * fy - 0.5;
            for (int64_t i = 0; i < width; i++)
                row[i] = blend(x + c * height * width + i, height, width, py);
            for (int64_t qx = 0; qx < out_width; qx++) {
                const double fx = (double)width / (double)out_width;
                const double px = nearest ? floor((double)qx * fx) : ((double)qx + 0.5) * fx - 0.5;
                y[(c * out_height + qy) * out_width + qx] = blend(row, width, 1, px);
            }
        }
}

static void convolution(const aed_layer *layer, bool transposed, const double *params,
                        const double *x, double *y)
{
    const int64_t count = aed_shape_count(&layer->out), places = count / layer->out.size[0];
    for (int64_t i = 0; i < count; i++) y[i] = bias_of(layer, params, i / places);
    convolve(layer, transposed, params + layer->tensors[0].offset, x, y);
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
    else if (is_kind(spec, "conv1d") || is_kind(spec, "conv2d"))
        convolution(layer, false, params, x, y);
    else if (is_kind(spec, "conv_transpose1d") || is_kind(spec, "conv_transpose2d"))
        convolution(layer, true, params, x, y);
    else if (is_kind(spec, "max_pool1d") || is_kind(spec, "max_pool2d"))
        pool(layer, true, x, y);
    else if (is_kind(spec, "avg_pool1d") || is_kind(spec, "avg_pool2d"))
        pool(layer, false, x, y);
    else if (is_kind(spec, "group_norm"))
        normalize(layer, aed_spec_int(spec, "groups"), params, x, y);
    else if (is_kind(spec, "layer_norm"))
        normalize(layer, 1, params, x, y);
    else if (is_kind(spec, "upsample"))
        upsample(layer, x, y);
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

/* The negative logarithms of the softmax, weighted by a target of 1 - s at the label, s / classes
 * everywhere. */
static double cross_entropy(const aed_spec *spec, int64_t classes, const double *y, int32_t label)
{
    const double smoothing = aed_spec_number(spec, "label_smoothing");
    double top = -INFINITY, sum = 0, loss = 0;
    for (int64_t c = 0; c < classes; c++) top = fmax(top, y[c]);
    for (int64_t c = 0; c < classes; c++) sum += exp(y[c] - top);
    for (int64_t c = 0; c < classes; c++) {
        const double weight = (c == label ? 1 - smoothing : 0) + smoothing / (double)classes;
        loss += weight * (log(sum) - (y[c] - top));
    }
    return loss;
}

double aed_reference_loss(const aed_spec *spec, int64_t features, const double *y,
                          const double *target, int32_t label)
{
    if (is_kind(spec, "cross_entropy")) return cross_entropy(spec, features, y, label);
    double sum = 0;
    for (int64_t f = 0; f < features; f++) sum += element_loss(spec, y[f], target[f]);
    return sum;
}
