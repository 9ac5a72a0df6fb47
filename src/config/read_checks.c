/* `checks: {RULE: LEVEL}`: what becomes of a set-up that breaks a rule. */
#include <string.h>

#include "config/read.h"
#include "config/scalar.h"

const char *const aed_check_words[] = {[AED_CHECK_NONE] = "none",
                                       [AED_CHECK_NOTE] = "note",
                                       [AED_CHECK_WARN] = "warn",
                                       [AED_CHECK_ERROR] = "error"};
enum { CHECK_WORDS = sizeof aed_check_words / sizeof *aed_check_words };

static const aed_check_level defaults[AED_CHECK_COUNT] = {
    [AED_CHECK_LOSS_TARGETS] = AED_CHECK_ERROR, [AED_CHECK_LOSS_OUTPUTS] = AED_CHECK_ERROR,
    [AED_CHECK_REACH] = AED_CHECK_ERROR,        [AED_CHECK_CODE_SCALE] = AED_CHECK_WARN,
    [AED_CHECK_SOFTMAX] = AED_CHECK_WARN,       [AED_CHECK_CHECKERBOARD] = AED_CHECK_NOTE,
    [AED_CHECK_WIDE_CODE] = AED_CHECK_NOTE,     [AED_CHECK_ONE_CHANNEL] = AED_CHECK_NOTE,
};

static aed_status read_level(const aed_node *node, const char *rule, aed_check_level *level)
{
    const char *word;
    const aed_status status = aed_scalar_text(node, "the level of a check", &word);
    if (status != AED_OK) return status;
    for (int i = 0; i < CHECK_WORDS; i++)
        if (strcmp(word, aed_check_words[i]) == 0) {
            *level = (aed_check_level)i;
            return AED_OK;
        }
    return aed_place_fail(node->place, "'%s' must be none, note, warn or error, but is '%s'", rule,
                          aed_show(word).text);
}

aed_status aed_read_checks(const aed_node *node, aed_check_level levels[AED_CHECK_COUNT])
{
    aed_status status;
    const aed_section *section = aed_section_get(AED_SECTION_CHECKS);
    memcpy(levels, defaults, sizeof defaults);
    if (aed_node_is_null(node)) return AED_OK;
    AED_TRY(aed_read_section(node, AED_SECTION_CHECKS));
    for (int i = 0; i < AED_CHECK_COUNT; i++) {
        const aed_node *level = aed_node_get(node, section->keys[i].name);
        if (!aed_node_is_null(level)) AED_TRY(read_level(level, section->keys[i].name, &levels[i]));
    }
done:
    return status;
}
