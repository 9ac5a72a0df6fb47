/* The library as programs use it: a model of a config's text, kinds and samples of the program's own,
 * and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aedist/autoencoder.h"
#include "io/results.h"
#include "support/engine.h"
#include "train/trial.h"

enum { SAMPLES = 50, FEATURES = 2 };

static const char *const MODEL =
    "data: {source: linear_mix, samples: 40, mix: [[1, 1], [0.5, 1.5]], seed: 1}\n"
    "model: {encoder: [{linear: 1}], decoder: [{linear: 2}], code: {noise: 0.5}}\n"
    "train: {loss: mse, optimizer: {sgd: {lr: 0.01}}, batch: 16, epochs: 5}\n";

static aed_comm world;

static aed_status create(const char *override, const aed_kinds *kinds, aed_autoencoder **model)
{
    const aed_autoencoder_options options = {.config = MODEL,
                                             .name = "test.yaml",
                                             .overrides = &override,
                                             .override_count = override ? 1 : 0,
                                             .kinds = kinds};
    return aed_autoencoder_create(&options, MPI_COMM_WORLD, model);
}

static void assert_refused(const char *override, const aed_kinds *kinds, const char *message)
{
    aed_autoencoder *model;
    assert_int_not_equal(create(override, kinds, &model), AED_OK);
    assert_null(model);
    if (!strstr(aed_status_message(), message))
        fail_msg("the message '%s' lacks '%s'", aed_status_message(), message);
}

static void count_epochs(void *self, const aed_epoch *epoch)
{
    int *count = self;
    assert_int_equal(epoch->epoch, ++*count);
    assert_int_equal(epoch->epochs, 5);
    assert_true(epoch->train_loss > 0 && epoch->val_loss > 0);
}

static void test_training_gives_what_the_program_gives(void **state)
{
    aed_autoencoder *model;
    aed_test_engine engine;
    aed_training training;
    char hash[65], wanted[65];
    int epochs = 0;
    (void)state;
    assert_int_equal(create(NULL, NULL, &model), AED_OK);
    assert_true(isnan(aed_autoencoder_metric(model, "val_loss")));
    assert_int_equal(aed_autoencoder_train(model, count_epochs, &epochs), AED_OK);
    assert_int_equal(epochs, 5);
    aed_autoencoder_weights_hash(model, hash);

    assert_int_equal(aed_test_engine_create(MODEL, NULL, &world, &engine), AED_OK);
    assert_int_equal(aed_training_create(&engine.trainer, &training), AED_OK);
    assert_int_equal(aed_training_run(&training, NULL), AED_OK);
    aed_weights_hash(engine.trainer.model.tensors, engine.trainer.model.tensor_count,
                     engine.trainer.params, wanted);
    assert_string_equal(hash, wanted);
    const aed_metrics *metrics = &training.history.metrics;
    assert_true(aed_autoencoder_metric(model, "val_loss") ==
                metrics->values[4 * metrics->column_count + AED_COLUMN_VAL_LOSS]);
    assert_true(isnan(aed_autoencoder_metric(model, "nothing")));
    aed_training_destroy(&training);
    aed_test_engine_destroy(&engine);
    aed_autoencoder_destroy(&model);
    aed_autoencoder_destroy(&model);
}

/* More samples than a tile has lanes, the last tile not full. */
static void test_apply_gives_the_outputs_at_a_tap(void **state)
{
    aed_autoencoder *model;
    float samples[SAMPLES][FEATURES], codes[SAMPLES], inputs[SAMPLES][FEATURES];
    (void)state;
    for (int i = 0; i < SAMPLES; i++) {
        samples[i][0] = (float)i;
        samples[i][1] = (float)(i * i) / 64;
    }
    assert_int_equal(create(NULL, NULL, &model), AED_OK);
    const aed_tensor *tensors = aed_autoencoder_model(model)->tensors;
    float *params = aed_autoencoder_parameters(model);
    assert_string_equal(tensors[0].name, "encoder.0.weight");
    params[tensors[0].offset] = 2;
    params[tensors[0].offset + 1] = 0.25f;
    params[tensors[1].offset] = 1;
    assert_int_equal(aed_autoencoder_apply(model, "code", SAMPLES, samples[0], codes), AED_OK);
    for (int i = 0; i < SAMPLES; i++) /* without the code's noise, exact in float32 */
        assert_true(codes[i] == 2 * samples[i][0] + 0.25f * samples[i][1] + 1);
    assert_int_equal(aed_autoencoder_apply(model, "input", SAMPLES, samples[0], inputs[0]), AED_OK);
    assert_memory_equal(inputs, samples, sizeof samples);
    assert_int_equal(aed_autoencoder_apply(model, "cod", 1, samples[0], codes), AED_CONFIG);
    aed_autoencoder_destroy(&model);
}

