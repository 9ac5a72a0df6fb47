/* See estimate.h. */
#include "app/estimate.h"

#include <math.h>
#include <sys/resource.h>

#include "app/placement.h"

/* Operations of a trial: backward takes twice those of forward. */
static double operations(const aed_plan *plan) { return 3 * plan->cost + plan->evaluation_cost; }

static int64_t most_expensive(const aed_job *job)
{
    int64_t most = 0;
    for (int64_t i = 1; i < job->list.count; i++)
        if (operations(&job->plans[i]) > operations(&job->plans[most])) most = i;
    return most;
}

/* The quickest of several looks: other processes of the machine only make them longer. */
static aed_status time_step(aed_trainer *trainer, double *seconds)
{
    enum { LOOKS = 6 };
    aed_status status = AED_OK;
    *seconds = INFINITY;
    for (int i = 0; i < LOOKS && status == AED_OK; i++) {
        double now;
        status = aed_placement_time_steps(trainer, &now);
        if (now < *seconds || !(now > 0)) *seconds = now;
    }
    return status;
}

/* Seconds of a step, and the operations in it. */
static aed_status measure_step(aed_job *job, int64_t trial, double *seconds, double *step)
{
    const aed_comm self = {MPI_COMM_SELF, 0, 1};
    aed_trainer trainer;
    aed_status status = aed_job_create_trainer(job, trial, &self, &trainer);
    if (status != AED_OK) return status;
    const double steps = (double)trainer.config->epochs * (double)trainer.steps;
    *step = 3 * job->plans[trial].cost / steps;
    status = time_step(&trainer, seconds);
    aed_trainer_destroy(&trainer);
    if (status == AED_OK && !(*seconds > 0))
        status = aed_fail(AED_DIVERGED,
                          "no step could be measured: the first ones fail; see what happens with "
                          "train.epochs=1");
    return status;
}

static double most_memory(const aed_job *job)
{
    double most = 0;
    for (int64_t i = 0; i < job->list.count; i++)
        if (job->plans[i].bytes > most) most = job->plans[i].bytes;
    return most;
}

aed_status aed_estimate_job(aed_job *job, aed_estimate *estimate)
{
    const int64_t measured = most_expensive(job);
    struct rusage usage;
    double step = 0;
    *estimate = (aed_estimate){0};
    const aed_status status = measure_step(job, measured, &estimate->step, &step);
    if (status != AED_OK) return status;
    for (int64_t i = 0; i < job->list.count; i++)
        estimate->total += operations(&job->plans[i]) * estimate->step / step;
    estimate->longest = operations(&job->plans[measured]) * estimate->step / step;
    getrusage(RUSAGE_SELF, &usage);
    estimate->bytes = 1024.0 * (double)usage.ru_maxrss + most_memory(job) -
                      job->plans[measured].bytes;
    return AED_OK;
}

double aed_estimate_seconds(const aed_estimate *estimate, int64_t ranks)
{
    const double shared = estimate->total / (double)ranks;
    return shared > estimate->longest ? shared : estimate->longest;
}
