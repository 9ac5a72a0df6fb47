/* Strict reading of scalars; see scalar.h. */
#include "config/scalar.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const double largest_whole = 9007199254740992.0; /* 2^53: every whole number up to it */

static const char *skip_digits(const char *text)
{
    while (isdigit((unsigned char)*text)) text++;
    return text;
}

aed_number_form aed_number_form_of(const char *text)
{
    aed_number_form form = AED_NUMBER_WHOLE;
    if (*text == '-' || *text == '+') text++;
    const char *end = skip_digits(text);
    ptrdiff_t digits = end - text;
    if (digits > 1 && *text == '0') return AED_NUMBER_NONE; /* 010 is octal to YAML 1.1 */
    text = end;
    if (*text == '.') {
        form = AED_NUMBER_FLOAT;
        end = skip_digits(++text);
        digits += end - text;
        text = end;
    }
    if (digits == 0) return AED_NUMBER_NONE;
    if (*text == 'e' || *text == 'E') {
        form = AED_NUMBER_FLOAT;
        text++;
        if (*text == '-' || *text == '+') text++;
        end = skip_digits(text);
        if (end == text) return AED_NUMBER_NONE;
        text = end;
    }
    return *text ? AED_NUMBER_NONE : form;
}

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcasecmp(text, *words) == 0) return true;
    return false;
}

/* Why something that looks like a number is none; "" if nothing comes to mind. */
static const char *number_hint(const aed_node *node)
{
    static const char *const endless[] = {"inf",  "nan",  "infinity", ".inf",  ".nan",
                                          "-inf", "+inf", "-.inf",    "+.inf", NULL};
    if (node->type != AED_NODE_SCALAR) return "";
    if (!node->plain && aed_number_form_of(node->text) != AED_NUMBER_NONE)
        return "; leave out the quotes";
    if (is_one_of(node->text, endless)) return "; it must be finite";
    if (!isdigit((unsigned char)node->text[strspn(node->text, "+-.")])) return "";
    return "; write it in plain decimal digits, such as 10, 0.5 or 1.0e-4";
}

static aed_status not_a(const char *wanted, const aed_node *node, const char *what,
                        const char *hint)
{
    char text[128];
    return aed_place_fail(node->place, "%s must be %s, but is %s%s", what, wanted,
                          aed_node_describe(node, text), hint);
}

static aed_number_form node_form(const aed_node *node)
{
    if (node->type != AED_NODE_SCALAR || !node->plain) return AED_NUMBER_NONE;
    return aed_number_form_of(node->text);
}

aed_status aed_scalar_number(const aed_node *node, const char *what, double *value)
{
    if (node_form(node) == AED_NUMBER_NONE) return not_a("a number", node, what, number_hint(node));
    *value = strtod(node->text, NULL);
    if (!isfinite(*value)) return not_a("a number", node, what, "; the largest is about 1.7e+308");
    return AED_OK;
}

aed_status aed_scalar_int(const aed_node *node, const char *what, int64_t *value)
{
    double number;
    if (node_form(node) == AED_NUMBER_NONE)
        return not_a("a whole number", node, what, number_hint(node));
    aed_status status = aed_scalar_number(node, what, &number);
    if (status != AED_OK) return status;
    if (number != floor(number)) return not_a("a whole number", node, what, "");
    if (fabs(number) > largest_whole)
        return not_a("a whole number of at most 2^53", node, what, "");
    *value = (int64_t)number;
    /* 2^53 + 1 rounds to 2^53 on the way through a double. */
    if (node_form(node) == AED_NUMBER_WHOLE && strtoll(node->text, NULL, 10) != *value)
        return not_a("a whole number of at most 2^53", node, what, "");
    return AED_OK;
}

aed_status aed_scalar_seed(const aed_node *node, const char *what, uint64_t *value)
{
    static const char wanted[] = "a whole number from 0 to 2^64 - 1";
    if (node_form(node) == AED_NUMBER_NONE) return not_a(wanted, node, what, number_hint(node));
    if (node_form(node) == AED_NUMBER_FLOAT) {
        int64_t whole;
        aed_status status = aed_scalar_int(node, what, &whole);
        if (status != AED_OK) return status;
        if (whole < 0) return not_a(wanted, node, what, "");
        *value = (uint64_t)whole;
        return AED_OK;
    }
    if (node->text[0] == '-') return not_a(wanted, node, what, "");
    errno = 0;
    *value = strtoull(node->text, NULL, 10);
    return errno == ERANGE ? not_a(wanted, node, what, "") : AED_OK;
}

aed_status aed_scalar_bool(const aed_node *node, const char *what, bool *value)
{
    static const char *const truths[] = {"true", "yes", "on", "y", "1", NULL};
    static const char *const untruths[] = {"false", "no", "off", "n", "0", NULL};
    if (node->type != AED_NODE_SCALAR) return not_a("true or false", node, what, "");
    bool is_true = is_one_of(node->text, truths), is_false = is_one_of(node->text, untruths);
    const char *hint = is_true ? "; write true" : is_false ? "; write false" : "";
    if (!node->plain || (strcmp(node->text, "true") != 0 && strcmp(node->text, "false") != 0))
        return not_a("true or false", node, what, hint);
    *value = is_true;
    return AED_OK;
}

aed_status aed_scalar_text(const aed_node *node, const char *what, const char **value)
{
    if (node->type != AED_NODE_SCALAR || aed_node_is_null(node))
        return not_a("a text", node, what, "");
    *value = node->text;
    return AED_OK;
}
