/* The fused multiply-add that the plain set builds from doubles, against the library's fmaf.
 *
 * This file is compiled for the baseline processor, so that lanes.h takes the emulation; where the
 * compiler was told of a processor with the instruction, that is what is compared. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define AED_KERNEL_SET test
#include "core/clock.h"
#include "kernel/set/lanes.h"
#include "support/kernel_case.h"

enum { BATCH = 1 << 12, MOST_BATCHES = 2500 };
static const double SECONDS = 2;

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Compares one batch. The environment is the caller's. */
static void check_batch(const float *a, const float *b, const float *c)
{
    float actual[AED_WIDTH];
    for (int i = 0; i < BATCH; i += AED_WIDTH) {
        v_store(actual, v_fma(v_load(a + i), v_load(b + i), v_load(c + i)));
        for (int j = 0; j < AED_WIDTH; j++) {
            const float expected = fmaf(a[i + j], b[i + j], c[i + j]);
            if (memcmp(&expected, &actual[j], sizeof expected) == 0) continue;
            if (isnan(expected) && isnan(actual[j])) continue;
            fail_msg("%a * %a + %a is %a, expected %a", (double)a[i + j], (double)b[i + j],
                     (double)c[i + j], (double)actual[j], (double)expected);
        }
    }
}

/* Makes one triple. */
typedef void (*triple)(uint64_t *random, float *a, float *b, float *c);

/* Ten million triples, or those of about 2 seconds, with subnormals flushed and without. */
static void check_triples(triple make, uint64_t seed)
{
    static float a[BATCH], b[BATCH], c[BATCH];
    const double start = aed_clock_seconds();
    for (int batch = 0; batch < MOST_BATCHES; batch++) {
        if (aed_clock_seconds() - start > SECONDS) break;
        for (int i = 0; i < BATCH; i++) make(&seed, a + i, b + i, c + i);
        const unsigned environment = aed_float_pin();
        check_batch(a, b, c);
        aed_float_restore(environment);
        if (batch % 4 == 0) check_batch(a, b, c);
    }
}

/* Any bits at all: mostly far apart in size, with NaN, infinities and subnormals among them. */
static void any_bits(uint64_t *random, float *a, float *b, float *c)
{
    const uint64_t bits = aed_case_bits(random);
    *a = from_bits((uint32_t)bits);
    *b = from_bits((uint32_t)(bits >> 32));
    *c = from_bits((uint32_t)aed_case_bits(random));
}

static void test_fma_any_bits(void **state)
{
    (void)state;
    check_triples(any_bits, 1);
}

/* The addend within 2^30 of the product in size: rounding and cancellation of every kind. */
static void near_product(uint64_t *random, float *a, float *b, float *c)
{
    const uint64_t bits = aed_case_bits(random);
    *a = (float)aed_case_uniform(random, -2, 2);
    *b = ldexpf(1 + (float)(bits & 0x7fffff) * 0x1p-23f, (int)(bits >> 23 & 15) - 8);
    *c = ldexpf(-*a * *b, (int)(bits >> 27 & 63) - 32);
    for (uint64_t steps = bits >> 33 & 3; steps > 0; steps--)
        *c = nextafterf(*c, (bits >> 35 & 1) ? 1e30f : -1e30f);
    if (bits >> 36 & 1) *c = -*c;
}

static void test_fma_near_product(void **state)
{
    (void)state;
    check_triples(near_product, 2);
}

/* a * b + c lies at or one part in 2^48 beside the middle of two floats: few bits in each factor
 * make an exact product whose last bit is the half, and the addend sets what lies above. */
