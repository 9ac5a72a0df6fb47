/* Tools of the numerical tests; see numeric.h. */
#include "support/numeric.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"

enum { GUARD = 64 };

/* A signalling pattern that no computation leaves. */
static const uint32_t guard_bits = 0x7fa5a5a5u;

/* ---- Specs -------------------------------------------------------------------------------------- */

static int find_arg(const aed_kind *kind, const char *name, size_t length)
{
    for (int i = 0; i < kind->arg_count; i++)
        if (strlen(kind->args[i].name) == length && strncmp(kind->args[i].name, name, length) == 0)
            return i;
    fail_msg("%s has no argument '%.*s'", kind->name, (int)length, name);
    return -1;
}

/* Reads "0.1,0.01" from *at into numbers and moves *at behind it. */
static int64_t read_numbers(const char **at, double *numbers)
{
    int64_t count = 0;
    do {
        char *end;
        numbers[count++] = strtod(*at, &end);
        assert_ptr_not_equal(end, *at);
        *at = end;
    } while (*(*at)++ == ',');
    --*at;
    return count;
}

void aed_test_spec_make(const aed_kind *kind, const char *args, aed_test_spec *spec)
{
    assert_non_null(kind);
    assert_true(kind->arg_count <= AED_TEST_MAX_ARGS);
    memset(spec, 0, sizeof *spec);
    for (int i = 0; i < kind->arg_count; i++) spec->values[i].number = kind->args[i].fallback;
    double *numbers = spec->numbers;
    const char *at = args + strspn(args, " ");
    while (*at) {
        const size_t length = strcspn(at, "=");
        aed_arg_value *value = &spec->values[find_arg(kind, at, length)];
        at += length + 1;
        *value = (aed_arg_value){.given = true, .numbers = numbers};
        value->count = read_numbers(&at, numbers);
        value->number = numbers[0];
        numbers += value->count;
        at += strspn(at, " ");
    }
    assert_true(numbers <= spec->numbers + AED_TEST_MAX_NUMBERS);
    spec->spec = (aed_spec){.kind = kind, .values = spec->values, .where = "test"};
}

/* ---- Blocks and numbers ------------------------------------------------------------------------- */

aed_test_block aed_test_block_create(int64_t count)
{
    aed_test_block block = {aed_alloc_aligned((size_t)(count + GUARD), sizeof(float)), count};
    assert_non_null(block.at);
    for (int64_t i = 0; i < count; i++) block.at[i] = NAN;
    for (int64_t i = count; i < count + GUARD; i++) memcpy(block.at + i, &guard_bits, 4);
    return block;
}

void aed_test_block_destroy(aed_test_block *block)
{
    for (int64_t i = block->count; block->at && i < block->count + GUARD; i++)
        if (memcmp(block->at + i, &guard_bits, 4) != 0)
            fail_msg("a block of %" PRId64 " floats was written at %" PRId64, block->count, i);
    aed_free(block->at);
    block->at = NULL;
}

float aed_test_uniform(uint64_t seed, uint32_t index, double lo, double hi)
{
    const aed_rng_key key = aed_rng_key_make(seed, "test", 0);
    return (float)(lo + (hi - lo) * aed_rng_uniform(key, index, 0));
}

/* AEDIST_SIMD as the test was started with: aed_test_use_kernels changes it later. */
static const char *forced_set(void)
{
    static char name[16];
    static bool known;
    const char *wanted = getenv("AEDIST_SIMD");
    if (!known && wanted) snprintf(name, sizeof name, "%s", wanted);
    known = true;
    return name;
}

int aed_test_kernel_sets(const aed_kernels_table *sets[3])
{
    static const char *const names[] = {"avx512", "avx2", "plain"};
    const char *forced = forced_set();
    int count = 0;
    for (int i = 0; i < 3; i++) {
        if (*forced && strcmp(forced, names[i]) != 0) continue;
        sets[count] = aed_kernels_named(names[i]);
        if (sets[count]) count++;
    }
    assert_true(count > 0);
    return count;
}

void aed_test_use_kernels(const aed_kernels_table *set)
{
    assert_int_equal(setenv("AEDIST_SIMD", set->name, 1), 0);
    assert_int_equal(aed_kernels_choose(), AED_OK);
    assert_ptr_equal(aed_kernels(), set);
}

/* ---- Comparisons -------------------------------------------------------------------------------- */

bool aed_test_near_each(const char *what, int64_t count, int64_t lanes, const float *got,
                        const double *want, double relative, double absolute)
{
    double worst = 0; /* difference over what is allowed */
    int64_t at = -1;
    for (int64_t i = 0; i < count; i++) {
        const double allowed = fabs(want[i]) * relative + absolute;
        const double ratio = fabs((double)got[i] - want[i]) / allowed;
        if (!(ratio <= worst)) {
            worst = ratio;
            at = i;
        }
        if (isnan(ratio)) break;
    }
    if (worst <= 1) return true;
    print_error("%s: largest difference %.3g (%.3g times what is allowed) at row %" PRId64
                ", lane %" PRId64 ": got %.9g, want %.9g\n",
                what, (double)got[at] - want[at], worst, at / lanes, at % lanes, (double)got[at],
                want[at]);
    return false;
}

bool aed_test_near(const char *what, int64_t count, int64_t lanes, const float *got,
                   const double *want, double allowed)
{
    return aed_test_near_each(what, count, lanes, got, want, 0, allowed);
}

bool aed_test_same_bits(const char *what, int64_t count, const float *got, const float *want)
{
    if (memcmp(got, want, sizeof *got * (size_t)count) == 0) return true;
    int64_t at = 0;
    while (memcmp(got + at, want + at, sizeof *got) == 0) at++;
    print_error("%s: other bits, first at %" PRId64 ": %a and %a\n", what, at, (double)got[at],
                (double)want[at]);
    return false;
}

double aed_test_largest(int64_t count, const double *values)
{
    double largest = 0;
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(values[i]));
    return largest;
}
