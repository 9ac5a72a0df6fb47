/* The canonical sum has the bits of a serial recursion over all leaves, on any number of ranks and
 * by every way of exchange. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "dist/sum_private.h"
#include "support/mpi_main.h"

enum { WAYS = 4 };

/* Gathered or sliced, shared directly or by MPI_Allgatherv. */
static const aed_sum_limits ways[WAYS] = {
    {.sliced_bytes = SIZE_MAX, .direct_ranks = 1000},
    {.sliced_bytes = SIZE_MAX, .direct_ranks = 0},
    {.sliced_bytes = 0, .direct_ranks = 1000},
    {.sliced_bytes = 0, .direct_ranks = 0},
};

static uint64_t hash(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

/* Numbers of either sign over 12 powers of two, so that nearly every addition rounds. */
static double value(int64_t leaf, int64_t element)
{
    const uint64_t bits = hash((uint64_t)leaf * 1000003 + (uint64_t)element + 17);
    const double size = (double)(UINT64_C(1) << (bits >> 60 & 15) % 12);
    return ((double)(bits & 0xFFFFFFFFFFF) / (double)UINT64_C(0x80000000000) - 1.0) * size;
}

static void fill(int64_t leaf, int64_t floats, int64_t doubles, float *f, double *d)
{
    for (int64_t i = 0; i < floats; i++) f[i] = (float)value(leaf, i);
    for (int64_t i = 0; i < doubles; i++) d[i] = value(leaf, floats + i);
}

typedef struct reference {
    int64_t leaves, floats, doubles;
    float *f;  /* [leaves][floats]; the tree's sum ends in row 0 */
    double *d; /* [leaves][doubles] */
    float *naive;
} reference;

/* The definition: node = left + right, or left alone if the right child covers no leaf. */
static void reduce(reference *r, int64_t first, int level)
{
    if (level == 0) return;
    const int64_t right = first + (INT64_C(1) << (level - 1));
    reduce(r, first, level - 1);
    if (right >= r->leaves) return;
    reduce(r, right, level - 1);
    for (int64_t i = 0; i < r->floats; i++)
        r->f[first * r->floats + i] += r->f[right * r->floats + i];
    for (int64_t i = 0; i < r->doubles; i++)
        r->d[first * r->doubles + i] += r->d[right * r->doubles + i];
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    return b == 0 ? a : common_divisor(b, a % b);
}

static void reference_create(int64_t leaves, int64_t floats, int64_t doubles, reference *r)
{
    *r = (reference){leaves,
                     floats,
                     doubles,
                     aed_alloc((size_t)(leaves * floats), sizeof(float)),
                     aed_alloc((size_t)(leaves * doubles), sizeof(double)),
                     aed_alloc((size_t)floats, sizeof(float))};
    /* Shuffled: a stride that shares no factor with the number of leaves. */
    int64_t stride = leaves * 5 / 8 + 1;
    while (common_divisor(stride, leaves) != 1) stride++;
    for (int64_t i = 0; i < leaves; i++) {
        const int64_t leaf = (i * stride + leaves / 3) % leaves;
        fill(leaf, floats, doubles, r->f + leaf * floats, r->d + leaf * doubles);
    }
    for (int64_t leaf = 0; leaf < leaves; leaf++)
        for (int64_t i = 0; i < floats; i++) r->naive[i] += r->f[leaf * floats + i];
    reduce(r, 0, aed_tree_height(leaves));
}

static void reference_destroy(reference *r)
{
    aed_free(r->f);
    aed_free(r->d);
    aed_free(r->naive);
}

/* Finishes all floats, not in order. */
static void close_in_thirds(const aed_sum *sum, bool joined, int64_t floats)
{
    const int64_t third = floats / 48 * 16;
    aed_sum_close(sum, joined, third, third);
    aed_sum_close(sum, joined, 0, third);
    aed_sum_close(sum, joined, 2 * third, floats - 2 * third);
}

/* One sum; whether its bits are the reference's. `closes`: a rank alone finishes it while it has its last leaf. */
static bool sum_equals(aed_sum *sum, const reference *r, bool closes)
{
    int64_t first, end;
    float *f;
    double *d;
    const float *sum_f;
    const double *sum_d;
    bool zeroed = true;
    aed_sum_begin(sum, r->leaves, &first, &end);
    for (int64_t leaf = first; leaf < end; leaf++) {
        aed_sum_leaf(sum, &f, &d);
        for (int64_t i = 0; i < r->doubles; i++) zeroed = zeroed && d[i] == 0.0;
        fill(leaf, r->floats, r->doubles, f, d);
        zeroed = zeroed && (uintptr_t)f % 64 == 0;
        float *left = leaf % 4 == 1 ? NULL : aed_sum_left(sum); /* every other one that can join */
        aed_sum_added added = left ? AED_SUM_JOINED : AED_SUM_APART;
        for (int64_t i = 0; left && i < r->floats; i++) left[i] += f[i];
        if (closes && leaf + 1 == r->leaves) {
            close_in_thirds(sum, left != NULL, r->floats);
            added = AED_SUM_CLOSED;
        }
        aed_sum_push(sum, added);
    }
    if (aed_sum_finish(sum, &sum_f, &sum_d) != AED_OK) return false;
    return zeroed && memcmp(sum_f, r->f, (size_t)r->floats * sizeof(float)) == 0 &&
           memcmp(sum_d, r->d, (size_t)r->doubles * sizeof(double)) == 0;
}

/* All ways, with full batches and the last partial one in turn, as an epoch has them. */
static void check(int64_t max_leaves, int64_t leaves, int64_t floats, int64_t doubles)
{
    reference partial, full;
    reference_create(leaves, floats, doubles, &partial);
    reference_create(max_leaves, floats, doubles, &full);
    bool good = true, made = true;
    int way = 0;
    for (; way < WAYS && good && made; way++) {
        aed_sum *sum;
        made = aed_sum_create_limited(&aed_test_world, max_leaves, floats, doubles, &ways[way],
                                      &sum) == AED_OK;
        if (!made) break;
        const bool alone = aed_test_world.size == 1;
        good = sum_equals(sum, &full, false) && good;
        good = sum_equals(sum, &partial, alone) && good;
        good = sum_equals(sum, &partial, false) && good;
        good = sum_equals(sum, &full, alone) && good;
        aed_sum_destroy(&sum);
        /* The ranks go on or stop together. */
        MPI_Allreduce(MPI_IN_PLACE, &good, 1, MPI_C_BOOL, MPI_LAND, aed_test_world.handle);
    }
    const bool differs = leaves < 4 || floats == 0 ||
                         memcmp(partial.naive, partial.f, (size_t)floats * sizeof(float)) != 0;
    reference_destroy(&partial);
    reference_destroy(&full);
    aed_test_verdict(
        good && made && differs, "%lld (of %lld) leaves of %lld floats, %lld doubles: %s, way %d",
        (long long)leaves, (long long)max_leaves, (long long)floats, (long long)doubles,
        differs ? "not the bits of the tree" : "a naive sum passes", way - 1);
}

static void test_sum_of_few_leaves(void **state)
{
    (void)state;
    for (int64_t leaves = 1; leaves <= 40; leaves++) {
        check(leaves, leaves, 16, 1);
        check(40, leaves, 96, 8);
    }
}

static void test_sum_of_payload_sizes(void **state)
{
    (void)state;
    const int64_t floats[] = {0, 16, 32, 112, 128, 1008, 20000};
    const int64_t leaves[] = {1, 2, 3, 5, 8, 13, 31};
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++)
        for (size_t k = 0; k < sizeof leaves / sizeof *leaves; k++)
            check(leaves[k], leaves[k], floats[i], (int64_t)(i + k) % 9);
}

