/* The canonical sum: memory, and the part of the tree that lies in this rank's block.
 *
 * Leaves are joined as a binary counter carries (aed_tree_push): leaf 5 = 101b leaves nodes of 4 and
 * of 1 leaves, leaf 7 joins three times. A rank of a job of one ends with the root in slot 0 and is
 * done; otherwise exchange.c adds the nodes of all ranks. The plan (who holds which nodes, in which
 * order they merge) is integer arithmetic of some ten nanoseconds a rank into memory made at create.
 * It is made again when the number of leaves changes, twice an epoch, so there is no table of plans
 * to keep. */
#include "dist/sum.h"

#include <limits.h>
#include <string.h>

#include "core/memory.h"
#include "dist/sum_private.h"

enum { WORD = 4, ALIGNMENT = 64 };

const aed_sum_limits aed_sum_default_limits = {.sliced_bytes = 65536, .direct_ranks = 16};

static aed_status check(int64_t max_leaves, int64_t floats, int64_t doubles)
{
    if (max_leaves < 1 || max_leaves > AED_TREE_MAX_LEAVES || floats < 0 || floats % 16 != 0 ||
        doubles < 0)
        return aed_fail(AED_INTERNAL,
                        "sum: %lld leaves of %lld floats and %lld doubles are not valid",
                        (long long)max_leaves, (long long)floats, (long long)doubles);
    /* MPI counts and displacements are ints, here of words, the padding to 16 words included. */
    if (floats > INT_MAX - 16 || doubles > (INT_MAX - 16 - floats) / 2)
        return aed_fail(AED_CONFIG,
                        "sum: a gradient of %lld floats does not fit one MPI message (%d at most); "
                        "use fewer parameters",
                        (long long)floats, INT_MAX - 16);
    return AED_OK;
}

