/* What the tests of the kernels share: the sets, inputs from a generator that is not the one under
 * test, and comparisons that name the first difference. */
#ifndef AED_TESTS_SUPPORT_KERNEL_CASE_H
#define AED_TESTS_SUPPORT_KERNEL_CASE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/kernels.h"

/* All names that a set can have, best first; a processor may lack some. "plain" is the last one. */
enum { AED_CASE_SETS = 3 };
extern const char *const aed_case_sets[AED_CASE_SETS];

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators; OOPSLA 2014). */
uint64_t aed_case_bits(uint64_t *state);
/* Uniform in [lo, hi). */
double aed_case_uniform(uint64_t *state, double lo, double hi);
/* Whole number in lo ... hi. */
int aed_case_int(uint64_t *state, int lo, int hi);

/* count floats, 64-byte aligned, uniform in [lo, hi); the case fails if memory is short. Free with
 * aed_free. Exactly as long as asked, so that a sanitizer sees what reads beyond. */
float *aed_case_floats(uint64_t *state, int64_t count, double lo, double hi);
/* The same from any bit pattern: NaN, infinities, zeros, subnormals and ordinary numbers. */
float *aed_case_odd_floats(uint64_t *state, int64_t count);
float *aed_case_copy(int64_t count, const float *from);

/* Whether valgrind runs this: it does not flush subnormals nor keep every fused zero's sign. */
bool aed_case_on_valgrind(void);
/* How many of `count` random cases to try: all, or a twentieth where valgrind makes each twenty times as
 * slow. What they assert is tried in full without it. */
int aed_case_rounds(int count);

/* Fails the case unless both hold the same bits; any NaN equals any NaN, as processors differ in
 * which operand's payload they pass on. */
void aed_case_equal_bits(const char *what, int64_t count, const float *expected,
                         const float *actual);

/* Ordinary numbers for most seeds, every kind of number for each fourth. */
float *aed_case_mixed_floats(uint64_t *state, int64_t count);

/* A random call of one kernel: makes its inputs from the seed and returns what it wrote, *count
 * floats to be freed by the caller. */
typedef float *(*aed_case_call)(const aed_kernels_table *set, uint64_t seed, int64_t *count);
/* Fails the case unless all sets give the bits of the plain one, for seeds 1 ... runs. */
void aed_case_same_in_sets(const char *what, aed_case_call call, int runs);

/* Units in the last place of float at `exact` between it and `value`; 0 for equal infinities and
 * for two NaN, infinite where only one is finite. Where |exact| < 2^-126, 0 is right, too. */
double aed_case_ulps(double exact, float value);

#endif
