/* Snapshots: which samples and epochs they are of, what they hold, and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/engine.h"
#include "train/trial.h"

static const char *const MODEL =
    "data: {source: linear_mix, samples: 40, mix: [[1, 1], [0.5, 1.5]], seed: 1}\n"
    "model: {encoder: [{linear: 1}], decoder: [{linear: 2}], code: {noise: 0.5}}\n"
    "train: {loss: mse, optimizer: {sgd: {lr: 0.01}}, batch: full, epochs: 10, tile: 16}\n"
    "snapshots: {every: 4, samples: 20}\n";

static aed_comm world;

typedef struct fixture {
    aed_test_engine engine;
    aed_training training;
    aed_result_array arrays[AED_SNAPSHOT_ARRAYS];
    int64_t told[8], told_count; /* epochs of the snapshots that an observer was told of */
} fixture;

static aed_status create(fixture *f, const char *override)
{
    memset(f, 0, sizeof *f);
    assert_int_equal(aed_test_engine_create(MODEL, override, &world, &f->engine), AED_OK);
    return aed_training_create(&f->engine.trainer, &f->training);
}

static void destroy(fixture *f)
{
    aed_training_destroy(&f->training);
    aed_test_engine_destroy(&f->engine);
}

static void train(fixture *f, const char *override)
{
    assert_int_equal(create(f, override), AED_OK);
    assert_int_equal(aed_training_run(&f->training, NULL), AED_OK);
    assert_int_equal(
        aed_snapshots_arrays(&f->training.snapshots, &f->engine.trainer.model, f->arrays),
        AED_SNAPSHOT_ARRAYS);
}

static const aed_result_array *array(const fixture *f, const char *name)
{
    for (int i = 0; i < AED_SNAPSHOT_ARRAYS; i++)
        if (strcmp(f->arrays[i].name, name) == 0) return &f->arrays[i];
    fail_msg("no array %s", name);
    return NULL;
}

static void test_the_untrained_model_and_the_last_epoch_have_snapshots(void **state)
{
    (void)state;
    static const int64_t epochs[] = {0, 4, 8, 10};
    fixture f;
    train(&f, NULL);
    assert_int_equal(array(&f, "epoch")->shape.size[0], 4);
    assert_memory_equal(array(&f, "epoch")->values, epochs, sizeof epochs);
    assert_string_equal(array(&f, "output")->along, "epoch");
    assert_string_equal(array(&f, "clean")->along, "sample");
    destroy(&f);
    train(&f, "snapshots.every=5"); /* the last one is due by its number */
    assert_int_equal(array(&f, "epoch")->shape.size[0], 3);
    destroy(&f);
}

/* The parameters after the last epoch are at hand: they explain the last snapshot. 20 samples are a
 * tile and a part of one. */
static void test_outputs_are_those_of_the_model_without_noise(void **state)
{
    (void)state;
    fixture f;
    train(&f, NULL);
    const aed_result_array *output = array(&f, "output"), *code = array(&f, "code");
    assert_int_equal(output->shape.rank, 3);
    assert_int_equal(output->shape.size[1], 20);
    assert_int_equal(output->shape.size[2], 2);
    assert_int_equal(code->shape.size[2], 1);
    const float *clean = array(&f, "clean")->values;
    const aed_tensor *tensors = f.engine.trainer.model.tensors;
    const float *w = f.engine.trainer.params + tensors[0].offset,
                *b = f.engine.trainer.params + tensors[1].offset;
    const float *v = f.engine.trainer.params + tensors[2].offset,
                *c = f.engine.trainer.params + tensors[3].offset;
    for (int i = 0; i < 20; i++, clean += 2) {
        const double hidden = (double)w[0] * (double)clean[0] + (double)w[1] * (double)clean[1] +
                              (double)b[0];
        assert_true(fabs((double)((const float *)code->values)[3 * 20 + i] - hidden) < 1e-6);
        for (int k = 0; k < 2; k++)
            assert_true(fabs((double)((const float *)output->values)[(3 * 20 + i) * 2 + k] -
                             (double)v[k] * hidden - (double)c[k]) < 1e-6);
    }
    assert_memory_equal(array(&f, "clean")->values, array(&f, "input")->values,
                        sizeof(float) * 2 * 20);
    /* Training has changed them. */
    assert_memory_not_equal(output->values, (const float *)output->values + (size_t)3 * 20 * 2,
                            sizeof(float) * 2 * 20);
    destroy(&f);
}

static void test_inputs_are_corrupted_alike_in_all_epochs(void **state)
{
    (void)state;
    fixture f, other;
    train(&f, "train.input_noise=0.1");
    assert_memory_not_equal(array(&f, "clean")->values, array(&f, "input")->values,
                            sizeof(float) * 2);
    float once[40];
    memcpy(once, array(&f, "input")->values, sizeof once);
    assert_int_equal(aed_snapshots_take(&f.engine.trainer, 11, &f.training.snapshots), AED_OK);
    assert_memory_equal(array(&f, "input")->values, once, sizeof once);
    train(&other, "snapshots.corrupt=[{clip: [0.0, 0.5]}]");
    const float *input = array(&other, "input")->values, *clean = array(&other, "clean")->values;
    for (int i = 0; i < 40; i++) assert_true(input[i] == fminf(fmaxf(clean[i], 0), 0.5F));
    destroy(&other);
    destroy(&f);
}

