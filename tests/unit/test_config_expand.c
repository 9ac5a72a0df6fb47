/* Ranges, zip groups, exclusions and variants: the trials they make, and what is refused. */
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "support/kernel_case.h"
#include "test_config.h"

static aed_trial_list parse_all(const char *text, const char *const *overrides, int count)
{
    aed_trial_list trials;
    if (aed_config_parse(text, "config.yaml", overrides, count, &trials) != AED_OK)
        fail_msg("refused: %s", aed_status_message());
    return trials;
}

/* bezier_text with more lines behind it, from line 15. */
static const char *with_lines(const char *lines)
{
    static char text[4096];
    snprintf(text, sizeof text, "%s%s", bezier_text, lines);
    return text;
}

static void id_of(const aed_trial *trial, char *id)
{
    const aed_config *config = &trial->config;
    assert_int_equal(aed_config_trial_id(config, config->tile, config->leaf, id), AED_OK);
}

/* The trials of both must have equal ids, one by one. */
static void assert_same_ids(const aed_trial_list *a, const aed_trial_list *b)
{
    assert_int_equal(a->count, b->count);
    for (int64_t i = 0; i < a->count; i++) {
        char id_a[16], id_b[16];
        id_of(&a->trials[i], id_a);
        id_of(&b->trials[i], id_b);
        assert_string_equal(id_a, id_b);
    }
}

/* The texts of the k-th setting of all trials, separated by spaces. */
static void assert_settings(const aed_trial_list *trials, int64_t k, const char *expected)
{
    char all[1024] = "";
    for (int64_t i = 0; i < trials->count; i++) {
        assert_true(k < trials->trials[i].setting_count);
        strcat(all, i ? " " : "");
        strcat(all, trials->trials[i].settings[k].text);
    }
    assert_string_equal(all, expected);
}

static void assert_values(const char *override, const char *expected)
{
    aed_trial_list trials = parse_trials(bezier_text, override);
    assert_settings(&trials, 0, expected);
    aed_trial_list_destroy(&trials);
}

/* ---- Ranges ----------------------------------------------------------------------------------- */

static void test_ranges_give_the_numbers_one_would_write(void **state)
{
    (void)state;
    assert_values("sweep.noise_scale={linspace: [0, 1, 5]}", "0.0 0.25 0.5 0.75 1.0");
    assert_values("sweep.input_noise={linspace: [0.3, 0, 4]}", "0.3 0.2 0.1 0.0");
    assert_values("sweep.input_noise={linspace: [0, 1, 4]}",
                  "0.0 0.333333333333 0.666666666667 1.0");
    assert_values("sweep.train.optimizer.adam.lr={logspace: [1.0e-4, 1.0e-1, 4]}",
                  "1.0e-4 0.001 0.01 0.1");
    assert_values("sweep.train.optimizer.adam.lr={logspace: [1, 1.0e-8, 5]}",
                  "1.0 0.01 1.0e-4 1.0e-6 1.0e-8");
    assert_values("sweep.noise_scale={linspace: [0.12345678901234567, 1.2345678901234567, 2]}",
                  "0.12345678901234566 1.2345678901234567"); /* ends as they are written */
    assert_values("sweep.seed={range: [1, 5]}", "1 2 3 4 5");
    assert_values("sweep.seed={range: [0, 11, 5]}", "0 5 10");
    assert_values("sweep.seed={range: [3, 1, -1]}", "3 2 1");
    assert_values("sweep.seed={range: [7, 7]}", "7");
}

/* Linear and logarithmic ends are hit exactly, and the values between stand at the float64 formula. */
static void test_ranges_follow_their_formulas(void **state)
{
    (void)state;
    for (int64_t count = 2; count < 60; count++) {
        char override[2][100];
        snprintf(override[0], 100, "sweep.noise_scale={linspace: [0.1, 7.3, %d]}", (int)count);
        snprintf(override[1], 100, "sweep.noise_scale={logspace: [3.0e-7, 2.0e+5, %d]}",
                 (int)count);
        for (int k = 0; k < 2; k++) {
            aed_trial_list trials = parse_trials(bezier_text, override[k]);
            for (int64_t i = 0; i < count; i++) {
                const double t = (double)i / (double)(count - 1);
                const double value = k == 0 ? 0.1 + 7.2 * t : 3e-7 * pow(2e5 / 3e-7, t);
                const double found = trials.trials[i].config.noise_scale;
                if (!(fabs(found - value) <= 5e-12 * fabs(value)))
                    fail_msg("value %d of %s is %.17g, not %.17g", (int)i, override[k], found,
                             value);
            }
            assert_true(trials.trials[0].config.noise_scale == (k == 0 ? 0.1 : 3e-7));
            assert_true(trials.trials[count - 1].config.noise_scale == (k == 0 ? 7.3 : 2e5));
            aed_trial_list_destroy(&trials);
        }
    }
}

