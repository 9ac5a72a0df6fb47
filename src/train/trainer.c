/* Set-up of a trial's engine. */
#include "train/trainer.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "kernel/kernels.h"

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
    t->labels = aed_alloc((size_t)model->lanes, sizeof *t->labels);
    if (!t->params || !t->state || !t->workspace || !t->ids || !t->keys || !t->labels)
        return out_of_memory();
    if (config->clip_norm > 0) {
        t->clipped = aed_alloc_aligned(block, sizeof(float));
        if (!t->clipped) return out_of_memory();
    }
    if (config->ema > 0) {
        t->ema = aed_alloc_aligned(block, sizeof(float));
        if (!t->ema) return out_of_memory();
    }
    return AED_OK;
}

/* The parameters that are not frozen, neighbours as one. */
static aed_status find_trained(aed_trainer *t)
{
    t->trained = aed_alloc((size_t)t->model.tensor_count, sizeof *t->trained);
    if (!t->trained) return out_of_memory();
    for (int i = 0; i < t->model.layer_count; i++) {
        const aed_layer *layer = &t->model.layers[i];
        for (int k = 0; k < layer->tensor_count && !layer->spec->frozen; k++) {
            const aed_tensor *tensor = &layer->tensors[k];
            const int64_t count = (aed_shape_count(&tensor->shape) + 15) / 16 * 16;
            aed_parameters *last = &t->trained[t->trained_count - 1];
            if (t->trained_count > 0 && last->begin + last->count == tensor->offset)
                last->count += count;
            else
                t->trained[t->trained_count++] = (aed_parameters){tensor->offset, count};
        }
    }
    if (t->trained_count == 0 && t->config->freeze_count > 0)
        return aed_fail(AED_CONFIG,
                        "train.freeze: nothing is left to be trained; leave a part out");
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
}

static void prepare_update(aed_trainer *t)
{
    t->optim->prepare(&t->config->optimizer, t->settings, &t->scalars);
    aed_schedule_prepare(&t->config->schedule, aed_optim_lr(&t->config->optimizer),
                         t->config->epochs, &t->schedule);
}

static int64_t divide_up(int64_t count, int64_t by) { return (count + by - 1) / by; }

static aed_status create_sums(aed_trainer *t)
{
    aed_status status = AED_OK;
    for (int64_t i = 0; i < t->pass_count; i++) {
        aed_pass *pass = &t->passes[i];
        const int64_t samples = pass->train ? t->batch : pass->split.samples;
        AED_TRY(aed_sum_create(&t->comm, divide_up(samples, pass->leaf),
                               pass->train ? t->model.parameter_block : 0, pass->doubles,
                               &pass->sum));
    }
done:
    return status;
}

/* Of what the model is given: clean samples, as in validation, and those corrupted as in training. */
static aed_status find_input(const aed_config *config, const aed_dataset *data,
                             aed_interval *interval)
{
    const aed_interval clean = data->own_input ? (aed_interval){-INFINITY, INFINITY}
                                               : data->interval;
    *interval = clean;
    const aed_status status = aed_corruptions_widen(config->corruptions, config->corruption_count,
                                                    interval);
    interval->lo = fmin(interval->lo, clean.lo);
    interval->hi = fmax(interval->hi, clean.hi);
    return status;
}

/* All but the parameters' initial values. */
static aed_status set_up(const aed_config *config, const aed_dataset *data, const aed_shape *shape,
                         const aed_comm *comm, aed_trainer *t)
{
    aed_interval input;
    aed_status status;
    *t = (aed_trainer){.config = config, .data = data, .comm = *comm};
    t->samples = data->samples;
    t->features = data->features;
    t->batch = config->batch == 0 || config->batch > t->samples ? t->samples : config->batch;
    t->steps = divide_up(t->samples, t->batch);
    t->optim = aed_optim_find(config->optimizer.kind->name);
    status = find_input(config, data, &input);
    if (status == AED_OK)
        status = aed_model_create(config->layers, config->layer_count, (int)config->code_layer,
                                  shape, input, t->batch, config->tile, config->leaf, &t->model);
    if (status == AED_OK) status = aed_trainer_bind_terms(t, shape);
    if (status == AED_OK) status = find_trained(t);
    if (status == AED_OK) status = create_blocks(t);
    if (status == AED_OK) status = aed_trainer_find_units(t);
    if (status == AED_OK) status = aed_trainer_plan_look(t);
    if (status == AED_OK) status = aed_trainer_create_passes(t);
    AED_TRY(aed_dist_agree(comm, status));
    prepare_update(t);
    AED_TRY(create_sums(t));
done:
    if (status != AED_OK) aed_trainer_destroy(t);
    return status;
}

aed_status aed_trainer_create(const aed_config *config, const aed_dataset *data,
                              const aed_shape *shape, const aed_comm *comm, aed_trainer *trainer)
{
    const aed_status status = set_up(config, data, shape, comm, trainer);
    if (status == AED_OK) initialise(trainer);
    return status;
}

aed_status aed_trainer_plan(const aed_config *config, const aed_dataset *data,
                            const aed_shape *shape, aed_trainer *trainer)
{
    const aed_comm self = {MPI_COMM_SELF, 0, 1};
    return set_up(config, data, shape, &self, trainer);
}

void aed_trainer_destroy(aed_trainer *trainer)
{
    aed_trainer *t = trainer;
    aed_trainer_destroy_passes(t);
    aed_model_destroy(&t->model);
    aed_free(t->params);
    aed_free(t->trained);
    aed_free(t->state);
    aed_free(t->clipped);
    aed_free(t->ema);
    aed_free(t->workspace);
    aed_free(t->ids);
    aed_free(t->keys);
    aed_free(t->labels);
    aed_free(t->next_ids);
    aed_free(t->zeros);
    aed_free(t->units);
    aed_free(t->look.dead);
    aed_free(t->terms);
    aed_free(t->backward);
    memset(t, 0, sizeof *t);
}

int64_t aed_trainer_leaves(const aed_trainer *trainer)
{
    return divide_up(trainer->batch, trainer->model.leaf);
}
