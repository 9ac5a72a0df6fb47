/* Key paths: "train.batch", "model.encoder.0.conv1d.kernel", "model.encoder.hidden.out". */
#ifndef AED_CONFIG_PATH_H
#define AED_CONFIG_PATH_H

#include "config/tree.h"

/* A key path split at its dots. A key addresses an entry of a mapping, or of a list: by its index
 * (from 0, or from -1 backwards), by a layer's `name:`, or `+` for a new element at the end. Behind
 * an element of a list the name of its kind may be left out. */
typedef struct aed_path {
    const char **keys;
    int64_t count;
    aed_place place; /* of what new keys come from, for messages */
} aed_path;

/* The whole path that a short name (input_noise) stands for; other paths as they are. */
const char *aed_path_full(const char *path);
/* Whether two paths are the same, short names as what they stand for. */
bool aed_path_same(const char *a, const char *b);

/* Splits `text`; a short name (input_noise) becomes its whole path. */
aed_status aed_path_parse(aed_config_memory *memory, const char *text, aed_place place,
                          aed_path *path);

/* Sets *index to the element of `list` that keys[at] means; to its count for `+`. Fails with
 * AED_CONFIG if there is none. */
aed_status aed_path_element(const aed_node *list, const aed_path *path, int64_t at, int64_t *index);
bool aed_path_is_index(const char *key, int64_t *index);

/* The name of the kind that `element` of a list uses, if it is left out before `key`; else NULL. */
const char *aed_path_implied_kind(const aed_kinds *own, const aed_node *element, const char *key);

/* Whether what is at `path` takes whole numbers only, by the tables of sections and kinds. */
bool aed_path_is_whole(const aed_kinds *own, const aed_node *root, const aed_path *path);

#endif
