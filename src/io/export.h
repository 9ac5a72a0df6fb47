/* A trial's parameters in the formats of others. Files from the ledger: names, shapes and values are
 * checked where a format cannot hold all of them. */
#ifndef AED_IO_EXPORT_H
#define AED_IO_EXPORT_H

#include "core/buffer.h"
#include "io/results.h"

typedef struct aed_export_format {
    const char *name;   /* as in --to */
    const char *suffix; /* of a file, with its dot */
    /* Appends the file's bytes. result->parameters is there. Fails with AED_DATA, AED_MEMORY. */
    aed_status (*encode)(const aed_trial_result *result, aed_buffer *buffer);
} aed_export_format;

/* The table of formats. */
extern const aed_export_format aed_export_formats[];
extern const int aed_export_format_count;

/* safetensors: the length of a JSON header (u64), the header, the tensors as little-endian float32 in
 * PyTorch's names and layouts. The header's metadata tells trial, weights_hash, aedist_version and the
 * resolved config. */
aed_status aed_export_safetensors(const aed_trial_result *result, aed_buffer *buffer);

/* One table: name, shape ("3x1x7"), index (from 0, the last dimension fastest), value (in digits that
 * read back to the same float32), a row an element. */
aed_status aed_export_csv(const aed_trial_result *result, aed_buffer *buffer);

#endif
