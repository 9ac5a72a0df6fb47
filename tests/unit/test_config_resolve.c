/* The resolved config, the trial's id, and the words they are written in. */
#include <math.h>
#include <stdlib.h>

#include "config/suggest.h"
#include "config/text.h"
#include "core/memory.h"
#include "test_config.h"

static void test_resolve_writes_every_default(void **state)
{
    (void)state;
    aed_trial_list trials = parse_trials(bezier_text, NULL);
    char *text;
    assert_int_equal(aed_config_resolve(&trials.trials[0].config, 32, 64, &text), AED_OK);
    assert_non_null(strstr(text, "data: {source: bezier, samples: 16384, points: 15, window: 0, "
                                 "seed: 22, scale: auto, holdout: 0.0, memory: 0.0}\n"));
    assert_ptr_equal(text, strstr(text, "name: config\n"));
    assert_non_null(strstr(
        text, "model:\n"
              "  init: default\n"
              "  init_from: null\n"
              "  encoder:\n"
              "    - conv1d: {name: low, out: 3, kernel: 7, stride: 4, padding: 0, dilation: 1, "
              "groups: 1, bias: true}\n"
              "    - tanh\n"
              "  code: {noise: [0.1, 0.01, 0.001], activation: null}\n"
              "  decoder:\n"
              "    - conv_transpose1d: {out: 1, kernel: 7, stride: 4, padding: 0, "
              "output_padding: 0, dilation: 1, groups: 1, bias: true}\n"
              "train:\n"
              "  loss:\n"
              "    reconstruction:\n"
              "      mse: {weight: 1.0}\n"
              "  optimizer: {adam: {lr: 1.0e-4, "));
    assert_non_null(strstr(text,
                           "  clip_norm: 0.0\n"
                           "  batch: 128\n"
                           "  epochs: 5000\n"
                           "  early_stopping: null\n"
                           "  freeze: []\n"
                           "  keep: last\n"
                           "  ema: 0.0\n"
                           "  corrupt: []\n"
                           "  tile: 32\n"
                           "  leaf: 64\n"
                           "evaluate: {}\n"
                           "seed: 11\n"
                           "noise_scale: 1.0\n"
                           "metrics: {every: 1, norms: false, layer_norms: false, dead_units: "
                           "false, skill: false, code_dimension: false}\n"
                           "snapshots: null\n"
                           "analysis: {}\n"
                           "log: {every: 0}\n"
                           "checks:\n"
                           "  loss_targets: error\n"
                           "  loss_outputs: error\n"
                           "  reach: error\n"
                           "  code_scale: warn\n"
                           "  softmax: warn\n"
                           "  checkerboard: note\n"
                           "  wide_code: note\n"
                           "  one_channel: note\n"
                           "watch: {after: 10, skill: warn, output: warn, still: warn, dead: "
                           "warn}\n"
                           "checkpoint: {every: 10.0 min, keep: 2}\n"
                           "ranks_per_trial: auto\n"
                           "time_limit: none\n"));
    aed_free(text);
    aed_trial_list_destroy(&trials);
}

static const char signal_data[] =
    "data={source: signal, samples: 8, functions: [cos(x), \"0.25*cos(x^2)-10*sin(0.25*x)\", x, "
    "'1'], start: [-5000, 5000], noise: 1, normalize: l2}";

