/* Speed of the kernels on one core: bench_kernels [avx512|avx2|plain [KERNEL]], bench_kernels --peak
 *
 * The peak is that of a loop of fused multiply-adds on registers in the widest set that the
 * processor has; products are printed as a share of it, everything else in nanoseconds an element.
 * A figure is the best of several rounds, so that a busy machine shows less. --peak prints what the core keeps
 * up for longer (aed_kernels_peak), beside which trainings are measured. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/memory.h"
#include "kernel/kernels.h"
#include "layer/pairs.h"

enum { ROUNDS = 60, FLOATS = 1 << 20, BLOCKS = 8 };
static const double ROUND_SECONDS = 4e-4;

static const aed_kernels_table *kernels;
static const char *only; /* NULL: all kernels */
static double peak;      /* FLOP a second; 0: unknown */
static float *block[BLOCKS];

/* The sizes of one case; each kernel reads its own. */
typedef struct bench {
    int rows, inner, lanes;
    int64_t columns;
    bool transposed;
    aed_activation activation;
    aed_loss_function loss;
    aed_gather gather;
    aed_gather_weight weight;
    aed_winograd winograd;
    aed_scatter scatter;
} bench;

typedef void (*bench_call)(const bench *b);

/* Seconds of one call: the best of ROUNDS rounds of about ROUND_SECONDS. */
static double measure(bench_call function, const bench *b)
{
    double best = 1e30;
    long calls = 1;
    for (int round = -1; round < ROUNDS;) {
        const double start = aed_clock_seconds();
        for (long i = 0; i < calls; i++) function(b);
        const double seconds = aed_clock_seconds() - start;
        if (round < 0 && seconds < ROUND_SECONDS) {
            calls = seconds < ROUND_SECONDS / 8 ? calls * 8 : calls * 2;
            continue;
        }
        if (seconds / (double)calls < best) best = seconds / (double)calls;
        round++;
    }
    return best;
}

static void product(const char *kernel, const char *shape, double flops, bench_call function,
                    const bench *b)
{
    if (only && strcmp(only, kernel) != 0) return;
    const double seconds = measure(function, b);
    printf("%-17s %-38s %10.1f ns %8.1f GFLOP/s", kernel, shape, seconds * 1e9,
           flops / seconds * 1e-9);
    if (peak > 0) printf(" %6.1f %%", 100 * flops / seconds / peak);
    printf("\n");
}

static void elements(const char *kernel, const char *shape, double count, bench_call function,
                     const bench *b)
{
    if (only && strcmp(only, kernel) != 0) return;
    const double seconds = measure(function, b);
    printf("%-17s %-38s %10.1f ns %8.3f ns each\n", kernel, shape, seconds * 1e9,
           seconds * 1e9 / count);
}

/* ---- The core's peak ------------------------------------------------------------------------- */

enum { PEAK_TURNS = 10000 };

static void run_peak(const bench *b)
{
    (void)b;
    kernels->multiply_adds(PEAK_TURNS);
}

static double core_peak(void)
{
    const aed_kernels_table *chosen = kernels;
    const bench none = {0};
    kernels = aed_kernels(); /* the widest, whichever set is looked at */
    const double flops = (double)kernels->multiply_adds(PEAK_TURNS) / measure(run_peak, &none);
    kernels = chosen;
    return flops;
}

/* ---- Dense products -------------------------------------------------------------------------- */

static void run_dense(const bench *b)
{
    kernels->dense(b->rows, b->inner, b->columns, block[0], b->transposed ? 1 : b->inner,
                   b->transposed ? b->rows : 1, false, block[1], b->activation, block[2], block[3]);
}

static void run_dense_weight(const bench *b)
{
    kernels->dense_strips(b->inner, b->columns, block[3], block[5]);
    kernels->dense_weight(b->rows, b->inner, b->columns, block[2], block[5], true, block[4], NULL);
}

