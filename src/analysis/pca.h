/* What a linear code can reach: the residual of principal component analysis. */
#ifndef AED_ANALYSIS_PCA_H
#define AED_ANALYSIS_PCA_H

#include <stdint.h>

#include "aedist/status.h"

/* Over samples[count][features]: *mean_floor is the mean squared error, a sample and element, of
 * predicting the mean sample, *pca_floor that of the best affine code of `rank` numbers (the sum of
 * the smallest features - rank eigenvalues of the covariance, over features). Not collective. */
aed_status aed_pca_floor(int64_t count, int64_t features, const float *samples, int64_t rank,
                         double *mean_floor, double *pca_floor);

/* The same two from the covariance's eigenvalues, ascending. */
void aed_pca_floors(int64_t features, const double *values, int64_t rank, double *mean_floor,
                    double *pca_floor);

/* Whether that is quick: at most about a second. */
int aed_pca_is_cheap(int64_t count, int64_t features);

#endif
