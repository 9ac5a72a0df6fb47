/* Signals against an independent computation, their noise and norms, and bad expressions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <math.h>

#include "aedist/rng.h"
#include "core/memory.h"
#include "unit/data_fixture.h"

enum { CHANNELS = 4, POINTS = 12, FEATURES = CHANNELS * POINTS };

static const char *const article[CHANNELS] = {"cos(x)", "cos(x^4/10)", "sin(x^3*cos(x^2))",
                                              "0.25*cos(x^2)-10*sin(0.25*x)"};

static double article_value(int channel, double x)
{
    switch (channel) {
    case 0: return cos(x);
    case 1: return cos(x * x * x * x / 10);
    case 2: return sin(x * x * x * cos(x * x));
    default: return 0.25 * cos(x * x) - 10 * sin(0.25 * x);
    }
}

static void start_article(fixture *f)
{
    fixture_start(f, "signal");
    fixture_strings(f, "functions", CHANNELS, article);
    fixture_number(f, "seed", 3);
}

static void make(const aed_source *source, int64_t epoch, uint32_t first, int64_t count,
                 float *target, float *input)
{
    uint32_t ids[1024];
    assert_in_range(count, 1, 1024);
    for (int64_t i = 0; i < count; i++) ids[i] = first + (uint32_t)i;
    assert_int_equal(
        source->ops->make(source, epoch, ids, count, &(aed_rows){.target = target, .input = input}),
        AED_OK);
}

static void test_create_describes_the_source(void **state)
{
    fixture f;
    aed_source source;
    (void)state;
    start_article(&f);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    assert_int_equal(source.samples, 128);
    assert_int_equal(source.shape.rank, 2);
    assert_int_equal(source.shape.size[0], CHANNELS);
    assert_int_equal(source.shape.size[1], POINTS);
    assert_true(source.fresh && source.own_input);
    assert_true(source.interval.lo == -1 && source.interval.hi == 1);
    aed_source_destroy(&source);

    fixture_number(&f, "noise", 0);
    fixture_number(&f, "fresh", 0);
    fixture_number(&f, "normalize", 0);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    assert_false(source.fresh || source.own_input);
    assert_true(isinf(source.interval.lo) && isinf(source.interval.hi));
    aed_source_destroy(&source);
}

static void test_make_evaluates_the_functions(void **state)
{
    enum { COUNT = 40, EPOCH = 6 };
    static float target[COUNT * FEATURES], input[COUNT * FEATURES];
    const aed_rng_key start_key = aed_rng_key_make(3, "data/signal/start", EPOCH);
    const aed_rng_key noise_key = aed_rng_key_make(3, "data/signal/noise", EPOCH);
    fixture f;
    aed_source source;
    (void)state;
    start_article(&f);
    fixture_number(&f, "noise", 0.7);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    make(&source, EPOCH, 5, COUNT, target, input);
    for (uint32_t s = 0; s < COUNT; s++)
        for (int c = 0; c < CHANNELS; c++) {
            double clean[POINTS], noisy[POINTS], clean_norm = 0, noisy_norm = 0;
            const float *t = target + s * FEATURES + c * POINTS;
            const float *n = input + s * FEATURES + c * POINTS;
            for (int i = 0; i < POINTS; i++) {
                const double x = -5000 + 10000 * aed_rng_uniform(start_key, 5 + s, 0) +
                                 i * (2 * M_PI / 4);
                const uint32_t element = (uint32_t)(c * POINTS + i);
                clean[i] = article_value(c, x);
                noisy[i] = clean[i] + 0.7 * (double)aed_rng_normal(noise_key, 5 + s, element);
                clean_norm += clean[i] * clean[i];
                noisy_norm += noisy[i] * noisy[i];
            }
            for (int i = 0; i < POINTS; i++) {
                /* sin(x^3 cos(x^2)) magnifies the last bit of cos by x^3, up to 1.3e11. */
                const double tolerance = c == 2 ? 2e-4 : 2e-7;
                if (fabs(t[i] - clean[i] / sqrt(clean_norm)) > tolerance ||
                    fabs(n[i] - noisy[i] / sqrt(noisy_norm)) > tolerance)
                    fail_msg("sample %u channel %d point %d: %g and %g", s, c, i, t[i], n[i]);
            }
        }
    aed_source_destroy(&source);
}

