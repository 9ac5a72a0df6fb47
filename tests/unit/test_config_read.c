/* Reading of configs: what is taken, what is refused, and in which words. */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "test_config.h"

/* `format` with its %s replaced by a fragment: a config with one line changed. */
static const char *with_train(const char *train)
{
    static char text[4096];
    snprintf(text, sizeof text,
             "data: {source: bezier}\n"
             "model: {encoder: [{linear: 3}], decoder: [{linear: 7}]}\n"
             "train: %s\n",
             train);
    return text;
}

static const char *with_encoder(const char *encoder)
{
    static char text[4096];
    snprintf(text, sizeof text,
             "data: {source: bezier}\n"
             "model: {encoder: %s, decoder: [{linear: 7}]}\n"
             "train: {loss: mse, optimizer: {sgd: {lr: 0.1}}, batch: full, epochs: 1}\n",
             encoder);
    return text;
}

static void test_parse_whole_config(void **state)
{
    (void)state;
    aed_trial_list trials = parse_trials(bezier_text, NULL);
    assert_int_equal(trials.count, 1);
    assert_int_equal(trials.trials[0].setting_count, 0);
    assert_string_equal(trials.source_text, bezier_text);
    const aed_config *config = &trials.trials[0].config;
    assert_string_equal(config->name, "config");
    assert_string_equal(config->data.kind->name, "bezier");
    assert_int_equal(aed_spec_int(&config->data, "points"), 15);
    assert_int_equal(aed_spec_int(&config->data, "seed"), 22);
    assert_int_equal(config->seed, 11);
    assert_int_equal(config->layer_count, 4);
    assert_string_equal(config->layers[0].path, "encoder.0");
    assert_string_equal(config->layers[0].name, "low");
    assert_string_equal(config->layers[0].spec.where, "config.yaml:4:7");
    assert_int_equal(aed_spec_int(&config->layers[0].spec, "stride"), 4);
    assert_int_equal(aed_spec_int(&config->layers[0].spec, "dilation"), 1);
    assert_string_equal(config->layers[1].spec.kind->name, "tanh");
    assert_int_equal(config->code_layer, 1);
    assert_string_equal(config->layers[2].path, "code.noise");
    assert_string_equal(config->layers[3].path, "decoder.0");
    assert_int_equal(config->loss_count, 1);
    assert_string_equal(config->losses[0].tap, "reconstruction");
    assert_true(config->losses[0].weight == 1);
    assert_true(aed_spec_number(&config->optimizer, "lr") == 1e-4);
    assert_string_equal(config->schedule.kind->name, "constant");
    assert_string_equal(config->init.kind->name, "default");
    assert_int_equal(config->batch, 128);
    assert_int_equal(config->epochs, 5000);
    assert_true(config->noise_scale == 1);
    assert_int_equal(config->metrics_every, 1);
    aed_trial_list_destroy(&trials);
    aed_trial_list_destroy(&trials);
}

static void test_code_noise_scaled(void **state)
{
    (void)state;
    aed_trial_list trials = parse_trials(bezier_text, "noise_scale=0.5");
    const aed_config *config = &trials.trials[0].config;
    const aed_arg_value *std = aed_spec_value(&config->layers[2].spec, "std");
    assert_int_equal(std->count, 3);
    assert_true(std->numbers[0] == 0.05 && std->numbers[2] == 0.0005);
    assert_true(config->code_noise.numbers[0] == 0.1);
    aed_trial_list_destroy(&trials);

    trials = parse_trials(bezier_text, "noise_scale=0");
    config = &trials.trials[0].config;
    assert_int_equal(config->layer_count, 3);
    assert_string_equal(config->layers[2].path, "decoder.0");
    assert_true(config->code_noise.numbers[0] == 0.1);
    aed_trial_list_destroy(&trials);

    trials = parse_trials(bezier_text, "model.code.noise=[0.1, 0]");
    assert_int_equal(trials.trials[0].config.layer_count, 4);
    aed_trial_list_destroy(&trials);

    trials = parse_trials(bezier_text, "model.code.noise=0.25");
    std = aed_spec_value(&trials.trials[0].config.layers[2].spec, "std");
    assert_int_equal(std->count, 1);
    assert_true(std->numbers[0] == 0.25);
    aed_trial_list_destroy(&trials);
}

