/* The inside of a sum, shared by sum.c (leaves of this rank) and exchange.c (nodes of all ranks). */
#ifndef AED_DIST_SUM_PRIVATE_H
#define AED_DIST_SUM_PRIVATE_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dist/sum.h"
#include "dist/tree.h"

/* Messages are counted in words of 4 bytes: one float, or half a double. */
typedef struct aed_sum_plan {
    int nodes;              /* of all ranks, for sum->leaves leaves */
    int *counts;            /* [size] nodes a rank */
    int *offsets;           /* [size] number of a rank's first node */
    aed_tree_merge *merges; /* [nodes - 1] */
} aed_sum_plan;

struct aed_sum {
    aed_comm comm;
    int64_t max_leaves, floats, doubles;
    size_t slot_bytes; /* of a payload in memory: floats, doubles, padding to 64 bytes */
    bool sliced;       /* the way of large payloads */
    bool direct;       /* few ranks: everybody sends to everybody */
    aed_sum_plan plan;

    int64_t leaves, first, end, pushed; /* of the sum in progress */
    aed_tree_stack stack;               /* of this rank's nodes; node i's payload is in slot i */
    char *slots;                        /* where slot 0 is in this sum */

    char *memory; /* gathered: the nodes of all ranks, in order; sliced: this rank's slots */
    char *rows;   /* sliced: this rank's slice of the other ranks' nodes */
    size_t row_bytes;
    char **row;                      /* [nodes] where each node is, or this rank's slice of it */
    int *word_counts, *word_offsets; /* [size] of the parts that are shared */
    int node_room;                   /* most nodes of all ranks */
    MPI_Request *requests;
};

/* Limits between the ways of exchange, a private choice: the bits are the same. */
typedef struct aed_sum_limits {
    size_t sliced_bytes; /* payloads from this size on, times the ranks, are exchanged in slices */
    int direct_ranks;    /* up to so many ranks send directly to each other */
} aed_sum_limits;

extern const aed_sum_limits aed_sum_default_limits;

/* aed_sum_create with limits of the caller's choice. Collective. */
aed_status aed_sum_create_limited(const aed_comm *comm, int64_t max_leaves, int64_t floats,
                                  int64_t doubles, const aed_sum_limits *limits, aed_sum **sum);

/* Adds a payload of `floats` (a multiple of 16, 64-byte aligned) and `doubles` behind them to
 * another one. */
void aed_sum_add(int64_t floats, int64_t doubles, char *restrict into, const char *restrict from);

/* First word and number of words of the slice that `rank` owns. The last rank's includes the
 * doubles, which lie behind the floats. */
void aed_sum_slice(const aed_sum *sum, int rank, int64_t *first, int64_t *count);

/* Makes the plan for sum->leaves, and with it what lies where and who sends how much; size > 1. */
void aed_sum_make_plan(aed_sum *sum);

/* Puts the sum over all ranks' nodes into *root, whose payload stays valid until the next begin.
 * Collective; size > 1. */
aed_status aed_sum_exchange(aed_sum *sum, char **root);

#endif
