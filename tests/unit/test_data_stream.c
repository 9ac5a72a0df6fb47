/* Streamed data sets: the same bits as in memory, whatever is announced, whenever it is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "aedist/data.h"
#include "core/memory.h"
#include "data/rows_cache.h"

enum { SAMPLES = 1500, TESTS = 100, FEATURES = 20, LANES = 32, TILE = FEATURES * LANES };
/* Bytes for two areas of 64 samples: many windows a step, and for two of whole steps. */
static const double small = 2 * 64 * FEATURES * sizeof(float), large = 40000;

/* A slow source in place of files. */
typedef struct slow {
    int microseconds;        /* to wait, up to */
    atomic_int inside, most; /* threads in make */
    atomic_long made, made_by_reader;
    pthread_t reader;
    uint32_t bad; /* id that cannot be read; 0: none */
} slow;

static float value_of(uint32_t id, int64_t feature)
{
    return (float)((id * 2654435761u + (uint32_t)feature * 40503u) >> 8) * 0x1p-24f;
}

static aed_status slow_make(const aed_source *source, int64_t epoch, const uint32_t *ids,
                            int64_t count, const aed_rows *rows)
{
    slow *state = source->state;
    aed_status status = AED_OK;
    (void)epoch;
    const int inside = atomic_fetch_add(&state->inside, 1) + 1;
    if (inside > state->most) state->most = inside;
    if (state->microseconds) usleep((ids[0] * 7919u) % (unsigned)state->microseconds);
    for (int64_t i = 0; i < count; i++) {
        for (int64_t f = 0; f < FEATURES; f++) {
            if (rows->target) rows->target[i * FEATURES + f] = value_of(ids[i], f);
            if (rows->bytes) rows->bytes[i * FEATURES + f] = (uint8_t)(255 * value_of(ids[i], f));
        }
        if (rows->labels) rows->labels[i] = (int32_t)(ids[i] % 7);
        if (state->bad && ids[i] == state->bad)
            status = aed_fail(AED_DATA, "sample %u is bad", ids[i]);
    }
    atomic_fetch_add(&state->made, count);
    if (pthread_equal(pthread_self(), state->reader))
        atomic_fetch_add(&state->made_by_reader, count);
    atomic_fetch_sub(&state->inside, 1);
    return status;
}

typedef struct setting {
    slow state;
    aed_source source;
    aed_dataset streamed, kept;
} setting;

static const aed_source_ops slow_ops = {.kind = {.name = "slow"}, .make = slow_make};

static void start(setting *s, bool is_bytes, double memory, aed_scale_kind scale)
{
    aed_dataset_options options = {.scale = {.kind = scale}, .memory = memory};
    *s = (setting){.source = {.ops = &slow_ops,
                              .state = &s->state,
                              .samples = SAMPLES,
                              .test_samples = TESTS,
                              .shape = {1, {FEATURES}},
                              .interval = {0, is_bytes ? 255 : 1},
                              .is_bytes = is_bytes,
                              .slow_to_read = true,
                              .classes = 7}};
    assert_int_equal(aed_dataset_create(&s->source, &options, &s->streamed), AED_OK);
    options.memory = 1e9;
    assert_int_equal(aed_dataset_create(&s->source, &options, &s->kept), AED_OK);
    assert_true(s->streamed.streamed && !s->kept.streamed);
    s->state.made = s->state.made_by_reader = 0;
    s->state.reader = pthread_self();
}

static void stop(setting *s)
{
    aed_dataset_destroy(&s->streamed);
    aed_dataset_destroy(&s->kept);
    assert_in_range(s->state.most, 1, 1);
}

/* The tile ids[valid], its last repeated, must be the same from both sets. */
static void compare_tile(const setting *s, const uint32_t *ids, int valid)
{
    float expected[TILE], input[TILE], target[TILE];
    int32_t labels[LANES], expected_labels[LANES];
    uint32_t lane_ids[LANES];
    for (int i = 0; i < LANES; i++) lane_ids[i] = ids[i < valid ? i : valid - 1];
    assert_int_equal(
        aed_dataset_tile(&s->kept, 1, lane_ids, LANES, 1, expected, expected, expected_labels),
        AED_OK);
    assert_int_equal(aed_dataset_tile(&s->streamed, 1, lane_ids, LANES, 1, target, input, labels),
                     AED_OK);
    assert_memory_equal(target, expected, sizeof target);
    assert_memory_equal(input, expected, sizeof input);
    assert_memory_equal(labels, expected_labels, sizeof labels);
}

static void compare_tiles(const setting *s, const uint32_t *ids, int count)
{
    for (int first = 0; first < count; first += LANES)
        compare_tile(s, ids + first, count - first < LANES ? count - first : LANES);
}

/* The order of an epoch. */
static void shuffle(uint64_t epoch, uint32_t *ids)
{
    aed_permutation order;
    aed_permutation_make(1, epoch, SAMPLES, &order);
    aed_permutation_read(&order, 0, SAMPLES, ids);
}

