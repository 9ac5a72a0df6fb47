/* Axes: see axes.h. */
#include "config/axes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/range.h"
#include "config/scalar.h"
#include "core/memory.h"

typedef struct maker {
    aed_config_memory *memory;
    const aed_config_source *source;
    const aed_node *tree; /* to look kinds up in */
    aed_axes *axes;
    int64_t values; /* so far */
} maker;

/* ---- Flattening ------------------------------------------------------------------------------- */

static bool is_zip(const char *key) { return strcmp(key, "zip") == 0; }
static bool is_exclude(const char *key) { return strcmp(key, "exclude") == 0; }

static aed_status flatten(aed_config_memory *memory, const aed_node *node, const char *prefix,
                          aed_node *flat)
{
    aed_status status = AED_OK;
    for (int64_t i = 0; i < node->count; i++) {
        aed_entry entry = node->entries[i];
        bool whole = !prefix[0] && (is_zip(entry.key) || is_exclude(entry.key));
        if (prefix[0]) entry.key = aed_config_printf(memory, "%s.%s", prefix, entry.key);
        if (!entry.key) return AED_MEMORY;
        if (!whole && entry.value && entry.value->type == AED_NODE_MAPPING &&
            !aed_range_is(entry.value))
            AED_TRY(flatten(memory, entry.value, entry.key, flat));
        else
            AED_TRY(aed_node_append(memory, flat, entry));
    }
done:
    return status;
}

aed_status aed_axes_flatten(aed_config_memory *memory, const aed_node *sweep, aed_node *flat)
{
    return flatten(memory, sweep, "", flat);
}

/* ---- Values of a key -------------------------------------------------------------------------- */

/* Text and number of a value, for the results. */
static aed_status describe_value(aed_config_memory *memory, const char *key, const aed_node *value,
                                 aed_trial_setting *setting)
{
    aed_text text = {0};
    char *bytes;
    aed_text_add_node(&text, value);
    aed_status status = aed_text_take(&text, &bytes);
    if (status != AED_OK) return status;
    setting->axis = key;
    setting->text = aed_config_copy(memory, bytes, strlen(bytes));
    setting->number = NAN;
    if (value->type == AED_NODE_SCALAR && value->plain &&
        aed_number_form_of(value->text) != AED_NUMBER_NONE)
        setting->number = strtod(value->text, NULL);
    aed_free(bytes);
    return setting->text ? AED_OK : AED_MEMORY;
}

/* The list of values as written or as the range gives it. */
static aed_status list_values(maker *m, const aed_entry *entry, aed_axis_key *key)
{
    aed_status status = AED_OK;
    char text[128];
    key->values = entry->value;
    if (!aed_node_is_null(key->values) && aed_range_is(key->values))
        AED_TRY(
            aed_range_expand(m->memory, entry->value, key->key,
                             aed_path_is_whole(aed_config_kinds(m->memory), m->tree, &key->path),
                             AED_SWEEP_MAX_TRIALS, &key->values));
    const aed_node *values = key->values;
    if (aed_node_is_null(values) || values->type != AED_NODE_SEQUENCE || values->count == 0)
        return aed_place_fail(
            entry->place, "the sweep of '%s' must be a list of values or a range, but is %s",
            aed_show(entry->key).text,
            values && values->type == AED_NODE_SEQUENCE ? "an empty list"
                                                        : aed_node_describe(values, text));
    if (values->count > AED_SWEEP_MAX_TRIALS)
        return aed_place_fail(entry->place, "the sweep has more than %d trials",
                              AED_SWEEP_MAX_TRIALS);
    m->values += values->count;
    if (m->values > AED_SWEEP_MAX_VALUES)
        status = aed_place_fail(entry->place, "the sweep lists more than %d values",
                                AED_SWEEP_MAX_VALUES);
done:
    return status;
}

