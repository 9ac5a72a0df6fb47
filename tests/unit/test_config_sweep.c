/* Overrides and sweeps: paths into the tree, lists of values, the trials they make. */
#include <math.h>
#include <stdlib.h>

#include "test_config.h"

/* The kind of one layer after an override; the kinds' names are static. */
static const char *layer_kind_after(const char *override, int64_t layer, int64_t *count)
{
    aed_trial_list trials = parse_trials(bezier_text, override);
    const aed_config *config = &trials.trials[0].config;
    *count = config->layer_count;
    const char *name = layer < *count ? config->layers[layer].spec.kind->name : "";
    aed_trial_list_destroy(&trials);
    return name;
}

/* The std of the only corruption, 0 if there is none. */
static double input_noise(const aed_config *config)
{
    return config->corruption_count ? aed_spec_number(&config->corruptions[0], "std") : 0;
}

static void test_override_makes_mappings(void **state)
{
    (void)state;
    aed_trial_list trials = parse_trials(bezier_text, "train.schedule.cosine.min=1.0e-5");
    const aed_config *config = &trials.trials[0].config;
    assert_string_equal(config->schedule.kind->name, "cosine");
    assert_true(aed_spec_number(&config->schedule, "min") == 1e-5);
    assert_string_equal(config->schedule.where, "train.schedule.cosine.min=1.0e-5");
    aed_trial_list_destroy(&trials);
    trials = parse_trials(bezier_text, "metrics.every=7");
    assert_int_equal(trials.trials[0].config.metrics_every, 7);
    aed_trial_list_destroy(&trials);
    trials = parse_trials(bezier_text, "input_noise=0.01");
    assert_true(input_noise(&trials.trials[0].config) == 0.01);
    aed_trial_list_destroy(&trials);
}

/* Where `corrupt` has a Gaussian, input_noise is its std; else it is one before all others. */
static void test_input_noise_joins_the_corruptions(void **state)
{
    (void)state;
    static const char *const with_gaussian[] = {"train.corrupt=[{clip: [0, 1]}, {gaussian: 0.5}]",
                                                "input_noise=0.25"};
    static const char *const without[] = {"train.corrupt=[{clip: [0, 1]}]", "input_noise=0.25"};
    aed_trial_list trials;
    assert_int_equal(aed_config_parse(bezier_text, "config.yaml", with_gaussian, 2, &trials),
                     AED_OK);
    const aed_config *config = &trials.trials[0].config;
    assert_int_equal(config->corruption_count, 2);
    assert_string_equal(config->corruptions[0].kind->name, "clip");
    assert_true(aed_spec_number(&config->corruptions[1], "std") == 0.25);
    aed_trial_list_destroy(&trials);
    assert_int_equal(aed_config_parse(bezier_text, "config.yaml", without, 2, &trials), AED_OK);
    config = &trials.trials[0].config;
    assert_int_equal(config->corruption_count, 2);
    assert_string_equal(config->corruptions[0].kind->name, "gaussian");
    assert_string_equal(config->corruptions[1].kind->name, "clip");
    aed_trial_list_destroy(&trials);
}

static void test_override_reaches_list_elements(void **state)
{
    (void)state;
    static const char *const paths[] = {"model.encoder.0.conv1d.kernel=5",
                                        "model.encoder.-2.conv1d.kernel=5",
                                        "model.encoder.low.conv1d.kernel=5",
                                        "model.encoder.low.kernel=5", "model.encoder.-2.kernel=5"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        aed_trial_list trials = parse_trials(bezier_text, paths[i]);
        const aed_layer_spec *layer = &trials.trials[0].config.layers[0];
        assert_int_equal(aed_spec_int(&layer->spec, "kernel"), 5);
        assert_int_equal(aed_spec_int(&layer->spec, "out"), 3);
        aed_trial_list_destroy(&trials);
    }
}

static void test_override_appends_deletes_replaces(void **state)
{
    (void)state;
    int64_t count;
    assert_string_equal(layer_kind_after("model.decoder.+=relu", 4, &count), "relu");
    assert_int_equal(count, 5);
    assert_string_equal(layer_kind_after("model.encoder.1=null", 1, &count), "gaussian_noise");
    assert_int_equal(count, 3);
    assert_string_equal(layer_kind_after("model.encoder.-1=elu", 1, &count), "elu");
    assert_int_equal(count, 4);
    assert_string_equal(layer_kind_after("model.decoder=[{linear: 4}, relu]", 4, &count), "relu");
}

