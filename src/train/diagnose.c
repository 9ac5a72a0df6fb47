/* Where training stopped being finite: the first parameter tensor, or the first tile and layer.
 * Runs once, after the loss came out of the sum as no finite number on every rank. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "train/trainer.h"

static bool is_finite(const float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(values[i])) return false;
    return true;
}

/* Index of the first layer whose output is not finite, or layer_count if it is the loss's fault. */
static int first_bad_layer(const aed_trainer *t, const aed_tile *tile)
{
    for (int i = 0; i < t->model.layer_count; i++) {
        const aed_layer *layer = &t->model.layers[i];
        if (!layer->absorbed &&
            !is_finite(aed_model_output(&t->model, t->workspace, i),
                       aed_shape_count(&layer[layer->absorbs].out) * tile->lanes))
            return i;
    }
    return t->model.layer_count;
}

static bool losses_are_finite(aed_trainer *t, const aed_tile *tile, const float *target)
{
    double *sums = t->passes[AED_PASS_TRAIN].terms; /* of a step that failed: free */
    for (int64_t i = 0; i < t->term_count; i++) sums[i] = 0;
    aed_trainer_losses(t, tile, target, sums);
    for (int64_t i = 0; i < t->term_count; i++)
        if (!isfinite(sums[i])) return false;
    return true;
}

/* The first bad (tile, layer) of all ranks as tile * (layers + 1) + layer. */
static aed_status find_first(aed_trainer *t, const aed_pass *pass, int64_t first, int64_t samples,
                             int64_t *found)
{
    const int64_t lanes = t->model.lanes, tiles = (samples + lanes - 1) / lanes;
    const int64_t layers = t->model.layer_count + 1;
    int64_t begin, end;
    aed_dist_block(tiles, t->comm.size, t->comm.rank, &begin, &end);
    double code = -(double)(tiles * layers);
    for (int64_t i = begin; i < end; i++) {
        const int64_t at = i * lanes, left = samples - at;
        aed_tile tile;
        const float *target;
        if (aed_trainer_load(t, pass, first + at, left < lanes ? left : lanes, &tile, &target) !=
            AED_OK)
            continue;
        aed_model_forward(&t->model, t->params, t->workspace, &tile);
        const int layer = first_bad_layer(t, &tile);
        if (layer == t->model.layer_count && losses_are_finite(t, &tile, target)) continue;
        code = -(double)(i * layers + layer);
        break;
    }
    aed_status status = aed_dist_max(&t->comm, &code, 1);
    *found = (int64_t)-code;
    return status;
}

aed_status aed_trainer_diagnose(aed_trainer *trainer, const aed_pass *pass, int64_t first,
                                int64_t samples)
{
    aed_trainer *t = trainer;
    char where[128];
    const int64_t step = t->scalars.step + (pass->train ? 1 : 0);
    for (int64_t i = 0; i < t->model.tensor_count; i++) {
        const aed_tensor *tensor = &t->model.tensors[i];
        if (is_finite(t->params + tensor->offset, aed_shape_count(&tensor->shape))) continue;
        return aed_fail(AED_DIVERGED,
                        "diverged at step %" PRId64 " (epoch %" PRId64
                        "): parameter %s is not finite; lower the learning rate (now %.3g) or set "
                        "train.clip_norm",
                        step, t->epoch, tensor->name, t->lr);
    }
    int64_t found;
    aed_status status = find_first(t, pass, first, samples, &found);
    if (status != AED_OK) return status;
    const int64_t layers = t->model.layer_count + 1, layer = found % layers;
    if (found / layers >= (samples + t->model.lanes - 1) / t->model.lanes)
        snprintf(where, sizeof where, "the sum of the loss");
    else if (layer < t->model.layer_count)
        snprintf(where, sizeof where, "the output of %s (%s)", t->model.layers[layer].spec->path,
                 t->model.layers[layer].ops->kind.name);
    else
        snprintf(where, sizeof where, "the loss after %s (%s)",
                 t->model.layers[layer - 1].spec->path, t->model.layers[layer - 1].ops->kind.name);
    return aed_fail(AED_DIVERGED,
                    "diverged at step %" PRId64 " (epoch %" PRId64
                    "): %s is not finite; lower the learning rate (now %.3g) or set "
                    "train.clip_norm",
                    step, t->epoch, where, t->lr);
}
