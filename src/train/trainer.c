/* Set-up of a trial's engine, and the tile loads and losses that steps and evaluations share. */
#include "train/trainer.h"

#include <string.h>

#include "core/memory.h"
#include "kernel/kernels.h"

/* Evaluations need no gradients: their leaves are as large as keeps at most this many. */
enum { EVALUATE_LEAVES = 256 };

static aed_status out_of_memory(void)
{
    return aed_fail(AED_MEMORY, "out of memory for a trial; use a smaller model or fewer ranks");
}

static aed_status create_blocks(aed_trainer *t)
{
    const aed_model *model = &t->model;
    const size_t block = (size_t)model->parameter_block;
    const aed_config *config = t->config;
    t->params = aed_alloc_aligned(block, sizeof(float));
    t->state = aed_alloc_aligned(block * (size_t)t->optim->state_blocks, sizeof(float));
    t->workspace = aed_alloc_aligned((size_t)model->workspace, sizeof(float));
    t->ids = aed_alloc_aligned((size_t)(t->batch + 2 * model->lanes), sizeof *t->ids);
    t->keys = aed_alloc((size_t)model->layer_count, sizeof *t->keys);
    t->losses = aed_alloc((size_t)config->loss_count, sizeof *t->losses);
    t->step_losses = aed_alloc((size_t)config->loss_count, sizeof *t->step_losses);
    if (!t->params || !t->state || !t->workspace || !t->ids || !t->keys || !t->losses ||
        !t->step_losses)
        return out_of_memory();
    if (config->clip_norm > 0) {
        t->clipped = aed_alloc_aligned(block, sizeof(float));
        if (!t->clipped) return out_of_memory();
    }
    if (config->input_noise > 0) {
        t->input_std = aed_alloc((size_t)t->features, sizeof(float));
        if (!t->input_std) return out_of_memory();
        for (int64_t f = 0; f < t->features; f++) t->input_std[f] = (float)config->input_noise;
    }
    return AED_OK;
}

static void initialise_tensor(const aed_trainer *t, const aed_init_ops *init,
                              const aed_tensor *tensor)
{
    float *values = t->params + tensor->offset;
    const int64_t count = aed_shape_count(&tensor->shape);
    if (!tensor->constant) init->fill(&t->config->init, t->config->seed, tensor, values);
    for (int64_t i = 0; tensor->constant && i < count; i++) values[i] = tensor->value;
}

static void initialise(aed_trainer *t)
{
    const aed_init_ops *init = aed_init_find(t->config->init.kind->name);
    for (int64_t i = 0; i < t->model.tensor_count; i++)
        initialise_tensor(t, init, &t->model.tensors[i]);
    for (int64_t i = 0; i < t->config->loss_count; i++)
        t->losses[i] = aed_loss_find(t->config->losses[i].spec.kind->name);
    t->optim->prepare(&t->config->optimizer, t->settings, &t->scalars);
    aed_schedule_prepare(&t->config->schedule, aed_optim_lr(&t->config->optimizer),
                         t->config->epochs, &t->schedule);
}

static bool lies_within(aed_interval inner, aed_interval outer)
{
    return inner.lo >= outer.lo && inner.hi <= outer.hi;
}

/* A loss must be defined for every target and every output. */
static aed_status check_domain(const aed_spec *loss, aed_interval targets, const aed_layer *last)
{
    const aed_loss_ops *ops = aed_loss_find(loss->kind->name);
    if (ops->on_labels)
        return aed_fail(AED_CONFIG, "%s: %s needs labels, which this data has not; use mse",
                        loss->where, loss->kind->name);
    if (!lies_within(targets, ops->target_domain))
        return aed_fail(AED_CONFIG,
                        "%s: %s is defined for targets in [%g, %g], but the data lies in [%.4g, "
                        "%.4g]; use mse, or data scaled to that interval",
                        loss->where, loss->kind->name, ops->target_domain.lo, ops->target_domain.hi,
                        targets.lo, targets.hi);
    if (!lies_within(last->out_interval, ops->output_domain))
        return aed_fail(AED_CONFIG,
                        "%s: %s is defined for outputs in [%g, %g], but those of %s (%s) lie in "
                        "[%.4g, %.4g]; end the decoder with sigmoid, or use mse",
                        loss->where, loss->kind->name, ops->output_domain.lo, ops->output_domain.hi,
                        last->spec->path, last->ops->kind.name, last->out_interval.lo,
                        last->out_interval.hi);
    return AED_OK;
}

