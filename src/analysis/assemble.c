/* Whole curves from a model of windows: the data source without its `window` gives the curves, the
 * model is applied to windows `stride` apart, and the outputs, less the bias of the last layer, are laid
 * over each other; the bias is added once. Where windows overlap their values are
 *
 *   sum      added, as one transposed convolution over the whole curve would;
 *   halve    added after each tap that overlaps another window's in the midst of a curve has been
 *            halved, at the ends of the curve too, where nothing overlaps;
 *   average  divided by the number of windows that are there.
 *
 * loss is the mean squared error of whole curves, interior and outer that of the points within and
 * outside of the border. */
#include <math.h>
#include <string.h>

#include "analysis/analysis.h"
#include "core/memory.h"
#include "dist/dist.h"

enum { SUM, HALVE, AVERAGE, WAYS };

typedef struct assembly {
    aed_source source; /* of whole curves */
    aed_dataset curves;
    int64_t rows, window, points, stride, windows, border, count;
    double *bias;     /* [rows] of the last layer */
    double *share;    /* [window]: of a tap in `halve` */
    int64_t *covered; /* [points]: windows that a point lies in */
    float *whole;     /* [rows][length of a curve][lanes] of a tile */
    float *curve;     /* [rows][points][lanes]: what windows reach of it */
    double *laid;     /* [WAYS][rows][points][lanes] */
    double errors[WAYS], inner[WAYS], outer[WAYS];
    float *kept, *target; /* arrays: [WAYS][count][rows][points], [count][rows][points] */
    int64_t *sample;
} assembly;

/* ---- What fits --------------------------------------------------------------------------------- */

static const aed_arg_value *window_of(const aed_spec *data)
{
    for (int i = 0; i < data->kind->arg_count; i++)
        if (strcmp(data->kind->args[i].name, "window") == 0) return &data->values[i];
    return NULL;
}

/* The product of the encoder's strides. */
static int64_t stride_of(const aed_spec *spec, const aed_model *model)
{
    int64_t stride = aed_spec_int(spec, "stride");
    if (stride > 0) return stride;
    stride = 1;
    for (int i = 0; i <= model->code_layer; i++) {
        const aed_spec *layer = &model->layers[i].spec->spec;
        for (int k = 0; k < layer->kind->arg_count; k++) {
            const aed_arg_value *value = &layer->values[k];
            if (strcmp(layer->kind->args[k].name, "stride") != 0) continue;
            stride *= (int64_t)(value->count > 0 ? value->numbers[0] : value->number);
        }
    }
    return stride;
}

aed_status aed_check_assemble(const aed_spec *spec, const aed_trainer *trainer)
{
    const aed_arg_value *window = window_of(&trainer->config->data);
    const aed_model *model = &trainer->model;
    if (!window || window->number < 1)
        return aed_fail(AED_CONFIG,
                        "%s: assemble puts windows together, but the data are not cut into "
                        "windows; set data.window",
                        spec->where);
    if (!aed_shape_equal(&model->input, aed_analysis_output(model)) || model->input.rank != 2)
        return aed_fail(AED_CONFIG, "%s: assemble needs outputs of the windows' shape",
                        spec->where);
    if (trainer->data->scale.kind != AED_SCALE_NONE)
        return aed_fail(AED_CONFIG, "%s: assemble needs data that are not scaled", spec->where);
    if (stride_of(spec, model) > model->input.size[1])
        return aed_fail(AED_CONFIG, "%s: a stride of %lld leaves gaps between windows of %lld",
                        spec->where, (long long)stride_of(spec, model),
                        (long long)model->input.size[1]);
    return AED_OK;
}

/* ---- Set-up ------------------------------------------------------------------------------------ */

/* The same source without its window. */
static aed_status make_curves(const aed_trainer *t, assembly *a)
{
    const aed_spec *data = &t->config->data;
    const size_t count = (size_t)data->kind->arg_count;
    aed_arg_value *values = aed_alloc(count, sizeof *values);
    if (!values) return aed_fail(AED_MEMORY, "out of memory for the curves");
    memcpy(values, data->values, count * sizeof *values);
    values[window_of(data) - data->values] = (aed_arg_value){.given = true};
    const aed_spec whole = {data->kind, values, data->where};
    aed_status status = aed_source_create(&whole, &a->source);
    aed_free(values);
    if (status == AED_OK) status = aed_dataset_create(&a->source, NULL, &a->curves);
    return status;
}

