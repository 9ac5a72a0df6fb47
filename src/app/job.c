/* Config to plans and data; see job.h. */
#include "app/job.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/pca.h"
#include "app/program.h"
#include "app/report.h"
#include "core/memory.h"
#include "train/trial.h"

/* Rank 0 reads the file; everybody else parses the text that it sends. */
static aed_status read_config(const aed_options *options, const aed_comm *world,
                              aed_trial_list *list)
{
    aed_status status = AED_OK;
    char *text = NULL;
    uint64_t bytes = 0;
    if (world->rank == 0) {
        status = aed_config_read(options->config, options->overrides, options->override_count,
                                 list);
        if (status == AED_OK) bytes = strlen(list->source_text) + 1;
    }
    AED_TRY(aed_dist_agree(world, status));
    AED_TRY(aed_dist_broadcast(world, &bytes, sizeof bytes, 0));
    if (world->rank != 0) {
        text = aed_alloc(bytes, 1);
        if (!text) status = aed_fail(AED_MEMORY, "out of memory for the config");
    }
    AED_TRY(aed_dist_agree(world, status));
    AED_TRY(aed_dist_broadcast(world, world->rank == 0 ? list->source_text : text, bytes, 0));
    if (world->rank != 0)
        status = aed_config_parse(text, options->config, options->overrides,
                                  options->override_count, list);
    AED_TRY(aed_dist_agree(world, status));
done:
    aed_free(text);
    return status;
}

static void drop_data(aed_job *job)
{
    aed_dataset_destroy(&job->dataset);
    aed_source_destroy(&job->source);
    job->data_trial = -1;
    job->floor_rank = -1;
}

aed_status aed_job_load_data(aed_job *job, int64_t trial, const aed_comm *group)
{
    const aed_trial *trials = job->list.trials;
    if (job->data_trial >= 0 && trials[trial].data_key == trials[job->data_trial].data_key) {
        job->data_trial = trial;
        return AED_OK;
    }
    drop_data(job);
    const aed_config *config = &trials[trial].config;
    aed_status status = aed_source_create(&config->data, &job->source);
    /* Samples that cannot be made fail the trials that want them, which then say why. */
    if (status == AED_OK && aed_source_mark(&job->source, &job->data_mark) != AED_OK)
        job->data_mark = 0;
    if (status == AED_OK)
        status = aed_dataset_create(&job->source, &config->data_options, &job->dataset);
    status = aed_dist_agree(group, status);
    if (status == AED_OK)
        job->data_trial = trial;
    else
        drop_data(job);
    return status;
}

static int64_t code_size(const aed_model *model)
{
    return aed_shape_count(model->code_layer < 0 ? &model->input
                                                 : &model->layers[model->code_layer].out);
}

aed_status aed_job_create_trainer(aed_job *job, int64_t trial, const aed_comm *group,
                                  aed_trainer *trainer)
{
    aed_status status = aed_job_load_data(job, trial, group);
    if (status != AED_OK) return status;
    const aed_config *config = &job->list.trials[trial].config;
    status = aed_trainer_create(config, &job->dataset, &job->source.shape, group, trainer);
    if (status != AED_OK) return status;
    status = aed_initials_apply(&job->initials, &config->init_from, trainer);
    if (status != AED_OK) aed_trainer_destroy(trainer);
    return status;
}

/* A failure of one trial of a sweep says which: its place may be in a part that all trials share. */
static aed_status name_trial(const aed_job *job, int64_t trial, aed_status status)
{
    char message[640], label[240];
    if (status == AED_OK || job->list.trials[trial].setting_count == 0) return status;
    snprintf(message, sizeof message, "%s", aed_status_message());
    aed_report_label(&job->list.trials[trial], label, sizeof label);
    return aed_fail(status, "%s (in the trial %s)", message, label);
}

aed_memory aed_job_memory(const aed_job *job, const aed_trainer *trainer)
{
    const aed_model *model = &trainer->model;
    const double blocks = 1 + trainer->optim->state_blocks + (trainer->ema != NULL) +
                          (trainer->config->keep == AED_KEEP_BEST);
    return (aed_memory){.data = job->dataset.bytes,
                        .parameters = (double)model->parameter_block * 4 * blocks,
                        .tile = (double)model->workspace * 4};
}

