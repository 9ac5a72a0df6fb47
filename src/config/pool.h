/* What a config is read with: its one allocation list, of many small pieces that are freed at once, and
 * the kinds that it may name. */
#ifndef AED_CONFIG_POOL_H
#define AED_CONFIG_POOL_H

#include <stddef.h>

#include "aedist/kinds.h"

typedef struct aed_config_memory aed_config_memory;

/* `own`: kinds of the program's own, which must outlive the memory; NULL: none. */
aed_status aed_config_memory_create(const aed_kinds *own, aed_config_memory **memory);
/* Those kinds. */
const aed_kinds *aed_config_kinds(const aed_config_memory *memory);
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