/* ---- Kinds of the program's own ---------------------------------------------------------------- */

static aed_status twice_infer(aed_layer *layer)
{
    layer->out = layer->in;
    layer->out_interval = layer->in_interval;
    return AED_OK;
}

static void twice_forward(const aed_layer *layer, const float *params, const float *x, float *y,
                          const aed_tile *tile)
{
    const double by = aed_spec_number(&layer->spec->spec, "by");
    (void)params;
    for (int64_t i = 0; i < aed_shape_count(&layer->in) * tile->lanes; i++) y[i] = (float)by * x[i];
}

static void twice_backward(const aed_layer *layer, const float *params, const float *x,
                           const float *y, float *dy, float *dx, float *grads, const aed_tile *tile)
{
    (void)x;
    (void)y;
    (void)grads;
    if (dx) twice_forward(layer, params, dy, dx, tile);
}

static const aed_arg_def twice_args[] = {
    {"by", AED_ARG_INT, false, 2, 1, 100, NULL, "the factor"},
};
static const aed_layer_ops twice = {
    .kind = {"twice", "a factor", twice_args, 1, "by"},
    .infer = twice_infer,
    .forward = twice_forward,
    .backward = twice_backward,
};

/* A constant times the mse. */
static double slack(const aed_spec *spec, int64_t features, int lanes, int valid, const float *y,
                    const float *target, const int32_t *labels, float scale, float *dy)
{
    double sum = 0;
    (void)spec;
    (void)labels;
    for (int64_t f = 0; f < features; f++)
        for (int lane = 0; lane < lanes; lane++) {
            const float d = y[f * lanes + lane] - target[f * lanes + lane];
            if (lane < valid) sum += (double)d * (double)d / 2;
            if (dy) dy[f * lanes + lane] = lane < valid ? scale * d : 0;
        }
    return sum;
}
static const aed_loss_ops slack_ops = {
    .kind = {"slack", "half of the mse", NULL, 0, NULL},
    .target_domain = {-INFINITY, INFINITY},
    .output_domain = {-INFINITY, INFINITY},
    .evaluate = slack,
};

static const aed_layer_ops *const own_layers[] = {&twice, NULL};
static const aed_loss_ops *const own_losses[] = {&slack_ops, NULL};
static const aed_kinds own = {.layers = own_layers, .losses = own_losses};

static void test_own_kinds_are_named_like_any_other(void **state)
{
    static const char *const overrides[] = {
        "model.decoder=[{linear: 2}, twice]", "model.decoder=[{linear: 2}, {twice: {by: 3}}]",
        "train.loss=slack", "train.loss={reconstruction: {slack: 0.5}}"};
    (void)state;
    for (size_t i = 0; i < sizeof overrides / sizeof *overrides; i++) {
        aed_autoencoder *model;
        assert_int_equal(create(overrides[i], &own, &model), AED_OK);
        assert_int_equal(aed_autoencoder_train(model, NULL, NULL), AED_OK);
        assert_true(isfinite(aed_autoencoder_metric(model, "val_loss")));
        aed_autoencoder_destroy(&model);
    }
    assert_refused("model.decoder=[{linear: 2}, {twice: 0}]", &own, "must be from 1 to 100");
    assert_refused("model.decoder=[{linear: 2}, twise]", &own, "did you mean 'twice'?");
    assert_refused("train.loss={reconstruction: {slak: 1}}", &own, "did you mean 'slack'?");
    assert_refused("model.decoder=[{linear: 2}, twice]", NULL, "unknown layer 'twice'");
}

static void test_unsound_kinds_are_refused(void **state)
{
    aed_layer_ops layer = twice;
    const aed_layer_ops *const layers[] = {&layer, NULL}, *const same[] = {&twice, &twice, NULL};
    const aed_kinds one = {.layers = layers}, two = {.layers = same};
    (void)state;
    layer.kind.name = "relu";
    assert_refused(NULL, &one, "'relu': there is a built-in kind of that name");
    layer.kind.name = "mse";
    assert_refused(NULL, &one, "'mse': there is a built-in kind of that name");
    layer.kind.name = "two.words";
    assert_refused(NULL, &one, "lower-case letters");
    layer.kind.name = NULL;
    assert_refused(NULL, &one, "lower-case letters");
    layer = twice;
    layer.backward = NULL;
    assert_refused(NULL, &one, "forward and backward");
    assert_refused(NULL, &two, "two kinds have that name");
}

