/* gaussian_noise: acts in training only, with the std of each channel, and depends on nothing but
 * (seed, the layer's path, epoch, sample id, element). Whatever tile or lane holds a sample, its noise
 * has the same bits. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "aedist/model.h"
#include "core/memory.h"
#include "support/layer_run.h"

enum { LANES = 32, CHANNELS = 3, LENGTH = 5, FEATURES = CHANNELS * LENGTH };

static const char *const path = "code.noise";
static const double stds[CHANNELS] = {0.1, 0, 2.5};

/* A noise layer over 3 x 5 features, its tile, and the noise it added. */
typedef struct noise_run {
    aed_test_layer_case c;
    aed_test_layer test;
    aed_rng_key key;
    uint32_t ids[64];
    aed_tile tile;
    aed_test_block x, y;
} noise_run;

static void noise_create(noise_run *n, int lanes, uint64_t seed, const char *layer_path,
                         uint64_t epoch)
{
    memset(n, 0, sizeof *n);
    n->c = (aed_test_layer_case){
        "gaussian_noise", "std=0.1,0,2.5", {2, {CHANNELS, LENGTH}}, lanes, lanes};
    aed_test_layer_create(&n->c, &n->test);
    n->test.layer.kernels = aed_kernels();
    n->key = aed_rng_key_make(seed, layer_path, epoch);
    n->tile = (aed_tile){
        .lanes = lanes, .valid = lanes, .ids = n->ids, .train = true, .keys = &n->key};
    for (int i = 0; i < lanes; i++) n->ids[i] = (uint32_t)i;
    n->x = aed_test_block_create(FEATURES * lanes);
    n->y = aed_test_block_create(FEATURES * lanes);
    memset(n->x.at, 0, sizeof(float) * (size_t)n->x.count);
}

static void noise_destroy(noise_run *n)
{
    aed_test_layer_destroy(&n->test);
    aed_test_block_destroy(&n->x);
    aed_test_block_destroy(&n->y);
}

static void forward(noise_run *n)
{
    n->test.layer.ops->forward(&n->test.layer, NULL, n->x.at, n->y.at, &n->tile);
}

/* The noise of one fresh tile of samples 0 ... LANES-1. */
static void noise_of(uint64_t seed, const char *layer_path, uint64_t epoch, float *noise)
{
    noise_run n;
    noise_create(&n, LANES, seed, layer_path, epoch);
    forward(&n);
    memcpy(noise, n.y.at, sizeof(float) * (size_t)n.y.count);
    noise_destroy(&n);
}

static void test_noise_in_evaluation_is_none(void **state)
{
    (void)state;
    noise_run n;
    noise_create(&n, LANES, 7, path, 1);
    memcpy(n.x.at, n.test.x.at, sizeof(float) * (size_t)n.x.count);
    n.tile.train = false;
    forward(&n);
    assert_memory_equal(n.y.at, n.x.at, sizeof(float) * (size_t)n.x.count);
    noise_destroy(&n);
}

static void test_noise_is_added_to_the_input(void **state)
{
    (void)state;
    noise_run n;
    float noise[FEATURES * LANES];
    noise_of(7, path, 1, noise);
    noise_create(&n, LANES, 7, path, 1);
    memcpy(n.x.at, n.test.x.at, sizeof(float) * (size_t)n.x.count);
    forward(&n);
    for (int64_t i = 0; i < n.y.count; i++)
        assert_true(fabsf(n.y.at[i] - (n.x.at[i] + noise[i])) <= 1e-6f);
    noise_destroy(&n);
}

static void test_noise_backward_is_the_identity(void **state)
{
    (void)state;
    noise_run n;
    noise_create(&n, LANES, 7, path, 1);
    aed_test_layer *t = &n.test;
    t->layer.ops->backward(&t->layer, NULL, n.x.at, n.x.at, t->dy.at, n.y.at, NULL, &n.tile);
    assert_memory_equal(n.y.at, t->dy.at, sizeof(float) * (size_t)n.y.count);
    noise_destroy(&n);
}

