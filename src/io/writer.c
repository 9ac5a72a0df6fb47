/* The writing thread; see writer.h. */
#include "io/writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/memory.h"
#include "io/checkpoint.h"
#include "io/ledger.h"

/* Seconds between rewrites of results.h5, or this many times what the last one took; the ledger is
 * the truth meanwhile. */
static const double RESULTS_INTERVAL = 15, RESULTS_SHARE = 20;

enum { MOST_BYTES = 256 << 20, MESSAGE_BYTES = 1024 };

typedef enum task_kind { TASK_RESULT, TASK_CHECKPOINT, TASK_LOG, TASK_RUNNING } task_kind;

typedef struct task {
    struct task *next;
    task_kind kind;
    aed_buffer bytes;
    char id[16];
} task;

struct aed_writer {
    aed_run *run;
    int keep;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    task *first, **last;
    size_t waiting; /* bytes of tasks */
    bool stop;
    aed_status status;
    char message[MESSAGE_BYTES];
    /* The thread's own: */
    double results_written, results_took;
    bool results_due; /* something was appended since */
};

/* ---- The thread ------------------------------------------------------------------------------- */

/* One line in log.jsonl for an ended trial, once it is durable. */
static aed_status log_end(aed_run *run, const char *id)
{
    const aed_trial_result *result = aed_run_find(run, id);
    if (!result) return AED_OK;
    const bool done = strcmp(result->status, "done") == 0;
    const aed_log_field fields[] = {{"trial", result->id, 0},
                                    {"status", result->status, 0},
                                    {done ? "warnings" : "reason", result->reason, 0},
                                    {"seconds", NULL, result->seconds},
                                    {"weights_hash", result->weights_hash, 0}};
    return aed_run_log(run, "trial_end", fields, 5);
}

static aed_status write_result(aed_writer *w, task *done)
{
    const aed_trial_result *result;
    aed_status status = aed_run_put(w->run, &done->bytes, &result);
    if (status != AED_OK) return status;
    snprintf(done->id, sizeof done->id, "%s", result->id);
    w->results_due = true;
    return aed_run_set_running(w->run, done->id, false);
}

static aed_status write_task(aed_writer *w, task *done)
{
    switch (done->kind) {
    case TASK_RESULT: return write_result(w, done);
    case TASK_CHECKPOINT:
        return aed_checkpoint_write(aed_run_folder(w->run), done->bytes.bytes + AED_LEDGER_HEADER,
                                    done->bytes.size - AED_LEDGER_HEADER, w->keep);
    case TASK_LOG: return aed_run_log_lines(w->run, &done->bytes);
    case TASK_RUNNING: w->results_due = true; return aed_run_set_running(w->run, done->id, true);
    }
    return AED_OK;
}

/* All tasks that had come: their results become durable by one fsync; what follows from that comes
 * behind it. */
static aed_status write_batch(aed_writer *w, task *tasks)
{
    aed_status status = AED_OK;
    bool results = false;
    for (task *done = tasks; done; done = done->next) {
        AED_TRY(write_task(w, done));
        results |= done->kind == TASK_RESULT;
    }
    if (results) AED_TRY(aed_run_sync(w->run));
    for (task *done = tasks; done; done = done->next) {
        if (done->kind != TASK_RESULT) continue;
        aed_checkpoint_remove(aed_run_folder(w->run), done->id);
        AED_TRY(log_end(w->run, done->id));
    }
done:
    return status;
}

static aed_status write_results(aed_writer *w)
{
    const double start = aed_clock_seconds(), passed = start - w->results_written;
    if (!w->results_due || passed < RESULTS_INTERVAL || passed < RESULTS_SHARE * w->results_took)
        return AED_OK;
    const aed_status status = aed_run_write_results(w->run);
    w->results_due = false;
    w->results_written = aed_clock_seconds();
    w->results_took = w->results_written - start;
    return status;
}

static void free_tasks(task *tasks)
{
    while (tasks) {
        task *next = tasks->next;
        aed_buffer_destroy(&tasks->bytes);
        aed_free(tasks);
        tasks = next;
    }
}

