/* A checkpoint comes back as it was written or not at all: a damaged one is told, and the one before
 * it is taken. And the writing thread writes everything, in order, or says why not. */
#include "test_io_fixture.h"

#include "core/hdf5_guard.h"
#include "core/memory.h"
#include "io/checkpoint.h"
#include "io/ledger.h"
#include "io/writer.h"

enum { MOST_BYTES = 1 << 16 };

static float optimizer_state[48];

/* Encodes trial `number` after `steps` steps, with room for a ledger's header in front. */
static void encode(int number, int64_t steps, aed_buffer *record)
{
    static const unsigned char header[AED_LEDGER_HEADER];
    fixture_result made;
    for (int i = 0; i < 48; i++) optimizer_state[i] = (float)(steps + i) / 7;
    double lr = 0.001 * (double)steps;
    const aed_state_array states[] = {
        {"optimizer_step", AED_NUMBER_I64, 1, &steps},
        {"lr", AED_NUMBER_F64, 1, &lr},
        {"optimizer_state", AED_NUMBER_F32, 48, optimizer_state},
    };
    fixture_result_make(number, &made);
    made.result.status = "running";
    made.result.state_count = 3;
    made.result.states = states;
    aed_buffer_put(record, header, sizeof header);
    assert_ok(aed_trial_record_encode(&made.result, record));
}

static void write_checkpoint(const char *folder, int number, int64_t steps, int keep)
{
    aed_buffer record = {0};
    encode(number, steps, &record);
    assert_ok(aed_checkpoint_write(folder, record.bytes + AED_LEDGER_HEADER,
                                   record.size - AED_LEDGER_HEADER, keep));
    aed_buffer_destroy(&record);
}

static const char *path_of(const char *folder, int number, int64_t steps)
{
    char name[64];
    snprintf(name, sizeof name, "checkpoints/t%012d.%lld.h5", number, (long long)steps);
    return fixture_path(folder, name);
}

/* The steps of the checkpoint that a resume takes, 0: none. */
static int64_t steps_read(const char *folder, int number, bool *told)
{
    fixture_result made;
    aed_trial_record *record;
    char *notice;
    int64_t steps = 0;
    fixture_result_make(number, &made);
    assert_ok(aed_checkpoint_read(folder, made.result.id, &notice, &record));
    *told = notice != NULL;
    free(notice);
    if (!record) return 0;
    const aed_trial_result *result = &record->result;
    assert_int_equal(result->state_count, 3);
    steps = *(const int64_t *)result->states[0].values;
    assert_true(*(const double *)result->states[1].values == 0.001 * (double)steps);
    for (int i = 0; i < 48; i++)
        assert_true(((const float *)result->states[2].values)[i] == (float)(steps + i) / 7);
    for (int t = 0; t < 2; t++)
        assert_memory_equal(result->parameters + result->tensors[t].offset,
                            made.parameters + made.tensors[t].offset,
                            sizeof(float) * (size_t)aed_shape_count(&made.tensors[t].shape));
    aed_trial_record_destroy(&record);
    return steps;
}

static void test_the_newest_comes_back(void **state)
{
    bool told;
    assert_int_equal(steps_read(*state, 1, &told), 0);
    write_checkpoint(*state, 1, 9, 2);
    write_checkpoint(*state, 2, 500, 2);
    write_checkpoint(*state, 1, 10, 2);
    write_checkpoint(*state, 1, 100, 2);
    assert_int_equal(steps_read(*state, 1, &told), 100);
    assert_false(told);
    assert_int_equal(steps_read(*state, 2, &told), 500);
    /* Two of each trial stay. */
    assert_false(fixture_exists(path_of(*state, 1, 9)));
    assert_true(fixture_exists(path_of(*state, 1, 10)));
    aed_checkpoint_remove(*state, "t000000000001");
    assert_false(fixture_exists(path_of(*state, 1, 10)));
    assert_false(aed_checkpoint_exists(*state, "t000000000001"));
    assert_true(aed_checkpoint_exists(*state, "t000000000002"));
    aed_checkpoint_remove(*state, "t000000000002");
    assert_false(fixture_exists(fixture_path(*state, "checkpoints")));
}

static void test_a_damaged_one_gives_way_to_the_one_before(void **state)
{
    static unsigned char bytes[MOST_BYTES];
    bool told;
    write_checkpoint(*state, 1, 10, 2);
    write_checkpoint(*state, 1, 20, 2);
    char path[512];
    snprintf(path, sizeof path, "%s", path_of(*state, 1, 20));
    const size_t size = fixture_read(path, bytes, sizeof bytes);
    for (size_t at = 0; at < size; at += 41) {
        bytes[at] ^= (unsigned char)(1 << at % 8);
        fixture_write(path, bytes, size);
        assert_int_equal(steps_read(*state, 1, &told), 10);
        assert_true(told);
        bytes[at] ^= (unsigned char)(1 << at % 8);
        fixture_write(path, bytes, at); /* cut off there */
        assert_int_equal(steps_read(*state, 1, &told), 10);
        assert_true(told);
    }
    fixture_write(path, bytes, size);
    assert_int_equal(steps_read(*state, 1, &told), 20);
    assert_false(told);
    /* Another trial's file under this one's name. */
    write_checkpoint(*state, 2, 30, 2);
    assert_int_equal(rename(path_of(*state, 2, 30), path_of(*state, 1, 30)), 0);
    assert_int_equal(steps_read(*state, 1, &told), 20);
    assert_true(told);
}

