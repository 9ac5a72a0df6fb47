/* A pool of chunks that are cut from the front; see pool.h. Chunks double up to a bound, so that a
 * small config stays small and a large sweep costs few calls. */
#include "config/pool.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"

enum { FIRST_CHUNK = 8 << 10, LARGEST_CHUNK = 256 << 10, ALIGNMENT = 16 };

typedef struct chunk {
    struct chunk *next;
    size_t used, size; /* bytes behind this head */
} chunk;

struct aed_config_memory {
    chunk *head;
    size_t next_size;
    const aed_kinds *own;
};

/* Bytes of a chunk's head, rounded up so that what follows is aligned. */
static const size_t head_bytes = (sizeof(chunk) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

static void *out_of_memory(void)
{
    aed_fail(AED_MEMORY, "config: out of memory; use fewer trials or a smaller config");
    return NULL;
}

aed_status aed_config_memory_create(const aed_kinds *own, aed_config_memory **memory)
{
    *memory = aed_alloc(1, sizeof **memory);
    if (!*memory) {
        out_of_memory();
        return AED_MEMORY;
    }
    (*memory)->next_size = FIRST_CHUNK;
    (*memory)->own = own;
    return AED_OK;
}

const aed_kinds *aed_config_kinds(const aed_config_memory *memory) { return memory->own; }

void aed_config_memory_destroy(aed_config_memory **memory)
{
    if (!*memory) return;
    for (chunk *piece = (*memory)->head; piece;) {
        chunk *next = piece->next;
        aed_free(piece);
        piece = next;
    }
    aed_free(*memory);
    *memory = NULL;
}

/* Puts a fresh chunk of at least `bytes` in front. */
static chunk *add_chunk(aed_config_memory *memory, size_t bytes)
{
    size_t size = bytes > memory->next_size ? bytes : memory->next_size;
    chunk *fresh = aed_alloc(1, head_bytes + size);
    if (!fresh) return NULL;
    if (memory->next_size < LARGEST_CHUNK) memory->next_size *= 2;
    fresh->size = size;
    fresh->next = memory->head;
    memory->head = fresh;
    return fresh;
}

void *aed_config_alloc(aed_config_memory *memory, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX / 2)
        return out_of_memory();
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    chunk *piece = memory->head;
    if (!piece || piece->size - piece->used < bytes) piece = add_chunk(memory, bytes);
    if (!piece) return out_of_memory();
    void *block = (char *)piece + head_bytes + piece->used;
    piece->used += bytes;
    return block;
}

char *aed_config_copy(aed_config_memory *memory, const char *text, size_t length)
{
    char *copy = aed_config_alloc(memory, length + 1, 1);
    if (copy) memcpy(copy, text, length);
    return copy;
}

char *aed_config_printf(aed_config_memory *memory, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    char *text = length < 0 ? NULL : aed_config_alloc(memory, (size_t)length + 1, 1);
    if (text) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}
