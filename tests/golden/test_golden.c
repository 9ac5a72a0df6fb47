/* Small models against PyTorch: forward, loss, gradients of the first step, and ten optimiser steps,
 * from the config's text through the trainer; and whole trainings. golden.h5 comes from make_golden.py; this needs no
 * PyTorch.
 *
 * The fixture is exact (float64 rounded once), so differences are aedist's own rounding. A parameter is
 * judged by how far it has moved: a wrong step would hide in the parameter's own size. */
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
#include "core/memory.h"
#include "kernel/kernels.h"
#include "support/golden_file.h"
#include "support/kernel_case.h"
#include "support/layer_run.h"
#include "train/trial.h"

enum { INITIAL, GRADIENT, AFTER, ROWS };
enum { MOST_OVERRIDES = 8, CLASSES = 10 };

static const char *const fixture = AED_SOURCE_DIR "/tests/golden/golden.h5";

/* Relative to the largest element of the output or of the tensor's gradient. */
static const double OUTPUT = 2e-6, GRADIENTS = 2e-6;
/* Relative, of each step's loss. */
static const double LOSS = 2e-6;
/* The same after forty epochs. */
static const double LATE_LOSS = 1e-5;
/* Relative to the largest move of the tensor, and to its largest element: ten roundings. Where several layers are
 * filtered (classify), which rounds more, twice the move's. */
static const double MOVE = 5e-5, MOVE_FILTERED = 1e-4, PLACE = 2.5e-7;

static aed_comm world;

typedef struct golden_run {
    const aed_golden_case *c;
    aed_trial_list trials;
    aed_dataset data;
    aed_trainer trainer;
} golden_run;

static void must(aed_status status, const aed_golden_case *c)
{
    if (status != AED_OK) fail_msg("%s: %s", c->name, aed_status_message());
}

/* The recipe's own file, with the case's overrides. */
static aed_status read_recipe(const aed_golden_case *c, aed_trial_list *trials)
{
    char path[256], text[256];
    const char *overrides[MOST_OVERRIDES];
    int count = 0;
    snprintf(path, sizeof path, AED_SOURCE_DIR "/configs/%s.yaml", c->recipe);
    snprintf(text, sizeof text, "%s", c->overrides);
    for (char *at = strtok(text, " "); at; at = strtok(NULL, " ")) {
        assert_true(count < MOST_OVERRIDES);
        overrides[count++] = at;
    }
    return aed_config_read(path, overrides, count, trials);
}

static void run_create(const aed_golden_case *c, golden_run *r)
{
    memset(r, 0, sizeof *r);
    r->c = c;
    must(c->recipe ? read_recipe(c, &r->trials)
                   : aed_config_parse(c->config, c->name, NULL, 0, &r->trials),
         c);
    assert_int_equal(r->trials.count, 1);
    must(aed_dataset_from_arrays(c->samples, c->features, c->target, c->input, c->labels,
                                 c->labels ? CLASSES : 0, &r->data),
         c);
    r->data.interval = (aed_interval){0, 1};
    must(aed_trainer_create(&r->trials.trials[0].config, &r->data, &c->shape, &world, &r->trainer),
         c);
}

static void run_destroy(golden_run *r)
{
    aed_trainer_destroy(&r->trainer);
    aed_dataset_destroy(&r->data);
    aed_trial_list_destroy(&r->trials);
}

/* ---- Tensors ------------------------------------------------------------------------------------ */

/* A tensor of the model beside its part of the fixture. */
typedef struct golden_tensor {
    const aed_tensor *tensor;
    int64_t count; /* all its numbers */
    int64_t kept;  /* stored, every stride-th */
    int64_t stride;
    const double *facts;
    const float *row[ROWS];
} golden_tensor;

static const aed_tensor *find_tensor(const aed_model *model, const char *name, size_t length)
{
    for (int64_t i = 0; i < model->tensor_count; i++)
        if (strlen(model->tensors[i].name) == length &&
            strncmp(model->tensors[i].name, name, length) == 0)
            return &model->tensors[i];
    fail_msg("the model has no tensor %.*s", (int)length, name);
    return NULL;
}

/* Calls `check` for every tensor of the fixture. */
static bool each_tensor(golden_run *r, bool (*check)(golden_run *, const golden_tensor *))
{
    const char *name = r->c->tensor_names;
    int64_t column = 0;
    bool ok = true;
    assert_int_equal(r->trainer.model.tensor_count, r->c->tensor_count);
    for (int64_t i = 0; i < r->c->tensor_count; i++) {
        const size_t length = strcspn(name, " ");
        golden_tensor g = {.tensor = find_tensor(&r->trainer.model, name, length),
                           .facts = r->c->facts + i * AED_GOLDEN_FACTS};
        g.stride = (int64_t)g.facts[AED_GOLDEN_STRIDE];
        g.count = aed_shape_count(&g.tensor->shape);
        g.kept = (g.count + g.stride - 1) / g.stride;
        assert_true(column + g.kept <= r->c->columns);
        for (int row = 0; row < (r->c->output ? ROWS : GRADIENT); row++)
            g.row[row] = r->c->tensors + row * r->c->columns + column;
        ok &= check(r, &g);
        column += g.kept;
        name += length + 1;
    }
    assert_int_equal(column, r->c->columns);
    return ok;
}

