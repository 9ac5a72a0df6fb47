/* Builds the pair lists; see pairs.h. */
#include "layer/pairs.h"

#include <string.h>

#include "core/memory.h"

/* More meetings than this (a quarter of a gigabyte of lists) are a slip in the config. */
static const int64_t MAX_PAIRS = INT64_C(1) << 23;

static int64_t axis_wide(const aed_axis *axis, int64_t p, int64_t tap)
{
    return p * axis->stride + tap * axis->dilation - axis->padding;
}

static bool axis_meets(const aed_axis *axis, int64_t p, int64_t tap)
{
    const int64_t q = axis_wide(axis, p, tap);
    return q >= 0 && q < axis->wide;
}

/* Meetings along one axis, -1 if too many. */
static int64_t axis_count(const aed_axis *axis)
{
    int64_t count = 0;
    if (axis->narrow > MAX_PAIRS / axis->kernel) return -1;
    for (int64_t p = 0; p < axis->narrow; p++)
        for (int64_t tap = 0; tap < axis->kernel; tap++) count += axis_meets(axis, p, tap);
    return count;
}

int64_t aed_pairs_count(const aed_axis axes[2])
{
    const int64_t rows = axis_count(&axes[0]), columns = axis_count(&axes[1]);
    if (rows < 0 || columns < 0 || (rows > 0 && columns > MAX_PAIRS / rows)) return -1;
    return rows * columns;
}

/* A list being filled: counts first, then places. */
typedef struct list {
    aed_pairs *pairs;
    int32_t *start, *tap, *position;
} list;

static list list_begin(aed_pairs *pairs, int64_t rows, int64_t count, int32_t **memory)
{
    list made = {pairs, *memory, *memory + rows + 2, *memory + rows + 2 + count};
    *memory += rows + 2 + 2 * count;
    *pairs = (aed_pairs){
        .rows = (int32_t)rows, .start = made.start, .tap = made.tap, .position = made.position};
    return made;
}

/* start[row + 2] counts; summed up, start[row + 1] is where the row's next entry goes and, when all
 * are in, where the row ends. */
static void list_sum(list *l)
{
    for (int32_t row = 0; row < l->pairs->rows; row++) l->start[row + 2] += l->start[row + 1];
}

static void list_put(list *l, int64_t row, int64_t tap, int64_t position)
{
    const int32_t at = l->start[row + 1]++;
    l->tap[at] = (int32_t)tap;
    l->position[at] = (int32_t)position;
}

/* Visits every meeting in the order p, tap: counts it (fill false) or enters it. */
static void walk(const aed_axis axes[2], list *by_narrow, list *by_wide, bool fill)
{
    const aed_axis *y = &axes[0], *x = &axes[1];
    for (int64_t py = 0; py < y->narrow; py++)
        for (int64_t px = 0; px < x->narrow; px++)
            for (int64_t ty = 0; ty < y->kernel; ty++)
                for (int64_t tx = 0; tx < x->kernel; tx++) {
                    if (!axis_meets(y, py, ty) || !axis_meets(x, px, tx)) continue;
                    const int64_t p = py * x->narrow + px, tap = ty * x->kernel + tx;
                    const int64_t q = axis_wide(y, py, ty) * x->wide + axis_wide(x, px, tx);
                    if (fill) {
                        list_put(by_narrow, p, tap, q);
                        list_put(by_wide, q, tap, p);
                    } else {
                        by_narrow->start[p + 2]++;
                        by_wide->start[q + 2]++;
                    }
                }
}

aed_status aed_pairs_create(const aed_axis axes[2], aed_pair_lists *lists)
{
    aed_status status = AED_OK;
    const int64_t narrow = axes[0].narrow * axes[1].narrow, wide = axes[0].wide * axes[1].wide;
    lists->count = aed_pairs_count(axes);
    int32_t *memory = aed_alloc((size_t)(4 * (narrow + wide + lists->count) + 6), sizeof *memory);
    if (!memory) return aed_fail(AED_MEMORY, "out of memory for a convolution's index lists");
    lists->memory = memory;
    list by_narrow = list_begin(&lists->by_narrow, narrow, lists->count, &memory);
    list by_wide = list_begin(&lists->by_wide, wide, lists->count, &memory);
    walk(axes, &by_narrow, &by_wide, false);
    list_sum(&by_narrow);
    list_sum(&by_wide);
    walk(axes, &by_narrow, &by_wide, true);
    AED_TRY(aed_pairs_group(&lists->by_narrow, memory));
    AED_TRY(aed_pairs_group(&lists->by_wide, memory + 3 * narrow + 1));
done:
    if (status != AED_OK) aed_pairs_destroy(lists);
    return status;
}