static void test_code_layer_of_activation_and_empty_encoder(void **state)
{
    (void)state;
    aed_trial_list trials = parse_trials(bezier_text, "model.code.activation=sigmoid");
    assert_int_equal(trials.trials[0].config.code_layer, 2);
    assert_string_equal(trials.trials[0].config.layers[2].path, "code.activation");
    assert_string_equal(trials.trials[0].config.layers[3].path, "code.noise");
    aed_trial_list_destroy(&trials);
    trials = parse_trials(bezier_text, "model.encoder=[]");
    assert_int_equal(trials.trials[0].config.code_layer, -1);
    assert_string_equal(trials.trials[0].config.layers[0].path, "code.noise");
    aed_trial_list_destroy(&trials);
}

static void test_main_arg_alone(void **state)
{
    (void)state;
    aed_trial_list trials = parse_trials(
        with_encoder("[{linear: 32}, {leaky_relu: 0.2}, {unflatten: [4, 8]}]"), NULL);
    const aed_layer_spec *layers = trials.trials[0].config.layers;
    assert_int_equal(aed_spec_int(&layers[0].spec, "out"), 32);
    assert_true(aed_spec_number(&layers[1].spec, "slope") == 0.2);
    assert_int_equal(aed_spec_value(&layers[2].spec, "shape")->count, 2);
    aed_trial_list_destroy(&trials);
}

static void test_lists_of_a_source(void **state)
{
    (void)state;
    aed_trial_list trials = parse_trials(
        "data: {source: linear_mix, samples: 100, mix: [[1, 1], [0.5, 1.5]], seed: 1}\n"
        "model: {init: {normal: {std: 1}}, encoder: [{linear: 1}], decoder: [{linear: 2}]}\n"
        "train: {loss: mse, optimizer: {sgd: {lr: 0.01}}, batch: full, epochs: 1000}\n",
        NULL);
    const aed_config *config = &trials.trials[0].config;
    const aed_arg_value *mix = aed_spec_value(&config->data, "mix");
    assert_int_equal(mix->rows, 2);
    assert_int_equal(mix->count, 4);
    assert_true(mix->numbers[2] == 0.5 && mix->numbers[3] == 1.5);
    assert_int_equal(config->batch, 0);
    assert_string_equal(config->init.kind->name, "normal");
    aed_trial_list_destroy(&trials);

    trials = parse_trials(bezier_text, "data={source: signal, samples: 8, functions: cos(x)}");
    const aed_arg_value *functions = aed_spec_value(&trials.trials[0].config.data, "functions");
    assert_int_equal(functions->count, 1);
    assert_string_equal(functions->strings[0], "cos(x)");
    aed_trial_list_destroy(&trials);
}

static void test_numbers_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        const char *override;
        double lr;
    } good[] = {{"train.optimizer.adam.lr=1e-4", 1e-4},   {"train.optimizer.adam.lr=1E-4", 1e-4},
                {"train.optimizer.adam.lr=.5", 0.5},      {"train.optimizer.adam.lr=5.", 5},
                {"train.optimizer.adam.lr=+1.0e+2", 100}, {"train.optimizer.adam.lr=3", 3}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        aed_trial_list trials = parse_trials(bezier_text, good[i].override);
        assert_true(aed_spec_number(&trials.trials[0].config.optimizer, "lr") == good[i].lr);
        aed_trial_list_destroy(&trials);
    }
    static const char *const bad[] = {"0x10",  "1_000", "010",   "1:30", "inf", ".inf",
                                      "-.INF", ".nan",  "1e999", "1e",   "--1", "1.2.3",
                                      "'1'",   "[1]",   "true",  "one"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char override[64];
        aed_trial_list trials;
        const char *overrides[] = {override};
        snprintf(override, sizeof override, "train.optimizer.adam.lr=%s", bad[i]);
        if (aed_config_parse(bezier_text, "c", overrides, 1, &trials) != AED_CONFIG)
            fail_msg("%s was taken for a number", bad[i]);
        assert_non_null(strstr(aed_status_message(), "must be a number"));
    }
}

