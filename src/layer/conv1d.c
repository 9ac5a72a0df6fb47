/* conv1d: cross-correlation over the length of (channels, length), as PyTorch's Conv1d;
 * length out = (length + 2 padding - dilation (kernel - 1) - 1) / stride + 1. */
#include <inttypes.h>

#include "layer/layer.h"
#include "layer/product.h"

static aed_status conv1d_infer(aed_layer *layer)
{
    const aed_spec *spec = &layer->spec->spec;
    const aed_window window = {
        .kernel = aed_spec_int(spec, "kernel"),
        .stride = aed_spec_int(spec, "stride"),
        .padding = aed_spec_int(spec, "padding"),
        .dilation = aed_spec_int(spec, "dilation"),
    };
    char text[96];
    if (layer->in.rank != 2)
        return aed_layer_fail(layer, "needs an input of channels x length, but its input is %s",
                              aed_shape_text(&layer->in, text));
    const int64_t length = layer->in.size[1];
    const int64_t reach = window.dilation * (window.kernel - 1) + 1;
    if (length + 2 * window.padding < reach)
        return aed_layer_fail(layer,
                              "spans %" PRId64 " points, but its input has %" PRId64
                              " (padding included); use a smaller kernel or more padding",
                              reach, length + 2 * window.padding);
    const int64_t out = (length + 2 * window.padding - reach) / window.stride + 1;
    aed_status status =
        aed_shape_make(2, (int64_t[]){aed_spec_int(spec, "out"), out}, &layer->out);
    if (status != AED_OK) return status;
    return aed_product_create(layer, true, layer->out.size[0], layer->in.size[0], out, length,
                              &window);
}

static const aed_arg_def conv1d_args[] = {
    {"out", AED_ARG_INT, true, 0, 1, 1 << 20, NULL, "output channels"},
    {"kernel", AED_ARG_INT, true, 0, 1, 1 << 16, NULL, "points of the kernel"},
    {"stride", AED_ARG_INT, false, 1, 1, 1 << 16, NULL, "points between outputs"},
    {"padding", AED_ARG_INT, false, 0, 0, 1 << 16, NULL, "zeros put on both ends"},
    {"dilation", AED_ARG_INT, false, 1, 1, 1 << 16, NULL, "points between the kernel's taps"},
    {"bias", AED_ARG_BOOL, false, 1, 0, 0, NULL, "add a bias"},
};

const aed_layer_ops aed_layer_conv1d = {
    .kind = {"conv1d", "convolution over (channels, length)", conv1d_args, AED_COUNT(conv1d_args),
             NULL},
    .infer = conv1d_infer,
    .forward = aed_product_forward,
    .backward = aed_product_backward,
    .destroy = aed_product_destroy,
};
