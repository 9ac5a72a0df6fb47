/* Uniform numbers, mixed and unmixed: values, statistics, intervals and refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "aedist/rng.h"
#include "data/rows_cache.h"
#include "unit/data_fixture.h"

static const double article_mix[4] = {1, 1, 0.5, 1.5};

static void test_make_multiplies_by_the_matrix(void **state)
{
    enum { COUNT = 100 };
    const aed_rng_key key = aed_rng_key_make(1, "data/linear_mix", 0);
    float mixed[COUNT * 3], alone[3];
    static const double mix[6] = {1, 2, -3, 0.5, 0, 4};
    uint32_t ids[COUNT];
    fixture f;
    aed_source source;
    (void)state;
    fixture_start(&f, "linear_mix");
    fixture_number(&f, "seed", 1);
    fixture_numbers(&f, "mix", 3, 6, mix);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    assert_int_equal(source.samples, COUNT);
    assert_int_equal(source.shape.rank, 1);
    assert_int_equal(source.shape.size[0], 3);
    for (uint32_t i = 0; i < COUNT; i++) ids[i] = COUNT - 1 - i;
    assert_int_equal(source.ops->make(&source, 0, ids, COUNT, &(aed_rows){.target = mixed}),
                     AED_OK);
    for (uint32_t i = 0; i < COUNT; i++) {
        const double u = aed_rng_uniform(key, ids[i], 0), v = aed_rng_uniform(key, ids[i], 1);
        assert_int_equal(source.ops->make(&source, 5, ids + i, 1, &(aed_rows){.target = alone}),
                         AED_OK);
        assert_memory_equal(alone, mixed + 3 * i, sizeof alone);
        assert_true(fabs(alone[0] - (u + 2 * v)) < 1e-6);
        assert_true(fabs(alone[1] - (0.5 * v - 3 * u)) < 1e-6);
        assert_true(fabs(alone[2] - 4 * v) < 1e-6);
    }
    aed_source_destroy(&source);
}

static void test_make_unmixed_is_uniform(void **state)
{
    enum { COUNT = 20000, FEATURES = 4 };
    fixture f;
    aed_source source;
    aed_dataset dataset;
    double sum[FEATURES] = {0}, squares[FEATURES] = {0}, cross = 0;
    (void)state;
    fixture_start(&f, "linear_mix");
    fixture_number(&f, "features", FEATURES);
    fixture_number(&f, "samples", COUNT);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    assert_true(source.interval.lo == 0 && source.interval.hi == 1);
    assert_int_equal(aed_dataset_create(&source, NULL, &dataset), AED_OK);
    for (int i = 0; i < COUNT; i++) {
        const float *u = dataset.cache->rows.target + i * FEATURES;
        for (int j = 0; j < FEATURES; j++) {
            assert_true(u[j] >= 0 && u[j] <= 1);
            sum[j] += u[j];
            squares[j] += u[j] * u[j];
        }
        cross += (u[0] - 0.5) * (u[1] - 0.5);
    }
    for (int j = 0; j < FEATURES; j++) {
        assert_true(fabs(sum[j] / COUNT - 0.5) < 0.01);
        assert_true(fabs(squares[j] / COUNT - 1 / 3.0) < 0.01);
    }
    assert_true(fabs(cross / COUNT) < 5 / 12.0 / sqrt(COUNT));
    aed_dataset_destroy(&dataset);
    aed_source_destroy(&source);
}

static void test_create_finds_the_interval(void **state)
{
    static const double mix[4] = {1, -2, 0.5, 1.5};
    fixture f;
    aed_source source;
    (void)state;
    fixture_start(&f, "linear_mix");
    fixture_numbers(&f, "mix", 2, 4, mix);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    assert_true(source.interval.lo == -2 && source.interval.hi == 2);
    aed_source_destroy(&source);
    fixture_numbers(&f, "mix", 2, 4, article_mix);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    assert_true(source.interval.lo == 0 && source.interval.hi == 2);
    aed_source_destroy(&source);
}

static void test_create_refuses_missing_or_contradictory_sizes(void **state)
{
    static const double huge[2] = {1e308, 1e308};
    fixture f;
    (void)state;
    fixture_start(&f, "linear_mix");
    assert_true(fixture_fails(&f, AED_CONFIG, "'features'", "'mix'"));
    fixture_numbers(&f, "mix", 2, 4, article_mix);
    fixture_number(&f, "features", 3);
    assert_true(fixture_fails(&f, AED_CONFIG, "is 3", "2 columns"));
    fixture_number(&f, "features", 0);
    fixture_numbers(&f, "mix", 3, 4, article_mix);
    assert_true(fixture_fails(&f, AED_CONFIG, "'mix'", "equally long"));
    fixture_numbers(&f, "mix", 1, 2, huge);
    assert_true(fixture_fails(&f, AED_CONFIG, "'mix'", "float"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make_multiplies_by_the_matrix),
        cmocka_unit_test(test_make_unmixed_is_uniform),
        cmocka_unit_test(test_create_finds_the_interval),
        cmocka_unit_test(test_create_refuses_missing_or_contradictory_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
