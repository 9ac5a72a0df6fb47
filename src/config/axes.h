/* The axes of a sweep: keys with lists or ranges of values, alone or in zip groups. */
#ifndef AED_CONFIG_AXES_H
#define AED_CONFIG_AXES_H

#include "config/config.h"
#include "config/variant.h"

enum {
    AED_SWEEP_MAX_TRIALS = 100000,
    AED_SWEEP_MAX_KEYS = 64,       /* of all axes */
    AED_SWEEP_MAX_VALUES = 1000000 /* of all keys */
};

/* A swept key. */
typedef struct aed_axis_key {
    const char *key; /* as written */
    aed_path path;
    bool is_variant;             /* `variant`: its values are names of variants */
    const aed_node *values;      /* a list, as long as the axis */
    aed_trial_setting *settings; /* of each value */
} aed_axis_key;

/* One factor of the product: a key, or the keys of a zip group, whose values go together. */
typedef struct aed_axis {
    aed_axis_key *keys;
    int64_t key_count, count; /* of values */
    bool is_group;            /* written in zip */
    aed_place place;
} aed_axis;

typedef struct aed_axes {
    aed_axis *axes; /* the first one slowest */
    int64_t count, key_count;
    int64_t product;         /* of the counts; 1 without axes */
    aed_place last;          /* of the last axis, for messages */
    const aed_node *exclude; /* NULL: nothing is left out */
} aed_axes;

/* Appends the axes of a sweep to `flat`: keys of nested mappings joined by dots, ranges and, at the
 * top, zip and exclude as they are. */
aed_status aed_axes_flatten(aed_config_memory *memory, const aed_node *sweep, aed_node *flat);

/* The axes of a flat sweep, checked but for what only the trials show. */
aed_status aed_axes_make(aed_config_memory *memory, const aed_config_source *source,
                         const aed_node *flat, aed_axes *axes);

/* Number of the axis' value in trial `index` of the product. */
int64_t aed_axes_choice(const aed_axes *axes, int64_t axis, int64_t index);

/* The key of an axis by its path; NULL if there is none. *axis gets the axis' number. */
const aed_axis_key *aed_axes_find(const aed_axes *axes, const char *key, int64_t *axis);

#endif
