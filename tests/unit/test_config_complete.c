/* Completion of overrides: keys one by one, with what the config has, and values that can be listed. */
#include "config/complete.h"
#include "core/memory.h"
#include "test_config.h"

static const char *const CONFIG =
    "data: {source: bezier, window: 7}\n"
    "model:\n"
    "  encoder: [conv1d: {out: 3, kernel: 7, name: hidden}, tanh, linear: 2]\n"
    "train: {loss: {reconstruction: {mse: 0.5}, code: {l1: 0.5}}}\n"
    "evaluate: {noisy: {split: test}}\n"
    "variants: {wide: {train.batch: 256}, narrow: {train.batch: 64}}\n";

/* The lines for `word`, joined by blanks; "" for none. */
static void assert_offers(const char *config, const char *word, const char *wanted)
{
    aed_config_memory *memory = NULL;
    const aed_place place = {"test.yaml", 1, 1};
    const aed_node *root = NULL;
    aed_text out = {0};
    char *lines;
    assert_int_equal(aed_config_memory_create(NULL, &memory), AED_OK);
    if (config)
        assert_int_equal(aed_node_parse(memory, config, strlen(config), place, &root), AED_OK);
    aed_config_complete(root, word, &out);
    assert_int_equal(aed_text_take(&out, &lines), AED_OK);
    for (char *at = lines; *at; at++)
        if (*at == '\n') *at = at[1] ? ' ' : '\0';
    if (strcmp(lines, wanted) != 0) fail_msg("%s: '%s', not '%s'", word, lines, wanted);
    aed_free(lines);
    aed_config_memory_destroy(&memory);
}

static void test_keys_come_one_by_one(void **state)
{
    (void)state;
    assert_offers(NULL, "tr", "train.");
    assert_offers(NULL, "train.opt", "train.optimizer. train.optimizer=");
    assert_offers(NULL, "train.optimizer.adam.e", "train.optimizer.adam.eps=");
    assert_offers(NULL, "train.early", "train.early_stopping.");
    assert_offers(NULL, "train.early_stopping.p", "train.early_stopping.patience=");
    assert_offers(NULL, "model.code.",
                  "model.code.noise= model.code.activation. "
                  "model.code.activation=");
    assert_offers(NULL, "inp", "input_noise=");
    assert_offers(NULL, "analysis.abl", "analysis.ablation. analysis.ablation=");
    assert_offers(NULL, "analysis.ablation=", "analysis.ablation=true");
    assert_offers(NULL, "train.nothing.", "");
    assert_offers(NULL, "train.batch.", "");
    assert_offers(NULL, "....", "");
}

static void test_the_config_names_layers_and_more(void **state)
{
    (void)state;
    assert_offers(CONFIG, "model.encoder.",
                  "model.encoder.0. model.encoder.hidden. model.encoder.1. model.encoder.2. "
                  "model.encoder.+=");
    assert_offers(CONFIG, "model.encoder.hidden.k", "model.encoder.hidden.kernel=");
    assert_offers(CONFIG, "model.encoder.-1.", "model.encoder.-1.out= model.encoder.-1.bias=");
    assert_offers(NULL, "model.encoder.3.lin", "model.encoder.3.linear.");
    assert_offers(CONFIG, "data.w", "data.window=");
    assert_offers(NULL, "data.w", "");
    assert_offers(CONFIG, "evaluate.", "evaluate.noisy.");
    assert_offers(CONFIG, "evaluate.new.s", "evaluate.new.split=");
    assert_offers(CONFIG, "train.loss.c", "train.loss.cross_entropy. train.loss.code.");
    assert_offers(CONFIG, "train.loss.code.", "train.loss.code.l1=");
}

static void test_sweeps_and_variants_begin_at_the_top_again(void **state)
{
    (void)state;
    assert_offers(CONFIG, "sweep.model.encoder.hidden.o", "sweep.model.encoder.hidden.out=");
    assert_offers(CONFIG, "sweep.z", "sweep.zip=");
    assert_offers(CONFIG, "sweep.see", "sweep.seed=");
    assert_offers(CONFIG, "variants.wide.train.b", "variants.wide.train.batch=");
}

static void test_values_that_can_be_listed(void **state)
{
    (void)state;
    assert_offers(NULL, "train.optimizer=",
                  "train.optimizer=sgd train.optimizer=adam "
                  "train.optimizer=adamw");
    assert_offers(NULL, "train.keep=b", "train.keep=best");
    assert_offers(NULL, "checks.reach=w", "checks.reach=warn");
    assert_offers(NULL, "metrics.norms=", "metrics.norms=true metrics.norms=false");
    assert_offers(CONFIG, "variant=", "variant=wide variant=narrow");
    assert_offers(CONFIG, "model.encoder.hidden.bias=f", "model.encoder.hidden.bias=false");
    assert_offers(NULL, "data.scale=b", "data.scale=batch_max");
    assert_offers(NULL, "train.batch=", "train.batch=full");
    assert_offers(NULL, "train.epochs=", "");
}

/* Whatever stands there, the answer is an answer. */
static void test_odd_words_and_configs_do_no_harm(void **state)
{
    char longest[2000];
    (void)state;
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_offers(CONFIG, longest, "");
    for (int i = 100; i < 400; i += 7) { /* around the sizes of the buffers */
        memset(longest, 'a', sizeof longest);
        longest[i] = '.';
        longest[i + 1] = '\0';
        assert_offers(CONFIG, longest, "");
        longest[i - 1] = '=';
        assert_offers(CONFIG, longest, "");
    }
    static const char *const configs[] = {"[1, 2]",
                                          "model: 3",
                                          "model: {encoder: {a: b}}",
                                          "model: {encoder: [[1], {a: b, c: d}, null]}",
                                          "data: {source: [1]}",
                                          "train: {loss: [mse]}"};
    static const char *const words[] = {
        "",         "model.encoder.", "model.encoder.0.", "data.", "train.loss.",
        "variant=", "evaluate.",      "sweep.sweep."};
    for (size_t c = 0; c < sizeof configs / sizeof *configs; c++)
        for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
            aed_config_memory *memory = NULL;
            const aed_place place = {"test.yaml", 1, 1};
            const aed_node *root = NULL;
            aed_text out = {0};
            assert_int_equal(aed_config_memory_create(NULL, &memory), AED_OK);
            assert_int_equal(aed_node_parse(memory, configs[c], strlen(configs[c]), place, &root),
                             AED_OK);
            aed_config_complete(root, words[w], &out);
            assert_false(out.failed);
            aed_text_free(&out);
            aed_config_memory_destroy(&memory);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_come_one_by_one),
        cmocka_unit_test(test_the_config_names_layers_and_more),
        cmocka_unit_test(test_sweeps_and_variants_begin_at_the_top_again),
        cmocka_unit_test(test_values_that_can_be_listed),
        cmocka_unit_test(test_odd_words_and_configs_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
