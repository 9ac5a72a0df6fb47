/* The hdf5 source: every type, layout and rank reads as it should, and every bad file is refused with
 * file, dataset and reason. */

/* Keeps H5Oget_info2 as it is here for the versions after 1.10. */
#define H5_USE_110_API
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit/data_fixture.h"

#define FILE_PATH AED_TEST_SCRATCH "/test_data_hdf5.h5"
#define OTHER_PATH AED_TEST_SCRATCH "/test_data_hdf5_other.h5"
#define VIRTUAL_PATH AED_TEST_SCRATCH "/test_data_hdf5_virtual.h5"

/* ---- Files ------------------------------------------------------------------------------------ */

typedef struct form {
    hid_t type;    /* as stored */
    hsize_t chunk; /* samples a chunk; 0: contiguous */
    int gzip, checksum;
} form;

static hid_t create_file(const char *path)
{
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(file >= 0);
    return file;
}

static void write_array(hid_t file, const char *name, form as, int rank, const hsize_t *size,
                        hid_t memory_type, const void *values)
{
    hsize_t chunk[H5S_MAX_RANK];
    const hid_t space = H5Screate_simple(rank, size, NULL), layout = H5Pcreate(H5P_DATASET_CREATE);
    const hid_t links = H5Pcreate(H5P_LINK_CREATE);
    memcpy(chunk, size, sizeof *chunk * (size_t)rank);
    chunk[0] = as.chunk;
    if (as.chunk) assert_true(H5Pset_chunk(layout, rank, chunk) >= 0);
    if (as.gzip) assert_true(H5Pset_deflate(layout, 6) >= 0);
    if (as.checksum) assert_true(H5Pset_fletcher32(layout) >= 0);
    assert_true(H5Pset_create_intermediate_group(links, 1) >= 0);
    const hid_t made = H5Dcreate2(file, name, as.type, space, links, layout, H5P_DEFAULT);
    assert_true(made >= 0);
    if (values)
        assert_true(H5Dwrite(made, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(made);
    H5Pclose(links);
    H5Pclose(layout);
    H5Sclose(space);
}

static void write_doubles(hid_t file, const char *name, int rank, const hsize_t *size,
                          const double *values)
{
    write_array(file, name, (form){.type = H5T_IEEE_F64LE}, rank, size, H5T_NATIVE_DOUBLE, values);
}

static void write_labels(hid_t file, const char *name, hsize_t count, const int *labels)
{
    write_array(file, name, (form){.type = H5T_STD_I32BE}, 1, &count, H5T_NATIVE_INT, labels);
}

/* ---- Sources ---------------------------------------------------------------------------------- */

typedef struct places {
    const char *path, *labels, *test, *test_labels;
} places;

/* The texts stay the caller's; `text` holds the pointers that the fixture keeps. */
static void start(fixture *f, const places *from, const char **text)
{
    const char *names[4] = {"path", "labels", "test", "test_labels"};
    const char *values[4] = {from->path, from->labels, from->test, from->test_labels};
    fixture_start(f, "hdf5");
    for (int i = 0; i < 4; i++) {
        text[i] = values[i];
        if (values[i]) fixture_strings(f, names[i], 1, text + i);
    }
}

static void open_source(places from, aed_source *source)
{
    fixture f;
    const char *text[4];
    start(&f, &from, text);
    if (aed_source_create(&f.spec, source) != AED_OK) fail_msg("%s", aed_status_message());
    assert_true(source->slow_to_read && !source->fresh && !source->own_input);
}

static int refused(places from, const char *word, const char *other)
{
    fixture f;
    const char *text[4];
    start(&f, &from, text);
    return fixture_fails(&f, AED_DATA, word, other);
}

static int misused(places from, const char *word, const char *other)
{
    fixture f;
    const char *text[4];
    start(&f, &from, text);
    return fixture_fails(&f, AED_CONFIG, word, other);
}

static void read_floats(const aed_source *source, const uint32_t *ids, int64_t count, float *values)
{
    const aed_rows rows = {.target = values};
    if (source->ops->make(source, 0, ids, count, &rows) != AED_OK)
        fail_msg("%s", aed_status_message());
}

/* ---- What is read ----------------------------------------------------------------------------- */

static const uint32_t some_ids[8] = {3, 4, 5, 0, 9, 9, 8, 1};

static void test_make_reads_every_type_and_layout(void **state)
{
    enum { N = 10, F = 3 };
    const hid_t types[] = {H5T_STD_I8LE,   H5T_STD_U16LE,  H5T_STD_U16BE,  H5T_STD_I16BE,
                           H5T_STD_I32LE,  H5T_STD_U32BE,  H5T_STD_I64BE,  H5T_STD_U64LE,
                           H5T_IEEE_F32LE, H5T_IEEE_F32BE, H5T_IEEE_F64LE, H5T_IEEE_F64BE};
    const form forms[] = {
        {0}, {.chunk = 4}, {.chunk = 1, .gzip = 1}, {.chunk = 3, .gzip = 1, .checksum = 1}};
    const hsize_t size[2] = {N, F};
    double values[N * F];
    (void)state;
    for (int i = 0; i < N * F; i++) values[i] = 4 * i;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        for (size_t j = 0; j < sizeof forms / sizeof *forms; j++) {
            float read[8 * F];
            aed_source source;
            form as = forms[j];
            as.type = types[i];
            const hid_t file = create_file(FILE_PATH);
            write_array(file, "a/b", as, 2, size, H5T_NATIVE_DOUBLE, values);
            H5Fclose(file);
            open_source((places){.path = FILE_PATH ":/a/b"}, &source);
            assert_int_equal(source.samples, N);
            assert_int_equal(source.test_samples, 0);
            assert_int_equal(source.classes, 0);
            assert_false(source.is_bytes);
            assert_true(source.interval.lo == 0 && source.interval.hi == 4 * (N * F - 1));
            read_floats(&source, some_ids, 8, read);
            for (int k = 0; k < 8; k++)
                for (int l = 0; l < F; l++)
                    assert_true(read[k * F + l] == (float)values[some_ids[k] * F + (uint32_t)l]);
            aed_source_destroy(&source);
        }
    }
}

static void test_make_rounds_to_float32(void **state)
{
    const hsize_t size[2] = {2, 3};
    const double values[6] = {0.1, -1.0 / 3, 1e30, -1e-30, 16777217, DBL_EPSILON};
    const uint32_t ids[2] = {0, 1};
    float read[6];
    aed_source source;
    (void)state;
    const hid_t file = create_file(FILE_PATH);
    write_doubles(file, "x", 2, size, values);
    H5Fclose(file);
    open_source((places){.path = FILE_PATH ":/x"}, &source);
    read_floats(&source, ids, 2, read);
    for (int i = 0; i < 6; i++) assert_true(read[i] == (float)values[i]);
    assert_true(source.interval.lo == (float)(-1.0 / 3) && source.interval.hi == 1e30f);
    aed_source_destroy(&source);
}

static void test_make_keeps_bytes(void **state)
{
    const hsize_t size[4] = {4, 2, 3, 5};
    uint8_t values[4 * 30], read[2 * 30];
    const uint32_t ids[2] = {3, 1};
    aed_source source;
    (void)state;
    for (int i = 0; i < 120; i++) values[i] = (uint8_t)(i * 37);
    const hid_t file = create_file(FILE_PATH);
    write_array(file, "x", (form){.type = H5T_STD_U8BE, .chunk = 2, .gzip = 1}, 4, size,
                H5T_NATIVE_UINT8, values);
    H5Fclose(file);
    open_source((places){.path = FILE_PATH ":/x"}, &source);
    assert_true(source.is_bytes);
    assert_true(source.interval.lo == 0 && source.interval.hi == 255);
    const aed_rows rows = {.bytes = read};
    assert_int_equal(source.ops->make(&source, 0, ids, 2, &rows), AED_OK);
    assert_memory_equal(read, values + 90, 30);
    assert_memory_equal(read + 30, values + 30, 30);
    aed_source_destroy(&source);
}

static void test_create_makes_shapes_of_every_rank(void **state)
{
    const hsize_t size[5] = {2, 3, 4, 5, 6};
    const char *expected[] = {"3", "1x3x4", "3x4x5", "3x4x5x6"};
    static const double values[720];
    (void)state;
    for (int rank = 2; rank <= 5; rank++) {
        char text[96];
        aed_source source;
        const hid_t file = create_file(FILE_PATH);
        write_doubles(file, "x", rank, size, values);
        H5Fclose(file);
        open_source((places){.path = FILE_PATH ":/x"}, &source);
        assert_string_equal(aed_shape_text(&source.shape, text), expected[rank - 2]);
        aed_source_destroy(&source);
    }
}

static void test_make_finds_labels_and_tests_in_other_files(void **state)
{
    const hsize_t size[2] = {5, 2}, tests[2] = {3, 2};
    const double values[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 21, 22, 23, 24, 25};
    const int labels[8] = {3, 0, 1, 3, 2, 6, 0, 5};
    const uint32_t ids[6] = {3, 4, 5, 6, 0, 7}; /* a run across the border, which is two reads */
    const float expected[12] = {6, 7, 8, 9, 20, 21, 22, 23, 0, 1, 24, 25};
    float read[12];
    int32_t read_labels[6];
    aed_source source;
    (void)state;
    hid_t file = create_file(FILE_PATH);
    write_doubles(file, "x", 2, size, values);
    write_labels(file, "y", 5, labels);
    H5Fclose(file);
    file = create_file(OTHER_PATH);
    write_doubles(file, "g/x", 2, tests, values + 10);
    write_labels(file, "g/y", 3, labels + 5);
    H5Fclose(file);
    open_source((places){FILE_PATH ":/x", "/y", OTHER_PATH ":/g/x", "/g/y"}, &source);
    assert_int_equal(source.samples, 5);
    assert_int_equal(source.test_samples, 3);
    assert_int_equal(source.classes, 7);
    assert_true(source.interval.lo == 0 && source.interval.hi == 25);
    const aed_rows rows = {.target = read, .labels = read_labels};
    assert_int_equal(source.ops->make(&source, 0, ids, 6, &rows), AED_OK);
    for (int i = 0; i < 12; i++) assert_true(read[i] == expected[i]);
    for (int i = 0; i < 6; i++) assert_int_equal(read_labels[i], labels[ids[i]]);
    const aed_rows alone = {.labels = read_labels};
    assert_int_equal(source.ops->make(&source, 0, ids + 5, 1, &alone), AED_OK);
    assert_int_equal(read_labels[0], 5);
    aed_source_destroy(&source);
}

static void test_create_takes_the_first_samples_only(void **state)
{
    const hsize_t size[2] = {5, 1};
    const double values[5] = {1, 2, 3, NAN, 5};
    const int labels[5] = {0, 1, 0, -1, 9};
    fixture f;
    const char *text[4];
    aed_source source;
    (void)state;
    const hid_t file = create_file(FILE_PATH);
    write_doubles(file, "x", 2, size, values);
    write_labels(file, "y", 5, labels);
    H5Fclose(file);
    start(&f, &(places){.path = FILE_PATH ":/x", .labels = "/y"}, text);
    fixture_number(&f, "samples", 3);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    assert_int_equal(source.samples, 3);
    assert_int_equal(source.classes, 2);
    assert_true(source.interval.hi == 3);
    aed_source_destroy(&source);
    fixture_number(&f, "classes", 6);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    assert_int_equal(source.classes, 6);
    aed_source_destroy(&source);
    fixture_number(&f, "classes", 1);
    assert_true(fixture_fails(&f, AED_DATA, "label 1 of sample 1", "raise 'classes'"));
    fixture_number(&f, "samples", 6);
    assert_true(fixture_fails(&f, AED_CONFIG, FILE_PATH ":/x", "has 5 samples"));
}

/* ---- What is refused -------------------------------------------------------------------------- */

static void test_create_refuses_files_that_are_none(void **state)
{
    (void)state;
    assert_true(
        refused((places){.path = AED_TEST_SCRATCH "/none.h5:/x"}, "none.h5", "No such file"));
    assert_true(refused((places){.path = AED_TEST_SCRATCH ":/x"}, AED_TEST_SCRATCH, "folder"));
    FILE *text = fopen(FILE_PATH, "w");
    assert_non_null(text);
    fputs("1, 2, 3\n", text);
    fclose(text);
    assert_true(refused((places){.path = FILE_PATH ":/x"}, FILE_PATH, "not an HDF5 file"));
    assert_int_equal(truncate(FILE_PATH, 0), 0);
    assert_true(refused((places){.path = FILE_PATH ":/x"}, FILE_PATH, "not an HDF5 file"));
}

static void test_create_refuses_places_without_path(void **state)
{
    (void)state;
    assert_true(misused((places){.path = "data.h5"}, "data.h5", "file.h5:/path"));
    assert_true(misused((places){.path = "/data"}, "/data", "file.h5:/path"));
    assert_true(misused((places){.path = ":/data"}, ":/data", "file.h5:/path"));
    assert_true(misused((places){.path = ""}, "path", "file.h5:/path"));
}

static void test_create_names_the_datasets_that_there_are(void **state)
{
    const hsize_t size[2] = {1, 1};
    const double value = 1;
    (void)state;
    const hid_t file = create_file(FILE_PATH);
    const char *names[6] = {"a/one", "a/\033[31mtwo", "b/three", "c", "d", "e"};
    for (int i = 0; i < 6; i++) write_doubles(file, names[i], 2, size, &value);
    H5Fclose(file);
    assert_true(refused((places){.path = FILE_PATH ":/x"}, "no such dataset",
                        "/a/?[31mtwo, /a/one, /b/three, /c, ..."));
    assert_true(refused((places){.path = FILE_PATH ":/a"}, "group", "/a/one"));
    assert_true(refused((places){.path = FILE_PATH ":/"}, "group", "/a/one"));
    const hid_t empty = create_file(FILE_PATH);
    H5Fclose(empty);
    assert_true(refused((places){.path = FILE_PATH ":/x"}, "no such dataset", "none"));
}

static void write_one_of(hid_t file, const char *name, hid_t type)
{
    const hsize_t size[2] = {2, 2};
    write_array(file, name, (form){.type = type}, 2, size, type, NULL);
}

static void test_create_refuses_other_types(void **state)
{
    (void)state;
    const hid_t file = create_file(FILE_PATH);
    const hid_t text = H5Tcopy(H5T_C_S1), list = H5Tvlen_create(H5T_NATIVE_INT),
                pair = H5Tcreate(H5T_COMPOUND, 8), choice = H5Tenum_create(H5T_STD_I8LE);
    const int8_t no = 0, yes = 1;
    H5Tset_size(text, 12);
    H5Tinsert(pair, "r", 0, H5T_NATIVE_FLOAT);
    H5Tinsert(pair, "i", 4, H5T_NATIVE_FLOAT);
    H5Tenum_insert(choice, "FALSE", &no);
    H5Tenum_insert(choice, "TRUE", &yes);
    write_one_of(file, "text", text);
    write_one_of(file, "list", list);
    write_one_of(file, "pair", pair);
    write_one_of(file, "choice", choice);
    write_one_of(file, "bits", H5T_STD_B16LE);
    H5Tcommit2(file, "named", pair, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Tclose(text);
    H5Tclose(list);
    H5Tclose(pair);
    H5Tclose(choice);
    H5Fclose(file);
    assert_true(refused((places){.path = FILE_PATH ":/text"}, FILE_PATH ":/text", "texts"));
    assert_true(refused((places){.path = FILE_PATH ":/list"}, ":/list", "lists"));
    assert_true(refused((places){.path = FILE_PATH ":/pair"}, ":/pair", "compound"));
    assert_true(refused((places){.path = FILE_PATH ":/choice"}, ":/choice", "booleans"));
    assert_true(refused((places){.path = FILE_PATH ":/bits"}, ":/bits", "only integers"));
    assert_true(refused((places){.path = FILE_PATH ":/named"}, ":/named", "not a dataset"));
}

static void write_shape(hid_t file, const char *name, int rank, const hsize_t *size)
{
    write_array(file, name, (form){.type = H5T_IEEE_F32LE, .chunk = 1}, rank, size,
                H5T_NATIVE_FLOAT, NULL);
}

static void test_create_refuses_other_shapes(void **state)
{
    const hsize_t one[6] = {2, 1, 1, 1, 1, 1}, unit[4] = {1, 1, 1, 1}, empty[2] = {0, 4},
                  hollow[2] = {4, 0}, many[2] = {UINT64_C(1) << 32, 1},
                  wide[4] = {1, UINT64_C(1) << 22, UINT64_C(1) << 22, UINT64_C(1) << 22},
                  claimed[2] = {4000000000, 1000};
    (void)state;
    const hid_t file = create_file(FILE_PATH), scalar = H5Screate(H5S_SCALAR),
                none = H5Screate(H5S_NULL);
    write_shape(file, "one", 1, one);
    write_shape(file, "six", 6, one);
    write_array(file, "empty", (form){.type = H5T_IEEE_F32LE}, 2, empty, H5T_NATIVE_FLOAT, NULL);
    write_array(file, "hollow", (form){.type = H5T_IEEE_F32LE}, 2, hollow, H5T_NATIVE_FLOAT, NULL);
    write_shape(file, "many", 2, many);
    /* Small chunks, as the library refuses large ones. */
    const hid_t layout = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(4, wide, NULL);
    H5Pset_chunk(layout, 4, unit);
    H5Dclose(H5Dcreate2(file, "wide", H5T_IEEE_F32LE, space, H5P_DEFAULT, layout, H5P_DEFAULT));
    H5Pclose(layout);
    write_shape(file, "claimed", 2, claimed);
    H5Dclose(
        H5Dcreate2(file, "scalar", H5T_IEEE_F32LE, scalar, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Dclose(H5Dcreate2(file, "null", H5T_IEEE_F32LE, none, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
    H5Sclose(scalar);
    H5Sclose(none);
    H5Fclose(file);
    assert_true(refused((places){.path = FILE_PATH ":/one"}, ":/one", "one dimension"));
    assert_true(refused((places){.path = FILE_PATH ":/six"}, ":/six", "6 dimensions"));
    assert_true(refused((places){.path = FILE_PATH ":/scalar"}, ":/scalar", "0 dimensions"));
    assert_true(refused((places){.path = FILE_PATH ":/null"}, ":/null", "0 dimensions"));
    assert_true(refused((places){.path = FILE_PATH ":/empty"}, ":/empty", "0 samples"));
    assert_true(refused((places){.path = FILE_PATH ":/hollow"}, ":/hollow", "no numbers"));
    assert_true(refused((places){.path = FILE_PATH ":/many"}, ":/many", "4294967296 samples"));
    assert_true(refused((places){.path = FILE_PATH ":/wide"}, ":/wide", "2^31 - 1"));
    assert_true(
        refused((places){.path = FILE_PATH ":/claimed"}, ":/claimed", "more than a file of"));
}

static void test_create_names_samples_that_are_not_finite(void **state)
{
    const hsize_t size[2] = {1000, 700}; /* several blocks */
    static double values[700000];
    const double bad[4] = {NAN, INFINITY, -INFINITY, 1e39};
    const char *named[4] = {"nan", "inf", "-inf", "inf"};
    (void)state;
    for (int i = 0; i < 4; i++) {
        values[700 * 987 + 12] = bad[i];
        const hid_t file = create_file(FILE_PATH);
        write_doubles(file, "x", 2, size, values);
        H5Fclose(file);
        char words[64];
        snprintf(words, sizeof words, "number 12 of sample 987 is %s", named[i]);
        assert_true(refused((places){.path = FILE_PATH ":/x"}, FILE_PATH ":/x", words));
    }
}

static void test_create_refuses_wrong_labels(void **state)
{
    const hsize_t size[2] = {3, 2}, square[2] = {3, 1}, three = 3;
    const double values[6] = {0};
    const int negative[3] = {0, -7, 1}, large[3] = {0, 1, 65536}, good[4] = {0, 1, 2, 0};
    const uint64_t huge[3] = {0, UINT64_MAX, 0};
    (void)state;
    const hid_t file = create_file(FILE_PATH);
    write_doubles(file, "x", 2, size, values);
    write_labels(file, "negative", 3, negative);
    write_labels(file, "large", 3, large);
    write_labels(file, "four", 4, good);
    write_labels(file, "good", 3, good);
    write_doubles(file, "float", 1, &three, values);
    write_array(file, "square", (form){.type = H5T_STD_I32LE}, 2, square, H5T_NATIVE_INT, good);
    write_array(file, "huge", (form){.type = H5T_STD_U64LE}, 1, &three, H5T_NATIVE_UINT64, huge);
    H5Fclose(file);
#define LABELS(name) ((places){.path = FILE_PATH ":/x", .labels = name})
    assert_true(refused(LABELS("/negative"), ":/negative", "label -7 of sample 1"));
    assert_true(refused(LABELS("/large"), ":/large", "label 65536 of sample 2"));
    assert_true(refused(LABELS("/huge"), ":/huge", "of sample 1"));
    assert_true(refused(LABELS("/four"), ":/four: 4 labels", "has 3 samples"));
    assert_true(refused(LABELS("/float"), ":/float", "integers"));
    assert_true(refused(LABELS("/square"), ":/square", "one dimension"));
    assert_true(refused(LABELS("/none"), ":/none", "/good"));
#undef LABELS
    assert_true(misused((places){FILE_PATH ":/x", "/good", FILE_PATH ":/x", NULL}, "test_labels",
                        "missing"));
    assert_true(
        misused((places){FILE_PATH ":/x", NULL, FILE_PATH ":/x", "/good"}, "'labels'", "missing"));
    assert_true(misused((places){FILE_PATH ":/x", NULL, NULL, "/good"}, "test_labels", "'test'"));
}

static void test_create_refuses_tests_of_another_kind(void **state)
{
    const hsize_t size[3] = {3, 2, 2}, flat[2] = {3, 4};
    const double values[12] = {0};
    (void)state;
    const hid_t file = create_file(FILE_PATH);
    write_doubles(file, "x", 3, size, values);
    write_doubles(file, "flat", 2, flat, values);
    write_array(file, "bytes", (form){.type = H5T_STD_U8LE}, 3, size, H5T_NATIVE_DOUBLE, values);
    H5Fclose(file);
    assert_true(refused((places){.path = FILE_PATH ":/x", .test = "/flat"}, ":/flat", "shape"));
    assert_true(refused((places){.path = FILE_PATH ":/x", .test = "/bytes"}, ":/bytes", "bytes"));
}

/* ---- Damage ----------------------------------------------------------------------------------- */

/* Bytes of FILE_PATH, which the caller frees. */
static uint8_t *read_file(long *bytes)
{
    FILE *file = fopen(FILE_PATH, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *bytes = ftell(file);
    uint8_t *content = malloc((size_t)*bytes);
    rewind(file);
    assert_int_equal(fread(content, 1, (size_t)*bytes, file), *bytes);
    fclose(file);
    return content;
}

static void rewrite_file(const uint8_t *content, long bytes)
{
    FILE *file = fopen(FILE_PATH, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, (size_t)bytes, file), bytes);
    fclose(file);
}

static void write_packed(void)
{
    const hsize_t size[2] = {100, 50};
    static double values[5000];
    const hid_t file = create_file(FILE_PATH);
    for (int i = 0; i < 5000; i++) values[i] = (i * 7919) % 251;
    write_array(file, "x", (form){H5T_STD_U8LE, 10, 1, 1}, 2, size, H5T_NATIVE_DOUBLE, values);
    H5Fclose(file);
}

static void test_create_refuses_truncated_files(void **state)
{
    long bytes;
    (void)state;
    write_packed();
    uint8_t *content = read_file(&bytes);
    for (long kept = bytes - 1; kept > 600; kept -= 257) {
        rewrite_file(content, kept);
        assert_true(refused((places){.path = FILE_PATH ":/x"}, FILE_PATH, "truncated"));
    }
    free(content);
}

/* The group's names lie nowhere, and HDF5 1.10.8 copies them from there. */
static void damage_names(void)
{
    long bytes;
    uint8_t *content = read_file(&bytes);
    uint8_t *heap = memmem(content, (size_t)bytes, "HEAP", 4);
    assert_non_null(heap);
    memset(heap + 24, 0xFF, 8);
    rewrite_file(content, bytes);
    free(content);
}

static void test_create_survives_what_crashes_the_library(void **state)
{
    aed_source source;
    (void)state;
    write_packed();
    damage_names();
    assert_true(refused((places){.path = FILE_PATH ":/x"}, FILE_PATH ":/x: ", ""));
    /* Nothing is left behind, nobody waits: the next file is read. */
    write_packed();
    open_source((places){.path = FILE_PATH ":/x"}, &source);
    aed_source_destroy(&source);
}

/* Of a good file and one on which the library crashes, or which another version takes for missing. */
static void test_create_survives_parts_that_crash_the_library(void **state)
{
    const hsize_t size[2] = {100, 50}, half[2] = {50, 50};
    const hsize_t zero[2] = {0, 0}, second[2] = {50, 0};
    aed_source source;
    (void)state;
    write_packed();
    assert_int_equal(rename(FILE_PATH, OTHER_PATH), 0);
    write_packed();
    damage_names();
    const char *parts[2] = {OTHER_PATH, FILE_PATH};
    const hid_t file = create_file(VIRTUAL_PATH), layout = H5Pcreate(H5P_DATASET_CREATE);
    const hid_t all = H5Screate_simple(2, size, NULL), from = H5Screate_simple(2, size, NULL);
    for (int i = 0; i < 2; i++) {
        const hsize_t *corner = i == 0 ? zero : second;
        H5Sselect_hyperslab(all, H5S_SELECT_SET, corner, NULL, half, NULL);
        H5Sselect_hyperslab(from, H5S_SELECT_SET, corner, NULL, half, NULL);
        assert_true(H5Pset_virtual(layout, all, parts[i], "x", from) >= 0);
    }
    H5Sselect_all(all);
    const hid_t made = H5Dcreate2(file, "x", H5T_STD_U8LE, all, H5P_DEFAULT, layout, H5P_DEFAULT);
    assert_true(made >= 0);
    H5Dclose(made);
    H5Sclose(from);
    H5Sclose(all);
    H5Pclose(layout);
    H5Fclose(file);
    fixture f;
    const char *text[4];
    start(&f, &(places){.path = VIRTUAL_PATH ":/x"}, text);
    const aed_status status = aed_source_create(&f.spec, &source);
    assert_true(status == AED_OK || status == AED_DATA);
    if (status == AED_OK) {
        uint8_t read[50];
        const uint32_t id = 70;
        const aed_rows rows = {.bytes = read};
        source.ops->make(&source, 0, &id, 1, &rows);
        aed_source_destroy(&source);
    }
    /* With both parts good it is read. */
    write_packed();
    open_source((places){.path = VIRTUAL_PATH ":/x"}, &source);
    aed_source_destroy(&source);
}

/* HDF5 knows the groups that it has seen by their counts of links, which a damaged file may deny. */
static void test_create_survives_a_group_in_itself(void **state)
{
    long bytes;
    H5O_info_t info;
    (void)state;
    const hid_t file = create_file(FILE_PATH);
    const hid_t group = H5Gcreate2(file, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Lcreate_hard(group, ".", group, "g", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    assert_true(H5Oget_info2(group, &info, H5O_INFO_BASIC) >= 0);
    H5Gclose(group);
    H5Fclose(file);
    uint8_t *content = read_file(&bytes);
    assert_int_equal(content[info.addr], 1);     /* version of an object's header */
    assert_int_equal(content[info.addr + 4], 2); /* its links */
    content[info.addr + 4] = 1;
    rewrite_file(content, bytes);
    free(content);
    assert_true(refused((places){.path = FILE_PATH ":/x"}, "no such dataset", "none"));
}

/* HDF5 would allocate the 2 GiB that a file of some 2 KiB claims. */
static void test_create_refuses_vast_chunks_of_nothing(void **state)
{
    const hsize_t size[2] = {6, 3}, chunk[2] = {1 << 20, 512}, most[2] = {H5S_UNLIMITED, 512};
    (void)state;
    const hid_t file = create_file(FILE_PATH), layout = H5Pcreate(H5P_DATASET_CREATE);
    const hid_t space = H5Screate_simple(2, size, most);
    assert_true(H5Pset_chunk(layout, 2, chunk) >= 0 && H5Pset_deflate(layout, 6) >= 0);
    const hid_t made = H5Dcreate2(file, "x", H5T_IEEE_F32LE, space, H5P_DEFAULT, layout,
                                  H5P_DEFAULT);
    assert_true(made >= 0);
    H5Dclose(made);
    H5Sclose(space);
    H5Pclose(layout);
    H5Fclose(file);
    assert_true(refused((places){.path = FILE_PATH ":/x"}, FILE_PATH, "never written"));
}

/* A byte of packed samples. */
static size_t chunk_place(void)
{
    const hsize_t sample[2] = {50, 0};
    unsigned mask;
    haddr_t place;
    hsize_t bytes;
    const hid_t file = H5Fopen(FILE_PATH, H5F_ACC_RDONLY, H5P_DEFAULT),
                dataset = H5Dopen2(file, "x", H5P_DEFAULT);
    assert_true(H5Dget_chunk_info_by_coord(dataset, sample, &mask, &place, &bytes) >= 0);
    H5Dclose(dataset);
    H5Fclose(file);
    return (size_t)(place + bytes / 2);
}

static void test_make_tells_of_a_damaged_chunk(void **state)
{
    uint8_t read[100 * 50];
    uint32_t ids[100];
    long bytes;
    aed_source source;
    (void)state;
    write_packed();
    uint8_t *content = read_file(&bytes);
    content[chunk_place()] ^= 0x10;
    rewrite_file(content, bytes);
    free(content);
    open_source((places){.path = FILE_PATH ":/x"}, &source);
    for (uint32_t i = 0; i < 100; i++) ids[i] = i;
    const aed_rows rows = {.bytes = read};
    assert_int_equal(source.ops->make(&source, 0, ids, 100, &rows), AED_DATA);
    assert_non_null(strstr(aed_status_message(), FILE_PATH ":/x"));
    assert_non_null(strstr(aed_status_message(),
                           "cannot read samples 50 to 59: their chunk cannot be unpacked"));
    aed_source_destroy(&source);
}

/* A filter that is there while the file is written and gone when it is read. */
static size_t do_nothing(unsigned flags, size_t count, const unsigned *values, size_t bytes,
                         size_t *room, void **buffer)
{
    (void)flags;
    (void)count;
    (void)values;
    (void)room;
    (void)buffer;
    return bytes;
}

static void test_create_names_a_missing_filter(void **state)
{
    const H5Z_class2_t filter = {.version = H5Z_CLASS_T_VERS,
                                 .id = 300,
                                 .encoder_present = 1,
                                 .decoder_present = 1,
                                 .name = "rarezip",
                                 .filter = do_nothing};
    const hsize_t size[2] = {4, 4};
    const double values[16] = {0};
    (void)state;
    assert_true(H5Zregister(&filter) >= 0);
    const hid_t file = create_file(FILE_PATH), layout = H5Pcreate(H5P_DATASET_CREATE),
                space = H5Screate_simple(2, size, NULL);
    H5Pset_chunk(layout, 2, size);
    H5Pset_filter(layout, 300, 0, 0, NULL);
    const hid_t made = H5Dcreate2(file, "x", H5T_IEEE_F64LE, space, H5P_DEFAULT, layout,
                                  H5P_DEFAULT);
    assert_true(H5Dwrite(made, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(made);
    H5Sclose(space);
    H5Pclose(layout);
    H5Fclose(file);
    assert_true(H5Zunregister(300) >= 0);
    assert_true(refused((places){.path = FILE_PATH ":/x"}, "filter 300", "rarezip"));
}

/* Of some damaged headers the library forgets what it has allocated. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#define LEAKS_BEGIN __lsan_disable()
#define LEAKS_END __lsan_enable()
#else
#define LEAKS_BEGIN
#define LEAKS_END
#endif

/* Writes the file with one bit changed and reads what there is then: a status, never a crash. */
static void read_flipped(const fixture *f, uint8_t *content, long bytes, long at, int bit)
{
    static uint8_t read[100 * 50];
    static float numbers[100 * 50];
    uint32_t ids[100];
    aed_source source;
    content[at] ^= (uint8_t)(1u << bit);
    rewrite_file(content, bytes);
    content[at] ^= (uint8_t)(1u << bit);
    const aed_status status = aed_source_create(&f->spec, &source);
    assert_true(status == AED_OK || status == AED_DATA);
    if (status != AED_OK) return;
    if (source.samples == 100 && aed_shape_count(&source.shape) == 50) {
        const aed_rows rows = {.bytes = source.is_bytes ? read : NULL,
                               .target = source.is_bytes ? NULL : numbers};
        for (uint32_t i = 0; i < 100; i++) ids[i] = i;
        const aed_status made = source.ops->make(&source, 0, ids, 100, &rows);
        assert_true(made == AED_OK || made == AED_DATA);
    }
    aed_source_destroy(&source);
}

/* Where the dataset's header is, whose every byte is tried. */
static void find_header(long *begin, long *end)
{
    H5O_info_t info;
    const hid_t file = H5Fopen(FILE_PATH, H5F_ACC_RDONLY, H5P_DEFAULT),
                dataset = H5Dopen2(file, "x", H5P_DEFAULT);
    assert_true(H5Oget_info2(dataset, &info, H5O_INFO_BASIC | H5O_INFO_HDR) >= 0);
    *begin = (long)info.addr;
    *end = *begin + (long)info.hdr.space.total;
    H5Dclose(dataset);
    H5Fclose(file);
}

static void test_create_and_make_survive_flipped_bits(void **state)
{
    const hsize_t size[2] = {100, 50};
    static double values[5000];
    const form forms[] = {
        {H5T_STD_U8LE, 10, 1, 1}, {H5T_STD_U8LE, 10, 0, 0}, {.type = H5T_IEEE_F32LE}};
    fixture f;
    const char *text[4];
    uint32_t random = 1;
    (void)state;
    start(&f, &(places){.path = FILE_PATH ":/x"}, text);
    for (int i = 0; i < 5000; i++) values[i] = (i * 7919) % 251;
    for (int j = 0; j < 3; j++) {
        long bytes, begin, end;
        const hid_t file = create_file(FILE_PATH);
        write_array(file, "x", forms[j], 2, size, H5T_NATIVE_DOUBLE, values);
        H5Fclose(file);
        find_header(&begin, &end);
        uint8_t *content = read_file(&bytes);
        assert_true(begin > 0 && end <= bytes);
        LEAKS_BEGIN;
        for (long at = begin; at < end; at++)
            read_flipped(&f, content, bytes, at, (int)(at * 5 % 8));
        for (int trial = 0; trial < 50; trial++) {
            random = random * 1664525 + 1013904223;
            read_flipped(&f, content, bytes, (long)(random >> 8) % bytes, random >> 5 & 7);
        }
        LEAKS_END;
        free(content);
    }
}

static void test_make_refuses_chunks_smaller_than_claimed(void **state)
{
    const uint8_t shape[12] = {10, 0, 0, 0, 50, 0, 0, 0, 1, 0, 0, 0}; /* of chunks, in the header */
    uint8_t read[50];
    const uint32_t id = 57;
    long bytes;
    aed_source source;
    (void)state;
    write_packed();
    uint8_t *content = read_file(&bytes);
    uint8_t *claim = memmem(content, (size_t)bytes, shape, sizeof shape);
    assert_non_null(claim);
    claim[4] = 60;
    rewrite_file(content, bytes);
    free(content);
    open_source((places){.path = FILE_PATH ":/x"}, &source);
    const aed_rows rows = {.bytes = read};
    assert_int_equal(source.ops->make(&source, 0, &id, 1, &rows), AED_DATA);
    assert_non_null(strstr(aed_status_message(), FILE_PATH ":/x: cannot read samples 50 to 59"));
    assert_non_null(strstr(aed_status_message(), "another size"));
    aed_source_destroy(&source);
}

int main(void)
{
    H5dont_atexit(); /* see aed_hdf5_enter, which is too late here */
    /* No blocks used again, so that leaks are seen in the test that makes them. */
    H5set_free_list_limits(0, 0, 0, 0, 0, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make_reads_every_type_and_layout),
        cmocka_unit_test(test_make_rounds_to_float32),
        cmocka_unit_test(test_make_keeps_bytes),
        cmocka_unit_test(test_create_makes_shapes_of_every_rank),
        cmocka_unit_test(test_make_finds_labels_and_tests_in_other_files),
        cmocka_unit_test(test_create_takes_the_first_samples_only),
        cmocka_unit_test(test_create_refuses_files_that_are_none),
        cmocka_unit_test(test_create_refuses_places_without_path),
        cmocka_unit_test(test_create_names_the_datasets_that_there_are),
        cmocka_unit_test(test_create_refuses_other_types),
        cmocka_unit_test(test_create_refuses_other_shapes),
        cmocka_unit_test(test_create_names_samples_that_are_not_finite),
        cmocka_unit_test(test_create_refuses_wrong_labels),
        cmocka_unit_test(test_create_refuses_tests_of_another_kind),
        cmocka_unit_test(test_create_refuses_truncated_files),
        cmocka_unit_test(test_create_survives_what_crashes_the_library),
        cmocka_unit_test(test_create_survives_parts_that_crash_the_library),
        cmocka_unit_test(test_create_survives_a_group_in_itself),
        cmocka_unit_test(test_create_refuses_vast_chunks_of_nothing),
        cmocka_unit_test(test_make_tells_of_a_damaged_chunk),
        cmocka_unit_test(test_create_names_a_missing_filter),
        cmocka_unit_test(test_make_refuses_chunks_smaller_than_claimed),
        cmocka_unit_test(test_create_and_make_survive_flipped_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
