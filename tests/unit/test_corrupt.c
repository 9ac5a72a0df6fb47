/* Corruption of inputs: the shares and values it promises, its independence of tiles and lanes, what it
 * leaves alone (the ends of a range, NaN), and lists whose clip is one pass with the noise before. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "data/corrupt.h"
#include "support/numeric.h"

enum { LANES = 32, FEATURES = 501, COUNT = FEATURES * LANES };

static float x[COUNT] __attribute__((aligned(64)));
static float y[COUNT] __attribute__((aligned(64)));
static float other[COUNT] __attribute__((aligned(64)));
static uint32_t ids[LANES];

static void make_spec(const char *kind, const char *args, aed_test_spec *spec)
{
    const aed_corruption_ops *ops = aed_corruption_find(kind);
    assert_non_null(ops);
    aed_test_spec_make(&ops->kind, args, spec);
}

static aed_corruption prepare(const char *kind, const char *args)
{
    aed_test_spec spec;
    aed_corruption c;
    make_spec(kind, args, &spec);
    assert_int_equal(aed_corruption_prepare(&spec.spec, &c), AED_OK);
    c.key = aed_rng_key_make(5, "train.corrupt.0", 3);
    for (uint32_t i = 0; i < LANES; i++) ids[i] = 100 + 7 * i;
    return c;
}

static void apply(const aed_corruption *c) { aed_corruption_apply(c, ids, LANES, FEATURES, x, y); }

static void fill(float value)
{
    for (int i = 0; i < COUNT; i++) x[i] = value;
}

static double share_of(float value)
{
    int64_t count = 0;
    for (int i = 0; i < COUNT; i++) count += y[i] == value;
    return (double)count / COUNT;
}

/* To 4 standard deviations; 0 and 1 exactly. */
static void check_share(float value, double p)
{
    if (!(fabs(share_of(value) - p) <= 4 * sqrt(p * (1 - p) / COUNT)))
        fail_msg("a share of %g is %g, should be %g", share_of(value), (double)value, p);
}

static void test_gaussian_has_its_moments(void **state)
{
    (void)state;
    const aed_corruption c = prepare("gaussian", "std=0.5");
    double sum = 0, square = 0;
    fill(0.25f);
    apply(&c);
    for (int i = 0; i < COUNT; i++) sum += (double)y[i] - 0.25;
    for (int i = 0; i < COUNT; i++) square += pow((double)y[i] - 0.25, 2);
    assert_true(fabs(sum / COUNT) < 4 * 0.5 / sqrt(COUNT));
    assert_true(fabs(sqrt(square / COUNT) - 0.5) < 4 * 0.5 / sqrt(2.0 * COUNT));
}

/* The numbers of every other Gaussian noise: element by element those of aed_rng_normal. */
static void test_gaussian_is_keyed_by_sample_and_element(void **state)
{
    (void)state;
    const aed_corruption c = prepare("gaussian", "std=2");
    fill(0);
    apply(&c);
    for (int i = 0; i < COUNT; i += 17)
        assert_true(y[i] == 2 * aed_rng_normal(c.key, ids[i % LANES], (uint32_t)(i / LANES)));
}

static void test_clip_keeps_its_ends(void **state)
{
    (void)state;
    const aed_corruption c = prepare("clip", "range=-1,2");
    static const float in[] = {-1, 2, -1.0001f, 2.0001f, 0.3f, -INFINITY, INFINITY, 1e30f};
    static const float want[] = {-1, 2, -1, 2, 0.3f, -1, 2, 2};
    for (int i = 0; i < COUNT; i++) x[i] = in[i % 8];
    apply(&c);
    for (int i = 0; i < COUNT; i++) assert_true(y[i] == want[i % 8]);
}

static void test_clip_of_a_wrong_range_is_refused(void **state)
{
    (void)state;
    static const char *const args[] = {"range=1", "range=0,1,2", "range=1,0"};
    for (int i = 0; i < 3; i++) {
        aed_test_spec spec;
        aed_corruption c;
        make_spec("clip", args[i], &spec);
        assert_int_equal(aed_corruption_prepare(&spec.spec, &c), AED_CONFIG);
        assert_non_null(strstr(aed_status_message(), "clip: [0, 1]"));
    }
}

static void test_salt_and_pepper_replaces_the_amount(void **state)
{
    (void)state;
    aed_corruption c = prepare("salt_and_pepper", "amount=0.1");
    fill(0.5f);
    apply(&c);
    check_share(0, 0.05);
    check_share(1, 0.05);
    check_share(0.5f, 0.9);
    c = prepare("salt_and_pepper", "amount=0.4 low=-3 high=7");
    apply(&c);
    check_share(-3, 0.2);
    check_share(7, 0.2);
    check_share(0.5f, 0.6);
}

