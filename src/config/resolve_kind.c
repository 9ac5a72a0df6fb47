/* Kinds and their arguments written out; see resolve_kind.h. */
#include "config/resolve_kind.h"

#include <inttypes.h>

static void add_number(aed_text *text, aed_arg_type type, double number)
{
    if (type == AED_ARG_INT || type == AED_ARG_INTS)
        aed_text_addf(text, "%" PRId64, (int64_t)number);
    else
        aed_text_add_float(text, number);
}

static void add_row(aed_text *text, aed_arg_type type, const double *numbers, int64_t count)
{
    aed_text_add(text, "[");
    for (int64_t i = 0; i < count; i++) {
        if (i) aed_text_add(text, ", ");
        add_number(text, type, numbers[i]);
    }
    aed_text_add(text, "]");
}

void aed_resolve_floats(aed_text *text, const double *numbers, int64_t count)
{
    add_row(text, AED_ARG_FLOATS, numbers, count);
}

static void add_matrix(aed_text *text, const aed_arg_value *value)
{
    aed_text_add(text, "[");
    for (int64_t i = 0; i < value->rows; i++) {
        int64_t columns = value->count / value->rows;
        if (i) aed_text_add(text, ", ");
        aed_resolve_floats(text, value->numbers + i * columns, columns);
    }
    aed_text_add(text, "]");
}

static void add_strings(aed_text *text, const aed_arg_value *value)
{
    bool list = value->count != 1;
    if (list) aed_text_add(text, "[");
    for (int64_t i = 0; i < value->count; i++) {
        if (i) aed_text_add(text, ", ");
        aed_text_add_string(text, value->strings[i]);
    }
    if (list) aed_text_add(text, "]");
}

void aed_resolve_ramp(aed_text *text, const aed_ramp *ramp)
{
    aed_text_add(text, "{from: ");
    aed_text_add_float(text, ramp->from);
    aed_text_add(text, ", to: ");
    aed_text_add_float(text, ramp->to);
    aed_text_addf(text, ", epochs: %" PRId64 "}", ramp->epochs);
}

/* True if writing the fallback reads back: a fallback out of bounds means "none". */
static bool can_be_written(const aed_arg_def *def)
{
    if (def->type != AED_ARG_INT && def->type != AED_ARG_FLOAT) return true;
    return (def->min == 0 && def->max == 0) ||
           (def->fallback >= def->min && def->fallback <= def->max);
}

static void add_value(aed_text *text, const aed_arg_def *def, const aed_arg_value *value)
{
    bool list = def->type == AED_ARG_INTS || def->type == AED_ARG_FLOATS ||
                def->type == AED_ARG_STRINGS || def->type == AED_ARG_MATRIX ||
                def->type == AED_ARG_LEVELS;
    if (!value->given && (list || !can_be_written(def))) {
        aed_text_add(text, "null");
        return;
    }
    if (value->ramp) {
        aed_resolve_ramp(text, value->ramp);
        return;
    }
    switch (def->type) {
    case AED_ARG_INT:
    case AED_ARG_LEVEL:
    case AED_ARG_FLOAT: add_number(text, def->type, value->number); break;
    case AED_ARG_BOOL: aed_text_add(text, value->number != 0 ? "true" : "false"); break;
    case AED_ARG_CHOICE: aed_text_add_string(text, value->strings[0]); break;
    case AED_ARG_INTS:
    case AED_ARG_LEVELS:
    case AED_ARG_FLOATS: add_row(text, def->type, value->numbers, value->count); break;
    case AED_ARG_STRINGS: add_strings(text, value); break;
    case AED_ARG_MATRIX: add_matrix(text, value); break;
    }
}

void aed_resolve_args(aed_text *text, const aed_spec *spec, bool first)
{
    for (int i = 0; i < spec->kind->arg_count; i++) {
        const aed_arg_def *def = &spec->kind->args[i];
        aed_text_addf(text, "%s%s: ", first ? "" : ", ", def->name);
        add_value(text, def, &spec->values[i]);
        first = false;
    }
}

void aed_resolve_kind(aed_text *text, const aed_spec *spec, const char *name, bool braces)
{
    if (spec->kind->arg_count == 0 && !name) {
        aed_text_add(text, spec->kind->name);
        return;
    }
    aed_text_addf(text, "%s%s: {", braces ? "{" : "", spec->kind->name);
    if (name) {
        aed_text_add(text, "name: ");
        aed_text_add_string(text, name);
    }
    aed_resolve_args(text, spec, !name);
    aed_text_add(text, braces ? "}}" : "}");
}