static void test_whole_keys_get_whole_numbers(void **state)
{
    (void)state;
    assert_values("sweep.train.batch={logspace: [16, 256, 5]}", "16 32 64 128 256");
    assert_values("sweep.train.epochs={logspace: [10, 1000, 5]}", "10 32 100 316 1000");
    assert_values("sweep.model.encoder.low.stride={linspace: [1, 3, 3]}", "1 2 3");
    assert_values("sweep.model.encoder.0.conv1d.out={linspace: [2, 4, 2]}", "2 4");
    assert_values("sweep.data.samples={linspace: [100, 200, 3]}", "100 150 200");
}

static void test_random_is_drawn_once_and_for_all(void **state)
{
    (void)state;
    /* Known answers, from Threefry and its keys written down in Python: a change renames trials. */
    assert_values("sweep.seed={random: {from: 1, to: 1000, count: 4}}", "116 772 888 699");
    assert_values("sweep.noise_scale={random: {from: 0, to: 1, count: 3, seed: 2}}",
                  "0.517553 0.154445 0.003171");
    assert_values("sweep.train.optimizer.adam.lr={random: {from: 1.0e-4, to: 0.1, count: 3, log: "
                  "true}}",
                  "0.00940507 0.0285632 1.2058e-4");
    /* Rounding does not lead out of the bounds. */
    assert_values("sweep.noise_scale={random: {from: 1.234562, to: 1.234578, count: 3, log: "
                  "true}}",
                  "1.23457 1.234562 1.234578");
}

/* Different values within the bounds; more of them keep the first; another seed or key has others. */
static void test_random_values_differ_and_grow(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "sweep.seed={random: {from: 5, to: 24, count: %d}}",
        "sweep.noise_scale={random: {from: 5, to: 24, count: %d}}",
        "sweep.train.batch={random: {from: 5, to: 2400, count: %d, log: true}}",
        "sweep.noise_scale={random: {from: 5, to: 24, count: %d, seed: 1}}"};
    double first[4];
    for (int f = 0; f < 4; f++) {
        char override[2][100];
        aed_trial_list lists[2];
        for (int k = 0; k < 2; k++) {
            snprintf(override[k], 100, forms[f], k ? 20 : 7);
            lists[k] = parse_trials(bezier_text, override[k]);
        }
        for (int64_t i = 0; i < 20; i++) {
            const double value = lists[1].trials[i].settings[0].number;
            assert_true(value >= 5 && value <= (f == 2 ? 2400 : 24));
            if (f % 2 == 0) assert_true(value == floor(value));
            if (i < 7) assert_true(value == lists[0].trials[i].settings[0].number);
            for (int64_t j = 0; j < i; j++)
                assert_true(value != lists[1].trials[j].settings[0].number);
        }
        first[f] = lists[1].trials[0].settings[0].number;
        aed_trial_list_destroy(&lists[0]);
        aed_trial_list_destroy(&lists[1]);
    }
    assert_true(first[1] != first[3]);
}

/* However a value was made, it is the same trial. */
static void test_ids_do_not_tell_how_a_value_was_made(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"sweep.train.optimizer.adam.lr=[1.0e-4, 1.0e-3, 1e-2, 0.1]",
         "sweep.train.optimizer.adam.lr={logspace: [1.0e-4, 1.0e-1, 4]}"},
        {"sweep.noise_scale=[0, 0.25, 0.5, 7.5e-1, 1]", "sweep.noise_scale={linspace: [0, 1, 5]}"},
        {"sweep.seed=[1, 2, 3]", "sweep.seed={range: [1, 3]}"},
        {"sweep.train.batch=[16, 32, 64]", "sweep.train.batch={logspace: [16, 64, 3]}"},
        {"sweep.input_noise=[0, 0.5]", "sweep.zip=[{train.input_noise: [0, 0.5]}]"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        aed_trial_list a = parse_trials(bezier_text, pairs[i][0]);
        aed_trial_list b = parse_trials(bezier_text, pairs[i][1]);
        assert_same_ids(&a, &b);
        aed_trial_list_destroy(&a);
        aed_trial_list_destroy(&b);
    }
}

