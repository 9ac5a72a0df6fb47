/* Preloaded into aedist: the call number FAULT_AT (from 1) of those that write to files below
 * FAULT_FOLDER fails, and with FAULT_REST=1 all later ones, as on a full disk. With FAULT_TOLD=FILE the
 * place of each call that failed is added there, a line each, and at the end the number of all calls. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long calls;

static void tell(const char *format, ...);

/* The real function of that name; the cast that POSIX promises, C does not know. */
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }
#define REAL(name, type, ...) ((type(*)(__VA_ARGS__))(uintptr_t)real(name))

static bool is_below(const char *path)
{
    const char *folder = getenv("FAULT_FOLDER");
    return folder && strncmp(path, folder, strlen(folder)) == 0;
}

/* Whether it is this call on a path that fails. */
static bool fails(const char *path)
{
    if (!is_below(path)) return false;
    const char *at = getenv("FAULT_AT"), *rest = getenv("FAULT_REST");
    const long number = atomic_fetch_add(&calls, 1) + 1;
    const long first = at ? atol(at) : 0;
    if (first == 0 || number < first || (number > first && !(rest && rest[0] == '1'))) return false;
    tell("%s\n", path);
    errno = ENOSPC;
    return true;
}

static bool fails_at(int descriptor)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return false;
    path[length] = '\0';
    return fails(path);
}

ssize_t write(int descriptor, const void *bytes, size_t count)
{
    if (fails_at(descriptor)) return -1;
    return REAL("write", ssize_t, int, const void *, size_t)(descriptor, bytes, count);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset)
{
    if (fails_at(descriptor)) return -1;
    return REAL("pwrite", ssize_t, int, const void *, size_t, off_t)(descriptor, bytes, count,
                                                                     offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset)
{
    return pwrite(descriptor, bytes, count, offset);
}

int fsync(int descriptor)
{
    if (fails_at(descriptor)) return -1;
    return REAL("fsync", int, int)(descriptor);
}

int fdatasync(int descriptor)
{
    if (fails_at(descriptor)) return -1;
    return REAL("fdatasync", int, int)(descriptor);
}

int rename(const char *from, const char *to)
{
    if (fails(to)) return -1;
    return REAL("rename", int, const char *, const char *)(from, to);
}

int mkdir(const char *path, mode_t mode)
{
    /* One that is there fails by itself, and says so whether or not there is room. */
    if (access(path, F_OK) != 0 && fails(path)) return -1;
    return REAL("mkdir", int, const char *, mode_t)(path, mode);
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    if ((flags & O_CREAT) && fails(path)) return -1;
    return REAL("open", int, const char *, int, ...)(path, flags, mode);
}

static void tell(const char *format, ...)
{
    const char *path = getenv("FAULT_TOLD");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file) return;
    va_list args;
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    fclose(file);
}

__attribute__((destructor)) static void tell_calls(void) { tell("%ld\n", atomic_load(&calls)); }
