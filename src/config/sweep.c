/* Sweeps: see sweep.h. A trial is the tree of its variant with one value of each axis set by its
 * path. */
#include "config/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "config/describe.h"
#include "config/exclude.h"
#include "config/read.h"
#include "core/memory.h"

/* What the trials of a sweep share while they are made. */
typedef struct expansion {
    aed_config_memory *memory;
    const aed_config_source *source;
    aed_axes axes;
    aed_exclusions exclusions;
    const aed_axis_key *variant_key; /* NULL: no axis of variants */
    int64_t variant_axis;
    const aed_node **trees; /* of each value of variant_key, or one */
} expansion;

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
    return aed_axes_flatten(memory, sweep, *flat);
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
    while (i < flat->count && !aed_path_same(flat->entries[i].key, axis_key)) i++;
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

/* ---- Variants --------------------------------------------------------------------------------- */

/* Refuses a variant's override that an axis would undo. */
static aed_status check_against_axes(const expansion *e, const aed_node *name)
{
    int64_t unused;
    const aed_node *overrides = aed_variant_get(e->source->root, name);
    for (int64_t i = 0; overrides && i < overrides->count; i++) {
        const aed_entry *entry = &overrides->entries[i];
        if (aed_axes_find(&e->axes, entry->key, &unused))
            return aed_place_fail(entry->place,
                                  "variant '%s' sets '%s', which is swept too; take it out of one "
                                  "of them",
                                  aed_show(name->text).text, aed_show(entry->key).text);
    }
    return AED_OK;
}

static aed_status make_tree(expansion *e, const aed_node *name, const aed_node **tree)
{
    aed_status status = AED_OK;
    if (name) AED_TRY(check_against_axes(e, name));
    status = aed_variant_apply(e->memory, e->source, name, tree);
done:
    return status;
}

/* The trees that trials begin with: one for each variant that is swept, or the only one. */
static aed_status make_trees(expansion *e)
{
    aed_status status;
    const aed_node *chosen = aed_node_get(e->source->root, "variant");
    e->variant_key = aed_axes_find(&e->axes, "variant", &e->variant_axis);
    const int64_t count = e->variant_key ? e->variant_key->values->count : 1;
    e->trees = aed_config_alloc(e->memory, (size_t)count, sizeof *e->trees);
    if (!e->trees) return AED_MEMORY;
    if (aed_node_is_null(chosen)) chosen = NULL;
    if (chosen) AED_TRY(aed_variant_check_name(e->source->root, chosen));
    if (!e->variant_key) return make_tree(e, chosen, &e->trees[0]);
    for (int64_t i = 0; i < count; i++)
        AED_TRY(make_tree(e, e->variant_key->values->entries[i].value, &e->trees[i]));
done:
    return status;
}

/* ---- Trials ----------------------------------------------------------------------------------- */

/* Sets the trial's value of every key of one axis. */
static aed_status set_axis(aed_config_memory *scratch, const aed_axis *axis, int64_t choice,
                           aed_trial_setting *settings, const aed_node **tree)
{
    aed_status status = AED_OK;
    for (int64_t k = 0; k < axis->key_count; k++) {
        const aed_axis_key *key = &axis->keys[k];
        settings[k] = key->settings[choice];
        if (!key->is_variant)
            AED_TRY(
                aed_node_set(scratch, *tree, &key->path, key->values->entries[choice].value, tree));
    }
done:
    return status;
}

/* Reads trial `index` of the product. The nodes copied on the way live no longer than this call. */
static aed_status make_trial(const expansion *e, int64_t index, aed_trial *trial)
{
    const aed_axes *axes = &e->axes;
    aed_config_memory *scratch = NULL;
    aed_status status;
    aed_trial_setting *settings = aed_config_alloc(e->memory, (size_t)axes->key_count,
                                                   sizeof *settings);
    if (!settings) return AED_MEMORY;
    trial->settings = settings;
    trial->setting_count = axes->key_count;
    AED_TRY(aed_config_memory_create(aed_config_kinds(e->memory), &scratch));
    const aed_node *tree =
        e->trees[e->variant_key ? aed_axes_choice(axes, e->variant_axis, index) : 0];
    for (int64_t i = 0; i < axes->count; i++) {
        AED_TRY(
            set_axis(scratch, &axes->axes[i], aed_axes_choice(axes, i, index), settings, &tree));
        settings += axes->axes[i].key_count;
    }
    AED_TRY(aed_read_config(e->memory, tree, e->source->name, &trial->config));
    status = aed_config_data_key(&trial->config, &trial->data_key);
done:
    aed_config_memory_destroy(&scratch);
    return status;
}

