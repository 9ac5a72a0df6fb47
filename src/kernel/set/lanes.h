/* Vectors of lanes: the one place that knows the instruction set.
 *
 * A register holds AED_WIDTH floats (16, 8 or 4). Everything elementwise is free of the width.
 * What adds across samples does it in 16 lanes: lane j sums columns j, j+16, ... in order, and the
 * lanes are then added as ((l, l+8), +4, +2, +1), so the width shows in no bit. */
#ifndef AED_KERNEL_SET_LANES_H
#define AED_KERNEL_SET_LANES_H

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "kernel/kernels.h"

#define AED_PASTE2(a, b) a##_##b
#define AED_PASTE(a, b) AED_PASTE2(a, b)
/* The name of a function in this set: AED_SET(gather) is gather_avx2. */
#define AED_SET(name) AED_PASTE(name, AED_KERNEL_SET)

#if defined(__AVX512F__)
#define AED_WIDTH 16
#elif defined(__AVX2__)
#define AED_WIDTH 8
#else
#define AED_WIDTH 4
#endif

/* Registers to a 16-lane block. */
#define AED_PARTS (AED_LANE_BLOCK / AED_WIDTH)

typedef float vf __attribute__((vector_size(4 * AED_WIDTH)));
typedef int32_t vi __attribute__((vector_size(4 * AED_WIDTH)));
typedef uint32_t vu __attribute__((vector_size(4 * AED_WIDTH)));
typedef double vd __attribute__((vector_size(4 * AED_WIDTH))); /* half as many */
typedef uint64_t vl __attribute__((vector_size(4 * AED_WIDTH)));

#define AED_INLINE static inline __attribute__((always_inline, unused))

AED_INLINE vf v_load(const float *p)
{
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

AED_INLINE void v_store(float *p, vf v) { memcpy(p, &v, sizeof v); }

/* The first `count` lanes at p, 0 < count <= AED_WIDTH; loaded, the others are 0. */
#if defined(__AVX512F__)
AED_INLINE vf v_load_first(const float *p, int count)
{
    return (vf)_mm512_maskz_loadu_ps((__mmask16)(0xffff >> (AED_WIDTH - count)), p);
}
AED_INLINE void v_store_first(float *p, int count, vf v)
{
    _mm512_mask_storeu_ps(p, (__mmask16)(0xffff >> (AED_WIDTH - count)), (__m512)v);
}
#else
AED_INLINE vf v_load_first(const float *p, int count)
{
    vf v = {0};
    memcpy(&v, p, sizeof *p * (size_t)count);
    return v;
}
AED_INLINE void v_store_first(float *p, int count, vf v)
{
    memcpy(p, &v, sizeof *p * (size_t)count);
}
#endif

AED_INLINE vu v_load_u(const uint32_t *p)
{
    vu v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Holds a in a register: gcc else loads what several products share once for each of them. */
#if defined(__x86_64__)
AED_INLINE vf v_keep(vf a)
{
    __asm__("" : "+v"(a));
    return a;
}
#else
AED_INLINE vf v_keep(vf a) { return a; }
#endif

AED_INLINE vf v_set(float x) { return x - (vf){0}; }
AED_INLINE vf v_zero(void) { return (vf){0}; }

/* mask ? a : b, a mask being all ones or all zeros in each lane. */
#if defined(__AVX2__) && !defined(__AVX512F__)
AED_INLINE vf v_select(vi mask, vf a, vf b)
{
    return (vf)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)mask);
}
#else
AED_INLINE vf v_select(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }
#endif
AED_INLINE vi v_select_i(vi mask, vi a, vi b) { return (vi)v_select(mask, (vf)a, (vf)b); }
AED_INLINE vf v_and(vi mask, vf a) { return (vf)(mask & (vi)a); }
AED_INLINE vf v_abs(vf a) { return (vf)((vi)a & 0x7fffffff); }

/* a where it is not below `lowest`; NaN stays. */
#if defined(__AVX512F__)
AED_INLINE vf v_at_least(vf a, vf lowest) { return (vf)_mm512_max_ps((__m512)lowest, (__m512)a); }
#elif defined(__AVX2__)
AED_INLINE vf v_at_least(vf a, vf lowest) { return (vf)_mm256_max_ps((__m256)lowest, (__m256)a); }
#elif defined(__SSE2__)
AED_INLINE vf v_at_least(vf a, vf lowest) { return (vf)_mm_max_ps((__m128)lowest, (__m128)a); }
#else
AED_INLINE vf v_at_least(vf a, vf lowest) { return v_select(a < lowest, lowest, a); }
#endif

