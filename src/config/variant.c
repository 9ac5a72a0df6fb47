/* Variants: see variant.h. */
#include "config/variant.h"

#include <stdio.h>
#include <string.h>

#include "config/suggest.h"

enum { LONGEST_NAME = 64, MAX_NAMES = 64 };

static const char sections[] = "variants";

static aed_status check_name_form(const aed_entry *entry)
{
    bool good = strlen(entry->key) <= LONGEST_NAME;
    for (const char *at = entry->key; good && *at; at++)
        good = (unsigned char)*at > 0x20 && *at != 0x7F;
    if (good) return AED_OK;
    return aed_place_fail(entry->place,
                          "a variant's name must be a word of at most %d letters, but is '%s'",
                          LONGEST_NAME, aed_show(entry->key).text);
}

static aed_status check_entries(aed_config_memory *memory, const char *name,
                                const aed_node *overrides)
{
    static const char *const barred[] = {"sweep", "variants", "variant", "name"};
    aed_status status = AED_OK;
    aed_path path;
    for (int64_t i = 0; i < overrides->count; i++) {
        const aed_entry *entry = &overrides->entries[i];
        AED_TRY(aed_path_parse(memory, entry->key, entry->place, &path));
        for (size_t k = 0; k < sizeof barred / sizeof barred[0]; k++)
            if (strcmp(path.keys[0], barred[k]) == 0)
                AED_TRY(aed_place_fail(entry->place, "a variant cannot set '%s', but '%s' does",
                                       barred[k], aed_show(name).text));
        for (int64_t j = 0; j < i; j++)
            if (aed_path_same(overrides->entries[j].key, entry->key))
                AED_TRY(aed_place_fail(entry->place, "variant '%s' sets '%s' twice",
                                       aed_show(name).text, aed_show(entry->key).text));
    }
done:
    return status;
}

aed_status aed_variant_check(aed_config_memory *memory, const aed_node *root)
{
    aed_status status = AED_OK;
    char text[128];
    const aed_node *variants = aed_node_get(root, sections);
    if (aed_node_is_null(variants)) return AED_OK;
    if (variants->type != AED_NODE_MAPPING)
        return aed_place_fail(variants->place,
                              "variants must be a mapping of names to overrides, such as {wide: "
                              "{train.batch: 256}}, but is %s",
                              aed_node_describe(variants, text));
    for (int64_t i = 0; i < variants->count; i++) {
        const aed_entry *entry = &variants->entries[i];
        AED_TRY(check_name_form(entry));
        if (aed_node_is_null(entry->value)) continue;
        if (entry->value->type != AED_NODE_MAPPING)
            AED_TRY(aed_place_fail(entry->value->place,
                                   "variant '%s' must be a mapping of key paths to values, but is "
                                   "%s",
                                   aed_show(entry->key).text,
                                   aed_node_describe(entry->value, text)));
        AED_TRY(check_entries(memory, entry->key, entry->value));
    }
done:
    return status;
}

aed_status aed_variant_check_name(const aed_node *root, const aed_node *name)
{
    const aed_node *variants = aed_node_get(root, sections);
    const char *names[MAX_NAMES];
    char text[128], list[256] = "";
    int count = 0;
    if (name->type != AED_NODE_SCALAR)
        return aed_place_fail(name->place, "'variant' must be the name of a variant, but is %s",
                              aed_node_describe(name, text));
    if (aed_node_is_null(variants))
        return aed_place_fail(name->place, "there is no variant '%s': the config has no 'variants'",
                              aed_show(name->text).text);
    if (aed_node_entry(variants, name->text)) return AED_OK;
    for (int64_t i = 0; i < variants->count && count < MAX_NAMES; i++) {
        size_t used = strlen(list);
        names[count++] = variants->entries[i].key;
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", variants->entries[i].key);
    }
    const char *near = aed_suggest(name->text, names, count);
    return aed_place_fail(
        name->place, "there is no variant '%s' (%s%s%s)", aed_show(name->text).text,
        near ? "did you mean '" : "there are: ", near ? near : list, near ? "'?" : "");
}

const aed_node *aed_variant_get(const aed_node *root, const aed_node *name)
{
    const aed_node *overrides = aed_node_get(aed_node_get(root, sections), name->text);
    return aed_node_is_null(overrides) ? NULL : overrides;
}

/* ---- Trees ------------------------------------------------------------------------------------ */

/* `root` without the sections that make several configs of one. */
static aed_status strip(aed_config_memory *memory, const aed_node *root, const aed_node **base)
{
    aed_node *copy = aed_config_alloc(memory, 1, sizeof *copy);
    if (!copy) return AED_MEMORY;
    *copy = (aed_node){.type = root->type, .place = root->place};
    for (int64_t i = 0; i < root->count; i++) {
        if (aed_override_is_structural(root->entries[i].key)) continue;
        aed_status status = aed_node_append(memory, copy, root->entries[i]);
        if (status != AED_OK) return status;
    }
    *base = copy;
    return AED_OK;
}

aed_status aed_variant_apply(aed_config_memory *memory, const aed_config_source *source,
                             const aed_node *name, const aed_node **tree)
{
    aed_status status;
    aed_path path;
    const aed_node *overrides = name ? aed_variant_get(source->root, name) : NULL;
    AED_TRY(strip(memory, source->root, tree));
    for (int64_t i = 0; overrides && i < overrides->count; i++) {
        const aed_entry *entry = &overrides->entries[i];
        AED_TRY(aed_path_parse(memory, entry->key, entry->place, &path));
        AED_TRY(aed_node_set(memory, *tree, &path, entry->value, tree));
    }
    for (int64_t i = 0; i < source->override_count; i++) {
        const aed_override *override = &source->overrides[i];
        AED_TRY(aed_node_set(memory, *tree, &override->path, override->value, tree));
    }
done:
    return status;
}

/* ---- Writing ---------------------------------------------------------------------------------- */

/* Whether an override sets `key` or what it belongs to. */
static bool is_overridden(const aed_config_source *source, const char *key)
{
    key = aed_path_full(key);
    for (int64_t i = 0; i < source->override_count; i++) {
        const char *other = aed_path_full(source->overrides[i].key);
        size_t length = strlen(other);
        if (strncmp(other, key, length) == 0 && (key[length] == '.' || !key[length])) return true;
    }
    return false;
}

void aed_variant_write(aed_text *text, const aed_config_source *source)
{
    const aed_node *variants = aed_node_get(source->root, sections);
    if (aed_node_is_null(variants)) return;
    aed_text_add(text, "variants:");
    if (variants->count == 0) aed_text_add(text, " {}");
    aed_text_add(text, "\n");
    for (int64_t i = 0; i < variants->count; i++) {
        const aed_node *overrides = variants->entries[i].value;
        bool first = true;
        aed_text_add(text, "  ");
        aed_text_add_string(text, variants->entries[i].key);
        aed_text_add(text, ": {");
        for (int64_t k = 0; !aed_node_is_null(overrides) && k < overrides->count; k++) {
            const aed_entry *entry = &overrides->entries[k];
            if (is_overridden(source, entry->key)) continue;
            if (!first) aed_text_add(text, ", ");
            aed_text_add_string(text, entry->key);
            aed_text_add(text, ": ");
            aed_text_add_node(text, entry->value);
            first = false;
        }
        aed_text_add(text, "}\n");
    }
}
