/* Completion of key paths and values, from the tables that the reader uses; see complete.h.
 *
 * A path is followed from key to key, in the tables and, as far as it goes, in the config's tree. */
#include "config/complete.h"

#include <stdio.h>
#include <string.h>

#include "config/kinds.h"
#include "config/path.h"
#include "config/read.h"

typedef enum position_type {
    NOWHERE,  /* the tables know nothing of it */
    SECTION,  /* a mapping of known keys */
    NAMES,    /* a mapping of names, each a section */
    REGISTRY, /* a kind: its name, or a mapping of that to its arguments */
    LIST,     /* of kinds */
    KIND,     /* the arguments of one */
    ARGUMENT, /* of a kind */
    VALUE     /* of a section's key */
} position_type;

typedef struct position {
    position_type type;
    char path[128]; /* in the tables: "train.early_stopping", "evaluate.NAME" */
    const aed_section *section;
    aed_registry registry;
    const aed_kind *kind;   /* of KIND; of an element of a list that the config has, or NULL */
    const aed_arg_def *def; /* of ARGUMENT */
    const aed_key *key;     /* of VALUE */
    const aed_node *node;   /* what the config has there, or NULL */
} position;

/* Keys whose values are kinds. */
static const struct slot {
    const char *path;
    aed_registry registry;
    bool list;
} slots[] = {
    {"data.source", AED_REGISTRY_SOURCE, false},
    {"model.init", AED_REGISTRY_INIT, false},
    {"model.encoder", AED_REGISTRY_LAYER, true},
    {"model.decoder", AED_REGISTRY_LAYER, true},
    {"model.code.activation", AED_REGISTRY_LAYER, false},
    {"train.loss", AED_REGISTRY_LOSS, false},
    {"train.optimizer", AED_REGISTRY_OPTIM, false},
    {"train.schedule", AED_REGISTRY_SCHEDULE, false},
    {"train.corrupt", AED_REGISTRY_CORRUPTION, true},
    {"evaluate.NAME.corrupt", AED_REGISTRY_CORRUPTION, true},
    {"snapshots.corrupt", AED_REGISTRY_CORRUPTION, true},
    {"analysis", AED_REGISTRY_ANALYSIS, false}, /* several: a mapping of kinds */
};

/* Keys whose values are words. */
static const struct words {
    const char *path;
    const char *const *words; /* NULL at the end, or: */
    int count;
} worded[] = {
    {"data.scale", aed_scale_words, AED_SCALE_AUTO + 1},
    {"train.keep", aed_keep_words, AED_KEEP_MEAN + 1},
    {"train.batch", (const char *const[]){"full"}, 1},
    {"train.tile", (const char *const[]){"auto", "16", "32", "48", "64"}, 5},
    {"train.leaf", (const char *const[]){"auto"}, 1},
    {"ranks_per_trial", (const char *const[]){"auto"}, 1},
    {"evaluate.NAME.split", (const char *const[]){"train", "val", "test"}, 3},
    {"snapshots.split", (const char *const[]){"train", "val", "test"}, 3},
};

void aed_complete_offer(aed_text *out, const char *word, const char *head, const char *name,
                        const char *tail)
{
    char line[512];
    const int length = snprintf(line, sizeof line, "\n%s%s%s\n", head, name, tail);
    if (length < 0 || length >= (int)sizeof line) return;
    if (strncmp(line + 1, word, strlen(word)) != 0) return;
    if (!out->bytes) { /* every line begins behind the end of another, the first too */
        aed_text_add(out, line + 1);
        return;
    }
    if (strncmp(out->bytes, line + 1, strlen(line + 1)) == 0 || strstr(out->bytes, line)) return;
    aed_text_add(out, line + 1);
}

/* ---- Following a path ------------------------------------------------------------------------- */

static const aed_section *section_of(const char *path)
{
    for (aed_section_id id = 0; id < AED_SECTION_COUNT; id++)
        if (strcmp(aed_section_get(id)->path, path) == 0) return aed_section_get(id);
    return NULL;
}

static const struct slot *slot_of(const char *path)
{
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
        if (strcmp(slots[i].path, path) == 0) return &slots[i];
    return NULL;
}

/* The kind that a node of the config names: `relu`, `{linear: 32}`, or the source beside its arguments. */
static const aed_kind *kind_of(const aed_node *node, aed_registry registry)
{
    const char *name = NULL;
    if (!node) return NULL;
    if (node->type == AED_NODE_SCALAR) name = node->text;
    if (node->type == AED_NODE_MAPPING && node->count == 1) name = node->entries[0].key;
    return name ? aed_registry_find(NULL, registry, name) : NULL;
}

static const aed_node *child_of(const aed_node *node, const char *key)
{
    if (node && node->type == AED_NODE_MAPPING) return aed_node_get(node, key);
    return NULL;
}

static const aed_kind *data_kind(const aed_node *data)
{
    const aed_node *source = child_of(data, "source");
    return source ? kind_of(source, AED_REGISTRY_SOURCE) : NULL;
}

