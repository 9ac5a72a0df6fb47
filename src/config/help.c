/* The reference of all keys and kinds, made from the tables that the reader uses. */
#include <stddef.h>

#include "config/config.h"
#include "config/kinds.h"
#include "config/text.h"

static const char *const type_names[] = {
    [AED_ARG_INT] = "whole number",      [AED_ARG_FLOAT] = "number",
    [AED_ARG_BOOL] = "true or false",    [AED_ARG_CHOICE] = "one of",
    [AED_ARG_INTS] = "whole numbers",    [AED_ARG_FLOATS] = "numbers",
    [AED_ARG_STRINGS] = "text or texts", [AED_ARG_MATRIX] = "rows of numbers",
    [AED_ARG_LEVEL] = "level",           [AED_ARG_LEVELS] = "levels",
};

static void add_default(aed_text *text, const aed_arg_def *def)
{
    if (def->required) {
        aed_text_add(text, "; required");
        return;
    }
    if (def->type == AED_ARG_INT && def->min < def->max &&
        (def->fallback < def->min || def->fallback > def->max)) {
        aed_text_add(text, " (none)");
        return;
    }
    switch (def->type) {
    case AED_ARG_INTS: /* of optional ones, the number for all dimensions */
    case AED_ARG_INT: aed_text_addf(text, " (%.0f)", def->fallback); break;
    case AED_ARG_LEVEL:
    case AED_ARG_FLOAT:
        aed_text_add(text, " (");
        aed_text_add_float(text, def->fallback);
        aed_text_add(text, ")");
        break;
    case AED_ARG_BOOL: aed_text_addf(text, " (%s)", def->fallback != 0 ? "true" : "false"); break;
    case AED_ARG_CHOICE: aed_text_addf(text, " (%s)", def->choices[(int)def->fallback]); break;
    case AED_ARG_FLOATS:
    case AED_ARG_LEVELS:
    case AED_ARG_STRINGS:
    case AED_ARG_MATRIX: aed_text_add(text, " (none)"); break;
    }
}

static void add_arg(aed_text *text, const aed_arg_def *def)
{
    aed_text_addf(text, "    %-16s %s", def->name, type_names[def->type]);
    for (int i = 0; def->type == AED_ARG_CHOICE && def->choices[i]; i++)
        aed_text_addf(text, "%s%s", i ? ", " : " ", def->choices[i]);
    if (def->help) aed_text_addf(text, ": %s", def->help);
    add_default(text, def);
    aed_text_add(text, "\n");
}

static void add_registry(aed_text *text, aed_registry registry)
{
    aed_text_addf(text, "\nEach %s:\n", aed_registry_noun(registry));
    for (int i = 0; i < aed_registry_size(NULL, registry); i++) {
        const aed_kind *kind = aed_registry_kind(NULL, registry, i);
        aed_text_addf(text, "  %s", kind->name);
        if (kind->main_arg) aed_text_addf(text, " (`%s: %s`)", kind->name, kind->main_arg);
        aed_text_addf(text, "%s%s\n", kind->help ? ": " : "", kind->help ? kind->help : "");
        for (int k = 0; k < kind->arg_count; k++) add_arg(text, &kind->args[k]);
    }
}

aed_status aed_config_help(char **text)
{
    aed_text all = {0};
    aed_text_add(&all, "Keys of a config (every one can be set as key.path=value):\n");
    for (aed_section_id id = 0; id < AED_SECTION_COUNT; id++) {
        const aed_section *section = aed_section_get(id);
        for (int i = 0; i < section->count; i++)
            aed_text_addf(&all, "  %s%s%s: %s\n", section->path, section->path[0] ? "." : "",
                          section->keys[i].name, section->keys[i].help);
    }
    aed_text_add(&all,
                 "A level is a number, or one that changes with the epochs: {from: 1.0, to: 0.0, "
                 "epochs: 50}.\n");
    for (aed_registry registry = 0; registry < AED_REGISTRY_COUNT; registry++)
        add_registry(&all, registry);
    return aed_text_take(&all, text);
}
