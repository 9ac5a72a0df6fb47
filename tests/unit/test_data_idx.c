/* The idx source: every type and rank, plain and compressed, folders, labels, and what it refuses. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "core/memory.h"
#include "data/rows_cache.h"
#include "unit/data_fixture.h"
#include <cmocka.h>

#define FOLDER AED_TEST_SCRATCH "/idx/"

enum { UBYTE = 0x08, BYTE = 0x09, SHORT = 0x0B, INT = 0x0C, FLOAT = 0x0D, DOUBLE = 0x0E };

/* A file being put together. */
typedef struct blob {
    unsigned char *bytes;
    size_t count, room;
} blob;

static void put(blob *b, const void *bytes, size_t count)
{
    while (b->count + count > b->room) {
        b->room = 2 * b->room + 64;
        b->bytes = realloc(b->bytes, b->room);
        assert_non_null(b->bytes);
    }
    memcpy(b->bytes + b->count, bytes, count);
    b->count += count;
}

/* The lowest `count` bytes of `value`, most significant first. */
static void put_big(blob *b, uint64_t value, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        const unsigned char byte = (unsigned char)(value >> (8 * i));
        put(b, &byte, 1);
    }
}

static blob header(int type, int rank, const uint32_t *sizes)
{
    blob b = {0};
    put_big(&b, (uint64_t)type << 8 | (uint64_t)rank, 4);
    for (int i = 0; i < rank; i++) put_big(&b, sizes[i], 4);
    return b;
}

/* Bytes that count up from `first`. */
static void put_counting(blob *b, int first, size_t count)
{
    for (size_t i = 0; i < count; i++) put_big(b, (uint64_t)first + i, 1);
}

static void save(blob *b, const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);
    assert_non_null(file);
    assert_int_equal(fwrite(b->bytes, 1, b->count, file), b->count);
    assert_int_equal(fclose(file), 0);
    free(b->bytes);
    *b = (blob){0};
}

/* mode "wb" or "ab": another member behind. */
static void save_gzip(blob *b, const char *path, const char *mode)
{
    gzFile file = gzopen(path, mode);
    assert_non_null(file);
    assert_int_equal(gzwrite(file, b->bytes, (unsigned)b->count), (int)b->count);
    assert_int_equal(gzclose(file), Z_OK);
    free(b->bytes);
    *b = (blob){0};
}

static void save_bytes(const char *path, int rank, const uint32_t *sizes, int first)
{
    blob b = header(UBYTE, rank, sizes);
    size_t count = 1;
    for (int i = 0; i < rank; i++) count *= sizes[i];
    put_counting(&b, first, count);
    save(&b, path, "wb");
}

static void save_labels(const char *path, uint32_t count, int classes)
{
    blob b = header(UBYTE, 1, &count);
    for (uint32_t i = 0; i < count; i++) put_big(&b, i % (uint32_t)classes, 1);
    save(&b, path, "wb");
}

static void start(fixture *f, const char *const *path)
{
    fixture_start(f, "idx");
    fixture_strings(f, "path", 1, path);
}

static void open_source(const char *path, aed_source *source)
{
    fixture f;
    start(&f, &path);
    if (aed_source_create(&f.spec, source) != AED_OK) fail_msg("%s", aed_status_message());
}

/* ---- What is read ----------------------------------------------------------------------------- */

static uint64_t float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint64_t double_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void test_create_reads_every_type(void **state)
{
    static const struct {
        int type, bytes;
        uint64_t bits[3];
        float values[3];
    } cases[] = {
        {BYTE, 1, {0x80, 0xff, 0x7f}, {-128, -1, 127}},
        {SHORT, 2, {0x8000, 0x0102, 0xffff}, {-32768, 258, -1}},
        {INT, 4, {0x80000000, 0x01020304, 0xffffffff}, {-2147483648.0f, 16909060, -1}},
        {FLOAT, 4, {0x3f800000, 0xc0490fdb, 0}, {1, -3.14159274f, 0}},
        {DOUBLE, 8, {0x3ff0000000000000, 0xc00921fb54442d18, 0}, {1, -3.14159265f, 0}},
    };
    const uint32_t sizes[2] = {3, 1};
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        blob b = header(cases[c].type, 2, sizes);
        aed_source source;
        float value;
        for (int i = 0; i < 3; i++) put_big(&b, cases[c].bits[i], cases[c].bytes);
        save(&b, FOLDER "type", "wb");
        open_source(FOLDER "type", &source);
        assert_false(source.is_bytes);
        assert_int_equal(source.samples, 3);
        assert_int_equal(source.classes, 0);
        assert_true(source.interval.lo ==
                    fminf(cases[c].values[1], fminf(cases[c].values[0], cases[c].values[2])));
        assert_true(source.interval.hi ==
                    fmaxf(cases[c].values[1], fmaxf(cases[c].values[0], cases[c].values[2])));
        for (uint32_t i = 0; i < 3; i++) {
            const aed_rows rows = {.target = &value};
            assert_true(source.held.target[i] == cases[c].values[i]);
            assert_int_equal(source.ops->make(&source, 5, &i, 1, &rows), AED_OK);
            assert_true(value == cases[c].values[i]);
        }
        aed_source_destroy(&source);
    }
}

