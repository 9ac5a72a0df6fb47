/* The epoch's order: a keyed permutation of 0 ... count-1, evaluated per index.
 *
 * A Feistel network (Luby and Rackoff, SIAM J. Comput. 17, 1988) permutes the numbers of `bits`
 * bits, the fewest that hold count values, but at least 6. Its two words are bits/2 wide, rounded
 * down and up; the rounds change them in turn, each by a keyed hash of the other, so unequal widths
 * need no swap. Cycle walking (Black and Rogaway, CT-RSA 2002) repeats the network on an image
 * outside the range until it falls inside: that stays a permutation, and takes less than two
 * evaluations on average from a count of 33 on.
 *
 * Blocks of indices are evaluated together by plain loops that the compiler vectorises; images
 * outside the range are gathered into a shorter block and walked again together. All operations are
 * on 32-bit words, so every build gives the same integers. */
#include <string.h>

#include "aedist/data.h"
#include "aedist/rng.h"

enum {
    ROUND_KEYS = 6,
    /* Of smaller networks' orders some are more likely: there are too few functions of 2 bits. */
    MIN_BITS = 6,
    BLOCK = 128, /* indices evaluated together */
    VECTOR = 16  /* a block is evaluated in whole multiples of this */
};

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define VECTOR_CLONES __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define VECTOR_CLONES
#endif

void aed_permutation_make(uint64_t seed, uint64_t epoch, uint32_t count, aed_permutation *perm)
{
    const aed_rng_key key = aed_rng_key_make(seed, "data/permutation", epoch);
    uint32_t bits = MIN_BITS;
    while (bits < 32 && UINT64_C(1) << bits < count) bits++;
    *perm = (aed_permutation){.count = count, .half_bits = {bits / 2, bits - bits / 2}};
    for (uint32_t i = 0; i < ROUND_KEYS / 2; i++) {
        const uint32_t counter[2] = {i, 0};
        aed_rng_threefry2x32(20, key.word, counter, perm->round_key + 2 * i);
    }
}

/* The top bits of a keyed hash of a word, 32 - shift of them: two odd multipliers and between them
 * a shift that carries the high bits, which the low bits have reached, down again. */
static inline uint32_t hash(uint32_t word, uint32_t key, uint32_t shift)
{
    uint32_t x = (word ^ key) * 0x9E3779B1u;
    x ^= x >> 15;
    return x * 0x85EBCA77u >> shift;
}

/* Applies the network to value[0 ... count-1], count a multiple of VECTOR. */
VECTOR_CLONES
static void permute(const aed_permutation *perm, uint32_t count, uint32_t *value)
{
    const uint32_t width = perm->half_bits[1], to_left = 32 - perm->half_bits[0],
                   to_right = 32 - width, right_mask = (UINT32_C(1) << width) - 1;
    const uint32_t k0 = perm->round_key[0], k1 = perm->round_key[1], k2 = perm->round_key[2],
                   k3 = perm->round_key[3], k4 = perm->round_key[4], k5 = perm->round_key[5];
    for (uint32_t i = 0; i < count / VECTOR * VECTOR; i++) {
        uint32_t left = value[i] >> width, right = value[i] & right_mask;
        left ^= hash(right, k0, to_left);
        right ^= hash(left, k1, to_right);
        left ^= hash(right, k2, to_left);
        right ^= hash(left, k3, to_right);
        left ^= hash(right, k4, to_left);
        right ^= hash(left, k5, to_right);
        value[i] = left << width | right;
    }
}

static inline uint32_t whole_vectors(uint32_t count)
{
    return (count + VECTOR - 1) / VECTOR * VECTOR;
}

/* Images of first ... first+n-1, n <= BLOCK. */
static void read_block(const aed_permutation *perm, uint32_t first, uint32_t n, uint32_t *out)
{
    uint32_t value[BLOCK]; /* past n: some numbers, evaluated and not used */
    uint32_t slot[BLOCK];  /* which of out[] value[] belongs to */
    for (uint32_t i = 0; i < whole_vectors(n); i++) {
        value[i] = first + i;
        slot[i] = i;
    }
    permute(perm, whole_vectors(n), value);
    uint32_t beyond = 0;
    for (uint32_t i = 0; i < n; i++) beyond |= value[i] >= perm->count;
    if (!beyond) {
        memcpy(out, value, n * sizeof *out);
        return;
    }
    for (uint32_t pending = n; pending > 0;) {
        uint32_t outside = 0;
        for (uint32_t i = 0; i < pending; i++) {
            const uint32_t image = value[i], to = slot[i];
            out[to] = image;
            value[outside] = image;
            slot[outside] = to;
            outside += image >= perm->count;
        }
        pending = outside;
        permute(perm, whole_vectors(pending), value);
    }
}

void aed_permutation_read(const aed_permutation *perm, uint32_t first, uint32_t n, uint32_t *out)
{
    for (uint32_t at = 0; at < n; at += BLOCK)
        read_block(perm, first + at, n - at < BLOCK ? n - at : BLOCK, out + at);
}
