/* conv_transpose1d: the transposed convolution over (channels, length), as PyTorch's
 * ConvTranspose1d; length out = (length - 1) stride - 2 padding + dilation (kernel - 1) +
 * output_padding + 1. */
#include <inttypes.h>

#include "layer/layer.h"
#include "layer/product.h"

static aed_status conv_transpose1d_infer(aed_layer *layer)
{
    const aed_spec *spec = &layer->spec->spec;
    const aed_window window = {
        .kernel = aed_spec_int(spec, "kernel"),
        .stride = aed_spec_int(spec, "stride"),
        .padding = aed_spec_int(spec, "padding"),
        .dilation = aed_spec_int(spec, "dilation"),
    };
    const int64_t extra = aed_spec_int(spec, "output_padding");
    char text[96];
    if (layer->in.rank != 2)
        return aed_layer_fail(layer, "needs an input of channels x length, but its input is %s",
                              aed_shape_text(&layer->in, text));
    if (extra >= window.stride && extra >= window.dilation)
        return aed_layer_fail(layer,
                              "has output_padding %" PRId64
                              ", which must be smaller than the stride or the dilation",
                              extra);
    const int64_t length = layer->in.size[1];
    const int64_t out = (length - 1) * window.stride - 2 * window.padding +
                        window.dilation * (window.kernel - 1) + extra + 1;
    if (out < 1)
        return aed_layer_fail(layer, "would have an output of length %" PRId64 "; use less padding",
                              out);
    aed_status status =
        aed_shape_make(2, (int64_t[]){aed_spec_int(spec, "out"), out}, &layer->out);
    if (status != AED_OK) return status;
    return aed_product_create(layer, false, layer->in.size[0], layer->out.size[0], length, out,
                              &window);
}

static const aed_arg_def conv_transpose1d_args[] = {
    {"out", AED_ARG_INT, true, 0, 1, 1 << 20, NULL, "output channels"},
    {"kernel", AED_ARG_INT, true, 0, 1, 1 << 16, NULL, "points of the kernel"},
    {"stride", AED_ARG_INT, false, 1, 1, 1 << 16, NULL, "output points between input points"},
    {"padding", AED_ARG_INT, false, 0, 0, 1 << 16, NULL, "points cut from both ends"},
    {"output_padding", AED_ARG_INT, false, 0, 0, 1 << 16, NULL, "points added at the far end"},
    {"dilation", AED_ARG_INT, false, 1, 1, 1 << 16, NULL, "points between the kernel's taps"},
    {"bias", AED_ARG_BOOL, false, 1, 0, 0, NULL, "add a bias"},
};

const aed_layer_ops aed_layer_conv_transpose1d = {
    .kind = {"conv_transpose1d", "transposed convolution over (channels, length)",
             conv_transpose1d_args, AED_COUNT(conv_transpose1d_args), NULL},
    .infer = conv_transpose1d_infer,
    .forward = aed_product_forward,
    .backward = aed_product_backward,
    .destroy = aed_product_destroy,
};
