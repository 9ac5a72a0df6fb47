/* One tile through the model, forward and backward. */
#include "aedist/model.h"

#include <string.h>

#include "core/clock.h"

const float *aed_model_output(const aed_model *model, const float *workspace, int index)
{
    return workspace + (index < 0 ? model->input_at : model->output_at[index]);
}

const float *aed_model_forward_from(const aed_model *model, const float *params, float *workspace,
                                    int from, const aed_tile *tile)
{
    const float *x = aed_model_output(model, workspace, from);
    for (int i = from + 1; i < model->layer_count; i++) {
        const aed_layer *layer = &model->layers[i];
        float *y = workspace + model->output_at[i];
        if (!layer->ops->is_view && !layer->absorbed)
            layer->ops->forward(layer, params, x, y, tile);
        aed_lap(tile->laps, i);
        x = y;
    }
    return x;
}

const float *aed_model_forward(const aed_model *model, const float *params, float *workspace,
                               const aed_tile *tile)
{
    return aed_model_forward_from(model, params, workspace, -1, tile);
}

/* Whether a leaf's first tile writes the gradient of this layer's weight. */
static bool is_started(const aed_model *model, int layer)
{
    return layer >= model->first_trained && /* or it is never gone to */
           model->layers[layer].starts_weight;
}

bool aed_model_starts_weights(const aed_model *model, int from)
{
    for (int i = 0; i <= from; i++)
        if (is_started(model, i)) return true;
    return false;
}

/* Does something with all of a gradient but these weights', if the tile goes back from layer `from`. */
static void each_rest(const aed_model *model, int from,
                      void (*work)(int64_t count, const float *grads, float *to),
                      const float *grads, float *to)
{
    int64_t done = 0;
    for (int i = 0; i <= from; i++) {
        if (!is_started(model, i)) continue;
        const aed_tensor *weight = &model->layers[i].tensors[0];
        work(weight->offset - done, grads + done, to + done);
        done = weight->offset + aed_shape_count(&weight->shape);
    }
    work(model->parameter_block - done, grads + done, to + done);
}

static void clear(int64_t count, const float *grads, float *to)
{
    (void)grads;
    memset(to, 0, (size_t)count * sizeof *to);
}

static void add(int64_t count, const float *grads, float *to)
{
    for (int64_t i = 0; i < count; i++) to[i] += grads[i];
}

void aed_model_begin_leaf(const aed_model *model, int from, float *grads)
{
    each_rest(model, from, clear, grads, grads);
}

void aed_model_join_leaf(const aed_model *model, int from, const float *grads, float *join)
{
    each_rest(model, from, add, grads, join);
}

float *aed_model_gradient(const aed_model *model, float *workspace, const float *taken)
{
    float *first = workspace + model->gradient_at[0];
    return taken == first ? workspace + model->gradient_at[1] : first;
}

float *aed_model_backward(const aed_model *model, const float *params, float *workspace, int from,
                          int to, float *dy, float *grads, const aed_tile *tile)
{
    int last = model->first_trained;
    while (model->layers[last].absorbed) last--; /* to the layer that computes it */
    for (int i = from; i > to && i >= last; i--) {
        const aed_layer *layer = &model->layers[i];
        if (layer->ops->is_view || layer->absorbed) continue;
        const float *x = aed_model_output(model, workspace, i - 1);
        const float *y = workspace + model->output_at[i];
        float *dx = layer->ops->elementwise ? dy : aed_model_gradient(model, workspace, dy);
        if (i == last) dx = NULL;
        layer->ops->backward(layer, params, x, y, dy, dx, grads, tile);
        aed_lap(tile->laps, model->layer_count + i);
        dy = dx;
    }
    return to >= last ? dy : NULL;
}
