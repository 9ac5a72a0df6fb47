/* Splits: what is trained on, held out, or for tests only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "core/memory.h"
#include "unit/data_fixture.h"
#include <cmocka.h>

enum { SAMPLES = 5000, TESTS = 300 };

static aed_status fake_make(const aed_source *source, int64_t epoch, const uint32_t *ids,
                            int64_t count, const aed_rows *rows)
{
    (void)source;
    for (int64_t i = 0; i < count; i++) rows->target[i] = (float)(ids[i] + 10000 * epoch);
    return AED_OK;
}

static const aed_source_ops fake = {.kind = {.name = "fake"}, .make = fake_make};

static aed_source fake_source(int64_t tests, bool fresh)
{
    return (aed_source){.ops = &fake,
                        .samples = SAMPLES,
                        .test_samples = tests,
                        .shape = {1, {1}},
                        .interval = {0, 1e9},
                        .fresh = fresh};
}

static void open_set(const aed_source *source, double holdout, aed_dataset *set)
{
    const aed_dataset_options options = {.holdout = holdout};
    if (aed_dataset_create(source, &options, set) != AED_OK) fail_msg("%s", aed_status_message());
}

static void check_split(const aed_dataset *set, aed_split_kind kind, int64_t samples,
                        uint32_t first, int64_t epoch)
{
    aed_split split;
    assert_int_equal(aed_dataset_split(set, kind, &split), AED_OK);
    assert_int_equal(split.samples, samples);
    assert_int_equal(split.first, first);
    assert_int_equal(split.epoch, epoch);
    assert_null(split.ids);
}

static void test_split_without_more_validates_on_the_training_samples(void **state)
{
    const aed_source source = fake_source(0, false);
    aed_split split;
    aed_dataset set;
    (void)state;
    open_set(&source, 0, &set);
    check_split(&set, AED_SPLIT_TRAIN, SAMPLES, 0, -1);
    check_split(&set, AED_SPLIT_VAL, SAMPLES, 0, -1);
    assert_int_equal(aed_dataset_split(&set, AED_SPLIT_TEST, &split), AED_CONFIG);
    aed_dataset_destroy(&set);
}

static void test_split_validates_on_the_test_samples(void **state)
{
    const aed_source source = fake_source(TESTS, false);
    aed_dataset set;
    float tile[16];
    uint32_t ids[16];
    (void)state;
    open_set(&source, 0, &set);
    assert_int_equal(set.samples, SAMPLES);
    check_split(&set, AED_SPLIT_TRAIN, SAMPLES, 0, -1);
    check_split(&set, AED_SPLIT_VAL, TESTS, SAMPLES, -1);
    check_split(&set, AED_SPLIT_TEST, TESTS, SAMPLES, -1);
    for (uint32_t i = 0; i < 16; i++) ids[i] = SAMPLES + TESTS - 1 - i;
    assert_int_equal(aed_dataset_tile(&set, 3, ids, 16, 1, tile, tile, NULL), AED_OK);
    for (int i = 0; i < 16; i++) assert_true(tile[i] == (float)ids[i]);
    aed_dataset_destroy(&set);
}

static void test_split_of_a_fresh_source_validates_on_epoch_0(void **state)
{
    aed_source source = fake_source(0, true);
    aed_dataset set;
    (void)state;
    open_set(&source, 0, &set);
    check_split(&set, AED_SPLIT_TRAIN, SAMPLES, 0, -1);
    check_split(&set, AED_SPLIT_VAL, SAMPLES, 0, 0);
    aed_dataset_destroy(&set);
    source = fake_source(TESTS, true);
    open_set(&source, 0, &set);
    check_split(&set, AED_SPLIT_VAL, TESTS, SAMPLES, 0);
    check_split(&set, AED_SPLIT_TEST, TESTS, SAMPLES, 0);
    aed_dataset_destroy(&set);
}

/* Every training id is on exactly one side, in order, and the choice looks drawn. */
static void check_holdout(double holdout, int64_t expected)
{
    const aed_source source = fake_source(TESTS, false);
    aed_split train, val;
    aed_dataset set;
    uint8_t seen[SAMPLES] = {0};
    double sum = 0;
    open_set(&source, holdout, &set);
    assert_int_equal(aed_dataset_split(&set, AED_SPLIT_TRAIN, &train), AED_OK);
    assert_int_equal(aed_dataset_split(&set, AED_SPLIT_VAL, &val), AED_OK);
    assert_int_equal(val.samples, expected);
    assert_int_equal(train.samples, SAMPLES - expected);
    assert_int_equal(set.samples, train.samples);
    for (int64_t i = 0; i < train.samples; i++) {
        assert_true(i == 0 || train.ids[i] > train.ids[i - 1]);
        seen[train.ids[i]]++;
    }
    for (int64_t i = 0; i < val.samples; i++) {
        assert_true(i == 0 || val.ids[i] > val.ids[i - 1]);
        seen[val.ids[i]]++;
        sum += val.ids[i];
    }
    for (int i = 0; i < SAMPLES; i++) assert_int_equal(seen[i], 1);
    if (expected >= 100) assert_in_range((int)(sum / (double)expected), 2000, 3000);
    check_split(&set, AED_SPLIT_TEST, TESTS, SAMPLES, -1);
    aed_dataset_destroy(&set);
}

