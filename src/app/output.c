/* See output.h. */
#include "app/output.h"

#include <hdf5.h>
#include <stdio.h>
#include <string.h>

#include "app/summary.h"
#include "config/difference.h"
#include "core/blas.h"
#include "core/hdf5_guard.h"
#include "core/memory.h"
#include "kernel/kernels.h"

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

/* ---- Planned trials ---------------------------------------------------------------------------- */

/* The job's trials as results.h5 lists them. */
typedef struct plan_rows {
    aed_planned_trial *planned;
    aed_result_setting **settings;
    int64_t count;
} plan_rows;

static aed_status plan_results(const aed_job *job, plan_rows *rows)
{
    const size_t count = (size_t)job->list.count;
    rows->planned = aed_alloc(count, sizeof *rows->planned);
    rows->settings = aed_alloc(count, sizeof *rows->settings);
    if (!rows->planned || !rows->settings) return out_of_memory();
    for (; rows->count < job->list.count; rows->count++) {
        const int64_t i = rows->count;
        const aed_trial *trial = &job->list.trials[i];
        const aed_status status = aed_summary_settings(trial, &rows->settings[i]);
        if (status != AED_OK) return status;
        rows->planned[i] = (aed_planned_trial){.seed = trial->config.seed,
                                               .setting_count = trial->setting_count,
                                               .settings = rows->settings[i]};
        memcpy(rows->planned[i].id, job->plans[i].id, sizeof rows->planned[i].id);
    }
    return AED_OK;
}

static void destroy_rows(plan_rows *rows)
{
    for (int64_t i = 0; i < rows->count; i++) aed_free(rows->settings[i]);
    aed_free(rows->settings);
    aed_free(rows->planned);
}

/* ---- Finished trials --------------------------------------------------------------------------- */

static bool is_planned(const aed_job *job, const char *id)
{
    for (int64_t i = 0; i < job->list.count; i++)
        if (strcmp(job->plans[i].id, id) == 0) return true;
    return false;
}

/* Refuses a folder whose trial `ended` differs from the job's in more than the axes of either. */
static aed_status check_setting(const aed_job *job, const char *folder,
                                const aed_trial_result *ended, const char *resolved)
{
    const aed_trial *trial = &job->list.trials[0];
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
            folder, text);
    aed_free(text);
    aed_free(axes);
    return status;
}

/* Finished trials that are not of this job must be of the same sweep, with other values: else a
 * changed setting would leave two kinds of results beside each other. */
static aed_status check_ended(const aed_job *job, const char *folder, const aed_run *run)
{
    const aed_plan *plan = &job->plans[0];
    char *resolved = NULL;
    aed_status status = aed_config_resolve(&job->list.trials[0].config, plan->tile, plan->leaf,
                                           &resolved);
    for (int64_t i = 0; status == AED_OK && i < aed_run_ended_count(run); i++) {
        const aed_trial_result *ended = aed_run_ended(run, i);
        if (strcmp(ended->status, "done") == 0 && !is_planned(job, ended->id))
            status = check_setting(job, folder, ended, resolved);
    }
    aed_free(resolved);
    return status;
}

aed_status aed_output_open(const aed_job *job, const char *folder, const char *command,
                           const char *hosts, aed_run **run)
{
    aed_status status;
    char libraries[400], *notice = NULL;
    plan_rows rows = {0};
    library_versions(libraries, sizeof libraries);
    const aed_run_info info = {.config = job->list.source_text,
                               .command = command,
                               .hosts = hosts,
                               .ranks = job->world.size,
                               .kernels = aed_kernels()->name,
                               .libraries = libraries};
    *run = NULL;
    AED_TRY(plan_results(job, &rows));
    AED_TRY(aed_run_open(folder, &info, rows.planned, rows.count, &notice, run));
    if (notice) printf("note      %s\n", notice);
    AED_TRY(check_ended(job, folder, *run));
    AED_TRY(aed_run_write_config(*run, job->resolved));

done:
    if (status != AED_OK) aed_run_close(run);
    destroy_rows(&rows);
    aed_free(notice);
    return status;
}