#define REFUSED(override, message) assert_refused(bezier_text, override, override ": " message)

static void test_ranges_refused(void **state)
{
    (void)state;
    REFUSED("sweep.seed={linspace: 3}",
            "linspace takes [from, to, count], such as [0, 1, 5], but is '3'");
    REFUSED("sweep.seed={linspace: [0, 1]}", "linspace takes [from, to, count], such as [0, 1, 5], "
                                             "but is a list of another length");
    REFUSED("sweep.seed={linspace: [0, 1, 1]}",
            "'count' in linspace is 1, but must be from 2 to 100000");
    REFUSED("sweep.seed={linspace: [0, 1, 100001]}",
            "'count' in linspace is 100001, but must be from 2 to 100000");
    REFUSED("sweep.noise_scale={linspace: [0, 1e31, 3]}",
            "'to' in linspace is 1e31, but must be at most 1e+30");
    REFUSED("sweep.train.batch={linspace: [1, 2.5, 2]}",
            "'to' in linspace must be a whole number, but is '2.5'");
    REFUSED("sweep.train.batch={linspace: [1, 2, 3]}", "the sweep of 'train.batch' has the value 2 "
                                                       "twice");
    REFUSED("sweep.input_noise={logspace: [-4, -1, 4]}",
            "logspace needs 'from' and 'to' above 0: they are the first and the last value "
            "themselves, not their exponents; write 1.0e-4, not -4");
    REFUSED("sweep.seed={range: [1]}", "range takes [first, last] or [first, last, step], such as "
                                       "[1, 100], but is a list of another length");
    REFUSED("sweep.seed={range: [5, 1]}", "range never gets from 5 to 1 by steps of 1");
    REFUSED("sweep.seed={range: [5, 6, 0]}", "range never gets from 5 to 6 by steps of 0");
    REFUSED("sweep.seed={range: [1, 1000000]}", "range has more than 100000 values");
    REFUSED("sweep.seed={range: [0, 1.5]}", "'last' in range must be a whole number, but is '1.5'");
    REFUSED("sweep.seed={random: 3}", "random takes {from: A, to: B, count: N}, but is '3'");
    REFUSED("sweep.seed={random: {from: 1, to: 9}}",
            "missing key 'count' in sweep.KEY.random (how many values, all different; a larger "
            "count keeps the first ones; required)");
    REFUSED("sweep.seed={random: {from: 1, to: 9, number: 3}}",
            "unknown key 'number' in sweep.KEY.random");
    REFUSED("sweep.seed={random: {from: 9, to: 1, count: 3}}",
            "'to' in random must be larger than 'from'");
    REFUSED("sweep.seed={random: {from: 1, to: 9, count: 10}}",
            "random finds no 10 different values between 'from' and 'to', only 9; lower 'count'");
    REFUSED("sweep.seed={linspace: [0, 1, 2], logspace: [1, 2, 3]}",
            "a range is one word with its values, but 'logspace' stands beside 'linspace'");
    REFUSED("sweep.seed={linspace: [0, 1, 2], cuont: 3}", "unknown key 'cuont' in sweep.KEY");
}

/* ---- Zip groups ------------------------------------------------------------------------------- */

static void test_zip_is_one_axis_of_the_product(void **state)
{
    (void)state;
    aed_trial_list trials = parse_trials(
        with_lines("sweep:\n"
                   "  seed: [1, 2]\n"
                   "  zip:\n"
                   "    - {noise_scale: [0, 1, 1], train: {batch: [16, 16, 32]}}\n"
                   "    - input_noise: {linspace: [0, 0.5, 2]}\n"
                   "      train.epochs: [10, 20]\n"),
        NULL);
    assert_int_equal(trials.count, 12);
    assert_string_equal(trials.summary,
                        "seed (2) x noise_scale, train.batch (3) x input_noise, train.epochs (2)");
    static const char *const axes[] = {"seed", "noise_scale", "train.batch", "input_noise",
                                       "train.epochs"};
    for (int64_t i = 0; i < 12; i++) {
        static const int64_t batches[] = {16, 16, 32};
        const aed_trial *trial = &trials.trials[i];
        const int64_t group = i / 2 % 3;
        assert_int_equal(trial->setting_count, 5);
        for (int64_t k = 0; k < 5; k++) assert_string_equal(trial->settings[k].axis, axes[k]);
        assert_int_equal(trial->config.seed, i < 6 ? 1 : 2);
        assert_true(trial->config.noise_scale == (group > 0));
        assert_int_equal(trial->config.batch, batches[group]);
        assert_int_equal(trial->config.corruption_count, i % 2);
        assert_int_equal(trial->config.epochs, i % 2 ? 20 : 10);
        assert_true(trial->settings[2].number == (double)batches[group]);
    }
    aed_trial_list_destroy(&trials);
    trials = parse_trials(bezier_text, "sweep.zip={seed: [1, 2], noise_scale: [0, 1]}");
    assert_int_equal(trials.count, 2); /* one group may stand without a list */
    aed_trial_list_destroy(&trials);
}

