/* Symptoms of a training that learns nothing: what shows, since when, and what comes of it; and the
 * numbers they are judged from. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "support/engine.h"
#include "train/trial.h"

static const char *const MODEL =
    "data: {source: glyphs, samples: 90, seed: 1, holdout: 40}\n"
    "model:\n"
    "  encoder: [{conv2d: {out: 2, kernel: 5, stride: 4}}, relu, flatten, {linear: 3}, tanh]\n"
    "  decoder: [{linear: 6}, relu, {linear: 784}, {unflatten: [1, 28, 28]}, relu]\n"
    "train: {loss: mse, optimizer: {sgd: {lr: 0.1}}, batch: 20, epochs: 40}\n"
    "metrics: {skill: true, code_dimension: true, layer_norms: true}\n"
    "watch: {after: 5}\n"
    "seed: 3\n";

enum { HELD_OUT = 40, FEATURES = 784, CODE = 3 };

static aed_comm world;

typedef struct fixture {
    aed_test_engine engine;
    aed_training training;
} fixture;

static void create(fixture *f, const char *override)
{
    memset(f, 0, sizeof *f);
    assert_int_equal(aed_test_engine_create(MODEL, override, &world, &f->engine), AED_OK);
    assert_int_equal(aed_training_create(&f->engine.trainer, &f->training), AED_OK);
    assert_int_equal(aed_symptoms_begin(&f->training.symptoms, &f->engine.trainer), AED_OK);
}

static void destroy(fixture *f)
{
    aed_training_destroy(&f->training);
    aed_test_engine_destroy(&f->engine);
}

static void set(fixture *f, const char *name, float value)
{
    const aed_trainer *t = &f->engine.trainer;
    for (int64_t i = 0; i < t->model.tensor_count; i++) {
        const aed_tensor *tensor = &t->model.tensors[i];
        if (strcmp(tensor->name, name) != 0) continue;
        for (int64_t k = 0; k < aed_shape_count(&tensor->shape); k++)
            t->params[tensor->offset + k] = value;
    }
}

static double evaluate(fixture *f)
{
    double loss;
    aed_trainer *t = &f->engine.trainer;
    assert_int_equal(aed_trainer_evaluate(t, &t->passes[AED_PASS_VAL], &loss), AED_OK);
    return loss;
}

/* Epoch `epoch` is recorded with this loss, outputs that live and relus that do not or do; returns
 * whether the training is to end. */
static bool record(fixture *f, int64_t epoch, double loss, bool same, bool dead)
{
    aed_trial_history *history = &f->training.history;
    aed_trainer *t = &f->engine.trainer;
    double *row = history->values + history->metrics.rows++ * history->metrics.column_count;
    row[AED_COLUMN_EPOCH] = (double)epoch;
    row[AED_COLUMN_VAL_LOSS] = t->passes[AED_PASS_VAL].terms[0] = loss;
    t->look.same = same;
    for (int64_t i = 0; i < t->units_count; i++) t->look.dead[i] = dead;
    return aed_symptoms_heed(&f->training.symptoms, history, t);
}

static bool lasts(const fixture *f, int64_t sign)
{
    return aed_symptoms_lasts(&f->training.symptoms, &f->training.history, &f->engine.trainer,
                              sign);
}

/* ---- Numbers -------------------------------------------------------------------------------------- */

static void test_floors_are_those_of_the_samples(void **state)
{
    (void)state;
    static float sample[HELD_OUT][FEATURES];
    fixture f;
    create(&f, NULL);
    aed_trainer *t = &f.engine.trainer;
    double loss = 0;
    for (int64_t first = 0; first < HELD_OUT; first += t->model.lanes) {
        aed_tile tile;
        const float *target;
        const int64_t left = HELD_OUT - first;
        assert_int_equal(aed_trainer_load(t, &t->passes[AED_PASS_VAL], first,
                                          left < t->model.lanes ? left : t->model.lanes, &tile,
                                          &target),
                         AED_OK);
        for (int lane = 0; lane < tile.valid; lane++)
            for (int64_t i = 0; i < FEATURES; i++)
                sample[first + lane][i] = target[i * tile.lanes + lane];
    }
    for (int64_t i = 0; i < FEATURES; i++) {
        double mean = 0;
        for (int k = 0; k < HELD_OUT; k++) mean += (double)sample[k][i] / HELD_OUT;
        for (int k = 0; k < HELD_OUT; k++)
            loss += ((double)sample[k][i] - mean) * ((double)sample[k][i] - mean);
    }
    loss /= HELD_OUT * FEATURES;
    assert_true(fabs(f.training.symptoms.floors.mean / loss - 1) < 1e-6);
    assert_true(f.training.symptoms.floors.least == 0);
    t->passes[AED_PASS_VAL].terms[0] = loss / 4;
    assert_true(fabs(aed_symptoms_skill(&f.training.symptoms, t) - 0.75) < 1e-6);
    destroy(&f);
}

