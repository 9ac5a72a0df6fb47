/* /sweep and /summary of results.h5: one row a trial, one column a setting or an outcome.
 *
 * A setting's column holds float64 if every trial that has it has a number there, else text; trials
 * without it get NaN or "". Every loss, term and accuracy gets its last and its best value; train_loss and val_loss do so even before a trial has ended. */
#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "io/hdf5.h"
#include "io/results_file.h"

/* Names in order of first appearance; at most `room` of them. */
typedef struct name_list {
    const char **names;
    int64_t count, room;
} name_list;

typedef struct summary {
    const aed_result_row *rows;
    int64_t count;
    aed_hdf5 *file;
    hid_t group;
    aed_hdf5_scale scale;
    union {
        double *numbers;
        int64_t *integers;
        uint64_t *seeds;
        const char **texts;
    } column; /* [count], one memory for all kinds */
} summary;

static aed_status out_of_memory(void)
{
    return aed_fail(AED_MEMORY, "results.h5: out of memory for its summary");
}

static aed_status add_name(name_list *list, const char *name)
{
    for (int64_t i = 0; i < list->count; i++) {
        if (strcmp(list->names[i], name) == 0) return AED_OK;
    }
    if (list->count == list->room) {
        int64_t room = list->room ? 2 * list->room : 16;
        const char **grown = aed_realloc(list->names, (size_t)room, sizeof *grown);
        if (!grown) return out_of_memory();
        list->names = grown;
        list->room = room;
    }
    list->names[list->count++] = name;
    return AED_OK;
}

static const aed_result_setting *find_setting(const aed_result_row *row, const char *axis)
{
    for (int64_t i = 0; i < row->setting_count; i++) {
        if (strcmp(row->settings[i].axis, axis) == 0) return &row->settings[i];
    }
    return NULL;
}

/* ---- Settings ------------------------------------------------------------------------------ */

static aed_status find_axes(const summary *s, name_list *axes)
{
    for (int64_t i = 0; i < s->count; i++) {
        for (int64_t k = 0; k < s->rows[i].setting_count; k++) {
            aed_status status = add_name(axes, s->rows[i].settings[k].axis);
            if (status != AED_OK) return status;
        }
    }
    return AED_OK;
}

static bool axis_is_number(const summary *s, const char *axis)
{
    for (int64_t i = 0; i < s->count; i++) {
        const aed_result_setting *setting = find_setting(&s->rows[i], axis);
        if (setting && isnan(setting->number)) return false;
    }
    return true;
}

/* /sweep/<axis>: each value once, in the order of the trials. Seeds stay whole numbers, as float64
 * would not hold them all. */
static aed_status write_axis(const summary *s, hid_t group, const char *axis)
{
    bool is_seed = strcmp(axis, "seed") == 0;
    bool is_number = axis_is_number(s, axis);
    int64_t count = 0;
    for (int64_t i = 0; i < s->count; i++) {
        const aed_result_setting *setting = find_setting(&s->rows[i], axis);
        if (!setting) continue;
        bool seen = false;
        for (int64_t k = 0; k < count && !seen; k++) {
            seen = is_seed     ? s->column.seeds[k] == s->rows[i].seed
                   : is_number ? s->column.numbers[k] == setting->number
                               : strcmp(s->column.texts[k], setting->text) == 0;
        }
        if (seen) continue;
        if (is_seed) {
            s->column.seeds[count++] = s->rows[i].seed;
        } else if (is_number) {
            s->column.numbers[count++] = setting->number;
        } else {
            s->column.texts[count++] = setting->text;
        }
    }
    aed_hdf5_type type = is_seed ? AED_HDF5_U64 : is_number ? AED_HDF5_F64 : AED_HDF5_TEXT;
    return aed_hdf5_dataset(s->file, group, axis, type, 1, &count, s->column.numbers, NULL);
}

static aed_status write_column(summary *s, const char *name, aed_hdf5_type type)
{
    return aed_hdf5_dataset(s->file, s->group, name, type, 1, &s->count, s->column.numbers,
                            &s->scale);
}

static aed_status write_setting(summary *s, const char *axis)
{
    bool is_number = axis_is_number(s, axis);
    for (int64_t i = 0; i < s->count; i++) {
        const aed_result_setting *setting = find_setting(&s->rows[i], axis);
        if (is_number) {
            s->column.numbers[i] = setting ? setting->number : NAN;
        } else {
            s->column.texts[i] = setting ? setting->text : "";
        }
    }
    return write_column(s, axis, is_number ? AED_HDF5_F64 : AED_HDF5_TEXT);
}

/* ---- Outcomes ------------------------------------------------------------------------------ */

/* What is told of a trial: losses, their terms, accuracies; train_mse, val_loss, noisy_accuracy. */
static bool is_outcome(const char *name)
{
    static const char *const others[] = {"epoch", "lr", "grad_norm", "time_s"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(name, others[i]) == 0) return false;
    return true;
}

bool aed_metric_rises(const char *name)
{
    static const char suffix[] = "accuracy";
    size_t length = strlen(name), tail = sizeof suffix - 1;
    return strcmp(name, "skill") == 0 ||
           (length >= tail && strcmp(name + length - tail, suffix) == 0);
}

static aed_status find_losses(const summary *s, name_list *losses)
{
    aed_status status;
    AED_TRY(add_name(losses, "train_loss"));
    AED_TRY(add_name(losses, "val_loss"));
    for (int64_t i = 0; i < s->count; i++) {
        const aed_trial_result *result = s->rows[i].result;
        for (int64_t k = 0; result && k < result->metrics.column_count; k++) {
            if (is_outcome(result->metrics.names[k])) {
                AED_TRY(add_name(losses, result->metrics.names[k]));
            }
        }
    }

done:
    return status;
}

