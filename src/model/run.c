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

/* A run of parameters between started weights. */
typedef struct rest {
    int64_t begin, end;
    int next; /* the layer from which on to look for the next one */
} rest;

/* The next run of those that a tile that goes back from layer `from` does not start; begins with {0}. */
static bool next_rest(const aed_model *model, int from, rest *run)
{
    if (run->next > from + 1) return false;
    int i = run->next;
    while (i <= from && !is_started(model, i)) i++;
    const aed_tensor *before = run->next > 0 ? &model->layers[run->next - 1].tensors[0] : NULL;
    run->begin = before ? before->offset + aed_shape_count(&before->shape) : 0;
    run->end = i <= from ? model->layers[i].tensors[0].offset : model->parameter_block;
    run->next = i + 1;
    return true;
}

void aed_model_begin_leaf(const aed_model *model, int from, float *grads)
{
    for (rest run = {0}; next_rest(model, from, &run);)
        memset(grads + run.begin, 0, (size_t)(run.end - run.begin) * sizeof *grads);
}

void aed_model_join_leaf(const aed_model *model, int from, const float *grads, float *join)
{
    for (rest run = {0}; next_rest(model, from, &run);)
        for (int64_t i = run.begin; i < run.end; i++) join[i] += grads[i];
}

void aed_model_update_rest(const aed_model *model, int from, const aed_update *update)
{
    for (rest run = {0}; next_rest(model, from, &run);) {
        const int64_t begin = (run.begin + 15) / 16 * 16; /* padding goes with the weight */
        if (begin < run.end) update->apply(update->self, NULL, begin, run.end - begin);
    }
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
