/* The index lists of a one-dimensional convolution, for tests of the gather kernels. */
#ifndef AED_TESTS_SUPPORT_PAIR_LISTS_H
#define AED_TESTS_SUPPORT_PAIR_LISTS_H

#include "kernel/kernels.h"

/* By what the pairs (p, tap, q = p*stride + tap*dilation - padding) are sorted. */
typedef enum aed_case_order { AED_CASE_BY_P, AED_CASE_BY_Q } aed_case_order;

typedef struct aed_case_window {
    int positions, taps, wide_positions, stride, padding, dilation;
} aed_case_window;

/* A window of a few taps that moves by one: rows and their taps lie side by side. */
aed_case_window aed_case_window_dense(uint64_t *seed);

/* Makes the list whose rows are p or q, with its groups. Free with aed_case_pairs_free. The case fails if memory is short. */
aed_pairs aed_case_pairs_make(const aed_case_window *window, aed_case_order order);
void aed_case_pairs_free(aed_pairs *pairs);

#endif
