/* Training on any number of ranks against a serial reference that shares nothing with the canonical
 * sum: leaves are computed in shuffled order into buffers of their own and added by a recursion over
 * leaf indices. Ten steps, the parameters after each, to the bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "kernel/kernels.h"
#include "support/mpi_main.h"
#include "train/trainer.h"

static const char *const MODEL =
    "data: {source: bezier, samples: 1000, points: 15, window: 7, seed: 22}\n"
    "model:\n"
    "  encoder: [{conv1d: {out: 3, kernel: 7, stride: 4}}, tanh]\n"
    "  code: {noise: [0.1, 0.01, 0.001]}\n"
    "  decoder: [{conv_transpose1d: {out: 1, kernel: 7, stride: 4}}]\n"
    "train: {loss: {reconstruction: {mse: 0.7, l1: 0.3}, code: {l1: 0.01}}, optimizer: {adam: {lr: "
    "1.0e-3}},\n"
    "        epochs: 5, input_noise: 0.01, batch: 300}\n"
    "seed: 7\n";

/* Dense layers, whose gradients a leaf adds to its neighbour's by itself. */
static const char *const DENSE =
    "data: {source: linear_mix, samples: 1000, features: 24, seed: 3}\n"
    "model:\n"
    "  encoder: [{linear: {out: 40, name: wide}}, tanh, {linear: 12}]\n"
    "  decoder: [{linear: 33}, relu, {linear: 24}]\n"
    "train: {loss: {reconstruction: mse, wide: {l1: 0.01}}, optimizer: {sgd: {lr: 0.05}},\n"
    "        epochs: 5, batch: 300}\n"
    "seed: 7\n";

typedef struct setting {
    const char *tile, *leaf;
    int64_t leaves; /* of a full batch, by hand */
    const char *model;
} setting;

/* One leaf's gradient by the trainer's own tile functions. */
static void leaf_gradient(aed_trainer *t, int64_t begin, int64_t end, int64_t samples, float *grads)
{
    double sums[8] = {0};
    const aed_pass *pass = &t->passes[AED_PASS_TRAIN];
    for (int64_t first = begin; first < end; first += t->model.lanes) {
        aed_tile tile;
        const float *target;
        const int64_t left = end - first;
        const int64_t valid = left < t->model.lanes ? left : t->model.lanes;
        if (aed_trainer_load(t, pass, first, valid, &tile, &target) != AED_OK) abort();
        aed_trainer_tile(t, pass, &tile, target, samples, grads, sums);
    }
}

/* Adds leaves [first, first + 2^level) that exist into the first of them. */
static void add_tree(float *grads, int64_t block, int64_t leaves, int64_t first, int level)
{
    if (level == 0) return;
    const int64_t half = (int64_t)1 << (level - 1);
    add_tree(grads, block, leaves, first, level - 1);
    if (first + half >= leaves) return;
    add_tree(grads, block, leaves, first + half, level - 1);
    for (int64_t i = 0; i < block; i++)
        grads[first * block + i] += grads[(first + half) * block + i];
}

