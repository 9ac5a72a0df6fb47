/* Every loss against the float64 reference: its sum directly, its gradient by central differences of
 * the reference. Lanes that only repeat a sample must not count, whatever they hold, and every kernel
 * set of the processor must give the same bits. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "support/layer_run.h"
#include "support/reference.h"

static const double STEP = 1e-6;
static const double K = 8;

typedef struct loss_case {
    const char *kind, *args;
    int64_t features;
    int lanes, valid;
} loss_case;

/* More than 32 and 64 features: the element losses are added in runs. */
static const loss_case cases[] = {
    {"mse", "", 1, 16, 16},
    {"mse", "", 7, 32, 19},
    {"mse", "", 33, 16, 1},
    {"mse", "", 130, 64, 50},
    {"bce", "", 1, 16, 16},
    {"bce", "", 9, 32, 31},
    {"bce", "", 65, 16, 13},
    {"l1", "", 1, 32, 32},
    {"l1", "", 48, 16, 7},
    {"smooth_l1", "", 5, 16, 16},
    {"smooth_l1", "beta=0.3", 34, 32, 17},
    {"smooth_l1", "beta=2.5", 3, 48, 47},
    {"cross_entropy", "", 2, 16, 16},
    {"cross_entropy", "", 10, 32, 21},
    {"cross_entropy", "", 70, 64, 33},
    {"cross_entropy", "label_smoothing=0.1", 10, 48, 48},
    {"cross_entropy", "label_smoothing=1", 3, 16, 7},
};

typedef struct loss_run {
    const loss_case *c;
    const aed_loss_ops *ops;
    aed_test_spec spec;
    int64_t count; /* features times lanes */
    aed_test_block y, target, dy;
    int32_t labels[64];     /* [lanes] */
    double *y64, *target64; /* [features], one sample */
    float scale;
} loss_run;

static void run_create(const loss_case *c, loss_run *r)
{
    const bool unit = strcmp(c->kind, "bce") == 0;
    memset(r, 0, sizeof *r);
    r->c = c;
    r->ops = aed_loss_find(c->kind);
    assert_non_null(r->ops);
    aed_test_spec_make(&r->ops->kind, c->args, &r->spec);
    r->count = c->features * c->lanes;
    r->y = aed_test_block_create(r->count);
    r->target = aed_test_block_create(r->count);
    r->dy = aed_test_block_create(r->count);
    r->y64 = aed_test_doubles(c->features);
    r->target64 = aed_test_doubles(c->features);
    r->scale = 1.0f / (float)(c->features * c->valid);
    for (int lane = 0; lane < c->lanes; lane++)
        r->labels[lane] = (int32_t)(aed_test_uniform(3, (uint32_t)lane, 0, 1) * c->features);
    for (int64_t i = 0; i < r->count; i++) {
        if (i % c->lanes >= c->valid) continue; /* NaN, as the blocks are made */
        r->y.at[i] = unit ? aed_test_uniform(1, (uint32_t)i, 0.02, 0.98)
                          : aed_test_uniform(1, (uint32_t)i, -3, 3);
        r->target.at[i] = unit ? aed_test_uniform(2, (uint32_t)i, 0, 1)
                               : aed_test_uniform(2, (uint32_t)i, -2, 2);
    }
}

static void run_destroy(loss_run *r)
{
    aed_test_block_destroy(&r->y);
    aed_test_block_destroy(&r->target);
    aed_test_block_destroy(&r->dy);
    aed_free(r->y64);
    aed_free(r->target64);
}

static double evaluate(loss_run *r, float *dy)
{
    return r->ops->evaluate(&r->spec.spec, r->c->features, r->c->lanes, r->c->valid, r->y.at,
                            r->target.at, r->labels, r->scale, dy);
}

static double reference_of(const loss_run *r, int lane)
{
    return aed_reference_loss(&r->spec.spec, r->c->features, r->y64, r->target64, r->labels[lane]);
}

static double slope_along(loss_run *r, int lane, double *number)
{
    const double old = *number;
    *number = old + STEP;
    const double above = reference_of(r, lane);
    *number = old - STEP;
    const double below = reference_of(r, lane);
    *number = old;
    return (above - below) / (2 * STEP);
}

/* The reference's sum; its gradient times the scale into want[features][lanes]. */
static double reference(loss_run *r, double *want)
{
    double sum = 0;
    for (int lane = 0; lane < r->c->valid; lane++) {
        for (int64_t f = 0; f < r->c->features; f++) {
            r->y64[f] = (double)r->y.at[f * r->c->lanes + lane];
            r->target64[f] = (double)r->target.at[f * r->c->lanes + lane];
        }
        sum += reference_of(r, lane);
        for (int64_t f = 0; f < r->c->features; f++)
            want[f * r->c->lanes + lane] = (double)r->scale * slope_along(r, lane, r->y64 + f);
    }
    return sum;
}

