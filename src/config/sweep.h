/* The `sweep:` section and `variant:`, and the trials they make. */
#ifndef AED_CONFIG_SWEEP_H
#define AED_CONFIG_SWEEP_H

#include "config/axes.h"

/* Sets the values of one axis, named by its key path, or the whole of zip or exclude; null takes it
 * away. */
aed_status aed_sweep_set(aed_config_memory *memory, const aed_node **root, const char *axis_key,
                         aed_place place, const aed_node *values);

/* The typed and checked trials of a config: the product of the sweep's axes without what is
 * excluded, the first axis slowest; one trial if there is no sweep. */
aed_status aed_sweep_expand(aed_config_memory *memory, const aed_config_source *source,
                            aed_trial_list *trials);

#endif
