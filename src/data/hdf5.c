/* Any numbers in HDF5 files: N samples of 1 to 4 dimensions, with labels if there are any.
 *
 * A dataset N x F has samples of F numbers, N x H x W images of one channel (1 x H x W), N x C x H x W
 * images as PyTorch has them. Unsigned bytes stay bytes; other numbers become float32, as HDF5
 * converts them. Test samples come from a dataset of their own. Samples are read by hyperslab when
 * they are wanted, a run of consecutive ones at once; labels when the source is made. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "data/hdf5_array.h"
#include "data/sources.h"
#include "kernel/kernels.h"

enum {
    MAX_CLASSES = 65536,
    PASS_BYTES = 1 << 20, /* read at once by the pass over all values */
    LABEL_BLOCK = 4096
};

/* The dataset of one split. */
typedef struct part {
    aed_hdf5_array array;
    int64_t samples; /* of array's, the first so many */
} part;

typedef struct hdf5_source {
    part train, test; /* test: without samples if there is none */
    int32_t *labels;  /* [samples of both], or NULL */
} hdf5_source;

/* ---- Places ----------------------------------------------------------------------------------- */

typedef struct place {
    char *file;
    const char *path; /* within it */
} place;

/* The argument's text, NULL if it was not given. */
static const char *text_of(const aed_spec *spec, const char *name)
{
    const aed_arg_value *value = aed_spec_value(spec, name);
    return value->count > 0 ? value->strings[0] : NULL;
}

/* "file.h5:/path", or "/path" in the file of `other` (unless NULL). Free file. */
static aed_status split_place(const aed_spec *spec, const char *name, const place *other,
                              place *found)
{
    const aed_arg_value *value = aed_spec_value(spec, name);
    const char *text = value->count > 0 ? value->strings[0] : "";
    const char *colon = NULL;
    for (const char *at = strstr(text, ":/"); at; at = strstr(at + 1, ":/")) colon = at;
    *found = (place){0};
    if (value->count != 1 || (!colon && (!other || text[0] != '/')) || colon == text)
        return aed_fail(AED_CONFIG, "%s: %s is '%s'; write one dataset as file.h5:/path%s",
                        spec->where, name, text,
                        other ? ", or as /path if it is in the same file" : "");
    if (colon)
        found->file = aed_printf_alloc("%.*s", (int)(colon - text), text);
    else
        found->file = aed_strdup(other->file);
    found->path = colon ? colon + 1 : text;
    if (!found->file) return aed_fail(AED_MEMORY, "%s: out of memory", spec->where);
    return AED_OK;
}

/* ---- Samples ---------------------------------------------------------------------------------- */

/* Opens the samples of `at`; `limit` names the argument that may ask for the first few only. */
static aed_status open_part(const aed_spec *spec, const place *at, const char *limit, part *opened)
{
    const int64_t wanted = aed_spec_int(spec, limit);
    aed_status status;
    AED_TRY(aed_hdf5_array_open(spec->where, at->file, at->path, &opened->array));
    opened->samples = wanted < 0 ? opened->array.samples : wanted;
    if (opened->array.rank == 0)
        status = aed_fail(
            AED_DATA,
            "%s: has one dimension; samples need at least two, N x F for N samples of "
            "F numbers",
            opened->array.place);
    else if (opened->samples > opened->array.samples)
        status = aed_fail(AED_CONFIG, "%s: has %" PRId64 " samples; lower '%s', now %" PRId64,
                          opened->array.place, opened->array.samples, limit, wanted);
done:
    return status;
}

