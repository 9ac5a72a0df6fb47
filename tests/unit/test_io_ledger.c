/* The ledger: round trip, torn tails, damage, a full disk. */
#include "test_io_fixture.h"

#include <signal.h>
#include <sys/resource.h>

#include "io/ledger.h"
#include "io/trial_record.h"

enum { MAX_BYTES = 16384, TRIALS = 3 };

/* What a reading found. */
typedef struct found {
    int count;
    int number[8]; /* of the trials, in their order */
} found;

static void assert_same_result(const aed_trial_result *a, const aed_trial_result *b)
{
    assert_string_equal(a->id, b->id);
    assert_string_equal(a->status, b->status);
    assert_string_equal(a->reason, b->reason);
    assert_int_equal(a->seed, b->seed);
    assert_int_equal(a->epochs, b->epochs);
    assert_true(a->seconds == b->seconds && a->samples_per_second == b->samples_per_second);
    assert_string_equal(a->weights_hash, b->weights_hash);
    assert_string_equal(a->resolved, b->resolved);
    assert_int_equal(a->setting_count, b->setting_count);
    for (int i = 0; i < a->setting_count; i++) {
        assert_string_equal(a->settings[i].axis, b->settings[i].axis);
        assert_string_equal(a->settings[i].text, b->settings[i].text);
        assert_memory_equal(&a->settings[i].number, &b->settings[i].number, sizeof(double));
    }
    assert_int_equal(a->metrics.column_count, b->metrics.column_count);
    assert_int_equal(a->metrics.rows, b->metrics.rows);
    for (int i = 0; i < a->metrics.column_count; i++) {
        assert_string_equal(a->metrics.names[i], b->metrics.names[i]);
    }
    if (a->metrics.rows > 0) {
        assert_memory_equal(a->metrics.values, b->metrics.values,
                            (size_t)(a->metrics.rows * a->metrics.column_count) * sizeof(double));
    }
    assert_int_equal(a->scalar_count, b->scalar_count);
    for (int i = 0; i < a->scalar_count; i++) {
        assert_string_equal(a->scalar_names[i], b->scalar_names[i]);
        assert_true(a->scalar_values[i] == b->scalar_values[i]);
    }
    assert_int_equal(a->tensor_count, b->tensor_count);
    for (int i = 0; i < a->tensor_count; i++) {
        const aed_tensor *s = &a->tensors[i], *t = &b->tensors[i];
        assert_string_equal(s->name, t->name);
        assert_int_equal(s->shape.rank, t->shape.rank);
        for (int k = 0; k < s->shape.rank; k++) {
            assert_int_equal(s->shape.size[k], t->shape.size[k]);
        }
        assert_int_equal(s->fan_in, t->fan_in);
        assert_memory_equal(a->parameters + s->offset, b->parameters + t->offset,
                            (size_t)aed_shape_count(&s->shape) * sizeof(float));
    }
}

static void put_record(const aed_trial_result *result, aed_buffer *bytes)
{
    static const unsigned char header[AED_LEDGER_HEADER];
    aed_buffer_put(bytes, header, sizeof header);
    assert_int_equal(aed_trial_record_encode(result, bytes), AED_OK);
}

/* Checks each trial against the fixture of its number: what is read is never wrong. */
static aed_status check_visit(void *context, int64_t index, uint32_t type,
                              const unsigned char *payload, size_t length)
{
    found *seen = context;
    if (type != AED_LEDGER_TRIAL) return AED_OK;
    aed_trial_record *record;
    aed_status status = aed_trial_record_decode(payload, length, true, &record);
    if (status != AED_OK) return status;
    assert_true(index >= seen->count && seen->count < 8);
    int number = (int)record->result.seed;
    fixture_result made;
    fixture_result_make(number, &made);
    assert_same_result(&made.result, &record->result);
    seen->number[seen->count++] = number;
    aed_trial_record_destroy(&record);
    return AED_OK;
}

/* Opens the ledger, checks what it holds, closes it. */
static aed_status read_back(const char *folder, found *seen, char **notice)
{
    aed_ledger *ledger;
    memset(seen, 0, sizeof *seen);
    aed_status status = aed_ledger_open(folder, check_visit, seen, notice, &ledger);
    aed_ledger_close(&ledger);
    return status;
}

