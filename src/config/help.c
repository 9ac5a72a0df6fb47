/* The reference of all keys and kinds, made from the tables that the reader uses. */
#include <stddef.h>
#include <string.h>

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
    if (def->type == AED_ARG_INT && def->min < def->max &&
        (def->fallback < def->min || def->fallback > def->max)) {
        aed_text_add(text, "none");
        return;
    }
    switch (def->type) {
    case AED_ARG_INTS: /* of optional ones, the number for all dimensions */
    case AED_ARG_INT: aed_text_addf(text, "%.0f", def->fallback); break;
    case AED_ARG_LEVEL:
    case AED_ARG_FLOAT: aed_text_add_float(text, def->fallback); break;
    case AED_ARG_BOOL: aed_text_add(text, def->fallback != 0 ? "true" : "false"); break;
    case AED_ARG_CHOICE: aed_text_add(text, def->choices[(int)def->fallback]); break;
    case AED_ARG_FLOATS:
    case AED_ARG_LEVELS:
    case AED_ARG_STRINGS:
    case AED_ARG_MATRIX: aed_text_add(text, "none"); break;
    }
}

static void add_type(aed_text *text, const aed_arg_def *def)
{
    aed_text_add(text, type_names[def->type]);
    for (int i = 0; def->type == AED_ARG_CHOICE && def->choices[i]; i++)
        aed_text_addf(text, "%s%s", i ? ", " : " ", def->choices[i]);
}

/* ---- For a terminal --------------------------------------------------------------------------- */

static void add_arg(aed_text *text, const aed_arg_def *def)
{
    aed_text_addf(text, "    %-16s ", def->name);
    add_type(text, def);
    if (def->help) aed_text_addf(text, ": %s", def->help);
    aed_text_add(text, def->required ? "; required" : " (");
    if (!def->required) add_default(text, def);
    aed_text_add(text, def->required ? "\n" : ")\n");
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

static const char level_note[] =
    "A level is a number, or one that changes with the epochs: {from: 1.0, to: 0.0, epochs: 50}.";

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
    aed_text_addf(&all, "%s\n", level_note);
    for (aed_registry registry = 0; registry < AED_REGISTRY_COUNT; registry++)
        add_registry(&all, registry);
    return aed_text_take(&all, text);
}

/* ---- As Markdown ------------------------------------------------------------------------------ */

/* Words of a cell: what would end it, or be taken for markup, is escaped. */
static void add_cell(aed_text *text, const char *words)
{
    for (; *words; words++) aed_text_addf(text, "%s%c", strchr("|*<", *words) ? "\\" : "", *words);
}

/* The bounds of an argument, unless it has none worth telling. */
static void add_bounds(aed_text *text, const aed_arg_def *def)
{
    enum { LARGE = 1000000 };
    if ((def->min == 0 && def->max == 0) || def->type == AED_ARG_CHOICE) return;
    if (def->min > -LARGE && def->max < LARGE)
        aed_text_addf(text, ", %.10g to %.10g", def->min, def->max);
    else if (def->min > -LARGE)
        aed_text_addf(text, ", at least %.10g", def->min);
    else if (def->max < LARGE)
        aed_text_addf(text, ", at most %.10g", def->max);
}

static void add_section_table(aed_text *text, const aed_section *section)
{
    aed_text_addf(text, section->path[0] ? "\n### `%s`\n" : "\n### %s\n",
                  section->path[0] ? section->path : "Top level");
    aed_text_add(text, "\n| key | what it is |\n|---|---|\n");
    for (int i = 0; i < section->count; i++) {
        aed_text_addf(text, "| `%s` | ", section->keys[i].name);
        add_cell(text, section->keys[i].help);
        aed_text_add(text, " |\n");
    }
}

static void add_kind_table(aed_text *text, const aed_kind *kind)
{
    aed_text_addf(text, "\n### `%s`\n\n", kind->name);
    if (kind->help) add_cell(text, kind->help);
    if (kind->main_arg) aed_text_addf(text, "; short: `%s: %s`", kind->name, kind->main_arg);
    aed_text_add(text, "\n");
    if (kind->arg_count > 0)
        aed_text_add(text, "\n| argument | value | default | what it is |\n|---|---|---|---|\n");
    for (int i = 0; i < kind->arg_count; i++) {
        const aed_arg_def *def = &kind->args[i];
        aed_text_addf(text, "| `%s` | ", def->name);
        add_type(text, def);
        add_bounds(text, def);
        aed_text_add(text, " | ");
        if (def->required)
            aed_text_add(text, "required");
        else
            add_default(text, def);
        aed_text_add(text, " | ");
        add_cell(text, def->help);
        aed_text_add(text, " |\n");
    }
}

aed_status aed_config_help_markdown(char **text)
{
    aed_text all = {0};
    aed_text_add(&all,
                 "# Config reference\n\n<!-- Made by `aedist --help-config=markdown`: change the "
                 "tables in src, then build the target `reference`. -->\n\n"
                 "Every key can be set on the command line as `key.path=value` and swept as "
                 "`sweep.key.path=[...]`; what\nstands in parentheses is the default.\n");
    aed_text_addf(&all, "%s\n\n## Keys\n", level_note);
    for (aed_section_id id = 0; id < AED_SECTION_COUNT; id++)
        add_section_table(&all, aed_section_get(id));
    for (aed_registry registry = 0; registry < AED_REGISTRY_COUNT; registry++) {
        aed_text_addf(&all, "\n## Each %s\n", aed_registry_noun(registry));
        for (int i = 0; i < aed_registry_size(NULL, registry); i++)
            add_kind_table(&all, aed_registry_kind(NULL, registry, i));
    }
    return aed_text_take(&all, text);
}