static void test_create_keeps_bytes_in_every_rank(void **state)
{
    static const struct {
        int rank;
        uint32_t sizes[5];
        const char *shape;
    } cases[] = {
        {1, {5}, "1"},
        {2, {3, 4}, "4"},
        {3, {3, 2, 4}, "1x2x4"},
        {4, {2, 3, 2, 4}, "3x2x4"},
        {5, {2, 1, 3, 2, 4}, "1x3x2x4"},
    };
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        char shape[96];
        aed_source source;
        aed_dataset set;
        save_bytes(FOLDER "rank", cases[c].rank, cases[c].sizes, 7);
        open_source(FOLDER "rank", &source);
        assert_true(source.is_bytes && source.interval.lo == 0 && source.interval.hi == 255);
        assert_int_equal(source.samples, cases[c].sizes[0]);
        assert_string_equal(aed_shape_text(&source.shape, shape), cases[c].shape);
        const int64_t count = source.samples * aed_shape_count(&source.shape);
        for (int64_t i = 0; i < count; i++) assert_int_equal(source.held.bytes[i], 7 + i);
        /* The data set uses them where they are. */
        assert_int_equal(aed_dataset_create(&source, NULL, &set), AED_OK);
        assert_ptr_equal(set.cache->rows.bytes, source.held.bytes);
        aed_dataset_destroy(&set);
        aed_source_destroy(&source);
    }
}

/* Large enough that memory grows several times. */
static void test_create_reads_gzip_whatever_the_name(void **state)
{
    const uint32_t sizes[3] = {5000, 28, 28};
    const size_t count = 5000 * 784;
    aed_source source;
    (void)state;
    for (int members = 1; members <= 2; members++) {
        blob b = header(UBYTE, 3, sizes), rest = {0};
        put_counting(&b, 0, members == 1 ? count : 1000);
        put_counting(&rest, 1000, members == 1 ? 0 : count - 1000);
        save_gzip(&b, FOLDER "plain-name", "wb");
        if (members == 2) save_gzip(&rest, FOLDER "plain-name", "ab");
        free(rest.bytes);
        open_source(FOLDER "plain-name", &source);
        for (size_t i = 0; i < count; i++)
            if (source.held.bytes[i] != (uint8_t)i) fail_msg("byte %zu differs", i);
        aed_source_destroy(&source);
    }
    save_bytes(FOLDER "name.gz", 3, (const uint32_t[]){2, 3, 4}, 0);
    open_source(FOLDER "name.gz", &source);
    assert_int_equal(source.held.bytes[23], 23);
    aed_source_destroy(&source);
}

static void remove_folder_files(void)
{
    static const char *const names[] = {"train-images", "train-labels", "t10k-images",
                                        "t10k-labels"};
    static const char *const tails[] = {"-idx3-ubyte",    "-idx3-ubyte.gz", ".idx3-ubyte",
                                        ".idx3-ubyte.gz", "-idx1-ubyte",    "-idx1-ubyte.gz",
                                        ".idx1-ubyte",    ".idx1-ubyte.gz"};
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 8; k++) {
            char path[512];
            snprintf(path, sizeof path, FOLDER "set/%s%s", names[i], tails[k]);
            unlink(path);
        }
}

static void save_folder(void)
{
    remove_folder_files();
    save_bytes(FOLDER "set/train-images-idx3-ubyte", 3, (const uint32_t[]){50, 2, 2}, 0);
    save_bytes(FOLDER "set/t10k-images.idx3-ubyte", 3, (const uint32_t[]){12, 2, 2}, 100);
    save_labels(FOLDER "set/train-labels.idx1-ubyte.gz", 50, 10);
    save_labels(FOLDER "set/t10k-labels-idx1-ubyte", 12, 3);
}

