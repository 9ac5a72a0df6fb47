/* Key paths: see path.h. */
#include "config/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/kinds.h"
#include "config/suggest.h"

static const struct {
    const char *name, *path;
} short_names[] = {{"input_noise", "train.input_noise"}};

const char *aed_path_full(const char *path)
{
    for (size_t i = 0; i < sizeof short_names / sizeof short_names[0]; i++)
        if (strcmp(path, short_names[i].name) == 0) return short_names[i].path;
    return path;
}

bool aed_path_same(const char *a, const char *b)
{
    return strcmp(aed_path_full(a), aed_path_full(b)) == 0;
}

aed_status aed_path_parse(aed_config_memory *memory, const char *text, aed_place place,
                          aed_path *path)
{
    text = aed_path_full(text);
    int64_t count = 1;
    for (const char *at = text; *at; at++) count += *at == '.';
    if (count > AED_YAML_MAX_DEPTH)
        return aed_place_fail(place, "a key path of more than %d keys", AED_YAML_MAX_DEPTH);
    path->keys = aed_config_alloc(memory, (size_t)count, sizeof *path->keys);
    if (!path->keys) return AED_MEMORY;
    path->count = count;
    path->place = place;
    for (int64_t i = 0; i < count; i++) {
        size_t length = strcspn(text, ".");
        if (length == 0)
            return aed_place_fail(place, "an empty key in the path; write it like train.batch");
        path->keys[i] = aed_config_copy(memory, text, length);
        if (!path->keys[i]) return AED_MEMORY;
        text += length + 1;
    }
    return AED_OK;
}

/* ---- Elements of lists ------------------------------------------------------------------------ */

/* The `name:` of a layer `{kind: {name: ...}}`, or NULL. */
static const char *element_name(const aed_node *element)
{
    if (element->type != AED_NODE_MAPPING || element->count != 1) return NULL;
    const aed_node *name = aed_node_get(element->entries[0].value, "name");
    return name && name->type == AED_NODE_SCALAR ? name->text : NULL;
}

bool aed_path_is_index(const char *key, int64_t *index)
{
    char *end;
    size_t digits = strspn(key + (*key == '-'), "0123456789");
    if (digits == 0 || key[(*key == '-') + digits]) return false;
    errno = 0;
    *index = strtoll(key, &end, 10);
    return errno == 0;
}

aed_status aed_path_element(const aed_node *list, const aed_path *path, int64_t at, int64_t *index)
{
    enum { MAX_NAMES = 64 };
    const char *names[MAX_NAMES], *key = path->keys[at];
    int name_count = 0;
    *index = list->count;
    if (strcmp(key, "+") == 0) return AED_OK;
    if (aed_path_is_index(key, index)) {
        int64_t asked = *index;
        if (asked < 0) *index += list->count;
        if (*index >= 0 && *index < list->count) return AED_OK;
        return aed_place_fail(path->place, "there is no element %lld; the list has %lld",
                              (long long)asked, (long long)list->count);
    }
    for (int64_t i = 0; i < list->count; i++) {
        const char *name = element_name(list->entries[i].value);
        if (!name) continue;
        *index = i;
        if (strcmp(name, key) == 0) return AED_OK;
        if (name_count < MAX_NAMES) names[name_count++] = name;
    }
    const char *near = aed_suggest(key, names, name_count);
    return aed_place_fail(path->place,
                          "no element of the list is called '%s'%s%s%s; write its index, + or its "
                          "name:",
                          aed_show(key).text, near ? " (did you mean '" : "",
                          near ? aed_show(near).text : "", near ? "'?)" : "");
}

/* The kind that an element of a list names: `relu`, `{linear: 32}`; NULL if it is nothing known. */
static const char *element_kind(const aed_kinds *own, const aed_node *element)
{
    const char *name = NULL;
    if (element->type == AED_NODE_SCALAR) name = element->text;
    if (element->type == AED_NODE_MAPPING && element->count == 1) name = element->entries[0].key;
    return name && aed_registry_knows(own, name) ? name : NULL;
}

const char *aed_path_implied_kind(const aed_kinds *own, const aed_node *element, const char *key)
{
    return aed_registry_knows(own, key) ? NULL : element_kind(own, element);
}

/* ---- What a path leads to --------------------------------------------------------------------- */

/* Whether the path's keys, joined by dots, are `text`. */
static bool is_path(const aed_path *path, const char *text)
{
    for (int64_t i = 0; i < path->count; i++) {
        size_t length = strlen(path->keys[i]);
        if (strncmp(text, path->keys[i], length) != 0) return false;
        if (text[length] != (i + 1 < path->count ? '.' : '\0')) return false;
        text += length + 1;
    }
    return true;
}

/* What is at the first `count` keys; NULL if there is nothing. */
static const aed_node *node_at(const aed_node *node, const aed_path *path, int64_t count)
{
    for (int64_t i = 0; node && i < count; i++) {
        int64_t index;
        if (node->type == AED_NODE_SEQUENCE)
            node = aed_path_element(node, path, i, &index) == AED_OK && index < node->count
                       ? node->entries[index].value
                       : NULL;
        else
            node = aed_node_get(node, path->keys[i]);
    }
    return node;
}

/* The kind whose argument the last key may be. */
static const char *owner_of_last(const aed_kinds *own, const aed_node *root, const aed_path *path)
{
    if (path->count < 2) return NULL;
    const char *before = path->keys[path->count - 2];
    if (aed_registry_knows(own, before)) return before;
    const aed_node *owner = node_at(root, path, path->count - 1);
    if (!owner) return NULL;
    const aed_node *source = aed_node_get(owner, "source"); /* the data source's stand beside it */
    if (strcmp(before, "data") == 0)
        return source && source->type == AED_NODE_SCALAR ? source->text : NULL;
    return element_kind(own, owner);
}

bool aed_path_is_whole(const aed_kinds *own, const aed_node *root, const aed_path *path)
{
    const char *last = path->keys[path->count - 1];
    for (const char *const *whole = aed_section_wholes; *whole; whole++)
        if (is_path(path, *whole)) return true;
    const char *owner = owner_of_last(own, root, path);
    return (owner && aed_registry_is_whole(own, owner, last)) ||
           aed_registry_is_whole(own, last, NULL);
}
