/* gumbel_softmax: its noise against the formula, its draws against softmax(x), its gradients against
 * differences with the noise held fixed, and what hard, temperature and evaluation promise. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "kernel/kernels.h"
#include "support/layer_run.h"

enum {
    LANES = 32,
    CHANNELS = 5,
    PLACES = 3,
    FEATURES = CHANNELS * PLACES,
    COUNT = FEATURES * LANES
};

typedef struct fixture {
    aed_test_layer_case shape;
    aed_test_layer layer;
    aed_tile tile;
    aed_rng_key key;
    uint32_t ids[LANES];
    aed_test_block x, y, dx;
} fixture;

static void create(const char *args, fixture *f)
{
    memset(f, 0, sizeof *f);
    f->shape = (aed_test_layer_case){"gumbel_softmax", args, {2, {CHANNELS, PLACES}}, LANES, LANES};
    aed_test_layer_create(&f->shape, &f->layer);
    f->layer.layer.kernels = aed_kernels();
    f->key = aed_rng_key_make(3, "code.activation", 7);
    for (uint32_t i = 0; i < LANES; i++) f->ids[i] = 1000 + 13 * i;
    f->tile = (aed_tile){
        .lanes = LANES, .valid = LANES, .ids = f->ids, .train = true, .keys = &f->key};
    f->x = aed_test_block_create(COUNT);
    f->y = aed_test_block_create(COUNT);
    f->dx = aed_test_block_create(COUNT);
    for (int i = 0; i < COUNT; i++) f->x.at[i] = aed_test_uniform(1, (uint32_t)i, -2, 2);
}

static void destroy(fixture *f)
{
    aed_test_layer_destroy(&f->layer);
    aed_test_block_destroy(&f->x);
    aed_test_block_destroy(&f->y);
    aed_test_block_destroy(&f->dx);
}

static void forward(fixture *f)
{
    const aed_layer *layer = &f->layer.layer;
    layer->ops->forward(layer, NULL, f->x.at, f->y.at, &f->tile);
}

static void backward(fixture *f)
{
    const aed_layer *layer = &f->layer.layer;
    layer->ops->backward(layer, NULL, f->x.at, f->y.at, f->layer.dy.at, f->dx.at, NULL, &f->tile);
}

/* The largest channel of y at a column (place, lane). */
static int largest_at(const float *y, int column)
{
    int best = 0;
    for (int c = 1; c < CHANNELS; c++)
        if (y[c * PLACES * LANES + column] > y[best * PLACES * LANES + column]) best = c;
    return best;
}

/* ---- The noise ---------------------------------------------------------------------------------- */

/* From the words of counter (id, element / 2), as the kernel rounds its uniform to float. */
static double gumbel(aed_rng_key key, uint32_t id, uint32_t element)
{
    const uint32_t counter[2] = {id, element / 2};
    uint32_t words[2];
    aed_rng_threefry2x32(13, key.word, counter, words);
    const float v = fmaf((float)(words[element % 2] >> 1), 0x1p-31f, 0x1p-32f);
    return -log(-log1p(-fmin((double)v, 1 - 0x1p-24)));
}

static void test_noise_follows_the_formula(void **state)
{
    (void)state;
    enum { ELEMENTS = 301 };
    static float noise[ELEMENTS * LANES] __attribute__((aligned(64)));
    fixture f;
    create("", &f);
    memset(noise, 0, sizeof noise);
    aed_kernels()->add_gumbel(f.key, f.ids, LANES, ELEMENTS, 1, noise, noise);
    for (int i = 0; i < ELEMENTS * LANES; i++) {
        const double want = gumbel(f.key, f.ids[i % LANES], (uint32_t)(i / LANES));
        if (!(fabs((double)noise[i] - want) <= 4 * AED_TEST_EPS * fmax(1, fabs(want))))
            fail_msg("element %d, lane %d: %.9g, want %.9g", i / LANES, i % LANES, (double)noise[i],
                     want);
    }
    destroy(&f);
}

/* Mean 0.5772 and variance pi^2 / 6 (fourth central moment 14.6), to 4 standard errors. */
static void test_noise_has_its_moments(void **state)
{
    (void)state;
    enum { ELEMENTS = 4000 };
    static float noise[ELEMENTS * LANES] __attribute__((aligned(64)));
    fixture f;
    create("", &f);
    memset(noise, 0, sizeof noise);
    aed_kernels()->add_gumbel(f.key, f.ids, LANES, ELEMENTS, 1, noise, noise);
    const double count = ELEMENTS * LANES, variance = 1.6449340668;
    double sum = 0, square = 0;
    for (int i = 0; i < ELEMENTS * LANES; i++) sum += (double)noise[i];
    for (int i = 0; i < ELEMENTS * LANES; i++) square += pow((double)noise[i] - sum / count, 2);
    assert_true(fabs(sum / count - 0.5772156649) < 4 * sqrt(variance / count));
    assert_true(fabs(square / count - variance) <
                4 * sqrt((14.6114 - variance * variance) / count));
    destroy(&f);
}

/* Pearson's chi-square of 76,800 draws at each of three places; 4 degrees of freedom exceed 23.5 once
 * in 10,000. */
