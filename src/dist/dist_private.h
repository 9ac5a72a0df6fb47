/* What the files of this room share and nobody else needs. */
#ifndef AED_DIST_DIST_PRIVATE_H
#define AED_DIST_DIST_PRIVATE_H

#include <stdbool.h>

#include "dist/dist.h"

/* In a function with `aed_status status` and a label `done:` call MPI or leave. With the handler of
 * aed_dist_start a failing call does not return; a communicator of the caller's own may let it. */
#define AED_TRY_MPI(call)                                   \
    do {                                                    \
        const int code_ = (call);                           \
        if (code_ != MPI_SUCCESS) {                         \
            status = aed_dist_mpi_failure(code_, __func__); \
            goto done;                                      \
        }                                                   \
    } while (0)

/* Records MPI's text for `code` as the message of an AED_MPI failure in `function`. */
aed_status aed_dist_mpi_failure(int code, const char *function);

/* aed_dist_broadcast in messages of at most `chunk` bytes, 1 ... INT_MAX. */
aed_status aed_dist_broadcast_chunks(const aed_comm *comm, void *data, size_t bytes, int root,
                                     size_t chunk);

/* A folder of its own for what Open MPI keeps on disk about a process without a launcher. All such processes
 * of a user else share one, which each makes if it is missing and removes if it is empty: of two that
 * begin and end at the same time one may lose it between looking and using it, and fails
 * (open-mpi/ompi issue 8510). */
typedef struct aed_session {
    char folder[256];
} aed_session;

/* Before MPI starts. False: there is none, as another is asked for or none can be made. */
bool aed_session_begin(aed_session *session);
/* Removes it. Once MPI has started nothing in it is needed, and a process that is killed later leaves
 * nothing. */
void aed_session_end(const aed_session *session);

#endif
