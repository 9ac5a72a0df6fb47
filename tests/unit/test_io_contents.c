/* What a ledger and the results.h5 made from it hold is the same; damaged ones are told. */
#include "test_io_fixture.h"

#include <hdf5.h>

#include <signal.h>

#include "core/apart.h"
#include "io/contents.h"

enum { MAX_BYTES = 1 << 17 };

/* A run of trials 1, 2, 3 and 4, of which 3 failed and 4 is pending; 2 has the least val_loss. */
static void make_run(const char *folder)
{
    char *notice;
    aed_run *run;
    fixture_result made[4];
    aed_planned_trial planned[4];
    for (int i = 0; i < 4; i++) {
        fixture_result_make(i + 1, &made[i]);
        planned[i] = fixture_planned(&made[i]);
        made[i].result.resolved = "name: small\nseed: 1\n";
    }
    made[1].values[2 * 4 + 2] = 0.25;
    made[2].values[2 * 4 + 2] = 0.125;
    made[2].result.status = "failed";
    made[2].result.reason = "step 7";
    assert_ok(aed_run_open(folder, &fixture_info, planned, 4, &notice, &run));
    for (int i = 0; i < 3; i++) assert_ok(aed_run_append(run, &made[i].result));
    assert_ok(aed_run_set_running(run, planned[3].id, true));
    assert_ok(aed_run_write_results(run));
    aed_run_close(&run);
}

static void expect_common(const aed_contents *contents)
{
    static const char *const metrics[] = {"epoch", "lr", "train_loss", "val_loss"};
    assert_string_equal(contents->name, "small");
    assert_int_equal(contents->best, 1);
    assert_string_equal(contents->best_settings, "seed=2 train.loss=mse");
    assert_int_equal(contents->metric_count, 4);
    for (int i = 0; i < 4; i++) assert_string_equal(contents->metrics[i], metrics[i]);
    assert_int_equal(contents->rows, 3);
    assert_int_equal(contents->tensor_count, 2);
    assert_string_equal(contents->tensors[0].name, "encoder.0.bias");
    assert_string_equal(contents->tensors[1].name, "encoder.0.weight");
    assert_int_equal(contents->tensors[1].shape.rank, 2);
    assert_int_equal(contents->tensors[1].shape.size[1], 3);
    for (int i = 0; i < 3; i++) {
        fixture_result made;
        fixture_result_make(i + 1, &made);
        assert_string_equal(contents->trials[i].id, made.result.id);
        assert_string_equal(contents->trials[i].status, i == 2 ? "failed" : "done");
        assert_string_equal(contents->trials[i].weights_hash, made.result.weights_hash);
    }
    assert_true(contents->trials[1].val_loss == 0.25);
}

static void expect_axes(const aed_contents *contents, int64_t seeds)
{
    static const char *const values[] = {"1", "2", "3", "4"};
    assert_int_equal(contents->axis_count, 2);
    assert_string_equal(contents->axes[0].name, "seed");
    assert_int_equal(contents->axes[0].count, seeds);
    for (int64_t i = 0; i < seeds; i++) assert_string_equal(contents->axes[0].values[i], values[i]);
    assert_string_equal(contents->axes[1].name, "train.loss");
    assert_int_equal(contents->axes[1].count, 1);
    assert_string_equal(contents->axes[1].values[0], "mse");
}

static void test_contents_of_ledger(void **state)
{
    aed_contents contents;
    aed_stored *stored;
    make_run(*state);
    assert_ok(aed_stored_open(*state, &stored));
    assert_ok(aed_contents_of_ledger(stored, &contents));
    assert_int_equal(contents.trial_count, 3);
    expect_common(&contents);
    expect_axes(&contents, 3);
    aed_contents_destroy(&contents);
    aed_stored_close(&stored);
}

static void test_contents_of_results(void **state)
{
    aed_contents contents;
    make_run(*state);
    assert_ok(aed_contents_of_results(fixture_path(*state, "results.h5"), &contents));
    assert_int_equal(contents.trial_count, 4);
    expect_common(&contents);
    expect_axes(&contents, 4);
    assert_string_equal(contents.trials[3].status, "running");
    assert_string_equal(contents.trials[3].weights_hash, "");
    assert_int_equal(contents.origin.schema_version, 1);
    assert_int_equal(contents.origin.ranks, fixture_info.ranks);
    assert_string_equal(contents.origin.command, fixture_info.command);
    assert_string_equal(contents.origin.hosts, fixture_info.hosts);
    assert_string_equal(contents.origin.kernels, fixture_info.kernels);
    assert_string_equal(contents.origin.libraries, fixture_info.libraries);
    assert_string_equal(contents.origin.aedist_version, AED_VERSION);
    aed_contents_destroy(&contents);
}

