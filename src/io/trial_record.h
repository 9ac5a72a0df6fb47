/* An ended trial as the payload of a ledger record, and back. */
#ifndef AED_IO_TRIAL_RECORD_H
#define AED_IO_TRIAL_RECORD_H

#include <stdbool.h>

#include "core/buffer.h"
#include "io/results.h"

typedef struct aed_trial_record {
    aed_trial_result result; /* its pointers lead into the pool */
    aed_pool pool;
} aed_trial_record;

/* Whether the id can name a group and a file: 1 to 15 letters, digits, '-' and '_'. */
bool aed_trial_record_id_valid(const char *id);

/* The state of that name in a checkpoint's result, NULL if it has none. */
const aed_state_array *aed_trial_record_state(const aed_trial_result *result, const char *name);

/* Appends the payload. Fails with AED_INTERNAL on an id or a tensor name that could not be read
 * back, AED_MEMORY. */
aed_status aed_trial_record_encode(const aed_trial_result *result, aed_buffer *buffer);

/* Reads a payload, believing none of its lengths. Without keep_numbers the parameters and the arrays'
 * values are NULL (tensors and arrays are described all the same). Fails with AED_DATA if it is
 * malformed, AED_MEMORY. */
aed_status aed_trial_record_decode(const unsigned char *payload, size_t length, bool keep_numbers,
                                   aed_trial_record **record);
/* Takes a pointer to NULL. */
void aed_trial_record_destroy(aed_trial_record **record);

#endif
