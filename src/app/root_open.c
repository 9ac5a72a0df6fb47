/* How rank 0's part begins and ends: the run's folder, what it holds already, the queue. See root.h. */
#include <hdf5.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/root_private.h"
#include "app/summary.h"
#include "config/difference.h"
#include "core/blas.h"
#include "core/clock.h"
#include "core/hdf5_guard.h"
#include "core/memory.h"
#include "io/checkpoint.h"
#include "kernel/kernels.h"

/* Slurm's end of the job leaves at least this many seconds for saving. */
static const double SLURM_MARGIN = 60;

static void library_versions(char *text, size_t bytes)
{
    char mpi[MPI_MAX_LIBRARY_VERSION_STRING];
    int length;
    unsigned major, minor, release;
    aed_hdf5_guard guard;
    MPI_Get_library_version(mpi, &length);
    mpi[strcspn(mpi, ",\n")] = '\0';
    aed_hdf5_enter(&guard);
    H5get_libversion(&major, &minor, &release);
    aed_hdf5_leave(&guard);
    snprintf(text, bytes, "%.80s; HDF5 %u.%u.%u; %s", mpi, major, minor, release, aed_blas_name());
}

static aed_status out_of_memory(void)
{
    return aed_fail(AED_MEMORY, "out of memory for the trials");
}

static aed_status plan_results(aed_root *root)
{
    const aed_job *job = root->job;
    const int64_t count = job->list.count;
    root->planned = aed_alloc((size_t)count, sizeof *root->planned);
    root->settings = aed_alloc((size_t)count, sizeof *root->settings);
    if (!root->planned || !root->settings) return out_of_memory();
    for (int64_t i = 0; i < count; i++) {
        const aed_trial *trial = &job->list.trials[i];
        const aed_status status = aed_summary_settings(trial, &root->settings[i]);
        if (status != AED_OK) return status;
        root->planned[i] = (aed_planned_trial){.seed = trial->config.seed,
                                               .setting_count = trial->setting_count,
                                               .settings = root->settings[i]};
        memcpy(root->planned[i].id, job->plans[i].id, sizeof root->planned[i].id);
    }
    return AED_OK;
}

/* The job's config with all defaults written out. */
static aed_status resolve_job(const aed_job *job, char **text)
{
    int64_t tile = job->plans[0].tile, leaf = job->plans[0].leaf;
    for (int64_t i = 1; i < job->list.count; i++) {
        if (job->plans[i].tile != tile) tile = 0; /* auto */
        if (job->plans[i].leaf != leaf) leaf = 0;
    }
    return aed_config_resolve_list(&job->list, tile, leaf, text);
}

static bool is_planned(const aed_root *root, const char *id)
{
    for (int64_t i = 0; i < root->job->list.count; i++)
        if (strcmp(root->planned[i].id, id) == 0) return true;
    return false;
}

/* Refuses a folder whose trial `ended` differs from the job's in more than the axes of either. */
static aed_status check_setting(const aed_root *root, const aed_trial_result *ended,
                                const char *resolved)
{
    const aed_trial *trial = &root->job->list.trials[0];
    const int64_t count = ended->setting_count + trial->setting_count;
    char *text = NULL;
    const char **axes = aed_alloc((size_t)count, sizeof *axes);
    if (!axes) return out_of_memory();
    for (int64_t i = 0; i < ended->setting_count; i++) axes[i] = ended->settings[i].axis;
    for (int64_t i = 0; i < trial->setting_count; i++)
        axes[ended->setting_count + i] = trial->settings[i].axis;
    aed_status status = aed_config_difference(ended->resolved, resolved, axes, count, &text);
    if (status == AED_OK && text)
        status = aed_fail(
            AED_CONFIG,
            "%s holds finished trials of another config (%s); choose another --output, "
            "or make the key an axis of the sweep",
            root->job->output, text);
    aed_free(text);
    aed_free(axes);
    return status;
}

/* Finished trials that are not of this job must be of the same sweep, with other values: else a
 * changed setting would leave two kinds of results beside each other. */
static aed_status check_ended(const aed_root *root)
{
    const aed_plan *plan = &root->job->plans[0];
    char *resolved = NULL;
    aed_status status = aed_config_resolve(&root->job->list.trials[0].config, plan->tile,
                                           plan->leaf, &resolved);
    for (int64_t i = 0; status == AED_OK && i < aed_run_ended_count(root->run); i++) {
        const aed_trial_result *ended = aed_run_ended(root->run, i);
        if (strcmp(ended->status, "done") == 0 && !is_planned(root, ended->id))
            status = check_setting(root, ended, resolved);
    }
    aed_free(resolved);
    return status;
}

static aed_status open_run(aed_root *root, const char *command, const char *hosts)
{
    const aed_job *job = root->job;
    aed_status status = AED_OK;
    char libraries[400], *resolved = NULL, *notice = NULL;
    library_versions(libraries, sizeof libraries);
    const aed_run_info info = {.config = job->list.source_text,
                               .command = command,
                               .hosts = hosts,
                               .ranks = job->world.size,
                               .kernels = aed_kernels()->name,
                               .libraries = libraries};
    AED_TRY(plan_results(root));
    AED_TRY(resolve_job(job, &resolved));
    AED_TRY(aed_run_open(job->output, &info, root->planned, job->list.count, &notice, &root->run));
    if (notice) printf("note      %s\n", notice);
    AED_TRY(check_ended(root));
    AED_TRY(aed_run_write_config(root->run, resolved));
done:
    aed_free(resolved);
    aed_free(notice);
    return status;
}

