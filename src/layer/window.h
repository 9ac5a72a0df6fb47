/* Windows that slide over the last one or two dimensions of (channels, sizes ...): what convolutions
 * and poolings share. Arguments are numbers in 1-D kinds and lists in 2-D kinds, where one number
 * serves both dimensions. */
#ifndef AED_LAYER_WINDOW_H
#define AED_LAYER_WINDOW_H

#include "aedist/layer.h"
#include "layer/pairs.h"

/* The input's rank must be 1 + dimensions, and every list argument have 1 or `dimensions` values. */
aed_status aed_window_check(const aed_layer *layer, int dimensions);

/* The value of the argument `name` in dimension d; `fallback` where a list was not given. */
int64_t aed_window_value(const aed_layer *layer, int dimensions, const char *name, int d,
                         int64_t fallback);

/* The value of the list argument `name` in dimension d, whatever the number of dimensions. */
int64_t aed_window_list(const aed_layer *layer, const char *name, int d, int64_t fallback);

/* Reads dimension d of a layer's window: fills the axis, both sizes included. */
typedef aed_status (*aed_axis_reader)(const aed_layer *layer, int dimensions, int d,
                                      aed_axis *axis);

/* Checks the input, reads all dimensions into the last of axes[2] and makes layer->out of `channels`
 * and the axes' narrow (to_narrow) or wide sizes. */
aed_status aed_window_axes(aed_layer *layer, int dimensions, int64_t channels, bool to_narrow,
                           aed_axis_reader read, aed_axis axes[2]);

/* Makes layer->out of `channels` and sizes[dimensions]. */
aed_status aed_window_shape(aed_layer *layer, int64_t channels, int dimensions,
                            const int64_t *sizes);

#endif
