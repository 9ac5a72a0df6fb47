/* The cases of tests/golden/golden.h5, whose layout make_golden.py describes. */
#ifndef AED_TESTS_SUPPORT_GOLDEN_FILE_H
#define AED_TESTS_SUPPORT_GOLDEN_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "aedist/tensor.h"

enum { AED_GOLDEN_FACTS = 4 };

/* Which column of `facts` holds what; the projections are sums over a whole tensor. */
enum { AED_GOLDEN_BOUND, AED_GOLDEN_STRIDE, AED_GOLDEN_GRADIENT_SUM, AED_GOLDEN_AFTER_SUM };

typedef struct aed_golden_case {
    char name[128];              /* "layers/conv1d_stride" */
    char *config, *tensor_names; /* texts; names with a space between them */
    char *recipe, *overrides;    /* instead of a config: of configs/<recipe>.yaml; else NULL */
    aed_shape shape;             /* of a sample */
    int64_t samples, features;
    float *target, *input; /* [samples][features]; input is NULL if it is the target */
    int32_t *labels;       /* [samples], 0 ... 9, of a recipe; else NULL */
    float *output; /* not of a training: every output_stride-th number of [samples][features] */
    int64_t output_stride;
    double *projections; /* [samples], of a recipe's output on initial("output"); else NULL */
    int64_t steps;
    double *losses, *lr; /* [steps] */
    double *ema_losses;  /* [steps] of a training with a moving average; else NULL */
    double *terms;       /* [steps][term_count] of a recipe's losses; else NULL */
    int64_t term_count;
    int64_t columns;
    float *
        tensors; /* [3][columns]: initial, gradient of the first step, after all steps; of a training
                     * the first alone */
    int64_t tensor_count;
    double *facts; /* [tensor_count][AED_GOLDEN_FACTS] */
} aed_golden_case;

/* Calls `check` for every case of the group `kind`; returns the number of cases for which it gave
 * false. Fails the test if the file cannot be read, or the group holds fewer than `least` cases. */
int aed_golden_each(const char *path, const char *kind, int least,
                    bool (*check)(const aed_golden_case *c));

/* make_golden.py's initial(): bound times a hash of (name, index) in [-1, 1). */
float aed_golden_initial(const char *name, int64_t index, double bound);

#endif
