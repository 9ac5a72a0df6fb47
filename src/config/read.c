/* The top level of a config, and the plain numbers of its sections; see read.h. */
#include "config/read.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config/scalar.h"

enum { LONGEST_NAME = 120 };

aed_status aed_read_required(const aed_node *section, aed_section_id id, const char *key,
                             const aed_node **value)
{
    *value = aed_node_get(section, key);
    if (!aed_node_is_null(*value)) return AED_OK;
    aed_place place = *value ? (*value)->place : section->place;
    const aed_section *keys = aed_section_get(id);
    const char *help = "";
    for (int i = 0; i < keys->count; i++)
        if (strcmp(keys->keys[i].name, key) == 0) help = keys->keys[i].help;
    return aed_place_fail(place, "missing key '%s'%s%s (%s)", key, keys->path[0] ? " in " : "",
                          keys->path, help);
}

aed_status aed_read_count(const aed_node *section, const char *key, int64_t min, const char *word,
                          int64_t *value)
{
    const aed_node *node = aed_node_get(section, key);
    char name[96];
    snprintf(name, sizeof name, "'%s'", key);
    if (aed_node_is_null(node)) return AED_OK;
    if (word && node->type == AED_NODE_SCALAR && strcmp(node->text, word) == 0) {
        *value = 0;
        return AED_OK;
    }
    aed_status status = aed_scalar_int(node, name, value);
    if (status == AED_OK && *value < min)
        status = aed_place_fail(node->place, "'%s' is %lld, but must be at least %lld%s%s", key,
                                (long long)*value, (long long)min, word ? ", or " : "",
                                word ? word : "");
    if (status == AED_OK && *value > UINT32_MAX)
        status = aed_place_fail(node->place, "'%s' is %lld, but must be at most %lld", key,
                                (long long)*value, (long long)UINT32_MAX);
    return status;
}

aed_status aed_read_amount(const aed_node *section, const char *key, double *value)
{
    const aed_node *node = aed_node_get(section, key);
    char name[96];
    snprintf(name, sizeof name, "'%s'", key);
    if (aed_node_is_null(node)) return AED_OK;
    aed_status status = aed_scalar_number(node, name, value);
    if (status == AED_OK && *value < 0)
        status = aed_place_fail(node->place, "'%s' is %s, but must be at least 0", key,
                                aed_show(node->text).text);
    if (status == AED_OK && *value > AED_LARGEST_AMOUNT)
        status = aed_place_fail(node->place, "'%s' is %s, but must be at most %g", key,
                                aed_show(node->text).text, AED_LARGEST_AMOUNT);
    return status;
}

/* The run's name becomes a folder's name. */
static aed_status read_name(const aed_node *node, aed_config *config)
{
    aed_status status;
    AED_TRY(aed_scalar_text(node, "'name'", &config->name));
    const char *name = config->name;
    bool good = strlen(name) <= LONGEST_NAME && name[0] != '.' && name[0] != '-';
    for (const char *at = name; good && *at; at++)
        good = (unsigned char)*at >= 0x20 && *at != 0x7F && *at != '/';
    if (!good || !name[0])
        status = aed_place_fail(node->place,
                                "'name' must fit a folder's name: at most %d bytes, no /, no "
                                "leading . or -",
                                LONGEST_NAME);
done:
    return status;
}

/* metrics and log: {every: N} */
static aed_status read_every(const aed_node *node, aed_section_id id, int64_t min, int64_t *every)
{
    if (aed_node_is_null(node)) return AED_OK;
    aed_status status = aed_read_section(node, id);
    return status == AED_OK ? aed_read_count(node, "every", min, NULL, every) : status;
}

static aed_status read_flag(const aed_node *section, const char *key, bool *flag)
{
    const aed_node *node = aed_node_get(section, key);
    char name[32];
    snprintf(name, sizeof name, "'%s'", key);
    return aed_node_is_null(node) ? AED_OK : aed_scalar_bool(node, name, flag);
}

static aed_status read_metrics(const aed_node *node, aed_config *config)
{
    aed_status status;
    AED_TRY(read_every(node, AED_SECTION_METRICS, 1, &config->metrics_every));
    if (aed_node_is_null(node)) return AED_OK;
    AED_TRY(read_flag(node, "norms", &config->metrics_norms));
    AED_TRY(read_flag(node, "layer_norms", &config->metrics_layer_norms));
    AED_TRY(read_flag(node, "dead_units", &config->metrics_dead_units));
    AED_TRY(read_flag(node, "skill", &config->metrics_skill));
    AED_TRY(read_flag(node, "code_dimension", &config->metrics_code_dimension));
done:
    return status;
}

static aed_status read_noise_scale(aed_config_memory *memory, const aed_node *root,
                                   aed_config *config)
{
    static const aed_arg_def def = {"noise_scale",      AED_ARG_LEVEL, false, 1, 0,
                                    AED_LARGEST_AMOUNT, NULL,          NULL};
    const aed_node *node = aed_node_get(root, def.name);
    if (!aed_node_is_null(node) && node->type == AED_NODE_MAPPING)
        return aed_read_ramp(memory, &def, "the config", node, &config->noise_ramp);
    return aed_read_amount(root, def.name, &config->noise_scale);
}

aed_status aed_read_config(aed_config_memory *memory, const aed_node *root, const char *name,
                           aed_config *config)
{
    aed_status status;
    const aed_node *data, *model, *train;
    *config = (aed_config){.name = name, .noise_scale = 1, .metrics_every = 1, .memory = memory};
    AED_TRY(aed_read_section(root, AED_SECTION_TOP));
    AED_TRY(aed_read_required(root, AED_SECTION_TOP, "data", &data));
    AED_TRY(aed_read_required(root, AED_SECTION_TOP, "model", &model));
    AED_TRY(aed_read_required(root, AED_SECTION_TOP, "train", &train));
    const aed_node *own_name = aed_node_get(root, "name"), *seed = aed_node_get(root, "seed");
    if (!aed_node_is_null(own_name)) AED_TRY(read_name(own_name, config));
    if (!aed_node_is_null(seed)) AED_TRY(aed_scalar_seed(seed, "'seed'", &config->seed));
    AED_TRY(read_noise_scale(memory, root, config));
    AED_TRY(aed_read_data(memory, data, &config->data, &config->data_options));
    AED_TRY(aed_read_model(memory, model, config));
    AED_TRY(aed_read_train(memory, train, config));
    AED_TRY(aed_read_evaluations(memory, aed_node_get(root, "evaluate"), config));
    AED_TRY(read_metrics(aed_node_get(root, "metrics"), config));
    AED_TRY(aed_read_snapshots(memory, aed_node_get(root, "snapshots"), &config->snapshots));
    AED_TRY(aed_read_analyses(memory, aed_node_get(root, "analysis"), config));
    AED_TRY(read_every(aed_node_get(root, "log"), AED_SECTION_LOG, 0, &config->log_every));
    AED_TRY(aed_read_checks(aed_node_get(root, "checks"), config->checks));
    AED_TRY(aed_read_watch(aed_node_get(root, "watch"), &config->watch));
    AED_TRY(aed_read_job(root, config));
done:
    return status;
}
