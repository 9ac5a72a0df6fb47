/* A file's bytes from its begin to its end, whether it is compressed (gzip) or not; which of both is
 * told by its first two bytes, not by its name. Every failure is AED_DATA with the path and the
 * reason, or AED_MEMORY. Private to src/data. */
#ifndef AED_DATA_BYTE_READER_H
#define AED_DATA_BYTE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aedist/status.h"

typedef struct aed_byte_reader aed_byte_reader;

aed_status aed_byte_reader_open(const char *path, aed_byte_reader **reader);
void aed_byte_reader_close(aed_byte_reader **reader);

const char *aed_byte_reader_path(const aed_byte_reader *reader);
bool aed_byte_reader_is_gzip(const aed_byte_reader *reader);
/* The most bytes that the file can hold: its size, or what the best compression would give. */
int64_t aed_byte_reader_limit(const aed_byte_reader *reader);

/* The next bytes; *got is less than `count` at the end of the file only. Fails if the compressed
 * data is damaged or ends too early. */
aed_status aed_byte_reader_read(aed_byte_reader *reader, void *bytes, size_t count, size_t *got);

#endif