/* Two epochs as the trainer runs them, in steps of `batch`, each announced one ahead. */
static void train(const setting *s, int batch)
{
    uint32_t ids[SAMPLES];
    for (uint64_t epoch = 1; epoch <= 2; epoch++) {
        shuffle(epoch, ids);
        for (int first = 0; first < SAMPLES; first += batch) {
            const int count = SAMPLES - first < batch ? SAMPLES - first : batch;
            const int next = first + count, left = SAMPLES - next;
            if (first == 0) aed_dataset_announce(&s->streamed, 1, ids, count);
            if (left > 0)
                aed_dataset_announce(&s->streamed, 1, ids + next, left < batch ? left : batch);
            compare_tiles(s, ids + first, count);
        }
    }
}

static void test_tile_equals_memory_in_training(void **state)
{
    const int batches[] = {20, 100, 333, SAMPLES};
    const double memories[] = {small, large, 1};
    setting s;
    (void)state;
    for (int b = 0; b < 4; b++)
        for (int m = 0; m < 3; m++)
            for (int is_bytes = 0; is_bytes < 2; is_bytes++) {
                start(&s, is_bytes, memories[m] / (is_bytes ? 4 : 1), AED_SCALE_UNIT);
                s.state.microseconds = b == 1 ? 500 : 0;
                train(&s, batches[b]);
                stop(&s);
            }
}

static void test_the_thread_reads_each_announced_sample_once(void **state)
{
    setting s;
    (void)state;
    start(&s, false, large, AED_SCALE_NONE);
    train(&s, 100);
    assert_int_equal(s.state.made, 2 * SAMPLES);
    assert_int_equal(s.state.made_by_reader, 0);
    stop(&s);
    start(&s, false, small, AED_SCALE_NONE);
    train(&s, SAMPLES); /* windows of an announcement follow one another */
    assert_int_equal(s.state.made, 2 * SAMPLES);
    assert_int_equal(s.state.made_by_reader, 0);
    stop(&s);
}

/* What was announced and never used does not keep the thread from what comes later. */
static void test_the_thread_goes_on_after_what_was_not_used(void **state)
{
    uint32_t ids[SAMPLES];
    setting s;
    (void)state;
    shuffle(1, ids);
    for (int slowness = 0; slowness <= 1000; slowness += 500) {
        start(&s, false, small, AED_SCALE_NONE);
        s.state.microseconds = slowness;
        for (int i = 0; i < 10; i++) {
            aed_dataset_announce(&s.streamed, 1, ids + 100 * i, 100);
            if (i % 3 == 0) usleep((unsigned)slowness);
        }
        compare_tiles(&s, ids + 900, 100);
        assert_int_equal(s.state.made_by_reader, 0);
        stop(&s);
    }
}

/* Waits until the thread has read so many samples. */
static void await_made(const setting *s, long count)
{
    for (int i = 0; i < 2000 && s->state.made < count; i++) usleep(1000);
    assert_int_equal(s->state.made, count);
}

static void test_the_thread_reads_ahead_unasked(void **state)
{
    uint32_t ids[SAMPLES];
    setting s;
    (void)state;
    shuffle(1, ids);
    start(&s, false, small, AED_SCALE_NONE);
    aed_dataset_announce(&s.streamed, 1, ids, 256);
    await_made(&s, 128); /* two areas */
    compare_tiles(&s, ids, 64);
    compare_tiles(&s, ids + 64, LANES); /* the first area is used up */
    await_made(&s, 192);
    stop(&s);
    for (int waiting = 0; waiting < 2; waiting++) {
        start(&s, false, small, AED_SCALE_NONE);
        s.state.microseconds = 10000;
        aed_dataset_announce(&s.streamed, 1, ids, 64);
        if (waiting)
            await_made(&s, 64);
        else
            while (!s.state.inside && s.state.made == 0) usleep(10);
        aed_dataset_announce(&s.streamed, 1, ids + 64, 64);
        aed_dataset_announce(&s.streamed, 1, ids + 128, 64); /* which drops the first */
        await_made(&s, 192);
        stop(&s);
    }
}

static void test_tile_equals_memory_with_every_scaling(void **state)
{
    const aed_scale_kind scales[] = {AED_SCALE_NONE, AED_SCALE_UNIT, AED_SCALE_BATCH_MAX,
                                     AED_SCALE_L2};
    uint32_t ids[SAMPLES];
    setting s;
    (void)state;
    shuffle(1, ids);
    for (int k = 0; k < 4; k++) {
        float largest, expected;
        start(&s, k % 2, small, scales[k]);
        aed_dataset_announce(&s.streamed, 1, ids, 64);
        if (scales[k] == AED_SCALE_BATCH_MAX) {
            assert_int_equal(aed_dataset_max(&s.streamed, 1, ids, 64, &largest), AED_OK);
            assert_int_equal(aed_dataset_max(&s.kept, 1, ids, 64, &expected), AED_OK);
            assert_true(largest == expected);
        }
        compare_tiles(&s, ids, 64);
        stop(&s);
    }
}