static void test_sum_of_many_leaves(void **state)
{
    (void)state;
    check(4097, 1000, 64, 8);
    check(3750, 3749, 16, 3);
}

static void test_sum_of_large_payload(void **state)
{
    (void)state;
    check(11, 8, 100000, 8);
}

static void test_sum_by_default_limits(void **state)
{
    (void)state;
    const int64_t floats[] = {64, 1024, 8192, 65536};
    bool good = true;
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
        reference r;
        aed_sum *sum = NULL;
        reference_create(9, floats[i], 5, &r);
        good = good && aed_sum_create(&aed_test_world, 9, floats[i], 5, &sum) == AED_OK;
        good = good && sum_equals(sum, &r, false);
        aed_sum_destroy(&sum);
        reference_destroy(&r);
        aed_test_verdict(good, "%lld floats: not the bits of the tree", (long long)floats[i]);
    }
}

static void test_finish_with_missing_leaf(void **state)
{
    (void)state;
    const float *f;
    const double *d;
    aed_sum *sum;
    int64_t first, end;
    float *leaf_f;
    double *leaf_d;
    const int64_t leaves = 2 * aed_test_world.size;
    aed_test_verdict(aed_sum_create(&aed_test_world, leaves, 16, 1, &sum) == AED_OK, "create");
    aed_sum_begin(sum, leaves, &first, &end);
    const int lazy = aed_test_world.size - 1;
    for (int64_t leaf = first; leaf < end - (aed_test_world.rank == lazy); leaf++) {
        aed_sum_leaf(sum, &leaf_f, &leaf_d);
        memset(leaf_f, 0, 16 * sizeof *leaf_f);
        leaf_d[0] = 1.0;
        aed_sum_push(sum, AED_SUM_APART);
    }
    const aed_status status = aed_sum_finish(sum, &f, &d);
    const bool good = d[0] == (double)(leaves - 1) &&
                      status == (aed_test_world.rank == lazy ? AED_INTERNAL : AED_OK);
    aed_sum_destroy(&sum);
    aed_test_verdict(good, "status %d", (int)status);
}

