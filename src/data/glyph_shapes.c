/* The digits' strokes; see glyph_shapes.h. */
#include "data/glyph_shapes.h"

#include <stddef.h>

enum { MAX_STYLES = 4 };

/* A point that the curve runs through, one where it turns, and the first of a stroke. */
#define P(x, y)                \
    {                          \
        x, y, AED_GLYPH_SMOOTH \
    }
#define C(x, y)                \
    {                          \
        x, y, AED_GLYPH_CORNER \
    }
#define S(x, y)               \
    {                         \
        x, y, AED_GLYPH_START \
    }

/* clang-format off */
static const aed_glyph_style styles[AED_GLYPH_DIGITS][MAX_STYLES] = {
    {   /* 0: closed, and with the end drawn past the start */
        {9, 0.6, {S(54, 2), P(26, 13), P(10, 48), P(22, 86), P(50, 98), P(78, 85), P(90, 50),
                  P(78, 14), P(52, 3)}},
        {9, 0.4, {S(40, 8), P(16, 30), P(12, 66), P(34, 96), P(66, 92), P(88, 60), P(84, 22),
                  P(60, 2), P(34, 14)}},
    },
    {   /* 1: a line, with a flag, with flag and foot */
        {3, 0.65, {S(52, 0), P(50, 50), P(48, 100)}},
        {4, 0.25, {S(27, 24), C(53, 0), P(51, 50), P(50, 100)}},
        {6, 0.10, {S(28, 24), C(53, 0), P(51, 50), P(50, 98), S(22, 99), P(80, 98)}},
    },
    {   /* 2: with an angle at the foot, and with a loop */
        {9, 0.55, {S(12, 22), P(32, 3), P(62, 2), P(80, 22), P(68, 50), P(38, 76), C(9, 97),
                   P(50, 95), P(92, 96)}},
        {10, 0.45, {S(14, 18), P(38, 1), P(70, 6), P(78, 32), P(58, 64), P(28, 94), P(8, 90),
                    P(22, 74), P(52, 88), P(92, 92)}},
    },
    {   /* 3: round, and with a flat top */
        {9, 0.8, {S(14, 12), P(46, 0), P(76, 14), P(70, 37), C(38, 47), P(74, 58), P(82, 82),
                  P(50, 100), P(10, 90)}},
        {8, 0.2, {S(14, 4), P(46, 3), C(80, 3), C(42, 41), P(76, 54), P(82, 80), P(52, 99),
                  P(12, 92)}},
    },
    {   /* 4: open in two strokes, closed, and open in one stroke */
        {7, 0.5, {S(18, 4), P(12, 34), C(16, 56), P(52, 56), P(88, 50), S(78, 4), P(68, 100)}},
        {6, 0.25, {S(62, 2), P(34, 34), C(8, 64), P(92, 63), S(64, 6), P(62, 100)}},
        {8, 0.25, {S(20, 4), P(12, 34), P(32, 54), P(64, 44), P(80, 18), C(83, 4), P(76, 50),
                   P(72, 100)}},
    },
    {   /* 5: in one stroke, with the roof drawn last, and round like an S */
        {8, 0.4, {S(84, 3), C(30, 4), C(20, 45), P(50, 38), P(80, 56), P(74, 86), P(42, 100),
                  P(8, 90)}},
        {9, 0.35, {S(28, 6), C(20, 46), P(52, 40), P(78, 60), P(70, 88), P(40, 100), P(8, 88),
                   S(28, 6), P(88, 2)}},
        {8, 0.25, {S(88, 6), P(54, 4), P(28, 22), P(40, 43), P(70, 56), P(74, 82), P(44, 100),
                   P(10, 90)}},
    },
    {   /* 6: with a bent back, and with a straight one */
        {9, 0.55, {S(72, 2), P(42, 16), P(18, 50), P(20, 84), P(48, 100), P(76, 84), P(74, 60),
                   P(48, 52), P(22, 70)}},
        {8, 0.45, {S(50, 0), P(28, 36), P(14, 72), P(36, 99), P(70, 92), P(78, 68), P(52, 56),
                   P(20, 78)}},
    },
    {   /* 7: plain, with a hook at the start, and with a bar */
        {5, 0.6, {S(10, 8), P(48, 6), C(84, 5), P(60, 46), P(40, 100)}},
        {6, 0.15, {S(12, 24), C(14, 5), P(50, 7), C(86, 4), P(60, 44), P(44, 100)}},
        {7, 0.25, {S(12, 8), P(48, 7), C(84, 4), P(60, 46), P(40, 100), S(32, 52), P(82, 49)}},
    },
    {   /* 8: in one stroke, and as two rings */
        {11, 0.75, {S(76, 16), P(48, 1), P(22, 18), P(44, 44), P(74, 68), P(66, 94), P(38, 99),
                    P(20, 82), P(36, 58), P(66, 36), P(76, 14)}},
        {14, 0.25, {S(52, 2), P(28, 10), P(26, 34), P(50, 45), P(76, 32), P(72, 10), P(48, 2),
                    S(50, 46), P(24, 58), P(20, 86), P(50, 100), P(80, 84), P(76, 58),
                    P(48, 46)}},
    },
    {   /* 9: with a straight stem, and with a round tail */
        {9, 0.65, {S(78, 16), P(52, 2), P(22, 16), P(20, 40), P(46, 50), P(70, 34), C(80, 12),
                   P(76, 52), P(70, 100)}},
        {10, 0.35, {S(76, 12), P(48, 2), P(20, 20), P(24, 44), P(52, 48), P(76, 26), P(80, 14),
                    P(80, 56), P(62, 94), P(24, 96)}},
    },
};
/* clang-format on */

const aed_glyph_style *aed_glyph_style_pick(int digit, double uniform)
{
    const aed_glyph_style *style = styles[digit];
    for (int i = 0; i + 1 < MAX_STYLES && style[1].count > 0; i++) {
        if (uniform < style->frequency) break;
        uniform -= style->frequency;
        style++;
    }
    return style;
}