/* The last value of a metric, or its best (NaNs left out); NaN if it has none. */
static double metric_value(const aed_trial_result *result, const char *name, bool best)
{
    double value = NAN;
    if (!result) return value;
    const aed_metrics *metrics = &result->metrics;
    int64_t column = 0;
    while (column < metrics->column_count && strcmp(metrics->names[column], name) != 0) column++;
    if (column == metrics->column_count) return value;
    for (int64_t i = 0; i < metrics->rows; i++) {
        double row = metrics->values[i * metrics->column_count + column];
        value = !best ? row : aed_metric_rises(name) ? fmax(value, row) : fmin(value, row);
    }
    return value;
}

static aed_status write_loss(summary *s, const char *name)
{
    aed_status status = AED_OK;
    for (int best = 0; best < 2 && status == AED_OK; best++) {
        char *column = aed_printf_alloc("%s_%s", name, best ? "best" : "final");
        if (!column) return out_of_memory();
        for (int64_t i = 0; i < s->count; i++) {
            s->column.numbers[i] = metric_value(s->rows[i].result, name, best);
        }
        status = write_column(s, column, AED_HDF5_F64);
        aed_free(column);
    }
    return status;
}

static aed_status write_identity(summary *s)
{
    aed_status status;
    for (int64_t i = 0; i < s->count; i++) s->column.texts[i] = s->rows[i].id;
    AED_TRY(aed_hdf5_scale_create(s->file, s->group, "trial", AED_HDF5_TEXT, s->count,
                                  s->column.texts, &s->scale));
    for (int64_t i = 0; i < s->count; i++) s->column.seeds[i] = s->rows[i].seed;
    AED_TRY(write_column(s, "seed", AED_HDF5_U64));

done:
    return status;
}

static aed_status write_outcomes(summary *s, const name_list *losses)
{
    aed_status status;
    for (int64_t i = 0; i < s->count; i++) {
        const aed_result_row *row = &s->rows[i];
        s->column.texts[i] = row->running  ? "running"
                             : row->result ? row->result->status
                                           : "pending";
    }
    AED_TRY(write_column(s, "status", AED_HDF5_TEXT));
    for (int64_t i = 0; i < s->count; i++) {
        s->column.integers[i] = s->rows[i].result ? s->rows[i].result->epochs : 0;
    }
    AED_TRY(write_column(s, "epochs", AED_HDF5_I64));
    for (int64_t i = 0; i < losses->count; i++) AED_TRY(write_loss(s, losses->names[i]));
    for (int64_t i = 0; i < s->count; i++) {
        s->column.numbers[i] = s->rows[i].result ? s->rows[i].result->seconds : NAN;
    }
    AED_TRY(write_column(s, "seconds", AED_HDF5_F64));
    for (int64_t i = 0; i < s->count; i++) {
        s->column.numbers[i] = s->rows[i].result ? s->rows[i].result->samples_per_second : NAN;
    }
    AED_TRY(write_column(s, "samples_per_second", AED_HDF5_F64));
    for (int64_t i = 0; i < s->count; i++) {
        s->column.texts[i] = s->rows[i].result ? s->rows[i].result->weights_hash : "";
    }
    AED_TRY(write_column(s, "weights_hash", AED_HDF5_TEXT));

done:
    return status;
}

/* Whether a setting's column would take the place of one of ours. */
static bool is_taken(const char *axis, const name_list *losses)
{
    static const char *const columns[] = {
        "trial", "seed", "status", "epochs", "seconds", "samples_per_second", "weights_hash"};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        if (strcmp(axis, columns[i]) == 0) return true;
    }
    for (int64_t i = 0; i < losses->count; i++) {
        size_t length = strlen(losses->names[i]);
        if (strncmp(axis, losses->names[i], length) == 0 && axis[length] == '_') return true;
    }
    return false;
}

aed_status aed_results_write_summary(aed_hdf5 *file, hid_t root, const aed_result_row *rows,
                                     int64_t count)
{
    aed_status status = AED_OK;
    summary s = {.rows = rows, .count = count, .file = file, .group = H5I_INVALID_HID};
    hid_t sweep = H5I_INVALID_HID;
    name_list axes = {0}, losses = {0};
    s.column.numbers = aed_alloc((size_t)count, sizeof s.column);
    if (!s.column.numbers) {
        status = out_of_memory();
        goto done;
    }
    AED_TRY(find_axes(&s, &axes));
    AED_TRY(find_losses(&s, &losses));

    AED_TRY(aed_hdf5_group(file, root, "sweep", axes.count, &sweep));
    for (int64_t i = 0; i < axes.count; i++) AED_TRY(write_axis(&s, sweep, axes.names[i]));

    AED_TRY(aed_hdf5_group(file, root, "summary", 7 + axes.count + 2 * losses.count, &s.group));
    AED_TRY(write_identity(&s));
    for (int64_t i = 0; i < axes.count; i++) {
        if (is_taken(axes.names[i], &losses)) continue;
        AED_TRY(write_setting(&s, axes.names[i]));
    }
    AED_TRY(write_outcomes(&s, &losses));
    AED_TRY(aed_hdf5_scale_finish(file, &s.scale));

done:
    aed_hdf5_scale_close(&s.scale);
    aed_hdf5_group_close(s.group);
    aed_hdf5_group_close(sweep);
    aed_free(losses.names);
    aed_free(axes.names);
    aed_free(s.column.numbers);
    return status;
}
