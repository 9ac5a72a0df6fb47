/* LAPACK through OpenBLAS; see blas.h. */
#include "core/blas.h"

#include <stdio.h>

#include "core/memory.h"

/* The Fortran interface: every Debian flavour of OpenBLAS has it. */
void dsyev_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
            double *work, const int *lwork, int *info);
void dsyrk_(const char *uplo, const char *trans, const int *n, const int *k, const double *alpha,
            const double *a, const int *lda, const double *beta, double *c, const int *ldc);
void dgemm_(const char *transa, const char *transb, const int *m, const int *n, const int *k,
            const double *alpha, const double *a, const int *lda, const double *b, const int *ldb,
            const double *beta, double *c, const int *ldc);
char *openblas_get_config(void);
char *openblas_get_corename(void);

static aed_status decompose(const char *what, int n, double *matrix, double *values)
{
    const int size = 64 * n + 64;
    int info = 0;
    double *work = aed_alloc((size_t)size, sizeof *work);
    if (!work) return aed_fail(AED_MEMORY, "out of memory for %d eigenvalues", n);
    dsyev_(what, "U", &n, matrix, &n, values, work, &size, &info);
    aed_free(work);
    if (info != 0)
        return aed_fail(AED_INTERNAL, "LAPACK's dsyev failed on a %d x %d matrix (info %d)", n, n,
                        info);
    return AED_OK;
}

aed_status aed_blas_eigenvalues(int n, double *matrix, double *values)
{
    return decompose("N", n, matrix, values);
}

/* LAPACK's matrices are column by column, so a vector is a row of ours. */
aed_status aed_blas_eigenvectors(int n, double *matrix, double *values)
{
    return decompose("V", n, matrix, values);
}

/* What is the lower triangle to us is the upper one to BLAS. */
void aed_blas_add_products(int n, int count, const double *x, double *matrix)
{
    const double one = 1;
    dsyrk_("U", "N", &n, &count, &one, x, &n, &one, matrix, &n);
}

void aed_blas_multiply(bool transposed, int rows, int columns, int inner, const double *a,
                       const double *b, double *c)
{
    const double one = 1, zero = 0;
    const int lead = transposed ? rows : inner;
    dgemm_("N", transposed ? "T" : "N", &columns, &rows, &inner, &one, b, &columns, a, &lead, &zero,
           c, &columns);
}

const char *aed_blas_name(void)
{
    static char name[160];
    if (!name[0]) {
        char version[96] = "";
        sscanf(openblas_get_config(), "%95[^ ] %*s", version);
        int major = 0, minor = 0, patch = 0;
        if (sscanf(openblas_get_config(), "OpenBLAS %d.%d.%d", &major, &minor, &patch) >= 2)
            snprintf(name, sizeof name, "OpenBLAS %d.%d.%d (%s)", major, minor, patch,
                     openblas_get_corename());
        else
            snprintf(name, sizeof name, "%s (%s)", version, openblas_get_corename());
    }
    return name;
}