static void test_create_finds_the_files_of_a_folder(void **state)
{
    aed_source source;
    (void)state;
    save_folder();
    open_source(FOLDER "set", &source);
    assert_int_equal(source.samples, 50);
    assert_int_equal(source.test_samples, 12);
    assert_int_equal(source.classes, 10);
    for (uint32_t id = 0; id < 62; id++) {
        uint8_t bytes[4];
        int32_t label;
        const aed_rows rows = {.bytes = bytes, .labels = &label};
        assert_int_equal(source.ops->make(&source, 0, &id, 1, &rows), AED_OK);
        assert_int_equal(bytes[1], id < 50 ? id * 4 + 1 : 100 + (id - 50) * 4 + 1);
        assert_int_equal(label, id < 50 ? id % 10 : (id - 50) % 3);
    }
    aed_source_destroy(&source);

    unlink(FOLDER "set/train-labels.idx1-ubyte.gz");
    unlink(FOLDER "set/t10k-labels-idx1-ubyte");
    open_source(FOLDER "set", &source);
    assert_int_equal(source.classes, 0);
    assert_null(source.held.labels);
    assert_int_equal(source.test_samples, 12);
    aed_source_destroy(&source);

    unlink(FOLDER "set/t10k-images.idx3-ubyte");
    open_source(FOLDER "set", &source);
    assert_int_equal(source.samples, 50);
    assert_int_equal(source.test_samples, 0);
    aed_source_destroy(&source);
}

static void test_create_takes_the_first_samples(void **state)
{
    const char *const path = FOLDER "set";
    fixture f;
    aed_source source;
    (void)state;
    save_folder();
    start(&f, &path);
    fixture_number(&f, "samples", 3);
    fixture_number(&f, "test_samples", 2);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    assert_int_equal(source.samples, 3);
    assert_int_equal(source.test_samples, 2);
    assert_int_equal(source.classes, 10); /* of all labels, not of the first three */
    assert_int_equal(source.held.bytes[3 * 4], 100);
    assert_int_equal(source.held.labels[3 + 1], 1);
    aed_source_destroy(&source);

    fixture_number(&f, "test_samples", 0);
    fixture_number(&f, "classes", 12);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    assert_int_equal(source.test_samples, 0);
    assert_int_equal(source.classes, 12);
    aed_source_destroy(&source);
}

static void test_create_takes_single_files(void **state)
{
    const char *const path = FOLDER "a", *const labels = FOLDER "al", *const test = FOLDER "b",
                      *const test_labels = FOLDER "bl";
    const uint32_t count = 5;
    fixture f;
    aed_source source;
    blob b;
    (void)state;
    save_bytes(path, 2, (const uint32_t[]){5, 3}, 0);
    save_bytes(test, 2, (const uint32_t[]){4, 3}, 50);
    b = header(INT, 1, &count); /* labels of any whole type */
    for (int i = 0; i < 5; i++) put_big(&b, (uint64_t)(i * 100), 4);
    save(&b, labels, "wb");
    save_labels(test_labels, 4, 4);
    start(&f, &path);
    fixture_strings(&f, "labels", 1, &labels);
    fixture_strings(&f, "test", 1, &test);
    fixture_strings(&f, "test_labels", 1, &test_labels);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    assert_int_equal(source.classes, 401);
    assert_int_equal(source.held.labels[3], 300);
    assert_int_equal(source.held.labels[8], 3);
    assert_int_equal(source.held.bytes[5 * 3], 50);
    aed_source_destroy(&source);
}

/* ---- What is refused -------------------------------------------------------------------------- */

static void refuse_file(blob *b, const char *word)
{
    const char *const path = FOLDER "bad";
    aed_source source;
    fixture f;
    save(b, path, "wb");
    start(&f, &path);
    const aed_status status = aed_source_create(&f.spec, &source);
    if (status == AED_OK) fail_msg("taken, though: %s", word);
    if (status != AED_DATA || !strstr(aed_status_message(), FOLDER "bad: ") ||
        !strstr(aed_status_message(), word))
        fail_msg("status %d, '%s' lacks '%s'", (int)status, aed_status_message(), word);
    assert_null(source.state);
}

/* The first `count` bytes of a good file of 3 samples of 4 bytes, which has 24. */
static blob good_file(size_t count)
{
    blob b = header(UBYTE, 2, (const uint32_t[]){3, 4});
    put_counting(&b, 1, 12);
    assert_int_equal(b.count, 24);
    b.count = count;
    return b;
}