/* 20,000 samples: the std of a channel's 100,000 numbers is known to 1/447 of itself; 4 of those. */
static void test_noise_std_is_the_channels(void **state)
{
    (void)state;
    enum { TILES = 625 };
    noise_run n;
    double sum[CHANNELS] = {0}, square[CHANNELS] = {0};
    noise_create(&n, LANES, 7, path, 1);
    for (uint32_t tile = 0; tile < TILES; tile++) {
        for (uint32_t i = 0; i < LANES; i++) n.ids[i] = tile * LANES + i;
        forward(&n);
        for (int64_t i = 0; i < n.y.count; i++) {
            const int64_t channel = i / (LENGTH * LANES);
            sum[channel] += (double)n.y.at[i];
            square[channel] += (double)n.y.at[i] * (double)n.y.at[i];
        }
    }
    noise_destroy(&n);
    const double count = TILES * LANES * LENGTH;
    for (int c = 0; c < CHANNELS; c++) {
        const double mean = sum[c] / count, std = sqrt(square[c] / count - mean * mean);
        if (fabs(std - stds[c]) > 4 * stds[c] / sqrt(2 * count) ||
            fabs(mean) > 4 * stds[c] / sqrt(count))
            fail_msg("channel %d: mean %g, std %g, should be 0 and %g", c, mean, std, stds[c]);
    }
}

/* Channels, positions and samples are independent: products of neighbours average to 0. */
static void test_noise_of_neighbours_is_independent(void **state)
{
    (void)state;
    enum { TILES = 600 };
    noise_run n;
    double lanes = 0, positions = 0, channels = 0;
    noise_create(&n, LANES, 7, path, 1);
    for (uint32_t tile = 0; tile < TILES; tile++) {
        for (uint32_t i = 0; i < LANES; i++) n.ids[i] = tile * LANES + i;
        forward(&n);
        const float *first = n.y.at, *last = n.y.at + 2 * LENGTH * LANES;
        for (int i = 0; i + 1 < LANES; i++) {
            lanes += (double)first[i] / 0.1 * ((double)first[i + 1] / 0.1);
            positions += (double)first[i] / 0.1 * ((double)first[LANES + i] / 0.1);
            channels += (double)first[i] / 0.1 * ((double)last[i] / 2.5);
        }
    }
    noise_destroy(&n);
    const double allowed = 4 * sqrt(TILES * (LANES - 1));
    assert_true(fabs(lanes) < allowed);
    assert_true(fabs(positions) < allowed);
    assert_true(fabs(channels) < allowed);
}

/* Sample 9 in the first lane, the last, beside others, in a narrower tile, by any kernel set. */
static void test_noise_of_a_sample_is_the_same_in_any_lane(void **state)
{
    (void)state;
    static const int widths[] = {16, 32, 48, 64};
    const aed_kernels_table *sets[3];
    const int set_count = aed_test_kernel_sets(sets);
    float want[FEATURES], noise[FEATURES * LANES];
    noise_of(7, path, 3, noise);
    for (int f = 0; f < FEATURES; f++) want[f] = noise[f * LANES + 9];
    for (int s = 0; s < set_count; s++)
        for (int w = 0; w < 4; w++) {
            const int lanes = widths[w];
            noise_run n;
            noise_create(&n, lanes, 7, path, 3);
            n.test.layer.kernels = sets[s];
            for (int lane = 0; lane < lanes; lane++) n.ids[lane] = 1000 + (uint32_t)(lane * s);
            n.ids[0] = n.ids[lanes / 2 + 1] = n.ids[lanes - 1] = 9;
            forward(&n);
            for (int f = 0; f < FEATURES; f++) {
                const float *row = n.y.at + f * lanes;
                assert_memory_equal(row, &want[f], sizeof *row);
                assert_memory_equal(row + lanes / 2 + 1, &want[f], sizeof *row);
                assert_memory_equal(row + lanes - 1, &want[f], sizeof *row);
            }
            noise_destroy(&n);
        }
}

