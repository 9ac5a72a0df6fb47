/* The hash that says two sets of weights are the same: SHA-256 (FIPS 180-4, by libmd) over every
 * tensor's elements as little-endian float32, tensors in the byte order of their names. Names,
 * shapes and the padding between tensors do not enter it. */
#include <sha2.h>
#include <string.h>

#include "core/buffer.h"
#include "io/results.h"

enum { CHUNK = 1024 };

static void hash_tensor(SHA2_CTX *context, const float *values, int64_t count)
{
    unsigned char bytes[4 * CHUNK];
    for (int64_t first = 0; first < count; first += CHUNK) {
        int64_t n = count - first < CHUNK ? count - first : CHUNK;
        for (int64_t i = 0; i < n; i++) {
            uint32_t bits;
            memcpy(&bits, &values[first + i], sizeof bits);
            aed_store_le32(bytes + 4 * i, bits);
        }
        SHA256Update(context, bytes, (size_t)n * 4);
    }
}

/* Tensor a comes before b; the index breaks the tie of equal names. */
static bool comes_before(const aed_tensor *tensors, int64_t a, int64_t b)
{
    int order = strcmp(tensors[a].name, tensors[b].name);
    return order < 0 || (order == 0 && a < b);
}

void aed_weights_hash(const aed_tensor *tensors, int64_t count, const float *parameters, char *hash)
{
    SHA2_CTX context;
    SHA256Init(&context);
    /* The next name is searched for each time: tensors are few, and this needs no memory. */
    int64_t last = -1;
    for (int64_t done = 0; done < count; done++) {
        int64_t next = -1;
        for (int64_t i = 0; i < count; i++) {
            bool left = last < 0 || comes_before(tensors, last, i);
            if (left && (next < 0 || comes_before(tensors, i, next))) next = i;
        }
        hash_tensor(&context, parameters + tensors[next].offset,
                    aed_shape_count(&tensors[next].shape));
        last = next;
    }
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256Final(digest, &context);
    for (int i = 0; i < SHA256_DIGEST_LENGTH; i++) {
        hash[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hash[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    hash[2 * SHA256_DIGEST_LENGTH] = '\0';
}
