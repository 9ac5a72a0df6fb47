/* The `sweep:` section: key paths with lists of values, and the trials they make. */
#ifndef AED_CONFIG_SWEEP_H
#define AED_CONFIG_SWEEP_H

#include "config/config.h"
#include "config/tree.h"

enum { AED_SWEEP_MAX_TRIALS = 100000 };

/* Sets the values of one axis, named by its key path; null takes the axis away. */
aed_status aed_sweep_set(aed_config_memory *memory, const aed_node **root, const char *axis_key,
                         aed_place place, const aed_node *values);

/* The typed and checked trials of a config: the Cartesian product of the sweep's axes, the first one
 * slowest; one trial if there is no sweep. */
aed_status aed_sweep_expand(aed_config_memory *memory, const aed_node *root, const char *name,
                            aed_trial_list *trials);

#endif