static void test_override_opens_short_forms(void **state)
{
    (void)state;
    static const char text[] =
        "data: {source: bezier}\n"
        "model: {encoder: [{linear: 3}, leaky_relu, {unflatten: [1, 3]}], decoder: []}\n"
        "train: {loss: {reconstruction: {mse: 0.5}}, optimizer: {adam: {lr: 0.1}},\n"
        "        batch: full, epochs: 1}\n";
    aed_trial_list trials = parse_trials(text, "model.encoder.0.linear.bias=false");
    const aed_config *config = &trials.trials[0].config;
    assert_int_equal(aed_spec_int(&config->layers[0].spec, "out"), 3);
    assert_false(aed_spec_bool(&config->layers[0].spec, "bias"));
    aed_trial_list_destroy(&trials);
    trials = parse_trials(text, "model.encoder.1.leaky_relu.slope=0.3");
    config = &trials.trials[0].config;
    assert_true(aed_spec_number(&config->layers[1].spec, "slope") == 0.3);
    aed_trial_list_destroy(&trials);
    trials = parse_trials(text, "model.encoder.1.slope=0.3");
    assert_true(aed_spec_number(&trials.trials[0].config.layers[1].spec, "slope") == 0.3);
    aed_trial_list_destroy(&trials);
    trials = parse_trials(text, "model.encoder.0.bias=false");
    assert_int_equal(aed_spec_int(&trials.trials[0].config.layers[0].spec, "out"), 3);
    assert_false(aed_spec_bool(&trials.trials[0].config.layers[0].spec, "bias"));
    aed_trial_list_destroy(&trials);
    trials = parse_trials(text, "model.encoder.2.unflatten.name=grid");
    config = &trials.trials[0].config;
    assert_string_equal(config->layers[2].name, "grid");
    assert_int_equal(aed_spec_value(&config->layers[2].spec, "shape")->count, 2);
    aed_trial_list_destroy(&trials);
    trials = parse_trials(text, "train.loss.reconstruction.mse.weight=0.25");
    assert_true(trials.trials[0].config.losses[0].weight == 0.25);
    aed_trial_list_destroy(&trials);
}

static void test_overrides_act_in_order(void **state)
{
    (void)state;
    const char *overrides[] = {"model.decoder.+=relu", "model.decoder.-1=tanh", "train.batch=8",
                               "train.batch=full"};
    aed_trial_list trials;
    assert_int_equal(aed_config_parse(bezier_text, "c", overrides, 4, &trials), AED_OK);
    assert_string_equal(trials.trials[0].config.layers[4].spec.kind->name, "tanh");
    assert_int_equal(trials.trials[0].config.batch, 0);
    aed_trial_list_destroy(&trials);
}

static void test_override_refused_by_its_text(void **state)
{
    (void)state;
    assert_refused(bezier_text, "train.bathc=64",
                   "train.bathc=64: unknown key 'train.bathc' (did you mean 'batch'?)");
    assert_refused(bezier_text, "trian.batch=64",
                   "trian.batch=64: unknown key 'trian' (did you mean 'train'?)");
    assert_refused(bezier_text, "model.encoder.0.conv1d.kernal=3",
                   "model.encoder.0.conv1d.kernal=3: unknown key 'model.encoder.0.conv1d.kernal' "
                   "(did you mean 'kernel'?)");
    assert_refused(bezier_text, "model.encoder.low.kernal=3",
                   "model.encoder.low.kernal=3: unknown key 'model.encoder.low.kernal' (did you "
                   "mean 'kernel'?)");
    assert_refused(bezier_text, "model.encoder.1.slope=3",
                   "model.encoder.1.slope=3: unknown key 'model.encoder.1.slope'");
    assert_refused(bezier_text, "train={bathc: 3}",
                   "train={bathc: 3}: unknown key 'bathc' in train (did you mean 'batch'?)");
    assert_refused(bezier_text, "train.batch",
                   "train.batch: not an override; write key.path=value");
    assert_refused(bezier_text, "=3", "=3: not an override; write key.path=value");
    assert_refused(bezier_text, "train.batch=",
                   "train.batch=: a value is missing after '='; null takes a value back");
    assert_refused(bezier_text, "train..batch=3",
                   "train..batch=3: an empty key in the path; write it like train.batch");
    assert_refused(bezier_text, "train.batch=[1",
                   "train.batch=[1: not valid YAML: did not find expected ',' or ']' while parsing "
                   "a flow sequence");
    assert_refused(bezier_text, "train.batch.size=3",
                   "train.batch.size=3: 'size' cannot be set: what it belongs to is '128'");
    assert_refused(bezier_text, "model.encoder.2=relu",
                   "model.encoder.2=relu: there is no element 2; the list has 2");
    assert_refused(bezier_text, "model.encoder.lov=relu",
                   "model.encoder.lov=relu: no element of the list is called 'lov' (did you mean "
                   "'low'?); write its index, + or its name:");
    assert_refused(bezier_text, "model.encoder.+=null",
                   "model.encoder.+=null: there is nothing to append");
    assert_refused(bezier_text, "train.optimizer.sgd.lr=0.1",
                   "train.optimizer.sgd.lr=0.1: an optimizer is one name with its arguments below "
                   "it, but 'sgd' stands beside 'adam'; write {adam: {...}}");
}

