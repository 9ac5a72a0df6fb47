/* Dead units of relus: found in layers of their own and in those that are computed within others, not
 * taken for dead for the lanes that repeat a sample, and told in the metrics. */
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
    "data: {source: glyphs, samples: 90, seed: 1, holdout: 40}\n"
    "model:\n"
    "  encoder: [{conv2d: {out: 4, kernel: 3}}, relu, {max_pool2d: 2}, {conv2d: {out: 3, kernel: "
    "4}},\n"
    "            relu, flatten, {linear: 8}, relu, {dropout: 0.5}]\n"
    "  decoder: [{linear: 784}, {unflatten: [1, 28, 28]}, leaky_relu]\n"
    "train: {loss: mse, optimizer: {sgd: {lr: 1.0e-9}}, batch: full, epochs: 1}\n"
    "metrics: {dead_units: true, norms: true}\n"
    "seed: 3\n";

enum { UNITS = 4 + 3 + 8 };

static aed_comm world;

typedef aed_test_engine fixture;

static aed_status create(fixture *f, const char *override)
{
    return aed_test_engine_create(MODEL, override, &world, f);
}

static void destroy(fixture *f) { aed_test_engine_destroy(f); }

static void set(fixture *f, const char *name, const float *values, float all)
{
    for (int64_t i = 0; i < f->trainer.model.tensor_count; i++) {
        const aed_tensor *tensor = &f->trainer.model.tensors[i];
        if (strcmp(tensor->name, name) != 0) continue;
        for (int64_t k = 0; k < aed_shape_count(&tensor->shape); k++)
            f->trainer.params[tensor->offset + k] = values ? values[k] : all;
    }
}

/* Outputs before each relu are the biases, as the weights are 0: a unit is dead if its bias is not above
 * 0. The first layer's weight of one of the dead is large: ink somewhere brings it to life. */
static void test_units_without_output_are_dead(void **state)
{
    (void)state;
    static const float first[] = {1, -1, 0, -1}, second[] = {-1, 2, -1},
                       third[] = {1, 1, -1, 1, 0, 1, 1, -3};
    static const int64_t want[UNITS] = {0, 1, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1};
    static float weight[4 * 9];
    fixture f;
    aed_training training;
    for (int i = 27; i < 36; i++) weight[i] = 100;
    assert_int_equal(create(&f, NULL), AED_OK);
    assert_int_equal(aed_training_create(&f.trainer, &training), AED_OK);
    set(&f, "encoder.0.weight", weight, 0);
    set(&f, "encoder.3.weight", NULL, 0);
    set(&f, "encoder.6.weight", NULL, 0);
    set(&f, "encoder.0.bias", first, 0);
    set(&f, "encoder.3.bias", second, 0);
    set(&f, "encoder.6.bias", third, 0);
    assert_int_equal(f.trainer.units_count, 3);
    assert_string_equal(f.trainer.units[1].name, "dead_units.encoder.4");
    assert_int_equal(f.trainer.unit_count, UNITS);
    assert_int_equal(aed_training_run(&training, NULL), AED_OK);
    const int64_t *dead = f.trainer.passes[AED_PASS_VAL].dead;
    int64_t count = 0;
    for (int i = 0; i < UNITS; i++) {
        if (dead[i] != want[i]) fail_msg("unit %d: %d", i, (int)dead[i]);
        count += dead[i];
    }
    const aed_metrics *metrics = &training.history.metrics;
    const double *row = metrics->values + (metrics->rows - 1) * metrics->column_count;
    double squares = 0;
    for (int64_t i = 0; i < f.trainer.model.parameter_block; i++)
        squares += (double)f.trainer.params[i] * (double)f.trainer.params[i];
    assert_string_equal(metrics->names[metrics->column_count - 1], "dead_units");
    assert_true(row[metrics->column_count - 1] == (double)count / UNITS);
    assert_string_equal(metrics->names[metrics->column_count - 2], "param_norm");
    assert_true(fabs(row[metrics->column_count - 2] / sqrt(squares) - 1) < 1e-6);
    aed_training_destroy(&training);
    destroy(&f);
}

static void test_model_without_relu_is_refused(void **state)
{
    (void)state;
    fixture f;
    assert_int_equal(create(&f, "model={encoder: [flatten, {linear: 3}, tanh], decoder: [{linear: "
                                "784}, {unflatten: [1, 28, 28]}]}"),
                     AED_CONFIG);
    destroy(&f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units_without_output_are_dead),
        cmocka_unit_test(test_model_without_relu_is_refused),
    };
    if (aed_dist_start(&argc, &argv, &world) != AED_OK) return EXIT_FAILURE;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    aed_dist_stop();
    return failed;
}
