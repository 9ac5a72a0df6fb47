/* Variants: named sets of overrides in `variants:`, one of them chosen by `variant:` or by an axis. */
#ifndef AED_CONFIG_VARIANT_H
#define AED_CONFIG_VARIANT_H

#include "config/override.h"
#include "config/text.h"

/* A config as it was read: the file with what overrides say of sweep, variants and variant, and the
 * other overrides, which come after the variant and have the last word over it. */
typedef struct aed_config_source {
    const aed_node *root;
    const aed_override *overrides; /* in order */
    int64_t override_count;
    const char *name; /* of the run, unless root has one */
} aed_config_source;

/* Checks the form of all variants: names, and mappings of key paths to values. */
aed_status aed_variant_check(aed_config_memory *memory, const aed_node *root);
/* Refuses a node that is not a variant's name, with the nearest one. */
aed_status aed_variant_check_name(const aed_node *root, const aed_node *name);
/* The overrides of a variant as a mapping (NULL: none), *name being one of them. */
const aed_node *aed_variant_get(const aed_node *root, const aed_node *name);

/* The tree with the variant `name` (NULL: none) and the source's overrides, without sweep, variants
 * and variant. */
aed_status aed_variant_apply(aed_config_memory *memory, const aed_config_source *source,
                             const aed_node *name, const aed_node **tree);

/* "variants: ..." in a line, without what an override replaces anyway; nothing if there are none. */
void aed_variant_write(aed_text *text, const aed_config_source *source);

#endif
