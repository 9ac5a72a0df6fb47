/* Files that are whole or absent; see file.h.
 *
 * Replacement follows the one order that survives a kill at any point: write a temporary in the
 * same folder, fsync it, rename it over the old name, fsync the folder. The temporary has a fixed
 * name, so that a killed job leaves at most one behind and the next job clears it. */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/memory.h"

static const char *remedy(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return "free some space or choose another --output";
    case EACCES:
    case EPERM:
    case EROFS: return "choose a folder that you may write to with --output";
    case ENOTDIR:
    case EEXIST:
    case EISDIR: return "something else is in its place; choose another --output";
    case ENAMETOOLONG: return "choose a shorter --output";
    case EMFILE:
    case ENFILE: return "raise the limit of open files (ulimit -n)";
    default: return "check the file system or choose another --output";
    }
}

aed_status aed_file_fail(const char *path, const char *doing, int error)
{
    return aed_fail(AED_DATA, "%s: cannot %s: %s; %s", path, doing, strerror(error), remedy(error));
}

aed_status aed_file_sync_folder(const char *path)
{
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return aed_file_fail(path, "open the folder", errno);
    /* Some network file systems have no fsync of folders and need none. */
    bool synced = fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP;
    int error = errno;
    close(descriptor);
    return synced ? AED_OK : aed_file_fail(path, "fsync the folder", error);
}

/* Makes the folder named by the first `length` bytes of path; its parent exists. */
static aed_status make_one_folder(char *path, size_t length)
{
    char cut = path[length];
    path[length] = '\0';
    aed_status status = AED_OK;
    if (mkdir(path, 0777) == 0) {
        char *slash = strrchr(path, '/');
        if (!slash) {
            status = aed_file_sync_folder(".");
        } else if (slash == path) {
            status = aed_file_sync_folder("/");
        } else {
            *slash = '\0';
            status = aed_file_sync_folder(path);
            *slash = '/';
        }
    } else {
        int error = errno;
        struct stat info;
        if (stat(path, &info) != 0) {
            status = aed_file_fail(path, "create the folder", error);
        } else if (!S_ISDIR(info.st_mode)) {
            status = aed_file_fail(path, "create the folder", ENOTDIR);
        }
    }
    path[length] = cut;
    return status;
}

aed_status aed_file_make_folder(const char *path)
{
    if (path[0] == '\0') {
        return aed_fail(AED_DATA, "the output folder's name is empty; name one with --output");
    }
    char *copy = aed_strdup(path);
    if (!copy) return aed_fail(AED_MEMORY, "%s: out of memory for its name", path);
    aed_status status = AED_OK;
    for (size_t i = 1; status == AED_OK && copy[i - 1] != '\0'; i++) {
        bool ends = (copy[i] == '/' || copy[i] == '\0') && copy[i - 1] != '/';
        if (ends) status = make_one_folder(copy, i);
    }
    aed_free(copy);
    return status;
}

aed_status aed_file_write(int descriptor, const char *path, const void *bytes, size_t count)
{
    const char *next = bytes;
    while (count > 0) {
        ssize_t written = write(descriptor, next, count);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return aed_file_fail(path, "write", written < 0 ? errno : ENOSPC);
        next += written;
        count -= (size_t)written;
    }
    return AED_OK;
}

aed_status aed_file_write_at(int descriptor, const char *path, const void *bytes, size_t count,
                             int64_t offset)
{
    const char *next = bytes;
    while (count > 0) {
        ssize_t written = pwrite(descriptor, next, count, offset);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return aed_file_fail(path, "write", written < 0 ? errno : ENOSPC);
        next += written;
        offset += written;
        count -= (size_t)written;
    }
    return AED_OK;
}

aed_status aed_file_read_at(int descriptor, const char *path, void *bytes, size_t count,
                            int64_t offset)
{
    char *next = bytes;
    while (count > 0) {
        ssize_t got = pread(descriptor, next, count, offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return aed_file_fail(path, "read", errno);
        if (got == 0) {
            return aed_fail(AED_DATA, "%s: ends at offset %lld, in the middle of a record", path,
                            (long long)offset);
        }
        next += got;
        offset += got;
        count -= (size_t)got;
    }
    return AED_OK;
}

/* A new file of that name with these bytes, on the disk when it returns. */
static aed_status write_new(const char *path, const void *bytes, size_t count)
{
    /* Not O_TRUNC: a link that lies at this name must not be followed. */
    if (unlink(path) != 0 && errno != ENOENT) return aed_file_fail(path, "replace", errno);
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0) return aed_file_fail(path, "create", errno);
    aed_status status = aed_file_write(descriptor, path, bytes, count);
    if (status == AED_OK && fsync(descriptor) != 0) status = aed_file_fail(path, "fsync", errno);
    /* Network file systems report a full quota only here. */
    if (close(descriptor) != 0 && status == AED_OK) status = aed_file_fail(path, "close", errno);
    return status;
}

aed_status aed_file_replace(const char *folder, const char *name, const void *bytes, size_t count)
{
    aed_status status = AED_OK;
    char *path = aed_printf_alloc("%s/%s", folder, name);
    char *temporary = aed_printf_alloc("%s/%s.tmp", folder, name);
    if (!path || !temporary) {
        status = aed_fail(AED_MEMORY, "%s/%s: out of memory for its name", folder, name);
        goto done;
    }
    AED_TRY(write_new(temporary, bytes, count));
    if (rename(temporary, path) != 0) {
        status = aed_file_fail(path, "replace", errno);
        goto done;
    }
    AED_TRY(aed_file_sync_folder(folder));

done:
    if (status != AED_OK && temporary) unlink(temporary);
    aed_free(temporary);
    aed_free(path);
    return status;
}
