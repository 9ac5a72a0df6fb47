/* Hostile texts: random bytes and random changes of a valid config are answered, never crash.
 *
 * The sequence is fixed, so that a failure comes again. Under the sanitizers this test says most. */
#include <stdlib.h>

#include "core/memory.h"
#include "support/kernel_case.h"
#include "test_config.h"

static uint64_t state_bits = 0x9E3779B97F4A7C15u;

static uint32_t random_below(uint32_t limit)
{
    state_bits ^= state_bits << 13;
    state_bits ^= state_bits >> 7;
    state_bits ^= state_bits << 17;
    return (uint32_t)(state_bits >> 32) % limit;
}

/* Pieces that make more trouble than single bytes do. */
static const char *const pieces[] = {
    "{",         "}",         "[",          "]",           ": ",          ", ",       "\n",
    "\n  ",      "- ",        "&a ",        "*a",          "!!x ",        "'",        "\"",
    "? ",        "|\n",       ">\n",        "#",           "---\n",       "%YAML 9",  "null",
    "~",         "1e999",     "-1",         "0x1",         "\xff",        "\xc3",     "\xe2\x80",
    "\\",        "sweep: ",   "name",       "train",       "encoder",     "code",     "mse",
    "linear",    "adam",      "seed",       "[[[[[[[",     "{a: {b: ",    "\t",       "<<: ",
    "9999999",   ".",         "+",          "...\n",       "@",           "`",        "\r",
    "weight",    "scale",     "mean",       "std",         "holdout",     "memory",   "zip: ",
    "exclude: ", "variant: ", "variants: ", "{linspace: ", "{logspace: ", "{range: ", "{random: ",
    "count",     "from: ",    "good"};

static const char *const overrides[] = {
    NULL,          "model.encoder.0.conv1d.out=3",    "sweep.seed=[1, 2]", "model.decoder.+=relu",
    "train={}",    "model.code.noise=[0.1]",          "sweep=null",        "model.encoder.low=null",
    "data.seed=5", "train.loss.reconstruction.mse=1", "data.scale.mean=1", "data.scale=l2"};

/* Behind bezier_text: a sweep with everything in it, small. */
static const char sweep_text[] =
    "variants: {good: , post: {model.decoder.+: relu, train.loss: l1}}\n"
    "sweep:\n"
    "  variant: [good, post]\n"
    "  zip: [{input_noise: {linspace: [0, 0.5, 2]}, train: {batch: [16, 32]}}, {noise_scale: "
    "[1]}]\n"
    "  train.optimizer.adam.lr: {logspace: [1.0e-4, 0.1, 2]}\n"
    "  seed: {random: {from: 1, to: 9, count: 2, log: false, seed: 3}}\n"
    "  model.encoder.low.out: {range: [2, 3]}\n"
    "  exclude: [{variant: post, seed: [1, 2]}, {input_noise: 0}]\n";

static const char *const sweep_overrides[] = {NULL,
                                              "variant=post",
                                              "sweep.zip=null",
                                              "sweep.exclude=[{seed: {range: [1, 3]}}]",
                                              "sweep.seed={random: {from: 1, to: 9, count: 2}}",
                                              "sweep.input_noise={linspace: [0, 1, 3]}",
                                              "variants.post.train.batch=16",
                                              "sweep.variant=[good]"};

/* Parses and, if it was taken, writes out and reads back. */
static void feed(const char *text, const char *override)
{
    aed_trial_list trials;
    aed_status status = aed_config_parse(text, "fuzz.yaml", &override, override ? 1 : 0, &trials);
    if (status != AED_OK) {
        assert_int_equal(status, AED_CONFIG);
        assert_true(aed_status_message()[0] != 0);
        assert_null(strchr(aed_status_message(), '\n'));
        return;
    }
    char *first, *second;
    aed_trial_list again;
    assert_int_equal(aed_config_resolve(&trials.trials[0].config, 16, 16, &first), AED_OK);
    if (aed_config_parse(first, "again.yaml", NULL, 0, &again) != AED_OK)
        fail_msg("%s does not read back: %s\n%s", text, aed_status_message(), first);
    assert_int_equal(aed_config_resolve(&again.trials[0].config, 16, 16, &second), AED_OK);
    assert_string_equal(first, second);
    aed_free(first);
    aed_free(second);
    aed_trial_list_destroy(&again);
    assert_int_equal(aed_config_resolve_list(&trials, 16, 16, &first), AED_OK);
    aed_free(first);
    aed_trial_list_destroy(&trials);
}

