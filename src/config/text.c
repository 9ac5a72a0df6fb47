/* Writing YAML words; see text.h. */
#include "config/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/scalar.h"
#include "core/memory.h"

enum { DIGITS = 17 /* of a double that always read back */, FIXED_DIGITS = 16, FIXED_ZEROS = 3 };

static bool reserve(aed_text *text, size_t more)
{
    if (text->failed) return false;
    size_t needed = text->length + more + 1; /* both far below SIZE_MAX: inputs are bounded */
    if (needed <= text->room) return true;
    size_t room = text->room ? 2 * text->room : 256;
    while (room < needed) room *= 2;
    char *bytes = aed_realloc(text->bytes, room, 1);
    if (!bytes) {
        text->failed = true;
        return false;
    }
    text->bytes = bytes;
    text->room = room;
    return true;
}

static void add_bytes(aed_text *text, const char *bytes, size_t count)
{
    if (!reserve(text, count)) return;
    memcpy(text->bytes + text->length, bytes, count);
    text->length += count;
    text->bytes[text->length] = 0;
}

void aed_text_add(aed_text *text, const char *words) { add_bytes(text, words, strlen(words)); }

void aed_text_addf(aed_text *text, const char *format, ...)
{
    char words[128]; /* most fit, so that they are formatted once: a sweep writes much */
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(words, sizeof words, format, args);
    if (length < 0) text->failed = true;
    if (length >= 0 && (size_t)length < sizeof words) {
        add_bytes(text, words, (size_t)length);
    } else if (length >= 0 && reserve(text, (size_t)length)) {
        vsnprintf(text->bytes + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
    va_end(args);
}

void aed_text_add_float(aed_text *text, double value)
{
    char shortest[40], digits[DIGITS + 1];
    for (int precision = 0; precision < DIGITS; precision++) {
        snprintf(shortest, sizeof shortest, "%.*e", precision, value);
        if (strtod(shortest, NULL) == value) break;
    }
    if (shortest[0] == '-') aed_text_add(text, "-");
    int count = 0;
    const char *at = shortest;
    for (; *at != 'e'; at++)
        if (isdigit((unsigned char)*at)) digits[count++] = *at;
    digits[count] = 0;
    int exponent = (int)strtol(at + 1, NULL, 10);
    if (exponent < -FIXED_ZEROS || exponent >= FIXED_DIGITS) {
        const char *rest = count > 1 ? digits + 1 : "0";
        aed_text_addf(text, "%c.%se%+d", digits[0], rest, exponent);
    } else if (exponent < 0) {
        aed_text_addf(text, "0.%.*s%s", -exponent - 1, "000", digits);
    } else {
        for (int i = 0; i <= exponent; i++) aed_text_addf(text, "%c", i < count ? digits[i] : '0');
        aed_text_addf(text, ".%s", count > exponent + 1 ? digits + exponent + 1 : "0");
    }
}

/* True of words that no YAML reader takes for anything but themselves. */
static bool is_plain_word(const char *value)
{
    static const char *const reserved[] = {"null", "true", "false", "yes", "no",
                                           "on",   "off",  "y",     "n",   NULL};
    if (!isalpha((unsigned char)*value) && *value != '_') return false;
    for (const char *at = value; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("_./-", *at)) return false;
    for (const char *const *word = reserved; *word; word++)
        if (strcasecmp(value, *word) == 0) return false;
    return true;
}

/* Decodes one character of valid UTF-8 (libyaml has checked it); its bytes in *length. */
static uint32_t decode(const unsigned char *bytes, size_t *length)
{
    uint32_t code = bytes[0];
    *length = code < 0x80 ? 1 : code < 0xE0 ? 2 : code < 0xF0 ? 3 : 4;
    if (*length > 1) code &= 0xFFu >> (*length + 1);
    for (size_t i = 1; i < *length; i++) {
        if ((bytes[i] & 0xC0) != 0x80) { /* not UTF-8 after all: this byte alone */
            *length = 1;
            return bytes[0];
        }
        code = code << 6 | (bytes[i] & 0x3F);
    }
    return code;
}

static bool is_printable(uint32_t code)
{
    if (code < 0xA0) return code >= 0x20 && code < 0x7F;
    if (code == 0x2028 || code == 0x2029 || code == 0xFEFF) return false;
    return code < 0xD800 || (code >= 0xE000 && code < 0xFFFE) ||
           (code >= 0x10000 && code < 0x110000);
}

void aed_text_add_string(aed_text *text, const char *value)
{
    if (is_plain_word(value)) {
        aed_text_add(text, value);
        return;
    }
    aed_text_add(text, "\"");
    for (size_t length; *value; value += length) {
        uint32_t code = decode((const unsigned char *)value, &length);
        if (code == '"' || code == '\\')
            aed_text_addf(text, "\\%c", (char)code);
        else if (is_printable(code))
            add_bytes(text, value, length);
        else if (code < 0x10000)
            aed_text_addf(text, "\\u%04" PRIX32, code);
        else
            aed_text_addf(text, "\\U%08" PRIX32, code);
    }
    aed_text_add(text, "\"");
}

static void add_scalar(aed_text *text, const aed_node *node)
{
    aed_number_form form = node->plain ? aed_number_form_of(node->text) : AED_NUMBER_NONE;
    bool truth = node->plain &&
                 (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0);
    if (aed_node_is_null(node))
        aed_text_add(text, "null");
    else if (form == AED_NUMBER_FLOAT && strtod(node->text, NULL) <= 1.7976931348623157e308 &&
             strtod(node->text, NULL) >= -1.7976931348623157e308)
        aed_text_add_float(text, strtod(node->text, NULL));
    else if (form == AED_NUMBER_WHOLE || truth)
        aed_text_add(text, node->text + (node->text[0] == '+'));
    else
        aed_text_add_string(text, node->text);
}

void aed_text_add_node(aed_text *text, const aed_node *node)
{
    if (node->type == AED_NODE_SCALAR) {
        add_scalar(text, node);
        return;
    }
    bool mapping = node->type == AED_NODE_MAPPING;
    aed_text_add(text, mapping ? "{" : "[");
    for (int64_t i = 0; i < node->count; i++) {
        if (i) aed_text_add(text, ", ");
        if (mapping) {
            aed_text_add_string(text, node->entries[i].key);
            aed_text_add(text, ": ");
        }
        aed_text_add_node(text, node->entries[i].value);
    }
    aed_text_add(text, mapping ? "}" : "]");
}

void aed_text_free(aed_text *text)
{
    aed_free(text->bytes);
    *text = (aed_text){0};
}

aed_status aed_text_take(aed_text *text, char **bytes)
{
    aed_text_add(text, ""); /* an empty text is a text */
    if (text->failed) {
        aed_text_free(text);
        return aed_fail(AED_MEMORY, "config: out of memory while writing it out");
    }
    *bytes = text->bytes;
    *text = (aed_text){0};
    return AED_OK;
}