/* Nothing announced, other things announced, announced and left, asked twice, in another order. */
static void test_tile_equals_memory_whatever_is_announced(void **state)
{
    uint32_t ids[SAMPLES], tests[TESTS];
    setting s;
    (void)state;
    shuffle(1, ids);
    for (uint32_t i = 0; i < TESTS; i++) tests[i] = SAMPLES + i;
    for (int slowness = 0; slowness <= 1000; slowness += 500) {
        start(&s, false, small, AED_SCALE_NONE);
        s.state.microseconds = slowness;
        compare_tiles(&s, ids, 100);
        aed_dataset_announce(&s.streamed, 1, ids, 500);
        compare_tiles(&s, tests, TESTS);
        compare_tiles(&s, ids + 320, 100);
        compare_tiles(&s, ids, 200);
        compare_tiles(&s, ids, 200);
        for (int i = 0; i < 10; i++) aed_dataset_announce(&s.streamed, 1, ids + 100 * i, 100);
        compare_tiles(&s, ids + 900, 100);
        aed_dataset_announce(&s.streamed, 1, ids, 0);
        aed_dataset_announce(&s.streamed, 1, tests, TESTS);
        compare_tiles(&s, tests, TESTS);
        stop(&s);
    }
}

static void test_tile_tells_the_threads_failure(void **state)
{
    float target[TILE];
    uint32_t ids[SAMPLES];
    setting s;
    (void)state;
    for (uint32_t i = 0; i < SAMPLES; i++) ids[i] = i;
    start(&s, false, small, AED_SCALE_NONE);
    s.state.bad = 200;
    for (int announced = 0; announced < 2; announced++) {
        if (announced) aed_dataset_announce(&s.streamed, 1, ids, 600);
        compare_tiles(&s, ids, 192);
        aed_fail(AED_INTERNAL, "an older message");
        assert_int_equal(
            aed_dataset_tile(&s.streamed, 1, ids + 192, LANES, 1, target, target, NULL), AED_DATA);
        assert_string_equal(aed_status_message(), "sample 200 is bad");
        compare_tiles(&s, ids + 256, 200);
    }
    stop(&s);
}

static void test_destroy_does_not_wait_for_what_was_announced(void **state)
{
    uint32_t ids[SAMPLES];
    setting s;
    (void)state;
    shuffle(1, ids);
    for (int i = 0; i < 20; i++) {
        start(&s, false, small, AED_SCALE_NONE);
        s.state.microseconds = 300;
        aed_dataset_announce(&s.streamed, 1, ids, SAMPLES);
        if (i % 2) compare_tiles(&s, ids, 32 * (i % 5));
        stop(&s);
        assert_in_range(s.state.made, 0, SAMPLES - 64); /* two areas, and one under way */
    }
}

/* The thread may find no memory; the reader then reads for himself. */
static void test_tile_equals_memory_without_memory_to_read_ahead(void **state)
{
    uint32_t ids[SAMPLES];
    setting s;
    (void)state;
    shuffle(1, ids);
    for (long fitting = 1; fitting <= 6; fitting++) {
        start(&s, false, small, AED_SCALE_NONE);
        aed_alloc_fail_after(fitting);
        aed_dataset_announce(&s.streamed, 1, ids, 200);
        compare_tiles(&s, ids, 200);
        aed_dataset_announce(&s.streamed, 1, ids + 200, 300);
        compare_tiles(&s, ids + 200, 300);
        aed_alloc_fail_after(0);
        compare_tiles(&s, ids + 200, 300);
        stop(&s);
    }
}

static void test_create_keeps_what_fits(void **state)
{
    setting s;
    (void)state;
    start(&s, false, (SAMPLES + TESTS) * FEATURES * 4.0 - 1, AED_SCALE_NONE);
    aed_dataset_destroy(&s.streamed);
    const aed_dataset_options options = {.memory = (SAMPLES + TESTS) * FEATURES * 4.0};
    assert_int_equal(aed_dataset_create(&s.source, &options, &s.streamed), AED_OK);
    assert_false(s.streamed.streamed);
    stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tile_equals_memory_in_training),
        cmocka_unit_test(test_the_thread_reads_each_announced_sample_once),
        cmocka_unit_test(test_the_thread_goes_on_after_what_was_not_used),
        cmocka_unit_test(test_the_thread_reads_ahead_unasked),
        cmocka_unit_test(test_tile_equals_memory_with_every_scaling),
        cmocka_unit_test(test_tile_equals_memory_whatever_is_announced),
        cmocka_unit_test(test_tile_tells_the_threads_failure),
        cmocka_unit_test(test_destroy_does_not_wait_for_what_was_announced),
        cmocka_unit_test(test_tile_equals_memory_without_memory_to_read_ahead),
        cmocka_unit_test(test_create_keeps_what_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
