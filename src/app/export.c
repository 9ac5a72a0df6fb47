/* aedist export: the parameters of one trial as a file that others read. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "app/command.h"
#include "app/info.h"
#include "config/suggest.h"
#include "core/memory.h"
#include "io/export.h"
#include "io/file.h"
#include "io/stored.h"

static const char help[] =
    "Usage: aedist export RUN|CHECKPOINT [TRIAL] --to safetensors|csv [--output FILE]\n"
    "\n"
    "Writes the trained parameters of one trial of the run in the folder RUN, out of its ledger, "
    "or\n"
    "those of a checkpoint. TRIAL is the trial's id or what it begins with; the only trial needs "
    "none.\n"
    "The file is written whole or not at all, and its name printed.\n"
    "\n"
    "  --to safetensors  float32 tensors with PyTorch's names and layouts; the metadata hold the\n"
    "                    trial's id, weights_hash, config and aedist's version\n"
    "  --to csv          one table: name, shape, index, value; a row an element, the index counts\n"
    "                    from 0 with the last dimension fastest\n"
    "  --output FILE     where it goes (default TRIAL.safetensors or TRIAL.csv); - is stdout\n"
    "\n"
    "Exit codes: 0 done, 2 usage or no such trial, 3 the run or the file cannot be read or "
    "written.\n";

static aed_status find_format(const char *name, const aed_export_format **format)
{
    const char *names[8];
    for (int i = 0; i < aed_export_format_count; i++) {
        *format = &aed_export_formats[i];
        names[i] = (*format)->name;
        if (name && strcmp((*format)->name, name) == 0) return AED_OK;
    }
    if (!name) return aed_fail(AED_CONFIG, "export: --to safetensors or --to csv is missing");
    const char *near = aed_suggest(name, names, aed_export_format_count);
    return aed_fail(AED_CONFIG, "export: unknown format '%s'%s%s%s; write safetensors or csv", name,
                    near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

/* Replacing takes the place of whatever is there: not of devices and folders, nor of a run's own
 * files. */
static aed_status check_target(const char *path)
{
    struct stat facts;
    const aed_file_kind *kind;
    if (stat(path, &facts) != 0) return AED_OK;
    if (!S_ISREG(facts.st_mode))
        return aed_fail(AED_DATA, "%s: is no plain file; name another one, or - for stdout", path);
    const aed_status status = aed_file_kind_of(path, &kind);
    if (status != AED_OK || !kind) return status;
    return aed_fail(AED_DATA,
                    "%s: is a file of a run (%s), which is not overwritten; name another --output",
                    path, kind->name);
}

static aed_status write_file(const char *path, const aed_buffer *bytes)
{
    aed_status status = check_target(path);
    if (status != AED_OK) return status;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char *folder = slash ? aed_printf_alloc("%.*s", slash == path ? 1 : (int)(slash - path), path)
                         : aed_strdup(".");
    if (!folder) return aed_fail(AED_MEMORY, "%s: out of memory for its name", path);
    if (*name == '\0')
        status = aed_fail(AED_CONFIG, "export: --output %s names a folder; name a file", path);
    else
        status = aed_file_replace(folder, name, bytes->bytes, bytes->size);
    aed_free(folder);
    if (status == AED_OK) printf("%s\n", path);
    return status;
}

static aed_status write_output(const char *path, const aed_buffer *bytes)
{
    if (strcmp(path, "-") != 0) return write_file(path, bytes);
    if (fwrite(bytes->bytes, 1, bytes->size, stdout) == bytes->size) return AED_OK;
    return aed_fail(AED_DATA, "standard output: cannot be written: %s", strerror(errno));
}

static aed_status run(const aed_command_args *args, const aed_comm *world)
{
    const aed_export_format *format = NULL;
    aed_stored *stored = NULL;
    aed_trial_record *record = NULL;
    aed_buffer bytes = {0};
    char *path = NULL;
    int64_t index;
    aed_status status;
    (void)world;
    AED_TRY(find_format(args->to, &format));
    AED_TRY(aed_stored_open(args->words[0], &stored));
    AED_TRY(aed_stored_find(stored, args->word_count > 1 ? args->words[1] : NULL, &index));
    AED_TRY(aed_stored_read(stored, index, &record));
    const aed_trial_result *result = &record->result;
    if (strcmp(result->status, "failed") == 0)
        fprintf(stderr, "aedist: note: trial %s failed: %s; these are its last parameters\n",
                result->id, result->reason);
    AED_TRY(format->encode(result, &bytes));
    path = args->output ? aed_strdup(args->output)
                        : aed_printf_alloc("%s%s", result->id, format->suffix);
    AED_TRY(path ? write_output(path, &bytes) : aed_fail(AED_MEMORY, "out of memory for a name"));

done:
    aed_free(path);
    aed_buffer_destroy(&bytes);
    aed_trial_record_destroy(&record);
    aed_stored_close(&stored);
    return status;
}

const aed_command aed_command_export = {.name = "export",
                                        .help = help,
                                        .options = AED_OPTION_TO | AED_OPTION_OUTPUT,
                                        .least_words = 1,
                                        .most_words = 2,
                                        .run = run};