static size_t round_up(size_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

void aed_sum_slice(const aed_sum *sum, int rank, int64_t *first, int64_t *count)
{
    int64_t begin, end;
    aed_dist_block(sum->floats / 16, sum->comm.size, rank, &begin, &end);
    *first = 16 * begin;
    *count = 16 * (end - begin);
    if (rank == sum->comm.size - 1) *count += 2 * sum->doubles;
}

/* Makes the memory of all sums to come. Not collective. */
static aed_status allocate(aed_sum *sum, const aed_sum_limits *limits)
{
    const int size = sum->comm.size;
    const int own_room = aed_tree_split_bound((sum->max_leaves + size - 1) / size);
    const int64_t room = (int64_t)own_room * size;
    sum->node_room = (int)(room < sum->max_leaves ? room : sum->max_leaves);
    const int64_t gathered_words = (int64_t)(sum->slot_bytes / WORD);
    sum->sliced = size > 1 && (sum->slot_bytes >= limits->sliced_bytes / (size_t)size ||
                               gathered_words > INT_MAX / sum->node_room);
    sum->direct = size <= limits->direct_ranks;

    /* While a leaf is made its slot is on top of the nodes before it, hence one more. */
    const size_t slots = (size_t)own_room + 1 + (size > 1 && !sum->sliced ? sum->node_room : 0);
    const size_t ranks = (size_t)size, nodes = (size_t)sum->node_room;
    int64_t first, words;
    aed_sum_slice(sum, sum->comm.rank, &first, &words);
    sum->row_bytes = round_up((size_t)words * WORD);

    sum->memory = aed_alloc_aligned(slots, sum->slot_bytes);
    sum->slots = sum->memory;
    if (!sum->memory) goto short_of_memory;
    if (size == 1) return AED_OK;
    sum->plan.counts = aed_alloc(ranks, sizeof *sum->plan.counts);
    sum->plan.offsets = aed_alloc(ranks, sizeof *sum->plan.offsets);
    sum->plan.merges = aed_alloc(nodes, sizeof *sum->plan.merges);
    sum->row = aed_alloc(nodes, sizeof *sum->row);
    sum->word_counts = aed_alloc(ranks, sizeof *sum->word_counts);
    sum->word_offsets = aed_alloc(ranks, sizeof *sum->word_offsets);
    sum->requests = aed_alloc(nodes + (size_t)own_room * ranks, sizeof *sum->requests);
    if (sum->sliced) sum->rows = aed_alloc_aligned(nodes, sum->row_bytes);
    if (sum->plan.counts && sum->plan.offsets && sum->plan.merges && sum->row && sum->word_counts &&
        sum->word_offsets && sum->requests && (sum->rows || !sum->sliced))
        return AED_OK;
short_of_memory:
    return aed_fail(AED_MEMORY,
                    "sum: no memory for %zu partial gradients of %lld floats; use fewer "
                    "parameters or more memory a rank",
                    slots, (long long)sum->floats);
}

aed_status aed_sum_create_limited(const aed_comm *comm, int64_t max_leaves, int64_t floats,
                                  int64_t doubles, const aed_sum_limits *limits, aed_sum **sum)
{
    aed_status status;
    *sum = NULL;
    AED_TRY(check(max_leaves, floats, doubles)); /* the same on all ranks */
    aed_sum *made = aed_alloc(1, sizeof *made);
    if (made) {
        made->comm = *comm;
        made->max_leaves = max_leaves;
        made->floats = floats;
        made->doubles = doubles;
        made->slot_bytes = round_up((size_t)floats * sizeof(float) +
                                    (size_t)doubles * sizeof(double));
        if (made->slot_bytes == 0) made->slot_bytes = ALIGNMENT;
        status = allocate(made, limits);
    } else {
        status = aed_fail(AED_MEMORY, "sum: no memory");
    }
    status = aed_dist_agree(comm, status);
    if (status == AED_OK)
        *sum = made;
    else
        aed_sum_destroy(&made);
done:
    return status;
}

aed_status aed_sum_create(const aed_comm *comm, int64_t max_leaves, int64_t floats, int64_t doubles,
                          aed_sum **sum)
{
    return aed_sum_create_limited(comm, max_leaves, floats, doubles, &aed_sum_default_limits, sum);
}

void aed_sum_destroy(aed_sum **sum)
{
    aed_sum *old = *sum;
    if (!old) return;
    aed_free(old->memory);
    aed_free(old->rows);
    aed_free(old->plan.counts);
    aed_free(old->plan.offsets);
    aed_free(old->plan.merges);
    aed_free(old->row);
    aed_free(old->word_counts);
    aed_free(old->word_offsets);
    aed_free(old->requests);
    aed_free(old);
    *sum = NULL;
}

void aed_sum_begin(aed_sum *sum, int64_t leaves, int64_t *first, int64_t *end)
{
    if (sum->leaves != leaves) {
        sum->leaves = leaves;
        aed_dist_block(leaves, sum->comm.size, sum->comm.rank, &sum->first, &sum->end);
        if (sum->comm.size > 1) aed_sum_make_plan(sum);
    }
    sum->pushed = 0;
    sum->stack.depth = 0;
    *first = sum->first;
    *end = sum->end;
}

static char *slot(const aed_sum *sum, int number)
{
    return sum->slots + (size_t)number * sum->slot_bytes;
}

void aed_sum_leaf(aed_sum *sum, float **floats, double **doubles)
{
    char *payload = slot(sum, sum->stack.depth);
    const size_t behind = (size_t)sum->floats * sizeof(float);
    memset(payload + behind, 0, sum->slot_bytes - behind);
    *floats = (float *)payload;
    *doubles = (double *)(payload + behind);
}

float *aed_sum_left(const aed_sum *sum)
{
    const int64_t leaf = sum->first + sum->pushed;
    return leaf % 2 == 1 && sum->pushed > 0 ? (float *)slot(sum, sum->stack.depth - 1) : NULL;
}

const float *aed_sum_close(const aed_sum *sum, bool joined, int64_t begin, int64_t count)
{
    const size_t at = (size_t)begin * sizeof(float);
    for (int top = sum->stack.depth - joined; top > 0; top--)
        aed_sum_add(count, 0, slot(sum, top - 1) + at, slot(sum, top) + at);
    return (const float *)slot(sum, 0);
}

void aed_sum_push(aed_sum *sum, aed_sum_added added)
{
    const aed_tree_node leaf = {sum->first + sum->pushed++, 0};
    int top = sum->stack.depth;
    for (int joins = aed_tree_push(sum->leaves, &sum->stack, leaf); joins > 0; joins--, top--) {
        const int64_t floats = added == AED_SUM_APART ? sum->floats : 0;
        const size_t from = (size_t)(sum->floats - floats) * sizeof(float);
        aed_sum_add(floats, sum->doubles, slot(sum, top - 1) + from, slot(sum, top) + from);
        if (added == AED_SUM_JOINED) added = AED_SUM_APART; /* it was the leaf alone */
    }
}

/* Zero leaves in place of those that the caller left out, so that no rank waits for ever. */
static aed_status fill_in(aed_sum *sum)
{
    const int64_t missing = sum->end - sum->first - sum->pushed;
    if (missing == 0) return AED_OK;
    while (sum->pushed < sum->end - sum->first) {
        float *floats;
        double *doubles;
        aed_sum_leaf(sum, &floats, &doubles);
        memset(floats, 0, (size_t)sum->floats * sizeof *floats);
        aed_sum_push(sum, AED_SUM_APART);
    }
    return aed_fail(AED_INTERNAL, "sum: %lld leaves of rank %d were not handed over",
                    (long long)missing, sum->comm.rank);
}

aed_status aed_sum_finish(aed_sum *sum, const float **floats, const double **doubles)
{
    aed_status status = AED_OK;
    const aed_status filled = fill_in(sum);
    char *root = slot(sum, 0);
    if (sum->comm.size > 1) AED_TRY(aed_sum_exchange(sum, &root));
    *floats = (const float *)root;
    *doubles = (const double *)(root + (size_t)sum->floats * sizeof(float));
    status = filled;
done:
    return status;
}