/* Layers of rows x inner weights: forward, gradient of the input, gradient of the weights. */
static void bench_dense(int rows, int inner, int64_t columns)
{
    char shape[64];
    const double flops = 2.0 * rows * inner * (double)columns;
    bench b = {.rows = rows, .inner = inner, .columns = columns, .activation = AED_RELU};
    snprintf(shape, sizeof shape, "%dx%d, %d columns", rows, inner, (int)columns);
    product("dense", shape, flops, run_dense, &b);
    b = (bench){.rows = inner, .inner = rows, .columns = columns, .transposed = true};
    snprintf(shape, sizeof shape, "%dx%d, %d columns, transposed", inner, rows, (int)columns);
    product("dense", shape, flops, run_dense, &b);
    b = (bench){.rows = rows, .inner = inner, .columns = columns};
    snprintf(shape, sizeof shape, "%dx%d, %d columns", rows, inner, (int)columns);
    product("dense_weight", shape, flops, run_dense_weight, &b);
}

/* ---- Convolutions ---------------------------------------------------------------------------- */

static void run_gather(const bench *b)
{
    kernels->gather(&b->gather, b->lanes, block[0], block[1], AED_IDENTITY, block[2], block[3]);
}

static void run_gather_weight(const bench *b)
{
    kernels->gather_weight(&b->weight, b->lanes, block[2], block[3], block[4]);
}

/* Filtered, with the expansion of the weights that a layer makes for every tile. */
static void run_winograd(const bench *b)
{
    kernels->winograd_weights(&b->winograd, false, block[0], block[5]);
    kernels->winograd(&b->winograd, !b->transposed, b->lanes, block[5], block[1], AED_IDENTITY,
                      block[2], block[3], block[6]);
}

static void run_winograd_gradient(const bench *b)
{
    kernels->winograd_gradient(&b->winograd, b->lanes, block[2], block[3], block[4], NULL, NULL,
                               block[5]);
}

static void run_scatter(const bench *b)
{
    kernels->scatter(&b->scatter, b->lanes, block[0], block[1], AED_IDENTITY, block[2], block[3]);
}

/* The other ways to compute a convolution in two dimensions that there are for it, flops being those of the direct
 * one. */
static void bench_other_ways(int narrow, int wide, const aed_axis *axis, int lanes, double flops)
{
    char shape[64];
    bench b = {.lanes = lanes};
    if (axis->stride == axis->kernel && axis->padding == 0) {
        const int32_t size = (int32_t)axis->narrow;
        b.scatter = (aed_scatter){wide,
                                  narrow,
                                  wide * axis->kernel * axis->kernel,
                                  size,
                                  size,
                                  (int)axis->kernel,
                                  (int)axis->kernel};
        snprintf(shape, sizeof shape, "%d->%d, %dx%d, kernel %d, %d lanes", narrow, wide, size,
                 size, (int)axis->kernel, lanes);
        product("scatter", shape, flops, run_scatter, &b);
    }
    if (axis->stride != 1 || axis->dilation != 1 || (axis->kernel != 3 && axis->kernel != 5))
        return;
    const int32_t size = (int32_t)axis->narrow, padding = (int32_t)axis->padding;
    b.winograd = (aed_winograd){narrow, wide, (int)axis->kernel, size, size, padding, padding};
    for (int back = 0; back < 2; back++) {
        b.transposed = back;
        snprintf(shape, sizeof shape, "%d->%d, %dx%d, kernel %d, %d lanes", back ? narrow : wide,
                 back ? wide : narrow, size, size, (int)axis->kernel, lanes);
        product("winograd", shape, flops, run_winograd, &b);
    }
    product("winograd_gradient", shape, flops, run_winograd_gradient, &b);
}

