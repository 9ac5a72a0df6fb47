/* Bezier curves against an independent computation, their windows and their statistics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "aedist/rng.h"
#include "core/memory.h"
#include "data/rows_cache.h"
#include "unit/data_fixture.h"

enum { POINTS = 15, WINDOW = 7 };

static void start_source(double window, double seed, aed_source *source)
{
    fixture f;
    fixture_start(&f, "bezier");
    fixture_number(&f, "window", window);
    fixture_number(&f, "seed", seed);
    assert_int_equal(aed_source_create(&f.spec, source), AED_OK);
}

static void make(const aed_source *source, uint32_t first, int64_t count, float *target)
{
    uint32_t ids[4096];
    assert_in_range(count, 1, 4096);
    for (int64_t i = 0; i < count; i++) ids[i] = first + (uint32_t)i;
    assert_int_equal(source->ops->make(source, 0, ids, count, &(aed_rows){.target = target}),
                     AED_OK);
}

/* y at the drawn point nearest to x, by searching all of them. */
static double nearest_y(double x, double p1, double p2)
{
    double best = INFINITY, y = 0;
    for (int k = 0; k < 10 * POINTS; k++) {
        const double t = k / (10.0 * POINTS - 1), s = 1 - t;
        const double bx = 1.5 * s * s * t + 1.5 * s * t * t + t * t * t;
        /* Ties (x = 1/2) are decided by the last bit; the first point is meant. */
        if (fabs(bx - x) < best - 1e-12) {
            best = fabs(bx - x);
            y = 3 * s * s * t * p1 + 3 * s * t * t * p2;
        }
    }
    return y;
}

static void test_make_draws_the_defined_curves(void **state)
{
    enum { CURVES = 200 };
    static float curves[CURVES * POINTS];
    const aed_rng_key key = aed_rng_key_make(22, "data/bezier", 0);
    aed_source source;
    double worst = 0;
    (void)state;
    start_source(0, 22, &source);
    assert_int_equal(source.samples, 16384);
    assert_int_equal(source.shape.rank, 2);
    assert_int_equal(source.shape.size[0], 1);
    assert_int_equal(source.shape.size[1], POINTS);
    assert_false(source.fresh || source.own_input);
    make(&source, 0, CURVES, curves);
    for (uint32_t id = 0; id < CURVES; id++) {
        const double p1 = aed_rng_uniform(key, id, 0) * 2 - 1;
        const double p2 = aed_rng_uniform(key, id, 1) * 2 - 1;
        for (int i = 0; i < POINTS; i++)
            worst = fmax(worst, fabs(nearest_y(i / (POINTS - 1.0), p1, p2) -
                                     curves[id * POINTS + (uint32_t)i]));
    }
    if (worst > 1e-7) fail_msg("largest difference %g", worst);
    aed_source_destroy(&source);
}

/* The points that numpy picks for x = linspace(0, 1, 15), by the reference program. */
static void test_make_picks_the_reference_points(void **state)
{
    static const int picks[POINTS] = {0,  7,   16,  25,  35,  47,  60, 74,
                                      89, 102, 114, 124, 133, 142, 149};
    const aed_rng_key key = aed_rng_key_make(5, "data/bezier", 0);
    const double p1 = aed_rng_uniform(key, 3, 0) * 2 - 1, p2 = aed_rng_uniform(key, 3, 1) * 2 - 1;
    float curve[POINTS];
    aed_source source;
    (void)state;
    start_source(0, 5, &source);
    make(&source, 3, 1, curve);
    for (int i = 0; i < POINTS; i++) {
        const double t = picks[i] / 149.0, s = 1 - t;
        assert_true(fabs(curve[i] - (3 * s * s * t * p1 + 3 * s * t * t * p2)) < 1e-7);
    }
    aed_source_destroy(&source);
}

static void test_make_is_the_same_alone_and_in_any_order(void **state)
{
    enum { COUNT = 50 };
    float together[COUNT * WINDOW], alone[WINDOW], reversed[COUNT * WINDOW];
    uint32_t ids[COUNT];
    aed_source source;
    (void)state;
    start_source(WINDOW, 22, &source);
    make(&source, 1000, COUNT, together);
    for (uint32_t i = 0; i < COUNT; i++) ids[i] = 1000 + COUNT - 1 - i;
    assert_int_equal(source.ops->make(&source, 7, ids, COUNT, &(aed_rows){.target = reversed}),
                     AED_OK);
    for (uint32_t i = 0; i < COUNT; i++) {
        make(&source, 1000 + i, 1, alone);
        assert_memory_equal(alone, together + i * WINDOW, sizeof alone);
        assert_memory_equal(alone, reversed + (COUNT - 1 - i) * WINDOW, sizeof alone);
    }
    aed_source_destroy(&source);
}