/* What the ledger and the checkpoints hold of the job, and says so. */
static void find_state(aed_root *root, bool retry_failed)
{
    const aed_job *job = root->job;
    int64_t done = 0, failed = 0, interrupted = 0;
    for (int64_t i = 0; i < job->list.count; i++) {
        queued_trial *t = &root->trials[i];
        const aed_trial_result *result = aed_run_find(root->run, job->plans[i].id);
        if (result && strcmp(result->status, "done") == 0)
            t->state = TRIAL_DONE;
        else if (result && !retry_failed)
            t->state = TRIAL_FAILED;
        done += t->state == TRIAL_DONE;
        failed += t->state == TRIAL_FAILED;
        interrupted += t->state == TRIAL_PENDING &&
                       aed_checkpoint_exists(job->output, job->plans[i].id);
    }
    if (failed > 0) root->worst = AED_DIVERGED;
    root->has_checkpoints = interrupted > 0;
    if (done + failed > 0)
        printf("resume    %s holds %" PRId64 " of these trials as done and %" PRId64
               " as failed%s; they are not trained again\n",
               job->output, done, failed, failed ? " (--retry-failed trains them)" : "");
    if (interrupted > 0)
        printf("resume    %" PRId64 " interrupted %s from %s checkpoint\n", interrupted,
               interrupted == 1 ? "trial goes on" : "trials go on",
               interrupted == 1 ? "its" : "their");
}

typedef struct ranked {
    double cost;
    int64_t trial;
} ranked;

/* The most expensive first, equal ones in the order of the sweep. */
static int compare_ranked(const void *a, const void *b)
{
    const ranked *left = a, *right = b;
    if (left->cost != right->cost) return left->cost < right->cost ? 1 : -1;
    return (left->trial > right->trial) - (left->trial < right->trial);
}

static aed_status make_queue(aed_root *root)
{
    const int64_t count = root->job->list.count;
    ranked *order = aed_alloc((size_t)count, sizeof *order);
    if (!order) return out_of_memory();
    for (int64_t i = 0; i < count; i++)
        if (root->trials[i].state == TRIAL_PENDING)
            order[root->queue_end++] = (ranked){root->job->plans[i].cost, i};
    qsort(order, (size_t)root->queue_end, sizeof *order, compare_ranked);
    for (int64_t i = 0; i < root->queue_end; i++) root->queue[i] = order[i].trial;
    aed_free(order);
    return AED_OK;
}

/* When the job has to be over, by its config or by Slurm. */
static double find_deadline(const aed_root *root)
{
    const double limit = root->job->list.trials[0].config.time_limit, now = aed_clock_seconds();
    const char *slurm = getenv("SLURM_JOB_END_TIME");
    double deadline = limit > 0 ? root->start + 60 * limit : INFINITY;
    if (slurm) {
        const double left = strtod(slurm, NULL) - (double)time(NULL);
        const double margin = left / 10 > SLURM_MARGIN ? SLURM_MARGIN : left / 10;
        if (left > 0 && now + left - margin < deadline) deadline = now + left - margin;
    }
    return deadline;
}

aed_status aed_root_create(aed_job *job, const aed_options *options, const char *command,
                           const char *hosts, double start, aed_root **root)
{
    aed_status status = AED_OK;
    const size_t count = (size_t)job->list.count;
    aed_root *made = aed_alloc(1, sizeof *made);
    if (!made) return out_of_memory();
    made->job = job;
    made->start = start;
    made->moving = -1;
    made->deadline = find_deadline(made);
    made->trials = aed_alloc(count, sizeof *made->trials);
    made->queue = aed_alloc(count, sizeof *made->queue);
    made->groups = aed_alloc((size_t)job->world.size, sizeof *made->groups);
    if (!made->trials || !made->queue || !made->groups) AED_TRY(out_of_memory());
    AED_TRY(open_run(made, command, hosts));
    find_state(made, options->retry_failed);
    AED_TRY(make_queue(made));
    *root = made;
    made = NULL;
done:
    aed_root_destroy(&made);
    return status;
}

void aed_root_destroy(aed_root **root)
{
    aed_root *old = *root;
    if (!old) return;
    (void)aed_writer_stop(&old->writer);
    aed_run_close(&old->run);
    for (int64_t i = 0; i < old->job->list.count; i++) {
        if (old->settings) aed_free(old->settings[i]);
        if (old->trials) aed_buffer_destroy(&old->trials[i].saved);
    }
    for (int i = 0; i < old->group_count; i++) aed_free(old->groups[i].ranks);
    aed_free(old->settings);
    aed_free(old->planned);
    aed_free(old->trials);
    aed_free(old->queue);
    aed_free(old->groups);
    aed_free(old);
    *root = NULL;
}
