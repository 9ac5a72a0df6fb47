/* The epoch's order: a permutation for every count, keyed by seed and epoch, and uniform. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "aedist/data.h"
#include "core/memory.h"

static uint32_t *read_all(uint64_t seed, uint64_t epoch, uint32_t count)
{
    aed_permutation perm;
    uint32_t *order = aed_alloc(count, sizeof *order);
    assert_non_null(order);
    aed_permutation_make(seed, epoch, count, &perm);
    aed_permutation_read(&perm, 0, count, order);
    return order;
}

static void test_read_is_a_permutation(void **state)
{
    static const uint32_t counts[] = {1,  2,   3,     4,     5,     7,     8,      15,    16,
                                      17, 100, 16384, 16385, 60000, 65537, 100003, 131072};
    (void)state;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (uint64_t epoch = 0; epoch < 3; epoch++) {
            uint32_t *order = read_all(11, epoch, counts[c]);
            unsigned char *seen = aed_alloc(counts[c], 1);
            assert_non_null(seen);
            for (uint32_t i = 0; i < counts[c]; i++) {
                if (order[i] >= counts[c] || seen[order[i]])
                    fail_msg("count %u, epoch %d: %u at %u is outside or a repetition", counts[c],
                             (int)epoch, order[i], i);
                seen[order[i]] = 1;
            }
            aed_free(seen);
            aed_free(order);
        }
}

static void test_read_in_pieces_is_the_same(void **state)
{
    static const uint32_t pieces[] = {1, 3, 16, 31, 128, 200, 1000};
    const uint32_t count = 33001;
    uint32_t *whole = read_all(5, 9, count), part[1000];
    aed_permutation perm;
    (void)state;
    aed_permutation_make(5, 9, count, &perm);
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++)
        for (uint32_t first = 0; first < count; first += pieces[p]) {
            const uint32_t n = count - first < pieces[p] ? count - first : pieces[p];
            aed_permutation_read(&perm, first, n, part);
            assert_memory_equal(part, whole + first, n * sizeof *part);
        }
    aed_free(whole);
}

/* These integers are part of the bitwise contract: they must never change between builds. */
static void test_read_has_known_values(void **state)
{
    aed_permutation perm;
    uint32_t order[8];
    static const uint32_t known[8] = {3884, 7575, 10597, 9134, 8183, 9271, 15544, 10467};
    static const uint32_t last[8] = {3947269144u, 617590280u,  1911052897u, 1696688205u,
                                     370915161u,  3155391978u, 792538858u,  4187414781u};
    (void)state;
    aed_permutation_make(11, 3, 16384, &perm);
    aed_permutation_read(&perm, 0, 8, order);
    assert_memory_equal(order, known, sizeof known);
    aed_permutation_make(11, 3, UINT32_MAX, &perm);
    aed_permutation_read(&perm, UINT32_MAX - 8, 8, order);
    assert_memory_equal(order, last, sizeof last);
}

static int64_t count_equal(const uint32_t *a, const uint32_t *b, uint32_t count)
{
    int64_t equal = 0;
    for (uint32_t i = 0; i < count; i++) equal += a[i] == b[i];
    return equal;
}

static void test_make_differs_by_seed_and_epoch(void **state)
{
    const uint32_t count = 16384;
    uint32_t *base = read_all(1, 1, count), *seed = read_all(2, 1, count),
             *high = read_all(1 + (UINT64_C(1) << 32), 1, count), *epoch = read_all(1, 2, count);
    (void)state;
    /* Two independent permutations agree in about one place (Poisson). */
    assert_true(count_equal(base, seed, count) < 12);
    assert_true(count_equal(base, high, count) < 12);
    assert_true(count_equal(base, epoch, count) < 12);
    aed_free(base);
    aed_free(seed);
    aed_free(high);
    aed_free(epoch);
}

/* Chi-square of `cells` equally likely counts, in standard deviations from its mean. */
static double chi_square_score(const int *counts, int cells, int draws)
{
    const double expected = (double)draws / cells;
    double sum = 0;
    for (int i = 0; i < cells; i++) {
        const double d = counts[i] - expected;
        sum += d * d / expected;
    }
    return (sum - (cells - 1)) / sqrt(2.0 * (cells - 1));
}

