/* Ranks: start and end of MPI, agreement on failures, and who owns which leaves.
 * `rank` and `size` mean MPI only. */
#ifndef AED_DIST_DIST_H
#define AED_DIST_DIST_H

#include <mpi.h>
#include <stddef.h>
#include <stdint.h>

#include "aedist/status.h"

typedef struct aed_comm {
    MPI_Comm handle;
    int rank, size;
} aed_comm;

/* Starts MPI (single-threaded use) on all ranks and fills `world`. Without a launcher it asks Open
 * MPI for an isolated singleton, which starts faster. From here on a failing MPI call prints rank,
 * host and the call's error once and ends the job (the one place that calls MPI_Abort). Collective. */
aed_status aed_dist_start(int *argc, char ***argv, aed_comm *world);
/* Ends MPI. Collective. */
void aed_dist_stop(void);

/* The worst status of all ranks, on all ranks; the message of the lowest rank that has it becomes
 * everybody's aed_status_message(). Collective; call after any phase that may fail on one rank. */
aed_status aed_dist_agree(const aed_comm *comm, aed_status local);

/* Prints this rank, its host and aed_status_message() and ends the job: for a failure that cannot
 * wait for an agreement. Not collective; MPI must have been started. */
_Noreturn void aed_dist_abort(aed_status status);

/* Copies `bytes` bytes at `data`, any number, from rank `root` to all ranks. Collective. */
aed_status aed_dist_broadcast(const aed_comm *comm, void *data, size_t bytes, int root);

/* Replaces each of `count` values by the largest of all ranks'; NaN counts as larger than any number,
 * +0 as larger than -0, so that the result has the same bits on any number of ranks. Collective. */
aed_status aed_dist_max(const aed_comm *comm, double *values, int count);

/* A communicator of the world's ranks `ranks` (ascending, this one among them). Collective over these
 * only; `tag` keeps apart groups that are made at the same time. */
aed_status aed_dist_group(const aed_comm *world, const int *ranks, int count, int tag,
                          aed_comm *group);
/* The same for `count` ranks from `first` on. */
aed_status aed_dist_range(const aed_comm *world, int first, int count, int tag, aed_comm *group);
/* A communicator of the same ranks, for other messages. Collective. */
aed_status aed_dist_copy(const aed_comm *comm, aed_comm *copy);
/* Frees a communicator that one of the two made. Collective over it. */
void aed_dist_free(aed_comm *comm);

/* Comma-separated host names in rank order, each once; malloc'ed, on every rank. Collective. */
aed_status aed_dist_hosts(const aed_comm *comm, char **hosts);

/* The contiguous block [*first, *end) of `count` leaves that `rank` of `size` ranks holds; sizes
 * differ by one at most, the larger ones come first. */
void aed_dist_block(int64_t count, int size, int rank, int64_t *first, int64_t *end);

#endif
