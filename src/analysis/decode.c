/* Outputs of codes that are given: vectors, one-hot codes, a range of values along each channel. They
 * enter at a tap: `code`, behind its activation, unless another is named. A number for a channel is
 * taken at all its places. */
#include <string.h>

#include "analysis/analysis.h"

static const char *tap_name(const aed_spec *spec)
{
    const aed_arg_value *tap = aed_spec_value(spec, "tap");
    return tap->count > 0 ? tap->strings[0] : "code";
}

static int tap_layer(const aed_spec *spec, const aed_model *model)
{
    return aed_model_tap(model, tap_name(spec));
}

aed_status aed_check_decode(const aed_spec *spec, const aed_trainer *trainer)
{
    const int layer = tap_layer(spec, &trainer->model);
    if (layer == AED_NO_TAP || layer == trainer->model.layer_count - 1)
        return aed_fail(
            AED_CONFIG,
            "%s: decode.tap is '%.60s', but must be a tap that something follows: code, "
            "logits, input or a layer's name",
            spec->where, tap_name(spec));
    const aed_code code = aed_analysis_tap(&trainer->model, layer);
    const aed_arg_value *vectors = aed_spec_value(spec, "vectors"),
                        *range = aed_spec_value(spec, "range");
    const int64_t columns = vectors->count ? vectors->count / vectors->rows : code.channels;
    if (columns != code.channels && columns != code.features)
        return aed_fail(AED_CONFIG,
                        "%s: decode.vectors have %lld numbers; the tap %.60s has %lld channels%s",
                        spec->where, (long long)columns, tap_name(spec), (long long)code.channels,
                        code.per_channel > 1 ? ", or give all its numbers" : "");
    if (range->given && range->count != 2)
        return aed_fail(AED_CONFIG, "%s: decode.range must be [from, to]", spec->where);
    if (!vectors->count && !range->count && !aed_spec_bool(spec, "one_hot"))
        return aed_fail(AED_CONFIG, "%s: decode what? give it vectors, one_hot: true or a range",
                        spec->where);
    const aed_shape axes = aed_analysis_grid(code.channels,
                                             range->count ? aed_spec_int(spec, "steps") : 1,
                                             aed_analysis_output(&trainer->model));
    return aed_analysis_fits(spec, "axes_output", &axes);
}

/* What is decoded: codes that are given, or values along each channel, all others 0. */
typedef struct codes {
    const double *numbers; /* [count][columns], or [steps] if there are no columns */
    int64_t count, columns, steps;
    int layer; /* whose output they stand for */
} codes;

/* The value of channel c, or of element f if codes are given in full, in code number `at`. */
static double number_of(const codes *list, const aed_code *code, int64_t at, int64_t f)
{
    const int64_t c = f / code->per_channel;
    if (list->columns > 0)
        return list->numbers[at * list->columns + (list->columns == code->features ? f : c)];
    return at / list->steps == c ? list->numbers[at % list->steps] : 0;
}

/* The lanes behind the last code repeat it. */
static void decode(aed_trainer *t, const codes *list, float *out)
{
    const aed_model *model = &t->model;
    const aed_code code = aed_analysis_tap(model, list->layer);
    const int64_t outputs = aed_shape_count(aed_analysis_output(model));
    const int lanes = model->lanes;
    float *values = t->workspace +
                    (list->layer < 0 ? model->input_at : model->output_at[list->layer]);
    memset(t->ids, 0, (size_t)lanes * sizeof *t->ids);
    t->ids_count = 0;
    for (int64_t first = 0; first < list->count; first += lanes) {
        const int64_t left = list->count - first;
        const aed_tile tile = {.lanes = lanes,
                               .valid = (int)(left < lanes ? left : lanes),
                               .ids = t->ids,
                               .keys = t->keys,
                               .scratch = t->workspace + model->scratch_at};
        for (int lane = 0; lane < lanes; lane++) {
            const int64_t at = first + (lane < tile.valid ? lane : tile.valid - 1);
            for (int64_t f = 0; f < code.features; f++)
                values[f * lanes + lane] = (float)number_of(list, &code, at, f);
        }
        const float *y = aed_model_forward_from(model, t->params, t->workspace, list->layer, &tile);
        aed_walk_read(y, outputs, &tile, out + first * outputs);
    }
}

/* Decodes them into an array of that name and shape. */
static aed_status add(aed_analysis *analysis, const char *name, const char *along,
                      const codes *list, const aed_shape *shape)
{
    aed_status status = AED_OK;
    float *out = aed_analysis_add(analysis, name, along, AED_NUMBER_F32, shape, &status);
    if (out) decode(analysis->trainer, list, out);
    return status;
}

static aed_status decode_vectors(aed_analysis *analysis)
{
    const aed_model *model = &analysis->trainer->model;
    const aed_arg_value *vectors = aed_spec_value(analysis->spec, "vectors");
    aed_status status = AED_OK;
    if (vectors->count == 0) return AED_OK;
    const codes list = {.numbers = vectors->numbers,
                        .count = vectors->rows,
                        .columns = vectors->count / vectors->rows,
                        .layer = tap_layer(analysis->spec, model)};
    const aed_shape given = aed_analysis_grid(list.count, list.columns, &(aed_shape){0});
    const aed_shape shape = aed_analysis_rows(list.count, aed_analysis_output(model));
    double *kept = aed_analysis_add(analysis, "vectors", "", AED_NUMBER_F64, &given, &status);
    if (!kept) return status;
    memcpy(kept, list.numbers, (size_t)vectors->count * sizeof *kept);
    return add(analysis, "vectors_output", "", &list, &shape);
}

static aed_status decode_one_hot(aed_analysis *analysis)
{
    const aed_model *model = &analysis->trainer->model;
    const int layer = tap_layer(analysis->spec, model);
    const aed_code code = aed_analysis_tap(model, layer);
    if (!aed_spec_bool(analysis->spec, "one_hot")) return AED_OK;
    static const double one = 1;
    const codes list = {.numbers = &one, .count = code.channels, .steps = 1, .layer = layer};
    const aed_shape shape = aed_analysis_rows(code.channels, aed_analysis_output(model));
    return add(analysis, "one_hot_output", "", &list, &shape);
}

static aed_status decode_axes(aed_analysis *analysis)
{
    const aed_model *model = &analysis->trainer->model;
    const int layer = tap_layer(analysis->spec, model);
    const aed_code code = aed_analysis_tap(model, layer);
    const aed_arg_value *range = aed_spec_value(analysis->spec, "range");
    const int64_t steps = aed_spec_int(analysis->spec, "steps");
    const aed_shape row = aed_analysis_row(steps);
    const aed_shape shape = aed_analysis_grid(code.channels, steps, aed_analysis_output(model));
    aed_status status = AED_OK;
    if (range->count != 2) return AED_OK;
    double *values = aed_analysis_add(analysis, "axes_values", "", AED_NUMBER_F64, &row, &status);
    if (!values) return status;
    for (int64_t i = 0; i < steps; i++)
        values[i] = range->numbers[0] +
                    (range->numbers[1] - range->numbers[0]) * (double)i / (double)(steps - 1);
    const codes list = {
        .numbers = values, .count = code.channels * steps, .steps = steps, .layer = layer};
    return add(analysis, "axes_output", "", &list, &shape);
}

aed_status aed_analyse_decode(aed_analysis *analysis)
{
    aed_status status;
    AED_TRY(decode_vectors(analysis));
    AED_TRY(decode_one_hot(analysis));
    AED_TRY(decode_axes(analysis));
done:
    return status;
}
