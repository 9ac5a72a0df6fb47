/* What tells a source's samples from those of another time: a hash over 16 of them, spread evenly from
 * the first to the last, with the number of all and the shape. Of a file too large to be read as a
 * whole that is as quick as of any other. */
#include <sha2.h>

#include "aedist/data.h"
#include "core/buffer.h"
#include "core/mark.h"
#include "core/memory.h"

enum { SAMPLES = 16 };

static void hash_u64(SHA2_CTX *context, uint64_t value)
{
    unsigned char bytes[8];
    aed_store_le64(bytes, value);
    SHA256Update(context, bytes, sizeof bytes);
}

static void hash_floats(SHA2_CTX *context, const float *values, int64_t count)
{
    for (int64_t i = 0; values && i < count; i++) {
        union {
            float value;
            uint32_t bits;
        } word = {values[i]};
        unsigned char bytes[4];
        aed_store_le32(bytes, word.bits);
        SHA256Update(context, bytes, sizeof bytes);
    }
}

static aed_status make_room(const aed_source *source, int64_t features, aed_rows *rows)
{
    const size_t room = (size_t)features + AED_ROWS_OVERREAD;
    bool made = true;
    if (source->is_bytes)
        made = (rows->bytes = aed_alloc(room, sizeof *rows->bytes)) != NULL;
    else
        made = (rows->target = aed_alloc(room, sizeof *rows->target)) != NULL;
    if (made && source->own_input)
        made = (rows->input = aed_alloc(room, sizeof *rows->input)) != NULL;
    if (made && source->classes > 0)
        made = (rows->labels = aed_alloc(1, sizeof *rows->labels)) != NULL;
    return made ? AED_OK : aed_fail(AED_MEMORY, "out of memory for a sample of the data");
}

aed_status aed_source_mark(const aed_source *source, double *mark)
{
    aed_status status;
    aed_rows rows = {0};
    SHA2_CTX context;
    uint8_t digest[SHA256_DIGEST_LENGTH];
    const int64_t features = aed_shape_count(&source->shape);
    const int64_t last = source->samples + source->test_samples - 1;
    AED_TRY(make_room(source, features, &rows));
    SHA256Init(&context);
    hash_u64(&context, (uint64_t)source->samples);
    hash_u64(&context, (uint64_t)source->test_samples);
    for (int i = 0; i < source->shape.rank; i++)
        hash_u64(&context, (uint64_t)source->shape.size[i]);
    for (int64_t i = 0; i < SAMPLES; i++) {
        const uint32_t id = (uint32_t)(last * i / (SAMPLES - 1));
        AED_TRY(source->ops->make(source, 0, &id, 1, &rows));
        if (rows.bytes) SHA256Update(&context, rows.bytes, (size_t)features);
        hash_floats(&context, rows.target, features);
        hash_floats(&context, rows.input, features);
        if (rows.labels) hash_u64(&context, (uint64_t)*rows.labels);
    }
    SHA256Final(digest, &context);
    *mark = aed_mark(digest);

done:
    aed_free(rows.bytes);
    aed_free(rows.target);
    aed_free(rows.input);
    aed_free(rows.labels);
    return status;
}