/* The same sum and bits from every set, with and without the gradient. */
static bool check_sets_agree(loss_run *r, double sum)
{
    const aed_kernels_table *sets[3];
    const int count = aed_test_kernel_sets(sets);
    aed_test_block dy = aed_test_block_create(r->count);
    bool ok = true;
    for (int i = 0; i < count; i++) {
        aed_test_use_kernels(sets[i]);
        const double with = evaluate(r, dy.at), without = evaluate(r, NULL);
        if (with != sum || without != sum) {
            print_error("%s: sums %a and %a, not %a\n", sets[i]->name, with, without, sum);
            ok = false;
        }
        ok &= aed_test_same_bits(sets[i]->name, r->count, dy.at, r->dy.at);
    }
    aed_test_use_kernels(sets[0]);
    aed_test_block_destroy(&dy);
    return ok;
}

static bool check_case(const loss_case *c)
{
    loss_run r;
    run_create(c, &r);
    double *want = aed_test_doubles(r.count);
    const double want_sum = reference(&r, want), sum = evaluate(&r, r.dy.at);
    bool ok = aed_test_near("gradient", r.count, c->lanes, r.dy.at, want,
                            K * AED_TEST_EPS * aed_test_largest(r.count, want));
    if (!(fabs(sum - want_sum) <= K * AED_TEST_EPS * want_sum)) {
        print_error("sum: got %.9g, want %.9g\n", sum, want_sum);
        ok = false;
    }
    ok &= check_sets_agree(&r, sum);
    if (!ok)
        print_error("  in %s %s, %d features, %d of %d lanes\n", c->kind, c->args, (int)c->features,
                    c->valid, c->lanes);
    aed_free(want);
    run_destroy(&r);
    return ok;
}

static void check_kind(const char *kind)
{
    int checked = 0, failed = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].kind, kind) == 0) {
            checked++;
            failed += !check_case(&cases[i]);
        }
    assert_true(checked > 0);
    assert_int_equal(failed, 0);
}

