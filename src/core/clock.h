/* Time for progress and records; no result depends on it. */
#ifndef AED_CORE_CLOCK_H
#define AED_CORE_CLOCK_H

/* Seconds of a monotonic clock. */
double aed_clock_seconds(void);

#endif
