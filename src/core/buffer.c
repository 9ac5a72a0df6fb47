/* Growing bytes and pools; see buffer.h. */
#include "core/buffer.h"

#include <stdalign.h>
#include <string.h>

#include "core/memory.h"

enum { FIRST_CAPACITY = 256 };

void aed_buffer_put(aed_buffer *buffer, const void *bytes, size_t count)
{
    if (buffer->failed || count == 0) return;
    if (count > buffer->capacity - buffer->size) {
        size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
        while (capacity - buffer->size < count && capacity <= SIZE_MAX / 2) capacity *= 2;
        unsigned char *grown = capacity - buffer->size < count
                                   ? NULL
                                   : aed_realloc(buffer->bytes, capacity, 1);
        if (!grown) {
            buffer->failed = true;
            return;
        }
        buffer->bytes = grown;
        buffer->capacity = capacity;
    }
    memcpy(buffer->bytes + buffer->size, bytes, count);
    buffer->size += count;
}

void aed_buffer_put_u32(aed_buffer *buffer, uint32_t value)
{
    unsigned char bytes[4];
    aed_store_le32(bytes, value);
    aed_buffer_put(buffer, bytes, sizeof bytes);
}

void aed_buffer_put_u64(aed_buffer *buffer, uint64_t value)
{
    unsigned char bytes[8];
    aed_store_le64(bytes, value);
    aed_buffer_put(buffer, bytes, sizeof bytes);
}

void aed_buffer_put_f64(aed_buffer *buffer, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    aed_buffer_put_u64(buffer, bits);
}

/* Copies numbers of 4 or 8 bytes between this machine's order and little-endian. */
static void copy_words(unsigned char *to, const unsigned char *from, size_t count, size_t bytes)
{
    if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
        if (count > 0) memcpy(to, from, count * bytes);
        return;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < bytes; k++) to[i * bytes + k] = from[i * bytes + bytes - 1 - k];
}

void aed_buffer_put_words(aed_buffer *buffer, const void *numbers, size_t count, size_t bytes)
{
    const size_t at = buffer->size;
    aed_buffer_put(buffer, numbers, count * bytes);
    if (!buffer->failed && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
        copy_words(buffer->bytes + at, numbers, count, bytes);
}

void aed_load_words(const unsigned char *from, size_t count, size_t bytes, void *numbers)
{
    copy_words(numbers, from, count, bytes);
}

void aed_buffer_put_text(aed_buffer *buffer, const char *text)
{
    size_t length = text ? strlen(text) : 0;
    if (length > UINT32_MAX) {
        buffer->failed = true;
        return;
    }
    aed_buffer_put_u32(buffer, (uint32_t)length);
    aed_buffer_put(buffer, text, length);
}

void aed_buffer_destroy(aed_buffer *buffer)
{
    aed_free(buffer->bytes);
    *buffer = (aed_buffer){0};
}

struct aed_pool_block {
    struct aed_pool_block *next;
    alignas(max_align_t) unsigned char bytes[];
};

void *aed_pool_alloc(aed_pool *pool, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) ||
        __builtin_add_overflow(bytes, sizeof(struct aed_pool_block), &bytes)) {
        return NULL;
    }
    struct aed_pool_block *block = aed_alloc(bytes, 1);
    if (!block) return NULL;
    block->next = pool->blocks;
    pool->blocks = block;
    return block->bytes;
}

char *aed_pool_text(aed_pool *pool, const void *bytes, size_t length)
{
    char *text = aed_pool_alloc(pool, length + 1, 1);
    if (text && length > 0) memcpy(text, bytes, length);
    return text;
}

void aed_pool_destroy(aed_pool *pool)
{
    while (pool->blocks) {
        struct aed_pool_block *block = pool->blocks;
        pool->blocks = block->next;
        aed_free(block);
    }
}