static void test_parse_random_bytes(void **state)
{
    (void)state;
    char text[257];
    for (int round = 0; round < aed_case_rounds(20000); round++) {
        uint32_t length = random_below(sizeof text);
        bool ascii = random_below(2);
        for (uint32_t i = 0; i < length; i++)
            text[i] = (char)(ascii ? ' ' + (int)random_below(95) : 1 + (int)random_below(255));
        text[length] = 0;
        feed(text, NULL);
    }
}

static void test_parse_random_pieces(void **state)
{
    (void)state;
    char text[512];
    for (int round = 0; round < aed_case_rounds(20000); round++) {
        text[0] = 0;
        for (uint32_t i = random_below(30); i > 0; i--)
            strcat(text, pieces[random_below(sizeof pieces / sizeof *pieces)]);
        feed(text, NULL);
    }
}

static const char letters[] = "0123456789.-+eabcdfnlrstux,:[]{} ";

/* One random edit: a byte changed, a stretch removed, or a piece put in. */
static void mutate(char *text, size_t room)
{
    size_t length = strlen(text), at = random_below((uint32_t)length + 1);
    uint32_t kind = random_below(3);
    if (kind == 0 && at < length) {
        bool likely = random_below(2); /* what may stand in a config, or anything */
        text[at] = likely ? letters[random_below(sizeof letters - 1)]
                          : (char)(1 + random_below(255));
    } else if (kind == 1) {
        size_t end = at + random_below(12);
        if (end > length) end = length;
        memmove(text + at, text + end, length - end + 1);
    } else {
        const char *piece = pieces[random_below(sizeof pieces / sizeof *pieces)];
        size_t more = strlen(piece);
        if (length + more + 1 > room) return;
        memmove(text + at + more, text + at, length - at + 1);
        for (size_t i = 0; i < more; i++) text[at + i] = piece[i];
    }
}

static void test_parse_mutated_config(void **state)
{
    (void)state;
    char text[2048];
    for (int round = 0; round < aed_case_rounds(30000); round++) {
        strcpy(text, bezier_text);
        for (uint32_t i = 1 + random_below(3); i > 0; i--) mutate(text, sizeof text);
        feed(text, overrides[random_below(sizeof overrides / sizeof *overrides)]);
    }
}

/* A mutated sweep is taken rarely as a whole; what counts is that it is answered. */
static void test_parse_mutated_sweep(void **state)
{
    (void)state;
    char text[4096], override[256];
    for (int round = 0; round < aed_case_rounds(10000); round++) {
        strcpy(text, sweep_text);
        for (uint32_t i = 1 + random_below(3); i > 0; i--) mutate(text, 1024);
        char all[4096];
        snprintf(all, sizeof all, "%s%s", bezier_text, text);
        const char *chosen =
            sweep_overrides[random_below(sizeof sweep_overrides / sizeof *sweep_overrides)];
        if (chosen && random_below(2)) {
            strcpy(override, chosen);
            mutate(override, sizeof override);
            chosen = override;
        }
        feed(all, chosen);
    }
}

static void test_parse_mutated_override(void **state)
{
    (void)state;
    char override[256];
    for (int round = 0; round < aed_case_rounds(20000); round++) {
        strcpy(override, overrides[1 + random_below(sizeof overrides / sizeof *overrides - 1)]);
        for (uint32_t i = 1 + random_below(3); i > 0; i--) mutate(override, sizeof override);
        feed(bezier_text, override);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_random_bytes),     cmocka_unit_test(test_parse_random_pieces),
        cmocka_unit_test(test_parse_mutated_config),   cmocka_unit_test(test_parse_mutated_sweep),
        cmocka_unit_test(test_parse_mutated_override),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
