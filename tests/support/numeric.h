/* What the numerical tests share: specs from a line of text, blocks with guarded ends, keyed random
 * numbers, the processor's kernel sets, and comparisons that say where and by how much. */
#ifndef AED_TESTS_SUPPORT_NUMERIC_H
#define AED_TESTS_SUPPORT_NUMERIC_H

#include "aedist/spec.h"
#include "kernel/kernels.h"

enum { AED_TEST_MAX_ARGS = 8, AED_TEST_MAX_NUMBERS = 32 };

/* Distance of 1 to the next float. */
#define AED_TEST_EPS 0x1p-23

/* A spec and its values; points into itself, so it must stay where it was made. */
typedef struct aed_test_spec {
    aed_spec spec;
    aed_arg_value values[AED_TEST_MAX_ARGS];
    double numbers[AED_TEST_MAX_NUMBERS];
} aed_test_spec;

/* Makes the spec of `kind` (fails the test if it is NULL) from "out=3 kernel=7", the rest at its
 * defaults; lists as "std=0.1,0.01". */
void aed_test_spec_make(const aed_kind *kind, const char *args, aed_test_spec *spec);

/* A block of floats, aligned as the kernels want it, all NaN, with a guard behind it. */
typedef struct aed_test_block {
    float *at;
    int64_t count;
} aed_test_block;

aed_test_block aed_test_block_create(int64_t count);
/* Fails the test if something wrote behind the block, then frees it. */
void aed_test_block_destroy(aed_test_block *block);

/* Uniform in [lo, hi), rounded to float: number `index` of the stream `seed`. */
float aed_test_uniform(uint64_t seed, uint32_t index, double lo, double hi);

/* The kernel sets of this processor, best first; at most 3. Only the one that AEDIST_SIMD names if the
 * test was started with it: valgrind's fused multiply-add gives 1 - 1 the sign -, so its runs must not
 * compare sets. */
int aed_test_kernel_sets(const aed_kernels_table *sets[3]);
/* Makes aed_kernels() give `set`. */
void aed_test_use_kernels(const aed_kernels_table *set);

/* Prints the largest difference and where it is if |got - want| exceeds `allowed` (or is NaN)
 * anywhere; returns whether all is well. Elements are [count / lanes][lanes]. */
bool aed_test_near(const char *what, int64_t count, int64_t lanes, const float *got,
                   const double *want, double allowed);
/* The same with each element's own |want| * relative + absolute. */
bool aed_test_near_each(const char *what, int64_t count, int64_t lanes, const float *got,
                        const double *want, double relative, double absolute);
/* Whether the bits agree; prints the first that do not. */
bool aed_test_same_bits(const char *what, int64_t count, const float *got, const float *want);

double aed_test_largest(int64_t count, const double *values);

#endif
