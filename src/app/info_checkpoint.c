/* What info tells of checkpoints. HDF5 sees only what their checksum vouches for, so they need no
 * process of their own. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "app/info.h"
#include "core/memory.h"
#include "io/checkpoint.h"

bool aed_info_is_checkpoint(const char *path, const unsigned char *begin, size_t length)
{
    (void)begin, (void)length;
    return aed_checkpoint_is(path);
}

/* Steps done; -1 of the best weights, which are no place to go on from. */
static int64_t steps_of(const aed_trial_result *result)
{
    const aed_state_array *state = aed_trial_record_state(result, "optimizer_step");
    const bool known = state && state->type == AED_NUMBER_I64 && state->count == 1;
    return known ? *(const int64_t *)state->values : -1;
}

aed_status aed_info_checkpoint(const char *path)
{
    aed_trial_record *record = NULL;
    aed_contents contents;
    aed_status status;
    aed_info_line("kind", "checkpoint");
    status = aed_checkpoint_read_file(path, &record);
    if (status == AED_DATA) aed_info_line("file", "damaged");
    if (status != AED_OK) return status;
    const aed_trial_result *result = &record->result;
    AED_TRY(aed_contents_of_trial(result, &contents));
    aed_info_line("file", "whole, its checksum is right");
    if (steps_of(result) < 0)
        aed_info_line("trial", "%s, its best weights so far: of epoch %" PRId64, result->id,
                      result->epochs);
    else
        aed_info_line("trial", "%s after %" PRId64 " whole epochs, %" PRId64 " steps", result->id,
                      result->epochs, steps_of(result));
    aed_info_contents(&contents);
    aed_contents_destroy(&contents);

done:
    aed_trial_record_destroy(&record);
    return status;
}

/* ---- Those of a run ------------------------------------------------------------------------------ */

typedef struct tally {
    int64_t files, damaged;
    char message[1024]; /* of the first damaged one */
} tally;

/* A job may remove a checkpoint while it is looked at. */
static aed_status look_at(const char *folder, const char *name, tally *found)
{
    aed_trial_record *record;
    struct stat facts;
    char *path = aed_printf_alloc("%s/%s", folder, name);
    if (!path) return aed_fail(AED_MEMORY, "%s: out of memory for a name", folder);
    aed_status status = AED_OK;
    if (aed_checkpoint_is(path)) {
        status = aed_checkpoint_read_file(path, &record);
        const bool there = status != AED_DATA || stat(path, &facts) == 0;
        found->files += there;
        if (status == AED_DATA && there && found->damaged++ == 0)
            snprintf(found->message, sizeof found->message, "%s", aed_status_message());
        if (status == AED_DATA) status = AED_OK;
        aed_trial_record_destroy(&record);
    }
    aed_free(path);
    return status;
}

/* What a kill left half written ends in .tmp and is none. */
static aed_status look_at_all(const char *folder, DIR *listing, tally *found)
{
    const struct dirent *entry;
    while ((entry = readdir(listing))) {
        const size_t length = strlen(entry->d_name);
        if (length < 3 || strcmp(entry->d_name + length - 3, ".h5") != 0) continue;
        const aed_status status = look_at(folder, entry->d_name, found);
        if (status != AED_OK) return status;
    }
    return AED_OK;
}

aed_status aed_info_checkpoints(const char *folder)
{
    tally found = {0};
    char *path = aed_printf_alloc("%s/checkpoints", folder);
    if (!path) return aed_fail(AED_MEMORY, "%s: out of memory for a name", folder);
    DIR *listing = opendir(path);
    aed_status status = AED_OK;
    if (listing) {
        status = look_at_all(path, listing, &found);
        closedir(listing);
    } else if (errno != ENOENT) {
        status = aed_fail(AED_DATA, "%s: cannot be read: %s; check its permissions", path,
                          strerror(errno));
    }
    aed_free(path);
    if (status != AED_OK || found.files == 0) return status;
    aed_info_line("saved", "%" PRId64 " checkpoint%s, %" PRId64 " damaged", found.files,
                  found.files == 1 ? "" : "s", found.damaged);
    return found.damaged == 0 ? AED_OK : aed_fail(AED_DATA, "%s", found.message);
}
