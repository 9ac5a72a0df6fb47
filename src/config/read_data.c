/* The data: a source with its arguments, and how its samples are scaled, divided and kept. */
#include <string.h>

#include "config/read.h"
#include "config/scalar.h"
#include "config/suggest.h"

static const double GIB = 1024.0 * 1024.0 * 1024.0;

const char *const aed_scale_words[] = {
    [AED_SCALE_NONE] = "none", [AED_SCALE_UNIT] = "unit", [AED_SCALE_BATCH_MAX] = "batch_max",
    [AED_SCALE_L2] = "l2",     [AED_SCALE_AUTO] = "auto",
};
enum { SCALE_KINDS = sizeof aed_scale_words / sizeof *aed_scale_words };

static aed_status read_scale_word(const aed_node *node, aed_scale *scale)
{
    const char *word, *words[SCALE_KINDS];
    int count = 0;
    aed_status status = aed_scalar_text(node, "'scale' in data", &word);
    if (status != AED_OK) return status;
    for (int i = 0; i < SCALE_KINDS; i++) {
        if (!aed_scale_words[i]) continue;
        if (strcmp(aed_scale_words[i], word) == 0) {
            scale->kind = (aed_scale_kind)i;
            return AED_OK;
        }
        words[count++] = aed_scale_words[i];
    }
    const char *near = aed_suggest(word, words, count);
    return aed_place_fail(node->place,
                          "'scale' in data is '%s', but must be auto, none, unit, batch_max, l2 or "
                          "{mean: M, std: S}%s%s%s",
                          aed_show(word).text, near ? " (did you mean '" : "", near ? near : "",
                          near ? "'?)" : "");
}

/* {mean: M, std: S} */
static aed_status read_standard(const aed_node *node, aed_scale *scale)
{
    static const aed_arg_def defs[] = {
        {"mean", AED_ARG_FLOAT, true, 0, -AED_LARGEST_AMOUNT, AED_LARGEST_AMOUNT, NULL, "mean"},
        {"std", AED_ARG_FLOAT, true, 1, 1 / AED_LARGEST_AMOUNT, AED_LARGEST_AMOUNT, NULL, "std"},
    };
    aed_status status;
    aed_arg_value mean, std;
    const aed_node *values[2];
    AED_TRY(aed_read_section(node, AED_SECTION_SCALE));
    AED_TRY(aed_read_required(node, AED_SECTION_SCALE, "mean", &values[0]));
    AED_TRY(aed_read_required(node, AED_SECTION_SCALE, "std", &values[1]));
    AED_TRY(aed_read_value(NULL, &defs[0], "data.scale", values[0], &mean));
    AED_TRY(aed_read_value(NULL, &defs[1], "data.scale", values[1], &std));
    *scale = (aed_scale){AED_SCALE_STANDARD, mean.number, std.number};
done:
    return status;
}

aed_status aed_read_data(aed_config_memory *memory, const aed_node *node, aed_spec *source,
                         aed_dataset_options *options)
{
    aed_status status;
    char text[128];
    const char *word;
    const aed_kind *kind;
    double gib = 0;
    *options = (aed_dataset_options){.scale.kind = AED_SCALE_AUTO};
    if (node->type != AED_NODE_MAPPING)
        return aed_place_fail(node->place,
                              "data must be a mapping such as {source: bezier}, but is %s",
                              aed_node_describe(node, text));
    const aed_node *name = aed_node_get(node, "source"), *scale = aed_node_get(node, "scale");
    if (aed_node_is_null(name))
        return aed_place_fail(node->place, "missing key 'source' in data (the data source's name)");
    AED_TRY(aed_scalar_text(name, "'source' in data", &word));
    AED_TRY(aed_read_kind_name(memory, AED_REGISTRY_SOURCE, word, name->place, &kind));
    AED_TRY(aed_read_args_beside(memory, kind, node, aed_section_get(AED_SECTION_DATA), name->place,
                                 source));
    if (!aed_node_is_null(scale))
        AED_TRY(scale->type == AED_NODE_MAPPING ? read_standard(scale, &options->scale)
                                                : read_scale_word(scale, &options->scale));
    AED_TRY(aed_read_amount(node, "holdout", &options->holdout));
    AED_TRY(aed_read_amount(node, "memory", &gib));
    options->memory = gib * GIB;
    options->where = source->where;
done:
    return status;
}
