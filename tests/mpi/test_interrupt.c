/* A trial that is left between any two steps and taken up in another trainer ends with the bits of
 * one that was never interrupted; and all ranks leave together when one of them is told to stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "core/memory.h"
#include "io/trial_record.h"
#include "support/mpi_main.h"
#include "train/trial.h"

static const char *const MODEL =
    "data: {source: glyphs, samples: 150, seed: 1, holdout: 30}\n"
    "model:\n"
    "  encoder: [flatten, {linear: 6}, tanh, {dropout: 0.2}, {linear: {out: 10, name: digits}}]\n"
    "  code: {noise: {from: 0.3, to: 0.1, epochs: 3}}\n"
    "  decoder: [{linear: 784}, {unflatten: [1, 28, 28]}]\n"
    "train:\n"
    "  loss: {reconstruction: {mse: 1}, code: {cross_entropy: 0.1}}\n"
    "  optimizer: {adam: {lr: 2.0}}\n"
    "  schedule: {plateau: {factor: 0.9, patience: 0, threshold: 0.99, cooldown: 1}}\n"
    "  batch: 60\n"
    "  epochs: 9\n"
    "  early_stopping: {patience: 3, min_delta: 100}\n" /* ends in epoch 6 */
    "  ema: 0.5\n"
    "  tile: 16\n"
    "  leaf: 16\n"
    "  input_noise: {from: 0.1, to: 0.0, epochs: 4}\n"
    "metrics: {every: 2, norms: true, layer_norms: true, skill: true, code_dimension: true}\n"
    "watch: {after: 3}\n"                  /* steps are too large for any skill */
    "snapshots: {every: 4, samples: 20}\n" /* of epochs 0, 4 and the last one, 6 */
    "seed: 8\n"
    "sweep: {train.keep: [best, mean]}\n";

typedef struct engine {
    aed_trainer trainer;
    aed_training training;
    aed_watch watch;
    int boundaries, save_at; /* seen; where the checkpoint is taken, 0: nowhere */
    aed_buffer saved;
} engine;

static aed_trial_list list;
static aed_source source;
static aed_dataset data;

static void look(void *self) { (void)self; }
static void ignore_epoch(void *self, const aed_progress *progress)
{
    (void)self;
    (void)progress;
}

static void save(void *self)
{
    engine *e = self;
    aed_state_array states[AED_TRAINING_STATES];
    if (++e->boundaries != e->save_at) return;
    const aed_trial_result result = {.id = "t1",
                                     .status = "running",
                                     .metrics = e->training.history.metrics,
                                     .tensor_count = e->trainer.model.tensor_count,
                                     .tensors = e->trainer.model.tensors,
                                     .parameters = e->trainer.params,
                                     .state_count = aed_training_state(&e->training, states),
                                     .states = states};
    assert_int_equal(aed_trial_record_encode(&result, &e->saved), AED_OK);
    e->watch.stop = aed_test_world.rank == 0; /* the others learn it by the sum */
}

static void start_trial(engine *e, int trial, int save_at)
{
    *e = (engine){.save_at = save_at, .watch = {.look = look, .save_due = true}};
    assert_int_equal(aed_trainer_create(&list.trials[trial].config, &data, &source.shape,
                                        &aed_test_world, &e->trainer),
                     AED_OK);
    e->trainer.watch = &e->watch;
    assert_int_equal(aed_training_create(&e->trainer, &e->training), AED_OK);
}

static void start(engine *e, int save_at) { start_trial(e, 0, save_at); }

static aed_status run(engine *e)
{
    const aed_observer observer = {.epoch = ignore_epoch, .save = save, .self = e};
    return aed_training_run(&e->training, &observer);
}

static void end(engine *e)
{
    aed_training_destroy(&e->training);
    aed_trainer_destroy(&e->trainer);
    aed_buffer_destroy(&e->saved);
}

