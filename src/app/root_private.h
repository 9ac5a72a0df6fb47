/* The inside of rank 0's part, shared by root.c (queue and messages) and root_open.c (start and end of
 * its life). */
#ifndef AED_APP_ROOT_PRIVATE_H
#define AED_APP_ROOT_PRIVATE_H

#include "app/report.h"
#include "app/root.h"
#include "io/writer.h"

typedef enum trial_state { TRIAL_PENDING, TRIAL_RUNNING, TRIAL_DONE, TRIAL_FAILED } trial_state;

typedef struct queued_trial {
    trial_state state;
    int group;        /* that trains it */
    int64_t epochs;   /* completed, as far as known */
    double seconds;   /* of training so far, as far as known */
    aed_buffer saved; /* record of its last checkpoint, while it moves to other ranks */
    /* Once it has moved to more ranks: how many it had, how long an epoch took, where it was then. */
    int ranks_before;
    double epoch_before, seconds_then;
    int64_t epochs_then;
    bool stays; /* moving did not pay */
} queued_trial;

typedef struct rank_group {
    int leader, count;
    uint32_t tag; /* of the message that made it, 0: one of the first */
    int *ranks;
    bool waiting; /* has asked for a trial and got none yet */
    int running;  /* trials that it has: one, or the next one as well */
} rank_group;

struct aed_root {
    aed_job *job;
    aed_run *run;
    aed_writer *writer;
    aed_mailbox *box;
    aed_placement placement;

    queued_trial *trials;
    int64_t *queue; /* trials to be trained, from queue_next to queue_end */
    int64_t queue_next, queue_end;
    bool has_checkpoints; /* an earlier job left some */
    rank_group *groups;   /* those without ranks are gone */
    int group_count, regroups;
    int64_t moving; /* trial that is being stopped to go on with other ranks; -1: none */

    aed_status status; /* what went wrong with the run as a whole */
    char message[1024];
    bool asked, stopping, ended;
    char why[64];                 /* of being asked: "SIGTERM" */
    bool told[AED_SYMPTOM_COUNT]; /* of the first trial that shows it */
    aed_status worst;             /* outcome of the trials that failed */
    double start, deadline;       /* of the clock; INFINITY: none */
    double cost_done;             /* of trials ended in this job */
    aed_progress_line line;
    double shown;
};

/* root.c: one more group of these ranks. */
aed_status aed_root_add_group(aed_root *root, const int *ranks, int count);

/* root_move.c: the trial that should be stopped to go on with more ranks, or with as few as before, -1
 * if there is none. */
int64_t aed_root_next_move(const aed_root *root);
/* Makes the new groups for it, now that group `stopped` has stopped it. */
aed_status aed_root_regroup(aed_root *root, int64_t trial, int stopped);

#endif
