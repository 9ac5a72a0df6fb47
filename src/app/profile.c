/* --profile: where a training step's time goes, layer by layer. */
#include <inttypes.h>
#include <stdio.h>

#include "app/report.h"
#include "core/clock.h"
#include "core/memory.h"
#include "kernel/kernels.h"

/* Seconds of training that are measured, after a few steps to warm up. */
static const double BUDGET = 2;
static const double PEAK_SECONDS = 0.3;
enum { WARM_UP = 3 };

/* Trains on until the budget is spent; all ranks stop after the same step. */
static aed_status train_steps(aed_trainer *trainer, aed_laps *laps, int64_t *steps)
{
    aed_status status = AED_OK;
    double end = 0;
    int64_t epoch = 1;
    *steps = -WARM_UP;
    aed_trainer_begin_epoch(trainer, epoch);
    for (double late = 0; late == 0;) {
        double loss;
        int64_t count;
        if (*steps == 0) {
            trainer->laps = laps;
            laps->last = aed_clock_seconds();
            end = laps->last + BUDGET;
        }
        AED_TRY(aed_trainer_step(trainer, &loss, &count));
        if (trainer->step == trainer->steps) aed_trainer_begin_epoch(trainer, ++epoch);
        if (++*steps <= 0) continue;
        late = laps->last > end;
        if (trainer->comm.size > 1) AED_TRY(aed_dist_max(&trainer->comm, &late, 1));
        laps->last = aed_clock_seconds();
    }
done:
    trainer->laps = NULL;
    return status;
}

/* One row: microseconds a step, share of it, and the rate if there are FLOPs a step. */
static void print_row(const char *name, const char *kind, double flops, double forward,
                      double backward, double total, double peak)
{
    printf("%-16s %-18s %10.3f %10.1f %10.1f %6.1f %%", name, kind, flops * 1e-6, forward * 1e6,
           backward * 1e6, 100 * (forward + backward) / total);
    if (flops > 0 && forward + backward > 0) {
        const double rate = flops / (forward + backward);
        printf(" %8.1f %6.1f %%", rate * 1e-9, 100 * rate / peak);
    }
    printf("\n");
}

static void print_table(const aed_trainer *trainer, const double *seconds, int64_t steps)
{
    static const char *const others[AED_LAPS] = {"data", "losses", "sum", "optimiser"};
    const aed_model *model = &trainer->model;
    const double peak = aed_kernels_peak(PEAK_SECONDS), per_step = 1 / (double)steps;
    const double samples = (double)trainer->samples / (double)trainer->steps;
    const int layers = model->layer_count;
    double total = 0, useful = 0;
    for (int i = 0; i < aed_trainer_slots(trainer); i++) total += seconds[i] * per_step;
    printf("\n%-16s %-18s %10s %10s %10s %8s %8s %8s\n", "layer", "kind", "MFLOP", "forward us",
           "back us", "of step", "GFLOP/s", "of peak");
    for (int i = 0; i < layers; i++) {
        const aed_layer *layer = &model->layers[i];
        const int passes = i < model->first_trained ? 1 : i == model->first_trained ? 2 : 3;
        const double flops = (double)layer->flops * samples * passes;
        useful += flops;
        print_row(layer->spec->path, layer->ops->kind.name, flops, seconds[i] * per_step,
                  seconds[layers + i] * per_step, total, peak);
    }
    for (int i = 0; i < AED_LAPS; i++)
        print_row(others[i], "", 0, seconds[2 * layers + i] * per_step, 0, total, peak);
    print_row("step", "", useful, total, 0, total, peak);
    printf(
        "\nprofile   %" PRId64 " steps of %.1f samples on rank 0; the core's peak is %.1f GFLOP/s; "
        "a layer with next\n          to no time was computed within the one before or after it\n",
        steps, samples, peak * 1e-9);
}

aed_status aed_report_profile(aed_trainer *trainer)
{
    int64_t steps;
    aed_laps laps = {0};
    laps.seconds = aed_alloc((size_t)aed_trainer_slots(trainer), sizeof *laps.seconds);
    aed_status status = laps.seconds ? AED_OK : aed_fail(AED_MEMORY, "out of memory");
    status = aed_dist_agree(&trainer->comm, status);
    if (status == AED_OK) {
        const unsigned environment = aed_float_pin();
        status = train_steps(trainer, &laps, &steps);
        aed_float_restore(environment);
    }
    if (status == AED_OK && trainer->comm.rank == 0) print_table(trainer, laps.seconds, steps);
    aed_free(laps.seconds);
    return status;
}
