/* cmocka under MPI: all ranks run the same cases and come to the same verdict.
 *
 * An assertion that fails on one rank only would leave the others inside a collective. Cases
 * therefore judge with aed_test_verdict, which reduces first and fails on every rank or on none.
 * Only rank 0 prints. */
#ifndef AED_TESTS_SUPPORT_MPI_MAIN_H
#define AED_TESTS_SUPPORT_MPI_MAIN_H

#include <stdbool.h>

#include "dist/dist.h"

/* All ranks; valid between start and stop. */
extern aed_comm aed_test_world;

/* Starts MPI and silences the ranks but 0. Leaves the process if MPI does not start. */
void aed_test_start(int *argc, char ***argv);
/* To be the group's teardown: keeps the summary of the ranks but 0 from stderr. */
int aed_test_hush(void **state);
/* Ends MPI; returns the exit code for `failed` cases, the same on all ranks. */
int aed_test_stop(int failed);

/* Fails the case on all ranks unless `ok` holds on all of them, with the message of the lowest rank
 * where it does not. Collective. */
void aed_test_verdict(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
