/* See fuzz.h. */
#include "fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fuzz_expect(int holds, const char *file, int line, const char *what)
{
    if (holds) return;
    fprintf(stderr, "%s:%d: expected %s; last message: %s\n", file, line, what,
            aed_status_message());
    abort();
}

void fuzz_expect_refusal(aed_status status)
{
    const char *message = aed_status_message();
    FUZZ_EXPECT(status == AED_CONFIG || status == AED_DATA || status == AED_MEMORY);
    FUZZ_EXPECT(message[0] != '\0');
    FUZZ_EXPECT(!strchr(message, '\n'));
    if (getenv("FUZZ_TELL")) fprintf(stderr, "%s\n", message);
}

/* A crash in a process apart is expected: libFuzzer, which would keep the input as a finding, does not
 * hear of it. */
static void forget_fuzzer(void) { __sanitizer_set_death_callback(NULL); }

__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forget_fuzzer);
}

static char folder[32];
static pid_t owner; /* 0: there is no folder yet */

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

static void remove_folder(void)
{
    if (owner == getpid()) nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_folder(void)
{
    if (owner != 0) return folder;
    snprintf(folder, sizeof folder, "/dev/shm/aedist-fuzz-XXXXXX");
    if (!mkdtemp(folder)) {
        snprintf(folder, sizeof folder, "/tmp/aedist-fuzz-XXXXXX");
        FUZZ_EXPECT(mkdtemp(folder) != NULL);
    }
    owner = getpid();
    atexit(remove_folder);
    return folder;
}

const char *fuzz_file(const char *name, const void *bytes, size_t count)
{
    static char paths[4][64];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", fuzz_folder(), name);
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    FUZZ_EXPECT(descriptor >= 0);
    for (size_t at = 0; at < count;) {
        const ssize_t written = write(descriptor, (const char *)bytes + at, count - at);
        FUZZ_EXPECT(written > 0);
        at += (size_t)written;
    }
    close(descriptor);
    return path;
}