#define LOSS_TEST(kind)                                         \
    static void test_##kind##_matches_differences(void **state) \
    {                                                           \
        (void)state;                                            \
        check_kind(#kind);                                      \
    }

LOSS_TEST(mse)
LOSS_TEST(bce)
LOSS_TEST(l1)
LOSS_TEST(smooth_l1)
LOSS_TEST(cross_entropy)

static void test_loss_table_is_covered(void **state)
{
    (void)state;
    int count;
    const aed_loss_ops *const *table = aed_loss_table(&count);
    for (int i = 0; i < count; i++) {
        bool found = false;
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
            found = found || strcmp(cases[c].kind, table[i]->kind.name) == 0;
        if (!found) fail_msg("no case for loss %s", table[i]->kind.name);
    }
}

/* One element's loss; its gradient in *slope. */
static double element(const char *kind, float y, float target, float *slope)
{
    const aed_loss_ops *ops = aed_loss_find(kind);
    aed_test_spec spec;
    aed_test_spec_make(&ops->kind, "", &spec);
    aed_test_block in = aed_test_block_create(16), want = aed_test_block_create(16),
                   dy = aed_test_block_create(16);
    in.at[0] = y;
    want.at[0] = target;
    const int32_t labels[16] = {0};
    const double loss = ops->evaluate(&spec.spec, 1, 16, 1, in.at, want.at, labels, 1, dy.at);
    *slope = dy.at[0];
    for (int i = 1; i < 16; i++) assert_true(dy.at[i] == 0);
    aed_test_block_destroy(&in);
    aed_test_block_destroy(&want);
    aed_test_block_destroy(&dy);
    return loss;
}

/* PyTorch: logarithms at least -100, the slope's denominator y (1 - y) at least 1e-12. */
static void test_bce_at_the_ends_is_clamped(void **state)
{
    (void)state;
    float slope;
    assert_true(element("bce", 0, 0, &slope) == 0 && slope == 0);
    assert_true(element("bce", 1, 1, &slope) == 0 && slope == 0);
    assert_true(element("bce", 0, 1, &slope) == 100 && slope == -1 / 1e-12f);
    assert_true(element("bce", 1, 0, &slope) == 100 && slope == 1 / 1e-12f);
    assert_true(element("bce", 1, 0.25f, &slope) == 75);
}

/* The subgradient at the kink is 0, as PyTorch's sign(0). */
static void test_l1_at_the_target_is_flat(void **state)
{
    (void)state;
    float slope;
    assert_true(element("l1", 1.5f, 1.5f, &slope) == 0 && slope == 0);
    assert_true(element("smooth_l1", 1.5f, 1.5f, &slope) == 0 && slope == 0);
    assert_true(element("smooth_l1", 2.5f, 1.5f, &slope) == 0.5 && slope == 1);
}

/* Loss and gradient as PyTorch 2.13 gives them in float64. */
static void test_cross_entropy_matches_pytorch(void **state)
{
    (void)state;
    static const float logits[4] = {1.5f, -0.25f, 0.75f, 2};
    static const char *const args[2] = {"", "label_smoothing=0.1"};
    static const double want[2] = {1.9423642146894942, 1.9173642146894943};
    static const double slopes[2][4] = {
        {0.3035028692397654, 0.05274089043631883, -0.8566353959102051, 0.5003916362341209},
        {0.27850286923976536, 0.027740890436318826, -0.7816353959102051, 0.47539163623412084}};
    const aed_loss_ops *ops = aed_loss_find("cross_entropy");
    aed_test_block y = aed_test_block_create(4 * 16), dy = aed_test_block_create(4 * 16);
    const int32_t labels[16] = {2};
    for (int c = 0; c < 4; c++) y.at[c * 16] = logits[c];
    for (int i = 0; i < 2; i++) {
        aed_test_spec spec;
        aed_test_spec_make(&ops->kind, args[i], &spec);
        const double loss = ops->evaluate(&spec.spec, 4, 16, 1, y.at, NULL, labels, 1, dy.at);
        assert_float_equal(loss, want[i], 5e-7);
        for (int c = 0; c < 4; c++) assert_float_equal(dy.at[c * 16], slopes[i][c], 2e-7);
    }
    aed_test_block_destroy(&y);
    aed_test_block_destroy(&dy);
}

/* Logits far apart: exponentials that overflow or vanish, and a loss that is their difference. */
static void test_cross_entropy_of_large_logits_is_finite(void **state)
{
    (void)state;
    static const float logits[3] = {3e4f, -2e4f, 2.9e4f};
    static const double want[3] = {0, 5e4, 1e3};
    const aed_loss_ops *ops = aed_loss_find("cross_entropy");
    aed_test_spec spec;
    aed_test_spec_make(&ops->kind, "", &spec);
    aed_test_block y = aed_test_block_create(3 * 16), dy = aed_test_block_create(3 * 16);
    for (int i = 0; i < 3 * 16; i++) y.at[i] = logits[i / 16];
    for (int32_t label = 0; label < 3; label++) {
        int32_t labels[16];
        for (int lane = 0; lane < 16; lane++) labels[lane] = label;
        const double sum = ops->evaluate(&spec.spec, 3, 16, 16, y.at, NULL, labels, 1, dy.at);
        assert_true(sum == 16 * want[label]);
        for (int i = 0; i < 3 * 16; i++)
            assert_true(fabsf(dy.at[i] - (float)(i / 16 == 0) + (float)(i / 16 == label)) < 1e-30f);
    }
    aed_test_block_destroy(&y);
    aed_test_block_destroy(&dy);
}

/* A NaN in a counted lane must reach the loss, which is how divergence is noticed, and the gradient. */
static void test_loss_of_nan_is_nan(void **state)
{
    (void)state;
    int count;
    const aed_loss_ops *const *table = aed_loss_table(&count);
    for (int i = 0; i < count; i++) {
        float slope;
        if (!isnan(element(table[i]->kind.name, NAN, 0.5f, &slope)) || !isnan(slope))
            fail_msg("%s hides a NaN", table[i]->kind.name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mse_matches_differences),
        cmocka_unit_test(test_bce_matches_differences),
        cmocka_unit_test(test_l1_matches_differences),
        cmocka_unit_test(test_smooth_l1_matches_differences),
        cmocka_unit_test(test_cross_entropy_matches_differences),
        cmocka_unit_test(test_loss_table_is_covered),
        cmocka_unit_test(test_bce_at_the_ends_is_clamped),
        cmocka_unit_test(test_l1_at_the_target_is_flat),
        cmocka_unit_test(test_cross_entropy_matches_pytorch),
        cmocka_unit_test(test_cross_entropy_of_large_logits_is_finite),
        cmocka_unit_test(test_loss_of_nan_is_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
