/* Ranks: start and end of MPI, agreement on failures, and who owns which leaves.
 * `rank` and `size` mean MPI only. */
#ifndef AED_DIST_DIST_H
#define AED_DIST_DIST_H

#include <mpi.h>
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

/* Comma-separated host names in rank order, each once; malloc'ed, on every rank. Collective. */
aed_status aed_dist_hosts(const aed_comm *comm, char **hosts);

/* The contiguous block [*first, *end) of `count` leaves that `rank` of `size` ranks holds. */
void aed_dist_block(int64_t count, int size, int rank, int64_t *first, int64_t *end);

#endif
