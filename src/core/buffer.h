/* Bytes that grow, in an explicit little-endian order, and a pool of blocks freed together.
 *
 * A buffer that runs out of memory remembers it in `failed` and ignores what follows, so that a
 * long row of puts needs one check at its end. A buffer or pool of zeros is empty and ready. */
#ifndef AED_CORE_BUFFER_H
#define AED_CORE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct aed_buffer {
    unsigned char *bytes;
    size_t size, capacity;
    bool failed;
} aed_buffer;

void aed_buffer_put(aed_buffer *buffer, const void *bytes, size_t count);
void aed_buffer_put_u32(aed_buffer *buffer, uint32_t value);
void aed_buffer_put_u64(aed_buffer *buffer, uint64_t value);
void aed_buffer_put_f64(aed_buffer *buffer, double value);
/* `count` numbers of 4 or 8 bytes each, whatever their type. */
void aed_buffer_put_words(aed_buffer *buffer, const void *numbers, size_t count, size_t bytes);
/* Its length (32 bits), then its bytes without the NUL; NULL counts as "". */
void aed_buffer_put_text(aed_buffer *buffer, const char *text);
void aed_buffer_destroy(aed_buffer *buffer);

/* `count` elements of `size` bytes, zeroed and owned by the pool; NULL when memory is short. */
typedef struct aed_pool {
    struct aed_pool_block *blocks;
} aed_pool;

void *aed_pool_alloc(aed_pool *pool, size_t count, size_t size);
/* A copy of `length` bytes with a NUL behind them. */
char *aed_pool_text(aed_pool *pool, const void *bytes, size_t length);
void aed_pool_destroy(aed_pool *pool);

static inline void aed_store_le32(unsigned char *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++) bytes[i] = (unsigned char)(value >> (8 * i));
}

static inline void aed_store_le64(unsigned char *bytes, uint64_t value)
{
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(value >> (8 * i));
}

static inline uint32_t aed_load_le32(const unsigned char *bytes)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) value |= (uint32_t)bytes[i] << (8 * i);
    return value;
}

static inline uint64_t aed_load_le64(const unsigned char *bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

/* `count` numbers of 4 or 8 bytes each, as aed_buffer_put_words stores them. */
void aed_load_words(const unsigned char *from, size_t count, size_t bytes, void *numbers);

#endif
