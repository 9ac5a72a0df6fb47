/* See engine.h. */
#include "support/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

aed_status aed_test_engine_create(const char *model, const char *override, const aed_comm *world,
                                  aed_test_engine *engine)
{
    return aed_test_engine_create_with(model, &override, override ? 1 : 0, world, engine);
}

aed_status aed_test_engine_create_with(const char *model, const char *const *overrides, int count,
                                       const aed_comm *world, aed_test_engine *engine)
{
    memset(engine, 0, sizeof *engine);
    assert_int_equal(aed_config_parse(model, "test.yaml", overrides, count, &engine->list), AED_OK);
    const aed_config *config = &engine->list.trials[0].config;
    assert_int_equal(aed_source_create(&config->data, &engine->source), AED_OK);
    assert_int_equal(aed_dataset_create(&engine->source, &config->data_options, &engine->data),
                     AED_OK);
    return aed_trainer_create(config, &engine->data, &engine->source.shape, world,
                              &engine->trainer);
}

void aed_test_engine_destroy(aed_test_engine *engine)
{
    aed_trainer_destroy(&engine->trainer);
    aed_dataset_destroy(&engine->data);
    aed_source_destroy(&engine->source);
    aed_trial_list_destroy(&engine->list);
}