/* A ledger of trials 0 ... count-1; its bytes, and each record's begin in starts[count + 1]. */
static size_t make_ledger(const char *folder, int count, unsigned char *bytes, size_t *starts)
{
    found seen = {0};
    char *notice;
    aed_ledger *ledger;
    unlink(fixture_path(folder, "ledger"));
    assert_int_equal(aed_ledger_open(folder, check_visit, &seen, &notice, &ledger), AED_OK);
    assert_null(notice);
    starts[0] = 8;
    for (int i = 0; i < count; i++) {
        fixture_result made;
        fixture_result_make(i, &made);
        aed_buffer record = {0};
        int64_t index;
        put_record(&made.result, &record);
        assert_int_equal(aed_ledger_append(ledger, AED_LEDGER_TRIAL, &record, &index), AED_OK);
        assert_int_equal(index, i);
        starts[i + 1] = starts[i] + record.size;
        aed_buffer_destroy(&record);
    }
    const unsigned char *payload;
    size_t length;
    assert_int_equal(aed_ledger_read(ledger, 1, &payload, &length), AED_OK);
    assert_int_equal(length, starts[2] - starts[1] - AED_LEDGER_HEADER);
    aed_ledger_close(&ledger);
    size_t size = fixture_read(fixture_path(folder, "ledger"), bytes, MAX_BYTES);
    assert_int_equal(size, starts[count]);
    return size;
}

static void test_ledger_round_trip(void **state)
{
    unsigned char bytes[MAX_BYTES];
    size_t starts[TRIALS + 1];
    make_ledger(*state, TRIALS, bytes, starts);
    assert_memory_equal(bytes, "AEDLGR\1\0AEDR\1\0\0\0", 16);
    found seen;
    char *notice;
    assert_int_equal(read_back(*state, &seen, &notice), AED_OK);
    assert_null(notice);
    assert_int_equal(seen.count, TRIALS);
    for (int i = 0; i < TRIALS; i++) assert_int_equal(seen.number[i], i);
}

static void test_trial_record_empty_result(void **state)
{
    (void)state;
    aed_trial_result empty = {.id = "t", .status = "failed", .reason = "step 3", .resolved = ""};
    aed_buffer bytes = {0};
    assert_int_equal(aed_trial_record_encode(&empty, &bytes), AED_OK);
    aed_trial_record *record;
    assert_int_equal(aed_trial_record_decode(bytes.bytes, bytes.size, true, &record), AED_OK);
    assert_same_result(&empty, &record->result);
    aed_trial_record_destroy(&record);
    aed_buffer_destroy(&bytes);
}

static void test_trial_record_bad_id(void **state)
{
    (void)state;
    aed_buffer bytes = {0};
    aed_trial_result bad = {.id = "../x", .status = "done", .reason = "", .resolved = ""};
    assert_int_equal(aed_trial_record_encode(&bad, &bytes), AED_INTERNAL);
    assert_int_equal(bytes.size, 0);
}

/* Payloads cut short or with any byte changed decode or are refused, and never crash. */
static void test_trial_record_decode_hostile(void **state)
{
    (void)state;
    fixture_result made;
    fixture_result_make(1, &made);
    aed_buffer bytes = {0};
    assert_int_equal(aed_trial_record_encode(&made.result, &bytes), AED_OK);
    for (size_t length = 0; length < bytes.size; length++) {
        unsigned char *exact = malloc(length ? length : 1);
        memcpy(exact, bytes.bytes, length);
        aed_trial_record *record;
        assert_int_equal(aed_trial_record_decode(exact, length, true, &record), AED_DATA);
        assert_null(record);
        free(exact);
    }
    static const unsigned char changes[] = {0x01, 0x80, 0xFF};
    for (size_t i = 0; i < bytes.size; i++) {
        for (size_t c = 0; c < sizeof changes; c++) {
            aed_trial_record *record;
            bytes.bytes[i] ^= changes[c];
            aed_status status = aed_trial_record_decode(bytes.bytes, bytes.size, true, &record);
            assert_true(status == AED_OK || status == AED_DATA);
            aed_trial_record_destroy(&record);
            bytes.bytes[i] ^= changes[c];
        }
    }
    aed_buffer_destroy(&bytes);
}

/* A type that a later version may add, with nothing to say. */
static void test_ledger_open_keeps_an_empty_record(void **state)
{
    found seen;
    char *notice;
    aed_ledger *ledger;
    int64_t index;
    aed_buffer record = {0};
    static const unsigned char header[AED_LEDGER_HEADER];
    assert_ok(aed_ledger_open(*state, check_visit, &seen, &notice, &ledger));
    aed_buffer_put(&record, header, sizeof header);
    assert_ok(aed_ledger_append(ledger, AED_LEDGER_TRIAL + 7, &record, &index));
    aed_buffer_destroy(&record);
    aed_ledger_close(&ledger);
    assert_ok(read_back(*state, &seen, &notice));
    assert_null(notice);
}

