/* Scaling of bytes and floats, the intervals that it tells, and equal bits of all kernel sets. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/memory.h"
#include "data/rows_cache.h"
#include "kernel/kernels.h"
#include "support/numeric.h"
#include "unit/data_fixture.h"
#include <cmocka.h>

enum { SAMPLES = 40, FEATURES = 37, LANES = 16 };

/* A source whose sample `id` is known: bytes that reach 0 and 255, floats from -3 to 5. */
static uint8_t byte_at(uint32_t id, int64_t f)
{
    return (uint8_t)((id * 131u + (uint32_t)f * 29u) % 256u);
}

static float float_at(uint32_t id, int64_t f)
{
    return id == 3 ? -1.5f : (float)((id * 7 + f * 3) % 17) / 2 - 3;
}

static int32_t label_at(uint32_t id) { return (int32_t)(id % 5); }

static aed_status fake_make(const aed_source *source, int64_t epoch, const uint32_t *ids,
                            int64_t count, const aed_rows *rows)
{
    (void)source;
    (void)epoch;
    for (int64_t i = 0; i < count; i++) {
        for (int64_t f = 0; f < FEATURES; f++) {
            if (rows->bytes) rows->bytes[i * FEATURES + f] = byte_at(ids[i], f);
            if (rows->target) rows->target[i * FEATURES + f] = float_at(ids[i], f);
        }
        if (rows->labels) rows->labels[i] = label_at(ids[i]);
    }
    return AED_OK;
}

static const aed_source_ops fake = {.kind = {.name = "fake"}, .make = fake_make};

static aed_source fake_source(bool is_bytes)
{
    aed_source source = {.ops = &fake, .samples = SAMPLES, .is_bytes = is_bytes, .classes = 5};
    source.interval = is_bytes ? (aed_interval){0, 255} : (aed_interval){-3, 5};
    source.shape = (aed_shape){1, {FEATURES}};
    return source;
}

static void open_set(const aed_source *source, aed_scale scale, double memory, aed_dataset *set)
{
    const aed_dataset_options options = {.scale = scale, .memory = memory};
    if (aed_dataset_create(source, &options, set) != AED_OK) fail_msg("%s", aed_status_message());
}

/* The tile of the samples 2, 3, ..., against `expected` of each value. */
static void check_values(const aed_dataset *set, float factor,
                         double (*expected)(bool is_bytes, uint32_t id, int64_t f))
{
    float target[FEATURES * LANES], input[FEATURES * LANES];
    int32_t labels[LANES];
    uint32_t ids[LANES];
    double largest = 0;
    for (uint32_t lane = 0; lane < LANES; lane++) ids[lane] = lane + 2;
    assert_int_equal(aed_dataset_tile(set, 1, ids, LANES, factor, target, input, labels), AED_OK);
    assert_memory_equal(target, input, sizeof target);
    for (int lane = 0; lane < LANES; lane++) {
        assert_int_equal(labels[lane], label_at(ids[lane]));
        for (int64_t f = 0; f < FEATURES; f++) {
            const double value = target[f * LANES + lane];
            const double error = fabs(value - expected(set->source->is_bytes, ids[lane], f));
            largest = fmax(largest, error);
            if (value < set->interval.lo || value > set->interval.hi)
                fail_msg("%.9g lies outside [%g, %g]", value, set->interval.lo, set->interval.hi);
        }
    }
    if (!(largest <= 2e-6)) fail_msg("largest difference %g", largest);
}

static double raw(bool is_bytes, uint32_t id, int64_t f)
{
    return is_bytes ? byte_at(id, f) / 255.0 : (double)float_at(id, f);
}

static double as_is(bool is_bytes, uint32_t id, int64_t f)
{
    return is_bytes ? byte_at(id, f) : (double)float_at(id, f);
}

static double as_unit(bool is_bytes, uint32_t id, int64_t f)
{
    return is_bytes ? raw(is_bytes, id, f) : (raw(is_bytes, id, f) + 3) / 8;
}

static double as_standard(bool is_bytes, uint32_t id, int64_t f)
{
    return (raw(is_bytes, id, f) - 0.1307) / 0.3081;
}

static double as_eighths(bool is_bytes, uint32_t id, int64_t f) { return raw(is_bytes, id, f) / 8; }

static double as_l2(bool is_bytes, uint32_t id, int64_t f)
{
    double sum = 0;
    for (int64_t i = 0; i < FEATURES; i++) sum += raw(is_bytes, id, i) * raw(is_bytes, id, i);
    return raw(is_bytes, id, f) / sqrt(sum);
}

static void check_kind(aed_scale scale, float factor, double (*expected)(bool, uint32_t, int64_t))
{
    for (int is_bytes = 0; is_bytes < 2; is_bytes++)
        for (int made = 0; made < 2; made++) { /* in memory, or made when it is wanted */
            const aed_source source = fake_source(is_bytes);
            aed_dataset set;
            open_set(&source, scale, made ? 1 : 0, &set);
            assert_int_equal(set.cache->kept, !made);
            check_values(&set, factor, expected);
            aed_dataset_destroy(&set);
        }
}

