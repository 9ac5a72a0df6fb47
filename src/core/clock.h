/* Time for progress and records; no result depends on it. */
#ifndef AED_CORE_CLOCK_H
#define AED_CORE_CLOCK_H

/* Seconds of a monotonic clock. */
double aed_clock_seconds(void);

/* Time by slots, for --profile. */
typedef struct aed_laps {
    double last;
    double *seconds; /* a slot each; the owner's */
} aed_laps;

/* Adds the time since the last lap to a slot. */
void aed_lap_end(aed_laps *laps, int slot);

/* The same, or nothing with NULL: cheap enough for a step. */
static inline void aed_lap(aed_laps *laps, int slot)
{
    if (laps) aed_lap_end(laps, slot);
}

#endif