static void test_whole_numbers_and_seeds(void **state)
{
    (void)state;
    aed_trial_list trials = parse_trials(bezier_text, "train.epochs=1.0e+3");
    assert_int_equal(trials.trials[0].config.epochs, 1000);
    aed_trial_list_destroy(&trials);
    trials = parse_trials(bezier_text, "seed=18446744073709551615");
    assert_true(trials.trials[0].config.seed == UINT64_MAX);
    aed_trial_list_destroy(&trials);
    trials = parse_trials(bezier_text, "seed=9007199254740993");
    assert_true(trials.trials[0].config.seed == 9007199254740993u);
    aed_trial_list_destroy(&trials);
    assert_refused(bezier_text, "train.epochs=1.5",
                   "train.epochs=1.5: 'epochs' must be a whole number, but is '1.5'");
    assert_refused(bezier_text, "train.epochs=9007199254740993",
                   "train.epochs=9007199254740993: 'epochs' must be a whole number of at most "
                   "2^53, but is '9007199254740993'");
    assert_refused(bezier_text, "seed=18446744073709551616",
                   "seed=18446744073709551616: 'seed' must be a whole number from 0 to 2^64 - 1, "
                   "but is '18446744073709551616'");
    assert_refused(bezier_text, "seed=-1",
                   "seed=-1: 'seed' must be a whole number from 0 to 2^64 - 1, but is '-1'");
}

static void test_bool_words_refused(void **state)
{
    (void)state;
    assert_refused(
        bezier_text, "model.encoder.0.conv1d.bias=off",
        "model.encoder.0.conv1d.bias=off: 'bias' in conv1d must be true or false, but is "
        "'off'; write false");
    assert_refused(
        bezier_text, "model.encoder.0.conv1d.bias=Yes",
        "model.encoder.0.conv1d.bias=Yes: 'bias' in conv1d must be true or false, but is "
        "'Yes'; write true");
    assert_refused(
        bezier_text, "model.encoder.0.conv1d.bias='true'",
        "model.encoder.0.conv1d.bias='true': 'bias' in conv1d must be true or false, but "
        "is the text \"true\"; write true");
}

static void test_unknown_keys_named_with_place(void **state)
{
    (void)state;
    assert_refused(with_encoder("[{conv1d: {out: 3, kernal: 7}}]"), NULL,
                   "config.yaml:2:37: unknown key 'kernal' in conv1d (did you mean 'kernel'?)");
    assert_refused(with_train("{los: mse}"), NULL,
                   "config.yaml:3:9: unknown key 'los' in train (did you mean 'loss'?)");
    assert_refused("trian: {}\n", NULL,
                   "config.yaml:1:1: unknown key 'trian' (did you mean 'train'?)");
    assert_refused("epochs: 3\n", NULL,
                   "config.yaml:1:1: unknown key 'epochs' (did you mean 'train.epochs'?)");
    assert_refused("data: {source: bezier, zzz: 1}\nmodel: {}\ntrain: {}\n", NULL,
                   "config.yaml:1:24: unknown key 'zzz' in bezier");
    assert_refused(
        "variants: {}\n", NULL,
        "config.yaml:1:1: missing key 'data' (mapping: the data source and its arguments)");
}

static void test_unknown_kinds_named(void **state)
{
    (void)state;
    assert_refused(with_encoder("[{conv1: {out: 3}}]"), NULL,
                   "config.yaml:2:20: unknown layer 'conv1' (did you mean 'conv1d'?)");
    assert_refused(with_train("{loss: xyzzy, optimizer: sgd, batch: 1, epochs: 1}"), NULL,
                   "config.yaml:3:15: unknown loss 'xyzzy' (there are: mse, bce, l1, smooth_l1, "
                   "cross_entropy)");
    assert_refused("data: {source: besier}\nmodel: {}\ntrain: {}\n", NULL,
                   "config.yaml:1:16: unknown data source 'besier' (did you mean 'bezier'?)");
}