static aed_status check_key(const maker *m, const aed_entry *entry, const aed_axis_key *key)
{
    static const char *const barred[] = {"sweep",      "variants",        "name",
                                         "checkpoint", "ranks_per_trial", "time_limit"};
    int64_t axis;
    for (size_t i = 0; i < sizeof barred / sizeof barred[0]; i++)
        if (strcmp(key->path.keys[0], barred[i]) == 0)
            return aed_place_fail(entry->place, "'%s' cannot be swept", barred[i]);
    for (size_t i = 0; i < 2; i++) {
        const char *word = i == 0 ? "zip" : "exclude";
        if (strcmp(key->path.keys[0], word) == 0)
            return aed_place_fail(entry->place,
                                  "'%s' stands at the top of the sweep and is set as a whole, "
                                  "sweep.%s=[...]",
                                  word, word);
    }
    const aed_axis_key *other = aed_axes_find(m->axes, entry->key, &axis);
    if (!other) return AED_OK;
    char line[48] = "";
    if (other->path.place.line > 0)
        snprintf(line, sizeof line, " (first in line %lld)", (long long)other->path.place.line);
    const bool overridden = entry->place.line == 0 && m->axes->axes[axis].is_group;
    return aed_place_fail(entry->place, "'%s' is swept twice%s%s", aed_show(entry->key).text, line,
                          overridden ? "; sweep.zip=null takes the zip groups away" : "");
}

static aed_status make_key(maker *m, const aed_entry *entry, aed_axis_key *key)
{
    aed_status status;
    key->key = entry->key;
    AED_TRY(aed_path_parse(m->memory, entry->key, entry->place, &key->path));
    AED_TRY(check_key(m, entry, key));
    if (++m->axes->key_count > AED_SWEEP_MAX_KEYS)
        AED_TRY(
            aed_place_fail(entry->place, "the sweep has more than %d keys", AED_SWEEP_MAX_KEYS));
    AED_TRY(list_values(m, entry, key));
    key->is_variant = strcmp(entry->key, "variant") == 0;
    const int64_t count = key->values->count;
    key->settings = aed_config_alloc(m->memory, (size_t)count, sizeof *key->settings);
    if (!key->settings) return AED_MEMORY;
    for (int64_t i = 0; i < count; i++) {
        const aed_node *value = key->values->entries[i].value;
        if (key->is_variant) AED_TRY(aed_variant_check_name(m->source->root, value));
        AED_TRY(describe_value(m->memory, key->key, value, &key->settings[i]));
    }
done:
    return status;
}

/* ---- Axes ------------------------------------------------------------------------------------- */

/* The texts of all keys of an axis at one value, to find a combination that comes twice. */
static aed_status row_text(aed_config_memory *memory, const aed_axis *axis, int64_t at,
                           const char **row)
{
    aed_text text = {0};
    char *bytes;
    *row = axis->keys[0].settings[at].text;
    if (axis->key_count == 1) return AED_OK;
    for (int64_t k = 0; k < axis->key_count; k++) {
        if (k) aed_text_add(&text, ", ");
        aed_text_add(&text, axis->keys[k].settings[at].text);
    }
    aed_status status = aed_text_take(&text, &bytes);
    if (status != AED_OK) return status;
    *row = aed_config_copy(memory, bytes, strlen(bytes));
    aed_free(bytes);
    return *row ? AED_OK : AED_MEMORY;
}

