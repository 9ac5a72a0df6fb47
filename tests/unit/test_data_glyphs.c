/* Drawn digits: pure functions of seed and id, balanced labels, images that look as they should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "unit/data_fixture.h"

enum { SIZE = 28, PIXELS = SIZE * SIZE, COUNT = 2000 };

typedef struct digits {
    uint8_t bytes[COUNT][PIXELS];
    int32_t labels[COUNT];
} digits;

static digits drawn, again; /* too large for a stack */

static void open_source(double seed, double size, aed_source *source)
{
    fixture f;
    fixture_start(&f, "glyphs");
    fixture_number(&f, "seed", seed);
    fixture_number(&f, "size", size);
    assert_int_equal(aed_source_create(&f.spec, source), AED_OK);
}

/* Draws the samples first ... first+COUNT-1. */
static void draw_all(const aed_source *source, uint32_t first, digits *out)
{
    uint32_t ids[COUNT];
    const aed_rows rows = {.bytes = out->bytes[0], .labels = out->labels};
    for (uint32_t i = 0; i < COUNT; i++) ids[i] = first + i;
    assert_int_equal(source->ops->make(source, 0, ids, COUNT, &rows), AED_OK);
}

static void test_create_tells_what_there_is(void **state)
{
    fixture f;
    aed_source source;
    (void)state;
    fixture_start(&f, "glyphs");
    assert_int_equal(aed_source_create(&f.spec, &source), AED_OK);
    assert_int_equal(source.samples, 10000);
    assert_int_equal(source.test_samples, 2000);
    assert_int_equal(source.classes, 10);
    assert_true(source.is_bytes && !source.fresh && !source.own_input && !source.slow_to_read);
    assert_int_equal(source.shape.rank, 3);
    assert_int_equal(source.shape.size[0], 1);
    assert_int_equal(source.shape.size[1], 28);
    assert_int_equal(source.shape.size[2], 28);
    assert_true(source.interval.lo == 0 && source.interval.hi == 255);
    aed_source_destroy(&source);
}

static void test_create_refuses_more_ids_than_there_are(void **state)
{
    fixture f;
    (void)state;
    fixture_start(&f, "glyphs");
    fixture_number(&f, "samples", 4294967295.0);
    fixture_number(&f, "test_samples", 1);
    assert_true(fixture_fails(&f, AED_CONFIG, "4294967295 samples", "2^32 - 1"));
}

static void test_make_does_not_depend_on_order_or_company(void **state)
{
    aed_source source;
    uint8_t alone[PIXELS], three[3][PIXELS];
    int32_t label;
    (void)state;
    open_source(3, SIZE, &source);
    draw_all(&source, 0, &drawn);
    for (uint32_t id = COUNT; id-- > 0;) {
        const aed_rows rows = {.bytes = alone, .labels = &label};
        assert_int_equal(source.ops->make(&source, 7, &id, 1, &rows), AED_OK);
        assert_memory_equal(alone, drawn.bytes[id], PIXELS);
        assert_int_equal(label, drawn.labels[id]);
    }
    const uint32_t ids[3] = {1999, 5, 5};
    const aed_rows pictures = {.bytes = three[0]};
    assert_int_equal(source.ops->make(&source, 0, ids, 3, &pictures), AED_OK);
    assert_memory_equal(three[0], drawn.bytes[1999], PIXELS);
    assert_memory_equal(three[2], drawn.bytes[5], PIXELS);
    const aed_rows labels = {.labels = &label};
    assert_int_equal(source.ops->make(&source, 0, ids + 1, 1, &labels), AED_OK);
    assert_int_equal(label, drawn.labels[5]);
    aed_source_destroy(&source);
}

static void test_make_draws_every_digit_once_in_ten(void **state)
{
    aed_source source;
    int first[10] = {0};
    (void)state;
    open_source(0, SIZE, &source);
    draw_all(&source, 4294965290u, &drawn); /* the highest ids, from a multiple of ten on */
    for (int block = 0; block < COUNT / 10; block++) {
        unsigned seen = 0;
        for (int i = 0; i < 10; i++) {
            assert_in_range(drawn.labels[block * 10 + i], 0, 9);
            seen |= 1u << drawn.labels[block * 10 + i];
        }
        assert_int_equal(seen, 0x3ff);
        first[drawn.labels[block * 10]]++;
    }
    /* 200 blocks: 20 of each expected at a block's start, 5 standard deviations are 21. */
    for (int digit = 0; digit < 10; digit++) assert_in_range(first[digit], 1, 41);
    aed_source_destroy(&source);
}

static void test_make_depends_on_the_seed(void **state)
{
    aed_source source, other;
    int same_label = 0;
    (void)state;
    open_source(1, SIZE, &source);
    open_source(2, SIZE, &other);
    draw_all(&source, 0, &drawn);
    draw_all(&other, 0, &again);
    for (int i = 0; i < COUNT; i++) {
        same_label += drawn.labels[i] == again.labels[i];
        assert_memory_not_equal(drawn.bytes[i], again.bytes[i], PIXELS);
    }
    assert_in_range(same_label, COUNT / 10 - 70, COUNT / 10 + 70);
    aed_source_destroy(&source);
    aed_source_destroy(&other);
}