static void test_zip_refused(void **state)
{
    (void)state;
    assert_refused(with_lines("sweep:\n  zip:\n    - {seed: [1, 2, 3],\n"
                              "       noise_scale: [0, 1]}\n"),
                   NULL,
                   "config.yaml:18:8: 'noise_scale' has 2 values, but 'seed' (line 17) in its zip "
                   "group has 3; one value of each makes a trial");
    assert_refused(with_lines("sweep:\n  seed: [1, 2]\n  zip: [{seed: [3, 4]}]\n"), NULL,
                   "config.yaml:17:10: 'seed' is swept twice (first in line 16)");
    assert_refused(with_lines("sweep:\n  zip: [{seed: [3, 4]}]\n"), "sweep.seed=[1]",
                   "sweep.seed=[1]: 'seed' is swept twice (first in line 16); sweep.zip=null takes "
                   "the zip groups away");
    assert_refused(
        with_lines("sweep: {zip: [{seed: [1, 2, 1], noise_scale: [0, 1, 0]}]}\n"), NULL,
        "config.yaml:15:15: the sweep of 'seed' and its group has the values 1, 0 twice");
    REFUSED("sweep.zip=[[1]]",
            "a zip group must be a mapping of key paths to lists of values, but is a list");
    REFUSED("sweep.zip=[{}]",
            "a zip group must be a mapping of key paths to lists of values, but is an empty one");
    REFUSED("sweep.zip=[null]",
            "a zip group must be a mapping of key paths to lists of values, but is empty");
    REFUSED("sweep.zip.0.seed=[1]",
            "'zip' stands at the top of the sweep and is set as a whole, sweep.zip=[...]");
}

/* ---- Exclusions ------------------------------------------------------------------------------- */

static void test_exclude_leaves_matching_trials_out(void **state)
{
    (void)state;
    aed_trial_list trials = parse_trials(
        with_lines("sweep:\n  seed: [1, 2, 3]\n  input_noise: [0, 0.5, 1]\n"
                   "  exclude:\n    - {seed: 2, train.input_noise: 0.0}\n"
                   "    - {seed: [3, 1], input_noise: 1.0}\n"
                   "    - {input_noise: 0.25}\n"),
        NULL);
    assert_settings(&trials, 0, "1 1 2 2 3 3");
    assert_settings(&trials, 1, "0 0.5 0.5 1 0 0.5");
    assert_int_equal(trials.excluded, 3);
    assert_string_equal(trials.summary, "seed (3) x input_noise (3) = 9, less 3 excluded");
    assert_int_equal(trials.note_count, 1);
    assert_string_equal(trials.notes[0],
                        "config.yaml:21:7: entry 3 of exclude leaves no trial out");
    aed_trial_list_destroy(&trials);
}

/* A list is a value of a list-valued axis first, and several values elsewhere. */
static void test_exclude_of_lists_and_ranges(void **state)
{
    (void)state;
    const char *overrides[] = {"sweep.model.code.noise=[[0.1, 0.1], [0.1, 0.2], [0.3, 0.3], 0.1]",
                               "model.encoder.low.out=2",
                               "sweep.exclude=[{model.code.noise: [0.1, 2.0e-1]}]"};
    aed_trial_list trials = parse_all(bezier_text, overrides, 3);
    assert_settings(&trials, 0, "[0.1, 0.1] [0.3, 0.3] 0.1");
    aed_trial_list_destroy(&trials);
    overrides[2] = "sweep.exclude=[{model.code.noise: [[0.1, 0.1], [0.3, 0.3]]}]";
    trials = parse_all(bezier_text, overrides, 3);
    assert_settings(&trials, 0, "[0.1, 0.2] 0.1");
    aed_trial_list_destroy(&trials);
    const char *ranges[] = {"sweep.seed={range: [1, 10]}",
                            "sweep.exclude=[{seed: {range: [3, 9]}}]"};
    trials = parse_all(bezier_text, ranges, 2);
    assert_settings(&trials, 0, "1 2 10");
    aed_trial_list_destroy(&trials);
}

