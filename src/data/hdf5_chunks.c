/* Sizes of chunks; see hdf5_chunks.h. */
#include "data/hdf5_chunks.h"

#include <inttypes.h>
#include <stdbool.h>
#include <zlib.h>

#include "core/hdf5_guard.h"
#include "core/memory.h"

enum {
    MOST_FILTERS = 32,
    CHECKSUM_BYTES = 4,
    UNFOLD_BYTES = 1 << 14,
    MOST_EMPTY = 1000 /* times the file's bytes: the largest chunk that may be empty */
};
static const double most_chunks = 0x1p28;

struct aed_hdf5_chunks {
    const char *place;
    hid_t dataset;
    int rank, filters;
    H5Z_filter_t filter[MOST_FILTERS]; /* in the order in which they were applied */
    bool partial_unfiltered; /* chunks that reach over the dataset's edge have no filters */
    hsize_t size[H5S_MAX_RANK], chunk[H5S_MAX_RANK];
    hsize_t grid[H5S_MAX_RANK]; /* chunks a dimension */
    hsize_t bytes, file_bytes;  /* of a whole chunk, of the file */
    uint8_t *whole;             /* a bit a chunk: known to be whole */
};

/* ---- Set-up ----------------------------------------------------------------------------------- */

static aed_status read_filters(hid_t creation, aed_hdf5_chunks *made)
{
    made->filters = H5Pget_nfilters(creation);
    if (made->filters < 0 || made->filters > MOST_FILTERS)
        return aed_fail(AED_DATA, "%s: cannot read the list of filters", made->place);
    for (int i = 0; i < made->filters; i++) {
        unsigned flags, options;
        size_t values = 0;
        made->filter[i] = H5Pget_filter2(creation, (unsigned)i, &flags, &values, NULL, 0, NULL,
                                         &options);
    }
    return AED_OK;
}

static aed_status measure(hid_t creation, int64_t number_bytes, aed_hdf5_chunks *made)
{
    double count = 1, bytes = (double)number_bytes;
    unsigned options = 0;
    if (H5Pget_chunk(creation, made->rank, made->chunk) != made->rank)
        return aed_fail(AED_DATA, "%s: its chunks have another number of dimensions", made->place);
    for (int i = 0; i < made->rank; i++) {
        if (made->chunk[i] < 1) return aed_fail(AED_DATA, "%s: its chunks are empty", made->place);
        made->grid[i] = (made->size[i] - 1) / made->chunk[i] + 1;
        count *= (double)made->grid[i];
        bytes *= (double)made->chunk[i];
    }
    if (count > most_chunks || bytes > UINT32_MAX)
        return aed_fail(AED_DATA,
                        "%s: claims %.0f chunks of %.0f bytes; up to 2^28 of up to 2^32 - 1 can be "
                        "read",
                        made->place, count, bytes);
    made->bytes = (hsize_t)bytes;
    H5Pget_chunk_opts(creation, &options);
    made->partial_unfiltered = options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS;
    made->whole = aed_alloc((size_t)count / 8 + 1, 1);
    return made->whole ? AED_OK : aed_fail(AED_MEMORY, "%s: out of memory", made->place);
}

aed_status aed_hdf5_chunks_create(const char *place, hid_t dataset, int rank, const hsize_t *size,
                                  int64_t number_bytes, int64_t file_bytes,
                                  aed_hdf5_chunks **chunks)
{
    aed_status status = AED_OK;
    *chunks = NULL;
    const hid_t creation = H5Dget_create_plist(dataset);
    if (creation < 0) return aed_fail(AED_DATA, "%s: cannot read the layout", place);
    if (H5Pget_layout(creation) != H5D_CHUNKED) goto done;
    aed_hdf5_chunks *made = aed_alloc(1, sizeof *made);
    *chunks = made;
    if (!made) {
        status = aed_fail(AED_MEMORY, "%s: out of memory", place);
        goto done;
    }
    made->place = place;
    made->dataset = dataset;
    made->rank = rank;
    made->file_bytes = (hsize_t)file_bytes;
    for (int i = 0; i < rank; i++) made->size[i] = size[i];
    AED_TRY(read_filters(creation, made));
    AED_TRY(measure(creation, number_bytes, made));
done:
    H5Pclose(creation);
    if (status != AED_OK) aed_hdf5_chunks_destroy(chunks);
    return status;
}

void aed_hdf5_chunks_destroy(aed_hdf5_chunks **chunks)
{
    if (!*chunks) return;
    aed_free((*chunks)->whole);
    aed_free(*chunks);
    *chunks = NULL;
}

/* ---- One chunk -------------------------------------------------------------------------------- */

/* Bytes that a zlib stream unfolds to, counted up to a little more than `most`; false if it cannot be
 * unfolded. */
static bool unfolded_bytes(const uint8_t *packed, hsize_t bytes, hsize_t most, hsize_t *count)
{
    uint8_t out[UNFOLD_BYTES];
    z_stream stream = {.next_in = (Bytef *)packed, .avail_in = (uInt)bytes};
    int result = Z_OK;
    if (inflateInit(&stream) != Z_OK) return false;
    *count = 0;
    while (result == Z_OK && *count <= most) {
        stream.next_out = out;
        stream.avail_out = UNFOLD_BYTES;
        result = inflate(&stream, Z_SYNC_FLUSH);
        *count += UNFOLD_BYTES - stream.avail_out;
    }
    inflateEnd(&stream);
    return result == Z_STREAM_END || result == Z_OK;
}

/* Bytes of a stored chunk once its filters are undone; false if they cannot be. Of a filter that is
 * not known, or a second deflate: what a whole chunk has. */
