/* Losses between a prediction float [features][lanes] and a target of the same shape, or labels. */
#ifndef AEDIST_LOSS_H
#define AEDIST_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "aedist/spec.h"
#include "aedist/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct aed_loss_ops {
    aed_kind kind;
    aed_interval target_domain, output_domain; /* where the loss is defined */
    bool on_labels; /* reads labels, not the target; its mean is over samples, not elements */
    /* Returns the sum over features and the first `valid` lanes of the element loss. Unless dy is
     * NULL sets dy[features][lanes] = scale * d loss / d y, 0 in the lanes from `valid` on. `target`
     * may be NULL if on_labels; else `labels` may. labels[lanes] lie in 0 ... features-1. */
    double (*evaluate)(const aed_spec *spec, int64_t features, int lanes, int valid, const float *y,
                       const float *target, const int32_t *labels, float scale, float *dy);
} aed_loss_ops;

const aed_loss_ops *aed_loss_find(const char *name);
const aed_loss_ops *const *aed_loss_table(int *count);

#ifdef __cplusplus
}
#endif

#endif
