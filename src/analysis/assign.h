/* Assignment: one column for each row, no column twice, so that the sum of the values is largest. */
#ifndef AED_ANALYSIS_ASSIGN_H
#define AED_ANALYSIS_ASSIGN_H

#include <stdint.h>

#include "aedist/status.h"

/* values[rows][columns] are from 0 to 1; column[rows] gets the columns, -1 for a row that is left over if
 * there are more rows than columns. Values are compared to 1e-8. Solved by GLPK. Fails with
 * AED_MEMORY, AED_INTERNAL. Not collective. */
aed_status aed_assign(int64_t rows, int64_t columns, const double *values, int64_t *column);

#endif