static bool same_snapshots(const engine *a, const engine *b)
{
    aed_result_array ours[AED_SNAPSHOT_ARRAYS], others[AED_SNAPSHOT_ARRAYS];
    const int64_t count = aed_snapshots_arrays(&a->training.snapshots, &a->trainer.model, ours);
    if (aed_snapshots_arrays(&b->training.snapshots, &b->trainer.model, others) != count ||
        a->training.snapshots.count != 3)
        return false;
    for (int64_t i = 0; i < count; i++) {
        const int64_t numbers = aed_shape_count(&ours[i].shape);
        const size_t bytes = ours[i].type == AED_NUMBER_F32 ? sizeof(float) : sizeof(int64_t);
        if (aed_shape_count(&others[i].shape) != numbers ||
            memcmp(ours[i].values, others[i].values, (size_t)numbers * bytes) != 0)
            return false;
    }
    return true;
}

static bool same_bits(const engine *a, const engine *b)
{
    const aed_metrics *one = &a->training.history.metrics, *other = &b->training.history.metrics;
    const aed_choice *left = &a->training.choice, *right = &b->training.choice;
    if (one->rows != other->rows || a->training.history.samples != b->training.history.samples ||
        left->best_epoch != right->best_epoch || left->ended != right->ended ||
        a->training.kept_loss != b->training.kept_loss || !same_snapshots(a, b))
        return false;
    const aed_symptoms *signs = &a->training.symptoms, *shown = &b->training.symptoms;
    const size_t bytes = sizeof *signs->since * (size_t)signs->count;
    if (memcmp(signs->since, shown->since, bytes) != 0 ||
        memcmp(signs->told, shown->told, bytes) != 0)
        return false;
    for (int64_t i = 0; i < one->rows * one->column_count; i++) {
        const bool is_time = strcmp(one->names[i % one->column_count], "time_s") == 0;
        if (!is_time && memcmp(&one->values[i], &other->values[i], sizeof(double)) != 0)
            return false;
    }
    return memcmp(a->trainer.params, b->trainer.params,
                  sizeof(float) * (size_t)a->trainer.model.parameter_block) == 0;
}

static void check_boundaries(int trial, int stride)
{
    engine whole;
    start_trial(&whole, trial, 0);
    assert_int_equal(run(&whole), AED_OK);
    /* Else the weights of the best epoch were those of the last, and the state of no use. */
    aed_test_verdict(whole.training.choice.best_epoch < 6, "the last epoch was the best");
    aed_test_verdict(whole.training.symptoms.told[AED_SYMPTOM_SKILL] > 1, "no symptom was told of");
    aed_test_verdict(whole.boundaries == 6 * 2, "%d boundaries of steps", whole.boundaries);
    for (int at = 1; at <= whole.boundaries; at += stride) {
        engine first, second;
        aed_trial_record *record;
        start_trial(&first, trial, at);
        const aed_status status = run(&first);
        /* At the last boundary the evaluation of the weights that are kept is left to be stopped. */
        aed_test_verdict(status == AED_STOPPED, "stopped at boundary %d: status %d", at,
                         (int)status);
        assert_int_equal(
            aed_trial_record_decode(first.saved.bytes, first.saved.size, true, &record), AED_OK);
        start_trial(&second, trial, 0);
        assert_int_equal(aed_training_restore(&second.training, &record->result), AED_OK);
        assert_int_equal(run(&second), AED_OK);
        aed_test_verdict(same_bits(&whole, &second), "resumed from boundary %d: other bits", at);
        /* What was stopped goes on as well, in place. */
        first.watch.stop = false;
        assert_int_equal(run(&first), AED_OK);
        aed_test_verdict(same_bits(&whole, &first), "went on at boundary %d: other bits", at);
        aed_trial_record_destroy(&record);
        end(&first);
        end(&second);
    }
    end(&whole);
}

/* With noise that changes, early stopping, a plateau, and the weights of the best epoch or their moving average. */
static void test_any_boundary_resumes_to_the_same_bits(void **state)
{
    (void)state;
    check_boundaries(0, 1);
    check_boundaries(1, 5);
}

/* Asked at each tile, it stops at the one number `save_at`. */
static void look_at_tile(void *self)
{
    engine *e = self;
    e->watch.left = e->watch.interval = 0;
    if (++e->boundaries == e->save_at) e->watch.stop = aed_test_world.rank == 0;
}

