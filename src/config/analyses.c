/* `analysis: {NAME: arguments}`: the table of analyses and its reader. */
#include "config/analyses.h"

#include <stdint.h>
#include <string.h>

#include "config/read.h"
#include "config/scalar.h"

enum { MOST_SAMPLES = 1 << 24, MOST_STEPS = 10001, MOST_LISTED = 1 << 16 };

static const char *const splits[] = {"train", "val", "test", NULL};
static const char *const inputs[] = {"none", "train", NULL};

/* Arguments that several analyses have. The order of `splits` is that of aed_split_kind. */
#define SPLIT(fallback)                                                     \
    {                                                                       \
        "split", AED_ARG_CHOICE, false, fallback, 0, 0, splits,             \
            "the samples (val: held out, else test, else training samples)" \
    }
#define CORRUPT                                            \
    {                                                      \
        "corrupt", AED_ARG_CHOICE, false, 0, 0, 0, inputs, \
            "of the input: none, or train, as in training" \
    }
#define SAMPLES                                                                 \
    {                                                                           \
        "samples", AED_ARG_INTS, false, -1, 0, UINT32_MAX, NULL,                \
            "places in the split, counted from 0; without it the first `count`" \
    }
#define COUNT(fallback, help)                                              \
    {                                                                      \
        "count", AED_ARG_INT, false, fallback, 1, MOST_SAMPLES, NULL, help \
    }

static const aed_arg_def ablation_args[] = {SPLIT(AED_SPLIT_VAL), CORRUPT};

static const aed_arg_def assemble_args[] = {
    {"stride", AED_ARG_INT, false, 0, 0, MOST_STEPS, NULL,
     "points between neighbouring windows; 0: the product of the encoder's strides"},
    {"border", AED_ARG_INT, false, 0, 0, MOST_STEPS, NULL,
     "points at either end of a curve that count as its border; 0: those that one window covers"},
    COUNT(16, "curves that are kept"),
};

static const aed_arg_def code_confusion_args[] = {SPLIT(AED_SPLIT_VAL)};

static const aed_arg_def decode_args[] = {
    {"vectors", AED_ARG_MATRIX, false, 0, -1e30, 1e30, NULL,
     "codes to decode: a number a channel, or all numbers of a code"},
    {"one_hot", AED_ARG_BOOL, false, 0, 0, 0, NULL, "decode 1 in each channel, 0 in the others"},
    {"range", AED_ARG_FLOATS, false, 0, -1e30, 1e30, NULL,
     "[from, to]: decode along each channel, the others being 0"},
    {"tap", AED_ARG_STRINGS, false, 0, 0, 0, NULL,
     "where they enter: code (behind its activation), logits or a layer's name; code without it"},
    {"steps", AED_ARG_INT, false, 41, 2, MOST_STEPS, NULL, "values along the range"},
};

static const aed_arg_def encode_args[] = {SPLIT(AED_SPLIT_VAL), SAMPLES,
                                          COUNT(10000, "the first so many of the split")};

static const aed_arg_def epochs_to_args[] = {
    {"levels", AED_ARG_FLOATS, true, 0, -1e30, 1e30, NULL, "values to fall to"},
    {"metric", AED_ARG_STRINGS, false, 0, 0, 0, NULL, "a recorded column; val_loss without it"},
};

static const aed_arg_def pca_args[] = {
    {"components", AED_ARG_INT, false, 0, 0, 4096, NULL,
     "principal components to keep; 0: as many as the code has numbers"},
};

static const aed_arg_def probe_args[] = {
    {"penalty", AED_ARG_FLOAT, false, 1e-4, 0, 1e6, NULL,
     "weight of half the squared norm of the probe's weights"},
    {"iterations", AED_ARG_INT, false, 200, 1, 100000, NULL, "of L-BFGS, at most"},
    COUNT(20000, "training samples, at most"),
};

static const aed_arg_def products_args[] = {
    SPLIT(AED_SPLIT_VAL),
    {"sample", AED_ARG_INT, false, 0, 0, UINT32_MAX, NULL, "place in the split, counted from 0"},
};

static const aed_arg_def reconstruct_args[] = {SPLIT(AED_SPLIT_VAL), CORRUPT, SAMPLES,
                                               COUNT(10, "the first so many of the split")};

static const aed_arg_def robustness_args[] = {
    {"noise", AED_ARG_FLOATS, true, 0, 0, 1e30, NULL,
     "stds of the input's noise: the first gaussian of train.corrupt, or one of its own"},
    SPLIT(AED_SPLIT_VAL),
};

static const aed_arg_def shared_point_args[] = {
    SPLIT(AED_SPLIT_VAL),
    {"point", AED_ARG_INT, false, 0, 0, UINT32_MAX, NULL, "the element of a sample, from 0"},
    {"sample", AED_ARG_INT, false, 0, 0, UINT32_MAX, NULL,
     "place of the sample that has the value"},
    COUNT(10, "samples that come nearest to it"),
};

static const aed_arg_def stride_power_args[] = {
    SPLIT(AED_SPLIT_VAL),
    {"period", AED_ARG_INT, false, 0, 0, MOST_STEPS, NULL,
     "elements; 0: the stride of the last transposed convolution or upsampling"},
};