static void test_ledger_open_torn_at_every_byte(void **state)
{
    unsigned char bytes[MAX_BYTES];
    size_t starts[TRIALS + 1];
    size_t size = make_ledger(*state, TRIALS, bytes, starts);
    const char *path = fixture_path(*state, "ledger");
    for (size_t cut = starts[TRIALS - 1]; cut < size; cut++) {
        fixture_write(path, bytes, cut);
        found seen;
        char *notice;
        assert_int_equal(read_back(*state, &seen, &notice), AED_OK);
        assert_int_equal(seen.count, TRIALS - 1);
        assert_true((notice == NULL) == (cut == starts[TRIALS - 1]));
        if (notice) assert_non_null(strstr(notice, "cut off"));
        free(notice);
        struct stat info;
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_size, starts[TRIALS - 1]);
    }
    assert_false(fixture_exists(fixture_path(*state, "ledger.damaged")));
}

static void test_ledger_open_torn_header(void **state)
{
    const char *path = fixture_path(*state, "ledger");
    for (size_t cut = 0; cut <= 8; cut++) {
        fixture_write(path, "AEDLGR\1\0", cut);
        found seen;
        char *notice;
        assert_int_equal(read_back(*state, &seen, &notice), AED_OK);
        assert_null(notice);
        assert_int_equal(seen.count, 0);
        unsigned char bytes[16];
        assert_int_equal(fixture_read(path, bytes, sizeof bytes), 8);
    }
}

static void test_ledger_open_zeros_behind_the_last_record(void **state)
{
    unsigned char bytes[MAX_BYTES] = {0};
    size_t starts[TRIALS + 1];
    size_t size = make_ledger(*state, TRIALS, bytes, starts);
    memset(bytes + size, 0, 5000);
    fixture_write(fixture_path(*state, "ledger"), bytes, size + 5000);
    found seen;
    char *notice;
    assert_int_equal(read_back(*state, &seen, &notice), AED_OK);
    assert_non_null(strstr(notice, "cut off (5000 bytes"));
    assert_int_equal(seen.count, TRIALS);
    free(notice);
}

/* Each byte in turn: the change is told, no record is read wrongly, those beside it are kept. */
static void test_ledger_open_flipped_at_every_byte(void **state)
{
    unsigned char bytes[MAX_BYTES];
    size_t starts[TRIALS + 1];
    size_t size = make_ledger(*state, TRIALS, bytes, starts);
    const char *path = fixture_path(*state, "ledger");
    char damaged[512];
    snprintf(damaged, sizeof damaged, "%s.damaged", path);
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= (unsigned char)(1 << (i % 8));
        fixture_write(path, bytes, size);
        unlink(damaged);
        found seen;
        char *notice;
        aed_status status = read_back(*state, &seen, &notice);
        if (i < 8) {
            assert_int_equal(status, AED_DATA);
            assert_int_equal(seen.count, 0);
        } else {
            assert_int_equal(status, AED_OK);
            assert_non_null(notice);
            assert_int_equal(seen.count, TRIALS - 1);
            size_t hit = 0;
            while (starts[hit + 1] <= i) hit++;
            char offset[64];
            snprintf(offset, sizeof offset, "offset %zu", starts[hit]);
            assert_non_null(strstr(notice, offset));
            if (hit < TRIALS - 1) {
                unsigned char saved[MAX_BYTES];
                assert_int_equal(fixture_read(damaged, saved, MAX_BYTES), size - starts[hit]);
                assert_memory_equal(saved, bytes + starts[hit], size - starts[hit]);
            }
            free(notice);
            /* Mended: a second reading finds the same and nothing to tell. */
            assert_int_equal(read_back(*state, &seen, &notice), AED_OK);
            assert_null(notice);
            assert_int_equal(seen.count, TRIALS - 1);
        }
        bytes[i] ^= (unsigned char)(1 << (i % 8));
    }
}

