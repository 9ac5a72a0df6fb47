/* A data source's way from its file to a tile. */
#ifndef AED_TESTS_FUZZ_FUZZ_SOURCE_H
#define AED_TESTS_FUZZ_FUZZ_SOURCE_H

#include "unit/data_fixture.h"

/* Creates the source; if it is taken, makes its samples, a data set of them and tiles. Checks what both
 * promise. */
void fuzz_source(const fixture *described);

#endif
