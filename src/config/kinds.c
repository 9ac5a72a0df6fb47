/* The registries behind one view; see kinds.h. */
#include "config/kinds.h"

#include <stddef.h>
#include <string.h>

#include "aedist/data.h"
#include "aedist/layer.h"
#include "aedist/loss.h"
#include "aedist/optim.h"
#include "data/corrupt.h"

static const char *const nouns[AED_REGISTRY_COUNT] = {
    [AED_REGISTRY_SOURCE] = "data source",
    [AED_REGISTRY_LAYER] = "layer",
    [AED_REGISTRY_LOSS] = "loss",
    [AED_REGISTRY_OPTIM] = "optimizer",
    [AED_REGISTRY_SCHEDULE] = "schedule",
    [AED_REGISTRY_INIT] = "initialisation",
    [AED_REGISTRY_CORRUPTION] = "corruption of inputs",
};

const char *aed_registry_noun(aed_registry registry) { return nouns[registry]; }

int aed_registry_size(aed_registry registry)
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
    case AED_REGISTRY_COUNT: break;
    }
    return count;
}

const aed_kind *aed_registry_kind(aed_registry registry, int index)
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
    case AED_REGISTRY_COUNT: break;
    }
    return NULL;
}

const aed_kind *aed_registry_find(aed_registry registry, const char *name)
{
    int count = aed_registry_size(registry);
    for (int i = 0; i < count; i++) {
        const aed_kind *kind = aed_registry_kind(registry, i);
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

const char *aed_registry_main_arg(const char *kind_name, const char *key)
{
    for (aed_registry registry = 0; registry < AED_REGISTRY_COUNT; registry++) {
        const aed_kind *kind = aed_registry_find(registry, kind_name);
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

bool aed_registry_knows(const char *name)
{
    for (aed_registry registry = 0; registry < AED_REGISTRY_COUNT; registry++)
        if (aed_registry_find(registry, name)) return true;
    return false;
}

bool aed_registry_is_whole(const char *kind_name, const char *arg)
{
    for (aed_registry registry = 0; registry < AED_REGISTRY_COUNT; registry++) {
        const aed_kind *kind = aed_registry_find(registry, kind_name);
        const char *name = arg || !kind ? arg : kind->main_arg;
        for (int i = 0; kind && name && i < kind->arg_count; i++)
            if (strcmp(kind->args[i].name, name) == 0)
                return kind->args[i].type == AED_ARG_INT || kind->args[i].type == AED_ARG_INTS;
    }
    return false;
}
