/* The ledger's records, one at a time; the format is in ledger.h, mending in ledger_mend.c, reading
 * without a lock in ledger_reading.c. An append is one write, and a failed one is taken back; one
 * fdatasync makes any number of them durable. */
#include "io/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "core/memory.h"
#include "io/file.h"
#include "io/ledger_records.h"

enum { FILE_HEADER = AED_LEDGER_FILE_HEADER, CHECKED = 16 };

static const unsigned char file_header[FILE_HEADER] = {'A', 'E', 'D', 'L', 'G', 'R', 1, 0};
const unsigned char aed_ledger_magic[4] = {'A', 'E', 'D', 'R'};

aed_status aed_ledger_out_of_memory(const aed_ledger *ledger)
{
    return aed_fail(AED_MEMORY, "%s: out of memory for its records", ledger->path);
}

/* ---- One record ---------------------------------------------------------------------------- */

static uint32_t record_crc(const unsigned char *header, const unsigned char *payload, size_t length)
{
    uLong crc = crc32_z(0, header, CHECKED);
    /* Of no payload there may be no buffer either: zlib would begin anew. */
    return (uint32_t)(length > 0 ? crc32_z(crc, payload, length) : crc);
}

aed_status aed_ledger_add_place(aed_ledger *ledger, int64_t offset, int64_t length)
{
    if (ledger->count == ledger->capacity) {
        int64_t capacity = ledger->capacity ? 2 * ledger->capacity : 64;
        aed_ledger_place *grown = aed_realloc(ledger->places, (size_t)capacity,
                                              sizeof *ledger->places);
        if (!grown) return aed_ledger_out_of_memory(ledger);
        ledger->places = grown;
        ledger->capacity = capacity;
    }
    ledger->places[ledger->count++] = (aed_ledger_place){.offset = offset, .length = length};
    return AED_OK;
}

aed_status aed_ledger_look(aed_ledger *ledger, int64_t offset, int64_t size,
                           aed_ledger_state *state, uint32_t *type, int64_t *length)
{
    unsigned char header[AED_LEDGER_HEADER];
    *type = 0;
    *length = 0;
    *state = AED_LEDGER_SHORT;
    if (size - offset < AED_LEDGER_HEADER) return AED_OK;
    aed_status status = aed_file_read_at(ledger->descriptor, ledger->path, header, sizeof header,
                                         offset);
    if (status != AED_OK) return status;
    *state = AED_LEDGER_BAD;
    if (memcmp(header, aed_ledger_magic, sizeof aed_ledger_magic) != 0) return AED_OK;
    uint64_t claimed = aed_load_le64(header + 8);
    if (claimed > (uint64_t)(size - offset - AED_LEDGER_HEADER)) {
        *state = AED_LEDGER_SHORT;
        return AED_OK;
    }
    if (claimed > ledger->payload_room) {
        unsigned char *grown = aed_realloc(ledger->payload, (size_t)claimed, 1);
        if (!grown) return aed_ledger_out_of_memory(ledger);
        ledger->payload = grown;
        ledger->payload_room = (size_t)claimed;
    }
    status = aed_file_read_at(ledger->descriptor, ledger->path, ledger->payload, (size_t)claimed,
                              offset + AED_LEDGER_HEADER);
    if (status != AED_OK) return status;
    if (record_crc(header, ledger->payload, (size_t)claimed) != aed_load_le32(header + CHECKED)) {
        return AED_OK;
    }
    *state = AED_LEDGER_WHOLE;
    *type = aed_load_le32(header + 4);
    *length = (int64_t)claimed;
    return AED_OK;
}

aed_status aed_ledger_read(aed_ledger *ledger, int64_t index, const unsigned char **payload,
                           size_t *length)
{
    aed_ledger_state state;
    uint32_t type;
    int64_t bytes, offset = ledger->places[index].offset;
    aed_status status = aed_ledger_look(ledger, offset, ledger->end, &state, &type, &bytes);
    if (status != AED_OK) return status;
    if (state != AED_LEDGER_WHOLE) {
        return aed_fail(AED_DATA,
                        "%s: the record at offset %" PRId64 " was changed while the job ran; check "
                        "the disk and start again to mend it",
                        ledger->path, offset);
    }
    *payload = ledger->payload;
    *length = (size_t)bytes;
    return AED_OK;
}

aed_status aed_ledger_append(aed_ledger *ledger, uint32_t type, aed_buffer *record, int64_t *index)
{
    if (record->failed) return aed_ledger_out_of_memory(ledger);
    size_t length = record->size - AED_LEDGER_HEADER;
    memcpy(record->bytes, aed_ledger_magic, sizeof aed_ledger_magic);
    aed_store_le32(record->bytes + 4, type);
    aed_store_le64(record->bytes + 8, length);
    aed_store_le32(record->bytes + CHECKED,
                   record_crc(record->bytes, record->bytes + AED_LEDGER_HEADER, length));

    aed_status status;
    AED_TRY(aed_ledger_add_place(ledger, ledger->end, (int64_t)length));
    AED_TRY(aed_file_write_at(ledger->descriptor, ledger->path, record->bytes, record->size,
                              ledger->end));
    *index = ledger->count - 1;
    ledger->end += (int64_t)record->size;
    return AED_OK;

done:
    /* Half a record must not stay; should this fail as well, the next start cuts it off. */
    if (ledger->count > 0 && ledger->places[ledger->count - 1].offset == ledger->end) {
        ledger->count--;
        int cut = ftruncate(ledger->descriptor, ledger->end);
        (void)cut;
    }
    return status;
}

