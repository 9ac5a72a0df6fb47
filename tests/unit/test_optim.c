/* Optimisers, schedules and initialisations, beyond what golden.h5 has: the same bits from every kernel
 * set, rates within an epoch of many steps, the spread of initial values. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "optim/optim.h"
#include "support/numeric.h"

enum { COUNT = 80, STEPS = 5 };

typedef struct optim_case {
    const char *kind, *args;
} optim_case;

static const optim_case optimizers[] = {
    {"sgd", "lr=0.1"},
    {"sgd", "lr=0.1 momentum=0.9 dampening=0.1 weight_decay=0.01"},
    {"sgd", "lr=0.1 momentum=0.9 nesterov=1"},
    {"adam", "lr=0.01"},
    {"adam", "lr=0.01 beta1=0.5 beta2=0.9 eps=0.001 weight_decay=0.1"},
    {"adamw", "lr=0.01 weight_decay=0.3"},
};

/* Steps over random gradients, the last 16 numbers being padding: parameters into params. */
static void run_optimizer(const optim_case *c, const aed_kernels_table *set, float *params)
{
    const aed_optim_ops *ops = aed_optim_find(c->kind);
    double settings[AED_OPTIM_MAX_SETTINGS];
    aed_optim_scalars scalars;
    aed_test_spec spec;
    aed_test_spec_make(&ops->kind, c->args, &spec);
    aed_test_use_kernels(set);
    ops->prepare(&spec.spec, settings, &scalars);
    aed_test_block p = aed_test_block_create(COUNT), grads = aed_test_block_create(COUNT),
                   moments = aed_test_block_create(COUNT * ops->state_blocks);
    memset(moments.at, 0, sizeof(float) * (size_t)moments.count);
    for (uint32_t i = 0; i < COUNT; i++)
        p.at[i] = i < COUNT - 16 ? aed_test_uniform(1, i, -1, 1) : 0;
    for (uint32_t step = 0; step < STEPS; step++) {
        for (uint32_t i = 0; i < COUNT; i++)
            grads.at[i] = i < COUNT - 16 ? aed_test_uniform(2 + step, i, -1, 1) : 0;
        ops->step(settings, &scalars, 0.05, COUNT, grads.at, p.at, moments.at, COUNT);
    }
    assert_int_equal(scalars.step, STEPS);
    memcpy(params, p.at, sizeof(float) * COUNT);
    aed_test_block_destroy(&p);
    aed_test_block_destroy(&grads);
    aed_test_block_destroy(&moments);
}

static void test_optimizers_agree_between_kernel_sets(void **state)
{
    (void)state;
    const aed_kernels_table *sets[3];
    const int count = aed_test_kernel_sets(sets);
    for (size_t c = 0; c < sizeof optimizers / sizeof *optimizers; c++) {
        float first[COUNT], other[COUNT];
        run_optimizer(&optimizers[c], sets[0], first);
        for (int i = COUNT - 16; i < COUNT; i++) assert_true(first[i] == 0);
        for (int i = 1; i < count; i++) {
            run_optimizer(&optimizers[c], sets[i], other);
            if (!aed_test_same_bits(sets[i]->name, COUNT, other, first))
                fail_msg("%s %s", optimizers[c].kind, optimizers[c].args);
        }
    }
    aed_test_use_kernels(sets[0]);
}

/* Roots of 2^power up to 2^(power+2), every mantissa: where nothing moves the mean, which is the expected
 * root, the step is 1 if adam's root is right to the last bit. */
