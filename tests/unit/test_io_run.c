/* A run's folder: made, locked, refused, resumed; and results.h5 read back with HDF5 itself. */
#include "test_io_fixture.h"

#include <hdf5.h>
#include <hdf5_hl.h>
#include <signal.h>
#include <sys/resource.h>

#include "core/memory.h"

static aed_run *open_run(const char *folder, const aed_planned_trial *planned, int64_t count)
{
    char *notice;
    aed_run *run;
    aed_status status = aed_run_open(folder, &fixture_info, planned, count, &notice, &run);
    if (status != AED_OK) fail_msg("%s", aed_status_message());
    assert_null(notice);
    assert_ok(aed_run_write_config(run, "seed: 1\n"));
    return run;
}

/* ---- Reading results.h5 -------------------------------------------------------------------- */

static hid_t open_results(const char *folder)
{
    hid_t file = H5Fopen(fixture_path(folder, "results.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    return file;
}

static void check_length(hid_t dataset, hsize_t expected)
{
    hid_t space = H5Dget_space(dataset);
    assert_int_equal(H5Sget_simple_extent_npoints(space), expected);
    H5Sclose(space);
}

static void read_numbers(hid_t file, const char *name, hsize_t count, double *values)
{
    hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    if (dataset < 0) fail_msg("no %s", name);
    check_length(dataset, count);
    assert_true(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(dataset);
}

static void check_texts(hid_t file, const char *name, hsize_t count, const char *const *expected)
{
    hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    if (dataset < 0) fail_msg("no %s", name);
    check_length(dataset, count);
    hid_t type = H5Dget_type(dataset);
    hid_t space = H5Dget_space(dataset);
    assert_int_equal(H5Tget_cset(type), H5T_CSET_UTF8);
    assert_true(H5Tis_variable_str(type) > 0);
    char *texts[8] = {0};
    assert_true(count <= 8);
    assert_true(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts) >= 0);
    for (hsize_t i = 0; i < count; i++) assert_string_equal(texts[i], expected[i]);
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, texts);
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(dataset);
}

static void check_text_attribute(hid_t file, const char *object, const char *name,
                                 const char *expected)
{
    hid_t attribute = H5Aopen_by_name(file, object, name, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0) fail_msg("no attribute %s of %s", name, object);
    hid_t type = H5Aget_type(attribute);
    char *text = NULL;
    assert_true(H5Tis_variable_str(type) > 0);
    assert_true(H5Aread(attribute, type, &text) >= 0);
    assert_string_equal(text, expected);
    H5free_memory(text);
    H5Tclose(type);
    H5Aclose(attribute);
}

static double number_attribute(hid_t file, const char *object, const char *name)
{
    double value = NAN;
    hid_t attribute = H5Aopen_by_name(file, object, name, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0) fail_msg("no attribute %s of %s", name, object);
    assert_true(H5Aread(attribute, H5T_NATIVE_DOUBLE, &value) >= 0);
    H5Aclose(attribute);
    return value;
}

/* ---- results.h5 ---------------------------------------------------------------------------- */

static void test_write_results_done_running_pending_and_unplanned(void **state)
{
    fixture_result made[4];
    aed_planned_trial planned[3];
    for (int i = 0; i < 4; i++) fixture_result_make(i + 1, &made[i]);
    /* Planned 3, 2, 1; 4 is of an earlier plan; 2 runs; 1 is pending. */
    for (int i = 0; i < 3; i++) planned[i] = fixture_planned(&made[2 - i]);
    aed_run *run = open_run(*state, planned, 3);
    made[3].result.status = "failed";
    made[3].result.reason = "step 7: layer decoder.0 is not finite";
    assert_ok(aed_run_append(run, &made[3].result));
    assert_ok(aed_run_append(run, &made[2].result));
    assert_ok(aed_run_set_running(run, made[1].result.id, true));
    assert_ok(aed_run_write_results(run));

    hid_t file = open_results(*state);
    check_text_attribute(file, "/", "aedist_version", AED_VERSION);
    check_text_attribute(file, "/", "config", fixture_info.config);
    check_text_attribute(file, "/", "hosts", "n1,n2");
    assert_true(number_attribute(file, "/", "schema_version") == 1.0);
    assert_true(number_attribute(file, "/", "ranks") == 2.0);

    const char *ids[] = {made[2].result.id, made[1].result.id, made[0].result.id,
                         made[3].result.id};
    check_texts(file, "/summary/trial", 4, ids);
    check_texts(file, "/summary/status", 4,
                (const char *[]){"done", "running", "pending", "failed"});
    check_texts(file, "/summary/train.loss", 4, (const char *[]){"mse", "mse", "mse", "mse"});
    check_texts(file, "/summary/weights_hash", 4,
                (const char *[]){made[2].result.weights_hash, "", "", made[3].result.weights_hash});
    double values[8];
    read_numbers(file, "/summary/seed", 4, values);
    assert_true(values[0] == 3 && values[1] == 2 && values[2] == 1 && values[3] == 4);
    read_numbers(file, "/summary/epochs", 4, values);
    assert_true(values[0] == 3 && values[1] == 0 && values[2] == 0 && values[3] == 3);
    read_numbers(file, "/summary/train_loss_final", 4, values);
    assert_true(values[0] == 3 + 1.0 / 3 && isnan(values[1]) && values[3] == 4 + 1.0 / 3);
    read_numbers(file, "/summary/val_loss_final", 4, values);
    assert_true(values[0] == 4.0);
    read_numbers(file, "/summary/val_loss_best", 4, values); /* a NaN in the middle */
    assert_true(values[0] == 3.0 && isnan(values[2]));
    read_numbers(file, "/summary/seconds", 4, values);
    assert_true(values[0] == 1.5 && isnan(values[1]));
    read_numbers(file, "/sweep/seed", 4, values);
    assert_true(values[0] == 3 && values[3] == 4);
    check_texts(file, "/sweep/train.loss", 1, (const char *[]){"mse"});
    H5Fclose(file);
    aed_run_close(&run);
}

/* The terms of a loss are columns of their own, lr and the like are none. */
static void test_write_results_terms_of_a_loss(void **state)
{
    static const char *const columns[] = {"epoch", "skill", "val_l1", "lr"};
    fixture_result made;
    fixture_result_make(1, &made);
    made.result.metrics.names = columns;
    aed_run *run = open_run(*state, NULL, 0);
    assert_ok(aed_run_append(run, &made.result));
    assert_ok(aed_run_write_results(run));
    hid_t file = open_results(*state);
    double value;
    read_numbers(file, "/summary/skill_final", 1, &value);
    assert_true(value == 1 + 1.0 / 3);
    read_numbers(file, "/summary/skill_best", 1, &value); /* the largest, of losses the least */
    assert_true(value == 2.0);
    read_numbers(file, "/summary/val_l1_final", 1, &value);
    assert_true(value == 2.0);
    read_numbers(file, "/summary/val_l1_best", 1, &value);
    assert_true(value == 1.0);
    assert_true(H5Lexists(file, "/summary/lr_final", H5P_DEFAULT) == 0);
    H5Fclose(file);
    aed_run_close(&run);
}

static void test_write_results_trial_group(void **state)
{
    fixture_result made;
    fixture_result_make(5, &made);
    made.result.status = "failed";
    made.result.reason = "step 7";
    aed_run *run = open_run(*state, NULL, 0);
    assert_ok(aed_run_append(run, &made.result));
    assert_ok(aed_run_write_results(run));

    hid_t file = open_results(*state);
    hid_t trials = H5Gopen2(file, "trials", H5P_DEFAULT);
    const char *id = made.result.id;
    check_text_attribute(trials, id, "status", "failed");
    check_text_attribute(trials, id, "reason", "step 7");
    check_text_attribute(trials, id, "config", "seed: 1\n");
    check_text_attribute(trials, id, "weights_hash", made.result.weights_hash);
    assert_true(number_attribute(trials, id, "seed") == 5.0);
    hid_t trial = H5Gopen2(trials, id, H5P_DEFAULT);
    assert_true(number_attribute(trial, "analysis", "tile") == 32.0);
    assert_true(number_attribute(trial, "analysis", "pca_floor") == 0.125);
    double values[8];
    read_numbers(trial, "metrics/val_loss", 3, values);
    assert_true(values[0] == 5.0 && isnan(values[1]) && values[2] == 6.0);
    read_numbers(trial, "metrics/epoch", 3, values);
    assert_true(values[0] == 1.0 && values[2] == 3.0);
    read_numbers(trial, "parameters/encoder.0.weight", 6, values);
    assert_true(values[0] == 500.0 && values[5] == 505.0);
    read_numbers(trial, "parameters/encoder.0.bias", 2, values);
    assert_true(values[0] == 516.0);

    hid_t scale = H5Dopen2(trial, "metrics/epoch", H5P_DEFAULT);
    hid_t column = H5Dopen2(trial, "metrics/val_loss", H5P_DEFAULT);
    hid_t weight = H5Dopen2(trial, "parameters/encoder.0.weight", H5P_DEFAULT);
    hid_t type = H5Dget_type(scale);
    assert_true(H5Tequal(type, H5T_STD_I64LE) > 0);
    assert_true(H5DSis_scale(scale) > 0);
    assert_true(H5DSis_attached(column, scale, 0) > 0);
    hid_t space = H5Dget_space(weight);
    hsize_t size[2];
    assert_int_equal(H5Sget_simple_extent_dims(space, size, NULL), 2);
    assert_true(size[0] == 2 && size[1] == 3);
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(weight);
    H5Dclose(column);
    H5Dclose(scale);
    H5Gclose(trial);
    H5Gclose(trials);
    H5Fclose(file);
    aed_run_close(&run);
}

static void test_write_results_no_trials(void **state)
{
    aed_run *run = open_run(*state, NULL, 0);
    assert_ok(aed_run_write_results(run));
    hid_t file = open_results(*state);
    double none[1];
    read_numbers(file, "/summary/seed", 0, none);
    read_numbers(file, "/summary/val_loss_best", 0, none);
    check_texts(file, "/summary/trial", 0, NULL);
    H5Fclose(file);
    aed_run_close(&run);
}

static void test_write_results_trial_without_content(void **state)
{
    aed_trial_result empty = {.id = "t0", .status = "failed", .reason = "step 1"};
    aed_run *run = open_run(*state, NULL, 0);
    assert_ok(aed_run_append(run, &empty));
    assert_ok(aed_run_write_results(run));
    hid_t file = open_results(*state);
    check_text_attribute(file, "/trials/t0", "config", "");
    assert_true(H5Lexists(file, "/trials/t0/parameters", H5P_DEFAULT) == 0);
    H5Fclose(file);
    aed_run_close(&run);
}

/* An axis whose name would be a path, and one that is named as a column of ours. */
static void test_write_results_awkward_axes(void **state)
{
    fixture_result made;
    fixture_result_make(1, &made);
    made.settings[0].axis = "data/path";
    made.settings[1].axis = "status";
    aed_planned_trial planned = fixture_planned(&made);
    aed_run *run = open_run(*state, &planned, 1);
    assert_ok(aed_run_write_results(run));
    hid_t file = open_results(*state);
    double value;
    read_numbers(file, "/summary/data_path", 1, &value);
    assert_true(value == 1.0);
    check_texts(file, "/summary/status", 1, (const char *[]){"pending"});
    check_texts(file, "/sweep/status", 1, (const char *[]){"mse"});
    H5Fclose(file);
    aed_run_close(&run);
}

enum { MANY = 300 };

static void test_write_results_many_trials(void **state)
{
    static fixture_result made[MANY];
    static aed_planned_trial planned[MANY];
    for (int i = 0; i < MANY; i++) {
        fixture_result_make(i, &made[i]);
        planned[i] = fixture_planned(&made[i]);
    }
    aed_run *run = open_run(*state, planned, MANY);
    for (int i = 0; i < MANY; i++) { /* ended in another order than planned */
        assert_ok(aed_run_append(run, &made[i * 7 % MANY].result));
    }
    aed_run_close(&run);
    run = open_run(*state, planned, MANY);
    for (int i = 0; i < MANY; i++) {
        const aed_trial_result *found = aed_run_find(run, made[i].result.id);
        assert_non_null(found);
        assert_string_equal(found->weights_hash, made[i].result.weights_hash);
    }
    assert_null(aed_run_find(run, "t"));
    assert_null(aed_run_find(run, "u"));
    assert_ok(aed_run_write_results(run));
    aed_run_close(&run);
    hid_t file = open_results(*state);
    static double values[MANY];
    read_numbers(file, "/summary/train_loss_final", MANY, values);
    for (int i = 0; i < MANY; i++) assert_true(values[i] == i + 1.0 / 3);
    H5G_info_t info;
    assert_true(H5Gget_info_by_name(file, "/trials", &info, H5P_DEFAULT) >= 0);
    assert_int_equal(info.nlinks, MANY);
    H5Fclose(file);
    struct stat size;
    assert_int_equal(stat(fixture_path(*state, "results.h5"), &size), 0);
    assert_in_range(size.st_size / MANY, 1, 7168);
}

/* ---- The folder ---------------------------------------------------------------------------- */

static void test_run_open_makes_parents_and_files(void **state)
{
    const char *folder = fixture_path(*state, "a/b//c/");
    aed_run *run = open_run(folder, NULL, 0);
    aed_log_field field = {.key = "ranks", .number = 2};
    assert_ok(aed_run_log(run, "start", &field, 1));
    aed_run_close(&run);
    assert_null(run);
    unsigned char text[32] = {0};
    fixture_read(fixture_path(*state, "a/b/c/config.yaml"), text, sizeof text);
    assert_string_equal((char *)text, "seed: 1\n");
    assert_true(fixture_exists(fixture_path(*state, "a/b/c/ledger")));
    assert_true(fixture_exists(fixture_path(*state, "a/b/c/log.jsonl")));
    assert_false(fixture_exists(fixture_path(*state, "a/b/c/config.yaml.tmp")));
}

static void test_run_append_replaces_an_earlier_result(void **state)
{
    fixture_result made;
    fixture_result_make(1, &made);
    aed_run *run = open_run(*state, NULL, 0);
    made.result.status = "failed";
    assert_ok(aed_run_append(run, &made.result));
    made.result.status = "done";
    assert_ok(aed_run_append(run, &made.result));
    assert_string_equal(aed_run_find(run, made.result.id)->status, "done");
    aed_run_close(&run);
    run = open_run(*state, NULL, 0);
    assert_string_equal(aed_run_find(run, made.result.id)->status, "done");
    assert_ok(aed_run_write_results(run));
    hid_t file = open_results(*state);
    check_texts(file, "/summary/status", 1, (const char *[]){"done"});
    H5Fclose(file);
    aed_run_close(&run);
}

static aed_status try_open(const char *folder)
{
    char *notice;
    aed_run *run;
    aed_status status = aed_run_open(folder, &fixture_info, NULL, 0, &notice, &run);
    assert_true((status == AED_OK) == (run != NULL));
    free(notice);
    aed_run_close(&run);
    return status;
}

static void test_run_open_second_job_refused(void **state)
{
    aed_run *run = open_run(*state, NULL, 0);
    assert_int_equal(try_open(*state), AED_DATA);
    assert_non_null(strstr(aed_status_message(), "another aedist job"));
    unsigned char text[32] = {0}; /* and touched nothing */
    fixture_read(fixture_path(*state, "config.yaml"), text, sizeof text);
    assert_string_equal((char *)text, "seed: 1\n");
    aed_run_close(&run);
    assert_int_equal(try_open(*state), AED_OK);
}

static void test_run_open_other_folder_refused(void **state)
{
    fixture_write(fixture_path(*state, "thesis.tex"), "x", 1);
    assert_int_equal(try_open(*state), AED_DATA);
    assert_non_null(strstr(aed_status_message(), "other than a run"));
    assert_false(fixture_exists(fixture_path(*state, "ledger")));
    assert_int_equal(try_open(""), AED_DATA);
}

static void test_run_open_unwritable(void **state)
{
    fixture_write(fixture_path(*state, "file"), "x", 1);
    assert_int_equal(try_open(fixture_path(*state, "file")), AED_DATA);
    assert_non_null(strstr(aed_status_message(), "file: cannot create the folder"));
    assert_int_equal(try_open(fixture_path(*state, "file/below")), AED_DATA);
    assert_int_equal(try_open("/proc/aedist"), AED_DATA);
    assert_non_null(strstr(aed_status_message(), "/proc/aedist"));
    if (geteuid() != 0) { /* root may write anywhere */
        const char *folder = fixture_path(*state, "closed");
        assert_int_equal(mkdir(folder, 0500), 0);
        assert_int_equal(try_open(folder), AED_DATA);
        assert_non_null(strstr(aed_status_message(), "may write to"));
    }
}

static void test_run_open_torn_ledger_is_told(void **state)
{
    fixture_result made;
    fixture_result_make(1, &made);
    aed_run *run = open_run(*state, NULL, 0);
    assert_ok(aed_run_append(run, &made.result));
    aed_run_close(&run);
    struct stat info;
    const char *path = fixture_path(*state, "ledger");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(truncate(path, info.st_size - 3), 0);
    char *notice;
    assert_ok(aed_run_open(*state, &fixture_info, NULL, 0, &notice, &run));
    assert_non_null(notice);
    free(notice);
    assert_null(aed_run_find(run, made.result.id));
    aed_run_close(&run);
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Every size of a full disk: the old results.h5 stays, whole, and no temporary is left. */
static void test_write_results_full_disk(void **state)
{
    signal(SIGXFSZ, SIG_IGN);
    fixture_result made[2];
    aed_run *run = open_run(*state, NULL, 0);
    fixture_result_make(1, &made[0]);
    fixture_result_make(2, &made[1]);
    assert_ok(aed_run_append(run, &made[0].result));
    assert_ok(aed_run_write_results(run));
    assert_ok(aed_run_append(run, &made[1].result));
    for (rlim_t room = 0; room < 8192; room += 1000) {
        limit_file_size(room);
        aed_status status = aed_run_write_results(run);
        limit_file_size(RLIM_INFINITY);
        assert_int_equal(status, AED_DATA);
        assert_non_null(strstr(aed_status_message(), "results.h5.tmp: cannot write"));
        assert_false(fixture_exists(fixture_path(*state, "results.h5.tmp")));
        hid_t file = open_results(*state);
        check_texts(file, "/summary/trial", 1, (const char *[]){made[0].result.id});
        H5Fclose(file);
    }
    assert_ok(aed_run_write_results(run));
    aed_run_close(&run);
}

/* Each allocation in turn fails: a status says so, nothing leaks, the ledger stays whole. */
static void test_run_out_of_memory(void **state)
{
    fixture_result made;
    fixture_result_make(1, &made);
    aed_planned_trial planned = fixture_planned(&made);
    bool went_well = false;
    for (long n = 1; n < 2000 && !went_well; n++) {
        char *notice = NULL;
        aed_run *run = NULL;
        unlink(fixture_path(*state, "ledger")); /* or each round had more to read */
        fixture_write(fixture_path(*state, "ledger"), "", 0);
        aed_alloc_fail_after(n);
        aed_status status = aed_run_open(*state, &fixture_info, &planned, 1, &notice, &run);
        if (status == AED_OK) status = aed_run_append(run, &made.result);
        if (status == AED_OK) status = aed_run_write_results(run);
        if (status == AED_OK) status = aed_run_log(run, "end", NULL, 0);
        aed_alloc_fail_after(0);
        if (status != AED_OK && status != AED_MEMORY) fail_msg("%s", aed_status_message());
        went_well = status == AED_OK;
        assert_null(notice);
        aed_run_close(&run);
    }
    assert_true(went_well);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_write_results_done_running_pending_and_unplanned),
        WITH_FOLDER(test_write_results_terms_of_a_loss),
        WITH_FOLDER(test_write_results_trial_group),
        WITH_FOLDER(test_write_results_no_trials),
        WITH_FOLDER(test_write_results_trial_without_content),
        WITH_FOLDER(test_write_results_awkward_axes),
        WITH_FOLDER(test_write_results_many_trials),
        WITH_FOLDER(test_write_results_full_disk),
        WITH_FOLDER(test_run_open_makes_parents_and_files),
        WITH_FOLDER(test_run_append_replaces_an_earlier_result),
        WITH_FOLDER(test_run_open_second_job_refused),
        WITH_FOLDER(test_run_open_other_folder_refused),
        WITH_FOLDER(test_run_open_unwritable),
        WITH_FOLDER(test_run_open_torn_ledger_is_told),
        WITH_FOLDER(test_run_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
