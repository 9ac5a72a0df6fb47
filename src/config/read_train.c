/* The training: loss terms by tap, optimizer, schedule and the counts. */
#include <string.h>

#include "config/read.h"
#include "config/scalar.h"
#include "config/suggest.h"

enum { MAX_TAPS = 64, LARGEST_TILE = 64, TILE_STEP = 16 };

/* Taps of every model; losses elsewhere need a layer with a name. */
static const char *const fixed_taps[] = {"reconstruction", "logits", "code"};
enum { FIXED_TAPS = sizeof fixed_taps / sizeof fixed_taps[0] };

/* The corruption that `train.input_noise` is short for. */
static const char noise_kind[] = "gaussian";

/* ---- Loss ------------------------------------------------------------------------------------- */

static int list_taps(const aed_config *config, const char **taps)
{
    int count = 0;
    for (; count < FIXED_TAPS; count++) taps[count] = fixed_taps[count];
    for (int64_t i = 0; i < config->layer_count && count < MAX_TAPS; i++)
        if (config->layers[i].name) taps[count++] = config->layers[i].name;
    return count;
}

static bool is_tap(const aed_config *config, const char *word)
{
    for (int64_t i = 0; i < config->layer_count; i++)
        if (config->layers[i].name && strcmp(config->layers[i].name, word) == 0) return true;
    for (int i = 0; i < FIXED_TAPS; i++)
        if (strcmp(fixed_taps[i], word) == 0) return true;
    return false;
}

static aed_status read_weight(const aed_node *node, double *weight)
{
    aed_status status = aed_scalar_number(node, "the weight of a loss", weight);
    if (status == AED_OK && *weight < 0)
        status = aed_place_fail(node->place, "the weight of a loss must be at least 0");
    if (status == AED_OK && *weight > AED_LARGEST_AMOUNT)
        status = aed_place_fail(node->place, "the weight of a loss must be at most %g",
                                AED_LARGEST_AMOUNT);
    return status;
}

/* `kind:` followed by nothing (weight 1), a weight, or {weight: ..., arguments}. */
static aed_status add_term(aed_config_memory *memory, const char *tap, const aed_kind_use *use,
                           aed_config *config)
{
    aed_status status;
    aed_loss_term_spec *term = &config->losses[config->loss_count];
    const aed_node *args = aed_node_is_null(use->args) ? NULL : use->args;
    const aed_node *weight = args && args->type == AED_NODE_SCALAR ? args : NULL;
    if (weight)
        args = NULL;
    else
        weight = aed_node_get(args, "weight");
    term->tap = tap;
    term->weight = 1;
    AED_TRY(aed_read_args(memory, use->kind, args, "weight", use->place, &term->spec));
    if (!aed_node_is_null(weight)) AED_TRY(read_weight(weight, &term->weight));
    config->loss_count++;
done:
    return status;
}

/* The losses on one tap: a bare kind, or a mapping of kinds. */
static aed_status read_tap(aed_config_memory *memory, const char *tap, const aed_node *node,
                           aed_config *config)
{
    aed_status status;
    aed_kind_use use;
    if (node->type != AED_NODE_MAPPING) {
        AED_TRY(aed_read_kind_use(memory, AED_REGISTRY_LOSS, node, &use));
        return add_term(memory, tap, &use, config);
    }
    status = AED_OK;
    for (int64_t i = 0; i < node->count; i++) {
        const aed_entry *entry = &node->entries[i];
        use.place = entry->place;
        use.args = entry->value;
        AED_TRY(aed_read_kind_name(memory, AED_REGISTRY_LOSS, entry->key, entry->place, &use.kind));
        AED_TRY(add_term(memory, tap, &use, config));
    }
done:
    return status;
}

/* `loss: mse` and `loss: {smooth_l1: {beta: 0.5}}`: one loss on the reconstruction, written as any
 * kind is. */
static aed_status read_single(aed_config_memory *memory, const aed_node *node, aed_config *config)
{
    aed_loss_term_spec *term = &config->losses[0];
    const aed_node *args;
    aed_status status;
    term->tap = fixed_taps[0];
    term->weight = 1;
    AED_TRY(aed_read_kind(memory, AED_REGISTRY_LOSS, node, "weight", &term->spec, &args));
    const aed_node *weight = aed_node_get(args, "weight");
    if (!aed_node_is_null(weight)) AED_TRY(read_weight(weight, &term->weight));
    config->loss_count = 1;
done:
    return status;
}

static aed_status unknown_tap(const aed_kinds *own, const aed_config *config,
                              const aed_entry *entry)
{
    const char *words[2 * MAX_TAPS];
    int count = list_taps(config, words);
    if (aed_registry_find(own, AED_REGISTRY_LOSS, entry->key))
        return aed_place_fail(entry->place,
                              "several losses go below their tap: {%s: {%s: 1.0, ...}}",
                              fixed_taps[0], entry->key);
    for (int i = 0; i < aed_registry_size(own, AED_REGISTRY_LOSS) && count < 2 * MAX_TAPS; i++)
        words[count++] = aed_registry_kind(own, AED_REGISTRY_LOSS, i)->name;
    const char *near = aed_suggest(entry->key, words, count);
    return aed_place_fail(entry->place, "'%s' is neither a loss nor a tap of this model (%s%s%s)",
                          aed_show(entry->key).text, near ? "did you mean '" : "",
                          near ? near
                               : "taps are reconstruction, logits, code and layers with a name:",
                          near ? "'?" : "");
}

static int64_t count_terms(const aed_node *loss)
{
    int64_t terms = 1;
    if (loss->type != AED_NODE_MAPPING) return terms;
    for (int64_t i = 0; i < loss->count; i++) {
        const aed_node *tap = loss->entries[i].value;
        terms += tap && tap->type == AED_NODE_MAPPING ? tap->count : 1;
    }
    return terms;
}

