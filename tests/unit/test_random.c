/* Threefry-2x32 against its published answers, the vector kernels against the scalar functions, the
 * uniform numbers, and the keys of streams. test_random_normals.c has the normals' distribution. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "aedist/rng.h"
#include "core/memory.h"
#include "support/kernel_case.h"

#if __has_include(<Random123/threefry.h>)
#define HAVE_RANDOM123 1
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include <Random123/threefry.h>
#pragma GCC diagnostic pop
#endif

/* From the known-answer vectors that Random123 publishes. */
static void test_threefry_known_answers(void **state)
{
    (void)state;
    static const struct {
        int rounds;
        uint32_t counter[2], key[2], expected[2];
    } vectors[] = {
        {13, {0, 0}, {0, 0}, {0x9d1c5ec6, 0x8bd50731}},
        {13, {0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}, {0xfd36d048, 0x2d17272c}},
        {13, {0x243f6a88, 0x85a308d3}, {0x13198a2e, 0x03707344}, {0xba3e4725, 0xf27d669e}},
        {20, {0, 0}, {0, 0}, {0x6b200159, 0x99ba4efe}},
        {20, {0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}, {0x1cb996fc, 0xbb002be7}},
        {20, {0x243f6a88, 0x85a308d3}, {0x13198a2e, 0x03707344}, {0xc4923a9c, 0x483df7a0}},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        uint32_t out[2];
        aed_rng_threefry2x32(vectors[i].rounds, vectors[i].key, vectors[i].counter, out);
        assert_int_equal(out[0], vectors[i].expected[0]);
        assert_int_equal(out[1], vectors[i].expected[1]);
    }
}

#ifdef HAVE_RANDOM123
static void test_threefry_matches_random123(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (int i = 0; i < aed_case_rounds(1000000); i++) {
        const uint64_t a = aed_case_bits(&random), b = aed_case_bits(&random);
        const uint32_t counter[2] = {(uint32_t)a, (uint32_t)(a >> 32)};
        const uint32_t key[2] = {(uint32_t)b, (uint32_t)(b >> 32)};
        const int rounds = i % 3 == 0 ? 13 : i % 3 == 1 ? 20 : i % 33;
        uint32_t out[2];
        aed_rng_threefry2x32(rounds, key, counter, out);
        const threefry2x32_ctr_t expected = threefry2x32_R(
            (unsigned)rounds, (threefry2x32_ctr_t){{counter[0], counter[1]}},
            (threefry2x32_key_t){{key[0], key[1]}});
        assert_int_equal(out[0], expected.v[0]);
        assert_int_equal(out[1], expected.v[1]);
    }
}
#endif

/* One random call of `normal` and `add_noise` in one set, against the scalar function. */
static void check_against_scalar(const aed_kernels_table *set, uint64_t *random)
{
    const aed_rng_key key = aed_rng_key_make(aed_case_bits(random), "purpose", 3);
    const int lanes = 16 * aed_case_int(random, 1, 4);
    const int elements = aed_case_int(random, 1, 21);
    const uint32_t first = 2 * (uint32_t)aed_case_int(random, 0, 1 << 20);
    uint32_t ids[64];
    for (int lane = 0; lane < lanes; lane++) ids[lane] = (uint32_t)aed_case_bits(random);
    float *normals = aed_case_floats(random, elements * lanes, 0, 1);
    float *x = aed_case_floats(random, elements * lanes, -1, 1);
    float *y = aed_case_floats(random, elements * lanes, 0, 1);
    float *std = aed_case_floats(random, elements, 0, 1);

    set->normal(key, ids, lanes, first, elements, normals);
    for (int e = 0; e < elements; e++)
        for (int lane = 0; lane < lanes; lane++) {
            const float expected = aed_rng_normal(key, ids[lane], first + (uint32_t)e);
            aed_case_equal_bits(set->name, 1, &expected, normals + e * lanes + lane);
        }
    set->add_noise(key, ids, lanes, elements, std, x, y);
    for (int e = 0; e < elements; e++)
        for (int lane = 0; lane < lanes; lane++) {
            const int at = e * lanes + lane;
            const float noise = aed_rng_normal(key, ids[lane], (uint32_t)e);
            const float expected = fmaf(std[e], noise, x[at]);
            aed_case_equal_bits(set->name, 1, &expected, y + at);
        }
    set->add_noise(key, ids, lanes, elements, std, x, x); /* in place */
    aed_case_equal_bits("add_noise in place", elements * lanes, y, x);
    aed_free(normals);
    aed_free(x);
    aed_free(y);
    aed_free(std);
}

static void test_normal_same_bits_as_scalar_in_every_set(void **state)
{
    (void)state;
    uint64_t random = 2;
    for (int i = 0; i < AED_CASE_SETS; i++) {
        const aed_kernels_table *set = aed_kernels_named(aed_case_sets[i]);
        for (int run = 0; set && run < 100; run++) check_against_scalar(set, &random);
    }
}

