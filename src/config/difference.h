/* What two resolved configs disagree in. */
#ifndef AED_CONFIG_DIFFERENCE_H
#define AED_CONFIG_DIFFERENCE_H

#include <stdint.h>

#include "aedist/status.h"

/* The keys that belong to a trial's identity and differ between two resolved configs, as
 * "train.epochs: 300 there, 500 now; ..." (the first few), into a malloc'ed text; NULL if there are
 * none. Keys below one of `axes` (key paths as in a sweep) do not count, and neither do tile and leaf,
 * which follow from others. Fails with AED_CONFIG if one is no config, AED_MEMORY. */
aed_status aed_config_difference(const char *there, const char *now, const char *const *axes,
                                 int64_t axis_count, char **text);

#endif
