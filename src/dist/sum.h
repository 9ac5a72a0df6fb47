/* The canonical sum: one binary tree over leaf indices, whoever holds the leaves.
 *
 * Node (level, i) covers leaves [i 2^level, (i+1) 2^level). Its value is left child + right child;
 * if no leaf lies under the right child it is the left child's value unchanged. The root's value is
 * the sum. A payload is `floats` float32 (gradients; added in float32) and `doubles` float64 (loss
 * terms, counts, flags). The tree depends on the number of leaves alone, so the bits do not depend
 * on how leaves are dealt to ranks.
 *
 * A rank pushes the leaves of its block in order; equal neighbours are merged as in a binary
 * counter, so at most about 2 log2(leaves) payloads are held. finish() exchanges maximal aligned
 * subtrees: all of them to all ranks when they are small, slice by slice to an owner that adds them
 * in tree order and then gathered when they are large. Nothing is allocated after create. */
#ifndef AED_DIST_SUM_H
#define AED_DIST_SUM_H

#include <stdbool.h>
#include <stdint.h>

#include "dist/dist.h"

typedef struct aed_sum aed_sum;

/* For at most `max_leaves` leaves a sum. floats is a multiple of 16. Collective. */
aed_status aed_sum_create(const aed_comm *comm, int64_t max_leaves, int64_t floats, int64_t doubles,
                          aed_sum **sum);
/* Not collective. Takes a pointer to NULL. */
void aed_sum_destroy(aed_sum **sum);

/* Starts a sum over `leaves` leaves (1 ... max_leaves) and tells this rank's block. Not collective. */
void aed_sum_begin(aed_sum *sum, int64_t leaves, int64_t *first, int64_t *end);
/* The payload of this rank's next leaf: floats, 64-byte aligned, as memory has them, and zeroed doubles.
 * Valid until push. */
void aed_sum_leaf(aed_sum *sum, float **floats, double **doubles);
/* The floats of the leaf to the left that this leaf's are first added to, valid until push; NULL if they
 * are not. Who can add them while he makes them saves a way through memory. */
float *aed_sum_left(const aed_sum *sum);
/* Of a rank alone, before it pushes the last leaf: finishes floats [begin, begin + count), multiples of 16, as
 * the push would, and returns the sum's block. Once for each float. `joined`: the leaf's are in those of aed_sum_left. */
const float *aed_sum_close(const aed_sum *sum, bool joined, int64_t begin, int64_t count);
/* What has been done with a leaf's floats before it is handed over: nothing; they were added to those of
 * aed_sum_left; or aed_sum_close was called for all of them. */
typedef enum aed_sum_added { AED_SUM_APART, AED_SUM_JOINED, AED_SUM_CLOSED } aed_sum_added;
/* Hands the leaf over: merges finished neighbours. */
void aed_sum_push(aed_sum *sum, aed_sum_added added);
/* The sum on every rank: valid until the next begin. Collective (no communication on one rank). A
 * rank that fails while it makes a leaf still pushes all of its block and says so by a flag among
 * the doubles; leaves left out count as zero, and their rank gets AED_INTERNAL. */
aed_status aed_sum_finish(aed_sum *sum, const float **floats, const double **doubles);

#endif