/* The definition in float64: radius sqrt(-2 log u), angle a quarter turn either way, and a sign. */
static void test_normal_close_to_definition(void **state)
{
    (void)state;
    const aed_rng_key key = aed_rng_key_make(5, "definition", 0);
    const double quarter = acos(0.0);
    double worst = 0;
    const uint32_t count = (uint32_t)aed_case_rounds(200000);
    for (uint32_t id = 0; id < count; id++) {
        const uint32_t counter[2] = {id, 7};
        uint32_t word[2];
        aed_rng_threefry2x32(13, key.word, counter, word);
        /* 31 bits, rounded to float twice as the kernel does: 1 is possible, 0 is not. */
        const double u = (float)((double)(float)(word[0] >> 1) * 0x1p-31 + 0x1p-32);
        const double radius = sqrt(-2 * log(u));
        if (radius == 0) continue;
        const double angle = quarter * (double)(int32_t)word[1] * 0x1p-31;
        const double first = radius * cos(angle) * (word[0] & 1 ? -1 : 1);
        const double second = radius * sin(angle);
        /* Relative to the radius: near a zero of the cosine its relative error means nothing. */
        worst = fmax(worst, fabs(aed_rng_normal(key, id, 14) - first) / radius);
        worst = fmax(worst, fabs(aed_rng_normal(key, id, 15) - second) / radius);
    }
    if (worst > 6 * 0x1p-24) fail_msg("differs by %g of the radius", worst);
}

static void test_uniform_moments(void **state)
{
    (void)state;
    if (aed_case_on_valgrind()) skip(); /* arithmetic alone, on too few numbers to say anything */
    enum { COUNT = 2000000, BINS = 64 };
    const aed_rng_key key = aed_rng_key_make(9, "uniform", 0);
    double moment[4] = {0}, chi = 0, lag = 0, last = 0;
    int bins[BINS] = {0};
    for (uint32_t i = 0; i < COUNT; i++) {
        const double u = aed_rng_uniform(key, i / 8, i % 8);
        if (!(u >= 0 && u < 1)) fail_msg("%g is outside [0, 1)", u);
        bins[(int)(u * BINS)]++;
        double power = 1;
        for (int m = 0; m < 4; m++) moment[m] += (power *= u);
        lag += (u - 0.5) * (last - 0.5);
        last = u;
    }
    for (int m = 1; m <= 4; m++) {
        const double mean = 1.0 / (m + 1), std = sqrt(1.0 / (2 * m + 1) - mean * mean);
        const double z = (moment[m - 1] / COUNT - mean) / (std / sqrt(COUNT));
        if (fabs(z) > 4.5) fail_msg("moment %d is off by %.1f sigma", m, z);
    }
    for (int i = 0; i < BINS; i++) {
        const double expected = (double)COUNT / BINS;
        chi += (bins[i] - expected) * (bins[i] - expected) / expected;
    }
    if (fabs(chi - (BINS - 1)) > 5 * sqrt(2.0 * (BINS - 1))) fail_msg("chi-square %.1f", chi);
    if (fabs(lag * 12 / sqrt(COUNT)) > 4.5) fail_msg("neighbours correlate");
}

/* 53 bits are used, the lowest of them too. */
static void test_uniform_uses_all_bits(void **state)
{
    (void)state;
    const aed_rng_key key = aed_rng_key_make(1, "bits", 0);
    uint64_t ones = 0, zeros = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        const uint64_t bits = (uint64_t)ldexp(aed_rng_uniform(key, i, 0), 53);
        ones |= bits;
        zeros |= ~bits;
    }
    assert_true(ones == (UINT64_C(1) << 53) - 1);
    assert_true((zeros & ones) == ones);
}

/* Seeds, purposes and epochs that are easily mixed up give different keys. */
static void test_key_make_separates(void **state)
{
    (void)state;
    static const char *const purposes[] = {"",
                                           "a",
                                           "b",
                                           "ab",
                                           "ba",
                                           "init/encoder.0.weight",
                                           "init/encoder.0.bias",
                                           "init/encoder.1.weight"};
    static const uint64_t numbers[] = {0, 1, 2, 11, UINT64_C(1) << 32, UINT64_MAX};
    enum { PURPOSES = 8, NUMBERS = 6, KEYS = PURPOSES * NUMBERS * NUMBERS };
    aed_rng_key keys[KEYS];
    int count = 0;
    for (int p = 0; p < PURPOSES; p++)
        for (int s = 0; s < NUMBERS; s++)
            for (int e = 0; e < NUMBERS; e++)
                keys[count++] = aed_rng_key_make(numbers[s], purposes[p], numbers[e]);
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++) {
            assert_true(memcmp(&keys[i], &keys[j], sizeof *keys) != 0);
            assert_true(keys[i].word[0] != keys[j].word[0] || keys[i].word[1] != keys[j].word[1]);
        }
}

/* A change of one bit of the seed or epoch turns half of the key's bits on average. */
static void test_key_make_avalanche(void **state)
{
    (void)state;
    int turned = 0;
    for (int bit = 0; bit < 64; bit++) {
        const aed_rng_key base = aed_rng_key_make(7, "p", 7);
        const aed_rng_key seed = aed_rng_key_make(7 ^ UINT64_C(1) << bit, "p", 7);
        const aed_rng_key epoch = aed_rng_key_make(7, "p", 7 ^ UINT64_C(1) << bit);
        for (int w = 0; w < 2; w++)
            turned += __builtin_popcount(base.word[w] ^ seed.word[w]) +
                      __builtin_popcount(base.word[w] ^ epoch.word[w]);
    }
    assert_in_range(turned, 64 * 64 - 230, 64 * 64 + 230); /* 5 sigma */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threefry_known_answers),
#ifdef HAVE_RANDOM123
        cmocka_unit_test(test_threefry_matches_random123),
#endif
        cmocka_unit_test(test_normal_same_bits_as_scalar_in_every_set),
        cmocka_unit_test(test_normal_close_to_definition),
        cmocka_unit_test(test_uniform_moments),
        cmocka_unit_test(test_uniform_uses_all_bits),
        cmocka_unit_test(test_key_make_separates),
        cmocka_unit_test(test_key_make_avalanche),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
