/* The registries behind one view; see kinds.h. */
#include "config/kinds.h"

#include <stddef.h>
#include <string.h>

#include "aedist/data.h"
#include "aedist/layer.h"
#include "aedist/loss.h"
#include "aedist/optim.h"
#include "config/analyses.h"
#include "data/corrupt.h"

static const char *const nouns[AED_REGISTRY_COUNT] = {
    [AED_REGISTRY_SOURCE] = "data source",
    [AED_REGISTRY_LAYER] = "layer",
    [AED_REGISTRY_LOSS] = "loss",
    [AED_REGISTRY_OPTIM] = "optimizer",
    [AED_REGISTRY_SCHEDULE] = "schedule",
    [AED_REGISTRY_INIT] = "initialisation",
    [AED_REGISTRY_CORRUPTION] = "corruption of inputs",
    [AED_REGISTRY_ANALYSIS] = "analysis",
};

const char *aed_registry_noun(aed_registry registry) { return nouns[registry]; }

static int built_in_count(aed_registry registry)
{
    int count = 0;
    switch (registry) {
    case AED_REGISTRY_SOURCE: aed_source_table(&count); break;
    case AED_REGISTRY_LAYER: aed_layer_table(&count); break;
    case AED_REGISTRY_LOSS: aed_loss_table(&count); break;
    case AED_REGISTRY_OPTIM: aed_optim_table(&count); break;
    case AED_REGISTRY_SCHEDULE: aed_schedule_table(&count); break;
    case AED_REGISTRY_INIT: aed_init_table(&count); break;
    case AED_REGISTRY_CORRUPTION: aed_corruption_table(&count); break;
    case AED_REGISTRY_ANALYSIS: return AED_ANALYSIS_COUNT;
    case AED_REGISTRY_COUNT: break;
    }
    return count;
}

static const aed_kind *built_in(aed_registry registry, int index)
{
    int count;
    switch (registry) {
    case AED_REGISTRY_SOURCE: return &aed_source_table(&count)[index]->kind;
    case AED_REGISTRY_LAYER: return &aed_layer_table(&count)[index]->kind;
    case AED_REGISTRY_LOSS: return &aed_loss_table(&count)[index]->kind;
    case AED_REGISTRY_OPTIM: return &aed_optim_table(&count)[index]->kind;
    case AED_REGISTRY_SCHEDULE: return &aed_schedule_table(&count)[index]->kind;
    case AED_REGISTRY_INIT: return &aed_init_table(&count)[index]->kind;
    case AED_REGISTRY_CORRUPTION: return &aed_corruption_table(&count)[index]->kind;
    case AED_REGISTRY_ANALYSIS: return aed_analysis_kind_of(index);
    case AED_REGISTRY_COUNT: break;
    }
    return NULL;
}

/* The program's own kind of that number; NULL behind the last one. */
static const aed_kind *own_kind(const aed_kinds *own, aed_registry registry, int index)
{
    if (own && own->layers && registry == AED_REGISTRY_LAYER)
        return own->layers[index] ? &own->layers[index]->kind : NULL;
    if (own && own->sources && registry == AED_REGISTRY_SOURCE)
        return own->sources[index] ? &own->sources[index]->kind : NULL;
    if (own && own->losses && registry == AED_REGISTRY_LOSS)
        return own->losses[index] ? &own->losses[index]->kind : NULL;
    return NULL;
}

int aed_registry_size(const aed_kinds *own, aed_registry registry)
{
    int count = 0;
    while (own_kind(own, registry, count)) count++;
    return built_in_count(registry) + count;
}

const aed_kind *aed_registry_kind(const aed_kinds *own, aed_registry registry, int index)
{
    const int count = built_in_count(registry);
    return index < count ? built_in(registry, index) : own_kind(own, registry, index - count);
}

const aed_kind *aed_registry_find(const aed_kinds *own, aed_registry registry, const char *name)
{
    const int count = aed_registry_size(own, registry);
    for (int i = 0; i < count; i++) {
        const aed_kind *kind = aed_registry_kind(own, registry, i);
        if (strcmp(kind->name, name) == 0) return kind;
    }
    return NULL;
}

static int has_arg(const aed_kind *kind, const char *name)
{
    for (int i = 0; i < kind->arg_count; i++)
        if (strcmp(kind->args[i].name, name) == 0) return 1;
    return 0;
}

