/* Which positions meet in a convolution, worked out once.
 *
 * A convolution connects a narrow side with positions p to a wide side with positions
 * q = p*stride + tap*dilation - padding, along each of two axes (height and width; a length alone is
 * the second). Every (p, tap, q) that exists is listed twice, by p and by q, and the rows of each list
 * are grouped: far from the edges all rows of one phase of the stride meet alike. */
#ifndef AED_LAYER_PAIRS_H
#define AED_LAYER_PAIRS_H

#include <stdbool.h>

#include "aedist/status.h"
#include "kernel/kernels.h"

/* One axis: the kernel's window and the sizes of both sides. */
typedef struct aed_axis {
    int64_t kernel, stride, padding, dilation;
    int64_t narrow, wide;
} aed_axis;

/* An axis of size one, for what has only a length, or none. */
#define AED_AXIS_UNIT ((aed_axis){1, 1, 0, 1, 1, 1})

typedef struct aed_pair_lists {
    int64_t count;       /* of meetings */
    aed_pairs by_narrow; /* rows p: taps and q */
    aed_pairs by_wide;   /* rows q: taps and p */
    int32_t *memory;
} aed_pair_lists;

/* Number of meetings, or -1 if there are more than a model can mean. */
int64_t aed_pairs_count(const aed_axis axes[2]);
/* Makes the lists; destroy frees them and takes zeroed ones. */
aed_status aed_pairs_create(const aed_axis axes[2], aed_pair_lists *lists);
void aed_pairs_destroy(aed_pair_lists *lists);

/* Fills a list's groups; memory is room for 3 * rows + 1 numbers that stay with the list. */
aed_status aed_pairs_group(aed_pairs *pairs, int32_t *memory);

/* The same for slabs of `rows` rows each, whose groups are kept apart: those of slab i are slab[i] ...
 * slab[i+1]-1. slab is room for 1 + the number of slabs, what is left of the rows being none. */
aed_status aed_pairs_group_slabs(aed_pairs *pairs, int32_t rows, int32_t *memory, int32_t *slab);

#endif