static aed_status make_room(const aed_trainer *t, assembly *a)
{
    const size_t all = (size_t)(a->rows * a->points), lanes = (size_t)t->model.lanes;
    a->bias = aed_alloc((size_t)a->rows, sizeof *a->bias);
    a->share = aed_alloc((size_t)a->window, sizeof *a->share);
    a->covered = aed_alloc((size_t)a->points, sizeof *a->covered);
    a->curve = aed_alloc_aligned(all * lanes, sizeof *a->curve);
    a->whole = aed_alloc_aligned((size_t)(a->rows * a->source.shape.size[1]) * lanes,
                                 sizeof *a->whole);
    a->laid = aed_alloc(WAYS * all * lanes, sizeof *a->laid);
    if (a->bias && a->share && a->covered && a->curve && a->whole && a->laid) return AED_OK;
    return aed_fail(AED_MEMORY, "out of memory for the curves");
}

static void find_overlaps(const aed_trainer *t, assembly *a)
{
    const aed_layer *last = &t->model.layers[t->model.layer_count - 1];
    for (int64_t k = 0; k < a->window; k++)
        a->share[k] = k < a->window - a->stride || k >= a->stride ? 0.5 : 1;
    for (int64_t w = 0; w < a->windows; w++)
        for (int64_t k = 0; k < a->window; k++) a->covered[w * a->stride + k]++;
    if (last->tensor_count < 2 || last->tensors[1].shape.size[0] != a->rows) return;
    for (int64_t r = 0; r < a->rows; r++)
        a->bias[r] = (double)t->params[last->tensors[1].offset + r];
}

static aed_status set_up(aed_analysis *analysis, assembly *a)
{
    const aed_trainer *t = analysis->trainer;
    aed_status status = make_curves(t, a);
    if (status != AED_OK) return status;
    a->rows = t->model.input.size[0];
    a->window = t->model.input.size[1];
    a->points = a->source.shape.size[1];
    a->stride = stride_of(analysis->spec, &t->model);
    a->windows = (a->points - a->window) / a->stride + 1;
    a->points = a->window + (a->windows - 1) * a->stride; /* what windows reach */
    const int64_t border = aed_spec_int(analysis->spec, "border");
    a->border = border > 0 ? border : a->window - a->stride;
    a->count = aed_spec_int(analysis->spec, "count");
    if (a->count > a->curves.samples) a->count = a->curves.samples;
    AED_TRY(make_room(t, a));
    find_overlaps(t, a);
done:
    return status;
}

/* ---- Curves ------------------------------------------------------------------------------------ */

/* Lays the outputs for window w of the tile over what is there. */
static void lay(const assembly *a, int lanes, int64_t w, const float *y)
{
    const int64_t all = a->rows * a->points;
    for (int64_t r = 0; r < a->rows; r++)
        for (int64_t k = 0; k < a->window; k++) {
            const int64_t point = w * a->stride + k, at = (r * a->points + point) * lanes;
            const double scale[WAYS] = {1, a->share[k], 1 / (double)a->covered[point]};
            for (int lane = 0; lane < lanes; lane++) {
                const double value = (double)y[(r * a->window + k) * lanes + lane] - a->bias[r];
                for (int way = 0; way < WAYS; way++)
                    a->laid[way * all * lanes + at + lane] += scale[way] * value;
            }
        }
}

/* Adds the squared errors of the tile's curves, of which the first is number `first`. */
static void judge(assembly *a, const aed_tile *tile, int64_t first)
{
    const int64_t all = a->rows * a->points;
    for (int way = 0; way < WAYS; way++)
        for (int lane = 0; lane < tile->valid; lane++)
            for (int64_t i = 0; i < all; i++) {
                const int64_t point = i % a->points, curve = first + lane;
                const double target = (double)a->curve[i * tile->lanes + lane];
                const double value = a->laid[(way * all + i) * tile->lanes + lane] +
                                     a->bias[i / a->points];
                const double error = (value - target) * (value - target);
                const bool inside = point >= a->border && point < a->points - a->border;
                a->errors[way] += error;
                *(inside ? &a->inner[way] : &a->outer[way]) += error;
                if (curve >= a->count) continue;
                a->kept[(way * a->count + curve) * all + i] = (float)value;
                a->target[curve * all + i] = (float)target;
            }
}

