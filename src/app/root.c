/* The queue of trials and the run's files; see root.h. */
#include "app/root.h"

#include <hdf5.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/protocol.h"
#include "app/report.h"
#include "app/signals.h"
#include "core/blas.h"
#include "core/clock.h"
#include "core/hdf5_guard.h"
#include "core/memory.h"
#include "io/checkpoint.h"
#include "io/writer.h"
#include "kernel/kernels.h"

/* A trial moves to more ranks if that leaves at least so many seconds less to wait, and if its steps
 * then take at most this part of the time. */
static const double LEAST_GAIN = 0.5, MOST_SHARE = 0.8;
/* Slurm's end of the job leaves at least this many seconds for saving. */
static const double SLURM_MARGIN = 60;

typedef enum trial_state { TRIAL_PENDING, TRIAL_RUNNING, TRIAL_DONE, TRIAL_FAILED } trial_state;

typedef struct queued {
    trial_state state;
    int group;        /* that trains it */
    int64_t epochs;   /* completed, as far as known */
    double seconds;   /* of training so far, as far as known */
    aed_buffer saved; /* record of its last checkpoint, while it moves to other ranks */
} queued;

typedef struct group {
    int leader, count;
    uint32_t tag; /* of the message that made it, 0: one of the first */
    int *ranks;
    bool waiting; /* has asked for a trial and got none yet */
    int running;  /* trials that it has: one, or the next one as well */
} group;

struct aed_root {
    aed_job *job;
    aed_run *run;
    aed_writer *writer;
    aed_mailbox *box;
    aed_placement placement;
    aed_planned_trial *planned;
    aed_result_setting **settings;

    queued *trials;
    int64_t *queue; /* trials to be trained, from queue_next to queue_end */
    int64_t queue_next, queue_end;
    bool has_checkpoints; /* an earlier job left some */
    group *groups;        /* those without ranks are gone */
    int group_count, joins;
    int64_t moving; /* trial that is being moved to more ranks; -1: none */

    aed_status status; /* what went wrong with the run as a whole */
    char message[1024];
    bool asked, stopping, ended;
    char why[64];           /* of being asked: "SIGTERM" */
    aed_status worst;       /* outcome of the trials that failed */
    double start, deadline; /* of the clock; INFINITY: none */
    int64_t done_here;
    double cost_done; /* of trials ended in this job */
    aed_progress_line line;
    double shown;
};

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
        aed_result_setting *settings = aed_alloc((size_t)trial->setting_count, sizeof *settings);
        if (!settings) return out_of_memory();
        root->settings[i] = settings;
        for (int64_t k = 0; k < trial->setting_count; k++)
            settings[k] = (aed_result_setting){trial->settings[k].axis, trial->settings[k].text,
                                               trial->settings[k].number};
        root->planned[i] = (aed_planned_trial){.seed = trial->config.seed,
                                               .setting_count = trial->setting_count,
                                               .settings = settings};
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
    AED_TRY(aed_run_open(job->output, resolved, &info, root->planned, job->list.count, &notice,
                         &root->run));
    if (notice) printf("note      %s\n", notice);
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
        queued *t = &root->trials[i];
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
    made->groups = aed_alloc(2 * (size_t)job->world.size, sizeof *made->groups);
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

int64_t aed_root_pending(const aed_root *root, int64_t *first)
{
    *first = root->queue_next < root->queue_end ? root->queue[root->queue_next] : 0;
    return root->queue_end - root->queue_next;
}

/* ---- Groups ------------------------------------------------------------------------------------- */

static aed_status add_group(aed_root *root, const int *ranks, int count)
{
    group *made = &root->groups[root->group_count];
    *made = (group){.leader = ranks[0], .count = count, .tag = (uint32_t)root->joins};
    made->ranks = aed_alloc((size_t)count, sizeof *made->ranks);
    if (!made->ranks) return out_of_memory();
    memcpy(made->ranks, ranks, (size_t)count * sizeof *ranks);
    root->group_count++;
    return AED_OK;
}

/* The group of that leader and tag, -1 if it is gone. */
static int find_group(const aed_root *root, int leader, uint32_t tag)
{
    int i = root->group_count - 1;
    while (i >= 0 && (root->groups[i].count == 0 || root->groups[i].leader != leader ||
                      root->groups[i].tag != tag))
        i--;
    return i;
}