static void test_sweep_is_a_product_first_axis_slowest(void **state)
{
    (void)state;
    aed_trial_list trials = parse_trials(bezier_text,
                                         "sweep={seed: [11, 22], input_noise: [0, 1e-2, 0.5]}");
    assert_int_equal(trials.count, 6);
    for (int64_t i = 0; i < 6; i++) {
        const double noise[] = {0, 0.01, 0.5};
        const aed_trial *trial = &trials.trials[i];
        assert_int_equal(trial->config.seed, i < 3 ? 11 : 22);
        assert_true(input_noise(&trial->config) == noise[i % 3]);
        assert_int_equal(trial->setting_count, 2);
        assert_string_equal(trial->settings[0].axis, "seed");
        assert_string_equal(trial->settings[0].text, i < 3 ? "11" : "22");
        assert_true(trial->settings[1].number == noise[i % 3]);
    }
    assert_string_equal(trials.trials[1].settings[1].text, "0.01");
    aed_trial_list_destroy(&trials);
}

static void test_sweep_of_lists_and_kinds(void **state)
{
    (void)state;
    aed_trial_list trials = parse_trials(bezier_text,
                                         "sweep={model.code.noise: [[0.1, 1e-7], [0.2, 0.2]], "
                                         "train.optimizer: [{adam: 1e-3}, {sgd: {lr: 0.1}}]}");
    assert_int_equal(trials.count, 4);
    assert_string_equal(trials.trials[0].settings[0].text, "[0.1, 1.0e-7]");
    assert_true(isnan(trials.trials[0].settings[0].number));
    assert_string_equal(trials.trials[1].settings[1].text, "{sgd: {lr: 0.1}}");
    assert_string_equal(trials.trials[3].config.optimizer.kind->name, "sgd");
    assert_true(trials.trials[3].config.code_noise.numbers[0] == 0.2);
    aed_trial_list_destroy(&trials);
}

static void test_sweep_by_override_and_nested(void **state)
{
    (void)state;
    char text[2048];
    snprintf(text, sizeof text, "%ssweep: {train: {batch: [16, 32]}, seed: [1, 2]}\n", bezier_text);
    const char *overrides[] = {"sweep.seed=[1, 2, 3]", "sweep.train.optimizer.adam.lr=[1e-3,1e-4]",
                               "sweep.train.batch=null"};
    aed_trial_list trials;
    assert_int_equal(aed_config_parse(text, "c", overrides, 2, &trials), AED_OK);
    assert_int_equal(trials.count, 12);
    assert_string_equal(trials.trials[0].settings[0].axis, "train.batch");
    assert_string_equal(trials.trials[0].settings[2].axis, "train.optimizer.adam.lr");
    assert_string_equal(trials.trials[11].settings[2].text, "1.0e-4");
    assert_int_equal(trials.trials[11].config.batch, 32);
    assert_true(aed_spec_number(&trials.trials[11].config.optimizer, "lr") == 1e-4);
    aed_trial_list_destroy(&trials);
    assert_int_equal(aed_config_parse(text, "c", overrides, 3, &trials), AED_OK);
    assert_int_equal(trials.count, 6);
    aed_trial_list_destroy(&trials);
    trials = parse_trials(text, "sweep=null");
    assert_int_equal(trials.count, 1);
    aed_trial_list_destroy(&trials);
}

static void test_sweep_of_noise_scale(void **state)
{
    (void)state;
    aed_trial_list trials = parse_trials(bezier_text, "sweep.noise_scale=[0, 0.5, 1]");
    assert_int_equal(trials.count, 3);
    assert_int_equal(trials.trials[0].config.layer_count, 3);
    const aed_spec *noise = &trials.trials[1].config.layers[2].spec;
    assert_true(aed_spec_value(noise, "std")->numbers[0] == 0.05);
    aed_trial_list_destroy(&trials);
    assert_refused(bezier_text, "sweep.noise_scale=[[1, 2]]",
                   "sweep.noise_scale=[[1, 2]]: 'noise_scale' must be a number, but is a list");
}