static void test_the_thread_writes_everything(void **state)
{
    enum { TRIALS = 50 };
    char *notice;
    aed_run *run;
    aed_writer *writer;
    static unsigned char text[MOST_BYTES];
    assert_ok(aed_run_open(*state, &fixture_info, NULL, 0, &notice, &run));
    assert_ok(aed_writer_start(run, 2, &writer));
    for (int i = 1; i <= TRIALS; i++) {
        static const char line[] = "{\"event\": \"epoch\"}\n";
        aed_buffer checkpoint = {0}, record = {0}, lines = {0};
        fixture_result made;
        fixture_result_make(i, &made);
        encode(i, i, &checkpoint);
        aed_writer_running(writer, made.result.id);
        aed_writer_checkpoint(writer, made.result.id, &checkpoint);
        aed_buffer_put(&lines, line, strlen(line));
        aed_writer_log(writer, &lines);
        if (i % 10 == 0) continue; /* these stay interrupted */
        encode(i, i, &record);
        aed_writer_result(writer, &record);
        assert_int_equal(record.size, 0);
    }
    assert_ok(aed_writer_stop(&writer));
    for (int i = 1; i <= TRIALS; i++) {
        fixture_result made;
        fixture_result_make(i, &made);
        assert_true((aed_run_find(run, made.result.id) != NULL) == (i % 10 != 0));
        assert_true(aed_checkpoint_exists(*state, made.result.id) == (i % 10 == 0));
    }
    aed_run_close(&run);
    const size_t size = fixture_read(fixture_path(*state, "log.jsonl"), text, sizeof text);
    int epochs = 0, ends = 0;
    text[size] = '\0';
    for (const char *at = (const char *)text; (at = strstr(at, "\"epoch\"")); at++) epochs++;
    for (const char *at = (const char *)text; (at = strstr(at, "\"trial_end\"")); at++) ends++;
    assert_int_equal(epochs, TRIALS);
    assert_int_equal(ends, TRIALS - TRIALS / 10);
}

/* However many come while the thread is busy (here with waiting for HDF5), only the last one is written
 * of those that waited. */
static void test_a_newer_checkpoint_takes_the_place_of_one_that_waits(void **state)
{
    enum { COUNT = 20, KEEP = 2 };
    char *notice;
    aed_run *run;
    aed_writer *writer;
    aed_hdf5_guard guard;
    bool told;
    assert_ok(aed_run_open(*state, &fixture_info, NULL, 0, &notice, &run));
    assert_ok(aed_writer_start(run, KEEP, &writer));
    aed_hdf5_enter(&guard);
    for (int i = 1; i <= COUNT; i++) {
        for (int trial = 1; trial <= 2; trial++) {
            fixture_result made;
            aed_buffer record = {0};
            fixture_result_make(trial, &made);
            encode(trial, 10 * i + trial, &record);
            aed_writer_checkpoint(writer, made.result.id, &record);
            assert_int_equal(record.size, 0);
        }
    }
    aed_hdf5_leave(&guard);
    assert_ok(aed_writer_stop(&writer));
    aed_run_close(&run);
    assert_int_equal(steps_read(*state, 1, &told), 10 * COUNT + 1);
    assert_int_equal(steps_read(*state, 2, &told), 10 * COUNT + 2);
    /* All of them would have left the one before the last beside it. */
    assert_int_not_equal(access(path_of(*state, 1, 10 * (COUNT - 1) + 1), F_OK), 0);
}

static void test_the_threads_failure_is_told(void **state)
{
    char *notice;
    aed_run *run;
    aed_writer *writer;
    aed_buffer good = {0}, bad = {0};
    assert_ok(aed_run_open(*state, &fixture_info, NULL, 0, &notice, &run));
    /* A plain file where the folder of the checkpoints should be. */
    fixture_write(fixture_path(*state, "checkpoints"), "x", 1);
    assert_ok(aed_writer_start(run, 2, &writer));
    encode(1, 1, &bad);
    aed_writer_checkpoint(writer, "t000000000001", &bad);
    encode(2, 1, &good);
    aed_writer_result(writer, &good);
    assert_int_equal(aed_writer_stop(&writer), AED_DATA);
    assert_non_null(strstr(aed_status_message(), "checkpoints"));
    assert_null(writer);
    aed_run_close(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_newest_comes_back, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_damaged_one_gives_way_to_the_one_before,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_the_thread_writes_everything, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_newer_checkpoint_takes_the_place_of_one_that_waits,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_the_threads_failure_is_told, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
