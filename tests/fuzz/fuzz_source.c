/* See fuzz_source.h. */
#include "fuzz_source.h"

#include <math.h>

#include "core/memory.h"
#include "fuzz.h"

enum { LANES = 16, LARGEST_SAMPLE = 1 << 16 };

static void check_source(const aed_source *source)
{
    FUZZ_EXPECT(source->samples >= 1 && source->test_samples >= 0);
    FUZZ_EXPECT(source->samples + source->test_samples <= UINT32_MAX);
    FUZZ_EXPECT(aed_shape_count(&source->shape) >= 1);
    FUZZ_EXPECT(source->interval.lo <= source->interval.hi);
    FUZZ_EXPECT(source->classes >= 0);
}

static void check_tile(const aed_dataset *data, const float *target, const int32_t *labels)
{
    for (int64_t i = 0; i < data->features * LANES; i++) FUZZ_EXPECT(isfinite(target[i]));
    for (int i = 0; i < LANES && data->classes > 0; i++)
        FUZZ_EXPECT(labels[i] >= 0 && labels[i] < data->classes);
}

/* The first and the last samples. */
static void fill_tiles(const aed_source *source, const aed_dataset *data)
{
    const int64_t all = source->samples + source->test_samples;
    float *target = aed_alloc_aligned((size_t)data->features * LANES, sizeof *target);
    uint32_t ids[LANES];
    int32_t labels[LANES] = {0};
    FUZZ_EXPECT(target != NULL);
    for (int tile = 0; tile < 2; tile++) {
        for (int i = 0; i < LANES; i++) {
            const int64_t id = i < all ? i : all - 1;
            ids[i] = (uint32_t)(tile == 0 ? id : all - 1 - id);
        }
        const aed_status status = aed_dataset_tile(data, 1, ids, LANES, 1, target, target,
                                                   data->classes > 0 ? labels : NULL);
        if (status == AED_OK)
            check_tile(data, target, labels);
        else
            fuzz_expect_refusal(status);
    }
    aed_free(target);
}

void fuzz_source(const fixture *described)
{
    /* With and without room in memory for the samples. */
    const aed_dataset_options options[2] = {{.scale = {.kind = AED_SCALE_UNIT}, .holdout = 0.25},
                                            {.memory = 1}};
    aed_source source;
    double mark;
    aed_status status = aed_source_create(&described->spec, &source);
    if (status != AED_OK) {
        fuzz_expect_refusal(status);
        return;
    }
    check_source(&source);
    if (aed_shape_count(&source.shape) <= LARGEST_SAMPLE) {
        status = aed_source_mark(&source, &mark);
        if (status != AED_OK) fuzz_expect_refusal(status);
        for (int i = 0; i < 2; i++) {
            aed_dataset data;
            status = aed_dataset_create(&source, &options[i], &data);
            if (status != AED_OK) {
                fuzz_expect_refusal(status);
                continue;
            }
            fill_tiles(&source, &data);
            aed_dataset_destroy(&data);
        }
    }
    aed_source_destroy(&source);
}
