/* aedist info: what files of a run hold, and whether they are sound. */
#include "app/info.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/command.h"

static const char help[] =
    "Usage: aedist info RUN|FILE ...\n"
    "\n"
    "Prints what a run's folder, a ledger, a checkpoint or a results.h5 holds: trials by status, "
    "swept keys, "
    "the\n"
    "best trial, metrics, parameters, where it was written; and its health: whether the ledger is\n"
    "whole, torn by a kill or damaged, and whether results.h5 is as the ledger. Nothing is "
    "changed,\n"
    "and a job that is writing is not disturbed.\n"
    "\n"
    "Exit codes: 0 sound (a torn ledger loses nothing that was finished), 2 usage, 3 damaged or "
    "not\n"
    "aedist's.\n";

static const aed_file_kind kinds[] = {
    {"run", NULL, aed_info_run},
    {"ledger", aed_info_is_ledger, aed_info_ledger},
    {"checkpoint", aed_info_is_checkpoint, aed_info_checkpoint}, /* an HDF5 file too */
    {"results", aed_info_is_results, aed_info_results},
};
enum { KINDS = sizeof kinds / sizeof *kinds, BEGIN_BYTES = 64 };

static const aed_file_kind *find_kind(const char *path, bool folder, const unsigned char *begin,
                                      size_t length)
{
    for (int i = 0; i < KINDS; i++)
        if (folder ? !kinds[i].is : kinds[i].is && kinds[i].is(path, begin, length))
            return &kinds[i];
    return NULL;
}

static aed_status fail_opening(const char *path)
{
    return aed_fail(AED_DATA, "%s: cannot be opened: %s; check the path", path, strerror(errno));
}

aed_status aed_file_kind_of(const char *path, const aed_file_kind **kind)
{
    struct stat facts;
    unsigned char begin[BEGIN_BYTES];
    *kind = NULL;
    if (stat(path, &facts) != 0) return fail_opening(path);
    if (S_ISDIR(facts.st_mode)) {
        *kind = find_kind(path, true, NULL, 0);
        return AED_OK;
    }
    if (!S_ISREG(facts.st_mode)) return AED_OK;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return fail_opening(path);
    const ssize_t length = read(descriptor, begin, sizeof begin);
    close(descriptor);
    if (length < 0) return fail_opening(path);
    *kind = find_kind(path, false, begin, (size_t)length);
    return AED_OK;
}

static aed_status show(const char *path)
{
    const aed_file_kind *kind;
    const aed_status status = aed_file_kind_of(path, &kind);
    if (status != AED_OK) return status;
    if (kind) return kind->show(path);
    return aed_fail(
        AED_DATA, "%s: is neither a run's folder nor a ledger, a checkpoint or a results.h5", path);
}

static aed_status run(const aed_command_args *args, const aed_comm *world)
{
    aed_status worst = AED_OK;
    char message[1024] = "";
    (void)world;
    for (int i = 0; i < args->word_count; i++) {
        if (args->word_count > 1) printf("%s%s\n", i ? "\n" : "", args->words[i]);
        const aed_status status = show(args->words[i]);
        if (status == AED_OK) continue;
        /* The last failure is told by whoever ends the program; those before it here, as they come. */
        fflush(stdout);
        if (*message) fprintf(stderr, "aedist: %s\n", message);
        snprintf(message, sizeof message, "%s", aed_status_message());
        if (status > worst) worst = status;
    }
    return worst == AED_OK ? AED_OK : aed_fail(worst, "%s", message);
}

const aed_command aed_command_info = {
    .name = "info", .help = help, .least_words = 1, .most_words = 10000, .run = run};
