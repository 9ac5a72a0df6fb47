/* Arguments of kinds, checked against their definitions; see read.h. */
#include <stdio.h>
#include <string.h>

#include "config/read.h"
#include "config/scalar.h"
#include "config/suggest.h"
#include "config/text.h"

enum { NAME_BYTES = 160 };

/* "'lr' in adam" for messages. */
static const char *value_name(const aed_arg_def *def, const char *owner, char *name)
{
    snprintf(name, NAME_BYTES, "'%s' in %s", def->name, owner);
    return name;
}

static bool in_bounds(const aed_arg_def *def, double number)
{
    return (def->min == 0 && def->max == 0) || (number >= def->min && number <= def->max);
}

/* A bound as the user would write it: whole numbers without a dot. */
static const char *bound_text(double bound, char *text)
{
    bool whole = bound >= -1e15 && bound <= 1e15 && bound == (double)(int64_t)bound;
    snprintf(text, 32, whole ? "%.0f" : "%.15g", bound);
    return text;
}

static aed_status out_of_bounds(const aed_arg_def *def, const char *owner, const aed_node *node,
                                double number)
{
    const double huge = 9e15;
    char name[NAME_BYTES], low[32], high[32];
    value_name(def, owner, name);
    bound_text(def->min, low);
    bound_text(def->max, high);
    const char *found = aed_show(node->text).text;
    if (def->max >= huge && number < def->min)
        return aed_place_fail(node->place, "%s is %.60s, but must be at least %s", name, found,
                              low);
    if (def->min <= -huge && number > def->max)
        return aed_place_fail(node->place, "%s is %.60s, but must be at most %s", name, found,
                              high);
    return aed_place_fail(node->place, "%s is %.60s, but must be from %s to %s", name, found, low,
                          high);
}

/* One number of an argument, whole if its type says so, within its bounds. */
static aed_status read_number(const aed_arg_def *def, const char *owner, const aed_node *node,
                              double *number)
{
    char name[NAME_BYTES];
    bool whole = def->type == AED_ARG_INT || def->type == AED_ARG_INTS;
    aed_status status;
    value_name(def, owner, name);
    if (whole) {
        int64_t integer;
        AED_TRY(aed_scalar_int(node, name, &integer));
        *number = (double)integer;
    } else {
        AED_TRY(aed_scalar_number(node, name, number));
    }
    if (!in_bounds(def, *number)) status = out_of_bounds(def, owner, node, *number);
done:
    return status;
}