/* A bce is not 0 for the targets themselves, if they are grey. */
static void test_skill_of_the_best_bce_is_one(void **state)
{
    (void)state;
    fixture f;
    create(&f, "train.loss=bce");
    const aed_floors *floors = &f.training.symptoms.floors;
    assert_true(floors->least > 0 && floors->least < floors->mean);
    f.engine.trainer.passes[AED_PASS_VAL].terms[0] = floors->least;
    assert_true(aed_symptoms_skill(&f.training.symptoms, &f.engine.trainer) == 1);
    destroy(&f);
}

static void test_outputs_that_are_the_same_are_seen(void **state)
{
    (void)state;
    fixture f;
    create(&f, NULL);
    const aed_look *look = &f.engine.trainer.look;
    (void)evaluate(&f);
    assert_false(look->same || look->zero || look->dead[0] || look->dead[1]);
    set(&f, "decoder.2.weight", 0);
    set(&f, "decoder.2.bias", 0.25F);
    (void)evaluate(&f);
    assert_true(look->same && !look->zero);
    set(&f, "decoder.2.bias", -1);
    (void)evaluate(&f);
    assert_true(look->same && look->zero);
    set(&f, "decoder.0.weight", 0);
    set(&f, "decoder.0.bias", -1);
    (void)evaluate(&f);
    assert_true(look->dead[1] && !look->dead[0]);
    destroy(&f);
}

/* Within a leaf, among its tiles, among leaves. */
static void test_samples_that_differ_are_seen(void **state)
{
    (void)state;
    fixture f;
    create(&f, NULL);
    aed_trainer *t = &f.engine.trainer;
    static double one[16], other[16], sum[16];
    float *y = t->workspace + t->model.output_at[t->model.layer_count - 1];
    aed_tile tile = {.lanes = t->model.lanes, .valid = t->model.lanes, .first = true};
    aed_look look = {.dead = t->look.dead};
    memset(t->workspace, 0, sizeof(float) * (size_t)t->model.workspace);
    aed_look_tile(t, &tile, one);
    for (int lane = 0; lane < tile.lanes; lane++) y[7 * tile.lanes + lane] = 0.5F;
    aed_look_tile(t, &tile, other);
    for (int i = 0; i < 16; i++) sum[i] = one[i] + one[i];
    aed_look_take(t, sum, 2, 32, &look);
    assert_true(look.same && look.zero);
    for (int i = 0; i < 16; i++) sum[i] = one[i] + other[i];
    aed_look_take(t, sum, 2, 32, &look);
    assert_false(look.same || look.zero);
    for (int i = 0; i < 16; i++) sum[i] = other[i] + other[i];
    aed_look_take(t, sum, 2, 32, &look);
    assert_true(look.same && !look.zero);
    /* A single sample, not the first. */
    memset(other, 0, sizeof other);
    y[7 * tile.lanes + 3] = 0.25F;
    aed_look_tile(t, &tile, other);
    aed_look_take(t, other, 1, 16, &look);
    assert_false(look.same || look.zero);
    y[7 * tile.lanes + 3] = 0.5F;
    tile.first = false; /* a second tile of the leaf */
    aed_look_tile(t, &tile, one);
    aed_look_take(t, one, 1, 32, &look);
    assert_false(look.same);
    destroy(&f);
}