/* Configs that use every form of every section. */
static const char *const forms[] = {
    NULL,
    "noise_scale=0",
    "noise_scale=0.3",
    "checkpoint={every: 3 epochs, keep: 1}",
    "checkpoint={every: none}",
    "checkpoint={every: 90s}",
    "time_limit=1.5 h",
    "ranks_per_trial=3",
    "checks={reach: none, softmax: note, wide_code: warn, one_channel: error}",
    "watch={after: 3, output: stop, still: none}",
    "train.corrupt=[{masking: 0.5}, {gaussian: 0.5}, {clip: [0, 1]}]",
    "input_noise=0.25",
    "evaluate={noisy: {split: val, corrupt: train}, half: {corrupt: [{masking: 0.5}]}, again: "
    "null}",
    "train.loss={logits: {l1: 0.1}, code: {mse: 0.2}, reconstruction: mse}",
    "model.code={activation: {elu: {alpha: 0.3, name: top}}, noise: 0.1}",
    "model.encoder=[]",
    "model.code.noise=[0, 0, 0]",
    "train.loss={reconstruction: {mse: 0.5, smooth_l1: {weight: 2, beta: 0.1}}, low: l1}",
    "train.loss={smooth_l1: 0.1}",
    "train.optimizer={sgd: {lr: 1e-30, momentum: 0.9, nesterov: true}}",
    "train.schedule={step: {every: 3, gamma: 0.5, warmup: 2}}",
    "train.schedule={plateau: {patience: 3, min_lr: 1e-6}}",
    "train.early_stopping={patience: 20, metric: train_loss, min_delta: 1e-5}",
    "train={keep: mean, ema: 0.99, loss: mse, optimizer: adam, batch: 1, epochs: 2}",
    "train.keep=best",
    "train.freeze=[encoder.0, low, decoder]",
    "model.init_from=runs/other/t12ab",
    "model.init_from={run: \"a b\", parts: {encoder.0: encoder.0, decoder.0: decoder.2}}",
    "noise_scale={from: 1, to: 0, epochs: 50}",
    "model.code.noise={from: 0.1, to: 0.01, epochs: 5}",
    "train.input_noise={from: 0.1, to: 0.01, epochs: 5}",
    "train.corrupt=[{masking: {amount: {from: 0, to: 0.5, epochs: 9}}}]",
    "model.encoder.-1={gaussian_noise: {std: {from: 0, to: 0.5, epochs: 9}}}",
    "metrics={every: 3, norms: true, dead_units: true}",
    "metrics={layer_norms: true, skill: true, code_dimension: true}",
    "snapshots={every: 5}",
    "snapshots={every: 5, samples: [3, 1], split: train, corrupt: [{gaussian: 0.5}]}",
    "train.batch=full",
    "train.tile=16",
    "model.init={normal: {std: 0.12345678901234567}}",
    "seed=18446744073709551615",
    "name=\"on\"",
    "name=\"caf\\u00e9 \\\"x\\\" \\u2028 #1: y\"",
    "data={source: linear_mix, samples: 100, mix: [[1, 1], [0.5, 1.5]], seed: 1}",
    "data={source: linear_mix, samples: 100, features: 4}",
    signal_data,
    "data.scale=none",
    "data.scale=unit",
    "data.scale=batch_max",
    "data.scale=l2",
    "data.scale={mean: 0.1307, std: 0.3081}",
    "data.holdout=0.123456789012345678",
    "data.holdout=600",
    "data.memory=0.7",
};

static void test_resolve_reads_back_to_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char *first = resolve_text(bezier_text, forms[i]);
        char *second = resolve_text(first, NULL);
        assert_string_equal(first, second);
        aed_free(first);
        aed_free(second);
    }
}

static void assert_same_id(const char *left, const char *right, bool same)
{
    char id[2][16];
    const char *overrides[2] = {left, right};
    for (int i = 0; i < 2; i++) {
        aed_trial_list trials = parse_trials(bezier_text, overrides[i]);
        assert_int_equal(aed_config_trial_id(&trials.trials[0].config, 32, 64, id[i]), AED_OK);
        aed_trial_list_destroy(&trials);
        assert_int_equal(strlen(id[i]), 13);
        assert_int_equal(id[i][0], 't');
        assert_int_equal(strspn(id[i] + 1, "0123456789abcdef"), 12);
    }
    if ((strcmp(id[0], id[1]) == 0) != same)
        fail_msg("%s and %s: ids %s and %s", left ? left : "-", right ? right : "-", id[0], id[1]);
}

