/* Summaries before a run and results after it; see report.h. */
#include "app/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernel/kernels.h"

static void print_ranks(const aed_job *job)
{
    const int64_t leaves = job->plans[0].leaves;
    if (job->world.size > leaves)
        printf("note      a batch has %" PRId64 " %s: %" PRId64 " of the %d ranks have work; "
               "the others only follow\n",
               leaves, leaves == 1 ? "leaf" : "leaves", leaves, job->world.size);
}

/* What there is besides the training samples. */
static void print_divisions(const aed_job *job)
{
    const int64_t held_out = job->source.samples - job->dataset.samples;
    if (held_out > 0) printf(", %" PRId64 " held out", held_out);
    if (job->source.test_samples > 0) printf(", %" PRId64 " for tests", job->source.test_samples);
    if (job->source.classes > 0) printf(", %" PRId32 " classes", job->source.classes);
    printf("\n");
}

static void print_trial_count(const aed_job *job)
{
    if (job->part.count > 0)
        printf("trials    %" PRId64 " of the sweep's %" PRId64 ": part %" PRId64 " of %" PRId64
               "\n",
               job->list.count, job->sweep_count, job->part.number, job->part.count);
    else if (job->list.count > 1)
        printf("trials    %" PRId64 "\n", job->list.count);
}

void aed_report_head(const aed_job *job, const aed_trainer *trainer)
{
    const aed_model *model = &trainer->model;
    const aed_config *config = trainer->config;
    char shape[96];
    printf("aedist    " AED_VERSION ", %d %s, %s kernels\n", job->world.size,
           job->world.size == 1 ? "rank" : "ranks", aed_kernels()->name);
    printf("data      %s: %" PRId64 " samples of %s%s", config->data.kind->name, trainer->samples,
           aed_shape_text(&model->input, shape), job->source.fresh ? ", new ones every epoch" : "");
    print_divisions(job);
    printf("model     %" PRId64 " parameters, code of %" PRId64 " for %" PRId64
           " numbers (%.1f %%)\n",
           model->parameter_count, job->plans[0].code_size, trainer->features,
           100.0 * (double)job->plans[0].code_size / (double)trainer->features);
    printf("training  %" PRId64 " epochs of %" PRId64 " steps, batch %" PRId64 " in %" PRId64
           " leaves of %" PRId64 " samples\n",
           config->epochs, trainer->steps, trainer->batch, job->plans[0].leaves, model->leaf);
    print_ranks(job);
    print_trial_count(job);
    for (int64_t i = 0; i < job->list.note_count; i++) printf("note      %s\n", job->list.notes[i]);
    fflush(stdout);
}

void aed_report_placement(const aed_job *job, const aed_placement *placement)
{
    const int ranks = placement->ranks, groups = placement->groups, world = job->world.size;
    const int more = groups > 0 && world % groups > 0 ? world / groups + 1 : ranks;
    printf("placement %d %s of %d", groups, groups == 1 ? "group" : "groups", ranks);
    if (more > ranks) printf(" or %d", more);
    printf(" %s: %s\n", more == 1 ? "rank" : "ranks", placement->reason);
    fflush(stdout);
}

/* ---- --dry-run --------------------------------------------------------------------------------- */

static const char *interval_text(const aed_interval *interval, char *text)
{
    char lo[16] = "(-inf", hi[16] = "inf)";
    if (isfinite(interval->lo)) snprintf(lo, sizeof lo, "[%.3g", interval->lo);
    if (isfinite(interval->hi)) snprintf(hi, sizeof hi, "%.3g]", interval->hi);
    snprintf(text, 40, "%s, %s", lo, hi);
    return text;
}

