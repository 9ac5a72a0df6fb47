/* How many ranks share a trial. It is a matter of time only: no bit depends on it. */
#ifndef AED_APP_PLACEMENT_H
#define AED_APP_PLACEMENT_H

#include "app/job.h"

enum { AED_PLACEMENT_SIZES = 40 };

typedef struct aed_placement {
    int ranks; /* that share a trial; groups have so many or one more */
    int groups;
    bool measured;                       /* by `ranks_per_trial: auto` */
    int sizes[AED_PLACEMENT_SIZES];      /* of groups that were measured, ascending */
    double seconds[AED_PLACEMENT_SIZES]; /* of a step on such a group */
    int size_count;
    char reason[256]; /* for people */
} aed_placement;

/* Decides for `pending` trials, of which `trial` stands for all: by the config, or by a few of its
 * steps on groups of 1, 2, 4 ... ranks. Collective; the same on all ranks. */
aed_status aed_placement_choose(aed_job *job, int64_t pending, int64_t trial,
                                aed_placement *placement);

/* Mean seconds of a step of the trainer, by training a few: its parameters are spoilt. 0 or less if the
 * steps fail as the trial's own would. Collective over its ranks. */
aed_status aed_placement_time_steps(aed_trainer *trainer, double *seconds);

/* The ranks of group `group`: from *first on, *count of them. */
void aed_placement_group(const aed_placement *placement, int world, int group, int *first,
                         int *count);

/* Expected seconds of a step on `ranks` ranks, NAN if it was not measured. */
double aed_placement_seconds(const aed_placement *placement, int ranks);

#endif