static void test_trial_id_follows_what_matters(void **state)
{
    (void)state;
    assert_same_id(NULL, "seed=11", true);
    assert_same_id(NULL, "train.epochs=5.0e+3", true);
    assert_same_id(NULL, "model.encoder.low.conv1d.padding=0", true);
    assert_same_id(NULL, "train.loss={reconstruction: {mse: 1}}", true);
    assert_same_id(NULL, "name=other", true);
    assert_same_id(NULL, "log.every=5", true);
    assert_same_id(NULL, "metrics={every: 5, norms: true, dead_units: true}", true);
    assert_same_id(NULL, "snapshots={every: 5}", true);
    assert_same_id(NULL, "sweep.seed=[11]", true);
    assert_same_id(NULL, "train.keep=last", true);
    assert_same_id(NULL, "train.early_stopping=null", true);
    assert_same_id(NULL, "train.keep=best", false);
    assert_same_id(NULL, "train.ema=0.9", false);
    assert_same_id(NULL, "train.freeze=[encoder]", false);
    assert_same_id(NULL, "model.init_from=runs/other/t12ab", false);
    /* Not where stored weights lie, but which they are. */
    assert_same_id("model.init_from=runs/other/t12ab", "model.init_from=runs/copy/t12", true);
    assert_same_id("noise_scale={from: 1, to: 0, epochs: 50}",
                   "noise_scale={from: 1, to: 0, epochs: 51}", false);
    assert_same_id(NULL, "train.early_stopping={patience: 9}", false);
    /* What is decided at recorded epochs depends on which they are. */
    assert_same_id("train.early_stopping={patience: 9}",
                   "train={loss: mse, optimizer: {adam: 1.0e-4}, batch: 128, epochs: 5000, "
                   "early_stopping: {patience: 9, min_delta: 0}}",
                   true);
    assert_same_id(NULL, "data.memory=3", true);
    assert_same_id(NULL, "checkpoint={every: 3 epochs, keep: 1}", true);
    assert_same_id(NULL, "ranks_per_trial=3", true);
    assert_same_id(NULL, "checks.reach=none", true);
    /* Warnings change no number, an end does. */
    assert_same_id(NULL, "watch={after: 3, still: none}", true);
    assert_same_id(NULL, "watch={after: 3, still: stop}", false);
    assert_same_id("watch={still: stop}", "watch={still: stop, dead: none}", true);
    assert_same_id("watch={still: stop}", "watch={still: stop, after: 11}", false);
    assert_same_id(NULL, "time_limit=1.5 h", true);
    assert_same_id(NULL, "data.scale=auto", true);
    assert_same_id(NULL, "data.holdout=0", true);
    assert_same_id(NULL, "data.holdout=0.1", false);
    assert_same_id(NULL, "data.scale=unit", false);
    assert_same_id("data.scale={mean: 0, std: 1}", "data.scale={mean: 0, std: 2}", false);
    assert_same_id(NULL, "seed=12", false);
    assert_same_id(NULL, "train.epochs=5001", false);
    assert_same_id(NULL, "data.seed=23", false);
    assert_same_id(NULL, "noise_scale=0.5", false);
    assert_same_id(NULL, "model.encoder.1=relu", false);
}

static void test_float_text_is_short_and_exact(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } known[] = {{0, "0.0"},
                 {-0.0, "-0.0"},
                 {1, "1.0"},
                 {0.1, "0.1"},
                 {1e-4, "1.0e-4"},
                 {0.001, "0.001"},
                 {1.5e-7, "1.5e-7"},
                 {128, "128.0"},
                 {1234.5, "1234.5"},
                 {1e22, "1.0e+22"},
                 {-2.5e30, "-2.5e+30"},
                 {5e-324, "5.0e-324"},
                 {0.0123, "0.0123"},
                 {1e15, "1000000000000000.0"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        aed_text text = {0};
        aed_text_add_float(&text, known[i].value);
        assert_string_equal(text.bytes, known[i].text);
        aed_text_free(&text);
    }
    uint64_t bits = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        double value;
        bits ^= bits << 13; /* xorshift: any sequence will do, but always the same */
        bits ^= bits >> 7;
        bits ^= bits << 17;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) continue;
        aed_text text = {0};
        aed_text_add_float(&text, value);
        if (strtod(text.bytes, NULL) != value || !strchr(text.bytes, '.'))
            fail_msg("%.17g was written %s", value, text.bytes);
        aed_text_free(&text);
    }
}