static void check_scale(const char *override, aed_scale_kind kind, double mean, double std)
{
    aed_trial_list trials = parse_trials(bezier_text, override);
    const aed_scale *scale = &trials.trials[0].config.data_options.scale;
    assert_int_equal(scale->kind, kind);
    if (kind == AED_SCALE_STANDARD) assert_true(scale->mean == mean && scale->std == std);
    aed_trial_list_destroy(&trials);
}

static void test_data_options_read(void **state)
{
    (void)state;
    check_scale(NULL, AED_SCALE_AUTO, 0, 0);
    check_scale("data.scale=auto", AED_SCALE_AUTO, 0, 0);
    check_scale("data.scale=none", AED_SCALE_NONE, 0, 0);
    check_scale("data.scale=unit", AED_SCALE_UNIT, 0, 0);
    check_scale("data.scale=batch_max", AED_SCALE_BATCH_MAX, 0, 0);
    check_scale("data.scale=l2", AED_SCALE_L2, 0, 0);
    check_scale("data.scale={mean: -0.1307, std: 0.3081}", AED_SCALE_STANDARD, -0.1307, 0.3081);
    aed_trial_list trials = parse_trials(bezier_text, "data={source: bezier, holdout: 0.1, "
                                                      "memory: 0.5, window: 7}");
    const aed_config *config = &trials.trials[0].config;
    assert_true(config->data_options.holdout == 0.1);
    assert_true(config->data_options.memory == 0.5 * 1073741824.0);
    assert_string_equal(config->data_options.where, config->data.where);
    assert_int_equal(aed_spec_int(&config->data, "window"), 7);
    aed_trial_list_destroy(&trials);
}

static void test_data_options_refused(void **state)
{
    (void)state;
    assert_refused(bezier_text, "data.scale=units",
                   "data.scale=units: 'scale' in data is 'units', but must be auto, none, unit, "
                   "batch_max, l2 or {mean: M, std: S} (did you mean 'unit'?)");
    assert_refused(bezier_text, "data.scale=[1, 2]",
                   "data.scale=[1, 2]: 'scale' in data must be a text, but is a list");
    assert_refused(bezier_text, "data.scale={mean: 1}",
                   "data.scale={mean: 1}: missing key 'std' in data.scale (number > 0 that "
                   "divides; required)");
    assert_refused(bezier_text, "data.scale={mean: 1, std: 0}",
                   "data.scale={mean: 1, std: 0}: 'std' in data.scale is 0, but must be at least "
                   "1e-30");
    assert_refused(bezier_text, "data.scale={mean: 1, sdt: 1}",
                   "data.scale={mean: 1, sdt: 1}: unknown key 'sdt' in data.scale (did you mean "
                   "'std'?)");
    assert_refused(bezier_text, "data.holdout=-1",
                   "data.holdout=-1: 'holdout' is -1, but must be at least 0");
    assert_refused(bezier_text, "data.memory=much",
                   "data.memory=much: 'memory' must be a number, but is 'much'");
    assert_refused(bezier_text, "data.holdut=0.1",
                   "data.holdut=0.1: unknown key 'data.holdut' (did you mean 'holdout'?)");
}

static void test_watch_read(void **state)
{
    (void)state;
    aed_trial_list trials = parse_trials(bezier_text,
                                         "watch={skill: none, output: stop, after: 3}");
    const aed_watch_spec *watch = &trials.trials[0].config.watch;
    assert_int_equal(watch->after, 3);
    assert_int_equal(watch->levels[AED_SYMPTOM_SKILL], AED_SYMPTOM_IGNORE);
    assert_int_equal(watch->levels[AED_SYMPTOM_OUTPUT], AED_SYMPTOM_STOP);
    assert_int_equal(watch->levels[AED_SYMPTOM_STILL], AED_SYMPTOM_WARN);
    assert_int_equal(watch->levels[AED_SYMPTOM_DEAD], AED_SYMPTOM_WARN);
    aed_trial_list_destroy(&trials);
    assert_refused(bezier_text, "watch.dead=error",
                   "watch.dead=error: 'dead' must be none, warn or stop, but is 'error'");
    assert_refused(bezier_text, "watch.after=0",
                   "watch.after=0: 'after' is 0, but must be at least 1");
}

