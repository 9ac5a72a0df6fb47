/* Reads golden.h5; see golden_file.h. A file that is not as make_golden.py writes it fails the test. */
#include "support/golden_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <hdf5.h>
#include <zlib.h>

#include "core/memory.h"

enum { MOST_CASES = 256, MAX_RANK = 4 };

float aed_golden_initial(const char *name, int64_t index, double bound)
{
    uint32_t h = (uint32_t)index * 0x9E3779B1u +
                 (uint32_t)crc32(0, (const Bytef *)name, (uInt)strlen(name));
    h = (h ^ (h >> 16)) * 0x85EBCA6Bu;
    h = (h ^ (h >> 13)) * 0xC2B2AE35u;
    h ^= h >> 16;
    return (float)(bound * (2 * ((double)(h >> 8) / 16777216.0) - 1));
}

/* The attribute `name` as text. */
static char *read_text(hid_t group, const char *name)
{
    const hid_t attribute = H5Aopen(group, name, H5P_DEFAULT);
    assert_true(attribute >= 0);
    const hid_t type = H5Aget_type(attribute);
    char *text = aed_alloc(H5Tget_size(type) + 1, 1);
    assert_non_null(text);
    assert_true(H5Aread(attribute, type, text) >= 0);
    H5Tclose(type);
    H5Aclose(attribute);
    return text;
}

/* The whole data set `name` as floats or doubles, its sizes in size[MAX_RANK]; returns the rank. */
static int read_data(hid_t group, const char *name, hid_t type, void **data, hsize_t *size)
{
    const hid_t dataset = H5Dopen2(group, name, H5P_DEFAULT);
    assert_true(dataset >= 0);
    const hid_t space = H5Dget_space(dataset);
    const int rank = H5Sget_simple_extent_dims(space, NULL, NULL);
    assert_in_range(rank, 1, MAX_RANK);
    H5Sget_simple_extent_dims(space, size, NULL);
    *data = aed_alloc((size_t)H5Sget_simple_extent_npoints(space), H5Tget_size(type));
    assert_non_null(*data);
    assert_true(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, *data) >= 0);
    H5Sclose(space);
    H5Dclose(dataset);
    return rank;
}

static void read_case(hid_t group, aed_golden_case *c)
{
    hsize_t size[MAX_RANK];
    int64_t shape[MAX_RANK];
    c->config = read_text(group, "config");
    c->tensor_names = read_text(group, "tensors");
    const int rank = read_data(group, "target", H5T_NATIVE_FLOAT, (void **)&c->target, size);
    for (int i = 1; i < rank; i++) shape[i - 1] = (int64_t)size[i];
    assert_int_equal(aed_shape_make(rank - 1, shape, &c->shape), AED_OK);
    c->samples = (int64_t)size[0];
    c->features = aed_shape_count(&c->shape);
    if (H5Lexists(group, "input", H5P_DEFAULT) > 0)
        read_data(group, "input", H5T_NATIVE_FLOAT, (void **)&c->input, size);
    read_data(group, "output", H5T_NATIVE_FLOAT, (void **)&c->output, size);
    read_data(group, "losses", H5T_NATIVE_DOUBLE, (void **)&c->losses, size);
    c->steps = (int64_t)size[0];
    read_data(group, "lr", H5T_NATIVE_DOUBLE, (void **)&c->lr, size);
    assert_int_equal(size[0], c->steps);
    read_data(group, "tensors", H5T_NATIVE_FLOAT, (void **)&c->tensors, size);
    assert_int_equal(size[0], 3);
    c->columns = (int64_t)size[1];
    read_data(group, "facts", H5T_NATIVE_DOUBLE, (void **)&c->facts, size);
    assert_int_equal(size[1], AED_GOLDEN_FACTS);
    c->tensor_count = (int64_t)size[0];
}

static void destroy_case(aed_golden_case *c)
{
    aed_free(c->config);
    aed_free(c->tensor_names);
    aed_free(c->target);
    aed_free(c->input);
    aed_free(c->output);
    aed_free(c->losses);
    aed_free(c->lr);
    aed_free(c->tensors);
    aed_free(c->facts);
}

int aed_golden_each(const char *path, const char *kind, int least,
                    bool (*check)(const aed_golden_case *c))
{
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0) fail_msg("%s cannot be opened; make_golden.py writes it", path);
    const hid_t group = H5Gopen2(file, kind, H5P_DEFAULT);
    assert_true(group >= 0);
    H5G_info_t info;
    assert_true(H5Gget_info(group, &info) >= 0);
    assert_in_range(info.nlinks, least, MOST_CASES);
    int failed = 0;
    for (hsize_t i = 0; i < info.nlinks; i++) {
        aed_golden_case c = {0};
        const int at = snprintf(c.name, sizeof c.name, "%s/", kind);
        assert_true(H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, c.name + at,
                                       sizeof c.name - (size_t)at, H5P_DEFAULT) > 0);
        const hid_t member = H5Gopen2(group, c.name + at, H5P_DEFAULT);
        assert_true(member >= 0);
        read_case(member, &c);
        H5Gclose(member);
        if (!check(&c)) failed++;
        destroy_case(&c);
    }
    H5Gclose(group);
    H5Fclose(file);
    return failed;
}
