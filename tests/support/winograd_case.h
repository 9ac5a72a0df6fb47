/* Random convolutions for tests of minimal filtering. */
#ifndef AED_TESTS_SUPPORT_WINOGRAD_CASE_H
#define AED_TESTS_SUPPORT_WINOGRAD_CASE_H

#include "kernel/kernels.h"

/* Up to 10 channels and 14 points a side, with any padding; every tenth so large that the gradient takes its tiles
 * in parts. */
enum { AED_CASE_CHANNELS = 26 };
aed_winograd aed_case_winograd(uint64_t *seed);
/* Rows and columns of the wide side, and the points of a plane. */
int aed_case_winograd_rows(const aed_winograd *conv);
int aed_case_winograd_columns(const aed_winograd *conv);
int64_t aed_case_winograd_points(const aed_winograd *conv, bool narrow);

#endif
