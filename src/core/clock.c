/* The monotonic clock; see clock.h. */
#include "core/clock.h"

#include <time.h>

double aed_clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void aed_lap_end(aed_laps *laps, int slot)
{
    const double now = aed_clock_seconds();
    laps->seconds[slot] += now - laps->last;
    laps->last = now;
}
