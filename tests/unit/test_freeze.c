/* Frozen parts: their parameters stay to the bit, whatever decay there is, and the others take the step
 * that they would take anyhow. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/engine.h"
#include "train/trainer.h"

static const char *const MODEL =
    "data: {source: glyphs, samples: 40, seed: 1}\n"
    "model:\n"
    "  encoder: [{conv2d: {out: 3, kernel: 5, stride: 4}}, relu, flatten, {linear: 9}, tanh]\n"
    "  decoder: [{linear: {out: 784, name: last}}, {unflatten: [1, 28, 28]}]\n"
    "train: {loss: mse, optimizer: {adamw: {lr: 0.01, weight_decay: 0.5}}, batch: full, epochs: "
    "9}\n"
    "seed: 3\n";

static aed_comm world;

typedef aed_test_engine fixture;

static aed_status create(fixture *f, const char *override)
{
    return aed_test_engine_create(MODEL, override, &world, f);
}

static void destroy(fixture *f) { aed_test_engine_destroy(f); }

static void step(fixture *f)
{
    double loss;
    int64_t count;
    aed_trainer_begin_epoch(&f->trainer, f->trainer.epoch + 1); /* of one step */
    if (aed_trainer_step(&f->trainer, &loss, &count) != AED_OK)
        fail_msg("%s", aed_status_message());
}

/* Whether tensor i of both is the same. */
static bool same(const fixture *a, const fixture *b, int64_t i)
{
    const aed_tensor *tensor = &a->trainer.model.tensors[i];
    return memcmp(a->trainer.params + tensor->offset, b->trainer.params + tensor->offset,
                  sizeof(float) * (size_t)aed_shape_count(&tensor->shape)) == 0;
}

/* Tensors 0 and 1 are the convolution's, 2 and 3 the encoder's linear layer's, 4 and 5 the decoder's. */
static void check(const char *freeze, const bool frozen[6])
{
    fixture fixed, start, whole;
    assert_int_equal(create(&fixed, freeze), AED_OK);
    assert_int_equal(create(&start, NULL), AED_OK);
    assert_int_equal(create(&whole, NULL), AED_OK);
    step(&fixed);
    step(&whole);
    for (int64_t i = 0; i < 6; i++)
        if (!same(&fixed, frozen[i] ? &start : &whole, i))
            fail_msg("%s: %s", freeze, fixed.trainer.model.tensors[i].name);
    double squares = 0;
    for (int64_t i = 0; i < 6; i++) {
        const aed_tensor *tensor = &fixed.trainer.model.tensors[i];
        const float *grads = whole.trainer.grads + tensor->offset;
        for (int64_t k = 0; k < aed_shape_count(&tensor->shape) && !frozen[i]; k++)
            squares += (double)grads[k] * (double)grads[k];
    }
    assert_true(fabs(aed_trainer_gradient_norm(&fixed.trainer) / sqrt(squares) - 1) < 1e-6);
    for (int i = 0; i < 3; i++) step(&fixed);
    for (int64_t i = 0; i < 6; i++)
        if (same(&fixed, &start, i) != frozen[i])
            fail_msg("%s: %s", freeze, fixed.trainer.model.tensors[i].name);
    destroy(&fixed);
    destroy(&start);
    destroy(&whole);
}

static void test_frozen_parts_stay_and_others_do_not_notice(void **state)
{
    (void)state;
    check("train.freeze=[encoder]", (const bool[]){true, true, true, true, false, false});
    check("train.freeze=[encoder.0]", (const bool[]){true, true, false, false, false, false});
    check("train.freeze=[encoder.3]", (const bool[]){false, false, true, true, false, false});
    check("train.freeze=[last]", (const bool[]){false, false, false, false, true, true});
    check("train.freeze=[last, encoder.0]", (const bool[]){true, true, false, false, true, true});
    check("train.freeze=[]", (const bool[6]){false});
}

static void test_nothing_left_to_train_is_refused(void **state)
{
    (void)state;
    fixture f;
    assert_int_equal(create(&f, "train.freeze=[encoder, decoder]"), AED_CONFIG);
    destroy(&f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frozen_parts_stay_and_others_do_not_notice),
        cmocka_unit_test(test_nothing_left_to_train_is_refused),
    };
    if (aed_dist_start(&argc, &argv, &world) != AED_OK) return EXIT_FAILURE;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    aed_dist_stop();
    return failed;
}
