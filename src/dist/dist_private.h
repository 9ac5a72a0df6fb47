/* What the files of this room share and nobody else needs. */
#ifndef AED_DIST_DIST_PRIVATE_H
#define AED_DIST_DIST_PRIVATE_H

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

#endif
