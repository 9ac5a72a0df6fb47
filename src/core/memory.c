/* Checked allocation; see memory.h. */
#include "core/memory.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Blocks of at least LARGE bytes are asked to lie in huge pages: a step walks over them in many streams,
 * more than there are entries for small pages in the first table of translations. */
enum { ALIGNMENT = 64, LARGE = 1 << 20, HUGE_PAGE = 1 << 21 };

static long allocations_left; /* 0: no limit, -1: spent; set by tests of running out of memory */

void aed_alloc_fail_after(long allocations) { allocations_left = allocations; }

/* Bytes of count elements in *bytes (at least 1); false if they overflow or a test says no. */
static bool allocation_bytes(size_t count, size_t size, size_t *bytes)
{
    if (allocations_left < 0) return false;
    if (allocations_left > 0 && --allocations_left == 0) {
        allocations_left = -1;
        return false;
    }
    if (__builtin_mul_overflow(count, size, bytes) || *bytes > PTRDIFF_MAX - ALIGNMENT)
        return false;
    if (*bytes == 0) *bytes = 1;
    return true;
}

void *aed_alloc(size_t count, size_t size)
{
    size_t bytes;
    return allocation_bytes(count, size, &bytes) ? calloc(1, bytes) : NULL;
}

void *aed_alloc_aligned(size_t count, size_t size)
{
    size_t bytes;
    if (!allocation_bytes(count, size, &bytes)) return NULL;
    const size_t alignment = bytes < LARGE ? ALIGNMENT : HUGE_PAGE;
    bytes = (bytes + alignment - 1) / alignment * alignment;
    void *block = aligned_alloc(alignment, bytes);
    if (!block) return NULL;
#if defined(MADV_HUGEPAGE)
    if (bytes >= LARGE) (void)madvise(block, bytes, MADV_HUGEPAGE); /* else it is a little slower */
#endif
    memset(block, 0, bytes);
    return block;
}

void *aed_realloc(void *block, size_t count, size_t size)
{
    size_t bytes;
    return allocation_bytes(count, size, &bytes) ? realloc(block, bytes) : NULL;
}

void aed_free(void *block) { free(block); }

char *aed_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = aed_alloc(bytes, 1);
    if (copy) memcpy(copy, text, bytes);
    return copy;
}

char *aed_printf_alloc(const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    char *text = length < 0 ? NULL : aed_alloc((size_t)length + 1, 1);
    if (text) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}