static void test_ledger_open_not_a_ledger(void **state)
{
    const char *path = fixture_path(*state, "ledger");
    found seen;
    char *notice;
    fixture_write(path, "hello, world", 12);
    assert_int_equal(read_back(*state, &seen, &notice), AED_DATA);
    assert_non_null(strstr(aed_status_message(), "not an aedist ledger"));
    fixture_write(path, "AEDLGR\2\0", 8);
    assert_int_equal(read_back(*state, &seen, &notice), AED_DATA);
    assert_non_null(strstr(aed_status_message(), "version 2"));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(read_back(*state, &seen, &notice), AED_DATA);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(read_back(*state, &seen, &notice), AED_DATA);
}

/* Random bytes behind a good header, some of them false records: no crash, quick, told. */
static void test_ledger_open_random_bytes(void **state)
{
    static unsigned char bytes[100000];
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof bytes; i++) {
        random = random * 1664525U + 1013904223U;
        bytes[i] = (unsigned char)(random >> 24);
    }
    memcpy(bytes, "AEDLGR\1\0", 8);
    for (size_t i = 8; i + 20 <= sizeof bytes; i += 20) {
        memcpy(bytes + i, "AEDR\1\0\0\0\x00\x10\0\0\0\0\0\0", 16);
    }
    fixture_write(fixture_path(*state, "ledger"), bytes, sizeof bytes);
    found seen;
    char *notice;
    assert_int_equal(read_back(*state, &seen, &notice), AED_OK);
    assert_non_null(strstr(notice, "damaged at offset 8;"));
    assert_int_equal(seen.count, 0);
    free(notice);
}

static void test_ledger_open_locked(void **state)
{
    found seen = {0};
    char *notice;
    aed_ledger *first, *second;
    assert_int_equal(aed_ledger_open(*state, check_visit, &seen, &notice, &first), AED_OK);
    assert_int_equal(aed_ledger_open(*state, check_visit, &seen, &notice, &second), AED_DATA);
    assert_non_null(strstr(aed_status_message(), "another aedist job"));
    assert_null(second);
    aed_ledger_close(&first);
    assert_int_equal(aed_ledger_open(*state, check_visit, &seen, &notice, &second), AED_OK);
    aed_ledger_close(&second);
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The append that fills the disk fails whole; with space again the next one goes well. */
static void test_ledger_append_full_disk(void **state)
{
    signal(SIGXFSZ, SIG_IGN);
    unsigned char bytes[MAX_BYTES];
    size_t starts[TRIALS + 1];
    size_t size = make_ledger(*state, TRIALS, bytes, starts);
    found seen = {0};
    char *notice;
    aed_ledger *ledger;
    assert_int_equal(aed_ledger_open(*state, check_visit, &seen, &notice, &ledger), AED_OK);
    fixture_result made;
    fixture_result_make(TRIALS, &made);
    aed_buffer record = {0};
    put_record(&made.result, &record);
    int64_t index = -1;
    for (size_t room = 0; room < record.size; room += 37) {
        limit_file_size(size + room);
        aed_status status = aed_ledger_append(ledger, AED_LEDGER_TRIAL, &record, &index);
        limit_file_size(RLIM_INFINITY);
        assert_int_equal(status, AED_DATA);
        assert_non_null(strstr(aed_status_message(), "ledger: cannot write: File too large"));
        struct stat info;
        assert_int_equal(stat(fixture_path(*state, "ledger"), &info), 0);
        assert_int_equal(info.st_size, size);
    }
    assert_int_equal(aed_ledger_append(ledger, AED_LEDGER_TRIAL, &record, &index), AED_OK);
    assert_int_equal(index, TRIALS);
    aed_buffer_destroy(&record);
    aed_ledger_close(&ledger);
    assert_int_equal(read_back(*state, &seen, &notice), AED_OK);
    assert_null(notice);
    assert_int_equal(seen.count, TRIALS + 1);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trial_record_empty_result),
        cmocka_unit_test(test_trial_record_bad_id),
        cmocka_unit_test(test_trial_record_decode_hostile),
        WITH_FOLDER(test_ledger_round_trip),
        WITH_FOLDER(test_ledger_open_keeps_an_empty_record),
        WITH_FOLDER(test_ledger_open_torn_at_every_byte),
        WITH_FOLDER(test_ledger_open_torn_header),
        WITH_FOLDER(test_ledger_open_zeros_behind_the_last_record),
        WITH_FOLDER(test_ledger_open_flipped_at_every_byte),
        WITH_FOLDER(test_ledger_open_not_a_ledger),
        WITH_FOLDER(test_ledger_open_random_bytes),
        WITH_FOLDER(test_ledger_open_locked),
        WITH_FOLDER(test_ledger_append_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
