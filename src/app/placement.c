/* See placement.h.
 *
 * With groups of g ranks T trials take T / groups rounds of s(g) seconds a step, where s is measured
 * with all groups at work. One rank a trial is best wherever there are trials for all ranks:
 * it wastes nothing on sums. With fewer trials than ranks it depends on how s falls. */
#include "app/placement.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "core/clock.h"

/* Measured are as many blocks of steps as fit this time, after one to warm up. What counts is their
 * mean: where other processes want the cores too, ranks that wait for each other suffer most. */
static const double BUDGET = 0.05;
enum { BLOCK = 8, MOST_BLOCKS = 10000 };

void aed_placement_group(const aed_placement *placement, int world, int group, int *first,
                         int *count)
{
    int64_t begin, end;
    aed_dist_block(world, placement->groups, group, &begin, &end);
    *first = (int)begin;
    *count = (int)(end - begin);
}

double aed_placement_seconds(const aed_placement *placement, int ranks)
{
    double seconds = NAN;
    for (int i = 0; i < placement->size_count && placement->sizes[i] <= ranks; i++)
        seconds = placement->seconds[i];
    return seconds;
}

static aed_status train_block(aed_trainer *trainer, double *seconds)
{
    const double start = aed_clock_seconds();
    for (int step = 0; step < BLOCK; step++) {
        double loss;
        int64_t count;
        if (trainer->step == trainer->steps) aed_trainer_begin_epoch(trainer, trainer->epoch + 1);
        const aed_status status = aed_trainer_step(trainer, &loss, &count);
        if (status != AED_OK) return status;
    }
    *seconds = (aed_clock_seconds() - start) / BLOCK;
    return AED_OK;
}

/* Each block is as long as its slowest rank takes. */
aed_status aed_placement_time_steps(aed_trainer *trainer, double *seconds)
{
    aed_status status = AED_OK;
    double spent = 0;
    int blocks = 0;
    *seconds = 0;
    aed_trainer_begin_epoch(trainer, 1);
    for (bool warm = false; blocks < MOST_BLOCKS && spent < BUDGET; warm = true) {
        double now = 0;
        AED_TRY(train_block(trainer, &now));
        AED_TRY(aed_dist_max(&trainer->comm, &now, 1));
        *seconds = now;
        spent += warm ? BLOCK * now : 0;
        blocks += warm;
    }
    *seconds = spent / (BLOCK * (double)blocks);
done:
    /* It will be found again, and reported, by the trial itself. */
    return status == AED_DIVERGED || status == AED_DATA ? AED_OK : status;
}

/* Seconds of a step with all ranks at work in groups of `ranks`: the slowest group's. */
static aed_status measure(aed_job *job, int64_t trial, int ranks, double *seconds)
{
    aed_status status;
    aed_trainer trainer;
    aed_comm group;
    const aed_placement split = {.groups = job->world.size / ranks};
    int members[2], own = 0;
    *seconds = 0;
    do aed_placement_group(&split, job->world.size, own++, &members[0], &members[1]);
    while (members[0] + members[1] <= job->world.rank);
    AED_TRY(aed_dist_range(&job->world, members[0], members[1], own, &group));
    status = aed_job_create_trainer(job, trial, &group, &trainer);
    if (status == AED_OK) {
        status = aed_placement_time_steps(&trainer, seconds);
        aed_trainer_destroy(&trainer);
    }
    aed_dist_free(&group);
    AED_TRY(aed_dist_agree(&job->world, status));
    status = aed_dist_max(&job->world, seconds, 1);
done:
    return status;
}

/* Time that `pending` trials take in groups of ranks[choice], a step each: whole rounds, and a last one
 * in which idle ranks join. Where the last round is the first, they had better begin together. */
static double total_time(const aed_placement *p, int choice, int64_t pending, int world)
{
    const int groups = world / p->sizes[choice];
    const int64_t rounds = pending / groups, rest = pending % groups;
    double last = 0;
    if (rest > 0) {
        last = p->seconds[choice];
        for (int i = choice; rounds > 0 && i < p->size_count && p->sizes[i] <= world / rest; i++)
            if (p->seconds[i] < last) last = p->seconds[i];
    }
    return (double)rounds * p->seconds[choice] + last;
}

static aed_status measure_all(aed_job *job, int64_t pending, int64_t trial, aed_placement *p)
{
    const int world = job->world.size;
    const int64_t useful = job->plans[trial].leaves < world ? job->plans[trial].leaves : world;
    for (int ranks = 1; ranks <= world && p->size_count < AED_PLACEMENT_SIZES;) {
        double seconds;
        aed_status status = measure(job, trial, ranks, &seconds);
        if (status != AED_OK) return status;
        p->sizes[p->size_count] = ranks;
        p->seconds[p->size_count++] = seconds;
        /* Doubling, and the largest that has work for all. */
        if (ranks >= useful) break;
        ranks = 2 * ranks < useful ? 2 * ranks : (int)useful;
    }
    double best = INFINITY;
    for (int i = 0; i < p->size_count; i++) {
        const double total = total_time(p, i, pending, world);
        /* A larger group must be clearly better: it keeps more ranks busy for the same work. */
        if (!(total < 0.9 * best)) continue;
        best = total;
        p->ranks = p->sizes[i];
    }
    return AED_OK;
}

/* "a step takes 5.1 us on 1 rank, 3.0 us on 2" */
static void explain(aed_placement *p, int64_t pending)
{
    int at = snprintf(p->reason, sizeof p->reason, "a step takes");
    for (int i = 0; i < p->size_count && at < (int)sizeof p->reason - 80; i++)
        at += snprintf(p->reason + at, sizeof p->reason - (size_t)at, "%s %.3g us on %d",
                       i ? "," : "", p->seconds[i] * 1e6, p->sizes[i]);
    snprintf(p->reason + at, sizeof p->reason - (size_t)at, " %s; %" PRId64 " %s to train",
             p->sizes[p->size_count - 1] == 1 ? "rank" : "ranks", pending,
             pending == 1 ? "trial" : "trials");
}

aed_status aed_placement_choose(aed_job *job, int64_t pending, int64_t trial,
                                aed_placement *placement)
{
    aed_status status = AED_OK;
    const int world = job->world.size;
    const int64_t asked = job->list.trials[0].config.ranks_per_trial;
    aed_placement *p = placement;
    *p = (aed_placement){.ranks = 1, .groups = 1};
    if (world == 1) return AED_OK;
    if (asked > 0) {
        p->ranks = asked < world ? (int)asked : world;
        snprintf(p->reason, sizeof p->reason, "ranks_per_trial is %" PRId64, asked);
    } else {
        AED_TRY(measure_all(job, pending, trial, p));
        p->measured = true;
        explain(p, pending);
    }
    p->groups = world / p->ranks;
done:
    return status;
}