/* In mid-step and in mid-evaluation: what was begun is done again. */
static void test_any_tile_resumes_to_the_same_bits(void **state)
{
    (void)state;
    engine whole;
    start(&whole, 0);
    assert_int_equal(run(&whole), AED_OK);
    for (int at = 1;; at++) {
        engine first, second;
        aed_trial_record *record;
        start(&first, at);
        first.watch = (aed_watch){.look = look_at_tile, .self = &first};
        const aed_status status = run(&first);
        if (status == AED_OK) {
            aed_test_verdict(at > 10, "only %d tiles", at);
            end(&first);
            break;
        }
        aed_test_verdict(status == AED_STOPPED, "tile %d: status %d", at, (int)status);
        first.boundaries = at - 1; /* so that it is saved where it stands */
        save(&first);
        assert_int_equal(
            aed_trial_record_decode(first.saved.bytes, first.saved.size, true, &record), AED_OK);
        start(&second, 0);
        assert_int_equal(aed_training_restore(&second.training, &record->result), AED_OK);
        assert_int_equal(run(&second), AED_OK);
        aed_test_verdict(same_bits(&whole, &second), "resumed at tile %d: other bits", at);
        aed_trial_record_destroy(&record);
        end(&first);
        end(&second);
    }
    end(&whole);
}

static void stop_now(void *self) { ((aed_watch *)self)->stop = true; }

/* Before the first step, as early as can be. */
static void test_stop_before_the_first_step(void **state)
{
    (void)state;
    engine e;
    start(&e, 0);
    e.watch = (aed_watch){.look = stop_now, .self = &e.watch};
    const aed_status status = run(&e);
    aed_test_verdict(status == AED_STOPPED && e.trainer.scalars.step == 0, "status %d, %d steps",
                     (int)status, (int)e.trainer.scalars.step);
    end(&e);
}

static void test_foreign_state_is_refused_and_leaves_no_trace(void **state)
{
    (void)state;
    engine whole, e, other;
    aed_trial_record *record;
    start(&whole, 0);
    assert_int_equal(run(&whole), AED_OK);
    start(&e, 5);
    (void)run(&e);
    assert_int_equal(aed_trial_record_decode(e.saved.bytes, e.saved.size, true, &record), AED_OK);
    aed_state_array *states = (aed_state_array *)record->result.states;
    for (int64_t i = 0; i < record->result.state_count; i++) {
        const aed_state_array kept = states[i];
        start(&other, 0);
        states[i].count++; /* never read so far */
        assert_int_equal(aed_training_restore(&other.training, &record->result), AED_DATA);
        states[i] = kept;
        states[i].name = "unheard of";
        assert_int_equal(aed_training_restore(&other.training, &record->result), AED_DATA);
        states[i] = kept;
        if (kept.type == AED_NUMBER_I64 && strcmp(kept.name, "step") == 0) {
            int64_t huge = INT64_MAX;
            states[i].values = &huge;
            assert_int_equal(aed_training_restore(&other.training, &record->result), AED_DATA);
            states[i] = kept;
        }
        if (i % 7 == 0) {
            assert_int_equal(run(&other), AED_OK);
            aed_test_verdict(same_bits(&whole, &other), "%s was refused: other bits", kept.name);
        }
        end(&other);
    }
    aed_trial_record_destroy(&record);
    end(&e);
    end(&whole);
}

static aed_status create_data(void)
{
    aed_status status;
    AED_TRY(aed_config_parse(MODEL, "test.yaml", NULL, 0, &list));
    const aed_config *config = &list.trials[0].config;
    AED_TRY(aed_source_create(&config->data, &source));
    AED_TRY(aed_dataset_create(&source, &config->data_options, &data));
done:
    return status;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_boundary_resumes_to_the_same_bits),
        cmocka_unit_test(test_any_tile_resumes_to_the_same_bits),
        cmocka_unit_test(test_stop_before_the_first_step),
        cmocka_unit_test(test_foreign_state_is_refused_and_leaves_no_trace),
    };
    aed_test_start(&argc, &argv);
    if (create_data() != AED_OK) {
        fprintf(stderr, "%s\n", aed_status_message());
        return aed_test_stop(1);
    }
    const int failed = cmocka_run_group_tests(tests, NULL, aed_test_hush);
    aed_dataset_destroy(&data);
    aed_source_destroy(&source);
    aed_trial_list_destroy(&list);
    return aed_test_stop(failed);
}
