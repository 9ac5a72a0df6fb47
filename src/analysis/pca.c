/* The PCA floor by LAPACK; see pca.h. In float64, two passes: mean, then covariance. */
#include "analysis/pca.h"

#include "core/blas.h"
#include "core/memory.h"

int aed_pca_is_cheap(int64_t count, int64_t features)
{
    return features <= 512 && count <= 1000000000 / (features * features);
}

static void covariance(int64_t count, int64_t features, const float *samples, double *mean,
                       double *centred, double *matrix)
{
    for (int64_t i = 0; i < count; i++)
        for (int64_t f = 0; f < features; f++) mean[f] += samples[i * features + f];
    for (int64_t f = 0; f < features; f++) mean[f] /= (double)count;
    for (int64_t i = 0; i < count; i++) {
        for (int64_t f = 0; f < features; f++) centred[f] = samples[i * features + f] - mean[f];
        for (int64_t f = 0; f < features; f++)
            for (int64_t g = 0; g <= f; g++) matrix[g * features + f] += centred[f] * centred[g];
    }
    for (int64_t f = 0; f < features; f++)
        for (int64_t g = 0; g <= f; g++) {
            matrix[g * features + f] /= (double)count;
            matrix[f * features + g] = matrix[g * features + f];
        }
}

void aed_pca_floors(int64_t features, const double *values, int64_t rank, double *mean_floor,
                    double *pca_floor)
{
    *mean_floor = *pca_floor = 0;
    for (int64_t i = 0; i < features; i++) {
        const double value = values[i] > 0 ? values[i] : 0; /* rounding may go below */
        *mean_floor += value / (double)features;
        if (i < features - rank) *pca_floor += value / (double)features;
    }
}

aed_status aed_pca_floor(int64_t count, int64_t features, const float *samples, int64_t rank,
                         double *mean_floor, double *pca_floor)
{
    aed_status status = AED_OK;
    const size_t n = (size_t)features;
    double *mean = aed_alloc(3 * n, sizeof *mean), *matrix = aed_alloc(n * n, sizeof *matrix);
    if (!mean || !matrix) {
        status = aed_fail(AED_MEMORY, "out of memory for the PCA of %zu features", n);
        goto done;
    }
    double *values = mean + 2 * n;
    covariance(count, features, samples, mean, mean + n, matrix);
    AED_TRY(aed_blas_eigenvalues((int)features, matrix, values));
    aed_pca_floors(features, values, rank, mean_floor, pca_floor);
done:
    aed_free(mean);
    aed_free(matrix);
    return status;
}
