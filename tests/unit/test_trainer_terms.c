/* Loss terms on taps and what is told of them: each term's gradient reaches every parameter before its
 * tap, terms are means of what they should be, accuracy and confusion count samples, evaluations run
 * over their split with their corruption. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "support/numeric.h"
#include "train/trial.h"

enum { SAMPLES = 41, FEATURES = 6, CLASSES = 3 };

static const char *const text =
    "data: {source: linear_mix, samples: 41, features: 6, seed: 1}\n"
    "model:\n"
    "  encoder: [{linear: {out: 5, name: wide}}, tanh, {linear: 3}]\n"
    "  code: {activation: softmax}\n"
    "  decoder: [{linear: 4}, sigmoid, {linear: 6}]\n"
    "train:\n"
    "  loss: {reconstruction: {mse: 0.5, l1: 0.1}, logits: {cross_entropy: 0.7},\n"
    "         code: {l1: 0.2}, wide: {smooth_l1: {weight: 0.3}}}\n"
    "  optimizer: {sgd: {lr: 0.1}}\n"
    "  batch: full\n"
    "  epochs: 2\n"
    "  tile: 16\n"
    "  leaf: 16\n"
    "evaluate: {noisy: {corrupt: [{gaussian: 0.3}]}, seen: {split: train, corrupt: train}}\n"
    "seed: 4\n";

static aed_comm world;

typedef struct fixture {
    aed_trial_list trials;
    aed_dataset data;
    aed_trainer trainer;
} fixture;

static int32_t label_of(int sample) { return (int32_t)((sample * 7 + sample / 5) % CLASSES); }

static aed_status try_create(fixture *f, const char *override, bool labelled)
{
    static float samples[SAMPLES * FEATURES];
    static int32_t labels[SAMPLES];
    const aed_shape shape = {1, {FEATURES}};
    for (int i = 0; i < SAMPLES * FEATURES; i++)
        samples[i] = aed_test_uniform(1, (uint32_t)i, 0, 1);
    for (int i = 0; i < SAMPLES; i++) labels[i] = label_of(i);
    memset(f, 0, sizeof *f);
    if (aed_config_parse(text, "terms.yaml", &override, override ? 1 : 0, &f->trials) != AED_OK ||
        aed_dataset_from_arrays(SAMPLES, FEATURES, samples, NULL, labelled ? labels : NULL,
                                labelled ? CLASSES : 0, &f->data) != AED_OK)
        fail_msg("%s", aed_status_message());
    return aed_trainer_create(&f->trials.trials[0].config, &f->data, &shape, &world, &f->trainer);
}

static void create(fixture *f, const char *override)
{
    if (try_create(f, override, true) != AED_OK) fail_msg("%s", aed_status_message());
}

static void destroy(fixture *f)
{
    aed_trainer_destroy(&f->trainer);
    aed_dataset_destroy(&f->data);
    aed_trial_list_destroy(&f->trials);
}

static double evaluate(fixture *f)
{
    double loss;
    assert_int_equal(aed_trainer_evaluate(&f->trainer, &f->trainer.passes[AED_PASS_VAL], &loss),
                     AED_OK);
    return loss;
}

/* Central differences of the whole loss, in float32: good for two digits, enough to miss no path. */
static void check_gradients(const char *override)
{
    static float grads[1024], params[1024];
    fixture f;
    double loss, largest = 0;
    int64_t count;
    create(&f, override);
    aed_trainer *t = &f.trainer;
    const int64_t block = t->model.parameter_block;
    assert_true(block <= 1024);
    aed_trainer_begin_epoch(t, 1);
    memcpy(params, t->params, sizeof *params * (size_t)block);
    assert_int_equal(aed_trainer_step(t, &loss, &count), AED_OK);
    assert_int_equal(count, SAMPLES);
    memcpy(grads, t->grads, sizeof *grads * (size_t)block);
    memcpy(t->params, params, sizeof *params * (size_t)block);
    assert_true(fabs(evaluate(&f) - loss) < 1e-6 * fabs(loss));
    for (int64_t i = 0; i < block; i++) largest = fmax(largest, fabs((double)grads[i]));
    for (int64_t k = 0; k < t->model.tensor_count; k++) {
        const aed_tensor *tensor = &t->model.tensors[k];
        for (int64_t i = 0; i < aed_shape_count(&tensor->shape); i++) {
            float *p = t->params + tensor->offset + i;
            const float step = 1.0f / 256, at = *p;
            *p = at + step;
            const double above = evaluate(&f);
            *p = at - step;
            const double below = evaluate(&f);
            *p = at;
            const double want = (above - below) / (2 * (double)step);
            const double got = (double)grads[tensor->offset + i];
            if (!(fabs(got - want) < 0.01 * fabs(want) + 0.003 * largest))
                fail_msg("%s[%d]: gradient %g, differences say %g", tensor->name, (int)i, got,
                         want);
        }
    }
    destroy(&f);
}