static void test_checks_read(void **state)
{
    (void)state;
    aed_trial_list trials = parse_trials(bezier_text, "checks={reach: none, softmax: error}");
    const aed_check_level *levels = trials.trials[0].config.checks;
    assert_int_equal(levels[AED_CHECK_REACH], AED_CHECK_NONE);
    assert_int_equal(levels[AED_CHECK_SOFTMAX], AED_CHECK_ERROR);
    assert_int_equal(levels[AED_CHECK_CODE_SCALE], AED_CHECK_WARN);
    assert_int_equal(levels[AED_CHECK_WIDE_CODE], AED_CHECK_NOTE);
    aed_trial_list_destroy(&trials);
    assert_refused(bezier_text, "checks.reach=warning",
                   "checks.reach=warning: 'reach' must be none, note, warn or error, but is "
                   "'warning'");
    assert_refused(bezier_text, "checks.raech=warn",
                   "checks.raech=warn: unknown key 'checks.raech' (did you mean 'reach'?)");
}

static void test_missing_keys_named(void **state)
{
    (void)state;
    assert_refused("seed: 1\n", NULL,
                   "config.yaml:1:1: missing key 'data' (mapping: the data source and its "
                   "arguments)");
    assert_refused(with_train("{loss: mse, optimizer: {sgd: {lr: 1}}, batch: 2}"), NULL,
                   "config.yaml:3:8: missing key 'epochs' in train (whole number >= 1; required)");
    assert_refused(with_encoder("[linear]"), NULL,
                   "config.yaml:2:19: missing key 'out' in linear (output features)");
    assert_refused(with_encoder("[{conv1d: {out: 2}}]"), NULL,
                   "config.yaml:2:20: missing key 'kernel' in conv1d (size of the kernel)");
    assert_refused("data: {samples: 3}\nmodel: {}\ntrain: {}\n", NULL,
                   "config.yaml:1:7: missing key 'source' in data (the data source's name)");
}

static void test_wrong_types_named(void **state)
{
    (void)state;
    assert_refused("- 1\n", NULL,
                   "config.yaml:1:1: a config is a mapping: data, model, train, seed ...");
    assert_refused("data: 3\nmodel: {}\ntrain: {}\n", NULL,
                   "config.yaml:1:7: data must be a mapping such as {source: bezier}, but is '3'");
    assert_refused(with_encoder("{linear: 3}"), NULL,
                   "config.yaml:2:18: 'encoder' must be a list of layers, but is a mapping");
    assert_refused(with_encoder("[{relu: 3}]"), NULL,
                   "config.yaml:2:26: the arguments of relu must be a mapping of keys to values, "
                   "but are '3'");
    assert_refused(with_encoder("[{conv1d: , out: 3}]"), NULL,
                   "config.yaml:2:30: a layer is one name with its arguments below it, but 'out' "
                   "stands beside 'conv1d'; write {conv1d: {...}}");
    assert_refused(with_encoder("[[1]]"), NULL,
                   "config.yaml:2:19: a layer must be a name or {name: arguments}, but is a list");
    assert_refused(with_encoder("[]\n  "), "model.decoder=null",
                   "config.yaml:2:8: the model has no layer; list some in encoder and decoder");
    assert_refused(bezier_text, "data={source: linear_mix, samples: 4, mix: [[1, 2], [3]]}",
                   "data={source: linear_mix, samples: 4, mix: [[1, 2], [3]]}: 'mix' in "
                   "linear_mix: row 2 must be a list of 2 numbers, as the first is");
}

