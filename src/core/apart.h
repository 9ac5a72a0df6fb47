/* Work in a process of its own, so that a library that crashes on a damaged file does not take this one
 * along. */
#ifndef AED_CORE_APART_H
#define AED_CORE_APART_H

#include "aedist/status.h"

/* Calls work(context) in a child process and waits for it; what it prints on stdout is kept, what it
 * changes in memory is not. Returns its status, with its message; AED_DATA for `path` if it crashed.
 * Neither MPI nor other threads may be used by `work`. Not collective. */
aed_status aed_apart(const char *path, aed_status (*work)(void *context), void *context);

#endif
