/* What people are told of a sweep: its axes in a line, itself as YAML, and what has no effect. */
#ifndef AED_CONFIG_DESCRIBE_H
#define AED_CONFIG_DESCRIBE_H

#include "config/exclude.h"

/* Fills in the list's summary, sweep_text and notes; `flat` is the sweep, flat. */
aed_status aed_sweep_describe(aed_config_memory *memory, const aed_config_source *source,
                              const aed_node *flat, const aed_axes *axes,
                              const aed_exclusions *exclusions, aed_trial_list *list);

#endif
