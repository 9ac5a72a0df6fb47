/* The kinds of corruption and their table; see corrupt.h. */
#include "data/corrupt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernel/kernels.h"

/* Words of 31 bits below this are a share `amount` of all. */
static uint32_t threshold(float amount) { return (uint32_t)((double)amount * 0x1p31); }

/* Whether any epoch has some of it: a level is the first setting, in all kinds. */
static bool acts(const aed_corruption *c) { return c->ramp || c->settings[0] > 0; }

static void include(aed_interval *interval, double value)
{
    interval->lo = fmin(interval->lo, value);
    interval->hi = fmax(interval->hi, value);
}

/* ---- gaussian: x + std * normal; its clip, infinite without one, is a later kind's ------------------ */

enum { STD, LO, HI };

static aed_status gaussian_prepare(const aed_spec *spec, aed_corruption *c)
{
    c->settings[STD] = (float)aed_spec_number(spec, "std");
    c->settings[LO] = -INFINITY;
    c->settings[HI] = INFINITY;
    return AED_OK;
}

static void gaussian_apply(const aed_corruption *c, const uint32_t *ids, int lanes,
                           int64_t features, const float *x, float *y)
{
    aed_kernels()->add_noise_within(c->key, ids, lanes, features, c->settings[STD], c->settings[LO],
                                    c->settings[HI], x, y);
}

static void gaussian_widen(const aed_corruption *c, aed_interval *interval)
{
    if (acts(c)) *interval = (aed_interval){-INFINITY, INFINITY};
}

static const aed_arg_def gaussian_args[] = {
    {"std", AED_ARG_LEVEL, true, 0, 0, 1e30, NULL, "standard deviation"},
};

static const aed_corruption_ops gaussian = {
    .kind = {"gaussian", "adds normal noise", gaussian_args, 1, "std"},
    .is_random = true,
    .prepare = gaussian_prepare,
    .apply = gaussian_apply,
    .widen = gaussian_widen,
};

/* ---- clip --------------------------------------------------------------------------------------- */

static aed_status clip_prepare(const aed_spec *spec, aed_corruption *c)
{
    const aed_arg_value *range = aed_spec_value(spec, "range");
    if (range->count != 2 || !(range->numbers[0] <= range->numbers[1]))
        return aed_fail(AED_CONFIG,
                        "%s: clip needs the least and the largest value, such as clip: [0, 1]",
                        spec->where);
    c->settings[LO] = (float)range->numbers[0];
    c->settings[HI] = (float)range->numbers[1];
    return AED_OK;
}

static void clip_apply(const aed_corruption *c, const uint32_t *ids, int lanes, int64_t features,
                       const float *x, float *y)
{
    (void)ids;
    aed_kernels()->clip(features * lanes, c->settings[LO], c->settings[HI], x, y);
}

static void clip_widen(const aed_corruption *c, aed_interval *interval)
{
    const double lo = (double)c->settings[LO], hi = (double)c->settings[HI];
    interval->lo = fmin(fmax(interval->lo, lo), hi);
    interval->hi = fmin(fmax(interval->hi, lo), hi);
}

static const aed_arg_def clip_args[] = {
    {"range", AED_ARG_FLOATS, true, 0, -1e30, 1e30, NULL, "least and largest value"},
};

static const aed_corruption_ops clip = {
    .kind = {"clip", "raises and lowers what lies outside of a range", clip_args, 1, "range"},
    .prepare = clip_prepare,
    .apply = clip_apply,
    .widen = clip_widen,
};

/* ---- salt_and_pepper and masking: elements replaced ------------------------------------------------- */

enum { AMOUNT, LOW, HIGH };

static aed_status salt_prepare(const aed_spec *spec, aed_corruption *c)
{
    c->settings[AMOUNT] = (float)aed_spec_number(spec, "amount");
    c->settings[LOW] = (float)aed_spec_number(spec, "low");
    c->settings[HIGH] = (float)aed_spec_number(spec, "high");
    return AED_OK;
}

static void salt_apply(const aed_corruption *c, const uint32_t *ids, int lanes, int64_t features,
                       const float *x, float *y)
{
    const uint32_t below = threshold(c->settings[AMOUNT]);
    aed_kernels()->replace(c->key, ids, lanes, features, below / 2, below, c->settings[LOW],
                           c->settings[HIGH], x, y);
}

static void salt_widen(const aed_corruption *c, aed_interval *interval)
{
    if (!acts(c)) return;
    include(interval, (double)c->settings[LOW]);
    include(interval, (double)c->settings[HIGH]);
}

static const aed_arg_def salt_args[] = {
    {"amount", AED_ARG_LEVEL, true, 0, 0, 1, NULL, "share of elements, half of it of each value"},
    {"low", AED_ARG_FLOAT, false, 0, -1e30, 1e30, NULL, "value of pepper"},
    {"high", AED_ARG_FLOAT, false, 1, -1e30, 1e30, NULL, "value of salt"},
};