static const aed_arg_def *arg_of(const aed_kind *kind, const char *name)
{
    for (int i = 0; kind && i < kind->arg_count; i++)
        if (strcmp(kind->args[i].name, name) == 0) return &kind->args[i];
    return NULL;
}

/* What a key of a section leads to. */
static position enter_section(const position *from, const char *key)
{
    position to = {.node = child_of(from->node, key)};
    const int length = snprintf(to.path, sizeof to.path, "%s%s%s", from->path,
                                from->path[0] ? "." : "", key);
    char named[160];
    if (!*key || length < 0 || length >= (int)sizeof to.path) return (position){0};
    snprintf(named, sizeof named, "%s.NAME", to.path);
    const struct slot *slot = slot_of(to.path);
    if (slot) {
        to.type = slot->list ? LIST : REGISTRY;
        to.registry = slot->registry;
        return to;
    }
    if (section_of(named)) {
        to.type = NAMES;
        return to;
    }
    for (int i = 0; i < from->section->count; i++)
        if (strcmp(from->section->keys[i].name, key) == 0) to.key = &from->section->keys[i];
    to.section = section_of(to.path);
    to.def = strcmp(from->path, "data") == 0 ? arg_of(data_kind(from->node), key) : NULL;
    to.type = to.section ? SECTION : to.key ? VALUE : to.def ? ARGUMENT : NOWHERE;
    return to;
}

static position enter_list(const position *from, const char *key)
{
    position to = {.type = REGISTRY, .registry = from->registry};
    const aed_path path = {.keys = &key, .count = 1};
    int64_t index;
    if (from->node && from->node->type == AED_NODE_SEQUENCE &&
        aed_path_element(from->node, &path, 0, &index) == AED_OK && index < from->node->count) {
        to.node = from->node->entries[index].value;
        to.kind = kind_of(to.node, to.registry);
    }
    return to;
}

static position enter_registry(const position *from, const char *key)
{
    const aed_kind *kind = aed_registry_find(NULL, from->registry, key);
    const aed_arg_def *def = arg_of(from->kind, key);
    if (kind)
        return (position){.type = KIND,
                          .kind = kind,
                          .registry = from->registry,
                          .node = child_of(from->node, key)};
    if (def) return (position){.type = ARGUMENT, .def = def};
    return (position){.node = child_of(from->node, key), .registry = from->registry};
}

static position enter(const position *from, const char *key)
{
    position to = {0};
    switch (from->type) {
    case SECTION: return enter_section(from, key);
    case NAMES:
        to.type = SECTION;
        to.node = child_of(from->node, key);
        snprintf(to.path, sizeof to.path, "%.100s.NAME", from->path);
        to.section = section_of(to.path);
        return to;
    case LIST: return enter_list(from, key);
    case REGISTRY: return enter_registry(from, key);
    case KIND:
        to.def = arg_of(from->kind, key);
        to.type = to.def ? ARGUMENT : NOWHERE;
        return to;
    case NOWHERE:
    case ARGUMENT:
    case VALUE: break;
    }
    to.node = child_of(from->node, key);
    return to;
}

/* ---- Keys ------------------------------------------------------------------------------------- */

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void offer_args(const aed_kind *kind, const char *word, const char *head, aed_text *out)
{
    for (int i = 0; kind && i < kind->arg_count; i++)
        aed_complete_offer(out, word, head, kind->args[i].name, "=");
}

static void offer_section(const position *at, const char *word, const char *head, aed_text *out)
{
    for (int i = 0; i < at->section->count; i++) {
        const aed_key *key = &at->section->keys[i];
        const position to = enter_section(at, key->name);
        const bool deeper = to.type != VALUE && strcmp(to.path, "data.source") != 0;
        if (deeper) aed_complete_offer(out, word, head, key->name, ".");
        if (!deeper || !has_prefix(key->help, "mapping"))
            aed_complete_offer(out, word, head, key->name, "=");
    }
    if (strcmp(at->path, "data") == 0) offer_args(data_kind(at->node), word, head, out);
}

static void offer_list(const position *at, const char *word, const char *head, aed_text *out)
{
    const int64_t count = at->node && at->node->type == AED_NODE_SEQUENCE ? at->node->count : 0;
    for (int64_t i = 0; i < count; i++) {
        char index[24];
        snprintf(index, sizeof index, "%lld", (long long)i);
        const aed_node *element = at->node->entries[i].value;
        const aed_node *name = element->type == AED_NODE_MAPPING && element->count == 1
                                   ? child_of(element->entries[0].value, "name")
                                   : NULL;
        aed_complete_offer(out, word, head, index, ".");
        if (name && name->type == AED_NODE_SCALAR)
            aed_complete_offer(out, word, head, name->text, ".");
    }
    aed_complete_offer(out, word, head, "+", "=");
}

