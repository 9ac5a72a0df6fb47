/* A trial's engine from a config's text, with its data: what tests of the training begin with. */
#ifndef AED_TESTS_SUPPORT_ENGINE_H
#define AED_TESTS_SUPPORT_ENGINE_H

#include "config/config.h"
#include "train/trainer.h"

typedef struct aed_test_engine {
    aed_trial_list list;
    aed_source source;
    aed_dataset data;
    aed_trainer trainer;
} aed_test_engine;

/* The engine of the first trial of `model` with one override (NULL: none); it must stay where it is.
 * Returns the status of the trainer; anything before it fails the test. Collective over `world`. */
aed_status aed_test_engine_create(const char *model, const char *override, const aed_comm *world,
                                  aed_test_engine *engine);
/* The same with `count` overrides. */
aed_status aed_test_engine_create_with(const char *model, const char *const *overrides, int count,
                                       const aed_comm *world, aed_test_engine *engine);
void aed_test_engine_destroy(aed_test_engine *engine);

#endif
