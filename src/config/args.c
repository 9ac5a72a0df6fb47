/* Kinds as they are written, and their arguments; see read.h. */
#include <stdio.h>
#include <string.h>

#include "config/read.h"
#include "config/suggest.h"

enum { MAX_CANDIDATES = 64 };

/* In an override the key is shown with the path that leads to it ("train.bathc"), as the user wrote
 * it: the override's text up to the last key of that name. NULL if it is not in the path. */
static const char *override_path(const aed_entry *entry, char *path, size_t room)
{
    const char *source = entry->place.source;
    size_t whole = strcspn(source, "="), length = strlen(entry->key), end = 0;
    for (size_t at = 0; at < whole;) {
        size_t step = strcspn(source + at, ".=");
        if (step == length && strncmp(source + at, entry->key, length) == 0) end = at + step;
        at += step + 1;
    }
    if (end == 0 || end >= room) return NULL;
    snprintf(path, room, "%.*s", (int)end, source);
    return path;
}

/* The section that has a key of this name, for "did you mean 'train.epochs'". */
static const char *elsewhere(const char *key, char *path, size_t room)
{
    for (aed_section_id id = 0; id < AED_SECTION_COUNT; id++) {
        const aed_section *section = aed_section_get(id);
        if (strncmp(section->path, "sweep", 5) == 0) continue; /* from, to: words of a range only */
        for (int i = 0; i < section->count; i++) {
            if (strcmp(section->keys[i].name, key) != 0) continue;
            snprintf(path, room, "%s%s%s", section->path, section->path[0] ? "." : "", key);
            return path;
        }
    }
    return NULL;
}

aed_status aed_read_unknown_key(const aed_entry *entry, const char *owner,
                                const char *const *candidates, int count)
{
    char path[128], other[128];
    const char *shown = entry->place.line == 0 ? override_path(entry, path, sizeof path) : NULL;
    const char *near = aed_suggest(entry->key, candidates, count);
    if (!near) near = elsewhere(entry->key, other, sizeof other);
    bool with_owner = !shown && owner[0];
    return aed_place_fail(entry->place, "unknown key '%s'%s%s%s%s%s",
                          shown ? shown : aed_show(entry->key).text, with_owner ? " in " : "",
                          with_owner ? owner : "", near ? " (did you mean '" : "", near ? near : "",
                          near ? "'?)" : "");
}

aed_status aed_read_section(const aed_node *node, aed_section_id id)
{
    const aed_section *section = aed_section_get(id);
    const char *candidates[MAX_CANDIDATES];
    char text[128];
    const char *path = section->path[0] ? section->path : "the config";
    if (node->type != AED_NODE_MAPPING)
        return aed_place_fail(node->place, "%s must be a mapping of keys to values, but is %s",
                              path, aed_node_describe(node, text));
    for (int i = 0; i < section->count; i++) candidates[i] = section->keys[i].name;
    for (int64_t i = 0; i < node->count; i++) {
        const aed_entry *entry = &node->entries[i];
        int k = 0;
        while (k < section->count && strcmp(section->keys[k].name, entry->key) != 0) k++;
        if (k == section->count)
            return aed_read_unknown_key(entry, section->path, candidates, section->count);
    }
    return AED_OK;
}

/* Refuses a key of `args` that is neither an argument of `kind` nor one of `beside`. */
static aed_status check_arg_keys(const aed_kind *kind, const aed_node *args,
                                 const aed_section *beside)
{
    const char *candidates[MAX_CANDIDATES];
    int count = 0;
    for (int i = 0; i < beside->count; i++) candidates[count++] = beside->keys[i].name;
    for (int i = 0; i < kind->arg_count && count < MAX_CANDIDATES; i++)
        candidates[count++] = kind->args[i].name;
    for (int64_t i = 0; i < args->count; i++) {
        const char *key = args->entries[i].key;
        int k = 0;
        while (k < count && strcmp(candidates[k], key) != 0) k++;
        if (k == count)
            return aed_read_unknown_key(&args->entries[i], kind->name, candidates, count);
    }
    return AED_OK;
}

aed_status aed_read_args(aed_config_memory *memory, const aed_kind *kind, const aed_node *args,
                         const char *extra, aed_place place, aed_spec *spec)
{
    const aed_key key = {extra, ""};
    const aed_section beside = {"", &key, extra ? 1 : 0};
    return aed_read_args_beside(memory, kind, args, &beside, place, spec);
}

