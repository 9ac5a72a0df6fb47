/* --preview: the first nine samples as the model gets them, as little curves of block characters. */
#include <math.h>
#include <stdio.h>

#include "app/report.h"

enum { SHOWN = 9, WIDTH = 64 };

/* One channel of one lane, `points` long, scaled to lo ... hi. */
static void print_curve(const float *values, int64_t points, int lanes, double lo, double hi)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const int64_t shown = points < WIDTH ? points : WIDTH;
    for (int64_t i = 0; i < shown; i++) {
        const double value = (double)values[i * points / shown * lanes];
        const double level = hi > lo ? (value - lo) / (hi - lo) * 8 : 4;
        fputs(!isfinite(value) ? "?" : blocks[level < 0 ? 0 : level >= 8 ? 7 : (int)level], stdout);
    }
}

static void print_values(const float *values, int64_t points, int lanes)
{
    for (int64_t i = 0; i < points && i < 8; i++) printf(" %8.4f", (double)values[i * lanes]);
    if (points > 8) printf(" ...");
}

aed_status aed_report_preview(aed_trainer *trainer)
{
    aed_tile tile;
    const float *clean;
    const int64_t shown = trainer->samples < SHOWN ? trainer->samples : SHOWN;
    const int64_t channels = trainer->model.input.size[0], points = trainer->features / channels;
    aed_trainer_begin_epoch(trainer, 1);
    aed_status status = aed_trainer_load(trainer, &trainer->passes[AED_PASS_TRAIN], 0, shown, &tile,
                                         &clean);
    if (status != AED_OK) return status;
    const float *input = aed_model_output(&trainer->model, trainer->workspace, -1);
    double lo = INFINITY, hi = -INFINITY;
    for (int64_t f = 0; f < trainer->features; f++)
        for (int lane = 0; lane < shown; lane++) {
            const double values[2] = {(double)clean[f * tile.lanes + lane],
                                      (double)input[f * tile.lanes + lane]};
            for (int k = 0; k < 2; k++) {
                if (values[k] < lo) lo = values[k];
                if (values[k] > hi) hi = values[k];
            }
        }
    printf("The first %d samples of epoch 1, curves from %.3g to %.3g:\n", (int)shown, lo, hi);
    for (int lane = 0; lane < shown; lane++)
        for (int64_t c = 0; c < channels; c++) {
            const float *sides[2] = {clean + c * points * tile.lanes + lane,
                                     input + c * points * tile.lanes + lane};
            for (int k = 0; k < (clean == input ? 1 : 2); k++) {
                printf("  sample %-8u channel %-3d %-6s ", tile.ids[lane], (int)c,
                       k == 0 ? "clean" : "input");
                print_curve(sides[k], points, tile.lanes, lo, hi);
                print_values(sides[k], points, tile.lanes);
                printf("\n");
            }
        }
    return AED_OK;
}