static aed_status read_choice(const aed_arg_def *def, const char *owner, const aed_node *node,
                              aed_arg_value *value)
{
    char name[NAME_BYTES], list[256] = "";
    const char *word;
    int count = 0;
    value_name(def, owner, name);
    aed_status status = aed_scalar_text(node, name, &word);
    if (status != AED_OK) return status;
    for (; def->choices[count]; count++) {
        if (strcmp(def->choices[count], word) == 0) {
            value->number = count;
            value->strings = &def->choices[count];
            return AED_OK;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", count ? ", " : "", def->choices[count]);
    }
    const char *near = aed_suggest(word, def->choices, count);
    return aed_place_fail(node->place, "%s is '%s', but must be one of %s%s%s%s", name,
                          aed_show(word).text, list, near ? " (did you mean '" : "",
                          near ? near : "", near ? "'?)" : "");
}

static aed_status read_list(aed_config_memory *memory, const aed_arg_def *def, const char *owner,
                            const aed_node *node, aed_arg_value *value)
{
    aed_status status = AED_OK;
    char name[NAME_BYTES];
    aed_entry single = {NULL, node->place, node};
    bool list = node->type == AED_NODE_SEQUENCE;
    const aed_entry *entries = list ? node->entries : &single;
    int64_t count = list ? node->count : 1;
    bool texts = def->type == AED_ARG_STRINGS;
    value_name(def, owner, name);
    if (count == 0 && def->required)
        return aed_place_fail(node->place, "%s must not be an empty list", name);
    const char **strings = texts ? aed_config_alloc(memory, (size_t)count, sizeof *strings) : NULL;
    double *numbers = texts ? NULL : aed_config_alloc(memory, (size_t)count, sizeof *numbers);
    if (!strings && !numbers) return AED_MEMORY;
    for (int64_t i = 0; i < count; i++) {
        const aed_node *element = entries[i].value;
        if (texts)
            AED_TRY(aed_scalar_text(element, name, &strings[i]));
        else
            AED_TRY(read_number(def, owner, element, &numbers[i]));
    }
    value->strings = strings;
    value->numbers = numbers;
    value->count = count;
done:
    return status;
}

static aed_status read_matrix(aed_config_memory *memory, const aed_arg_def *def, const char *owner,
                              const aed_node *node, aed_arg_value *value)
{
    aed_status status = AED_OK;
    char name[NAME_BYTES];
    value_name(def, owner, name);
    int64_t columns = 0;
    if (node->type == AED_NODE_SEQUENCE && node->count > 0 &&
        node->entries[0].value->type == AED_NODE_SEQUENCE)
        columns = node->entries[0].value->count;
    if (columns == 0)
        return aed_place_fail(
            node->place, "%s must be a list of rows of numbers, such as [[1, 0], [0, 1]]", name);
    for (int64_t i = 0; i < node->count; i++) {
        const aed_node *row = node->entries[i].value;
        if (row->type != AED_NODE_SEQUENCE || row->count != columns)
            return aed_place_fail(row->place,
                                  "%s: row %lld must be a list of %lld numbers, as the first is",
                                  name, (long long)i + 1, (long long)columns);
    }
    /* Every element is a node of the tree, whose number is bounded. */
    double *numbers = aed_config_alloc(memory, (size_t)(node->count * columns), sizeof *numbers);
    if (!numbers) return AED_MEMORY;
    for (int64_t i = 0; i < node->count; i++)
        for (int64_t j = 0; j < columns; j++)
            AED_TRY(read_number(def, owner, node->entries[i].value->entries[j].value,
                                &numbers[i * columns + j]));
    value->numbers = numbers;
    value->rows = node->count;
    value->count = node->count * columns;
done:
    return status;
}

aed_status aed_read_ramp(aed_config_memory *memory, const aed_arg_def *def, const char *owner,
                         const aed_node *node, const aed_ramp **ramp)
{
    aed_status status;
    aed_ramp *made = aed_config_alloc(memory, 1, sizeof *made);
    if (!made) return AED_MEMORY;
    AED_TRY(aed_read_section(node, AED_SECTION_LEVEL));
    static const char *const keys[] = {"from", "to", "epochs"};
    for (int i = 0; i < 3; i++)
        if (aed_node_is_null(aed_node_get(node, keys[i])))
            AED_TRY(aed_place_fail(node->place,
                                   "a level that changes is missing key '%s'; write it as {from: "
                                   "1.0, to: 0.0, epochs: 50}",
                                   keys[i]));
    AED_TRY(read_number(def, owner, aed_node_get(node, "from"), &made->from));
    AED_TRY(read_number(def, owner, aed_node_get(node, "to"), &made->to));
    AED_TRY(aed_read_count(node, "epochs", 1, NULL, &made->epochs));
    *ramp = made;
done:
    return status;
}

/* A ramp instead of a number or a list. */
static aed_status read_changing(aed_config_memory *memory, const aed_arg_def *def,
                                const char *owner, const aed_node *node, aed_arg_value *value)
{
    static const double one[1] = {1};
    value->number = 1;
    if (def->type == AED_ARG_LEVELS) {
        value->numbers = one;
        value->count = 1;
    }
    return aed_read_ramp(memory, def, owner, node, &value->ramp);
}

aed_arg_value aed_read_fallback(const aed_arg_def *def)
{
    aed_arg_value value = {.number = def->fallback};
    if (def->type == AED_ARG_CHOICE) value.strings = &def->choices[(int)def->fallback];
    return value;
}

aed_status aed_read_value(aed_config_memory *memory, const aed_arg_def *def, const char *owner,
                          const aed_node *node, aed_arg_value *value)
{
    char name[NAME_BYTES];
    bool truth = false;
    aed_status status = AED_OK;
    *value = aed_read_fallback(def);
    if (aed_node_is_null(node)) return AED_OK;
    value->given = true;
    const bool changes = def->type == AED_ARG_LEVEL || def->type == AED_ARG_LEVELS;
    if (changes && node->type == AED_NODE_MAPPING)
        return read_changing(memory, def, owner, node, value);
    switch (def->type) {
    case AED_ARG_INT:
    case AED_ARG_LEVEL:
    case AED_ARG_FLOAT: return read_number(def, owner, node, &value->number);
    case AED_ARG_BOOL:
        status = aed_scalar_bool(node, value_name(def, owner, name), &truth);
        value->number = truth;
        return status;
    case AED_ARG_CHOICE: return read_choice(def, owner, node, value);
    case AED_ARG_INTS:
    case AED_ARG_LEVELS:
    case AED_ARG_FLOATS:
    case AED_ARG_STRINGS: return read_list(memory, def, owner, node, value);
    case AED_ARG_MATRIX: return read_matrix(memory, def, owner, node, value);
    }
    return aed_fail(AED_INTERNAL, "config: argument %s has an unknown type", def->name);
}