/* Masks that AVX-512 keeps in registers of their own, and choices by them. */
#if defined(__AVX512F__)
typedef __mmask16 vm;
AED_INLINE vm v_greater(vf a, vf b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_GT_OQ); }
AED_INLINE vm v_unordered(vf a, vf b)
{
    return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_UNORD_Q);
}
AED_INLINE vm v_below_i(vi a, int b)
{
    return _mm512_cmplt_epi32_mask((__m512i)a, _mm512_set1_epi32(b));
}
AED_INLINE vm v_test_i(vi a, int b)
{
    return _mm512_test_epi32_mask((__m512i)a, _mm512_set1_epi32(b));
}
AED_INLINE vf v_pick(vm mask, vf a, vf b)
{
    return (vf)_mm512_mask_blend_ps(mask, (__m512)b, (__m512)a);
}
AED_INLINE vi v_pick_i(vm mask, vi a, vi b)
{
    return (vi)_mm512_mask_blend_epi32(mask, (__m512i)b, (__m512i)a);
}
AED_INLINE vf v_where(vm mask, vf a) { return (vf)_mm512_maskz_mov_ps(mask, (__m512)a); }
#else
typedef vi vm;
AED_INLINE vm v_greater(vf a, vf b) { return a > b; }
AED_INLINE vm v_unordered(vf a, vf b) { return (a != a) | (b != b); }
AED_INLINE vm v_below_i(vi a, int b) { return a < b; }
AED_INLINE vm v_test_i(vi a, int b) { return (a & b) != 0; }
AED_INLINE vf v_pick(vm mask, vf a, vf b) { return v_select(mask, a, b); }
AED_INLINE vi v_pick_i(vm mask, vi a, vi b) { return v_select_i(mask, a, b); }
AED_INLINE vf v_where(vm mask, vf a) { return v_and(mask, a); }
#endif

/* Within [lo, hi]; NaN stays. */
AED_INLINE vf v_clip(vf a, float lo, float hi)
{
    const vf low = v_set(lo), high = v_set(hi);
    const vf raised = v_select(a < low, low, a);
    return v_select(raised > high, high, raised);
}

/* The lower and upper half of a register as doubles, and back; of the portable form gcc makes
 * scalars. */
#if defined(__AVX512F__)
AED_INLINE vd v_widen_low(vf a) { return (vd)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)a)); }
AED_INLINE vd v_widen_high(vf a)
{
    return (vd)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)a, 1));
}
#elif defined(__AVX2__)
AED_INLINE vd v_widen_low(vf a) { return (vd)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)a)); }
AED_INLINE vd v_widen_high(vf a)
{
    return (vd)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)a, 1));
}
#elif defined(__SSE2__)
AED_INLINE vd v_widen_low(vf a) { return (vd)_mm_cvtps_pd((__m128)a); }
AED_INLINE vd v_widen_high(vf a) { return (vd)_mm_cvtps_pd(_mm_movehl_ps((__m128)a, (__m128)a)); }
AED_INLINE vf v_narrow(vd low, vd high)
{
    return (vf)_mm_movelh_ps(_mm_cvtpd_ps((__m128d)low), _mm_cvtpd_ps((__m128d)high));
}
#else
AED_INLINE vd v_widen_low(vf a) { return (vd){a[0], a[1]}; }
AED_INLINE vd v_widen_high(vf a) { return (vd){a[2], a[3]}; }
AED_INLINE vf v_narrow(vd low, vd high)
{
    return (vf){(float)low[0], (float)low[1], (float)high[0], (float)high[1]};
}
#endif

