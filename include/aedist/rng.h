/* Counter-based random numbers: Threefry-2x32 with 13 rounds (Salmon, Moraes, Dror, Shaw: Parallel
 * random numbers, as easy as 1, 2, 3; SC 2011). A number is a pure function of (seed, purpose,
 * epoch, sample id, element): whoever computes it, in whatever order, gets the same bits. */
#ifndef AEDIST_RNG_H
#define AEDIST_RNG_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Stream of one purpose in one epoch. A plain value. */
typedef struct aed_rng_key {
    uint32_t word[2];
} aed_rng_key;

/* The key of (seed, purpose, epoch). `purpose` is a path such as "init/encoder.0.weight". */
aed_rng_key aed_rng_key_make(uint64_t seed, const char *purpose, uint64_t epoch);

/* Threefry-2x32 with `rounds` (at most 32) rounds: out[2] from counter[2] under key[2]. */
void aed_rng_threefry2x32(int rounds, const uint32_t key[2], const uint32_t counter[2],
                          uint32_t out[2]);

/* Uniform in [0, 1), 53 bits, for sample `id`, element `element`. */
double aed_rng_uniform(aed_rng_key key, uint32_t id, uint32_t element);

/* Standard normal for sample `id`, element `element`: the same bits as the vector kernels give. */
float aed_rng_normal(aed_rng_key key, uint32_t id, uint32_t element);

#ifdef __cplusplus
}
#endif

#endif