const char *aed_registry_main_arg(const aed_kinds *own, const char *kind_name, const char *key)
{
    for (aed_registry registry = 0; registry < AED_REGISTRY_COUNT; registry++) {
        const aed_kind *kind = aed_registry_find(own, registry, kind_name);
        if (!kind) continue;
        bool loss = registry == AED_REGISTRY_LOSS, layer = registry == AED_REGISTRY_LAYER;
        /* A number behind a loss is its weight below a tap, its main argument elsewhere: if it has
         * one, what stands alone cannot be told from here. */
        const char *alone = !loss ? kind->main_arg : kind->main_arg ? NULL : "weight";
        bool beside = has_arg(kind, key) || (loss && strcmp(key, "weight") == 0) ||
                      (layer && strcmp(key, "name") == 0);
        if (alone && beside) return alone;
    }
    return NULL;
}

bool aed_registry_knows(const aed_kinds *own, const char *name)
{
    for (aed_registry registry = 0; registry < AED_REGISTRY_COUNT; registry++)
        if (aed_registry_find(own, registry, name)) return true;
    return false;
}

bool aed_registry_is_whole(const aed_kinds *own, const char *kind_name, const char *arg)
{
    for (aed_registry registry = 0; registry < AED_REGISTRY_COUNT; registry++) {
        const aed_kind *kind = aed_registry_find(own, registry, kind_name);
        const char *name = arg || !kind ? arg : kind->main_arg;
        for (int i = 0; kind && name && i < kind->arg_count; i++)
            if (strcmp(kind->args[i].name, name) == 0)
                return kind->args[i].type == AED_ARG_INT || kind->args[i].type == AED_ARG_INTS;
    }
    return false;
}

/* ---- A program's own --------------------------------------------------------------------------- */

/* A name is a word that YAML reads as text and a key path as one key. */
static bool is_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
    return name && *name && strspn(name, letters) > 0 &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789")] == '\0';
}

static aed_status refuse(const aed_kind *kind, const char *what)
{
    return aed_fail(AED_CONFIG, "a kind of the program's own, '%s': %s",
                    kind->name ? kind->name : "(NULL)", what);
}

/* Analyses have a section to themselves, where a program's own kinds do not stand. */
static bool is_taken(const char *name)
{
    for (aed_registry registry = 0; registry < AED_REGISTRY_COUNT; registry++)
        if (registry != AED_REGISTRY_ANALYSIS && aed_registry_find(NULL, registry, name))
            return true;
    return false;
}

static aed_status check_names(const aed_kinds *own, aed_registry registry, int index)
{
    const aed_kind *kind = own_kind(own, registry, index);
    if (!is_name(kind->name))
        return refuse(kind, "its name must be of lower-case letters, digits and _");
    if (is_taken(kind->name))
        return refuse(kind, "there is a built-in kind of that name; choose another");
    for (int i = 0; i < index; i++)
        if (strcmp(own_kind(own, registry, i)->name, kind->name) == 0)
            return refuse(kind, "two kinds have that name");
    for (int i = 0; i < kind->arg_count; i++)
        if (!is_name(kind->args[i].name) || !kind->args[i].help)
            return refuse(kind, "every argument needs a name of lower-case letters, and a help");
    return AED_OK;
}

aed_status aed_kinds_check(const aed_kinds *own)
{
    aed_status status = AED_OK;
    for (aed_registry registry = 0; registry < AED_REGISTRY_COUNT; registry++)
        for (int i = 0; own_kind(own, registry, i); i++) AED_TRY(check_names(own, registry, i));
    for (int i = 0; own_kind(own, AED_REGISTRY_LAYER, i); i++) {
        const aed_layer_ops *ops = own->layers[i];
        if (!ops->infer || (!ops->is_view && (!ops->forward || !ops->backward)))
            AED_TRY(refuse(&ops->kind, "a layer has infer and, unless it is a view, forward and "
                                       "backward"));
    }
    for (int i = 0; own_kind(own, AED_REGISTRY_SOURCE, i); i++)
        if (!own->sources[i]->create || !own->sources[i]->make)
            AED_TRY(refuse(&own->sources[i]->kind, "a source has create and make"));
    for (int i = 0; own_kind(own, AED_REGISTRY_LOSS, i); i++)
        if (!own->losses[i]->evaluate)
            AED_TRY(refuse(&own->losses[i]->kind, "a loss has evaluate"));
done:
    return status;
}
