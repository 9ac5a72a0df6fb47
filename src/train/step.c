/* The training step and the evaluation: leaves of tiles, one canonical sum, one update. */
#include <math.h>

#include "kernel/kernels.h"
#include "train/walk.h"

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* The layer from which training goes back. */
static int last_layer(const aed_trainer *t) { return t->terms[t->backward[0]].layer; }

/* The layer from which it goes back to the first one, the losses of all taps being known. */
static int first_tap(const aed_trainer *t)
{
    return t->terms[t->backward[t->term_count - 1]].layer;
}

/* ---- The update ------------------------------------------------------------------------------- */

/* Steps parameters [begin, begin + count), multiples of 16, but for the frozen ones. */
static void update(aed_trainer *t, const float *grads, int64_t begin, int64_t count)
{
    for (int64_t i = 0; i < t->trained_count; i++) {
        const aed_parameters *run = &t->trained[i];
        const int64_t from = most(run->begin, begin);
        const int64_t end = least(run->begin + run->count, begin + count);
        if (from >= end) continue;
        float *state = t->state + t->optim->state_blocks * run->begin + (from - run->begin);
        t->stepped = t->scalars;
        t->optim->step(t->settings, &t->stepped, t->lr, end - from, grads + from, t->params + from,
                       state, run->count);
    }
}

/* Of a rank alone, while the gradients of its last leaf are made: what is whole of the sum is in the
 * cache, and there is nobody to wait for. */
typedef struct early_update {
    aed_trainer *trainer;
    const aed_sum *sum;
    bool joins;
} early_update;

static void apply_early(void *self, const aed_layer *layer, int64_t begin, int64_t count)
{
    const early_update *early = self;
    aed_trainer *t = early->trainer;
    if (layer) aed_lap(t->laps, t->model.layer_count + layer->index);
    const float *grads = aed_sum_close(early->sum, early->joins, begin, count);
    aed_lap(t->laps, aed_trainer_slot(t, AED_LAP_SUM));
    update(t, grads, begin, count);
    aed_lap(t->laps, aed_trainer_slot(t, AED_LAP_UPDATE));
}

/* ---- Leaves ----------------------------------------------------------------------------------- */

/* Samples [begin, end) of the order and where their sums go. */
typedef struct leaf_place {
    int64_t begin, end;
    float *grads, *join; /* see aed_tile */
    double *sums;
    const aed_update *update; /* of the last tile; or NULL */
} leaf_place;

/* Tile by tile; `samples` is the size of the whole batch. */
static void run_leaf(aed_trainer *t, const aed_pass *pass, int64_t samples, const leaf_place *leaf)
{
    double *const sums = leaf->sums;
    if (pass->train) aed_model_begin_leaf(&t->model, last_layer(t), leaf->grads);
    for (int64_t first = leaf->begin; first < leaf->end; first += t->model.lanes) {
        aed_tile tile;
        const float *target;
        const aed_status status = aed_trainer_load(
            t, pass, first, least(t->model.lanes, leaf->end - first), &tile, &target);
        aed_lap(t->laps, aed_trainer_slot(t, AED_LAP_LOAD));
        if (status != AED_OK) t->tile_status = status;
        const bool stops = aed_watch_stops(t->watch);
        if (t->tile_status != AED_OK || stops) { /* nobody will use this sum */
            if (pass->train) aed_model_begin_leaf(&t->model, -1, leaf->grads);
            t->early = false;
            sums[t->term_count + (stops ? AED_SLOT_STOPPED : AED_SLOT_FAILED)] += 1;
            return;
        }
        tile.first = first == leaf->begin;
        if (first + t->model.lanes >= leaf->end) {
            tile.join = leaf->join;
            tile.update = leaf->update;
        }
        if (pass->visitor)
            pass->visitor->visit(pass->visitor->self, t, &tile, first, target,
                                 sums + t->term_count + AED_SLOTS);
        else
            aed_trainer_tile(t, pass, &tile, target, samples, pass->train ? leaf->grads : NULL,
                             sums);
    }
}

