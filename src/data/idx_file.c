/* Header and numbers of an IDX file; see idx_file.h. */
#include "data/idx_file.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { BLOCK = 4096 }; /* numbers converted at once */

const char *aed_idx_path(const aed_idx_file *file) { return aed_byte_reader_path(file->reader); }

static uint64_t big_endian(const unsigned char *bytes, int count)
{
    uint64_t value = 0;
    for (int i = 0; i < count; i++) value = value << 8 | bytes[i];
    return value;
}

/* Bytes of a number, 0 for a type that there is not. */
static int type_bytes(int type)
{
    switch (type) {
    case AED_IDX_UBYTE:
    case AED_IDX_BYTE: return 1;
    case AED_IDX_SHORT: return 2;
    case AED_IDX_INT:
    case AED_IDX_FLOAT: return 4;
    case AED_IDX_DOUBLE: return 8;
    default: return 0;
    }
}

static aed_status ends_early(const aed_idx_file *file)
{
    return aed_fail(AED_DATA,
                    "%s: ends before the %" PRId64 " samples of %" PRId64
                    " numbers that its header "
                    "tells of; get the file again",
                    aed_idx_path(file), file->size[0], file->features);
}

static aed_status read_header(aed_idx_file *file)
{
    unsigned char head[4], sizes[4 * AED_MAX_RANK];
    const char *path = aed_idx_path(file);
    size_t got;
    aed_status status;
    AED_TRY(aed_byte_reader_read(file->reader, head, sizeof head, &got));
    if (got < sizeof head || head[0] != 0 || head[1] != 0 || type_bytes(head[2]) == 0) {
        AED_TRY(aed_fail(AED_DATA, "%s: is no IDX file (%s); give one, plain or compressed by gzip",
                         path, got == 0 ? "it is empty" : "it begins with other bytes"));
    }
    file->type = (aed_idx_type)head[2];
    file->number_bytes = type_bytes(head[2]);
    file->rank = head[3];
    if (file->rank < 1 || file->rank > AED_MAX_RANK)
        AED_TRY(aed_fail(AED_DATA, "%s: its numbers have %d sizes; 1 to %d are possible", path,
                         file->rank, AED_MAX_RANK));
    const size_t bytes = 4 * (size_t)file->rank;
    AED_TRY(aed_byte_reader_read(file->reader, sizes, bytes, &got));
    if (got < bytes)
        AED_TRY(aed_fail(AED_DATA, "%s: ends within its header; get the file again", path));
    for (int i = 0; i < file->rank; i++) file->size[i] = (int64_t)big_endian(sizes + 4 * i, 4);
done:
    return status;
}

/* Sizes above 0 whose product a shape can have. */
static aed_status check_sizes(aed_idx_file *file)
{
    file->features = 1;
    for (int i = 0; i < file->rank; i++) {
        if (file->size[i] == 0)
            return aed_fail(AED_DATA,
                            "%s: its header says that size %d of %d is 0: there is "
                            "nothing in it",
                            aed_idx_path(file), i + 1, file->rank);
        if (i > 0 && file->features > INT32_MAX / file->size[i])
            return aed_fail(AED_DATA,
                            "%s: its header tells of samples of more than 2^31 - 1 numbers; get "
                            "the file again",
                            aed_idx_path(file));
        if (i > 0) file->features *= file->size[i];
    }
    return AED_OK;
}

/* What the header says against the bytes that there are. */
static aed_status check_length(const aed_idx_file *file)
{
    const int64_t header = 4 + 4 * file->rank, limit = aed_byte_reader_limit(file->reader);
    int64_t bytes;
    if (__builtin_mul_overflow(file->size[0], file->features * file->number_bytes, &bytes) ||
        __builtin_add_overflow(bytes, header, &bytes) || bytes > limit)
        return ends_early(file);
    if (bytes < limit && !aed_byte_reader_is_gzip(file->reader))
        return aed_fail(AED_DATA,
                        "%s: has %" PRId64 " bytes behind the %" PRId64 " samples of %" PRId64
                        " numbers that its header tells of; get the file again",
                        aed_idx_path(file), limit - bytes, file->size[0], file->features);
    return AED_OK;
}