static void test_largest_channel_follows_softmax(void **state)
{
    (void)state;
    enum { TILES = 800 };
    static int64_t hits[PLACES][CHANNELS];
    fixture f;
    create("temperature=0.5", &f);
    memset(hits, 0, sizeof hits);
    for (int i = 0; i < COUNT; i++) f.x.at[i] = f.x.at[i / LANES * LANES]; /* every lane alike */
    for (uint32_t tile = 0; tile < TILES; tile++) {
        for (uint32_t i = 0; i < LANES; i++) f.ids[i] = tile * LANES + i;
        forward(&f);
        for (int column = 0; column < PLACES * LANES; column++)
            hits[column / LANES][largest_at(f.y.at, column)]++;
    }
    for (int place = 0; place < PLACES; place++) {
        double sum = 0, chi = 0;
        for (int c = 0; c < CHANNELS; c++) sum += exp((double)f.x.at[(c * PLACES + place) * LANES]);
        for (int c = 0; c < CHANNELS; c++) {
            const double p = exp((double)f.x.at[(c * PLACES + place) * LANES]) / sum;
            const double want = p * TILES * LANES;
            chi += pow((double)hits[place][c] - want, 2) / want;
        }
        if (!(chi < 23.5)) fail_msg("place %d: chi-square is %g", place, chi);
    }
    destroy(&f);
}

/* The noise goes with a sample's id, not with its lane, and changes with the key. */
static void test_noise_is_keyed_by_sample_and_epoch(void **state)
{
    (void)state;
    fixture f;
    float before[COUNT];
    create("", &f);
    for (int i = 0; i < COUNT; i++) f.x.at[i] = 0;
    forward(&f);
    memcpy(before, f.y.at, sizeof before);
    for (uint32_t i = 0; i < LANES; i++) f.ids[i] = 1000 + 13 * (LANES - 1 - i);
    forward(&f);
    for (int i = 0; i < COUNT; i++)
        assert_true(f.y.at[i] == before[i / LANES * LANES + LANES - 1 - i % LANES]);
    f.key = aed_rng_key_make(3, "code.activation", 8);
    memcpy(before, f.y.at, sizeof before);
    forward(&f);
    for (int i = 0; i < COUNT; i++) assert_true(f.y.at[i] != before[i]);
    destroy(&f);
}

/* ---- Values and gradients ----------------------------------------------------------------------- */

/* softmax((x + noise) / temperature) of one column into soft[CHANNELS]. */
static void soft_column(const double *z, double temperature, double *soft)
{
    double top = -INFINITY, sum = 0;
    for (int c = 0; c < CHANNELS; c++) top = fmax(top, z[c] / temperature);
    for (int c = 0; c < CHANNELS; c++) sum += exp(z[c] / temperature - top);
    for (int c = 0; c < CHANNELS; c++) soft[c] = exp(z[c] / temperature - top) / sum;
}

/* The sum of dy times soft output: what backward must give the slopes of. */
static double functional(const fixture *f, const double *z, double temperature, int column)
{
    double soft[CHANNELS], sum = 0;
    soft_column(z, temperature, soft);
    for (int c = 0; c < CHANNELS; c++)
        sum += (double)f->layer.dy.at[c * PLACES * LANES + column] * soft[c];
    return sum;
}

/* Noisy inputs of one column. */
static void noisy_column(const fixture *f, int column, double *z)
{
    for (int c = 0; c < CHANNELS; c++) {
        const uint32_t element = (uint32_t)(c * PLACES + column / LANES);
        z[c] = (double)f->x.at[element * LANES + (uint32_t)column % LANES] +
               gumbel(f->key, f->ids[column % LANES], element);
    }
}

static void check_against_differences(const char *args, double temperature, bool hard)
{
    const double step = 1e-6;
    fixture f;
    double want[COUNT], slope[COUNT];
    create(args, &f);
    forward(&f);
    backward(&f);
    for (int column = 0; column < PLACES * LANES; column++) {
        double z[CHANNELS], soft[CHANNELS];
        noisy_column(&f, column, z);
        soft_column(z, temperature, soft);
        for (int c = 0; c < CHANNELS; c++) {
            const int at = c * PLACES * LANES + column;
            const double old = z[c];
            z[c] = old + step;
            const double above = functional(&f, z, temperature, column);
            z[c] = old - step;
            const double below = functional(&f, z, temperature, column);
            z[c] = old;
            slope[at] = (above - below) / (2 * step);
            want[at] = soft[c];
        }
    }
    /* An input of up to 12 is rounded before it is divided by the temperature. */
    const double allowed = 16 * AED_TEST_EPS / fmin(1, temperature);
    if (!hard) assert_true(aed_test_near("forward", COUNT, LANES, f.y.at, want, allowed));
    assert_true(aed_test_near("input gradient", COUNT, LANES, f.dx.at, slope,
                              allowed / fmin(1, temperature)));
    destroy(&f);
}

static void test_soft_output_matches_differences(void **state)
{
    (void)state;
    check_against_differences("", 1, false);
    check_against_differences("temperature=0.4", 0.4, false);
    check_against_differences("temperature=5", 5, false);
}