static aed_status make_trials(expansion *e, aed_trial_list *list)
{
    aed_status status;
    const int64_t product = e->axes.product;
    uint8_t *excluded = aed_config_alloc(e->memory, (size_t)product, 1);
    if (!excluded) return AED_MEMORY;
    AED_TRY(aed_exclusions_make(e->memory, &e->axes, &e->exclusions));
    for (int64_t i = 0; i < product; i++) {
        excluded[i] = aed_exclusions_hit(&e->exclusions, &e->axes, i);
        list->excluded += excluded[i];
    }
    if (list->excluded == product)
        AED_TRY(aed_place_fail(e->axes.exclude->place,
                               "exclude leaves no trial of the sweep's %lld", (long long)product));
    list->trials = aed_config_alloc(e->memory, (size_t)(product - list->excluded),
                                    sizeof *list->trials);
    if (!list->trials) return AED_MEMORY;
    for (int64_t i = 0; i < product; i++)
        if (!excluded[i]) AED_TRY(make_trial(e, i, &list->trials[list->count++]));
done:
    return status;
}

/* ---- Ids -------------------------------------------------------------------------------------- */

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
static aed_status check_ids(const expansion *e, const aed_trial_list *trials)
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
        status = aed_place_fail(e->axes.last,
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

/* ---- All together ----------------------------------------------------------------------------- */

/* Whether setting the axes in the first trial's config would not give the other trials. */
static bool needs_base(const aed_axes *axes)
{
    for (int64_t i = 0; i < axes->count; i++)
        for (int64_t k = 0; k < axes->axes[i].key_count; k++) {
            const aed_axis_key *key = &axes->axes[i].keys[k];
            if (key->is_variant) return true;
            for (int64_t at = 0; at < key->path.count; at++)
                if (strcmp(key->path.keys[at], "+") == 0) return true;
            for (int64_t at = 0; at < key->values->count; at++)
                if (aed_node_is_null(key->values->entries[at].value)) return true;
        }
    return false;
}

/* The config that the sweep is about, where it is not the first trial's and is valid by itself. */
static aed_status read_base(const expansion *e, aed_trial_list *list)
{
    const aed_node *tree = e->trees[0];
    if (!needs_base(&e->axes)) return AED_OK;
    aed_config *base = aed_config_alloc(e->memory, 1, sizeof *base);
    if (!base) return AED_MEMORY;
    aed_status status = AED_OK;
    if (e->variant_key) status = aed_variant_apply(e->memory, e->source, NULL, &tree);
    if (status == AED_OK) status = aed_read_config(e->memory, tree, e->source->name, base);
    if (status == AED_OK) list->base = base;
    return status == AED_MEMORY ? status : AED_OK;
}

aed_status aed_sweep_expand(aed_config_memory *memory, const aed_config_source *source,
                            aed_trial_list *trials)
{
    expansion e = {.memory = memory, .source = source};
    aed_status status;
    aed_node *flat;
    AED_TRY(flatten(memory, source->root, &flat));
    AED_TRY(aed_variant_check(memory, source->root));
    AED_TRY(aed_axes_make(memory, source, flat, &e.axes));
    AED_TRY(make_trees(&e));
    AED_TRY(make_trials(&e, trials));
    if (trials->count > 1) AED_TRY(check_ids(&e, trials));
    if (e.axes.count == 0) return AED_OK;
    AED_TRY(read_base(&e, trials));
    status = aed_sweep_describe(memory, source, flat, &e.axes, &e.exclusions, trials);
done:
    return status;
}