/* ---- Samples of the program's own -------------------------------------------------------------- */

static void test_arrays_are_a_source(void **state)
{
    float values[SAMPLES][FEATURES];
    int32_t labels[SAMPLES];
    aed_source source;
    aed_dataset data;
    float tile[FEATURES][16];
    int32_t got[16];
    uint32_t ids[16];
    (void)state;
    for (int i = 0; i < SAMPLES; i++) {
        values[i][0] = (float)i;
        values[i][1] = (float)-i;
        labels[i] = i % 3;
    }
    aed_array_source arrays = {.shape = {1, {FEATURES}},
                               .samples = 40,
                               .test_samples = 10,
                               .values = values[0],
                               .labels = labels,
                               .classes = 3};
    aed_array_source_set(&arrays, "mine");
    const aed_spec spec = {.kind = &arrays.ops.kind, .where = "here"};
    assert_int_equal(aed_source_create(&spec, &source), AED_OK);
    assert_true(source.interval.lo == -49 && source.interval.hi == 49);
    assert_int_equal(aed_dataset_create(&source, NULL, &data), AED_OK);
    for (uint32_t i = 0; i < 16; i++) ids[i] = 49 - i;
    assert_int_equal(aed_dataset_tile(&data, 0, ids, 16, 1, tile[0], tile[0], got), AED_OK);
    for (int i = 0; i < 16; i++) {
        assert_true(tile[0][i] == (float)(49 - i) && tile[1][i] == (float)(i - 49));
        assert_int_equal(got[i], (49 - i) % 3);
    }
    aed_dataset_destroy(&data);
    aed_source_destroy(&source);
}

static void test_unusable_arrays_are_refused(void **state)
{
    float values[4] = {1, 2, 3, 4};
    int32_t labels[2] = {0, 2};
    aed_source source;
    (void)state;
    aed_array_source arrays = {.shape = {1, {2}}, .samples = 2, .values = values};
    aed_array_source_set(&arrays, "mine");
    const aed_spec spec = {.kind = &arrays.ops.kind, .where = "here"};
    arrays.labels = labels;
    assert_int_equal(aed_source_create(&spec, &source), AED_CONFIG); /* without classes */
    arrays.classes = 2;
    assert_int_equal(aed_source_create(&spec, &source), AED_DATA);
    assert_string_equal(aed_status_message(), "here: label 1 is 2, but there are 2 classes");
    arrays.labels = NULL;
    arrays.classes = 0;
    values[3] = NAN;
    assert_int_equal(aed_source_create(&spec, &source), AED_DATA);
    assert_string_equal(aed_status_message(), "here: value 3 of the samples is not finite");
    arrays.samples = 0;
    assert_int_equal(aed_source_create(&spec, &source), AED_CONFIG);
    arrays.samples = INT64_MAX;
    assert_int_equal(aed_source_create(&spec, &source), AED_CONFIG);
    arrays.shape.size[0] = 0;
    assert_int_equal(aed_source_create(&spec, &source), AED_CONFIG);
}

static void test_what_is_no_single_trial_is_refused(void **state)
{
    (void)state;
    assert_refused("sweep={seed: [1, 2]}", NULL, "a sweep of 2 trials");
    assert_refused("train.batch=0", NULL, "train.batch=0: 'batch' is 0");
    assert_refused("model.decoder=[{linear: 2}, {unflatten: [3]}]", NULL, "wants 3 = 3 elements");
    assert_refused("model.decoder=[{linear: 2}, sigmoid]", NULL, "(the rule checks.reach)");
    assert_refused("model.init_from=/nowhere/t1", NULL, "init_from: /nowhere");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_training_gives_what_the_program_gives),
        cmocka_unit_test(test_apply_gives_the_outputs_at_a_tap),
        cmocka_unit_test(test_own_kinds_are_named_like_any_other),
        cmocka_unit_test(test_unsound_kinds_are_refused),
        cmocka_unit_test(test_arrays_are_a_source),
        cmocka_unit_test(test_unusable_arrays_are_refused),
        cmocka_unit_test(test_what_is_no_single_trial_is_refused),
    };
    if (aed_dist_start(&argc, &argv, &world) != AED_OK) return EXIT_FAILURE;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    aed_dist_stop();
    return failed;
}