static blob gzipped(blob plain)
{
    blob b = {0};
    unsigned char buffer[4096];
    save_gzip(&plain, FOLDER "zipped", "wb");
    FILE *file = fopen(FOLDER "zipped", "rb");
    assert_non_null(file);
    put(&b, buffer, fread(buffer, 1, sizeof buffer, file));
    fclose(file);
    return b;
}

static void test_create_refuses_files_of_the_wrong_length(void **state)
{
    blob b;
    (void)state;
    for (size_t count = 0; count < 24; count++) {
        b = good_file(count);
        refuse_file(&b, count == 0   ? "it is empty"
                        : count < 4  ? "is no IDX file"
                        : count < 12 ? "ends within its header"
                                     : "ends before the 3 samples of 4 numbers");
        b = gzipped(good_file(count));
        refuse_file(&b, count == 0   ? "it is empty"
                        : count < 4  ? "is no IDX file"
                        : count < 12 ? "ends within its header"
                                     : "ends before the 3 samples of 4 numbers");
    }
    b = good_file(24);
    put_counting(&b, 0, 2);
    refuse_file(&b, "has 2 bytes behind the 3 samples of 4 numbers");
    b = good_file(24);
    put_counting(&b, 0, 1);
    b = gzipped(b);
    refuse_file(&b, "has bytes behind the 3 samples of 4 numbers");
}

static void test_create_refuses_damaged_gzip(void **state)
{
    const blob whole = gzipped(good_file(24));
    (void)state;
    for (size_t count = 2; count < whole.count; count++) {
        blob b = {0};
        put(&b, whole.bytes, count);
        refuse_file(&b, "gzip data is truncated");
    }
    for (size_t at = 2; at < whole.count; at++) { /* the deflated bytes, CRC and length */
        if (at >= 3 && at < 10) continue; /* flags, date and system: not checked, or optional */
        blob b = {0};
        put(&b, whole.bytes, whole.count);
        b.bytes[at] ^= 0x55;
        refuse_file(&b, "");
    }
    blob b = {0};
    put(&b, whole.bytes, whole.count);
    put(&b, "rest", 4);
    refuse_file(&b, "corrupt (incorrect header check)");
    free(whole.bytes);
}

static void test_create_refuses_headers_that_lie(void **state)
{
    static const struct {
        int type, rank;
        uint32_t sizes[5];
        const char *word;
    } cases[] = {
        {0x0A, 2, {1, 1}, "is no IDX file"},
        {0x0F, 2, {1, 1}, "is no IDX file"},
        {UBYTE, 0, {0}, "0 sizes; 1 to 5"},
        {UBYTE, 2, {0, 4}, "size 1 of 2 is 0"},
        {UBYTE, 3, {4, 4, 0}, "size 3 of 3 is 0"},
        {UBYTE, 3, {1, 65536, 65536}, "more than 2^31 - 1"},
        {UBYTE, 2, {1, 4294967295}, "more than 2^31 - 1"},
        {UBYTE, 2, {4294967295, 2147483647}, "ends before the 4294967295 samples"},
        {DOUBLE, 2, {4294967295, 2147483647}, "ends before the 4294967295 samples"},
        {DOUBLE, 5, {4294967295, 4294967295, 4294967295, 4294967295, 4294967295}, "2^31 - 1"},
        {UBYTE, 1, {4294967295}, "ends before the 4294967295 samples"},
    };
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (int zipped = 0; zipped < 2; zipped++) {
            blob b = header(cases[c].type, cases[c].rank, cases[c].sizes);
            put_counting(&b, 0, 40);
            if (zipped) b = gzipped(b);
            refuse_file(&b, cases[c].word);
        }
    blob b = header(UBYTE, 5, (const uint32_t[]){1, 1, 1, 1, 1});
    b.bytes[3] = 6;
    put_counting(&b, 0, 5);
    refuse_file(&b, "6 sizes; 1 to 5");
    b = (blob){0};
    put(&b, "\x89HDF\r\n\x1a\n and more bytes behind it", 30);
    refuse_file(&b, "is no IDX file (it begins with other bytes)");
}

/* A header may tell of what the compressed bytes could just hold: memory grows with what comes out. */
static void test_create_asks_for_no_more_than_there_is(void **state)
{
    blob b = header(UBYTE, 2, (const uint32_t[]){60000, 1});
    (void)state;
    put_counting(&b, 0, 256);
    b = gzipped(b);
    refuse_file(&b, "ends before the 60000 samples");
}

