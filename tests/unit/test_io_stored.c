/* Reading a ledger that must stay as it is: torn, damaged, being written; trials found by their id. */
#include "test_io_fixture.h"

#include "io/stored.h"

enum { MAX_BYTES = 16384, TRIALS = 3 };

static void append(aed_ledger *ledger, const fixture_result *made)
{
    static const unsigned char header[AED_LEDGER_HEADER];
    aed_buffer record = {0};
    int64_t index;
    aed_buffer_put(&record, header, sizeof header);
    assert_ok(aed_trial_record_encode(&made->result, &record));
    assert_ok(aed_ledger_append(ledger, AED_LEDGER_TRIAL, &record, &index));
    aed_buffer_destroy(&record);
}

static aed_status ignore(void *context, int64_t index, uint32_t type, const unsigned char *payload,
                         size_t length)
{
    (void)context, (void)index, (void)type, (void)payload, (void)length;
    return AED_OK;
}

static aed_ledger *open_for_writing(const char *folder)
{
    aed_ledger *ledger;
    char *notice;
    assert_ok(aed_ledger_open(folder, ignore, NULL, &notice, &ledger));
    assert_null(notice);
    return ledger;
}

/* A ledger of trials 0 ... TRIALS-1; returns its bytes. */
static size_t make_ledger(const char *folder, unsigned char *bytes)
{
    aed_ledger *ledger = open_for_writing(folder);
    for (int i = 0; i < TRIALS; i++) {
        fixture_result made;
        fixture_result_make(i, &made);
        append(ledger, &made);
    }
    aed_ledger_close(&ledger);
    return fixture_read(fixture_path(folder, "ledger"), bytes, MAX_BYTES);
}

static void expect_unchanged(const char *folder, const unsigned char *bytes, size_t size)
{
    unsigned char now[MAX_BYTES];
    assert_int_equal(fixture_read(fixture_path(folder, "ledger"), now, MAX_BYTES), size);
    assert_memory_equal(now, bytes, size);
    assert_false(fixture_exists(fixture_path(folder, "ledger.damaged")));
}

/* Every trial that is told is one of the fixture's, whole. */
static void expect_trials(aed_stored *stored)
{
    for (int64_t i = 0; i < aed_stored_count(stored); i++) {
        aed_trial_record *record;
        fixture_result made;
        fixture_result_make((int)aed_stored_trial(stored, i)->seed, &made);
        assert_string_equal(aed_stored_trial(stored, i)->id, made.result.id);
        assert_null(aed_stored_trial(stored, i)->parameters);
        assert_ok(aed_stored_read(stored, i, &record));
        assert_memory_equal(record->result.parameters, made.parameters, 6 * sizeof(float));
        assert_memory_equal(record->result.parameters + 16, made.parameters + 16,
                            2 * sizeof(float));
        aed_trial_record_destroy(&record);
    }
}

static void test_stored_open_torn_at_every_byte_changes_nothing(void **state)
{
    unsigned char bytes[MAX_BYTES];
    const size_t size = make_ledger(*state, bytes);
    const size_t record = (size - 8) / TRIALS;
    for (size_t cut = 0; cut <= size; cut++) {
        aed_stored *stored;
        fixture_write(fixture_path(*state, "ledger"), bytes, cut);
        assert_ok(aed_stored_open(*state, &stored));
        const aed_ledger_health *health = aed_stored_health(stored);
        const int64_t whole = cut < 8 ? 0 : (int64_t)((cut - 8) / record);
        const bool between = cut <= 8 || (cut - 8) % record == 0;
        assert_int_equal(health->bytes, cut);
        assert_int_equal(health->records, whole);
        assert_int_equal(aed_stored_count(stored), whole);
        assert_int_equal(health->damage, between ? -1 : 8 + whole * (int64_t)record);
        assert_int_equal(health->torn, !between);
        assert_false(health->busy);
        if (cut % 97 == 0) expect_trials(stored);
        aed_stored_close(&stored);
        expect_unchanged(*state, bytes, cut);
    }
}

static void test_stored_open_flipped_byte_is_told_and_the_others_read(void **state)
{
    unsigned char bytes[MAX_BYTES];
    const size_t size = make_ledger(*state, bytes);
    const size_t record = (size - 8) / TRIALS;
    for (size_t at = 8; at < size; at += 7) {
        aed_stored *stored;
        bytes[at] ^= 0x10;
        fixture_write(fixture_path(*state, "ledger"), bytes, size);
        assert_ok(aed_stored_open(*state, &stored));
        const aed_ledger_health *health = aed_stored_health(stored);
        const size_t hit = (at - 8) / record;
        assert_int_equal(health->damage, 8 + hit * record);
        assert_int_equal(health->records, TRIALS - 1);
        /* A length that leads out of the file looks like a torn record where it is the last. */
        assert_true(!health->torn || hit == TRIALS - 1);
        expect_trials(stored);
        aed_stored_close(&stored);
        expect_unchanged(*state, bytes, size);
        bytes[at] ^= 0x10;
    }
}

