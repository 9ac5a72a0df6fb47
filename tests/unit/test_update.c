/* A rank alone steps parameters while it still makes gradients: to the bits of a step that is taken after
 * all of them, and not at all if the losses are not finite or it is to stop. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "support/engine.h"
#include "support/kernel_case.h"
#include "train/trainer.h"

/* Weights that are stepped in several parts, from either side, in one, at the end of a step; and two groups of
 * 33 x 8. */
#define LAYERS                                                                \
    "data: {source: glyphs, samples: 150, seed: 1}\n"                         \
    "model:\n"                                                                \
    "  encoder: [{conv2d: {out: 16, kernel: 7, stride: 7}}, relu,\n"          \
    "            {conv2d: {out: 66, kernel: 1, groups: 2}}, tanh, flatten,\n" \
    "            {linear: {out: 60, name: middle}}, tanh, {linear: 9}]\n"     \
    "  decoder: [{linear: 50}, tanh, {unflatten: [50, 1, 1]},\n"              \
    "            {conv_transpose2d: {out: 400, kernel: 1}}, relu,\n"          \
    "            {conv2d: {out: 9, kernel: 1}}, tanh, flatten,\n"             \
    "            {linear: {out: 784, name: last}}, {unflatten: [1, 28, 28]}]\n"
#define TRAIN "epochs: 9, ema: 0.9}\nseed: 3\n"

static const char *const ADAM = LAYERS
    "train: {loss: mse, optimizer: {adam: {lr: 0.01, weight_decay: 0.1}}, " TRAIN;
static const char *const MOMENTUM = LAYERS
    "train: {loss: {reconstruction: mse, middle: {l1: 0.1}, code: {l1: 0.01}},\n"
    "  optimizer: {sgd: {lr: 0.01, momentum: 0.9}}, " TRAIN;

static const char *const PLAIN = LAYERS "train: {loss: mse, optimizer: {sgd: {lr: 0.1}}, " TRAIN;

static aed_comm world;

/* ---- Counting ----------------------------------------------------------------------------------- */

static const aed_optim_ops *counted;
static int calls;

static void count_step(const double *settings, aed_optim_scalars *scalars, double lr, int64_t count,
                       const float *grads, float *params, float *state, int64_t stride)
{
    calls++;
    counted->step(settings, scalars, lr, count, grads, params, state, stride);
}

/* Two epochs; returns the parts that the first step was taken in. */
static int run(aed_trainer *t)
{
    static aed_optim_ops counting;
    int parts = 0;
    counted = t->optim;
    counting = *counted;
    counting.step = count_step;
    t->optim = &counting;
    for (int64_t epoch = 1; epoch <= 2; epoch++) {
        aed_trainer_begin_epoch(t, epoch);
        for (int64_t step = 0; step < t->steps; step++) {
            double loss;
            int64_t count;
            calls = 0;
            if (aed_trainer_step(t, &loss, &count) != AED_OK) fail_msg("%s", aed_status_message());
            if (epoch == 1 && step == 0) parts = calls;
        }
    }
    t->optim = counted;
    return parts;
}

/* ---- The same bits ------------------------------------------------------------------------------- */

static bool same(int64_t count, const float *a, const float *b)
{
    return memcmp(a, b, sizeof *a * (size_t)count) == 0;
}

typedef struct setting {
    const char *batch, *tile, *leaf, *freeze;
    int64_t leaves;
} setting;

/* Returns how many parts more an early step has than a late one. A norm that no gradient has keeps the other engine
 * from stepping early, and clips nothing. */
static int check(const char *model, const setting *s)
{
    aed_test_engine engine[2];
    int parts[2];
    for (int i = 0; i < 2; i++) {
        const char *const overrides[] = {s->batch, s->tile, s->leaf, s->freeze,
                                         i ? "train.clip_norm=1e30" : "train.clip_norm=0"};
        if (aed_test_engine_create_with(model, overrides, 5, &world, &engine[i]) != AED_OK)
            fail_msg("%s", aed_status_message());
        parts[i] = run(&engine[i].trainer);
    }
    const aed_trainer *a = &engine[0].trainer, *b = &engine[1].trainer;
    const int64_t block = a->model.parameter_block;
    assert_int_equal(aed_trainer_leaves(a), s->leaves);
    assert_int_equal(parts[1], a->trained_count);
    if (!same(block, a->params, b->params) || !same(block, a->grads, b->grads) ||
        !same(block, a->ema, b->ema) || !same(block * a->optim->state_blocks, a->state, b->state) ||
        memcmp(&a->scalars, &b->scalars, sizeof a->scalars) != 0)
        fail_msg("%s %s %s %s: not the bits of a step after all gradients", s->batch, s->tile,
                 s->leaf, s->freeze);
    for (int i = 0; i < 2; i++) aed_test_engine_destroy(&engine[i]);
    return parts[0] - parts[1];
}

