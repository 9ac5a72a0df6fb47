/* Index arithmetic of the canonical binary tree: blocks, splits into nodes, order of merges.
 *
 * Everything follows from one rule, aed_tree_push: a right child that meets its sibling joins it, a
 * left child without a sibling is handed up. Ranks use it for their own leaves, and the plan uses it
 * for the nodes of all ranks, so the two can not disagree on a parent. */
#include "dist/tree.h"

#include "dist/dist.h"

void aed_dist_block(int64_t count, int size, int rank, int64_t *first, int64_t *end)
{
    /* The first ranks have one more: where leaves are few, rank 0 has one. */
    const int64_t whole = count / size, rest = count % size;
    *first = whole * rank + (rank < rest ? rank : rest);
    *end = *first + whole + (rank < rest);
}

int aed_tree_height(int64_t leaves)
{
    int height = 0;
    while ((INT64_C(1) << height) < leaves) height++;
    return height;
}

/* Whether no leaf lies under the right sibling of the left child `node`. */
static int is_last(int64_t leaves, aed_tree_node node)
{
    return (node.index + 1) << node.level >= leaves;
}

int aed_tree_push(int64_t leaves, aed_tree_stack *stack, aed_tree_node node)
{
    int joins = 0;
    for (;;) {
        if (node.index & 1) {
            if (stack->depth == 0) break;
            const aed_tree_node below = stack->node[stack->depth - 1];
            if (below.level != node.level || below.index != node.index - 1)
                break; /* the sibling's leaves are another rank's, at least in part */
            stack->depth--;
            joins++;
        } else if (node.index == 0 || !is_last(leaves, node)) {
            break; /* the sibling is still to come, or there is nothing left to join */
        }
        node.index >>= 1;
        node.level++;
    }
    stack->node[stack->depth++] = node;
    return joins;
}

int aed_tree_split(int64_t leaves, int64_t first, int64_t end, aed_tree_node *nodes)
{
    int count = 0;
    while (first < end) {
        int level = 0;
        int64_t width = 1, covered = first + 1;
        /* The parent must start here too and end within the run or with the last leaf. */
        while (first % (2 * width) == 0 && covered < leaves) {
            int64_t next = first + 2 * width;
            if (next > leaves) next = leaves;
            if (next > end) break;
            covered = next;
            width *= 2;
            level++;
        }
        /* A node that ends with the last leaf is handed up as far as it is a left child. */
        while (covered == leaves && first != 0 && first % (2 * width) == 0) {
            width *= 2;
            level++;
        }
        nodes[count++] = (aed_tree_node){first / width, level};
        first = covered;
    }
    return count;
}

int aed_tree_split_bound(int64_t count)
{
    /* The shortest run of k nodes is 1, 2, 4, 6, 10, 14, 22, ... leaves: one node of 1, then two of
     * every power of two, the larger ones in the middle. */
    int nodes = 0;
    for (int64_t shortest = 1; shortest <= count; shortest += INT64_C(1) << nodes / 2) nodes++;
    return nodes;
}

int aed_tree_plan(int64_t leaves, int size, int *counts, int *offsets, aed_tree_merge *merges)
{
    aed_tree_node nodes[AED_TREE_MAX_NODES];
    int number[AED_TREE_MAX_NODES]; /* of the nodes on the stack */
    aed_tree_stack stack = {.depth = 0};
    int total = 0, merged = 0;
    for (int rank = 0; rank < size; rank++) {
        int64_t first, end;
        aed_dist_block(leaves, size, rank, &first, &end);
        offsets[rank] = total;
        counts[rank] = aed_tree_split(leaves, first, end, nodes);
        for (int i = 0; i < counts[rank]; i++) {
            number[stack.depth] = total++;
            int top = stack.depth;
            for (int joins = aed_tree_push(leaves, &stack, nodes[i]); joins > 0; joins--, top--)
                merges[merged++] = (aed_tree_merge){number[top - 1], number[top]};
        }
    }
    return total;
}