static void offer_registry(const position *at, const char *word, const char *head, aed_text *out)
{
    const int count = aed_registry_size(NULL, at->registry);
    offer_args(at->kind, word, head, out);
    for (int i = 0; i < count && !at->kind; i++) {
        const aed_kind *kind = aed_registry_kind(NULL, at->registry, i);
        if (kind->arg_count > 0) aed_complete_offer(out, word, head, kind->name, ".");
        if (at->registry == AED_REGISTRY_ANALYSIS)
            aed_complete_offer(out, word, head, kind->name, "=");
    }
}

/* What the config has there itself: names, taps. */
static void offer_own(const aed_node *node, const char *word, const char *head, aed_text *out)
{
    for (int64_t i = 0; node && node->type == AED_NODE_MAPPING && i < node->count; i++) {
        const aed_node *value = node->entries[i].value;
        const bool deeper = value && value->type == AED_NODE_MAPPING;
        aed_complete_offer(out, word, head, node->entries[i].key, deeper ? "." : "=");
    }
}

static void offer_keys(const position *at, const char *word, const char *head, aed_text *out)
{
    switch (at->type) {
    case SECTION: offer_section(at, word, head, out); return;
    case LIST: offer_list(at, word, head, out); return;
    case REGISTRY: offer_registry(at, word, head, out); break;
    case KIND: offer_args(at->kind, word, head, out); return;
    case NAMES:
    case NOWHERE: break;
    case ARGUMENT:
    case VALUE: return;
    }
    if (!at->kind) offer_own(at->node, word, head, out);
}

/* ---- Values ----------------------------------------------------------------------------------- */

static void offer_truth(const char *word, const char *head, aed_text *out)
{
    aed_complete_offer(out, word, head, "true", "");
    aed_complete_offer(out, word, head, "false", "");
}

static void offer_words(const position *at, const char *word, const char *head, aed_text *out)
{
    for (size_t i = 0; i < sizeof worded / sizeof *worded; i++)
        for (int k = 0; strcmp(worded[i].path, at->path) == 0 && k < worded[i].count; k++)
            if (worded[i].words[k]) aed_complete_offer(out, word, head, worded[i].words[k], "");
    for (int i = 0; has_prefix(at->path, "checks.") && i <= AED_CHECK_ERROR; i++)
        aed_complete_offer(out, word, head, aed_check_words[i], "");
    if (at->key && has_prefix(at->key->help, "true or false")) offer_truth(word, head, out);
}

static void offer_values(const position *at, const aed_node *root, const char *word,
                         const char *head, aed_text *out)
{
    const aed_node *variants = strcmp(at->path, "variant") == 0 ? child_of(root, "variants") : NULL;
    for (int64_t i = 0; variants && variants->type == AED_NODE_MAPPING && i < variants->count; i++)
        aed_complete_offer(out, word, head, variants->entries[i].key, "");
    if (at->type == REGISTRY)
        for (int i = 0; i < aed_registry_size(NULL, at->registry); i++)
            aed_complete_offer(out, word, head, aed_registry_kind(NULL, at->registry, i)->name, "");
    if (at->type == ARGUMENT && at->def->type == AED_ARG_BOOL) offer_truth(word, head, out);
    if (at->type == KIND && at->registry == AED_REGISTRY_ANALYSIS)
        aed_complete_offer(out, word, head, "true", "");
    for (int i = 0; at->type == ARGUMENT && at->def->choices && at->def->choices[i]; i++)
        aed_complete_offer(out, word, head, at->def->choices[i], "");
    if (at->type == VALUE || at->type == SECTION) offer_words(at, word, head, out);
}

/* ---- Words ------------------------------------------------------------------------------------ */

/* Follows the whole keys of `word`, those before `end`. A sweep's and a variant's keys are paths from the
 * top again. */
static position follow(const aed_node *root, const char *word, const char *end)
{
    const position top = {
        .type = SECTION, .section = aed_section_get(AED_SECTION_TOP), .node = root};
    position at = top;
    while (word < end) {
        char key[128];
        const size_t length = strcspn(word, ".=");
        snprintf(key, sizeof key, "%.*s", (int)(length < sizeof key ? length : 0), word);
        if (strcmp(at.path, "sweep") == 0) at = top;
        at = strcmp(at.path, "variants") == 0 ? top : enter(&at, key);
        word += length + 1;
    }
    return at;
}

void aed_config_complete(const aed_node *root, const char *word, aed_text *out)
{
    char head[256];
    const char *equals = strchr(word, '='), *dot = strrchr(word, '.');
    const char *end = equals ? equals + 1 : dot ? dot + 1 : word;
    if (end - word >= (ptrdiff_t)sizeof head) return;
    snprintf(head, sizeof head, "%.*s", (int)(end - word), word);
    const position at = follow(root, word, end);
    if (equals)
        offer_values(&at, root, word, head, out);
    else
        offer_keys(&at, word, head, out);
    if (!equals && strcmp(head, "sweep.") == 0) {
        const position top = follow(root, word, word);
        offer_keys(&top, word, head, out);
    }
    if (!equals && !dot) aed_complete_offer(out, word, "", "input_noise", "=");
}
