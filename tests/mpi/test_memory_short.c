/* Memory that runs out on one rank only: every rank must come back with the same status, from the
 * making of a trainer and from a trial, wherever the allocation is that fails. A rank that goes on
 * alone waits for ever, which the test's time limit shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/memory.h"
#include "support/mpi_main.h"
#include "train/trial.h"

static const char *const MODEL =
    "data: {source: bezier, samples: 100, points: 15, window: 7, seed: 22}\n"
    "model:\n"
    "  encoder: [{conv1d: {out: 3, kernel: 7, stride: 4}}, tanh]\n"
    "  code: {noise: 0.1}\n"
    "  decoder: [{conv_transpose1d: {out: 1, kernel: 7, stride: 4}}]\n"
    "train: {loss: mse, optimizer: {adam: {lr: 1.0e-3}}, epochs: 2, input_noise: 0.01, batch: 64,\n"
    "        clip_norm: 1.0, tile: 16, leaf: 16}\n"
    "seed: 7\n";

static bool same_everywhere(aed_status status)
{
    double range[2] = {(double)status, -(double)status};
    return aed_dist_max(&aed_test_world, range, 2) == AED_OK && range[0] == -range[1];
}

/* Trains with the last rank's allocation number `number` failing. */
static aed_status train(const aed_config *config, const aed_dataset *data, const aed_source *source,
                        long number)
{
    const aed_comm *world = &aed_test_world;
    aed_trainer trainer;
    aed_training training;
    if (world->rank == world->size - 1) aed_alloc_fail_after(number);
    aed_status status = aed_trainer_create(config, data, &source->shape, world, &trainer);
    aed_test_verdict(same_everywhere(status), "allocation %ld: created on some ranks only", number);
    if (status == AED_OK) {
        status = aed_training_create(&trainer, &training);
        if (status == AED_OK) status = aed_training_run(&training, NULL);
        aed_alloc_fail_after(0);
        aed_test_verdict(same_everywhere(status), "allocation %ld: trained on some ranks only",
                         number);
        aed_training_destroy(&training);
        aed_trainer_destroy(&trainer);
    }
    aed_alloc_fail_after(0);
    return status;
}

static void test_trial_memory_short_on_one_rank(void **state)
{
    (void)state;
    aed_trial_list list;
    aed_source source;
    aed_dataset data;
    assert_int_equal(aed_config_parse(MODEL, "test.yaml", NULL, 0, &list), AED_OK);
    const aed_config *config = &list.trials[0].config;
    assert_int_equal(aed_source_create(&config->data, &source), AED_OK);
    assert_int_equal(aed_dataset_create(&source, NULL, &data), AED_OK);
    long number = 1;
    for (; number < 1000; number++) {
        const aed_status status = train(config, &data, &source, number);
        if (status == AED_OK) break;
        aed_test_verdict(status == AED_MEMORY, "allocation %ld: status %d", number, (int)status);
    }
    aed_test_verdict(number > 20 && number < 1000, "%ld allocations failed", number - 1);
    aed_dataset_destroy(&data);
    aed_source_destroy(&source);
    aed_trial_list_destroy(&list);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trial_memory_short_on_one_rank),
    };
    aed_test_start(&argc, &argv);
    return aed_test_stop(cmocka_run_group_tests(tests, NULL, aed_test_hush));
}
