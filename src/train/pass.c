/* Passes over samples: their order, and tiles loaded, scaled and corrupted. */
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "train/trainer.h"

/* Evaluations need no gradients: their leaves are as large as keeps at most this many. */
enum { EVALUATE_LEAVES = 256 };

/* A confusion matrix rides in an evaluation's sum if it has no more cells. */
enum { MOST_CELLS = 100 * 100 };

static aed_status out_of_memory(void)
{
    return aed_fail(AED_MEMORY, "out of memory for a trial; use a smaller model or fewer ranks");
}

/* ---- Set-up ----------------------------------------------------------------------------------- */

static aed_status prepare_corruptions(const aed_spec *specs, int64_t count, aed_pass *pass)
{
    pass->corruptions = aed_alloc((size_t)count, sizeof *pass->corruptions);
    if (!pass->corruptions) return out_of_memory();
    return aed_corruptions_prepare(specs, (int)count, pass->corruptions, &pass->corruption_count);
}

/* Random corruptions draw by their place in the config: "train.corrupt.0", and in evaluations
 * "evaluate.NAME.corrupt.0", where nothing changes from epoch to epoch. */
static void key_corruptions(const aed_trainer *t, aed_pass *pass)
{
    char path[96];
    snprintf(path, sizeof path, "%s%.40s.corrupt", pass->train ? "" : "evaluate.", pass->name);
    aed_corruptions_key(pass->corruptions, pass->corruption_count, t->config->seed, path,
                        pass->train ? (uint64_t)t->epoch : 0);
}

static int64_t divide_up(int64_t count, int64_t by) { return (count + by - 1) / by; }

int64_t aed_pass_leaves(const aed_pass *pass) { return divide_up(pass->split.samples, pass->leaf); }

/* The memory for what an evaluation or a step leaves, and the canonical sum's leaf. */
static aed_status size_pass(const aed_trainer *t, aed_pass *pass)
{
    int64_t cells = 0;
    if (!pass->train && t->classifier >= 0)
        cells = t->data->classes * t->terms[t->classifier].features;
    pass->confusion = cells > 0 && cells <= MOST_CELLS;
    pass->units = pass == &t->passes[AED_PASS_VAL] && t->unit_count > 0;
    pass->looks = pass == &t->passes[AED_PASS_VAL];
    pass->units_at = t->term_count + AED_SLOTS + (pass->confusion ? cells : 0);
    pass->look_at = pass->units_at + (pass->units ? t->unit_count : 0);
    pass->doubles = pass->look_at + (pass->looks ? aed_look_doubles(t) : 0);
    pass->leaf = t->model.leaf;
    if (!pass->train) {
        pass->leaf = t->model.lanes;
        while (divide_up(pass->split.samples, pass->leaf) > EVALUATE_LEAVES) pass->leaf *= 2;
    }
    pass->terms = aed_alloc((size_t)t->term_count, sizeof *pass->terms);
    pass->dead = pass->units ? aed_alloc((size_t)t->unit_count, sizeof *pass->dead) : NULL;
    if (!pass->terms || (pass->units && !pass->dead)) return out_of_memory();
    if (!pass->confusion) return AED_OK;
    pass->confused = aed_alloc((size_t)cells, sizeof *pass->confused);
    return pass->confused ? AED_OK : out_of_memory();
}

aed_status aed_trainer_create_pass(const aed_trainer *trainer, const aed_evaluation_spec *spec,
                                   aed_pass *pass)
{
    const aed_trainer *t = trainer;
    const aed_config *config = t->config;
    *pass = (aed_pass){.name = spec->name, .factor = 1};
    aed_status status = aed_dataset_split(t->data, spec->split, &pass->split);
    if (status != AED_OK) {
        char reason[512];
        snprintf(reason, sizeof reason, "%s", aed_status_message());
        return aed_fail(status, "%s: %s", spec->where, reason);
    }
    /* A fresh source's training samples are never the same; its first epoch stands for them. */
    pass->epoch = pass->split.epoch >= 0 ? pass->split.epoch : 1;
    AED_TRY(spec->corrupt_as_train
                ? prepare_corruptions(config->corruptions, config->corruption_count, pass)
                : prepare_corruptions(spec->corruptions, spec->corruption_count, pass));
    key_corruptions(t, pass);
    AED_TRY(size_pass(t, pass));
done:
    return status;
}

