/* conv1d, conv2d: cross-correlation over the last dimensions, as PyTorch's Conv1d and Conv2d; along
 * each, out = (in + 2 padding - dilation (kernel - 1) - 1) / stride + 1. */
#include <inttypes.h>

#include "layer/layer.h"
#include "layer/product.h"
#include "layer/window.h"

/* One dimension: fills the axis and the output's size. */
static aed_status conv_axis(const aed_layer *layer, int dimensions, int d, aed_axis *axis)
{
    *axis = (aed_axis){.kernel = aed_window_value(layer, dimensions, "kernel", d, 1),
                       .stride = aed_window_value(layer, dimensions, "stride", d, 1),
                       .padding = aed_window_value(layer, dimensions, "padding", d, 0),
                       .dilation = aed_window_value(layer, dimensions, "dilation", d, 1),
                       .wide = layer->in.size[1 + d]};
    const int64_t reach = axis->dilation * (axis->kernel - 1) + 1;
    const int64_t have = axis->wide + 2 * axis->padding;
    if (have < reach)
        return aed_layer_fail(layer,
                              "spans %" PRId64 " points, but its input has %" PRId64
                              " (padding included); use a smaller kernel or more padding",
                              reach, have);
    axis->narrow = (have - reach) / axis->stride + 1;
    return AED_OK;
}

static aed_status conv_infer(aed_layer *layer, int dimensions)
{
    const aed_spec *spec = &layer->spec->spec;
    const int64_t out = aed_spec_int(spec, "out");
    aed_axis axes[2];
    aed_status status = aed_window_axes(layer, dimensions, out, true, conv_axis, axes);
    if (status != AED_OK) return status;
    return aed_product_create(layer, true, out, layer->in.size[0], aed_spec_int(spec, "groups"),
                              dimensions, axes);
}

static aed_status conv1d_infer(aed_layer *layer) { return conv_infer(layer, 1); }
static aed_status conv2d_infer(aed_layer *layer) { return conv_infer(layer, 2); }

#define CONV_ARGS(type)                                                                           \
    {                                                                                             \
        {"out", AED_ARG_INT, true, 0, 1, 1 << 20, NULL, "output channels"},                       \
            {"kernel", type, true, 0, 1, 1 << 16, NULL, "size of the kernel"},                    \
            {"stride", type, false, 1, 1, 1 << 16, NULL, "points between outputs"},               \
            {"padding", type, false, 0, 0, 1 << 16, NULL, "zeros put on both ends"},              \
            {"dilation", type, false, 1, 1, 1 << 16, NULL, "points between the kernel's taps"},   \
            {"groups", AED_ARG_INT, false, 1, 1, 1 << 20, NULL, "groups of channels kept apart"}, \
            {"bias", AED_ARG_BOOL, false, 1, 0, 0, NULL, "add a bias"},                           \
    }

static const aed_arg_def conv1d_args[] = CONV_ARGS(AED_ARG_INT);
static const aed_arg_def conv2d_args[] = CONV_ARGS(AED_ARG_INTS);

#define CONV_OPS(name, help, args, infer_function)                                  \
    {                                                                               \
        .kind = {name, help, args, AED_COUNT(args), NULL}, .infer = infer_function, \
        .forward = aed_product_forward, .backward = aed_product_backward,           \
        .fuse = aed_product_fuse, .destroy = aed_product_destroy                    \
    }

const aed_layer_ops aed_layer_conv1d = CONV_OPS("conv1d", "convolution over (channels, length)",
                                                conv1d_args, conv1d_infer);
const aed_layer_ops aed_layer_conv2d = CONV_OPS(
    "conv2d", "convolution over (channels, height, width)", conv2d_args, conv2d_infer);
