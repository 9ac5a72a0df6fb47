/* The training step and the evaluation: leaves of tiles, one canonical sum, one update. */
#include <math.h>

#include "kernel/kernels.h"
#include "train/trainer.h"

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Samples [begin, end) of the order, tile by tile, into one leaf's payload; `samples` is the size
 * of the whole batch. grads NULL: evaluation. */
static void run_leaf(aed_trainer *t, int64_t begin, int64_t end, int64_t samples, float *grads,
                     double *sums)
{
    const bool train = grads != NULL;
    for (int64_t first = begin; first < end; first += t->model.lanes) {
        aed_tile tile;
        const float *target;
        const aed_status status = aed_trainer_load(t, first, least(t->model.lanes, end - first),
                                                   train, &tile, &target);
        if (status != AED_OK) {
            t->tile_status = status;
            sums[t->config->loss_count] += 1;
            return;
        }
        const float *y = aed_model_forward(&t->model, t->params, t->workspace, &tile);
        aed_trainer_loss(t, &tile, y, target, samples, train, sums);
        if (train)
            aed_model_backward(&t->model, t->params, t->workspace, t->model.layer_count - 1, -1,
                               aed_model_gradient(&t->model, t->workspace, NULL), grads, &tile);
    }
}

/* Sums the loss (and gradients, if `train`) over samples [begin, begin+samples) of the order. */
static aed_status sum_leaves(aed_trainer *t, int64_t begin, int64_t samples, bool train,
                             const double **sums)
{
    aed_sum *sum = train ? t->sum : t->evaluate_sum;
    const int64_t leaf = train ? t->model.leaf : t->evaluate_leaf;
    int64_t first, end;
    aed_sum_begin(sum, (samples + leaf - 1) / leaf, &first, &end);
    if (train && first < end)
        aed_trainer_order(t, begin + first * leaf, least(end * leaf, samples) - first * leaf, true);
    for (int64_t i = first; i < end; i++) {
        float *floats;
        double *doubles;
        aed_sum_leaf(sum, &floats, &doubles);
        run_leaf(t, begin + i * leaf, begin + least((i + 1) * leaf, samples), samples,
                 train ? floats : NULL, doubles);
        aed_sum_push(sum);
    }
    const float *floats;
    aed_status status = aed_sum_finish(sum, &floats, sums);
    if (status != AED_OK) return status;
    if (train) t->grads = floats;
    /* The count of failures is everybody's: all ranks come here together, or none does. */
    if ((*sums)[t->config->loss_count] > 0) return aed_dist_agree(&t->comm, t->tile_status);
    return AED_OK;
}

double aed_trainer_gradient_norm(const aed_trainer *trainer)
{
    return sqrt(aed_kernels()->sum_of_squares(trainer->model.parameter_block, trainer->grads));
}

/* Gradients scaled to norm at most clip_norm, as PyTorch's clip_grad_norm_. */
static const float *clip_gradients(aed_trainer *t)
{
    const double factor = t->config->clip_norm / (aed_trainer_gradient_norm(t) + 1e-6);
    if (!(factor < 1)) return t->grads;
    for (int64_t i = 0; i < t->model.parameter_block; i++) t->clipped[i] = t->grads[i];
    aed_kernels()->scale(t->model.parameter_block, (float)factor, t->clipped);
    return t->clipped;
}

aed_status aed_trainer_step(aed_trainer *trainer, double *loss, int64_t *count)
{
    aed_trainer *t = trainer;
    const int64_t begin = t->step * t->batch;
    const int64_t samples = least(t->batch, t->samples - begin);
    const double *sums;
    aed_status status = sum_leaves(t, begin, samples, true, &sums);
    if (status != AED_OK) return status;
    *loss = aed_trainer_mean(t, sums, samples);
    *count = samples;
    t->lr = aed_schedule_lr(&t->schedule, t->epoch - 1, t->step, t->steps);
    /* Tested after the sum: every rank sees the same number and takes the same branch. */
    if (!isfinite(*loss)) return aed_trainer_diagnose(t, begin, samples, true);

    const aed_config *config = t->config;
    const float *grads = config->clip_norm > 0 ? clip_gradients(t) : t->grads;
    t->optim->step(t->settings, &t->scalars, t->lr, t->model.parameter_block, grads, t->params,
                   t->state);
    t->step++;
    return AED_OK;
}

aed_status aed_trainer_evaluate(aed_trainer *trainer, double *loss)
{
    const int64_t samples = trainer->splits[false].samples;
    const double *sums;
    aed_status status = sum_leaves(trainer, 0, samples, false, &sums);
    if (status != AED_OK) return status;
    *loss = aed_trainer_mean(trainer, sums, samples);
    if (!isfinite(*loss)) return aed_trainer_diagnose(trainer, 0, samples, false);
    return AED_OK;
}
