/* Initialisations. `default` is PyTorch's for linear and convolution layers: weights and biases
 * uniform in +-1/sqrt(fan_in) (Kaiming's uniform with a = sqrt(5)). Element i of a tensor is keyed by
 * (seed, the tensor's name, i). */
#include <stdio.h>
#include <string.h>

#include "aedist/rng.h"
#include "optim/optim.h"

static aed_rng_key tensor_key(uint64_t seed, const aed_tensor *tensor)
{
    char purpose[96];
    snprintf(purpose, sizeof purpose, "init/%s", tensor->name);
    return aed_rng_key_make(seed, purpose, 0);
}

static void default_fill(const aed_spec *spec, uint64_t seed, const aed_tensor *tensor,
                         float *values)
{
    (void)spec;
    const aed_rng_key key = tensor_key(seed, tensor);
    const double bound = 1 / __builtin_sqrt((double)tensor->fan_in);
    const int64_t count = aed_shape_count(&tensor->shape);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)(bound * (2 * aed_rng_uniform(key, (uint32_t)i, 0) - 1));
}

static void normal_fill(const aed_spec *spec, uint64_t seed, const aed_tensor *tensor,
                        float *values)
{
    const aed_rng_key key = tensor_key(seed, tensor);
    const double std = aed_spec_number(spec, "std");
    const int64_t count = aed_shape_count(&tensor->shape);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)(std * aed_rng_normal(key, (uint32_t)i, 0));
}

static const aed_arg_def normal_args[] = {
    {"std", AED_ARG_FLOAT, false, 1, 0, 1e6, NULL, "standard deviation"},
};

static const aed_init_ops default_ops = {
    {"default", "PyTorch's: uniform within 1/sqrt(fan_in)", NULL, 0, NULL}, default_fill};
static const aed_init_ops normal_ops = {
    {"normal", "normal with mean 0, weights and biases", normal_args, 1, "std"}, normal_fill};

static const aed_init_ops *const table[] = {&default_ops, &normal_ops};

const aed_init_ops *const *aed_init_table(int *count)
{
    *count = AED_COUNT(table);
    return table;
}

const aed_init_ops *aed_init_find(const char *name)
{
    for (int i = 0; i < AED_COUNT(table); i++)
        if (strcmp(table[i]->kind.name, name) == 0) return table[i];
    return NULL;
}
