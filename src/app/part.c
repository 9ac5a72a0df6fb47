/* See part.h. The division is the greedy one (Graham 1969): the most expensive trial that is left goes to
 * the part with the least so far, which ends within a third of the best there is. */
#include "app/part.h"

#include <stdbool.h>
#include <stdlib.h>

#include "core/memory.h"

static bool read_number(const char **text, int64_t *number)
{
    enum { MOST = 1000000 };
    const char *first = *text;
    *number = 0;
    for (; **text >= '0' && **text <= '9' && *number <= MOST; ++*text)
        *number = 10 * *number + (**text - '0');
    return *text > first && *number >= 1 && *number <= MOST;
}

aed_status aed_part_read(const char *text, aed_part *part)
{
    const char *at = text;
    const bool read = read_number(&at, &part->number) && *at++ == '/' &&
                      read_number(&at, &part->count) && *at == '\0';
    if (read && part->number <= part->count) return AED_OK;
    return aed_fail(AED_CONFIG,
                    "--part %s: is no part of a sweep; write K/N for the K-th of N parts, such as "
                    "2/4",
                    text);
}

typedef struct priced {
    double cost;
    int64_t trial;
} priced;

/* The most expensive first, equal ones in the order of the sweep. */
static int compare(const void *a, const void *b)
{
    const priced *left = a, *right = b;
    if (left->cost != right->cost) return left->cost < right->cost ? 1 : -1;
    return (left->trial > right->trial) - (left->trial < right->trial);
}

typedef struct load {
    double cost;
    int64_t trials, number;
} load;

/* Trials that cost nothing are dealt out as well. */
static bool is_less(const load *a, const load *b)
{
    if (a->cost != b->cost) return a->cost < b->cost;
    if (a->trials != b->trials) return a->trials < b->trials;
    return a->number < b->number;
}

/* loads[count] is a heap, the least first, whose first one has grown. */
static void sink(load *loads, int64_t count)
{
    for (int64_t at = 0, child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_less(&loads[child + 1], &loads[child])) child++;
        if (!is_less(&loads[child], &loads[at])) return;
        const load moved = loads[at];
        loads[at] = loads[child];
        loads[child] = moved;
    }
}

aed_status aed_part_divide(const double *costs, int64_t count, int64_t parts, int64_t *part_of)
{
    aed_status status = AED_OK;
    priced *order = aed_alloc((size_t)count, sizeof *order);
    load *loads = aed_alloc((size_t)parts, sizeof *loads);
    if (!order || !loads) {
        status = aed_fail(AED_MEMORY, "out of memory for the parts of the sweep");
        goto done;
    }
    for (int64_t i = 0; i < count; i++) order[i] = (priced){costs[i], i};
    for (int64_t i = 0; i < parts; i++) loads[i].number = i + 1;
    qsort(order, (size_t)count, sizeof *order, compare);
    for (int64_t i = 0; i < count; i++) {
        part_of[order[i].trial] = loads[0].number;
        loads[0].cost += order[i].cost;
        loads[0].trials++;
        sink(loads, parts);
    }

done:
    aed_free(order);
    aed_free(loads);
    return status;
}
