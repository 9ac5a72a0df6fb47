/* A rank at work; see worker.h. */
#include "app/worker.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "app/protocol.h"
#include "app/report.h"
#include "app/signals.h"
#include "app/summary.h"
#include "config/kinds.h"
#include "core/clock.h"
#include "core/memory.h"
#include "io/log.h"
#include "io/trial_record.h"

/* Seconds between messages with log lines and progress; the next trial is asked for when about so many
 * are left, so that nobody waits for it. */
static const double LOG_INTERVAL = 0.2, ASK_AHEAD = 0.05;
enum { LOG_BYTES = 1 << 16 };

typedef struct worker {
    aed_job *job;
    aed_root *root; /* NULL but on rank 0 */
    aed_mailbox *box;
    aed_comm group;
    uint32_t tag;     /* of the message that made the group, 0: the first one */
    bool asked;       /* leader: for the next trial */
    bool told_signal; /* leader */
    bool has_next;    /* leader: the next trial, come ahead, is in */
    aed_mail next;
    double last_seconds; /* that the trial before took */

    /* The trial that is being trained: */
    int64_t trial; /* -1: none */
    aed_trainer trainer;
    aed_training training;
    aed_analyses analyses;
    aed_watch watch;
    double saved; /* the clock at its last checkpoint */
    aed_buffer lines;
    double lines_sent;
} worker;

static bool leads(const worker *w) { return w->group.rank == 0; }

static void send_number(worker *w, aed_message kind, uint64_t number)
{
    aed_buffer bytes = {0};
    aed_buffer_put_u64(&bytes, number);
    aed_mailbox_send(w->box, 0, (int)kind, &bytes);
}

/* ---- While training ----------------------------------------------------------------------------- */

/* What is known of the trial: ended with `outcome`, or on its way if it is AED_STOPPED. */
static aed_status encode(worker *w, aed_status outcome, aed_buffer *record)
{
    static const unsigned char room[AED_LEDGER_HEADER - 12];
    aed_state_array states[AED_TRAINING_STATES];
    aed_trial_summary summary;
    aed_status status = aed_summary_create(w->job, w->trial, &w->training, &w->analyses, outcome,
                                           &summary);
    if (status == AED_OK && outcome == AED_STOPPED) {
        summary.result.state_count = aed_training_state(&w->training, states);
        summary.result.states = states;
    }
    aed_buffer_put_u64(record, (uint64_t)w->trial);
    aed_buffer_put_u32(record, (uint32_t)outcome);
    aed_buffer_put(record, room, sizeof room);
    if (status == AED_OK) status = aed_trial_record_encode(&summary.result, record);
    aed_summary_destroy(&summary);
    return status;
}

static void tell_failure(worker *w, aed_status status)
{
    aed_buffer bytes = {0};
    const char *message = aed_status_message();
    aed_buffer_put_u32(&bytes, (uint32_t)status);
    aed_buffer_put(&bytes, message, strlen(message));
    aed_mailbox_send(w->box, 0, AED_MESSAGE_FAILED, &bytes);
}

static void send_record(worker *w, aed_message kind, aed_status outcome)
{
    aed_buffer record = {0};
    const aed_status status = encode(w, outcome, &record);
    if (status == AED_OK)
        aed_mailbox_send(w->box, 0, (int)kind, &record);
    else
        tell_failure(w, status);
    aed_buffer_destroy(&record);
}

static void send_lines(worker *w, double now)
{
    aed_buffer bytes = {0};
    const double seconds = aed_training_seconds(&w->training);
    aed_buffer_put_u64(&bytes, (uint64_t)w->trial);
    aed_buffer_put_u64(&bytes, (uint64_t)w->training.history.epochs);
    aed_buffer_put_f64(&bytes, seconds);
    aed_buffer_put(&bytes, w->lines.bytes, w->lines.size);
    bytes.failed |= w->lines.failed;
    aed_mailbox_send(w->box, 0, AED_MESSAGE_LOG, &bytes);
    w->lines.size = 0;
    w->lines_sent = now;
}

static void save(void *self)
{
    worker *w = self;
    w->watch.save_due = false;
    w->saved = aed_clock_seconds();
    if (leads(w)) send_record(w, AED_MESSAGE_CHECKPOINT, AED_STOPPED);
}