static const aed_corruption_ops salt_and_pepper = {
    .kind = {"salt_and_pepper", "sets elements to one of two values", salt_args, 3, "amount"},
    .is_random = true,
    .prepare = salt_prepare,
    .apply = salt_apply,
    .widen = salt_widen,
};

static aed_status masking_prepare(const aed_spec *spec, aed_corruption *c)
{
    c->settings[AMOUNT] = (float)aed_spec_number(spec, "amount");
    c->settings[LOW] = (float)aed_spec_number(spec, "value");
    return AED_OK;
}

static void masking_apply(const aed_corruption *c, const uint32_t *ids, int lanes, int64_t features,
                          const float *x, float *y)
{
    const uint32_t below = threshold(c->settings[AMOUNT]);
    aed_kernels()->replace(c->key, ids, lanes, features, below, below, c->settings[LOW], 0, x, y);
}

static void masking_widen(const aed_corruption *c, aed_interval *interval)
{
    if (acts(c)) include(interval, (double)c->settings[LOW]);
}

static const aed_arg_def masking_args[] = {
    {"amount", AED_ARG_LEVEL, true, 0, 0, 1, NULL, "share of elements"},
    {"value", AED_ARG_FLOAT, false, 0, -1e30, 1e30, NULL, "what they are set to"},
};

static const aed_corruption_ops masking = {
    .kind = {"masking", "sets elements to one value", masking_args, 2, "amount"},
    .is_random = true,
    .prepare = masking_prepare,
    .apply = masking_apply,
    .widen = masking_widen,
};

/* ---- The table ---------------------------------------------------------------------------------- */

static const aed_corruption_ops *const table[] = {&gaussian, &clip, &salt_and_pepper, &masking};

const aed_corruption_ops *const *aed_corruption_table(int *count)
{
    *count = (int)(sizeof table / sizeof *table);
    return table;
}

const aed_corruption_ops *aed_corruption_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i]->kind.name, name) == 0) return table[i];
    return NULL;
}

aed_status aed_corruption_prepare(const aed_spec *spec, aed_corruption *corruption)
{
    *corruption = (aed_corruption){.ops = aed_corruption_find(spec->kind->name)};
    if (!corruption->ops)
        return aed_fail(AED_CONFIG, "%s: unknown corruption '%s'", spec->where, spec->kind->name);
    for (int i = 0; i < spec->kind->arg_count; i++)
        if (spec->values[i].ramp) corruption->ramp = spec->values[i].ramp;
    return corruption->ops->prepare(spec, corruption);
}

void aed_corruption_apply(const aed_corruption *corruption, const uint32_t *ids, int lanes,
                          int64_t features, const float *x, float *y)
{
    corruption->ops->apply(corruption, ids, lanes, features, x, y);
}

/* ---- Lists -------------------------------------------------------------------------------------- */

/* Whether `clips` became part of `before`, noise that has no clip yet. */
static bool merge(aed_corruption *before, const aed_corruption *clips)
{
    if (before->ops != &gaussian || clips->ops != &clip || isfinite(before->settings[HI]))
        return false;
    before->settings[LO] = clips->settings[LO];
    before->settings[HI] = clips->settings[HI];
    return true;
}

aed_status aed_corruptions_prepare(const aed_spec *specs, int count, aed_corruption *list,
                                   int *prepared)
{
    *prepared = 0;
    for (int i = 0; i < count; i++) {
        aed_corruption *next = &list[*prepared];
        const aed_status status = aed_corruption_prepare(&specs[i], next);
        if (status != AED_OK) return status;
        next->position = i;
        if (*prepared == 0 || !merge(next - 1, next)) ++*prepared;
    }
    return AED_OK;
}

aed_status aed_corruptions_widen(const aed_spec *specs, int64_t count, aed_interval *interval)
{
    for (int64_t i = 0; i < count; i++) {
        aed_corruption corruption;
        const aed_status status = aed_corruption_prepare(&specs[i], &corruption);
        if (status != AED_OK) return status;
        corruption.ops->widen(&corruption, interval);
    }
    return AED_OK;
}

void aed_corruptions_key(aed_corruption *list, int count, uint64_t seed, const char *path,
                         uint64_t epoch)
{
    char purpose[128];
    for (int i = 0; i < count; i++) {
        if (!list[i].ops->is_random) continue;
        if (list[i].ramp) list[i].settings[0] = (float)aed_ramp_at(list[i].ramp, (int64_t)epoch);
        snprintf(purpose, sizeof purpose, "%s.%d", path, list[i].position);
        list[i].key = aed_rng_key_make(seed, purpose, epoch);
    }
}

void aed_corruptions_apply(const aed_corruption *list, int count, const uint32_t *ids, int lanes,
                           int64_t features, const float *x, float *y)
{
    for (int i = 0; i < count; i++)
        aed_corruption_apply(&list[i], ids, lanes, features, i == 0 ? x : y, y);
}
