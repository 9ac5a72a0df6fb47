/* See kernel_case.h. */
#include "support/kernel_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

const char *const aed_case_sets[AED_CASE_SETS] = {"avx512", "avx2", "plain"};

uint64_t aed_case_bits(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double aed_case_uniform(uint64_t *state, double lo, double hi)
{
    return lo + (hi - lo) * ((double)(aed_case_bits(state) >> 11) * 0x1p-53);
}

int aed_case_int(uint64_t *state, int lo, int hi)
{
    return lo + (int)(aed_case_bits(state) % (uint64_t)(hi - lo + 1));
}

float *aed_case_floats(uint64_t *state, int64_t count, double lo, double hi)
{
    void *block = NULL; /* aed_alloc_aligned would round up */
    if (posix_memalign(&block, 64, (size_t)count * sizeof(float))) fail_msg("out of memory");
    float *const floats = block;
    for (int64_t i = 0; i < count; i++) floats[i] = (float)aed_case_uniform(state, lo, hi);
    return floats;
}

float *aed_case_odd_floats(uint64_t *state, int64_t count)
{
    static const float special[] = {0.0f,   -0.0f,     INFINITY,  -INFINITY,  NAN,      1.0f,
                                    -1.0f,  0x1p-126f, 0x1p-149f, -0x1p-127f, 0x1p127f, 88.0f,
                                    -87.3f, -104.0f,   1e30f,     -1e30f,     0.5f,     1e-12f};
    float *floats = aed_case_floats(state, count, -4, 4);
    for (int64_t i = 0; i < count; i++) {
        const int kind = aed_case_int(state, 0, 3);
        const uint32_t bits = (uint32_t)aed_case_bits(state);
        if (kind == 0)
            floats[i] =
                special[aed_case_int(state, 0, (int)(sizeof special / sizeof *special) - 1)];
        else if (kind == 1)
            memcpy(floats + i, &bits, sizeof bits);
    }
    return floats;
}

float *aed_case_copy(int64_t count, const float *from)
{
    void *block = NULL; /* aed_alloc_aligned would round up */
    if (posix_memalign(&block, 64, (size_t)count * sizeof(float))) fail_msg("out of memory");
    float *const floats = block;
    memcpy(floats, from, sizeof *floats * (size_t)count);
    return floats;
}

bool aed_case_on_valgrind(void) { return RUNNING_ON_VALGRIND != 0; }

int aed_case_rounds(int count) { return aed_case_on_valgrind() ? count / 20 : count; }

void aed_case_equal_bits(const char *what, int64_t count, const float *expected,
                         const float *actual)
{
    for (int64_t i = 0; i < count; i++) {
        if (memcmp(expected + i, actual + i, sizeof *expected) == 0) continue;
        if (isnan(expected[i]) && isnan(actual[i])) continue;
        if (aed_case_on_valgrind() && expected[i] == actual[i]) continue;
        fail_msg("%s: element %lld of %lld is %a, expected %a", what, (long long)i,
                 (long long)count, (double)actual[i], (double)expected[i]);
    }
}

double aed_case_ulps(double exact, float value)
{
    if (isnan(exact) || isnan(value)) return isnan(exact) && isnan(value) ? 0 : HUGE_VAL;
    if (fabs(exact) >= 0x1.ffffffp127) exact = copysign((double)INFINITY, exact);
    if (isinf(exact) || isinf(value)) return exact == (double)value ? 0 : HUGE_VAL;
    if (fabs(exact) < 0x1p-126) return value == 0 ? 0 : fabs((double)value - exact) / 0x1p-149;
    int exponent;
    frexp(exact, &exponent);
    return fabs((double)value - exact) / ldexp(1, exponent - 24);
}

float *aed_case_mixed_floats(uint64_t *seed, int64_t count)
{
    return aed_case_int(seed, 0, 3) ? aed_case_floats(seed, count, -2, 2)
                                    : aed_case_odd_floats(seed, count);
}

void aed_case_same_in_sets(const char *what, aed_case_call run, int runs)
{
    const aed_kernels_table *plain = aed_kernels_named("plain");
    assert_non_null(plain);
    for (int seed = 1; seed <= runs; seed++) {
        int64_t count, other_count;
        float *expected = run(plain, (uint64_t)seed, &count);
        for (int i = 0; i + 1 < AED_CASE_SETS; i++) {
            const aed_kernels_table *set = aed_kernels_named(aed_case_sets[i]);
            if (!set) continue;
            float *actual = run(set, (uint64_t)seed, &other_count);
            assert_int_equal(count, other_count);
            aed_case_equal_bits(what, count, expected, actual);
            aed_free(actual);
        }
        aed_free(expected);
    }
}
