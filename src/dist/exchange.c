/* The canonical sum across ranks: every rank holds some nodes of the tree and all want the root.
 *
 * Gathered, for small payloads: all nodes go to all ranks, and each adds them in the plan's order.
 * One latency. Sliced, for large ones: the payload is cut into one slice a rank at multiples of 16
 * floats; each rank receives its slice of every node, adds, and the summed slices are gathered, as a
 * ring or Rabenseifner reduction moves it (2 payloads a rank instead of one a node). Both add the
 * same numbers in the same order, so the choice shows in the time only. */
#include <limits.h>

#include "dist/dist_private.h"
#include "dist/sum_private.h"

enum { TAG = 1701, CHUNK = 4096 };

/* Not inlined: one piece of code for all ways, so that even the sum of two NaN has the same bits. */
__attribute__((noinline)) static void add_floats(int64_t count, float *restrict into,
                                                 const float *restrict from)
{
    for (int64_t i = 0; i < count; i++) into[i] += from[i];
}

__attribute__((noinline)) static void add_doubles(int64_t count, double *restrict into,
                                                  const double *restrict from)
{
    for (int64_t i = 0; i < count; i++) into[i] += from[i];
}

void aed_sum_add(int64_t floats, int64_t doubles, char *restrict into, const char *restrict from)
{
    const size_t behind = (size_t)floats * sizeof(float);
    add_floats(floats, (float *)into, (const float *)from);
    add_doubles(doubles, (double *)(into + behind), (const double *)(from + behind));
}

/* Where rank's node number i starts in memory: nodes follow each other where all are gathered, while
 * the slices of other ranks' nodes lie in rows, but for node 0, whose place becomes the root's. */
static void place_rows(aed_sum *sum)
{
    const aed_sum_plan *plan = &sum->plan;
    const int own_first = plan->offsets[sum->comm.rank], own = plan->counts[sum->comm.rank];
    int64_t first, words;
    aed_sum_slice(sum, sum->comm.rank, &first, &words);
    for (int node = 0; node < plan->nodes; node++) {
        const bool mine = node >= own_first && node < own_first + own;
        if (!sum->sliced)
            sum->row[node] = sum->memory + (size_t)node * sum->slot_bytes;
        else if (mine || node == 0)
            sum->row[node] = sum->memory + (size_t)first * sizeof(float) +
                             (size_t)(mine ? node - own_first : own) * sum->slot_bytes;
        else
            sum->row[node] = sum->rows + (size_t)node * sum->row_bytes;
    }
}

void aed_sum_make_plan(aed_sum *sum)
{
    aed_sum_plan *plan = &sum->plan;
    const int rank = sum->comm.rank, size = sum->comm.size;
    plan->nodes = aed_tree_plan(sum->leaves, size, plan->counts, plan->offsets, plan->merges);
    sum->slots = sum->memory;
    if (!sum->sliced) sum->slots += (size_t)plan->offsets[rank] * sum->slot_bytes;
    place_rows(sum);
    for (int i = 0; i < size; i++) {
        int64_t first, words;
        aed_sum_slice(sum, i, &first, &words);
        const int slot_words = (int)(sum->slot_bytes / sizeof(float));
        sum->word_offsets[i] = sum->sliced ? (int)first : plan->offsets[i] * slot_words;
        sum->word_counts[i] = sum->sliced ? (int)words : plan->counts[i] * slot_words;
    }
}

/* Adds all nodes into node 0, in pieces that stay in the cache. */
static void merge(const aed_sum *sum, int64_t floats, int64_t doubles)
{
    const int merges = sum->plan.nodes - 1;
    const aed_tree_merge *order = sum->plan.merges;
    char *const *row = sum->row;
    for (int64_t done = 0; done < floats; done += CHUNK) {
        const int64_t count = floats - done < CHUNK ? floats - done : CHUNK;
        const size_t at = (size_t)done * sizeof(float);
        for (int i = 0; i < merges; i++)
            add_floats(count, (float *)(row[order[i].into] + at),
                       (const float *)(row[order[i].from] + at));
    }
    const size_t behind = (size_t)floats * sizeof(float);
    for (int i = 0; i < merges && doubles > 0; i++)
        add_doubles(doubles, (double *)(row[order[i].into] + behind),
                    (const double *)(row[order[i].from] + behind));
}

/* Everybody's part of the words at `base` to everybody. Few ranks send to each other directly: that
 * is one latency, where MPI_Allgatherv takes log2(size) rounds. */
