/* `watch: {after: EPOCHS, SYMPTOM: LEVEL}`: what becomes of a training that learns nothing. */
#include <string.h>

#include "config/read.h"
#include "config/scalar.h"

const char *const aed_symptom_words[] = {
    [AED_SYMPTOM_IGNORE] = "none", [AED_SYMPTOM_WARN] = "warn", [AED_SYMPTOM_STOP] = "stop"};
enum { SYMPTOM_WORDS = sizeof aed_symptom_words / sizeof *aed_symptom_words };

static aed_status read_level(const aed_node *node, const char *symptom, aed_symptom_level *level)
{
    const char *word;
    const aed_status status = aed_scalar_text(node, "the level of a symptom", &word);
    if (status != AED_OK) return status;
    for (int i = 0; i < SYMPTOM_WORDS; i++)
        if (strcmp(word, aed_symptom_words[i]) == 0) {
            *level = (aed_symptom_level)i;
            return AED_OK;
        }
    return aed_place_fail(node->place, "'%s' must be none, warn or stop, but is '%s'", symptom,
                          aed_show(word).text);
}

aed_status aed_read_watch(const aed_node *node, aed_watch_spec *watch)
{
    aed_status status;
    const aed_key *keys = aed_section_get(AED_SECTION_WATCH)->keys;
    watch->after = 10;
    for (int i = 0; i < AED_SYMPTOM_COUNT; i++) watch->levels[i] = AED_SYMPTOM_WARN;
    if (aed_node_is_null(node)) return AED_OK;
    AED_TRY(aed_read_section(node, AED_SECTION_WATCH));
    AED_TRY(aed_read_count(node, "after", 1, NULL, &watch->after));
    for (int i = 0; i < AED_SYMPTOM_COUNT; i++) {
        const aed_node *level = aed_node_get(node, keys[i].name);
        if (!aed_node_is_null(level)) AED_TRY(read_level(level, keys[i].name, &watch->levels[i]));
    }
done:
    return status;
}