static void test_create_without_memory(void **state)
{
    (void)state;
    aed_sum *sum;
    if (aed_test_world.rank == aed_test_world.size - 1) aed_alloc_fail_after(2);
    const aed_status status = aed_sum_create(&aed_test_world, 8, 64, 2, &sum);
    aed_alloc_fail_after(0);
    aed_test_verdict(status == AED_MEMORY && sum == NULL, "status %d", (int)status);
}

static void test_create_refuses_bad_sizes(void **state)
{
    (void)state;
    aed_sum *sum;
    bool good = aed_sum_create(&aed_test_world, 0, 16, 1, &sum) == AED_INTERNAL;
    good = aed_sum_create(&aed_test_world, 1, 15, 1, &sum) == AED_INTERNAL && good;
    good = aed_sum_create(&aed_test_world, 1, 16, -1, &sum) == AED_INTERNAL && good;
    good = aed_sum_create(&aed_test_world, 1, INT64_C(1) << 31, 0, &sum) == AED_CONFIG && good;
    good = aed_sum_create(&aed_test_world, 1, 16, INT64_C(1) << 62, &sum) == AED_CONFIG && good;
    aed_test_verdict(good && sum == NULL, "a bad size was accepted");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum_of_few_leaves),
        cmocka_unit_test(test_sum_of_payload_sizes),
        cmocka_unit_test(test_sum_of_many_leaves),
        cmocka_unit_test(test_sum_of_large_payload),
        cmocka_unit_test(test_sum_by_default_limits),
        cmocka_unit_test(test_finish_with_missing_leaf),
        cmocka_unit_test(test_create_without_memory),
        cmocka_unit_test(test_create_refuses_bad_sizes),
    };
    aed_test_start(&argc, &argv);
    return aed_test_stop(cmocka_run_group_tests(tests, NULL, aed_test_hush));
}