/* Operations of the passes that are recorded every so many epochs. */
static double evaluation_cost(const aed_trainer *trainer)
{
    const aed_config *config = trainer->config;
    double samples = 0;
    for (int64_t i = AED_PASS_VAL; i < trainer->pass_count; i++)
        samples += (double)trainer->passes[i].split.samples;
    return (double)(config->epochs / config->metrics_every + 1) * samples *
           (double)trainer->model.flops;
}

/* Every rank plans for itself. */
static aed_status plan_trial(aed_job *job, int64_t trial)
{
    const aed_comm self = {MPI_COMM_SELF, 0, 1};
    aed_trainer trainer;
    aed_config *config = &job->list.trials[trial].config;
    aed_plan *plan = &job->plans[trial];
    aed_status status = aed_job_load_data(job, trial, &self);
    if (status == AED_OK)
        status = aed_trainer_plan(config, &job->dataset, &job->source.shape, &trainer);
    if (status != AED_OK) return status;
    config->data_options.scale = job->dataset.scale; /* what `auto` means is known by now */
    const aed_memory memory = aed_job_memory(job, &trainer);
    *plan = (aed_plan){.tile = trainer.model.lanes,
                       .leaf = trainer.model.leaf,
                       .leaves = aed_trainer_leaves(&trainer),
                       .code_size = code_size(&trainer.model),
                       .cost = (double)config->epochs * (double)trainer.samples *
                               (double)trainer.model.flops,
                       .evaluation_cost = evaluation_cost(&trainer),
                       .bytes = memory.data + memory.parameters + memory.tile,
                       .data_mark = job->data_mark};
    /* What can be wrong is told before any work. */
    aed_training training;
    status = aed_training_create(&trainer, &training);
    if (status == AED_OK) aed_training_destroy(&training);
    if (status == AED_OK) status = aed_analyses_check(&trainer);
    if (status == AED_OK)
        status = aed_findings_add(&job->findings, &job->list.trials[trial], &trainer);
    if (status == AED_OK) status = aed_initials_apply(&job->initials, &config->init_from, &trainer);
    aed_trainer_destroy(&trainer);
    if (status != AED_OK) return status;
    return aed_config_trial_id(config, plan->tile, plan->leaf, plan->id);
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(((const aed_plan *)a)->id, ((const aed_plan *)b)->id);
}

/* Two trials may differ in what they ask for and yet be one: tile `auto` and the tile it means. */
static aed_status check_ids(const aed_job *job)
{
    const size_t count = (size_t)job->list.count;
    aed_plan *sorted = aed_alloc(count, sizeof *sorted);
    aed_status status = AED_OK;
    if (!sorted) return aed_fail(AED_MEMORY, "out of memory for the trials");
    memcpy(sorted, job->plans, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_ids);
    for (size_t i = 1; i < count && status == AED_OK; i++)
        if (compare_ids(&sorted[i - 1], &sorted[i]) == 0)
            status = aed_fail(AED_CONFIG,
                              "sweep: two of its trials are the same training (%s), though they "
                              "are written differently; leave one of the values out",
                              sorted[i].id);
    aed_free(sorted);
    return status;
}

/* The job's config with all defaults written out. */
static aed_status resolve_job(aed_job *job)
{
    int64_t tile = job->plans[0].tile, leaf = job->plans[0].leaf;
    for (int64_t i = 1; i < job->list.count; i++) {
        if (job->plans[i].tile != tile) tile = 0; /* auto */
        if (job->plans[i].leaf != leaf) leaf = 0;
    }
    return aed_config_resolve_list(&job->list, tile, leaf, &job->resolved);
}

static aed_status divide(const aed_job *job, int64_t *part_of)
{
    const int64_t count = job->list.count;
    double *costs = aed_alloc((size_t)count, sizeof *costs);
    if (!costs) return aed_fail(AED_MEMORY, "out of memory for the parts of the sweep");
    for (int64_t i = 0; i < count; i++) costs[i] = job->plans[i].cost;
    const aed_status status = aed_part_divide(costs, count, job->part.count, part_of);
    aed_free(costs);
    return status;
}

/* Leaves the list the trials of job->part, in the order of the sweep. */
static aed_status keep_part(aed_job *job)
{
    const aed_part *part = &job->part;
    const int64_t count = job->list.count;
    job->sweep_count = count;
    if (part->count == 0) return AED_OK;
    if (part->count > count)
        return aed_fail(AED_CONFIG,
                        "--part %" PRId64 "/%" PRId64 ": the sweep has %" PRId64
                        " %s; ask for at most as many parts",
                        part->number, part->count, count, count == 1 ? "trial" : "trials");
    int64_t *part_of = aed_alloc((size_t)count, sizeof *part_of);
    if (!part_of) return aed_fail(AED_MEMORY, "out of memory for the parts of the sweep");
    const aed_status status = divide(job, part_of);
    if (status == AED_OK) {
        drop_data(job); /* its trial may be another part's */
        job->list.count = 0;
        for (int64_t i = 0; i < count; i++) {
            if (part_of[i] != part->number) continue;
            job->plans[job->list.count] = job->plans[i];
            job->list.trials[job->list.count++] = job->list.trials[i];
        }
    }
    aed_free(part_of);
    return status;
}

