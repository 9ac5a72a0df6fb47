/* What the canonical sum costs: mpirun -np N bench_sum [BYTES]
 *
 * Sums of one leaf a rank, back to back, of 64 bytes to 4 MiB (or up to BYTES). A figure is the median of
 * blocks, each as long as its slowest rank takes, over the sums in it. The last line is alpha + beta n
 * through all of them, n in bytes, by least squares of the relative error: what a message costs, and what
 * a byte does. MPI's own settings choose the way: --mca btl tcp,self measures TCP. */
#include <stdio.h>
#include <stdlib.h>

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

static aed_status add_once(aed_sum *sum, int ranks)
{
    int64_t first, end;
    float *leaf;
    const float *total;
    double *counts;
    const double *counted;
    aed_sum_begin(sum, ranks, &first, &end);
    aed_sum_leaf(sum, &leaf, &counts);
    aed_sum_push(sum);
    return aed_sum_finish(sum, &total, &counted);
}

/* Seconds a sum in a block of `sums`: the slowest rank's. */
static aed_status time_block(const aed_comm *world, aed_sum *sum, int sums, double *seconds)
{
    aed_status status;
    AED_TRY(add_once(sum, world->size)); /* all begin together */
    const double start = aed_clock_seconds();
    for (int i = 0; i < sums; i++) AED_TRY(add_once(sum, world->size));
    *seconds = (aed_clock_seconds() - start) / sums;
    AED_TRY(aed_dist_max(world, seconds, 1));
done:
    return status;
}

static aed_status time_size(const aed_comm *world, int64_t floats, double *median)
{
    aed_status status;
    aed_sum *sum = NULL;
    double blocks[BLOCKS], spent = 0;
    int count = 0;
    AED_TRY(aed_sum_create(world, world->size, floats, DOUBLES, &sum));
    AED_TRY(time_block(world, sum, 4, median));
    const double wanted = BLOCK_SECONDS / *median;
    const int sums = wanted < 4 ? 4 : wanted > 4000 ? 4000 : (int)wanted;
    /* Fewer blocks where a busy machine makes them long. */
    while (count < BLOCKS && spent < MOST_SECONDS) {
        AED_TRY(time_block(world, sum, sums, &blocks[count]));
        spent += sums * blocks[count++];
    }
    qsort(blocks, (size_t)count, sizeof *blocks, compare);
    *median = blocks[count / 2];
done:
    aed_sum_destroy(&sum);
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
        const aed_status status = time_size(world, floats, &seconds[count]);
        if (status != AED_OK) return status;
        if (world->rank == 0) printf("%9.0f bytes %10.2f us\n", bytes[count], seconds[count] * 1e6);
        count++;
    }
    if (world->rank == 0 && count > 1) print_fit(bytes, seconds, count);
    return AED_OK;
}

int main(int argc, char **argv)
{
    aed_comm world;
    aed_status status = aed_dist_start(&argc, &argv, &world);
    if (status == AED_OK) status = bench(&world, argc > 1 ? atof(argv[1]) : 5e6);
    if (status != AED_OK) {
        fprintf(stderr, "bench_sum: %s\n", aed_status_message());
        return 1;
    }
    aed_dist_stop();
    return 0;
}
