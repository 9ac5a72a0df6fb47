/* Reading HDF5 files from anywhere; see hdf5_read.h. */

/* Keeps H5Literate as it is here for the versions after 1.10. */
#define H5_USE_110_API
#include "io/hdf5_read.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "core/memory.h"

enum { LONGEST_TEXT = 1 << 20 };

static aed_status out_of_memory(void)
{
    return aed_fail(AED_MEMORY, "out of memory for an HDF5 file");
}

/* ---- Failures ------------------------------------------------------------------------------ */

aed_status aed_hdf5_fail_reading(const aed_hdf5_reader *in, const char *name)
{
    char reason[AED_HDF5_REASON_BYTES];
    return aed_fail(AED_DATA, "%s: cannot read %s: %s; the file is damaged", in->path, name,
                    aed_hdf5_reason(reason));
}

aed_status aed_hdf5_fail_form(const aed_hdf5_reader *in, const char *name)
{
    return aed_fail(AED_DATA,
                    "%s: %s is not what aedist writes there; the file is damaged or another "
                    "program's",
                    in->path, name);
}

/* ---- Datasets and attributes ---------------------------------------------------------------- */

/* What the stored type is read as; false if it is none that aedist writes. */
static bool find_form(hid_t type, aed_hdf5_form *found)
{
    const H5T_class_t class = H5Tget_class(type);
    const size_t bytes = H5Tget_size(type);
    *found = class == H5T_STRING                                         ? AED_HDF5_TEXTS
             : class == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_NONE ? AED_HDF5_SEEDS
                                                                         : AED_HDF5_NUMBERS;
    if (class == H5T_STRING) return H5Tis_variable_str(type) > 0;
    return (class == H5T_INTEGER || class == H5T_FLOAT) && (bytes == 4 || bytes == 8);
}

/* Copies HDF5's texts into the pool. */
static aed_status keep_texts(aed_pool *pool, char *const *texts, int64_t count, const char **kept)
{
    for (int64_t i = 0; i < count; i++) {
        const char *text = texts[i] ? texts[i] : "";
        kept[i] = aed_pool_text(pool, text, strnlen(text, LONGEST_TEXT));
        if (!kept[i]) return out_of_memory();
    }
    return AED_OK;
}

static aed_status read_texts(const aed_hdf5_reader *in, const char *name, hid_t dataset,
                             hid_t space, aed_hdf5_column *read)
{
    aed_status status = AED_OK;
    const hid_t type = H5Tcopy(H5T_C_S1);
    char **texts = aed_alloc((size_t)read->count, sizeof *texts);
    read->texts = aed_pool_alloc(in->pool, (size_t)read->count, sizeof *read->texts);
    if (!texts || !read->texts) {
        status = out_of_memory();
    } else if (type < 0 || H5Tset_size(type, H5T_VARIABLE) < 0 ||
               H5Tset_cset(type, H5T_CSET_UTF8) < 0 ||
               H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts) < 0) {
        status = aed_hdf5_fail_reading(in, name);
    } else {
        status = keep_texts(in->pool, texts, read->count, read->texts);
    }
    if (texts && type >= 0) H5Dvlen_reclaim(type, space, H5P_DEFAULT, texts);
    if (type >= 0) H5Tclose(type);
    aed_free(texts);
    return status;
}

static aed_status read_values(const aed_hdf5_reader *in, const char *name, hid_t dataset,
                              hid_t space, aed_hdf5_column *read)
{
    aed_pool *pool = in->pool;
    if (read->form == AED_HDF5_TEXTS) return read_texts(in, name, dataset, space, read);
    void *values = aed_pool_alloc(pool, (size_t)read->count, 8);
    if (!values) return out_of_memory();
    if (read->form == AED_HDF5_SEEDS)
        read->seeds = values;
    else
        read->numbers = values;
    const hid_t type = read->form == AED_HDF5_SEEDS ? H5T_NATIVE_UINT64 : H5T_NATIVE_DOUBLE;
    if (H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0) return AED_OK;
    return aed_hdf5_fail_reading(in, name);
}

