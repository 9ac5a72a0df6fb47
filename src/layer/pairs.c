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
    *pairs = (aed_pairs){(int32_t)rows, made.start, made.tap, made.position};
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
static void walk(const aed_axis axes[2], list *by_narrow, list *by_wide, list *by_tap, bool fill)
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
                        list_put(by_tap, tap, p, q);
                    } else {
                        by_narrow->start[p + 2]++;
                        by_wide->start[q + 2]++;
                        by_tap->start[tap + 2]++;
                    }
                }
}

aed_status aed_pairs_create(const aed_axis axes[2], aed_pair_lists *lists)
{
    const int64_t narrow = axes[0].narrow * axes[1].narrow, wide = axes[0].wide * axes[1].wide,
                  taps = axes[0].kernel * axes[1].kernel;
    lists->count = aed_pairs_count(axes);
    int32_t *memory = aed_alloc((size_t)(narrow + wide + taps + 6 + 6 * lists->count),
                                sizeof *memory);
    if (!memory) return aed_fail(AED_MEMORY, "out of memory for a convolution's index lists");
    lists->memory = memory;
    list by_narrow = list_begin(&lists->by_narrow, narrow, lists->count, &memory);
    list by_wide = list_begin(&lists->by_wide, wide, lists->count, &memory);
    list by_tap = list_begin(&lists->by_tap, taps, lists->count, &memory);
    walk(axes, &by_narrow, &by_wide, &by_tap, false);
    list_sum(&by_narrow);
    list_sum(&by_wide);
    list_sum(&by_tap);
    walk(axes, &by_narrow, &by_wide, &by_tap, true);
    return AED_OK;
}

void aed_pairs_destroy(aed_pair_lists *lists)
{
    aed_free(lists->memory);
    memset(lists, 0, sizeof *lists);
}