static void test_values_out_of_range_named(void **state)
{
    (void)state;
    assert_refused(bezier_text, "model.encoder.0.conv1d.kernel=0",
                   "model.encoder.0.conv1d.kernel=0: 'kernel' in conv1d is 0, but must be from 1 "
                   "to 65536");
    assert_refused(bezier_text, "train.batch=0",
                   "train.batch=0: 'batch' is 0, but must be at least 1, or full");
    assert_refused(bezier_text, "train.batch=4294967296",
                   "train.batch=4294967296: 'batch' is 4294967296, but must be at most 4294967295");
    assert_refused(bezier_text, "train.epochs=0",
                   "train.epochs=0: 'epochs' is 0, but must be at least 1");
    assert_refused(bezier_text, "train.optimizer.adam.lr=-1",
                   "train.optimizer.adam.lr=-1: 'lr' in adam is -1, but must be at least 0");
    assert_refused(bezier_text, "train.optimizer.adam.lr=1e39",
                   "train.optimizer.adam.lr=1e39: 'lr' in adam is 1e39, but must be from 0 to "
                   "1e+38");
    /* As float it would be infinite. */
    assert_refused(bezier_text, "train.input_noise=1e300",
                   "train.input_noise=1e300: 'input_noise' is 1e300, but must be at most 1e+30");
    assert_refused(bezier_text, "train.loss={reconstruction: {mse: 1e300}}",
                   "train.loss={reconstruction: {mse: 1e300}}: the weight of a loss must be at "
                   "most 1e+30");
    assert_refused(bezier_text, "train.clip_norm=-0.5",
                   "train.clip_norm=-0.5: 'clip_norm' is -0.5, but must be at least 0");
    assert_refused(bezier_text, "train.input_noise={from: -1, to: 0, epochs: 3}",
                   "train.input_noise={from: -1, to: 0, epochs: 3}: 'std' in gaussian is -1, but "
                   "must be at least 0");
    assert_refused(bezier_text, "noise_scale={from: 1, to: 0}",
                   "noise_scale={from: 1, to: 0}: a level that changes is missing key 'epochs'; "
                   "write it as {from: 1.0, to: 0.0, epochs: 50}");
    assert_refused(
        bezier_text, "train.freeze=[encoder, code.0]",
        "train.freeze=[encoder, code.0]: 'freeze': the model has no part 'code.0'; write "
        "encoder, decoder, a layer's path such as decoder.2, or its name");
    assert_refused(bezier_text, "train.freeze=encoder",
                   "train.freeze=encoder: 'freeze' must be a list of parts such as [encoder, "
                   "decoder.2], but is 'encoder'");
    assert_refused(bezier_text, "model.init_from=t12ab",
                   "model.init_from=t12ab: 'init_from' must be RUN/TRIAL, such as "
                   "runs/bezier/t12ab, or {run: ..., trial: ..., parts: ...}, but is 't12ab'");
    assert_refused(bezier_text, "train.ema=1",
                   "train.ema=1: 'ema' is 1, but must be below 1; 0.999 is common");
    assert_refused(bezier_text, "train.keep=first",
                   "train.keep=first: 'keep' must be last, best or mean, but is 'first'");
    assert_refused(bezier_text, "train.keep=mean",
                   "train.keep=mean: 'keep' is mean, but there is no moving average; set "
                   "train.ema, for example to 0.999");
    assert_refused(bezier_text, "train.early_stopping={patience: 0}",
                   "train.early_stopping={patience: 0}: 'patience' is 0, but must be at least 1");
    assert_refused(bezier_text, "train.tile=20",
                   "train.tile=20: 'tile' is 20, but must be 16, 32, 48, 64 or auto");
    assert_refused(bezier_text,
                   "train={loss: mse, optimizer: {adam: 1.0e-3}, batch: 1, epochs: 1, "
                   "tile: 32, leaf: 48}",
                   "train={loss: mse, optimizer: {adam: 1.0e-3}, batch: 1, epochs: 1, tile: 32, "
                   "leaf: 48}: 'leaf' is 48, but must be a multiple of the tile, 32");
    assert_refused(bezier_text, "model.code.noise=[]",
                   "model.code.noise=[]: 'noise' in model.code must not be an empty list");
    assert_refused(bezier_text, "name=../up",
                   "name=../up: 'name' must fit a folder's name: at most 120 bytes, no /, no "
                   "leading . or -");
}

