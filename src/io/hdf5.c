/* HDF5 in the forms of hdf5.h. Small files matter, as a sweep has thousands of trials: the format
 * of HDF5 1.8 (which every reader since reads), no time stamps, groups of few members and data of
 * few bytes inside their object headers. */
#include "io/hdf5.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/hdf5_guard.h"
#include "core/memory.h"
#include "io/file.h"

enum {
    GROWTH = 1 << 20,     /* bytes by which the file in memory grows */
    COMPACT_LINKS = 256,  /* members up to which a group is stored in its header */
    COMPACT_BYTES = 2048, /* data up to which a dataset is */
    LINK_NAME_BYTES = 16  /* a guess, for sizing headers */
};

/* Making a property list or a type takes about as long as making the object that it is for: a file
 * has one of each. */
enum kind {
    KIND_GROUP,      /* creation properties of a group */
    KIND_COMPACT,    /* of a dataset whose data stand in its header */
    KIND_DATASET,    /* of another one */
    KIND_TEXT,       /* type: of variable length */
    KIND_REFERENCES, /* type: a dimension's scales */
    KIND_ATTACHED,   /* type: an aed_hdf5_attached */
    KIND_SCALAR,     /* space */
    KINDS
};

struct aed_hdf5 {
    hid_t file, root;
    aed_hdf5_guard guard; /* held from create to destroy */
    hid_t kinds[KINDS];   /* 0: not made */
};

/* An element of the list that a scale has of its datasets. */
struct aed_hdf5_attached {
    hobj_ref_t dataset;
    int dimension;
};

/* ---- Failures ------------------------------------------------------------------------------ */

/* Reports that `object`/`name` could not be written; called before any other HDF5 call. */
static aed_status hdf5_fail(hid_t object, const char *name)
{
    char reason[AED_HDF5_REASON_BYTES], where[256] = "";
    aed_hdf5_reason(reason);
    if (H5Iis_valid(object) > 0) H5Iget_name(object, where, sizeof where);
    const char *separator = strcmp(where, "/") == 0 ? "" : "/";
    return aed_fail(AED_DATA,
                    "results.h5: cannot write %s%s%s: %s (HDF5 %d.%d.%d); the ledger "
                    "still holds every finished trial",
                    where, separator, name, reason, H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE);
}

/* A copy of a member's name with '/', which would mean a group, as '_'; "." and "" as well. */
static aed_status link_name(const char *name, char **link)
{
    bool reserved = name[0] == '\0' || strcmp(name, ".") == 0;
    *link = aed_strdup(reserved ? "_" : name);
    if (!*link) return aed_fail(AED_MEMORY, "results.h5: out of memory for a name");
    for (char *c = *link; *c; c++) {
        if (*c == '/') *c = '_';
    }
    return AED_OK;
}

/* ---- What objects are made with -------------------------------------------------------------- */

/* Those of groups and datasets have no time stamps and all attributes in the header. */
static hid_t make_properties(hid_t of)
{
    hid_t list = H5Pcreate(of);
    if (list >= 0 && H5Pset_obj_track_times(list, false) >= 0 &&
        H5Pset_attr_phase_change(list, COMPACT_LINKS, 0) >= 0)
        return list;
    if (list >= 0) H5Pclose(list);
    return H5I_INVALID_HID;
}

static bool make_types(hid_t *kinds)
{
    kinds[KIND_SCALAR] = H5Screate(H5S_SCALAR);
    kinds[KIND_TEXT] = H5Tcopy(H5T_C_S1);
    kinds[KIND_REFERENCES] = H5Tvlen_create(H5T_STD_REF_OBJ);
    kinds[KIND_ATTACHED] = H5Tcreate(H5T_COMPOUND, sizeof(struct aed_hdf5_attached));
    return kinds[KIND_SCALAR] >= 0 && kinds[KIND_TEXT] >= 0 && kinds[KIND_REFERENCES] >= 0 &&
           kinds[KIND_ATTACHED] >= 0 && H5Tset_size(kinds[KIND_TEXT], H5T_VARIABLE) >= 0 &&
           H5Tset_cset(kinds[KIND_TEXT], H5T_CSET_UTF8) >= 0 &&
           H5Tinsert(kinds[KIND_ATTACHED], "dataset", offsetof(struct aed_hdf5_attached, dataset),
                     H5T_STD_REF_OBJ) >= 0 &&
           H5Tinsert(kinds[KIND_ATTACHED], "dimension",
                     offsetof(struct aed_hdf5_attached, dimension), H5T_NATIVE_INT) >= 0;
}

