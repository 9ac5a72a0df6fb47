/* HDF5 on trial; see hdf5_probe.h. */

/* Keeps H5Ovisit2 as it is here for the versions after 1.10. */
#define H5_USE_110_API
#include "data/hdf5_probe.h"

#include <hdf5.h>
#include <limits.h>
#include <string.h>

#include "core/apart.h"

enum {
    VISITED = 10000, /* objects of a file, */
    DEEPEST = 32,    /* and groups within groups */
    LARGEST_NUMBER = 16,
    /* Of a processor's time, and a second more for so many bytes of a file: the index of 20,000 chunks,
     * which HDF5 walks in a hundredth of it. */
    LEAST_SECONDS = 2,
    BYTES_A_SECOND = 1 << 20
};

typedef struct probe {
    const char *file, *path;
} probe;

bool aed_hdf5_visited_enough(const char *name, int *visited)
{
    /* HDF5 goes down into a group by a call of its own, and in damaged files a group is in itself. */
    int depth = 0;
    for (const char *at = name; (at = strchr(at, '/')); at++) depth++;
    return ++*visited == VISITED || depth == DEEPEST;
}

static herr_t visit(hid_t root, const char *name, const H5O_info_t *info, void *visited)
{
    (void)root;
    (void)info;
    return aed_hdf5_visited_enough(name, visited);
}

static void read_number(hid_t dataset, hid_t type, hid_t space, const hsize_t *at)
{
    unsigned char number[LARGEST_NUMBER];
    const hsize_t one = 1;
    const hid_t memory = H5Screate_simple(1, &one, NULL);
    if (H5Tget_size(type) <= sizeof number && H5Sselect_elements(space, H5S_SELECT_SET, 1, at) >= 0)
        H5Dread(dataset, type, memory, space, H5P_DEFAULT, number);
    H5Sclose(memory);
}

/* What a virtual dataset is made of is opened when something of it is read: here the first number of
 * each part. */
static void read_virtual(hid_t dataset, hid_t creation, hid_t type, hid_t space)
{
    size_t parts = 0;
    if (H5Tget_class(type) != H5T_INTEGER && H5Tget_class(type) != H5T_FLOAT) return;
    if (H5Pget_virtual_count(creation, &parts) < 0) return;
    for (size_t i = 0; i < parts; i++) {
        hsize_t first[H5S_MAX_RANK], last[H5S_MAX_RANK];
        const hid_t part = H5Pget_virtual_vspace(creation, i);
        if (part < 0) continue;
        if (H5Sget_simple_extent_ndims(part) == H5Sget_simple_extent_ndims(space) &&
            H5Sget_select_bounds(part, first, last) >= 0)
            read_number(dataset, type, space, first);
        H5Sclose(part);
    }
}

static void read_creation(hid_t creation)
{
    const int filters = H5Pget_nfilters(creation);
    H5Pget_external_count(creation);
    for (int i = 0; i < filters; i++) {
        unsigned flags, options;
        size_t values = 0;
        H5Pget_filter2(creation, (unsigned)i, &flags, &values, NULL, 0, NULL, &options);
    }
}

static void read_dataset(hid_t file, const char *path)
{
    const hid_t dataset = H5Dopen2(file, path, H5P_DEFAULT);
    if (dataset < 0) return;
    const hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset);
    const hid_t creation = H5Dget_create_plist(dataset);
    hsize_t chunks;
    H5Dget_storage_size(dataset);
    if (creation >= 0) read_creation(creation);
    if (space >= 0) H5Dget_num_chunks(dataset, space, &chunks); /* walks the index of them */
    if (creation >= 0 && type >= 0 && space >= 0 && H5Pget_layout(creation) == H5D_VIRTUAL)
        read_virtual(dataset, creation, type, space);
    if (creation >= 0) H5Pclose(creation);
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    H5Dclose(dataset);
}

/* The child's copy of the lock around HDF5 is one that nobody will ever unlock: it goes without. Files that
 * are open already it shares with its parent, which HDF5 (1.10.8) reads by pread. */
static aed_status read_metadata(void *context)
{
    const probe *at = context;
    int visited = 0;
    if (H5Fis_hdf5(at->file) <= 0) return AED_OK;
    const hid_t file = H5Fopen(at->file, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0) return AED_OK;
    const hid_t object = H5Oopen(file, at->path, H5P_DEFAULT);
    const H5I_type_t kind = object >= 0 ? H5Iget_type(object) : H5I_BADID;
    if (object >= 0) H5Oclose(object);
    if (kind == H5I_DATASET)
        read_dataset(file, at->path);
    else
        H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, visit, &visited, H5O_INFO_BASIC);
    H5Fclose(file);
    return AED_OK;
}

aed_status aed_hdf5_probe(const char *place, const char *file, const char *path, int64_t bytes)
{
    probe at = {.file = file, .path = path};
    const int64_t more = bytes / BYTES_A_SECOND;
    const int seconds = LEAST_SECONDS + (int)(more < INT_MAX / 2 ? more : INT_MAX / 2);
    const aed_status status = aed_apart(place, seconds, read_metadata, &at);
    /* Where no process can be had, for want of memory or by a limit, good files are read all the same. */
    return status == AED_DATA ? status : AED_OK;
}
