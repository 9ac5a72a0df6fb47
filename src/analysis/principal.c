/* Principal components of the training targets: mean_floor and floor are the mean squared errors, a
 * sample and element, of predicting the mean and of the best affine code with as many numbers as the
 * model's; mean, and the first components with their variances. */
#include <stdio.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/pca.h"
#include "core/blas.h"
#include "core/memory.h"
#include "dist/dist.h"

/* The covariance is a payload of the canonical sum, of which a rank holds some: with few leaves, few. */
enum { MOST_FEATURES = 2048, LEAVES = 16 };

typedef struct moments {
    int64_t features;
    const double *mean; /* NULL in the first way, which finds it */
    double *centred;    /* [lanes][features] */
} moments;

aed_status aed_check_pca(const aed_spec *spec, const aed_trainer *trainer)
{
    if (trainer->features <= MOST_FEATURES) return AED_OK;
    return aed_fail(AED_CONFIG, "%s: pca is for samples of at most %d numbers, these have %lld",
                    spec->where, MOST_FEATURES, (long long)trainer->features);
}

static void add_mean(const moments *m, const aed_tile *tile, const float *target, double *sums)
{
    for (int64_t f = 0; f < m->features; f++)
        for (int lane = 0; lane < tile->valid; lane++)
            sums[f] += (double)target[f * tile->lanes + lane];
}

/* Always whole tiles, so that the product has one shape. */
static void visit(void *self, aed_trainer *t, const aed_tile *tile, int64_t first,
                  const float *target, double *sums)
{
    const moments *m = self;
    (void)t;
    (void)first;
    if (!m->mean) {
        add_mean(m, tile, target, sums);
        return;
    }
    memset(m->centred, 0, (size_t)(m->features * tile->lanes) * sizeof *m->centred);
    for (int lane = 0; lane < tile->valid; lane++)
        for (int64_t f = 0; f < m->features; f++)
            m->centred[lane * m->features + f] = (double)target[f * tile->lanes + lane] -
                                                 m->mean[f];
    aed_blas_add_products((int)m->features, tile->lanes, m->centred, sums);
}

/* OpenBLAS has other kernels, with other bits, for other processors: all ranks must have the same. */
static aed_status agree_on_blas(const aed_comm *comm)
{
    char name[160] = "";
    snprintf(name, sizeof name, "%s", aed_blas_name());
    aed_status status = aed_dist_broadcast(comm, name, sizeof name, 0);
    if (status == AED_OK && strcmp(name, aed_blas_name()) != 0)
        status = aed_fail(AED_DATA,
                          "pca: rank 0 computes with %.80s, rank %d with %.80s: the result would "
                          "depend on who computes what; set OPENBLAS_CORETYPE to the older one",
                          name, comm->rank, aed_blas_name());
    return aed_dist_agree(comm, status);
}

/* Mean and covariance (its lower triangle) over the walk's samples. */
static aed_status find_moments(aed_trainer *t, aed_walk *walk, double *mean, double *covariance)
{
    const int64_t n = t->features, samples = walk->pass.split.samples;
    moments m = {.features = n};
    const double *sums;
    aed_status status = AED_OK;
    m.centred = aed_alloc((size_t)(n * t->model.lanes), sizeof *m.centred);
    if (!m.centred) status = aed_fail(AED_MEMORY, "out of memory for a tile of targets");
    AED_TRY(aed_dist_agree(&t->comm, status));
    while ((samples + walk->pass.leaf - 1) / walk->pass.leaf > LEAVES) walk->pass.leaf *= 2;
    AED_TRY(aed_walk_run(t, walk, n, visit, &m, &sums));
    for (int64_t f = 0; f < n; f++) mean[f] = sums[f] / (double)samples;
    m.mean = mean;
    AED_TRY(aed_walk_run(t, walk, n * n, visit, &m, &sums));
    for (int64_t i = 0; i < n * n; i++) covariance[i] = sums[i] / (double)samples;
done:
    aed_free(m.centred);
    return status;
}

/* Rank 0 decomposes, so that there is one answer. *components of features, by falling variance. */
static aed_status keep(aed_analysis *analysis, const double *mean, double *covariance,
                       double *values)
{
    const aed_trainer *t = analysis->trainer;
    const int64_t n = t->features, code = aed_analysis_code(&t->model).features;
    const int64_t asked = aed_spec_int(analysis->spec, "components");
    const int64_t wanted = asked > 0 ? asked : code, kept = wanted < n ? wanted : n;
    const aed_shape one = aed_analysis_row(1), row = aed_analysis_row(kept),
                    vectors = aed_analysis_rows(kept, &t->model.input);
    aed_status status = AED_OK;
    double *mean_floor = aed_analysis_add(analysis, "mean_floor", "", AED_NUMBER_F64, &one,
                                          &status);
    double *floor = aed_analysis_add(analysis, "floor", "", AED_NUMBER_F64, &one, &status);
    double *variance = aed_analysis_add(analysis, "variance", "", AED_NUMBER_F64, &row, &status);
    float *components = aed_analysis_add(analysis, "components", "", AED_NUMBER_F32, &vectors,
                                         &status);
    float *average = aed_analysis_add(analysis, "mean", "", AED_NUMBER_F32, &t->model.input,
                                      &status);
    if (status != AED_OK) return status;
    aed_pca_floors(n, values, code, mean_floor, floor);
    for (int64_t i = 0; i < n; i++) average[i] = (float)mean[i];
    for (int64_t k = 0; k < kept; k++) {
        variance[k] = values[n - 1 - k];
        for (int64_t f = 0; f < n; f++)
            components[k * n + f] = (float)covariance[(n - 1 - k) * n + f];
    }
    return AED_OK;
}

aed_status aed_analyse_pca(aed_analysis *analysis)
{
    static const aed_evaluation_spec training = {
        .name = "analysis", .where = "pca", .split = AED_SPLIT_TRAIN};
    aed_trainer *t = analysis->trainer;
    const size_t n = (size_t)t->features;
    double *mean = aed_alloc(2 * n + n * n, sizeof *mean), *values = mean + n, *matrix = values + n;
    aed_walk walk;
    aed_status status = aed_walk_create(t, &training, false, &walk);
    if (status == AED_OK && !mean) status = aed_fail(AED_MEMORY, "out of memory for a PCA");
    AED_TRY(aed_dist_agree(&t->comm, status));
    AED_TRY(agree_on_blas(&t->comm));
    AED_TRY(find_moments(t, &walk, mean, matrix));
    if (t->comm.rank == 0) status = aed_blas_eigenvectors((int)n, matrix, values);
    AED_TRY(aed_dist_agree(&t->comm, status));
    AED_TRY(aed_dist_broadcast(&t->comm, values, (n + n * n) * sizeof *values, 0));
    status = keep(analysis, mean, matrix, values);
done:
    aed_free(mean);
    aed_walk_destroy(&walk);
    return status;
}