static void test_gradients_of_all_terms_meet(void **state)
{
    (void)state;
    check_gradients(NULL);
}

static void test_gradient_of_each_term_alone(void **state)
{
    (void)state;
    check_gradients("train.loss=mse");
    check_gradients("train.loss={logits: {cross_entropy: 1}}");
    check_gradients("train.loss={code: {mse: 1}}");
    check_gradients("train.loss={wide: {mse: 1}}");
}

/* Sums over all samples of the values at a tap, by the trainer's own forward. */
typedef struct reference {
    double cross_entropy, code, correct;
    int64_t confusion[CLASSES][CLASSES];
} reference;

static void forward_all(fixture *f, reference *r)
{
    aed_trainer *t = &f->trainer;
    const int lanes = t->model.lanes;
    memset(r, 0, sizeof *r);
    for (int64_t first = 0; first < SAMPLES; first += lanes) {
        const int64_t left = SAMPLES - first, valid = left < lanes ? left : lanes;
        aed_tile tile;
        const float *target;
        assert_int_equal(
            aed_trainer_load(t, &t->passes[AED_PASS_VAL], first, valid, &tile, &target), AED_OK);
        aed_model_forward(&t->model, t->params, t->workspace, &tile);
        const float *logits = aed_model_output(&t->model, t->workspace,
                                               aed_model_tap(&t->model, "logits"));
        const float *code = aed_model_output(&t->model, t->workspace,
                                             aed_model_tap(&t->model, "code"));
        for (int64_t lane = 0; lane < valid; lane++) {
            const int label = label_of((int)(first + lane));
            double sum = 0;
            int best = 0;
            for (int c = 0; c < CLASSES; c++) {
                sum += exp((double)logits[c * lanes + lane]);
                r->code += fabs((double)code[c * lanes + lane]);
                if (logits[c * lanes + lane] > logits[best * lanes + lane]) best = c;
            }
            r->cross_entropy += log(sum) - (double)logits[label * lanes + lane];
            r->correct += best == label;
            r->confusion[label][best]++;
        }
    }
}

static void test_terms_are_means_over_samples_and_elements(void **state)
{
    (void)state;
    static const char *const names[] = {"mse", "reconstruction_l1", "cross_entropy", "code_l1",
                                        "smooth_l1"};
    fixture f;
    reference r;
    create(&f, NULL);
    const double loss = evaluate(&f);
    const aed_pass *pass = &f.trainer.passes[AED_PASS_VAL];
    forward_all(&f, &r);
    assert_int_equal(f.trainer.term_count, 5);
    for (int i = 0; i < 5; i++) assert_string_equal(f.trainer.terms[i].name, names[i]);
    assert_true(fabs(pass->terms[2] - r.cross_entropy / SAMPLES) < 1e-6);
    assert_true(fabs(pass->terms[3] - r.code / SAMPLES / CLASSES) < 1e-6);
    assert_true(fabs(loss - (0.5 * pass->terms[0] + 0.1 * pass->terms[1] + 0.7 * pass->terms[2] +
                             0.2 * pass->terms[3] + 0.3 * pass->terms[4])) < 1e-12);
    destroy(&f);
}

static void test_accuracy_and_confusion_count_samples(void **state)
{
    (void)state;
    fixture f;
    reference r;
    create(&f, NULL);
    evaluate(&f);
    const aed_pass *pass = &f.trainer.passes[AED_PASS_VAL];
    forward_all(&f, &r);
    assert_true(pass->accuracy == r.correct / SAMPLES);
    assert_true(pass->confusion);
    for (int i = 0; i < CLASSES * CLASSES; i++)
        assert_int_equal(pass->confused[i], r.confusion[i / CLASSES][i % CLASSES]);
    destroy(&f);
}

