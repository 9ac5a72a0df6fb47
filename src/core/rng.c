/* Threefry-2x32 and the keys of streams; see aedist/rng.h.
 *
 * The vector form of the same numbers is kernel/set/random.c; a test holds the two together. */
#include "aedist/rng.h"

#include "kernel/kernels.h"

/* FNV-1a (Fowler, Noll, Vo): spreads a path over 64 bits. */
static uint64_t hash_text(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash;
}

void aed_rng_threefry2x32(int rounds, const uint32_t key[2], const uint32_t counter[2],
                          uint32_t out[2])
{
    static const int rotation[8] = {13, 15, 26, 6, 17, 29, 16, 24};
    const uint32_t schedule[3] = {key[0], key[1], 0x1BD11BDAu ^ key[0] ^ key[1]};
    uint32_t a = counter[0] + schedule[0], b = counter[1] + schedule[1];
    for (int round = 0; round < rounds; round++) {
        a += b;
        b = (b << rotation[round % 8]) | (b >> (32 - rotation[round % 8]));
        b ^= a;
        if (round % 4 == 3) {
            uint32_t injection = (uint32_t)round / 4 + 1;
            a += schedule[injection % 3];
            b += schedule[(injection + 1) % 3] + injection;
        }
    }
    out[0] = a;
    out[1] = b;
}

aed_rng_key aed_rng_key_make(uint64_t seed, const char *purpose, uint64_t epoch)
{
    const uint64_t hash = hash_text(purpose);
    const uint32_t seed_words[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint32_t hash_words[2] = {(uint32_t)hash, (uint32_t)(hash >> 32)};
    const uint32_t epoch_words[2] = {(uint32_t)epoch, (uint32_t)(epoch >> 32)};
    aed_rng_key key;
    uint32_t stream[2];
    aed_rng_threefry2x32(20, seed_words, hash_words, stream);
    aed_rng_threefry2x32(20, stream, epoch_words, key.word);
    return key;
}

double aed_rng_uniform(aed_rng_key key, uint32_t id, uint32_t element)
{
    const uint32_t counter[2] = {id, element};
    uint32_t word[2];
    aed_rng_threefry2x32(13, key.word, counter, word);
    const uint64_t bits = (uint64_t)word[0] << 21 | word[1] >> 11;
    return (double)bits * 0x1p-53;
}

float aed_rng_normal(aed_rng_key key, uint32_t id, uint32_t element)
{
    /* Elements 2j and 2j+1 come from one counter, as in the kernel. */
    uint32_t ids[AED_LANE_BLOCK];
    float pair[2 * AED_LANE_BLOCK];
    for (int lane = 0; lane < AED_LANE_BLOCK; lane++) ids[lane] = id;
    aed_kernels()->normal(key, ids, AED_LANE_BLOCK, element / 2 * 2, 2, pair);
    return pair[element % 2 * AED_LANE_BLOCK];
}