static int compare_texts(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* Refuses a value that an axis has twice. */
static aed_status check_twice(const aed_axis *axis)
{
    aed_config_memory *scratch = NULL;
    aed_status status;
    AED_TRY(aed_config_memory_create(NULL, &scratch));
    const char **rows = aed_config_alloc(scratch, (size_t)axis->count, sizeof *rows);
    if (!rows) AED_TRY(AED_MEMORY);
    for (int64_t i = 0; i < axis->count; i++) AED_TRY(row_text(scratch, axis, i, &rows[i]));
    qsort(rows, (size_t)axis->count, sizeof *rows, compare_texts);
    for (int64_t i = 1; i < axis->count; i++) {
        if (strcmp(rows[i - 1], rows[i]) != 0) continue;
        const bool group = axis->key_count > 1;
        AED_TRY(aed_place_fail(axis->place, "the sweep of '%s'%s has the value%s %s twice",
                               aed_show(axis->keys[0].key).text, group ? " and its group" : "",
                               group ? "s" : "", aed_show(rows[i]).text));
    }
done:
    aed_config_memory_destroy(&scratch);
    return status;
}

/* Makes an axis of the keys of a flat mapping and puts it behind the others. */
static aed_status add_axis(maker *m, const aed_node *group, bool is_group, aed_place place)
{
    aed_status status;
    aed_axis *axis = &m->axes->axes[m->axes->count];
    *axis = (aed_axis){.is_group = is_group, .place = place};
    axis->keys = aed_config_alloc(m->memory, (size_t)group->count, sizeof *axis->keys);
    if (!axis->keys) return AED_MEMORY;
    m->axes->count++;
    m->axes->last = place;
    for (int64_t i = 0; i < group->count; i++) {
        const aed_entry *entry = &group->entries[i];
        AED_TRY(make_key(m, entry, &axis->keys[i]));
        axis->key_count++;
        if (i == 0) axis->count = axis->keys[0].values->count;
        if (axis->keys[i].values->count != axis->count)
            AED_TRY(aed_place_fail(
                entry->place,
                "'%s' has %lld values, but '%s'%s in its zip group has %lld; one value of each "
                "makes a trial",
                aed_show(entry->key).text, (long long)axis->keys[i].values->count,
                aed_show(group->entries[0].key).text,
                group->entries[0].place.line
                    ? aed_config_printf(m->memory, " (line %lld)",
                                        (long long)group->entries[0].place.line)
                    : "",
                (long long)axis->count));
    }
    AED_TRY(check_twice(axis));
    m->axes->product *= axis->count; /* both are at most the limit */
    if (m->axes->product > AED_SWEEP_MAX_TRIALS)
        status = aed_place_fail(place, "the sweep has more than %d trials", AED_SWEEP_MAX_TRIALS);
done:
    return status;
}

static aed_status add_group(maker *m, const aed_node *group)
{
    char text[128];
    if (aed_node_is_null(group) || group->type != AED_NODE_MAPPING || group->count == 0)
        return aed_place_fail(group->place,
                              "a zip group must be a mapping of key paths to lists of values, but "
                              "is %s",
                              group->type == AED_NODE_MAPPING ? "an empty one"
                                                              : aed_node_describe(group, text));
    aed_node *flat = aed_config_alloc(m->memory, 1, sizeof *flat);
    if (!flat) return AED_MEMORY;
    *flat = (aed_node){.type = AED_NODE_MAPPING, .place = group->place};
    aed_status status = flatten(m->memory, group, "", flat);
    return status == AED_OK ? add_axis(m, flat, true, group->place) : status;
}

/* `zip:` a list of groups, or one group. */
static aed_status add_groups(maker *m, const aed_node *groups)
{
    aed_status status = AED_OK;
    if (aed_node_is_null(groups)) return AED_OK;
    if (groups->type != AED_NODE_SEQUENCE) return add_group(m, groups);
    for (int64_t i = 0; i < groups->count; i++) AED_TRY(add_group(m, groups->entries[i].value));
done:
    return status;
}

/* More axes than this cannot come from a flat sweep; the number of keys is checked one by one. */
static int64_t most_axes(const aed_node *flat)
{
    const aed_node *zip = aed_node_get(flat, "zip");
    return flat->count + (zip && zip->type == AED_NODE_SEQUENCE ? zip->count : 1);
}

aed_status aed_axes_make(aed_config_memory *memory, const aed_config_source *source,
                         const aed_node *flat, aed_axes *axes)
{
    maker m = {.memory = memory, .source = source, .axes = axes};
    aed_status status = AED_OK;
    *axes = (aed_axes){.product = 1, .last = flat->place};
    axes->axes = aed_config_alloc(memory, (size_t)most_axes(flat), sizeof *axes->axes);
    if (!axes->axes) return AED_MEMORY;
    /* Only to tell whole numbers: an override that needs a variant may fail here. */
    if (aed_variant_apply(memory, source, NULL, &m.tree) != AED_OK) m.tree = source->root;
    for (int64_t i = 0; i < flat->count; i++) {
        const aed_entry *entry = &flat->entries[i];
        const aed_node alone = {.type = AED_NODE_MAPPING,
                                .place = entry->place,
                                .count = 1,
                                .entries = &flat->entries[i]};
        if (is_exclude(entry->key))
            axes->exclude = aed_node_is_null(entry->value) ? NULL : entry->value;
        else if (is_zip(entry->key))
            AED_TRY(add_groups(&m, entry->value));
        else
            AED_TRY(add_axis(&m, &alone, false, entry->place));
    }
done:
    return status;
}

int64_t aed_axes_choice(const aed_axes *axes, int64_t axis, int64_t index)
{
    for (int64_t i = axes->count - 1; i > axis; i--) index /= axes->axes[i].count;
    return index % axes->axes[axis].count;
}

const aed_axis_key *aed_axes_find(const aed_axes *axes, const char *key, int64_t *axis)
{
    for (*axis = 0; *axis < axes->count; ++*axis) {
        const aed_axis *a = &axes->axes[*axis];
        for (int64_t k = 0; k < a->key_count; k++)
            if (aed_path_same(a->keys[k].key, key)) return &a->keys[k];
    }
    return NULL;
}
