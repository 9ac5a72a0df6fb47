/* Status codes and the message that goes with a failure.
 *
 * Every fallible function returns an aed_status. Whoever finds the fault calls aed_fail() once, with
 * where it is (file:line:column of the config, path and data set, rank and host) and what to do;
 * callers pass the status on. The library never exits and never prints. */
#ifndef AEDIST_STATUS_H
#define AEDIST_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/* Ordered by severity: the worst of several ranks' statuses is their maximum. */
typedef enum aed_status {
    AED_OK = 0,
    AED_STOPPED,  /* stopped on request, everything saved */
    AED_PARTIAL,  /* some trials failed, the others are done */
    AED_DIVERGED, /* training left the finite numbers */
    AED_CONFIG,   /* config or usage */
    AED_DATA,     /* data or file */
    AED_MEMORY,   /* out of memory */
    AED_MPI,      /* an MPI call failed */
    AED_INTERNAL  /* a broken promise of our own code */
} aed_status;

/* The exit code documented for a status: 0, 75, 5, 4, 2, 3, and 1 for the last three. */
int aed_status_exit_code(aed_status status);

/* Records the message (of this thread, at most 1,023 bytes kept, control characters as '?', so that
 * it is one line) and returns `status`. */
aed_status aed_fail(aed_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The message of the last aed_fail() on this thread; "" if none. Valid until the next failure. */
const char *aed_status_message(void);

/* In a function with `aed_status status` and a label `done:` run a step or leave. */
#define AED_TRY(call)                    \
    do {                                 \
        status = (call);                 \
        if (status != AED_OK) goto done; \
    } while (0)

#ifdef __cplusplus
}
#endif

#endif
