/* See watch.h. */
#include "core/watch.h"

#include "core/clock.h"

static const double SECONDS_A_LOOK = 5e-4;
enum { MOST_CALLS = 4096 };

void aed_watch_look(aed_watch *watch)
{
    const double now = aed_clock_seconds();
    const double passed = now - watch->looked;
    if (passed < SECONDS_A_LOOK / 2 && watch->interval < MOST_CALLS)
        watch->interval = 2 * watch->interval + 1;
    else if (passed > 2 * SECONDS_A_LOOK)
        watch->interval /= 2;
    watch->left = watch->interval;
    watch->look(watch->self);
    watch->looked = now;
}