static void test_contents_of_nothing_yet(void **state)
{
    char *notice;
    aed_run *run;
    aed_stored *stored;
    aed_contents contents;
    assert_ok(aed_run_open(*state, &fixture_info, NULL, 0, &notice, &run));
    assert_ok(aed_run_write_results(run));
    assert_ok(aed_contents_of_results(fixture_path(*state, "results.h5"), &contents));
    assert_int_equal(contents.trial_count, 0);
    assert_int_equal(contents.best, -1);
    assert_null(contents.name);
    aed_contents_destroy(&contents);
    assert_ok(aed_stored_open(*state, &stored));
    assert_ok(aed_contents_of_ledger(stored, &contents));
    assert_int_equal(contents.trial_count + contents.axis_count + contents.tensor_count, 0);
    aed_contents_destroy(&contents);
    aed_stored_close(&stored);
    aed_run_close(&run);
}

static aed_status read_results(void *context)
{
    aed_contents contents;
    const aed_status status = aed_contents_of_results(context, &contents);
    if (status == AED_OK) aed_contents_destroy(&contents);
    return status;
}

/* Whatever a file has become, it is read or refused with its name; a crash of HDF5 is told as damage. */
static void expect_read_or_refused(const char *path)
{
    char copy[512];
    snprintf(copy, sizeof copy, "%s", path);
    const aed_status status = aed_apart(path, 60, read_results, copy);
    if (status == AED_OK) return;
    if (status != AED_DATA && status != AED_MEMORY) fail_msg("%s", aed_status_message());
    assert_non_null(strstr(aed_status_message(), path));
}

static void test_contents_of_damaged_results(void **state)
{
    static unsigned char bytes[MAX_BYTES];
    make_run(*state);
    const char *path = fixture_path(*state, "results.h5");
    char damaged[512];
    snprintf(damaged, sizeof damaged, "%s", fixture_path(*state, "damaged.h5"));
    const size_t size = fixture_read(path, bytes, sizeof bytes);
    for (size_t cut = 0; cut < size; cut += 1 + size / 20) {
        fixture_write(damaged, bytes, cut);
        expect_read_or_refused(damaged);
    }
    for (size_t at = 0; at < size; at += 1 + size / 120) {
        bytes[at] ^= 0xFF;
        fixture_write(damaged, bytes, size);
        expect_read_or_refused(damaged);
        bytes[at] ^= 0xFF;
    }
}

static void test_contents_of_other_files(void **state)
{
    aed_contents contents;
    const char *path = fixture_path(*state, "other.h5");
    assert_int_equal(aed_contents_of_results(path, &contents), AED_DATA);
    fixture_write(path, "text", 4);
    assert_int_equal(aed_contents_of_results(path, &contents), AED_DATA);
    assert_int_equal(aed_contents_of_results(*state, &contents), AED_DATA);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
    assert_int_equal(aed_contents_of_results(path, &contents), AED_DATA);
    assert_non_null(strstr(aed_status_message(), "schema_version"));
}

static aed_status crash(void *context)
{
    (void)context;
    raise(SIGKILL); /* which no sanitizer catches */
    return AED_OK;
}

static aed_status refuse(void *context)
{
    return aed_fail(AED_CONFIG, "%s", (const char *)context);
}

static aed_status go_on_for_ever(void *context)
{
    volatile int *turns = context;
    while (*turns >= 0) *turns = 1;
    return AED_OK;
}

static void test_apart_tells_how_it_ended(void **state)
{
    (void)state;
    assert_int_equal(aed_apart("some/file", 60, crash, NULL), AED_DATA);
    assert_non_null(
        strstr(aed_status_message(), "some/file: is damaged, reading it crashed (Killed)"));
    assert_int_equal(aed_apart("some/file", 60, refuse, "too long"), AED_CONFIG);
    assert_string_equal(aed_status_message(), "too long");
    int turns = 0;
    assert_int_equal(aed_apart("some/file", 1, go_on_for_ever, &turns), AED_DATA);
    assert_non_null(strstr(aed_status_message(), "some/file: is damaged, reading it did not end"));
    assert_int_equal(turns, 0); /* here */
}

static aed_status complain(void *context)
{
    fprintf(stderr, "%s\n", (const char *)context);
    return AED_OK;
}

/* What a sanitizer or the C library reports of a crash belongs to no user. */
static void test_apart_prints_no_errors(void **state)
{
    unsigned char printed[8];
    const char *path = fixture_path(*state, "stderr");
    const int kept = dup(STDERR_FILENO), file = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(kept >= 0 && file >= 0 && dup2(file, STDERR_FILENO) >= 0);
    const aed_status status = aed_apart("some/file", 60, complain, "of the child");
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    close(file);
    assert_int_equal(status, AED_OK);
    assert_int_equal(fixture_read(path, printed, sizeof printed), 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_contents_of_ledger),      CASE(test_contents_of_results),
        CASE(test_contents_of_nothing_yet), CASE(test_contents_of_damaged_results),
        CASE(test_contents_of_other_files), CASE(test_apart_tells_how_it_ended),
        CASE(test_apart_prints_no_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
