/* The rules for set-ups: each finds what it is for, with the place, the reason and the remedy, and
 * nothing else; no shipped recipe breaks one that warns. */
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
#include "train/checks.h"

enum { SAMPLES = 34, MOST_FEATURES = 48 };

static aed_comm world;

/* A whole config around its model. */
#define CONFIG(encoder, code, decoder, loss)                                     \
    "data: {source: linear_mix, samples: 34, features: 4, seed: 1}\n"            \
    "model:\n  encoder: [" encoder "]\n  code: {" code "}\n  decoder: [" decoder \
    "]\ntrain: {loss: " loss ", optimizer: {sgd: {lr: 0.1}}, batch: 8, epochs: 1}\n"

typedef struct fixture {
    aed_trial_list trials;
    aed_dataset data;
    aed_trainer trainer;
} fixture;

/* Even samples are `lo` everywhere, odd ones `hi`. */
static void make(fixture *f, const char *text, aed_shape shape, float lo, float hi)
{
    static float samples[SAMPLES * MOST_FEATURES];
    const int64_t features = aed_shape_count(&shape);
    for (int64_t i = 0; i < SAMPLES * features; i++) samples[i] = i / features % 2 ? hi : lo;
    memset(f, 0, sizeof *f);
    if (aed_config_parse(text, "c.yaml", NULL, 0, &f->trials) != AED_OK ||
        aed_dataset_from_arrays(SAMPLES, features, samples, NULL, NULL, 0, &f->data) != AED_OK)
        fail_msg("%s", aed_status_message());
    f->data.interval = (aed_interval){(double)lo, (double)hi};
    if (aed_trainer_plan(&f->trials.trials[0].config, &f->data, &shape, &f->trainer) != AED_OK)
        fail_msg("%s", aed_status_message());
}

static void destroy(fixture *f)
{
    aed_trainer_destroy(&f->trainer);
    aed_dataset_destroy(&f->data);
    aed_trial_list_destroy(&f->trials);
}

typedef struct setup {
    const char *text;
    aed_shape shape;
    float lo, hi;
    aed_check rule;      /* the only one that finds something, */
    const char *message; /* and what; NULL: none does */
} setup;

static void check(const setup *s)
{
    fixture f;
    char text[AED_FINDING_BYTES];
    make(&f, s->text, s->shape, s->lo, s->hi);
    for (aed_check rule = 0; rule < AED_CHECK_COUNT; rule++) {
        const char *want = s->message && rule == s->rule ? s->message : "";
        assert_int_equal(aed_check_find(&f.trainer, rule, text), AED_OK);
        if (strcmp(text, want) != 0)
            fail_msg("rule %d says '%s', not '%s', of\n%s", (int)rule, text, want, s->text);
    }
    destroy(&f);
}

static void check_all(const setup *list, size_t count)
{
    for (size_t i = 0; i < count; i++) check(&list[i]);
}
#define CHECK_ALL(list) check_all(list, sizeof(list) / sizeof *(list))

#define FLAT     \
    {            \
        1, { 4 } \
    }
#define IMAGE(c)       \
    {                  \
        3, { c, 4, 4 } \
    }

static void test_losses_are_defined_for_targets_and_outputs(void **state)
{
    (void)state;
    static const setup setups[] = {
        {CONFIG("{linear: 2}", "", "{linear: 4}, sigmoid", "bce"), FLAT, 0, 1, 0, NULL},
        {CONFIG("{linear: 2}", "", "{linear: 4}", "bce"), FLAT, 0, 1, AED_CHECK_LOSS_OUTPUTS,
         "c.yaml:6:15: bce is defined for outputs in [0, 1], but those of decoder.0 (linear) lie "
         "in "
         "(-inf, inf); end with sigmoid there, or use mse"},
    };
    CHECK_ALL(setups);
}

