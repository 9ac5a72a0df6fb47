/* Input corruption and what the model is looked at with beside the training: `train.corrupt`,
 * `evaluate:` and `snapshots:`. */
#include <ctype.h>
#include <string.h>

#include "config/read.h"
#include "config/scalar.h"
#include "config/suggest.h"

enum { LONGEST_NAME = 32, MOST_SNAPSHOT_SAMPLES = 1 << 16 };

aed_status aed_read_corruptions(aed_config_memory *memory, const aed_node *list, aed_spec **specs,
                                int64_t *count)
{
    aed_status status = AED_OK;
    char text[128];
    if (aed_node_is_null(list)) return AED_OK;
    if (list->type != AED_NODE_SEQUENCE)
        return aed_place_fail(list->place,
                              "'corrupt' must be a list such as [{gaussian: 0.5}, {clip: [0, 1]}], "
                              "but is %s",
                              aed_node_describe(list, text));
    *specs = aed_config_alloc(memory, (size_t)list->count, sizeof **specs);
    if (!*specs) return AED_MEMORY;
    for (int64_t i = 0; i < list->count; i++)
        AED_TRY(aed_read_kind(memory, AED_REGISTRY_CORRUPTION, list->entries[i].value, NULL,
                              &(*specs)[i], NULL));
    *count = list->count;
done:
    return status;
}

/* A name that begins metrics: noisy gives noisy_loss. */
static aed_status check_name(const aed_entry *entry)
{
    const char *name = entry->key;
    bool good = strlen(name) <= LONGEST_NAME && isalpha((unsigned char)name[0]);
    for (const char *at = name; good && *at; at++) good = isalnum((unsigned char)*at) || *at == '_';
    if (!good)
        return aed_place_fail(entry->place,
                              "an evaluation's name must be a word of at most %d letters, digits "
                              "and _, beginning with a letter, but is '%s'",
                              LONGEST_NAME, aed_show(name).text);
    if (strcmp(name, "train") == 0 || strcmp(name, "val") == 0)
        return aed_place_fail(
            entry->place, "'%s' is evaluated anyhow (as %s_loss); use another name", name, name);
    return AED_OK;
}

static aed_status read_split(const aed_node *node, aed_split_kind *split)
{
    static const char *const words[] = {"train", "val", "test"};
    static const aed_split_kind kinds[] = {AED_SPLIT_TRAIN, AED_SPLIT_VAL, AED_SPLIT_TEST};
    const char *word;
    if (aed_node_is_null(node)) return AED_OK;
    aed_status status = aed_scalar_text(node, "'split'", &word);
    if (status != AED_OK) return status;
    for (int i = 0; i < 3; i++)
        if (strcmp(word, words[i]) == 0) {
            *split = kinds[i];
            return AED_OK;
        }
    return aed_place_fail(node->place, "'split' must be train, val or test, but is '%s'",
                          aed_show(word).text);
}

/* split and corrupt, where they are given. */
static aed_status read_samples(aed_config_memory *memory, const aed_node *section,
                               aed_evaluation_spec *evaluation)
{
    aed_status status;
    AED_TRY(read_split(aed_node_get(section, "split"), &evaluation->split));
    const aed_node *corrupt = aed_node_get(section, "corrupt");
    if (aed_node_is_null(corrupt)) return AED_OK;
    evaluation->corrupt_as_train = corrupt->type == AED_NODE_SCALAR &&
                                   strcmp(corrupt->text, "train") == 0;
    if (!evaluation->corrupt_as_train)
        AED_TRY(aed_read_corruptions(memory, corrupt, &evaluation->corruptions,
                                     &evaluation->corruption_count));
done:
    return status;
}

