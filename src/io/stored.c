/* The trials of a ledger that is only read, or the one of a checkpoint; see stored.h. */
#include "io/stored.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "io/checkpoint.h"

enum { LISTED = 8 }; /* ids that a message names */

typedef struct stored_trial {
    aed_trial_record *record; /* without parameters, unless it is a checkpoint's */
    int64_t place;            /* of its latest record in the ledger */
} stored_trial;

struct aed_stored {
    char *folder;
    aed_ledger *ledger; /* NULL: a checkpoint is read */
    aed_ledger_health health;
    stored_trial *trials; /* while reading: of every record; then the latest of each id */
    int64_t count, capacity;
};

static aed_status out_of_memory(const aed_stored *stored)
{
    return aed_fail(AED_MEMORY, "%s: out of memory for its trials", stored->folder);
}

/* ---- Opening ------------------------------------------------------------------------------- */

static aed_status add_trial(aed_stored *stored, aed_trial_record *record, int64_t place)
{
    if (stored->count == stored->capacity) {
        const int64_t capacity = stored->capacity ? 2 * stored->capacity : 64;
        stored_trial *grown = aed_realloc(stored->trials, (size_t)capacity, sizeof *grown);
        if (!grown) {
            aed_trial_record_destroy(&record);
            return out_of_memory(stored);
        }
        stored->trials = grown;
        stored->capacity = capacity;
    }
    stored->trials[stored->count++] = (stored_trial){.record = record, .place = place};
    return AED_OK;
}

static aed_status visit_record(void *context, int64_t index, uint32_t type,
                               const unsigned char *payload, size_t length)
{
    if (type != AED_LEDGER_TRIAL) return AED_OK;
    aed_trial_record *record;
    const aed_status status = aed_trial_record_decode(payload, length, false, &record);
    return status == AED_OK ? add_trial(context, record, index) : status;
}

/* A trial on its way has no hash of its own. */
static aed_status read_checkpoint(const char *path, aed_trial_record **record)
{
    const aed_status status = aed_checkpoint_read_file(path, record);
    if (status != AED_OK) return status;
    aed_trial_result *result = &(*record)->result;
    aed_weights_hash(result->tensors, result->tensor_count, result->parameters,
                     result->weights_hash);
    return AED_OK;
}

static aed_status open_checkpoint(const char *path, aed_stored *stored)
{
    aed_trial_record *record;
    const aed_status status = read_checkpoint(path, &record);
    return status == AED_OK ? add_trial(stored, record, 0) : status;
}

/* Pointers to trials, sorted by id and, of one trial, by age. */
static int compare(const void *left, const void *right)
{
    const stored_trial *a = *(const stored_trial *const *)left,
                       *b = *(const stored_trial *const *)right;
    const int order = strcmp(a->record->result.id, b->record->result.id);
    return order ? order : (a > b) - (a < b);
}

/* Leaves one entry a trial: its latest record, where its first one was. */
static aed_status keep_latest(aed_stored *stored)
{
    const size_t count = (size_t)stored->count;
    stored_trial **sorted = aed_alloc(count, sizeof *sorted);
    if (!sorted) return out_of_memory(stored);
    for (size_t i = 0; i < count; i++) sorted[i] = &stored->trials[i];
    qsort(sorted, count, sizeof *sorted, compare);
    for (size_t i = 0, next; i < count; i = next) {
        stored_trial *first = sorted[i];
        for (next = i + 1;
             next < count && strcmp(sorted[next]->record->result.id, first->record->result.id) == 0;
             next++) {
            aed_trial_record_destroy(&first->record);
            *first = *sorted[next];
            sorted[next]->record = NULL;
        }
    }
    aed_free(sorted);
    stored->count = 0;
    for (size_t i = 0; i < count; i++)
        if (stored->trials[i].record) stored->trials[stored->count++] = stored->trials[i];
    return AED_OK;
}

