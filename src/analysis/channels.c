/* See channels.h. The code is a tap, so its place in the workspace is its own. */
#include "analysis/channels.h"

#include <string.h>

#include "core/memory.h"

aed_status aed_channels_create(const aed_trainer *trainer, aed_channels *channels)
{
    channels->code = aed_analysis_code(&trainer->model);
    channels->kept = aed_alloc_aligned((size_t)(channels->code.features * trainer->model.lanes),
                                       sizeof(float));
    return channels->kept ? AED_OK : aed_fail(AED_MEMORY, "out of memory for a tile's code");
}

void aed_channels_destroy(aed_channels *channels)
{
    aed_free(channels->kept);
    channels->kept = NULL;
}

float *aed_channels_code(const aed_trainer *trainer)
{
    const aed_model *model = &trainer->model;
    return trainer->workspace +
           (model->code_layer < 0 ? model->input_at : model->output_at[model->code_layer]);
}

aed_status aed_check_code(const aed_spec *spec, const aed_trainer *trainer)
{
    if (aed_channels_code(trainer) != trainer->workspace + trainer->model.input_at) return AED_OK;
    return aed_fail(AED_CONFIG, "%s: the analysis %s changes the code, but here that is the input",
                    spec->where, spec->kind->name);
}

static size_t bytes_of(const aed_trainer *trainer, int64_t features)
{
    return (size_t)(features * trainer->model.lanes) * sizeof(float);
}

void aed_channels_begin(aed_channels *channels, const aed_trainer *trainer)
{
    memcpy(channels->kept, aed_channels_code(trainer), bytes_of(trainer, channels->code.features));
}

static const float *decode(aed_trainer *trainer, const aed_tile *tile)
{
    const aed_model *model = &trainer->model;
    return aed_model_forward_from(model, trainer->params, trainer->workspace, model->code_layer,
                                  tile);
}

const float *aed_channels_without(aed_channels *channels, aed_trainer *trainer,
                                  const aed_tile *tile, int64_t channel)
{
    const int64_t per = channels->code.per_channel;
    float *code = aed_channels_code(trainer);
    memcpy(code, channels->kept, bytes_of(trainer, channels->code.features));
    memset(code + channel * per * tile->lanes, 0, bytes_of(trainer, per));
    return decode(trainer, tile);
}

const float *aed_channels_only(aed_channels *channels, aed_trainer *trainer, const aed_tile *tile,
                               int64_t channel)
{
    const int64_t per = channels->code.per_channel, at = channel * per * tile->lanes;
    float *code = aed_channels_code(trainer);
    memset(code, 0, bytes_of(trainer, channels->code.features));
    if (channel >= 0) memcpy(code + at, channels->kept + at, bytes_of(trainer, per));
    return decode(trainer, tile);
}

void aed_channels_end(aed_channels *channels, aed_trainer *trainer)
{
    memcpy(aed_channels_code(trainer), channels->kept, bytes_of(trainer, channels->code.features));
}