/* Codes along one direction, along two of equal variance, and none. */
static void test_code_dimension_counts_directions(void **state)
{
    (void)state;
    static const float codes[2][4][CODE] = {{{1, 2, 3}, {2, 4, 6}, {3, 6, 9}, {0, 0, 0}},
                                            {{1, 0, 5}, {-1, 0, 5}, {0, 1, 5}, {0, -1, 5}}};
    fixture f;
    create(&f, NULL);
    aed_trainer *t = &f.engine.trainer;
    float *y = t->workspace + t->model.output_at[t->model.code_layer];
    const aed_tile tile = {.lanes = t->model.lanes, .valid = 4, .first = true};
    aed_look look = {.dead = t->look.dead};
    memset(t->workspace, 0, sizeof(float) * (size_t)t->model.workspace);
    for (int i = 0; i < 2; i++) {
        static double sums[32];
        memset(sums, 0, sizeof sums);
        for (int lane = 0; lane < 4; lane++)
            for (int c = 0; c < CODE; c++) y[c * tile.lanes + lane] = codes[i][lane][c];
        aed_look_tile(t, &tile, sums);
        aed_look_take(t, sums, 1, 4, &look);
        assert_true(fabs(look.code_dimension - (i + 1)) < 1e-12);
    }
    for (int lane = 0; lane < 4; lane++)
        for (int c = 0; c < CODE; c++) y[c * tile.lanes + lane] = 0.1F;
    static double sums[32];
    aed_look_tile(t, &tile, sums);
    aed_look_take(t, sums, 1, 4, &look);
    assert_true(look.code_dimension == 0);
    destroy(&f);
}

static void test_layer_norms_make_the_gradient_norm(void **state)
{
    (void)state;
    fixture f;
    create(&f, "train.freeze=[decoder.0]");
    assert_int_equal(aed_training_run(&f.training, NULL), AED_OK);
    const aed_metrics *metrics = &f.training.history.metrics;
    const double *row = metrics->values + (metrics->rows - 1) * metrics->column_count;
    double squares = 0;
    int64_t count = 0;
    for (int64_t i = 0; i < metrics->column_count; i++)
        if (strncmp(metrics->names[i], "grad_norm.", 10) == 0) {
            squares += row[i] * row[i];
            count++;
        }
    assert_int_equal(count, 3);
    assert_string_equal(metrics->names[metrics->column_count - 1], "grad_norm.decoder.2");
    assert_true(squares > 0);
    assert_true(fabs(sqrt(squares) / row[AED_COLUMN_GRAD_NORM] - 1) < 1e-6);
    destroy(&f);
}

/* ---- Symptoms ------------------------------------------------------------------------------------- */

static void test_a_skill_that_rises_is_learning(void **state)
{
    (void)state;
    fixture f;
    create(&f, NULL);
    const double mean = f.training.symptoms.floors.mean;
    for (int64_t epoch = 1; epoch <= 20; epoch++) {
        record(&f, epoch, mean * (2 - 0.04 * (double)epoch), false, false);
        assert_false(lasts(&f, AED_SYMPTOM_SKILL));
    }
    /* From epoch 20 on it falls, then rises by too little. */
    for (int64_t epoch = 21; epoch <= 23; epoch++) record(&f, epoch, mean * 1.3, false, false);
    assert_false(lasts(&f, AED_SYMPTOM_SKILL));
    record(&f, 24, mean * 1.1995, false, false);
    assert_true(lasts(&f, AED_SYMPTOM_SKILL));
    assert_int_equal(f.training.symptoms.since[AED_SYMPTOM_SKILL], 20);
    assert_int_equal(f.training.symptoms.told[AED_SYMPTOM_SKILL], 24);
    record(&f, 25, mean * 0.9, false, false);
    assert_false(lasts(&f, AED_SYMPTOM_SKILL));
    /* What is lost again counts from then. */
    record(&f, 30, mean * 1.5, false, false);
    record(&f, 33, mean * 1.6, false, false);
    assert_int_equal(f.training.symptoms.since[AED_SYMPTOM_SKILL], 30);
    assert_false(lasts(&f, AED_SYMPTOM_SKILL));
    destroy(&f);
}

static void test_symptoms_must_last(void **state)
{
    (void)state;
    fixture f;
    create(&f, NULL);
    record(&f, 1, 0.01, true, true);
    record(&f, 2, 0.01, false, false);
    record(&f, 3, 0.01, true, true);
    record(&f, 6, 0.01, true, true);
    assert_int_equal(f.training.symptoms.since[AED_SYMPTOM_OUTPUT], 3);
    assert_int_equal(f.training.symptoms.since[AED_SYMPTOM_STILL], 1);
    assert_true(lasts(&f, AED_SYMPTOM_STILL));
    assert_false(lasts(&f, AED_SYMPTOM_OUTPUT) || lasts(&f, AED_SYMPTOM_DEAD));
    record(&f, 7, 0.02, true, true);
    assert_false(lasts(&f, AED_SYMPTOM_STILL));
    assert_true(lasts(&f, AED_SYMPTOM_OUTPUT) && lasts(&f, AED_SYMPTOM_DEAD));
    assert_true(lasts(&f, AED_SYMPTOM_DEAD + 1));
    /* The relu at the end is the output's. */
    assert_int_equal(f.engine.trainer.units_count, 3);
    assert_false(lasts(&f, AED_SYMPTOM_DEAD + 2));
    assert_false(lasts(&f, AED_SYMPTOM_SKILL));
    destroy(&f);
}