static bool set_initial(golden_run *r, const golden_tensor *g)
{
    float *values = r->trainer.params + g->tensor->offset;
    for (int64_t i = 0; i < g->count; i++)
        values[i] = aed_golden_initial(g->tensor->name, i, g->facts[AED_GOLDEN_BOUND]);
    for (int64_t i = 0; i < g->kept; i++)
        if (values[i * g->stride] != g->row[INITIAL][i])
            fail_msg("%s: initial values are not the fixture's", g->tensor->name);
    return true;
}

/* The numbers that are stored within `allowed`, and all of them in their projection. */
static bool compare_tensor(const char *what, const golden_tensor *g, const float *values, int row,
                           double want_sum, double allowed)
{
    char label[160];
    double *want = aed_test_doubles(g->kept);
    float *got = aed_alloc((size_t)g->kept, sizeof *got);
    double sum = 0;
    assert_non_null(got);
    for (int64_t i = 0; i < g->count; i++)
        sum += (double)aed_golden_initial(g->tensor->name, i, 1) * (double)values[i];
    for (int64_t i = 0; i < g->kept; i++) {
        got[i] = values[i * g->stride];
        want[i] = (double)g->row[row][i];
    }
    snprintf(label, sizeof label, "%s of %s, every %d", what, g->tensor->name, (int)g->stride);
    bool ok = aed_test_near(label, g->kept, 1, got, want, allowed);
    /* Roundings are independent, so their sum grows as a root. */
    if (!(fabs(sum - want_sum) <= allowed * sqrt((double)g->count))) {
        print_error("%s of %s: projection %.9g, want %.9g\n", what, g->tensor->name, sum, want_sum);
        ok = false;
    }
    aed_free(want);
    aed_free(got);
    return ok;
}

static double largest_of(const golden_tensor *g, int row)
{
    double largest = 0;
    for (int64_t i = 0; i < g->kept; i++) largest = fmax(largest, fabs((double)g->row[row][i]));
    return largest;
}

static bool check_gradient(golden_run *r, const golden_tensor *g)
{
    return compare_tensor("gradient", g, r->trainer.grads + g->tensor->offset, GRADIENT,
                          g->facts[AED_GOLDEN_GRADIENT_SUM], GRADIENTS * largest_of(g, GRADIENT));
}

static bool is_filtered(const aed_golden_case *c)
{
    return c->recipe && strcmp(c->recipe, "classify") == 0;
}

static bool check_after(golden_run *r, const golden_tensor *g)
{
    double move = 0;
    for (int64_t i = 0; i < g->kept; i++)
        move = fmax(move, fabs((double)g->row[AFTER][i] - (double)g->row[INITIAL][i]));
    return compare_tensor("value after ten steps", g, r->trainer.params + g->tensor->offset, AFTER,
                          g->facts[AED_GOLDEN_AFTER_SUM],
                          (is_filtered(r->c) ? MOVE_FILTERED : MOVE) * move +
                              PLACE * largest_of(g, AFTER));
}

/* ---- Forward and steps -------------------------------------------------------------------------- */

/* The model's outputs, [samples][features]. */
static void forward_all(golden_run *r, float *out)
{
    const aed_golden_case *c = r->c;
    const int64_t lanes = r->trainer.model.lanes;
    for (int64_t first = 0; first < c->samples; first += lanes) {
        const int64_t left = c->samples - first, valid = left < lanes ? left : lanes;
        aed_tile tile;
        const float *target;
        must(aed_trainer_load(&r->trainer, &r->trainer.passes[AED_PASS_VAL], first, valid, &tile,
                              &target),
             c);
        const float *y = aed_model_forward(&r->trainer.model, r->trainer.params,
                                           r->trainer.workspace, &tile);
        for (int64_t lane = 0; lane < valid; lane++)
            for (int64_t f = 0; f < c->features; f++)
                out[(first + lane) * c->features + f] = y[f * lanes + lane];
    }
}

/* The numbers that are stored, and of a recipe every sample's projection. */
static bool check_output(golden_run *r)
{
    const aed_golden_case *c = r->c;
    const int64_t count = c->samples * c->features, stride = c->output_stride;
    const int64_t kept = (count + stride - 1) / stride;
    double *want = aed_test_doubles(kept);
    float *got = aed_alloc((size_t)count, sizeof *got);
    assert_non_null(got);
    forward_all(r, got);
    double *sums = aed_test_doubles(c->samples);
    for (int64_t i = 0; i < count; i++)
        sums[i / c->features] += (double)aed_golden_initial("output", i % c->features, 1) *
                                 (double)got[i];
    for (int64_t i = 0; i < kept; i++) {
        got[i] = got[i * stride];
        want[i] = (double)c->output[i];
    }
    const double allowed = OUTPUT * aed_test_largest(kept, want);
    bool ok = aed_test_near("output", kept, stride == 1 ? c->features : 1, got, want, allowed);
    for (int64_t i = 0; c->projections && i < c->samples; i++)
        if (!(fabs(sums[i] - c->projections[i]) <= allowed * sqrt((double)c->features))) {
            print_error("output of sample %d: projection %.9g, want %.9g\n", (int)i, sums[i],
                        c->projections[i]);
            ok = false;
        }
    aed_free(want);
    aed_free(sums);
    aed_free(got);
    return ok;
}

