/* Ranks that have nothing to do help others: a trial is stopped, saved in memory, and goes on with more
 * ranks; if that turns out slower, it goes back. No number depends on it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/protocol.h"
#include "app/root_private.h"
#include "core/memory.h"

/* A trial moves to more ranks if that leaves at least so many seconds less to wait, and if its steps
 * then take at most this part of the time; it goes back if an epoch takes more than that part. */
static const double LEAST_GAIN = 0.5, MOST_SHARE = 0.8, BACK_SHARE = 0.95;
/* Seconds, and epochs' worth of time before, after which a move is judged. */
static const double JUDGED_AFTER = 1, JUDGED_EPOCHS = 3;

static bool is_idle(const aed_root *root, int number)
{
    const rank_group *g = &root->groups[number];
    return g->count > 0 && g->waiting && g->running == 0;
}

static int idle_ranks(const aed_root *root)
{
    int count = 0;
    for (int i = 0; i < root->group_count; i++)
        if (is_idle(root, i)) count += root->groups[i].count;
    return count;
}

/* Seconds that the trial will still take where it is; NAN: not known. */
static double seconds_left(const aed_root *root, int64_t number)
{
    const queued_trial *t = &root->trials[number];
    const int64_t epochs = root->job->list.trials[number].config.epochs;
    if (t->epochs == 0) return NAN;
    return t->seconds / (double)t->epochs * (double)(epochs - t->epochs);
}

/* Whether the trial has moved to more ranks and is slower there. */
static bool should_go_back(const queued_trial *t)
{
    if (t->ranks_before == 0 || t->stays) return false;
    const double spent = t->seconds - t->seconds_then;
    if (spent < JUDGED_AFTER || spent < JUDGED_EPOCHS * t->epoch_before) return false;
    return spent > BACK_SHARE * t->epoch_before * (double)(t->epochs - t->epochs_then + 1);
}

/* The part of the time that the trial's steps would take with the idle ranks. */
static double share_with(const aed_root *root, int64_t number, int idle)
{
    const int now = root->groups[root->trials[number].group].count;
    const int64_t leaves = root->job->plans[number].leaves;
    const int then = now + idle < leaves ? now + idle : (int)leaves;
    return aed_placement_seconds(&root->placement, then) /
           aed_placement_seconds(&root->placement, now);
}

int64_t aed_root_next_move(const aed_root *root)
{
    if (!root->placement.measured || root->stopping || root->moving >= 0 ||
        root->queue_next < root->queue_end)
        return -1;
    const int idle = idle_ranks(root);
    double longest = 0;
    int64_t chosen = -1;
    for (int64_t i = 0; i < root->job->list.count; i++) {
        /* A group that has its next trial already is about to end this one. */
        if (root->trials[i].state != TRIAL_RUNNING ||
            root->groups[root->trials[i].group].running > 1)
            continue;
        if (should_go_back(&root->trials[i])) return i;
        const double left = seconds_left(root, i);
        if (idle == 0 || root->trials[i].stays || !(left > longest)) continue;
        const double share = share_with(root, i, idle);
        if (!(share <= MOST_SHARE) || left * (1 - share) < LEAST_GAIN) continue;
        longest = left;
        chosen = i;
    }
    return chosen;
}

static int compare_ints(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

/* Tells the leaders of the groups in members[] that their ranks are now groups of `each`, the last one
 * of what is left. */
static aed_status divide(aed_root *root, const bool *members, int *ranks, int each)
{
    aed_status status = AED_OK;
    aed_buffer message = {0};
    int total = 0;
    for (int i = 0; i < root->group_count; i++)
        for (int k = 0; members[i] && k < root->groups[i].count; k++)
            ranks[total++] = root->groups[i].ranks[k];
    qsort(ranks, (size_t)total, sizeof *ranks, compare_ints);
    const int groups = total / each > 0 ? total / each : 1;
    aed_buffer_put_u32(&message, (uint32_t)++root->regroups);
    aed_buffer_put_u32(&message, (uint32_t)groups);
    for (int g = 0, first = 0; g < groups; g++) {
        const int count = g == groups - 1 ? total - first : each;
        aed_buffer_put_u32(&message, (uint32_t)count);
        for (int k = 0; k < count; k++) aed_buffer_put_u32(&message, (uint32_t)ranks[first + k]);
        first += count;
    }
    for (int i = 0; i < root->group_count; i++) {
        if (!members[i]) continue;
        aed_buffer copy = {0};
        aed_buffer_put(&copy, message.bytes, message.size);
        copy.failed |= message.failed;
        aed_mailbox_send(root->box, root->groups[i].leader, AED_MESSAGE_REGROUP, &copy);
        root->groups[i].count = 0;
    }
    for (int g = 0, first = 0; g < groups; g++) {
        const int count = g == groups - 1 ? total - first : each;
        AED_TRY(aed_root_add_group(root, ranks + first, count));
        first += count;
    }
done:
    aed_buffer_destroy(&message);
    return status;
}

aed_status aed_root_regroup(aed_root *root, int64_t trial, int stopped)
{
    aed_status status;
    queued_trial *t = &root->trials[trial];
    const size_t world = (size_t)root->job->world.size;
    const bool back = t->ranks_before > 0;
    int *ranks = aed_alloc(world, sizeof *ranks);
    bool *members = aed_alloc(world, sizeof *members);
    if (!ranks || !members) {
        status = aed_fail(AED_MEMORY, "out of memory for groups of ranks");
        goto done;
    }
    for (int i = 0; i < root->group_count; i++)
        members[i] = i == stopped || (!back && is_idle(root, i));
    if (back) {
        t->stays = true;
        status = divide(root, members, ranks, t->ranks_before);
    } else {
        t->ranks_before = root->groups[stopped].count;
        t->epoch_before = t->epochs > 0 ? t->seconds / (double)t->epochs : 0;
        t->seconds_then = t->seconds;
        t->epochs_then = t->epochs;
        status = divide(root, members, ranks, root->job->world.size);
    }
done:
    aed_free(ranks);
    aed_free(members);
    return status;
}