aed_status aed_idx_open(const char *path, aed_idx_file *file)
{
    aed_status status;
    *file = (aed_idx_file){0};
    AED_TRY(aed_byte_reader_open(path, &file->reader));
    AED_TRY(read_header(file));
    AED_TRY(check_sizes(file));
    AED_TRY(check_length(file));
done:
    if (status != AED_OK) aed_idx_close(file);
    return status;
}

void aed_idx_close(aed_idx_file *file) { aed_byte_reader_close(&file->reader); }

static aed_status read_exactly(aed_idx_file *file, void *bytes, size_t count)
{
    size_t got;
    const aed_status status = aed_byte_reader_read(file->reader, bytes, count, &got);
    if (status != AED_OK) return status;
    return got == count ? AED_OK : ends_early(file);
}

aed_status aed_idx_read_bytes(aed_idx_file *file, int64_t count, uint8_t *out)
{
    file->next += count;
    return read_exactly(file, out, (size_t)count);
}

static double number_at(aed_idx_type type, const unsigned char *bytes)
{
    float single;
    double value;
    uint32_t bits;
    uint64_t long_bits;
    switch (type) {
    case AED_IDX_UBYTE: return bytes[0];
    case AED_IDX_BYTE: return (int8_t)bytes[0];
    case AED_IDX_SHORT: return (int16_t)big_endian(bytes, 2);
    case AED_IDX_INT: return (int32_t)big_endian(bytes, 4);
    case AED_IDX_FLOAT:
        bits = (uint32_t)big_endian(bytes, 4);
        memcpy(&single, &bits, sizeof single);
        return (double)single;
    case AED_IDX_DOUBLE: break;
    }
    long_bits = big_endian(bytes, 8);
    memcpy(&value, &long_bits, sizeof value);
    return value;
}

aed_status aed_idx_read_floats(aed_idx_file *file, int64_t count, float *out)
{
    unsigned char bytes[BLOCK * 8];
    for (int64_t first = 0; first < count; first += BLOCK) {
        const int64_t left = count - first, n = left < BLOCK ? left : BLOCK;
        const aed_status status = read_exactly(file, bytes, (size_t)(n * file->number_bytes));
        if (status != AED_OK) return status;
        for (int64_t i = 0; i < n; i++, file->next++) {
            const double value = number_at(file->type, bytes + i * file->number_bytes);
            if (!(fabs(value) <= (double)FLT_MAX))
                return aed_fail(AED_DATA,
                                "%s: a value of sample %" PRId64 " is %g; all must be finite as "
                                "float (at most 3.4e38)",
                                aed_idx_path(file), file->next / file->features,
                                isnan(value) ? (double)NAN : value);
            out[first + i] = (float)value;
        }
    }
    return AED_OK;
}

aed_status aed_idx_finish(aed_idx_file *file)
{
    unsigned char bytes[BLOCK * 8];
    int64_t left = (file->size[0] * file->features - file->next) * file->number_bytes;
    size_t got;
    aed_status status = AED_OK;
    /* A plain file's length is known to be right. */
    if (!aed_byte_reader_is_gzip(file->reader)) return AED_OK;
    while (left > 0) {
        const size_t count = left < (int64_t)sizeof bytes ? (size_t)left : sizeof bytes;
        AED_TRY(read_exactly(file, bytes, count));
        left -= (int64_t)count;
    }
    AED_TRY(aed_byte_reader_read(file->reader, bytes, 1, &got));
    if (got > 0)
        status = aed_fail(AED_DATA,
                          "%s: has bytes behind the %" PRId64 " samples of %" PRId64 " numbers "
                          "that its header tells of; get the file again",
                          aed_idx_path(file), file->size[0], file->features);
done:
    return status;
}