aed_status aed_job_create(const aed_options *options, const aed_comm *world, aed_job *job)
{
    aed_status status = AED_OK;
    *job = (aed_job){.world = *world, .part = options->part, .data_trial = -1, .floor_rank = -1};
    if (world->rank == 0) job->program_mark = aed_program_mark();
    AED_TRY(aed_dist_broadcast(world, &job->program_mark, sizeof job->program_mark, 0));
    AED_TRY(read_config(options, world, &job->list));
    job->plans = aed_alloc((size_t)job->list.count, sizeof *job->plans);
    job->output = options->output ? aed_strdup(options->output)
                                  : aed_printf_alloc("runs/%s", job->list.trials[0].config.name);
    if (!job->plans || !job->output) status = aed_fail(AED_MEMORY, "out of memory for the trials");
    AED_TRY(aed_dist_agree(world, status));
    AED_TRY(aed_initials_create(&job->list, world, &job->initials));
    for (int64_t i = 0; i < job->list.count && status == AED_OK; i++)
        status = name_trial(job, i, plan_trial(job, i));
    AED_TRY(aed_dist_agree(world, status));
    AED_TRY(check_ids(job));
    AED_TRY(resolve_job(job));
    AED_TRY(keep_part(job));
done:
    status = aed_dist_agree(world, status);
    if (status != AED_OK) aed_job_destroy(job);
    return status;
}

void aed_job_destroy(aed_job *job)
{
    drop_data(job);
    aed_initials_destroy(&job->initials);
    aed_findings_destroy(&job->findings);
    aed_trial_list_destroy(&job->list);
    aed_free(job->plans);
    aed_free(job->output);
    aed_free(job->resolved);
    memset(job, 0, sizeof *job);
}

/* The targets that are trained on, [samples][features], out of tiles. */
static aed_status read_targets(const aed_dataset *data, float *out)
{
    enum { LANES = 16 };
    aed_status status;
    aed_split split;
    float *tile = aed_alloc_aligned((size_t)data->features * LANES, sizeof *tile);
    if (!tile) return aed_fail(AED_MEMORY, "out of memory for the floors of the data");
    AED_TRY(aed_dataset_split(data, AED_SPLIT_TRAIN, &split));
    for (int64_t first = 0; first < split.samples; first += LANES) {
        uint32_t ids[LANES];
        for (int64_t lane = 0; lane < LANES; lane++) {
            const int64_t at = first + lane < split.samples ? first + lane : split.samples - 1;
            ids[lane] = split.ids ? split.ids[at] : split.first + (uint32_t)at;
        }
        AED_TRY(aed_dataset_tile(data, 0, ids, LANES, 1, tile, tile, NULL));
        for (int64_t lane = 0; lane < LANES && first + lane < split.samples; lane++)
            for (int64_t f = 0; f < data->features; f++)
                out[(first + lane) * data->features + f] = tile[f * LANES + lane];
    }
done:
    aed_free(tile);
    return status;
}

aed_status aed_job_floors(aed_job *job, int64_t rank)
{
    const aed_dataset *data = &job->dataset;
    aed_status status;
    if (job->floor_rank == rank) return AED_OK;
    job->floor_rank = rank;
    job->mean_floor = job->pca_floor = NAN;
    /* Fresh samples are other ones in each epoch, and what divides a batch differs by batch. */
    if (job->source.fresh || data->batch_scaled || !aed_pca_is_cheap(data->samples, data->features))
        return AED_OK;
    float *targets = aed_alloc((size_t)(data->samples * data->features), sizeof *targets);
    if (!targets) return aed_fail(AED_MEMORY, "out of memory for the floors of the data");
    AED_TRY(read_targets(data, targets));
    AED_TRY(aed_pca_floor(data->samples, data->features, targets,
                          rank < data->features ? rank : data->features, &job->mean_floor,
                          &job->pca_floor));
done:
    aed_free(targets);
    return status;
}