static aed_status open_test(const aed_spec *spec, const place *train, place *test,
                            hdf5_source *state)
{
    const aed_hdf5_array *one = &state->train.array, *other = &state->test.array;
    aed_status status = AED_OK;
    if (!text_of(spec, "test")) {
        const char *alone = text_of(spec, "test_labels")             ? "test_labels"
                            : aed_spec_int(spec, "test_samples") > 0 ? "test_samples"
                                                                     : NULL;
        if (alone)
            status = aed_fail(AED_CONFIG,
                              "%s: '%s' without 'test'; name the dataset of the test "
                              "samples, or leave it out",
                              spec->where, alone);
        return status;
    }
    AED_TRY(split_place(spec, "test", train, test));
    AED_TRY(open_part(spec, test, "test_samples", &state->test));
    if (one->rank != other->rank || memcmp(one->size, other->size, sizeof one->size) != 0)
        status = aed_fail(AED_DATA, "%s: its samples have another shape than those of %s",
                          other->place, one->place);
    else if (one->is_bytes != other->is_bytes)
        status = aed_fail(AED_DATA, "%s: only one of it and %s holds bytes", other->place,
                          one->place);
    else if (state->train.samples + state->test.samples > UINT32_MAX)
        status = aed_fail(AED_DATA,
                          "%s: has too many samples; with those of %s 2^32 - 1 are "
                          "possible",
                          other->place, one->place);
done:
    return status;
}

static aed_status check_finite(const aed_hdf5_array *array, int64_t first, int64_t count,
                               const float *values)
{
    for (int64_t i = 0; i < count * array->numbers; i++)
        if (!isfinite(values[i]))
            return aed_fail(AED_DATA,
                            "%s: number %" PRId64 " of sample %" PRId64
                            " is %s in float32; mend or "
                            "remove the sample",
                            array->place, i % array->numbers, first + i / array->numbers,
                            isnan(values[i]) ? "nan"
                            : values[i] > 0  ? "inf"
                                             : "-inf");
    return AED_OK;
}

/* Reads samples as the source keeps them. */
static aed_status read_samples(const aed_hdf5_array *array, int64_t first, int64_t count,
                               uint8_t *bytes, float *target)
{
    if (bytes) return aed_hdf5_array_read(array, AED_HDF5_BYTES, first, count, bytes);
    const aed_status status = aed_hdf5_array_read(array, AED_HDF5_FLOATS, first, count, target);
    return status == AED_OK ? check_finite(array, first, count, target) : status;
}

/* Widens *interval to hold all values of a part. */
static aed_status pass_over(const part *all, aed_interval *interval)
{
    const aed_hdf5_array *array = &all->array;
    const int64_t bytes = array->numbers * (int64_t)sizeof(float);
    const int64_t block = bytes < PASS_BYTES ? PASS_BYTES / bytes : 1;
    aed_status status = AED_OK;
    float *values = aed_alloc_aligned((size_t)(block * array->numbers), sizeof *values);
    if (!values) return aed_fail(AED_MEMORY, "%s: no memory for a sample", array->place);
    for (int64_t first = 0; first < all->samples; first += block) {
        const int64_t left = all->samples - first, count = left < block ? left : block;
        AED_TRY(read_samples(array, first, count, NULL, values));
        for (int64_t i = 0; i < count * array->numbers; i++) {
            interval->lo = values[i] < interval->lo ? values[i] : interval->lo;
            interval->hi = values[i] > interval->hi ? values[i] : interval->hi;
        }
    }
done:
    aed_free(values);
    return status;
}

static aed_status find_interval(const hdf5_source *state, aed_interval *interval)
{
    aed_status status = AED_OK;
    size_t numbers;
    *interval = (aed_interval){0, 255};
    if (state->train.array.is_bytes) return AED_OK;
    *interval = (aed_interval){INFINITY, -INFINITY};
    AED_TRY(aed_data_check_size(AED_DATA, state->train.array.place, AED_DATA_MAX_LANES,
                                state->train.array.numbers, (int)sizeof(float), &numbers));
    const unsigned environment = aed_float_pin();
    status = pass_over(&state->train, interval);
    if (status == AED_OK && state->test.samples > 0) status = pass_over(&state->test, interval);
    aed_float_restore(environment);
done:
    return status;
}

/* ---- Labels ----------------------------------------------------------------------------------- */

/* Reads the labels of a part; *found grows to one more than the largest. `classes` is what the config
 * says, or 0. */
