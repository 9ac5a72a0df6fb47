/* Small services on nodes and places; see tree.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/tree.h"

const aed_entry *aed_node_entry(const aed_node *mapping, const char *key)
{
    if (!mapping || mapping->type != AED_NODE_MAPPING) return NULL;
    for (int64_t i = 0; i < mapping->count; i++)
        if (strcmp(mapping->entries[i].key, key) == 0) return &mapping->entries[i];
    return NULL;
}

const aed_node *aed_node_get(const aed_node *mapping, const char *key)
{
    const aed_entry *entry = aed_node_entry(mapping, key);
    return entry ? entry->value : NULL;
}

bool aed_node_is_null(const aed_node *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    if (!node) return true;
    if (node->type != AED_NODE_SCALAR || !node->plain) return false;
    for (size_t i = 0; i < sizeof nulls / sizeof nulls[0]; i++)
        if (strcmp(node->text, nulls[i]) == 0) return true;
    return false;
}

const char *aed_node_describe(const aed_node *node, char *text)
{
    if (aed_node_is_null(node)) return "empty";
    if (node->type == AED_NODE_SEQUENCE) return "a list";
    if (node->type == AED_NODE_MAPPING) return "a mapping";
    snprintf(text, 128, node->plain ? "'%s'" : "the text \"%s\"", aed_show(node->text).text);
    return text;
}

aed_status aed_node_append(aed_config_memory *memory, aed_node *node, aed_entry entry)
{
    /* Room doubles at the powers of two, so that no capacity needs to be kept. */
    if ((node->count & (node->count - 1)) == 0) {
        int64_t room = node->count ? 2 * node->count : 1;
        aed_entry *entries = aed_config_alloc(memory, (size_t)room, sizeof *entries);
        if (!entries) return AED_MEMORY;
        if (node->count) memcpy(entries, node->entries, (size_t)node->count * sizeof *entries);
        node->entries = entries;
    }
    node->entries[node->count++] = entry;
    return AED_OK;
}

aed_status aed_place_fail(aed_place place, const char *format, ...)
{
    char message[768];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (place.line == 0) return aed_fail(AED_CONFIG, "%s: %s", place.source, message);
    return aed_fail(AED_CONFIG, "%s:%lld:%lld: %s", place.source, (long long)place.line,
                    (long long)place.column, message);
}

const char *aed_place_text(aed_config_memory *memory, aed_place place)
{
    if (place.line == 0) return place.source;
    return aed_config_printf(memory, "%s:%lld:%lld", place.source, (long long)place.line,
                             (long long)place.column);
}

aed_shown aed_show(const char *text)
{
    aed_shown shown;
    size_t used = 0;
    const size_t room = sizeof shown.text - 4; /* for "..." and the NUL */
    for (; *text && used < room; text++) {
        unsigned char byte = (unsigned char)*text;
        bool second_control_byte = used > 0 && (unsigned char)text[-1] == 0xC2 && byte < 0xA0 &&
                                   byte >= 0x80; /* U+0080 to U+009F steer terminals too */
        if (second_control_byte) shown.text[used - 1] = '?';
        shown.text[used++] = byte < 0x20 || byte == 0x7F || second_control_byte ? '?' : *text;
    }
    if (*text) {
        while (used > 0 && ((unsigned char)shown.text[used - 1] & 0xC0) == 0x80) used--;
        if (used > 0 && (unsigned char)shown.text[used - 1] >= 0xC0) used--;
        memcpy(shown.text + used, "...", 3);
        used += 3;
    }
    shown.text[used] = 0;
    return shown;
}
