/* Memory that runs out on one rank only during an analysis: every rank comes back with the same status,
 * whichever the analysis, the rank and the allocation. A rank that goes on alone waits for ever, which
 * the test's time limit shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/analysis.h"
#include "core/memory.h"
#include "support/mpi_main.h"

static const char *const WINDOWS =
    "data: {source: bezier, samples: 30, points: 15, window: 7, seed: 22}\n"
    "model:\n"
    "  encoder: [{conv1d: {out: 3, kernel: 7, stride: 4}}, tanh]\n"
    "  decoder: [{conv_transpose1d: {out: 1, kernel: 7, stride: 4}}]\n"
    "train: {loss: mse, optimizer: {adam: {lr: 1.0e-3}}, epochs: 1, batch: 10}\n"
    "analysis: {ablation: true, assemble: true, decode: {one_hot: true, range: [0, 1], steps: 3},\n"
    "           encode: true, filters: true, pca: true, products: true, reconstruct: true,\n"
    "           robustness: [0, 0.1], shared_point: true, stride_power: true, worst: true,\n"
    "           epochs_to: 0.1}\n";

static const char *const LABELLED =
    "data: {source: glyphs, samples: 30, test_samples: 20, seed: 1}\n"
    "model:\n"
    "  encoder: [flatten, {linear: 6}, tanh]\n"
    "  decoder: [{linear: 784}, {unflatten: [1, 28, 28]}]\n"
    "train: {loss: mse, optimizer: {adam: {lr: 1.0e-3}}, epochs: 1, batch: 10}\n"
    "analysis: {code_confusion: true, encode: true, probe: {iterations: 3}}\n";

static bool same_everywhere(aed_status status)
{
    double range[2] = {(double)status, -(double)status};
    return aed_dist_max(&aed_test_world, range, 2) == AED_OK && range[0] == -range[1];
}

/* One analysis with allocation number `number` of one rank failing. */
static aed_status analyse(aed_trainer *trainer, const char *name, int rank, long number)
{
    const aed_metrics none = {0};
    aed_analyses analyses;
    if (aed_test_world.rank == rank) aed_alloc_fail_after(number);
    const aed_status status = aed_analyses_run(trainer, &none, &analyses);
    aed_alloc_fail_after(0);
    aed_test_verdict(same_everywhere(status), "%s: allocation %ld of rank %d: on some ranks only",
                     name, number, rank);
    aed_test_verdict(status == AED_OK || status == AED_MEMORY, "%s: allocation %ld: status %d",
                     name, number, (int)status);
    aed_analyses_destroy(&analyses);
    return status;
}

static void check(const char *text)
{
    aed_trial_list list;
    aed_source source;
    aed_dataset data;
    aed_trainer trainer;
    assert_int_equal(aed_config_parse(text, "test.yaml", NULL, 0, &list), AED_OK);
    aed_config one = list.trials[0].config;
    assert_int_equal(aed_source_create(&one.data, &source), AED_OK);
    assert_int_equal(aed_dataset_create(&source, NULL, &data), AED_OK);
    assert_int_equal(aed_trainer_create(&one, &data, &source.shape, &aed_test_world, &trainer),
                     AED_OK);
    one.analysis_count = 1;
    for (int i = 0; i < list.trials[0].config.analysis_count; i++) {
        one.analyses = &list.trials[0].config.analyses[i];
        const char *name = one.analyses->kind->name;
        const int last = aed_test_world.size - 1;
        for (int rank = 0; rank <= last; rank += last > 0 ? last : 1) {
            long number = 1;
            while (number < 200 && analyse(&trainer, name, rank, number) != AED_OK) number++;
            aed_test_verdict(number > 1 && number < 200, "%s: %ld allocations failed", name,
                             number - 1);
        }
    }
    aed_trainer_destroy(&trainer);
    aed_dataset_destroy(&data);
    aed_source_destroy(&source);
    aed_trial_list_destroy(&list);
}

static void test_analyses_memory_short_on_one_rank(void **state)
{
    (void)state;
    check(WINDOWS);
}

static void test_analyses_of_labels_memory_short_on_one_rank(void **state)
{
    (void)state;
    check(LABELLED);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_analyses_memory_short_on_one_rank),
        cmocka_unit_test(test_analyses_of_labels_memory_short_on_one_rank),
    };
    aed_test_start(&argc, &argv);
    return aed_test_stop(cmocka_run_group_tests(tests, NULL, aed_test_hush));
}