/* A window's start, found by comparing with the whole curve. */
static int find_start(const float *curve, const float *window)
{
    for (int start = 0; start + WINDOW <= POINTS; start++)
        if (memcmp(curve + start, window, WINDOW * sizeof(float)) == 0) return start;
    return -1;
}

static void test_make_cuts_windows_at_uniform_starts(void **state)
{
    enum { COUNT = 4096 };
    static float curves[COUNT * POINTS], windows[COUNT * WINDOW];
    int starts[POINTS - WINDOW + 1] = {0};
    aed_source whole, cut;
    double chi_square = 0;
    (void)state;
    start_source(0, 22, &whole);
    start_source(WINDOW, 22, &cut);
    assert_int_equal(cut.shape.size[1], WINDOW);
    make(&whole, 0, COUNT, curves);
    make(&cut, 0, COUNT, windows);
    for (int i = 0; i < COUNT; i++) {
        const int start = find_start(curves + i * POINTS, windows + i * WINDOW);
        assert_in_range(start, 0, POINTS - WINDOW);
        starts[start]++;
    }
    assert_int_equal(starts[POINTS - WINDOW], 0);
    for (int s = 0; s < POINTS - WINDOW; s++) {
        const double expected = COUNT / (double)(POINTS - WINDOW), d = starts[s] - expected;
        chi_square += d * d / expected;
    }
    if (chi_square > 26) fail_msg("chi-square of the starts %g with 7 degrees", chi_square);
    aed_source_destroy(&whole);
    aed_source_destroy(&cut);
}

static void test_make_with_the_whole_window_is_the_curve(void **state)
{
    float curve[POINTS], window[POINTS];
    aed_source whole, cut;
    (void)state;
    start_source(0, 1, &whole);
    start_source(POINTS, 1, &cut);
    make(&whole, 77, 1, curve);
    make(&cut, 77, 1, window);
    assert_memory_equal(curve, window, sizeof curve);
    aed_source_destroy(&whole);
    aed_source_destroy(&cut);
}

static void test_make_has_the_article_statistics(void **state)
{
    aed_source source;
    aed_dataset dataset;
    double sum = 0, squares = 0, largest = 0;
    (void)state;
    start_source(WINDOW, 22, &source);
    assert_int_equal(aed_dataset_create(&source, NULL, &dataset), AED_OK);
    const int64_t count = dataset.samples * dataset.features;
    for (int64_t i = 0; i < count; i++) {
        const double y = dataset.cache->rows.target[i];
        sum += y;
        squares += y * y;
        largest = fmax(largest, fabs(y));
    }
    const double mean = sum / (double)count, std = sqrt(squares / (double)count - mean * mean);
    if (fabs(mean) > 0.008 || fabs(std - 0.2564) > 0.003) fail_msg("mean %g std %g", mean, std);
    assert_true(source.interval.hi == -source.interval.lo);
    assert_true(largest <= source.interval.hi && largest > 0.95 * source.interval.hi);
    assert_true(fabs(source.interval.hi - 3 * 74 * 75.0 / (149 * 149)) < 1e-7);
    aed_dataset_destroy(&dataset);
    aed_source_destroy(&source);
}

static void test_create_refuses_a_window_longer_than_the_curve(void **state)
{
    fixture f;
    (void)state;
    fixture_start(&f, "bezier");
    fixture_number(&f, "window", 16);
    assert_true(fixture_fails(&f, AED_CONFIG, "window of 16", "15"));
}

static void test_create_survives_lack_of_memory(void **state)
{
    fixture f;
    aed_status status = AED_MEMORY;
    (void)state;
    fixture_start(&f, "bezier");
    for (long n = 1; status != AED_OK; n++) {
        aed_source source;
        aed_dataset dataset = {0};
        aed_alloc_fail_after(n);
        status = aed_source_create(&f.spec, &source);
        if (status == AED_OK) status = aed_dataset_create(&source, NULL, &dataset);
        aed_alloc_fail_after(0);
        assert_true(status == AED_OK || status == AED_MEMORY);
        aed_dataset_destroy(&dataset);
        aed_source_destroy(&source);
        assert_in_range(n, 1, 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make_draws_the_defined_curves),
        cmocka_unit_test(test_make_picks_the_reference_points),
        cmocka_unit_test(test_make_is_the_same_alone_and_in_any_order),
        cmocka_unit_test(test_make_cuts_windows_at_uniform_starts),
        cmocka_unit_test(test_make_with_the_whole_window_is_the_curve),
        cmocka_unit_test(test_make_has_the_article_statistics),
        cmocka_unit_test(test_create_refuses_a_window_longer_than_the_curve),
        cmocka_unit_test(test_create_survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
