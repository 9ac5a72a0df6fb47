/* Overrides: see override.h. Every node and key that an override makes carries the override's text
 * as its place, so that later messages name it. */
#include "config/override.h"

#include <string.h>

#include "config/kinds.h"
#include "config/sweep.h"

/* ---- Copies of nodes -------------------------------------------------------------------------- */

static aed_node *new_node(aed_config_memory *memory, aed_node_type type, aed_place place)
{
    aed_node *node = aed_config_alloc(memory, 1, sizeof *node);
    if (!node) return NULL;
    node->type = type;
    node->place = place;
    return node;
}

/* A copy with room for `extra` more entries, to be filled by the caller. */
static aed_node *copy_node(aed_config_memory *memory, const aed_node *node, int64_t extra)
{
    aed_node *copy = new_node(memory, node->type, node->place);
    if (!copy) return NULL;
    copy->entries = aed_config_alloc(memory, (size_t)(node->count + extra), sizeof *copy->entries);
    if (!copy->entries) return NULL;
    if (node->count)
        memcpy(copy->entries, node->entries, (size_t)node->count * sizeof *copy->entries);
    copy->count = node->count;
    return copy;
}

/* {key: value} */
static const aed_node *wrap(aed_config_memory *memory, const char *key, aed_place place,
                            const aed_node *value)
{
    aed_node *node = new_node(memory, AED_NODE_MAPPING, place);
    aed_entry entry = {key, place, value};
    if (!node || aed_node_append(memory, node, entry) != AED_OK) return NULL;
    return node;
}

/* ---- Setting ---------------------------------------------------------------------------------- */

static aed_status set_at(aed_config_memory *memory, const aed_node *node, const aed_path *path,
                         int64_t at, const aed_node *value, const aed_node **result);

/* The path with `key` put in before keys[at]. */
static aed_status insert_key(aed_config_memory *memory, const aed_path *path, int64_t at,
                             const char *key, aed_path *longer)
{
    *longer = *path;
    longer->keys = aed_config_alloc(memory, (size_t)path->count + 1, sizeof *longer->keys);
    if (!longer->keys) return AED_MEMORY;
    for (int64_t i = 0; i < path->count; i++) longer->keys[i + (i >= at)] = path->keys[i];
    longer->keys[at] = key;
    longer->count++;
    return AED_OK;
}

static aed_status set_in_list(aed_config_memory *memory, const aed_node *list, const aed_path *path,
                              int64_t at, const aed_node *value, const aed_node **result)
{
    aed_status status;
    int64_t index;
    AED_TRY(aed_path_element(list, path, at, &index));
    bool is_new = index == list->count;
    aed_node *copy = copy_node(memory, list, 1);
    if (!copy) return AED_MEMORY;
    *result = copy;
    if (at + 1 == path->count && aed_node_is_null(value)) {
        if (is_new) return aed_place_fail(path->place, "there is nothing to append");
        copy->count--;
        memmove(&copy->entries[index], &copy->entries[index + 1],
                (size_t)(copy->count - index) * sizeof *copy->entries);
        return AED_OK;
    }
    const aed_node *old = is_new ? NULL : list->entries[index].value;
    aed_entry entry = {NULL, path->place, NULL};
    aed_path whole = *path;
    const char *kind = old && at + 1 < path->count ? aed_path_implied_kind(aed_config_kinds(memory),
                                                                           old, path->keys[at + 1])
                                                   : NULL;
    if (kind) AED_TRY(insert_key(memory, path, at + 1, kind, &whole));
    AED_TRY(set_at(memory, old, &whole, at + 1, value, &entry.value));
    copy->entries[index] = entry;
    copy->count += is_new;
done:
    return status;
}

static aed_status set_in_mapping(aed_config_memory *memory, const aed_node *mapping,
                                 const aed_path *path, int64_t at, const aed_node *value,
                                 const aed_node **result)
{
    const char *key = path->keys[at];
    const aed_entry *old = aed_node_entry(mapping, key);
    aed_entry entry = old ? *old : (aed_entry){key, path->place, NULL};
    if (!old && mapping->count >= AED_YAML_MAX_KEYS)
        return aed_place_fail(path->place, "more than %d keys in one mapping", AED_YAML_MAX_KEYS);
    aed_status status = set_at(memory, entry.value, path, at + 1, value, &entry.value);
    if (status != AED_OK) return status;
    aed_node *copy = copy_node(memory, mapping, 1);
    if (!copy) return AED_MEMORY;
    copy->entries[old ? old - mapping->entries : copy->count++] = entry;
    *result = copy;
    return AED_OK;
}

