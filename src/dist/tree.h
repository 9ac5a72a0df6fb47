/* Index arithmetic of the canonical binary tree, without MPI and without payloads.
 *
 * Node (level, i) covers leaves [i 2^level, (i+1) 2^level) as far as they exist. A node whose right
 * child covers no leaf is its left child handed up unchanged. A run of leaves is split into the
 * largest nodes all of whose existing leaves lie in it; such a split is what a rank holds after its
 * last leaf and what it shares with the others. */
#ifndef AED_DIST_TREE_H
#define AED_DIST_TREE_H

#include <stdint.h>

/* More leaves than this are refused; leaves << 1 and leaves * ranks stay far from overflow. */
#define AED_TREE_MAX_LEAVES (INT64_C(1) << 40)

enum { AED_TREE_MAX_NODES = 2 * 41 }; /* no run of leaves splits into more */

typedef struct aed_tree_node {
    int64_t index;
    int level;
} aed_tree_node;

/* Neighbouring nodes in leaf order, the last one on top. */
typedef struct aed_tree_stack {
    int depth;
    aed_tree_node node[AED_TREE_MAX_NODES];
} aed_tree_stack;

/* Add node `from` to node `into`, its left neighbour. Nodes are numbered in leaf order. */
typedef struct aed_tree_merge {
    int into, from;
} aed_tree_merge;

/* Level of the root over `leaves` >= 1 leaves: the smallest h with 2^h >= leaves. */
int aed_tree_height(int64_t leaves);

/* Puts `node` on top and joins the two topmost nodes as long as they are siblings, as a binary
 * counter carries. Returns the number of joins; each adds the top payload to the one below. */
int aed_tree_push(int64_t leaves, aed_tree_stack *stack, aed_tree_node node);

/* Splits leaves [first, end) into their largest nodes, in order; nodes holds AED_TREE_MAX_NODES.
 * Returns how many there are, 0 for an empty run. */
int aed_tree_split(int64_t leaves, int64_t first, int64_t end, aed_tree_node *nodes);

/* The most nodes that `count` or fewer consecutive leaves split into, wherever they start. */
int aed_tree_split_bound(int64_t count);

/* Who holds which nodes and in which order everybody merges them: counts[size] nodes a rank,
 * offsets[size] the number of its first one, and merges[nodes - 1], the last of which makes the root
 * in node 0. Returns the number of nodes of all ranks. */
int aed_tree_plan(int64_t leaves, int size, int *counts, int *offsets, aed_tree_merge *merges);

#endif