aed_status aed_ledger_sync(aed_ledger *ledger)
{
    if (fdatasync(ledger->descriptor) == 0) return AED_OK;
    return aed_file_fail(ledger->path, "fsync", errno);
}

/* ---- Opening ------------------------------------------------------------------------------- */

/* A reader that asks whether a job runs holds the lock for a moment: only who keeps it is a writer. */
static aed_status lock(aed_ledger *ledger)
{
    static const struct timespec pause = {.tv_nsec = 10000000};
    int tries = 20;
    while (flock(ledger->descriptor, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR) continue;
        if (errno == EWOULDBLOCK && --tries > 0) {
            nanosleep(&pause, NULL);
            continue;
        }
        if (errno == EWOULDBLOCK) {
            return aed_fail(AED_DATA,
                            "%s: another aedist job is writing to this folder; wait for it to end "
                            "or choose another --output",
                            ledger->folder);
        }
        /* Some cluster file systems are mounted without locks; working there matters more. */
        if (errno == ENOSYS || errno == ENOTSUP || errno == ENOLCK) return AED_OK;
        return aed_file_fail(ledger->path, "lock", errno);
    }
    return AED_OK;
}

aed_status aed_ledger_check_header(const aed_ledger *ledger, int64_t *size, size_t *there)
{
    struct stat info;
    if (fstat(ledger->descriptor, &info) != 0) return aed_file_fail(ledger->path, "read", errno);
    if (!S_ISREG(info.st_mode)) {
        return aed_fail(AED_DATA, "%s: is not a plain file; choose another --output", ledger->path);
    }
    unsigned char header[FILE_HEADER];
    *size = info.st_size;
    *there = info.st_size < FILE_HEADER ? (size_t)info.st_size : FILE_HEADER;
    aed_status status = aed_file_read_at(ledger->descriptor, ledger->path, header, *there, 0);
    if (status != AED_OK) return status;
    if (*there >= 6 && memcmp(header, file_header, 6) == 0 && memcmp(header, file_header, *there)) {
        return aed_fail(AED_DATA,
                        "%s: its format is version %d, this aedist reads version 1; use the newer "
                        "aedist or choose another --output",
                        ledger->path, header[6] + (*there > 7 ? 256 * header[7] : 0));
    }
    if (memcmp(header, file_header, *there) != 0) {
        return aed_fail(AED_DATA,
                        "%s: is not an aedist ledger or its first bytes are damaged; restore it or "
                        "choose another --output",
                        ledger->path);
    }
    return AED_OK;
}

/* Writes the file's header or checks it; *size is the file's size afterwards. */
static aed_status begin_file(aed_ledger *ledger, int64_t *size)
{
    size_t there;
    aed_status status = aed_ledger_check_header(ledger, size, &there);
    if (status != AED_OK || there == FILE_HEADER) return status;

    status = aed_file_write_at(ledger->descriptor, ledger->path, file_header, FILE_HEADER, 0);
    if (status != AED_OK) {
        /* Leaves an empty file, which the next start takes for a new one. */
        int cut = ftruncate(ledger->descriptor, 0);
        (void)cut;
        return status;
    }
    if (fsync(ledger->descriptor) != 0) return aed_file_fail(ledger->path, "fsync", errno);
    *size = FILE_HEADER;
    return aed_file_sync_folder(ledger->folder);
}

aed_status aed_ledger_make(const char *folder, aed_ledger **ledger)
{
    *ledger = NULL;
    aed_ledger *made = aed_alloc(1, sizeof *made);
    if (!made) return aed_fail(AED_MEMORY, "%s/ledger: out of memory", folder);
    made->descriptor = -1;
    made->folder = aed_strdup(folder);
    made->path = aed_printf_alloc("%s/ledger", folder);
    if (!made->folder || !made->path) {
        aed_ledger_close(&made);
        return aed_fail(AED_MEMORY, "%s/ledger: out of memory", folder);
    }
    *ledger = made;
    return AED_OK;
}

aed_status aed_ledger_open(const char *folder, aed_ledger_visit visit, void *context, char **notice,
                           aed_ledger **ledger)
{
    aed_status status = AED_OK;
    int64_t size = 0;
    *ledger = NULL;
    *notice = NULL;
    aed_ledger *made;
    AED_TRY(aed_ledger_make(folder, &made));
    /* O_NONBLOCK: a named pipe in its place is refused, not waited for. */
    made->descriptor = open(made->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
    if (made->descriptor < 0) {
        status = aed_file_fail(made->path, "open", errno);
        goto done;
    }
    AED_TRY(lock(made));
    AED_TRY(begin_file(made, &size));
    AED_TRY(aed_ledger_mend(made, size, visit, context, notice));
    *ledger = made;
    made = NULL;

done:
    aed_ledger_close(&made);
    if (status != AED_OK) {
        aed_free(*notice);
        *notice = NULL;
    }
    return status;
}

void aed_ledger_close(aed_ledger **ledger)
{
    aed_ledger *closed = *ledger;
    if (!closed) return;
    if (closed->descriptor >= 0) close(closed->descriptor);
    aed_free(closed->places);
    aed_free(closed->payload);
    aed_free(closed->path);
    aed_free(closed->folder);
    aed_free(closed);
    *ledger = NULL;
}