static void test_stored_open_beside_a_running_job(void **state)
{
    fixture_result made;
    aed_stored *stored;
    aed_ledger *ledger = open_for_writing(*state);
    for (int i = 0; i < TRIALS; i++) {
        fixture_result_make(i, &made);
        append(ledger, &made);
        assert_ok(aed_stored_open(*state, &stored));
        assert_true(aed_stored_health(stored)->busy);
        assert_int_equal(aed_stored_health(stored)->damage, -1);
        assert_int_equal(aed_stored_count(stored), i + 1);
        expect_trials(stored);
        aed_stored_close(&stored);
    }
    aed_ledger_close(&ledger);
    /* And the other way: who reads keeps no job from starting. */
    assert_ok(aed_stored_open(*state, &stored));
    assert_false(aed_stored_health(stored)->busy);
    ledger = open_for_writing(*state);
    fixture_result_make(TRIALS, &made);
    append(ledger, &made);
    assert_int_equal(aed_stored_count(stored), TRIALS);
    expect_trials(stored);
    aed_ledger_close(&ledger);
    aed_stored_close(&stored);
}

static void test_stored_open_refuses_what_is_no_run(void **state)
{
    aed_stored *stored;
    assert_int_equal(aed_stored_open(*state, &stored), AED_DATA);
    assert_non_null(strstr(aed_status_message(), "is no run"));
    assert_null(stored);
    assert_false(fixture_exists(fixture_path(*state, "ledger")));
    fixture_write(fixture_path(*state, "ledger"), "something else", 14);
    assert_int_equal(aed_stored_open(*state, &stored), AED_DATA);
    assert_non_null(strstr(aed_status_message(), "is not an aedist ledger"));
    fixture_write(fixture_path(*state, "ledger"), "AEDLGR\2\0", 8);
    assert_int_equal(aed_stored_open(*state, &stored), AED_DATA);
    assert_non_null(strstr(aed_status_message(), "version 2"));
    unlink(fixture_path(*state, "ledger"));
    assert_int_equal(mkfifo(fixture_path(*state, "ledger"), 0600), 0);
    assert_int_equal(aed_stored_open(*state, &stored), AED_DATA);
}

static void test_stored_keeps_the_latest_of_a_trial(void **state)
{
    aed_ledger *ledger = open_for_writing(*state);
    for (int i = 0; i < 2 * TRIALS; i++) {
        fixture_result made;
        fixture_result_make(i % TRIALS, &made);
        if (i < TRIALS) made.result.status = "failed";
        made.result.epochs = i;
        append(ledger, &made);
    }
    aed_ledger_close(&ledger);
    aed_stored *stored;
    assert_ok(aed_stored_open(*state, &stored));
    assert_int_equal(aed_stored_count(stored), TRIALS);
    for (int i = 0; i < TRIALS; i++) {
        assert_string_equal(aed_stored_trial(stored, i)->status, "done");
        assert_int_equal(aed_stored_trial(stored, i)->seed, i);
        assert_int_equal(aed_stored_trial(stored, i)->epochs, TRIALS + i);
        aed_trial_record *record;
        assert_ok(aed_stored_read(stored, i, &record));
        assert_int_equal(record->result.epochs, TRIALS + i);
        aed_trial_record_destroy(&record);
    }
    aed_stored_close(&stored);
}

static void test_stored_find_by_what_an_id_begins_with(void **state)
{
    static const char *const ids[] = {"tab12", "tab345", "tab", "tcd"};
    aed_ledger *ledger = open_for_writing(*state);
    aed_stored *stored;
    int64_t index = -1;
    assert_ok(aed_stored_open(*state, &stored));
    assert_int_equal(aed_stored_find(stored, "t", &index), AED_CONFIG);
    assert_non_null(strstr(aed_status_message(), "no trial of this run has ended yet"));
    aed_stored_close(&stored);
    for (int i = 0; i < 4; i++) {
        fixture_result made;
        fixture_result_make(i, &made);
        snprintf(made.result.id, sizeof made.result.id, "%s", ids[i]);
        append(ledger, &made);
    }
    aed_ledger_close(&ledger);
    assert_ok(aed_stored_open(*state, &stored));
    const struct {
        const char *text;
        int64_t index;
    } found[] = {{"tab1", 0}, {"tab12", 0}, {"tab3", 1}, {"tab", 2}, {"tc", 3}};
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        assert_ok(aed_stored_find(stored, found[i].text, &index));
        assert_int_equal(index, found[i].index);
    }
    assert_int_equal(aed_stored_find(stored, "ta", &index), AED_CONFIG);
    assert_non_null(strstr(aed_status_message(), "any of 3 trials (tab12, tab345, tab)"));
    assert_int_equal(aed_stored_find(stored, "x", &index), AED_CONFIG);
    assert_non_null(strstr(aed_status_message(), "tab12, tab345, tab, tcd"));
    aed_stored_close(&stored);
}

static void test_stored_read_refuses_parameters_of_another_hash(void **state)
{
    fixture_result made;
    fixture_result_make(1, &made);
    made.result.weights_hash[0] ^= 1;
    aed_ledger *ledger = open_for_writing(*state);
    append(ledger, &made);
    aed_ledger_close(&ledger);
    aed_stored *stored;
    aed_trial_record *record;
    assert_ok(aed_stored_open(*state, &stored));
    assert_int_equal(aed_stored_read(stored, 0, &record), AED_DATA);
    assert_non_null(strstr(aed_status_message(), "weights_hash"));
    assert_null(record);
    aed_stored_close(&stored);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_stored_open_torn_at_every_byte_changes_nothing),
        CASE(test_stored_open_flipped_byte_is_told_and_the_others_read),
        CASE(test_stored_open_beside_a_running_job),
        CASE(test_stored_open_refuses_what_is_no_run),
        CASE(test_stored_keeps_the_latest_of_a_trial),
        CASE(test_stored_find_by_what_an_id_begins_with),
        CASE(test_stored_read_refuses_parameters_of_another_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
