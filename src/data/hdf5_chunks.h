/* Whether the chunks of a dataset are as large as its header says. Private to src/data.
 *
 * HDF5 (up to 1.10 at least) believes the header: of a chunk that unfolds to less it reads what lies
 * behind it in memory, and crashes. So each chunk is unfolded once before HDF5 reads it. Chunks of
 * filters other than deflate, shuffle and fletcher32 are taken on trust. */
#ifndef AED_DATA_HDF5_CHUNKS_H
#define AED_DATA_HDF5_CHUNKS_H

#include <hdf5.h>
#include <stdint.h>

#include "aedist/status.h"

typedef struct aed_hdf5_chunks aed_hdf5_chunks;

/* For an open dataset of size[rank] numbers of `number_bytes` in a file of `file_bytes`; *chunks
 * stays NULL if it has no chunks. `place` opens messages and stays the caller's. Within
 * aed_hdf5_enter, as check. */
aed_status aed_hdf5_chunks_create(const char *place, hid_t dataset, int rank, const hsize_t *size,
                                  int64_t number_bytes, int64_t file_bytes,
                                  aed_hdf5_chunks **chunks);
/* Takes a pointer to NULL. */
void aed_hdf5_chunks_destroy(aed_hdf5_chunks **chunks);

/* Fails with AED_DATA unless all chunks that hold samples first ... first+count-1 are whole. Takes
 * NULL. One thread at a time. */
aed_status aed_hdf5_chunks_check(aed_hdf5_chunks *chunks, int64_t first, int64_t count);

#endif
