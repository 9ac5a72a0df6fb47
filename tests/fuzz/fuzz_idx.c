/* IDX files, plain or packed:
 *
 *   u8 flags, u8 n, n bytes of the file of labels, the file of samples
 *
 * Flags: 1 there are labels, 2 both files are packed before they are read (what reads them packed is met
 * anyway, where a file begins as gzip's do), 4 the first two samples only, 8 ten classes, 16 the test
 * samples are those for training once more. */
#include <zlib.h>

#include "fuzz.h"
#include "fuzz_source.h"

enum { WITH_LABELS = 1, PACKED = 2, FEW = 4, CLASSES = 8, WITH_TEST = 16, GZIP = 31 };

static const char *make_file(const char *name, const uint8_t *bytes, size_t count, int packed)
{
    static uint8_t room[1 << 17];
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)count};
    if (!packed || deflateBound(NULL, (uLong)count) + 64 > sizeof room)
        return fuzz_file(name, bytes, count);
    stream.next_out = room;
    stream.avail_out = sizeof room;
    FUZZ_EXPECT(deflateInit2(&stream, 1, Z_DEFLATED, GZIP, 1, Z_DEFAULT_STRATEGY) == Z_OK);
    FUZZ_EXPECT(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&stream);
    return fuzz_file(name, room, sizeof room - stream.avail_out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fixture described;
    if (size < 2 || size < 2 + (size_t)data[1]) return 0;
    const int flags = data[0];
    const size_t used = 2 + (size_t)data[1];
    const char *const labels[] = {make_file("labels", data + 2, data[1], flags & PACKED)};
    const char *const samples[] = {make_file("samples", data + used, size - used, flags & PACKED)};
    fixture_start(&described, "idx");
    fixture_strings(&described, "path", 1, samples);
    if (flags & WITH_LABELS) fixture_strings(&described, "labels", 1, labels);
    if (flags & FEW) fixture_number(&described, "samples", 2);
    if (flags & CLASSES) fixture_number(&described, "classes", 10);
    if (flags & WITH_TEST) {
        fixture_strings(&described, "test", 1, samples);
        if (flags & WITH_LABELS) fixture_strings(&described, "test_labels", 1, labels);
    }
    fuzz_source(&described);
    return 0;
}
