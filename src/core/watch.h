/* What a long computation looks at now and then: whether to stop, and whatever its owner does beside
 * it (messages, clocks). Looking is bound to time but counted in calls, so that asking costs a
 * decrement in the innermost loop and the clock is read every half a millisecond only. No result
 * depends on when it looks. */
#ifndef AED_CORE_WATCH_H
#define AED_CORE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

typedef struct aed_watch {
    bool stop;     /* leave at the next boundary of a step */
    bool save_due; /* hand a checkpoint to the owner at the next boundary of a step */
    void (*look)(void *self);
    void *self;
    int64_t left, interval; /* calls until the next look; calls between looks */
    double looked;          /* seconds of the clock */
} aed_watch;

/* Looks, and works out after how many calls to look again. */
void aed_watch_look(aed_watch *watch);

/* Whether to stop; to be called a few times a step. NULL never stops. */
static inline bool aed_watch_stops(aed_watch *watch)
{
    if (!watch) return false;
    if (--watch->left < 0) aed_watch_look(watch);
    return watch->stop;
}

#endif
