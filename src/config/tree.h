/* A YAML document as a tree that remembers where each node and key came from.
 *
 * Trees are never changed: setting a value copies the nodes on the way to it and shares the rest,
 * so that the trials of a sweep cost little more than what they change. */
#ifndef AED_CONFIG_TREE_H
#define AED_CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aedist/status.h"
#include "config/pool.h"

enum {
    AED_YAML_MAX_BYTES = 1 << 20,
    AED_YAML_MAX_DEPTH = 64,
    AED_YAML_MAX_NODES = 200000,
    AED_YAML_MAX_KEYS = 1000 /* of one mapping */
};

/* A line and column (from 1) of a file. Line 0: only `source` is known, an override's text. */
typedef struct aed_place {
    const char *source;
    int64_t line, column;
} aed_place;

typedef enum aed_node_type { AED_NODE_SCALAR, AED_NODE_SEQUENCE, AED_NODE_MAPPING } aed_node_type;

typedef struct aed_node aed_node;

/* An element of a mapping or a sequence (key NULL there). */
typedef struct aed_entry {
    const char *key;
    aed_place place; /* of the key */
    const aed_node *value;
} aed_entry;

struct aed_node {
    aed_node_type type;
    aed_place place;
    const char *text; /* of a scalar */
    bool plain;       /* a scalar without quotes */
    int64_t count;    /* of entries */
    aed_entry *entries;
};

/* Parses one YAML document. `place.source` names it in messages; line is 1 for a file and 0 for an
 * override's value, whose nodes then have no lines. Fails with AED_CONFIG. */
aed_status aed_node_parse(aed_config_memory *memory, const char *text, size_t length,
                          aed_place place, const aed_node **root);

/* The value of `key` in a mapping, and its whole entry; NULL if there is none. */
const aed_node *aed_node_get(const aed_node *mapping, const char *key);
const aed_entry *aed_node_entry(const aed_node *mapping, const char *key);
/* True of nothing (NULL) and of a YAML null. */
bool aed_node_is_null(const aed_node *node);
/* "a list", "a mapping", "the text 'x'" ... for messages; text holds at least 128 bytes. */
const char *aed_node_describe(const aed_node *node, char *text);

/* Adds an element behind the others of a node under construction. */
aed_status aed_node_append(aed_config_memory *memory, aed_node *node, aed_entry entry);

/* AED_CONFIG with "source:line:column: " or "override: " before the message. */
aed_status aed_place_fail(aed_place place, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* "source:line:column", or the override's text. NULL when memory is short. */
const char *aed_place_text(aed_config_memory *memory, aed_place place);

/* Text of the user's fit for a message: cut short, without control characters. */
typedef struct aed_shown {
    char text[72];
} aed_shown;
aed_shown aed_show(const char *text);

#endif
