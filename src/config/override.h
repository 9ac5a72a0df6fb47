/* Values set by their path: "train.batch=64", "model.encoder.0.conv1d.kernel=9". */
#ifndef AED_CONFIG_OVERRIDE_H
#define AED_CONFIG_OVERRIDE_H

#include "config/path.h"

/* The tree with `value` at `path`, mappings made on the way; a null deletes an element of a list.
 * Copied nodes come from `memory`, the others are shared with `root`. */
aed_status aed_node_set(aed_config_memory *memory, const aed_node *root, const aed_path *path,
                        const aed_node *value, const aed_node **result);

/* Applies one override to the tree. Below `sweep.` the rest of the path is the axis: one key. */
aed_status aed_override_apply(aed_config_memory *memory, const aed_node **root,
                              const char *override);

#endif
