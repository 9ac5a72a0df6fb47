/* A sweep divided into parts, for independent jobs; `aedist merge` puts them together again. */
#ifndef AED_APP_PART_H
#define AED_APP_PART_H

#include <stdint.h>

#include "aedist/status.h"

typedef struct aed_part {
    int64_t number, count; /* the number-th of count parts, from 1; count 0: the whole sweep */
} aed_part;

/* Reads "2/4". Fails with AED_CONFIG. */
aed_status aed_part_read(const char *text, aed_part *part);

/* Divides trials, given what each costs, into parts of about equal cost: part_of[count] gets numbers
 * from 1. Depends on its arguments alone, so every job of the division finds the same. Fails with
 * AED_MEMORY. */
aed_status aed_part_divide(const double *costs, int64_t count, int64_t parts, int64_t *part_of);

#endif