static bool make_kinds(hid_t *kinds)
{
    kinds[KIND_GROUP] = make_properties(H5P_GROUP_CREATE);
    kinds[KIND_COMPACT] = make_properties(H5P_DATASET_CREATE);
    kinds[KIND_DATASET] = make_properties(H5P_DATASET_CREATE);
    /* Everything is written whole at once: numbers filled first would be so for nothing. */
    return kinds[KIND_GROUP] >= 0 && kinds[KIND_COMPACT] >= 0 && kinds[KIND_DATASET] >= 0 &&
           H5Pset_layout(kinds[KIND_COMPACT], H5D_COMPACT) >= 0 &&
           H5Pset_fill_time(kinds[KIND_COMPACT], H5D_FILL_TIME_NEVER) >= 0 &&
           H5Pset_fill_time(kinds[KIND_DATASET], H5D_FILL_TIME_NEVER) >= 0 && make_types(kinds);
}

static void drop_kinds(hid_t *kinds)
{
    for (int i = 0; i < KINDS; i++)
        if (kinds[i] > 0) H5Idec_ref(kinds[i]);
}

/* ---- File ---------------------------------------------------------------------------------- */

aed_status aed_hdf5_create(const char *path, aed_hdf5 **file, hid_t *root)
{
    *file = NULL;
    *root = H5I_INVALID_HID;
    aed_hdf5 *made = aed_alloc(1, sizeof *made);
    if (!made) return aed_fail(AED_MEMORY, "%s: out of memory", path);
    made->file = made->root = H5I_INVALID_HID;
    aed_hdf5_enter(&made->guard);

    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    hid_t creation = H5Pcreate(H5P_FILE_CREATE);
    bool created = access >= 0 && creation >= 0 &&
                   H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18) >= 0 &&
                   H5Pset_fapl_core(access, GROWTH, false) >= 0 &&
                   H5Pset_attr_phase_change(creation, COMPACT_LINKS, 0) >= 0 &&
                   H5Pset_obj_track_times(creation, false) >= 0;
    if (created) made->file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
    if (made->file >= 0 && make_kinds(made->kinds))
        made->root = H5Gopen2(made->file, "/", H5P_DEFAULT);
    aed_status status = made->root >= 0 ? AED_OK : hdf5_fail(H5I_INVALID_HID, "");
    if (creation >= 0) H5Pclose(creation);
    if (access >= 0) H5Pclose(access);
    if (status != AED_OK) {
        aed_hdf5_destroy(&made);
        return status;
    }
    *file = made;
    *root = made->root;
    return AED_OK;
}

aed_status aed_hdf5_image(aed_hdf5 *file, const void **bytes, size_t *count)
{
    /* After a flush the core driver's block is the file; the image's size, asked for without an
     * image, leaves out what the block has to spare. */
    void *memory;
    ssize_t size = -1;
    if (H5Fflush(file->file, H5F_SCOPE_GLOBAL) >= 0) size = H5Fget_file_image(file->file, NULL, 0);
    if (size < 0 || H5Fget_vfd_handle(file->file, H5P_DEFAULT, &memory) < 0)
        return hdf5_fail(file->root, "");
    *bytes = *(void **)memory;
    *count = (size_t)size;
    return AED_OK;
}

aed_status aed_hdf5_save(aed_hdf5 *file, const char *folder, const char *name)
{
    const void *bytes = NULL;
    size_t count = 0;
    aed_status status = aed_hdf5_image(file, &bytes, &count);
    return status == AED_OK ? aed_file_replace(folder, name, bytes, count) : status;
}

void aed_hdf5_destroy(aed_hdf5 **file)
{
    aed_hdf5 *closed = *file;
    if (!closed) return;
    if (closed->root >= 0) H5Gclose(closed->root);
    drop_kinds(closed->kinds);
    if (closed->file >= 0) H5Fclose(closed->file);
    aed_hdf5_leave(&closed->guard);
    aed_free(closed);
    *file = NULL;
}