static void test_exclude_refused(void **state)
{
    (void)state;
    assert_refused(
        with_lines("sweep:\n  noise_scale: [0, 1]\n  exclude: [{noise_scal: 0}]\n"), NULL,
        "config.yaml:17:14: exclude names 'noise_scal', which is not swept (did you mean "
        "'noise_scale'?); sweep.exclude=null takes all exclusions back");
    assert_refused(with_lines("sweep: {seed: [1, 2], exclude: [{seed: [1, 2]}]}\n"), NULL,
                   "config.yaml:15:32: exclude leaves no trial of the sweep's 2");
    REFUSED("sweep={seed: [1, 2], exclude: {seed: 1}}",
            "exclude must be a list of partial settings, such as [{seed: 3, noise_scale: 0}], but "
            "is a mapping");
    REFUSED("sweep={seed: [1, 2], exclude: [{}]}",
            "an entry of exclude must be a mapping of swept keys to values, such as {seed: 3, "
            "noise_scale: 0}, but is an empty one");
}

/* ---- Variants --------------------------------------------------------------------------------- */

static const char variant_lines[] =
    "variants:\n"
    "  plain:\n"
    "  wide: {model.encoder.low.out: 4, model.code.noise: 0.5}\n"
    "  post: {model.decoder.+: relu, train.loss: l1, train.batch: 32, data.scale: l2}\n";

static void test_variants_are_an_axis(void **state)
{
    (void)state;
    aed_trial_list trials = parse_trials(with_lines(variant_lines),
                                         "sweep={seed: [1, 2], variant: [plain, wide, post]}");
    assert_int_equal(trials.count, 6);
    assert_settings(&trials, 1, "plain wide post plain wide post");
    assert_string_equal(trials.trials[0].settings[1].axis, "variant");
    assert_true(isnan(trials.trials[0].settings[1].number));
    const aed_config *plain = &trials.trials[0].config, *wide = &trials.trials[4].config;
    const aed_config *post = &trials.trials[2].config;
    assert_int_equal(plain->layer_count, 4);
    assert_int_equal(aed_spec_int(&wide->layers[0].spec, "out"), 4);
    assert_int_equal(wide->seed, 2);
    assert_int_equal(post->layer_count, 5);
    assert_string_equal(post->layers[4].spec.kind->name, "relu");
    assert_string_equal(post->losses[0].spec.kind->name, "l1");
    assert_int_equal(post->batch, 32);
    assert_true(trials.trials[0].data_key == trials.trials[4].data_key);
    assert_true(trials.trials[0].data_key != trials.trials[2].data_key);
    aed_trial_list_destroy(&trials);
}

static void test_variants_in_zip_and_exclude(void **state)
{
    (void)state;
    aed_trial_list trials = parse_trials(
        with_lines(variant_lines),
        "sweep={zip: {variant: [plain, wide, post], train.epochs: [1, 2, 3]}, seed: [1, 2], "
        "exclude: [{variant: [plain, post], seed: 2}]}");
    assert_settings(&trials, 0, "plain wide wide post");
    assert_settings(&trials, 1, "1 2 2 3");
    assert_settings(&trials, 2, "1 1 2 1");
    assert_int_equal(trials.trials[3].config.layer_count, 5);
    assert_int_equal(trials.trials[3].config.epochs, 3);
    aed_trial_list_destroy(&trials);
}

