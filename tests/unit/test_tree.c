/* The index arithmetic of the canonical tree, against brute force over all leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dist/dist.h"
#include "dist/tree.h"

enum { MOST_LEAVES = 70 };

static void test_block_covers_all(void **state)
{
    (void)state;
    for (int64_t count = 0; count <= MOST_LEAVES; count++)
        for (int size = 1; size <= 12; size++) {
            int64_t expected = 0;
            for (int rank = 0; rank < size; rank++) {
                int64_t first, end;
                aed_dist_block(count, size, rank, &first, &end);
                assert_int_equal(first, expected);
                /* Where leaves are few, the first ranks have them. */
                if (rank == 0 && count > 0) assert_true(end > first);
                assert_true(end - first == count / size ||
                            end - first == (count + size - 1) / size);
                expected = end;
            }
            assert_int_equal(expected, count);
        }
}

static void test_block_of_huge_count(void **state)
{
    (void)state;
    int64_t first, end;
    aed_dist_block(INT64_MAX, 1000, 999, &first, &end);
    assert_true(end == INT64_MAX);
    assert_true(first > INT64_MAX - INT64_MAX / 999 && first < end);
}

static void test_height(void **state)
{
    (void)state;
    const int expected[] = {0, 0, 1, 2, 2, 3, 3, 3, 3, 4};
    for (int64_t leaves = 1; leaves <= 9; leaves++)
        assert_int_equal(aed_tree_height(leaves), expected[leaves]);
    assert_int_equal(aed_tree_height(AED_TREE_MAX_LEAVES), 40);
}

static int64_t node_first(aed_tree_node node) { return node.index << node.level; }

static int64_t node_end(int64_t leaves, aed_tree_node node)
{
    const int64_t end = (node.index + 1) << node.level;
    return end < leaves ? end : leaves;
}

static aed_tree_node parent(aed_tree_node node)
{
    return (aed_tree_node){node.index / 2, node.level + 1};
}

/* Nodes follow each other, fill the run, and no node's parent has all its leaves in it. */
static void check_split(int64_t leaves, int64_t first, int64_t end)
{
    aed_tree_node nodes[AED_TREE_MAX_NODES];
    const int count = aed_tree_split(leaves, first, end, nodes);
    assert_true(count <= aed_tree_split_bound(end - first));
    int64_t at = first;
    for (int i = 0; i < count; i++) {
        assert_int_equal(node_first(nodes[i]), at);
        at = node_end(leaves, nodes[i]);
        assert_true(at <= end);
        assert_true(nodes[i].level <= aed_tree_height(leaves));
        const aed_tree_node up = parent(nodes[i]);
        assert_true(nodes[i].level == aed_tree_height(leaves) || node_first(up) < first ||
                    node_end(leaves, up) > end);
    }
    assert_int_equal(at, end);
}

static void test_split_is_maximal(void **state)
{
    (void)state;
    for (int64_t leaves = 1; leaves <= MOST_LEAVES; leaves++)
        for (int64_t first = 0; first <= leaves; first++)
            for (int64_t end = first; end <= leaves; end++) check_split(leaves, first, end);
}

static void test_split_bound_is_reached(void **state)
{
    (void)state;
    int most = 0;
    for (int64_t length = 1; length <= MOST_LEAVES; length++) {
        for (int64_t first = 0; first < 256; first++) {
            aed_tree_node nodes[AED_TREE_MAX_NODES];
            const int count = aed_tree_split(1024, first, first + length, nodes);
            if (count > most) most = count;
        }
        assert_int_equal(aed_tree_split_bound(length), most);
    }
    assert_true(aed_tree_split_bound(AED_TREE_MAX_LEAVES) < AED_TREE_MAX_NODES);
}

/* Pushing leaves one by one ends in the split, and never holds more than the bound. */
static void test_push_ends_in_split(void **state)
{
    (void)state;
    for (int64_t leaves = 1; leaves <= MOST_LEAVES; leaves++)
        for (int64_t first = 0; first < leaves; first += 3)
            for (int64_t end = first + 1; end <= leaves; end += 2) {
                aed_tree_stack stack = {.depth = 0};
                for (int64_t leaf = first; leaf < end; leaf++) {
                    const int before = stack.depth;
                    const int joins = aed_tree_push(leaves, &stack, (aed_tree_node){leaf, 0});
                    assert_int_equal(stack.depth, before + 1 - joins);
                    assert_true(stack.depth <= aed_tree_split_bound(end - first));
                }
                aed_tree_node nodes[AED_TREE_MAX_NODES];
                assert_int_equal(stack.depth, aed_tree_split(leaves, first, end, nodes));
                for (int i = 0; i < stack.depth; i++) {
                    assert_int_equal(stack.node[i].index, nodes[i].index);
                    assert_int_equal(stack.node[i].level, nodes[i].level);
                }
            }
}

/* A value of the tree's shape: which leaves, and how they were put together. */
static uint64_t join(uint64_t left, uint64_t right)
{
    return (left * UINT64_C(0x9E3779B97F4A7C15) + right) * UINT64_C(0xD1342543DE82EF95) + 1;
}

static uint64_t shape(int64_t leaves, int64_t first, int level)
{
    if (level == 0) return (uint64_t)first + 1;
    const int64_t middle = first + (INT64_C(1) << (level - 1));
    const uint64_t left = shape(leaves, first, level - 1);
    return middle < leaves ? join(left, shape(leaves, middle, level - 1)) : left;
}

/* Every rank reduces its block, then the plan's merges are followed: same shape as by recursion. */
static uint64_t planned_shape(int64_t leaves, int size)
{
    int counts[MOST_LEAVES + 1], offsets[MOST_LEAVES + 1];
    aed_tree_merge merges[MOST_LEAVES];
    uint64_t value[MOST_LEAVES];
    const int nodes = aed_tree_plan(leaves, size, counts, offsets, merges);
    assert_true(nodes <= leaves);
    for (int rank = 0; rank < size; rank++) {
        int64_t first, end;
        aed_dist_block(leaves, size, rank, &first, &end);
        aed_tree_stack stack = {.depth = 0};
        uint64_t held[AED_TREE_MAX_NODES];
        for (int64_t leaf = first; leaf < end; leaf++) {
            int top = stack.depth;
            held[top] = (uint64_t)leaf + 1;
            for (int joins = aed_tree_push(leaves, &stack, (aed_tree_node){leaf, 0}); joins > 0;
                 joins--, top--)
                held[top - 1] = join(held[top - 1], held[top]);
        }
        assert_int_equal(stack.depth, counts[rank]);
        for (int i = 0; i < counts[rank]; i++) value[offsets[rank] + i] = held[i];
    }
    for (int i = 0; i < nodes - 1; i++)
        value[merges[i].into] = join(value[merges[i].into], value[merges[i].from]);
    return value[0];
}

static void test_plan_makes_the_tree(void **state)
{
    (void)state;
    for (int64_t leaves = 1; leaves <= MOST_LEAVES; leaves++)
        for (int size = 1; size <= MOST_LEAVES; size += size < 10 ? 1 : 13)
            assert_true(planned_shape(leaves, size) == shape(leaves, 0, aed_tree_height(leaves)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block_covers_all),
        cmocka_unit_test(test_block_of_huge_count),
        cmocka_unit_test(test_height),
        cmocka_unit_test(test_split_is_maximal),
        cmocka_unit_test(test_split_bound_is_reached),
        cmocka_unit_test(test_push_ends_in_split),
        cmocka_unit_test(test_plan_makes_the_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
