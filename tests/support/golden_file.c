/* Reads golden.h5; see golden_file.h. A file that is not as make_golden.py writes it fails the test. */
#include "support/golden_file.h"

#include <math.h>
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

static int64_t read_number(hid_t group, const char *name)
{
    int64_t number;
    const hid_t attribute = H5Aopen(group, name, H5P_DEFAULT);
    assert_true(attribute >= 0);
    assert_true(H5Aread(attribute, H5T_NATIVE_INT64, &number) >= 0);
    H5Aclose(attribute);
    return number;
}

/* make_golden.py's images(). */
static void make_images(const char *pixels, aed_golden_case *c)
{
    const bool standard = strcmp(pixels, "standard") == 0, noisy = strcmp(pixels, "noisy") == 0;
    const int64_t count = c->samples * c->features;
    assert_true(standard || noisy || strcmp(pixels, "unit") == 0);
    c->target = aed_alloc((size_t)count, sizeof *c->target);
    c->labels = aed_alloc((size_t)c->samples, sizeof *c->labels);
    if (noisy) c->input = aed_alloc((size_t)count, sizeof *c->input);
    assert_true(c->target && c->labels && (c->input || !noisy));
    for (int64_t i = 0; i < count; i++) {
        const float value = fmaxf(aed_golden_initial("target", i, 1), 0);
        c->target[i] = standard ? (value - 0.1307f) / 0.3081f : value;
        if (noisy) c->input[i] = fminf(fmaxf(value + aed_golden_initial("noise", i, 1), 0), 1);
    }
    for (int64_t i = 0; i < c->samples; i++) c->labels[i] = (int32_t)(7 * i % 10);
}

/* A case that is a recipe: its samples, and what there is of its output. */
static void read_recipe(hid_t group, aed_golden_case *c)
{
    static const int64_t image[3] = {1, 28, 28};
    hsize_t size[MAX_RANK];
    c->recipe = read_text(group, "recipe");
    c->overrides = read_text(group, "overrides");
    c->samples = read_number(group, "samples");
    assert_in_range(c->samples, 1, 64);
    assert_int_equal(aed_shape_make(3, image, &c->shape), AED_OK);
    c->features = aed_shape_count(&c->shape);
    char *pixels = read_text(group, "pixels");
    make_images(pixels, c);
    aed_free(pixels);
    c->output_stride = read_number(group, "output_stride");
    read_data(group, "projections", H5T_NATIVE_DOUBLE, (void **)&c->projections, size);
    assert_int_equal(size[0], c->samples);
    read_data(group, "terms", H5T_NATIVE_DOUBLE, (void **)&c->terms, size);
    c->term_count = (int64_t)size[1];
}

/* A case with its own config and samples. */
static void read_config(hid_t group, aed_golden_case *c)
{
    hsize_t size[MAX_RANK];
    int64_t shape[MAX_RANK];
    c->config = read_text(group, "config");
    c->output_stride = 1;
    const int rank = read_data(group, "target", H5T_NATIVE_FLOAT, (void **)&c->target, size);
    for (int i = 1; i < rank; i++) shape[i - 1] = (int64_t)size[i];
    assert_int_equal(aed_shape_make(rank - 1, shape, &c->shape), AED_OK);
    c->samples = (int64_t)size[0];
    c->features = aed_shape_count(&c->shape);
    if (H5Lexists(group, "input", H5P_DEFAULT) > 0)
        read_data(group, "input", H5T_NATIVE_FLOAT, (void **)&c->input, size);
}

static void read_case(hid_t group, aed_golden_case *c)
{
    hsize_t size[MAX_RANK];
    c->tensor_names = read_text(group, "tensors");
    if (H5Aexists(group, "recipe") > 0)
        read_recipe(group, c);
    else
        read_config(group, c);
    const bool training = H5Lexists(group, "output", H5P_DEFAULT) <= 0;
    if (!training) read_data(group, "output", H5T_NATIVE_FLOAT, (void **)&c->output, size);
    read_data(group, "losses", H5T_NATIVE_DOUBLE, (void **)&c->losses, size);
    c->steps = (int64_t)size[0];
    read_data(group, "lr", H5T_NATIVE_DOUBLE, (void **)&c->lr, size);
    assert_int_equal(size[0], c->steps);
    if (H5Lexists(group, "ema_losses", H5P_DEFAULT) > 0) {
        read_data(group, "ema_losses", H5T_NATIVE_DOUBLE, (void **)&c->ema_losses, size);
        assert_int_equal(size[0], c->steps);
    }
    read_data(group, "tensors", H5T_NATIVE_FLOAT, (void **)&c->tensors, size);
    assert_int_equal(size[0], training ? 1 : 3);
    c->columns = (int64_t)size[1];
    read_data(group, "facts", H5T_NATIVE_DOUBLE, (void **)&c->facts, size);
    assert_int_equal(size[1], AED_GOLDEN_FACTS);
    c->tensor_count = (int64_t)size[0];
}

static void destroy_case(aed_golden_case *c)
{
    aed_free(c->config);
    aed_free(c->tensor_names);
    aed_free(c->recipe);
    aed_free(c->overrides);
    aed_free(c->target);
    aed_free(c->input);
    aed_free(c->labels);
    aed_free(c->output);
    aed_free(c->projections);
    aed_free(c->terms);
    aed_free(c->losses);
    aed_free(c->lr);
    aed_free(c->ema_losses);
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
