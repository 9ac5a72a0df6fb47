/* One IDX file: a header that tells the type and the sizes, then the numbers, the last size the
 * fastest. Layout as on the page of the MNIST database (LeCun, Cortes, Burges): two zero bytes, a
 * byte for the type, a byte for the number of sizes, each size in four bytes, most significant
 * first; numbers likewise. Every failure is AED_DATA with the path. Private to src/data. */
#ifndef AED_DATA_IDX_FILE_H
#define AED_DATA_IDX_FILE_H

#include "aedist/tensor.h"
#include "data/byte_reader.h"

typedef enum aed_idx_type {
    AED_IDX_UBYTE = 0x08,
    AED_IDX_BYTE = 0x09,
    AED_IDX_SHORT = 0x0B,
    AED_IDX_INT = 0x0C,
    AED_IDX_FLOAT = 0x0D,
    AED_IDX_DOUBLE = 0x0E
} aed_idx_type;

typedef struct aed_idx_file {
    aed_byte_reader *reader;
    aed_idx_type type;
    int number_bytes;
    int rank;
    int64_t size[AED_MAX_RANK]; /* size[0] samples, 1 ... 2^32 - 1 */
    int64_t features;           /* numbers a sample, 1 ... 2^31 - 1 */
    int64_t next;               /* number that is read next */
} aed_idx_file;

/* Reads and checks the header: the sizes are borne out by the size of the file, or may be if it is
 * compressed. On failure nothing is left open. */
aed_status aed_idx_open(const char *path, aed_idx_file *file);
void aed_idx_close(aed_idx_file *file);
const char *aed_idx_path(const aed_idx_file *file);

/* The next `count` numbers, as they stand in a ubyte file, or as finite floats. */
aed_status aed_idx_read_bytes(aed_idx_file *file, int64_t count, uint8_t *out);
aed_status aed_idx_read_floats(aed_idx_file *file, int64_t count, float *out);

/* Reads what is left, to see that the file is whole and ends with its last number. */
aed_status aed_idx_finish(aed_idx_file *file);

#endif