static const aed_arg_def worst_args[] = {SPLIT(AED_SPLIT_VAL), CORRUPT,
                                         COUNT(10, "samples with the largest loss")};

#define KIND(name, help, args, main_arg)                                \
    {                                                                   \
        name, help, args, (int)(sizeof args / sizeof args[0]), main_arg \
    }

static const aed_kind kinds[AED_ANALYSIS_COUNT] = {
    [AED_ANALYSIS_ABLATION] = KIND("ablation", "the loss with each channel of the code zeroed",
                                   ablation_args, NULL),
    [AED_ANALYSIS_ASSEMBLE] = KIND(
        "assemble", "whole curves put together from windows: overlaps summed, halved or averaged",
        assemble_args, NULL),
    [AED_ANALYSIS_CODE_CONFUSION] = KIND(
        "code_confusion",
        "labels against the largest number of the code, and the best order of its columns",
        code_confusion_args, NULL),
    [AED_ANALYSIS_DECODE] = KIND("decode", "outputs of codes that are given", decode_args,
                                 "vectors"),
    [AED_ANALYSIS_ENCODE] = KIND("encode", "codes of samples", encode_args, "count"),
    [AED_ANALYSIS_EPOCHS_TO] = KIND("epochs_to", "the first recorded epoch at or below a loss",
                                    epochs_to_args, "levels"),
    [AED_ANALYSIS_FILTERS] = {"filters",
                              "filters of every convolution: smoothness, and matched across the "
                              "seeds of a run by order and sign",
                              NULL, 0, NULL},
    [AED_ANALYSIS_PCA] = KIND("pca",
                              "principal components of the training targets: the floor of a "
                              "linear code",
                              pca_args, "components"),
    [AED_ANALYSIS_PROBE] = KIND("probe", "accuracy of a multinomial logistic regression on codes",
                                probe_args, NULL),
    [AED_ANALYSIS_PRODUCTS] = KIND(
        "products",
        "a sample's products with the filters of the first and the last layer, and their sums",
        products_args, "sample"),
    [AED_ANALYSIS_RECONSTRUCT] = KIND(
        "reconstruct", "samples, their codes and outputs, with each channel zeroed too",
        reconstruct_args, "count"),
    [AED_ANALYSIS_ROBUSTNESS] = KIND("robustness", "the loss by the noise of the input",
                                     robustness_args, "noise"),
    [AED_ANALYSIS_SHARED_POINT] = KIND(
        "shared_point", "samples that share the value of one element", shared_point_args, "point"),
    [AED_ANALYSIS_STRIDE_POWER] = KIND("stride_power",
                                       "power at the stride's period, of outputs and of targets",
                                       stride_power_args, NULL),
    [AED_ANALYSIS_WORST] = KIND("worst", "the samples with the largest loss", worst_args, "count"),
};

const aed_kind *aed_analysis_kind_of(int index) { return &kinds[index]; }

/* NAME: true, false, a main argument or a mapping of arguments; *wanted tells false and null. */
static aed_status read_analysis(aed_config_memory *memory, const aed_entry *entry, bool *wanted,
                                aed_spec *spec)
{
    const aed_node *value = entry->value;
    aed_node alone = {.type = AED_NODE_MAPPING, .count = 1};
    const aed_kind *kind;
    aed_entry argument;
    const aed_node *args = value;
    aed_status status;
    *wanted = !aed_node_is_null(value);
    AED_TRY(aed_read_kind_name(memory, AED_REGISTRY_ANALYSIS, entry->key, entry->place, &kind));
    if (!*wanted) return AED_OK;
    if (value->type == AED_NODE_SCALAR &&
        (strcmp(value->text, "true") == 0 || strcmp(value->text, "false") == 0)) {
        *wanted = value->text[0] == 't';
        args = NULL;
    } else if (value->type != AED_NODE_MAPPING && kind->main_arg) {
        argument = (aed_entry){kind->main_arg, value->place, value};
        alone.place = value->place;
        alone.entries = &argument;
        args = &alone;
    }
    AED_TRY(aed_read_args(memory, kind, args, NULL, entry->place, spec));
done:
    return status;
}

aed_status aed_read_analyses(aed_config_memory *memory, const aed_node *node, aed_config *config)
{
    aed_status status = AED_OK;
    char text[128];
    if (aed_node_is_null(node)) return AED_OK;
    if (node->type != AED_NODE_MAPPING)
        return aed_place_fail(node->place,
                              "'analysis' must be a mapping such as {ablation: true, decode: "
                              "{one_hot: true}}, but is %s",
                              aed_node_describe(node, text));
    aed_spec *specs = aed_config_alloc(memory, AED_ANALYSIS_COUNT, sizeof *specs);
    if (!specs) return AED_MEMORY;
    for (int64_t i = 0; i < node->count; i++) {
        aed_spec spec = {0};
        bool wanted;
        AED_TRY(read_analysis(memory, &node->entries[i], &wanted, &spec));
        if (wanted) specs[spec.kind - kinds] = spec;
    }
    for (int i = 0; i < AED_ANALYSIS_COUNT; i++)
        if (specs[i].kind) specs[config->analysis_count++] = specs[i];
    config->analyses = specs;
done:
    return status;
}
