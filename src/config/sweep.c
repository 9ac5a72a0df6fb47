/* Sweeps: see sweep.h. A trial is the base tree with one value of each axis set by its path. */
#include "config/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/override.h"
#include "config/read.h"
#include "config/scalar.h"
#include "config/text.h"
#include "core/memory.h"

typedef struct axis {
    const char *key; /* as written */
    aed_path path;
    const aed_node *values;      /* a list, not empty */
    aed_trial_setting *settings; /* [values->count] */
} axis;

/* ---- Flattening ------------------------------------------------------------------------------- */

/* Appends the axes of `node` to `flat`, keys of nested mappings joined by dots. */
static aed_status flatten_into(aed_config_memory *memory, const aed_node *node, const char *prefix,
                               aed_node *flat)
{
    aed_status status = AED_OK;
    for (int64_t i = 0; i < node->count; i++) {
        aed_entry entry = node->entries[i];
        if (prefix[0]) entry.key = aed_config_printf(memory, "%s.%s", prefix, entry.key);
        if (!entry.key) return AED_MEMORY;
        if (entry.value->type == AED_NODE_MAPPING)
            AED_TRY(flatten_into(memory, entry.value, entry.key, flat));
        else
            AED_TRY(aed_node_append(memory, flat, entry));
    }
done:
    return status;
}

/* The sweep of `root` as one flat mapping (empty if there is none). */
static aed_status flatten(aed_config_memory *memory, const aed_node *root, aed_node **flat)
{
    const aed_node *sweep = aed_node_get(root, "sweep");
    char text[128];
    *flat = aed_config_alloc(memory, 1, sizeof **flat);
    if (!*flat) return AED_MEMORY;
    (*flat)->type = AED_NODE_MAPPING;
    (*flat)->place = root->place;
    if (aed_node_is_null(sweep)) return AED_OK;
    (*flat)->place = sweep->place;
    if (sweep->type != AED_NODE_MAPPING)
        return aed_place_fail(sweep->place,
                              "sweep must be a mapping of key paths to lists of values, but is %s",
                              aed_node_describe(sweep, text));
    return flatten_into(memory, sweep, "", *flat);
}

aed_status aed_sweep_set(aed_config_memory *memory, const aed_node **root, const char *axis_key,
                         aed_place place, const aed_node *values)
{
    aed_status status;
    aed_node *flat;
    aed_path path;
    aed_entry entry = {axis_key, place, values};
    const char *keys[] = {"sweep"};
    AED_TRY(flatten(memory, *root, &flat));
    AED_TRY(aed_path_parse(memory, axis_key, place, &path)); /* a bad path is told at once */
    int64_t i = 0;
    while (i < flat->count &&
           strcmp(aed_path_full(flat->entries[i].key), aed_path_full(axis_key)) != 0)
        i++;
    if (aed_node_is_null(values)) {
        if (i < flat->count) {
            flat->count--;
            memmove(&flat->entries[i], &flat->entries[i + 1],
                    (size_t)(flat->count - i) * sizeof *flat->entries);
        }
    } else if (i < flat->count) {
        flat->entries[i] = entry;
    } else {
        AED_TRY(aed_node_append(memory, flat, entry));
    }
    path = (aed_path){.keys = keys, .count = 1, .place = place};
    AED_TRY(aed_node_set(memory, *root, &path, flat, root));
done:
    return status;
}

/* ---- Axes ------------------------------------------------------------------------------------- */

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

