/* The table of layer kinds: a new kind is one file and one row here. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "layer/layer.h"

static const aed_layer_ops *const table[] = {
    &aed_layer_linear,
    &aed_layer_conv1d,
    &aed_layer_conv2d,
    &aed_layer_conv_transpose1d,
    &aed_layer_conv_transpose2d,
    &aed_layer_relu,
    &aed_layer_leaky_relu,
    &aed_layer_elu,
    &aed_layer_tanh,
    &aed_layer_sigmoid,
    &aed_layer_softplus,
    &aed_layer_softmax,
    &aed_layer_gumbel_softmax,
    &aed_layer_flatten,
    &aed_layer_unflatten,
    &aed_layer_max_pool1d,
    &aed_layer_max_pool2d,
    &aed_layer_avg_pool1d,
    &aed_layer_avg_pool2d,
    &aed_layer_upsample,
    &aed_layer_group_norm,
    &aed_layer_layer_norm,
    &aed_layer_gaussian_noise,
    &aed_layer_dropout,
    &aed_layer_dropout1d,
    &aed_layer_dropout2d,
};

const aed_layer_ops *const *aed_layer_table(int *count)
{
    *count = AED_COUNT(table);
    return table;
}

const aed_layer_ops *aed_layer_find(const char *name)
{
    for (int i = 0; i < AED_COUNT(table); i++)
        if (strcmp(table[i]->kind.name, name) == 0) return table[i];
    return NULL;
}

aed_status aed_layer_fail(const aed_layer *layer, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return aed_fail(AED_CONFIG, "%s: %s (%s) %s", layer->spec->spec.where, layer->ops->kind.name,
                    layer->spec->path, text);
}