/* Number of equal elements in the noisy channels of two noises. */
static int equal_count(const float *a, const float *b)
{
    int equal = 0;
    for (int i = 0; i < FEATURES * LANES; i++)
        if (i / (LENGTH * LANES) != 1 && a[i] == b[i]) equal++;
    return equal;
}

static void test_noise_depends_on_seed_path_epoch_and_sample(void **state)
{
    (void)state;
    float base[FEATURES * LANES], other[FEATURES * LANES];
    noise_of(7, path, 1, base);
    noise_of(7, path, 1, other);
    assert_int_equal(equal_count(base, other), 2 * LENGTH * LANES);
    noise_of(8, path, 1, other);
    assert_in_range(equal_count(base, other), 0, 1);
    noise_of(7, "decoder.0", 1, other);
    assert_in_range(equal_count(base, other), 0, 1);
    noise_of(7, path, 2, other);
    assert_in_range(equal_count(base, other), 0, 1);
    for (int i = 0; i < FEATURES * LANES; i++) /* another sample: the neighbouring lane's */
        other[i] = base[i / LANES * LANES + (i + 1) % LANES];
    assert_in_range(equal_count(base, other), 0, 1);
}

/* The model hands each noise layer the key of its own path and the epoch, none to the others. */
static void test_model_keys_follow_path_and_epoch(void **state)
{
    (void)state;
    aed_test_spec linear, noise;
    aed_test_spec_make(&aed_layer_find("linear")->kind, "out=4", &linear);
    aed_test_spec_make(&aed_layer_find("gaussian_noise")->kind, "std=0.5", &noise);
    const aed_layer_spec specs[] = {{noise.spec, "encoder.0", NULL, false},
                                    {linear.spec, "encoder.1", NULL, false},
                                    {noise.spec, "code.noise", NULL, false}};
    const aed_rng_key untouched = {{1, 2}};
    aed_rng_key keys[3] = {untouched, untouched, untouched};
    aed_model model;
    assert_int_equal(
        aed_model_create(specs, 3, 1, &(aed_shape){1, {4}}, (aed_interval){0, 1}, 32, 0, 0, &model),
        AED_OK);
    aed_model_keys(&model, 11, 5, keys);
    aed_model_destroy(&model);
    const aed_rng_key first = aed_rng_key_make(11, "encoder.0", 5);
    const aed_rng_key last = aed_rng_key_make(11, "code.noise", 5);
    assert_memory_equal(&keys[0], &first, sizeof first);
    assert_memory_equal(&keys[1], &untouched, sizeof untouched);
    assert_memory_equal(&keys[2], &last, sizeof last);
}

static void test_noise_with_a_wrong_count_is_refused(void **state)
{
    (void)state;
    aed_test_spec spec;
    aed_test_spec_make(&aed_layer_find("gaussian_noise")->kind, "std=0.5,0.1", &spec);
    const aed_layer_spec layer_spec = {spec.spec, path, NULL, false};
    aed_layer layer = {.ops = aed_layer_find("gaussian_noise"),
                       .spec = &layer_spec,
                       .lanes = 16,
                       .in = {2, {CHANNELS, LENGTH}}};
    assert_int_equal(layer.ops->infer(&layer), AED_CONFIG);
    assert_null(layer.state);
    assert_non_null(strstr(aed_status_message(), "2 values for 3 channels"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_noise_in_evaluation_is_none),
        cmocka_unit_test(test_noise_is_added_to_the_input),
        cmocka_unit_test(test_noise_backward_is_the_identity),
        cmocka_unit_test(test_noise_std_is_the_channels),
        cmocka_unit_test(test_noise_of_neighbours_is_independent),
        cmocka_unit_test(test_noise_of_a_sample_is_the_same_in_any_lane),
        cmocka_unit_test(test_noise_depends_on_seed_path_epoch_and_sample),
        cmocka_unit_test(test_model_keys_follow_path_and_epoch),
        cmocka_unit_test(test_noise_with_a_wrong_count_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