static void *write_tasks(void *self)
{
    aed_writer *w = self;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->first && !w->stop) pthread_cond_wait(&w->changed, &w->lock);
        if (!w->first) break;
        task *tasks = w->first;
        w->first = NULL;
        w->last = &w->first;
        w->waiting = 0;
        const bool failed = w->status != AED_OK;
        pthread_cond_signal(&w->changed);
        pthread_mutex_unlock(&w->lock);

        /* After a failure there is nothing to be relied on: what comes is thrown away. */
        aed_status status = failed ? AED_OK : write_batch(w, tasks);
        if (status == AED_OK && !failed) status = write_results(w);
        free_tasks(tasks);

        pthread_mutex_lock(&w->lock);
        if (status != AED_OK) {
            w->status = status;
            snprintf(w->message, sizeof w->message, "%s", aed_status_message());
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- The owner -------------------------------------------------------------------------------- */

aed_status aed_writer_start(aed_run *run, int keep, aed_writer **writer)
{
    *writer = NULL;
    aed_writer *w = aed_alloc(1, sizeof *w);
    if (!w) return aed_fail(AED_MEMORY, "%s: out of memory", aed_run_folder(run));
    w->run = run;
    w->keep = keep;
    w->last = &w->first;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    /* Signals are for the thread that trains. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&w->thread, NULL, write_tasks, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        aed_free(w);
        return aed_fail(AED_MEMORY, "%s: cannot start a thread to write it: %s",
                        aed_run_folder(run), strerror(error));
    }
    *writer = w;
    return AED_OK;
}

static void hand_over(aed_writer *w, task_kind kind, aed_buffer *bytes, const char *id)
{
    task *added = aed_alloc(1, sizeof *added);
    pthread_mutex_lock(&w->lock);
    if (!added || (bytes && bytes->failed)) {
        if (w->status == AED_OK) {
            w->status = AED_MEMORY;
            snprintf(w->message, sizeof w->message, "%s: out of memory for what is to be written",
                     aed_run_folder(w->run));
        }
        aed_free(added);
        if (bytes) aed_buffer_destroy(bytes);
        pthread_mutex_unlock(&w->lock);
        return;
    }
    added->kind = kind;
    if (bytes) added->bytes = *bytes;
    if (bytes) *bytes = (aed_buffer){0};
    snprintf(added->id, sizeof added->id, "%s", id);
    while (w->waiting > MOST_BYTES) pthread_cond_wait(&w->changed, &w->lock);
    w->waiting += added->bytes.size;
    *w->last = added;
    w->last = &added->next;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void aed_writer_result(aed_writer *writer, aed_buffer *record)
{
    hand_over(writer, TASK_RESULT, record, "");
}

/* Puts the record in the place of the trial's checkpoint that waits, if one does. */
static bool replace_checkpoint(aed_writer *w, const char *id, aed_buffer *record)
{
    pthread_mutex_lock(&w->lock);
    task *older = w->first;
    while (older && (older->kind != TASK_CHECKPOINT || strcmp(older->id, id) != 0))
        older = older->next;
    if (older && !record->failed) {
        const aed_buffer unused = older->bytes;
        older->bytes = *record;
        *record = unused;
        w->waiting += older->bytes.size - unused.size;
        aed_buffer_destroy(record);
    }
    pthread_mutex_unlock(&w->lock);
    return older && record->size == 0;
}

void aed_writer_checkpoint(aed_writer *writer, const char *id, aed_buffer *record)
{
    if (!replace_checkpoint(writer, id, record)) hand_over(writer, TASK_CHECKPOINT, record, id);
}

void aed_writer_log(aed_writer *writer, aed_buffer *lines)
{
    hand_over(writer, TASK_LOG, lines, "");
}

void aed_writer_running(aed_writer *writer, const char *id)
{
    hand_over(writer, TASK_RUNNING, NULL, id);
}

aed_status aed_writer_status(aed_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    const aed_status status = writer->status;
    if (status != AED_OK) (void)aed_fail(status, "%s", writer->message);
    pthread_mutex_unlock(&writer->lock);
    return status;
}

aed_status aed_writer_stop(aed_writer **writer)
{
    aed_writer *w = *writer;
    if (!w) return AED_OK;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    const aed_status status = aed_writer_status(w);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->changed);
    aed_free(w);
    *writer = NULL;
    return status;
}