/* Losses act on the reconstruction, whose shape must be the sample's. */
static aed_status check_losses(const aed_trainer *t, const aed_shape *shape, aed_interval targets)
{
    const aed_layer *last = &t->model.layers[t->model.layer_count - 1];
    char have[96], want[96];
    if (!aed_shape_equal(&last->out, shape))
        return aed_fail(AED_CONFIG,
                        "%s: the model's output is %s, but a sample is %s; change this last layer "
                        "so that they agree",
                        last->spec->spec.where, aed_shape_text(&last->out, have),
                        aed_shape_text(shape, want));
    for (int64_t i = 0; i < t->config->loss_count; i++) {
        const aed_loss_term_spec *term = &t->config->losses[i];
        if (strcmp(term->tap, "reconstruction") != 0)
            return aed_fail(AED_CONFIG, "%s: no loss can act on '%s'; the taps are: reconstruction",
                            term->spec.where, term->tap);
        const aed_status status = check_domain(&term->spec, targets, last);
        if (status != AED_OK) return status;
    }
    return AED_OK;
}

static int64_t divide_up(int64_t count, int64_t by) { return (count + by - 1) / by; }

aed_status aed_trainer_create(const aed_config *config, const aed_dataset *data,
                              const aed_shape *shape, aed_interval interval, const aed_comm *comm,
                              aed_trainer *trainer)
{
    aed_status status = AED_OK;
    aed_trainer *t = trainer;
    *t = (aed_trainer){.config = config, .data = data, .comm = *comm};
    t->samples = data->samples;
    t->features = data->features;
    t->batch = config->batch == 0 || config->batch > t->samples ? t->samples : config->batch;
    t->steps = divide_up(t->samples, t->batch);
    t->optim = aed_optim_find(config->optimizer.kind->name);
    if (data->batch_scaled)
        AED_TRY(aed_fail(AED_CONFIG, "data: the trainer cannot scale by a batch's largest value "
                                     "yet; use another scale"));
    AED_TRY(aed_dataset_split(data, AED_SPLIT_TRAIN, &t->splits[true]));
    AED_TRY(aed_dataset_split(data, AED_SPLIT_VAL, &t->splits[false]));
    t->payload_doubles = config->loss_count + 1;
    status = aed_model_create(config->layers, config->layer_count, (int)config->code_layer, shape,
                              interval, t->batch, config->tile, config->leaf, &t->model);
    if (status == AED_OK) status = check_losses(t, shape, interval);
    if (status == AED_OK) status = create_blocks(t);
    AED_TRY(aed_dist_agree(comm, status));
    initialise(t);
    AED_TRY(aed_sum_create(comm, aed_trainer_leaves(t), t->model.parameter_block,
                           t->payload_doubles, &t->sum));
    t->evaluate_leaf = t->model.lanes;
    const int64_t evaluated = t->splits[false].samples;
    while (divide_up(evaluated, t->evaluate_leaf) > EVALUATE_LEAVES) t->evaluate_leaf *= 2;
    AED_TRY(aed_sum_create(comm, divide_up(evaluated, t->evaluate_leaf), 0, t->payload_doubles,
                           &t->evaluate_sum));
done:
    if (status != AED_OK) aed_trainer_destroy(t);
    return status;
}

void aed_trainer_destroy(aed_trainer *trainer)
{
    aed_trainer *t = trainer;
    aed_sum_destroy(&t->sum);
    aed_sum_destroy(&t->evaluate_sum);
    aed_model_destroy(&t->model);
    aed_free(t->params);
    aed_free(t->state);
    aed_free(t->clipped);
    aed_free(t->workspace);
    aed_free(t->input_std);
    aed_free(t->ids);
    aed_free(t->keys);
    aed_free(t->losses);
    aed_free(t->step_losses);
    memset(t, 0, sizeof *t);
}

int64_t aed_trainer_leaves(const aed_trainer *trainer)
{
    return divide_up(trainer->batch, trainer->model.leaf);
}

void aed_trainer_begin_epoch(aed_trainer *trainer, int64_t epoch)
{
    aed_trainer *t = trainer;
    t->epoch = epoch;
    t->step = 0;
    t->ids_count = 0;
    aed_model_keys(&t->model, t->config->seed, epoch, t->keys);
    if (t->steps > 1)
        aed_permutation_make(t->config->seed, (uint64_t)epoch, (uint32_t)t->samples, &t->order);
    if (t->input_std)
        t->input_key = aed_rng_key_make(t->config->seed, "train.input_noise", (uint64_t)epoch);
}