static void test_make_is_the_same_alone_and_in_any_order(void **state)
{
    enum { COUNT = 37 };
    static float target[COUNT * FEATURES], input[COUNT * FEATURES], reversed[COUNT * FEATURES],
        reversed_input[COUNT * FEATURES];
    float alone[FEATURES], alone_input[FEATURES];
    uint32_t ids[COUNT];
    fixture f;
    aed_source source;
    (void)state;
    start_article(&f);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    make(&source, 2, 0, COUNT, target, input);
    for (uint32_t i = 0; i < COUNT; i++) ids[i] = COUNT - 1 - i;
    assert_int_equal(source.ops->make(&source, 2, ids, COUNT,
                                      &(aed_rows){.target = reversed, .input = reversed_input}),
                     AED_OK);
    for (uint32_t i = 0; i < COUNT; i++) {
        make(&source, 2, i, 1, alone, alone_input);
        assert_memory_equal(alone, target + i * FEATURES, sizeof alone);
        assert_memory_equal(alone_input, input + i * FEATURES, sizeof alone);
        assert_memory_equal(alone, reversed + (COUNT - 1 - i) * FEATURES, sizeof alone);
        assert_memory_equal(alone_input, reversed_input + (COUNT - 1 - i) * FEATURES, sizeof alone);
    }
    aed_source_destroy(&source);
}

static void test_make_normalises_clean_and_noisy(void **state)
{
    enum { COUNT = 128 };
    static float blocks[2][COUNT * FEATURES];
    fixture f;
    aed_source source;
    (void)state;
    start_article(&f);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    make(&source, 0, 0, COUNT, blocks[0], blocks[1]);
    for (int block = 0; block < 2; block++)
        for (int row = 0; row < COUNT * CHANNELS; row++) {
            double norm = 0;
            for (int i = 0; i < POINTS; i++) {
                const double value = blocks[block][row * POINTS + i];
                assert_true(fabs(value) <= 1);
                norm += value * value;
            }
            assert_true(fabs(norm - 1) < 1e-6);
        }
    aed_source_destroy(&source);
}

static void test_make_fresh_changes_with_the_epoch(void **state)
{
    float a[FEATURES], a_input[FEATURES], b[FEATURES], b_input[FEATURES];
    (void)state;
    for (int fresh = 0; fresh < 2; fresh++) {
        fixture f;
        aed_source source;
        start_article(&f);
        fixture_number(&f, "fresh", fresh);
        assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
        make(&source, 1, 9, 1, a, a_input);
        make(&source, 2, 9, 1, b, b_input);
        assert_int_equal(memcmp(a, b, sizeof a) != 0, fresh);
        assert_int_equal(memcmp(a_input, b_input, sizeof a) != 0, fresh);
        aed_source_destroy(&source);
    }
}

/* The clean part is x itself or 0, unnormalised: starts and noise can be read off. */
static void test_make_draws_uniform_starts_shared_by_channels(void **state)
{
    enum { COUNT = 1000 };
    static const char *const functions[2] = {"x", "x+1"};
    static const double range[2] = {-2, 6};
    static float target[COUNT * 2 * 4];
    int cells[8] = {0};
    fixture f;
    aed_source source;
    (void)state;
    fixture_start(&f, "signal");
    fixture_strings(&f, "functions", 2, functions);
    fixture_numbers(&f, "start", 1, 2, range);
    fixture_number(&f, "intervals", 1);
    fixture_number(&f, "normalize", 0);
    fixture_number(&f, "noise", 0);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    make(&source, 0, 0, COUNT, target, NULL);
    for (int s = 0; s < COUNT; s++) {
        const float *x = target + s * 8;
        assert_true(x[0] >= -2 && x[0] < 6);
        cells[(int)floorf(x[0]) + 2]++;
        for (int i = 0; i < 4; i++) {
            assert_true(fabs(x[i] - x[0] - i * M_PI / 2) < 1e-5);
            assert_true(fabs(x[4 + i] - x[i] - 1) < 1e-5);
        }
    }
    for (int i = 0; i < 8; i++) assert_in_range(cells[i], 75, 175);
    aed_source_destroy(&source);
}

