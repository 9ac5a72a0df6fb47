/* Input and code noise in a trainer: in training steps only, of the right size, a sample's own wherever
 * the epoch's order puts it, and the config's off-switches mean none. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "support/numeric.h"
#include "train/trainer.h"

enum { SAMPLES = 600, FEATURES = 6, LANES = 16 };

static const char *const text =
    "data: {source: linear_mix, samples: 600, features: 6, seed: 1}\n"
    "model:\n"
    "  encoder: [{linear: 4}, tanh]\n"
    "  code: {noise: [0.1, 0.2, 0.3, 0.4]}\n"
    "  decoder: [{linear: 6}]\n"
    "train: {loss: mse, optimizer: {sgd: {lr: 0.1}}, batch: 60, epochs: 3, tile: 16,\n"
    "        input_noise: 0.05}\n"
    "seed: 9\n";

static aed_comm world;

typedef struct fixture {
    aed_trial_list trials;
    const float *samples;
    aed_dataset data;
    aed_trainer trainer;
} fixture;

/* Overrides end with NULL. */
static void create(fixture *f, const char *const *overrides)
{
    static float samples[SAMPLES * FEATURES];
    const aed_shape shape = {1, {FEATURES}};
    int count = 0;
    for (int i = 0; i < SAMPLES * FEATURES; i++)
        samples[i] = aed_test_uniform(1, (uint32_t)i, 0, 1);
    while (overrides[count]) count++;
    memset(f, 0, sizeof *f);
    f->samples = samples;
    if (aed_config_parse(text, "noise.yaml", overrides, count, &f->trials) != AED_OK ||
        aed_dataset_from_arrays(SAMPLES, FEATURES, samples, NULL, NULL, 0, &f->data) != AED_OK ||
        aed_trainer_create(&f->trials.trials[0].config, &f->data, &shape, &world, &f->trainer) !=
            AED_OK)
        fail_msg("%s", aed_status_message());
}

static void destroy(fixture *f)
{
    aed_trainer_destroy(&f->trainer);
    aed_dataset_destroy(&f->data);
    aed_trial_list_destroy(&f->trials);
}

static const char *const noisy[] = {NULL};
static const char *const silent[] = {"model.code.noise=0", "train.input_noise=0", NULL};

/* Input minus target of every sample in `epoch`, by sample id. */
static void input_noise(fixture *f, int64_t epoch, bool train, float *noise)
{
    static bool seen[SAMPLES];
    aed_trainer *t = &f->trainer;
    const aed_pass *pass = &t->passes[train ? AED_PASS_TRAIN : AED_PASS_VAL];
    memset(seen, 0, sizeof seen);
    aed_trainer_begin_epoch(t, epoch);
    for (int64_t first = 0; first < SAMPLES; first += LANES) {
        const int64_t left = SAMPLES - first, valid = left < LANES ? left : LANES;
        aed_tile tile;
        const float *target;
        assert_int_equal(aed_trainer_load(t, pass, first, valid, &tile, &target), AED_OK);
        const float *input = aed_model_output(&t->model, t->workspace, -1);
        for (int lane = 0; lane < LANES; lane++)
            for (int i = 0; i < FEATURES; i++) {
                const uint32_t id = tile.ids[lane];
                assert_true(target[i * LANES + lane] == f->samples[id * FEATURES + i]);
                noise[id * FEATURES + i] = input[i * LANES + lane] - target[i * LANES + lane];
                seen[id] = true;
            }
    }
    for (int id = 0; id < SAMPLES; id++) assert_true(seen[id]);
}

static void test_input_noise_has_its_std_in_training(void **state)
{
    (void)state;
    static float noise[SAMPLES * FEATURES];
    fixture f;
    double sum = 0, square = 0;
    const double count = SAMPLES * FEATURES;
    create(&f, noisy);
    input_noise(&f, 1, true, noise);
    for (int i = 0; i < SAMPLES * FEATURES; i++) {
        sum += (double)noise[i];
        square += (double)noise[i] * (double)noise[i];
    }
    assert_true(fabs(sum / count) < 4 * 0.05 / sqrt(count));
    assert_true(fabs(sqrt(square / count) / 0.05 - 1) < 4 / sqrt(2 * count));
    input_noise(&f, 1, false, noise);
    for (int i = 0; i < SAMPLES * FEATURES; i++) assert_true(noise[i] == 0);
    destroy(&f);
}

