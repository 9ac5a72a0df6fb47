/* The only caller of OpenBLAS and its LAPACK. */
#ifndef AED_CORE_BLAS_H
#define AED_CORE_BLAS_H

#include <stdbool.h>

#include "aedist/status.h"

/* Eigenvalues of the symmetric matrix[n][n] (destroyed), ascending into values[n]. */
aed_status aed_blas_eigenvalues(int n, double *matrix, double *values);

/* The same with the eigenvectors, which take the matrix's place: vector k in matrix[k][0 ... n-1]. */
aed_status aed_blas_eigenvectors(int n, double *matrix, double *values);

/* matrix[i][j] += the sum over s < count of x[s][i] x[s][j], for j <= i only: all that the
 * decompositions read. matrix[n][n], x[count][n]. */
void aed_blas_add_products(int n, int count, const double *x, double *matrix);

/* c[rows][columns] = a[rows][inner] b[inner][columns]; transposed: a is [inner][rows]. */
void aed_blas_multiply(bool transposed, int rows, int columns, int inner, const double *a,
                       const double *b, double *c);

/* Name and version of the library and the processor core that it chose: part of a run's record. */
const char *aed_blas_name(void);

#endif