/* A variant chosen alone is the trial that a sweep has, and that its overrides make by hand. */
static void test_variant_alone_is_the_same_trial(void **state)
{
    (void)state;
    const char *by_hand[] = {"model.decoder.+=relu", "train.loss=l1", "train.batch=32",
                             "data.scale=l2"};
    aed_trial_list lists[4];
    lists[0] = parse_trials(with_lines(variant_lines), "variant=post");
    lists[1] = parse_trials(with_lines(variant_lines), "sweep.variant=[post]");
    lists[2] = parse_all(bezier_text, by_hand, 4);
    char text[4096];
    snprintf(text, sizeof text, "%s%svariant: post\n", bezier_text, variant_lines);
    lists[3] = parse_trials(text, NULL);
    assert_int_equal(lists[0].trials[0].setting_count, 0);
    for (int i = 1; i < 4; i++) assert_same_ids(&lists[0], &lists[i]);
    for (int i = 0; i < 4; i++) aed_trial_list_destroy(&lists[i]);
}

static void test_overrides_come_after_the_variant(void **state)
{
    (void)state;
    const char *overrides[] = {"train.batch=64", "model.decoder.-1=tanh", "variant=post",
                               "variants.post.train.epochs=7"};
    aed_trial_list trials = parse_all(with_lines(variant_lines), overrides, 4);
    const aed_config *config = &trials.trials[0].config;
    assert_int_equal(config->batch, 64);
    assert_int_equal(config->epochs, 7);
    assert_string_equal(config->layers[4].spec.kind->name, "tanh");
    aed_trial_list_destroy(&trials);
}

static void test_variants_refused(void **state)
{
    (void)state;
    const char *text = with_lines(variant_lines);
    assert_refused(text, "variant=wid",
                   "variant=wid: there is no variant 'wid' (did you mean "
                   "'wide'?)");
    assert_refused(text, "sweep.variant=[plain, zzzzzz]",
                   "sweep.variant=[plain, zzzzzz]: there is no variant 'zzzzzz' (there are: plain, "
                   "wide, post)");
    assert_refused(text, "variant=[wide]",
                   "variant=[wide]: 'variant' must be the name of a variant, but is a list");
    assert_refused(bezier_text, "variant=wide",
                   "variant=wide: there is no variant 'wide': the config has no 'variants'");
    assert_refused(text, "sweep={variant: [plain, post], train.batch: [16, 32]}",
                   "config.yaml:18:49: variant 'post' sets 'train.batch', which is swept too; take "
                   "it out of one of them");
    const char *overrides[] = {"variants.wide.model.encoder.low.out=zero", "variant=wide"};
    aed_trial_list trials;
    assert_int_equal(aed_config_parse(text, "config.yaml", overrides, 2, &trials), AED_CONFIG);
    assert_string_equal(aed_status_message(), "variants.wide.model.encoder.low.out=zero: 'out' in "
                                              "conv1d must be a whole number, but is 'zero'");
}

static void test_variant_sections_refused(void **state)
{
    (void)state;
    REFUSED("variants=[a]", "variants must be a mapping of names to overrides, such as {wide: "
                            "{train.batch: 256}}, but is a list");
    REFUSED("variants={a: 3}", "variant 'a' must be a mapping of key paths to values, but is '3'");
    REFUSED("variants={a: {sweep.seed: [1]}}", "a variant cannot set 'sweep', but 'a' does");
    REFUSED("variants={a: {input_noise: 0, train.input_noise: 1}}",
            "variant 'a' sets 'train.input_noise' twice");
    REFUSED("variants={\"a b\": {}}",
            "a variant's name must be a word of at most 64 letters, but is 'a b'");
    REFUSED("sweep.variants=[a]", "'variants' cannot be swept");
}

static void test_overrides_of_swept_keys_are_noted(void **state)
{
    (void)state;
    const char *overrides[] = {"seed=3", "sweep.seed=[1, 2]", "noise_scale=0.5",
                               "sweep.zip=[{input_noise: [0, 1]}]", "train.input_noise=0.5"};
    aed_trial_list trials = parse_all(bezier_text, overrides, 5);
    assert_int_equal(trials.note_count, 2);
    assert_string_equal(trials.notes[0], "seed=3 has no effect: 'seed' is swept (sweep.seed=null "
                                         "takes that away)");
    assert_string_equal(trials.notes[1], "train.input_noise=0.5 has no effect: 'input_noise' is "
                                         "swept (sweep.zip=null takes that away)");
    aed_trial_list_destroy(&trials);
}

/* ---- The resolved config ---------------------------------------------------------------------- */