static void check_roots(const aed_kernels_table *set, int power)
{
    enum { AT_ONCE = 1 << 12 };
    static const aed_adam_settings still = {
        .beta1 = 1, .beta2 = 1, .inverse_root = 1, .step_size = 1, .shrink = 1};
    aed_test_block grads = aed_test_block_create(AT_ONCE), p = aed_test_block_create(AT_ONCE),
                   mean = aed_test_block_create(AT_ONCE), square = aed_test_block_create(AT_ONCE);
    memset(grads.at, 0, sizeof(float) * AT_ONCE);
    for (uint32_t first = 0; first < 2 << 23; first += AT_ONCE) {
        for (uint32_t i = 0; i < AT_ONCE; i++) {
            const uint32_t bits = ((uint32_t)(127 + power) << 23) + first + i;
            memcpy(&square.at[i], &bits, sizeof bits);
            mean.at[i] = sqrtf(square.at[i]);
            p.at[i] = 0;
        }
        set->adam(&still, AT_ONCE, grads.at, p.at, mean.at, square.at);
        for (int i = 0; i < AT_ONCE; i++)
            if (p.at[i] != -1)
                fail_msg("%s: the root of %a times %a is %a", set->name, (double)square.at[i],
                         (double)-p.at[i], (double)mean.at[i]);
    }
    aed_test_block_destroy(&grads);
    aed_test_block_destroy(&p);
    aed_test_block_destroy(&mean);
    aed_test_block_destroy(&square);
}

/* That set does without the instruction within limits that are among these magnitudes. */
static void test_avx512_roots_are_rounded_correctly(void **state)
{
    (void)state;
    static const int powers[] = {0, -61, 58, 60, -126, 126};
    const aed_kernels_table *set = aed_kernels_named("avx512");
    if (!set) skip();
    for (size_t k = 0; k < AED_COUNT(powers); k++) check_roots(set, powers[k]);
}

static void test_norm_and_scale_agree_between_kernel_sets(void **state)
{
    (void)state;
    const aed_kernels_table *sets[3];
    const int count = aed_test_kernel_sets(sets);
    aed_test_block x = aed_test_block_create(COUNT), first = aed_test_block_create(COUNT);
    double sum = 0;
    for (int i = 0; i < count; i++) {
        for (uint32_t j = 0; j < COUNT; j++) x.at[j] = aed_test_uniform(1, j, -1e3, 1e3);
        double want = 0;
        for (int j = 0; j < COUNT; j++) want += (double)x.at[j] * (double)x.at[j];
        const double here = sets[i]->sum_of_squares(COUNT, x.at);
        assert_true(fabs(here - want) <= 1e-13 * want);
        if (i == 0) sum = here;
        assert_true(here == sum);
        sets[i]->scale(COUNT, 0.3f, x.at);
        if (i == 0) memcpy(first.at, x.at, sizeof(float) * COUNT);
        assert_true(aed_test_same_bits(sets[i]->name, COUNT, x.at, first.at));
    }
    aed_test_block_destroy(&x);
    aed_test_block_destroy(&first);
}

/* ---- Schedules ---------------------------------------------------------------------------------- */

static double rate(const char *kind, const char *args, int64_t epochs, int64_t epoch, int64_t step,
                   int64_t steps)
{
    aed_test_spec spec;
    aed_schedule schedule;
    aed_test_spec_make(&aed_schedule_find(kind)->kind, args, &spec);
    aed_schedule_prepare(&spec.spec, 0.5, epochs, &schedule);
    return aed_schedule_lr(&schedule, epoch, step, steps);
}

static void expect_rate(double got, double want)
{
    if (!(fabs(got - want) <= 1e-14)) fail_msg("rate %.17g, want %.17g", got, want);
}

static void test_schedule_without_warmup_is_flat_within_an_epoch(void **state)
{
    (void)state;
    const double pi = acos(-1);
    for (int64_t epoch = 0; epoch < 20; epoch++) {
        const int64_t drops = epoch / 6;
        for (int64_t step = 0; step < 7; step += 3) {
            expect_rate(rate("constant", "", 20, epoch, step, 7), 0.5);
            expect_rate(rate("step", "every=6 gamma=0.3", 20, epoch, step, 7),
                        0.5 * pow(0.3, (double)drops));
            expect_rate(rate("cosine", "min=0.1", 20, epoch, step, 7),
                        0.1 + 0.4 * 0.5 * (1 + cos(pi * (double)epoch / 20)));
        }
    }
}

