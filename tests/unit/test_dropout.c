/* Dropout: how much it drops, what it leaves, and that the way back drops the same. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/kernels.h"
#include "support/layer_run.h"

enum { LANES = 32, CHANNELS = 40, PLACES = 25, FEATURES = CHANNELS * PLACES };

typedef struct fixture {
    aed_test_layer_case shape;
    aed_test_layer layer;
    aed_tile tile;
    aed_rng_key key;
    uint32_t ids[LANES];
} fixture;

static float ones[FEATURES * LANES] __attribute__((aligned(64)));
static float out[FEATURES * LANES] __attribute__((aligned(64)));
static float back[FEATURES * LANES] __attribute__((aligned(64)));

static void create_on(aed_shape shape, const char *kind, const char *args, fixture *f)
{
    memset(f, 0, sizeof *f);
    f->shape = (aed_test_layer_case){kind, args, shape, LANES, LANES};
    aed_test_layer_create(&f->shape, &f->layer);
    f->layer.layer.kernels = aed_kernels();
    f->key = aed_rng_key_make(3, "encoder.0", 7);
    for (uint32_t i = 0; i < LANES; i++) f->ids[i] = 1000 + 13 * i;
    f->tile = (aed_tile){
        .lanes = LANES, .valid = LANES, .ids = f->ids, .train = true, .keys = &f->key};
    for (int i = 0; i < FEATURES * LANES; i++) ones[i] = 1;
}

static void create(const char *kind, const char *args, fixture *f)
{
    create_on((aed_shape){3, {CHANNELS, 5, 5}}, kind, args, f);
}

static void forward(const fixture *f)
{
    const aed_layer *layer = &f->layer.layer;
    layer->ops->forward(layer, NULL, ones, out, &f->tile);
}

static double dropped(void)
{
    int64_t count = 0;
    for (int i = 0; i < FEATURES * LANES; i++) count += out[i] == 0;
    return (double)count / (FEATURES * LANES);
}

/* 32,000 draws: the standard deviation of the fraction is below 0.003. */
static void test_forward_drops_the_fraction(void **state)
{
    (void)state;
    static const char *const args[] = {"p=0", "p=0.1", "p=0.5", "p=0.9"};
    static const double p[] = {0, 0.1, 0.5, 0.9};
    for (int i = 0; i < 4; i++) {
        fixture f;
        create("dropout", args[i], &f);
        forward(&f);
        assert_float_equal(dropped(), p[i], 0.012);
        for (int k = 0; k < FEATURES * LANES; k++)
            assert_true(out[k] == 0 || out[k] == (float)(1 / (1 - p[i])));
        aed_test_layer_destroy(&f.layer);
    }
}

static void test_dropout2d_drops_whole_channels(void **state)
{
    (void)state;
    fixture f;
    create("dropout2d", "p=0.5", &f);
    forward(&f);
    assert_float_equal(dropped(), 0.5, 0.06);
    for (int c = 0; c < CHANNELS; c++)
        for (int place = 1; place < PLACES; place++)
            for (int lane = 0; lane < LANES; lane++)
                assert_true(out[(c * PLACES + place) * LANES + lane] ==
                            out[c * PLACES * LANES + lane]);
    aed_test_layer_destroy(&f.layer);
}

static void test_dropout1d_drops_whole_channels(void **state)
{
    (void)state;
    fixture f;
    create_on((aed_shape){2, {CHANNELS, PLACES}}, "dropout1d", "p=0.3", &f);
    forward(&f);
    assert_float_equal(dropped(), 0.3, 0.06);
    for (int i = 0; i < FEATURES * LANES; i++)
        assert_true(out[i] == out[i / (PLACES * LANES) * PLACES * LANES + i % LANES]);
    aed_test_layer_destroy(&f.layer);
}

/* How often an event of probability p happened in `count` trials, to 4 standard deviations. */
static void check_share(const char *what, double happened, double count, double p)
{
    if (!(fabs(happened / count - p) <= 4 * sqrt(p * (1 - p) / count)))
        fail_msg("%s: %g of %g, should be a share of %g", what, happened, count, p);
}

/* 8,000 masks of a channel: each is dropped as often as asked, and two of channels (neighbours
 * or one between), samples or epochs together as often as chance has it. */
