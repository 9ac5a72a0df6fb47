/* Reading a whole ledger and mending it.
 *
 * What a kill or a power cut can leave is a last record that is too short, or bytes that were
 * allocated and never written (zeros): that is a torn tail, and cutting it off loses nothing that
 * was promised. Anything else is damage: then the rest of the file is saved aside before the ledger
 * is mended, and the whole records behind it, found by their magic and CRC, are kept too. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"
#include "io/file.h"
#include "io/ledger_records.h"

enum { SEARCH_BYTES = 65536 };

/* ---- Reading the whole file ---------------------------------------------------------------- */

/* The first place from `offset` on where a record's magic stands, or `size`. */
static aed_status find_magic(aed_ledger *ledger, int64_t offset, int64_t size,
                             unsigned char *scratch, int64_t *found)
{
    const int64_t magic = (int64_t)sizeof aed_ledger_magic;
    while (size - offset >= magic) {
        int64_t bytes = size - offset < SEARCH_BYTES ? size - offset : SEARCH_BYTES;
        aed_status status = aed_file_read_at(ledger->descriptor, ledger->path, scratch,
                                             (size_t)bytes, offset);
        if (status != AED_OK) return status;
        const unsigned char *hit = memmem(scratch, (size_t)bytes, aed_ledger_magic, (size_t)magic);
        if (hit) {
            *found = offset + (hit - scratch);
            return AED_OK;
        }
        offset += bytes - (magic - 1);
    }
    *found = size;
    return AED_OK;
}

/* The next whole record behind damage, or `size`. Candidates are checked by their CRC; *budget
 * bounds the bytes read for that, which a file of false records could drive up without end. */
static aed_status find_record(aed_ledger *ledger, int64_t offset, int64_t size, int64_t *budget,
                              int64_t *found)
{
    unsigned char *scratch = aed_alloc(SEARCH_BYTES, 1);
    if (!scratch) return aed_ledger_out_of_memory(ledger);
    aed_status status = AED_OK;
    *found = size;
    while (*budget > 0) {
        int64_t candidate, length;
        aed_ledger_state state;
        uint32_t type;
        AED_TRY(find_magic(ledger, offset, size, scratch, &candidate));
        if (candidate == size) break;
        AED_TRY(aed_ledger_look(ledger, candidate, size, &state, &type, &length));
        if (state == AED_LEDGER_WHOLE) {
            *found = candidate;
            break;
        }
        if (state == AED_LEDGER_BAD) *budget -= size - candidate;
        *budget -= AED_LEDGER_HEADER;
        offset = candidate + 1;
    }

done:
    aed_free(scratch);
    return status;
}

/* Whether the file holds nothing but zeros from `offset` on. */
static aed_status only_zeros(aed_ledger *ledger, int64_t offset, int64_t size, bool *zeros)
{
    unsigned char bytes[4096];
    *zeros = true;
    while (offset < size && *zeros) {
        int64_t count = size - offset < (int64_t)sizeof bytes ? size - offset
                                                              : (int64_t)sizeof bytes;
        aed_status status = aed_file_read_at(ledger->descriptor, ledger->path, bytes, (size_t)count,
                                             offset);
        if (status != AED_OK) return status;
        for (int64_t i = 0; i < count; i++) *zeros = *zeros && bytes[i] == 0;
        offset += count;
    }
    return AED_OK;
}

aed_status aed_ledger_scan(aed_ledger *ledger, aed_ledger_visit visit, void *context,
                           aed_ledger_seen *seen)
{
    aed_status status = AED_OK;
    int64_t budget = seen->size < INT64_MAX / 32 ? 16 * seen->size + SEARCH_BYTES : INT64_MAX;
    int64_t offset = AED_LEDGER_FILE_HEADER;
    *seen = (aed_ledger_seen){.size = seen->size, .damage = -1};
    while (offset < seen->size) {
        aed_ledger_state state;
        uint32_t type;
        int64_t length;
        AED_TRY(aed_ledger_look(ledger, offset, seen->size, &state, &type, &length));
        if (state == AED_LEDGER_WHOLE) {
            status = visit(context, ledger->count, type, ledger->payload, (size_t)length);
            if (status == AED_OK) {
                AED_TRY(aed_ledger_add_place(ledger, offset, length));
                offset += AED_LEDGER_HEADER + length;
                continue;
            }
            if (status != AED_DATA) goto done;
            status = AED_OK;
            state = AED_LEDGER_BAD;
        }
        int64_t next = seen->size;
        AED_TRY(find_record(ledger, offset + 1, seen->size, &budget, &next));
        if (seen->damage < 0) {
            seen->damage = offset;
            seen->intact = ledger->count;
            seen->torn = next == seen->size && state == AED_LEDGER_SHORT;
            if (next == seen->size && !seen->torn) {
                AED_TRY(only_zeros(ledger, offset, seen->size, &seen->torn));
            }
        }
        offset = next;
    }

done:
    return status;
}

