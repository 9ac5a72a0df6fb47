/* Training aids: where the parameters begin and which stay, when to end early, which weights to keep. */
#include <string.h>

#include "config/read.h"
#include "config/scalar.h"

const char *const aed_keep_words[] = {
    [AED_KEEP_LAST] = "last", [AED_KEEP_BEST] = "best", [AED_KEEP_MEAN] = "mean"};
enum { KEEP_WORDS = sizeof aed_keep_words / sizeof *aed_keep_words };

/* {patience: 20, metric: val_loss, min_delta: 1.0e-5} */
static aed_status read_early_stopping(aed_config_memory *memory, const aed_node *node,
                                      aed_early_stopping *early)
{
    aed_status status;
    const aed_node *unused, *metric;
    *early = (aed_early_stopping){.metric = "val_loss"};
    if (aed_node_is_null(node)) return AED_OK;
    AED_TRY(aed_read_section(node, AED_SECTION_EARLY_STOPPING));
    AED_TRY(aed_read_required(node, AED_SECTION_EARLY_STOPPING, "patience", &unused));
    AED_TRY(aed_read_count(node, "patience", 1, NULL, &early->patience));
    AED_TRY(aed_read_amount(node, "min_delta", &early->min_delta));
    metric = aed_node_get(node, "metric");
    early->where = aed_place_text(memory, aed_node_is_null(metric) ? node->place : metric->place);
    if (!early->where) return AED_MEMORY;
    if (!aed_node_is_null(metric)) AED_TRY(aed_scalar_text(metric, "'metric'", &early->metric));
done:
    return status;
}

static aed_status read_keep(const aed_node *node, aed_keep *keep)
{
    const char *word;
    if (aed_node_is_null(node)) return AED_OK;
    aed_status status = aed_scalar_text(node, "'keep'", &word);
    if (status != AED_OK) return status;
    for (int i = 0; i < KEEP_WORDS; i++)
        if (strcmp(word, aed_keep_words[i]) == 0) {
            *keep = (aed_keep)i;
            return AED_OK;
        }
    return aed_place_fail(node->place, "'keep' must be last, best or mean, but is '%s'",
                          aed_show(word).text);
}

/* Whether the layer is `part`, or below it, or called so. */
static bool belongs(const aed_layer_spec *layer, const char *part)
{
    const size_t length = strlen(part);
    if (layer->name && strcmp(layer->name, part) == 0) return true;
    return strncmp(layer->path, part, length) == 0 &&
           (layer->path[length] == '\0' || layer->path[length] == '.');
}

static aed_status freeze_part(const aed_node *node, const char *part, aed_config *config)
{
    bool found = false;
    for (int64_t i = 0; i < config->layer_count; i++)
        if (belongs(&config->layers[i], part)) config->layers[i].frozen = found = true;
    if (found) return AED_OK;
    return aed_place_fail(node->place,
                          "'freeze': the model has no part '%s'; write encoder, decoder, a layer's "
                          "path such as decoder.2, or its name",
                          aed_show(part).text);
}

static aed_status read_freeze(aed_config_memory *memory, const aed_node *node, aed_config *config)
{
    aed_status status = AED_OK;
    char text[128];
    if (aed_node_is_null(node)) return AED_OK;
    if (node->type != AED_NODE_SEQUENCE)
        return aed_place_fail(node->place,
                              "'freeze' must be a list of parts such as [encoder, decoder.2], but "
                              "is %s",
                              aed_node_describe(node, text));
    config->freeze = aed_config_alloc(memory, (size_t)node->count, sizeof *config->freeze);
    if (!config->freeze) return AED_MEMORY;
    for (int64_t i = 0; i < node->count; i++) {
        const aed_node *part = node->entries[i].value;
        AED_TRY(aed_scalar_text(part, "a part to freeze", &config->freeze[i]));
        AED_TRY(freeze_part(part, config->freeze[i], config));
    }
    config->freeze_count = node->count;
done:
    return status;
}

/* RUN/TRIAL */
static aed_status split_text(aed_config_memory *memory, const aed_node *node, aed_init_from *from)
{
    const char *text;
    aed_status status = aed_scalar_text(node, "'init_from'", &text);
    if (status != AED_OK) return status;
    const char *slash = strrchr(text, '/');
    if (!slash || slash == text || !slash[1])
        return aed_place_fail(node->place,
                              "'init_from' must be RUN/TRIAL, such as runs/bezier/t12ab, or {run: "
                              "..., trial: ..., parts: ...}, but is '%s'",
                              aed_show(text).text);
    from->run = aed_config_copy(memory, text, (size_t)(slash - text));
    from->trial = slash + 1;
    return from->run ? AED_OK : AED_MEMORY;
}

static aed_status read_parts(aed_config_memory *memory, const aed_node *node, aed_init_from *from)
{
    aed_status status = AED_OK;
    char text[128];
    if (aed_node_is_null(node)) return AED_OK;
    if (node->type != AED_NODE_MAPPING || node->count == 0)
        return aed_place_fail(node->place,
                              "'parts' must be a mapping such as {decoder.2: decoder.0}, but is %s",
                              aed_node_describe(node, text));
    from->parts = aed_config_alloc(memory, 2 * (size_t)node->count, sizeof *from->parts);
    if (!from->parts) return AED_MEMORY;
    for (int64_t i = 0; i < node->count; i++) {
        from->parts[2 * i] = node->entries[i].key;
        AED_TRY(aed_scalar_text(node->entries[i].value, "a stored part", &from->parts[2 * i + 1]));
    }
    from->part_count = node->count;
done:
    return status;
}

aed_status aed_read_init_from(aed_config_memory *memory, const aed_node *node, aed_init_from *from)
{
    aed_status status;
    const aed_node *run, *trial;
    if (aed_node_is_null(node)) return AED_OK;
    from->where = aed_place_text(memory, node->place);
    if (!from->where) return AED_MEMORY;
    if (node->type == AED_NODE_SCALAR) return split_text(memory, node, from);
    AED_TRY(aed_read_section(node, AED_SECTION_INIT_FROM));
    AED_TRY(aed_read_required(node, AED_SECTION_INIT_FROM, "run", &run));
    AED_TRY(aed_scalar_text(run, "'run'", &from->run));
    trial = aed_node_get(node, "trial");
    from->trial = "";
    if (!aed_node_is_null(trial)) AED_TRY(aed_scalar_text(trial, "'trial'", &from->trial));
    AED_TRY(read_parts(memory, aed_node_get(node, "parts"), from));
done:
    return status;
}

aed_status aed_read_aids(aed_config_memory *memory, const aed_node *train, aed_config *config)
{
    aed_status status;
    const aed_node *keep = aed_node_get(train, "keep"), *ema = aed_node_get(train, "ema");
    AED_TRY(read_early_stopping(memory, aed_node_get(train, "early_stopping"),
                                &config->early_stopping));
    AED_TRY(read_keep(keep, &config->keep));
    AED_TRY(read_freeze(memory, aed_node_get(train, "freeze"), config));
    AED_TRY(aed_read_amount(train, "ema", &config->ema));
    if (config->ema >= 1)
        return aed_place_fail(ema->place, "'ema' is %s, but must be below 1; 0.999 is common",
                              aed_show(ema->text).text);
    if (config->keep == AED_KEEP_MEAN && config->ema == 0)
        return aed_place_fail(keep->place,
                              "'keep' is mean, but there is no moving average; set train.ema, for "
                              "example to 0.999");
done:
    return status;
}
