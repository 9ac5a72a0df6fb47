/* What info tells of a ledger, a results.h5 and a run's folder. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/info.h"
#include "core/apart.h"
#include "core/memory.h"

enum { MOST_SECONDS = 60 }; /* of a processor's time for a results.h5 */

/* ---- Ledger -------------------------------------------------------------------------------------- */

bool aed_info_is_ledger(const char *path, const unsigned char *begin, size_t length)
{
    (void)path;
    return length >= 6 && memcmp(begin, "AEDLGR", 6) == 0;
}

aed_status aed_info_health(const char *path, const aed_ledger_health *health)
{
    char records[64];
    snprintf(records, sizeof records, "%" PRId64 " %s, %" PRId64 " bytes", health->records,
             health->records == 1 ? "record" : "records", health->bytes);
    if (health->damage < 0) {
        aed_info_line("ledger", "whole: %s", records);
    } else if (health->torn) {
        aed_info_line("ledger", "%s: %s, and the last one from offset %" PRId64 " on, %s",
                      health->busy ? "being written" : "torn", records, health->damage,
                      health->busy ? "which is just being written"
                                   : "which a kill left unfinished; the next start cuts it off");
    } else {
        aed_info_line("ledger", "damaged at offset %" PRId64 ": %s are whole", health->damage,
                      records);
    }
    aed_info_line("job", "%s",
                  health->busy ? "one is running here"
                               : "none is running here, as far as locks tell");
    if (health->damage < 0 || health->torn) return AED_OK;
    return aed_fail(AED_DATA,
                    "%s: damaged at offset %" PRId64 "; the next start of the run keeps the "
                    "readable records and trains what is lost again",
                    path, health->damage);
}

static aed_status show_ledger(const char *path, const aed_stored *stored)
{
    aed_contents contents;
    aed_status status = aed_contents_of_ledger(stored, &contents);
    if (status != AED_OK) return status;
    status = aed_info_health(path, aed_stored_health(stored));
    aed_info_contents(&contents);
    aed_contents_destroy(&contents);
    return status;
}

aed_status aed_info_ledger(const char *path)
{
    aed_stored *stored;
    aed_status status = aed_stored_open(path, &stored);
    if (status != AED_OK) return status;
    aed_info_line("kind", "ledger");
    status = show_ledger(path, stored);
    aed_stored_close(&stored);
    return status;
}

/* ---- results.h5 ---------------------------------------------------------------------------------- */

bool aed_info_is_results(const char *path, const unsigned char *begin, size_t length)
{
    (void)path;
    return length >= 8 && memcmp(begin, "\x89HDF\r\n\x1a\n", 8) == 0;
}

static void show_origin(const aed_contents_origin *origin)
{
    aed_info_line("written", "by aedist %s, schema %" PRId64 ", %" PRId64 " %s on %s, %s kernels",
                  origin->aedist_version, origin->schema_version, origin->ranks,
                  origin->ranks == 1 ? "rank" : "ranks", origin->hosts, origin->kernels);
    aed_info_line("", "by a job started %s: %s", origin->created, origin->command);
    aed_info_line("", "%s", origin->libraries);
}

static aed_status show_results(void *context)
{
    aed_contents contents;
    aed_status status = aed_contents_of_results(context, &contents);
    if (status != AED_OK) return status;
    aed_info_line("kind", "results");
    show_origin(&contents.origin);
    aed_info_contents(&contents);
    aed_contents_destroy(&contents);
    return AED_OK;
}

aed_status aed_info_results(const char *path)
{
    char *copy = aed_strdup(path);
    if (!copy) return aed_fail(AED_MEMORY, "%s: out of memory for its name", path);
    const aed_status status = aed_apart(path, MOST_SECONDS, show_results, copy);
    aed_free(copy);
    return status;
}

/* ---- A run's folder ------------------------------------------------------------------------------ */

typedef struct run_view {
    const char *results; /* path */
    bool busy;
    const aed_contents *ledger;
} run_view;

static int compare_trials(const void *a, const void *b)
{
    return strcmp(((const aed_contents_trial *)a)->id, ((const aed_contents_trial *)b)->id);
}

/* Numbers of trials: in the ledger and not, or otherwise, in results; only in results. */
typedef struct difference {
    int64_t missing, extra, pending, running;
} difference;

static bool has_ended(const aed_contents_trial *trial) { return trial->weights_hash[0] != '\0'; }