/* Warm-up rises with every step, from one share of the rate to the whole of it. */
static void test_schedule_warmup_rises_by_step(void **state)
{
    (void)state;
    for (int64_t epoch = 0; epoch < 3; epoch++)
        for (int64_t step = 0; step < 7; step++)
            expect_rate(rate("constant", "warmup=3", 20, epoch, step, 7),
                        0.5 * (double)(epoch * 7 + step + 1) / 21);
    expect_rate(rate("constant", "warmup=3", 20, 3, 0, 7), 0.5);
    expect_rate(rate("step", "every=2 gamma=0.5 warmup=3", 20, 2, 6, 7), 0.25);
}

/* What torch.optim.lr_scheduler.ReduceLROnPlateau makes of these losses, a step each. */
static void test_plateau_is_pytorchs(void **state)
{
    (void)state;
    enum { LOSSES = 24 };
    static const double losses[LOSSES] = {1.0,  0.9,  0.89995, 0.91, 0.95, 0.9, 0.8, 0.85,
                                          0.85, 0.85, 0.85,    0.85, 0.85, 0.7, 0.7, 0.7,
                                          0.7,  0.7,  0.7,     0.7,  0.7,  0.7, 0.7, 0.7};
    static const struct {
        const char *args;
        double rates[LOSSES];
    } cases[] = {
        {"factor=0.5 patience=1",
         {0.5,        0.5,         0.5,         0.25,         0.25,         0.125,
          0.125,      0.125,       0.0625,      0.0625,       0.03125,      0.03125,
          0.015625,   0.015625,    0.015625,    0.0078125,    0.0078125,    0.00390625,
          0.00390625, 0.001953125, 0.001953125, 0.0009765625, 0.0009765625, 0.00048828125}},
        {"factor=0.1 patience=2 min_lr=0.02",
         {0.5,  0.5,  0.5,  0.5,  0.05, 0.05, 0.05, 0.05, 0.05, 0.02, 0.02, 0.02,
          0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02}},
        {"factor=0.5 patience=0 threshold=0.1 cooldown=2",
         {0.5,       0.25,      0.25,       0.25,       0.125,      0.125,
          0.125,     0.0625,    0.0625,     0.0625,     0.03125,    0.03125,
          0.03125,   0.03125,   0.015625,   0.015625,   0.015625,   0.0078125,
          0.0078125, 0.0078125, 0.00390625, 0.00390625, 0.00390625, 0.001953125}},
        {"patience=3 factor=0.25",
         {0.5,       0.5,       0.5,       0.5,         0.5,         0.125,
          0.125,     0.125,     0.125,     0.125,       0.03125,     0.03125,
          0.03125,   0.03125,   0.03125,   0.03125,     0.03125,     0.0078125,
          0.0078125, 0.0078125, 0.0078125, 0.001953125, 0.001953125, 0.001953125}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        aed_test_spec spec;
        aed_schedule schedule;
        aed_test_spec_make(&aed_schedule_find("plateau")->kind, cases[c].args, &spec);
        aed_schedule_prepare(&spec.spec, 0.5, LOSSES, &schedule);
        for (int64_t i = 0; i < LOSSES; i++) {
            aed_schedule_observe(&schedule, losses[i], 1);
            expect_rate(aed_schedule_lr(&schedule, i + 1, 0, 1), cases[c].rates[i]);
        }
    }
}

/* Ten epochs between two losses are ten epochs without an improvement; NaN is none. */
static void test_plateau_counts_epochs(void **state)
{
    (void)state;
    aed_test_spec spec;
    aed_schedule schedule;
    aed_test_spec_make(&aed_schedule_find("plateau")->kind, "factor=0.5 patience=15", &spec);
    aed_schedule_prepare(&spec.spec, 0.5, 100, &schedule);
    aed_schedule_observe(&schedule, 1, 1);
    aed_schedule_observe(&schedule, NAN, 10);
    expect_rate(aed_schedule_lr(&schedule, 11, 0, 1), 0.5);
    aed_schedule_observe(&schedule, 1, 10);
    expect_rate(aed_schedule_lr(&schedule, 21, 0, 1), 0.25);
}

static void test_cos_pi_is_the_cosine(void **state)
{
    (void)state;
    const double pi = acos(-1);
    for (int i = 0; i <= 1000; i++) {
        const double t = i / 1000.0;
        assert_true(fabs(aed_cos_pi(t) - cos(pi * t)) < 1e-15);
    }
}

/* ---- Initial values ----------------------------------------------------------------------------- */

/* Moments of a tensor of 60 x 50 numbers with fan_in 50. */
static void moments(const char *kind, const char *args, uint64_t seed, float *values, double *mean,
                    double *std, double *largest)
{
    const aed_tensor tensor = {.name = "encoder.0.weight", .shape = {2, {60, 50}}, .fan_in = 50};
    aed_test_spec spec;
    double sum = 0, square = 0;
    aed_test_spec_make(&aed_init_find(kind)->kind, args, &spec);
    aed_init_find(kind)->fill(&spec.spec, seed, &tensor, values);
    *largest = 0;
    for (int i = 0; i < 3000; i++) {
        sum += (double)values[i];
        square += (double)values[i] * (double)values[i];
        *largest = fmax(*largest, fabs((double)values[i]));
    }
    *mean = sum / 3000;
    *std = sqrt(square / 3000);
}

static void test_default_init_fills_the_bound(void **state)
{
    (void)state;
    float values[3000];
    double mean, std, largest;
    const double bound = 1 / sqrt(50);
    moments("default", "", 1, values, &mean, &std, &largest);
    assert_true(fabs(mean) < 4 * bound / sqrt(3 * 3000));
    assert_true(fabs(std / (bound / sqrt(3)) - 1) < 4 * 0.45 / sqrt(3000));
    assert_true(largest <= bound && largest > 0.99 * bound);
}

static void test_normal_init_has_its_std(void **state)
{
    (void)state;
    float values[3000];
    double mean, std, largest;
    moments("normal", "std=2", 1, values, &mean, &std, &largest);
    assert_true(fabs(mean) < 4 * 2 / sqrt(3000));
    assert_true(fabs(std / 2 - 1) < 4 / sqrt(2 * 3000));
    assert_true(largest > 2 * 3);
}

static void test_init_depends_on_seed_and_name(void **state)
{
    (void)state;
    float first[3000], second[3000], bias[3];
    double mean, std, largest;
    aed_test_spec spec;
    const aed_tensor tensor = {.name = "encoder.0.bias", .shape = {1, {3}}, .fan_in = 50};
    moments("default", "", 1, first, &mean, &std, &largest);
    moments("default", "", 2, second, &mean, &std, &largest);
    assert_true(first[0] != second[0] && first[2999] != second[2999]);
    aed_test_spec_make(&aed_init_find("default")->kind, "", &spec);
    aed_init_find("default")->fill(&spec.spec, 1, &tensor, bias);
    assert_true(bias[0] != first[0] && bias[1] != first[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_optimizers_agree_between_kernel_sets),
        cmocka_unit_test(test_avx512_roots_are_rounded_correctly),
        cmocka_unit_test(test_norm_and_scale_agree_between_kernel_sets),
        cmocka_unit_test(test_schedule_without_warmup_is_flat_within_an_epoch),
        cmocka_unit_test(test_schedule_warmup_rises_by_step),
        cmocka_unit_test(test_plateau_is_pytorchs),
        cmocka_unit_test(test_plateau_counts_epochs),
        cmocka_unit_test(test_cos_pi_is_the_cosine),
        cmocka_unit_test(test_default_init_fills_the_bound),
        cmocka_unit_test(test_normal_init_has_its_std),
        cmocka_unit_test(test_init_depends_on_seed_and_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
