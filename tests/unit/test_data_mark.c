/* The mark of a source's samples: the same for the same ones, another for others, and a whole number that
 * a double holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "unit/data_fixture.h"

static double mark_of(const char *source_name, const char *key, double number)
{
    fixture f;
    aed_source source;
    double mark = -1;
    fixture_start(&f, source_name);
    fixture_number(&f, key, number);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    assert_int_equal(aed_source_mark(&source, &mark), AED_OK);
    aed_source_destroy(&source);
    return mark;
}

static void test_mark_is_the_samples(void **state)
{
    static const char *const sources[] = {"bezier", "glyphs"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        const double mark = mark_of(sources[i], "seed", 1);
        assert_true(mark > 0 && mark < 0x1p48 && mark == floor(mark));
        assert_true(mark == mark_of(sources[i], "seed", 1));
        assert_true(mark != mark_of(sources[i], "seed", 2));
    }
}

/* The same first samples, and more of them. */
static void test_mark_counts_the_samples(void **state)
{
    (void)state;
    assert_true(mark_of("bezier", "samples", 1000) != mark_of("bezier", "samples", 1001));
}

static void test_mark_of_one_sample(void **state)
{
    (void)state;
    assert_true(mark_of("bezier", "samples", 1) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mark_is_the_samples),
        cmocka_unit_test(test_mark_counts_the_samples),
        cmocka_unit_test(test_mark_of_one_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
