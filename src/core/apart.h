/* Work in a process of its own, so that a library that crashes on a damaged file does not take this one
 * along. */
#ifndef AED_CORE_APART_H
#define AED_CORE_APART_H

#include "aedist/status.h"

/* Calls work(context) in a child process and waits for it; what it prints on stdout is kept, what it
 * changes in memory or prints on stderr is not. Returns its status, with its message; AED_DATA for
 * `path`, which opens the message, if it crashed or wanted more than `seconds` of a processor's time;
 * AED_INTERNAL if there can be no process. `work` must not use MPI, other threads, or locks of other
 * threads or of the caller. Not collective.
 *
 * Processes of MPI may fork as long as the child does nothing of MPI's: it has copies of the connections
 * and of the memory shared with other ranks, leaves both alone, and ends without MPI's clean-up. */
aed_status aed_apart(const char *path, int seconds, aed_status (*work)(void *context),
                     void *context);

#endif
