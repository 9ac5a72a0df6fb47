/* The distribution of the normals: moments, tails, shape, and independence along every direction in
 * which the training draws them. The streams are fixed, so a verdict stays; the thresholds of 5
 * sigma leave a chance of 1 in a million that a good generator would fail one. Long runs end after
 * a fixed time, as sanitizers and valgrind are slow: each verdict uses the count it got. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "aedist/rng.h"
#include "core/clock.h"
#include "support/kernel_case.h"

enum { LANES = 64, ELEMENTS = 64, BLOCK = LANES * ELEMENTS, MOST_BLOCKS = 12500 };
static const double SECONDS = 2;

/* Bins of width 1/64 over [-8, 8). */
enum { BINS = 1024, BINS_A_UNIT = 64 };

static struct {
    double count;
    double power[4];  /* sums of z, z^2, z^3, z^4 */
    double beyond[6]; /* how many exceed 0 ... 5 in size */
    double bins[BINS];
} all;

static void fill_ids(uint32_t first, uint32_t *ids)
{
    for (uint32_t lane = 0; lane < LANES; lane++) ids[lane] = first + lane;
}

static void judge_block(const float *z)
{
    double power[4] = {0};
    static uint32_t bins[BINS];
    memset(bins, 0, sizeof bins);
    for (int i = 0; i < BLOCK; i++) {
        const double x = z[i], square = x * x;
        power[0] += x;
        power[1] += square;
        power[2] += square * x;
        power[3] += square * square;
        bins[(int)((z[i] + 8.0f) * BINS_A_UNIT)]++;
        for (int n = 3; n < 6 && fabsf(z[i]) > (float)n; n++) all.beyond[n]++;
    }
    for (int m = 0; m < 4; m++) all.power[m] += power[m];
    for (int i = 0; i < BINS; i++) all.bins[i] += bins[i];
    all.count += BLOCK;
}

/* Up to 51 million normals of several epochs and many samples, in at most about 2 seconds. */
static int draw(void **state)
{
    (void)state;
    static float z[BLOCK];
    uint32_t ids[LANES];
    const double start = aed_clock_seconds();
    for (uint32_t block = 0; block < MOST_BLOCKS; block++) {
        if (block % 16 == 0 && aed_clock_seconds() - start > SECONDS) break;
        fill_ids(block / 8 * LANES, ids);
        aed_kernels()->normal(aed_rng_key_make(1, "test", block % 8), ids, LANES, 0, ELEMENTS, z);
        judge_block(z);
    }
    return 0;
}

static double normal_cdf(double x) { return 0.5 * erfc(-x / sqrt(2.0)); }

/* Fails if `sum` of count terms of mean 0 and standard deviation `std` is far from 0. */
static void check_sum(const char *what, double count, double sum, double std)
{
    const double z = sum / (std * sqrt(count));
    if (!(fabs(z) < 5)) fail_msg("%s: %.1f sigma from 0 over %.0f numbers", what, z, count);
}

static void test_normal_moments(void **state)
{
    (void)state;
    const double n = all.count;
    check_sum("mean", n, all.power[0], 1);
    check_sum("variance", n, all.power[1] - n, sqrt(2.0));
    check_sum("skewness", n, all.power[2], sqrt(15.0));
    check_sum("kurtosis", n, all.power[3] - 3 * n, sqrt(96.0));
}

static void test_normal_tails(void **state)
{
    (void)state;
    for (int n = 3; n < 6; n++) {
        const double expected = all.count * erfc(n / sqrt(2.0));
        if (fabs(all.beyond[n] - expected) > 5 * sqrt(expected) + 1)
            fail_msg("%.0f numbers beyond %d sigma, expected %.1f", all.beyond[n], n, expected);
    }
}

static void test_normal_chi_square(void **state)
{
    (void)state;
    double chi = 0, observed = 0, expected = 0;
    int cells = 0;
    for (int i = 0; i < BINS; i++) {
        const double lo = (double)i / BINS_A_UNIT - 8, hi = (double)(i + 1) / BINS_A_UNIT - 8;
        observed += all.bins[i];
        /* On the side of the tail, where the difference keeps its digits. */
        expected += all.count *
                    (hi <= 0 ? normal_cdf(hi) - normal_cdf(lo) : normal_cdf(-lo) - normal_cdf(-hi));
        if (expected < 50 && i < BINS - 1) continue;
        chi += (observed - expected) * (observed - expected) / fmax(expected, 1);
        cells++;
        observed = expected = 0;
    }
    if (fabs(chi - cells) > 5 * sqrt(2.0 * cells)) fail_msg("chi-square %.1f of %d", chi, cells);
}