static void test_tile_applies_every_scaling(void **state)
{
    (void)state;
    check_kind((aed_scale){.kind = AED_SCALE_NONE}, 1, as_is);
    check_kind((aed_scale){.kind = AED_SCALE_UNIT}, 1, as_unit);
    check_kind((aed_scale){.kind = AED_SCALE_STANDARD, .mean = 0.1307, .std = 0.3081}, 1,
               as_standard);
    check_kind((aed_scale){.kind = AED_SCALE_L2}, 1, as_l2);
    check_kind((aed_scale){.kind = AED_SCALE_BATCH_MAX}, 0.125f, as_eighths);
}

static void test_unit_bytes_are_exact_at_the_ends(void **state)
{
    uint8_t bytes[256 + AED_ROWS_OVERREAD];
    float tile[256 * LANES];
    const uint32_t ids[LANES] = {0};
    (void)state;
    for (int i = 0; i < 256; i++) bytes[i] = (uint8_t)i;
    aed_kernels()->load_bytes(bytes, 256, ids, LANES, 1.0f / 255.0f, 0, tile);
    assert_true(tile[0] == 0 && tile[255 * LANES] == 1);
    for (int i = 1; i < 256; i++) {
        assert_true(tile[i * LANES] > tile[(i - 1) * LANES]);
        assert_true(fabs((double)tile[i * LANES] - i / 255.0) <= 1.2e-7);
    }
}

static void test_auto_is_unit_for_bytes_and_none_for_others(void **state)
{
    (void)state;
    for (int is_bytes = 0; is_bytes < 2; is_bytes++) {
        const aed_source source = fake_source(is_bytes);
        aed_dataset set;
        open_set(&source, (aed_scale){.kind = AED_SCALE_AUTO}, 0, &set);
        assert_int_equal(set.scale.kind, is_bytes ? AED_SCALE_UNIT : AED_SCALE_NONE);
        check_values(&set, 1, is_bytes ? as_unit : as_is);
        aed_dataset_destroy(&set);
    }
}

static void test_unit_finds_the_interval_in_the_data(void **state)
{
    aed_source source = fake_source(false);
    aed_dataset set;
    (void)state;
    source.interval = (aed_interval){-INFINITY, INFINITY};
    open_set(&source, (aed_scale){.kind = AED_SCALE_UNIT}, 0, &set);
    assert_true(set.interval.lo == 0 && set.interval.hi == 1);
    check_values(&set, 1, as_unit);
    aed_dataset_destroy(&set);
}

static void test_max_is_the_batch_s_largest(void **state)
{
    (void)state;
    for (int is_bytes = 0; is_bytes < 2; is_bytes++)
        for (int made = 0; made < 2; made++) {
            const aed_source source = fake_source(is_bytes);
            const uint32_t ids[3] = {3, 8, 30};
            const aed_scale scale = {.kind = AED_SCALE_BATCH_MAX};
            double expected = -INFINITY;
            float largest;
            aed_dataset set;
            open_set(&source, scale, made ? 1 : 0, &set);
            assert_true(set.batch_scaled);
            for (int i = 0; i < 3; i++)
                for (int64_t f = 0; f < FEATURES; f++)
                    expected = fmax(expected, raw(is_bytes, ids[i], f));
            assert_int_equal(aed_dataset_max(&set, 2, ids, 3, &largest), AED_OK);
            assert_true(fabs((double)largest - expected) < 1e-7);
            if (!is_bytes) { /* all of sample 3 is negative */
                assert_int_equal(aed_dataset_max(&set, 2, ids, 1, &largest), AED_OK);
                assert_true(largest == -1.5f);
            }
            aed_dataset_destroy(&set);
        }
}

static void test_divided_by_the_largest_nothing_exceeds_1(void **state)
{
    enum { ROWS = 255 };
    uint8_t bytes[ROWS + AED_ROWS_OVERREAD];
    float tile[LANES];
    (void)state;
    for (int i = 0; i < ROWS; i++) bytes[i] = (uint8_t)(i + 1);
    for (uint32_t i = 0; i < ROWS; i++) {
        uint32_t ids[LANES];
        for (int lane = 0; lane < LANES; lane++) ids[lane] = i;
        aed_kernels()->load_bytes(bytes, 1, ids, LANES, 1.0f / 255.0f, 0, tile);
        aed_kernels()->scale(LANES, 1 / tile[0], tile);
        assert_true(tile[0] <= 1 && tile[0] > 0.999999f);
    }
}

static void test_l2_leaves_zeros_alone(void **state)
{
    float x[3 * LANES] = {0};
    (void)state;
    x[1] = 3e19f; /* its square is no float */
    x[LANES + 1] = -4e19f;
    x[2 * LANES + 2] = 1e-30f;
    aed_kernels()->unit_columns(3, LANES, x);
    assert_true(x[0] == 0 && x[LANES] == 0);
    assert_true(fabsf(x[1] - 0.6f) < 1e-6f && fabsf(x[LANES + 1] + 0.8f) < 1e-6f);
    assert_true(x[2 * LANES + 2] == 1);
}

