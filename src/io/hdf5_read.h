/* Reading small HDF5 files that may come from anywhere: nothing is asked of the library before types
 * and sizes are looked at, and nothing is allocated for a size that the file does not hold. HDF5 may
 * crash all the same on bytes that were changed with intent: keep a process of its own between it and
 * what matters. All failures are AED_DATA, with path and name, or AED_MEMORY. */
#ifndef AED_IO_HDF5_READ_H
#define AED_IO_HDF5_READ_H

#include <stdbool.h>

#include "aedist/status.h"
#include "aedist/tensor.h"
#include "core/buffer.h"
#include "core/hdf5_guard.h"

typedef struct aed_hdf5_reader {
    const char *path; /* the caller's */
    int64_t bytes;    /* of the file */
    hid_t file;
    aed_pool *pool; /* gets all that is read */
    aed_hdf5_guard guard;
} aed_hdf5_reader;

/* Opens a file. Other threads keep out of HDF5 until it is closed. */
aed_status aed_hdf5_reader_open(const char *path, aed_pool *pool, aed_hdf5_reader *in);
void aed_hdf5_reader_close(aed_hdf5_reader *in);

/* What values are read as: unsigned integers as uint64_t, other numbers as double, texts. */
typedef enum aed_hdf5_form { AED_HDF5_NUMBERS, AED_HDF5_SEEDS, AED_HDF5_TEXTS } aed_hdf5_form;

/* The values of a dataset in the member that goes with their form. */
typedef struct aed_hdf5_column {
    aed_hdf5_form form;
    int64_t count;
    double *numbers;
    uint64_t *seeds;
    const char **texts;
} aed_hdf5_column;

/* Reads a one-dimensional dataset of `count` values (-1: of any number). */
aed_status aed_hdf5_read_column(const aed_hdf5_reader *in, const char *name, int64_t count,
                                aed_hdf5_column *read);

/* The dimensions of a dataset. */
aed_status aed_hdf5_read_shape(const aed_hdf5_reader *in, const char *name, aed_shape *shape);

/* Scalar attributes of `object`: a text; a whole number that is not negative. */
aed_status aed_hdf5_read_text(const aed_hdf5_reader *in, const char *object, const char *name,
                              const char **text);
aed_status aed_hdf5_read_count(const aed_hdf5_reader *in, const char *object, const char *name,
                               int64_t *count);

/* The members of a group, sorted by name. */
typedef struct aed_hdf5_members {
    aed_pool *pool;
    const char **names;
    int64_t count, room;
    bool failed; /* out of memory on the way */
} aed_hdf5_members;

aed_status aed_hdf5_list_members(const aed_hdf5_reader *in, const char *group,
                                 aed_hdf5_members *list);
/* Whether there is a member of that name; its group must be there. */
bool aed_hdf5_has(const aed_hdf5_reader *in, const char *name);

/* Reports that a call of HDF5 for `name` has just failed, or that what is there has another form. */
aed_status aed_hdf5_fail_reading(const aed_hdf5_reader *in, const char *name);
aed_status aed_hdf5_fail_form(const aed_hdf5_reader *in, const char *name);

#endif
