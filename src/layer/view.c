/* flatten and unflatten: another shape for the same features in the same order. */
#include <inttypes.h>

#include "layer/layer.h"

static aed_status flatten_infer(aed_layer *layer)
{
    const int64_t count = aed_shape_count(&layer->in);
    layer->out_interval = layer->in_interval;
    return aed_shape_make(1, &count, &layer->out);
}

static aed_status unflatten_infer(aed_layer *layer)
{
    const aed_arg_value *shape = aed_spec_value(&layer->spec->spec, "shape");
    int64_t size[AED_MAX_RANK];
    char text[96];
    if (shape->count > AED_MAX_RANK)
        return aed_layer_fail(layer, "has %" PRId64 " dimensions; at most %d are supported",
                              shape->count, AED_MAX_RANK);
    for (int64_t i = 0; i < shape->count; i++) size[i] = (int64_t)shape->numbers[i];
    if (aed_shape_make((int)shape->count, size, &layer->out) != AED_OK)
        return aed_layer_fail(layer, "has an unusable shape: %s", aed_status_message());
    const int64_t have = aed_shape_count(&layer->in), want = aed_shape_count(&layer->out);
    if (have != want)
        return aed_layer_fail(layer, "wants %s = %" PRId64 " elements, but its input has %" PRId64,
                              aed_shape_text(&layer->out, text), want, have);
    layer->out_interval = layer->in_interval;
    return AED_OK;
}

static const aed_arg_def unflatten_args[] = {
    {"shape", AED_ARG_INTS, true, 0, 1, 1 << 30, NULL, "channels and sizes, such as [1, 28, 28]"},
};

const aed_layer_ops aed_layer_flatten = {
    .kind = {"flatten", "all features in one dimension", NULL, 0, NULL},
    .is_view = true,
    .infer = flatten_infer,
};
const aed_layer_ops aed_layer_unflatten = {
    .kind = {"unflatten", "the features in the given shape", unflatten_args, 1, "shape"},
    .is_view = true,
    .infer = unflatten_infer,
};
