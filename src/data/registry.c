/* The one table of data sources. A new source is a file with its ops and one row here. */
#include <string.h>

#include "data/sources.h"

static const aed_source_ops *const sources[] = {
    &aed_source_bezier, &aed_source_signal, &aed_source_linear_mix,
    &aed_source_glyphs, &aed_source_idx,    &aed_source_hdf5,
};

const aed_source_ops *const *aed_source_table(int *count)
{
    *count = (int)(sizeof sources / sizeof *sources);
    return sources;
}

const aed_source_ops *aed_source_find(const char *name)
{
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        if (strcmp(sources[i]->kind.name, name) == 0) return sources[i];
    return NULL;
}

aed_status aed_source_create(const aed_spec *spec, aed_source *source)
{
    aed_status status;
    size_t numbers;
    /* The kind is the first member of its table, a program's own as well. */
    *source = (aed_source){.ops = (const aed_source_ops *)spec->kind};
    status = source->ops->create(spec, source);
    if (status != AED_OK) {
        *source = (aed_source){0};
        return status;
    }
    /* A fresh source keeps one tile at a time, and so does a set that is streamed. */
    const bool kept = !source->fresh && !source->slow_to_read;
    AED_TRY(aed_data_check_size(
        AED_CONFIG, spec->where, kept ? source->samples + source->test_samples : AED_DATA_MAX_LANES,
        aed_shape_count(&source->shape), aed_source_number_bytes(source), &numbers));
done:
    if (status != AED_OK) aed_source_destroy(source);
    return status;
}

void aed_source_destroy(aed_source *source)
{
    if (!source) return;
    if (source->ops && source->ops->destroy) source->ops->destroy(source);
    *source = (aed_source){0};
}