static void test_create_refuses_values_that_are_not_finite(void **state)
{
    static const struct {
        int type, bytes;
        double value;
        const char *word;
    } cases[] = {
        {FLOAT, 4, NAN, "a value of sample 1 is nan"},
        {FLOAT, 4, -INFINITY, "a value of sample 1 is -inf"},
        {DOUBLE, 8, NAN, "a value of sample 1 is nan"},
        {DOUBLE, 8, 1e39, "a value of sample 1 is 1e+39"},
    };
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        blob b = header(cases[c].type, 2, (const uint32_t[]){2, 2});
        for (int i = 0; i < 4; i++) {
            const double value = i == 3 ? cases[c].value : 1;
            put_big(&b, cases[c].bytes == 4 ? float_bits((float)value) : double_bits(value),
                    cases[c].bytes);
        }
        refuse_file(&b, cases[c].word);
    }
}

/* Five samples with `labels`, four test samples with theirs; NULL: not given. */
static void refuse_files(const char *labels, const char *test, const char *test_labels,
                         double classes, aed_status status, const char *word)
{
    const char *const path = FOLDER "five";
    aed_source source;
    fixture f;
    start(&f, &path);
    if (labels) fixture_strings(&f, "labels", 1, &labels);
    if (test) fixture_strings(&f, "test", 1, &test);
    if (test_labels) fixture_strings(&f, "test_labels", 1, &test_labels);
    if (classes > 0) fixture_number(&f, "classes", classes);
    const aed_status got = aed_source_create(&f.spec, &source);
    if (got != status || !strstr(aed_status_message(), word))
        fail_msg("status %d, '%s' lacks '%s'", (int)got, aed_status_message(), word);
}

static void test_create_refuses_files_that_do_not_belong_together(void **state)
{
    const uint32_t five = 5;
    blob b;
    (void)state;
    save_bytes(FOLDER "five", 2, (const uint32_t[]){5, 3}, 0);
    save_bytes(FOLDER "four", 2, (const uint32_t[]){4, 3}, 0);
    save_bytes(FOLDER "wide", 2, (const uint32_t[]){4, 6}, 0);
    save_labels(FOLDER "labels5", 5, 5);
    save_labels(FOLDER "labels4", 4, 4);
    b = header(FLOAT, 2, (const uint32_t[]){1, 3});
    put_counting(&b, 0, 12);
    save(&b, FOLDER "floats", "wb");
    b = header(FLOAT, 1, &five);
    put_counting(&b, 0, 20);
    save(&b, FOLDER "float-labels", "wb");
    b = header(BYTE, 1, &five);
    put_counting(&b, 254, 5);
    save(&b, FOLDER "negative", "wb");
    b = header(INT, 1, &five);
    put_counting(&b, 0, 20);
    save(&b, FOLDER "huge", "wb");

    refuse_files(FOLDER "labels4", NULL, NULL, 0, AED_DATA,
                 "has 4 labels, but there are 5 samples");
    refuse_files(FOLDER "five", NULL, NULL, 0, AED_DATA, "holds no labels");
    refuse_files(FOLDER "float-labels", NULL, NULL, 0, AED_DATA, "holds no labels");
    refuse_files(FOLDER "negative", NULL, NULL, 0, AED_DATA,
                 "label -2 of sample 0 is not one of 0 ... 65535");
    refuse_files(FOLDER "huge", NULL, NULL, 0, AED_DATA, "label 66051 of sample 0");
    refuse_files(FOLDER "labels5", NULL, NULL, 4, AED_DATA,
                 "label 4 of sample 4 is not one of 0 ... 3; raise 'classes'");
    refuse_files(FOLDER "labels5", FOLDER "four", NULL, 0, AED_DATA, "labels for the training");
    refuse_files(NULL, FOLDER "four", FOLDER "labels4", 0, AED_DATA, "labels for the test");
    refuse_files(NULL, NULL, FOLDER "labels4", 0, AED_CONFIG, "'test_labels' needs 'test'");
    refuse_files(NULL, FOLDER "wide", NULL, 0, AED_DATA, "6 bytes, but those for training 3 bytes");
    refuse_files(NULL, FOLDER "floats", NULL, 0, AED_DATA, "3 floats");
    refuse_files(NULL, FOLDER "none", NULL, 0, AED_DATA, "none: cannot be opened: No such file");
    refuse_files(FOLDER "", NULL, NULL, 0, AED_DATA, "is a folder");
}