void aed_pairs_destroy(aed_pair_lists *lists)
{
    aed_free(lists->memory);
    memset(lists, 0, sizeof *lists);
}

/* ---- Groups ------------------------------------------------------------------------------------- */

/* Whether two rows meet the same taps at the same distances from their first position. */
static bool meet_alike(const aed_pairs *pairs, int32_t a, int32_t b)
{
    const int32_t at = pairs->start[a], bt = pairs->start[b], count = pairs->start[a + 1] - at;
    if (pairs->start[b + 1] - bt != count) return false;
    for (int32_t i = 0; i < count; i++)
        if (pairs->tap[at + i] != pairs->tap[bt + i] ||
            pairs->position[at + i] - pairs->position[at] !=
                pairs->position[bt + i] - pairs->position[bt])
            return false;
    return true;
}

/* Equal for rows that meet alike, and seldom for others (FNV-1a). */
static uint32_t row_hash(const aed_pairs *pairs, int32_t row)
{
    uint32_t hash = 2166136261u;
    const int32_t start = pairs->start[row];
    for (int32_t e = start; e < pairs->start[row + 1]; e++) {
        hash = (hash ^ (uint32_t)pairs->tap[e]) * 16777619u;
        hash = (hash ^ (uint32_t)(pairs->position[e] - pairs->position[start])) * 16777619u;
    }
    return hash;
}

/* A group while the rows are being dealt to them. */
typedef struct group {
    uint32_t hash;
    int32_t first_row, rows;
} group;

/* The group of `row`, from number `first` on, a new one if need be. */
static int32_t group_of(const aed_pairs *pairs, int32_t row, int32_t first, group *groups,
                        int32_t *count)
{
    const uint32_t hash = row_hash(pairs, row);
    for (int32_t g = first; g < *count; g++)
        if (groups[g].hash == hash && meet_alike(pairs, groups[g].first_row, row)) return g;
    groups[*count] = (group){hash, row, 0};
    return (*count)++;
}

/* Orders rows 0 ... rows-1 by the groups that they are `of`. */
static void order_rows(const aed_pairs *pairs, int32_t rows, const int32_t *of, group *groups,
                       int32_t *first, int32_t *order, int32_t *shift)
{
    first[0] = 0;
    for (int32_t g = 0; g < pairs->groups; g++) {
        first[g + 1] = first[g] + groups[g].rows;
        groups[g].rows = first[g]; /* from now on the place of its next row */
    }
    for (int32_t row = 0; row < rows; row++) {
        group *g = &groups[of[row]];
        const int32_t from = pairs->start[g->first_row], to = pairs->start[row];
        order[g->rows] = row;
        shift[g->rows++] = to < pairs->start[row + 1] ? pairs->position[to] - pairs->position[from]
                                                      : 0;
    }
}

aed_status aed_pairs_group_slabs(aed_pairs *pairs, int32_t rows, int32_t *memory, int32_t *slab)
{
    int32_t *first = memory, *order = first + pairs->rows + 1, *shift = order + pairs->rows;
    group *groups = aed_alloc((size_t)pairs->rows, sizeof *groups);
    int32_t *of = aed_alloc((size_t)pairs->rows, sizeof *of);
    const int32_t slabs = pairs->rows / rows;
    aed_status status = AED_OK;
    if (!groups || !of) {
        status = aed_fail(AED_MEMORY, "out of memory for a convolution's index lists");
        goto done;
    }
    pairs->groups = 0;
    for (int32_t i = 0; i < slabs; i++) {
        slab[i] = pairs->groups;
        for (int32_t row = i * rows; row < (i + 1) * rows; row++) {
            of[row] = group_of(pairs, row, slab[i], groups, &pairs->groups);
            groups[of[row]].rows++;
        }
    }
    slab[slabs] = pairs->groups;
    order_rows(pairs, slabs * rows, of, groups, first, order, shift);
    pairs->group = first;
    pairs->order = order;
    pairs->shift = shift;
done:
    aed_free(groups);
    aed_free(of);
    return status;
}

aed_status aed_pairs_group(aed_pairs *pairs, int32_t *memory)
{
    int32_t slab[2];
    return aed_pairs_group_slabs(pairs, pairs->rows, memory, slab);
}
