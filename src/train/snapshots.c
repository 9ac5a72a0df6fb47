/* A snapshot is an evaluation of its own whose outputs are kept instead of their losses. There are few
 * samples, and every rank computes all of them: nothing has to be sent. See snapshots.h. */
#include "train/snapshots.h"

#include <inttypes.h>
#include <string.h>

#include "core/memory.h"

/* Of all snapshots of a trial: they are kept in memory, and on every rank. */
enum { MOST_BYTES = 1 << 30 };

static int64_t features_of(const aed_model *model, int layer)
{
    return aed_shape_count(layer < 0 ? &model->input : &model->layers[layer].out);
}

/* ---- Set-up ----------------------------------------------------------------------------------- */

/* The block of all numbers. */
static aed_status make_room(const aed_trainer *t, const aed_snapshot_spec *spec, aed_snapshots *s)
{
    const aed_model *model = &t->model;
    s->inputs = t->features;
    s->outputs = features_of(model, model->layer_count - 1);
    s->codes = features_of(model, model->code_layer);
    s->room = t->config->epochs / spec->every + 3; /* the untrained model, and two last epochs */
    const int64_t once = 2 * s->inputs, each = s->outputs + s->codes; /* each below 2^32 */
    if ((double)s->samples * ((double)once + (double)s->room * (double)each) * sizeof(float) >
        MOST_BYTES)
        return aed_fail(AED_CONFIG,
                        "%s: snapshots of %" PRId64 " samples, %" PRId64
                        " times, would take more than 1 GiB; raise snapshots.every or take fewer "
                        "samples",
                        spec->of.where, s->samples, s->room);
    s->epochs = aed_alloc((size_t)s->room, sizeof *s->epochs);
    s->clean = aed_alloc((size_t)(s->samples * (once + s->room * each)), sizeof *s->clean);
    if (!s->epochs || !s->clean) return aed_fail(AED_MEMORY, "out of memory for snapshots");
    s->input = s->clean + s->samples * s->inputs;
    s->output = s->input + s->samples * s->inputs;
    s->code = s->output + s->room * s->samples * s->outputs;
    return AED_OK;
}

aed_status aed_snapshots_create(aed_trainer *trainer, aed_snapshots *snapshots)
{
    aed_status status = AED_OK;
    const aed_snapshot_spec *spec = &trainer->config->snapshots;
    *snapshots = (aed_snapshots){0};
    if (spec->every == 0) return AED_OK;
    AED_TRY(aed_walk_create(trainer, &spec->of, false, &snapshots->walk));
    AED_TRY(aed_walk_choose(&snapshots->walk, spec->of.where, "snapshots", spec->places,
                            spec->samples));
    snapshots->samples = snapshots->walk.pass.split.samples;
    AED_TRY(make_room(trainer, spec, snapshots));
done:
    return status;
}

void aed_snapshots_destroy(aed_snapshots *snapshots)
{
    aed_walk_destroy(&snapshots->walk);
    aed_free(snapshots->epochs);
    aed_free(snapshots->clean);
    memset(snapshots, 0, sizeof *snapshots);
}

/* ---- Epochs ----------------------------------------------------------------------------------- */

bool aed_snapshots_due(const aed_snapshots *snapshots, const aed_config *config, int64_t epoch)
{
    return snapshots->room > 0 && (epoch == 0 || epoch % config->snapshots.every == 0);
}

/* Input and clean sample are the same every time; this way they are there after a restart, too. */
static void take_tile(void *self, aed_trainer *t, const aed_tile *tile, int64_t first,
                      const float *target, double *sums)
{
    aed_snapshots *s = self;
    const aed_model *model = &t->model;
    const int64_t at = s->count * s->samples + first;
    (void)sums;
    aed_walk_read(target, s->inputs, tile, s->clean + first * s->inputs);
    aed_walk_read(aed_model_output(model, t->workspace, -1), s->inputs, tile,
                  s->input + first * s->inputs);
    const float *output = aed_model_forward(model, t->params, t->workspace, tile);
    aed_walk_read(output, s->outputs, tile, s->output + at * s->outputs);
    aed_walk_read(aed_model_output(model, t->workspace, model->code_layer), s->codes, tile,
                  s->code + at * s->codes);
}

aed_status aed_snapshots_take(aed_trainer *trainer, int64_t epoch, aed_snapshots *snapshots)
{
    aed_snapshots *s = snapshots;
    if (s->room == 0 || (s->count > 0 && s->epochs[s->count - 1] == epoch)) return AED_OK;
    const aed_status status = aed_walk_look(trainer, &s->walk, take_tile, s);
    if (status == AED_OK) s->epochs[s->count++] = epoch;
    return status;
}

/* ---- Results ---------------------------------------------------------------------------------- */

/* [count][samples][shape], or without the first if count is 0; too many dimensions become one. */
static aed_shape shape_of(int64_t count, int64_t samples, const aed_shape *sample)
{
    aed_shape shape = {0};
    if (count > 0) shape.size[shape.rank++] = count;
    shape.size[shape.rank++] = samples;
    if (shape.rank + sample->rank > AED_MAX_RANK) {
        shape.size[shape.rank++] = aed_shape_count(sample);
        return shape;
    }
    for (int i = 0; i < sample->rank; i++) shape.size[shape.rank++] = sample->size[i];
    return shape;
}

int64_t aed_snapshots_arrays(const aed_snapshots *snapshots, const aed_model *model,
                             aed_result_array *arrays)
{
    const aed_snapshots *s = snapshots;
    if (s->count == 0) return 0;
    const aed_shape *output = &model->layers[model->layer_count - 1].out;
    const aed_shape *code = model->code_layer < 0 ? &model->input
                                                  : &model->layers[model->code_layer].out;
    const aed_result_array all[AED_SNAPSHOT_ARRAYS] = {
        {"snapshots", "epoch", "", AED_NUMBER_I64, {1, {s->count}}, s->epochs},
        {"snapshots", "sample", "", AED_NUMBER_I64, {1, {s->samples}}, s->walk.places},
        {"snapshots", "clean", "sample", AED_NUMBER_F32, shape_of(0, s->samples, &model->input),
         s->clean},
        {"snapshots", "input", "sample", AED_NUMBER_F32, shape_of(0, s->samples, &model->input),
         s->input},
        {"snapshots", "output", "epoch", AED_NUMBER_F32, shape_of(s->count, s->samples, output),
         s->output},
        {"snapshots", "code", "epoch", AED_NUMBER_F32, shape_of(s->count, s->samples, code),
         s->code},
    };
    memcpy(arrays, all, sizeof all);
    return AED_SNAPSHOT_ARRAYS;
}
