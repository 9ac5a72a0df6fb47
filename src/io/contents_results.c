/* What a results.h5 holds. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/contents.h"
#include "io/hdf5_read.h"

enum { SCHEMA = 1, LINK_BYTES = 256 };

static aed_status out_of_memory(void)
{
    return aed_fail(AED_MEMORY, "out of memory for what a run holds");
}

/* ---- The file's parts ------------------------------------------------------------------------ */

static aed_status read_origin(const aed_hdf5_reader *in, aed_contents_origin *origin)
{
    aed_status status;
    AED_TRY(aed_hdf5_read_count(in, "/", "schema_version", &origin->schema_version));
    if (origin->schema_version != SCHEMA) {
        status = aed_fail(AED_DATA,
                          "%s: its schema_version is %" PRId64 ", this aedist reads %d; use the "
                          "aedist that wrote it",
                          in->path, origin->schema_version, SCHEMA);
        goto done;
    }
    AED_TRY(aed_hdf5_read_text(in, "/", "aedist_version", &origin->aedist_version));
    AED_TRY(aed_hdf5_read_text(in, "/", "created", &origin->created));
    AED_TRY(aed_hdf5_read_text(in, "/", "command", &origin->command));
    AED_TRY(aed_hdf5_read_text(in, "/", "hosts", &origin->hosts));
    AED_TRY(aed_hdf5_read_count(in, "/", "ranks", &origin->ranks));
    AED_TRY(aed_hdf5_read_text(in, "/", "kernels", &origin->kernels));
    AED_TRY(aed_hdf5_read_text(in, "/", "libraries", &origin->libraries));
done:
    return status;
}

static aed_status read_column_of(const aed_hdf5_reader *in, const char *name, int64_t count,
                                 aed_hdf5_form wanted, aed_hdf5_column *read)
{
    aed_status status = aed_hdf5_read_column(in, name, count, read);
    if (status == AED_OK && read->count > 0 && read->form != wanted)
        status = aed_hdf5_fail_form(in, name);
    return status;
}

static aed_status read_trials(const aed_hdf5_reader *in, aed_contents *contents)
{
    aed_hdf5_column ids, states, hashes, losses;
    aed_status status;
    AED_TRY(read_column_of(in, "/summary/trial", -1, AED_HDF5_TEXTS, &ids));
    AED_TRY(read_column_of(in, "/summary/status", ids.count, AED_HDF5_TEXTS, &states));
    AED_TRY(read_column_of(in, "/summary/weights_hash", ids.count, AED_HDF5_TEXTS, &hashes));
    AED_TRY(read_column_of(in, "/summary/val_loss_final", ids.count, AED_HDF5_NUMBERS, &losses));
    contents->trials = aed_pool_alloc(in->pool, (size_t)ids.count, sizeof *contents->trials);
    AED_TRY(contents->trials ? AED_OK : out_of_memory());
    for (int64_t i = 0; i < ids.count; i++) {
        if (!aed_trial_record_id_valid(ids.texts[i]))
            AED_TRY(aed_hdf5_fail_form(in, "/summary/trial"));
        contents->trials[i] = (aed_contents_trial){.id = ids.texts[i],
                                                   .status = states.texts[i],
                                                   .weights_hash = hashes.texts[i],
                                                   .val_loss = losses.numbers[i]};
    }
    contents->trial_count = ids.count;
done:
    return status;
}

/* Value `i` of a column as an axis shows it. NULL when memory is short. */
static const char *value_text(const aed_hdf5_reader *in, const aed_hdf5_column *read, int64_t i)
{
    char text[32];
    if (read->form == AED_HDF5_TEXTS) return read->texts[i];
    if (read->form == AED_HDF5_NUMBERS) return aed_contents_number(in->pool, read->numbers[i]);
    const int length = snprintf(text, sizeof text, "%" PRIu64, read->seeds[i]);
    return aed_pool_text(in->pool, text, (size_t)length);
}

static aed_status read_axes(const aed_hdf5_reader *in, aed_contents *contents)
{
    aed_hdf5_members members;
    aed_status status;
    AED_TRY(aed_hdf5_list_members(in, "/sweep", &members));
    contents->axes = aed_pool_alloc(in->pool, (size_t)members.count, sizeof *contents->axes);
    AED_TRY(contents->axes ? AED_OK : out_of_memory());
    for (int64_t a = 0; a < members.count; a++) {
        char name[LINK_BYTES];
        aed_hdf5_column read;
        snprintf(name, sizeof name, "/sweep/%s", members.names[a]);
        AED_TRY(aed_hdf5_read_column(in, name, -1, &read));
        aed_contents_axis *axis = &contents->axes[a];
        *axis = (aed_contents_axis){
            .name = members.names[a],
            .count = read.count,
            .values = aed_pool_alloc(in->pool, (size_t)read.count, sizeof *axis->values)};
        AED_TRY(axis->values ? AED_OK : out_of_memory());
        for (int64_t i = 0; i < read.count; i++) {
            axis->values[i] = value_text(in, &read, i);
            AED_TRY(axis->values[i] ? AED_OK : out_of_memory());
        }
    }
    contents->axis_count = members.count;
done:
    return status;
}

