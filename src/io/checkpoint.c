/* Checkpoint files; see checkpoint.h. */
#include "io/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/memory.h"
#include "io/file.h"
#include "io/hdf5.h"
#include "io/results_file.h"

enum { MAGIC = 8, TRAILER = MAGIC + 8 + SHA256_DIGEST_LENGTH, MOST_FILES = 64 };

static const char magic[MAGIC + 1] = "AEDCKPT1";

/* ---- Names ------------------------------------------------------------------------------------ */

/* The number of steps in "<id>.<steps>.h5"; -1 for any other name. */
static int64_t steps_of(const char *name, const char *id)
{
    const size_t length = strlen(id);
    if (strncmp(name, id, length) != 0 || name[length] != '.') return -1;
    const char *digits = name + length + 1;
    const size_t count = strspn(digits, "0123456789");
    if (count == 0 || count > 18 || strcmp(digits + count, ".h5") != 0) return -1;
    return (int64_t)strtoll(digits, NULL, 10);
}

static int newest_first(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left < right) - (left > right);
}

/* Steps of the trial's checkpoints, the newest first; their number in *count. A folder that is not
 * there has none. */
static aed_status list_steps(const char *folder, const char *id, int64_t steps[MOST_FILES],
                             int *count)
{
    *count = 0;
    DIR *listing = opendir(folder);
    if (!listing && errno == ENOENT) return AED_OK;
    if (!listing) return aed_file_fail(folder, "open the folder", errno);
    const struct dirent *entry;
    while ((entry = readdir(listing))) {
        const int64_t number = steps_of(entry->d_name, id);
        if (number < 0) continue;
        /* More than a run ever leaves: the newest are kept in mind. */
        if (*count == MOST_FILES) {
            qsort(steps, MOST_FILES, sizeof *steps, newest_first);
            --*count;
        }
        steps[(*count)++] = number;
    }
    closedir(listing);
    qsort(steps, (size_t)*count, sizeof *steps, newest_first);
    return AED_OK;
}

/* "<id>.best.h5" */
static bool is_best(const char *name, const char *id)
{
    const size_t length = strlen(id);
    return strncmp(name, id, length) == 0 && strcmp(name + length, ".best.h5") == 0;
}

static char *folder_of(const char *dir) { return aed_printf_alloc("%s/checkpoints", dir); }

static char *path_of(const char *folder, const char *id, int64_t steps)
{
    return aed_printf_alloc("%s/%s.%" PRId64 ".h5", folder, id, steps);
}

/* Removes the trial's checkpoints but the newest `keep`. */
static void prune(const char *folder, const char *id, int keep)
{
    int64_t steps[MOST_FILES];
    int count;
    if (list_steps(folder, id, steps, &count) != AED_OK) return;
    for (int i = keep; i < count; i++) {
        char *path = path_of(folder, id, steps[i]);
        if (path) unlink(path);
        aed_free(path);
    }
}

bool aed_checkpoint_exists(const char *dir, const char *id)
{
    int64_t steps[MOST_FILES];
    int count = 0;
    char *folder = folder_of(dir);
    const bool exists = folder && list_steps(folder, id, steps, &count) == AED_OK && count > 0;
    aed_free(folder);
    return exists;
}

void aed_checkpoint_remove(const char *dir, const char *id)
{
    char *folder = folder_of(dir);
    if (!folder) return;
    prune(folder, id, 0);
    char *best = aed_printf_alloc("%s/%s.best.h5", folder, id);
    if (best) unlink(best);
    aed_free(best);
    rmdir(folder); /* succeeds once nothing is left in it */
    aed_free(folder);
}

/* ---- Writing ---------------------------------------------------------------------------------- */

static const aed_state_array *find_state(const aed_trial_result *result, const char *name,
                                         aed_number_type type)
{
    const aed_state_array *state = aed_trial_record_state(result, name);
    return state && state->type == type && state->count > 0 ? state : NULL;
}

static int64_t number_of(const aed_trial_result *result, const char *name)
{
    const aed_state_array *state = find_state(result, name, AED_NUMBER_I64);
    return state ? *(const int64_t *)state->values : 0;
}