static void print_layers(const aed_model *model)
{
    char shape[96], range[40];
    printf("\n%-16s %-18s %-12s %-20s %10s %12s\n", "layer", "kind", "output", "interval",
           "parameters", "FLOP/sample");
    printf("%-16s %-18s %-12s %-20s\n", "input", "", aed_shape_text(&model->input, shape),
           interval_text(&model->layers[0].in_interval, range));
    for (int i = 0; i < model->layer_count; i++) {
        const aed_layer *layer = &model->layers[i];
        int64_t parameters = 0;
        for (int t = 0; t < layer->tensor_count; t++)
            parameters += aed_shape_count(&layer->tensors[t].shape);
        printf("%-16s %-18s %-12s %-20s %10" PRId64 " %12" PRId64 "%s\n", layer->spec->path,
               layer->ops->kind.name, aed_shape_text(&layer->out, shape),
               interval_text(&layer->out_interval, range), parameters, layer->flops,
               i == model->code_layer ? "  <- code" : "");
    }
    printf("%-16s %-18s %-12s %-20s %10" PRId64 " %12" PRId64 "\n\n", "sum", "", "", "",
           model->parameter_count, model->flops);
}

static void print_memory(const aed_job *job, const aed_trainer *trainer)
{
    const double mib = 1024.0 * 1024.0;
    const aed_memory memory = aed_job_memory(job, trainer);
    printf("memory    %.2f MiB a rank: data %.2f, parameters and optimiser %.2f, one tile %.2f "
           "(besides MPI's and the libraries' own)\n",
           (memory.data + memory.parameters + memory.tile) / mib, memory.data / mib,
           memory.parameters / mib, memory.tile / mib);
}

static void print_trial(const aed_job *job, int64_t i)
{
    const aed_trial *trial = &job->list.trials[i];
    printf("  %s ", job->plans[i].id);
    if (trial->setting_count == 0) printf(" seed=%" PRIu64, trial->config.seed);
    for (int64_t k = 0; k < trial->setting_count; k++)
        printf(" %s=%s", trial->settings[k].axis, trial->settings[k].text);
    printf("\n");
}

/* The sweep's axes and its trials with their settings; of many, the first and the last ones. */
static void print_trials(const aed_job *job)
{
    enum { MOST = 100, FIRST = 20, LAST = 5 };
    const int64_t count = job->list.count;
    const int64_t hidden = count > MOST ? count - FIRST - LAST : 0;
    if (job->list.summary) printf("sweep     %s\n", job->list.summary);
    printf("trials    %" PRId64 "\n", count);
    for (int64_t i = 0; i < count; i++) {
        if (hidden && i == FIRST) {
            printf("  ... %" PRId64 " more ...\n", hidden);
            i += hidden;
        }
        print_trial(job, i);
    }
}

void aed_report_plan(const aed_job *job, const aed_trainer *trainer)
{
    aed_report_head(job, trainer);
    print_layers(&trainer->model);
    printf("engine    tile %d, leaf %" PRId64 ": at most %" PRId64 " ranks are useful\n",
           trainer->model.lanes, trainer->model.leaf, job->plans[0].leaves);
    print_memory(job, trainer);
    aed_findings_print_notes(&job->findings, job->sweep_count);
    printf("output    %s\n", job->output);
    print_trials(job);
}

/* ---- Results ----------------------------------------------------------------------------------- */

static double last_value(const aed_metrics *metrics, const char *name)
{
    for (int64_t c = 0; c < metrics->column_count && metrics->rows > 0; c++)
        if (strcmp(metrics->names[c], name) == 0)
            return metrics->values[(metrics->rows - 1) * metrics->column_count + c];
    return NAN;
}

/* Accuracies and the losses of further evaluations, behind train_loss and val_loss. */
static void print_others(const aed_metrics *metrics)
{
    for (int64_t c = 0; c < metrics->column_count; c++) {
        const char *name = metrics->names[c], *tail = strrchr(name, '_');
        if (!tail || strcmp(name, "train_loss") == 0 || strcmp(name, "val_loss") == 0) continue;
        if (strcmp(tail, "_loss") == 0 || strcmp(tail, "_accuracy") == 0)
            printf("  %s %.4g", name, last_value(metrics, name));
    }
}