static void test_columns_of_the_metrics(void **state)
{
    (void)state;
    static const char *const want =
        "epoch train_loss val_loss lr grad_norm time_s train_mse train_reconstruction_l1 "
        "train_cross_entropy train_code_l1 train_smooth_l1 train_accuracy val_mse "
        "val_reconstruction_l1 val_cross_entropy val_code_l1 val_smooth_l1 val_accuracy "
        "noisy_loss noisy_mse noisy_reconstruction_l1 noisy_cross_entropy noisy_code_l1 "
        "noisy_smooth_l1 noisy_accuracy seen_loss seen_mse seen_reconstruction_l1 "
        "seen_cross_entropy seen_code_l1 seen_smooth_l1 seen_accuracy ";
    char got[1024] = "";
    fixture f;
    aed_training training;
    create(&f, NULL);
    assert_int_equal(aed_training_create(&f.trainer, &training), AED_OK);
    assert_int_equal(aed_training_run(&training, NULL), AED_OK);
    const aed_metrics *metrics = &training.history.metrics;
    for (int64_t i = 0; i < metrics->column_count; i++) {
        strcat(got, metrics->names[i]);
        strcat(got, " ");
    }
    assert_string_equal(got, want);
    assert_int_equal(metrics->rows, 2);
    const double *row = metrics->values + metrics->column_count;
    assert_true(row[2] == row[25]);  /* the training samples, and no corruption in training */
    assert_true(row[18] != row[2]);  /* noise was put on */
    assert_true(row[12] == row[26]); /* terms and accuracy stand behind their pass's loss */
    assert_true(row[17] == row[31]);
    for (int64_t i = 0; i < metrics->column_count; i++) assert_true(isfinite(row[i]));
    aed_training_destroy(&training);
    destroy(&f);
}

/* The noise of an evaluation is its own and the same every time. */
static void test_evaluation_repeats(void **state)
{
    (void)state;
    fixture f;
    double first, second;
    create(&f, NULL);
    aed_pass *noisy = &f.trainer.passes[AED_PASS_FIRST_OWN];
    assert_int_equal(aed_trainer_evaluate(&f.trainer, noisy, &first), AED_OK);
    aed_trainer_begin_epoch(&f.trainer, 2);
    assert_int_equal(aed_trainer_evaluate(&f.trainer, noisy, &second), AED_OK);
    assert_true(first == second);
    destroy(&f);
}

static void test_misplaced_losses_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *override;
        bool labelled;
        const char *message;
    } cases[] = {
        {NULL, false, "cross_entropy needs labels, which this data does not have"},
        {"train.loss={wide: {cross_entropy: 1}, reconstruction: mse}", true, NULL},
        {"model.code.activation={softmax: {name: narrow}}", true, NULL},
        {"model.encoder.2.linear=2", true,
         "cross_entropy wants one output for each of the data's 3 classes, but 'logits' is 2"},
        {"evaluate={held: {split: test}}", true, "there are no test samples"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture f;
        const aed_status status = try_create(&f, cases[i].override, cases[i].labelled);
        assert_int_equal(status, cases[i].message ? AED_CONFIG : AED_OK);
        if (cases[i].message && !strstr(aed_status_message(), cases[i].message))
            fail_msg("'%s' is not in: %s", cases[i].message, aed_status_message());
        destroy(&f);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_of_all_terms_meet),
        cmocka_unit_test(test_gradient_of_each_term_alone),
        cmocka_unit_test(test_terms_are_means_over_samples_and_elements),
        cmocka_unit_test(test_accuracy_and_confusion_count_samples),
        cmocka_unit_test(test_columns_of_the_metrics),
        cmocka_unit_test(test_evaluation_repeats),
        cmocka_unit_test(test_misplaced_losses_are_refused),
    };
    if (aed_dist_start(&argc, &argv, &world) != AED_OK) {
        fprintf(stderr, "%s\n", aed_status_message());
        return EXIT_FAILURE;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    aed_dist_stop();
    return failed;
}
