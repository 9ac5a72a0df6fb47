/* From the ledger's record of a trial to its engine; see restore.h. */
#include "app/restore.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "train/checks.h"

/* ---- Config ------------------------------------------------------------------------------------ */

/* Sends rank 0's text to all; theirs is to be freed. Collective. */
static aed_status share_text(const aed_comm *comm, const char *text, char **copy)
{
    aed_status status;
    uint64_t bytes = text ? strlen(text) + 1 : 0;
    *copy = NULL;
    AED_TRY(aed_dist_broadcast(comm, &bytes, sizeof bytes, 0));
    *copy = comm->rank == 0 ? aed_strdup(text) : aed_alloc(bytes, 1);
    if (!*copy) status = aed_fail(AED_MEMORY, "out of memory for a trial's config");
    AED_TRY(aed_dist_agree(comm, status));
    AED_TRY(aed_dist_broadcast(comm, *copy, bytes, 0));
done:
    return status;
}

/* The trial's resolved config with the overrides. */
static aed_status parse_config(const aed_restorer *restorer, const char *id, const char *resolved,
                               aed_trial_list *list)
{
    char name[40];
    snprintf(name, sizeof name, "trial %.15s", id);
    aed_status status = aed_config_parse(resolved, name, restorer->overrides,
                                         restorer->override_count, list);
    if (status != AED_OK) return status;
    if (list->count == 1 && list->trials[0].setting_count == 0) return AED_OK;
    aed_trial_list_destroy(list);
    return aed_fail(AED_CONFIG, "%s: an override makes a sweep of it; evaluate once for each value",
                    name);
}

static aed_status read_config(const aed_restorer *restorer, const aed_trial_result *result,
                              aed_trial_list *list)
{
    const aed_comm *comm = &restorer->comm;
    char *text = NULL, id[16] = "";
    aed_status status;
    if (result) memcpy(id, result->id, sizeof id);
    AED_TRY(aed_dist_broadcast(comm, id, sizeof id, 0));
    AED_TRY(share_text(comm, result ? result->resolved : NULL, &text));
    status = aed_dist_agree(comm, parse_config(restorer, id, text, list));
done:
    aed_free(text);
    return status;
}

/* ---- Data -------------------------------------------------------------------------------------- */

static void drop_data(aed_restorer *restorer)
{
    aed_dataset_destroy(&restorer->dataset);
    aed_source_destroy(&restorer->source);
    aed_trial_list_destroy(&restorer->data_list);
}

/* Makes the data of restored->list current, which then takes the list over, unless they are. */
static aed_status load_data(aed_restorer *restorer, aed_restored *restored)
{
    const aed_config *config = &restored->list.trials[0].config;
    bool same = false;
    aed_status status = AED_OK;
    if (restorer->data_list.count > 0)
        status = aed_config_same_data(config, &restorer->data_list.trials[0].config, &same);
    status = aed_dist_agree(&restorer->comm, status);
    if (status != AED_OK || same) return status;
    drop_data(restorer);
    restorer->data_list = restored->list;
    restored->list = (aed_trial_list){0};
    status = aed_source_create(&config->data, &restorer->source);
    if (status == AED_OK)
        status = aed_dataset_create(&restorer->source, &config->data_options, &restorer->dataset);
    status = aed_dist_agree(&restorer->comm, status);
    if (status != AED_OK) drop_data(restorer);
    return status;
}

/* ---- Engine ------------------------------------------------------------------------------------ */

/* Where samples are held out, val is of those: the test samples are another evaluation. */
static aed_status add_test(const aed_restorer *restorer, const aed_config *config,
                           aed_restored *restored)
{
    const int64_t count = config->evaluation_count;
    bool wanted = restorer->source.test_samples > 0 &&
                  restorer->source.samples > restorer->dataset.samples;
    for (int64_t i = 0; i < count; i++)
        wanted = wanted && strcmp(config->evaluations[i].name, "test") != 0;
    restored->config = *config;
    if (!wanted) return AED_OK;
    restored->evaluations = aed_alloc((size_t)count + 1, sizeof *restored->evaluations);
    if (!restored->evaluations) return aed_fail(AED_MEMORY, "out of memory for an evaluation");
    if (count > 0)
        memcpy(restored->evaluations, config->evaluations,
               (size_t)count * sizeof *restored->evaluations);
    restored->evaluations[count] = (aed_evaluation_spec){
        .name = "test", .where = "the evaluation of the test samples", .split = AED_SPLIT_TEST};
    restored->config.evaluations = restored->evaluations;
    restored->config.evaluation_count = count + 1;
    return AED_OK;
}