static aed_status read_labels(const aed_hdf5_array *array, int64_t samples, int64_t classes,
                              int32_t *labels, int32_t *found)
{
    int64_t block[LABEL_BLOCK];
    const int64_t limit = classes > 0 ? classes : MAX_CLASSES;
    for (int64_t first = 0; first < samples; first += LABEL_BLOCK) {
        const int64_t left = samples - first, count = left < LABEL_BLOCK ? left : LABEL_BLOCK;
        const aed_status status = aed_hdf5_array_read(array, AED_HDF5_INTEGERS, first, count,
                                                      block);
        if (status != AED_OK) return status;
        for (int64_t i = 0; i < count; i++) {
            if (block[i] < 0 || block[i] >= limit)
                return aed_fail(AED_DATA,
                                "%s: label %" PRId64 " of sample %" PRId64 " is not one of 0 ... "
                                "%" PRId64 "; %s",
                                array->place, block[i], first + i, limit - 1,
                                classes > 0 ? "raise 'classes' or mend the file" : "mend the file");
            labels[first + i] = (int32_t)block[i];
            if (block[i] >= *found) *found = (int32_t)block[i] + 1;
        }
    }
    return AED_OK;
}

/* Opens, checks and reads the labels that the argument `name` says belong to `all`. */
static aed_status open_labels(const aed_spec *spec, const char *name, const place *samples,
                              const part *all, int32_t *labels, int32_t *classes)
{
    aed_hdf5_array array = {0};
    place at = {0};
    aed_status status;
    AED_TRY(split_place(spec, name, samples, &at));
    AED_TRY(aed_hdf5_array_open(spec->where, at.file, at.path, &array));
    if (array.rank != 0 || !array.is_integer)
        status = aed_fail(AED_DATA, "%s: labels must be integers in one dimension", array.place);
    else if (array.samples != all->array.samples)
        status = aed_fail(AED_DATA, "%s: %" PRId64 " labels, but %s has %" PRId64 " samples",
                          array.place, array.samples, all->array.place, all->array.samples);
    else
        status = read_labels(&array, all->samples, aed_spec_int(spec, "classes"), labels, classes);
done:
    aed_hdf5_array_close(&array);
    aed_free(at.file);
    return status;
}

static aed_status create_labels(const aed_spec *spec, const place *train, const place *test,
                                hdf5_source *state, int32_t *classes)
{
    const bool tested = state->test.samples > 0;
    aed_status status = AED_OK;
    const char *labels = text_of(spec, "labels"), *test_labels = text_of(spec, "test_labels");
    if (!labels && !test_labels) return AED_OK;
    if (tested && (!labels || !test_labels))
        return aed_fail(AED_CONFIG,
                        "%s: '%s' is missing; give labels to both the training and the "
                        "test samples, or to neither",
                        spec->where, labels ? "test_labels" : "labels");
    state->labels = aed_alloc((size_t)(state->train.samples + state->test.samples),
                              sizeof *state->labels);
    if (!state->labels) return aed_fail(AED_MEMORY, "%s: no memory for labels", spec->where);
    AED_TRY(open_labels(spec, "labels", train, &state->train, state->labels, classes));
    if (tested)
        AED_TRY(open_labels(spec, "test_labels", test, &state->test,
                            state->labels + state->train.samples, classes));
    if (aed_spec_int(spec, "classes") > 0) *classes = (int32_t)aed_spec_int(spec, "classes");
done:
    return status;
}

/* ---- Source ----------------------------------------------------------------------------------- */

static void hdf5_destroy(aed_source *source)
{
    hdf5_source *state = source->state;
    if (!state) return;
    aed_hdf5_array_close(&state->train.array);
    aed_hdf5_array_close(&state->test.array);
    aed_free(state->labels);
    aed_free(state);
    source->state = NULL;
}

static aed_status sample_shape(const aed_hdf5_array *array, aed_shape *shape)
{
    int64_t size[AED_MAX_RANK] = {1};
    const int more = array->rank == 2; /* a channel */
    memcpy(size + more, array->size, sizeof *size * (size_t)array->rank);
    return aed_shape_make(array->rank + more, size, shape);
}