static bool unfiltered_bytes(const aed_hdf5_chunks *chunks, unsigned skipped, const uint8_t *stored,
                             hsize_t bytes, hsize_t *result)
{
    bool packed = true; /* `stored` is what the next filter gets */
    *result = bytes;
    for (int i = chunks->filters; i-- > 0;) {
        if (skipped >> i & 1) continue;
        switch (chunks->filter[i]) {
        case H5Z_FILTER_FLETCHER32:
            if (*result < CHECKSUM_BYTES) return false;
            *result -= CHECKSUM_BYTES;
            break;
        case H5Z_FILTER_SHUFFLE: packed = false; break;
        case H5Z_FILTER_DEFLATE:
            if (packed) {
                packed = false;
                if (!unfolded_bytes(stored, *result, chunks->bytes + CHECKSUM_BYTES, result))
                    return false;
                break;
            }
            __attribute__((fallthrough));
        default: *result = chunks->bytes; return true;
        }
    }
    return true;
}

static bool is_partial(const aed_hdf5_chunks *chunks, const hsize_t *start)
{
    for (int i = 0; i < chunks->rank; i++)
        if (chunks->size[i] - start[i] < chunks->chunk[i]) return true;
    return false;
}

static aed_status fail_chunk(const aed_hdf5_chunks *chunks, const hsize_t *start, const char *what)
{
    return aed_fail(AED_DATA, "%s: cannot read samples %llu to %llu: their chunk %s", chunks->place,
                    (unsigned long long)start[0],
                    (unsigned long long)(start[0] + chunks->chunk[0] - 1), what);
}

/* A chunk that is there, of so many stored bytes. */
static aed_status check_stored(const aed_hdf5_chunks *chunks, const hsize_t *start, hsize_t bytes)
{
    aed_status status = AED_OK;
    char reason[AED_HDF5_REASON_BYTES];
    uint32_t skipped;
    hsize_t result;
    if (bytes > chunks->file_bytes) return fail_chunk(chunks, start, "is larger than the file");
    uint8_t *stored = aed_alloc((size_t)bytes, 1);
    if (!stored)
        return aed_fail(AED_MEMORY, "%s: no memory for a chunk of %llu bytes", chunks->place,
                        (unsigned long long)bytes);
    if (H5Dread_chunk(chunks->dataset, H5P_DEFAULT, start, &skipped, stored) < 0)
        status = fail_chunk(chunks, start, aed_hdf5_reason(reason));
    else if (!unfiltered_bytes(chunks, skipped, stored, bytes, &result))
        status = fail_chunk(chunks, start, "cannot be unpacked");
    else if (result != chunks->bytes)
        status = fail_chunk(chunks, start, "unpacks to another size than the header claims");
    aed_free(stored);
    return status;
}

/* Checks the chunk whose first number is at `start`. */
static aed_status check_chunk(const aed_hdf5_chunks *chunks, const hsize_t *start)
{
    const bool packed = chunks->filters > 0 &&
                        !(chunks->partial_unfiltered && is_partial(chunks, start));
    unsigned skipped = 0;
    haddr_t place = HADDR_UNDEF;
    hsize_t bytes = 0;
    char reason[AED_HDF5_REASON_BYTES];
    /* This call looks the chunk up, but tells no stored size of one without filters, and 0 of one that
     * is missing; the next walks the index up to the chunk. */
    if (packed && H5Dget_chunk_storage_size(chunks->dataset, start, &bytes) >= 0 && bytes > 0)
        return check_stored(chunks, start, bytes);
    if (H5Dget_chunk_info_by_coord(chunks->dataset, start, &skipped, &place, &bytes) < 0)
        return fail_chunk(chunks, start, aed_hdf5_reason(reason));
    if (place == HADDR_UNDEF) /* fill values, in a whole chunk that HDF5 makes for them */
        return chunks->bytes / MOST_EMPTY <= chunks->file_bytes
                   ? AED_OK
                   : fail_chunk(chunks, start, "was never written and is far larger than the file");
    if (packed) return check_stored(chunks, start, bytes);
    if (bytes > chunks->file_bytes) return fail_chunk(chunks, start, "is larger than the file");
    return bytes == chunks->bytes ? AED_OK : fail_chunk(chunks, start, "has another size");
}

/* ---- Samples ---------------------------------------------------------------------------------- */

/* Advances at[1 ... rank-1], the last fastest; false at the end. */
static bool next_in_row(const aed_hdf5_chunks *chunks, hsize_t *at)
{
    for (int i = chunks->rank - 1; i > 0; i--) {
        if (++at[i] < chunks->grid[i]) return true;
        at[i] = 0;
    }
    return false;
}

static aed_status check_at(aed_hdf5_chunks *chunks, const hsize_t *at)
{
    hsize_t start[H5S_MAX_RANK], number = 0;
    for (int i = 0; i < chunks->rank; i++) {
        number = number * chunks->grid[i] + at[i];
        start[i] = at[i] * chunks->chunk[i];
    }
    uint8_t *known = &chunks->whole[number / 8];
    const uint8_t bit = (uint8_t)(1u << number % 8);
    if (*known & bit) return AED_OK;
    const aed_status status = check_chunk(chunks, start);
    if (status == AED_OK) *known |= bit;
    return status;
}

aed_status aed_hdf5_chunks_check(aed_hdf5_chunks *chunks, int64_t first, int64_t count)
{
    if (!chunks) return AED_OK;
    const hsize_t last = ((hsize_t)first + (hsize_t)count - 1) / chunks->chunk[0];
    for (hsize_t row = (hsize_t)first / chunks->chunk[0]; row <= last; row++) {
        hsize_t at[H5S_MAX_RANK] = {row};
        do {
            const aed_status status = check_at(chunks, at);
            if (status != AED_OK) return status;
        } while (next_in_row(chunks, at));
    }
    return AED_OK;
}