static void test_lines_say_what_lasts(void **state)
{
    (void)state;
    fixture f;
    create(&f, NULL);
    const aed_symptoms *symptoms = &f.training.symptoms;
    f.engine.trainer.look.zero = true;
    for (int64_t epoch = 1; epoch <= 5; epoch++) record(&f, epoch, 0.01, true, true);
    char *lines = aed_symptoms_lines(symptoms, &f.training.history, &f.engine.trainer);
    assert_string_equal(
        lines, "every output 0 since epoch 1; loss 0.01 = predicting zero (the rule watch.output)\n"
               "val_loss 0.01, the same to the last bit since epoch 1 (the rule watch.still)\n"
               "encoder.1 (relu) is dead since epoch 1: 0 in all of 2 maps for every sample (the "
               "rule watch.dead)\n"
               "decoder.1 (relu) is dead since epoch 1: 0 in all of 6 units for every sample (the "
               "rule watch.dead)");
    aed_free(lines);
    record(&f, 6, 0.02, false, false);
    lines = aed_symptoms_lines(symptoms, &f.training.history, &f.engine.trainer);
    assert_string_equal(lines, "");
    aed_free(lines);
    destroy(&f);
}

static void test_levels_decide(void **state)
{
    (void)state;
    fixture f;
    create(&f, "watch={after: 2, skill: none, output: none, dead: stop, still: warn}");
    assert_true(isfinite(f.training.symptoms.floors.mean)); /* the metric needs them */
    assert_false(record(&f, 1, 9, true, true));
    assert_true(record(&f, 2, 9, true, true));
    assert_int_equal(f.training.symptoms.since[AED_SYMPTOM_SKILL], 0);
    assert_int_equal(f.training.symptoms.since[AED_SYMPTOM_OUTPUT], 0);
    assert_false(record(&f, 3, 9, true, false));
    assert_true(lasts(&f, AED_SYMPTOM_STILL));
    destroy(&f);
}

/* In a training: it ends when the symptom has lasted, with what it was. */
static void test_training_ends_by_a_symptom(void **state)
{
    (void)state;
    fixture f;
    create(&f, "watch={after: 5, output: stop}");
    set(&f, "decoder.2.weight", 0);
    set(&f, "decoder.2.bias", -1);
    assert_int_equal(aed_training_run(&f.training, NULL), AED_OK);
    assert_int_equal(f.training.history.epochs, 5);
    assert_int_equal(f.training.choice.ended, 1);
    destroy(&f);
}

static void test_metrics_that_cannot_be_are_refused(void **state)
{
    (void)state;
    aed_test_engine engine;
    assert_int_equal(aed_test_engine_create(MODEL, "train.loss={code: {mse: 1}}", &world, &engine),
                     AED_CONFIG);
    assert_non_null(strstr(aed_status_message(), "metrics.skill: no loss compares"));
    aed_test_engine_destroy(&engine);
    assert_int_equal(aed_test_engine_create(MODEL, "model.encoder=[flatten]", &world, &engine),
                     AED_CONFIG);
    assert_non_null(strstr(aed_status_message(), "metrics.code_dimension: the code has 784"));
    aed_test_engine_destroy(&engine);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floors_are_those_of_the_samples),
        cmocka_unit_test(test_skill_of_the_best_bce_is_one),
        cmocka_unit_test(test_outputs_that_are_the_same_are_seen),
        cmocka_unit_test(test_samples_that_differ_are_seen),
        cmocka_unit_test(test_code_dimension_counts_directions),
        cmocka_unit_test(test_layer_norms_make_the_gradient_norm),
        cmocka_unit_test(test_a_skill_that_rises_is_learning),
        cmocka_unit_test(test_symptoms_must_last),
        cmocka_unit_test(test_lines_say_what_lasts),
        cmocka_unit_test(test_levels_decide),
        cmocka_unit_test(test_training_ends_by_a_symptom),
        cmocka_unit_test(test_metrics_that_cannot_be_are_refused),
    };
    if (aed_dist_start(&argc, &argv, &world) != AED_OK) return EXIT_FAILURE;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    aed_dist_stop();
    return failed;
}
