/* The run: trials one after the other on all ranks; see run.h. */
#include "app/run.h"

#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "app/report.h"
#include "core/blas.h"
#include "core/clock.h"
#include "core/hdf5_guard.h"
#include "core/memory.h"
#include "kernel/kernels.h"

/* Seconds between rewrites of results.h5; the ledger is the truth meanwhile. */
static const double RESULTS_INTERVAL = 15;

/* The side of the run that only rank 0 has. */
typedef struct writer {
    aed_run *run; /* NULL on other ranks */
    aed_planned_trial *planned;
    aed_result_setting **settings;
    double results_written;
} writer;

/* ---- Opening ------------------------------------------------------------------------------------ */

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

static aed_status plan_results(const aed_job *job, writer *w)
{
    const int64_t count = job->list.count;
    w->planned = aed_alloc((size_t)count, sizeof *w->planned);
    w->settings = aed_alloc((size_t)count, sizeof *w->settings);
    if (!w->planned || !w->settings) return aed_fail(AED_MEMORY, "out of memory for the trials");
    for (int64_t i = 0; i < count; i++) {
        const aed_trial *trial = &job->list.trials[i];
        aed_result_setting *settings = aed_alloc((size_t)trial->setting_count, sizeof *settings);
        if (!settings) return aed_fail(AED_MEMORY, "out of memory for the trials");
        w->settings[i] = settings;
        for (int64_t k = 0; k < trial->setting_count; k++)
            settings[k] = (aed_result_setting){trial->settings[k].axis, trial->settings[k].text,
                                               trial->settings[k].number};
        w->planned[i] = (aed_planned_trial){.seed = trial->config.seed,
                                            .setting_count = trial->setting_count,
                                            .settings = settings};
        memcpy(w->planned[i].id, job->plans[i].id, sizeof w->planned[i].id);
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

static aed_status open_writer(const aed_job *job, const char *command, const char *hosts, writer *w)
{
    aed_status status = AED_OK;
    char libraries[400], *resolved = NULL, *notice = NULL;
    library_versions(libraries, sizeof libraries);
    const aed_run_info info = {.config = job->list.source_text,
                               .command = command,
                               .hosts = hosts,
                               .ranks = job->world.size,
                               .kernels = aed_kernels()->name,
                               .libraries = libraries};
    AED_TRY(plan_results(job, w));
    AED_TRY(resolve_job(job, &resolved));
    AED_TRY(
        aed_run_open(job->output, resolved, &info, w->planned, job->list.count, &notice, &w->run));
    if (notice) printf("note      %s\n", notice);
done:
    aed_free(resolved);
    aed_free(notice);
    return status;
}

static void close_writer(const aed_job *job, writer *w)
{
    aed_run_close(&w->run);
    for (int64_t i = 0; w->settings && i < job->list.count; i++) aed_free(w->settings[i]);
    aed_free(w->settings);
    aed_free(w->planned);
}

/* ---- One trial ----------------------------------------------------------------------------------- */

/* What the observer needs: progress on rank 0 and a log line for every recorded epoch. */
typedef struct observer_state {
    writer *writer;
    const char *id;
    aed_progress_line line;
} observer_state;

static void observe_epoch(void *self, const aed_progress *progress)
{
    observer_state *state = self;
    if (!state->writer->run) return;
    aed_progress_epoch(&state->line, progress);
    if (!progress->recorded) return;
    const aed_log_field fields[] = {
        {"trial", state->id, 0},
        {"epoch", NULL, (double)progress->epoch},
        {"train_loss", NULL, progress->train_loss},
        {"val_loss", NULL, progress->val_loss},
    };
    aed_run_log(state->writer->run, "epoch", fields, 4);
}

/* Counts of validation samples, true class down, taken for across, after the last evaluation; its
 * values are NULL if there is none. */
static aed_result_array confusion_matrix(const aed_trainer *trainer)
{
    aed_result_array array = {.name = "confusion"};
    const aed_pass *pass = &trainer->passes[AED_PASS_VAL];
    if (!pass->confusion) return array;
    array.shape = (aed_shape){
        2, {trainer->data->classes, trainer->terms[trainer->classifier].features}};
    array.values = pass->confused;
    return array;
}

/* Gathers what is known of the trial and makes it durable. */
static aed_status keep_result(aed_job *job, int64_t trial, const aed_trainer *trainer,
                              const aed_trial_history *history, aed_status outcome, writer *w)
{
    aed_status status = AED_OK;
    char *resolved = NULL;
    const char *const names[] = {"tile", "leaf", "mean_floor", "pca_floor"};
    const aed_plan *plan = &job->plans[trial];
    const aed_trial *source = &job->list.trials[trial];
    char reason[1024];
    snprintf(reason, sizeof reason, "%s", outcome == AED_OK ? "" : aed_status_message());
    (void)aed_job_floors(job, plan->code_size); /* an extra: without it they are NAN */
    const double scalars[] = {(double)plan->tile, (double)plan->leaf, job->mean_floor,
                              job->pca_floor};
    const aed_result_array confusion = confusion_matrix(trainer);
    AED_TRY(aed_config_resolve(&source->config, plan->tile, plan->leaf, &resolved));
    aed_trial_result result = {
        .status = outcome == AED_OK ? "done" : "failed",
        .reason = reason,
        .seed = source->config.seed,
        .epochs = history->epochs,
        .seconds = history->seconds,
        .samples_per_second = history->seconds > 0 ? (double)history->samples / history->seconds
                                                   : 0,
        .resolved = resolved,
        .setting_count = source->setting_count,
        .settings = w->settings[trial],
        .metrics = history->metrics,
        .scalar_count = isnan(job->mean_floor) ? 2 : 4,
        .scalar_names = names,
        .scalar_values = scalars,
        .tensor_count = trainer->model.tensor_count,
        .tensors = trainer->model.tensors,
        .parameters = trainer->params,
        .array_count = confusion.values != NULL,
        .arrays = &confusion,
    };
    memcpy(result.id, plan->id, sizeof result.id);
    aed_weights_hash(result.tensors, result.tensor_count, result.parameters, result.weights_hash);
    AED_TRY(aed_run_append(w->run, &result));
    aed_report_trial(job, trial, &result);
    const aed_log_field fields[] = {{"trial", result.id, 0},
                                    {"status", result.status, 0},
                                    {"reason", reason, 0},
                                    {"seconds", NULL, result.seconds},
                                    {"weights_hash", result.weights_hash, 0}};
    AED_TRY(aed_run_log(w->run, "trial_end", fields, 5));
done:
    aed_free(resolved);
    return status;
}

/* results.h5 with the ended trials, unless it has been written just now. */
static aed_status show_running(writer *w)
{
    const double now = aed_clock_seconds();
    if (w->results_written > 0 && now - w->results_written < RESULTS_INTERVAL) return AED_OK;
    w->results_written = now;
    return aed_run_write_results(w->run);
}

/* Trains one trial. *outcome is its own end: AED_OK, AED_DIVERGED or AED_DATA. */
static aed_status train_trial(aed_job *job, int64_t trial, writer *w, aed_status *outcome)
{
    aed_trainer trainer;
    aed_training training = {0};
    observer_state state = {.writer = w, .id = job->plans[trial].id};
    const aed_observer observer = {.epoch = observe_epoch, .self = &state};
    aed_status status = aed_job_create_trainer(job, trial, &trainer);
    if (status != AED_OK) return status;
    AED_TRY(aed_training_create(&trainer, &training));
    if (w->run) {
        const aed_log_field field = {"trial", state.id, 0};
        aed_run_log(w->run, "trial_start", &field, 1);
        status = show_running(w);
        aed_progress_begin(&state.line, &job->list.trials[trial], trainer.samples);
    }
    AED_TRY(aed_dist_agree(&job->world, status));
    *outcome = aed_training_run(&training, &observer);
    if (w->run) aed_progress_end(&state.line);
    /* A trial that diverged or whose data failed is a result; anything else ends the run. */
    if (*outcome == AED_OK || *outcome == AED_DIVERGED || *outcome == AED_DATA) {
        if (w->run) status = keep_result(job, trial, &trainer, &training.history, *outcome, w);
    } else {
        status = *outcome;
    }
    status = aed_dist_agree(&job->world, status);
done:
    aed_training_destroy(&training);
    aed_trainer_destroy(&trainer);
    return status;
}

/* ---- All trials ---------------------------------------------------------------------------------- */

/* Rank 0 knows which trials the ledger holds; everybody learns it. state: 0 to do, 1 done, 2 failed. */
static aed_status share_state(const aed_job *job, bool retry_failed, const writer *w, char *state)
{
    int64_t done = 0, failed = 0;
    for (int64_t i = 0; w->run && i < job->list.count; i++) {
        const aed_trial_result *result = aed_run_find(w->run, job->plans[i].id);
        if (!result) continue;
        state[i] = strcmp(result->status, "done") == 0 ? 1 : retry_failed ? 0 : 2;
        done += state[i] == 1;
        failed += state[i] == 2;
    }
    if (done + failed > 0)
        printf("resume    %s holds %d of these trials as done and %d as failed%s; they are not "
               "trained again\n",
               job->output, (int)done, (int)failed, failed ? " (--retry-failed trains them)" : "");
    return aed_dist_broadcast(&job->world, state, (size_t)job->list.count, 0);
}

static aed_status train_all(aed_job *job, const aed_options *options, writer *w)
{
    aed_status status = AED_OK;
    int64_t failed = 0;
    aed_status worst = AED_OK;
    char *state = aed_alloc((size_t)job->list.count, 1);
    if (!state) status = aed_fail(AED_MEMORY, "out of memory for the trials");
    AED_TRY(aed_dist_agree(&job->world, status));
    AED_TRY(share_state(job, options->retry_failed, w, state));
    for (int64_t i = 0; i < job->list.count; i++) {
        aed_status outcome = state[i] == 2 ? AED_DIVERGED : AED_OK;
        if (state[i] == 0) AED_TRY(train_trial(job, i, w, &outcome));
        failed += outcome != AED_OK;
        if (outcome > worst) worst = outcome;
    }
    status = failed > 0 && failed < job->list.count ? AED_PARTIAL : worst;
done:
    aed_free(state);
    return status;
}

/* results.h5 once more, also after a failure: what is done until then shall be in it. */
static aed_status finish(aed_job *job, writer *w, aed_status status, double start)
{
    const bool ended = status == AED_OK || status == AED_PARTIAL || status == AED_DIVERGED;
    char message[1024];
    snprintf(message, sizeof message, "%s", aed_status_message());
    const aed_status written = aed_run_write_results(w->run);
    if (!ended) return aed_fail(status, "%s", message); /* the first failure is what is told */
    if (written != AED_OK) return written;
    /* Not known yet if every trial was done before this run. */
    (void)aed_job_floors(job, job->plans[0].code_size);
    aed_report_end(job, w->run, aed_clock_seconds() - start);
    return status;
}

aed_status aed_app_run(aed_job *job, const aed_options *options, const char *command, double start)
{
    aed_status status = AED_OK;
    writer w = {0};
    char *hosts = NULL;
    AED_TRY(aed_dist_hosts(&job->world, &hosts));
    if (job->world.rank == 0) status = open_writer(job, command, hosts, &w);
    AED_TRY(aed_dist_agree(&job->world, status));
    status = train_all(job, options, &w);
    if (w.run) status = finish(job, &w, status, start);
    status = aed_dist_agree(&job->world, status);
done:
    close_writer(job, &w);
    aed_free(hosts);
    return status;
}
