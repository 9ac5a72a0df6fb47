/* Values set by their path: "train.batch=64", "model.encoder.0.conv1d.kernel=9". */
#ifndef AED_CONFIG_OVERRIDE_H
#define AED_CONFIG_OVERRIDE_H

#include "config/path.h"

/* The tree with `value` at `path`, mappings made on the way; a null deletes an element of a list.
 * Copied nodes come from `memory`, the others are shared with `root`. */
aed_status aed_node_set(aed_config_memory *memory, const aed_node *root, const aed_path *path,
                        const aed_node *value, const aed_node **result);

/* "train.batch=64" taken apart. */
typedef struct aed_override {
    const char *key; /* "train.batch" */
    aed_path path;   /* its place has the override's text */
    const aed_node *value;
} aed_override;

aed_status aed_override_parse(aed_config_memory *memory, const char *text, aed_override *override);

/* Whether a top-level key says which configs there are (sweep, variants, variant) instead of what is
 * in them. */
bool aed_override_is_structural(const char *key);

/* Sets the override's value in the tree. Below `sweep.` the rest of the path is the axis: one key;
 * below `variants.NAME.` it is the path that the variant sets. */
aed_status aed_override_apply(aed_config_memory *memory, const aed_node **root,
                              const aed_override *override);

#endif