static void test_hard_output_has_the_soft_gradient(void **state)
{
    (void)state;
    check_against_differences("temperature=0.4 hard=1", 0.4, true);
    fixture soft, hard;
    create("temperature=0.7", &soft);
    create("temperature=0.7 hard=1", &hard);
    forward(&soft);
    backward(&soft);
    forward(&hard);
    backward(&hard);
    assert_true(aed_test_same_bits("gradient", COUNT, hard.dx.at, soft.dx.at));
    destroy(&soft);
    destroy(&hard);
}

static void check_one_hot(const float *y, int column, int where)
{
    for (int c = 0; c < CHANNELS; c++)
        assert_true(y[c * PLACES * LANES + column] == (c == where ? 1.0f : 0.0f));
}

static void test_hard_output_is_the_one_hot_largest(void **state)
{
    (void)state;
    fixture soft, hard;
    create("", &soft);
    create("hard=1", &hard);
    forward(&soft);
    forward(&hard);
    for (int column = 0; column < PLACES * LANES; column++)
        check_one_hot(hard.y.at, column, largest_at(soft.y.at, column));
    destroy(&soft);
    destroy(&hard);
}

/* Of equal channels the first; a NaN stays one, as divergence must be noticed. */
static void test_hard_output_of_ties_and_nan(void **state)
{
    (void)state;
    fixture f;
    create("hard=1", &f);
    f.tile.train = false;
    for (int i = 0; i < COUNT; i++) f.x.at[i] = i / (PLACES * LANES) == 0 ? 0 : 2;
    f.x.at[4 * PLACES * LANES + 1] = NAN;
    forward(&f);
    for (int column = 0; column < PLACES * LANES; column++) {
        if (column != 1) check_one_hot(f.y.at, column, 1);
        for (int c = 0; column == 1 && c < CHANNELS; c++)
            assert_true(isnan(f.y.at[c * PLACES * LANES + 1]));
    }
    destroy(&f);
}

/* A low temperature leaves one channel, a high one makes all alike. */
static void test_temperature_sets_the_sharpness(void **state)
{
    (void)state;
    fixture cold, hot, hard;
    create("temperature=0.000001", &cold);
    create("temperature=1000000", &hot);
    create("hard=1", &hard);
    forward(&cold);
    forward(&hot);
    forward(&hard);
    for (int i = 0; i < COUNT; i++) {
        assert_true(fabsf(cold.y.at[i] - hard.y.at[i]) < 1e-6f);
        assert_true(fabsf(hot.y.at[i] - 1.0f / CHANNELS) < 1e-4f);
    }
    destroy(&cold);
    destroy(&hot);
    destroy(&hard);
}

static void test_evaluation_has_no_noise(void **state)
{
    (void)state;
    fixture f;
    create("temperature=0.5", &f);
    f.tile.train = false;
    f.tile.keys = NULL;
    f.tile.ids = NULL;
    forward(&f);
    double want[COUNT];
    for (int column = 0; column < PLACES * LANES; column++) {
        double z[CHANNELS], soft[CHANNELS];
        for (int c = 0; c < CHANNELS; c++) z[c] = (double)f.x.at[c * PLACES * LANES + column];
        soft_column(z, 0.5, soft);
        for (int c = 0; c < CHANNELS; c++) want[c * PLACES * LANES + column] = soft[c];
    }
    assert_true(aed_test_near("evaluation", COUNT, LANES, f.y.at, want, 8 * AED_TEST_EPS));
    destroy(&f);
}

static void test_kernel_sets_agree(void **state)
{
    (void)state;
    static const char *const args[] = {"temperature=0.6", "temperature=0.6 hard=1"};
    const aed_kernels_table *sets[3];
    const int count = aed_test_kernel_sets(sets);
    for (int i = 0; i < 2; i++) {
        fixture first, other;
        create(args[i], &first);
        forward(&first);
        backward(&first);
        for (int s = 0; s < count; s++) {
            create(args[i], &other);
            other.layer.layer.kernels = sets[s];
            forward(&other);
            backward(&other);
            assert_true(aed_test_same_bits(sets[s]->name, COUNT, other.y.at, first.y.at));
            assert_true(aed_test_same_bits(sets[s]->name, COUNT, other.dx.at, first.dx.at));
            destroy(&other);
        }
        destroy(&first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_noise_follows_the_formula),
        cmocka_unit_test(test_noise_has_its_moments),
        cmocka_unit_test(test_largest_channel_follows_softmax),
        cmocka_unit_test(test_noise_is_keyed_by_sample_and_epoch),
        cmocka_unit_test(test_soft_output_matches_differences),
        cmocka_unit_test(test_hard_output_has_the_soft_gradient),
        cmocka_unit_test(test_hard_output_is_the_one_hot_largest),
        cmocka_unit_test(test_hard_output_of_ties_and_nan),
        cmocka_unit_test(test_temperature_sets_the_sharpness),
        cmocka_unit_test(test_evaluation_has_no_noise),
        cmocka_unit_test(test_kernel_sets_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
