/* What analyses compute with: assignments, filters and their matches, products by BLAS. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/assign.h"
#include "analysis/chosen.h"
#include "analysis/filters.h"
#include "analysis/matches.h"
#include "core/blas.h"

/* Small whole numbers that look random. */
static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

/* The largest sum over all ways to give each row (from `row` on) a column of its own. */
static double best_sum(int rows, int columns, const double *values, int row, unsigned taken)
{
    if (row == rows) return 0;
    double best = rows > columns ? best_sum(rows, columns, values, row + 1, taken) : -1;
    for (int c = 0; c < columns; c++)
        if (!(taken & (1u << c)))
            best = fmax(best, values[row * columns + c] +
                                  best_sum(rows, columns, values, row + 1, taken | 1u << c));
    return best;
}

static void check_assignment(int rows, int columns, uint32_t *seed)
{
    double values[36], sum = 0;
    int64_t column[6];
    unsigned taken = 0;
    for (int i = 0; i < rows * columns; i++) values[i] = (double)(next(seed) % 1000 + 1) / 1000;
    assert_int_equal(aed_assign(rows, columns, values, column), AED_OK);
    for (int r = 0; r < rows; r++) {
        if (column[r] < 0) continue;
        assert_true(column[r] < columns);
        assert_false(taken & (1u << column[r]));
        taken |= 1u << column[r];
        sum += values[r * columns + column[r]];
    }
    assert_true(fabs(sum - best_sum(rows, columns, values, 0, 0)) < 1e-6);
}

static void test_assignments_have_the_largest_sum(void **state)
{
    uint32_t seed = 7;
    (void)state;
    for (int round = 0; round < 20; round++) {
        check_assignment(1, 1, &seed);
        check_assignment(5, 5, &seed);
        check_assignment(3, 6, &seed);
        check_assignment(6, 4, &seed);
    }
}

static const aed_tensor convolution = {.name = "encoder.0.weight", .shape = {3, {3, 2, 4}}};

static void test_matches_find_order_and_sign(void **state)
{
    aed_filters filters;
    float weight[24], shuffled[24];
    int64_t order[3];
    double sign[3], score[3];
    uint32_t seed = 3;
    (void)state;
    assert_true(aed_filters_of(&convolution, &filters));
    assert_int_equal(filters.count, 3);
    assert_int_equal(filters.size, 8);
    for (int i = 0; i < 24; i++) weight[i] = (float)next(&seed) / 65536 - 0.5f;
    /* Filter 0 becomes number 2, turned round; 1 becomes 0, twice as large; 2 becomes 1. */
    for (int i = 0; i < 8; i++) {
        shuffled[16 + i] = -weight[i];
        shuffled[i] = 2 * weight[8 + i];
        shuffled[8 + i] = weight[16 + i];
    }
    assert_int_equal(aed_filters_match(&filters, weight, shuffled, order, sign, score), AED_OK);
    assert_int_equal(order[0], 2);
    assert_int_equal(order[1], 0);
    assert_int_equal(order[2], 1);
    assert_true(sign[0] == -1 && sign[1] == 1 && sign[2] == 1);
    for (int i = 0; i < 3; i++) assert_true(score[i] > 1 - 1e-6);
}

static void test_dead_filters_match_nothing(void **state)
{
    aed_filters filters;
    float weight[24] = {0};
    int64_t order[3];
    double sign[3], score[3];
    (void)state;
    assert_true(aed_filters_of(&convolution, &filters));
    assert_int_equal(aed_filters_match(&filters, weight, weight, order, sign, score), AED_OK);
    for (int i = 0; i < 3; i++) assert_true(score[i] == 0);
}

static void test_smoothness_is_the_mean_squared_second_difference(void **state)
{
    const aed_tensor image = {.name = "decoder.1.weight", .shape = {4, {1, 1, 3, 4}}};
    const aed_tensor small = {.name = "decoder.1.weight", .shape = {4, {1, 1, 2, 2}}};
    aed_filters filters;
    float weight[12];
    double smoothness;
    (void)state;
    /* Along rows the second difference of c^2 is 2; down columns that of 3 r^2 is 6. */
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 4; c++) weight[r * 4 + c] = (float)(c * c + 3 * r * r);
    assert_true(aed_filters_of(&image, &filters));
    aed_filters_smoothness(&filters, weight, &smoothness);
    assert_true(fabs(smoothness - (6 * 4.0 + 4 * 36.0) / 10) < 1e-12);
    assert_true(aed_filters_of(&small, &filters));
    aed_filters_smoothness(&filters, weight, &smoothness);
    assert_true(isnan(smoothness));
}