static void test_read_first_position_is_uniform(void **state)
{
    enum { CELLS = 100, DRAWS = 40000 };
    static int first[CELLS], middle[CELLS], index_of_zero[CELLS];
    uint32_t order[CELLS];
    (void)state;
    for (int epoch = 0; epoch < DRAWS; epoch++) {
        aed_permutation perm;
        aed_permutation_make(7, (uint64_t)epoch, CELLS, &perm);
        aed_permutation_read(&perm, 0, CELLS, order);
        first[order[0]]++;
        middle[order[57]]++;
        for (int i = 0; i < CELLS; i++)
            if (order[i] == 0) index_of_zero[i]++;
    }
    assert_true(fabs(chi_square_score(first, CELLS, DRAWS)) < 4);
    assert_true(fabs(chi_square_score(middle, CELLS, DRAWS)) < 4);
    assert_true(fabs(chi_square_score(index_of_zero, CELLS, DRAWS)) < 4);
}

static void test_read_small_orders_are_equally_likely(void **state)
{
    enum { DRAWS = 60000, MOST_CODES = 5 * 5 * 5 * 5 * 5 };
    (void)state;
    for (uint32_t count = 2, orders = 2; count <= 5; count++, orders *= count) {
        int codes[MOST_CODES] = {0}, likely[120], kinds = 0;
        for (int epoch = 0; epoch < DRAWS; epoch++) {
            uint32_t order[5], code = 0;
            aed_permutation perm;
            aed_permutation_make(3, (uint64_t)epoch, count, &perm);
            aed_permutation_read(&perm, 0, count, order);
            for (uint32_t i = 0; i < count; i++) code = code * count + order[i];
            codes[code]++;
        }
        for (int i = 0; i < MOST_CODES; i++) {
            if (codes[i] == 0) continue;
            assert_in_range(kinds, 0, orders - 1);
            likely[kinds++] = codes[i];
        }
        assert_int_equal(kinds, orders);
        assert_true(fabs(chi_square_score(likely, kinds, DRAWS)) < 4);
    }
}

static double correlation(const uint32_t *a, const uint32_t *b, uint32_t count)
{
    const double mean = (count - 1) / 2.0, variance = ((double)count * count - 1) / 12;
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) sum += (a[i] - mean) * (b[i] - mean);
    return sum / count / variance;
}

static void test_read_epochs_and_neighbours_are_uncorrelated(void **state)
{
    static const uint32_t counts[] = {100, 16384, 60000};
    (void)state;
    for (size_t c = 0; c < 3; c++) {
        uint32_t *previous = read_all(22, 0, counts[c]);
        const double limit = 5 / sqrt(counts[c]);
        for (uint64_t epoch = 1; epoch < 20; epoch++) {
            uint32_t *order = read_all(22, epoch, counts[c]);
            assert_true(fabs(correlation(previous, order, counts[c])) < limit);
            assert_true(fabs(correlation(order, order + 1, counts[c] - 1)) < 1.5 * limit);
            aed_free(previous);
            previous = order;
        }
        aed_free(previous);
    }
}

/* Cells of (image of 2i, image of 2i+1), 16 x 16 coarse: neighbours land independently. */
static void test_read_pairs_are_uniform(void **state)
{
    static int cells[256];
    const uint32_t count = 16384;
    (void)state;
    for (uint64_t epoch = 0; epoch < 16; epoch++) {
        uint32_t *order = read_all(4, epoch, count);
        for (uint32_t i = 0; i < count; i += 2) cells[order[i] / 1024 * 16 + order[i + 1] / 1024]++;
        aed_free(order);
    }
    assert_true(fabs(chi_square_score(cells, 256, 16 * 8192)) < 4.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_is_a_permutation),
        cmocka_unit_test(test_read_in_pieces_is_the_same),
        cmocka_unit_test(test_read_has_known_values),
        cmocka_unit_test(test_make_differs_by_seed_and_epoch),
        cmocka_unit_test(test_read_first_position_is_uniform),
        cmocka_unit_test(test_read_small_orders_are_equally_likely),
        cmocka_unit_test(test_read_epochs_and_neighbours_are_uncorrelated),
        cmocka_unit_test(test_read_pairs_are_uniform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
