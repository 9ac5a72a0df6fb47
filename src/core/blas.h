/* The only caller of OpenBLAS and its LAPACK. */
#ifndef AED_CORE_BLAS_H
#define AED_CORE_BLAS_H

#include "aedist/status.h"

/* Eigenvalues of the symmetric matrix[n][n] (destroyed), ascending into values[n]. */
aed_status aed_blas_eigenvalues(int n, double *matrix, double *values);

/* Name and version of the library and the processor core that it chose: part of a run's record. */
const char *aed_blas_name(void);

#endif
