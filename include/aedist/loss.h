/* Losses between a prediction and a target, both float [features][lanes]. */
#ifndef AEDIST_LOSS_H
#define AEDIST_LOSS_H

#include "aedist/spec.h"
#include "aedist/tensor.h"

typedef struct aed_loss_ops {
    aed_kind kind;
    aed_interval target_domain, output_domain; /* where the loss is defined */
    /* Returns the sum over features and the first `valid` lanes of the element loss. Unless dy is
     * NULL sets dy[features][lanes] = scale * d loss / d y, 0 in the lanes from `valid` on. */
    double (*evaluate)(const aed_spec *spec, int64_t features, int lanes, int valid, const float *y,
                       const float *target, float scale, float *dy);
} aed_loss_ops;

const aed_loss_ops *aed_loss_find(const char *name);
const aed_loss_ops *const *aed_loss_table(int *count);

#endif