/* Tells a streamed data set the leaf `at` of the batch that begins with sample `begin`. */
static void announce_leaf(aed_trainer *t, const aed_pass *pass, int64_t begin, int64_t samples,
                          int64_t at)
{
    const int64_t first = at * pass->leaf;
    aed_trainer_announce(t, pass, begin + first, least(pass->leaf, samples - first));
}

/* The leaf after `at`: of the same batch, or this rank's first one of the next step's. */
static void announce_next(aed_trainer *t, const aed_pass *pass, int64_t begin, int64_t samples,
                          int64_t at, int64_t end)
{
    int64_t first = at + 1, next_end = end;
    if (first == end) {
        if (!pass->train || begin + samples >= t->samples) return;
        begin += samples;
        samples = least(t->batch, t->samples - begin);
        aed_dist_block((samples + pass->leaf - 1) / pass->leaf, t->comm.size, t->comm.rank, &first,
                       &next_end);
    }
    if (first < next_end) announce_leaf(t, pass, begin, samples, first);
}

/* Makes leaf `at` of the batch that begins with sample `begin` and hands it over. */
static void add_leaf(aed_trainer *t, aed_pass *pass, int64_t begin, int64_t samples, int64_t at,
                     bool last)
{
    const int64_t first = at * pass->leaf;
    leaf_place leaf = {.begin = begin + first,
                       .end = begin + first + least(pass->leaf, samples - first)};
    if (pass->train && aed_model_starts_weights(&t->model, last_layer(t)))
        leaf.join = aed_sum_left(pass->sum);
    early_update early = {t, pass->sum, leaf.join != NULL};
    const aed_update stepper = {apply_early, &early};
    if (t->early && last) leaf.update = &stepper;
    aed_sum_leaf(pass->sum, &leaf.grads, &leaf.sums);
    run_leaf(t, pass, samples, &leaf);
    if (leaf.join) aed_model_join_leaf(&t->model, last_layer(t), leaf.grads, leaf.join);
    aed_sum_added added = leaf.join ? AED_SUM_JOINED : AED_SUM_APART;
    if (leaf.update && t->early) {
        aed_model_update_rest(&t->model, first_tap(t), &stepper);
        added = AED_SUM_CLOSED;
    }
    aed_sum_push(pass->sum, added);
    aed_lap(t->laps, aed_trainer_slot(t, AED_LAP_SUM));
}

/* In training of gradients too. */
aed_status aed_trainer_sum(aed_trainer *trainer, aed_pass *pass, int64_t begin, int64_t samples,
                           const double **sums)
{
    aed_trainer *t = trainer;
    const int64_t leaf = pass->leaf;
    int64_t first, end;
    aed_sum_begin(pass->sum, (samples + leaf - 1) / leaf, &first, &end);
    const int64_t own_begin = begin + least(first * leaf, samples),
                  own_end = begin + least(end * leaf, samples);
    if (pass->train && own_begin < own_end)
        aed_trainer_order(t, pass, own_begin, own_end - own_begin);
    aed_status status = aed_trainer_scale(t, pass, own_begin, own_end);
    if (status != AED_OK) return status;
    for (int64_t i = first; i < end; i++) {
        if (t->data->streamed) {
            announce_leaf(t, pass, begin, samples, i);
            announce_next(t, pass, begin, samples, i, end);
        }
        add_leaf(t, pass, begin, samples, i, i + 1 == end);
    }
    const float *floats;
    status = aed_sum_finish(pass->sum, &floats, sums);
    aed_lap(t->laps, aed_trainer_slot(t, AED_LAP_SUM));
    if (status != AED_OK) return status;
    if (pass->train) t->grads = floats;
    /* These counts are everybody's: all ranks leave here together, or none does. */
    if ((*sums)[t->term_count + AED_SLOT_STOPPED] > 0)
        return aed_fail(AED_STOPPED, "stopped on request in epoch %lld", (long long)t->epoch);
    if ((*sums)[t->term_count + AED_SLOT_FAILED] > 0)
        return aed_dist_agree(&t->comm, t->tile_status);
    return AED_OK;
}

