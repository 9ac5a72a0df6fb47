/* The few forms of HDF5 objects that results.h5 is made of, over the library's C interface.
 *
 * The file is built in memory and written by aed_file_replace. HDF5 thus never sees an I/O error: a
 * full disk would otherwise leave it with a file that it cannot close, and 1.10 then crashes when
 * the process ends. It also makes locks of the file system needless. HDF5's own printing is off
 * while a file is open; its innermost error becomes part of our message. Other threads keep out of
 * HDF5 from create to destroy, which one thread calls, with no call of MPI between them. */
#ifndef AED_IO_HDF5_H
#define AED_IO_HDF5_H

#include <hdf5.h>
#include <stdint.h>

#include "aedist/status.h"

typedef enum aed_hdf5_type {
    AED_HDF5_F32,
    AED_HDF5_F64,
    AED_HDF5_I64,
    AED_HDF5_U64,
    AED_HDF5_U8,
    AED_HDF5_TEXT /* values are const char *, stored as UTF-8 of variable length */
} aed_hdf5_type;

typedef struct aed_hdf5 aed_hdf5;

/* A new file; `path` is for messages. *root is its root group, owned by the file. */
aed_status aed_hdf5_create(const char *path, aed_hdf5 **file, hid_t *root);
/* The file's bytes as they are now, valid until the next change. */
aed_status aed_hdf5_image(aed_hdf5 *file, const void **bytes, size_t *count);
/* Writes it as folder/name, whole or not at all. */
aed_status aed_hdf5_save(aed_hdf5 *file, const char *folder, const char *name);
/* Opens the bytes of a file for reading; they must stay. Bytes that nobody vouches for can crash
 * HDF5. Fails with AED_DATA. */
aed_status aed_hdf5_open_image(const char *path, const void *bytes, size_t count, aed_hdf5 **file,
                               hid_t *root);
/* Reads the one-dimensional dataset of bytes root/name into a block for the caller to aed_free; at
 * most `most` bytes. Fails with AED_DATA, AED_MEMORY. */
aed_status aed_hdf5_read_bytes(hid_t root, const char *name, size_t most, unsigned char **bytes,
                               size_t *count);
/* Forgets the file. Takes a pointer to NULL. */
void aed_hdf5_destroy(aed_hdf5 **file);

/* Makes parent/name for about `links` members, compactly stored if they are few. Close with
 * aed_hdf5_group_close, which takes H5I_INVALID_HID. */
aed_status aed_hdf5_group(aed_hdf5 *file, hid_t parent, const char *name, int64_t links,
                          hid_t *group);
void aed_hdf5_group_close(hid_t group);

/* Scalar attributes. NULL text counts as "". */
aed_status aed_hdf5_attribute_text(aed_hdf5 *file, hid_t object, const char *name,
                                   const char *text);
aed_status aed_hdf5_attribute_f64(aed_hdf5 *file, hid_t object, const char *name, double value);
aed_status aed_hdf5_attribute_i64(aed_hdf5 *file, hid_t object, const char *name, int64_t value);
aed_status aed_hdf5_attribute_u64(aed_hdf5 *file, hid_t object, const char *name, uint64_t value);

/* A dataset that is the scale of others' first dimension, and those. Zeros are a scale that is not
 * there. */
typedef struct aed_hdf5_scale {
    hid_t dataset;
    hobj_ref_t reference; /* to it */
    struct aed_hdf5_attached *attached;
    int64_t count, room;
} aed_hdf5_scale;

/* Writes group/name with these dimensions. `scale`, unless it is NULL or not there, is attached to the
 * first dimension. */
aed_status aed_hdf5_dataset(aed_hdf5 *file, hid_t group, const char *name, aed_hdf5_type type,
                            int rank, const int64_t *size, const void *values,
                            aed_hdf5_scale *scale);
/* Writes a one-dimensional dataset that is a dimension scale; close with aed_hdf5_scale_close. */
aed_status aed_hdf5_scale_create(aed_hdf5 *file, hid_t group, const char *name, aed_hdf5_type type,
                                 int64_t count, const void *values, aed_hdf5_scale *scale);
/* Writes into the scale what it is attached to: all at once, where the high-level library reads and
 * writes the list anew for each. */
aed_status aed_hdf5_scale_finish(aed_hdf5 *file, const aed_hdf5_scale *scale);
void aed_hdf5_scale_close(aed_hdf5_scale *scale);

#endif
