/* Reading one dataset of an HDF5 file; see hdf5_array.h. */

/* Keeps H5Ovisit2 as it is here for the versions after 1.10. */
#define H5_USE_110_API
#include "data/hdf5_array.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/hdf5_guard.h"
#include "core/memory.h"
#include "data/hdf5_chunks.h"
#include "data/hdf5_probe.h"

enum {
    LISTED = 4,                 /* datasets that a message names */
    NAME_BYTES = 120,           /* of one of them */
    CHUNK_CACHE_SLOTS = 12421,  /* a prime, about 100 a chunk in the cache */
    CHUNK_CACHE_BYTES = 1 << 25 /* chunks are shared by samples: unpack each once a block */
};

/* No compression makes more of a byte; a file that claims more holds nothing but the claim. */
static const double most_packed = 65536;

static aed_status fail_reading(const char *place, const char *what)
{
    char reason[AED_HDF5_REASON_BYTES];
    return aed_fail(AED_DATA, "%s: %s: %s (HDF5)", place, what, aed_hdf5_reason(reason));
}

/* ---- What a file has -------------------------------------------------------------------------- */

typedef struct listing {
    char text[LISTED * (NAME_BYTES + 3) + 8];
    size_t length;
    int named, visited;
} listing;

static void list_name(listing *list, const char *name)
{
    const int written = snprintf(list->text + list->length, NAME_BYTES, "%s/%s",
                                 list->named > 0 ? ", " : "", name);
    list->length += written < NAME_BYTES ? (size_t)written : NAME_BYTES - 1;
    list->named++;
}

static herr_t visit(hid_t root, const char *name, const H5O_info_t *info, void *data)
{
    listing *list = data;
    (void)root;
    if (info->type == H5O_TYPE_DATASET) {
        if (list->named == LISTED) {
            memcpy(list->text + list->length, ", ...", sizeof ", ...");
            return 1;
        }
        list_name(list, name);
    }
    return aed_hdf5_visited_enough(name, &list->visited);
}

static aed_status fail_no_dataset(const aed_hdf5_array *array, const char *what)
{
    listing list = {0};
    if (H5Ovisit2(array->file, H5_INDEX_NAME, H5_ITER_INC, visit, &list, H5O_INFO_BASIC) < 0 ||
        list.named == 0)
        snprintf(list.text, sizeof list.text, "none");
    return aed_fail(AED_DATA, "%s: %s; datasets of this file: %s", array->place, what, list.text);
}

/* ---- Opening ---------------------------------------------------------------------------------- */

static aed_status try_file(const char *file, const char *path, const aed_hdf5_array *array)
{
    struct stat facts;
    if (stat(file, &facts) != 0)
        return aed_fail(AED_DATA, "%s: cannot open the file: %s", array->place, strerror(errno));
    if (!S_ISREG(facts.st_mode))
        return aed_fail(AED_DATA, "%s: not a file but a folder or a device", array->place);
    return aed_hdf5_probe(array->place, file, path, facts.st_size);
}

