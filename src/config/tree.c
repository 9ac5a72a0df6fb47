/* From libyaml's events to our tree; see tree.h.
 *
 * The input is hostile: depth, nodes and keys are bounded, and what makes a text mean something else
 * than it shows (aliases, tags, duplicate keys) is refused with a clear word. */
#include "config/tree.h"

#include <string.h>
#include <yaml.h>

typedef struct builder {
    yaml_parser_t parser;
    aed_config_memory *memory;
    aed_place origin;
    int64_t nodes;
} builder;

static aed_place event_place(const builder *b, yaml_mark_t mark)
{
    aed_place place = b->origin;
    if (place.line > 0) {
        place.line = (int64_t)mark.line + 1;
        place.column = (int64_t)mark.column + 1;
    }
    return place;
}

/* Reports what libyaml found wrong. */
static aed_status parser_failure(const builder *b)
{
    const yaml_parser_t *parser = &b->parser;
    const char *problem = parser->problem ? parser->problem : "unreadable";
    if (parser->error == YAML_MEMORY_ERROR)
        return aed_fail(AED_MEMORY, "%s: out of memory while parsing", b->origin.source);
    if (parser->error == YAML_READER_ERROR) {
        aed_place place = {b->origin.source, 0, 0};
        return aed_place_fail(place, "not a UTF-8 text: %s at byte %zu", problem,
                              parser->problem_offset + 1);
    }
    return aed_place_fail(event_place(b, parser->problem_mark), "not valid YAML: %s%s%s", problem,
                          parser->context ? " " : "", parser->context ? parser->context : "");
}

static aed_status next_event(builder *b, yaml_event_t *event)
{
    if (yaml_parser_parse(&b->parser, event)) return AED_OK;
    memset(event, 0, sizeof *event);
    return parser_failure(b);
}

static aed_status no_anchor(const builder *b, const yaml_event_t *event, const yaml_char_t *anchor,
                            const yaml_char_t *tag)
{
    aed_place place = event_place(b, event->start_mark);
    if (anchor)
        return aed_place_fail(place, "anchors (&%s) are not supported; write the value out",
                              aed_show((const char *)anchor).text);
    if (tag)
        return aed_place_fail(place, "tags (%s) are not supported; leave the tag out",
                              aed_show((const char *)tag).text);
    return AED_OK;
}

static aed_status build_scalar(builder *b, const yaml_event_t *event, aed_node *node)
{
    aed_status status;
    const char *value = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    AED_TRY(no_anchor(b, event, event->data.scalar.anchor, event->data.scalar.tag));
    if (memchr(value, 0, length))
        AED_TRY(aed_place_fail(node->place, "a text must not hold a NUL character"));
    node->type = AED_NODE_SCALAR;
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = aed_config_copy(b->memory, value, length);
    if (!node->text) status = AED_MEMORY;
done:
    return status;
}

static aed_status build_node(builder *b, const yaml_event_t *event, int depth,
                             const aed_node **result);

static aed_status build_sequence(builder *b, int depth, aed_node *node)
{
    yaml_event_t event = {0};
    aed_status status;
    node->type = AED_NODE_SEQUENCE;
    for (;;) {
        aed_entry entry = {0};
        AED_TRY(next_event(b, &event));
        if (event.type == YAML_SEQUENCE_END_EVENT) break;
        AED_TRY(build_node(b, &event, depth, &entry.value));
        entry.place = entry.value->place;
        AED_TRY(aed_node_append(b->memory, node, entry));
        yaml_event_delete(&event);
    }
done:
    yaml_event_delete(&event);
    return status;
}

/* Takes a key from its event; refuses what is no plain word and what is there already. */
static aed_status build_key(builder *b, const yaml_event_t *event, const aed_node *mapping,
                            aed_entry *entry)
{
    entry->place = event_place(b, event->start_mark);
    if (event->type != YAML_SCALAR_EVENT)
        return aed_place_fail(entry->place, "a key must be a word, not a list or a mapping");
    aed_node key = {.place = entry->place};
    aed_status status = build_scalar(b, event, &key);
    if (status != AED_OK) return status;
    entry->key = key.text;
    if (!key.text[0]) return aed_place_fail(entry->place, "a key is missing before ':'");
    if (mapping->count >= AED_YAML_MAX_KEYS)
        return aed_place_fail(entry->place, "more than %d keys in one mapping", AED_YAML_MAX_KEYS);
    const aed_entry *other = aed_node_entry(mapping, key.text);
    if (!other) return AED_OK;
    if (other->place.line == 0)
        return aed_place_fail(entry->place, "key '%s' is there twice", aed_show(key.text).text);
    return aed_place_fail(entry->place, "key '%s' is there twice (first in line %lld)",
                          aed_show(key.text).text, (long long)other->place.line);
}