double aed_trainer_parameter_norm(const aed_trainer *trainer)
{
    return sqrt(aed_kernels()->sum_of_squares(trainer->model.parameter_block, trainer->params));
}

double aed_trainer_gradient_norm(const aed_trainer *trainer)
{
    double sum = 0;
    for (int64_t i = 0; i < trainer->trained_count; i++)
        sum += aed_kernels()->sum_of_squares(trainer->trained[i].count,
                                             trainer->grads + trainer->trained[i].begin);
    return sqrt(sum);
}

int64_t aed_trainer_layer_norms(const aed_trainer *trainer, double *norms)
{
    const aed_trainer *t = trainer;
    int64_t count = 0;
    for (int i = 0; i < t->model.layer_count; i++) {
        const aed_layer *layer = &t->model.layers[i];
        double sum = 0;
        if (layer->tensor_count == 0 || layer->spec->frozen) continue;
        for (int k = 0; norms && k < layer->tensor_count; k++)
            sum += aed_kernels()->sum_of_squares((aed_shape_count(&layer->tensors[k].shape) + 15) /
                                                     16 * 16,
                                                 t->grads + layer->tensors[k].offset);
        if (norms) norms[count] = sqrt(sum);
        count++;
    }
    return count;
}

int aed_trainer_normed_layer(const aed_trainer *trainer, int64_t norm)
{
    int i = 0;
    for (;; i++) {
        const aed_layer *layer = &trainer->model.layers[i];
        if (layer->tensor_count > 0 && !layer->spec->frozen && norm-- == 0) return i;
    }
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

/* ema += (1 - decay) * (params - ema), as PyTorch's AveragedModel with its EMA: after the first step it
 * is the parameters themselves. */
static void average_weights(aed_trainer *t)
{
    const float share = t->scalars.step > 1 ? (float)(1 - t->config->ema) : 1;
    float *restrict ema = t->ema;
    const float *restrict params = t->params;
    for (int64_t i = 0; i < t->model.parameter_block; i++)
        ema[i] = share < 1 ? ema[i] + share * (params[i] - ema[i]) : params[i];
}

aed_status aed_trainer_step(aed_trainer *trainer, double *loss, int64_t *count)
{
    aed_trainer *t = trainer;
    aed_pass *pass = &t->passes[AED_PASS_TRAIN];
    const int64_t begin = t->step * t->batch;
    const int64_t samples = least(t->batch, t->samples - begin);
    const double *sums;
    const bool clips = t->config->clip_norm > 0;
    const double lr = t->lr; /* of the last step: the next one may be stopped */
    t->lr = aed_schedule_lr(&t->schedule, t->epoch - 1, t->step, t->steps);
    t->stepped = t->scalars;
    t->early = t->comm.size == 1 && !clips;
    aed_status status = aed_trainer_sum(t, pass, begin, samples, &sums);
    const bool updated = t->early;
    t->early = false;
    if (status != AED_OK) {
        t->lr = lr;
        return status;
    }
    *loss = aed_trainer_mean(t, pass, sums, samples);
    *count = samples;
    /* Tested after the sum: every rank sees the same number and takes the same branch. */
    if (!isfinite(*loss)) return aed_trainer_diagnose(t, pass, begin, samples);

    if (!updated) update(t, clips ? clip_gradients(t) : t->grads, 0, t->model.parameter_block);
    t->scalars = t->stepped;
    if (t->ema) average_weights(t);
    aed_lap(t->laps, aed_trainer_slot(t, AED_LAP_UPDATE));
    t->step++;
    return AED_OK;
}

aed_status aed_trainer_evaluate(aed_trainer *trainer, aed_pass *pass, double *loss)
{
    const double *sums;
    aed_status status = aed_trainer_sum(trainer, pass, 0, pass->split.samples, &sums);
    if (status != AED_OK) return status;
    *loss = aed_trainer_mean(trainer, pass, sums, pass->split.samples);
    if (!isfinite(*loss)) return aed_trainer_diagnose(trainer, pass, 0, pass->split.samples);
    return AED_OK;
}
