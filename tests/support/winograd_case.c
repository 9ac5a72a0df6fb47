/* See winograd_case.h. */
#include "support/winograd_case.h"

#include "support/kernel_case.h"

aed_winograd aed_case_winograd(uint64_t *seed)
{
    const int large = aed_case_int(seed, 0, 9) == 0;
    aed_winograd conv = {.narrow = aed_case_int(seed, 1, large ? AED_CASE_CHANNELS : 10),
                         .wide = aed_case_int(seed, 1, large ? AED_CASE_CHANNELS : 10),
                         .taps = aed_case_int(seed, 0, 1) ? 3 : 5,
                         .rows = aed_case_int(seed, 1, 14),
                         .columns = aed_case_int(seed, 1, large ? 40 : 14)};
    do {
        conv.row_padding = aed_case_int(seed, 0, conv.taps);
        conv.column_padding = aed_case_int(seed, 0, conv.taps);
    } while (aed_case_winograd_rows(&conv) < 1 || aed_case_winograd_columns(&conv) < 1);
    return conv;
}

int aed_case_winograd_rows(const aed_winograd *conv)
{
    return conv->rows + conv->taps - 1 - 2 * conv->row_padding;
}

int aed_case_winograd_columns(const aed_winograd *conv)
{
    return conv->columns + conv->taps - 1 - 2 * conv->column_padding;
}

int64_t aed_case_winograd_points(const aed_winograd *conv, bool narrow)
{
    return narrow ? (int64_t)conv->rows * conv->columns
                  : (int64_t)aed_case_winograd_rows(conv) * aed_case_winograd_columns(conv);
}
