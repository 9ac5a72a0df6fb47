/* Parameters as one table of comma-separated values (RFC 4180). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/export.h"

static void put_text(aed_buffer *buffer, const char *text)
{
    aed_buffer_put(buffer, text, strlen(text));
}

/* A name, in quotes if it holds what would end it. */
static void put_name(aed_buffer *buffer, const char *name)
{
    if (!strpbrk(name, ",\"\r\n")) {
        put_text(buffer, name);
        return;
    }
    put_text(buffer, "\"");
    for (const char *at = name; *at; at++) {
        if (*at == '"') put_text(buffer, "\"");
        aed_buffer_put(buffer, at, 1);
    }
    put_text(buffer, "\"");
}

static void put_rows(aed_buffer *buffer, const aed_tensor *tensor, const float *values)
{
    const int64_t count = aed_shape_count(&tensor->shape);
    char shape[96], text[64];
    aed_shape_text(&tensor->shape, shape);
    for (int64_t i = 0; i < count; i++) {
        put_name(buffer, tensor->name);
        put_text(buffer, ",");
        put_text(buffer, shape);
        /* Nine digits tell every float32 from its neighbours. */
        snprintf(text, sizeof text, ",%" PRId64 ",%.9g\n", i, (double)values[i]);
        put_text(buffer, text);
    }
}

aed_status aed_export_csv(const aed_trial_result *result, aed_buffer *buffer)
{
    put_text(buffer, "name,shape,index,value\n");
    for (int64_t i = 0; i < result->tensor_count; i++) {
        const aed_tensor *tensor = &result->tensors[i];
        put_rows(buffer, tensor, result->parameters + tensor->offset);
    }
    if (!buffer->failed) return AED_OK;
    return aed_fail(AED_MEMORY, "trial %s: out of memory for its parameters", result->id);
}