static aed_status assemble_tile(aed_trainer *t, assembly *a, int64_t first)
{
    const aed_model *model = &t->model;
    const int lanes = model->lanes;
    const int64_t left = a->curves.samples - first, all = a->rows * a->points,
                  length = a->source.shape.size[1];
    const aed_tile tile = {.lanes = lanes,
                           .valid = (int)(left < lanes ? left : lanes),
                           .ids = t->ids,
                           .keys = t->keys,
                           .scratch = t->workspace + model->scratch_at};
    float *whole = a->whole;
    for (int lane = 0; lane < lanes; lane++)
        t->ids[lane] = (uint32_t)(first + (lane < tile.valid ? lane : tile.valid - 1));
    const aed_status status = aed_dataset_tile(&a->curves, 0, t->ids, lanes, 1, whole, whole, NULL);
    if (status != AED_OK) return status;
    for (int64_t i = 0; i < all; i++)
        memcpy(a->curve + i * lanes, whole + (i / a->points * length + i % a->points) * lanes,
               (size_t)lanes * sizeof *whole);
    memset(a->laid, 0, WAYS * (size_t)(all * lanes) * sizeof *a->laid);
    for (int64_t w = 0; w < a->windows; w++) {
        for (int64_t i = 0; i < a->rows * a->window; i++)
            memcpy(t->workspace + model->input_at + i * lanes,
                   a->curve + (i / a->window * a->points + w * a->stride + i % a->window) * lanes,
                   (size_t)lanes * sizeof *a->curve);
        lay(a, lanes, w, aed_model_forward(model, t->params, t->workspace, &tile));
    }
    judge(a, &tile, first);
    return AED_OK;
}

/* ---- Results ----------------------------------------------------------------------------------- */

static aed_status add_arrays(aed_analysis *analysis, assembly *a)
{
    const aed_shape curve = {2, {a->rows, a->points}}, row = aed_analysis_row(a->count),
                    curves = aed_analysis_rows(a->count, &curve),
                    grid = aed_analysis_grid(WAYS, a->count, &curve);
    aed_status status = AED_OK;
    a->sample = aed_analysis_add(analysis, "sample", "", AED_NUMBER_I64, &row, &status);
    a->target = aed_analysis_add(analysis, "target", "sample", AED_NUMBER_F32, &curves, &status);
    a->kept = aed_analysis_add(analysis, "curve", "", AED_NUMBER_F32, &grid, &status);
    for (int64_t i = 0; status == AED_OK && i < a->count; i++) a->sample[i] = i;
    return status;
}

/* One loss for each of sum, halve, average. */
static aed_status add_loss(aed_analysis *analysis, const char *name, const double *errors,
                           int64_t numbers)
{
    const aed_shape row = aed_analysis_row(WAYS);
    aed_status status = AED_OK;
    double *loss = aed_analysis_add(analysis, name, "", AED_NUMBER_F64, &row, &status);
    for (int way = 0; loss && way < WAYS; way++)
        loss[way] = numbers > 0 ? errors[way] / (double)numbers : NAN;
    return status;
}

static aed_status add_losses(aed_analysis *analysis, const assembly *a)
{
    const int64_t lines = a->curves.samples * a->rows;
    const int64_t outer = 2 * a->border < a->points ? 2 * a->border : a->points;
    aed_status status;
    AED_TRY(add_loss(analysis, "loss", a->errors, lines * a->points));
    AED_TRY(add_loss(analysis, "interior", a->inner, lines * (a->points - outer)));
    AED_TRY(add_loss(analysis, "outer", a->outer, lines * outer));
done:
    return status;
}

aed_status aed_analyse_assemble(aed_analysis *analysis)
{
    aed_trainer *t = analysis->trainer;
    assembly a = {0};
    aed_status status = set_up(analysis, &a);
    if (status == AED_OK) status = add_arrays(analysis, &a);
    t->ids_count = 0;
    for (int64_t first = 0; first < a.curves.samples && status == AED_OK; first += t->model.lanes)
        status = assemble_tile(t, &a, first);
    AED_TRY(aed_dist_agree(&t->comm, status));
    status = add_losses(analysis, &a);
done:
    aed_dataset_destroy(&a.curves);
    aed_source_destroy(&a.source);
    aed_free(a.bias);
    aed_free(a.share);
    aed_free(a.covered);
    aed_free(a.curve);
    aed_free(a.whole);
    aed_free(a.laid);
    return status;
}