aed_status aed_read_args_beside(aed_config_memory *memory, const aed_kind *kind,
                                const aed_node *args, const aed_section *beside, aed_place place,
                                aed_spec *spec)
{
    aed_status status = AED_OK;
    char text[128];
    if (aed_node_is_null(args)) args = NULL;
    if (args && args->type != AED_NODE_MAPPING)
        AED_TRY(aed_place_fail(
            args->place, "the arguments of %s must be a mapping of keys to values, but are %s",
            kind->name, aed_node_describe(args, text)));
    if (args) AED_TRY(check_arg_keys(kind, args, beside));
    aed_arg_value *values = aed_config_alloc(memory, (size_t)kind->arg_count, sizeof *values);
    spec->where = aed_place_text(memory, place);
    if (!values || !spec->where) return AED_MEMORY;
    for (int i = 0; i < kind->arg_count; i++) {
        const aed_arg_def *def = &kind->args[i];
        AED_TRY(aed_read_value(memory, def, kind->name, aed_node_get(args, def->name), &values[i]));
        if (def->required && !values[i].given)
            AED_TRY(aed_place_fail(place, "missing key '%s' in %s%s%s%s", def->name, kind->name,
                                   def->help ? " (" : "", def->help ? def->help : "",
                                   def->help ? ")" : ""));
    }
    spec->kind = kind;
    spec->values = values;
done:
    return status;
}

aed_status aed_read_kind_name(aed_config_memory *memory, aed_registry registry, const char *name,
                              aed_place place, const aed_kind **kind)
{
    const aed_kinds *own = aed_config_kinds(memory);
    const char *candidates[MAX_CANDIDATES];
    char list[512] = "";
    *kind = aed_registry_find(own, registry, name);
    if (*kind) return AED_OK;
    int count = aed_registry_size(own, registry);
    if (count > MAX_CANDIDATES) count = MAX_CANDIDATES;
    for (int i = 0; i < count; i++) {
        size_t used = strlen(list);
        candidates[i] = aed_registry_kind(own, registry, i)->name;
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", candidates[i]);
    }
    const char *near = aed_suggest(name, candidates, count);
    return aed_place_fail(
        place, "unknown %s '%s' (%s%s%s)", aed_registry_noun(registry), aed_show(name).text,
        near ? "did you mean '" : "there are: ", near ? near : list, near ? "'?" : "");
}

aed_status aed_read_kind_use(aed_config_memory *memory, aed_registry registry, const aed_node *node,
                             aed_kind_use *use)
{
    const char *noun = aed_registry_noun(registry);
    const char *article = strchr("aeiou", noun[0]) ? "an" : "a";
    char text[128];
    use->args = NULL;
    use->place = node->place;
    if (node->type == AED_NODE_SCALAR && !aed_node_is_null(node))
        return aed_read_kind_name(memory, registry, node->text, node->place, &use->kind);
    if (node->type != AED_NODE_MAPPING || node->count == 0)
        return aed_place_fail(node->place, "%s %s must be a name or {name: arguments}, but is %s",
                              article, noun, aed_node_describe(node, text));
    const aed_entry *entry = &node->entries[0];
    if (node->count > 1)
        return aed_place_fail(
            node->entries[1].place,
            "%s %s is one name with its arguments below it, but '%s' stands beside "
            "'%s'; write {%s: {...}}",
            article, noun, aed_show(node->entries[1].key).text, aed_show(entry->key).text,
            aed_show(entry->key).text);
    use->place = entry->place;
    use->args = entry->value;
    return aed_read_kind_name(memory, registry, entry->key, entry->place, &use->kind);
}

aed_status aed_read_kind(aed_config_memory *memory, aed_registry registry, const aed_node *node,
                         const char *extra, aed_spec *spec, const aed_node **args)
{
    aed_kind_use use;
    aed_node alone = {.type = AED_NODE_MAPPING, .count = 1};
    aed_entry entry;
    aed_status status = aed_read_kind_use(memory, registry, node, &use);
    if (status != AED_OK) return status;
    if (args) *args = use.args && use.args->type == AED_NODE_MAPPING ? use.args : NULL;
    if (use.args && !aed_node_is_null(use.args) && use.args->type != AED_NODE_MAPPING &&
        use.kind->main_arg) {
        entry = (aed_entry){use.kind->main_arg, use.args->place, use.args};
        alone.place = use.args->place;
        alone.entries = &entry;
        use.args = &alone;
    }
    return aed_read_args(memory, use.kind, use.args, extra, use.place, spec);
}
