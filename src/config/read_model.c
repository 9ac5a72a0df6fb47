/* The model: encoder, code activation, code noise and decoder become one list of layers. */
#include <ctype.h>
#include <string.h>

#include "config/read.h"
#include "config/suggest.h"

enum { LONGEST_NAME = 40 };

/* The kind of layer that `model.code.noise` is short for. */
static const char noise_kind[] = "gaussian_noise";

/* A layer's name is a word of a key path and a tap beside the fixed ones. */
static aed_status check_layer_name(const aed_config *config, const aed_node *name)
{
    static const char *const taken[] = {"input", "logits", "code", "reconstruction"};
    char text[128];
    bool good = name->type == AED_NODE_SCALAR && strlen(name->text) <= LONGEST_NAME &&
                (isalpha((unsigned char)name->text[0]) || name->text[0] == '_');
    for (const char *at = name->text; good && *at; at++)
        good = isalnum((unsigned char)*at) || strchr("_-", *at);
    if (!good)
        return aed_place_fail(name->place,
                              "a layer's name must be a word of at most %d letters, digits, _ and "
                              "-, not beginning with a digit, but is %s",
                              LONGEST_NAME, aed_node_describe(name, text));
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (strcmp(name->text, taken[i]) == 0)
            return aed_place_fail(name->place, "'%s' is a tap of every model; use another name",
                                  name->text);
    for (int64_t i = 0; i < config->layer_count; i++)
        if (config->layers[i].name && strcmp(config->layers[i].name, name->text) == 0)
            return aed_place_fail(name->place, "layer %s is called '%s' too; use another name",
                                  config->layers[i].path, name->text);
    return AED_OK;
}

/* Adds the layer that `node` describes behind the others. */
static aed_status add_layer(aed_config_memory *memory, const aed_node *node, const char *path,
                            aed_config *config)
{
    aed_status status;
    const aed_node *args;
    aed_layer_spec *layer = &config->layers[config->layer_count];
    if (!path) return AED_MEMORY;
    layer->path = path;
    AED_TRY(aed_read_kind(memory, AED_REGISTRY_LAYER, node, "name", &layer->spec, &args));
    const aed_node *name = aed_node_get(args, "name");
    if (!aed_node_is_null(name)) {
        AED_TRY(check_layer_name(config, name));
        layer->name = name->text;
    }
    config->layer_count++;
done:
    return status;
}

static aed_status check_list(const aed_node *list, const char *key)
{
    char text[128];
    if (aed_node_is_null(list) || list->type == AED_NODE_SEQUENCE) return AED_OK;
    return aed_place_fail(list->place, "'%s' must be a list of layers, but is %s", key,
                          aed_node_describe(list, text));
}

static int64_t list_count(const aed_node *list) { return aed_node_is_null(list) ? 0 : list->count; }

static aed_status add_list(aed_config_memory *memory, const aed_node *list, const char *key,
                           aed_config *config)
{
    aed_status status = AED_OK;
    for (int64_t i = 0; i < list_count(list); i++)
        AED_TRY(add_layer(memory, list->entries[i].value,
                          aed_config_printf(memory, "%s.%lld", key, (long long)i), config));
done:
    return status;
}

static const aed_arg_def *main_def(const aed_kind *kind)
{
    for (int i = 0; i < kind->arg_count; i++)
        if (kind->main_arg && strcmp(kind->args[i].name, kind->main_arg) == 0)
            return &kind->args[i];
    return NULL;
}

/* Keeps the noise as written in config->code_noise and adds a layer with it times the noise scale,
 * unless there is none. */