void aed_trainer_order(aed_trainer *trainer, int64_t first, int64_t count, bool train)
{
    aed_trainer *t = trainer;
    const aed_split *split = &t->splits[train];
    /* One step an epoch takes all samples: shuffling them would change nothing but the rounding. */
    if (train && t->steps > 1)
        aed_permutation_read(&t->order, (uint32_t)first, (uint32_t)count, t->ids);
    else
        for (int64_t i = 0; i < count; i++) t->ids[i] = (uint32_t)(first + i);
    for (int64_t i = 0; i < count; i++)
        t->ids[i] = split->ids ? split->ids[t->ids[i]] : split->first + t->ids[i];
    t->ids_first = first;
    t->ids_count = train ? count : 0; /* an evaluation's order is good for its own tile only */
}

/* The ids of one tile, the last repeated in the lanes from `valid` on. */
static const uint32_t *tile_ids(aed_trainer *t, int64_t first, int64_t valid, bool train)
{
    const int64_t lanes = t->model.lanes;
    if (!train || first < t->ids_first || first + valid > t->ids_first + t->ids_count)
        aed_trainer_order(t, first, valid, train);
    const uint32_t *ids = t->ids + (first - t->ids_first);
    if (valid == lanes) return ids;
    /* The room behind the batch, so that the ids that follow stay. */
    uint32_t *padded = t->ids + t->batch + lanes;
    for (int64_t i = 0; i < lanes; i++) padded[i] = ids[i < valid ? i : valid - 1];
    return padded;
}

aed_status aed_trainer_load(aed_trainer *trainer, int64_t first, int64_t valid, bool train,
                            aed_tile *tile, const float **target)
{
    aed_trainer *t = trainer;
    const aed_model *model = &t->model;
    const int lanes = model->lanes;
    float *input = t->workspace + model->input_at;
    const bool own_input = t->data->own_input;
    const bool noisy = train && t->input_std;
    float *clean = own_input || noisy ? t->workspace + model->target_at : input;

    const uint32_t *ids = tile_ids(t, first, valid, train);
    *tile = (aed_tile){.lanes = lanes,
                       .valid = (int)valid,
                       .ids = ids,
                       .train = train,
                       .keys = t->keys,
                       .scratch = t->workspace + model->scratch_at};
    *target = clean;
    const int64_t fixed = t->splits[train].epoch, epoch = fixed >= 0 ? fixed : t->epoch;
    aed_status status = aed_dataset_tile(t->data, epoch, ids, lanes, 1, clean,
                                         own_input ? input : clean, NULL);
    if (status == AED_OK && noisy)
        aed_kernels()->add_noise(t->input_key, ids, lanes, t->features, t->input_std,
                                 own_input ? input : clean, input);
    return status;
}

void aed_trainer_loss(const aed_trainer *trainer, const aed_tile *tile, const float *y,
                      const float *target, int64_t samples, bool gradient, double *sums)
{
    const aed_trainer *t = trainer;
    const aed_config *config = t->config;
    float *dy = gradient ? aed_model_gradient(&t->model, t->workspace, NULL) : NULL;
    for (int64_t i = 0; i < config->loss_count; i++) {
        const double scale = config->losses[i].weight / ((double)samples * (double)t->features);
        /* The first term sets the gradient, later ones are formed aside and added. */
        float *slot = dy && i > 0 ? t->workspace + t->model.gradient_at[1] : dy;
        sums[i] += t->losses[i]->evaluate(&config->losses[i].spec, t->features, tile->lanes,
                                          tile->valid, y, target, NULL, (float)scale, slot);
        for (int64_t j = 0; dy && i > 0 && j < t->features * tile->lanes; j++) dy[j] += slot[j];
    }
}

double aed_trainer_mean(aed_trainer *trainer, const double *sums, int64_t samples)
{
    double loss = 0;
    for (int64_t i = 0; i < trainer->config->loss_count; i++) {
        trainer->step_losses[i] = sums[i] / ((double)samples * (double)trainer->features);
        loss += trainer->config->losses[i].weight * trainer->step_losses[i];
    }
    return loss;
}
