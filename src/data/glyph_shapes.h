/* How the digits are written: strokes as points, and which ways of writing each digit there are.
 * Private to src/data. */
#ifndef AED_DATA_GLYPH_SHAPES_H
#define AED_DATA_GLYPH_SHAPES_H

#include <stdint.h>

enum { AED_GLYPH_DIGITS = 10, AED_GLYPH_MAX_POINTS = 20 };

typedef enum aed_glyph_join {
    AED_GLYPH_SMOOTH, /* the curve runs through the point */
    AED_GLYPH_CORNER, /* it turns there */
    AED_GLYPH_START   /* the pen is set down there */
} aed_glyph_join;

/* In hundredths of the digit's box, x to the right, y down; a stroke may leave the box. */
typedef struct aed_glyph_point {
    int8_t x, y;
    uint8_t join;
} aed_glyph_point;

/* One way to write a digit. */
typedef struct aed_glyph_style {
    int count;        /* of points */
    double frequency; /* how often a digit is written so; a digit's add up to 1 */
    aed_glyph_point point[AED_GLYPH_MAX_POINTS];
} aed_glyph_style;

/* The style of `digit` (0 ... 9) for a uniform number in [0, 1). */
const aed_glyph_style *aed_glyph_style_pick(int digit, double uniform);

#endif
