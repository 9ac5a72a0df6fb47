/* `sweep.exclude`: partial settings; a trial that has all of an entry's is left out. */
#ifndef AED_CONFIG_EXCLUDE_H
#define AED_CONFIG_EXCLUDE_H

#include "config/axes.h"

enum { AED_SWEEP_MAX_EXCLUDES = 1000 };

/* One key of an entry, looked up in the axes. */
typedef struct aed_exclusion_part {
    int64_t axis;
    const uint8_t *matches; /* a bit for each value of the axis */
} aed_exclusion_part;

/* One entry of the list: all its parts must match. */
typedef struct aed_exclusion {
    const aed_node *node;
    aed_exclusion_part *parts;
    int64_t count;
    int64_t left_out; /* trials */
} aed_exclusion;

typedef struct aed_exclusions {
    aed_exclusion *entries;
    int64_t count;
} aed_exclusions;

/* The exclusions of a sweep, checked. Fails with AED_CONFIG. */
aed_status aed_exclusions_make(aed_config_memory *memory, const aed_axes *axes,
                               aed_exclusions *exclusions);

/* Whether trial `index` of the product is left out; counts it with every entry that says so. */
bool aed_exclusions_hit(aed_exclusions *exclusions, const aed_axes *axes, int64_t index);

#endif