/* The pictures are made of rounded operations only: every machine must find these. */
static void test_make_gives_known_pictures(void **state)
{
    aed_source source;
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    (void)state;
    open_source(11, SIZE, &source);
    draw_all(&source, 0, &drawn);
    for (int i = 0; i < COUNT; i++) {
        for (int j = 0; j < PIXELS; j++) hash = (hash ^ drawn.bytes[i][j]) * 0x100000001b3u;
        hash = (hash ^ (uint64_t)drawn.labels[i]) * 0x100000001b3u;
    }
    assert_true(hash == 0xa4dff46deb2b29d8u);
    aed_source_destroy(&source);
}

/* Handwritten digits of this format have a mean of 0.13, 19 % of pixels with ink, 8 % full. */
static void test_make_is_inked_like_handwriting(void **state)
{
    aed_source source;
    double sum = 0, inked = 0, full = 0, rim = 0;
    (void)state;
    open_source(0, SIZE, &source);
    draw_all(&source, 0, &drawn);
    for (int i = 0; i < COUNT; i++) {
        double mass = 0, x = 0, y = 0;
        for (int j = 0; j < PIXELS; j++) {
            const double value = drawn.bytes[i][j] / 255.0;
            mass += value;
            x += value * (j % SIZE + 0.5);
            y += value * (j / SIZE + 0.5);
            inked += value > 0;
            full += value > 0.98;
            if (j / SIZE % (SIZE - 1) == 0 || j % SIZE % (SIZE - 1) == 0) rim += value;
        }
        assert_true(mass > 20 && mass < 250);
        assert_true(fabs(x / mass - 14) < 5 && fabs(y / mass - 14) < 5);
        sum += mass;
    }
    assert_true(fabs(sum / COUNT / PIXELS - 0.133) < 0.01);
    assert_true(fabs(inked / COUNT / PIXELS - 0.195) < 0.015);
    assert_true(fabs(full / COUNT / PIXELS - 0.08) < 0.015);
    assert_true(rim / COUNT < 0.05 * 4 * SIZE);
    aed_source_destroy(&source);
}

/* The digit whose mean picture is nearest. */
static int nearest(float mean[10][PIXELS], const uint8_t *bytes)
{
    int best = 0;
    double least = 1e300;
    for (int digit = 0; digit < 10; digit++) {
        double distance = 0;
        for (int j = 0; j < PIXELS; j++)
            distance += (bytes[j] - mean[digit][j]) * (bytes[j] - mean[digit][j]);
        if (distance < least) best = digit;
        if (distance < least) least = distance;
    }
    return best;
}

static void test_make_draws_what_the_label_says(void **state)
{
    static float mean[10][PIXELS];
    aed_source source;
    int right = 0;
    (void)state;
    open_source(0, SIZE, &source);
    draw_all(&source, 0, &drawn);
    draw_all(&source, COUNT, &again);
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < PIXELS; j++)
            mean[drawn.labels[i]][j] += drawn.bytes[i][j] * (10.0f / COUNT);
    for (int i = 0; i < COUNT; i++) right += nearest(mean, again.bytes[i]) == again.labels[i];
    assert_in_range(right, COUNT * 7 / 10, COUNT * 9 / 10); /* neither by chance nor too easy */
    aed_source_destroy(&source);
}

static void test_make_draws_every_size(void **state)
{
    (void)state;
    for (int size = 8; size <= 64; size++) {
        static uint8_t bytes[20 * 64 * 64];
        uint32_t ids[20];
        double sum = 0;
        aed_source source;
        open_source(5, size, &source);
        const aed_rows rows = {.bytes = bytes};
        for (uint32_t i = 0; i < 20; i++) ids[i] = i;
        assert_int_equal(source.ops->make(&source, 0, ids, 20, &rows), AED_OK);
        for (int i = 0; i < 20 * size * size; i++) sum += bytes[i] / 255.0;
        assert_true(fabs(sum / (20.0 * size * size) - 0.135) < 0.04);
        aed_source_destroy(&source);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_tells_what_there_is),
        cmocka_unit_test(test_create_refuses_more_ids_than_there_are),
        cmocka_unit_test(test_make_does_not_depend_on_order_or_company),
        cmocka_unit_test(test_make_draws_every_digit_once_in_ten),
        cmocka_unit_test(test_make_depends_on_the_seed),
        cmocka_unit_test(test_make_gives_known_pictures),
        cmocka_unit_test(test_make_is_inked_like_handwriting),
        cmocka_unit_test(test_make_draws_what_the_label_says),
        cmocka_unit_test(test_make_draws_every_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
