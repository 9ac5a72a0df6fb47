/* Samples into lanes: rows of features, gathered by id and transposed by shuffles of registers; and
 * their scaling. */
#include <stdbool.h>

#include "kernel/set/set.h"

/* Features moved at once: one register holds them of two samples, of one, or half of one. */
#if AED_WIDTH == 4
enum { FEATURES = 4 };
#else
enum { FEATURES = 8 };
#endif

/* Register i: feature 0 ... FEATURES-1 of row i and, if it is that wide, of row i + FEATURES. */
AED_INLINE vf load_pair(const float *samples, int64_t features, const uint32_t *ids, int i)
{
    vf v;
    memcpy(&v, samples + (int64_t)ids[i] * features, sizeof(float) * FEATURES);
#if AED_WIDTH == 16
    memcpy((float *)&v + FEATURES, samples + (int64_t)ids[i + FEATURES] * features,
           sizeof(float) * FEATURES);
#endif
    return v;
}

/* out[feature][0 ... AED_WIDTH-1] for `valid` features of AED_WIDTH rows: squares of FEATURES,
 * exchanged at distances 4, 2, 1 (2, 1). */
AED_INLINE void transpose_rows(const float *samples, int64_t features, const uint32_t *ids,
                               int64_t valid, int lanes, float *out)
{
    vf a[FEATURES], b[FEATURES];
#pragma GCC unroll 8
    for (int i = 0; i < FEATURES; i++) a[i] = load_pair(samples, features, ids, i);
#if AED_WIDTH == 16
    AED_EXCHANGE(FEATURES, a, b, 4, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27)
    AED_EXCHANGE(FEATURES, b, a, 2, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
    AED_EXCHANGE(FEATURES, a, b, 1, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
#elif AED_WIDTH == 8
    AED_EXCHANGE(FEATURES, a, b, 4, 0, 1, 2, 3, 8, 9, 10, 11)
    AED_EXCHANGE(FEATURES, b, a, 2, 0, 1, 8, 9, 4, 5, 12, 13)
    AED_EXCHANGE(FEATURES, a, b, 1, 0, 8, 2, 10, 4, 12, 6, 14)
#else
    AED_EXCHANGE(FEATURES, a, b, 2, 0, 1, 4, 5)
    AED_EXCHANGE(FEATURES, b, a, 1, 0, 4, 2, 6)
    memcpy(b, a, sizeof b);
#endif
#pragma GCC unroll 8
    for (int i = 0; i < FEATURES; i++)
        if (i < valid) v_store(out + (int64_t)i * lanes, b[i]);
}

void AED_SET(load_rows)(const float *samples, int64_t features, const uint32_t *ids, int lanes,
                        float *out)
{
    for (int64_t f = 0; f < features; f += FEATURES) {
        /* The last block moves back over features that are already written, where it can. */
        const int64_t back = f + FEATURES > features && f > 0 ? f + FEATURES - features : 0;
        const int64_t valid = features < FEATURES ? features : FEATURES;
        for (int lane = 0; lane < lanes; lane += AED_WIDTH)
            transpose_rows(samples + f - back, features, ids + lane, valid, lanes,
                           out + (f - back) * lanes + lane);
    }
}

/* ---- Bytes --------------------------------------------------------------------------------------- */

typedef uint8_t byte_row __attribute__((vector_size(AED_LANE_BLOCK)));
typedef uint64_t row_halves __attribute__((vector_size(AED_LANE_BLOCK)));

enum { BYTES = 8 }; /* features moved at once: those of two rows fill one register */

#define AED_INTERLEAVE_LOW(a, b) \
    AED_SHUFFLE(a, b, (byte_row){0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23})
#define AED_INTERLEAVE_HIGH(a, b) \
    AED_SHUFFLE(a, b, (byte_row){8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31})

/* One round of the transposition: registers at distance BYTES / 2 are dealt into each other. */
AED_INLINE void interleave(const byte_row *a, byte_row *b)
{
#pragma GCC unroll 4
    for (int i = 0; i < BYTES / 2; i++) {
        b[2 * i] = AED_INTERLEAVE_LOW(a[i], a[i + BYTES / 2]);
        b[2 * i + 1] = AED_INTERLEAVE_HIGH(a[i], a[i + BYTES / 2]);
    }
}

/* Features 0 ... BYTES-1 of two rows in turn. */
AED_INLINE byte_row load_byte_pair(const uint8_t *first, const uint8_t *second)
{
    uint64_t low, high;
    memcpy(&low, first, BYTES);
    memcpy(&high, second, BYTES);
    return AED_INTERLEAVE_LOW((byte_row)(row_halves){low}, (byte_row)(row_halves){high});
}

/* Lanes part * AED_WIDTH ... as floats; of the portable form gcc makes scalars. */
#if defined(__AVX512F__)
AED_INLINE vf widen_bytes(byte_row row, int part)
{
    (void)part; /* there is one */
    return (vf)_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32((__m128i)row));
}
#elif defined(__AVX2__)
AED_INLINE vf widen_bytes(byte_row row, int part)
{
    const __m128i bytes = part == 0 ? (__m128i)row : _mm_unpackhi_epi64((__m128i)row, (__m128i)row);
    return (vf)_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
}
#elif defined(__SSE2__)
AED_INLINE vf widen_bytes(byte_row row, int part)
{
    const __m128i zero = _mm_setzero_si128(), bytes = (__m128i)row;
    const __m128i words = part < 2 ? _mm_unpacklo_epi8(bytes, zero)
                                   : _mm_unpackhi_epi8(bytes, zero);
    return (vf)_mm_cvtepi32_ps(part % 2 == 0 ? _mm_unpacklo_epi16(words, zero)
                                             : _mm_unpackhi_epi16(words, zero));
}
#else
AED_INLINE vf widen_bytes(byte_row row, int part)
{
    vf v;
    for (int i = 0; i < AED_WIDTH; i++) v[i] = (float)row[part * AED_WIDTH + i];
    return v;
}
#endif

/* out[feature][0 ... AED_LANE_BLOCK-1] for `valid` features of the rows from byte `at` on:
 * x * factor + offset, or without the sum if it `is_0`. */
AED_INLINE void transpose_bytes(const uint8_t *const *rows, int64_t at, int64_t valid, int lanes,
                                vf factor, vf offset, bool is_0, float *out)
{
    byte_row a[BYTES], b[BYTES];
#pragma GCC unroll 8
    for (int i = 0; i < BYTES; i++) a[i] = load_byte_pair(rows[i] + at, rows[i + BYTES] + at);
    interleave(a, b);
    interleave(b, a);
    interleave(a, b);
#pragma GCC unroll 8
    for (int i = 0; i < BYTES; i++)
        for (int part = 0; i < valid && part < AED_PARTS; part++) {
            const vf v = widen_bytes(b[i], part);
            v_store(out + (int64_t)i * lanes + part * AED_WIDTH,
                    is_0 ? v * factor : v_fma(v, factor, offset));
        }
}

/* A block of lanes after the other: each row is read from one end to the other. */
AED_INLINE void load_byte_rows(const uint8_t *samples, int64_t features, const uint32_t *ids,
                               int lanes, vf factor, vf offset, bool is_0, float *out)
{
    for (int lane = 0; lane < lanes; lane += AED_LANE_BLOCK) {
        const uint8_t *rows[AED_LANE_BLOCK];
        for (int i = 0; i < AED_LANE_BLOCK; i++)
            rows[i] = samples + (int64_t)ids[lane + i] * features;
        for (int64_t f = 0; f + BYTES <= features; f += BYTES)
            transpose_bytes(rows, f, BYTES, lanes, factor, offset, is_0, out + f * lanes + lane);
        /* The last block moves back over features that are already written, where it can. */
        const int64_t last = features > BYTES ? features - BYTES : 0;
        if (features % BYTES)
            transpose_bytes(rows, last, features, lanes, factor, offset, is_0,
                            out + last * lanes + lane);
    }
}

void AED_SET(load_bytes)(const uint8_t *samples, int64_t features, const uint32_t *ids, int lanes,
                         float factor, float shift, float *out)
{
    const vf factors = v_set(factor), offset = v_set(-shift);
    if (shift == 0)
        load_byte_rows(samples, features, ids, lanes, factors, offset, true, out);
    else
        load_byte_rows(samples, features, ids, lanes, factors, offset, false, out);
}

/* ---- Scaling ------------------------------------------------------------------------------------- */

void AED_SET(standardize)(int64_t count, float shift, float factor, float *x)
{
    const vf shifts = v_set(shift), factors = v_set(factor);
    for (int64_t i = 0; i < count; i += AED_WIDTH)
        v_store(x + i, (v_load(x + i) - shifts) * factors);
}

/* Squares are summed in double, over features in order: no float's square leaves its range. The norm
 * is rounded to float before it divides, so that no quotient exceeds 1. */
void AED_SET(unit_columns)(int64_t features, int lanes, float *x)
{
    for (int lane = 0; lane < lanes; lane += AED_WIDTH) {
        vd low = {0}, high = {0};
        for (int64_t f = 0; f < features; f++) {
            const vf v = v_load(x + f * lanes + lane);
            const vd v_low = v_widen_low(v), v_high = v_widen_high(v);
            low += v_low * v_low;
            high += v_high * v_high;
        }
        float norms[AED_WIDTH];
        for (int i = 0; i < AED_WIDTH / 2; i++) {
            norms[i] = (float)__builtin_sqrt(low[i]);
            norms[i + AED_WIDTH / 2] = (float)__builtin_sqrt(high[i]);
        }
        const vf norm = v_load(norms);
        const vf factor = v_select(norm > 0, v_set(1) / norm, v_set(1));
        for (int64_t f = 0; f < features; f++)
            v_store(x + f * lanes + lane, v_load(x + f * lanes + lane) * factor);
    }
}