static const aed_result_array *find(const aed_analyses *analyses, const char *name)
{
    for (int64_t i = 0; i < analyses->count; i++)
        if (strcmp(analyses->arrays[i].name, name) == 0) return &analyses->arrays[i];
    fail_msg("no array %s", name);
    return NULL;
}

static void test_seeds_are_matched_within_their_group(void **state)
{
    float weights[4][24];
    aed_match_trial trials[4];
    aed_analyses matches = {0};
    uint32_t seed = 5;
    (void)state;
    for (int i = 0; i < 24; i++) {
        weights[0][i] = (float)next(&seed) / 65536 - 0.5f;
        weights[1][i] = (float)next(&seed) / 65536 - 0.5f;
    }
    /* Trials 0 and 2 are the same up to the order, and so are 1 and 3 of another group. */
    for (int t = 0; t < 2; t++)
        for (int i = 0; i < 24; i++) weights[2 + t][(i + 8) % 24] = weights[t][i];
    for (int t = 0; t < 4; t++)
        trials[t] = (aed_match_trial){.row = 10 + t,
                                      .group = t % 2,
                                      .tensor_count = 1,
                                      .tensors = &convolution,
                                      .parameters = weights[t]};
    assert_int_equal(aed_matches_make(trials, 4, &matches), AED_OK);
    const double *consistency = find(&matches, "encoder.0_consistency")->values;
    assert_int_equal(find(&matches, "encoder.0_consistency")->shape.size[0], 2);
    assert_true(consistency[0] > 1 - 1e-6 && consistency[1] > 1 - 1e-6);
    const int64_t *rows = find(&matches, "trial")->values;
    const int64_t *order = find(&matches, "encoder.0_order")->values;
    assert_int_equal(rows[3], 13);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(order[i], i);
        assert_int_equal(order[3 * 2 + i], (i + 1) % 3);
    }
    aed_analyses_destroy(&matches);
}

static void test_blas_multiplies_rows(void **state)
{
    const double a[6] = {1, 2, 3, 4, 5, 6}, b[6] = {1, -1, 2, 0, 3, 5};
    double c[9], gram[4] = {0};
    (void)state;
    aed_blas_multiply(false, 2, 2, 3, a, b, c); /* [2][3] x [3][2] */
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            double sum = 0;
            for (int k = 0; k < 3; k++) sum += a[i * 3 + k] * b[k * 2 + j];
            assert_true(c[i * 2 + j] == sum);
        }
    aed_blas_multiply(true, 3, 3, 2, a, b, c); /* [2][3] turned x [2][3] */
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) assert_true(c[i * 3 + j] == a[i] * b[j] + a[3 + i] * b[3 + j]);
    aed_blas_add_products(2, 3, b, gram);
    assert_true(gram[0] == 1 + 4 + 9 && gram[2] == -1 + 15 && gram[3] == 1 + 25);
}

static void test_eigenvectors_are_rows(void **state)
{
    double matrix[4] = {2, 0, 1, 2}, values[2]; /* the lower triangle of [[2, 1], [1, 2]] */
    (void)state;
    assert_int_equal(aed_blas_eigenvectors(2, matrix, values), AED_OK);
    assert_true(fabs(values[0] - 1) < 1e-12 && fabs(values[1] - 3) < 1e-12);
    assert_true(fabs(matrix[2] - matrix[3]) < 1e-12 && fabs(matrix[0] + matrix[1]) < 1e-12);
}

/* Of equals the first one; what is not a number is worse than all. */
static void test_samples_are_sorted_by_their_keys(void **state)
{
    const float keys[] = {2, NAN, 7, 2, INFINITY, NAN, -1};
    const uint32_t want[] = {1, 4, 5, 2, 0, 3};
    uint32_t places[6];
    (void)state;
    assert_int_equal(aed_chosen_sort(7, keys, 6, places), AED_OK);
    assert_memory_equal(places, want, sizeof want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assignments_have_the_largest_sum),
        cmocka_unit_test(test_matches_find_order_and_sign),
        cmocka_unit_test(test_dead_filters_match_nothing),
        cmocka_unit_test(test_smoothness_is_the_mean_squared_second_difference),
        cmocka_unit_test(test_seeds_are_matched_within_their_group),
        cmocka_unit_test(test_blas_multiplies_rows),
        cmocka_unit_test(test_eigenvectors_are_rows),
        cmocka_unit_test(test_samples_are_sorted_by_their_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