static void test_make_noise_is_independent_and_normal(void **state)
{
    enum { COUNT = 1000, ROW = 3 * 5 }; /* an odd number of points: pairs of normals straddle */
    static const char *const functions[3] = {"0", "0", "0"};
    static float target[COUNT * ROW], input[2][COUNT * ROW];
    double sum = 0, squares = 0, fourth = 0, points = 0, channels = 0, samples = 0, epochs = 0;
    fixture f;
    aed_source source;
    (void)state;
    fixture_start(&f, "signal");
    fixture_strings(&f, "functions", 3, functions);
    fixture_number(&f, "intervals", 1);
    fixture_number(&f, "interval_points", 5);
    fixture_number(&f, "normalize", 0);
    fixture_number(&f, "noise", 2);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    for (int epoch = 0; epoch < 2; epoch++) make(&source, epoch, 0, COUNT, target, input[epoch]);
    for (int i = 0; i < COUNT * ROW; i++) {
        const double z = input[0][i] / 2;
        assert_true(target[i] == 0);
        sum += z;
        squares += z * z;
        fourth += z * z * z * z;
        points += z * input[0][i / ROW * ROW + (i + 1) % ROW] / 2;
        channels += z * input[0][i / ROW * ROW + (i + 5) % ROW] / 2;
        samples += z * input[0][(i + ROW) % (COUNT * ROW)] / 2;
        epochs += z * input[1][i] / 2;
    }
    const double n = COUNT * ROW, limit = 4 * sqrt(n);
    assert_true(fabs(sum) < limit);
    assert_true(fabs(squares - n) < 1.5 * limit);
    assert_true(fabs(fourth - 3 * n) < 10 * limit);
    assert_true(fabs(points) < limit && fabs(channels) < limit);
    assert_true(fabs(samples) < limit && fabs(epochs) < limit);
    aed_source_destroy(&source);
}

static void test_make_normalises_extreme_channels(void **state)
{
    static const char *const functions[4] = {"0*x", "1e300*x", "1e-300*x", "x==0"};
    float target[FEATURES], input[FEATURES];
    fixture f;
    aed_source source;
    (void)state;
    fixture_start(&f, "signal");
    fixture_strings(&f, "functions", 4, functions);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    make(&source, 0, 1, 1, target, input);
    for (int c = 0; c < CHANNELS; c++) {
        double clean = 0, noisy = 0;
        for (int i = 0; i < POINTS; i++) {
            clean += (double)target[c * POINTS + i] * target[c * POINTS + i];
            noisy += (double)input[c * POINTS + i] * input[c * POINTS + i];
        }
        assert_true(fabs(clean - (c == 1 || c == 2)) < 1e-6); /* a zero channel stays zero */
        assert_true(fabs(noisy - 1) < 1e-6);
    }
    aed_source_destroy(&source);
}

static void test_create_knows_constants_in_any_locale(void **state)
{
    static const char *const functions[4] = {"pi", "e", "max(0.5, 0.25)", "_pi+1.5e0*e"};
    static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8", "C"};
    (void)state;
    for (size_t l = 0; l < sizeof locales / sizeof *locales; l++) {
        fixture f;
        aed_source source;
        float target[FEATURES];
        if (!setlocale(LC_ALL, locales[l])) continue;
        fixture_start(&f, "signal");
        fixture_strings(&f, "functions", 4, functions);
        fixture_number(&f, "normalize", 0);
        fixture_number(&f, "noise", 0);
        assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
        make(&source, 0, 0, 1, target, NULL);
        assert_true(target[0] == (float)M_PI && target[POINTS] == (float)M_E);
        assert_true(target[2 * POINTS] == 0.5f);
        assert_true(fabs(target[3 * POINTS] - (M_PI + 1.5 * M_E)) < 1e-5);
        aed_source_destroy(&source);
    }
    setlocale(LC_ALL, "C");
}

static int expression_fails(const char *text, const char *word, const char *other)
{
    const char *const functions[2] = {"x", text};
    fixture f;
    fixture_start(&f, "signal");
    fixture_strings(&f, "functions", 2, functions);
    return fixture_fails(&f, AED_CONFIG, word, other) &&
           strstr(aed_status_message(), "functions[1]") && !strchr(aed_status_message(), '\n');
}