static void test_last_layer_reaches_the_targets(void **state)
{
    (void)state;
    static const setup setups[] = {
        {CONFIG("{linear: 2}", "", "{linear: 4}, relu", "mse"), FLAT, 0, 3, 0, NULL},
        {CONFIG("{linear: 2}", "", "{linear: 4}", "mse"), FLAT, -1, 3, 0, NULL},
        {CONFIG("{linear: 2}", "", "{linear: 4}, tanh", "mse"), FLAT, -1, 1, 0, NULL},
        {CONFIG("{linear: 2}", "", "{linear: 4}, relu", "mse"), FLAT, -1, 3, AED_CHECK_REACH,
         "c.yaml:5:26: decoder.1 (relu) gives [0, inf) and cannot reach targets in [-1, 3]: "
         "outputs "
         "in [0, inf) cannot get below MSE 0.5 on this data; predicting the mean reaches 4; end "
         "without it, or scale the data to it (data.scale: unit)"},
        {CONFIG("{linear: 2}", "", "{linear: 4}, sigmoid", "l1"), FLAT, -1, 3, AED_CHECK_REACH,
         "c.yaml:5:26: decoder.1 (sigmoid) gives (0, 1) and cannot reach targets in [-1, 3]: "
         "outputs in (0, 1) cannot get below l1 1.5 on this data; predicting the mean reaches 2; "
         "end without it, or scale the data to it (data.scale: unit)"},
        {CONFIG("{linear: 2}", "", "{linear: 4}, relu, sigmoid", "mse"), FLAT, 0, 1,
         AED_CHECK_REACH,
         "c.yaml:5:32: decoder.2 (sigmoid) gives [0.5, 1) and cannot reach targets in [0, 1]: "
         "outputs in [0.5, 1) cannot get below MSE 0.125 on this data; predicting the mean reaches "
         "0.25; leave out decoder.1 (relu) before it"},
        {CONFIG("{linear: 2}", "", "{linear: 4}, relu, sigmoid", "mse"), FLAT, -1, 2,
         AED_CHECK_REACH,
         "c.yaml:5:32: decoder.2 (sigmoid) gives [0.5, 1) and cannot reach targets in [-1, 2]: "
         "outputs in [0.5, 1) cannot get below MSE 1.62 on this data; predicting the mean reaches "
         "2.25; leave out both it and decoder.1 (relu) before it"},
    };
    CHECK_ALL(setups);
}

static void test_code_noise_wants_a_bounded_code(void **state)
{
    (void)state;
    static const setup setups[] = {
        {CONFIG("{linear: 2}, tanh", "noise: 0.1", "{linear: 4}", "mse"), FLAT, 0, 1, 0, NULL},
        {CONFIG("{linear: 2}", "noise: 0", "{linear: 4}", "mse"), FLAT, 0, 1, 0, NULL},
        {CONFIG("{linear: 2}", "noise: 0.1", "{linear: 4}",
                "{reconstruction: mse, code: {mse: 0.1}}"),
         FLAT, 0, 1, 0, NULL},
        {CONFIG("{linear: 2}", "noise: [0, 0.1]", "{linear: 4}", "mse"), FLAT, 0, 1,
         AED_CHECK_CODE_SCALE,
         "c.yaml:4:17: the code in (-inf, inf), of encoder.0 (linear), is unbounded: it can "
         "outgrow "
         "the noise on it; bound it (model.code: {activation: tanh}), or put a penalty on it "
         "(train.loss: {code: {mse: ...}, ...})"},
    };
    CHECK_ALL(setups);
}

static void test_layers_fit_their_neighbours(void **state)
{
    (void)state;
    static const setup setups[] = {
        {CONFIG("{linear: 3}, softmax", "", "{linear: 4}, sigmoid", "mse"), FLAT, 0, 1, 0, NULL},
        {CONFIG("{linear: 3}, softmax", "", "sigmoid, {linear: 4}", "mse"), FLAT, 0, 1,
         AED_CHECK_SOFTMAX,
         "c.yaml:5:13: decoder.0 (sigmoid) is directly behind encoder.1 (softmax), whose outputs "
         "in "
         "[0, 1] it presses together; leave one of them out, or put a linear layer between them"},
        {CONFIG("{conv2d: {out: 2, kernel: 2, stride: 2}}", "",
                "{conv_transpose2d: {out: 1, kernel: 4, stride: 2, padding: 1}}", "mse"),
         IMAGE(1), 0, 1, 0, NULL},
        {CONFIG("{conv2d: {out: 2, kernel: 2, stride: 2}}", "",
                "{conv_transpose2d: {out: 1, kernel: 3, stride: 2, padding: 1, output_padding: 1}}",
                "mse"),
         IMAGE(1), 0, 1, AED_CHECK_CHECKERBOARD,
         "c.yaml:5:14: decoder.0 (conv_transpose2d) overlaps unevenly, its kernel of 3 being no "
         "multiple of the stride of 2: outputs may show a pattern of that period; use a kernel of "
         "4, or upsample and a convolution"},
        {CONFIG("{conv2d: {out: 2, kernel: 1}}", "", "{conv2d: {out: 1, kernel: 1}}", "mse"),
         IMAGE(1), 0, 1, AED_CHECK_WIDE_CODE,
         "c.yaml:3:14: the code has 32 numbers for 16 of the input and no noise: it can copy them; "
         "use a smaller code, or noise"},
        {CONFIG("{conv2d: {out: 2, kernel: 1}}, {dropout2d: 0.1}", "",
                "{conv2d: {out: 1, kernel: 1}}", "mse"),
         IMAGE(1), 0, 1, 0, NULL},
        {CONFIG("{dropout2d: 0.1}, {conv2d: {out: 2, kernel: 1}}", "",
                "{conv2d: {out: 1, kernel: 1}}", "mse"),
         IMAGE(1), 0, 1, AED_CHECK_ONE_CHANNEL,
         "c.yaml:3:14: encoder.0 (dropout2d) has one channel and so drops whole samples; use "
         "dropout for elements, or put it where there are more channels"},
    };
    CHECK_ALL(setups);
}

