/* Sine and cosine in plain double operations.
 *
 * libm picks a variant by the processor, and the variants differ in the last bit: the data would
 * depend on the machine. It is also slow for arguments above 10^8, which x^4 and the like reach.
 *
 * x = n pi/2 + r by Cody and Waite (Software Manual for the Elementary Functions, 1980) with pi/2
 * in three doubles, and exact products (Dekker, Numerische Mathematik 18, 1971) so that n may have
 * 48 bits. r is kept as a sum of two doubles; Taylor series to r^17 and r^18 leave less than 2^-58
 * for |r| < 0.9 (n is off by at most 2^-4 at the largest |x|). */
#include "core/trig.h"

#include <math.h>
#include <stdint.h>

static const double largest = 0x1p48;

typedef struct reduced {
    double r, tail;
    int64_t quadrant;
} reduced;

typedef struct two {
    double high, low;
} two;

/* a b exactly. */
static inline two product(double a, double b)
{
    const double split = 134217729.0; /* 2^27 + 1 */
    const double a_big = a * split, b_big = b * split;
    const double a_high = a_big - (a_big - a), b_high = b_big - (b_big - b);
    const double a_low = a - a_high, b_low = b - b_high;
    const double high = a * b;
    const double low = a_low * b_low -
                       (((high - a_high * b_high) - a_low * b_high) - a_high * b_low);
    return (two){high, low};
}

/* a - b exactly. */
static inline two difference(double a, double b)
{
    const double high = a - b, part = high - a;
    return (two){high, (a - (high - part)) - (b + part)};
}

static inline reduced reduce(double x)
{
    const double half_pi[3] = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54,
                               -0x1.f1976b7ed8fbcp-110};
    const double to_integer = 0x1.8p52; /* adding it leaves no bits below 1 */
    const double n = (x * 0x1.45f306dc9c883p-1 + to_integer) - to_integer;
    const two first = product(n, half_pi[0]), second = product(n, half_pi[1]);
    const two a = difference(x - first.high, first.low); /* x - first.high is exact */
    const two b = difference(a.high, second.high);
    const double rest = (a.low + b.low) - (second.low + n * half_pi[2]);
    const double r = b.high + rest;
    return (reduced){r, (b.high - r) + rest, (int64_t)n};
}

static inline double sine_series(double r, double tail)
{
    const double z = r * r;
    double sum = 1 / 355687428096000.0;
    sum = sum * z - 1 / 1307674368000.0;
    sum = sum * z + 1 / 6227020800.0;
    sum = sum * z - 1 / 39916800.0;
    sum = sum * z + 1 / 362880.0;
    sum = sum * z - 1 / 5040.0;
    sum = sum * z + 1 / 120.0;
    sum = sum * z - 1 / 6.0;
    return r + (r * z * sum + tail * (1 - 0.5 * z));
}

static inline double cosine_series(double r, double tail)
{
    const double z = r * r;
    double sum = -1 / 6402373705728000.0;
    sum = sum * z + 1 / 20922789888000.0;
    sum = sum * z - 1 / 87178291200.0;
    sum = sum * z + 1 / 479001600.0;
    sum = sum * z - 1 / 3628800.0;
    sum = sum * z + 1 / 40320.0;
    sum = sum * z - 1 / 720.0;
    sum = sum * z + 1 / 24.0;
    const double half = 0.5 * z, near = 1 - half;
    return near + (((1 - near) - half) + (z * z * sum - r * tail));
}

/* sin(x + quarters pi/2). */
static inline double sine_shifted(double x, int quarters)
{
    const reduced part = reduce(x);
    const int64_t quadrant = part.quadrant + quarters;
    const double value = quadrant & 1 ? cosine_series(part.r, part.tail)
                                      : sine_series(part.r, part.tail);
    return quadrant & 2 ? -value : value;
}

double aed_trig_sin(double x) { return fabs(x) < largest ? sine_shifted(x, 0) : sin(x); }

double aed_trig_cos(double x) { return fabs(x) < largest ? sine_shifted(x, 1) : cos(x); }
