/* What the files of the watch share: watch.c has its threads, watch_connect.c its connections,
 * watch_end.c the end of the job. */
#ifndef AED_DIST_HOST_WATCH_PRIVATE_H
#define AED_DIST_HOST_WATCH_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "dist/host_watch.h"

enum {
    AED_HOST_WATCH_NAME = 64,      /* bytes of a host's name */
    AED_HOST_WATCH_ADDRESSES = 16, /* of rank 0's host, at most */
    AED_HOST_WATCH_TOKEN = 8
};

/* How rank 0 is reached: the job's own, so that nobody else is taken for it. */
typedef struct aed_host_watch_call {
    char addresses[AED_HOST_WATCH_ADDRESSES][48]; /* as text */
    int32_t address_count, port;                  /* no addresses: it cannot be reached */
    unsigned char question[AED_HOST_WATCH_TOKEN], answer[AED_HOST_WATCH_TOKEN];
} aed_host_watch_call;

/* Rank 0: opens a listening socket on all of its host's addresses and fills *call. Returns the socket, or
 * -1 with no address in *call. */
int aed_host_watch_listen(aed_host_watch_call *call);
/* Rank 0: takes a connection that waits at the listener; returns its socket and whose it is, or -1 if it
 * is none of the job's `size` ranks. Waits at most a second for what it has to say. */
int aed_host_watch_accept(int listener, const aed_host_watch_call *call, int size, int *rank);
/* All others: the socket of a connection to rank 0, or -1 after a few seconds. */
int aed_host_watch_connect(const aed_host_watch_call *call, int rank);

/* Whether nothing has come from the other end of a connection for longer than the kernel asks. */
bool aed_host_watch_is_silent(int fd);

/* The world as one rank sees it. */
typedef struct aed_host_watch_view {
    int rank, size;
    const char (*names)[AED_HOST_WATCH_NAME]; /* of the hosts, by rank */
} aed_host_watch_view;

/* Prints that the hosts of the ranks lost[size] do not answer, by `error`, as errno has it; `all`: nor does
 * any other. */
void aed_host_watch_report_silence(const aed_host_watch_view *view, const bool *lost, bool all,
                                   int error);
/* Prints that the process of `rank` has ended. */
void aed_host_watch_report_end(const aed_host_watch_view *view, int rank);
/* Ends this process at once, and the launcher if it then waits for a host that is lost. */
_Noreturn void aed_host_watch_exit(void);

#endif
