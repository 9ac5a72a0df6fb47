/* One sample, taken apart: what each channel of its code adds to the output, and what each filter of the
 * first layer, where that is a one-dimensional convolution, makes of each window.
 *
 *   scaled[c] = decoder(code with channel c alone) - rest,  rest = decoder(0),
 *   sum = rest + the sum of scaled, which is the output where the decoder is linear;
 *   first[position][filter][channel in][tap] = weight x input, whose sums, bias added, are the
 *   first layer's output. */
#include <string.h>

#include "analysis/channels.h"
#include "analysis/chosen.h"
#include "dist/dist.h"
#include "layer/window.h"

enum { MOST_CHANNELS = 4096 };

typedef struct products {
    aed_channels channels;
    int64_t outputs;
    float *scaled, *rest, *sum, *first; /* first: NULL if there is none */
} products;

/* The first layer if it is a conv1d, else NULL. */
static const aed_layer *first_convolution(const aed_model *model)
{
    const aed_layer *layer = &model->layers[0];
    return strcmp(layer->spec->spec.kind->name, "conv1d") == 0 ? layer : NULL;
}

static void multiply(const aed_trainer *t, const aed_layer *layer, int lanes, float *out)
{
    const aed_tensor *weight = &layer->tensors[0];
    const float *w = t->params + weight->offset, *x = t->workspace + t->model.input_at;
    const int64_t filters = weight->shape.size[0], inputs = weight->shape.size[1],
                  taps = weight->shape.size[2], length = layer->in.size[1],
                  positions = layer->out.size[1], groups = layer->in.size[0] / inputs,
                  stride = aed_window_value(layer, 1, "stride", 0, 1),
                  padding = aed_window_value(layer, 1, "padding", 0, 0),
                  dilation = aed_window_value(layer, 1, "dilation", 0, 1);
    for (int64_t p = 0; p < positions; p++)
        for (int64_t f = 0; f < filters; f++)
            for (int64_t i = 0; i < inputs; i++)
                for (int64_t k = 0; k < taps; k++, out++) {
                    const int64_t at = p * stride - padding + k * dilation,
                                  channel = f / (filters / groups) * inputs + i;
                    if (at >= 0 && at < length)
                        *out = w[(f * inputs + i) * taps + k] * x[(channel * length + at) * lanes];
                }
}

aed_status aed_check_products(const aed_spec *spec, const aed_trainer *trainer)
{
    const int64_t channels = aed_analysis_code(&trainer->model).channels;
    if (channels <= MOST_CHANNELS) return aed_check_code(spec, trainer);
    return aed_fail(AED_CONFIG, "%s: products are for codes of at most %d channels, this has %lld",
                    spec->where, MOST_CHANNELS, (long long)channels);
}

/* The one sample is in lane 0. */
static void visit(void *self, aed_trainer *t, const aed_tile *tile, int64_t first,
                  const float *target, double *sums)
{
    products *p = self;
    const aed_tile one = *tile;
    (void)first;
    (void)target;
    (void)sums;
    if (p->first) multiply(t, first_convolution(&t->model), tile->lanes, p->first);
    aed_model_forward(&t->model, t->params, t->workspace, tile);
    aed_channels_begin(&p->channels, t);
    aed_walk_read(aed_channels_only(&p->channels, t, &one, -1), p->outputs, tile, p->rest);
    memcpy(p->sum, p->rest, (size_t)p->outputs * sizeof *p->sum);
    for (int64_t c = 0; c < p->channels.code.channels; c++) {
        float *scaled = p->scaled + c * p->outputs;
        aed_walk_read(aed_channels_only(&p->channels, t, &one, c), p->outputs, tile, scaled);
        for (int64_t i = 0; i < p->outputs; i++) {
            scaled[i] -= p->rest[i];
            p->sum[i] += scaled[i];
        }
    }
}

static aed_status add_arrays(aed_analysis *analysis, products *p)
{
    const aed_model *model = &analysis->trainer->model;
    const aed_layer *layer = first_convolution(model);
    const aed_shape *out = aed_analysis_output(model);
    const int64_t channels = p->channels.code.channels;
    const aed_shape grid = aed_analysis_rows(channels, out);
    aed_status status = AED_OK;
    p->outputs = aed_shape_count(out);
    p->scaled = aed_analysis_add(analysis, "scaled", "", AED_NUMBER_F32, &grid, &status);
    p->rest = aed_analysis_add(analysis, "rest", "", AED_NUMBER_F32, out, &status);
    p->sum = aed_analysis_add(analysis, "sum", "", AED_NUMBER_F32, out, &status);
    if (layer && status == AED_OK) {
        const aed_shape first = aed_analysis_rows(layer->out.size[1], &layer->tensors[0].shape);
        p->first = aed_analysis_add(analysis, "first", "", AED_NUMBER_F32, &first, &status);
    }
    return status;
}

aed_status aed_analyse_products(aed_analysis *analysis)
{
    aed_trainer *t = analysis->trainer;
    const aed_spec *spec = analysis->spec;
    const aed_evaluation_spec samples = aed_analysis_samples(spec);
    const uint32_t place = (uint32_t)aed_spec_int(spec, "sample");
    products p = {0};
    aed_walk walk;
    aed_status status = aed_walk_create(t, &samples, false, &walk);
    if (status == AED_OK) status = aed_walk_choose(&walk, spec->where, "products", &place, 1);
    if (status == AED_OK) status = aed_channels_create(t, &p.channels);
    if (status == AED_OK) status = add_arrays(analysis, &p);
    AED_TRY(aed_dist_agree(&t->comm, status));
    AED_TRY(aed_walk_look(t, &walk, visit, &p));
    status = aed_chosen_look(analysis, &walk, NULL, 0, false);
done:
    aed_channels_destroy(&p.channels);
    aed_walk_destroy(&walk);
    return status;
}
