/* Whether HDF5 gets through what a file says of itself. Private to src/data.
 *
 * HDF5 (1.10 at least) believes what it reads, and crashes on many a damaged header, heap or index. So a
 * process of its own goes first. It calls the library only: what it is told is judged by those who open
 * the file after it, where faults of our own can be seen. */
#ifndef AED_DATA_HDF5_PROBE_H
#define AED_DATA_HDF5_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "aedist/status.h"

/* Makes all calls of which the answer lies in the metadata of the dataset `path` of `file`, of `bytes`, or
 * in those of the whole file if there is no such dataset. AED_DATA if they crash or do not end; AED_OK if
 * they fail, or where no process can be had. `place` opens the message. Within aed_hdf5_enter, so that no
 * other thread is inside HDF5 when the process is made. */
aed_status aed_hdf5_probe(const char *place, const char *file, const char *path, int64_t bytes);

/* Whether to visit no more of a file's objects after the one of this name; counts them in *visited. */
bool aed_hdf5_visited_enough(const char *name, int *visited);

#endif