static void test_samples_are_chosen_by_their_place_in_the_split(void **state)
{
    (void)state;
    fixture all, some;
    train(&all, NULL);
    train(&some, "snapshots.samples=[7, 3]");
    const float *clean = array(&all, "clean")->values, *chosen = array(&some, "clean")->values;
    const int64_t *places = array(&some, "sample")->values;
    assert_int_equal(array(&some, "sample")->shape.size[0], 2);
    assert_int_equal(places[0], 7);
    assert_int_equal(places[1], 3);
    assert_memory_equal(chosen, clean + 14, sizeof(float) * 2);
    assert_memory_equal(chosen + 2, clean + 6, sizeof(float) * 2);
    destroy(&some);
    destroy(&all);
}

/* The split of 8 held-out samples has not 20; they are told by where they are in the data. */
static void test_held_out_samples_keep_their_numbers(void **state)
{
    (void)state;
    fixture f;
    train(&f, "data.holdout=8");
    const int64_t *places = array(&f, "sample")->values;
    assert_int_equal(array(&f, "sample")->shape.size[0], 8);
    for (int i = 1; i < 8; i++) assert_true(places[i - 1] < places[i] && places[i] < 40);
    assert_true(places[7] > 7);
    destroy(&f);
}

static void test_early_stopping_ends_with_a_snapshot(void **state)
{
    (void)state;
    fixture f;
    train(&f, "train.early_stopping={patience: 3, min_delta: 100}");
    const int64_t *epochs = array(&f, "epoch")->values;
    assert_int_equal(array(&f, "epoch")->shape.size[0], 2);
    assert_int_equal(epochs[1], 4);
    assert_int_equal(f.training.history.epochs, 4);
    destroy(&f);
    train(&f, "train.early_stopping={patience: 2, min_delta: 100}");
    epochs = array(&f, "epoch")->values;
    assert_int_equal(array(&f, "epoch")->shape.size[0], 2);
    assert_int_equal(epochs[1], 3);
    destroy(&f);
}

static void note_epoch(void *self, const aed_progress *progress)
{
    (void)self;
    (void)progress;
}

static void note_snapshot(void *self)
{
    fixture *f = self;
    const aed_snapshots *s = &f->training.snapshots;
    f->told[f->told_count++] = s->epochs[s->count - 1];
}

static void test_every_snapshot_is_told_once(void **state)
{
    (void)state;
    static const int64_t epochs[] = {0, 4, 8, 10};
    fixture f;
    assert_int_equal(create(&f, NULL), AED_OK);
    const aed_observer observer = {.epoch = note_epoch, .snapshot = note_snapshot, .self = &f};
    assert_int_equal(aed_training_run(&f.training, &observer), AED_OK);
    assert_int_equal(aed_training_run(&f.training, &observer), AED_OK); /* nothing is left to do */
    assert_int_equal(f.told_count, 4);
    assert_memory_equal(f.told, epochs, sizeof epochs);
    destroy(&f);
}

static void test_impossible_snapshots_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *override, *message;
    } cases[] = {
        {"snapshots.samples=[3, 40]",
         "test.yaml:4:12: snapshots of sample 40, but the split has 40 "
         "samples (0 is the first)"},
        {"snapshots.split=test", "test.yaml:4:12: "},
        {"train.epochs=4000000000",
         "test.yaml:4:12: snapshots of 20 samples, 1000000003 times, would "
         "take more than 1 GiB"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aed_test_engine engine;
        aed_snapshots snapshots;
        assert_int_equal(aed_test_engine_create(MODEL, cases[i].override, &world, &engine), AED_OK);
        assert_int_equal(aed_snapshots_create(&engine.trainer, &snapshots), AED_CONFIG);
        assert_memory_equal(aed_status_message(), cases[i].message, strlen(cases[i].message));
        aed_snapshots_destroy(&snapshots);
        aed_test_engine_destroy(&engine);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_untrained_model_and_the_last_epoch_have_snapshots),
        cmocka_unit_test(test_outputs_are_those_of_the_model_without_noise),
        cmocka_unit_test(test_inputs_are_corrupted_alike_in_all_epochs),
        cmocka_unit_test(test_samples_are_chosen_by_their_place_in_the_split),
        cmocka_unit_test(test_held_out_samples_keep_their_numbers),
        cmocka_unit_test(test_early_stopping_ends_with_a_snapshot),
        cmocka_unit_test(test_every_snapshot_is_told_once),
        cmocka_unit_test(test_impossible_snapshots_are_refused),
    };
    if (aed_dist_start(&argc, &argv, &world) != AED_OK) return EXIT_FAILURE;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    aed_dist_stop();
    return failed;
}