void aed_report_trial(const aed_job *job, int64_t trial, const aed_trial_result *result)
{
    char label[200];
    aed_report_label(&job->list.trials[trial], label, sizeof label);
    if (strcmp(result->status, "done") != 0) {
        printf("%s  failed: %s\n", label, result->reason);
    } else {
        printf("%s  train_loss %.4g  val_loss %.4g", label,
               last_value(&result->metrics, "train_loss"),
               last_value(&result->metrics, "val_loss"));
        print_others(&result->metrics);
        printf("  %.1f s  weights %.12s\n", result->seconds, result->weights_hash);
    }
    fflush(stdout);
}

/* Mean and sample standard deviation of a column's last value over the trials that are done. */
static int64_t column_statistics(const aed_job *job, const aed_run *run, const char *name,
                                 double *mean, double *std)
{
    double sum = 0, squares = 0;
    int64_t count = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i < job->list.count; i++) {
            const aed_trial_result *result = aed_run_find(run, job->plans[i].id);
            if (!result || strcmp(result->status, "done") != 0) continue;
            const double value = last_value(&result->metrics, name);
            if (pass == 0) {
                sum += value;
                count++;
            } else {
                squares += (value - sum / (double)count) * (value - sum / (double)count);
            }
        }
    *mean = count ? sum / (double)count : NAN;
    *std = count > 1 ? sqrt(squares / (double)(count - 1)) : NAN;
    return count;
}

static void print_meaning(const aed_job *job, const aed_config *config, double val_loss)
{
    const bool squared = config->loss_count == 1 &&
                         strcmp(config->losses[0].spec.kind->name, "mse") == 0;
    if (!squared || isnan(job->mean_floor) || !(job->mean_floor > 0)) return;
    printf("          predicting the mean sample would give %.4g", job->mean_floor);
    /* The residual of a code as wide as the data is rounding. */
    if (job->pca_floor > 1e-9 * job->mean_floor)
        printf("; the best linear code of %" PRId64
               " numbers (PCA) %.4g: val_loss is %.3f times that",
               job->floor_rank, job->pca_floor, val_loss / job->pca_floor);
    printf("\n");
}

/* Whether the trials differ in their seeds alone: only then has their mean a meaning. */
static bool seeds_only(const aed_job *job)
{
    for (int64_t k = 0; k < job->list.trials[0].setting_count; k++)
        if (strcmp(job->list.trials[0].settings[k].axis, "seed") != 0) return false;
    return true;
}

/* What the trials that are done were warned of, a line each; of many, the first ones. */
static void print_warnings(const aed_job *job, const aed_run *run)
{
    enum { MOST = 5 };
    char label[240];
    int64_t count = 0, trials = 0;
    for (int64_t i = 0; i < job->list.count; i++) {
        const aed_trial_result *result = aed_run_find(run, job->plans[i].id);
        if (!result || strcmp(result->status, "done") != 0 || !result->reason[0]) continue;
        aed_report_label(&job->list.trials[i], label, sizeof label);
        trials++;
        for (const char *line = result->reason; line; count++) {
            const size_t length = strcspn(line, "\n");
            if (count < MOST) printf("warning   %s: %.*s\n", label, (int)length, line);
            line = line[length] ? line + length + 1 : NULL;
        }
    }
    if (trials > 1 || count > MOST)
        printf("warning   %" PRId64 " of %" PRId64
               " trials have warnings: `warnings` of a trial in "
               "results.h5\n",
               trials, job->list.count);
}

void aed_report_end(const aed_job *job, const aed_run *run, double seconds)
{
    double train, train_std, val, val_std;
    const int64_t count = column_statistics(job, run, "train_loss", &train, &train_std);
    column_statistics(job, run, "val_loss", &val, &val_std);
    if (count > 0 && seeds_only(job)) {
        if (count == 1)
            printf(
                "result    train_loss %.4g (as seen in training), val_loss %.4g (without noise)\n",
                train, val);
        else
            printf("result    mean of %" PRId64 " trials: train_loss %.4g +- %.2g (as seen in "
                   "training), val_loss %.4g +- %.2g (without noise)\n",
                   count, train, train_std, val, val_std);
        print_meaning(job, &job->list.trials[0].config, val);
    }
    print_warnings(job, run);
    printf("time      %.1f s, start-up included\n", seconds);
    printf("results   %s/results.h5\n", job->output);
    fflush(stdout);
}