static aed_status read_best_settings(const aed_hdf5_reader *in, aed_contents *contents)
{
    aed_status status = AED_OK;
    contents->best_settings = "";
    for (int64_t a = 0; a < contents->axis_count; a++) {
        char name[LINK_BYTES];
        aed_hdf5_column read;
        snprintf(name, sizeof name, "/summary/%s", contents->axes[a].name);
        AED_TRY(aed_hdf5_read_column(in, name, contents->trial_count, &read));
        const char *value = value_text(in, &read, contents->best);
        if (value)
            contents->best_settings = aed_contents_setting(&contents->pool, contents->best_settings,
                                                           contents->axes[a].name, value);
        AED_TRY(value && contents->best_settings ? AED_OK : out_of_memory());
    }
done:
    return status;
}

static aed_status read_tensors(const aed_hdf5_reader *in, const char *trial, aed_contents *contents)
{
    char name[LINK_BYTES];
    aed_hdf5_members members;
    aed_status status;
    snprintf(name, sizeof name, "/trials/%s/parameters", trial);
    AED_TRY(aed_hdf5_list_members(in, name, &members));
    contents->tensors = aed_pool_alloc(in->pool, (size_t)members.count, sizeof *contents->tensors);
    AED_TRY(contents->tensors ? AED_OK : out_of_memory());
    for (int64_t i = 0; i < members.count; i++) {
        aed_tensor *tensor = &contents->tensors[i];
        if (strlen(members.names[i]) >= sizeof tensor->name) AED_TRY(aed_hdf5_fail_form(in, name));
        memcpy(tensor->name, members.names[i], strlen(members.names[i]) + 1);
        snprintf(name, sizeof name, "/trials/%s/parameters/%s", trial, tensor->name);
        AED_TRY(aed_hdf5_read_shape(in, name, &tensor->shape));
    }
    contents->tensor_count = members.count;
done:
    return status;
}

/* The trial that is described: the best, or the first that has ended. */
static const char *find_described(const aed_contents *contents)
{
    if (contents->best >= 0) return contents->trials[contents->best].id;
    for (int64_t i = 0; i < contents->trial_count; i++)
        if (contents->trials[i].weights_hash[0]) return contents->trials[i].id;
    return NULL;
}

static aed_status read_described(const aed_hdf5_reader *in, aed_contents *contents)
{
    char name[LINK_BYTES];
    aed_hdf5_members members;
    aed_hdf5_column epochs;
    const char *resolved = NULL, *trial = find_described(contents);
    aed_status status = AED_OK;
    if (!trial) return AED_OK;
    snprintf(name, sizeof name, "/trials/%s", trial);
    AED_TRY(aed_hdf5_read_text(in, name, "config", &resolved));
    contents->name = aed_contents_name(&contents->pool, resolved);
    snprintf(name, sizeof name, "/trials/%s/metrics", trial);
    AED_TRY(aed_hdf5_list_members(in, name, &members));
    contents->metrics = members.names;
    contents->metric_count = members.count;
    snprintf(name, sizeof name, "/trials/%s/metrics/epoch", trial);
    if (aed_hdf5_has(in, name)) {
        AED_TRY(aed_hdf5_read_column(in, name, -1, &epochs));
        contents->rows = epochs.count;
    }
    snprintf(name, sizeof name, "/trials/%s/parameters", trial);
    if (aed_hdf5_has(in, name)) AED_TRY(read_tensors(in, trial, contents));
done:
    return status;
}

static aed_status read_parts(const aed_hdf5_reader *in, aed_contents *contents)
{
    aed_status status;
    AED_TRY(read_origin(in, &contents->origin));
    AED_TRY(read_trials(in, contents));
    AED_TRY(read_axes(in, contents));
    contents->best = aed_contents_best(contents);
    AED_TRY(read_described(in, contents));
    aed_contents_sort(contents);
    if (contents->best >= 0) AED_TRY(read_best_settings(in, contents));
done:
    return status;
}

aed_status aed_contents_of_results(const char *path, aed_contents *contents)
{
    aed_hdf5_reader in;
    *contents = (aed_contents){.best = -1};
    aed_status status = aed_hdf5_reader_open(path, &contents->pool, &in);
    if (status != AED_OK) return status;
    status = read_parts(&in, contents);
    aed_hdf5_reader_close(&in);
    if (status != AED_OK) aed_contents_destroy(contents);
    return status;
}
