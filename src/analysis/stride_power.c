/* Power at the period of the last stride, of outputs and of targets: what a decoder's stride leaves as
 * a checkerboard stands out here. Of each line x[0 ... n-1], less its mean:
 * |sum x[i] exp(-2 pi i / period)|^2 / n; along the last dimension, and the one before if there are
 * two. */
#include <string.h>

#include "analysis/analysis.h"
#include "core/memory.h"
#include "core/trig.h"
#include "dist/dist.h"

typedef struct waves {
    int64_t period, planes, rows, columns; /* of a sample: planes of rows of columns */
    double *cosine, *sine;                 /* [period] */
} waves;

/* The stride of the last transposed convolution, or the factor of the last upsampling; 0: none. */
static int64_t last_stride(const aed_model *model)
{
    for (int i = model->layer_count - 1; i > model->code_layer; i--) {
        const aed_spec *spec = &model->layers[i].spec->spec;
        const char *key = strncmp(spec->kind->name, "conv_transpose", 14) == 0 ? "stride"
                          : strncmp(spec->kind->name, "upsample", 8) == 0      ? "scale"
                                                                               : NULL;
        for (int k = 0; key && k < spec->kind->arg_count; k++) {
            if (strcmp(spec->kind->args[k].name, key) != 0) continue;
            const aed_arg_value *value = &spec->values[k];
            const double stride = value->count > 0 ? value->numbers[value->count - 1]
                                                   : value->number;
            if (stride > 1) return (int64_t)stride;
        }
    }
    return 0;
}

static int64_t period_of(const aed_spec *spec, const aed_model *model)
{
    const int64_t given = aed_spec_int(spec, "period");
    return given > 0 ? given : last_stride(model);
}

aed_status aed_check_stride_power(const aed_spec *spec, const aed_trainer *trainer)
{
    const aed_shape *shape = &trainer->model.input;
    const int64_t period = period_of(spec, &trainer->model);
    if (period < 2)
        return aed_fail(AED_CONFIG,
                        "%s: the decoder has no stride whose period could be looked at; give "
                        "stride_power a period of 2 or more",
                        spec->where);
    if (shape->rank < 2 || shape->size[shape->rank - 1] < period)
        return aed_fail(AED_CONFIG,
                        "%s: stride_power looks along lines of at least %lld numbers, which "
                        "samples of this shape have not",
                        spec->where, (long long)period);
    return AED_OK;
}

/* Of `count` numbers that lie `step` lanes' widths apart. */
static double power(const waves *w, const float *x, int64_t count, int64_t step)
{
    double mean = 0, real = 0, imaginary = 0;
    for (int64_t i = 0; i < count; i++) mean += (double)x[i * step];
    mean /= (double)count;
    for (int64_t i = 0; i < count; i++) {
        real += ((double)x[i * step] - mean) * w->cosine[i % w->period];
        imaginary -= ((double)x[i * step] - mean) * w->sine[i % w->period];
    }
    return (real * real + imaginary * imaginary) / (double)count;
}

static double sample_power(const waves *w, const float *x, int lanes)
{
    const bool flat = w->rows >= w->period;
    double sum = 0;
    for (int64_t p = 0; p < w->planes; p++) {
        const float *plane = x + p * w->rows * w->columns * lanes;
        double along = 0, down = 0;
        for (int64_t r = 0; r < w->rows; r++)
            along += power(w, plane + r * w->columns * lanes, w->columns, lanes);
        for (int64_t c = 0; c < w->columns && flat; c++)
            down += power(w, plane + c * lanes, w->rows, w->columns * lanes);
        along /= (double)w->rows;
        sum += flat ? (along + down / (double)w->columns) / 2 : along;
    }
    return sum / (double)w->planes;
}

static void visit(void *self, aed_trainer *t, const aed_tile *tile, int64_t first,
                  const float *target, double *sums)
{
    const waves *w = self;
    const float *y = aed_model_forward(&t->model, t->params, t->workspace, tile);
    (void)first;
    for (int lane = 0; lane < tile->valid; lane++) {
        sums[0] += sample_power(w, y + lane, tile->lanes);
        sums[1] += sample_power(w, target + lane, tile->lanes);
    }
}

static aed_status make_waves(const aed_spec *spec, const aed_model *model, waves *w)
{
    const aed_shape *shape = &model->input;
    w->period = period_of(spec, model);
    w->planes = shape->size[0];
    w->rows = shape->rank > 2 ? shape->size[shape->rank - 2] : 1;
    w->columns = shape->size[shape->rank - 1];
    w->cosine = aed_alloc(2 * (size_t)w->period, sizeof *w->cosine);
    if (!w->cosine) return aed_fail(AED_MEMORY, "out of memory for stride_power");
    w->sine = w->cosine + w->period;
    for (int64_t i = 0; i < w->period; i++) {
        const double angle = 6.283185307179586 * (double)i / (double)w->period;
        w->cosine[i] = aed_trig_cos(angle);
        w->sine[i] = aed_trig_sin(angle);
    }
    return AED_OK;
}

aed_status aed_analyse_stride_power(aed_analysis *analysis)
{
    aed_trainer *t = analysis->trainer;
    const aed_evaluation_spec samples = aed_analysis_samples(analysis->spec);
    const aed_shape one = aed_analysis_row(1);
    waves w = {0};
    aed_walk walk;
    const double *sums;
    aed_status status = aed_walk_create(t, &samples, false, &walk);
    if (status == AED_OK) status = make_waves(analysis->spec, &t->model, &w);
    double *period = aed_analysis_add(analysis, "period", "", AED_NUMBER_F64, &one, &status);
    double *output = aed_analysis_add(analysis, "output", "", AED_NUMBER_F64, &one, &status);
    double *target = aed_analysis_add(analysis, "target", "", AED_NUMBER_F64, &one, &status);
    AED_TRY(aed_dist_agree(&t->comm, status));
    AED_TRY(aed_walk_run(t, &walk, 2, visit, &w, &sums));
    *period = (double)w.period;
    *output = sums[0] / (double)walk.pass.split.samples;
    *target = sums[1] / (double)walk.pass.split.samples;
done:
    aed_free(w.cosine);
    aed_walk_destroy(&walk);
    return status;
}