static void test_layer_names_checked(void **state)
{
    (void)state;
    assert_refused(with_encoder("[{relu: {name: a}}, {tanh: {name: a}}]"), NULL,
                   "config.yaml:2:52: layer encoder.0 is called 'a' too; use another name");
    assert_refused(with_encoder("[{relu: {name: code}}]"), NULL,
                   "config.yaml:2:33: 'code' is a tap of every model; use another name");
    assert_refused(with_encoder("[{relu: {name: a.b}}]"), NULL,
                   "config.yaml:2:33: a layer's name must be a word of at most 40 letters, digits, "
                   "_ and -, not beginning with a digit, but is 'a.b'");
    assert_refused(with_encoder("[{relu: {name: [a]}}]"), NULL,
                   "config.yaml:2:33: a layer's name must be a word of at most 40 letters, digits, "
                   "_ and -, not beginning with a digit, but is a list");
}

static void test_loss_by_tap(void **state)
{
    (void)state;
    aed_trial_list trials = parse_trials(
        bezier_text, "train.loss={reconstruction: {mse: 0.5, smooth_l1: {weight: 2, beta: 0.1}}, "
                     "low: l1}");
    const aed_config *config = &trials.trials[0].config;
    assert_int_equal(config->loss_count, 3);
    assert_true(config->losses[0].weight == 0.5);
    assert_true(config->losses[1].weight == 2);
    assert_true(aed_spec_number(&config->losses[1].spec, "beta") == 0.1);
    assert_string_equal(config->losses[2].tap, "low");
    assert_true(config->losses[2].weight == 1);
    aed_trial_list_destroy(&trials);

    trials = parse_trials(bezier_text, "train.loss={smooth_l1: 0.25}");
    assert_true(aed_spec_number(&trials.trials[0].config.losses[0].spec, "beta") == 0.25);
    aed_trial_list_destroy(&trials);

    assert_refused(bezier_text, "train.loss={reconstructon: {mse: 1}}",
                   "train.loss={reconstructon: {mse: 1}}: 'reconstructon' is neither a loss nor a "
                   "tap of this model (did you mean 'reconstruction'?)");
    assert_refused(bezier_text, "train.loss={mse: 1, l1: 1}",
                   "train.loss={mse: 1, l1: 1}: several losses go below their tap: "
                   "{reconstruction: {mse: 1.0, ...}}");
    assert_refused(bezier_text, "train.loss={reconstruction: {mse: -1}}",
                   "train.loss={reconstruction: {mse: -1}}: the weight of a loss must be at least "
                   "0");
    assert_refused(bezier_text, "train.loss={}",
                   "train.loss={}: 'loss' has no term; write for example loss: mse");
}

/* Some editors begin a UTF-8 text with a byte order mark. */
static void test_byte_order_mark_taken(void **state)
{
    (void)state;
    char text[1024];
    snprintf(text, sizeof text, "\xEF\xBB\xBF%s", bezier_text);
    aed_trial_list trials = parse_trials(text, NULL);
    aed_trial_list_destroy(&trials);
    assert_refused("\xEF\xBB\xBFsede: 1\n", NULL,
                   "config.yaml:1:1: unknown key 'sede' (did you mean 'seed'?)");
}

static void test_yaml_beyond_plain_refused(void **state)
{
    (void)state;
    assert_refused("", NULL,
                   "config.yaml: there is nothing in it; a config has data, model, train");
    assert_refused("# only words\n", NULL,
                   "config.yaml: there is nothing in it; a config has data, model, train");
    assert_refused("a: 1\na: 2\n", NULL,
                   "config.yaml:2:1: key 'a' is there twice (first in line 1)");
    assert_refused("a: &x 1\n", NULL,
                   "config.yaml:1:4: anchors (&x) are not supported; write the value out");
    assert_refused("a: *x\n", NULL,
                   "config.yaml:1:4: aliases (*x) are not supported; write the value out");
    assert_refused("a: !!python/none x\n", NULL,
                   "config.yaml:1:4: tags (tag:yaml.org,2002:python/none) are not supported; leave "
                   "the tag out");
    assert_refused("a: 1\n---\nb: 2\n", NULL,
                   "config.yaml:2:1: a second document begins here; a config is one document");
    assert_refused("? [a]\n: 1\n", NULL,
                   "config.yaml:1:3: a key must be a word, not a list or a mapping");
    assert_refused("a: \"x\\0y\"\n", NULL, "config.yaml:1:4: a text must not hold a NUL character");
    assert_refused("a: \xff\n", NULL,
                   "config.yaml: not a UTF-8 text: invalid leading UTF-8 octet at byte 4");
    assert_refused(
        "a: [1\n", NULL,
        "config.yaml:2:1: not valid YAML: did not find expected ',' or ']' while parsing "
        "a flow sequence");
}