static void test_holdout_divides_the_training_samples(void **state)
{
    (void)state;
    check_holdout(0.1, 500);
    check_holdout(0.25, 1250);
    check_holdout(1, 1);
    check_holdout(700, 700);
    check_holdout(SAMPLES - 1, SAMPLES - 1);
}

static void expect_refusal(const aed_source *source, double holdout, const char *word)
{
    const aed_dataset_options options = {.where = "a.yaml:2:7", .holdout = holdout};
    aed_dataset set;
    assert_int_equal(aed_dataset_create(source, &options, &set), AED_CONFIG);
    assert_null(set.cache);
    if (!strstr(aed_status_message(), "a.yaml:2:7: ") || !strstr(aed_status_message(), word))
        fail_msg("'%s' lacks '%s'", aed_status_message(), word);
}

static void test_holdout_refuses_what_leaves_a_side_empty(void **state)
{
    const aed_source fresh = fake_source(0, true), source = fake_source(TESTS, false);
    (void)state;
    expect_refusal(&source, SAMPLES, "at least one");
    expect_refusal(&source, 1e300, "at least one");
    expect_refusal(&source, 1e-9, "at least one");
    expect_refusal(&source, 0.99999, "at least one");
    expect_refusal(&source, 10.5, "whole number");
    expect_refusal(&source, -0.1, "whole number");
    expect_refusal(&fresh, 0.1, "epoch 0");
}

static void test_create_survives_lack_of_memory(void **state)
{
    const aed_source source = fake_source(0, false);
    const aed_dataset_options options = {.scale.kind = AED_SCALE_BATCH_MAX, .holdout = 0.5};
    aed_status status = AED_MEMORY;
    (void)state;
    for (long n = 1; status != AED_OK; n++) {
        aed_dataset set;
        aed_alloc_fail_after(n);
        status = aed_dataset_create(&source, &options, &set);
        aed_alloc_fail_after(0);
        assert_true(status == AED_OK || status == AED_MEMORY);
        aed_dataset_destroy(&set);
        assert_in_range(n, 1, 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_without_more_validates_on_the_training_samples),
        cmocka_unit_test(test_split_validates_on_the_test_samples),
        cmocka_unit_test(test_split_of_a_fresh_source_validates_on_epoch_0),
        cmocka_unit_test(test_holdout_divides_the_training_samples),
        cmocka_unit_test(test_holdout_refuses_what_leaves_a_side_empty),
        cmocka_unit_test(test_create_survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
