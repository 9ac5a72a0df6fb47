/* Gumbel noise and the largest channel, for gumbel_softmax.
 *
 * g = -log(-log u), u uniform in (0, 1), is standard Gumbel: the largest of x[c] + g[c] is channel c
 * with the probability softmax(x)[c] (Gumbel: Statistical theory of extreme values, 1954). With
 * v = 1 - u the inner logarithm is log1p(-v), which keeps the digits of small v: g reaches from -2.8 to
 * 22. Counter (sample id, pair) gives the words of elements 2 pair and 2 pair + 1. */
#include "kernel/set/set.h"
#include "kernel/set/threefry.h"
#include "kernel/set/vmath.h"

/* 31 bits of the word, in (0, 1). */
AED_INLINE vf gumbel(vu word)
{
    vf v = v_fma(__builtin_convertvector((vi)(word >> 1), vf), v_set(0x1p-31f), v_set(0x1p-32f));
    v = v_select(v < 1.0f, v, v_set(1.0f - 0x1p-24f));
    const vf u = 1.0f - v;
    return -v_log_positive(-(v_log_positive(u) + v_log1p_rest(-v, u)));
}

void AED_SET(add_gumbel)(aed_rng_key key, const uint32_t *ids, int lanes, int64_t elements,
                         float scale, const float *x, float *y)
{
    const int64_t registers = lanes / AED_WIDTH, units = (elements + 1) / 2 * registers;
    for (int64_t first = 0; first < units; first += UNITS) {
        vu a[UNITS], b[UNITS];
        draw_units(key, ids, registers, units, first, a, b);
        for (int j = 0; j < UNITS && first + j < units; j++) {
            const int64_t e = (first + j) / registers * 2;
            const int64_t at = e * lanes + (first + j) % registers * AED_WIDTH;
            v_store(y + at, (v_load(x + at) + gumbel(a[j])) * scale);
            if (e + 1 < elements)
                v_store(y + at + lanes, (v_load(x + at + lanes) + gumbel(b[j])) * scale);
        }
    }
}

void AED_SET(one_hot)(int channels, int64_t columns, const float *x, float *y)
{
    for (int64_t n = 0; n < columns; n += AED_WIDTH) {
        vf top = v_load(x + n);
        for (int c = 1; c < channels; c++) {
            const vf in = v_load(x + c * columns + n);
            top = v_select((in > top) | (in != in), in, top);
        }
        vi open = ~(vi){0}; /* no channel yet */
        for (int c = 0; c < channels; c++) {
            const vi hit = open & (v_load(x + c * columns + n) == top);
            v_store(y + c * columns + n, v_select(top == top, v_and(hit, v_set(1.0f)), top));
            open &= ~hit;
        }
    }
}
