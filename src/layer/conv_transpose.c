/* conv_transpose1d, conv_transpose2d: the transposed convolution, as PyTorch's ConvTranspose1d and
 * ConvTranspose2d; along each dimension, out = (in - 1) stride - 2 padding + dilation (kernel - 1) +
 * output_padding + 1. */
#include <inttypes.h>

#include "layer/layer.h"
#include "layer/product.h"
#include "layer/window.h"

/* One dimension: fills the axis and the output's size. */
static aed_status transpose_axis(const aed_layer *layer, int dimensions, int d, aed_axis *axis)
{
    *axis = (aed_axis){.kernel = aed_window_value(layer, dimensions, "kernel", d, 1),
                       .stride = aed_window_value(layer, dimensions, "stride", d, 1),
                       .padding = aed_window_value(layer, dimensions, "padding", d, 0),
                       .dilation = aed_window_value(layer, dimensions, "dilation", d, 1),
                       .narrow = layer->in.size[1 + d]};
    const int64_t extra = aed_window_value(layer, dimensions, "output_padding", d, 0);
    if (extra >= axis->stride && extra >= axis->dilation)
        return aed_layer_fail(layer,
                              "has output_padding %" PRId64
                              ", which must be smaller than the stride or the dilation",
                              extra);
    axis->wide = (axis->narrow - 1) * axis->stride - 2 * axis->padding +
                 axis->dilation * (axis->kernel - 1) + extra + 1;
    if (axis->wide < 1)
        return aed_layer_fail(layer, "would have an output of size %" PRId64 "; use less padding",
                              axis->wide);
    return AED_OK;
}

static aed_status transpose_infer(aed_layer *layer, int dimensions)
{
    const aed_spec *spec = &layer->spec->spec;
    const int64_t out = aed_spec_int(spec, "out");
    aed_axis axes[2];
    aed_status status = aed_window_axes(layer, dimensions, out, false, transpose_axis, axes);
    if (status != AED_OK) return status;
    return aed_product_create(layer, false, layer->in.size[0], out, aed_spec_int(spec, "groups"),
                              dimensions, axes);
}

static aed_status transpose1d_infer(aed_layer *layer) { return transpose_infer(layer, 1); }
static aed_status transpose2d_infer(aed_layer *layer) { return transpose_infer(layer, 2); }

#define TRANSPOSE_ARGS(type)                                                                      \
    {                                                                                             \
        {"out", AED_ARG_INT, true, 0, 1, 1 << 20, NULL, "output channels"},                       \
            {"kernel", type, true, 0, 1, 1 << 16, NULL, "size of the kernel"},                    \
            {"stride", type, false, 1, 1, 1 << 16, NULL, "output points between input points"},   \
            {"padding", type, false, 0, 0, 1 << 16, NULL, "points cut from both ends"},           \
            {"output_padding", type, false, 0, 0, 1 << 16, NULL, "points added at the far end"},  \
            {"dilation", type, false, 1, 1, 1 << 16, NULL, "points between the kernel's taps"},   \
            {"groups", AED_ARG_INT, false, 1, 1, 1 << 20, NULL, "groups of channels kept apart"}, \
            {"bias", AED_ARG_BOOL, false, 1, 0, 0, NULL, "add a bias"},                           \
    }

static const aed_arg_def transpose1d_args[] = TRANSPOSE_ARGS(AED_ARG_INT);
static const aed_arg_def transpose2d_args[] = TRANSPOSE_ARGS(AED_ARG_INTS);

#define TRANSPOSE_OPS(name, help, args, infer_function)                             \
    {                                                                               \
        .kind = {name, help, args, AED_COUNT(args), NULL}, .infer = infer_function, \
        .forward = aed_product_forward, .backward = aed_product_backward,           \
        .fuse = aed_product_fuse, .destroy = aed_product_destroy                    \
    }

const aed_layer_ops aed_layer_conv_transpose1d = TRANSPOSE_OPS(
    "conv_transpose1d", "transposed convolution over (channels, length)", transpose1d_args,
    transpose1d_infer);
const aed_layer_ops aed_layer_conv_transpose2d = TRANSPOSE_OPS(
    "conv_transpose2d", "transposed convolution over (channels, height, width)", transpose2d_args,
    transpose2d_infer);