static bool is_idle(const aed_root *root, int number)
{
    const group *g = &root->groups[number];
    return g->count > 0 && g->waiting && g->running == 0;
}

aed_status aed_root_begin(aed_root *root, aed_mailbox *box, const aed_placement *placement)
{
    aed_status status = AED_OK;
    const int world = root->job->world.size;
    int *ranks = aed_alloc((size_t)world, sizeof *ranks);
    if (!ranks) return out_of_memory();
    root->box = box;
    root->placement = *placement;
    for (int i = 0; i < placement->groups; i++) {
        int first, count;
        aed_placement_group(placement, world, i, &first, &count);
        for (int k = 0; k < count; k++) ranks[k] = first + k;
        AED_TRY(add_group(root, ranks, count));
    }
    AED_TRY(aed_writer_start(root->run, (int)root->job->list.trials[0].config.checkpoint_keep,
                             &root->writer));
    if (world > 1) aed_report_placement(root->job, placement);
done:
    aed_free(ranks);
    return status;
}

/* ---- Handing out -------------------------------------------------------------------------------- */

static void send_simple(aed_root *root, int number, aed_message kind)
{
    aed_mailbox_send(root->box, root->groups[number].leader, (int)kind, NULL);
}

/* What every way of ending has in common: nothing new is begun, all that runs is saved. */
static void stop_all(aed_root *root)
{
    if (root->stopping) return;
    root->stopping = true;
    for (int i = 0; i < root->group_count; i++)
        if (root->groups[i].running > 0) send_simple(root, i, AED_MESSAGE_STOP);
}

static void fail_run(aed_root *root, aed_status status)
{
    if (root->status == AED_OK) {
        root->status = status;
        snprintf(root->message, sizeof root->message, "%s", aed_status_message());
    }
    stop_all(root);
}

static void ask_to_stop(aed_root *root, const char *why)
{
    if (!root->asked) snprintf(root->why, sizeof root->why, "%s", why);
    root->asked = true;
    stop_all(root);
}

/* The checkpoint of an earlier job, or of the move from other ranks, as a payload. */
static aed_status put_saved(aed_root *root, int64_t number, aed_buffer *message)
{
    queued *t = &root->trials[number];
    aed_status status = AED_OK;
    if (t->saved.size > 0) {
        aed_buffer_put(message, t->saved.bytes + AED_LEDGER_HEADER,
                       t->saved.size - AED_LEDGER_HEADER);
        aed_buffer_destroy(&t->saved);
    } else if (root->has_checkpoints) {
        aed_trial_record *record;
        char *notice;
        status = aed_checkpoint_read(root->job->output, root->job->plans[number].id, &notice,
                                     &record);
        if (notice) printf("note      %s; passed over\n", notice);
        aed_free(notice);
        if (status == AED_OK && record) status = aed_trial_record_encode(&record->result, message);
        aed_trial_record_destroy(&record);
    }
    return status;
}

static void dispatch(aed_root *root, int number)
{
    group *g = &root->groups[number];
    if (root->stopping || root->queue_next == root->queue_end) return;
    const int64_t next = root->queue[root->queue_next++];
    aed_buffer message = {0};
    aed_buffer_put_u64(&message, (uint64_t)next);
    const aed_status status = put_saved(root, next, &message);
    if (status != AED_OK) {
        aed_buffer_destroy(&message);
        root->queue_next--;
        fail_run(root, status);
        return;
    }
    root->trials[next].state = TRIAL_RUNNING;
    root->trials[next].group = number;
    g->waiting = false;
    g->running++;
    aed_writer_running(root->writer, root->job->plans[next].id);
    aed_mailbox_send(root->box, g->leader, AED_MESSAGE_TRAIN, &message);
}

static void requeue(aed_root *root, int64_t number)
{
    root->trials[number].state = TRIAL_PENDING;
    root->queue[--root->queue_next] = number;
}

/* ---- Idle ranks --------------------------------------------------------------------------------- */

/* Seconds that the trial will still take where it is; NAN: not known. */
static double seconds_left(const aed_root *root, int64_t number)
{
    const queued *t = &root->trials[number];
    const int64_t epochs = root->job->list.trials[number].config.epochs;
    if (t->state != TRIAL_RUNNING || t->epochs == 0) return NAN;
    return t->seconds / (double)t->epochs * (double)(epochs - t->epochs);
}