static void test_create_refuses_paths_that_hold_nothing(void **state)
{
    const char *const paths[] = {FOLDER "nothing", FOLDER "empty", FOLDER "pipe"};
    const char *const words[] = {"No such file", "holds no train-images-idx3-ubyte",
                                 "no regular file"};
    (void)state;
    mkdir(FOLDER "empty", 0777);
    mkfifo(FOLDER "pipe", 0666);
    for (int i = 0; i < 3; i++) {
        aed_source source;
        fixture f;
        start(&f, &paths[i]);
        assert_int_equal(aed_source_create(&f.spec, &source), AED_DATA);
        if (!strstr(aed_status_message(), paths[i]) || !strstr(aed_status_message(), words[i]))
            fail_msg("'%s' lacks '%s'", aed_status_message(), words[i]);
    }
}

static void test_create_answers_on_one_line(void **state)
{
    const char *const path = FOLDER "two\nlines\x1b[31m";
    aed_source source;
    fixture f;
    (void)state;
    start(&f, &path);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_DATA);
    assert_non_null(strstr(aed_status_message(), FOLDER "two?lines?[31m: cannot be opened"));
}

static void test_create_refuses_settings_that_do_not_fit(void **state)
{
    const char *const path = FOLDER "set", *const labels = FOLDER "labels5";
    fixture f;
    (void)state;
    save_folder();
    start(&f, &path);
    fixture_number(&f, "samples", 51);
    aed_source source;
    assert_int_equal(aed_source_create(&f.spec, &source), AED_DATA);
    assert_non_null(strstr(aed_status_message(), "has 50 samples, but 'samples' asks for 51"));
    start(&f, &path);
    fixture_strings(&f, "labels", 1, &labels);
    assert_true(fixture_fails(&f, AED_CONFIG, "'labels' goes with a single file", "is a folder"));
    const char *const two[2] = {path, path};
    fixture_start(&f, "idx");
    fixture_strings(&f, "path", 2, two);
    assert_true(fixture_fails(&f, AED_CONFIG, "'path' must be one path", ""));
    unlink(FOLDER "set/t10k-images.idx3-ubyte");
    start(&f, &path);
    fixture_number(&f, "test_samples", 3);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_DATA);
    assert_non_null(strstr(aed_status_message(), "no file of test samples"));
}

static void test_create_survives_lack_of_memory(void **state)
{
    const char *const path = FOLDER "set";
    aed_status status = AED_MEMORY;
    fixture f;
    (void)state;
    save_folder();
    blob b = header(UBYTE, 3, (const uint32_t[]){50, 2, 2});
    put_counting(&b, 0, 200);
    save_gzip(&b, FOLDER "set/train-images-idx3-ubyte", "wb");
    start(&f, &path);
    for (long n = 1; status != AED_OK; n++) {
        aed_source source;
        aed_alloc_fail_after(n);
        status = aed_source_create(&f.spec, &source);
        aed_alloc_fail_after(0);
        assert_true(status == AED_OK || status == AED_MEMORY);
        aed_source_destroy(&source);
        assert_in_range(n, 1, 100);
    }
}

static int make_folders(void **state)
{
    (void)state;
    mkdir(FOLDER, 0777);
    mkdir(FOLDER "set", 0777);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_reads_every_type),
        cmocka_unit_test(test_create_keeps_bytes_in_every_rank),
        cmocka_unit_test(test_create_reads_gzip_whatever_the_name),
        cmocka_unit_test(test_create_finds_the_files_of_a_folder),
        cmocka_unit_test(test_create_takes_the_first_samples),
        cmocka_unit_test(test_create_takes_single_files),
        cmocka_unit_test(test_create_refuses_files_of_the_wrong_length),
        cmocka_unit_test(test_create_refuses_damaged_gzip),
        cmocka_unit_test(test_create_refuses_headers_that_lie),
        cmocka_unit_test(test_create_asks_for_no_more_than_there_is),
        cmocka_unit_test(test_create_refuses_values_that_are_not_finite),
        cmocka_unit_test(test_create_refuses_files_that_do_not_belong_together),
        cmocka_unit_test(test_create_refuses_paths_that_hold_nothing),
        cmocka_unit_test(test_create_answers_on_one_line),
        cmocka_unit_test(test_create_refuses_settings_that_do_not_fit),
        cmocka_unit_test(test_create_survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, make_folders, NULL);
}