/* A convolution from `wide` to `narrow` channels: to both sides and the gradient of the weights. */
static void bench_conv(int narrow, int wide, const aed_axis axes[2], int lanes)
{
    char shape[64];
    bench b = {.lanes = lanes};
    aed_pair_lists lists = {0};
    if (aed_pairs_create(axes, &lists) != AED_OK) exit(1);
    const int taps = (int)(axes[0].kernel * axes[1].kernel);
    const double flops = 2.0 * (double)lists.count * narrow * wide * lanes;
    b.gather = (aed_gather){narrow, wide, wide * taps, taps, lists.by_wide.rows, lists.by_narrow};
    snprintf(shape, sizeof shape, "%d->%d, %d->%d, %d taps, %d lanes", wide, narrow,
             lists.by_wide.rows, lists.by_narrow.rows, taps, lanes);
    product("gather", shape, flops, run_gather, &b);
    b.gather = (aed_gather){wide, narrow, taps, wide * taps, lists.by_narrow.rows, lists.by_wide};
    snprintf(shape, sizeof shape, "%d->%d, %d->%d, %d taps, %d lanes", narrow, wide,
             lists.by_narrow.rows, lists.by_wide.rows, taps, lanes);
    product("gather", shape, flops, run_gather, &b);
    b.weight = (aed_gather_weight){narrow, wide,           wide * taps, taps, lists.by_wide.rows,
                                   taps,   lists.by_narrow};
    product("gather_weight", shape, flops, run_gather_weight, &b);
    if (axes[0].kernel > 1) bench_other_ways(narrow, wide, &axes[1], lanes, flops);
    aed_pairs_destroy(&lists);
}

static void bench_conv1d(int narrow, int wide, aed_axis axis, int lanes)
{
    const aed_axis axes[2] = {AED_AXIS_UNIT, axis};
    bench_conv(narrow, wide, axes, lanes);
}

static void bench_conv2d(int narrow, int wide, aed_axis axis, int lanes)
{
    const aed_axis axes[2] = {axis, axis};
    bench_conv(narrow, wide, axes, lanes);
}

/* ---- Everything else ------------------------------------------------------------------------- */

static uint32_t ids[64];

static void run_normal(const bench *b)
{
    kernels->normal((aed_rng_key){{1, 2}}, ids, b->lanes, 0, b->rows, block[3]);
}

static void run_add_noise(const bench *b)
{
    kernels->add_noise((aed_rng_key){{1, 2}}, ids, b->lanes, b->rows, block[0], block[2], block[3]);
}

static void run_add_noise_within(const bench *b)
{
    kernels->add_noise_within((aed_rng_key){{1, 2}}, ids, b->lanes, b->rows, 0.5f, 0, 1, block[2],
                              block[3]);
}

static void run_activate(const bench *b)
{
    kernels->activate(b->activation, 0.1f, b->columns, block[2], block[3]);
}

static void run_activate_backward(const bench *b)
{
    kernels->activate_backward(b->activation, 0.1f, b->columns, block[2], block[3], block[4]);
}

static void run_softmax(const bench *b)
{
    kernels->softmax(b->rows, b->columns, block[2], block[3]);
}

static void run_softmax_backward(const bench *b)
{
    kernels->softmax_backward(b->rows, b->columns, block[2], block[3], block[4]);
}

static void run_bias_gradient(const bench *b)
{
    kernels->bias_gradient(b->rows, b->columns, block[2], block[4]);
}

static volatile double sink;

static void run_loss(const bench *b)
{
    sink = kernels->loss(b->loss, 1.0f, b->rows, b->lanes, b->lanes, block[6], block[7], 0.1f,
                         block[4]);
}

static void run_sum_of_squares(const bench *b)
{
    sink = kernels->sum_of_squares(b->columns, block[2]);
}

static void run_scale(const bench *b) { kernels->scale(b->columns, 1.0f, block[2]); }

static void run_adam(const bench *b)
{
    const aed_adam_settings settings = {0.9f, 0.999f, 1e-8f, 0.1f, 0.001f, 1e-4f, 1, 0, 1};
    kernels->adam(&settings, b->columns, block[2], block[3], block[6], block[7]);
}

