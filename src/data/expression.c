/* Expressions of x by muParser.
 *
 * x is a bound variable and each point one mupEval: muParser's bulk call was no faster on one
 * thread, and it starts OpenMP threads of its own. Sine and cosine are replaced by our own, which
 * give the same bits on every processor. muParser would also accept an assignment, which changes x,
 * and a list of results; both are refused. */
#include "data/expression.h"

#include <muParserDLL.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "core/trig.h"

enum { SHOWN_CHARACTERS = 160, TITLE_BYTES = SHOWN_CHARACTERS + 64 };

struct aed_expression {
    muParserHandle_t parser;
    double x; /* bound: its address must not change */
    char title[TITLE_BYTES];
};

/* Of muParser's error codes, those that a user meets. */
static const char *error_reason(int code)
{
    switch (code) {
    case 0: return "unexpected operator";
    case 1: return "unknown name or number";
    case 2: return "unexpected end";
    case 3: return "unexpected comma";
    case 4: return "unexpected argument";
    case 5: return "unexpected number";
    case 6: return "unexpected variable (is an operator missing?)";
    case 7: return "unexpected parenthesis";
    case 8:
    case 17: return "a text is no number";
    case 11: return "missing parenthesis";
    case 12: return "unexpected function (is an operator missing?)";
    case 13: return "unterminated text";
    case 14: return "too many arguments";
    case 15: return "too few arguments";
    case 25: return "empty expression";
    default: return "cannot be parsed";
    }
}

static bool is_control(char c) { return (unsigned char)c < 0x20 || c == 0x7f; }

/* Copies what fits, control characters as spaces, without spaces at the end. */
static void copy_line(const char *from, char *to, size_t bytes)
{
    size_t length = 0;
    for (; from[length] && length + 1 < bytes; length++)
        to[length] = is_control(from[length]) ? ' ' : from[length];
    while (length > 0 && to[length - 1] == ' ') length--;
    to[length] = '\0';
}

static void make_title(const char *label, const char *text, char *title)
{
    char shown[SHOWN_CHARACTERS + 1];
    copy_line(text, shown, sizeof shown);
    snprintf(title, TITLE_BYTES, "%.32s '%s%s'", label, shown,
             strlen(text) > SHOWN_CHARACTERS ? "..." : "");
}

static aed_status fail_syntax(const char *where, const aed_expression *expression, const char *text)
{
    char token[64];
    const int code = mupGetErrorCode(expression->parser);
    const size_t length = strlen(text);
    int position = mupGetErrorPos(expression->parser);
    if (position < 0) position = 0;
    if ((size_t)position > length) position = (int)length;
    copy_line(mupGetErrorToken(expression->parser), token, sizeof token);
    return aed_fail(AED_CONFIG,
                    "%s: %s: %s%s%s%s at character %d; write a function of x such as "
                    "0.5*cos(x^2), with the constants pi and e",
                    where, expression->title, error_reason(code), *token ? " '" : "", token,
                    *token ? "'" : "", position + 1);
}

/* Where a single '=' stands in text, counted from 1, or 0: muParser would assign to x. */
static int find_assignment(const char *text)
{
    for (int i = 0; text[i]; i++) {
        if (text[i] != '=') continue;
        if (text[i + 1] == '=')
            i++;
        else if (i == 0 || !strchr("<>!", text[i - 1]))
            return i + 1;
    }
    return 0;
}

/* muParser keeps the notation of numbers and argument lists globally: nobody else may decide it. */
static void set_notation(muParserHandle_t parser)
{
    mupSetDecSep(parser, '.');
    mupSetArgSep(parser, ',');
}

static void define_names(aed_expression *expression)
{
    mupDefineConst(expression->parser, "pi", 3.141592653589793);
    mupDefineConst(expression->parser, "e", 2.718281828459045);
    mupDefineFun1(expression->parser, "sin", aed_trig_sin, 1);
    mupDefineFun1(expression->parser, "cos", aed_trig_cos, 1);
    mupDefineVar(expression->parser, "x", &expression->x);
}

static aed_status parse(const char *where, const char *text, aed_expression *expression)
{
    int results = 0;
    const int assignment = find_assignment(text);
    if (assignment)
        return aed_fail(AED_CONFIG, "%s: %s: '=' at character %d; compare with '=='", where,
                        expression->title, assignment);
    mupSetExpr(expression->parser, text);
    if (!mupError(expression->parser)) mupEvalMulti(expression->parser, &results);
    if (mupError(expression->parser)) return fail_syntax(where, expression, text);
    if (results != 1)
        return aed_fail(AED_CONFIG,
                        "%s: %s: %d expressions in one text; give each its own list entry", where,
                        expression->title, results);
    return AED_OK;
}

aed_status aed_expression_create(const char *where, const char *label, const char *text,
                                 aed_expression **expression)
{
    aed_status status;
    aed_expression *made = aed_alloc(1, sizeof *made);
    *expression = NULL;
    if (!made) return aed_fail(AED_MEMORY, "%s: no memory for an expression", where);
    make_title(label, text, made->title);
    made->parser = mupCreate(muBASETYPE_FLOAT);
    if (!made->parser) {
        status = aed_fail(AED_MEMORY, "%s: no memory for an expression", where);
        goto done;
    }
    set_notation(made->parser);
    define_names(made);
    AED_TRY(parse(where, text, made));
    *expression = made;
done:
    if (status != AED_OK) aed_expression_destroy(&made);
    return status;
}

void aed_expression_destroy(aed_expression **expression)
{
    if (!expression || !*expression) return;
    if ((*expression)->parser) mupRelease((*expression)->parser);
    aed_free(*expression);
    *expression = NULL;
}

void aed_expression_evaluate(aed_expression *expression, int64_t count, const double *x, double *y)
{
    for (int64_t i = 0; i < count; i++) {
        expression->x = x[i];
        y[i] = mupEval(expression->parser);
    }
}

const char *aed_expression_title(const aed_expression *expression) { return expression->title; }