static void halfway(uint64_t *random, float *a, float *b, float *c)
{
    const uint64_t bits = aed_case_bits(random);
    /* Odd multiples of 2^-24 relative to c in [1, 2): its units are 2^-23. */
    const float tiny = (bits & 1) ? (float)((bits >> 1 & 7) * 2 + 1) * 0x1p-24f : 0x1p-24f;
    const int offset = (int)(bits >> 4 & 3); /* beside the half: a factor 1 +- 2^-23 */
    *a = tiny;
    *b = offset == 0 ? 1 + 0x1p-23f : offset == 1 ? 1 - 0x1p-24f : 1;
    *c = 1 + (float)(bits >> 8 & 0x7fffff) * 0x1p-23f;
    if (bits >> 40 & 1) *a = -*a;
    if (bits >> 41 & 1) *c = -*c;
    if ((bits >> 42 & 7) == 0) *c = (bits >> 45 & 1) ? 1.0f : 2.0f - 0x1p-23f;
    const int scale = (int)(bits >> 46 & 127) - 64;
    *a = ldexpf(*a, scale);
    *c = ldexpf(*c, scale);
}

static void test_fma_halfway(void **state)
{
    (void)state;
    check_triples(halfway, 3);
}

/* Almost all of the product cancels: the addend is its rounded negative. */
static void cancelling(uint64_t *random, float *a, float *b, float *c)
{
    *a = (float)aed_case_uniform(random, -2, 2);
    *b = (float)aed_case_uniform(random, -2, 2);
    *c = -(*a * *b);
    if (aed_case_bits(random) & 1) *c = nextafterf(*c, (aed_case_bits(random) & 1) ? 8.0f : -8.0f);
}

static void test_fma_cancellation(void **state)
{
    (void)state;
    check_triples(cancelling, 4);
}

/* Results around 2^-126, where flushing begins, and around the largest float. */
static void at_the_ends(uint64_t *random, float *a, float *b, float *c)
{
    const uint64_t bits = aed_case_bits(random);
    const int end = (bits & 1) ? -63 : 64;
    *a = ldexpf((float)aed_case_uniform(random, -2, 2), end + (int)(bits >> 1 & 3) - 2);
    *b = ldexpf((float)aed_case_uniform(random, -2, 2), end);
    *c = ldexpf((float)aed_case_uniform(random, -2, 2),
                (bits & 1) ? -126 + (int)(bits >> 3 & 31) - 28 : 127 - (int)(bits >> 3 & 31));
    if ((bits >> 8 & 7) == 0) *c = (bits & 1) ? 0x1p-126f : 0x1.fffffep127f;
    if ((bits >> 11 & 7) == 0) { /* just below 2^-126: rounds up to it or is flushed */
        *a = ldexpf(1 - 0x1p-24f, -63);
        *b = ldexpf(1 - (float)(bits >> 14 & 3) * 0x1p-24f, -63);
        *c = (bits >> 16 & 1) ? 0.0f : ldexpf((float)aed_case_uniform(random, -1, 1), -149);
    }
}

static void test_fma_subnormal_and_overflow(void **state)
{
    (void)state;
    check_triples(at_the_ends, 5);
}

/* Every triple of numbers that are special somehow. */
static void test_fma_special_values(void **state)
{
    (void)state;
    static const float values[] = {
        0.0f,           -0.0f,           1.0f,
        -1.0f,          0x1p-126f,       -0x1p-126f,
        0x1p-149f,      0x1.fffffep127f, -0x1.fffffep127f,
        INFINITY,       -INFINITY,       NAN,
        0x1.fffffep-1f, 0x1.000002p0f,   0x1p-63f,
        0x1p64f,
    };
    enum { VALUES = sizeof values / sizeof *values };
    static float a[BATCH], b[BATCH], c[BATCH];
    _Static_assert(VALUES * VALUES * VALUES == BATCH, "one batch holds all triples");
    for (int i = 0; i < BATCH; i++) {
        a[i] = values[i % VALUES];
        b[i] = values[i / VALUES % VALUES];
        c[i] = values[i / VALUES / VALUES];
    }
    check_batch(a, b, c);
    const unsigned environment = aed_float_pin();
    check_batch(a, b, c);
    aed_float_restore(environment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fma_any_bits),
        cmocka_unit_test(test_fma_near_product),
        cmocka_unit_test(test_fma_halfway),
        cmocka_unit_test(test_fma_cancellation),
        cmocka_unit_test(test_fma_subnormal_and_overflow),
        cmocka_unit_test(test_fma_special_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