static void test_bce_wants_targets_in_its_interval(void **state)
{
    (void)state;
    fixture f;
    char text[AED_FINDING_BYTES];
    make(&f, CONFIG("{linear: 2}", "", "{linear: 4}, sigmoid", "bce"), (aed_shape)FLAT, -0.5f, 1);
    assert_int_equal(aed_check_find(&f.trainer, AED_CHECK_LOSS_TARGETS, text), AED_OK);
    assert_string_equal(text,
                        "c.yaml:6:15: bce is defined for targets in [0, 1], but the data lies "
                        "in [-0.5, 1]; use mse, or data scaled to that interval");
    destroy(&f);
}

/* The intervals of this source are wider than its samples are: only those count. */
static void test_targets_are_looked_at_where_intervals_leave_a_doubt(void **state)
{
    (void)state;
    fixture f;
    char text[AED_FINDING_BYTES];
    make(&f, CONFIG("{linear: 2}", "", "{linear: 4}, tanh", "mse"), (aed_shape)FLAT, -0.5f, 0.5f);
    f.data.interval = (aed_interval){-2, 2};
    assert_int_equal(aed_check_find(&f.trainer, AED_CHECK_REACH, text), AED_OK);
    assert_string_equal(text, "");
    destroy(&f);
}

/* What comes in is the clean data, as in validation, and the corrupted. */
static void test_corruption_widens_the_input(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        double lo, hi;
    } cases[] = {
        {"[]", 0, 1},
        {"[{gaussian: 0.5}]", -INFINITY, INFINITY},
        {"[{gaussian: 0.5}, {clip: [-1, 0.5]}]", -1, 1},
        {"[{masking: {amount: {from: 0.0, to: 0.5, epochs: 2}, value: -3}}]", -3, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        char text[512];
        snprintf(text, sizeof text, CONFIG("{linear: 2}", "", "{linear: 4}", "mse, corrupt: %s"),
                 cases[i].list);
        make(&f, text, (aed_shape)FLAT, 0, 1);
        const aed_interval in = f.trainer.model.layers[0].in_interval;
        if (in.lo != cases[i].lo || in.hi != cases[i].hi)
            fail_msg("%s gives [%g, %g]", cases[i].list, in.lo, in.hi);
        destroy(&f);
    }
}

static void check_recipe(const char *name)
{
    char path[512], text[AED_FINDING_BYTES];
    const char *overrides[] = {"data.samples=100"};
    aed_trial_list trials;
    aed_source source;
    aed_dataset data;
    aed_trainer trainer;
    snprintf(path, sizeof path, "%s/configs/%s.yaml", AED_SOURCE_DIR, name);
    if (aed_config_read(path, overrides, 1, &trials) != AED_OK)
        fail_msg("%s", aed_status_message());
    const aed_config *config = &trials.trials[0].config;
    if (aed_source_create(&config->data, &source) != AED_OK ||
        aed_dataset_create(&source, &config->data_options, &data) != AED_OK ||
        aed_trainer_plan(config, &data, &source.shape, &trainer) != AED_OK)
        fail_msg("%s", aed_status_message());
    for (aed_check rule = 0; rule < AED_CHECK_COUNT; rule++) {
        assert_int_equal(aed_check_find(&trainer, rule, text), AED_OK);
        if (text[0] && config->checks[rule] > AED_CHECK_NOTE) fail_msg("%s", text);
    }
    aed_trainer_destroy(&trainer);
    aed_dataset_destroy(&data);
    aed_source_destroy(&source);
    aed_trial_list_destroy(&trials);
}

static void test_recipes_are_sound(void **state)
{
    (void)state;
    static const char *const names[] = {"bezier",  "bezier2", "classify",  "conv",
                                        "deep",    "denoise", "fc32",      "linear2",
                                        "linear4", "signal",  "smallconv", "upsample"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) check_recipe(names[i]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_losses_are_defined_for_targets_and_outputs),
        cmocka_unit_test(test_bce_wants_targets_in_its_interval),
        cmocka_unit_test(test_last_layer_reaches_the_targets),
        cmocka_unit_test(test_code_noise_wants_a_bounded_code),
        cmocka_unit_test(test_layers_fit_their_neighbours),
        cmocka_unit_test(test_targets_are_looked_at_where_intervals_leave_a_doubt),
        cmocka_unit_test(test_corruption_widens_the_input),
        cmocka_unit_test(test_recipes_are_sound),
    };
    if (aed_dist_start(&argc, &argv, &world) != AED_OK) {
        fprintf(stderr, "%s\n", aed_status_message());
        return EXIT_FAILURE;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    aed_dist_stop();
    return failed;
}
