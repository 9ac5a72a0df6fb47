/* From other runs' ledgers into new trials; see initial.h. */
#include "train/initial.h"

#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "io/stored.h"

/* ---- Reading ---------------------------------------------------------------------------------- */

/* The trial's record without its states, as bytes. */
static aed_status read_stored(const aed_init_from *from, aed_buffer *bytes)
{
    aed_status status;
    aed_stored *stored = NULL;
    aed_trial_record *record = NULL;
    int64_t index;
    AED_TRY(aed_stored_open(from->run, &stored));
    AED_TRY(aed_stored_find(stored, from->trial, &index));
    AED_TRY(aed_stored_read(stored, index, &record));
    if (strcmp(record->result.status, "done") != 0)
        AED_TRY(aed_fail(AED_CONFIG, "trial %s of %s has %s; use one that is done",
                         record->result.id, from->run,
                         strcmp(record->result.status, "failed") == 0 ? "failed" : "not ended"));
    status = aed_trial_record_encode(&record->result, bytes);
done:
    aed_trial_record_destroy(&record);
    aed_stored_close(&stored);
    if (status != AED_OK) {
        char reason[512];
        snprintf(reason, sizeof reason, "%s", aed_status_message());
        return aed_fail(status, "%s: init_from: %s", from->where, reason);
    }
    return AED_OK;
}

static aed_status share_bytes(const aed_comm *comm, aed_buffer *bytes)
{
    aed_status status;
    uint64_t size = bytes->size;
    AED_TRY(aed_dist_broadcast(comm, &size, sizeof size, 0));
    if (comm->rank != 0) {
        bytes->bytes = aed_alloc((size_t)size, 1);
        bytes->size = bytes->capacity = (size_t)size;
        if (!bytes->bytes) status = aed_fail(AED_MEMORY, "out of memory for stored parameters");
    }
    AED_TRY(aed_dist_agree(comm, status));
    status = aed_dist_broadcast(comm, bytes->bytes, (size_t)size, 0);
done:
    return status;
}

static int64_t find_known(const aed_initials *initials, const aed_init_from *from)
{
    for (int64_t i = 0; i < initials->count; i++)
        if (strcmp(initials->runs[i], from->run) == 0 &&
            strcmp(initials->trials[i], from->trial) == 0)
            return i;
    return -1;
}

static aed_status add(aed_initials *initials, const aed_init_from *from, const aed_comm *comm)
{
    aed_status status = AED_OK;
    aed_buffer bytes = {0};
    aed_trial_record *record = NULL;
    if (comm->rank == 0) status = read_stored(from, &bytes);
    AED_TRY(aed_dist_agree(comm, status));
    AED_TRY(share_bytes(comm, &bytes));
    status = aed_trial_record_decode(bytes.bytes, bytes.size, true, &record);
    AED_TRY(aed_dist_agree(comm, status));
    initials->runs[initials->count] = from->run;
    initials->trials[initials->count] = from->trial;
    initials->records[initials->count++] = record;
    record = NULL;
done:
    aed_trial_record_destroy(&record);
    aed_buffer_destroy(&bytes);
    return status;
}

aed_status aed_initials_create(aed_trial_list *list, const aed_comm *comm, aed_initials *initials)
{
    aed_status status = AED_OK;
    const size_t most = (size_t)list->count;
    *initials = (aed_initials){.records = aed_alloc(most, sizeof *initials->records),
                               .runs = aed_alloc(most, sizeof *initials->runs),
                               .trials = aed_alloc(most, sizeof *initials->trials)};
    if (!initials->records || !initials->runs || !initials->trials)
        status = aed_fail(AED_MEMORY, "out of memory for stored parameters");
    AED_TRY(aed_dist_agree(comm, status));
    for (int64_t i = 0; i < list->count; i++) {
        aed_init_from *from = &list->trials[i].config.init_from;
        if (!from->run) continue;
        int64_t known = find_known(initials, from);
        if (known < 0) {
            AED_TRY(add(initials, from, comm));
            known = initials->count - 1;
        }
        from->weights = initials->records[known]->result.weights_hash;
    }
done:
    return status;
}

void aed_initials_destroy(aed_initials *initials)
{
    for (int64_t i = 0; i < initials->count; i++) aed_trial_record_destroy(&initials->records[i]);
    aed_free(initials->records);
    aed_free(initials->runs);
    aed_free(initials->trials);
    memset(initials, 0, sizeof *initials);
}

/* ---- Applying --------------------------------------------------------------------------------- */

/* `name` with the part replaced: decoder.2.weight of {decoder.2: decoder.0} is decoder.0.weight. False
 * if it is not of that part. */
static bool rename_part(const char *name, const char *const part[2], char *stored, size_t room)
{
    const size_t length = strlen(part[0]);
    if (strncmp(name, part[0], length) != 0 || name[length] != '.') return false;
    snprintf(stored, room, "%.60s%.60s", part[1], name + length);
    return true;
}

static aed_status take(const aed_trial_result *result, const aed_init_from *from, const char *name,
                       const aed_tensor *tensor, float *params)
{
    char own[96], other[96];
    for (int64_t i = 0; i < result->tensor_count; i++) {
        const aed_tensor *stored = &result->tensors[i];
        if (strcmp(stored->name, name) != 0) continue;
        if (!aed_shape_equal(&stored->shape, &tensor->shape))
            return aed_fail(AED_CONFIG,
                            "%s: init_from: %s is %s, but %s of trial %s is %s; name the parts to "
                            "take in init_from.parts",
                            from->where, tensor->name, aed_shape_text(&tensor->shape, own), name,
                            result->id, aed_shape_text(&stored->shape, other));
        memcpy(params + tensor->offset, result->parameters + stored->offset,
               (size_t)aed_shape_count(&tensor->shape) * sizeof *params);
        return AED_OK;
    }
    return aed_fail(AED_CONFIG,
                    "%s: init_from: trial %s has no %s for %s; name the parts to take in "
                    "init_from.parts",
                    from->where, result->id, name, tensor->name);
}

static aed_status take_part(const aed_trial_result *result, const aed_init_from *from,
                            const char *const part[2], aed_trainer *trainer)
{
    aed_status status = AED_OK;
    bool found = false;
    for (int64_t i = 0; i < trainer->model.tensor_count; i++) {
        const aed_tensor *tensor = &trainer->model.tensors[i];
        char name[128];
        if (!rename_part(tensor->name, part, name, sizeof name)) continue;
        AED_TRY(take(result, from, name, tensor, trainer->params));
        found = true;
    }
    if (!found)
        status = aed_fail(
            AED_CONFIG,
            "%s: init_from: this model has no parameters in a part '%.60s'; write for "
            "example decoder.2",
            from->where, part[0]);
done:
    return status;
}

aed_status aed_initials_apply(const aed_initials *initials, const aed_init_from *from,
                              aed_trainer *trainer)
{
    aed_status status = AED_OK;
    if (!from->run) return AED_OK;
    const aed_trial_result *result = &initials->records[find_known(initials, from)]->result;
    for (int64_t i = 0; i < from->part_count; i++)
        AED_TRY(take_part(result, from, &from->parts[2 * i], trainer));
    for (int64_t i = 0; i < trainer->model.tensor_count && from->part_count == 0; i++) {
        const aed_tensor *tensor = &trainer->model.tensors[i];
        AED_TRY(take(result, from, tensor->name, tensor, trainer->params));
    }
done:
    return status;
}