/* Sorts both lists: to be called where nobody misses their order. */
static difference compare_contents(aed_contents_trial *ledger, int64_t count,
                                   const aed_contents *results)
{
    difference found = {0};
    aed_contents_trial *trials = results->trials;
    const size_t rows = (size_t)results->trial_count;
    if (count > 0) qsort(ledger, (size_t)count, sizeof *ledger, compare_trials);
    if (rows > 0) qsort(trials, rows, sizeof *trials, compare_trials);
    for (int64_t i = 0; i < count; i++) {
        const aed_contents_trial *row = rows == 0 ? NULL
                                                  : bsearch(&ledger[i], trials, rows,
                                                            sizeof *trials, compare_trials);
        found.missing += !row || strcmp(row->weights_hash, ledger[i].weights_hash) != 0;
    }
    for (size_t i = 0; i < rows; i++) {
        if (count > 0 && bsearch(&trials[i], ledger, (size_t)count, sizeof *ledger, compare_trials))
            continue;
        found.extra += has_ended(&trials[i]);
        found.running += strcmp(trials[i].status, "running") == 0;
        found.pending += strcmp(trials[i].status, "pending") == 0;
    }
    return found;
}

static const char *plural(int64_t count) { return count == 1 ? "" : "s"; }

/* AED_PARTIAL, with a message, if the ledger is what is behind: a readable results.h5 is not damaged. */
static aed_status show_difference(const run_view *view, const difference *found)
{
    if (found->missing > 0)
        aed_info_line("results", "older than the ledger, %" PRId64 " trial%s behind; %s",
                      found->missing, plural(found->missing),
                      view->busy ? "the job writes it anew" : "the next start writes it anew");
    else if (found->extra == 0)
        aed_info_line("results", "as the ledger has it");
    if (found->running + found->pending > 0)
        aed_info_line("to do", "%" PRId64 " %s, %" PRId64 " pending, when results.h5 was written",
                      found->running, view->busy ? "running" : "interrupted", found->pending);
    if (found->extra == 0) return AED_OK;
    aed_info_line("results", "has %" PRId64 " trial%s that the ledger does not have", found->extra,
                  plural(found->extra));
    return aed_fail(AED_PARTIAL,
                    "%s: has %" PRId64 " ended trial%s that the ledger does not have; the ledger "
                    "is not the one that it was made from, or lost its end",
                    view->results, found->extra, plural(found->extra));
}

static aed_status show_view(void *context)
{
    const run_view *view = context;
    aed_contents results;
    aed_status status = aed_contents_of_results(view->results, &results);
    if (status != AED_OK) return status;
    /* The ledger's list is a copy here, in a process of its own. */
    const difference found = compare_contents(view->ledger->trials, view->ledger->trial_count,
                                              &results);
    status = show_difference(view, &found);
    show_origin(&results.origin);
    aed_contents_destroy(&results);
    return status;
}

static aed_status show_results_of_run(const char *folder, bool busy, const aed_contents *ledger)
{
    struct stat facts;
    char *path = aed_printf_alloc("%s/results.h5", folder);
    if (!path) return aed_fail(AED_MEMORY, "%s: out of memory for its name", folder);
    aed_status status = AED_OK;
    run_view view = {.results = path, .busy = busy, .ledger = ledger};
    if (stat(path, &facts) != 0) {
        aed_info_line("results", "missing; %s",
                      busy ? "the job writes it" : "the next start writes it");
    } else {
        status = aed_apart(path, MOST_SECONDS, show_view, &view);
        if (status == AED_DATA) aed_info_line("results", "damaged; the next start writes it anew");
        if (status == AED_PARTIAL) status = aed_fail(AED_DATA, "%s", aed_status_message());
    }
    aed_free(path);
    return status;
}

/* The gravest damage is looked for first, and told. */
static void keep_first(aed_status status, char message[1024], aed_status *first)
{
    if (*first != AED_OK || status == AED_OK) return;
    *first = status;
    snprintf(message, 1024, "%s", aed_status_message());
}

aed_status aed_info_run(const char *path)
{
    aed_stored *stored;
    aed_contents contents;
    aed_status status = aed_stored_open(path, &stored);
    if (status != AED_OK) return status;
    const aed_ledger_health *health = aed_stored_health(stored);
    char message[1024] = "";
    AED_TRY(aed_contents_of_ledger(stored, &contents));
    aed_info_line("kind", "run");
    keep_first(aed_info_health(path, health), message, &status);
    keep_first(show_results_of_run(path, health->busy, &contents), message, &status);
    keep_first(aed_info_checkpoints(path), message, &status);
    aed_info_contents(&contents);
    aed_contents_destroy(&contents);
    if (status != AED_OK) status = aed_fail(status, "%s", message);

done:
    aed_stored_close(&stored);
    return status;
}
