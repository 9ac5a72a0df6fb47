/* max_pool1d, max_pool2d, avg_pool1d, avg_pool2d as PyTorch's MaxPoolNd and AvgPoolNd (ceil_mode
 * false, padding counted in the mean); along each dimension
 * out = (in + 2 padding - dilation (kernel - 1) - 1) / stride + 1, the stride being the kernel if it
 * is not given. */
#include <inttypes.h>

#include "core/memory.h"
#include "layer/layer.h"
#include "layer/pairs.h"
#include "layer/resampling.h"
#include "layer/window.h"

static aed_status pool_axis(const aed_layer *layer, int dimensions, int d, int64_t dilation,
                            aed_axis *axis)
{
    const int64_t kernel = aed_window_value(layer, dimensions, "kernel", d, 1);
    const int64_t stride = aed_window_value(layer, dimensions, "stride", d, 0);
    *axis = (aed_axis){.kernel = kernel,
                       .stride = stride ? stride : kernel,
                       .padding = aed_window_value(layer, dimensions, "padding", d, 0),
                       .dilation = dilation,
                       .wide = layer->in.size[1 + d]};
    if (2 * axis->padding > kernel)
        return aed_layer_fail(
            layer, "has padding %" PRId64 ", which must be at most half the kernel", axis->padding);
    const int64_t reach = axis->dilation * (kernel - 1) + 1, have = axis->wide + 2 * axis->padding;
    if (have < reach)
        return aed_layer_fail(layer,
                              "spans %" PRId64 " points, but its input has %" PRId64
                              " (padding included); use a smaller kernel",
                              reach, have);
    axis->narrow = (have - reach) / axis->stride + 1;
    return AED_OK;
}

static aed_status max_axis(const aed_layer *layer, int dimensions, int d, aed_axis *axis)
{
    return pool_axis(layer, dimensions, d, aed_window_value(layer, dimensions, "dilation", d, 1),
                     axis);
}

static aed_status avg_axis(const aed_layer *layer, int dimensions, int d, aed_axis *axis)
{
    return pool_axis(layer, dimensions, d, 1, axis);
}

/* Sizes the output and lists the windows; `lists` is the caller's to destroy. */
static aed_status pool_windows(aed_layer *layer, int dimensions, aed_axis_reader read,
                               aed_axis *axes, aed_pair_lists *lists)
{
    aed_status status = aed_window_axes(layer, dimensions, layer->in.size[0], true, read, axes);
    if (status != AED_OK) return status;
    if (aed_pairs_count(axes) < 0)
        return aed_layer_fail(layer, "connects too many positions; use a smaller kernel");
    return aed_pairs_create(axes, lists);
}

/* ---- Maximum ------------------------------------------------------------------------------------ */

static void max_pool_destroy(aed_layer *layer)
{
    if (layer->state) aed_pairs_destroy(layer->state);
    aed_free(layer->state);
    layer->state = NULL;
}

/* The state is the list of windows. */
static aed_status max_pool_infer(aed_layer *layer, int dimensions)
{
    aed_axis axes[2];
    layer->state = aed_alloc(1, sizeof(aed_pair_lists));
    if (!layer->state) return aed_fail(AED_MEMORY, "out of memory for a layer");
    const aed_status status = pool_windows(layer, dimensions, max_axis, axes, layer->state);
    layer->out_interval = layer->in_interval;
    if (status != AED_OK) max_pool_destroy(layer);
    return status;
}

static aed_status max_pool1d_infer(aed_layer *layer) { return max_pool_infer(layer, 1); }
static aed_status max_pool2d_infer(aed_layer *layer) { return max_pool_infer(layer, 2); }

static void max_pool_forward(const aed_layer *layer, const float *params, const float *x, float *y,
                             const aed_tile *tile)
{
    (void)params;
    const aed_pair_lists *lists = layer->state;
    layer->kernels->max_pool(&lists->by_narrow, (int)layer->in.size[0], lists->by_wide.rows,
                             tile->lanes, x, y);
}

static void max_pool_backward(const aed_layer *layer, const float *params, const float *x,
                              const float *y, float *dy, float *dx, float *grads,
                              const aed_tile *tile)
{
    (void)params;
    (void)grads;
    const aed_pair_lists *lists = layer->state;
    if (dx)
        layer->kernels->max_pool_backward(&lists->by_narrow, (int)layer->in.size[0],
                                          lists->by_wide.rows, tile->lanes, x, y, dy, dx);
}

bool aed_max_pool_halves(const aed_layer *layer)
{
    if (layer->ops->forward != max_pool_forward) return false;
    const int dimensions = layer->in.rank - 1;
    for (int d = 0; d < dimensions; d++) {
        aed_axis axis;
        if (max_axis(layer, dimensions, d, &axis) != AED_OK || axis.kernel != 2 ||
            axis.stride != 2 || axis.padding != 0 || axis.dilation != 1)
            return false;
    }
    return true;
}