static aed_status compose(const aed_trial_result *result, const unsigned char *payload,
                          size_t length, aed_buffer *bytes)
{
    aed_status status;
    aed_hdf5 *file = NULL;
    hid_t root, trials = H5I_INVALID_HID;
    const void *image;
    size_t count;
    const int64_t size = (int64_t)length;
    AED_TRY(aed_hdf5_create("checkpoint", &file, &root));
    AED_TRY(aed_hdf5_attribute_i64(file, root, "schema_version", 1));
    AED_TRY(aed_hdf5_attribute_text(file, root, "aedist_version", AED_VERSION));
    AED_TRY(aed_hdf5_attribute_text(file, root, "trial", result->id));
    AED_TRY(aed_hdf5_attribute_i64(file, root, "epochs", result->epochs));
    AED_TRY(aed_hdf5_attribute_i64(file, root, "steps", number_of(result, "optimizer_step")));
    AED_TRY(aed_hdf5_group(file, root, "trials", 1, &trials));
    AED_TRY(aed_results_write_trial(file, trials, result));
    AED_TRY(aed_hdf5_dataset(file, root, "record", AED_HDF5_U8, 1, &size, payload, NULL));
    aed_hdf5_group_close(trials);
    trials = H5I_INVALID_HID;
    AED_TRY(aed_hdf5_image(file, &image, &count));
    aed_buffer_put(bytes, image, count);
    aed_buffer_put(bytes, magic, MAGIC);
    aed_buffer_put_u64(bytes, (uint64_t)count);
    if (bytes->failed) status = aed_fail(AED_MEMORY, "checkpoint: out of memory");
done:
    aed_hdf5_group_close(trials);
    aed_hdf5_destroy(&file);
    return status;
}

static void put_digest(aed_buffer *bytes)
{
    SHA2_CTX context;
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256Init(&context);
    SHA256Update(&context, bytes->bytes, bytes->size);
    SHA256Final(digest, &context);
    aed_buffer_put(bytes, digest, sizeof digest);
}

static aed_status write_file(const char *folder, const char *name, const aed_trial_result *result,
                             const unsigned char *payload, size_t length)
{
    aed_status status;
    aed_buffer bytes = {0};
    AED_TRY(compose(result, payload, length, &bytes));
    put_digest(&bytes);
    if (bytes.failed)
        AED_TRY(aed_fail(AED_MEMORY, "%s/%s: out of memory for a checkpoint", folder, name));
    AED_TRY(aed_file_replace(folder, name, bytes.bytes, bytes.size));
done:
    aed_buffer_destroy(&bytes);
    return status;
}

/* The weights of the best epoch so far, if the trial keeps them: their block is laid out as its
 * parameters are. */
static aed_status write_best(const char *folder, const aed_trial_result *result)
{
    const aed_state_array *block = find_state(result, "best", AED_NUMBER_F32);
    aed_trial_result best = *result;
    best.epochs = number_of(result, "best_epoch");
    if (!block || best.epochs == 0 || result->tensor_count == 0) return AED_OK;
    const aed_tensor *last = &result->tensors[result->tensor_count - 1];
    if (block->count < last->offset + aed_shape_count(&last->shape)) return AED_OK;
    best.parameters = block->values;
    best.state_count = 0;
    aed_status status;
    aed_buffer payload = {0};
    char *name = aed_printf_alloc("%s.best.h5", result->id);
    if (!name) return aed_fail(AED_MEMORY, "%s: out of memory for a checkpoint", folder);
    AED_TRY(aed_trial_record_encode(&best, &payload));
    AED_TRY(write_file(folder, name, &best, payload.bytes, payload.size));
done:
    aed_buffer_destroy(&payload);
    aed_free(name);
    return status;
}

aed_status aed_checkpoint_write(const char *dir, const unsigned char *payload, size_t length,
                                int keep)
{
    aed_status status;
    aed_trial_record *record = NULL;
    char *folder = folder_of(dir), *name = NULL;
    AED_TRY(aed_trial_record_decode(payload, length, true, &record));
    const aed_trial_result *result = &record->result;
    name = aed_printf_alloc("%s.%" PRId64 ".h5", result->id, number_of(result, "optimizer_step"));
    if (!folder || !name) AED_TRY(aed_fail(AED_MEMORY, "%s: out of memory for a checkpoint", dir));
    AED_TRY(aed_file_make_folder(folder));
    AED_TRY(write_file(folder, name, result, payload, length));
    AED_TRY(write_best(folder, result));
    prune(folder, result->id, keep > 1 ? keep : 1);
done:
    aed_trial_record_destroy(&record);
    aed_free(name);
    aed_free(folder);
    return status;
}

/* ---- Reading ---------------------------------------------------------------------------------- */