static void test_masking_replaces_the_amount(void **state)
{
    (void)state;
    aed_corruption c = prepare("masking", "amount=0.3");
    fill(0.5f);
    apply(&c);
    check_share(0, 0.3);
    check_share(0.5f, 0.7);
    c = prepare("masking", "amount=0.8 value=9");
    apply(&c);
    check_share(9, 0.8);
}

/* The ends are exact: nothing, and everything. */
static void test_amounts_of_0_and_1_are_exact(void **state)
{
    (void)state;
    static const char *const kinds[] = {"masking", "salt_and_pepper"};
    fill(0.5f);
    for (int i = 0; i < 2; i++) {
        aed_corruption c = prepare(kinds[i], "amount=0");
        apply(&c);
        check_share(0.5f, 1);
        c = prepare(kinds[i], "amount=1");
        apply(&c);
        check_share(0.5f, 0);
    }
}

/* Neighbours in elements and samples, and the same element in two epochs, go together as often as
 * chance has it. */
static void test_masks_are_independent(void **state)
{
    (void)state;
    const double p = 0.3, deviation = sqrt(p * p * (1 - p * p) / COUNT);
    aed_corruption c = prepare("masking", "amount=0.3");
    double elements[3] = {0}, samples = 0, epochs = 0;
    fill(1);
    apply(&c);
    c.key = aed_rng_key_make(5, "train.corrupt.0", 4);
    aed_corruption_apply(&c, ids, LANES, FEATURES, x, other);
    for (int i = 0; i < COUNT; i++) {
        for (int k = 1; k < 4; k++) elements[k - 1] += y[i] + y[(i + k * LANES) % COUNT] == 0;
        samples += y[i] + y[i / LANES * LANES + (i + 1) % LANES] == 0;
        epochs += y[i] + other[i] == 0;
    }
    for (int k = 0; k < 3; k++) assert_true(fabs(elements[k] / COUNT - p * p) < 4 * deviation);
    assert_true(fabs(samples / COUNT - p * p) < 4 * deviation);
    assert_true(fabs(epochs / COUNT - p * p) < 4 * deviation);
}

static const char *const all[][2] = {{"gaussian", "std=0.5"},
                                     {"clip", "range=0,0.7"},
                                     {"salt_and_pepper", "amount=0.2"},
                                     {"masking", "amount=0.2 value=-1"}};

static void fill_random(void)
{
    for (int i = 0; i < COUNT; i++) x[i] = aed_test_uniform(1, (uint32_t)i, 0, 1);
}

/* The same bits from every set, in place, and from tiles of 16 as of 32 with the samples elsewhere. */
static void test_bits_depend_on_sample_and_element_only(void **state)
{
    (void)state;
    const aed_kernels_table *sets[3];
    const int count = aed_test_kernel_sets(sets);
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        static float in[FEATURES * 16] __attribute__((aligned(64)));
        static float out[FEATURES * 16] __attribute__((aligned(64)));
        const aed_corruption c = prepare(all[k][0], all[k][1]);
        fill_random();
        apply(&c);
        for (int s = 0; s < count; s++) {
            aed_test_use_kernels(sets[s]);
            memcpy(other, x, sizeof x);
            aed_corruption_apply(&c, ids, LANES, FEATURES, other, other);
            assert_true(aed_test_same_bits(sets[s]->name, COUNT, other, y));
        }
        aed_test_use_kernels(sets[0]);
        uint32_t few[16];
        for (int lane = 0; lane < 16; lane++) few[lane] = ids[31 - lane];
        for (int i = 0; i < FEATURES * 16; i++) in[i] = x[i / 16 * LANES + 31 - i % 16];
        aed_corruption_apply(&c, few, 16, FEATURES, in, out);
        for (int i = 0; i < FEATURES * 16; i++)
            assert_true(out[i] == y[i / 16 * LANES + 31 - i % 16]);
    }
}

static void test_nan_stays(void **state)
{
    (void)state;
    fill(NAN);
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        const aed_corruption c = prepare(all[k][0], all[k][1]);
        apply(&c);
        for (int i = 0; i < COUNT; i++)
            if (!isnan(y[i])) fail_msg("%s hides a NaN", all[k][0]);
    }
}

static void test_corruption_table_is_covered(void **state)
{
    (void)state;
    int count;
    const aed_corruption_ops *const *table = aed_corruption_table(&count);
    assert_int_equal(count, sizeof all / sizeof *all);
    for (int i = 0; i < count; i++) assert_string_equal(table[i]->kind.name, all[i][0]);
}

