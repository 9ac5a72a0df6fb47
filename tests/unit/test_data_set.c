/* The table of sources, data sets and their tiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "core/memory.h"
#include "data/rows_cache.h"
#include "unit/data_fixture.h"
#include <cmocka.h>

enum { MOST_FEATURES = 800, MOST_LANES = 64 };

static void test_find_knows_every_row_of_the_table(void **state)
{
    static const char *const names[] = {"bezier", "signal", "linear_mix", "glyphs", "idx", "hdf5"};
    int count;
    const aed_source_ops *const *table = aed_source_table(&count);
    (void)state;
    assert_int_equal(count, sizeof names / sizeof *names);
    for (int i = 0; i < count; i++) {
        assert_ptr_equal(aed_source_find(table[i]->kind.name), table[i]);
        assert_non_null(aed_source_find(names[i]));
        assert_true(table[i]->kind.arg_count <= FIXTURE_ARGS);
        for (int a = 0; a < table[i]->kind.arg_count; a++)
            assert_true(strlen(table[i]->kind.args[a].help) > 0);
    }
    assert_null(aed_source_find("besier"));
}

static void test_source_create_refuses_more_than_memory(void **state)
{
    fixture f;
    (void)state;
    fixture_start(&f, "bezier");
    fixture_number(&f, "samples", 4294967295.0);
    fixture_number(&f, "points", 65536);
    assert_true(fixture_fails(&f, AED_CONFIG, "4294967295 samples of 65536", "1048576.0 GiB"));
}

/* A number that tells sample, feature and block apart. */
static float mark(int64_t sample, int64_t feature, int block)
{
    return (float)(sample * 1000 + feature) + 0.5f * (float)block;
}

static void make_arrays(int64_t samples, int64_t features, float **target, float **input)
{
    *target = aed_alloc((size_t)(samples * features), sizeof(float));
    *input = aed_alloc((size_t)(samples * features), sizeof(float));
    assert_true(*target && *input);
    for (int64_t s = 0; s < samples; s++)
        for (int64_t f = 0; f < features; f++) {
            (*target)[s * features + f] = mark(s, f, 0);
            (*input)[s * features + f] = mark(s, f, 1);
        }
}

static void check_tile(const aed_dataset *dataset, int lanes, int input_block)
{
    static float target[MOST_FEATURES * MOST_LANES + 1], input[MOST_FEATURES * MOST_LANES + 1];
    uint32_t ids[MOST_LANES];
    int32_t labels[MOST_LANES];
    const int64_t count = dataset->features * lanes;
    for (int lane = 0; lane < lanes; lane++)
        ids[lane] = (uint32_t)(lane * 7 + 3) % (uint32_t)dataset->samples;
    target[count] = input[count] = -1;
    assert_int_equal(aed_dataset_tile(dataset, 4, ids, lanes, 1, target, input, labels), AED_OK);
    for (int64_t f = 0; f < dataset->features; f++)
        for (int lane = 0; lane < lanes; lane++) {
            assert_int_equal(labels[lane], ids[lane] % 10);
            assert_true(target[f * lanes + lane] == mark(ids[lane], f, 0));
            assert_true(input[f * lanes + lane] == mark(ids[lane], f, input_block));
        }
    assert_true(target[count] == -1 && input[count] == -1);

    /* One buffer gets the targets. */
    memset(input, 0, sizeof input);
    assert_int_equal(aed_dataset_tile(dataset, 4, ids, lanes, 1, input, input, NULL), AED_OK);
    assert_memory_equal(input, target, (size_t)count * sizeof(float));
}

static void test_tile_transposes_every_size(void **state)
{
    static const int64_t features[] = {1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 48, 49, 784};
    static const int lanes[] = {16, 32, 48, 64};
    (void)state;
    for (size_t i = 0; i < sizeof features / sizeof *features; i++)
        for (int own_input = 0; own_input < 2; own_input++) {
            float *target, *input;
            int32_t labels[50];
            aed_dataset dataset;
            make_arrays(50, features[i], &target, &input);
            for (int s = 0; s < 50; s++) labels[s] = s % 10;
            assert_int_equal(aed_dataset_from_arrays(50, features[i], target,
                                                     own_input ? input : NULL, labels, 10,
                                                     &dataset),
                             AED_OK);
            assert_int_equal(dataset.classes, 10);
            memset(target, 0, sizeof(float)); /* the set has copies */
            memset(labels, 0, sizeof labels);
            aed_free(target);
            aed_free(input);
            for (size_t l = 0; l < sizeof lanes / sizeof *lanes; l++)
                check_tile(&dataset, lanes[l], own_input);
            aed_dataset_destroy(&dataset);
        }
}