aed_status aed_stored_open(const char *folder, aed_stored **stored)
{
    aed_status status = AED_OK;
    *stored = NULL;
    aed_stored *made = aed_alloc(1, sizeof *made);
    if (!made) return aed_fail(AED_MEMORY, "%s: out of memory for its trials", folder);
    made->folder = aed_strdup(folder);
    if (!made->folder) {
        status = aed_fail(AED_MEMORY, "%s: out of memory for its trials", folder);
        goto done;
    }
    if (aed_checkpoint_is(folder)) {
        AED_TRY(open_checkpoint(folder, made));
    } else {
        AED_TRY(aed_ledger_open_reading(folder, visit_record, made, &made->health, &made->ledger));
        AED_TRY(keep_latest(made));
    }
    *stored = made;
    made = NULL;

done:
    aed_stored_close(&made);
    return status;
}

void aed_stored_close(aed_stored **stored)
{
    aed_stored *closed = *stored;
    if (!closed) return;
    for (int64_t i = 0; i < closed->count; i++) aed_trial_record_destroy(&closed->trials[i].record);
    aed_free(closed->trials);
    aed_ledger_close(&closed->ledger);
    aed_free(closed->folder);
    aed_free(closed);
    *stored = NULL;
}

/* ---- Looking ------------------------------------------------------------------------------- */

const aed_ledger_health *aed_stored_health(const aed_stored *stored) { return &stored->health; }

int64_t aed_stored_count(const aed_stored *stored) { return stored->count; }

const aed_trial_result *aed_stored_trial(const aed_stored *stored, int64_t index)
{
    return &stored->trials[index].record->result;
}

/* The ids that begin with `text`, as many as a message holds. */
static void list_ids(const aed_stored *stored, const char *text, char *list, size_t bytes)
{
    size_t at = 0;
    int64_t listed = 0, all = 0;
    list[0] = '\0';
    for (int64_t i = 0; i < stored->count; i++) {
        const char *id = aed_stored_trial(stored, i)->id;
        if (strncmp(id, text, strlen(text)) != 0 || ++all > LISTED) continue;
        at += (size_t)snprintf(list + at, bytes - at, "%s%s", listed++ ? ", " : "", id);
    }
    if (all > listed) snprintf(list + at, bytes - at, " and %" PRId64 " more", all - listed);
}

aed_status aed_stored_find(const aed_stored *stored, const char *text, int64_t *index)
{
    char list[LISTED * 18 + 40];
    int64_t found = 0;
    if (!text) text = "";
    for (int64_t i = 0; i < stored->count; i++) {
        const char *id = aed_stored_trial(stored, i)->id;
        if (strncmp(id, text, strlen(text)) != 0) continue;
        *index = i;
        if (strcmp(id, text) == 0) return AED_OK;
        found++;
    }
    if (found == 1) return AED_OK;
    if (stored->count == 0)
        return aed_fail(AED_CONFIG, "%s: no trial of this run has ended yet; see aedist info",
                        stored->folder);
    list_ids(stored, found ? text : "", list, sizeof list);
    if (found > 1)
        return aed_fail(AED_CONFIG,
                        "%s: '%s' may be any of %" PRId64 " trials (%s); write more of it",
                        stored->folder, text, found, list);
    return aed_fail(AED_CONFIG, "%s: no ended trial's id begins with '%.40s'; there are %s",
                    stored->folder, text, list);
}

static aed_status check_hash(const aed_stored *stored, const aed_trial_result *result)
{
    char hash[65];
    aed_weights_hash(result->tensors, result->tensor_count, result->parameters, hash);
    if (strcmp(hash, result->weights_hash) == 0) return AED_OK;
    return aed_fail(AED_DATA,
                    "%s: the parameters of trial %s do not have their weights_hash; the ledger was "
                    "changed, train the trial again",
                    stored->folder, result->id);
}

aed_status aed_stored_read(aed_stored *stored, int64_t index, aed_trial_record **record)
{
    const unsigned char *payload;
    size_t length;
    *record = NULL;
    if (!stored->ledger) return read_checkpoint(stored->folder, record);
    aed_status status = aed_ledger_read(stored->ledger, stored->trials[index].place, &payload,
                                        &length);
    if (status == AED_OK) status = aed_trial_record_decode(payload, length, true, record);
    if (status == AED_OK) status = check_hash(stored, &(*record)->result);
    if (status != AED_OK) aed_trial_record_destroy(record);
    return status;
}
