/* The sources that the registry knows, and what they share. Private to src/data. */
#ifndef AED_DATA_SOURCES_H
#define AED_DATA_SOURCES_H

#include <stddef.h>
#include <stdint.h>

#include "aedist/data.h"

extern const aed_source_ops aed_source_bezier;
extern const aed_source_ops aed_source_signal;
extern const aed_source_ops aed_source_linear_mix;
extern const aed_source_ops aed_source_glyphs;
extern const aed_source_ops aed_source_idx;
extern const aed_source_ops aed_source_hdf5;

/* Most lanes that a tile has. */
enum { AED_DATA_MAX_LANES = 64 };

/* Bounds of `samples` and `seed` in every source: ids are 32-bit, and whole numbers of a config
 * reach 2^53. */
#define AED_DATA_MAX_SAMPLES 4294967295.0
#define AED_DATA_MAX_SEED 9007199254740992.0

/* Numbers in [samples][features], `bytes` each. Fails with `status` and a message that opens with
 * `where` if they would not fit in this machine's memory. */
aed_status aed_data_check_size(aed_status status, const char *where, int64_t samples,
                               int64_t features, int bytes, size_t *numbers);

/* Bytes that a data set needs for each number of a sample. */
int aed_source_number_bytes(const aed_source *source);

#endif
