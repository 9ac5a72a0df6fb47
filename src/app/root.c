/* The queue of trials and the run's files; see root.h. */
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/matches.h"
#include "app/protocol.h"
#include "app/root_private.h"
#include "core/clock.h"
#include "core/memory.h"
#include "io/checkpoint.h"
#include "io/log.h"

int64_t aed_root_pending(const aed_root *root, int64_t *first)
{
    *first = root->queue_next < root->queue_end ? root->queue[root->queue_next] : 0;
    return root->queue_end - root->queue_next;
}

static aed_status out_of_memory(void)
{
    return aed_fail(AED_MEMORY, "out of memory for the trials");
}

/* ---- Groups ------------------------------------------------------------------------------------- */

aed_status aed_root_add_group(aed_root *root, const int *ranks, int count)
{
    int at = 0;
    while (at < root->group_count && root->groups[at].count > 0) at++;
    rank_group *made = &root->groups[at]; /* there are never more groups than ranks */
    aed_free(made->ranks);
    *made = (rank_group){.leader = ranks[0], .count = count, .tag = (uint32_t)root->regroups};
    made->ranks = aed_alloc((size_t)count, sizeof *made->ranks);
    if (!made->ranks) return out_of_memory();
    memcpy(made->ranks, ranks, (size_t)count * sizeof *ranks);
    if (at == root->group_count) root->group_count++;
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

static void log_event(aed_root *root, const char *event, const aed_log_field *fields, int count)
{
    aed_buffer line = {0};
    aed_log_put(&line, event, fields, count);
    aed_writer_log(root->writer, &line);
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
        AED_TRY(aed_root_add_group(root, ranks, count));
    }
    AED_TRY(aed_writer_start(root->run, (int)root->job->list.trials[0].config.checkpoint_keep,
                             &root->writer));
    if (world > 1) aed_report_placement(root->job, placement);
    const aed_log_field fields[] = {
        {"ranks", NULL, (double)world},
        {"groups", NULL, (double)placement->groups},
        {"trials", NULL, (double)root->job->list.count},
        {"pending", NULL, (double)(root->queue_end - root->queue_next)}};
    log_event(root, "run_start", fields, 4);
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
    queued_trial *t = &root->trials[number];
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
    rank_group *g = &root->groups[number];
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
        aed_writer_checkpoint(root->writer, root->job->plans[number].id, record);
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
            aed_writer_checkpoint(root->writer, root->job->plans[number].id,
                                  &root->trials[number].saved);
        return;
    }
    const aed_status status = aed_root_regroup(root, number, stopped);
    if (status != AED_OK) fail_run(root, status);
}

static void take_log(aed_root *root, aed_buffer *bytes)
{
    enum { HEAD = 24 };
    queued_trial *t = &root->trials[trial_of(root, bytes)];
    if (bytes->size < HEAD) return;
    const uint64_t bits = aed_load_le64(bytes->bytes + 16);
    t->epochs = (int64_t)aed_load_le64(bytes->bytes + 8);
    memcpy(&t->seconds, &bits, sizeof t->seconds);
    bytes->size -= HEAD;
    memmove(bytes->bytes, bytes->bytes + HEAD, bytes->size);
    if (bytes->size > 0) aed_writer_log(root->writer, bytes);
}

/* Each symptom is told of once; how many trials have it is known at the end. */
static void take_symptom(aed_root *root, const aed_buffer *bytes)
{
    enum { HEAD = 12 };
    char label[240];
    const int64_t number = trial_of(root, bytes);
    const uint32_t kind = bytes->size > HEAD ? aed_load_le32(bytes->bytes + 8) : UINT32_MAX;
    if (kind >= AED_SYMPTOM_COUNT || root->told[kind]) return;
    root->told[kind] = true;
    aed_report_label(&root->job->list.trials[number], label, sizeof label);
    aed_progress_end(&root->line);
    fprintf(stderr, "aedist: warning: %s%s%.*s\n", root->job->list.count > 1 ? label : "",
            root->job->list.count > 1 ? ": " : "", (int)(bytes->size - HEAD),
            (const char *)bytes->bytes + HEAD);
    fflush(stderr);
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

/* All goes through rank 0, as the launcher would mix the lines of several. */
static void take_print(aed_root *root, const aed_buffer *text)
{
    aed_progress_end(&root->line);
    fwrite(text->bytes, 1, text->size, stdout);
    fflush(stdout);
}

void aed_root_take(aed_root *root, aed_mail *mail)
{
    switch ((aed_message)mail->kind) {
    case AED_MESSAGE_READY: take_ready(root, mail->from, &mail->bytes); break;
    case AED_MESSAGE_RESULT: take_result(root, &mail->bytes); break;
    case AED_MESSAGE_CHECKPOINT: take_checkpoint(root, &mail->bytes); break;
    case AED_MESSAGE_STOPPED: take_stopped(root, trial_of(root, &mail->bytes)); break;
    case AED_MESSAGE_LOG: take_log(root, &mail->bytes); break;
    case AED_MESSAGE_SYMPTOM: take_symptom(root, &mail->bytes); break;
    case AED_MESSAGE_PRINT: take_print(root, &mail->bytes); break;
    case AED_MESSAGE_FAILED: take_failure(root, &mail->bytes); break;
    case AED_MESSAGE_ASKED: take_request(root, &mail->bytes); break;
    case AED_MESSAGE_TRAIN:
    case AED_MESSAGE_STOP:
    case AED_MESSAGE_REGROUP:
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
        if (state == TRIAL_PENDING || state == TRIAL_RUNNING) open += root->job->plans[i].cost;
    }
    /* A group trains one; the next is only with it already. */
    for (int i = 0; i < root->group_count; i++) progress.running += root->groups[i].running > 0;
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
    const int64_t moves = aed_root_next_move(root);
    if (moves >= 0) {
        root->moving = moves;
        send_simple(root, root->trials[moves].group, AED_MESSAGE_STOP);
    }
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

static void log_end(aed_root *root)
{
    int64_t open = 0;
    for (int64_t i = 0; i < root->job->list.count; i++)
        open += root->trials[i].state == TRIAL_PENDING;
    const char *status = root->status != AED_OK ? "failed" : open > 0 ? "stopped" : "done";
    const aed_log_field fields[] = {{"status", status, 0},
                                    {"pending", NULL, (double)open},
                                    {"seconds", NULL, aed_clock_seconds() - root->start}};
    log_event(root, "run_end", fields, 3);
}

aed_status aed_root_finish(aed_root *root)
{
    aed_progress_end(&root->line);
    if (root->writer) log_end(root);
    aed_status status = aed_writer_stop(&root->writer);
    if (root->status != AED_OK) status = root->status;
    char message[1024];
    snprintf(message, sizeof message, "%s",
             root->status != AED_OK ? root->message : aed_status_message());
    /* results.h5 once more, also after a failure: what is done until then shall be in it. */
    aed_run_clear_running(root->run);
    aed_analyses matches;
    /* Written without the matches rather than not at all. */
    const aed_status matched = aed_app_match(root->run, &root->job->list, false, &matches);
    aed_status written = aed_run_write_results(root->run);
    if (written == AED_OK) written = matched;
    aed_analyses_destroy(&matches);
    if (status != AED_OK) return aed_fail(status, "%s", message); /* the first is what is told */
    if (written != AED_OK) return written;
    /* Not known yet if every trial was done before this run. */
    (void)aed_job_floors(root->job, root->job->plans[0].code_size);
    aed_report_end(root->job, root->run, aed_clock_seconds() - root->start);
    return verdict(root);
}
