/* Plain and compressed files read alike; see byte_reader.h. Compressed ones are those of RFC 1952,
 * one member behind the other, checked by zlib against their CRC and length. */
#include "data/byte_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "core/memory.h"

enum {
    IN_BYTES = 1 << 16,
    LARGEST_READ = 1 << 30, /* zlib counts in 32 bits */
    GZIP_WINDOW = 15 + 16,  /* the largest window, gzip's frame only */
    DEFLATE_LIMIT = 1032    /* bytes out of one, at most */
};

struct aed_byte_reader {
    char *path;
    int descriptor;
    int64_t size;
    bool is_gzip;
    bool inflating; /* within a member */
    z_stream stream;
    unsigned char in[IN_BYTES];
};

static aed_status system_fail(const char *path, const char *doing, int error)
{
    return aed_fail(AED_DATA, "%s: cannot be %s: %s; check the path and its permissions", path,
                    doing, strerror(error));
}

static voidpf zlib_alloc(voidpf opaque, uInt items, uInt size)
{
    (void)opaque;
    return aed_alloc(items, size);
}

static void zlib_free(voidpf opaque, voidpf block)
{
    (void)opaque;
    aed_free(block);
}

/* read(2) until `count` bytes are there or the file ends. */
static aed_status read_plain(aed_byte_reader *reader, void *bytes, size_t count, size_t *got)
{
    *got = 0;
    while (*got < count) {
        const size_t left = count - *got;
        const ssize_t n = read(reader->descriptor, (unsigned char *)bytes + *got,
                               left < LARGEST_READ ? left : LARGEST_READ);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return system_fail(reader->path, "read", errno);
        if (n == 0) break;
        *got += (size_t)n;
    }
    return AED_OK;
}

static aed_status start_gzip(aed_byte_reader *reader)
{
    reader->stream.zalloc = zlib_alloc;
    reader->stream.zfree = zlib_free;
    if (inflateInit2(&reader->stream, GZIP_WINDOW) != Z_OK)
        return aed_fail(AED_MEMORY, "%s: out of memory for decompression", reader->path);
    reader->is_gzip = reader->inflating = true;
    return AED_OK;
}

static aed_status look_at_file(aed_byte_reader *reader)
{
    unsigned char magic[2] = {0, 0};
    struct stat file;
    size_t got;
    aed_status status;
    if (fstat(reader->descriptor, &file) != 0) return system_fail(reader->path, "read", errno);
    if (!S_ISREG(file.st_mode))
        return aed_fail(AED_DATA, "%s: is %s; give the path of a file", reader->path,
                        S_ISDIR(file.st_mode) ? "a folder" : "no regular file");
    reader->size = file.st_size;
    AED_TRY(read_plain(reader, magic, sizeof magic, &got));
    if (lseek(reader->descriptor, 0, SEEK_SET) != 0)
        AED_TRY(system_fail(reader->path, "read", errno));
    if (magic[0] == 0x1f && magic[1] == 0x8b) AED_TRY(start_gzip(reader));
done:
    return status;
}

aed_status aed_byte_reader_open(const char *path, aed_byte_reader **reader)
{
    aed_status status = AED_OK;
    aed_byte_reader *r = aed_alloc(1, sizeof *r);
    *reader = NULL;
    if (!r) return aed_fail(AED_MEMORY, "%s: out of memory for reading", path);
    r->descriptor = -1;
    r->path = aed_strdup(path);
    if (!r->path) AED_TRY(aed_fail(AED_MEMORY, "%s: out of memory for reading", path));
    /* A pipe is refused, not waited for. */
    r->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (r->descriptor < 0) AED_TRY(system_fail(path, "opened", errno));
    AED_TRY(look_at_file(r));
    *reader = r;
done:
    if (status != AED_OK) aed_byte_reader_close(&r);
    return status;
}

void aed_byte_reader_close(aed_byte_reader **reader)
{
    aed_byte_reader *r = *reader;
    if (!r) return;
    if (r->is_gzip) inflateEnd(&r->stream);
    if (r->descriptor >= 0) close(r->descriptor);
    aed_free(r->path);
    aed_free(r);
    *reader = NULL;
}

const char *aed_byte_reader_path(const aed_byte_reader *reader) { return reader->path; }
bool aed_byte_reader_is_gzip(const aed_byte_reader *reader) { return reader->is_gzip; }

int64_t aed_byte_reader_limit(const aed_byte_reader *reader)
{
    if (!reader->is_gzip) return reader->size;
    return reader->size > INT64_MAX / DEFLATE_LIMIT ? INT64_MAX : reader->size * DEFLATE_LIMIT;
}

static aed_status gzip_fail(const aed_byte_reader *reader, int result)
{
    if (result == Z_MEM_ERROR)
        return aed_fail(AED_MEMORY, "%s: out of memory for decompression", reader->path);
    return aed_fail(AED_DATA, "%s: the gzip data is corrupt (%s); get the file again", reader->path,
                    reader->stream.msg ? reader->stream.msg : "it asks for a dictionary");
}

/* One step of decompression; *ended at the end of the file, which must be the end of a member. */
static aed_status inflate_some(aed_byte_reader *reader, bool *ended)
{
    z_stream *stream = &reader->stream;
    if (stream->avail_in == 0) {
        size_t got;
        const aed_status status = read_plain(reader, reader->in, sizeof reader->in, &got);
        if (status != AED_OK) return status;
        stream->next_in = reader->in;
        stream->avail_in = (uInt)got;
        *ended = got == 0;
        if (*ended && reader->inflating)
            return aed_fail(AED_DATA, "%s: the gzip data is truncated; get the file again",
                            reader->path);
        if (*ended) return AED_OK;
    }
    if (!reader->inflating && inflateReset(stream) != Z_OK) return gzip_fail(reader, Z_DATA_ERROR);
    const int result = inflate(stream, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
        return gzip_fail(reader, result);
    reader->inflating = result != Z_STREAM_END;
    return AED_OK;
}

aed_status aed_byte_reader_read(aed_byte_reader *reader, void *bytes, size_t count, size_t *got)
{
    if (!reader->is_gzip) return read_plain(reader, bytes, count, got);
    bool ended = false;
    *got = 0;
    while (*got < count && !ended) {
        const size_t left = count - *got;
        const uInt room = left < LARGEST_READ ? (uInt)left : LARGEST_READ;
        reader->stream.next_out = (unsigned char *)bytes + *got;
        reader->stream.avail_out = room;
        const aed_status status = inflate_some(reader, &ended);
        if (status != AED_OK) return status;
        *got += room - reader->stream.avail_out;
    }
    return AED_OK;
}