static void test_create_refuses_bad_expressions(void **state)
{
    (void)state;
    assert_true(
        expression_fails("cos(y)", "'cos(y)'", "unknown name or number 'y' at character 5"));
    assert_true(expression_fails("foo(x)", "'foo(x)'", "'foo' at character 1"));
    assert_true(expression_fails("cos(", "unexpected end", "at character 5"));
    assert_true(expression_fails("x+", "unexpected end", "at character 3"));
    assert_true(expression_fails("x)", "parenthesis", "at character 2"));
    assert_true(expression_fails("2x", "unexpected variable", "at character 2"));
    assert_true(expression_fails("x**2", "unexpected operator", "at character 3"));
    assert_true(expression_fails("cos()", "too few", "at character 5"));
    assert_true(expression_fails("x\n#", "unknown", "'x #'"));
    assert_true(expression_fails("\"x\"", "text", "functions"));
    assert_true(expression_fails("", "empty", "''"));
    assert_true(expression_fails("   ", "empty", "functions"));
}

static void test_create_refuses_assignments_and_lists(void **state)
{
    (void)state;
    assert_true(expression_fails("x=3", "'=' at character 2", "=="));
    assert_true(expression_fails("2+(x = 3)", "'=' at character 6", "=="));
    assert_true(expression_fails("x, 2*x", "2 expressions", "list entry"));
    assert_true(expression_fails("1,5*x", "2 expressions", "list entry"));
}

static void test_create_refuses_functions_without_a_value(void **state)
{
    (void)state;
    assert_true(expression_fails("sqrt(-1-x^2)", "'sqrt(-1-x^2)'", "no finite value"));
    assert_true(expression_fails("1/0", "'1/0'", "no finite value"));
    char deep[4000];
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_true(expression_fails(deep, "((...'", "unexpected end"));
}

static void test_create_refuses_bad_settings(void **state)
{
    static const double numbers[3] = {3, 2, 4};
    fixture f;
    (void)state;
    fixture_start(&f, "signal");
    assert_true(fixture_fails(&f, AED_CONFIG, "'functions'", "list"));
    start_article(&f);
    fixture_numbers(&f, "start", 1, 2, numbers);
    assert_true(fixture_fails(&f, AED_CONFIG, "'start'", "3 down to 2"));
    fixture_numbers(&f, "start", 1, 3, numbers);
    assert_true(fixture_fails(&f, AED_CONFIG, "'start'", "3 numbers"));
    start_article(&f);
    fixture_number(&f, "intervals", 1048576);
    fixture_number(&f, "interval_points", 1048576);
    assert_true(fixture_fails(&f, AED_CONFIG, "4 functions", "elements"));
}

static void test_make_reports_values_that_are_not_finite(void **state)
{
    static const char *const functions[2] = {"x", "sqrt(x)"};
    static const double range[2] = {-10, 10};
    fixture f;
    aed_source source;
    aed_dataset dataset;
    (void)state;
    fixture_start(&f, "signal");
    fixture_strings(&f, "functions", 2, functions);
    fixture_numbers(&f, "start", 1, 2, range);
    fixture_number(&f, "fresh", 0);
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    assert_int_equal(aed_dataset_create(&source, NULL, &dataset), AED_DATA);
    assert_non_null(strstr(aed_status_message(), "test.yaml:3:7: functions[1] 'sqrt(x)'"));
    assert_non_null(strstr(aed_status_message(), "at x = -"));
    assert_non_null(strstr(aed_status_message(), "sample "));
    assert_null(dataset.cache);
    aed_source_destroy(&source);
}

static void test_create_survives_lack_of_memory(void **state)
{
    fixture f;
    aed_status status = AED_MEMORY;
    (void)state;
    start_article(&f);
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
        cmocka_unit_test(test_create_describes_the_source),
        cmocka_unit_test(test_make_evaluates_the_functions),
        cmocka_unit_test(test_make_is_the_same_alone_and_in_any_order),
        cmocka_unit_test(test_make_normalises_clean_and_noisy),
        cmocka_unit_test(test_make_fresh_changes_with_the_epoch),
        cmocka_unit_test(test_make_draws_uniform_starts_shared_by_channels),
        cmocka_unit_test(test_make_noise_is_independent_and_normal),
        cmocka_unit_test(test_make_normalises_extreme_channels),
        cmocka_unit_test(test_create_knows_constants_in_any_locale),
        cmocka_unit_test(test_create_refuses_bad_expressions),
        cmocka_unit_test(test_create_refuses_assignments_and_lists),
        cmocka_unit_test(test_create_refuses_functions_without_a_value),
        cmocka_unit_test(test_create_refuses_bad_settings),
        cmocka_unit_test(test_make_reports_values_that_are_not_finite),
        cmocka_unit_test(test_create_survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