/* gaussian, clip, masking are two passes with the numbers of three. */
static void test_list_merges_noise_and_clip(void **state)
{
    (void)state;
    static const char *const kinds[][2] = {
        {"gaussian", "std=0.5"}, {"clip", "range=0,1"}, {"masking", "amount=0.2"}};
    aed_test_spec made[3];
    aed_spec specs[3];
    aed_corruption list[3], single[3];
    int prepared;
    prepare("clip", "range=0,1"); /* for the ids */
    for (int i = 0; i < 3; i++) {
        make_spec(kinds[i][0], kinds[i][1], &made[i]);
        specs[i] = made[i].spec;
        assert_int_equal(aed_corruption_prepare(&specs[i], &single[i]), AED_OK);
    }
    assert_int_equal(aed_corruptions_prepare(specs, 3, list, &prepared), AED_OK);
    assert_int_equal(prepared, 2);
    aed_corruptions_key(list, prepared, 5, "train.corrupt", 9);
    single[0].key = aed_rng_key_make(5, "train.corrupt.0", 9);
    single[2].key = aed_rng_key_make(5, "train.corrupt.2", 9);
    fill_random();
    aed_corruptions_apply(list, prepared, ids, LANES, FEATURES, x, y);
    aed_corruption_apply(&single[0], ids, LANES, FEATURES, x, other);
    for (int i = 1; i < 3; i++)
        aed_corruption_apply(&single[i], ids, LANES, FEATURES, other, other);
    assert_true(aed_test_same_bits("two passes", COUNT, y, other));
}

/* Two clips stay two, as the second may lie outside of the first. */
static void test_list_keeps_a_second_clip(void **state)
{
    (void)state;
    static const char *const args[] = {"range=0,1", "range=2,3"};
    aed_test_spec noise, made[2];
    aed_spec specs[3];
    aed_corruption list[3];
    int prepared;
    make_spec("gaussian", "std=0.1", &noise);
    specs[0] = noise.spec;
    for (int i = 0; i < 2; i++) {
        make_spec("clip", args[i], &made[i]);
        specs[i + 1] = made[i].spec;
    }
    assert_int_equal(aed_corruptions_prepare(specs, 3, list, &prepared), AED_OK);
    assert_int_equal(prepared, 2);
    fill(0.5f);
    aed_corruptions_key(list, prepared, 5, "train.corrupt", 9);
    aed_corruptions_apply(list, prepared, ids, LANES, FEATURES, x, y);
    check_share(2, 1);
}

/* 0 ... 1 becomes lo ... hi by each kind. */
static void test_intervals_hold_what_comes_out(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *args;
        double lo, hi;
    } cases[] = {
        {"gaussian", "std=0.1", -INFINITY, INFINITY},
        {"gaussian", "std=0", 0, 1},
        {"clip", "range=0.25,2", 0.25, 1},
        {"clip", "range=2,3", 2, 2},
        {"salt_and_pepper", "amount=0.1 low=-1 high=3", -1, 3},
        {"salt_and_pepper", "amount=0 low=-1 high=3", 0, 1},
        {"masking", "amount=0.1 value=-2", -2, 1},
        {"masking", "amount=0 value=-2", 0, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aed_test_spec spec;
        aed_interval interval = {0, 1};
        make_spec(cases[i].kind, cases[i].args, &spec);
        assert_int_equal(aed_corruptions_widen(&spec.spec, 1, &interval), AED_OK);
        if (interval.lo != cases[i].lo || interval.hi != cases[i].hi)
            fail_msg("%s: %s gives [%g, %g]", cases[i].kind, cases[i].args, interval.lo,
                     interval.hi);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gaussian_has_its_moments),
        cmocka_unit_test(test_gaussian_is_keyed_by_sample_and_element),
        cmocka_unit_test(test_clip_keeps_its_ends),
        cmocka_unit_test(test_clip_of_a_wrong_range_is_refused),
        cmocka_unit_test(test_salt_and_pepper_replaces_the_amount),
        cmocka_unit_test(test_masking_replaces_the_amount),
        cmocka_unit_test(test_amounts_of_0_and_1_are_exact),
        cmocka_unit_test(test_masks_are_independent),
        cmocka_unit_test(test_bits_depend_on_sample_and_element_only),
        cmocka_unit_test(test_nan_stays),
        cmocka_unit_test(test_corruption_table_is_covered),
        cmocka_unit_test(test_list_merges_noise_and_clip),
        cmocka_unit_test(test_list_keeps_a_second_clip),
        cmocka_unit_test(test_intervals_hold_what_comes_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