static void test_yaml_limits(void **state)
{
    (void)state;
    char *text = malloc((2u << 20) + 1);
    assert_non_null(text);
    memset(text, '[', 100);
    text[100] = 0;
    assert_refused(text, NULL, "config.yaml:1:65: nested deeper than 64 levels");
    memset(text, '#', 2u << 20);
    text[2u << 20] = 0;
    assert_refused(text, NULL, "config.yaml: larger than 1048576 bytes; a config is a short text");
    strcpy(text, "a: [");
    for (size_t i = 0; i < 220000; i++) strcpy(text + 4 + 2 * i, "1,");
    strcat(text + 4 + 2 * 219999, "]");
    aed_trial_list trials;
    assert_int_equal(aed_config_parse(text, "c", NULL, 0, &trials), AED_CONFIG);
    assert_non_null(strstr(aed_status_message(), "more than 200000 values"));
    char *at = text;
    for (int i = 0; i < 1001; i++) at += sprintf(at, "k%d: 1\n", i);
    assert_refused(text, NULL, "config.yaml:1001:1: more than 1000 keys in one mapping");
    free(text);
}

static void test_read_file_that_is_not_there(void **state)
{
    (void)state;
    aed_trial_list trials;
    assert_int_equal(aed_config_read("/nowhere/x.yaml", NULL, 0, &trials), AED_DATA);
    assert_string_equal(aed_status_message(), "/nowhere/x.yaml: cannot be opened: No such file or "
                                              "directory; check the path");
    assert_int_equal(aed_config_read(AED_TEST_SCRATCH, NULL, 0, &trials), AED_DATA);
    assert_non_null(strstr(aed_status_message(), "Is a directory"));
}

static void test_read_file(void **state)
{
    (void)state;
    char path[1024];
    snprintf(path, sizeof path, "%s/config_read.tmp.yaml", AED_TEST_SCRATCH);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(bezier_text, file);
    fclose(file);
    aed_trial_list trials;
    assert_int_equal(aed_config_read(path, NULL, 0, &trials), AED_OK);
    unlink(path);
    assert_string_equal(trials.trials[0].config.name, "config_read.tmp");
    assert_string_equal(trials.source_text, bezier_text);
    aed_trial_list_destroy(&trials);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_whole_config),
        cmocka_unit_test(test_code_noise_scaled),
        cmocka_unit_test(test_code_layer_of_activation_and_empty_encoder),
        cmocka_unit_test(test_main_arg_alone),
        cmocka_unit_test(test_lists_of_a_source),
        cmocka_unit_test(test_numbers_as_people_write_them),
        cmocka_unit_test(test_whole_numbers_and_seeds),
        cmocka_unit_test(test_bool_words_refused),
        cmocka_unit_test(test_unknown_keys_named_with_place),
        cmocka_unit_test(test_unknown_kinds_named),
        cmocka_unit_test(test_data_options_read),
        cmocka_unit_test(test_data_options_refused),
        cmocka_unit_test(test_checks_read),
        cmocka_unit_test(test_watch_read),
        cmocka_unit_test(test_missing_keys_named),
        cmocka_unit_test(test_wrong_types_named),
        cmocka_unit_test(test_values_out_of_range_named),
        cmocka_unit_test(test_layer_names_checked),
        cmocka_unit_test(test_loss_by_tap),
        cmocka_unit_test(test_byte_order_mark_taken),
        cmocka_unit_test(test_yaml_beyond_plain_refused),
        cmocka_unit_test(test_yaml_limits),
        cmocka_unit_test(test_read_file_that_is_not_there),
        cmocka_unit_test(test_read_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
