/* How rank 0's part begins and ends: what the run's folder holds already, the queue. See root.h. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/output.h"
#include "app/root_private.h"
#include "app/summary.h"
#include "core/clock.h"
#include "core/memory.h"
#include "io/checkpoint.h"

/* Slurm's end of the job leaves at least this many seconds for saving. */
static const double SLURM_MARGIN = 60;

static aed_status out_of_memory(void)
{
    return aed_fail(AED_MEMORY, "out of memory for the trials");
}

/* What the ledger and the checkpoints hold of the job, and says so. */
static void find_state(aed_root *root, bool retry_failed)
{
    const aed_job *job = root->job;
    int64_t done = 0, failed = 0, interrupted = 0;
    for (int64_t i = 0; i < job->list.count; i++) {
        queued_trial *t = &root->trials[i];
        const aed_trial_result *result = aed_run_find(root->run, job->plans[i].id);
        const aed_status outcome = result ? aed_summary_outcome(result) : AED_OK;
        if (result && outcome == AED_OK)
            t->state = TRIAL_DONE;
        else if (result && !retry_failed)
            t->state = TRIAL_FAILED;
        if (t->state == TRIAL_FAILED && outcome > root->worst) root->worst = outcome;
        done += t->state == TRIAL_DONE;
        failed += t->state == TRIAL_FAILED;
        interrupted += t->state == TRIAL_PENDING &&
                       aed_checkpoint_exists(job->output, job->plans[i].id);
    }
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
    AED_TRY(aed_output_open(job, job->output, command, hosts, &made->run));
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
        if (old->trials) aed_buffer_destroy(&old->trials[i].saved);
    }
    for (int i = 0; i < old->group_count; i++) aed_free(old->groups[i].ranks);
    aed_free(old->trials);
    aed_free(old->queue);
    aed_free(old->groups);
    aed_free(old);
    *root = NULL;
}