static aed_status read_all(const char *path, unsigned char **bytes, size_t *count)
{
    struct stat info;
    aed_status status = AED_OK;
    *bytes = NULL;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return aed_file_fail(path, "open", errno);
    if (fstat(descriptor, &info) != 0) AED_TRY(aed_file_fail(path, "read", errno));
    if (!S_ISREG(info.st_mode) || info.st_size <= TRAILER)
        AED_TRY(aed_fail(AED_DATA, "%s: is no checkpoint, or cut off", path));
    *count = (size_t)info.st_size;
    *bytes = aed_alloc(*count, 1);
    if (!*bytes) AED_TRY(aed_fail(AED_MEMORY, "%s: out of memory for %zu bytes", path, *count));
    AED_TRY(aed_file_read_at(descriptor, path, *bytes, *count, 0));
done:
    close(descriptor);
    return status;
}

/* Whether the bytes are what was written. */
static aed_status check_digest(const char *path, const unsigned char *bytes, size_t count)
{
    SHA2_CTX context;
    uint8_t digest[SHA256_DIGEST_LENGTH];
    const unsigned char *trailer = bytes + count - TRAILER;
    if (memcmp(trailer, magic, MAGIC) != 0 || aed_load_le64(trailer + MAGIC) != count - TRAILER)
        return aed_fail(AED_DATA, "%s: is no checkpoint, or cut off", path);
    SHA256Init(&context);
    SHA256Update(&context, bytes, count - sizeof digest);
    SHA256Final(digest, &context);
    if (memcmp(digest, bytes + count - sizeof digest, sizeof digest) != 0)
        return aed_fail(AED_DATA, "%s: is damaged (its checksum is wrong)", path);
    return AED_OK;
}

/* A name such as aed_checkpoint_write gives. */
static bool has_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char id[16] = "";
    const size_t length = strcspn(name, ".");
    if (length >= sizeof id) return false;
    memcpy(id, name, length);
    return aed_trial_record_id_valid(id) && (steps_of(name, id) >= 0 || is_best(name, id));
}

bool aed_checkpoint_is(const char *path)
{
    struct stat info;
    char end[MAGIC];
    bool found = has_name(path);
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return found;
    if (fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > TRAILER)
        found = found || (pread(descriptor, end, MAGIC, info.st_size - TRAILER) == MAGIC &&
                          memcmp(end, magic, MAGIC) == 0);
    close(descriptor);
    return found;
}

aed_status aed_checkpoint_read_file(const char *path, aed_trial_record **record)
{
    aed_status status;
    unsigned char *bytes = NULL, *payload = NULL;
    size_t count = 0, length;
    aed_hdf5 *file = NULL;
    hid_t root;
    *record = NULL;
    AED_TRY(read_all(path, &bytes, &count));
    AED_TRY(check_digest(path, bytes, count));
    AED_TRY(aed_hdf5_open_image(path, bytes, count - TRAILER, &file, &root));
    AED_TRY(aed_hdf5_read_bytes(root, "record", count, &payload, &length));
    AED_TRY(aed_trial_record_decode(payload, length, true, record));
done:
    aed_hdf5_destroy(&file);
    aed_free(payload);
    aed_free(bytes);
    return status;
}

/* Adds a damaged file to the notice. Nothing happens if memory is short: it is a note only. */
static void note_damage(char **notice)
{
    char *longer = aed_printf_alloc("%s%s%s", *notice ? *notice : "", *notice ? "; " : "",
                                    aed_status_message());
    if (!longer) return;
    aed_free(*notice);
    *notice = longer;
}

aed_status aed_checkpoint_read(const char *dir, const char *id, char **notice,
                               aed_trial_record **record)
{
    aed_status status;
    int64_t steps[MOST_FILES];
    int count = 0;
    char *folder = folder_of(dir);
    *record = NULL;
    *notice = NULL;
    if (!folder) AED_TRY(aed_fail(AED_MEMORY, "%s: out of memory for a checkpoint", dir));
    AED_TRY(list_steps(folder, id, steps, &count));
    for (int i = 0; i < count && !*record; i++) {
        char *path = path_of(folder, id, steps[i]);
        if (!path) AED_TRY(aed_fail(AED_MEMORY, "%s: out of memory for a checkpoint", dir));
        status = aed_checkpoint_read_file(path, record);
        if (status == AED_OK && strcmp((*record)->result.id, id) != 0) {
            status = aed_fail(AED_DATA, "%s: holds another trial (%s)", path, (*record)->result.id);
            aed_trial_record_destroy(record);
        }
        aed_free(path);
        if (status == AED_MEMORY) goto done;
        if (status != AED_OK) note_damage(notice);
        status = AED_OK;
    }
done:
    aed_free(folder);
    return status;
}