/* NAME: {split: test, corrupt: train} */
static aed_status read_evaluation(aed_config_memory *memory, const aed_entry *entry,
                                  aed_evaluation_spec *evaluation)
{
    aed_status status;
    *evaluation = (aed_evaluation_spec){.name = entry->key, .split = AED_SPLIT_VAL};
    AED_TRY(check_name(entry));
    evaluation->where = aed_place_text(memory, entry->place);
    if (!evaluation->where) return AED_MEMORY;
    if (aed_node_is_null(entry->value)) return AED_OK;
    AED_TRY(aed_read_section(entry->value, AED_SECTION_EVALUATION));
    AED_TRY(read_samples(memory, entry->value, evaluation));
done:
    return status;
}

aed_status aed_read_evaluations(aed_config_memory *memory, const aed_node *node, aed_config *config)
{
    aed_status status = AED_OK;
    char text[128];
    if (aed_node_is_null(node)) return AED_OK;
    if (node->type != AED_NODE_MAPPING)
        return aed_place_fail(node->place,
                              "'evaluate' must be a mapping such as {noisy: {split: test, corrupt: "
                              "train}}, but is %s",
                              aed_node_describe(node, text));
    config->evaluations = aed_config_alloc(memory, (size_t)node->count,
                                           sizeof *config->evaluations);
    if (!config->evaluations) return AED_MEMORY;
    for (int64_t i = 0; i < node->count; i++)
        AED_TRY(read_evaluation(memory, &node->entries[i], &config->evaluations[i]));
    config->evaluation_count = node->count;
done:
    return status;
}

/* ---- Snapshots ------------------------------------------------------------------------------- */

static aed_status read_places(aed_config_memory *memory, const aed_node *list,
                              aed_snapshot_spec *snapshots)
{
    aed_status status = AED_OK;
    if (list->count < 1 || list->count > MOST_SNAPSHOT_SAMPLES)
        return aed_place_fail(list->place, "'samples' must have 1 to %d places",
                              (int)MOST_SNAPSHOT_SAMPLES);
    uint32_t *places = aed_config_alloc(memory, (size_t)list->count, sizeof *places);
    if (!places) return AED_MEMORY;
    for (int64_t i = 0; i < list->count; i++) {
        const aed_node *node = list->entries[i].value;
        int64_t place;
        AED_TRY(aed_scalar_int(node, "a place in 'samples'", &place));
        if (place < 0 || place > UINT32_MAX)
            AED_TRY(aed_place_fail(node->place,
                                   "a place in 'samples' is %lld, but must be 0 ... %lld",
                                   (long long)place, (long long)UINT32_MAX));
        places[i] = (uint32_t)place;
    }
    snapshots->samples = list->count;
    snapshots->places = places;
done:
    return status;
}

aed_status aed_read_snapshots(aed_config_memory *memory, const aed_node *node,
                              aed_snapshot_spec *snapshots)
{
    aed_status status;
    const aed_node *unused;
    *snapshots = (aed_snapshot_spec){
        .samples = 8,
        .of = {.name = "snapshots", .split = AED_SPLIT_VAL, .corrupt_as_train = true}};
    if (aed_node_is_null(node)) return AED_OK;
    AED_TRY(aed_read_section(node, AED_SECTION_SNAPSHOTS));
    AED_TRY(aed_read_required(node, AED_SECTION_SNAPSHOTS, "every", &unused));
    AED_TRY(aed_read_count(node, "every", 1, NULL, &snapshots->every));
    const aed_node *samples = aed_node_get(node, "samples");
    snapshots->of.where = aed_place_text(memory, node->place);
    if (!snapshots->of.where) return AED_MEMORY;
    if (!aed_node_is_null(samples) && samples->type == AED_NODE_SEQUENCE)
        AED_TRY(read_places(memory, samples, snapshots));
    else
        AED_TRY(aed_read_count(node, "samples", 1, NULL, &snapshots->samples));
    const aed_node *print = aed_node_get(node, "print");
    if (!aed_node_is_null(print)) AED_TRY(aed_scalar_bool(print, "'print'", &snapshots->print));
    AED_TRY(read_samples(memory, node, &snapshots->of));
done:
    return status;
}