static int64_t longest_leaf(const aed_trainer *t)
{
    int64_t longest = 0;
    for (int64_t i = 0; i < t->pass_count; i++)
        if (t->passes[i].leaf > longest) longest = t->passes[i].leaf;
    return longest;
}

aed_status aed_trainer_create_passes(aed_trainer *trainer)
{
    static const aed_evaluation_spec validation = {
        .name = "val", .where = "data", .split = AED_SPLIT_VAL};
    aed_trainer *t = trainer;
    const aed_config *config = t->config;
    aed_status status = AED_OK;
    t->passes = aed_alloc((size_t)(AED_PASS_FIRST_OWN + config->evaluation_count),
                          sizeof *t->passes);
    if (!t->passes) return out_of_memory();
    t->pass_count = AED_PASS_FIRST_OWN + config->evaluation_count;
    aed_pass *train = &t->passes[AED_PASS_TRAIN];
    *train = (aed_pass){.name = "train", .train = true, .factor = 1};
    AED_TRY(aed_dataset_split(t->data, AED_SPLIT_TRAIN, &train->split));
    AED_TRY(prepare_corruptions(config->corruptions, config->corruption_count, train));
    AED_TRY(size_pass(t, train));
    AED_TRY(aed_trainer_create_pass(t, &validation, &t->passes[AED_PASS_VAL]));
    for (int64_t i = 0; i < config->evaluation_count; i++)
        AED_TRY(aed_trainer_create_pass(t, &config->evaluations[i],
                                        &t->passes[AED_PASS_FIRST_OWN + i]));
    if (t->data->streamed) {
        t->next_room = longest_leaf(t);
        t->next_ids = aed_alloc((size_t)t->next_room, sizeof *t->next_ids);
        if (!t->next_ids) status = out_of_memory();
    }
done:
    return status;
}

void aed_trainer_destroy_pass(aed_pass *pass)
{
    aed_sum_destroy(&pass->sum);
    aed_free(pass->corruptions);
    aed_free(pass->terms);
    aed_free(pass->confused);
    aed_free(pass->dead);
}

void aed_trainer_destroy_passes(aed_trainer *trainer)
{
    for (int64_t i = 0; i < trainer->pass_count; i++) aed_trainer_destroy_pass(&trainer->passes[i]);
    aed_free(trainer->passes);
    trainer->passes = NULL;
    trainer->pass_count = 0;
}

void aed_trainer_begin_epoch(aed_trainer *trainer, int64_t epoch)
{
    aed_trainer *t = trainer;
    aed_pass *train = &t->passes[AED_PASS_TRAIN];
    t->epoch = train->epoch = epoch;
    t->step = 0;
    t->ids_count = 0;
    t->announced = NULL;
    aed_model_begin_epoch(&t->model, epoch);
    aed_model_keys(&t->model, t->config->seed, epoch, t->keys);
    key_corruptions(t, train);
    if (t->steps > 1)
        aed_permutation_make(t->config->seed, (uint64_t)epoch, (uint32_t)t->samples, &t->order);
}

/* ---- Order ------------------------------------------------------------------------------------ */

static void read_order(const aed_trainer *t, const aed_pass *pass, int64_t first, int64_t count,
                       uint32_t *ids)
{
    const aed_split *split = &pass->split;
    /* One step an epoch takes all samples: shuffling them would change nothing but the rounding. */
    if (pass->train && t->steps > 1)
        aed_permutation_read(&t->order, (uint32_t)first, (uint32_t)count, ids);
    else
        for (int64_t i = 0; i < count; i++) ids[i] = (uint32_t)(first + i);
    if (split->ids)
        for (int64_t i = 0; i < count; i++) ids[i] = split->ids[ids[i]];
    else if (split->first > 0)
        for (int64_t i = 0; i < count; i++) ids[i] += split->first;
}

