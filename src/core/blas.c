/* LAPACK through OpenBLAS; see blas.h. */
#include "core/blas.h"

#include <stdio.h>

#include "core/memory.h"

/* The Fortran interface: every Debian flavour of OpenBLAS has it. */
void dsyev_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
            double *work, const int *lwork, int *info);
char *openblas_get_config(void);
char *openblas_get_corename(void);

aed_status aed_blas_eigenvalues(int n, double *matrix, double *values)
{
    const int size = 64 * n + 64;
    int info = 0;
    double *work = aed_alloc((size_t)size, sizeof *work);
    if (!work) return aed_fail(AED_MEMORY, "out of memory for %d eigenvalues", n);
    dsyev_("N", "U", &n, matrix, &n, values, work, &size, &info);
    aed_free(work);
    if (info != 0)
        return aed_fail(AED_INTERNAL, "LAPACK's dsyev failed on a %d x %d matrix (info %d)", n, n,
                        info);
    return AED_OK;
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
