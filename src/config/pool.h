/* The one allocation list of a config: many small pieces, all freed at once. */
#ifndef AED_CONFIG_POOL_H
#define AED_CONFIG_POOL_H

#include <stddef.h>

#include "aedist/status.h"

typedef struct aed_config_memory aed_config_memory;

aed_status aed_config_memory_create(aed_config_memory **memory);
/* Frees every piece. Takes a pointer to NULL and clears the pointer. */
void aed_config_memory_destroy(aed_config_memory **memory);

/* Zeroed memory for count elements of `size` bytes, aligned to 16 bytes. NULL when memory is short,
 * with the failure's message set: the caller returns AED_MEMORY. */
void *aed_config_alloc(aed_config_memory *memory, size_t count, size_t size);
/* A copy of the first `length` bytes of `text`, NUL-terminated. NULL as above. */
char *aed_config_copy(aed_config_memory *memory, const char *text, size_t length);
char *aed_config_printf(aed_config_memory *memory, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
