/* See difference.h. */
#include "config/difference.h"

#include <stdio.h>
#include <string.h>

#include "config/override.h"
#include "config/text.h"
#include "config/tree.h"
#include "core/memory.h"

enum { MOST_SHOWN = 5 };

/* Keys that no trial's numbers depend on, or that follow from others. */
static const char *const ignored[] = {"name",       "metrics",     "snapshots",  "log",
                                      "analysis",   "checks",      "checkpoint", "ranks_per_trial",
                                      "time_limit", "data.memory", "train.tile", "train.leaf",
                                      "sweep",      "variants",    "variant"};

typedef struct comparison {
    aed_config_memory *memory;
    const char *const *axes;
    int64_t axis_count;
    aed_text text;
    int differences;
} comparison;

static bool is_below(const char *path, const char *key)
{
    const size_t length = strlen(key);
    return strncmp(path, key, length) == 0 && (path[length] == '\0' || path[length] == '.');
}

/* Whether the axis may be what changed `path`. Axes can name layers in several ways, and input_noise
 * is a corruption: there the whole list counts as swept. */
static bool is_swept(const char *path, const char *axis)
{
    static const char *const lists[] = {"model.encoder", "model.decoder", "model.code"};
    const char *key = aed_path_full(axis);
    if (is_below(path, key) || is_below(key, path)) return true;
    if (strcmp(key, "train.input_noise") == 0 && is_below(path, "train.corrupt")) return true;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (is_below(key, lists[i]) && is_below(path, lists[i])) return true;
    return strcmp(key, "variant") == 0; /* of one name, it may change any key */
}

static bool counts(const comparison *c, const char *path)
{
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        if (is_below(path, ignored[i])) return false;
    for (int64_t i = 0; i < c->axis_count; i++)
        if (is_swept(path, c->axes[i])) return false;
    return true;
}

static void add_value(aed_text *text, const aed_node *node)
{
    if (node)
        aed_text_add_node(text, node);
    else
        aed_text_add(text, "nothing");
}

static aed_status report(comparison *c, const char *path, const aed_node *there,
                         const aed_node *now)
{
    if (!counts(c, path) || ++c->differences > MOST_SHOWN) return AED_OK;
    if (c->differences > 1) aed_text_add(&c->text, "; ");
    aed_text_addf(&c->text, "%s: ", path);
    add_value(&c->text, there);
    aed_text_add(&c->text, " there, ");
    add_value(&c->text, now);
    aed_text_add(&c->text, " now");
    return c->text.failed ? AED_MEMORY : AED_OK;
}

static bool is_same_text(const aed_node *a, const aed_node *b)
{
    aed_text one = {0}, other = {0};
    aed_text_add_node(&one, a);
    aed_text_add_node(&other, b);
    const bool same = one.bytes && other.bytes && strcmp(one.bytes, other.bytes) == 0;
    aed_text_free(&one);
    aed_text_free(&other);
    return same;
}

static aed_status compare(comparison *c, const char *path, const aed_node *there,
                          const aed_node *now);

static aed_status compare_key(comparison *c, const char *path, const char *key,
                              const aed_node *there, const aed_node *now)
{
    const char *below = aed_config_printf(c->memory, "%s%s%s", path, path[0] ? "." : "", key);
    return below ? compare(c, below, there, now) : AED_MEMORY;
}

/* Mappings key by key, all else as a whole; lists too, unless they are equally long. */
static aed_status compare(comparison *c, const char *path, const aed_node *there,
                          const aed_node *now)
{
    aed_status status = AED_OK;
    if (!there || !now || there->type != now->type || there->type == AED_NODE_SCALAR)
        return there && now && is_same_text(there, now) ? AED_OK : report(c, path, there, now);
    if (there->type == AED_NODE_SEQUENCE) {
        if (there->count != now->count) return report(c, path, there, now);
        for (int64_t i = 0; i < there->count && status == AED_OK; i++) {
            char index[24];
            snprintf(index, sizeof index, "%lld", (long long)i);
            status = compare_key(c, path, index, there->entries[i].value, now->entries[i].value);
        }
        return status;
    }
    for (int64_t i = 0; i < there->count; i++)
        AED_TRY(compare_key(c, path, there->entries[i].key, there->entries[i].value,
                            aed_node_get(now, there->entries[i].key)));
    for (int64_t i = 0; i < now->count; i++)
        if (!aed_node_entry(there, now->entries[i].key))
            AED_TRY(compare_key(c, path, now->entries[i].key, NULL, now->entries[i].value));
done:
    return status;
}

aed_status aed_config_difference(const char *there, const char *now, const char *const *axes,
                                 int64_t axis_count, char **text)
{
    aed_status status;
    comparison c = {.axes = axes, .axis_count = axis_count};
    const aed_node *old_root, *new_root;
    *text = NULL;
    AED_TRY(aed_config_memory_create(NULL, &c.memory));
    const aed_place old_place = {"the ledger's config", 1, 1}, new_place = {"the config", 1, 1};
    AED_TRY(aed_node_parse(c.memory, there, strlen(there), old_place, &old_root));
    AED_TRY(aed_node_parse(c.memory, now, strlen(now), new_place, &new_root));
    AED_TRY(compare(&c, "", old_root, new_root));
    if (c.differences > MOST_SHOWN)
        aed_text_addf(&c.text, "; and %d more", c.differences - MOST_SHOWN);
    if (c.differences > 0) status = aed_text_take(&c.text, text);
done:
    aed_text_free(&c.text);
    aed_config_memory_destroy(&c.memory);
    return status;
}
