/* A ledger opened by who only reads it, which a running job must not notice. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "core/memory.h"
#include "io/ledger_records.h"

/* A shared lock is to be had unless a job holds the exclusive one; it is given back at once. */
static bool is_busy(int descriptor)
{
    if (flock(descriptor, LOCK_SH | LOCK_NB) != 0) return errno == EWOULDBLOCK;
    flock(descriptor, LOCK_UN);
    return false;
}

static aed_status scan(aed_ledger *ledger, aed_ledger_visit visit, void *context,
                       aed_ledger_health *health)
{
    aed_ledger_seen seen = {0};
    size_t there;
    aed_status status = aed_ledger_check_header(ledger, &seen.size, &there);
    if (status == AED_OK) status = aed_ledger_scan(ledger, visit, context, &seen);
    if (status != AED_OK) return status;
    *health = (aed_ledger_health){.bytes = seen.size,
                                  .records = ledger->count,
                                  .damage = seen.damage,
                                  .torn = seen.torn,
                                  .busy = is_busy(ledger->descriptor)};
    /* What a job has not written to its end yet is no damage, however it looks. */
    if (health->busy && seen.damage >= 0 && seen.intact == ledger->count) health->torn = true;
    ledger->end = seen.size;
    return AED_OK;
}

/* A ledger that was copied may be called anything. */
static aed_status name_file(const char *place, aed_ledger *ledger)
{
    struct stat facts;
    if (stat(place, &facts) != 0 || S_ISDIR(facts.st_mode)) return AED_OK;
    char *path = aed_strdup(place);
    if (!path) return aed_ledger_out_of_memory(ledger);
    aed_free(ledger->path);
    ledger->path = path;
    return AED_OK;
}

aed_status aed_ledger_open_reading(const char *folder, aed_ledger_visit visit, void *context,
                                   aed_ledger_health *health, aed_ledger **ledger)
{
    aed_status status;
    aed_ledger *made;
    *ledger = NULL;
    AED_TRY(aed_ledger_make(folder, &made));
    AED_TRY(name_file(folder, made));
    made->descriptor = open(made->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (made->descriptor < 0) {
        const bool missing = errno == ENOENT || errno == ENOTDIR;
        status = missing ? aed_fail(AED_DATA,
                                    "%s: is no run: it has no ledger; name the output folder of a "
                                    "run",
                                    folder)
                         : aed_fail(AED_DATA, "%s: cannot be opened: %s; check its permissions",
                                    made->path, strerror(errno));
        goto done;
    }
    AED_TRY(scan(made, visit, context, health));
    *ledger = made;
    made = NULL;

done:
    aed_ledger_close(&made);
    return status;
}