static int idle_ranks(const aed_root *root)
{
    int count = 0;
    for (int i = 0; i < root->group_count; i++)
        if (is_idle(root, i)) count += root->groups[i].count;
    return count;
}

/* With nothing left to begin, idle ranks help the trial that takes longest, if that pays: it is
 * stopped, saved, and goes on with them. */
static void start_move(aed_root *root)
{
    if (!root->placement.measured || root->stopping || root->moving >= 0 ||
        root->queue_next < root->queue_end)
        return;
    const int idle = idle_ranks(root);
    if (idle == 0) return;
    double longest = 0;
    int64_t chosen = -1;
    for (int64_t i = 0; i < root->job->list.count; i++) {
        const double left = seconds_left(root, i);
        if (!(left > longest)) continue;
        const int now = root->groups[root->trials[i].group].count;
        const int64_t leaves = root->job->plans[i].leaves;
        const int then = now + idle < leaves ? now + idle : (int)leaves;
        const double share = aed_placement_seconds(&root->placement, then) /
                             aed_placement_seconds(&root->placement, now);
        if (!(share <= MOST_SHARE) || left * (1 - share) < LEAST_GAIN) continue;
        longest = left;
        chosen = i;
    }
    if (chosen < 0) return;
    root->moving = chosen;
    send_simple(root, root->trials[chosen].group, AED_MESSAGE_STOP);
}