static void test_channels_samples_epochs_are_independent(void **state)
{
    (void)state;
    enum { TILES = 250 };
    const double p = 0.3;
    static bool last[CHANNELS][LANES];
    double alone[CHANNELS] = {0}, channels = 0, second = 0, samples = 0, epochs = 0;
    fixture f;
    create("dropout2d", "p=0.3", &f);
    for (uint32_t tile = 0; tile < TILES; tile++) {
        for (uint32_t i = 0; i < LANES; i++) f.ids[i] = (tile - tile % 2) * LANES + i;
        f.key = aed_rng_key_make(3, "encoder.0", 7 + tile % 2);
        forward(&f);
        for (int c = 0; c < CHANNELS; c++)
            for (int lane = 0; lane < LANES; lane++) {
                const float *at = out + c * PLACES * LANES + lane;
                const bool drop = *at == 0;
                alone[c] += drop;
                channels += c > 0 && drop && at[-PLACES * LANES] == 0;
                second += c > 1 && drop && at[-2 * PLACES * LANES] == 0;
                samples += lane > 0 && drop && at[-1] == 0;
                epochs += tile % 2 == 1 && drop && last[c][lane];
                last[c][lane] = drop;
            }
    }
    for (int c = 0; c < CHANNELS; c++) check_share("a channel", alone[c], TILES * LANES, p);
    check_share("two channels", channels, TILES * LANES * (CHANNELS - 1), p * p);
    check_share("every second channel", second, TILES * LANES * (CHANNELS - 2), p * p);
    check_share("two samples", samples, TILES * (LANES - 1) * CHANNELS, p * p);
    check_share("two epochs", epochs, TILES / 2.0 * LANES * CHANNELS, p * p);
    aed_test_layer_destroy(&f.layer);
}

static void test_backward_drops_the_same(void **state)
{
    (void)state;
    fixture f;
    create("dropout", "p=0.3", &f);
    forward(&f);
    const aed_layer *layer = &f.layer.layer;
    layer->ops->backward(layer, NULL, ones, out, ones, back, NULL, &f.tile);
    assert_memory_equal(back, out, sizeof out);
    aed_test_layer_destroy(&f.layer);
}

/* A sample's mask goes with its id, not with its lane, and changes with the key. */
static void test_forward_is_keyed_by_sample(void **state)
{
    (void)state;
    static float moved[FEATURES * LANES] __attribute__((aligned(64)));
    fixture f;
    create("dropout", "p=0.5", &f);
    forward(&f);
    memcpy(moved, out, sizeof moved);
    for (uint32_t i = 0; i < LANES; i++) f.ids[i] = 1000 + 13 * (LANES - 1 - i);
    forward(&f);
    for (int e = 0; e < FEATURES; e++)
        for (int lane = 0; lane < LANES; lane++)
            assert_true(out[e * LANES + lane] == moved[e * LANES + LANES - 1 - lane]);
    f.key = aed_rng_key_make(3, "encoder.0", 8);
    memcpy(moved, out, sizeof moved);
    forward(&f);
    int64_t differ = 0;
    for (int i = 0; i < FEATURES * LANES; i++) differ += out[i] != moved[i];
    assert_float_equal((double)differ / (FEATURES * LANES), 0.5, 0.02);
    aed_test_layer_destroy(&f.layer);
}

static void test_evaluation_is_the_identity(void **state)
{
    (void)state;
    fixture f;
    create("dropout", "p=0.5", &f);
    f.tile.train = false;
    forward(&f);
    assert_memory_equal(out, ones, sizeof out);
    aed_test_layer_destroy(&f.layer);
}

static void test_kernel_sets_agree(void **state)
{
    (void)state;
    static const char *const names[] = {"avx512", "avx2", "plain"};
    fixture f;
    create("dropout", "p=0.4", &f);
    forward(&f);
    memcpy(back, out, sizeof back);
    for (int i = 0; i < 3; i++) {
        if (!aed_kernels_named(names[i])) continue;
        f.layer.layer.kernels = aed_kernels_named(names[i]);
        forward(&f);
        assert_memory_equal(out, back, sizeof out);
    }
    aed_test_layer_destroy(&f.layer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward_drops_the_fraction),
        cmocka_unit_test(test_dropout2d_drops_whole_channels),
        cmocka_unit_test(test_dropout1d_drops_whole_channels),
        cmocka_unit_test(test_channels_samples_epochs_are_independent),
        cmocka_unit_test(test_backward_drops_the_same),
        cmocka_unit_test(test_forward_is_keyed_by_sample),
        cmocka_unit_test(test_evaluation_is_the_identity),
        cmocka_unit_test(test_kernel_sets_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