static aed_status read_losses(aed_config_memory *memory, const aed_node *node, aed_config *config)
{
    const aed_kinds *own = aed_config_kinds(memory);
    aed_status status = AED_OK;
    config->losses = aed_config_alloc(memory, (size_t)count_terms(node), sizeof *config->losses);
    if (!config->losses) return AED_MEMORY;
    bool single = node->type != AED_NODE_MAPPING ||
                  (node->count == 1 && !is_tap(config, node->entries[0].key) &&
                   aed_registry_find(own, AED_REGISTRY_LOSS, node->entries[0].key));
    if (single) return read_single(memory, node, config);
    for (int64_t i = 0; i < node->count; i++) {
        const aed_entry *entry = &node->entries[i];
        if (!is_tap(config, entry->key)) return unknown_tap(own, config, entry);
        if (!aed_node_is_null(entry->value))
            AED_TRY(read_tap(memory, entry->key, entry->value, config));
    }
    if (config->loss_count == 0)
        status = aed_place_fail(node->place, "'loss' has no term; write for example loss: mse");
done:
    return status;
}

/* ---- The rest --------------------------------------------------------------------------------- */

static aed_status check_tiling(const aed_node *node, const aed_config *config)
{
    const aed_node *tile = aed_node_get(node, "tile"), *leaf = aed_node_get(node, "leaf");
    if (config->tile % TILE_STEP || config->tile > LARGEST_TILE)
        return aed_place_fail(tile->place, "'tile' is %lld, but must be 16, 32, 48, 64 or auto",
                              (long long)config->tile);
    if (config->tile && config->leaf % config->tile)
        return aed_place_fail(leaf->place,
                              "'leaf' is %lld, but must be a multiple of the tile, %lld",
                              (long long)config->leaf, (long long)config->tile);
    return AED_OK;
}

/* `input_noise` is the std of the first Gaussian in `corrupt`, so that it can be swept by that name;
 * without one it is a Gaussian before all others (none if 0). */
static aed_status add_input_noise(aed_config_memory *memory, const aed_node *train,
                                  aed_config *config)
{
    const aed_node *std = aed_node_get(train, "input_noise");
    double amount = 0;
    aed_status status = AED_OK;
    if (aed_node_is_null(std)) return AED_OK;
    if (std->type == AED_NODE_MAPPING)
        amount = 1; /* it changes: the kind will read it */
    else
        status = aed_read_amount(train, "input_noise", &amount);
    if (status != AED_OK) return status;
    const aed_kind *kind = aed_registry_find(NULL, AED_REGISTRY_CORRUPTION, noise_kind);
    if (!kind) return aed_fail(AED_INTERNAL, "config: there is no corruption %s", noise_kind);
    aed_entry entry = {kind->main_arg, std->place, std};
    const aed_node args = {
        .type = AED_NODE_MAPPING, .place = std->place, .entries = &entry, .count = 1};
    for (int64_t i = 0; i < config->corruption_count; i++)
        if (config->corruptions[i].kind == kind)
            return aed_read_args(memory, kind, &args, NULL, std->place, &config->corruptions[i]);
    if (amount == 0) return AED_OK;
    aed_spec *specs = aed_config_alloc(memory, (size_t)config->corruption_count + 1, sizeof *specs);
    if (!specs) return AED_MEMORY;
    for (int64_t i = 0; i < config->corruption_count; i++) specs[i + 1] = config->corruptions[i];
    config->corruptions = specs;
    config->corruption_count++;
    return aed_read_args(memory, kind, &args, NULL, std->place, &specs[0]);
}

aed_status aed_read_train(aed_config_memory *memory, const aed_node *node, aed_config *config)
{
    static const aed_node constant = {.type = AED_NODE_SCALAR,
                                      .text = "constant",
                                      .plain = true,
                                      .place = {"train.schedule", 0, 0}};
    aed_status status;
    const aed_node *loss, *optimizer, *unused;
    AED_TRY(aed_read_section(node, AED_SECTION_TRAIN));
    AED_TRY(aed_read_required(node, AED_SECTION_TRAIN, "loss", &loss));
    AED_TRY(aed_read_required(node, AED_SECTION_TRAIN, "optimizer", &optimizer));
    AED_TRY(aed_read_required(node, AED_SECTION_TRAIN, "batch", &unused));
    AED_TRY(aed_read_required(node, AED_SECTION_TRAIN, "epochs", &unused));
    const aed_node *schedule = aed_node_get(node, "schedule");
    if (aed_node_is_null(schedule)) schedule = &constant;
    AED_TRY(read_losses(memory, loss, config));
    AED_TRY(aed_read_kind(memory, AED_REGISTRY_OPTIM, optimizer, NULL, &config->optimizer, NULL));
    AED_TRY(aed_read_kind(memory, AED_REGISTRY_SCHEDULE, schedule, NULL, &config->schedule, NULL));
    AED_TRY(aed_read_amount(node, "clip_norm", &config->clip_norm));
    AED_TRY(aed_read_count(node, "batch", 1, "full", &config->batch));
    AED_TRY(aed_read_count(node, "epochs", 1, NULL, &config->epochs));
    AED_TRY(aed_read_corruptions(memory, aed_node_get(node, "corrupt"), &config->corruptions,
                                 &config->corruption_count));
    AED_TRY(add_input_noise(memory, node, config));
    AED_TRY(aed_read_count(node, "tile", 1, "auto", &config->tile));
    AED_TRY(aed_read_count(node, "leaf", 1, "auto", &config->leaf));
    AED_TRY(check_tiling(node, config));
    AED_TRY(aed_read_aids(memory, node, config));
done:
    return status;
}
