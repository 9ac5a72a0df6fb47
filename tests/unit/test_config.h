/* What the tests of configs share: a whole config to start from, and checks of messages. */
#ifndef AED_TEST_CONFIG_H
#define AED_TEST_CONFIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"

static const char bezier_text[] = "data: {source: bezier, samples: 16384, points: 15, seed: 22}\n"
                                  "model:\n"
                                  "  encoder:\n"
                                  "    - conv1d: {out: 3, kernel: 7, stride: 4, name: low}\n"
                                  "    - tanh\n"
                                  "  code: {noise: [0.1, 0.01, 0.001]}\n"
                                  "  decoder:\n"
                                  "    - conv_transpose1d: {out: 1, kernel: 7, stride: 4}\n"
                                  "train:\n"
                                  "  loss: mse\n"
                                  "  optimizer: {adam: {lr: 1.0e-4}}\n"
                                  "  batch: 128\n"
                                  "  epochs: 5000\n"
                                  "seed: 11\n";

/* Parses `text` as "config.yaml" with one override (NULL: none); the trials are the caller's. */
static inline aed_trial_list parse_trials(const char *text, const char *override)
{
    aed_trial_list trials;
    aed_status status = aed_config_parse(text, "config.yaml", &override, override ? 1 : 0, &trials);
    if (status != AED_OK) fail_msg("refused: %s", aed_status_message());
    return trials;
}

/* The text or the override must be refused with AED_CONFIG and exactly this message. */
static inline void assert_refused(const char *text, const char *override, const char *message)
{
    aed_trial_list trials;
    aed_status status = aed_config_parse(text, "config.yaml", &override, override ? 1 : 0, &trials);
    if (status == AED_OK) {
        aed_trial_list_destroy(&trials);
        fail_msg("taken, but it should fail: %s", message);
    }
    assert_string_equal(aed_status_message(), message);
    assert_int_equal(status, AED_CONFIG);
    assert_null(trials.trials);
}

/* The resolved text of the only trial. The caller's to free. */
static inline char *resolve_text(const char *text, const char *override)
{
    char *resolved = NULL;
    aed_trial_list trials = parse_trials(text, override);
    const aed_config *config = &trials.trials[0].config;
    assert_int_equal(aed_config_resolve(config, config->tile, config->leaf, &resolved), AED_OK);
    aed_trial_list_destroy(&trials);
    return resolved;
}

#endif