static aed_status share(aed_sum *sum, char *base)
{
    aed_status status = AED_OK;
    const int rank = sum->comm.rank, size = sum->comm.size;
    const int *counts = sum->word_counts, *offsets = sum->word_offsets;
    const MPI_Comm comm = sum->comm.handle;
    if (!sum->direct) {
        AED_TRY_MPI(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, base, counts, offsets,
                                   MPI_FLOAT, comm));
        goto done;
    }
    const size_t word = sizeof(float);
    int sends = 0;
    for (int step = 1; step < size && counts[rank] > 0; step++)
        AED_TRY_MPI(MPI_Isend(base + (size_t)offsets[rank] * word, counts[rank], MPI_FLOAT,
                              (rank + step) % size, TAG, comm, sum->requests + sends++));
    for (int step = 1; step < size; step++) {
        const int from = (rank + size - step) % size;
        if (counts[from] > 0)
            AED_TRY_MPI(MPI_Recv(base + (size_t)offsets[from] * word, counts[from], MPI_FLOAT, from,
                                 TAG, comm, MPI_STATUS_IGNORE));
    }
    AED_TRY_MPI(MPI_Waitall(sends, sum->requests, MPI_STATUSES_IGNORE));
done:
    return status;
}

/* Posts the receives of this rank's slice of all other ranks' nodes. Messages between two ranks keep
 * their order, so the nodes of one rank need no tags of their own. */
static aed_status receive_slices(aed_sum *sum, int *requests)
{
    aed_status status = AED_OK;
    const aed_sum_plan *plan = &sum->plan;
    const int rank = sum->comm.rank, size = sum->comm.size;
    for (int step = 1; step < size && sum->word_counts[rank] > 0; step++) {
        const int from = (rank + size - step) % size;
        for (int i = 0; i < plan->counts[from]; i++)
            AED_TRY_MPI(MPI_Irecv(sum->row[plan->offsets[from] + i], sum->word_counts[rank],
                                  MPI_FLOAT, from, TAG, sum->comm.handle,
                                  sum->requests + (*requests)++));
    }
done:
    return status;
}

/* Sends the owners their slices of this rank's nodes, starting with the next rank so that not all
 * ranks begin with the same receiver. */
static aed_status send_slices(aed_sum *sum, int *requests)
{
    aed_status status = AED_OK;
    const int rank = sum->comm.rank, size = sum->comm.size;
    for (int step = 1; step < size; step++) {
        const int to = (rank + step) % size;
        const size_t at = (size_t)sum->word_offsets[to] * sizeof(float);
        for (int i = 0; i < sum->plan.counts[rank] && sum->word_counts[to] > 0; i++)
            AED_TRY_MPI(MPI_Isend(sum->memory + (size_t)i * sum->slot_bytes + at,
                                  sum->word_counts[to], MPI_FLOAT, to, TAG, sum->comm.handle,
                                  sum->requests + (*requests)++));
    }
done:
    return status;
}

static aed_status exchange_slices(aed_sum *sum, char **root)
{
    aed_status status = AED_OK;
    const aed_sum_plan *plan = &sum->plan;
    const int rank = sum->comm.rank, size = sum->comm.size;
    const int64_t doubles = rank == size - 1 ? sum->doubles : 0;
    int received = 0, requests;
    AED_TRY(receive_slices(sum, &received));
    requests = received;
    AED_TRY(send_slices(sum, &requests));
    AED_TRY_MPI(MPI_Waitall(received, sum->requests, MPI_STATUSES_IGNORE));
    merge(sum, sum->word_counts[rank] - 2 * doubles, doubles);
    AED_TRY_MPI(MPI_Waitall(requests - received, sum->requests + received, MPI_STATUSES_IGNORE));
    /* Node 0's slot, or the free one above this rank's nodes where node 0's slice was received. */
    const int slot = plan->offsets[rank] == 0 ? 0 : plan->counts[rank];
    *root = sum->memory + (size_t)slot * sum->slot_bytes;
    AED_TRY(share(sum, *root));
done:
    return status;
}

aed_status aed_sum_exchange(aed_sum *sum, char **root)
{
    aed_status status = AED_OK;
    if (sum->sliced) {
        AED_TRY(exchange_slices(sum, root));
    } else {
        AED_TRY(share(sum, sum->memory));
        merge(sum, sum->floats, sum->doubles);
        *root = sum->memory;
    }
done:
    return status;
}
