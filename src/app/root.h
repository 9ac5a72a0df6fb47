/* What rank 0 does beside training: keeps the queue of trials, hands them to the groups, has their
 * results and checkpoints written, prints, and decides when to stop. It acts only when it is given a
 * message or looks at the clock, which its own group's training does now and then. */
#ifndef AED_APP_ROOT_H
#define AED_APP_ROOT_H

#include "app/job.h"
#include "app/placement.h"
#include "dist/mailbox.h"
#include "train/trial.h"

typedef struct aed_root aed_root;

/* Opens the run's folder and finds what of the job it holds already. `start` is the clock when the
 * program started; text is copied but for the job's. Rank 0 only. */
aed_status aed_root_create(aed_job *job, const aed_options *options, const char *command,
                           const char *hosts, double start, aed_root **root);
/* Takes a pointer to NULL. */
void aed_root_destroy(aed_root **root);

/* The number of trials to be trained, and the most expensive of them in *first. */
int64_t aed_root_pending(const aed_root *root, int64_t *first);

/* Starts the writing and tells how the ranks are grouped. */
aed_status aed_root_begin(aed_root *root, aed_mailbox *box, const aed_placement *placement);

/* A message to rank 0; takes its bytes over. */
void aed_root_take(aed_root *root, aed_mail *mail);
/* To be called now and then. */
void aed_root_look(aed_root *root);

/* Rank 0's own group begins a trial, and an epoch of it has ended: for the line that shows progress. */
void aed_root_trial_begins(aed_root *root, int64_t trial, int64_t samples);
void aed_root_epoch_ends(aed_root *root, const aed_progress *progress);

/* After the groups have ended: writes what is left, prints the summary. Returns AED_OK, AED_DIVERGED
 * (or AED_DATA) if every trial failed, AED_PARTIAL if some did, AED_STOPPED if trials are left, or
 * what went wrong with the run as a whole. */
aed_status aed_root_finish(aed_root *root);

#endif
