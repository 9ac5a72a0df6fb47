/* Reading windows; see window.h. */
#include "layer/window.h"

#include "layer/layer.h"

aed_status aed_window_check(const aed_layer *layer, int dimensions)
{
    const aed_spec *spec = &layer->spec->spec;
    char text[96];
    if (layer->in.rank != 1 + dimensions)
        return aed_layer_fail(layer, "needs an input of channels x %s, but its input is %s",
                              dimensions == 1 ? "length" : "height x width",
                              aed_shape_text(&layer->in, text));
    for (int i = 0; i < spec->kind->arg_count; i++)
        if (spec->kind->args[i].type == AED_ARG_INTS && spec->values[i].count > 1 &&
            spec->values[i].count != dimensions)
            return aed_layer_fail(layer, "has %d values in %s; give one, or one a dimension (%d)",
                                  (int)spec->values[i].count, spec->kind->args[i].name, dimensions);
    return AED_OK;
}

int64_t aed_window_value(const aed_layer *layer, int dimensions, const char *name, int d,
                         int64_t fallback)
{
    if (dimensions > 1) return aed_window_list(layer, name, d, fallback);
    return aed_spec_int(&layer->spec->spec, name);
}

int64_t aed_window_list(const aed_layer *layer, const char *name, int d, int64_t fallback)
{
    const aed_arg_value *value = aed_spec_value(&layer->spec->spec, name);
    if (value->count == 0) return fallback;
    return (int64_t)value->numbers[value->count == 1 ? 0 : d];
}

aed_status aed_window_shape(aed_layer *layer, int64_t channels, int dimensions,
                            const int64_t *sizes)
{
    int64_t all[3] = {channels};
    for (int d = 0; d < dimensions; d++) all[1 + d] = sizes[d];
    if (aed_shape_make(1 + dimensions, all, &layer->out) != AED_OK)
        return aed_layer_fail(layer, "has an unusable output: %s", aed_status_message());
    return AED_OK;
}

aed_status aed_window_axes(aed_layer *layer, int dimensions, int64_t channels, bool to_narrow,
                           aed_axis_reader read, aed_axis axes[2])
{
    aed_status status = AED_OK;
    int64_t sizes[2];
    axes[0] = axes[1] = AED_AXIS_UNIT;
    AED_TRY(aed_window_check(layer, dimensions));
    for (int d = 0; d < dimensions; d++) {
        aed_axis *axis = &axes[2 - dimensions + d];
        AED_TRY(read(layer, dimensions, d, axis));
        sizes[d] = to_narrow ? axis->narrow : axis->wide;
    }
    AED_TRY(aed_window_shape(layer, channels, dimensions, sizes));
done:
    return status;
}