static void test_tile_of_a_fresh_source_is_what_it_makes(void **state)
{
    enum { LANES = 32, VALID = 21, FEATURES = 2 * 12 };
    static const char *const functions[2] = {"cos(x)", "sin(x^2)"};
    float target[FEATURES * LANES], input[FEATURES * LANES], made[FEATURES], noisy[FEATURES];
    uint32_t ids[LANES];
    fixture f;
    aed_source source;
    aed_dataset dataset;
    (void)state;
    fixture_start(&f, "signal");
    fixture_strings(&f, "functions", 2, functions);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    assert_int_equal(aed_dataset_create(&source, NULL, &dataset), AED_OK);
    assert_true(!dataset.cache->kept && dataset.own_input);
    for (uint32_t lane = 0; lane < LANES; lane++)
        ids[lane] = lane < VALID ? 100 - 3 * lane : 100 - 3 * (VALID - 1);
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        assert_int_equal(aed_dataset_tile(&dataset, epoch, ids, LANES, 1, target, input, NULL),
                         AED_OK);
        for (int lane = 0; lane < LANES; lane++) {
            assert_int_equal(source.ops->make(&source, epoch, ids + lane, 1,
                                              &(aed_rows){.target = made, .input = noisy}),
                             AED_OK);
            for (int i = 0; i < FEATURES; i++) {
                assert_true(target[i * LANES + lane] == made[i]);
                assert_true(input[i * LANES + lane] == noisy[i]);
            }
        }
    }
    aed_dataset_destroy(&dataset);
    aed_source_destroy(&source);
}

static void test_tile_passes_on_a_source_failure(void **state)
{
    static const char *const functions[1] = {"sqrt(x)"};
    float target[12 * 16], input[12 * 16];
    uint32_t ids[16];
    fixture f;
    aed_source source;
    aed_dataset dataset;
    (void)state;
    for (uint32_t i = 0; i < 16; i++) ids[i] = i;
    fixture_start(&f, "signal");
    fixture_strings(&f, "functions", 1, functions);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    assert_int_equal(aed_dataset_create(&source, NULL, &dataset), AED_OK);
    assert_int_equal(aed_dataset_tile(&dataset, 0, ids, 16, 1, target, input, NULL), AED_DATA);
    aed_dataset_destroy(&dataset);
    aed_source_destroy(&source);
}

static void test_tile_refuses_too_many_lanes(void **state)
{
    const float value = 1;
    const uint32_t id = 0;
    float tile;
    aed_dataset dataset;
    (void)state;
    assert_int_equal(aed_dataset_from_arrays(1, 1, &value, NULL, NULL, 0, &dataset), AED_OK);
    assert_int_equal(aed_dataset_tile(&dataset, 0, &id, 65, 1, &tile, &tile, NULL), AED_INTERNAL);
    aed_dataset_destroy(&dataset);
}

static void test_create_holds_every_sample(void **state)
{
    enum { COUNT = 2500 }; /* more than one block of the source's make */
    fixture f;
    aed_source source;
    aed_dataset dataset;
    (void)state;
    fixture_start(&f, "bezier");
    fixture_number(&f, "samples", COUNT);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    assert_int_equal(aed_dataset_create(&source, NULL, &dataset), AED_OK);
    assert_int_equal(dataset.samples, COUNT);
    assert_true(dataset.cache->kept && !dataset.own_input);
    for (uint32_t id = 0; id < COUNT; id++) {
        float curve[15];
        assert_int_equal(source.ops->make(&source, 0, &id, 1, &(aed_rows){.target = curve}),
                         AED_OK);
        assert_memory_equal(curve, dataset.cache->rows.target + id * 15, sizeof curve);
    }
    aed_dataset_destroy(&dataset);
    aed_dataset_destroy(&dataset);
    aed_dataset_destroy(NULL);
    aed_source_destroy(&source);
    aed_source_destroy(&source);
}

static void test_from_arrays_refuses_impossible_sizes(void **state)
{
    const float value = 0;
    const int32_t label = 0;
    aed_dataset dataset;
    (void)state;
    assert_int_equal(aed_dataset_from_arrays(0, 1, &value, NULL, NULL, 0, &dataset), AED_DATA);
    assert_int_equal(aed_dataset_from_arrays(1, 0, &value, NULL, NULL, 0, &dataset), AED_DATA);
    assert_int_equal(aed_dataset_from_arrays(INT64_C(1) << 32, 1, &value, NULL, NULL, 0, &dataset),
                     AED_DATA);
    assert_int_equal(
        aed_dataset_from_arrays(UINT32_MAX, INT32_MAX, &value, NULL, NULL, 0, &dataset),
        AED_MEMORY);
    for (long n = 1; n <= 4; n++) {
        aed_alloc_fail_after(n);
        assert_int_equal(aed_dataset_from_arrays(1, 1, &value, &value, &label, 1, &dataset),
                         AED_MEMORY);
    }
    aed_alloc_fail_after(0);
    assert_int_equal(aed_dataset_from_arrays(1, 1, &value, &value, &label, 0, &dataset), AED_DATA);
    assert_non_null(strstr(aed_status_message(), "label 0 of sample 0"));
    assert_null(dataset.cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_knows_every_row_of_the_table),
        cmocka_unit_test(test_source_create_refuses_more_than_memory),
        cmocka_unit_test(test_tile_transposes_every_size),
        cmocka_unit_test(test_tile_of_a_fresh_source_is_what_it_makes),
        cmocka_unit_test(test_tile_passes_on_a_source_failure),
        cmocka_unit_test(test_tile_refuses_too_many_lanes),
        cmocka_unit_test(test_create_holds_every_sample),
        cmocka_unit_test(test_from_arrays_refuses_impossible_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