static void put_epoch(worker *w, const aed_progress *progress)
{
    const aed_metrics *metrics = &w->training.history.metrics;
    int count = 1;
    aed_log_field *all = aed_alloc((size_t)metrics->column_count + 1, sizeof *all);
    if (!all) return; /* a line less in the log */
    all[0] = (aed_log_field){"trial", w->job->plans[w->trial].id, 0};
    for (int64_t i = 0; i < metrics->column_count; i++)
        all[count++] = (aed_log_field){metrics->names[i], NULL, progress->row[i]};
    aed_log_put(&w->lines, "epoch", all, count);
    aed_free(all);
}

/* What shows in this epoch for the first time: into the log, and to rank 0. */
static void tell_symptoms(worker *w, int64_t epoch)
{
    const aed_symptoms *symptoms = &w->training.symptoms;
    const aed_section *section = aed_section_get(AED_SECTION_WATCH);
    char text[AED_SYMPTOM_BYTES];
    for (int64_t sign = 0; sign < symptoms->count; sign++) {
        if (symptoms->told[sign] != epoch) continue;
        const aed_symptom kind = aed_symptoms_kind(sign);
        aed_symptoms_text(symptoms, &w->training.history, &w->trainer, sign, text);
        const aed_log_field fields[] = {{"trial", w->job->plans[w->trial].id, 0},
                                        {"epoch", NULL, (double)epoch},
                                        {"symptom", section->keys[kind].name, 0},
                                        {"since", NULL, (double)symptoms->since[sign]},
                                        {"text", text, 0}};
        aed_log_put(&w->lines, "warning", fields, 5);
        aed_buffer bytes = {0};
        aed_buffer_put_u64(&bytes, (uint64_t)w->trial);
        aed_buffer_put_u32(&bytes, (uint32_t)kind);
        aed_buffer_put(&bytes, text, strlen(text));
        aed_mailbox_send(w->box, 0, AED_MESSAGE_SYMPTOM, &bytes);
    }
}

static void epoch_ends(void *self, const aed_progress *progress)
{
    worker *w = self;
    const aed_config *config = w->trainer.config;
    if (!leads(w)) return;
    if (w->root) aed_root_epoch_ends(w->root, progress);
    if (progress->recorded) {
        put_epoch(w, progress);
        tell_symptoms(w, progress->epoch);
    }
    if (w->lines.size > LOG_BYTES) send_lines(w, aed_clock_seconds());
    if (config->checkpoint_epochs > 0 && progress->epoch % config->checkpoint_epochs == 0 &&
        progress->epoch < config->epochs)
        w->watch.save_due = true;
}

static void show_snapshot(void *self)
{
    worker *w = self;
    if (!leads(w) || !w->trainer.config->snapshots.print) return;
    aed_text text = {0};
    aed_buffer bytes = {0};
    aed_report_snapshot(&w->job->list.trials[w->trial], &w->training, &text);
    if (!text.failed) {
        aed_buffer_put(&bytes, text.bytes, text.length);
        aed_mailbox_send(w->box, 0, AED_MESSAGE_PRINT, &bytes);
    }
    aed_text_free(&text);
}

/* ---- Messages ----------------------------------------------------------------------------------- */

static void ask_for_next(worker *w)
{
    if (w->asked) return;
    aed_buffer bytes = {0};
    w->asked = true;
    aed_buffer_put_u32(&bytes, w->tag);
    aed_mailbox_send(w->box, 0, AED_MESSAGE_READY, &bytes);
}

/* Tells rank 0 of a signal, 0 if it is another rank's. */
static void ask_to_stop(worker *w, int number)
{
    aed_buffer bytes = {0};
    w->watch.stop = true;
    if (w->told_signal) return;
    w->told_signal = true;
    aed_buffer_put_u32(&bytes, (uint32_t)number);
    aed_mailbox_send(w->box, 0, AED_MESSAGE_ASKED, &bytes);
}

/* One message to this rank as a leader, or to rank 0; true if it is one that waits its turn. */
static bool take(worker *w, aed_mail *mail)
{
    if (mail->kind < AED_MESSAGE_TRAIN) {
        aed_root_take(w->root, mail);
        return false;
    }
    if (mail->kind == AED_MESSAGE_STOP) {
        w->watch.stop = true; /* of a trial that has ended meanwhile it changes nothing */
        aed_buffer_destroy(&mail->bytes);
        return false;
    }
    return true;
}

