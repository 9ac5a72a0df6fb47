/* What would make finished trials of a folder void is found, and told by its key path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/difference.h"
#include "core/memory.h"

static const char base[] =
    "name: a\n"
    "data: {source: bezier, samples: 100}\n"
    "model: {encoder: [{linear: {out: 3}}, tanh], decoder: [{linear: {out: 7}}]}\n"
    "train: {epochs: 300, tile: 32, corrupt: [{gaussian: {std: 0.1}}]}\n"
    "seed: 1\n";

/* Compares base with base where `from` stands as `to`. */
static void expect(const char *from, const char *to, const char *axis, const char *want)
{
    char now[1024], *text;
    const char *at = strstr(base, from);
    assert_non_null(at);
    snprintf(now, sizeof now, "%.*s%s%s", (int)(at - base), base, to, at + strlen(from));
    assert_int_equal(aed_config_difference(base, now, &axis, axis != NULL, &text), AED_OK);
    if (want)
        assert_string_equal(text ? text : "none", want);
    else if (text)
        fail_msg("'%s' counts: %s", to, text);
    aed_free(text);
}

static void test_a_changed_setting_is_told(void **state)
{
    (void)state;
    expect("epochs: 300", "epochs: 500", NULL, "train.epochs: 300 there, 500 now");
    expect("samples: 100", "samples: 100, points: 9", NULL, "data.points: nothing there, 9 now");
    expect("out: 7", "out: 8", "seed", "model.decoder.0.linear.out: 7 there, 8 now");
    expect(", tanh", "", NULL,
           "model.encoder: [{linear: {out: 3}}, tanh] there, [{linear: {out: 3}}] now");
}

static void test_what_is_swept_does_not_count(void **state)
{
    (void)state;
    expect("seed: 1", "seed: 2", "seed", NULL);
    expect("epochs: 300", "epochs: 500", "train.epochs", NULL);
    expect("out: 3", "out: 4", "model.encoder.hidden.out", NULL);
    expect("std: 0.1", "std: 0.2", "input_noise", NULL);
    expect("train: {epochs: 300", "train: {epochs: 500", "train", NULL);
    expect("seed: 1", "seed: 2", "data.seed", "seed: 1 there, 2 now");
}

static void test_what_matters_to_no_number_does_not_count(void **state)
{
    (void)state;
    expect("name: a", "name: b", NULL, NULL);
    expect("tile: 32", "tile: 16", NULL, NULL);
    expect("seed: 1", "seed: 1\ncheckpoint: {every: 3 epochs}", NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_changed_setting_is_told),
        cmocka_unit_test(test_what_is_swept_does_not_count),
        cmocka_unit_test(test_what_matters_to_no_number_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
