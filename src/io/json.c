/* The words of JSON; see json.h. */
#include "io/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void aed_json_put_plain(aed_buffer *buffer, const char *text)
{
    aed_buffer_put(buffer, text, strlen(text));
}

/* Bytes of the UTF-8 character at text (NUL-terminated), 0 if there is none: overlong forms,
 * surrogates and values above U+10FFFF are refused by the bounds on the second byte. */
static size_t utf8_length(const unsigned char *text)
{
    unsigned char first = text[0], low = 0x80, high = 0xBF;
    size_t length;
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) {
        length = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        length = 3;
        if (first == 0xE0) low = 0xA0;
        if (first == 0xED) high = 0x9F;
    } else if (first >= 0xF0 && first <= 0xF4) {
        length = 4;
        if (first == 0xF0) low = 0x90;
        if (first == 0xF4) high = 0x8F;
    } else {
        return 0;
    }
    if (text[1] < low || text[1] > high) return 0;
    for (size_t i = 2; i < length; i++) {
        if (text[i] < 0x80 || text[i] > 0xBF) return 0;
    }
    return length;
}

void aed_json_put_text(aed_buffer *buffer, const char *text)
{
    const unsigned char *next = (const unsigned char *)text;
    aed_json_put_plain(buffer, "\"");
    while (*next) {
        size_t length = utf8_length(next);
        char escape[8];
        if (length == 0) {
            aed_json_put_plain(buffer, "\xEF\xBF\xBD");
            length = 1;
        } else if (*next == '"' || *next == '\\') {
            snprintf(escape, sizeof escape, "\\%c", *next);
            aed_json_put_plain(buffer, escape);
        } else if (*next == '\n') {
            aed_json_put_plain(buffer, "\\n");
        } else if (*next == '\t') {
            aed_json_put_plain(buffer, "\\t");
        } else if (*next < 0x20 || *next == 0x7F) {
            snprintf(escape, sizeof escape, "\\u%04x", *next);
            aed_json_put_plain(buffer, escape);
        } else {
            aed_buffer_put(buffer, next, length);
        }
        next += length;
    }
    aed_json_put_plain(buffer, "\"");
}

void aed_json_put_number(aed_buffer *buffer, double number)
{
    char text[32];
    if (!isfinite(number)) {
        aed_json_put_plain(buffer, "null");
    } else if (fabs(number) < 9007199254740992.0 && number == floor(number)) {
        snprintf(text, sizeof text, "%lld", (long long)number);
        aed_json_put_plain(buffer, text);
    } else {
        snprintf(text, sizeof text, "%.17g", number);
        aed_json_put_plain(buffer, text);
    }
}