/* a * b + c, rounded once. */
#if defined(__AVX512F__)
AED_INLINE vf v_fma(vf a, vf b, vf c)
{
    return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
/* The instruction and the quotient of an optimiser wait for one divider; where no remainder below leaves float's
 * range the root comes of multiplications: y within 2^-14 of 1/sqrt(a), one step of Newton's for root = a y
 * and half = y/2 together, and the remainder a - root^2, which the fused product has exactly, put right
 * (Markstein: Computation of elementary functions on the IBM RISC System/6000 processor, 1990). It is rounded
 * correctly, too: test_optim.c tries every mantissa with this processor's y; as another's may differ, each was
 * tried with 286 of them, spread over what is allowed. */
AED_INLINE vf v_sqrt(vf a)
{
    const vu lowest = (vu)v_set(0x1p-60f), range = (vu)v_set(0x1p60f) - lowest;
    if (_mm512_cmpgt_epu32_mask((__m512i)((vu)a - lowest), (__m512i)range))
        return (vf)_mm512_sqrt_ps((__m512)a);
    const vf y = (vf)_mm512_rsqrt14_ps((__m512)a);
    vf root = a * y, half = y * 0.5f;
    const vf error = v_fma(-half, root, v_set(0.5f));
    root = v_fma(root, error, root);
    half = v_fma(half, error, half);
    return v_fma(v_fma(-root, root, a), half, root);
}
#elif defined(__AVX2__)
AED_INLINE vf v_fma(vf a, vf b, vf c)
{
    return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
AED_INLINE vf v_sqrt(vf a) { return (vf)_mm256_sqrt_ps((__m256)a); }
#elif defined(__aarch64__)
AED_INLINE vf v_fma(vf a, vf b, vf c)
{
    return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
AED_INLINE vf v_sqrt(vf a) { return (vf)vsqrtq_f32((float32x4_t)a); }
#else
/* Without the instruction: the product of two floats is exact in double; the sum is rounded to odd
 * there (Boldo, Melquiond: Emulation of FMA and correctly rounded sums, IEEE TC 2008), which makes
 * the final rounding to float that of the exact value. To odd: one step towards zero if the error
 * points there, then the last bit is set, unless the sum is exact (or not finite). */
/* a * b + c rounded to odd. */
AED_INLINE vd fma_to_odd(vd a, vd b, vd c)
{
    const vd product = a * b, sum = product + c, back = sum - product;
    const vd error = (product - (sum - back)) + (c - back);
    const vl inexact = (vl)((error > 0) | (error < 0)) >> 63;
    const vl inwards = ((vl)error ^ (vl)sum) >> 63 & inexact;
    return (vd)(((vl)sum - inwards) | inexact);
}

AED_INLINE vf v_fma(vf a, vf b, vf c)
{
    return v_narrow(fma_to_odd(v_widen_low(a), v_widen_low(b), v_widen_low(c)),
                    fma_to_odd(v_widen_high(a), v_widen_high(b), v_widen_high(c)));
}

AED_INLINE vf v_sqrt(vf a)
{
    for (int i = 0; i < AED_WIDTH; i++) a[i] = __builtin_sqrtf(a[i]);
    return a;
}
#endif

/* Lanes of 0 ... 127 as bytes, and back; of the portable form gcc makes scalars. */
#if defined(__AVX512F__)
AED_INLINE void v_store_bytes(uint8_t *p, vi a)
{
    _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8((__m512i)a));
}
AED_INLINE vi v_load_bytes(const uint8_t *p)
{
    return (vi)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p));
}
#elif defined(__AVX2__)
AED_INLINE void v_store_bytes(uint8_t *p, vi a)
{
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128((__m256i)a),
                                          _mm256_extracti128_si256((__m256i)a, 1));
    _mm_storel_epi64((__m128i *)p, _mm_packus_epi16(words, words));
}
AED_INLINE vi v_load_bytes(const uint8_t *p)
{
    return (vi)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p));
}
#else
AED_INLINE void v_store_bytes(uint8_t *p, vi a)
{
    for (int i = 0; i < AED_WIDTH; i++) p[i] = (uint8_t)a[i];
}
AED_INLINE vi v_load_bytes(const uint8_t *p)
{
    vi a;
    for (int i = 0; i < AED_WIDTH; i++) a[i] = p[i];
    return a;
}
#endif

/* Rotates every lane left by a constant 0 < n < 32. */
AED_INLINE vu v_rotate(vu a, int n) { return (a << n) | (a >> (32 - n)); }

/* Elements of a and b by their numbers, which follow; those of b come behind a's. clang has no such
 * built-in unless they are constants in the source. */
#if defined(__clang__)
#define AED_SHUFFLE(a, b, ...)                                       \
    __extension__({                                                  \
        __typeof__((a) + (b)) from_[2] = {a, b}, to_;                \
        const __typeof__(__VA_ARGS__) pick_ = __VA_ARGS__;           \
        const int count_ = (int)(sizeof to_ / sizeof to_[0]);        \
        for (int k_ = 0; k_ < count_; k_++)                          \
            to_[k_] = from_[pick_[k_] / count_][pick_[k_] % count_]; \
        to_;                                                         \
    })
#else
#define AED_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, __VA_ARGS__)
#endif

/* One round of a transpose of `count` (at most 16) registers: from[] to to[], exchanging between those
 * `distance` apart. What follows is what the lower of two takes of both; the upper takes the same
 * `distance` further on. */
#define AED_EXCHANGE(count, from, to, distance, ...)                               \
    _Pragma("GCC unroll 16") for (int i = 0; i < (count); i++)                     \
    {                                                                              \
        const vi pick = {__VA_ARGS__};                                             \
        const vf low = from[i & ~(distance)], high = from[i | (distance)];         \
        to[i] = AED_SHUFFLE(low, high, i & (distance) ? pick + (distance) : pick); \
    }

/* The sum of a 16-lane block at p in the order that the head of this file names. */
AED_INLINE float lanes_sum(const float *p)
{
    float t[8];
    for (int i = 0; i < 8; i++) t[i] = p[i] + p[i + 8];
    for (int i = 0; i < 4; i++) t[i] += t[i + 4];
    t[0] += t[2];
    t[1] += t[3];
    return t[0] + t[1];
}

#endif
