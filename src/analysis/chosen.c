/* See chosen.h. */
#include "analysis/chosen.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/channels.h"
#include "config/analyses.h"
#include "core/memory.h"
#include "dist/dist.h"

/* Channels of a code beyond which nobody looks at each one's absence. */
enum { MOST_ABLATED = 64 };

aed_status aed_check_chosen(const aed_spec *spec, const aed_trainer *trainer)
{
    const aed_model *model = &trainer->model;
    const aed_shape *out = aed_analysis_output(model);
    const aed_code code = aed_analysis_code(model);
    const bool ablated = spec->kind == aed_analysis_kind_of(AED_ANALYSIS_RECONSTRUCT);
    const int64_t channels = ablated && code.channels <= MOST_ABLATED ? code.channels : 1;
    aed_status status = ablated ? aed_check_code(spec, trainer) : AED_OK;
    aed_split split;
    if (status != AED_OK) return status;
    AED_TRY(aed_dataset_split(trainer->data, aed_analysis_samples(spec).split, &split));
    const int64_t count = aed_analysis_count(spec, &split);
    const aed_shape clean = aed_analysis_rows(count, &model->input),
                    codes = aed_analysis_rows(count, &code.shape),
                    outputs = aed_analysis_grid(channels, count, out);
    AED_TRY(aed_analysis_fits(spec, "clean", &clean));
    AED_TRY(aed_analysis_fits(spec, "code", &codes));
    AED_TRY(aed_analysis_fits(spec, channels > 1 ? "ablated" : "output", &outputs));
done:
    return status;
}

typedef struct rank {
    float key;
    uint32_t place;
} rank;

/* The largest first; of equals the first. */
static int compare(const void *a, const void *b)
{
    const rank *x = a, *y = b;
    if (x->key != y->key) return x->key > y->key ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

aed_status aed_chosen_sort(int64_t samples, const float *keys, int64_t count, uint32_t *places)
{
    rank *ranks = aed_alloc((size_t)samples, sizeof *ranks);
    if (!ranks) return aed_fail(AED_MEMORY, "out of memory for the order of samples");
    for (int64_t i = 0; i < samples; i++)
        ranks[i] = (rank){isnan(keys[i]) ? INFINITY : keys[i], (uint32_t)i};
    qsort(ranks, (size_t)samples, sizeof *ranks, compare);
    for (int64_t i = 0; i < count; i++) places[i] = ranks[i].place;
    aed_free(ranks);
    return AED_OK;
}

typedef struct chosen {
    aed_channels channels;
    int64_t samples, inputs, outputs;
    float *clean, *input, *output, *code;
    float *ablated; /* [channels][samples][outputs]; NULL: not wanted */
} chosen;

static void visit(void *self, aed_trainer *t, const aed_tile *tile, int64_t first,
                  const float *target, double *sums)
{
    chosen *c = self;
    const aed_model *model = &t->model;
    (void)sums;
    aed_walk_read(target, c->inputs, tile, c->clean + first * c->inputs);
    aed_walk_read(aed_model_output(model, t->workspace, -1), c->inputs, tile,
                  c->input + first * c->inputs);
    aed_walk_read(aed_model_forward(model, t->params, t->workspace, tile), c->outputs, tile,
                  c->output + first * c->outputs);
    aed_walk_read(aed_channels_code(t), c->channels.code.features, tile,
                  c->code + first * c->channels.code.features);
    if (!c->ablated) return;
    aed_channels_begin(&c->channels, t);
    for (int64_t i = 0; i < c->channels.code.channels; i++)
        aed_walk_read(aed_channels_without(&c->channels, t, tile, i), c->outputs, tile,
                      c->ablated + (i * c->samples + first) * c->outputs);
}

static aed_status add_arrays(aed_analysis *analysis, const aed_walk *walk, bool ablated, chosen *c)
{
    const aed_model *model = &analysis->trainer->model;
    const aed_shape *out = aed_analysis_output(model);
    const aed_code *code = &c->channels.code;
    const aed_shape row = aed_analysis_row(c->samples),
                    in_rows = aed_analysis_rows(c->samples, &model->input),
                    out_rows = aed_analysis_rows(c->samples, out),
                    codes = aed_analysis_rows(c->samples, &code->shape),
                    grid = aed_analysis_grid(code->channels, c->samples, out);
    aed_status status = AED_OK;
    int64_t *places = aed_analysis_add(analysis, "sample", "", AED_NUMBER_I64, &row, &status);
    c->clean = aed_analysis_add(analysis, "clean", "sample", AED_NUMBER_F32, &in_rows, &status);
    c->input = aed_analysis_add(analysis, "input", "sample", AED_NUMBER_F32, &in_rows, &status);
    c->output = aed_analysis_add(analysis, "output", "sample", AED_NUMBER_F32, &out_rows, &status);
    c->code = aed_analysis_add(analysis, "code", "sample", AED_NUMBER_F32, &codes, &status);
    if (ablated && code->channels <= MOST_ABLATED)
        c->ablated = aed_analysis_add(analysis, "ablated", "", AED_NUMBER_F32, &grid, &status);
    for (int64_t i = 0; status == AED_OK && i < c->samples; i++) places[i] = walk->places[i];
    return status;
}

aed_status aed_chosen_look(aed_analysis *analysis, aed_walk *walk, const uint32_t *places,
                           int64_t count, bool ablated)
{
    aed_trainer *t = analysis->trainer;
    const aed_spec *spec = analysis->spec;
    chosen c = {.inputs = t->features, .outputs = aed_shape_count(aed_analysis_output(&t->model))};
    aed_status status = aed_channels_create(t, &c.channels);
    if (status == AED_OK && places)
        status = aed_walk_choose(walk, spec->where, spec->kind->name, places, count);
    c.samples = walk->pass.split.samples;
    if (status == AED_OK) status = add_arrays(analysis, walk, ablated, &c);
    AED_TRY(aed_dist_agree(&t->comm, status));
    status = aed_walk_look(t, walk, visit, &c);
done:
    aed_channels_destroy(&c.channels);
    return status;
}
