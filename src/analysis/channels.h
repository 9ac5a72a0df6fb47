/* The code of a tile, changed channel by channel, and decoded again. */
#ifndef AED_ANALYSIS_CHANNELS_H
#define AED_ANALYSIS_CHANNELS_H

#include "analysis/analysis.h"

typedef struct aed_channels {
    aed_code code;
    float *kept; /* the tile's code as it was, [features][lanes] */
} aed_channels;

/* destroy in any case. Fails with AED_MEMORY. */
aed_status aed_channels_create(const aed_trainer *trainer, aed_channels *channels);
void aed_channels_destroy(aed_channels *channels);

/* After a forward: keeps the code. Afterwards each decodes it once more with one channel zeroed, or
 * with all others zeroed (all of them: channel -1), and returns the output; end puts the code back. */
void aed_channels_begin(aed_channels *channels, const aed_trainer *trainer);
const float *aed_channels_without(aed_channels *channels, aed_trainer *trainer,
                                  const aed_tile *tile, int64_t channel);
const float *aed_channels_only(aed_channels *channels, aed_trainer *trainer, const aed_tile *tile,
                               int64_t channel);
void aed_channels_end(aed_channels *channels, aed_trainer *trainer);

/* Where the code of the tile lies. */
float *aed_channels_code(const aed_trainer *trainer);

#endif
