/* A linear probe: multinomial logistic regression from codes, standardised, to labels. What it gets
 * right tells what the code knows of them.
 *
 *   minimise  mean over samples of -log softmax(W z + b)[label]  +  penalty / 2 |W|^2
 *
 * by libLBFGS in float64, on rank 0, from zeros. */
#include <lbfgs.h>
#include <math.h>
#include <string.h>

#include "analysis/encode.h"
#include "core/blas.h"
#include "core/memory.h"
#include "dist/dist.h"

enum { MOST_WEIGHTS = 1 << 27 };

/* Codes and labels of a split. */
typedef struct coded {
    int64_t samples, features;
    float *codes;
    int64_t *labels;
} coded;

typedef struct fit {
    int64_t samples, features, classes;
    double penalty;
    const double *z; /* [samples][features + 1]: standardised, and a 1 for the bias */
    const int64_t *labels;
    double *scores; /* [samples][classes] */
} fit;

/* ---- Fit -------------------------------------------------------------------------------------- */

/* Softmax of the scores less the label's 1, in their place; the sum of -log of the label's. */
static double compare(const fit *f)
{
    double loss = 0;
    for (int64_t i = 0; i < f->samples; i++) {
        double *score = f->scores + i * f->classes, largest = score[0], sum = 0;
        for (int64_t c = 1; c < f->classes; c++)
            if (score[c] > largest) largest = score[c];
        const double own = score[f->labels[i]] - largest;
        for (int64_t c = 0; c < f->classes; c++) {
            score[c] = exp(score[c] - largest);
            sum += score[c];
        }
        for (int64_t c = 0; c < f->classes; c++) score[c] /= sum;
        score[f->labels[i]] -= 1;
        loss += log(sum) - own;
    }
    return loss / (double)f->samples;
}

/* weights[features + 1][classes], the bias last. */
static double evaluate(void *self, const double *weights, double *gradient, int count, double step)
{
    const fit *f = self;
    const int rows = (int)f->samples, width = (int)f->features + 1, classes = (int)f->classes;
    (void)step;
    aed_blas_multiply(false, rows, classes, width, f->z, weights, f->scores);
    double loss = compare(f);
    aed_blas_multiply(true, width, classes, rows, f->z, f->scores, gradient);
    for (int i = 0; i < count; i++) gradient[i] /= (double)f->samples;
    for (int i = 0; i < count - classes; i++) {
        loss += f->penalty / 2 * weights[i] * weights[i];
        gradient[i] += f->penalty * weights[i];
    }
    return loss;
}

static aed_status minimise(fit *f, int iterations, double *weights)
{
    const int count = (int)((f->features + 1) * f->classes);
    lbfgs_parameter_t parameters;
    lbfgs_parameter_init(&parameters);
    parameters.max_iterations = iterations;
    parameters.epsilon = 1e-6;
    double *x = lbfgs_malloc(count);
    f->scores = aed_alloc((size_t)(f->samples * f->classes), sizeof *f->scores);
    aed_status status = AED_OK;
    if (!x || !f->scores) {
        status = aed_fail(AED_MEMORY, "out of memory for a probe");
    } else {
        memset(x, 0, (size_t)count * sizeof *x);
        /* However it ends, the weights are the best that it found. */
        (void)lbfgs(count, x, NULL, evaluate, NULL, f, &parameters);
        memcpy(weights, x, (size_t)count * sizeof *x);
    }
    if (x) lbfgs_free(x);
    aed_free(f->scores);
    return status;
}

/* ---- Standardisation ---------------------------------------------------------------------------- */

/* mean and 1 / standard deviation of each number of the training codes; 0 for one that is constant. */
static void measure(const coded *train, double *mean, double *scale)
{
    for (int64_t f = 0; f < train->features; f++) {
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < train->samples; i++)
            sum += (double)train->codes[i * train->features + f];
        mean[f] = sum / (double)train->samples;
        for (int64_t i = 0; i < train->samples; i++) {
            const double d = (double)train->codes[i * train->features + f] - mean[f];
            squares += d * d;
        }
        scale[f] = squares > 0 ? 1 / sqrt(squares / (double)train->samples) : 0;
    }
}

static double *standardise(const coded *set, const double *mean, const double *scale)
{
    const int64_t n = set->features;
    double *z = aed_alloc((size_t)(set->samples * (n + 1)), sizeof *z);
    for (int64_t i = 0; z && i < set->samples; i++) {
        for (int64_t f = 0; f < n; f++)
            z[i * (n + 1) + f] = ((double)set->codes[i * n + f] - mean[f]) * scale[f];
        z[i * (n + 1) + n] = 1;
    }
    return z;
}

/* ---- Judgement ---------------------------------------------------------------------------------- */