static void test_early_steps_have_the_bits_of_late_ones(void **state)
{
    (void)state;
    static const char *const models[] = {ADAM, MOMENTUM, PLAIN};
    static const setting settings[] = {
        {"train.batch=16", "train.tile=16", "train.leaf=16", "train.freeze=[]", 1},
        {"train.batch=32", "train.tile=16", "train.leaf=16", "train.freeze=[]", 2},
        {"train.batch=48", "train.tile=16", "train.leaf=16", "train.freeze=[]", 3},
        {"train.batch=80", "train.tile=16", "train.leaf=16", "train.freeze=[]", 5},
        {"train.batch=128", "train.tile=16", "train.leaf=16", "train.freeze=[]", 8},
        {"train.batch=64", "train.tile=32", "train.leaf=32", "train.freeze=[]", 2},
        {"train.batch=70", "train.tile=16", "train.leaf=32", "train.freeze=[]", 3},
        {"train.batch=64", "train.tile=16", "train.leaf=32", "train.freeze=[encoder.2]", 2},
        {"train.batch=64", "train.tile=16", "train.leaf=32", "train.freeze=[last]", 2},
    };
    enum { MODELS = AED_COUNT(models), CASES = MODELS * AED_COUNT(settings) };
    for (int i = 0; i < aed_case_rounds(CASES); i++)
        assert_true(check(models[i % MODELS], &settings[AED_COUNT(settings) - 1 - i / MODELS]) > 1);
}

/* Where the last tap on the way back is a penalty before all that is trained, nothing is stepped early. */
static void test_frozen_first_layers(void **state)
{
    (void)state;
    static const setting frozen = {"train.batch=64", "train.tile=16", "train.leaf=32",
                                   "train.freeze=[encoder.0, encoder.2, middle]", 2};
    assert_true(check(ADAM, &frozen) > 1);
    assert_int_equal(check(MOMENTUM, &frozen), 0);
}

/* ---- No step ------------------------------------------------------------------------------------- */

/* Four tiles in two leaves, of which something keeps the step from being taken: all stays as it was. */
static void check_unchanged(aed_trainer *t, aed_status expected)
{
    const int64_t block = t->model.parameter_block, moments = block * t->optim->state_blocks;
    const aed_optim_scalars scalars = t->scalars;
    const double lr = t->lr;
    float *params = aed_alloc((size_t)block, sizeof *params);
    float *state = aed_alloc((size_t)moments, sizeof *state);
    memcpy(params, t->params, sizeof *params * (size_t)block);
    memcpy(state, t->state, sizeof *state * (size_t)moments);
    double loss;
    int64_t count;
    aed_trainer_begin_epoch(t, 1);
    assert_int_equal(aed_trainer_step(t, &loss, &count), expected);
    assert_true(same(block, t->params, params));
    assert_true(same(moments, t->state, state));
    assert_memory_equal(&t->scalars, &scalars, sizeof scalars);
    assert_true(t->lr == lr || expected != AED_STOPPED);
    aed_free(params);
    aed_free(state);
}

static void create_four_tiles(const char *model, aed_test_engine *engine)
{
    const char *const overrides[] = {"train.batch=64", "train.tile=16", "train.leaf=32"};
    if (aed_test_engine_create_with(model, overrides, 3, &world, engine) != AED_OK)
        fail_msg("%s", aed_status_message());
}

/* The loss, or only what an earlier tap adds to it, is not finite. */
static void test_a_diverging_step_changes_nothing(void **state)
{
    (void)state;
    enum { CODE_BIAS = 7, LAST_BIAS = 15 };
    static const struct {
        const char *model;
        int tensor;
        float value;
    } cases[] = {
        {ADAM, LAST_BIAS, 3e38f}, {MOMENTUM, LAST_BIAS, INFINITY}, {MOMENTUM, CODE_BIAS, INFINITY}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aed_test_engine engine;
        create_four_tiles(cases[i].model, &engine);
        aed_trainer *t = &engine.trainer;
        t->params[t->model.tensors[cases[i].tensor].offset] = cases[i].value;
        check_unchanged(t, AED_DIVERGED);
        aed_test_engine_destroy(&engine);
    }
}

static void stop(void *self)
{
    aed_watch *watch = self;
    watch->stop = true;
}

static void test_a_step_that_is_stopped_at_any_tile_changes_nothing(void **state)
{
    (void)state;
    for (int tile = 0; tile < 4; tile++) {
        aed_test_engine engine;
        create_four_tiles(ADAM, &engine);
        aed_watch watch = {.look = stop, .self = &watch, .left = tile};
        engine.trainer.watch = &watch;
        check_unchanged(&engine.trainer, AED_STOPPED);
        aed_test_engine_destroy(&engine);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_early_steps_have_the_bits_of_late_ones),
        cmocka_unit_test(test_frozen_first_layers),
        cmocka_unit_test(test_a_diverging_step_changes_nothing),
        cmocka_unit_test(test_a_step_that_is_stopped_at_any_tile_changes_nothing),
    };
    if (aed_dist_start(&argc, &argv, &world) != AED_OK) return EXIT_FAILURE;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    aed_dist_stop();
    return failed;
}