static const aed_tensor *find_tensor(const aed_trial_result *result, const char *name)
{
    for (int64_t i = 0; i < result->tensor_count; i++)
        if (strcmp(result->tensors[i].name, name) == 0) return &result->tensors[i];
    return NULL;
}

/* Copies the trial's parameters into the trainer's block; each must be in both, of one shape. */
static aed_status take_parameters(const aed_trial_result *result, aed_trainer *trainer)
{
    static const char remedy[] = "an override may not change what was trained: leave it out";
    const aed_model *model = &trainer->model;
    char stored_shape[96], shape[96];
    for (int64_t i = 0; i < model->tensor_count; i++) {
        const aed_tensor *tensor = &model->tensors[i];
        const aed_tensor *stored = find_tensor(result, tensor->name);
        if (!stored)
            return aed_fail(AED_CONFIG,
                            "trial %s: it has no parameter %s, which this model has; %s",
                            result->id, tensor->name, remedy);
        if (!aed_shape_equal(&stored->shape, &tensor->shape))
            return aed_fail(AED_CONFIG, "trial %s: its %s is %s, that of this model is %s; %s",
                            result->id, tensor->name, aed_shape_text(&stored->shape, stored_shape),
                            aed_shape_text(&tensor->shape, shape), remedy);
        memcpy(trainer->params + tensor->offset, result->parameters + stored->offset,
               (size_t)aed_shape_count(&tensor->shape) * sizeof(float));
    }
    if (result->tensor_count == model->tensor_count) return AED_OK;
    return aed_fail(AED_CONFIG,
                    "trial %s: it has %" PRId64 " parameter tensors, this model has %" PRId64
                    "; %s",
                    result->id, result->tensor_count, model->tensor_count, remedy);
}

/* An override may have brought data for which the loss is not defined. */
static aed_status check_targets(const aed_trainer *trainer)
{
    char text[AED_FINDING_BYTES];
    if (trainer->config->checks[AED_CHECK_LOSS_TARGETS] != AED_CHECK_ERROR) return AED_OK;
    const aed_status status = aed_check_find(trainer, AED_CHECK_LOSS_TARGETS, text);
    return status == AED_OK && text[0] ? aed_fail(AED_CONFIG, "%s", text) : status;
}

aed_status aed_restorer_open(aed_restorer *restorer, int64_t index, aed_restored *restored)
{
    const aed_comm *comm = &restorer->comm;
    aed_trial_record *record = NULL;
    aed_trainer *trainer = &restored->trainer;
    aed_status status = AED_OK;
    memset(restored, 0, sizeof *restored);
    if (comm->rank == 0) status = aed_stored_read(restorer->stored, index, &record);
    AED_TRY(aed_dist_agree(comm, status));
    const aed_trial_result *result = record ? &record->result : NULL;
    AED_TRY(read_config(restorer, result, &restored->list));
    AED_TRY(load_data(restorer, restored));
    const aed_trial_list *list = restored->list.count > 0 ? &restored->list : &restorer->data_list;
    AED_TRY(aed_dist_agree(comm, add_test(restorer, &list->trials[0].config, restored)));
    AED_TRY(aed_trainer_create(&restored->config, &restorer->dataset, &restorer->source.shape, comm,
                               trainer));
    AED_TRY(aed_dist_agree(comm, check_targets(trainer)));
    if (result) status = take_parameters(result, trainer);
    AED_TRY(aed_dist_agree(comm, status));
    status = aed_dist_broadcast(comm, trainer->params,
                                (size_t)trainer->model.parameter_block * sizeof(float), 0);

done:
    aed_trial_record_destroy(&record);
    if (status != AED_OK) aed_restored_close(restored);
    return status;
}

void aed_restored_close(aed_restored *restored)
{
    aed_trainer_destroy(&restored->trainer);
    aed_free(restored->evaluations);
    aed_trial_list_destroy(&restored->list);
    memset(restored, 0, sizeof *restored);
}

void aed_restorer_destroy(aed_restorer *restorer) { drop_data(restorer); }
