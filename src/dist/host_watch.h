/* The watch over the hosts of a job: a peer that cannot be reached leaves MPI waiting for ever, so each
 * rank has a connection to rank 0 beside it, and a thread that waits for this connection's end.
 *
 * It is the kernels that answer for their hosts (TCP keepalive): a process that is busy, stopped or
 * swapping stays alive to them. Nothing is sent by the ranks, so nothing of this is part of a step. A
 * job on one host, or of one rank, has no watch. The threads call no MPI. */
#ifndef AED_DIST_HOST_WATCH_H
#define AED_DIST_HOST_WATCH_H

#include "dist/dist.h"

typedef struct aed_host_watch aed_host_watch;

/* What a rank ends with when a host, or the process of another rank, is lost. */
enum { AED_HOST_WATCH_EXIT = 69 };

/* Starts the watch if the world has several hosts; *watch is NULL if there is none. Ranks that cannot
 * reach rank 0 beside MPI are told on stderr and work unwatched. From then on a host that answers
 * nothing for 8 seconds, and a process that ends without aed_host_watch_stop, are named on stderr and the
 * whole job ends within 15. Collective; fails alike, with AED_MEMORY. */
aed_status aed_host_watch_start(const aed_comm *world, aed_host_watch **watch);

/* This rank is about to end as it should. Takes a pointer to NULL. Not collective. */
void aed_host_watch_stop(aed_host_watch **watch);

#endif