static aed_status build_mapping(builder *b, int depth, aed_node *node)
{
    yaml_event_t event = {0};
    aed_status status;
    node->type = AED_NODE_MAPPING;
    for (;;) {
        aed_entry entry = {0};
        AED_TRY(next_event(b, &event));
        if (event.type == YAML_MAPPING_END_EVENT) break;
        AED_TRY(build_key(b, &event, node, &entry));
        yaml_event_delete(&event);
        AED_TRY(next_event(b, &event));
        AED_TRY(build_node(b, &event, depth, &entry.value));
        AED_TRY(aed_node_append(b->memory, node, entry));
        yaml_event_delete(&event);
    }
done:
    yaml_event_delete(&event);
    return status;
}

/* Builds the node that `event` (the caller's) begins. */
static aed_status build_node(builder *b, const yaml_event_t *event, int depth,
                             const aed_node **result)
{
    aed_status status;
    aed_place place = event_place(b, event->start_mark);
    aed_node *node = aed_config_alloc(b->memory, 1, sizeof *node);
    if (!node) return AED_MEMORY;
    node->place = place;
    if (depth >= AED_YAML_MAX_DEPTH)
        AED_TRY(aed_place_fail(place, "nested deeper than %d levels", AED_YAML_MAX_DEPTH));
    if (++b->nodes > AED_YAML_MAX_NODES)
        AED_TRY(aed_place_fail(place, "more than %d values", AED_YAML_MAX_NODES));
    switch (event->type) {
    case YAML_SCALAR_EVENT: status = build_scalar(b, event, node); break;
    case YAML_SEQUENCE_START_EVENT:
        AED_TRY(
            no_anchor(b, event, event->data.sequence_start.anchor, event->data.sequence_start.tag));
        status = build_sequence(b, depth + 1, node);
        break;
    case YAML_MAPPING_START_EVENT:
        AED_TRY(
            no_anchor(b, event, event->data.mapping_start.anchor, event->data.mapping_start.tag));
        status = build_mapping(b, depth + 1, node);
        break;
    case YAML_ALIAS_EVENT:
        status = aed_place_fail(place, "aliases (*%s) are not supported; write the value out",
                                aed_show((const char *)event->data.alias.anchor).text);
        break;
    default: status = aed_place_fail(place, "not valid YAML: a value is missing"); break;
    }
    *result = node;
done:
    return status;
}

/* Reads stream start, the one document and stream end. */
static aed_status build_document(builder *b, const aed_node **root)
{
    yaml_event_t event = {0};
    aed_status status;
    AED_TRY(next_event(b, &event)); /* stream start */
    yaml_event_delete(&event);
    AED_TRY(next_event(b, &event));
    if (event.type == YAML_STREAM_END_EVENT) {
        aed_place place = {b->origin.source, 0, 0};
        AED_TRY(aed_place_fail(place, "there is nothing in it; a config has data, model, train"));
    }
    yaml_event_delete(&event);
    AED_TRY(next_event(b, &event));
    AED_TRY(build_node(b, &event, 0, root));
    yaml_event_delete(&event);
    AED_TRY(next_event(b, &event)); /* document end */
    yaml_event_delete(&event);
    AED_TRY(next_event(b, &event));
    if (event.type != YAML_STREAM_END_EVENT)
        AED_TRY(aed_place_fail(event_place(b, event.start_mark),
                               "a second document begins here; a config is one document"));
done:
    yaml_event_delete(&event);
    return status;
}

aed_status aed_node_parse(aed_config_memory *memory, const char *text, size_t length,
                          aed_place place, const aed_node **root)
{
    if (length > AED_YAML_MAX_BYTES) {
        place.line = 0;
        return aed_place_fail(place, "larger than %d bytes; a config is a short text",
                              AED_YAML_MAX_BYTES);
    }
    static const char byte_order_mark[] = "\xEF\xBB\xBF";
    const size_t mark = sizeof byte_order_mark - 1;
    if (length >= mark && memcmp(text, byte_order_mark, mark) == 0) {
        text += mark;
        length -= mark;
    }
    builder b = {.memory = memory, .origin = place};
    if (!yaml_parser_initialize(&b.parser))
        return aed_fail(AED_MEMORY, "%s: out of memory while parsing", place.source);
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, length);
    aed_status status = build_document(&b, root);
    yaml_parser_delete(&b.parser);
    return status;
}