/* ---- Groups -------------------------------------------------------------------------------- */

aed_status aed_hdf5_group(aed_hdf5 *file, hid_t parent, const char *name, int64_t links,
                          hid_t *group)
{
    char *link;
    *group = H5I_INVALID_HID;
    aed_status status = link_name(name, &link);
    if (status != AED_OK) return status;
    const hid_t creation = file->kinds[KIND_GROUP];
    const bool compact = links <= COMPACT_LINKS;
    const unsigned room = compact && links > 0 ? (unsigned)links : 1;
    /* The library's own limits for a group that is not compact. */
    if (H5Pset_link_phase_change(creation, compact ? COMPACT_LINKS : 8,
                                 compact ? COMPACT_LINKS / 2 : 6) >= 0 &&
        H5Pset_est_link_info(creation, room, LINK_NAME_BYTES) >= 0)
        *group = H5Gcreate2(parent, link, H5P_DEFAULT, creation, H5P_DEFAULT);
    if (*group < 0) status = hdf5_fail(parent, name);
    aed_free(link);
    return status;
}

void aed_hdf5_group_close(hid_t group)
{
    if (group >= 0) H5Gclose(group);
}

/* ---- Types and attributes ------------------------------------------------------------------ */

typedef struct type_pair {
    hid_t file, memory;
} type_pair;

/* The stored type is little-endian everywhere. */
static type_pair type_of(const aed_hdf5 *file, aed_hdf5_type type)
{
    const hid_t text = file->kinds[KIND_TEXT];
    switch (type) {
    case AED_HDF5_F32: return (type_pair){H5T_IEEE_F32LE, H5T_NATIVE_FLOAT};
    case AED_HDF5_F64: return (type_pair){H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE};
    case AED_HDF5_I64: return (type_pair){H5T_STD_I64LE, H5T_NATIVE_INT64};
    case AED_HDF5_U64: return (type_pair){H5T_STD_U64LE, H5T_NATIVE_UINT64};
    case AED_HDF5_U8: return (type_pair){H5T_STD_U8LE, H5T_NATIVE_UINT8};
    case AED_HDF5_TEXT: break;
    }
    return (type_pair){text, text};
}

static aed_status write_attribute(hid_t object, const char *name, type_pair pair, hid_t space,
                                  const void *value)
{
    hid_t made = H5Acreate2(object, name, pair.file, space, H5P_DEFAULT, H5P_DEFAULT);
    bool written = made >= 0 && H5Awrite(made, pair.memory, value) >= 0;
    aed_status status = written ? AED_OK : hdf5_fail(object, name);
    if (made >= 0) H5Aclose(made);
    return status;
}

/* A list of `count` values. */
static aed_status write_list(hid_t object, const char *name, hid_t type, hsize_t count,
                             const void *values)
{
    hid_t space = H5Screate_simple(1, &count, NULL);
    const type_pair pair = {type, type};
    aed_status status = space >= 0 ? write_attribute(object, name, pair, space, values)
                                   : hdf5_fail(object, name);
    if (space >= 0) H5Sclose(space);
    return status;
}

static aed_status attribute(aed_hdf5 *file, hid_t object, const char *name, aed_hdf5_type type,
                            const void *value)
{
    return write_attribute(object, name, type_of(file, type), file->kinds[KIND_SCALAR], value);
}

aed_status aed_hdf5_attribute_text(aed_hdf5 *file, hid_t object, const char *name, const char *text)
{
    const char *value = text ? text : "";
    return attribute(file, object, name, AED_HDF5_TEXT, &value);
}

aed_status aed_hdf5_attribute_f64(aed_hdf5 *file, hid_t object, const char *name, double value)
{
    return attribute(file, object, name, AED_HDF5_F64, &value);
}

aed_status aed_hdf5_attribute_i64(aed_hdf5 *file, hid_t object, const char *name, int64_t value)
{
    return attribute(file, object, name, AED_HDF5_I64, &value);
}

aed_status aed_hdf5_attribute_u64(aed_hdf5 *file, hid_t object, const char *name, uint64_t value)
{
    return attribute(file, object, name, AED_HDF5_U64, &value);
}

/* ---- Datasets ------------------------------------------------------------------------------ */