static int compare_ints(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

/* The group that has just stopped its trial and all idle ones become one. */
static aed_status join_groups(aed_root *root, int stopped)
{
    aed_status status = AED_OK;
    const int before = root->group_count;
    int count = 0;
    int *ranks = aed_alloc((size_t)root->job->world.size, sizeof *ranks);
    if (!ranks) return out_of_memory();
    for (int i = 0; i < before; i++) {
        const group *g = &root->groups[i];
        if (i != stopped && !is_idle(root, i)) continue;
        memcpy(ranks + count, g->ranks, (size_t)g->count * sizeof *ranks);
        count += g->count;
    }
    qsort(ranks, (size_t)count, sizeof *ranks, compare_ints);
    root->joins++;
    AED_TRY(add_group(root, ranks, count));
    for (int i = 0; i < before; i++) {
        aed_buffer message = {0};
        if (i != stopped && !is_idle(root, i)) continue;
        aed_buffer_put_u32(&message, (uint32_t)root->joins);
        aed_buffer_put_u32(&message, (uint32_t)count);
        for (int k = 0; k < count; k++) aed_buffer_put_u32(&message, (uint32_t)ranks[k]);
        aed_mailbox_send(root->box, root->groups[i].leader, AED_MESSAGE_JOIN, &message);
        root->groups[i].count = 0;
    }
done:
    aed_free(ranks);
    return status;
}

/* ---- Messages ----------------------------------------------------------------------------------- */

static bool all_done(const aed_root *root)
{
    for (int i = 0; i < root->group_count; i++)
        if (root->groups[i].running > 0) return false;
    return root->stopping || root->queue_next == root->queue_end;
}

static void end_if_done(aed_root *root)
{
    if (root->ended || root->moving >= 0 || !all_done(root)) return;
    root->ended = true;
    for (int i = 0; i < root->group_count; i++)
        if (root->groups[i].count > 0) send_simple(root, i, AED_MESSAGE_END);
}

/* One that crossed with the message to join others is void: the new group asks for itself. */
static void take_ready(aed_root *root, int from, const aed_buffer *bytes)
{
    const int number = bytes->size >= 4 ? find_group(root, from, aed_load_le32(bytes->bytes)) : -1;
    if (number < 0) return;
    root->groups[number].waiting = true;
    dispatch(root, number);
}

/* The trial of a message that begins with its number; checked, though it is from our own. */
static int64_t trial_of(const aed_root *root, const aed_buffer *bytes)
{
    const uint64_t number = bytes->size >= 8 ? aed_load_le64(bytes->bytes) : UINT64_MAX;
    if (number < (uint64_t)root->job->list.count) return (int64_t)number;
    aed_dist_abort(aed_fail(AED_INTERNAL, "a message between ranks names no trial"));
}

static void leave_group(aed_root *root, int64_t number)
{
    root->groups[root->trials[number].group].running--;
    if (root->moving == number) root->moving = -1;
}

static void take_result(aed_root *root, aed_buffer *record)
{
    const int64_t number = trial_of(root, record);
    const aed_status outcome = (aed_status)aed_load_le32(record->bytes + 8);
    aed_trial_record *read;
    leave_group(root, number);
    root->trials[number].state = outcome == AED_OK ? TRIAL_DONE : TRIAL_FAILED;
    if (outcome > root->worst) root->worst = outcome;
    root->done_here++;
    root->cost_done += root->job->plans[number].cost;
    aed_status status = aed_trial_record_decode(record->bytes + AED_LEDGER_HEADER,
                                                record->size - AED_LEDGER_HEADER, false, &read);
    if (status != AED_OK) {
        fail_run(root, status);
        return;
    }
    aed_progress_end(&root->line);
    aed_report_trial(root->job, number, &read->result);
    aed_trial_record_destroy(&read);
    aed_writer_result(root->writer, record);
}

static void take_checkpoint(aed_root *root, aed_buffer *record)
{
    const int64_t number = trial_of(root, record);
    aed_buffer *saved = &root->trials[number].saved;
    if (root->moving != number) {
        aed_writer_checkpoint(root->writer, record);
        return;
    }
    aed_buffer_destroy(saved);
    *saved = *record;
    *record = (aed_buffer){0};
}

static void take_stopped(aed_root *root, int64_t number)
{
    const int stopped = root->trials[number].group;
    const bool moves = root->moving == number;
    leave_group(root, number);
    requeue(root, number);
    /* The next one, that it was given ahead, has begun meanwhile. */
    if (root->stopping && root->groups[stopped].running > 0)
        send_simple(root, stopped, AED_MESSAGE_STOP);
    if (!moves || root->stopping) {
        /* It was to move, but the job is to stop: then it is kept as all others are. */
        if (root->trials[number].saved.size > 0)
            aed_writer_checkpoint(root->writer, &root->trials[number].saved);
        return;
    }
    const aed_status status = join_groups(root, stopped);
    if (status != AED_OK) fail_run(root, status);
}

static void take_log(aed_root *root, aed_buffer *bytes)
{
    enum { HEAD = 24 };
    queued *t = &root->trials[trial_of(root, bytes)];
    if (bytes->size < HEAD) return;
    const uint64_t bits = aed_load_le64(bytes->bytes + 16);
    t->epochs = (int64_t)aed_load_le64(bytes->bytes + 8);
    memcpy(&t->seconds, &bits, sizeof t->seconds);
    bytes->size -= HEAD;
    memmove(bytes->bytes, bytes->bytes + HEAD, bytes->size);
    if (bytes->size > 0) aed_writer_log(root->writer, bytes);
}

static void take_failure(aed_root *root, const aed_buffer *bytes)
{
    const aed_status status = bytes->size >= 4 ? (aed_status)aed_load_le32(bytes->bytes)
                                               : AED_INTERNAL;
    (void)aed_fail(status, "%.*s", bytes->size >= 4 ? (int)(bytes->size - 4) : 0,
                   bytes->size >= 4 ? (const char *)bytes->bytes + 4 : "");
    fail_run(root, status);
}

static void take_request(aed_root *root, const aed_buffer *bytes)
{
    char why[64];
    const int number = bytes->size >= 4 ? (int)aed_load_le32(bytes->bytes) : 0;
    const char *name = sigabbrev_np(number);
    snprintf(why, sizeof why, name ? "SIG%s" : "a signal", name);
    ask_to_stop(root, why);
}

void aed_root_take(aed_root *root, aed_mail *mail)
{
    switch ((aed_message)mail->kind) {
    case AED_MESSAGE_READY: take_ready(root, mail->from, &mail->bytes); break;
    case AED_MESSAGE_RESULT: take_result(root, &mail->bytes); break;
    case AED_MESSAGE_CHECKPOINT: take_checkpoint(root, &mail->bytes); break;
    case AED_MESSAGE_STOPPED: take_stopped(root, trial_of(root, &mail->bytes)); break;
    case AED_MESSAGE_LOG: take_log(root, &mail->bytes); break;
    case AED_MESSAGE_FAILED: take_failure(root, &mail->bytes); break;
    case AED_MESSAGE_ASKED: take_request(root, &mail->bytes); break;
    case AED_MESSAGE_TRAIN:
    case AED_MESSAGE_STOP:
    case AED_MESSAGE_JOIN:
    case AED_MESSAGE_END: break; /* not for rank 0's ears */
    }
    aed_buffer_destroy(&mail->bytes);
    end_if_done(root);
}

/* ---- Clock -------------------------------------------------------------------------------------- */

/* Cost of what is done and of the part that is done of what runs, as far as known. */
static double cost_done(const aed_root *root)
{
    double cost = root->cost_done;
    for (int64_t i = 0; i < root->job->list.count; i++)
        if (root->trials[i].state == TRIAL_RUNNING)
            cost += root->job->plans[i].cost * (double)root->trials[i].epochs /
                    (double)root->job->list.trials[i].config.epochs;
    return cost;
}

static void show_progress(aed_root *root, double now)
{
    aed_sweep_progress progress = {.trials = root->job->list.count, .seconds = now - root->start};
    double open = 0;
    for (int64_t i = 0; i < root->job->list.count; i++) {
        const trial_state state = root->trials[i].state;
        progress.ended += state == TRIAL_DONE || state == TRIAL_FAILED;
        progress.running += state == TRIAL_RUNNING;
        if (state == TRIAL_PENDING || state == TRIAL_RUNNING) open += root->job->plans[i].cost;
    }
    const double done = cost_done(root), left = open - (done - root->cost_done);
    progress.left = done > 0 ? (now - root->start) * left / done : NAN;
    aed_progress_sweep(&root->line, &progress, now);
}

void aed_root_look(aed_root *root)
{
    const double now = aed_clock_seconds();
    const aed_status status = aed_writer_status(root->writer);
    if (status != AED_OK && root->status == AED_OK) fail_run(root, status);
    if (now > root->deadline && !root->asked) ask_to_stop(root, "the time limit");
    if (now - root->shown < 0.1) return;
    root->shown = now;
    start_move(root);
    if (root->group_count > 1) show_progress(root, now);
    end_if_done(root);
}

void aed_root_trial_begins(aed_root *root, int64_t trial, int64_t samples)
{
    if (root->group_count == 1)
        aed_progress_begin(&root->line, &root->job->list.trials[trial], samples);
}

void aed_root_epoch_ends(aed_root *root, const aed_progress *progress)
{
    if (root->group_count == 1) aed_progress_epoch(&root->line, progress);
}

/* ---- End ---------------------------------------------------------------------------------------- */

static aed_status verdict(const aed_root *root)
{
    int64_t failed = 0, open = 0, interrupted = 0;
    const int64_t count = root->job->list.count;
    for (int64_t i = 0; i < count; i++) {
        failed += root->trials[i].state == TRIAL_FAILED;
        open += root->trials[i].state == TRIAL_PENDING;
        interrupted += root->trials[i].state == TRIAL_PENDING &&
                       aed_checkpoint_exists(root->job->output, root->job->plans[i].id);
    }
    if (open > 0)
        return aed_fail(AED_STOPPED,
                        "stopped on %s: %" PRId64 " of %" PRId64 " trials ended, %" PRId64
                        " interrupted and saved; the same command goes on",
                        root->why, count - open, count, interrupted);
    return failed > 0 && failed < count ? AED_PARTIAL : failed > 0 ? root->worst : AED_OK;
}

aed_status aed_root_finish(aed_root *root)
{
    aed_progress_end(&root->line);
    aed_status status = aed_writer_stop(&root->writer);
    if (root->status != AED_OK) status = root->status;
    char message[1024];
    snprintf(message, sizeof message, "%s",
             root->status != AED_OK ? root->message : aed_status_message());
    /* results.h5 once more, also after a failure: what is done until then shall be in it. */
    aed_run_clear_running(root->run);
    const aed_status written = aed_run_write_results(root->run);
    if (status != AED_OK) return aed_fail(status, "%s", message); /* the first is what is told */
    if (written != AED_OK) return written;
    /* Not known yet if every trial was done before this run. */
    (void)aed_job_floors(root->job, root->job->plans[0].code_size);
    aed_report_end(root->job, root->run, aed_clock_seconds() - root->start);
    return verdict(root);
}