/* Reads a one-dimensional dataset of `count` values (-1: of any number), all of which lie in the
 * file. */
aed_status aed_hdf5_read_column(const aed_hdf5_reader *in, const char *name, int64_t count,
                                aed_hdf5_column *read)
{
    aed_status status = AED_OK;
    hsize_t size = 0;
    *read = (aed_hdf5_column){0};
    const hid_t dataset = H5Dopen2(in->file, name, H5P_DEFAULT);
    const hid_t space = dataset >= 0 ? H5Dget_space(dataset) : H5I_INVALID_HID;
    const hid_t type = dataset >= 0 ? H5Dget_type(dataset) : H5I_INVALID_HID;
    if (space < 0 || type < 0) {
        status = aed_hdf5_fail_reading(in, name);
        goto done;
    }
    const bool good = H5Sget_simple_extent_ndims(space) == 1 &&
                      H5Sget_simple_extent_dims(space, &size, NULL) == 1 &&
                      find_form(type, &read->form) && size <= (hsize_t)in->bytes &&
                      (count < 0 || size == (hsize_t)count);
    /* HDF5 believes the header, and reads behind values that are fewer. */
    if (!good || H5Dget_storage_size(dataset) < size * H5Tget_size(type) ||
        size * H5Tget_size(type) > (hsize_t)in->bytes) {
        status = aed_hdf5_fail_form(in, name);
        goto done;
    }
    read->count = (int64_t)size;
    if (size > 0) status = read_values(in, name, dataset, space, read);

done:
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    if (dataset >= 0) H5Dclose(dataset);
    return status;
}

aed_status aed_hdf5_read_shape(const aed_hdf5_reader *in, const char *name, aed_shape *shape)
{
    hsize_t size[H5S_MAX_RANK] = {0};
    int64_t sizes[AED_MAX_RANK] = {0};
    const hid_t dataset = H5Dopen2(in->file, name, H5P_DEFAULT);
    const hid_t space = dataset >= 0 ? H5Dget_space(dataset) : H5I_INVALID_HID;
    const int rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    bool good = rank >= 0 && rank <= AED_MAX_RANK &&
                H5Sget_simple_extent_dims(space, size, NULL) == rank;
    for (int i = 0; i < rank && good; i++) {
        good = size[i] <= INT32_MAX;
        sizes[i] = (int64_t)size[i];
    }
    if (space >= 0) H5Sclose(space);
    if (dataset >= 0) H5Dclose(dataset);
    if (good && aed_shape_make(rank, sizes, shape) == AED_OK) return AED_OK;
    return aed_hdf5_fail_form(in, name);
}