static aed_status hdf5_create(const aed_spec *spec, aed_source *source)
{
    place train = {0}, test = {0};
    aed_status status;
    hdf5_source *state = aed_alloc(1, sizeof *state);
    if (!state) return aed_fail(AED_MEMORY, "%s: no memory for the hdf5 source", spec->where);
    source->state = state;
    AED_TRY(split_place(spec, "path", NULL, &train));
    AED_TRY(open_part(spec, &train, "samples", &state->train));
    AED_TRY(open_test(spec, &train, &test, state));
    AED_TRY(create_labels(spec, &train, &test, state, &source->classes));
    AED_TRY(sample_shape(&state->train.array, &source->shape));
    AED_TRY(find_interval(state, &source->interval));
    source->samples = state->train.samples;
    source->test_samples = state->test.samples;
    source->is_bytes = state->train.array.is_bytes;
    source->slow_to_read = true;
done:
    aed_free(train.file);
    aed_free(test.file);
    if (status != AED_OK) hdf5_destroy(source);
    return status;
}

/* Number of ids that follow one another in one part. */
static int64_t run_length(const hdf5_source *state, const uint32_t *ids, int64_t count)
{
    int64_t length = 1;
    while (length < count && ids[length] == ids[length - 1] + 1 &&
           ids[length] != state->train.samples)
        length++;
    return length;
}

static aed_status hdf5_make(const aed_source *source, int64_t epoch, const uint32_t *ids,
                            int64_t count, const aed_rows *rows)
{
    const hdf5_source *state = source->state;
    const int64_t numbers = state->train.array.numbers;
    (void)epoch;
    for (int64_t i = 0; rows->labels && i < count; i++) rows->labels[i] = state->labels[ids[i]];
    if (!rows->bytes && !rows->target) return AED_OK;
    for (int64_t at = 0, length; at < count; at += length) {
        const bool tested = ids[at] >= state->train.samples;
        const part *from = tested ? &state->test : &state->train;
        const int64_t first = ids[at] - (tested ? state->train.samples : 0);
        length = run_length(state, ids + at, count - at);
        const aed_status status = read_samples(&from->array, first, length,
                                               rows->bytes ? rows->bytes + at * numbers : NULL,
                                               rows->target ? rows->target + at * numbers : NULL);
        if (status != AED_OK) return status;
    }
    return AED_OK;
}

static const aed_arg_def hdf5_args[] = {
    {"path", AED_ARG_STRINGS, true, 0, 0, 0, NULL,
     "dataset of the samples, as file.h5:/path; N x F, N x H x W or N x C x H x W"},
    {"labels", AED_ARG_STRINGS, false, 0, 0, 0, NULL,
     "dataset of N integers from 0, as file.h5:/path, or as /path in the same file"},
    {"test", AED_ARG_STRINGS, false, 0, 0, 0, NULL, "dataset of samples that are never trained on"},
    {"test_labels", AED_ARG_STRINGS, false, 0, 0, 0, NULL, "their labels"},
    {"samples", AED_ARG_INT, false, -1, 1, AED_DATA_MAX_SAMPLES, NULL,
     "the first so many for training; none: all"},
    {"test_samples", AED_ARG_INT, false, -1, 0, AED_DATA_MAX_SAMPLES, NULL,
     "the first so many for tests; none: all"},
    {"classes", AED_ARG_INT, false, 0, 1, MAX_CLASSES, NULL,
     "labels are 0 ... classes - 1; none: the largest label + 1"},
};

const aed_source_ops aed_source_hdf5 = {
    .kind = {.name = "hdf5",
             .help = "numbers of any type from HDF5 files",
             .args = hdf5_args,
             .arg_count = sizeof hdf5_args / sizeof *hdf5_args},
    .create = hdf5_create,
    .make = hdf5_make,
    .destroy = hdf5_destroy,
};