static void expect_refusal(const aed_source *source, aed_scale scale, const char *word)
{
    const aed_dataset_options options = {.where = "a.yaml:2:7", .scale = scale};
    aed_dataset set;
    assert_int_equal(aed_dataset_create(source, &options, &set), AED_CONFIG);
    assert_null(set.cache);
    if (!strstr(aed_status_message(), "a.yaml:2:7: ") || !strstr(aed_status_message(), word))
        fail_msg("'%s' lacks '%s'", aed_status_message(), word);
}

static void test_create_refuses_scalings_that_make_no_sense(void **state)
{
    aed_source source = fake_source(false);
    (void)state;
    expect_refusal(&source, (aed_scale){AED_SCALE_STANDARD, 0, 0}, "std");
    expect_refusal(&source, (aed_scale){AED_SCALE_STANDARD, 1e300, 1}, "mean");
    expect_refusal(&source, (aed_scale){AED_SCALE_STANDARD, 0, 1e-300}, "std");
    source.interval = (aed_interval){-3e38, 3e38};
    expect_refusal(&source, (aed_scale){.kind = AED_SCALE_UNIT}, "leaves the range");
    source.own_input = true;
    expect_refusal(&source, (aed_scale){.kind = AED_SCALE_UNIT}, "'fake'");
    source.own_input = false;
    source.interval = (aed_interval){-INFINITY, INFINITY};
    source.fresh = true;
    expect_refusal(&source, (aed_scale){.kind = AED_SCALE_UNIT}, "not known");
}

/* All sets against the formula; nothing beyond the tile is written. */
static void check_load_bytes(const uint8_t *bytes, int64_t features, const uint32_t *ids, int lanes,
                             float factor, float shift)
{
    static const char *const sets[] = {"plain", "avx2", "avx512"};
    static float out[41 * 64 + 16];
    const int64_t count = features * lanes;
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
        const aed_kernels_table *set = aed_kernels_named(sets[s]);
        if (!set) continue;
        out[count] = -7;
        set->load_bytes(bytes, features, ids, lanes, factor, shift, out);
        for (int64_t i = 0; i < count; i++) {
            const float value = (float)bytes[ids[i % lanes] * features + i / lanes];
            assert_true(out[i] == fmaf(value, factor, -shift));
        }
        assert_true(out[count] == -7);
    }
}

static void test_load_bytes_has_equal_bits_in_all_sets(void **state)
{
    enum { ROWS = 64, MOST = 41 };
    static uint8_t bytes[ROWS * MOST + AED_ROWS_OVERREAD];
    uint32_t ids[64];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 37 + i / 256);
    for (uint32_t i = 0; i < 64; i++) ids[i] = i * 13 % ROWS;
    for (int64_t features = 1; features <= MOST; features++)
        for (int lanes = 16; lanes <= 64; lanes += 16) {
            check_load_bytes(bytes, features, ids, lanes, 1.0f / 255.0f, 0);
            check_load_bytes(bytes, features, ids, lanes, 0.0127f, 0.4242f);
        }
}

static void test_scaling_has_equal_bits_in_all_sets(void **state)
{
    enum { COUNT = 53 * 48 };
    static const char *const sets[] = {"avx2", "avx512"};
    static float x[2][COUNT], y[2][COUNT];
    (void)state;
    for (int i = 0; i < COUNT; i++) x[0][i] = x[1][i] = aed_test_uniform(4, (uint32_t)i, -3, 5);
    aed_kernels_named("plain")->standardize(COUNT, 0.7f, 1.9f, x[0]);
    aed_kernels_named("plain")->unit_columns(53, 48, x[1]);
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
        const aed_kernels_table *set = aed_kernels_named(sets[s]);
        if (!set) continue;
        for (int i = 0; i < COUNT; i++) y[0][i] = y[1][i] = aed_test_uniform(4, (uint32_t)i, -3, 5);
        set->standardize(COUNT, 0.7f, 1.9f, y[0]);
        set->unit_columns(53, 48, y[1]);
        assert_memory_equal(x, y, sizeof x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tile_applies_every_scaling),
        cmocka_unit_test(test_unit_bytes_are_exact_at_the_ends),
        cmocka_unit_test(test_auto_is_unit_for_bytes_and_none_for_others),
        cmocka_unit_test(test_unit_finds_the_interval_in_the_data),
        cmocka_unit_test(test_max_is_the_batch_s_largest),
        cmocka_unit_test(test_divided_by_the_largest_nothing_exceeds_1),
        cmocka_unit_test(test_l2_leaves_zeros_alone),
        cmocka_unit_test(test_create_refuses_scalings_that_make_no_sense),
        cmocka_unit_test(test_load_bytes_has_equal_bits_in_all_sets),
        cmocka_unit_test(test_scaling_has_equal_bits_in_all_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
