/* See pair_lists.h. */
#include "support/pair_lists.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/memory.h"
#include "layer/pairs.h"
#include "support/kernel_case.h"

aed_case_window aed_case_window_dense(uint64_t *seed)
{
    aed_case_window window = {.taps = aed_case_int(seed, 1, 7),
                              .stride = 1,
                              .dilation = 1,
                              .positions = aed_case_int(seed, 10, 70)};
    window.padding = aed_case_int(seed, 0, window.taps - 1);
    window.wide_positions = window.positions + window.taps - 1 - 2 * window.padding;
    return window;
}

aed_pairs aed_case_pairs_make(const aed_case_window *window, aed_case_order order)
{
    const int rows = order == AED_CASE_BY_P ? window->positions : window->wide_positions;
    const size_t most = (size_t)window->positions * (size_t)window->taps;
    int32_t *start = aed_alloc((size_t)rows + 1, sizeof *start);
    int32_t *tap = aed_alloc(most, sizeof *tap), *position = aed_alloc(most, sizeof *position);
    int32_t *groups = aed_alloc(3 * (size_t)rows + 1, sizeof *groups);
    if (!start || !tap || !position || !groups) fail_msg("out of memory");
    int32_t count = 0;
    for (int row = 0; row < rows; row++) {
        start[row] = count;
        for (int p = 0; p < window->positions; p++)
            for (int k = 0; k < window->taps; k++) {
                const int q = p * window->stride + k * window->dilation - window->padding;
                if (q < 0 || q >= window->wide_positions) continue;
                if (row != (order == AED_CASE_BY_P ? p : q)) continue;
                tap[count] = k;
                position[count++] = order == AED_CASE_BY_Q ? p : q;
            }
    }
    start[rows] = count;
    aed_pairs pairs = {.rows = rows, .start = start, .tap = tap, .position = position};
    if (aed_pairs_group(&pairs, groups) != AED_OK) fail_msg("out of memory");
    return pairs;
}

void aed_case_pairs_free(aed_pairs *pairs)
{
    aed_free((void *)pairs->start);
    aed_free((void *)pairs->tap);
    aed_free((void *)pairs->position);
    aed_free((void *)pairs->group);
}
