/* Training aids of the section train: when to end early, which weights to keep. */
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
    AED_TRY(aed_read_required(node, "patience", &unused));
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

aed_status aed_read_aids(aed_config_memory *memory, const aed_node *train, aed_config *config)
{
    aed_status status;
    const aed_node *keep = aed_node_get(train, "keep"), *ema = aed_node_get(train, "ema");
    AED_TRY(read_early_stopping(memory, aed_node_get(train, "early_stopping"),
                                &config->early_stopping));
    AED_TRY(read_keep(keep, &config->keep));
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
