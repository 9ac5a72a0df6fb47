/* What a core can do; see kernels.h. */
#include <stdlib.h>

#include "core/clock.h"
#include "kernel/kernels.h"

enum { TURNS = 10000, MOST_ROUNDS = 4096 }; /* a round takes some 0.1 ms */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double aed_kernels_peak(double seconds)
{
    double rates[MOST_ROUNDS];
    const double start = aed_clock_seconds();
    double now = start;
    int count = 0;
    do {
        const double flops = (double)aed_kernels()->multiply_adds(TURNS), before = now;
        now = aed_clock_seconds();
        rates[count++] = flops / (now - before);
    } while (count < MOST_ROUNDS && now - start < seconds);
    qsort(rates, (size_t)count, sizeof *rates, by_value);
    return rates[count / 2];
}
