/* All registries of kinds seen alike, and the keys of the config's own sections.
 *
 * The reader, the help and the resolved config are driven by these tables; they know no kind by its
 * name. `own` are kinds of a program's own beside the built-in ones; NULL: none. */
#ifndef AED_CONFIG_KINDS_H
#define AED_CONFIG_KINDS_H

#include "aedist/kinds.h"

typedef enum aed_registry {
    AED_REGISTRY_SOURCE,
    AED_REGISTRY_LAYER,
    AED_REGISTRY_LOSS,
    AED_REGISTRY_OPTIM,
    AED_REGISTRY_SCHEDULE,
    AED_REGISTRY_INIT,
    AED_REGISTRY_CORRUPTION,
    AED_REGISTRY_ANALYSIS,
    AED_REGISTRY_COUNT
} aed_registry;

/* "layer", "data source" ... for messages and help. */
const char *aed_registry_noun(aed_registry registry);
int aed_registry_size(const aed_kinds *own, aed_registry registry);
const aed_kind *aed_registry_kind(const aed_kinds *own, aed_registry registry, int index);
/* NULL if there is none of that name. */
const aed_kind *aed_registry_find(const aed_kinds *own, aed_registry registry, const char *name);

/* The argument that a value standing alone after `kind:` belongs to, if `key` is a key that may stand
 * beside it: "out" for (linear, bias), "weight" for (a loss, beta); else NULL. Lets an override reach
 * into the short form. */
const char *aed_registry_main_arg(const aed_kinds *own, const char *kind_name, const char *key);

/* Whether a kind of any registry has that name. */
bool aed_registry_knows(const aed_kinds *own, const char *name);
/* Whether a kind of that name takes whole numbers as its argument `arg` (NULL: its main one). */
bool aed_registry_is_whole(const aed_kinds *own, const char *kind_name, const char *arg);

/* Whether a program's kinds can stand beside the built-in ones; fails with AED_CONFIG, naming the kind
 * and what is wrong with it. */
aed_status aed_kinds_check(const aed_kinds *own);

typedef struct aed_key {
    const char *name;
    const char *help; /* one line: form, default, meaning */
} aed_key;

typedef struct aed_section {
    const char *path; /* "" for the top level, "model.code" */
    const aed_key *keys;
    int count;
} aed_section;

typedef enum aed_section_id {
    AED_SECTION_TOP,
    AED_SECTION_DATA,
    AED_SECTION_SCALE,
    AED_SECTION_MODEL,
    AED_SECTION_INIT_FROM,
    AED_SECTION_CODE,
    AED_SECTION_TRAIN,
    AED_SECTION_EARLY_STOPPING,
    AED_SECTION_EVALUATION,
    AED_SECTION_METRICS,
    AED_SECTION_SNAPSHOTS,
    AED_SECTION_LOG,
    AED_SECTION_SWEEP,
    AED_SECTION_RANGE,
    AED_SECTION_RANDOM,
    AED_SECTION_CHECKPOINT,
    AED_SECTION_CHECKS,
    AED_SECTION_WATCH,
    AED_SECTION_LEVEL,
    AED_SECTION_COUNT
} aed_section_id;

const aed_section *aed_section_get(aed_section_id id);

/* The paths of the sections' keys that take whole numbers only, NULL-terminated. */
extern const char *const aed_section_wholes[];

#endif