/* Signals, messages and, on rank 0, the queue; whether there is something for the leader in *mail. */
static bool look_around(worker *w, aed_mail *mail)
{
    const int number = aed_signals_caught();
    if (number) ask_to_stop(w, number);
    bool found = false;
    while (!found && aed_mailbox_poll(w->box, mail)) found = take(w, mail);
    if (w->root) aed_root_look(w->root);
    return found;
}

/* Now and then in the midst of training. */
static void look(void *self)
{
    worker *w = self;
    aed_mail mail;
    if (!leads(w)) {
        if (aed_signals_caught()) w->watch.stop = true;
        return;
    }
    /* One that comes now is the next trial, asked for ahead: there is no other. */
    if (look_around(w, &mail)) {
        if (w->has_next) aed_dist_abort(aed_fail(AED_INTERNAL, "two trials come ahead"));
        w->next = mail;
        w->has_next = true;
    }
    const double now = aed_clock_seconds();
    const aed_config *config = w->trainer.config;
    const aed_trial_history *history = &w->training.history;
    if (now - w->lines_sent > LOG_INTERVAL) send_lines(w, now);
    if (config->checkpoint_minutes > 0 && now - w->saved > 60 * config->checkpoint_minutes)
        w->watch.save_due = true;
    const double left = history->epochs == 0
                            ? w->last_seconds
                            : aed_training_seconds(&w->training) / (double)history->epochs *
                                  (double)(config->epochs - history->epochs);
    if (left < ASK_AHEAD) ask_for_next(w);
}

/* ---- One trial ---------------------------------------------------------------------------------- */

/* Goes on from a checkpoint; without one that fits, from the beginning. */
static void restore(worker *w, const unsigned char *payload, size_t length)
{
    aed_trial_record *record;
    if (length == 0) return;
    aed_status status = aed_trial_record_decode(payload, length, true, &record);
    if (status == AED_OK) status = aed_training_restore(&w->training, &record->result);
    if (status != AED_OK && leads(w))
        fprintf(stderr, "aedist: %s: %s; it is trained from the beginning\n",
                w->job->plans[w->trial].id, aed_status_message());
    aed_trial_record_destroy(&record);
}

static void begin_lines(worker *w)
{
    char label[200];
    aed_report_label(&w->job->list.trials[w->trial], label, sizeof label);
    const aed_log_field fields[] = {{"trial", w->job->plans[w->trial].id, 0},
                                    {"settings", label, 0},
                                    {"ranks", NULL, (double)w->group.size},
                                    {"epoch", NULL, (double)w->training.history.epochs},
                                    {"epochs", NULL, (double)w->trainer.config->epochs}};
    aed_log_put(&w->lines, "trial_start", fields, 5);
    if (w->root) aed_root_trial_begins(w->root, w->trial, w->trainer.samples);
}

/* Leader: what became of the trial. */
static void tell_outcome(worker *w, aed_status outcome)
{
    const bool ended = outcome == AED_OK || outcome == AED_DIVERGED || outcome == AED_DATA;
    send_lines(w, aed_clock_seconds());
    if (ended) {
        send_record(w, AED_MESSAGE_RESULT, outcome);
    } else if (outcome == AED_STOPPED) {
        if (!w->watch.stop) ask_to_stop(w, 0); /* another rank of the group was asked */
        if (w->trainer.scalars.step > 0) send_record(w, AED_MESSAGE_CHECKPOINT, outcome);
        send_number(w, AED_MESSAGE_STOPPED, (uint64_t)w->trial);
    } else {
        tell_failure(w, outcome);
        send_number(w, AED_MESSAGE_STOPPED, (uint64_t)w->trial);
    }
}

