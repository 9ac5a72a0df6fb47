/* linear: y = W x + b over the features of a flat sample; W is (out, in). */
#include "layer/layer.h"
#include "layer/product.h"

static aed_status linear_infer(aed_layer *layer)
{
    const int64_t out = aed_spec_int(&layer->spec->spec, "out");
    const aed_axis axes[2] = {AED_AXIS_UNIT, AED_AXIS_UNIT};
    char text[96];
    if (layer->in.rank != 1)
        return aed_layer_fail(layer,
                              "needs a flat input, but its input is %s; put flatten before it",
                              aed_shape_text(&layer->in, text));
    aed_status status = aed_shape_make(1, &out, &layer->out);
    if (status != AED_OK) return status;
    return aed_product_create(layer, true, out, layer->in.size[0], 1, 0, axes);
}

static const aed_arg_def linear_args[] = {
    {"out", AED_ARG_INT, true, 0, 1, 1 << 24, NULL, "output features"},
    {"bias", AED_ARG_BOOL, false, 1, 0, 0, NULL, "add a bias"},
};

const aed_layer_ops aed_layer_linear = {
    .kind = {"linear", "fully connected layer", linear_args, AED_COUNT(linear_args), "out"},
    .infer = linear_infer,
    .forward = aed_product_forward,
    .backward = aed_product_backward,
    .destroy = aed_product_destroy,
};