static void run_sgd(const bench *b)
{
    const aed_sgd_settings settings = {1e-8f, 0.9f, 1, 0, 0, 0};
    kernels->sgd(&settings, b->columns, block[2], block[3], block[6]);
}

/* Images of bytes. */
static void run_load_bytes(const bench *b)
{
    kernels->load_bytes((const uint8_t *)block[2], b->rows, ids, b->lanes, 1.0f / 255.0f, 0,
                        block[3]);
}

static void run_load_bytes_scaled(const bench *b)
{
    kernels->load_bytes((const uint8_t *)block[2], b->rows, ids, b->lanes, 0.0127f, 0.4242f,
                        block[3]);
}

static void bench_elements(void)
{
    static const char *const activations[] = {"identity", "relu",    "leaky_relu", "elu",
                                              "tanh",     "sigmoid", "softplus"};
    static const char *const losses[] = {"mse", "bce", "l1", "smooth_l1"};
    bench b = {.lanes = 32, .rows = 8};
    elements("normal", "8 x 32 lanes", 256, run_normal, &b);
    elements("add_noise", "8 x 32 lanes", 256, run_add_noise, &b);
    b.rows = 64;
    elements("normal", "64 x 32 lanes", 2048, run_normal, &b);
    elements("add_noise", "64 x 32 lanes", 2048, run_add_noise, &b);
    b = (bench){.lanes = 16, .rows = 784};
    elements("add_noise", "784 x 16 lanes, one std, clipped", 784 * 16, run_add_noise_within, &b);
    elements("load_bytes", "784 x 16 lanes, to [0, 1]", 784 * 16, run_load_bytes, &b);
    elements("load_bytes", "784 x 16 lanes, (x - mean) / std", 784 * 16, run_load_bytes_scaled, &b);
    for (int kind = AED_IDENTITY; kind <= AED_SOFTPLUS; kind++) {
        b = (bench){.columns = 4096, .activation = (aed_activation)kind};
        elements("activate", activations[kind], 4096, run_activate, &b);
        elements("activate_back", activations[kind], 4096, run_activate_backward, &b);
    }
    b = (bench){.rows = 10, .columns = 256};
    elements("softmax", "10 channels x 256", 2560, run_softmax, &b);
    elements("softmax_back", "10 channels x 256", 2560, run_softmax_backward, &b);
    b = (bench){.rows = 3, .columns = 32};
    elements("bias_gradient", "3 x 32", 96, run_bias_gradient, &b);
    b = (bench){.rows = 64, .columns = 192};
    elements("bias_gradient", "64 x 192", 64 * 192, run_bias_gradient, &b);
    for (int kind = AED_MSE; kind <= AED_SMOOTH_L1; kind++) {
        b = (bench){.rows = 7, .lanes = 32, .loss = (aed_loss_function)kind};
        char shape[32];
        snprintf(shape, sizeof shape, "%s, 7 x 32", losses[kind]);
        elements("loss", shape, 224, run_loss, &b);
        b.rows = 784;
        snprintf(shape, sizeof shape, "%s, 784 x 32", losses[kind]);
        elements("loss", shape, 784 * 32, run_loss, &b);
    }
    static const int64_t counts[] = {64, 8192, 440000};
    for (int i = 0; i < 3; i++) {
        const int64_t count = counts[i];
        char shape[32];
        b = (bench){.columns = count};
        snprintf(shape, sizeof shape, "%d parameters", (int)count);
        elements("sum_of_squares", shape, (double)count, run_sum_of_squares, &b);
        elements("scale", shape, (double)count, run_scale, &b);
        elements("adam", shape, (double)count, run_adam, &b);
        elements("sgd", shape, (double)count, run_sgd, &b);
    }
}

