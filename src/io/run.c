/* A run's folder: its lock, config.yaml, ledger, log.jsonl and results.h5.
 *
 * The ledger is the truth and is read once, on opening; the results of its trials stay in memory
 * but for their parameters, which are read again from the ledger when results.h5 is written: a
 * sweep of larger models would not fit otherwise. */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "io/file.h"
#include "io/hdf5.h"
#include "io/ledger.h"
#include "io/log.h"
#include "io/results_file.h"
#include "io/trial_record.h"

typedef struct ended_trial {
    aed_trial_record *record; /* without parameters */
    int64_t place;            /* of its latest record in the ledger */
} ended_trial;

struct aed_run {
    char *folder, *results_path;
    char created[AED_LOG_TIME_BYTES];
    aed_pool pool; /* info and planned are copied into it */
    aed_run_info info;
    const aed_planned_trial *planned;
    int64_t planned_count;
    aed_ledger *ledger;
    aed_log *log;
    ended_trial *ended; /* in the order in which they first came */
    int64_t ended_count, ended_capacity;
    int64_t *by_id;                   /* indices into ended, sorted by trial id */
    const aed_result_array *analysis; /* of the run as a whole; the caller's */
    int64_t analysis_count;
    char (*running)[16]; /* ids; a handful */
    int64_t running_count;
};

static aed_status out_of_memory(const aed_run *run)
{
    return aed_fail(AED_MEMORY, "%s: out of memory for the run's results", run->folder);
}

/* ---- Ended trials -------------------------------------------------------------------------- */

static const char *ended_id(const aed_run *run, int64_t position)
{
    return run->ended[run->by_id[position]].record->result.id;
}