static void test_sweep_refused(void **state)
{
    (void)state;
    char text[2048];
    assert_refused(
        bezier_text, "sweep.seed=[]",
        "sweep.seed=[]: the sweep of 'seed' must be a list of values or a range, but is an empty "
        "list");
    assert_refused(
        bezier_text, "sweep.seed=3",
        "sweep.seed=3: the sweep of 'seed' must be a list of values or a range, but is '3'");
    assert_refused(bezier_text, "sweep=3",
                   "sweep=3: sweep must be a mapping of key paths to lists of values, but is '3'");
    assert_refused(bezier_text, "sweep.seed=[1, 2, 1]",
                   "sweep.seed=[1, 2, 1]: the sweep of 'seed' has the value 1 twice");
    assert_refused(bezier_text, "sweep={input_noise: [0, 1], train.input_noise: [0, 1]}",
                   "sweep={input_noise: [0, 1], train.input_noise: [0, 1]}: 'train.input_noise' is "
                   "swept twice");
    assert_refused(bezier_text, "sweep.input_noise=[1, 1.0]",
                   "sweep.input_noise=[1, 1.0]: trials 1 and 2 of the sweep train the same "
                   "(input_noise=1.0); leave one out");
    assert_refused(bezier_text, "sweep.log.every=[1, 2]",
                   "sweep.log.every=[1, 2]: trials 1 and 2 of the sweep train the same "
                   "(log.every=2); leave one out");
    assert_refused(bezier_text, "sweep.name=[a, b]", "sweep.name=[a, b]: 'name' cannot be swept");
    assert_refused(bezier_text, "sweep.train.bathc=[1, 2]",
                   "sweep.train.bathc=[1, 2]: unknown key 'sweep.train.bathc' (did you mean "
                   "'batch'?)");
    snprintf(text, sizeof text, "%ssweep: {train.batch: [16, 0]}\n", bezier_text);
    assert_refused(text, NULL, "config.yaml:15:27: 'batch' is 0, but must be at least 1, or full");
    assert_refused(bezier_text, "sweep.train.optimizer.adam=[]",
                   "sweep.train.optimizer.adam=[]: the sweep of 'train.optimizer.adam' must be a "
                   "list of values or a range, but is an empty list");
}

/* "sweep.KEY=[0, 1, ... count - 1]" behind what is in `text`. */
static void append_range(char *text, const char *key, int count)
{
    text += strlen(text);
    text += sprintf(text, "  %s: [", key);
    for (int i = 0; i < count; i++) text += sprintf(text, "%s%d", i ? ", " : "", i + 1);
    sprintf(text, "]\n");
}

static void test_sweep_larger_than_the_limit(void **state)
{
    (void)state;
    char *text = malloc(64 << 10);
    assert_non_null(text);
    sprintf(text, "%ssweep:\n", bezier_text);
    append_range(text, "seed", 400);
    append_range(text, "train.batch", 251);
    assert_refused(text, NULL, "config.yaml:17:3: the sweep has more than 100000 trials");
    free(text);
}

static void test_thousand_trials(void **state)
{
    (void)state;
    char *text = malloc(64 << 10);
    assert_non_null(text);
    sprintf(text, "%ssweep:\n", bezier_text);
    append_range(text, "seed", 100);
    append_range(text, "noise_scale", 10);
    aed_trial_list trials = parse_trials(text, NULL);
    assert_int_equal(trials.count, 1000);
    assert_int_equal(trials.trials[999].config.seed, 100);
    aed_trial_list_destroy(&trials);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_override_makes_mappings),
        cmocka_unit_test(test_input_noise_joins_the_corruptions),
        cmocka_unit_test(test_override_reaches_list_elements),
        cmocka_unit_test(test_override_appends_deletes_replaces),
        cmocka_unit_test(test_override_opens_short_forms),
        cmocka_unit_test(test_overrides_act_in_order),
        cmocka_unit_test(test_override_refused_by_its_text),
        cmocka_unit_test(test_sweep_is_a_product_first_axis_slowest),
        cmocka_unit_test(test_sweep_of_lists_and_kinds),
        cmocka_unit_test(test_sweep_by_override_and_nested),
        cmocka_unit_test(test_sweep_of_noise_scale),
        cmocka_unit_test(test_sweep_refused),
        cmocka_unit_test(test_sweep_larger_than_the_limit),
        cmocka_unit_test(test_thousand_trials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