/* ---- Mean --------------------------------------------------------------------------------------- */

static aed_status avg_pool_infer(aed_layer *layer, int dimensions)
{
    aed_status status = AED_OK;
    aed_axis axes[2];
    aed_pair_lists lists = {0};
    aed_resampling_entry *entries = NULL;
    AED_TRY(pool_windows(layer, dimensions, avg_axis, axes, &lists));
    entries = aed_alloc((size_t)lists.count, sizeof *entries);
    if (!entries) {
        status = aed_fail(AED_MEMORY, "out of memory for a layer's index lists");
        goto done;
    }
    const float weight = (float)(1.0 / (double)(axes[0].kernel * axes[1].kernel));
    for (int32_t row = 0; row < lists.by_narrow.rows; row++)
        for (int32_t e = lists.by_narrow.start[row]; e < lists.by_narrow.start[row + 1]; e++)
            entries[e] = (aed_resampling_entry){row, lists.by_narrow.position[e], weight};
    layer->out_interval = layer->in_interval;
    AED_TRY(aed_resampling_create(layer, lists.by_narrow.rows, lists.by_wide.rows, lists.count,
                                  entries));
done:
    aed_free(entries);
    aed_pairs_destroy(&lists);
    return status;
}

static aed_status avg_pool1d_infer(aed_layer *layer) { return avg_pool_infer(layer, 1); }
static aed_status avg_pool2d_infer(aed_layer *layer) { return avg_pool_infer(layer, 2); }

#define POOL_KERNEL(type)                                               \
    {                                                                   \
        "kernel", type, true, 0, 1, 1 << 16, NULL, "size of the window" \
    }
#define POOL_STRIDE(type)                                                                   \
    {                                                                                       \
        "stride", type, false, 0, 0, 1 << 16, NULL, "points between outputs; 0: the kernel" \
    }
#define POOL_PADDING(type)                                                       \
    {                                                                            \
        "padding", type, false, 0, 0, 1 << 16, NULL, "points added on both ends" \
    }
#define POOL_DILATION(type)                                                 \
    {                                                                       \
        "dilation", type, false, 1, 1, 1 << 16, NULL, "points between taps" \
    }

static const aed_arg_def max_pool1d_args[] = {POOL_KERNEL(AED_ARG_INT), POOL_STRIDE(AED_ARG_INT),
                                              POOL_PADDING(AED_ARG_INT),
                                              POOL_DILATION(AED_ARG_INT)};
static const aed_arg_def max_pool2d_args[] = {POOL_KERNEL(AED_ARG_INTS), POOL_STRIDE(AED_ARG_INTS),
                                              POOL_PADDING(AED_ARG_INTS),
                                              POOL_DILATION(AED_ARG_INTS)};
static const aed_arg_def avg_pool1d_args[] = {POOL_KERNEL(AED_ARG_INT), POOL_STRIDE(AED_ARG_INT),
                                              POOL_PADDING(AED_ARG_INT)};
static const aed_arg_def avg_pool2d_args[] = {POOL_KERNEL(AED_ARG_INTS), POOL_STRIDE(AED_ARG_INTS),
                                              POOL_PADDING(AED_ARG_INTS)};

#define MAX_POOL(name, help, args, infer_function)                                           \
    {                                                                                        \
        .kind = {name, help, args, AED_COUNT(args), "kernel"}, .keeps_output = true,         \
        .infer = infer_function, .forward = max_pool_forward, .backward = max_pool_backward, \
        .destroy = max_pool_destroy,                                                         \
    }
#define AVG_POOL(name, help, args, infer_function)                                      \
    {                                                                                   \
        .kind = {name, help, args, AED_COUNT(args), "kernel"}, .infer = infer_function, \
        .forward = aed_resampling_forward, .backward = aed_resampling_backward,         \
        .destroy = aed_resampling_destroy,                                              \
    }

const aed_layer_ops aed_layer_max_pool1d = MAX_POOL(
    "max_pool1d", "maximum over windows of (channels, length)", max_pool1d_args, max_pool1d_infer);
const aed_layer_ops aed_layer_max_pool2d = MAX_POOL(
    "max_pool2d", "maximum over windows of (channels, height, width)", max_pool2d_args,
    max_pool2d_infer);
const aed_layer_ops aed_layer_avg_pool1d = AVG_POOL(
    "avg_pool1d", "mean over windows of (channels, length)", avg_pool1d_args, avg_pool1d_infer);
const aed_layer_ops aed_layer_avg_pool2d = AVG_POOL(
    "avg_pool2d", "mean over windows of (channels, height, width)", avg_pool2d_args,
    avg_pool2d_infer);
