/* Losses: mse, bce, l1, smooth_l1 share one kernel and differ in a row of this table; cross_entropy
 * reads labels. */
#include <string.h>

#include "aedist/loss.h"
#include "kernel/kernels.h"

#define ANY                               \
    {                                     \
        -__builtin_inf(), __builtin_inf() \
    }
#define UNIT \
    {        \
        0, 1 \
    }

static double mse(const aed_spec *spec, int64_t features, int lanes, int valid, const float *y,
                  const float *target, const int32_t *labels, float scale, float *dy)
{
    (void)spec;
    (void)labels;
    return aed_kernels()->loss(AED_MSE, 0, features, lanes, valid, y, target, scale, dy);
}

static double bce(const aed_spec *spec, int64_t features, int lanes, int valid, const float *y,
                  const float *target, const int32_t *labels, float scale, float *dy)
{
    (void)spec;
    (void)labels;
    return aed_kernels()->loss(AED_BCE, 0, features, lanes, valid, y, target, scale, dy);
}

static double l1(const aed_spec *spec, int64_t features, int lanes, int valid, const float *y,
                 const float *target, const int32_t *labels, float scale, float *dy)
{
    (void)spec;
    (void)labels;
    return aed_kernels()->loss(AED_L1, 0, features, lanes, valid, y, target, scale, dy);
}

static double smooth_l1(const aed_spec *spec, int64_t features, int lanes, int valid,
                        const float *y, const float *target, const int32_t *labels, float scale,
                        float *dy)
{
    (void)labels;
    return aed_kernels()->loss(AED_SMOOTH_L1, (float)spec->values[0].number, features, lanes, valid,
                               y, target, scale, dy);
}

static double cross_entropy(const aed_spec *spec, int64_t features, int lanes, int valid,
                            const float *y, const float *target, const int32_t *labels, float scale,
                            float *dy)
{
    (void)target;
    return aed_kernels()->cross_entropy((float)spec->values[0].number, features, lanes, valid, y,
                                        labels, scale, dy);
}

static const aed_arg_def smooth_l1_args[] = {
    {"beta", AED_ARG_FLOAT, false, 1, 1e-12, 1e12, NULL, "difference where it turns linear"},
};

static const aed_arg_def cross_entropy_args[] = {
    {"label_smoothing", AED_ARG_FLOAT, false, 0, 0, 1, NULL,
     "share of the target that is spread over all classes"},
};

static const aed_loss_ops mse_ops = {
    {"mse", "mean squared difference", NULL, 0, NULL}, ANY, ANY, false, mse};
static const aed_loss_ops bce_ops = {
    {"bce", "binary cross-entropy, logarithms clamped at -100", NULL, 0, NULL},
    UNIT,
    UNIT,
    false,
    bce};
static const aed_loss_ops l1_ops = {
    {"l1", "mean absolute difference", NULL, 0, NULL}, ANY, ANY, false, l1};
static const aed_loss_ops smooth_l1_ops = {
    {"smooth_l1", "quadratic below beta, linear above", smooth_l1_args, 1, "beta"},
    ANY,
    ANY,
    false,
    smooth_l1};
static const aed_loss_ops cross_entropy_ops = {
    {"cross_entropy", "-log softmax at the label, of logits (a value a class)", cross_entropy_args,
     1, NULL},
    ANY,
    ANY,
    true,
    cross_entropy};

static const aed_loss_ops *const table[] = {&mse_ops, &bce_ops, &l1_ops, &smooth_l1_ops,
                                            &cross_entropy_ops};

const aed_loss_ops *const *aed_loss_table(int *count)
{
    *count = (int)(sizeof table / sizeof *table);
    return table;
}

const aed_loss_ops *aed_loss_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i]->kind.name, name) == 0) return table[i];
    return NULL;
}