/* counts[classes][classes]: label down, what the probe takes it for across. */
static aed_status judge(const coded *set, int64_t classes, const double *z, const double *weights,
                        int64_t *counts, double *accuracy)
{
    double *scores = aed_alloc((size_t)(set->samples * classes), sizeof *scores);
    int64_t right = 0;
    if (!scores) return aed_fail(AED_MEMORY, "out of memory for a probe");
    aed_blas_multiply(false, (int)set->samples, (int)classes, (int)set->features + 1, z, weights,
                      scores);
    for (int64_t i = 0; i < set->samples; i++) {
        int64_t best = 0;
        for (int64_t c = 1; c < classes; c++)
            if (scores[i * classes + c] > scores[i * classes + best]) best = c;
        counts[set->labels[i] * classes + best]++;
        right += best == set->labels[i];
    }
    *accuracy = (double)right / (double)set->samples;
    aed_free(scores);
    return AED_OK;
}

/* On rank 0. counts[2][classes][classes], accuracy[2]: training, then test. */
static aed_status run_probe(const aed_spec *spec, const coded sets[2], int64_t classes,
                            int64_t *counts, double *accuracy)
{
    const int64_t n = sets[0].features;
    double *mean = aed_alloc((size_t)(2 * n + (n + 1) * classes), sizeof *mean);
    double *z[2] = {NULL, NULL}, *scale = mean + n, *weights = scale + n;
    aed_status status = mean ? AED_OK : aed_fail(AED_MEMORY, "out of memory for a probe");
    if (status == AED_OK) measure(&sets[0], mean, scale);
    for (int i = 0; i < 2 && status == AED_OK; i++) {
        z[i] = standardise(&sets[i], mean, scale);
        if (!z[i]) status = aed_fail(AED_MEMORY, "out of memory for a probe");
    }
    fit f = {.samples = sets[0].samples,
             .features = n,
             .classes = classes,
             .penalty = aed_spec_number(spec, "penalty"),
             .z = z[0],
             .labels = sets[0].labels};
    if (status == AED_OK) status = minimise(&f, (int)aed_spec_int(spec, "iterations"), weights);
    for (int i = 0; i < 2 && status == AED_OK; i++)
        status = judge(&sets[i], classes, z[i], weights, counts + i * classes * classes,
                       &accuracy[i]);
    aed_free(mean);
    aed_free(z[0]);
    aed_free(z[1]);
    return status;
}

/* ---- The analysis --------------------------------------------------------------------------------- */

static aed_status encode(aed_analysis *analysis, aed_split_kind split, bool limited, coded *set)
{
    aed_trainer *t = analysis->trainer;
    const aed_evaluation_spec samples = {
        .name = "analysis", .where = analysis->spec->where, .split = split};
    aed_walk walk;
    aed_status status = aed_walk_create(t, &samples, true, &walk);
    if (status == AED_OK && limited)
        status = aed_walk_choose(&walk, analysis->spec->where, "probe", NULL,
                                 aed_spec_int(analysis->spec, "count"));
    set->samples = walk.pass.split.samples;
    set->features = aed_analysis_code(&t->model).features;
    set->codes = aed_alloc((size_t)(set->samples * set->features), sizeof *set->codes);
    set->labels = aed_alloc((size_t)set->samples, sizeof *set->labels);
    if (status == AED_OK && (!set->codes || !set->labels))
        status = aed_fail(AED_MEMORY, "out of memory for the codes of a probe");
    AED_TRY(aed_dist_agree(&t->comm, status));
    status = aed_encode(t, &walk, set->codes, set->labels);
done:
    aed_walk_destroy(&walk);
    return status;
}

aed_status aed_check_probe(const aed_spec *spec, const aed_trainer *trainer)
{
    const int64_t features = aed_analysis_code(&trainer->model).features;
    const aed_status status = aed_check_labels(spec, trainer);
    if (status != AED_OK || features < MOST_WEIGHTS / trainer->data->classes) return status;
    return aed_fail(
        AED_CONFIG, "%s: a probe of %lld numbers for %lld classes would have more than %d weights",
        spec->where, (long long)features, (long long)trainer->data->classes, MOST_WEIGHTS);
}

aed_status aed_analyse_probe(aed_analysis *analysis)
{
    const aed_trainer *t = analysis->trainer;
    const int64_t classes = t->data->classes;
    const aed_shape two = aed_analysis_row(2), matrix = {2, {classes, classes}},
                    matrices = aed_analysis_rows(2, &matrix);
    coded sets[2] = {{0}, {0}};
    aed_status status;
    AED_TRY(encode(analysis, AED_SPLIT_TRAIN, true, &sets[0]));
    AED_TRY(encode(analysis, AED_SPLIT_VAL, false, &sets[1]));
    double *accuracy = aed_analysis_add(analysis, "accuracy", "", AED_NUMBER_F64, &two, &status);
    int64_t *counts = aed_analysis_add(analysis, "confusion", "", AED_NUMBER_I64, &matrices,
                                       &status);
    if (status == AED_OK && t->comm.rank == 0)
        status = run_probe(analysis->spec, sets, classes, counts, accuracy);
    AED_TRY(aed_dist_agree(&t->comm, status));
    AED_TRY(aed_dist_broadcast(&t->comm, accuracy, 2 * sizeof *accuracy, 0));
    status = aed_dist_broadcast(&t->comm, counts, (size_t)(2 * classes * classes) * sizeof *counts,
                                0);
done:
    for (int i = 0; i < 2; i++) {
        aed_free(sets[i].codes);
        aed_free(sets[i].labels);
    }
    return status;
}