void aed_trainer_announce(aed_trainer *trainer, const aed_pass *pass, int64_t first, int64_t count)
{
    aed_trainer *t = trainer;
    if (t->announced == pass && t->announced_first == first) return;
    read_order(t, pass, first, count, t->next_ids);
    aed_dataset_announce(t->data, pass->epoch, t->next_ids, count);
    t->announced = pass;
    t->announced_first = first;
}

void aed_trainer_order(aed_trainer *trainer, const aed_pass *pass, int64_t first, int64_t count)
{
    aed_trainer *t = trainer;
    read_order(t, pass, first, count, t->ids);
    t->ids_first = first;
    t->ids_count = pass->train ? count
                               : 0; /* an evaluation's order is good for its own tile only */
}

/* The ids of one tile, the last repeated in the lanes from `valid` on. */
static const uint32_t *tile_ids(aed_trainer *t, const aed_pass *pass, int64_t first, int64_t valid)
{
    const int64_t lanes = t->model.lanes;
    if (!pass->train || first < t->ids_first || first + valid > t->ids_first + t->ids_count)
        aed_trainer_order(t, pass, first, valid);
    const uint32_t *ids = t->ids + (first - t->ids_first);
    if (valid == lanes) return ids;
    /* The room behind the batch, so that the ids that follow stay. */
    uint32_t *padded = t->ids + t->batch + lanes;
    for (int64_t i = 0; i < lanes; i++) padded[i] = ids[i < valid ? i : valid - 1];
    return padded;
}

/* ---- Tiles ------------------------------------------------------------------------------------ */

/* The largest value of samples [begin, end) of the order. */
static aed_status largest_value(aed_trainer *t, const aed_pass *pass, int64_t begin, int64_t end,
                                double *largest)
{
    *largest = -__builtin_inf();
    for (int64_t first = begin; first < end; first += t->model.lanes) {
        const int64_t left = end - first, count = left < t->model.lanes ? left : t->model.lanes;
        float value;
        const aed_status status = aed_dataset_max(t->data, pass->epoch,
                                                  tile_ids(t, pass, first, count), count, &value);
        if (status != AED_OK) return status;
        if ((double)value > *largest) *largest = (double)value;
    }
    return AED_OK;
}

aed_status aed_trainer_scale(aed_trainer *trainer, aed_pass *pass, int64_t begin, int64_t end)
{
    aed_trainer *t = trainer;
    double largest;
    if (!t->data->batch_scaled) return AED_OK;
    /* A failure is told after the batch's sum, as that of a tile is. */
    const aed_status failure = largest_value(t, pass, begin, end, &largest);
    if (failure != AED_OK) t->tile_status = failure;
    const aed_status status = aed_dist_max(&t->comm, &largest, 1);
    pass->factor = largest > 0 ? (float)(1 / largest) : 1;
    return status;
}

aed_status aed_trainer_load(aed_trainer *trainer, const aed_pass *pass, int64_t first,
                            int64_t valid, aed_tile *tile, const float **target)
{
    aed_trainer *t = trainer;
    const aed_model *model = &t->model;
    float *input = t->workspace + model->input_at;
    const bool shared = !t->data->own_input && pass->corruption_count == 0;
    float *clean = shared ? input : t->workspace + model->target_at;
    *tile = (aed_tile){.lanes = model->lanes,
                       .valid = (int)valid,
                       .ids = tile_ids(t, pass, first, valid),
                       .train = pass->train,
                       .keys = t->keys,
                       .scratch = t->workspace + model->scratch_at,
                       .laps = t->laps};
    *target = clean;
    aed_status status = aed_dataset_tile(t->data, pass->epoch, tile->ids, tile->lanes, pass->factor,
                                         clean, t->data->own_input ? input : clean,
                                         t->classifier < 0 && !pass->labels ? NULL : t->labels);
    if (status == AED_OK && pass->corruption_count > 0)
        aed_corruptions_apply(pass->corruptions, pass->corruption_count, tile->ids, tile->lanes,
                              t->features, t->data->own_input ? input : clean, input);
    return status;
}