static void train(worker *w, const aed_buffer *message)
{
    const aed_observer observer = {
        .epoch = epoch_ends, .save = save, .snapshot = show_snapshot, .self = w};
    w->trial = (int64_t)aed_load_le64(message->bytes);
    w->watch = (aed_watch){.look = look, .self = w, .stop = aed_signals_caught() != 0};
    w->saved = w->lines_sent = aed_clock_seconds();
    w->asked = w->has_next = false;
    aed_status status = aed_job_create_trainer(w->job, w->trial, &w->group, &w->trainer);
    if (status == AED_OK) {
        w->trainer.watch = &w->watch;
        status = aed_training_create(&w->trainer, &w->training);
        if (status != AED_OK) aed_trainer_destroy(&w->trainer);
    }
    if (status == AED_OK) {
        restore(w, message->bytes + 8, message->size - 8);
        if (leads(w)) begin_lines(w);
        status = aed_training_run(&w->training, &observer);
        if (status == AED_OK)
            status = aed_analyses_run(&w->trainer, &w->training.history.metrics, &w->analyses);
        w->last_seconds = w->training.history.seconds;
        if (leads(w)) tell_outcome(w, status);
        aed_analyses_destroy(&w->analyses);
        aed_training_destroy(&w->training);
        aed_trainer_destroy(&w->trainer);
    } else if (leads(w)) {
        tell_failure(w, status);
        send_number(w, AED_MESSAGE_STOPPED, (uint64_t)w->trial);
    }
    w->trial = -1;
}

/* ---- The loop ----------------------------------------------------------------------------------- */

/* Leader: the next thing to do, by message. */
static void wait_for_mail(worker *w, aed_mail *mail)
{
    static const struct timespec pause = {.tv_nsec = 50000};
    ask_for_next(w);
    if (w->has_next) {
        *mail = w->next;
        w->has_next = false;
        return;
    }
    while (!look_around(w, mail)) nanosleep(&pause, NULL);
}

/* Gives the leader's message to all ranks of the group. */
static aed_status share(worker *w, aed_mail *mail)
{
    aed_status status;
    uint64_t head[2] = {(uint64_t)mail->kind, mail->bytes.size};
    AED_TRY(aed_dist_broadcast(&w->group, head, sizeof head, 0));
    if (!leads(w)) {
        *mail = (aed_mail){.kind = (int)head[0]};
        mail->bytes.bytes = aed_alloc((size_t)head[1], 1);
        mail->bytes.size = mail->bytes.capacity = (size_t)head[1];
        if (!mail->bytes.bytes)
            aed_dist_abort(aed_fail(AED_MEMORY, "out of memory for a trial's checkpoint"));
    }
    status = aed_dist_broadcast(&w->group, mail->bytes.bytes, (size_t)head[1], 0);
done:
    return status;
}

/* This rank's group among those of the message. */
static aed_status regroup(worker *w, const aed_buffer *message)
{
    const unsigned char *at = message->bytes;
    const uint32_t tag = aed_load_le32(at), groups = aed_load_le32(at + 4);
    const int world = w->job->world.size;
    int *ranks = aed_alloc((size_t)world, sizeof *ranks), count = 0;
    if (!ranks) aed_dist_abort(aed_fail(AED_MEMORY, "out of memory for a group of ranks"));
    at += 8;
    bool own = false;
    for (uint32_t g = 0; g < groups && !own; g++) {
        count = (int)aed_load_le32(at);
        at += 4;
        for (int i = 0; i < count; i++, at += 4) {
            ranks[i] = (int)aed_load_le32(at);
            own |= ranks[i] == w->job->world.rank;
        }
    }
    aed_dist_free(&w->group);
    const aed_status status = aed_dist_group(&w->job->world, ranks, count, (int)tag, &w->group);
    aed_free(ranks);
    w->tag = tag;
    w->asked = false;
    return status;
}

static aed_status first_group(worker *w, const aed_placement *placement)
{
    int first, count, group = 0;
    do aed_placement_group(placement, w->job->world.size, group++, &first, &count);
    while (first + count <= w->job->world.rank);
    return aed_dist_range(&w->job->world, first, count, group, &w->group);
}

aed_status aed_worker_run(aed_job *job, const aed_placement *placement, aed_mailbox *box,
                          aed_root *root)
{
    worker w = {.job = job, .root = root, .box = box, .trial = -1};
    aed_status status = first_group(&w, placement);
    for (bool ended = false; status == AED_OK && !ended;) {
        aed_mail mail = {0};
        if (leads(&w)) wait_for_mail(&w, &mail);
        status = share(&w, &mail);
        if (status == AED_OK && mail.kind == AED_MESSAGE_TRAIN)
            train(&w, &mail.bytes);
        else if (status == AED_OK && mail.kind == AED_MESSAGE_REGROUP)
            status = regroup(&w, &mail.bytes);
        else
            ended = true;
        aed_buffer_destroy(&mail.bytes);
    }
    aed_buffer_destroy(&w.lines);
    aed_dist_free(&w.group);
    return status;
}
