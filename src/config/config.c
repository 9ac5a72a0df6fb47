/* From a file or a text to trials; see config.h. */
#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/kinds.h"
#include "config/sweep.h"
#include "config/tree.h"
#include "core/memory.h"

/* The file's name without folder and suffix, made fit for a folder's name. */
static const char *run_name(aed_config_memory *memory, const char *path)
{
    enum { LONGEST = 100 };
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    base += strspn(base, ".-");
    const char *dot = strrchr(base, '.');
    size_t length = dot ? (size_t)(dot - base) : strlen(base);
    if (length == 0) return "config";
    char *name = aed_config_copy(memory, base, length < LONGEST ? length : LONGEST);
    if (!name) return NULL;
    for (char *at = name; *at; at++)
        if ((unsigned char)*at < 0x20 || (unsigned char)*at >= 0x7F) *at = '_';
    return name;
}

static aed_status parse(const aed_kinds *own, const char *text, size_t length, const char *path,
                        const char *const *overrides, int override_count, aed_trial_list *trials)
{
    aed_config_memory *memory = NULL;
    aed_status status;
    *trials = (aed_trial_list){0};
    if (own) AED_TRY(aed_kinds_check(own));
    AED_TRY(aed_config_memory_create(own, &memory));
    aed_override *plain = aed_config_alloc(memory, (size_t)override_count, sizeof *plain);
    aed_config_source source = {.overrides = plain, .name = run_name(memory, path)};
    aed_place place = {aed_config_copy(memory, path, strlen(path)), 1, 1};
    char *source_text = aed_config_copy(memory, text, length);
    if (!plain || !place.source || !source.name || !source_text) AED_TRY(AED_MEMORY);
    AED_TRY(aed_node_parse(memory, text, length, place, &source.root));
    if (source.root->type != AED_NODE_MAPPING)
        AED_TRY(aed_place_fail(source.root->place,
                               "a config is a mapping: data, model, train, seed ..."));
    for (int i = 0; i < override_count; i++) {
        aed_override override;
        AED_TRY(aed_override_parse(memory, overrides[i], &override));
        if (aed_override_is_structural(override.path.keys[0]))
            AED_TRY(aed_override_apply(memory, &source.root, &override));
        else
            plain[source.override_count++] = override;
    }
    AED_TRY(aed_sweep_expand(memory, &source, trials));
    trials->source_text = source_text;
done:
    if (status != AED_OK) {
        aed_config_memory_destroy(&memory);
        *trials = (aed_trial_list){0};
    }
    return status;
}

aed_status aed_config_parse(const char *text, const char *name, const char *const *overrides,
                            int override_count, aed_trial_list *trials)
{
    return parse(NULL, text, strlen(text), name, overrides, override_count, trials);
}

aed_status aed_config_parse_with(const aed_kinds *own, const char *text, const char *name,
                                 const char *const *overrides, int override_count,
                                 aed_trial_list *trials)
{
    return parse(own, text, strlen(text), name, overrides, override_count, trials);
}

/* Reads at most one byte more than a config may have: enough to see that it is too large. */
aed_status aed_config_read_text(const char *path, char **text, size_t *length)
{
    enum { ROOM = AED_YAML_MAX_BYTES + 2 };
    aed_status status = AED_OK;
    *text = NULL;
    *length = 0;
    errno = 0;
    FILE *file = fopen(path, "rb");
    if (!file)
        return aed_fail(AED_DATA, "%s: cannot be opened: %s; check the path", path,
                        strerror(errno));
    *text = aed_alloc(ROOM, 1);
    if (!*text) AED_TRY(aed_fail(AED_MEMORY, "%s: out of memory while reading", path));
    *length = fread(*text, 1, ROOM - 1, file);
    if (ferror(file)) AED_TRY(aed_fail(AED_DATA, "%s: cannot be read: %s", path, strerror(errno)));
done:
    fclose(file);
    return status;
}

aed_status aed_config_read(const char *path, const char *const *overrides, int override_count,
                           aed_trial_list *trials)
{
    char *text;
    size_t length = 0;
    *trials = (aed_trial_list){0};
    aed_status status = aed_config_read_text(path, &text, &length);
    if (status == AED_OK)
        status = parse(NULL, text, length, path, overrides, override_count, trials);
    aed_free(text);
    return status;
}

void aed_trial_list_destroy(aed_trial_list *trials)
{
    /* All trials of a list share one memory, which holds the list too. */
    aed_config_memory *memory = trials->count > 0 ? trials->trials[0].config.memory : NULL;
    aed_config_memory_destroy(&memory);
    *trials = (aed_trial_list){0};
}