/* Kolmogorov and Smirnov's largest distance, at the bins' edges. */
static void test_normal_kolmogorov_smirnov(void **state)
{
    (void)state;
    double below = 0, worst = 0;
    for (int i = 0; i < BINS; i++) {
        below += all.bins[i];
        const double edge = (double)(i + 1) / BINS_A_UNIT - 8;
        worst = fmax(worst, fabs(below / all.count - normal_cdf(edge)));
    }
    if (worst * sqrt(all.count) > 2.6) fail_msg("%.3g", worst * sqrt(all.count)); /* p = 3e-6 */
}

/* ---- Independence ---------------------------------------------------------------------------- */

/* One direction: where the second of two numbers lies, the first being of epoch 1, "test". */
typedef struct neighbour {
    const char *what;
    uint64_t first_seed, seed, epoch;
    const char *purpose;
    uint32_t id, element;
} neighbour;

static const neighbour neighbours[] = {
    {"the two of a pair", 1, 1, 1, "test", 0, 1}, {"next pair", 1, 1, 1, "test", 0, 2},
    {"next sample", 1, 1, 1, "test", 1, 0},       {"next epoch", 1, 1, 2, "test", 0, 0},
    {"other purpose", 1, 1, 1, "tesu", 0, 0},     {"next seed", 1, 2, 1, "test", 0, 0},
    {"sample 64 on", 1, 1, 1, "test", 64, 0},     {"seed and epoch swapped", 0, 1, 0, "test", 0, 0},
};

static void test_normal_independence(void **state)
{
    (void)state;
    static float a[BLOCK + 2 * LANES], b[BLOCK + 2 * LANES];
    uint32_t ids[LANES];
    for (size_t i = 0; i < sizeof neighbours / sizeof *neighbours; i++) {
        const neighbour *n = &neighbours[i];
        const aed_rng_key here = aed_rng_key_make(n->first_seed, "test", 1);
        const aed_rng_key there = aed_rng_key_make(n->seed, n->purpose, n->epoch);
        double products = 0, squares = 0, mixed = 0, count = 0;
        const double start = aed_clock_seconds();
        for (uint32_t block = 0; block < 500 && aed_clock_seconds() - start < SECONDS; block++) {
            fill_ids(block * LANES, ids);
            aed_kernels()->normal(here, ids, LANES, 0, ELEMENTS + 2, a);
            fill_ids(block * LANES + n->id, ids);
            aed_kernels()->normal(there, ids, LANES, 0, ELEMENTS + 2, b);
            /* Elements step by 2 for a pair, so that no number is used twice. */
            for (int e = 0; e < ELEMENTS; e += n->element == 1 ? 2 : 1)
                for (int lane = 0; lane < LANES; lane++) {
                    const double x = a[e * LANES + lane];
                    const double y = b[(e + (int)n->element) * LANES + lane];
                    products += x * y;
                    squares += (x * x - 1) * (y * y - 1);
                    mixed += x * (y * y - 1);
                    count++;
                }
        }
        check_sum(n->what, count, products, 1);
        check_sum(n->what, count, squares, 2);
        check_sum(n->what, count, mixed, sqrt(2.0));
    }
}

/* The two of a pair lie evenly around the circle: 16 sectors at the radius of any size. */
static void test_normal_directions(void **state)
{
    (void)state;
    enum { SECTORS = 16 };
    static float z[BLOCK];
    uint32_t ids[LANES];
    double sectors[2][SECTORS] = {{0}}, total[2] = {0};
    for (uint32_t block = 0; block < 200; block++) {
        fill_ids(block * LANES, ids);
        aed_kernels()->normal(aed_rng_key_make(4, "circle", 0), ids, LANES, 0, ELEMENTS, z);
        for (int e = 0; e < ELEMENTS; e += 2)
            for (int lane = 0; lane < LANES; lane++) {
                const double x = z[e * LANES + lane], y = z[(e + 1) * LANES + lane];
                const double turn = atan2(y, x) / (2 * acos(-1.0)) + 0.5;
                const int far = x * x + y * y > 2 * log(2.0); /* half of them */
                sectors[far][(int)(turn * SECTORS) % SECTORS]++;
                total[far]++;
            }
    }
    for (int far = 0; far < 2; far++) {
        double chi = 0;
        for (int s = 0; s < SECTORS; s++) {
            const double expected = total[far] / SECTORS;
            chi += (sectors[far][s] - expected) * (sectors[far][s] - expected) / expected;
        }
        if (chi > SECTORS + 5 * sqrt(2.0 * SECTORS)) fail_msg("chi-square %.1f", chi);
    }
    check_sum("half lie beyond the median radius", total[0] + total[1], (total[1] - total[0]) / 2,
              0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normal_moments),
        cmocka_unit_test(test_normal_tails),
        cmocka_unit_test(test_normal_chi_square),
        cmocka_unit_test(test_normal_kolmogorov_smirnov),
        cmocka_unit_test(test_normal_independence),
        cmocka_unit_test(test_normal_directions),
    };
    return cmocka_run_group_tests(tests, draw, NULL);
}