/* A scalar attribute of `object`; the column has one value. */
static aed_status read_attribute(const aed_hdf5_reader *in, const char *object, const char *name,
                                 aed_hdf5_column *read)
{
    aed_status status = AED_OK;
    *read = (aed_hdf5_column){.count = 1};
    const hid_t attribute = H5Aopen_by_name(in->file, object, name, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t space = attribute >= 0 ? H5Aget_space(attribute) : H5I_INVALID_HID;
    const hid_t type = attribute >= 0 ? H5Aget_type(attribute) : H5I_INVALID_HID;
    char *text = NULL;
    read->numbers = aed_pool_alloc(in->pool, 1, sizeof *read->numbers);
    read->texts = aed_pool_alloc(in->pool, 1, sizeof *read->texts);
    if (!read->numbers || !read->texts) {
        status = out_of_memory();
    } else if (space < 0 || type < 0) {
        status = aed_hdf5_fail_reading(in, name);
    } else if (H5Sget_simple_extent_type(space) != H5S_SCALAR || !find_form(type, &read->form)) {
        status = aed_hdf5_fail_form(in, name);
    } else if (read->form == AED_HDF5_TEXTS) {
        status = H5Aread(attribute, type, &text) < 0 ? aed_hdf5_fail_reading(in, name)
                                                     : keep_texts(in->pool, &text, 1, read->texts);
        if (text) H5free_memory(text);
    } else if (H5Aread(attribute, H5T_NATIVE_DOUBLE, read->numbers) < 0) {
        status = aed_hdf5_fail_reading(in, name);
    }
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    if (attribute >= 0) H5Aclose(attribute);
    return status;
}

aed_status aed_hdf5_read_text(const aed_hdf5_reader *in, const char *object, const char *name,
                              const char **text)
{
    aed_hdf5_column read;
    aed_status status = read_attribute(in, object, name, &read);
    if (status != AED_OK) return status;
    if (read.form != AED_HDF5_TEXTS) return aed_hdf5_fail_form(in, name);
    *text = read.texts[0];
    return AED_OK;
}

/* Whole and not negative. */
aed_status aed_hdf5_read_count(const aed_hdf5_reader *in, const char *object, const char *name,
                               int64_t *count)
{
    aed_hdf5_column read;
    aed_status status = read_attribute(in, object, name, &read);
    if (status != AED_OK) return status;
    if (read.form == AED_HDF5_TEXTS || !(read.numbers[0] >= 0 && read.numbers[0] < 1e15))
        return aed_hdf5_fail_form(in, name);
    *count = (int64_t)read.numbers[0];
    return AED_OK;
}

/* ---- Members of a group ---------------------------------------------------------------------- */

static herr_t add_member(hid_t group, const char *name, const H5L_info_t *info, void *data)
{
    aed_hdf5_members *list = data;
    (void)group;
    if (info->type != H5L_TYPE_HARD || list->count == list->room) return 0;
    list->names[list->count] = aed_pool_text(list->pool, name, strlen(name));
    list->failed = list->failed || !list->names[list->count];
    return list->failed || ++list->count == list->room;
}

aed_status aed_hdf5_list_members(const aed_hdf5_reader *in, const char *group,
                                 aed_hdf5_members *list)
{
    H5G_info_t info;
    *list = (aed_hdf5_members){.pool = in->pool};
    const hid_t opened = H5Gopen2(in->file, group, H5P_DEFAULT);
    if (opened < 0) return aed_hdf5_fail_reading(in, group);
    aed_status status = AED_OK;
    if (H5Gget_info(opened, &info) < 0)
        status = aed_hdf5_fail_reading(in, group);
    else if (info.nlinks > (hsize_t)in->bytes)
        status = aed_hdf5_fail_form(in, group);
    if (status == AED_OK) {
        list->room = (int64_t)info.nlinks;
        list->names = aed_pool_alloc(list->pool, (size_t)info.nlinks, sizeof *list->names);
        if (!list->names)
            status = out_of_memory();
        else if (info.nlinks > 0 &&
                 H5Literate(opened, H5_INDEX_NAME, H5_ITER_INC, NULL, add_member, list) < 0)
            status = aed_hdf5_fail_reading(in, group);
        if (status == AED_OK && list->failed) status = out_of_memory();
    }
    H5Gclose(opened);
    return status;
}

/* ---- File ---------------------------------------------------------------------------------- */

aed_status aed_hdf5_reader_open(const char *path, aed_pool *pool, aed_hdf5_reader *in)
{
    struct stat facts;
    if (stat(path, &facts) != 0)
        return aed_fail(AED_DATA, "%s: cannot be opened: %s; check the path", path,
                        strerror(errno));
    if (!S_ISREG(facts.st_mode)) return aed_fail(AED_DATA, "%s: is no plain file", path);
    *in = (aed_hdf5_reader){.path = path, .bytes = (int64_t)facts.st_size, .pool = pool};
    aed_hdf5_enter(&in->guard);
    in->file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (in->file >= 0) return AED_OK;
    const aed_status status = aed_hdf5_fail_reading(in, "it");
    aed_hdf5_leave(&in->guard);
    return status;
}

void aed_hdf5_reader_close(aed_hdf5_reader *in)
{
    H5Fclose(in->file);
    aed_hdf5_leave(&in->guard);
}

bool aed_hdf5_has(const aed_hdf5_reader *in, const char *name)
{
    return H5Lexists(in->file, name, H5P_DEFAULT) > 0;
}
