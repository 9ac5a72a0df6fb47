/* Parameters as a safetensors file.
 *
 *   u64 length of the header, the header, the data; all little-endian
 *   header:  {"__metadata__": {key: text, ...},
 *             name: {"dtype": "F32", "shape": [...], "data_offsets": [begin, end]}, ...}
 *
 * Offsets count from the data's first byte and leave no gaps. Spaces behind the header make its length
 * a multiple of 8, so that the data can be used where they lie.
 * Source: the format's description in the README of the project safetensors. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/export.h"
#include "io/json.h"

enum { ALIGNMENT = 8 };

static const char metadata_key[] = "__metadata__";

/* A name that two tensors have, or the metadata's own, cannot be a key. */
static aed_status check_names(const aed_trial_result *result)
{
    for (int64_t i = 0; i < result->tensor_count; i++) {
        const char *name = result->tensors[i].name;
        bool taken = strcmp(name, metadata_key) == 0;
        for (int64_t k = 0; k < i && !taken; k++)
            taken = strcmp(name, result->tensors[k].name) == 0;
        if (taken)
            return aed_fail(AED_DATA,
                            "trial %s: a safetensors file cannot hold two entries '%s'; export to "
                            "csv, or name the layers differently",
                            result->id, name);
    }
    return AED_OK;
}

static void put_pair(aed_buffer *header, const char *key, const char *text, const char *behind)
{
    aed_json_put_text(header, key);
    aed_json_put_plain(header, ": ");
    aed_json_put_text(header, text);
    aed_json_put_plain(header, behind);
}

static void put_metadata(aed_buffer *header, const aed_trial_result *result)
{
    aed_json_put_text(header, metadata_key);
    aed_json_put_plain(header, ": {");
    put_pair(header, "format", "pt", ", "); /* layouts are PyTorch's */
    put_pair(header, "aedist_version", AED_VERSION, ", ");
    put_pair(header, "trial", result->id, ", ");
    put_pair(header, "weights_hash", result->weights_hash, ", ");
    put_pair(header, "config", result->resolved, "}");
}

/* Describes a tensor whose data begin at *offset, which goes on to their end. */
static void put_tensor(aed_buffer *header, const aed_tensor *tensor, int64_t *offset)
{
    char text[96];
    aed_json_put_plain(header, ", ");
    aed_json_put_text(header, tensor->name);
    aed_json_put_plain(header, ": {\"dtype\": \"F32\", \"shape\": [");
    for (int i = 0; i < tensor->shape.rank; i++) {
        snprintf(text, sizeof text, "%s%" PRId64, i ? ", " : "", tensor->shape.size[i]);
        aed_json_put_plain(header, text);
    }
    const int64_t begin = *offset;
    *offset += 4 * aed_shape_count(&tensor->shape);
    snprintf(text, sizeof text, "], \"data_offsets\": [%" PRId64 ", %" PRId64 "]}", begin, *offset);
    aed_json_put_plain(header, text);
}

static void put_values(aed_buffer *buffer, const float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        aed_buffer_put_u32(buffer, bits);
    }
}

aed_status aed_export_safetensors(const aed_trial_result *result, aed_buffer *buffer)
{
    aed_buffer header = {0};
    int64_t offset = 0;
    aed_status status = check_names(result);
    if (status != AED_OK) return status;
    aed_json_put_plain(&header, "{");
    put_metadata(&header, result);
    for (int64_t i = 0; i < result->tensor_count; i++)
        put_tensor(&header, &result->tensors[i], &offset);
    aed_json_put_plain(&header, "}");
    while (header.size % ALIGNMENT && !header.failed) aed_json_put_plain(&header, " ");
    aed_buffer_put_u64(buffer, header.size);
    aed_buffer_put(buffer, header.bytes, header.size);
    for (int64_t i = 0; i < result->tensor_count; i++) {
        const aed_tensor *tensor = &result->tensors[i];
        put_values(buffer, result->parameters + tensor->offset, aed_shape_count(&tensor->shape));
    }
    if (header.failed || buffer->failed)
        status = aed_fail(AED_MEMORY, "trial %s: out of memory for its parameters", result->id);
    aed_buffer_destroy(&header);
    return status;
}