/* The same key as documented, whatever place the order gives the sample; another epoch, other noise. */
static void test_input_noise_is_keyed_by_sample_and_epoch(void **state)
{
    (void)state;
    static float noise[SAMPLES * FEATURES];
    fixture f;
    create(&f, noisy);
    for (int64_t epoch = 1; epoch <= 2; epoch++) {
        const aed_rng_key key = aed_rng_key_make(9, "train.corrupt.0", (uint64_t)epoch);
        input_noise(&f, epoch, true, noise);
        for (uint32_t id = 0; id < SAMPLES; id++)
            for (uint32_t i = 0; i < FEATURES; i++)
                assert_true(fabsf(noise[id * FEATURES + i] - 0.05f * aed_rng_normal(key, id, i)) <
                            1e-6f);
    }
    destroy(&f);
}

static void test_ramps_set_each_epochs_noise(void **state)
{
    (void)state;
    static const char *const changing[] = {"train.input_noise={from: 0.5, to: 0.1, epochs: 4}",
                                           "noise_scale={from: 0, to: 2, epochs: 2}", NULL};
    static const double levels[] = {0.5, 0.4, 0.3, 0.2, 0.1, 0.1};
    static float noise[SAMPLES * FEATURES];
    fixture f;
    create(&f, changing);
    for (int64_t epoch = 1; epoch <= 6; epoch++) {
        const aed_rng_key key = aed_rng_key_make(9, "train.corrupt.0", (uint64_t)epoch);
        input_noise(&f, epoch, true, noise);
        for (uint32_t id = 0; id < SAMPLES; id++)
            for (uint32_t i = 0; i < FEATURES; i++) {
                const double want = levels[epoch - 1] * (double)aed_rng_normal(key, id, i);
                assert_true(fabs((double)noise[id * FEATURES + i] - want) < 2e-6);
            }
        /* The code's second channel: 0.2 times 0, 1, 2, 2 ... */
        const aed_model *model = &f.trainer.model;
        const float *spread = model->layers[model->code_layer + 1].state;
        assert_true(spread[1] == (float)(0.2 * (epoch < 3 ? (double)(epoch - 1) : 2)));
    }
    destroy(&f);
}

/* Loss of the first step, and of an evaluation before it. */
static void losses(const char *const *overrides, double *train, double *evaluate)
{
    fixture f;
    int64_t count;
    create(&f, overrides);
    aed_trainer_begin_epoch(&f.trainer, 1);
    assert_int_equal(aed_trainer_evaluate(&f.trainer, &f.trainer.passes[AED_PASS_VAL], evaluate),
                     AED_OK);
    assert_int_equal(aed_trainer_step(&f.trainer, train, &count), AED_OK);
    destroy(&f);
}

static void test_evaluation_is_without_noise(void **state)
{
    (void)state;
    double train, evaluate, clean_train, clean_evaluate;
    losses(noisy, &train, &evaluate);
    losses(silent, &clean_train, &clean_evaluate);
    assert_true(evaluate == clean_evaluate);
    assert_true(train != clean_train);
}

/* Code noise and input noise each change the training; noise_scale 0 is no code noise. */
static void test_each_noise_acts_alone(void **state)
{
    (void)state;
    static const char *const code_only[] = {"train.input_noise=0", NULL};
    static const char *const input_only[] = {"model.code.noise=0", NULL};
    static const char *const scaled[] = {"noise_scale=0", NULL};
    double train[4], evaluate;
    losses(silent, &train[0], &evaluate);
    losses(code_only, &train[1], &evaluate);
    losses(input_only, &train[2], &evaluate);
    losses(scaled, &train[3], &evaluate);
    assert_true(train[1] != train[0] && train[2] != train[0] && train[1] != train[2]);
    assert_true(train[3] == train[2]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_input_noise_has_its_std_in_training),
        cmocka_unit_test(test_input_noise_is_keyed_by_sample_and_epoch),
        cmocka_unit_test(test_ramps_set_each_epochs_noise),
        cmocka_unit_test(test_evaluation_is_without_noise),
        cmocka_unit_test(test_each_noise_acts_alone),
    };
    if (aed_dist_start(&argc, &argv, &world) != AED_OK) {
        fprintf(stderr, "%s\n", aed_status_message());
        return EXIT_FAILURE;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    aed_dist_stop();
    return failed;
}
