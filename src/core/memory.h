/* Memory for set-up: checked sizes, zeroed, and an allocator that a test can make fail.
 * Nothing here is called in a training step. */
#ifndef AED_CORE_MEMORY_H
#define AED_CORE_MEMORY_H

#include <stddef.h>

/* Zeroed memory for count elements of `size` bytes; NULL if that overflows or memory is short.
 * A count of 0 gives a valid pointer. Free with aed_free. */
void *aed_alloc(size_t count, size_t size);
/* The same, aligned to 64 bytes. */
void *aed_alloc_aligned(size_t count, size_t size);
/* Like realloc for count elements; new bytes are not zeroed. NULL leaves the old block valid. */
void *aed_realloc(void *block, size_t count, size_t size);
void aed_free(void *block);
/* Copies, NULL when memory is short. */
char *aed_strdup(const char *text);
char *aed_printf_alloc(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For tests: the n-th allocation from now on (counted from 1) and all later ones fail; 0: none. */
void aed_alloc_fail_after(long allocations);

#endif
