/* One dataset of an HDF5 file, N samples of numbers, open for reading. Private to src/data.
 *
 * Files come from outside: all that they claim is checked when they are opened, and every failure
 * is an AED_DATA whose message names the file, the dataset and the reason. */
#ifndef AED_DATA_HDF5_ARRAY_H
#define AED_DATA_HDF5_ARRAY_H

#include <stdbool.h>
#include <stdint.h>

#include "aedist/status.h"
#include "aedist/tensor.h"

typedef struct aed_hdf5_array {
    char *place;  /* "config.yaml:3:7: file.h5:/path", opens messages */
    int64_t file; /* handles of HDF5; 0: none */
    int64_t dataset, space;
    struct aed_hdf5_chunks *chunks; /* NULL: stored in one piece */
    bool is_integer, is_bytes;      /* of unsigned bytes */
    int64_t number_bytes;           /* as stored */
    int64_t samples;                /* 1 ... 2^32 - 1 */
    int rank;                       /* of a sample, 0 ... AED_MAX_RANK - 1 */
    int64_t size[AED_MAX_RANK];
    int64_t numbers; /* in a sample, below 2^31 */
} aed_hdf5_array;

typedef enum aed_hdf5_number { AED_HDF5_BYTES, AED_HDF5_FLOATS, AED_HDF5_INTEGERS } aed_hdf5_number;

/* Opens the dataset `path` of `file`; `where` opens messages. */
aed_status aed_hdf5_array_open(const char *where, const char *file, const char *path,
                               aed_hdf5_array *array);
/* Takes zeroed arrays and leaves one. */
void aed_hdf5_array_close(aed_hdf5_array *array);

/* Reads the samples first ... first+count-1 as uint8_t, float or int64_t, [count][numbers]. One
 * thread at a time. */
aed_status aed_hdf5_array_read(const aed_hdf5_array *array, aed_hdf5_number type, int64_t first,
                               int64_t count, void *values);

#endif