/* The first position in by_id whose id is not less than `id`. */
static int64_t find_position(const aed_run *run, const char *id)
{
    int64_t low = 0, high = run->ended_count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (strcmp(ended_id(run, middle), id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static ended_trial *find_ended(const aed_run *run, const char *id)
{
    int64_t position = find_position(run, id);
    bool found = position < run->ended_count && strcmp(ended_id(run, position), id) == 0;
    return found ? &run->ended[run->by_id[position]] : NULL;
}

static aed_status make_room(aed_run *run)
{
    if (run->ended_count < run->ended_capacity) return AED_OK;
    int64_t capacity = run->ended_capacity ? 2 * run->ended_capacity : 64;
    ended_trial *ended = aed_realloc(run->ended, (size_t)capacity, sizeof *ended);
    if (!ended) return out_of_memory(run);
    run->ended = ended;
    int64_t *by_id = aed_realloc(run->by_id, (size_t)capacity, sizeof *by_id);
    if (!by_id) return out_of_memory(run);
    run->by_id = by_id;
    run->ended_capacity = capacity;
    return AED_OK;
}

/* Takes the record over; a trial's later record replaces its earlier one. There is room. */
static void add_ended(aed_run *run, aed_trial_record *record, int64_t place)
{
    ended_trial *known = find_ended(run, record->result.id);
    if (known) {
        aed_trial_record_destroy(&known->record);
        *known = (ended_trial){.record = record, .place = place};
        return;
    }
    int64_t position = find_position(run, record->result.id);
    memmove(run->by_id + position + 1, run->by_id + position,
            (size_t)(run->ended_count - position) * sizeof *run->by_id);
    run->by_id[position] = run->ended_count;
    run->ended[run->ended_count++] = (ended_trial){.record = record, .place = place};
}

static aed_status visit_record(void *context, int64_t index, uint32_t type,
                               const unsigned char *payload, size_t length)
{
    aed_run *run = context;
    if (type != AED_LEDGER_TRIAL) return AED_OK;
    aed_trial_record *record;
    aed_status status = make_room(run);
    if (status == AED_OK) status = aed_trial_record_decode(payload, length, false, &record);
    if (status == AED_OK) add_ended(run, record, index);
    return status;
}

const aed_trial_result *aed_run_find(const aed_run *run, const char *id)
{
    const ended_trial *ended = find_ended(run, id);
    return ended ? &ended->record->result : NULL;
}

int64_t aed_run_ended_count(const aed_run *run) { return run->ended_count; }

const aed_trial_result *aed_run_ended(const aed_run *run, int64_t index)
{
    return &run->ended[index].record->result;
}

aed_status aed_run_put(aed_run *run, aed_buffer *record, const aed_trial_result **result)
{
    aed_status status;
    aed_trial_record *read = NULL;
    int64_t place;
    if (record->failed || record->size < AED_LEDGER_HEADER) return out_of_memory(run);
    /* Read back before it is written: what the ledger holds is then known to be readable. */
    AED_TRY(aed_trial_record_decode(record->bytes + AED_LEDGER_HEADER,
                                    record->size - AED_LEDGER_HEADER, false, &read));
    AED_TRY(make_room(run));
    AED_TRY(aed_ledger_append(run->ledger, AED_LEDGER_TRIAL, record, &place));
    add_ended(run, read, place);
    if (result) *result = &read->result;
    read = NULL;

done:
    aed_trial_record_destroy(&read);
    return status;
}

aed_status aed_run_sync(aed_run *run) { return aed_ledger_sync(run->ledger); }

aed_status aed_run_append(aed_run *run, const aed_trial_result *result)
{
    static const unsigned char header[AED_LEDGER_HEADER];
    aed_status status;
    aed_buffer bytes = {0};
    aed_buffer_put(&bytes, header, sizeof header);
    AED_TRY(aed_trial_record_encode(result, &bytes));
    AED_TRY(aed_run_put(run, &bytes, NULL));
    AED_TRY(aed_run_sync(run));

done:
    aed_buffer_destroy(&bytes);
    return status;
}

/* Index of the trial among those that run, or their number. */
static int64_t find_running(const aed_run *run, const char *id)
{
    int64_t i = 0;
    while (i < run->running_count && strcmp(run->running[i], id) != 0) i++;
    return i;
}

aed_status aed_run_set_running(aed_run *run, const char *id, bool running)
{
    const int64_t at = find_running(run, id);
    if (at < run->running_count && !running)
        memcpy(run->running[at], run->running[--run->running_count], sizeof *run->running);
    if (at < run->running_count || !running) return AED_OK;
    char(*grown)[16] = aed_realloc(run->running, (size_t)at + 1, sizeof *grown);
    if (!grown) return out_of_memory(run);
    run->running = grown;
    snprintf(run->running[run->running_count++], sizeof *run->running, "%s", id);
    return AED_OK;
}

void aed_run_clear_running(aed_run *run) { run->running_count = 0; }

const char *aed_run_folder(const aed_run *run) { return run->folder; }

aed_status aed_run_log(aed_run *run, const char *event, const aed_log_field *fields, int count)
{
    return aed_log_write(run->log, event, fields, count);
}

aed_status aed_run_log_lines(aed_run *run, const aed_buffer *lines)
{
    return aed_log_append(run->log, lines);
}

/* ---- results.h5 ---------------------------------------------------------------------------- */

/* The planned trials in their order, then those that only the ledger knows. `rows` has room. */
static int64_t make_rows(const aed_run *run, bool *planned, aed_result_row *rows)
{
    int64_t count = 0;
    for (int64_t i = 0; i < run->planned_count; i++) {
        const aed_planned_trial *trial = &run->planned[i];
        const ended_trial *ended = find_ended(run, trial->id);
        if (ended) planned[ended - run->ended] = true;
        rows[count++] = (aed_result_row){.id = trial->id,
                                         .seed = trial->seed,
                                         .setting_count = trial->setting_count,
                                         .settings = trial->settings,
                                         .result = ended ? &ended->record->result : NULL,
                                         .running = find_running(run, trial->id) <
                                                    run->running_count};
    }
    for (int64_t i = 0; i < run->ended_count; i++) {
        if (planned[i]) continue;
        const aed_trial_result *result = &run->ended[i].record->result;
        rows[count++] = (aed_result_row){.id = result->id,
                                         .seed = result->seed,
                                         .setting_count = result->setting_count,
                                         .settings = result->settings,
                                         .result = result,
                                         .running = find_running(run, result->id) <
                                                    run->running_count};
    }
    return count;
}

static aed_status write_root(const aed_run *run, aed_hdf5 *file, hid_t root)
{
    aed_status status;
    AED_TRY(aed_hdf5_attribute_i64(file, root, "schema_version", 1));
    AED_TRY(aed_hdf5_attribute_text(file, root, "aedist_version", AED_VERSION));
    AED_TRY(aed_hdf5_attribute_text(file, root, "config", run->info.config));
    AED_TRY(aed_hdf5_attribute_text(file, root, "command", run->info.command));
    AED_TRY(aed_hdf5_attribute_text(file, root, "created", run->created));
    AED_TRY(aed_hdf5_attribute_text(file, root, "hosts", run->info.hosts));
    AED_TRY(aed_hdf5_attribute_i64(file, root, "ranks", run->info.ranks));
    AED_TRY(aed_hdf5_attribute_text(file, root, "kernels", run->info.kernels));
    AED_TRY(aed_hdf5_attribute_text(file, root, "libraries", run->info.libraries));

done:
    return status;
}

aed_status aed_run_read(aed_run *run, int64_t index, aed_trial_record **record)
{
    const unsigned char *payload;
    size_t length;
    *record = NULL;
    const aed_status status = aed_ledger_read(run->ledger, run->ended[index].place, &payload,
                                              &length);
    return status == AED_OK ? aed_trial_record_decode(payload, length, true, record) : status;
}

int64_t aed_run_row(const aed_run *run, const char *id)
{
    int64_t row = 0;
    for (; row < run->planned_count; row++)
        if (strcmp(run->planned[row].id, id) == 0) return row;
    for (int64_t i = 0; i < run->ended_count; i++) {
        const char *other = run->ended[i].record->result.id;
        bool planned = false;
        if (strcmp(other, id) == 0) return row;
        for (int64_t k = 0; k < run->planned_count && !planned; k++)
            planned = strcmp(run->planned[k].id, other) == 0;
        row += !planned;
    }
    return row;
}

void aed_run_set_analysis(aed_run *run, const aed_result_array *arrays, int64_t count)
{
    run->analysis = arrays;
    run->analysis_count = count;
}

/* /trials: each ended trial, whole, as the ledger has it. */
static aed_status write_trials(aed_run *run, aed_hdf5 *file, hid_t root)
{
    hid_t trials;
    aed_status status = aed_hdf5_group(file, root, "trials", run->ended_count, &trials);
    for (int64_t i = 0; i < run->ended_count && status == AED_OK; i++) {
        aed_trial_record *record = NULL;
        AED_TRY(aed_run_read(run, i, &record));
        status = aed_results_write_trial(file, trials, &record->result);
        aed_trial_record_destroy(&record);
    }

done:
    aed_hdf5_group_close(trials);
    return status;
}

aed_status aed_run_write_results(aed_run *run)
{
    aed_status status = AED_OK;
    aed_hdf5 *file = NULL;
    hid_t root;
    size_t room = (size_t)(run->planned_count + run->ended_count);
    aed_result_row *rows = aed_alloc(room, sizeof *rows);
    bool *planned = aed_alloc((size_t)run->ended_count, sizeof *planned);
    if (!rows || !planned) {
        status = out_of_memory(run);
        goto done;
    }
    int64_t count = make_rows(run, planned, rows);
    AED_TRY(aed_hdf5_create(run->results_path, &file, &root));
    AED_TRY(write_root(run, file, root));
    AED_TRY(aed_results_write_summary(file, root, rows, count));
    AED_TRY(write_trials(run, file, root));
    const aed_trial_result whole = {.array_count = run->analysis_count, .arrays = run->analysis};
    AED_TRY(aed_results_write_analysis(file, root, &whole));
    AED_TRY(aed_hdf5_save(file, run->folder, "results.h5"));

done:
    aed_hdf5_destroy(&file);
    aed_free(planned);
    aed_free(rows);
    return status;
}

/* ---- Opening ------------------------------------------------------------------------------- */

/* A folder that has anything in it must be a run's: it has a ledger. */
static aed_status check_folder(const char *folder)
{
    DIR *listing = opendir(folder);
    if (!listing) return aed_file_fail(folder, "open the folder", errno);
    bool is_empty = true, is_run = false;
    const struct dirent *entry;
    errno = 0;
    while ((entry = readdir(listing))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        is_empty = false;
        if (strcmp(entry->d_name, "ledger") == 0) is_run = true;
    }
    int error = errno;
    closedir(listing);
    if (error != 0) return aed_file_fail(folder, "list the folder", error);
    if (is_empty || is_run) return AED_OK;
    return aed_fail(AED_DATA,
                    "%s: holds something other than a run; choose a new folder with --output",
                    folder);
}

static const char *copy_text(aed_run *run, const char *text)
{
    return aed_pool_text(&run->pool, text ? text : "", text ? strlen(text) : 0);
}

static aed_status copy_info(aed_run *run, const aed_run_info *info)
{
    run->info = (aed_run_info){.config = copy_text(run, info->config),
                               .command = copy_text(run, info->command),
                               .hosts = copy_text(run, info->hosts),
                               .ranks = info->ranks,
                               .kernels = copy_text(run, info->kernels),
                               .libraries = copy_text(run, info->libraries)};
    bool copied = run->info.config && run->info.command && run->info.hosts && run->info.kernels &&
                  run->info.libraries;
    return copied ? AED_OK : out_of_memory(run);
}

static aed_status copy_planned(aed_run *run, const aed_planned_trial *planned, int64_t count)
{
    aed_planned_trial *copies = aed_pool_alloc(&run->pool, (size_t)count, sizeof *copies);
    if (!copies) return out_of_memory(run);
    for (int64_t i = 0; i < count; i++) {
        int64_t n = planned[i].setting_count;
        aed_result_setting *settings = aed_pool_alloc(&run->pool, (size_t)n, sizeof *settings);
        if (!settings) return out_of_memory(run);
        for (int64_t k = 0; k < n; k++) {
            settings[k].number = planned[i].settings[k].number;
            settings[k].axis = copy_text(run, planned[i].settings[k].axis);
            settings[k].text = copy_text(run, planned[i].settings[k].text);
            if (!settings[k].axis || !settings[k].text) return out_of_memory(run);
        }
        copies[i] = planned[i];
        copies[i].settings = settings;
    }
    run->planned = copies;
    run->planned_count = count;
    return AED_OK;
}

aed_status aed_run_open(const char *dir, const aed_run_info *info, const aed_planned_trial *planned,
                        int64_t planned_count, char **notice, aed_run **run)
{
    aed_status status;
    *run = NULL;
    *notice = NULL;
    aed_run *made = aed_alloc(1, sizeof *made);
    if (!made) return aed_fail(AED_MEMORY, "%s: out of memory", dir);
    made->folder = aed_strdup(dir);
    made->results_path = aed_printf_alloc("%s/results.h5", dir);
    if (!made->folder || !made->results_path) {
        status = aed_fail(AED_MEMORY, "%s: out of memory", dir);
        goto done;
    }
    aed_log_time(made->created);
    AED_TRY(copy_info(made, info));
    AED_TRY(copy_planned(made, planned, planned_count));
    AED_TRY(aed_file_make_folder(dir));
    AED_TRY(check_folder(dir));
    /* The ledger first: it marks the folder as a run's and holds the lock for all that follows. */
    AED_TRY(aed_ledger_open(dir, visit_record, made, notice, &made->ledger));
    AED_TRY(aed_log_open(dir, &made->log));
    *run = made;
    made = NULL;

done:
    aed_run_close(&made);
    if (status != AED_OK) {
        aed_free(*notice);
        *notice = NULL;
    }
    return status;
}

aed_status aed_run_write_config(aed_run *run, const char *resolved)
{
    return aed_file_replace(run->folder, "config.yaml", resolved, strlen(resolved));
}

void aed_run_close(aed_run **run)
{
    aed_run *closed = *run;
    if (!closed) return;
    aed_log_close(&closed->log);
    for (int64_t i = 0; i < closed->ended_count; i++) {
        aed_trial_record_destroy(&closed->ended[i].record);
    }
    aed_free(closed->ended);
    aed_free(closed->by_id);
    aed_free(closed->running);
    aed_ledger_close(&closed->ledger);
    aed_pool_destroy(&closed->pool);
    aed_free(closed->results_path);
    aed_free(closed->folder);
    aed_free(closed);
    *run = NULL;
}
