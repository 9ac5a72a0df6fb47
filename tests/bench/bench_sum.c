/* What the canonical sum costs: mpirun -np N bench_sum [BYTES]
 *                             mpirun -np N bench_sum --allreduce BYTES
 *
 * Sums of one leaf a rank, back to back, of 64 bytes to 4 MiB (or up to BYTES). A figure is the median of
 * blocks, each as long as its slowest rank takes, over the sums in it. The last line is alpha + beta n
 * through all of them, n in bytes, by least squares of the relative error: what a message costs, and what
 * a byte does. --allreduce prints the times, in us, of one size and of MPI_Allreduce of as many floats,
 * whose bits depend on the number of ranks. MPI's own settings choose the way: --mca btl tcp,self measures TCP. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/memory.h"
#include "dist/sum.h"

enum { BLOCKS = 25, SIZES = 9, DOUBLES = 4 };
static const double BLOCK_SECONDS = 3e-3, MOST_SECONDS = 0.5;

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What is timed: the canonical sum, or MPI's of `plain`. */
typedef struct way {
    aed_sum *sum;
    float *plain; /* [2][floats]; NULL: the canonical sum */
    int64_t floats;
    MPI_Comm handle;
} way;

static aed_status add_once(const way *w, int ranks)
{
    aed_sum *sum = w->sum;
    int64_t first, end;
    float *leaf;
    const float *total;
    double *counts;
    const double *counted;
    if (w->plain) {
        MPI_Allreduce(w->plain, w->plain + w->floats, (int)w->floats, MPI_FLOAT, MPI_SUM,
                      w->handle);
        return AED_OK;
    }
    aed_sum_begin(sum, ranks, &first, &end);
    aed_sum_leaf(sum, &leaf, &counts);
    aed_sum_push(sum, AED_SUM_APART);
    return aed_sum_finish(sum, &total, &counted);
}

/* Seconds a sum in a block of `sums`: the slowest rank's. */
static aed_status time_block(const aed_comm *world, const way *w, int sums, double *seconds)
{
    aed_status status;
    AED_TRY(add_once(w, world->size)); /* all begin together */
    const double start = aed_clock_seconds();
    for (int i = 0; i < sums; i++) AED_TRY(add_once(w, world->size));
    *seconds = (aed_clock_seconds() - start) / sums;
    AED_TRY(aed_dist_max(world, seconds, 1));
done:
    return status;
}

static aed_status time_size(const aed_comm *world, int64_t floats, bool plain, double *median)
{
    aed_status status;
    way w = {.floats = floats, .handle = world->handle};
    double blocks[BLOCKS], spent = 0;
    int count = 0;
    AED_TRY(aed_sum_create(world, world->size, floats, DOUBLES, &w.sum));
    if (plain) w.plain = aed_alloc(2 * (size_t)floats, sizeof *w.plain);
    if (plain && !w.plain) status = aed_fail(AED_MEMORY, "out of memory");
    AED_TRY(aed_dist_agree(world, status));
    AED_TRY(time_block(world, &w, 4, median));
    const double wanted = BLOCK_SECONDS / *median;
    const int sums = wanted < 4 ? 4 : wanted > 4000 ? 4000 : (int)wanted;
    /* Fewer blocks where a busy machine makes them long. */
    while (count < BLOCKS && spent < MOST_SECONDS) {
        AED_TRY(time_block(world, &w, sums, &blocks[count]));
        spent += sums * blocks[count++];
    }
    qsort(blocks, (size_t)count, sizeof *blocks, compare);
    *median = blocks[count / 2];
done:
    aed_sum_destroy(&w.sum);
    aed_free(w.plain);
    return status;
}

static void print_fit(const double *bytes, const double *seconds, int count)
{
    double w = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (int i = 0; i < count; i++) {
        const double weight = 1 / (seconds[i] * seconds[i]);
        w += weight;
        x += weight * bytes[i];
        y += weight * seconds[i];
        xx += weight * bytes[i] * bytes[i];
        xy += weight * bytes[i] * seconds[i];
    }
    const double beta = (w * xy - x * y) / (w * xx - x * x), alpha = (y - beta * x) / w;
    printf("alpha %.2f us, beta %.4f ns a byte (%.2f GB/s)\n", alpha * 1e6, beta * 1e9,
           1e-9 / beta);
}

static aed_status bench(const aed_comm *world, double most)
{
    double bytes[SIZES], seconds[SIZES];
    int count = 0;
    for (int64_t floats = 16; count < SIZES && 4.0 * (double)floats <= most; floats *= 4) {
        bytes[count] = 4.0 * (double)floats;
        const aed_status status = time_size(world, floats, false, &seconds[count]);
        if (status != AED_OK) return status;
        if (world->rank == 0) printf("%9.0f bytes %10.2f us\n", bytes[count], seconds[count] * 1e6);
        count++;
    }
    if (world->rank == 0 && count > 1) print_fit(bytes, seconds, count);
    return AED_OK;
}

static aed_status compare_sums(const aed_comm *world, const char *bytes)
{
    const int64_t floats = bytes ? (atoll(bytes) / 4 + 15) / 16 * 16 : 0;
    double canonical, plain;
    if (floats < 1 || floats > 1 << 28)
        return aed_fail(AED_CONFIG, "--allreduce needs a number of bytes, at most 2^30");
    aed_status status = time_size(world, floats, false, &canonical);
    if (status == AED_OK) status = time_size(world, floats, true, &plain);
    if (status == AED_OK && world->rank == 0) printf("%.2f %.2f\n", canonical * 1e6, plain * 1e6);
    return status;
}

int main(int argc, char **argv)
{
    aed_comm world;
    aed_status status = aed_dist_start(&argc, &argv, &world);
    const bool compares = argc > 1 && strcmp(argv[1], "--allreduce") == 0;
    if (status == AED_OK)
        status = compares ? compare_sums(&world, argc > 2 ? argv[2] : NULL)
                          : bench(&world, argc > 1 ? atof(argv[1]) : 5e6);
    if (status != AED_OK) {
        fprintf(stderr, "bench_sum: %s\n", aed_status_message());
        return 1;
    }
    aed_dist_stop();
    return 0;
}