static void reference_step(aed_trainer *t)
{
    const int64_t begin = t->step * t->batch, block = t->model.parameter_block;
    const int64_t left = t->samples - begin, samples = left < t->batch ? left : t->batch;
    const int64_t leaf = t->model.leaf, leaves = (samples + leaf - 1) / leaf;
    float *grads = aed_alloc_aligned((size_t)(leaves * block), sizeof *grads);
    int64_t order[64];
    for (int64_t i = 0; i < leaves; i++) order[i] = i;
    for (int64_t i = leaves - 1; i > 0; i--) {
        const int64_t j = rand() % (i + 1), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    for (int64_t i = 0; i < leaves; i++) {
        const int64_t first = begin + order[i] * leaf, end = begin + samples;
        leaf_gradient(t, first, first + leaf < end ? first + leaf : end, samples,
                      grads + order[i] * block);
    }
    add_tree(grads, block, leaves, 0, 6);
    t->lr = aed_schedule_lr(&t->schedule, t->epoch - 1, t->step, t->steps);
    t->optim->step(t->settings, &t->scalars, t->lr, block, grads, t->params, t->state, block);
    t->step++;
    aed_free(grads);
}

static bool same_parameters(const aed_trainer *a, const aed_trainer *b)
{
    return memcmp(a->params, b->params, sizeof *a->params * (size_t)a->model.parameter_block) == 0;
}

static void check_setting(const setting *s)
{
    const aed_comm *world = &aed_test_world;
    const char *const overrides[] = {s->tile, s->leaf};
    const aed_comm alone = {MPI_COMM_SELF, 0, 1};
    aed_trial_list list;
    aed_source source;
    aed_dataset data;
    aed_trainer trainer, reference;
    assert_int_equal(aed_config_parse(s->model, "test.yaml", overrides, 2, &list), AED_OK);
    const aed_config *config = &list.trials[0].config;
    assert_int_equal(aed_source_create(&config->data, &source), AED_OK);
    assert_int_equal(aed_dataset_create(&source, NULL, &data), AED_OK);
    assert_int_equal(aed_trainer_create(config, &data, &source.shape, world, &trainer), AED_OK);
    assert_int_equal(aed_trainer_create(config, &data, &source.shape, &alone, &reference), AED_OK);
    assert_int_equal(aed_trainer_leaves(&trainer), s->leaves);
    const unsigned environment = aed_float_pin();
    bool same = same_parameters(&trainer, &reference), moved = false;
    srand(world->rank == 0 ? 1 : 2); /* another order on another rank: it must not matter */
    for (int64_t epoch = 1; epoch <= 3; epoch++) {
        aed_trainer_begin_epoch(&trainer, epoch);
        aed_trainer_begin_epoch(&reference, epoch);
        for (int64_t step = 0; step < trainer.steps; step++) {
            const float before = trainer.params[0];
            double loss;
            int64_t count;
            same = aed_trainer_step(&trainer, &loss, &count) == AED_OK && same;
            reference_step(&reference);
            same = same && same_parameters(&trainer, &reference);
            moved = moved || trainer.params[0] != before;
        }
    }
    aed_float_restore(environment);
    aed_test_verdict(same, "%s %s: parameters differ from the serial reference", s->tile, s->leaf);
    aed_test_verdict(moved, "training changed nothing");
    aed_trainer_destroy(&trainer);
    aed_trainer_destroy(&reference);
    aed_dataset_destroy(&data);
    aed_source_destroy(&source);
    aed_trial_list_destroy(&list);
}

/* 300 = 18 x 16 + 12: the last tile is not full; the last batch of an epoch has 100 samples. */
static void test_step_many_leaves(void **state)
{
    (void)state;
    check_setting(&(setting){"train.tile=16", "train.leaf=16", 19, MODEL});
}

static void test_step_wider_tiles(void **state)
{
    (void)state;
    check_setting(&(setting){"train.tile=32", "train.leaf=32", 10, MODEL});
}

static void test_step_leaves_of_two_tiles(void **state)
{
    (void)state;
    check_setting(&(setting){"train.tile=32", "train.leaf=64", 5, MODEL});
}

static void test_step_one_leaf(void **state)
{
    (void)state;
    check_setting(&(setting){"train.tile=64", "train.leaf=512", 1, MODEL});
}

static void test_step_dense_leaves_of_one_tile(void **state)
{
    (void)state;
    check_setting(&(setting){"train.tile=16", "train.leaf=16", 19, DENSE});
}

static void test_step_dense_leaves_of_three_tiles(void **state)
{
    (void)state;
    check_setting(&(setting){"train.tile=16", "train.leaf=48", 7, DENSE});
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_many_leaves),
        cmocka_unit_test(test_step_wider_tiles),
        cmocka_unit_test(test_step_leaves_of_two_tiles),
        cmocka_unit_test(test_step_one_leaf),
        cmocka_unit_test(test_step_dense_leaves_of_one_tile),
        cmocka_unit_test(test_step_dense_leaves_of_three_tiles),
    };
    aed_test_start(&argc, &argv);
    return aed_test_stop(cmocka_run_group_tests(tests, NULL, aed_test_hush));
}