/* What is written out reads back to the same trials, and is then written the same. */
static void test_resolved_sweep_reads_back(void **state)
{
    (void)state;
    static const char *const sweeps[] = {
        "sweep={seed: {range: [1, 3]}, zip: [{noise_scale: [0, 1], train: {epochs: [16, 32]}}], "
        "exclude: [{seed: 2, noise_scale: 1}]}",
        "sweep={variant: [wide, post, plain], input_noise: {random: {from: 0, to: 1, count: 2}}}",
        "sweep={model.decoder.+: [relu, tanh], model.encoder.1: [relu, null]}",
        "sweep.model.code.noise=[[0.1, 0.1, 1e-2], [0.2, 0.2, 0.2]]", "variant=post"};
    for (size_t i = 0; i < sizeof sweeps / sizeof *sweeps; i++) {
        const char *overrides[] = {sweeps[i], "train.batch=64"};
        char *first, *second;
        aed_trial_list trials = parse_all(with_lines(variant_lines), overrides, 2);
        assert_int_equal(aed_config_resolve_list(&trials, 0, 0, &first), AED_OK);
        aed_trial_list again = parse_trials(first, NULL);
        assert_same_ids(&trials, &again);
        assert_int_equal(aed_config_resolve_list(&again, 0, 0, &second), AED_OK);
        assert_string_equal(first, second);
        aed_free(first);
        aed_free(second);
        aed_trial_list_destroy(&trials);
        aed_trial_list_destroy(&again);
    }
}

/* ---- Size ------------------------------------------------------------------------------------- */

static void test_sweep_bounds(void **state)
{
    (void)state;
    char *text = malloc(64 << 10);
    assert_non_null(text);
    strcpy(text, "sweep.zip=[{");
    for (int i = 0; i < 11; i++) sprintf(text + strlen(text), "k%d: {range: [1, 100000]}, ", i);
    strcat(text, "}]");
    const char *overrides[] = {text};
    aed_trial_list trials;
    assert_int_equal(aed_config_parse(bezier_text, "c", overrides, 1, &trials), AED_CONFIG);
    assert_non_null(strstr(aed_status_message(), "the sweep lists more than 1000000 values"));
    strcpy(text, "sweep={");
    for (int i = 0; i < 65; i++) sprintf(text + strlen(text), "k%d: [1], ", i);
    strcat(text, "}");
    assert_int_equal(aed_config_parse(bezier_text, "c", overrides, 1, &trials), AED_CONFIG);
    assert_non_null(strstr(aed_status_message(), "the sweep has more than 64 keys"));
    free(text);
}

static void test_twenty_thousand_trials(void **state)
{
    (void)state;
    if (aed_case_on_valgrind()) skip(); /* a minute of what smaller sweeps do above */
    const char *overrides[] = {"sweep.seed={range: [1, 5000]}",
                               "sweep.noise_scale={linspace: [0, 1, 5]}",
                               "sweep.exclude=[{noise_scale: 0.25}]"};
    aed_trial_list trials = parse_all(bezier_text, overrides, 3);
    assert_int_equal(trials.count, 20000);
    assert_int_equal(trials.trials[19999].config.seed, 5000);
    aed_trial_list_destroy(&trials);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges_give_the_numbers_one_would_write),
        cmocka_unit_test(test_ranges_follow_their_formulas),
        cmocka_unit_test(test_whole_keys_get_whole_numbers),
        cmocka_unit_test(test_random_is_drawn_once_and_for_all),
        cmocka_unit_test(test_random_values_differ_and_grow),
        cmocka_unit_test(test_ids_do_not_tell_how_a_value_was_made),
        cmocka_unit_test(test_ranges_refused),
        cmocka_unit_test(test_zip_is_one_axis_of_the_product),
        cmocka_unit_test(test_zip_refused),
        cmocka_unit_test(test_exclude_leaves_matching_trials_out),
        cmocka_unit_test(test_exclude_of_lists_and_ranges),
        cmocka_unit_test(test_exclude_refused),
        cmocka_unit_test(test_variants_are_an_axis),
        cmocka_unit_test(test_variants_in_zip_and_exclude),
        cmocka_unit_test(test_variant_alone_is_the_same_trial),
        cmocka_unit_test(test_overrides_come_after_the_variant),
        cmocka_unit_test(test_variants_refused),
        cmocka_unit_test(test_variant_sections_refused),
        cmocka_unit_test(test_overrides_of_swept_keys_are_noted),
        cmocka_unit_test(test_resolved_sweep_reads_back),
        cmocka_unit_test(test_sweep_bounds),
        cmocka_unit_test(test_twenty_thousand_trials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
