/* Words about a sweep: see describe.h. */
#include "config/describe.h"

#include <inttypes.h>
#include <string.h>

#include "core/memory.h"

static aed_status keep(aed_config_memory *memory, aed_text *text, const char **kept)
{
    char *bytes;
    aed_status status = aed_text_take(text, &bytes);
    if (status != AED_OK) return status;
    *kept = aed_config_copy(memory, bytes, strlen(bytes));
    aed_free(bytes);
    return *kept ? AED_OK : AED_MEMORY;
}

/* "seed (5) x model.code.noise, input_noise (3) = 15, less 2 excluded" */
static aed_status write_summary(aed_config_memory *memory, const aed_axes *axes,
                                aed_trial_list *list)
{
    aed_text text = {0};
    for (int64_t i = 0; i < axes->count; i++) {
        const aed_axis *axis = &axes->axes[i];
        if (i) aed_text_add(&text, " x ");
        for (int64_t k = 0; k < axis->key_count; k++)
            aed_text_addf(&text, "%s%s", k ? ", " : "", axis->keys[k].key);
        aed_text_addf(&text, " (%" PRId64 ")", axis->count);
    }
    if (list->excluded)
        aed_text_addf(&text, " = %" PRId64 ", less %" PRId64 " excluded", axes->product,
                      list->excluded);
    return keep(memory, &text, &list->summary);
}

/* The sweep as it was written, flat, and the variants that it names: behind the base config they
 * read back to the same trials. */
static aed_status write_sweep(aed_config_memory *memory, const aed_config_source *source,
                              const aed_axes *axes, const aed_node *flat, aed_trial_list *list)
{
    aed_text text = {0};
    int64_t axis;
    if (aed_axes_find(axes, "variant", &axis)) aed_variant_write(&text, source);
    aed_text_add(&text, "sweep:\n");
    for (int64_t i = 0; i < flat->count; i++) {
        aed_text_add(&text, "  ");
        aed_text_add_string(&text, flat->entries[i].key);
        aed_text_add(&text, ": ");
        aed_text_add_node(&text, flat->entries[i].value);
        aed_text_add(&text, "\n");
    }
    return keep(memory, &text, &list->sweep_text);
}

/* ---- Notes ------------------------------------------------------------------------------------ */

static aed_status add_note(aed_trial_list *list, const char *note)
{
    if (!note) return AED_MEMORY;
    list->notes[list->note_count++] = note;
    return AED_OK;
}

/* An override that an axis undoes: told, as `seed=3` beside a sweep of seeds may be a slip. */
static aed_status note_overridden(aed_config_memory *memory, const char *source, const char *key,
                                  const aed_axes *axes, aed_trial_list *list)
{
    int64_t axis;
    const aed_axis_key *swept = aed_axes_find(axes, key, &axis);
    if (!swept) return AED_OK;
    return add_note(
        list,
        aed_config_printf(memory, "%s has no effect: '%s' is swept (sweep.%s=null takes that away)",
                          source, swept->key, axes->axes[axis].is_group ? "zip" : swept->key));
}

static aed_status write_notes(aed_config_memory *memory, const aed_config_source *source,
                              const aed_axes *axes, const aed_exclusions *exclusions,
                              aed_trial_list *list)
{
    aed_status status = AED_OK;
    const aed_node *variant = aed_node_get(source->root, "variant");
    const int64_t most = source->override_count + exclusions->count + 1;
    list->notes = aed_config_alloc(memory, (size_t)most, sizeof *list->notes);
    if (!list->notes) return AED_MEMORY;
    for (int64_t i = 0; i < source->override_count; i++) {
        const aed_override *override = &source->overrides[i];
        AED_TRY(note_overridden(memory, override->path.place.source, override->key, axes, list));
    }
    if (!aed_node_is_null(variant) && variant->place.line == 0)
        AED_TRY(note_overridden(memory, variant->place.source, "variant", axes, list));
    for (int64_t i = 0; i < exclusions->count; i++)
        if (exclusions->entries[i].left_out == 0)
            AED_TRY(add_note(
                list, aed_config_printf(memory, "%s: entry %lld of exclude leaves no trial out",
                                        aed_place_text(memory, exclusions->entries[i].node->place),
                                        (long long)i + 1)));
done:
    return status;
}

aed_status aed_sweep_describe(aed_config_memory *memory, const aed_config_source *source,
                              const aed_node *flat, const aed_axes *axes,
                              const aed_exclusions *exclusions, aed_trial_list *list)
{
    aed_status status;
    AED_TRY(write_summary(memory, axes, list));
    AED_TRY(write_sweep(memory, source, axes, flat, list));
    status = write_notes(memory, source, axes, exclusions, list);
done:
    return status;
}