static bool check_number(const char *what, int64_t step, double got, double want, double relative)
{
    if (fabs(got - want) <= relative * fabs(want)) return true;
    print_error("%s of step %d: %.12g, want %.12g\n", what, (int)step + 1, got, want);
    return false;
}

static bool check_steps(golden_run *r)
{
    bool ok = true;
    for (int64_t step = 0; step < r->c->steps; step++) {
        double loss;
        int64_t count;
        aed_trainer_begin_epoch(&r->trainer, step + 1);
        must(aed_trainer_step(&r->trainer, &loss, &count), r->c);
        assert_int_equal(count, r->c->samples);
        if (step == 0) ok &= each_tensor(r, check_gradient);
        ok &= check_number("loss", step, loss, r->c->losses[step], LOSS);
        for (int64_t i = 0; i < r->c->term_count; i++)
            ok &= check_number("term of the loss", step, r->trainer.passes[AED_PASS_TRAIN].terms[i],
                               r->c->terms[step * r->c->term_count + i], LOSS);
        ok &= check_number("learning rate", step, r->trainer.lr, r->c->lr[step], 1e-12);
    }
    return ok & each_tensor(r, check_after);
}

static bool check_case(const aed_golden_case *c)
{
    golden_run r;
    const unsigned environment = aed_float_pin();
    run_create(c, &r);
    each_tensor(&r, set_initial);
    const bool ok = check_output(&r) & check_steps(&r);
    if (!ok) print_error("  in %s\n", c->name);
    run_destroy(&r);
    aed_float_restore(environment);
    return ok;
}

/* What the recorded epochs tell, and what is decided from them. */
static bool check_rows(golden_run *r, const aed_trial_history *history)
{
    const aed_golden_case *c = r->c;
    const int64_t columns = history->metrics.column_count;
    const int64_t ema = aed_history_column(history, "ema_val_loss");
    bool ok = true;
    assert_int_equal(history->metrics.rows, c->steps);
    assert_true((ema >= 0) == (c->ema_losses != NULL));
    for (int64_t i = 0; i < c->steps; i++) {
        const double *row = history->values + i * columns;
        ok &= check_number("loss after", i, row[AED_COLUMN_VAL_LOSS], c->losses[i], LATE_LOSS);
        ok &= check_number("learning rate", i, row[AED_COLUMN_LR], c->lr[i], 1e-12);
        if (ema >= 0)
            ok &= check_number("loss of the average", i, row[ema], c->ema_losses[i], LATE_LOSS);
    }
    return ok;
}

static bool check_training(const aed_golden_case *c)
{
    golden_run r;
    aed_training training;
    run_create(c, &r);
    each_tensor(&r, set_initial);
    must(aed_training_create(&r.trainer, &training), c);
    must(aed_training_run(&training, NULL), c);
    const bool ok = check_rows(&r, &training.history);
    if (!ok) print_error("  in %s\n", c->name);
    aed_training_destroy(&training);
    run_destroy(&r);
    return ok;
}

static void test_trainings_match_pytorch(void **state)
{
    (void)state;
    assert_int_equal(aed_golden_each(fixture, "trainings", 4, check_training), 0);
}

#define GOLDEN_TEST(kind, least)                                                 \
    static void test_##kind##_match_pytorch(void **state)                        \
    {                                                                            \
        (void)state;                                                             \
        assert_int_equal(aed_golden_each(fixture, #kind, least, check_case), 0); \
    }

GOLDEN_TEST(layers, 26)
GOLDEN_TEST(losses, 6)
GOLDEN_TEST(optimizers, 14)
GOLDEN_TEST(schedules, 6)
GOLDEN_TEST(recipes, 4)

static void test_models_match_pytorch(void **state)
{
    (void)state;
    if (aed_case_on_valgrind()) skip(); /* minutes, for kernels that the cases above have run */
    assert_int_equal(aed_golden_each(fixture, "models", 7, check_case), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers_match_pytorch),
        cmocka_unit_test(test_losses_match_pytorch),
        cmocka_unit_test(test_optimizers_match_pytorch),
        cmocka_unit_test(test_schedules_match_pytorch),
        cmocka_unit_test(test_trainings_match_pytorch),
        cmocka_unit_test(test_recipes_match_pytorch),
        cmocka_unit_test(test_models_match_pytorch),
    };
    if (aed_dist_start(&argc, &argv, &world) != AED_OK) {
        fprintf(stderr, "%s\n", aed_status_message());
        return EXIT_FAILURE;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    aed_dist_stop();
    return failed;
}