static size_t element_bytes(aed_hdf5_type type)
{
    switch (type) {
    case AED_HDF5_U8: return 1;
    case AED_HDF5_F32: return 4;
    case AED_HDF5_F64:
    case AED_HDF5_I64:
    case AED_HDF5_U64: return 8;
    case AED_HDF5_TEXT: break;
    }
    return 16; /* length and place in a heap */
}

/* Creates and writes group/name; *dataset is open on success. */
static aed_status write_dataset(aed_hdf5 *file, hid_t group, const char *name, aed_hdf5_type type,
                                int rank, const int64_t *size, const void *values, hid_t *dataset)
{
    hsize_t dims[H5S_MAX_RANK];
    hsize_t count = 1;
    for (int i = 0; i < rank; i++) {
        dims[i] = (hsize_t)size[i];
        count *= dims[i];
    }
    char *link;
    *dataset = H5I_INVALID_HID;
    aed_status status = link_name(name, &link);
    if (status != AED_OK) return status;
    const type_pair pair = type_of(file, type);
    const bool compact = count > 0 && count <= COMPACT_BYTES / element_bytes(type);
    const hid_t creation = file->kinds[compact ? KIND_COMPACT : KIND_DATASET];
    const bool text = type == AED_HDF5_TEXT; /* whose elements HDF5 wants filled */
    hid_t space = H5Screate_simple(rank, dims, NULL);
    if (space >= 0 && (!text || H5Pset_fill_time(creation, H5D_FILL_TIME_IFSET) >= 0))
        *dataset = H5Dcreate2(group, link, pair.file, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    bool written = *dataset >= 0 && (count == 0 || H5Dwrite(*dataset, pair.memory, H5S_ALL, H5S_ALL,
                                                            H5P_DEFAULT, values) >= 0);
    if (!written) status = hdf5_fail(group, name);
    if (!written && *dataset >= 0) {
        H5Dclose(*dataset);
        *dataset = H5I_INVALID_HID;
    }
    if (text) H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
    if (space >= 0) H5Sclose(space);
    aed_free(link);
    return status;
}

/* ---- Dimension scales ----------------------------------------------------------------------- */

/* Attaches as the specification of dimension scales has it: a list of scales for each dimension here,
 * of (dataset, dimension) in the scale. */
static aed_status attach(aed_hdf5 *file, hid_t dataset, int rank, aed_hdf5_scale *scale)
{
    hvl_t lists[H5S_MAX_RANK] = {{1, &scale->reference}};
    if (scale->count == scale->room) {
        const int64_t room = scale->room ? 2 * scale->room : 16;
        struct aed_hdf5_attached *grown = aed_realloc(scale->attached, (size_t)room, sizeof *grown);
        if (!grown) return aed_fail(AED_MEMORY, "results.h5: out of memory for its scales");
        scale->attached = grown;
        scale->room = room;
    }
    struct aed_hdf5_attached *added = &scale->attached[scale->count];
    *added = (struct aed_hdf5_attached){0};
    if (H5Rcreate(&added->dataset, dataset, ".", H5R_OBJECT, H5I_INVALID_HID) < 0)
        return hdf5_fail(dataset, "");
    scale->count++;
    return write_list(dataset, "DIMENSION_LIST", file->kinds[KIND_REFERENCES], (hsize_t)rank,
                      lists);
}

aed_status aed_hdf5_dataset(aed_hdf5 *file, hid_t group, const char *name, aed_hdf5_type type,
                            int rank, const int64_t *size, const void *values,
                            aed_hdf5_scale *scale)
{
    hid_t dataset;
    aed_status status = write_dataset(file, group, name, type, rank, size, values, &dataset);
    if (status != AED_OK) return status;
    if (scale && scale->dataset > 0) status = attach(file, dataset, rank, scale);
    H5Dclose(dataset);
    return status;
}

static aed_status write_fixed_text(aed_hdf5 *file, hid_t object, const char *name, const char *text)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    const bool ready = type >= 0 && H5Tset_size(type, strlen(text) + 1) >= 0;
    aed_status status = ready ? write_attribute(object, name, (type_pair){type, type},
                                                file->kinds[KIND_SCALAR], text)
                              : hdf5_fail(object, name);
    if (type >= 0) H5Tclose(type);
    return status;
}

