/* Exclusions: see exclude.h. The values of each axis are compared once, the trials look up bits. */
#include "config/exclude.h"

#include <stdlib.h>
#include <string.h>

#include "config/range.h"
#include "config/scalar.h"
#include "config/suggest.h"

static aed_number_form form_of(const aed_node *node)
{
    return node->type == AED_NODE_SCALAR && node->plain ? aed_number_form_of(node->text)
                                                        : AED_NUMBER_NONE;
}

/* Whether two values are the same: 1, 1.0 and 1.0e+0 are, lists and mappings in their order. */
static bool is_equal(const aed_node *a, const aed_node *b)
{
    if (aed_node_is_null(a) || aed_node_is_null(b))
        return aed_node_is_null(a) == aed_node_is_null(b);
    if (a->type != b->type) return false;
    if (a->type == AED_NODE_SCALAR) {
        const aed_number_form form_a = form_of(a), form_b = form_of(b);
        const bool seeds = form_a == AED_NUMBER_WHOLE && form_b == AED_NUMBER_WHOLE;
        /* Two whole numbers may be seeds, which a double does not hold. */
        if (seeds || form_a == AED_NUMBER_NONE || form_b == AED_NUMBER_NONE)
            return strcmp(a->text + (seeds && a->text[0] == '+'),
                          b->text + (seeds && b->text[0] == '+')) == 0;
        return strtod(a->text, NULL) == strtod(b->text, NULL);
    }
    if (a->count != b->count) return false;
    for (int64_t i = 0; i < a->count; i++) {
        if (a->type == AED_NODE_MAPPING && strcmp(a->entries[i].key, b->entries[i].key) != 0)
            return false;
        if (!is_equal(a->entries[i].value, b->entries[i].value)) return false;
    }
    return true;
}

static bool has_equal(const aed_node *list, const aed_node *value)
{
    for (int64_t i = 0; i < list->count; i++)
        if (is_equal(list->entries[i].value, value)) return true;
    return false;
}

/* A list means itself where the axis has it as a value, else each of its elements. */
static bool is_meant(const aed_node *value, const aed_node *pattern, bool elements)
{
    return elements ? has_equal(pattern, value) : is_equal(value, pattern);
}

static aed_status unknown_key(const aed_axes *axes, const aed_entry *entry)
{
    const char *keys[AED_SWEEP_MAX_KEYS];
    int count = 0;
    for (int64_t i = 0; i < axes->count; i++)
        for (int64_t k = 0; k < axes->axes[i].key_count; k++)
            keys[count++] = axes->axes[i].keys[k].key;
    const char *near = aed_suggest(entry->key, keys, count);
    return aed_place_fail(entry->place,
                          "exclude names '%s', which is not swept%s%s%s; sweep.exclude=null takes "
                          "all exclusions back",
                          aed_show(entry->key).text, near ? " (did you mean '" : "",
                          near ? aed_show(near).text : "", near ? "'?)" : "");
}

/* The bits of the axis' values that one key of an entry means. */
static aed_status make_part(aed_config_memory *memory, const aed_axes *axes, const aed_entry *entry,
                            aed_exclusion_part *part)
{
    aed_status status = AED_OK;
    const aed_axis_key *key = aed_axes_find(axes, entry->key, &part->axis);
    const aed_node *pattern = entry->value;
    if (!key) return unknown_key(axes, entry);
    if (!aed_node_is_null(pattern) && aed_range_is(pattern))
        AED_TRY(aed_range_expand(memory, pattern, key->key, false, AED_YAML_MAX_KEYS, &pattern));
    const int64_t count = key->values->count;
    const bool elements = !aed_node_is_null(pattern) && pattern->type == AED_NODE_SEQUENCE &&
                          !has_equal(key->values, pattern);
    uint8_t *matches = aed_config_alloc(memory, (size_t)count / 8 + 1, 1);
    if (!matches) return AED_MEMORY;
    for (int64_t i = 0; i < count; i++)
        if (is_meant(key->values->entries[i].value, pattern, elements))
            matches[i / 8] |= (uint8_t)(1u << (i % 8));
    part->matches = matches;
done:
    return status;
}

static aed_status make_entry(aed_config_memory *memory, const aed_axes *axes, const aed_node *node,
                             aed_exclusion *exclusion)
{
    aed_status status = AED_OK;
    char text[128];
    if (aed_node_is_null(node) || node->type != AED_NODE_MAPPING || node->count == 0)
        return aed_place_fail(node->place,
                              "an entry of exclude must be a mapping of swept keys to values, such "
                              "as {seed: 3, noise_scale: 0}, but is %s",
                              node->type == AED_NODE_MAPPING ? "an empty one"
                                                             : aed_node_describe(node, text));
    exclusion->node = node;
    exclusion->count = node->count;
    exclusion->parts = aed_config_alloc(memory, (size_t)node->count, sizeof *exclusion->parts);
    if (!exclusion->parts) return AED_MEMORY;
    for (int64_t i = 0; i < node->count; i++)
        AED_TRY(make_part(memory, axes, &node->entries[i], &exclusion->parts[i]));
done:
    return status;
}

aed_status aed_exclusions_make(aed_config_memory *memory, const aed_axes *axes,
                               aed_exclusions *exclusions)
{
    aed_status status = AED_OK;
    char text[128];
    const aed_node *list = axes->exclude;
    *exclusions = (aed_exclusions){0};
    if (!list) return AED_OK;
    if (list->type != AED_NODE_SEQUENCE)
        return aed_place_fail(list->place,
                              "exclude must be a list of partial settings, such as [{seed: 3, "
                              "noise_scale: 0}], but is %s",
                              aed_node_describe(list, text));
    if (list->count > AED_SWEEP_MAX_EXCLUDES)
        return aed_place_fail(list->place,
                              "exclude has more than %d entries; give keys lists of "
                              "values",
                              AED_SWEEP_MAX_EXCLUDES);
    exclusions->entries = aed_config_alloc(memory, (size_t)list->count,
                                           sizeof *exclusions->entries);
    if (!exclusions->entries) return AED_MEMORY;
    exclusions->count = list->count;
    for (int64_t i = 0; i < list->count; i++)
        AED_TRY(make_entry(memory, axes, list->entries[i].value, &exclusions->entries[i]));
done:
    return status;
}

bool aed_exclusions_hit(aed_exclusions *exclusions, const aed_axes *axes, int64_t index)
{
    bool hit = false;
    for (int64_t i = 0; i < exclusions->count; i++) {
        aed_exclusion *exclusion = &exclusions->entries[i];
        bool all = true;
        for (int64_t k = 0; all && k < exclusion->count; k++) {
            const int64_t choice = aed_axes_choice(axes, exclusion->parts[k].axis, index);
            all = exclusion->parts[k].matches[choice / 8] >> (choice % 8) & 1;
        }
        exclusion->left_out += all;
        hit = hit || all;
    }
    return hit;
}
