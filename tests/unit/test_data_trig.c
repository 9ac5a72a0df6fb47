/* Our sine and cosine against libm, and their bits against those of any other processor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "core/trig.h"

/* A fixed sequence of numbers in [0, 1). */
static double next_number(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-53;
}

static void check_close(double x)
{
    const double sine = sin(x), cosine = cos(x);
    const double ds = fabs(aed_trig_sin(x) - sine), dc = fabs(aed_trig_cos(x) - cosine);
    if (ds > 4.5e-16 * fabs(sine)) fail_msg("sin(%a): off by %g of %g", x, ds, sine);
    if (dc > 4.5e-16 * fabs(cosine)) fail_msg("cos(%a): off by %g of %g", x, dc, cosine);
}

static void test_trig_agrees_with_libm(void **state)
{
    uint64_t numbers = 1;
    (void)state;
    for (double scale = 1e-9; scale < 0x1p50; scale *= 7)
        for (int i = 0; i < 2000; i++) check_close((2 * next_number(&numbers) - 1) * scale);
    check_close(0);
}

static void test_trig_is_accurate_near_multiples_of_a_quarter_turn(void **state)
{
    (void)state;
    for (double n = 1; n < 0x1p47; n = floor(n * 1.37) + 1) {
        const double x = n * 1.5707963267948966;
        check_close(x);
        check_close(nextafter(x, 0));
        check_close(-nextafter(x, INFINITY));
    }
}

static void test_trig_of_infinities_is_nan(void **state)
{
    (void)state;
    assert_true(isnan(aed_trig_sin(INFINITY)) && isnan(aed_trig_cos(-INFINITY)));
    assert_true(isnan(aed_trig_sin(NAN)) && isnan(aed_trig_cos(NAN)));
}

/* Plain operations of IEEE 754 have one result: the hash must be the same wherever this runs. */
static void test_trig_has_the_same_bits_everywhere(void **state)
{
    uint64_t numbers = 2, hash = 0xcbf29ce484222325u;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        const double x = (2 * next_number(&numbers) - 1) * ldexp(1, i % 47);
        const double values[2] = {aed_trig_sin(x), aed_trig_cos(x)};
        uint64_t bits[2];
        memcpy(bits, values, sizeof bits);
        hash = (hash ^ bits[0]) * 0x100000001b3u;
        hash = (hash ^ bits[1]) * 0x100000001b3u;
    }
    if (hash != 0x9cdddb61ed6f3d19u) fail_msg("hash %#llx", (unsigned long long)hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trig_agrees_with_libm),
        cmocka_unit_test(test_trig_is_accurate_near_multiples_of_a_quarter_turn),
        cmocka_unit_test(test_trig_of_infinities_is_nan),
        cmocka_unit_test(test_trig_has_the_same_bits_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