/* Turns what is at keys[at] into something that keys[at] can be set in: nothing becomes a mapping (a
 * list for `+`), the bare kind `relu` before the key `relu` becomes {relu: }, and the 32 of
 * `linear: 32` becomes {out: 32}. */
static aed_status open_node(aed_config_memory *memory, const aed_node **node, const aed_path *path,
                            int64_t at)
{
    const char *key = path->keys[at];
    int64_t index;
    if (!*node || aed_node_is_null(*node)) {
        *node = new_node(memory, strcmp(key, "+") == 0 ? AED_NODE_SEQUENCE : AED_NODE_MAPPING,
                         path->place);
        return *node ? AED_OK : AED_MEMORY;
    }
    bool list = (*node)->type == AED_NODE_SEQUENCE;
    if ((*node)->type == AED_NODE_MAPPING) return AED_OK;
    if (list && (strcmp(key, "+") == 0 || aed_path_is_index(key, &index))) return AED_OK;
    const char *alone = at > 0 ? aed_registry_main_arg(aed_config_kinds(memory), path->keys[at - 1],
                                                       key)
                               : NULL;
    if (alone)
        *node = wrap(memory, alone, (*node)->place, *node);
    else if (list)
        return AED_OK;
    else if (strcmp((*node)->text, key) == 0)
        *node = wrap(memory, key, (*node)->place, NULL);
    else {
        char text[128];
        return aed_place_fail(path->place, "'%s' cannot be set: what it belongs to is %s",
                              aed_show(key).text, aed_node_describe(*node, text));
    }
    return *node ? AED_OK : AED_MEMORY;
}

/* The node with `value` at keys[at], keys[at + 1] ...; `node` is NULL where there was none. */
static aed_status set_at(aed_config_memory *memory, const aed_node *node, const aed_path *path,
                         int64_t at, const aed_node *value, const aed_node **result)
{
    if (at == path->count) {
        *result = value;
        return AED_OK;
    }
    aed_status status = open_node(memory, &node, path, at);
    if (status != AED_OK) return status;
    if (node->type == AED_NODE_SEQUENCE) return set_in_list(memory, node, path, at, value, result);
    return set_in_mapping(memory, node, path, at, value, result);
}

aed_status aed_node_set(aed_config_memory *memory, const aed_node *root, const aed_path *path,
                        const aed_node *value, const aed_node **result)
{
    return set_at(memory, root, path, 0, value, result);
}

/* ---- One override ----------------------------------------------------------------------------- */

/* The override's text fit for messages: one line, not endless. */
static const char *override_source(aed_config_memory *memory, const char *override)
{
    enum { LONGEST = 160 };
    size_t length = strlen(override);
    bool cut = length > LONGEST;
    char *source = aed_config_printf(memory, "%.*s%s", LONGEST, override, cut ? "..." : "");
    if (!source) return NULL;
    for (char *at = source; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7F) *at = ' ';
    return source;
}

aed_status aed_override_parse(aed_config_memory *memory, const char *text, aed_override *override)
{
    aed_status status;
    aed_place place = {override_source(memory, text), 0, 0};
    if (!place.source) return AED_MEMORY;
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return aed_place_fail(place, "not an override; write key.path=value");
    if (equals[1 + strspn(equals + 1, " \t\r\n")] == 0)
        return aed_place_fail(place, "a value is missing after '='; null takes a value back");
    override->key = aed_config_copy(memory, text, (size_t)(equals - text));
    if (!override->key) return AED_MEMORY;
    AED_TRY(aed_node_parse(memory, equals + 1, strlen(equals + 1), place, &override->value));
    status = aed_path_parse(memory, override->key, place, &override->path);
done:
    return status;
}

bool aed_override_is_structural(const char *key)
{
    return strcmp(key, "sweep") == 0 || strcmp(key, "variants") == 0 || strcmp(key, "variant") == 0;
}

/* What stands behind the first `dots` dots of a key. */
static const char *rest_of(const char *key, int dots)
{
    for (; dots > 0; dots--) key = strchr(key, '.') + 1;
    return key;
}

aed_status aed_override_apply(aed_config_memory *memory, const aed_node **root,
                              const aed_override *override)
{
    aed_path path = override->path;
    const char *keys[3];
    if (path.count > 1 && strcmp(path.keys[0], "sweep") == 0)
        return aed_sweep_set(memory, root, rest_of(override->key, 1), path.place, override->value);
    if (path.count > 3 && strcmp(path.keys[0], "variants") == 0) {
        keys[0] = path.keys[0];
        keys[1] = path.keys[1];
        keys[2] = rest_of(override->key, 2);
        path.keys = keys;
        path.count = 3;
    }
    return aed_node_set(memory, *root, &path, override->value, root);
}