aed_status aed_hdf5_scale_create(aed_hdf5 *file, hid_t group, const char *name, aed_hdf5_type type,
                                 int64_t count, const void *values, aed_hdf5_scale *scale)
{
    aed_status status;
    *scale = (aed_hdf5_scale){0};
    AED_TRY(write_dataset(file, group, name, type, 1, &count, values, &scale->dataset));
    AED_TRY(write_fixed_text(file, scale->dataset, "CLASS", "DIMENSION_SCALE"));
    AED_TRY(write_fixed_text(file, scale->dataset, "NAME", name));
    if (H5Rcreate(&scale->reference, scale->dataset, ".", H5R_OBJECT, H5I_INVALID_HID) < 0)
        status = hdf5_fail(group, name);
done:
    if (status != AED_OK) aed_hdf5_scale_close(scale);
    return status;
}

aed_status aed_hdf5_scale_finish(aed_hdf5 *file, const aed_hdf5_scale *scale)
{
    if (scale->dataset <= 0 || scale->count == 0) return AED_OK;
    return write_list(scale->dataset, "REFERENCE_LIST", file->kinds[KIND_ATTACHED],
                      (hsize_t)scale->count, scale->attached);
}

void aed_hdf5_scale_close(aed_hdf5_scale *scale)
{
    if (scale->dataset > 0) H5Dclose(scale->dataset);
    aed_free(scale->attached);
    *scale = (aed_hdf5_scale){0};
}

/* ---- Reading ------------------------------------------------------------------------------- */

aed_status aed_hdf5_open_image(const char *path, const void *bytes, size_t count, aed_hdf5 **file,
                               hid_t *root)
{
    *file = NULL;
    *root = H5I_INVALID_HID;
    aed_hdf5 *made = aed_alloc(1, sizeof *made);
    if (!made) return aed_fail(AED_MEMORY, "%s: out of memory", path);
    made->file = made->root = H5I_INVALID_HID;
    /* HDF5 refuses an image for a name at which a file is; below one there is none. */
    char *name = aed_printf_alloc("%s/image", path);
    aed_hdf5_enter(&made->guard);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    /* HDF5 copies the image; its interface only lacks the const. */
    if (name && access >= 0 && H5Pset_fapl_core(access, GROWTH, false) >= 0 &&
        H5Pset_file_image(access, (void *)(uintptr_t)bytes, count) >= 0)
        made->file = H5Fopen(name, H5F_ACC_RDONLY, access);
    if (made->file >= 0) made->root = H5Gopen2(made->file, "/", H5P_DEFAULT);
    char reason[AED_HDF5_REASON_BYTES];
    aed_status status = AED_OK;
    if (made->root < 0)
        status = aed_fail(AED_DATA, "%s: cannot read it: %s", path, aed_hdf5_reason(reason));
    if (access >= 0) H5Pclose(access);
    aed_free(name);
    if (status != AED_OK) {
        aed_hdf5_destroy(&made);
        return status;
    }
    *file = made;
    *root = made->root;
    return AED_OK;
}

aed_status aed_hdf5_read_bytes(hid_t root, const char *name, size_t most, unsigned char **bytes,
                               size_t *count)
{
    aed_status status = AED_OK;
    hsize_t size = 0;
    char reason[AED_HDF5_REASON_BYTES];
    *bytes = NULL;
    hid_t dataset = H5Dopen2(root, name, H5P_DEFAULT);
    hid_t space = dataset >= 0 ? H5Dget_space(dataset) : H5I_INVALID_HID;
    const bool fits = space >= 0 && H5Sget_simple_extent_ndims(space) == 1 &&
                      H5Sget_simple_extent_dims(space, &size, NULL) == 1 && size > 0 &&
                      size <= most;
    if (fits) *bytes = aed_alloc((size_t)size, 1);
    if (fits && !*bytes)
        status = aed_fail(AED_MEMORY, "%s: out of memory for %zu bytes", name, (size_t)size);
    else if (!fits || H5Dread(dataset, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, *bytes) < 0)
        status = aed_fail(AED_DATA, "cannot read its %s: %s", name, aed_hdf5_reason(reason));
    *count = (size_t)size;
    if (space >= 0) H5Sclose(space);
    if (dataset >= 0) H5Dclose(dataset);
    if (status != AED_OK) {
        aed_free(*bytes);
        *bytes = NULL;
    }
    return status;
}