static void test_string_text_is_quoted_where_needed(void **state)
{
    (void)state;
    static const char *const known[][2] = {{"cos", "cos"},           {"a/b.c-d_e", "a/b.c-d_e"},
                                           {"no", "\"no\""},         {"Null", "\"Null\""},
                                           {"12", "\"12\""},         {"", "\"\""},
                                           {"a b", "\"a b\""},       {"a: b", "\"a: b\""},
                                           {"x,y", "\"x,y\""},       {"q\"\\", "\"q\\\"\\\\\""},
                                           {"a\nb", "\"a\\u000Ab\""}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        aed_text text = {0};
        aed_text_add_string(&text, known[i][0]);
        assert_string_equal(text.bytes, known[i][1]);
        aed_text_free(&text);
    }
}

static void test_suggest_nearest_word(void **state)
{
    (void)state;
    static const char *const words[] = {"kernel", "stride", NULL, "padding", "out", "optimizer"};
    static const struct {
        const char *word, *near;
    } known[] = {{"kernal", "kernel"},
                 {"kenrel", "kernel"},
                 {"Stride", "stride"},
                 {"paddings", "padding"},
                 {"optim", "optimizer"},
                 {"xyz", NULL},
                 {"", NULL},
                 {"o", NULL},
                 {"optimiser", "optimizer"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char *near = aed_suggest(known[i].word, words, 6);
        if (!near || !known[i].near)
            assert_ptr_equal(near, known[i].near);
        else
            assert_string_equal(near, known[i].near);
    }
}

static void test_help_names_every_kind(void **state)
{
    (void)state;
    char *text;
    assert_int_equal(aed_config_help(&text), AED_OK);
    assert_non_null(strstr(text, "  train.epochs: "));
    assert_non_null(strstr(text, "  conv_transpose1d: "));
    assert_non_null(strstr(text, "  linear (`linear: out`): "));
    assert_non_null(strstr(text, "  bezier: "));
    aed_free(text);
}

/* The bars of a table's line that are not escaped. */
static int count_bars(const char *line)
{
    int bars = 0;
    for (const char *at = line; *at; at++) bars += *at == '|' && (at == line || at[-1] != '\\');
    return bars;
}

static void test_markdown_help_has_whole_tables(void **state)
{
    (void)state;
    char *text;
    int rows = 0, cells = 0;
    assert_int_equal(aed_config_help_markdown(&text), AED_OK);
    assert_non_null(strstr(text, "\n### `train`\n"));
    assert_non_null(strstr(text, "fully connected layer; short: `linear: out`\n"));
    assert_non_null(strstr(text, "| `window` | whole number, 0 to 65536 | 0 | points cut out"));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, "|---", 4) == 0) cells = count_bars(line);
        if (strncmp(line, "| `", 3) != 0) continue;
        rows++;
        if (count_bars(line) != cells) fail_msg("not %d bars: %s", cells, line);
    }
    assert_true(rows > 100);
    aed_free(text);
}

/* Whatever allocation fails, the answer is AED_MEMORY, and nothing leaks (seen by the sanitizer). */
static void test_out_of_memory_is_told(void **state)
{
    (void)state;
    int failures = 0;
    for (long n = 1; n < 200; n++) {
        const char *override = "sweep.seed=[1, 2]";
        aed_trial_list trials;
        aed_alloc_fail_after(n);
        aed_status status = aed_config_parse(bezier_text, "c", &override, 1, &trials);
        aed_alloc_fail_after(0);
        if (status == AED_OK) {
            aed_trial_list_destroy(&trials);
            break;
        }
        assert_int_equal(status, AED_MEMORY);
        failures++;
    }
    assert_true(failures > 3 && failures < 190);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolve_writes_every_default),
        cmocka_unit_test(test_resolve_reads_back_to_the_same),
        cmocka_unit_test(test_trial_id_follows_what_matters),
        cmocka_unit_test(test_float_text_is_short_and_exact),
        cmocka_unit_test(test_string_text_is_quoted_where_needed),
        cmocka_unit_test(test_suggest_nearest_word),
        cmocka_unit_test(test_help_names_every_kind),
        cmocka_unit_test(test_markdown_help_has_whole_tables),
        cmocka_unit_test(test_out_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