static aed_status add_noise(aed_config_memory *memory, const aed_node *node, aed_config *config)
{
    aed_status status = AED_OK;
    const aed_kind *kind = aed_registry_find(NULL, AED_REGISTRY_LAYER, noise_kind);
    const aed_arg_def *std = kind ? main_def(kind) : NULL;
    if (!std || std->type != AED_ARG_LEVELS)
        return aed_fail(AED_INTERNAL, "config: layer %s takes no list of numbers", noise_kind);
    static const double no_noise[1] = {0};
    config->code_noise = (aed_arg_value){.count = 1, .numbers = no_noise};
    if (aed_node_is_null(node)) return AED_OK;
    aed_arg_def def = *std;
    def.name = "noise";
    def.required = true;
    AED_TRY(aed_read_value(memory, &def, "model.code", node, &config->code_noise));

    if (config->noise_ramp && config->code_noise.ramp)
        return aed_place_fail(node->place, "'noise' and noise_scale both change with the epochs; "
                                           "let one of them be a number");
    bool silent = true;
    int64_t count = config->code_noise.count;
    double *scaled = aed_config_alloc(memory, (size_t)count, sizeof *scaled);
    if (!scaled) return AED_MEMORY;
    for (int64_t i = 0; i < count; i++) {
        scaled[i] = config->code_noise.numbers[i] * config->noise_scale;
        silent = silent && scaled[i] == 0;
        if (!(scaled[i] <= 1e30))
            AED_TRY(aed_place_fail(node->place, "'noise' times noise_scale is too large"));
    }
    if (silent) return AED_OK;

    aed_layer_spec *layer = &config->layers[config->layer_count];
    aed_entry written = {kind->main_arg, node->place, node};
    aed_node args = {.type = AED_NODE_MAPPING, .place = node->place, .count = 1};
    args.entries = &written;
    AED_TRY(aed_read_args(memory, kind, &args, NULL, node->place, &layer->spec));
    /* The values were made for this layer a line ago. */
    aed_arg_value *value = (aed_arg_value *)&layer->spec.values[std - kind->args];
    *value = (aed_arg_value){.given = true, .count = count, .numbers = scaled};
    value->ramp = config->noise_ramp ? config->noise_ramp : config->code_noise.ramp;
    layer->path = "code.noise";
    config->layer_count++;
done:
    return status;
}

aed_status aed_read_model(aed_config_memory *memory, const aed_node *node, aed_config *config)
{
    static const aed_node default_init = {
        .type = AED_NODE_SCALAR, .text = "default", .plain = true, .place = {"model.init", 0, 0}};
    aed_status status;
    AED_TRY(aed_read_section(node, AED_SECTION_MODEL));
    const aed_node *encoder = aed_node_get(node, "encoder"), *code = aed_node_get(node, "code");
    const aed_node *decoder = aed_node_get(node, "decoder"), *init = aed_node_get(node, "init");
    AED_TRY(check_list(encoder, "encoder"));
    AED_TRY(check_list(decoder, "decoder"));
    if (aed_node_is_null(code)) code = NULL;
    if (code) AED_TRY(aed_read_section(code, AED_SECTION_CODE));
    if (aed_node_is_null(init)) init = &default_init;
    AED_TRY(aed_read_kind(memory, AED_REGISTRY_INIT, init, NULL, &config->init, NULL));

    size_t most = (size_t)(list_count(encoder) + list_count(decoder)) + 2;
    config->layers = aed_config_alloc(memory, most, sizeof *config->layers);
    if (!config->layers) return AED_MEMORY;
    AED_TRY(add_list(memory, encoder, "encoder", config));
    const aed_node *activation = aed_node_get(code, "activation");
    if (!aed_node_is_null(activation))
        AED_TRY(add_layer(memory, activation, "code.activation", config));
    config->code_layer = config->layer_count - 1;
    AED_TRY(add_noise(memory, aed_node_get(code, "noise"), config));
    AED_TRY(add_list(memory, decoder, "decoder", config));
    AED_TRY(aed_read_init_from(memory, aed_node_get(node, "init_from"), &config->init_from));
    if (config->layer_count == 0)
        status = aed_place_fail(node->place, "the model has no layer; list some in encoder and "
                                             "decoder");
done:
    return status;
}
