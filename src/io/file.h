/* Files that are whole or absent: atomic replacement, full writes, folders with their parents.
 * Every failure is AED_DATA and names the path, the system's reason and what to do. */
#ifndef AED_IO_FILE_H
#define AED_IO_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "aedist/status.h"

/* Reports that `doing` ("write", "create") `path` failed with the errno value `error`. */
aed_status aed_file_fail(const char *path, const char *doing, int error);

/* Makes the folder and its missing parents; an existing folder is fine. */
aed_status aed_file_make_folder(const char *path);

/* Makes the folder's own entries durable. */
aed_status aed_file_sync_folder(const char *path);

/* Writes all bytes at the descriptor's position, or at `offset`; `path` is for the message. */
aed_status aed_file_write(int descriptor, const char *path, const void *bytes, size_t count);
aed_status aed_file_write_at(int descriptor, const char *path, const void *bytes, size_t count,
                             int64_t offset);

/* Reads exactly `count` bytes at `offset`; a file that ends earlier is a failure. */
aed_status aed_file_read_at(int descriptor, const char *path, void *bytes, size_t count,
                            int64_t offset);

/* folder/name gets these bytes: whoever opens it, even after a power cut, finds the old content or
 * the new, whole. Only one process at a time may replace files in a folder (a run holds a lock). */
aed_status aed_file_replace(const char *folder, const char *name, const void *bytes, size_t count);

#endif