static int compare_texts(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* Refuses a value that an axis has twice. */
static aed_status check_twice(aed_config_memory *memory, const axis *a)
{
    int64_t count = a->values->count;
    const char **texts = aed_config_alloc(memory, (size_t)count, sizeof *texts);
    if (!texts) return AED_MEMORY;
    for (int64_t i = 0; i < count; i++) texts[i] = a->settings[i].text;
    qsort(texts, (size_t)count, sizeof *texts, compare_texts);
    for (int64_t i = 1; i < count; i++)
        if (strcmp(texts[i - 1], texts[i]) == 0)
            return aed_place_fail(a->path.place, "the sweep of '%s' has the value %s twice",
                                  aed_show(a->key).text, aed_show(texts[i]).text);
    return AED_OK;
}

static aed_status make_axis(aed_config_memory *memory, const aed_entry *entry, axis *a)
{
    aed_status status;
    char text[128];
    const aed_node *values = entry->value;
    a->key = entry->key;
    a->values = values;
    if (values->type != AED_NODE_SEQUENCE || values->count == 0)
        return aed_place_fail(entry->place, "the sweep of '%s' must be a list of values, but is %s",
                              aed_show(entry->key).text,
                              values->type == AED_NODE_SEQUENCE ? "an empty list"
                                                                : aed_node_describe(values, text));
    if (values->count > AED_SWEEP_MAX_TRIALS)
        return aed_place_fail(entry->place, "the sweep has more than %d trials",
                              AED_SWEEP_MAX_TRIALS);
    AED_TRY(aed_path_parse(memory, entry->key, entry->place, &a->path));
    if (strcmp(a->path.keys[0], "sweep") == 0 || strcmp(a->path.keys[0], "name") == 0)
        AED_TRY(aed_place_fail(entry->place, "'%s' cannot be swept", a->path.keys[0]));
    a->settings = aed_config_alloc(memory, (size_t)values->count, sizeof *a->settings);
    if (!a->settings) return AED_MEMORY;
    for (int64_t i = 0; i < values->count; i++)
        AED_TRY(describe_value(memory, a->key, values->entries[i].value, &a->settings[i]));
    status = check_twice(memory, a);
done:
    return status;
}

/* The axes of a flat sweep and the number of their combinations. */
static aed_status make_axes(aed_config_memory *memory, const aed_node *flat, axis **axes,
                            int64_t *trials)
{
    aed_status status = AED_OK;
    *trials = 1;
    *axes = aed_config_alloc(memory, (size_t)flat->count, sizeof **axes);
    if (!*axes) return AED_MEMORY;
    for (int64_t i = 0; i < flat->count; i++) {
        const aed_entry *entry = &flat->entries[i];
        for (int64_t j = 0; j < i; j++)
            if (strcmp(aed_path_full(flat->entries[j].key), aed_path_full(entry->key)) == 0)
                return aed_place_fail(entry->place, "'%s' is swept twice",
                                      aed_show(entry->key).text);
        AED_TRY(make_axis(memory, entry, &(*axes)[i]));
        *trials *= (*axes)[i].values->count; /* both are at most the limit */
        if (*trials > AED_SWEEP_MAX_TRIALS)
            return aed_place_fail(entry->place, "the sweep has more than %d trials",
                                  AED_SWEEP_MAX_TRIALS);
    }
done:
    return status;
}

/* ---- Trials ----------------------------------------------------------------------------------- */

/* `root` without its sweep. */
static aed_status strip_sweep(aed_config_memory *memory, const aed_node *root,
                              const aed_node **base)
{
    aed_node *copy = aed_config_alloc(memory, 1, sizeof *copy);
    if (!copy) return AED_MEMORY;
    *copy = (aed_node){.type = root->type, .place = root->place};
    for (int64_t i = 0; i < root->count; i++)
        if (strcmp(root->entries[i].key, "sweep") != 0) {
            aed_status status = aed_node_append(memory, copy, root->entries[i]);
            if (status != AED_OK) return status;
        }
    *base = copy;
    return AED_OK;
}

/* Reads trial number `index`. The nodes copied on the way live no longer than this call. */
static aed_status make_trial(aed_config_memory *memory, const aed_node *base, const char *name,
                             const axis *axes, int64_t axis_count, int64_t index, aed_trial *trial)
{
    aed_config_memory *scratch = NULL;
    aed_status status;
    int64_t stride = 1;
    AED_TRY(aed_config_memory_create(&scratch));
    aed_trial_setting *settings = aed_config_alloc(memory, (size_t)axis_count, sizeof *settings);
    if (!settings) AED_TRY(AED_MEMORY);
    for (int64_t i = 0; i < axis_count; i++) stride *= axes[i].values->count;
    for (int64_t i = 0; i < axis_count; i++) {
        int64_t count = axes[i].values->count;
        stride /= count;
        int64_t choice = index / stride % count;
        settings[i] = axes[i].settings[choice];
        AED_TRY(aed_node_set(scratch, base, &axes[i].path, axes[i].values->entries[choice].value,
                             &base));
    }
    trial->settings = settings;
    trial->setting_count = axis_count;
    AED_TRY(aed_read_config(memory, base, name, &trial->config));
done:
    aed_config_memory_destroy(&scratch);
    return status;
}

typedef struct named_trial {
    char id[16];
    int64_t index;
} named_trial;

static int compare_ids(const void *left, const void *right)
{
    const named_trial *a = left, *b = right;
    int order = strcmp(a->id, b->id);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

/* Refuses trials that would have one id: axes that overwrite each other, 1 beside 1.0. */
static aed_status check_ids(const aed_node *flat, const aed_trial_list *trials)
{
    aed_status status = AED_OK;
    named_trial *named = aed_alloc((size_t)trials->count, sizeof *named);
    if (!named) return aed_fail(AED_MEMORY, "config: out of memory; use fewer trials");
    for (int64_t i = 0; i < trials->count; i++) {
        const aed_config *config = &trials->trials[i].config;
        named[i].index = i;
        AED_TRY(aed_config_trial_id(config, config->tile, config->leaf, named[i].id));
    }
    qsort(named, (size_t)trials->count, sizeof *named, compare_ids);
    for (int64_t i = 1; i < trials->count; i++) {
        if (strcmp(named[i - 1].id, named[i].id) != 0) continue;
        aed_text text = {0};
        char *settings = NULL;
        const aed_trial *trial = &trials->trials[named[i].index];
        for (int64_t k = 0; k < trial->setting_count; k++)
            aed_text_addf(&text, "%s%s=%s", k ? " " : "", trial->settings[k].axis,
                          trial->settings[k].text);
        AED_TRY(aed_text_take(&text, &settings));
        status = aed_place_fail(flat->entries[flat->count - 1].place,
                                "trials %lld and %lld of the sweep train the same (%s); leave one "
                                "out",
                                (long long)named[i - 1].index + 1, (long long)named[i].index + 1,
                                aed_show(settings).text);
        aed_free(settings);
        break;
    }
done:
    aed_free(named);
    return status;
}

aed_status aed_sweep_expand(aed_config_memory *memory, const aed_node *root, const char *name,
                            aed_trial_list *trials)
{
    aed_status status;
    const aed_node *base;
    aed_node *flat;
    axis *axes;
    int64_t count;
    AED_TRY(flatten(memory, root, &flat));
    AED_TRY(make_axes(memory, flat, &axes, &count));
    AED_TRY(strip_sweep(memory, root, &base));
    trials->trials = aed_config_alloc(memory, (size_t)count, sizeof *trials->trials);
    if (!trials->trials) return AED_MEMORY;
    trials->count = count;
    for (int64_t i = 0; i < count; i++)
        AED_TRY(make_trial(memory, base, name, axes, flat->count, i, &trials->trials[i]));
    if (count > 1) status = check_ids(flat, trials);
done:
    return status;
}
