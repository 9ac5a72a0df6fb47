/* Splits: which ids are trained on, held out for validation, or for tests only. */
#include <inttypes.h>
#include <math.h>

#include "core/memory.h"
#include "data/rows_cache.h"

/* Key of the permutation that chooses what is held out: the same in all trials of a sweep. */
enum { HOLDOUT_SEED = 0x401d, HOLDOUT_EPOCH = 0 };
enum { READ_BLOCK = 1024 };

/* Number of held-out samples of `samples`. */
static aed_status count_held_out(const aed_dataset *dataset, double holdout, const char *where,
                                 int64_t *count)
{
    const bool part = holdout < 1;
    const double wanted = part ? floor(holdout * (double)dataset->samples + 0.5) : holdout;
    if (!(holdout > 0) || wanted != floor(wanted))
        return aed_fail(AED_CONFIG,
                        "%s: holdout %g; give a part below 1, or a whole number of samples", where,
                        holdout);
    if (dataset->source->fresh)
        return aed_fail(AED_CONFIG,
                        "%s: holdout %g: a source with new samples every epoch has nothing to hold "
                        "out, it is validated on the samples of epoch 0; leave 'holdout' out",
                        where, holdout);
    if (wanted < 1 || wanted >= (double)dataset->samples)
        return aed_fail(AED_CONFIG,
                        "%s: holdout %g: %.0f of %" PRId64 " samples; at least one must be left "
                        "for either side",
                        where, holdout, wanted, dataset->samples);
    *count = (int64_t)wanted;
    return AED_OK;
}

/* Marks the first `count` images of the permutation. */
static void mark_held_out(int64_t samples, int64_t count, uint8_t *held)
{
    uint32_t ids[READ_BLOCK];
    aed_permutation permutation;
    aed_permutation_make(HOLDOUT_SEED, HOLDOUT_EPOCH, (uint32_t)samples, &permutation);
    for (int64_t first = 0; first < count; first += READ_BLOCK) {
        const int64_t left = count - first, n = left < READ_BLOCK ? left : READ_BLOCK;
        aed_permutation_read(&permutation, (uint32_t)first, (uint32_t)n, ids);
        for (int64_t i = 0; i < n; i++) held[ids[i]] = 1;
    }
}

aed_status aed_split_prepare(aed_dataset *dataset, double holdout, const char *where)
{
    aed_rows_cache *cache = dataset->cache;
    const int64_t samples = dataset->samples;
    int64_t count = 0;
    aed_status status = AED_OK;
    uint8_t *held = NULL;
    if (holdout == 0) return AED_OK;
    AED_TRY(count_held_out(dataset, holdout, where, &count));
    held = aed_alloc((size_t)samples, 1);
    cache->order = aed_alloc((size_t)samples, sizeof *cache->order);
    if (!held || !cache->order)
        AED_TRY(aed_fail(AED_MEMORY, "data set: no memory to hold out %" PRId64 " samples", count));
    mark_held_out(samples, count, held);
    uint32_t *train = cache->order, *val = cache->order + (samples - count);
    for (int64_t id = 0; id < samples; id++) *(held[id] ? val++ : train++) = (uint32_t)id;
    cache->held_out = count;
    dataset->samples = samples - count;
done:
    aed_free(held);
    return status;
}

static int64_t test_samples(const aed_dataset *dataset)
{
    return dataset->source ? dataset->source->test_samples : 0;
}

aed_status aed_dataset_split(const aed_dataset *dataset, aed_split_kind kind, aed_split *split)
{
    const aed_rows_cache *cache = dataset->cache;
    const bool fresh = dataset->source && dataset->source->fresh;
    const int64_t tests = test_samples(dataset);
    if (kind == AED_SPLIT_TEST && tests == 0)
        return aed_fail(AED_CONFIG, "data set: there are no test samples; use the split 'val', or "
                                    "give the source some");
    *split = (aed_split){.samples = dataset->samples, .ids = cache->order, .epoch = -1};
    if (kind == AED_SPLIT_TRAIN) return AED_OK;
    if (kind == AED_SPLIT_VAL && cache->held_out > 0) {
        split->samples = cache->held_out;
        split->ids = cache->order + dataset->samples;
        return AED_OK;
    }
    if (fresh) split->epoch = 0;
    if (tests > 0)
        *split = (aed_split){
            .samples = tests, .first = (uint32_t)dataset->source->samples, .epoch = split->epoch};
    return AED_OK;
}
