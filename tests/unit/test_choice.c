/* Decisions at recorded epochs: when training ends early, which epoch was the best. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/engine.h"
#include "train/choice.h"

static const char *const MODEL =
    "data: {source: glyphs, samples: 40, seed: 1, holdout: 10}\n"
    "model:\n"
    "  encoder: [flatten, {linear: {out: 10, name: digits}}]\n"
    "  decoder: [{linear: 784}, {unflatten: [1, 28, 28]}]\n"
    "train: {loss: {reconstruction: mse, digits: cross_entropy}, optimizer: {sgd: 0.1}, batch: "
    "full,\n"
    "        epochs: 100, keep: best, early_stopping: {patience: 3, min_delta: 0.1}}\n";

static aed_comm world;

typedef struct fixture {
    aed_test_engine engine;
    aed_trial_history history;
    aed_choice choice;
} fixture;

static aed_status create(fixture *f, const char *override)
{
    memset(f, 0, sizeof *f);
    assert_int_equal(aed_test_engine_create(MODEL, override, &world, &f->engine), AED_OK);
    assert_int_equal(aed_history_create(&f->engine.trainer, &f->history), AED_OK);
    return aed_choice_create(&f->engine.trainer, &f->history, &f->choice);
}

static void destroy(fixture *f)
{
    aed_choice_destroy(&f->choice);
    aed_history_destroy(&f->history);
    aed_test_engine_destroy(&f->engine);
}

/* Epoch `epoch` is recorded with `value` in `column`; the first parameter is the epoch then. */
static void record(fixture *f, int64_t epoch, const char *column, double value)
{
    const int64_t columns = f->history.metrics.column_count;
    double *row = f->history.values + f->history.metrics.rows++ * columns;
    row[AED_COLUMN_EPOCH] = (double)epoch;
    row[aed_history_column(&f->history, column)] = value;
    f->engine.trainer.params[0] = (float)epoch;
    aed_choice_heed(&f->choice, &f->history, &f->engine.trainer);
}

static void test_training_ends_after_patience(void **state)
{
    (void)state;
    fixture f;
    assert_int_equal(create(&f, NULL), AED_OK);
    record(&f, 1, "val_loss", 5);
    record(&f, 3, "val_loss", 4.95); /* better, but not by min_delta */
    assert_int_equal(f.choice.ended, 0);
    record(&f, 4, "val_loss", 4.7); /* in time */
    record(&f, 6, "val_loss", 4.65);
    assert_int_equal(f.choice.ended, 0);
    record(&f, 7, "val_loss", 4.75);
    assert_int_equal(f.choice.ended, 1);
    assert_int_equal(f.choice.best_epoch, 6);
    assert_true(aed_choice_kept(&f.choice, &f.engine.trainer)[0] == 6);
    destroy(&f);
}

/* Keeping an old value, infinite at first, would never end; taking NaN would make all others worse. */
static void test_nan_is_no_improvement(void **state)
{
    (void)state;
    fixture f;
    assert_false(aed_choice_betters(NAN, INFINITY, 0, false));
    assert_false(aed_choice_betters(NAN, -INFINITY, 0, true));
    assert_int_equal(create(&f, NULL), AED_OK);
    record(&f, 1, "val_loss", 5);
    record(&f, 2, "val_loss", NAN);
    assert_int_equal(f.choice.best_epoch, 1);
    record(&f, 3, "val_loss", 4);
    assert_int_equal(f.choice.best_epoch, 3);
    record(&f, 6, "val_loss", NAN);
    assert_int_equal(f.choice.ended, 1);
    destroy(&f);
}

static void test_accuracy_gets_better_by_rising(void **state)
{
    (void)state;
    fixture f;
    assert_int_equal(create(&f, "train.early_stopping.metric=val_accuracy"), AED_OK);
    record(&f, 1, "val_accuracy", 0.1);
    record(&f, 3, "val_accuracy", 0.4);
    record(&f, 5, "val_accuracy", 0.3);
    assert_int_equal(f.choice.ended, 0);
    record(&f, 6, "val_accuracy", 0.45);
    assert_int_equal(f.choice.ended, 1);
    destroy(&f);
}

/* What the clock measures, above all, must not decide. */
static void test_unknown_metric_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"time_s", "lr", "epoch", "grad_norm", "loss"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        fixture f;
        char override[64] = "train.early_stopping.metric=", message[512];
        strcat(override, names[i]);
        assert_int_equal(create(&f, override), AED_CONFIG);
        strcpy(message, override);
        strcat(strcat(strcat(message, ": '"), names[i]), "' is no metric of this training; use one "
                                                         "of train_loss, val_loss, train_mse, ");
        assert_memory_equal(aed_status_message(), message, strlen(message));
        destroy(&f);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_training_ends_after_patience),
        cmocka_unit_test(test_nan_is_no_improvement),
        cmocka_unit_test(test_accuracy_gets_better_by_rising),
        cmocka_unit_test(test_unknown_metric_is_refused),
    };
    if (aed_dist_start(&argc, &argv, &world) != AED_OK) return EXIT_FAILURE;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    aed_dist_stop();
    return failed;
}
