/* Values set by their path: "train.batch=64", "model.encoder.0.conv1d.kernel=9". */
#ifndef AED_CONFIG_OVERRIDE_H
#define AED_CONFIG_OVERRIDE_H

#include "config/tree.h"

/* A key path split at its dots. A key addresses an entry of a mapping, or of a list: by its index
 * (from 0, or from -1 backwards), by a layer's `name:`, or `+` for a new element at the end. */
typedef struct aed_path {
    const char **keys;
    int64_t count;
    aed_place place; /* of what new keys come from, for messages */
} aed_path;

/* The whole path that a short name (input_noise) stands for; other paths as they are. */
const char *aed_path_full(const char *path);

/* Splits `text`; a short name (input_noise) becomes its whole path. */
aed_status aed_path_parse(aed_config_memory *memory, const char *text, aed_place place,
                          aed_path *path);

/* The tree with `value` at `path`, mappings made on the way; a null deletes an element of a list.
 * Copied nodes come from `memory`, the others are shared with `root`. */
aed_status aed_node_set(aed_config_memory *memory, const aed_node *root, const aed_path *path,
                        const aed_node *value, const aed_node **result);

/* Applies one override to the tree. Below `sweep.` the rest of the path is the axis: one key. */
aed_status aed_override_apply(aed_config_memory *memory, const aed_node **root,
                              const char *override);

#endif