/* ---- Mending ------------------------------------------------------------------------------- */

static aed_status copy_bytes(int from, const char *from_path, int64_t offset, int64_t end, int to,
                             const char *to_path)
{
    unsigned char *bytes = aed_alloc(SEARCH_BYTES, 1);
    if (!bytes) return aed_fail(AED_MEMORY, "%s: out of memory for a copy", to_path);
    aed_status status = AED_OK;
    while (offset < end) {
        size_t count = end - offset < SEARCH_BYTES ? (size_t)(end - offset) : SEARCH_BYTES;
        AED_TRY(aed_file_read_at(from, from_path, bytes, count, offset));
        AED_TRY(aed_file_write(to, to_path, bytes, count));
        offset += (int64_t)count;
    }

done:
    aed_free(bytes);
    return status;
}

/* Adds everything from the damage on to ledger.damaged, where earlier damage may lie already. */
static aed_status save_damaged(aed_ledger *ledger, const aed_ledger_seen *seen)
{
    aed_status status = AED_OK;
    int descriptor = -1;
    char *path = aed_printf_alloc("%s.damaged", ledger->path);
    if (!path) return aed_ledger_out_of_memory(ledger);
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        status = aed_file_fail(path, "create", errno);
        goto done;
    }
    AED_TRY(
        copy_bytes(ledger->descriptor, ledger->path, seen->damage, seen->size, descriptor, path));
    if (fsync(descriptor) != 0) {
        status = aed_file_fail(path, "fsync", errno);
        goto done;
    }
    AED_TRY(aed_file_sync_folder(ledger->folder));

done:
    if (descriptor >= 0) close(descriptor);
    aed_free(path);
    return status;
}

/* Moves the whole records behind the damage down over it. A kill on the way leaves records that the
 * next start reads as it reads any damage. */
static aed_status close_gaps(aed_ledger *ledger, const aed_ledger_seen *seen)
{
    int64_t end = seen->damage;
    for (int64_t i = seen->intact; i < ledger->count; i++) {
        aed_ledger_place *place = &ledger->places[i];
        int64_t bytes = AED_LEDGER_HEADER + place->length;
        aed_status status = AED_OK;
        for (int64_t at = 0; at < bytes && status == AED_OK;) {
            unsigned char block[4096];
            size_t count = bytes - at < (int64_t)sizeof block ? (size_t)(bytes - at) : sizeof block;
            status = aed_file_read_at(ledger->descriptor, ledger->path, block, count,
                                      place->offset + at);
            if (status == AED_OK) {
                status = aed_file_write_at(ledger->descriptor, ledger->path, block, count,
                                           end + at);
            }
            at += (int64_t)count;
        }
        if (status != AED_OK) return status;
        place->offset = end;
        end += bytes;
    }
    ledger->end = end;
    return AED_OK;
}

static aed_status mend(aed_ledger *ledger, const aed_ledger_seen *seen, char **notice)
{
    aed_status status = AED_OK;
    ledger->end = seen->damage < 0 ? seen->size : seen->damage;
    if (seen->damage < 0) return AED_OK;
    if (seen->torn) {
        *notice = aed_printf_alloc("%s: the last record, from offset %" PRId64
                                   " on, was cut off (%" PRId64 " bytes of an interrupted write); "
                                   "its trial is trained again",
                                   ledger->path, seen->damage, seen->size - seen->damage);
    } else {
        AED_TRY(save_damaged(ledger, seen));
        AED_TRY(close_gaps(ledger, seen));
        *notice = aed_printf_alloc("%s: damaged at offset %" PRId64 "; %" PRId64
                                   " readable records kept, the bytes from there on copied to "
                                   "%s.damaged; trials that are lost are trained again",
                                   ledger->path, seen->damage, ledger->count, ledger->path);
    }
    if (!*notice) {
        status = aed_ledger_out_of_memory(ledger);
        goto done;
    }
    if (ftruncate(ledger->descriptor, ledger->end) != 0 || fsync(ledger->descriptor) != 0) {
        status = aed_file_fail(ledger->path, "cut off its damaged end", errno);
        goto done;
    }

done:
    return status;
}

aed_status aed_ledger_mend(aed_ledger *ledger, int64_t size, aed_ledger_visit visit, void *context,
                           char **notice)
{
    aed_ledger_seen seen = {.size = size};
    aed_status status = aed_ledger_scan(ledger, visit, context, &seen);
    return status == AED_OK ? mend(ledger, &seen, notice) : status;
}