static bool fill_blocks(void)
{
    uint32_t state = 1;
    for (int i = 0; i < BLOCKS; i++) {
        block[i] = aed_alloc_aligned(FLOATS, sizeof(float));
        if (!block[i]) return false;
        /* The last two lie in (0, 1), the others in (-1, 1). */
        for (int at = 0; at < FLOATS; at++) {
            state = state * 1664525u + 1013904223u;
            const float unit = (float)(state >> 9) * 0x1p-23f + 0x1p-24f;
            block[i][at] = i >= 6 ? unit : 2 * unit - 1;
        }
    }
    for (uint32_t i = 0; i < 64; i++) ids[i] = 7 * i;
    return true;
}

int main(int argc, char **argv)
{
    const bool peak_only = argc == 2 && strcmp(argv[1], "--peak") == 0;
    kernels = argc > 1 && !peak_only ? aed_kernels_named(argv[1]) : aed_kernels();
    only = argc > 2 ? argv[2] : NULL;
    if (!kernels || argc > 3) {
        fprintf(stderr,
                "usage: %s [--peak | avx512|avx2|plain [KERNEL]]\n"
                "  --peak: print the fused multiply-adds that the core keeps up, in GFLOP/s\n",
                argv[0]);
        return 2;
    }
    if (!fill_blocks()) return 1;
    aed_float_pin();
    if (peak_only) {
        printf("%.1f\n", aed_kernels_peak(0.3) * 1e-9);
        return 0;
    }
    peak = core_peak();
    printf("kernels %s, peak of the core %.1f GFLOP/s\n", kernels->name, peak * 1e-9);

    static const int signal[6][2] = {{64, 4},    {128, 64}, {256, 128},
                                     {128, 256}, {64, 128}, {4, 64}};
    for (int i = 0; i < 6; i++) bench_dense(signal[i][0], signal[i][1], 192);
    bench_dense(256, 784, 16);
    bench_dense(256, 784, 32);
    bench_dense(32, 784, 32);
    bench_dense(10, 4, 32);
    bench_dense(1, 2, 16);
    /* kernel, stride, padding, dilation, narrow and wide size. */
    bench_conv1d(1, 2, AED_AXIS_UNIT, 32);
    bench_conv1d(10, 4, AED_AXIS_UNIT, 32);
    bench_conv1d(3, 1, (aed_axis){7, 4, 0, 1, 3, 15}, 64);
    bench_conv1d(4, 64, (aed_axis){1, 1, 0, 1, 12, 12}, 16);
    static const int images[][2] = {{16, 1}, {4, 16}, {16, 4}, {1, 16}, {32, 1}, {16, 32}, {8, 16}};
    for (int lanes = 16; lanes <= 32; lanes += 16) {
        for (int i = 0; i < (int)(sizeof images / sizeof *images); i++)
            bench_conv2d(
                images[i][0], images[i][1],
                (aed_axis){3, 1, 1, 1, i == 1 || i >= 5 ? 14 : 28, i == 1 || i >= 5 ? 14 : 28},
                lanes);
        bench_conv2d(4, 16, (aed_axis){2, 2, 0, 1, 7, 14}, lanes);
        bench_conv2d(16, 1, (aed_axis){2, 2, 0, 1, 14, 28}, lanes);
        bench_conv2d(16, 32, (aed_axis){2, 2, 0, 1, 14, 28}, lanes);
        bench_conv2d(4, 1, (aed_axis){5, 1, 0, 1, 24, 28}, lanes);
        bench_conv2d(8, 4, (aed_axis){5, 1, 0, 1, 20, 24}, lanes);
        bench_conv2d(1, 10, (aed_axis){5, 1, 0, 1, 20, 24}, lanes);
        bench_conv2d(10, 1, (aed_axis){5, 1, 0, 1, 24, 28}, lanes);
    }
    bench_elements();
    for (int i = 0; i < BLOCKS; i++) aed_free(block[i]);
    return 0;
}