static aed_status open_file(const char *file, aed_hdf5_array *array)
{
    const htri_t format = H5Fis_hdf5(file);
    if (format < 0) return fail_reading(array->place, "cannot open the file");
    if (format == 0) return aed_fail(AED_DATA, "%s: this is not an HDF5 file", array->place);
    array->file = H5Fopen(file, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (array->file < 0) return fail_reading(array->place, "cannot open the file");
    return AED_OK;
}

static aed_status open_dataset(const char *path, aed_hdf5_array *array)
{
    const hid_t object = H5Oopen(array->file, path, H5P_DEFAULT);
    if (object < 0) return fail_no_dataset(array, "there is no such dataset");
    const H5I_type_t type = H5Iget_type(object);
    H5Oclose(object);
    if (type == H5I_GROUP) return fail_no_dataset(array, "this is a group, not a dataset");
    if (type != H5I_DATASET) return fail_no_dataset(array, "this is a type, not a dataset");

    const hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
    if (access >= 0 && H5Pset_chunk_cache(access, CHUNK_CACHE_SLOTS, CHUNK_CACHE_BYTES, 1) >= 0)
        array->dataset = H5Dopen2(array->file, path, access);
    if (array->dataset > 0) array->space = H5Dget_space(array->dataset);
    const aed_status status = array->space > 0
                                  ? AED_OK
                                  : fail_reading(array->place, "cannot open the dataset");
    if (access >= 0) H5Pclose(access);
    return status;
}

static const char *class_name(H5T_class_t class)
{
    switch (class) {
    case H5T_STRING: return "texts";
    case H5T_COMPOUND: return "compound values";
    case H5T_ENUM: return "an enumeration (as h5py stores booleans)";
    case H5T_ARRAY: return "arrays";
    case H5T_VLEN: return "lists of varying length";
    case H5T_REFERENCE: return "references";
    default: return "something else";
    }
}

static aed_status check_type(aed_hdf5_array *array)
{
    const hid_t type = H5Dget_type(array->dataset);
    if (type < 0) return fail_reading(array->place, "cannot read the type");
    const H5T_class_t class = H5Tget_class(type);
    const size_t bytes = H5Tget_size(type);
    array->is_integer = class == H5T_INTEGER;
    array->is_bytes = array->is_integer && bytes == 1 && H5Tget_sign(type) == H5T_SGN_NONE;
    array->number_bytes = (int64_t)bytes;
    H5Tclose(type);
    if (class == H5T_INTEGER || class == H5T_FLOAT) {
        /* The library trusts this size, and reads behind a chunk if it lies. */
        if (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8 || bytes == 16) return AED_OK;
        return aed_fail(AED_DATA,
                        "%s: claims numbers of %zu bytes; those of 1, 2, 4, 8 and 16 can "
                        "be read",
                        array->place, bytes);
    }
    return aed_fail(AED_DATA, "%s: holds %s; only integers and floating-point numbers can be read",
                    array->place, class_name(class));
}

static aed_status check_shape(aed_hdf5_array *array)
{
    hsize_t size[H5S_MAX_RANK] = {0};
    const int rank = H5Sget_simple_extent_ndims(array->space);
    if (rank < 1 || rank > AED_MAX_RANK)
        return aed_fail(AED_DATA,
                        "%s: has %d dimensions; the first of 1 to %d must count the samples",
                        array->place, rank, AED_MAX_RANK);
    H5Sget_simple_extent_dims(array->space, size, NULL);
    if (size[0] < 1 || size[0] > UINT32_MAX)
        return aed_fail(AED_DATA, "%s: has %llu samples; 1 to 2^32 - 1 are possible", array->place,
                        (unsigned long long)size[0]);
    array->samples = (int64_t)size[0];
    array->rank = rank - 1;
    array->numbers = 1;
    for (int i = 0; i < array->rank; i++) {
        if (size[i + 1] < 1 || size[i + 1] > (hsize_t)(INT32_MAX / array->numbers))
            return aed_fail(AED_DATA,
                            "%s: a sample has no numbers or more than 2^31 - 1 (dimension %d is "
                            "%llu)",
                            array->place, i + 1, (unsigned long long)size[i + 1]);
        array->size[i] = (int64_t)size[i + 1];
        array->numbers *= array->size[i];
    }
    return AED_OK;
}

/* Filters are plugins: files from elsewhere may want some that are not here. */
static aed_status check_filters(const aed_hdf5_array *array, hid_t creation)
{
    const int filters = H5Pget_nfilters(creation);
    for (int i = 0; i < filters; i++) {
        char name[64] = "";
        unsigned flags, options;
        size_t values = 0;
        const H5Z_filter_t filter = H5Pget_filter2(creation, (unsigned)i, &flags, &values, NULL,
                                                   sizeof name, name, &options);
        name[sizeof name - 1] = '\0';
        if (filter < 0) return fail_reading(array->place, "cannot read the list of filters");
        if (H5Zfilter_avail(filter) > 0) continue;
        return aed_fail(AED_DATA,
                        "%s: is packed by filter %d (%s), which this HDF5 does not have; name its "
                        "folder in HDF5_PLUGIN_PATH, or store the data with gzip",
                        array->place, (int)filter, name);
    }
    return AED_OK;
}

/* The library believes the header, and reads what lies behind data that are shorter. */
static aed_status check_bytes(int64_t file_bytes, H5D_layout_t layout, aed_hdf5_array *array)
{
    hsize_t size[AED_MAX_RANK];
    const double claimed = (double)array->samples * (double)array->numbers *
                           (double)array->number_bytes;
    const hsize_t stored = H5Dget_storage_size(array->dataset);
    H5Sget_simple_extent_dims(array->space, size, NULL);
    if (layout == H5D_CHUNKED)
        return aed_hdf5_chunks_create(array->place, array->dataset, array->rank + 1, size,
                                      array->number_bytes, file_bytes, &array->chunks);
    const bool never_written = stored == 0 && layout == H5D_CONTIGUOUS;
    if (never_written || (double)stored == claimed) return AED_OK;
    return aed_fail(AED_DATA, "%s: claims %.0f bytes of numbers, but has %llu", array->place,
                    claimed, (unsigned long long)stored);
}

/* Data of a chunked or contiguous dataset are in the file, or are not there at all. */
static aed_status check_storage(const char *file, aed_hdf5_array *array)
{
    struct stat facts;
    const hid_t creation = H5Dget_create_plist(array->dataset);
    if (creation < 0) return fail_reading(array->place, "cannot read the layout");
    const H5D_layout_t layout = H5Pget_layout(creation);
    const bool elsewhere = layout == H5D_VIRTUAL || H5Pget_external_count(creation) > 0;
    const aed_status status = check_filters(array, creation);
    H5Pclose(creation);
    if (status != AED_OK || elsewhere || stat(file, &facts) != 0) return status;
    if ((double)array->samples * (double)array->numbers > most_packed * (double)facts.st_size)
        return aed_fail(AED_DATA,
                        "%s: claims %" PRId64 " samples of %" PRId64
                        " numbers, more than a file of "
                        "%lld bytes can hold",
                        array->place, array->samples, array->numbers, (long long)facts.st_size);
    return check_bytes(facts.st_size, layout, array);
}

aed_status aed_hdf5_array_open(const char *where, const char *file, const char *path,
                               aed_hdf5_array *array)
{
    aed_status status;
    aed_hdf5_guard guard;
    *array = (aed_hdf5_array){.place = aed_printf_alloc("%s: %s:%s", where, file, path)};
    if (!array->place) return aed_fail(AED_MEMORY, "%s: out of memory", where);
    aed_hdf5_enter(&guard);
    AED_TRY(try_file(file, path, array));
    AED_TRY(open_file(file, array));
    AED_TRY(open_dataset(path, array));
    AED_TRY(check_type(array));
    AED_TRY(check_shape(array));
    AED_TRY(check_storage(file, array));
done:
    aed_hdf5_leave(&guard);
    if (status != AED_OK) aed_hdf5_array_close(array);
    return status;
}

void aed_hdf5_array_close(aed_hdf5_array *array)
{
    aed_hdf5_guard guard;
    if (array->file > 0) {
        aed_hdf5_enter(&guard);
        aed_hdf5_chunks_destroy(&array->chunks);
        if (array->space > 0) H5Sclose(array->space);
        if (array->dataset > 0) H5Dclose(array->dataset);
        H5Fclose(array->file);
        aed_hdf5_leave(&guard);
    }
    aed_free(array->place);
    *array = (aed_hdf5_array){0};
}

/* ---- Reading ---------------------------------------------------------------------------------- */

static hid_t memory_type(aed_hdf5_number type)
{
    switch (type) {
    case AED_HDF5_BYTES: return H5T_NATIVE_UINT8;
    case AED_HDF5_FLOATS: return H5T_NATIVE_FLOAT;
    case AED_HDF5_INTEGERS: break;
    }
    return H5T_NATIVE_INT64;
}

aed_status aed_hdf5_array_read(const aed_hdf5_array *array, aed_hdf5_number type, int64_t first,
                               int64_t count, void *values)
{
    hsize_t start[AED_MAX_RANK] = {(hsize_t)first}, size[AED_MAX_RANK] = {(hsize_t)count};
    const hsize_t wanted = (hsize_t)(count * array->numbers);
    aed_status status = AED_OK;
    aed_hdf5_guard guard;
    for (int i = 0; i < array->rank; i++) size[i + 1] = (hsize_t)array->size[i];
    aed_hdf5_enter(&guard);
    const hid_t memory = H5Screate_simple(1, &wanted, NULL);
    AED_TRY(aed_hdf5_chunks_check(array->chunks, first, count));
    if (memory < 0 ||
        H5Sselect_hyperslab(array->space, H5S_SELECT_SET, start, NULL, size, NULL) < 0 ||
        H5Dread(array->dataset, memory_type(type), memory, array->space, H5P_DEFAULT, values) < 0) {
        char what[80];
        snprintf(what, sizeof what, "cannot read samples %" PRId64 " to %" PRId64, first,
                 first + count - 1);
        status = fail_reading(array->place, what);
    }
done:
    if (memory >= 0) H5Sclose(memory);
    aed_hdf5_leave(&guard);
    return status;
}
