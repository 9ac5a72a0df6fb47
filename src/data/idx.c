/* Samples from files in the IDX format, such as MNIST's: all of them in memory, bytes as bytes.
 *
 * `path` is a folder with the files of MNIST by their usual names, or one file of samples. A file's
 * first size counts the samples. What is left is a sample's shape: F numbers, C x H x W, ...; H x W is
 * an image of one channel, and no size is one number. Numbers of other types than ubyte become
 * floats. Training samples come first, those of the test files behind them. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "core/memory.h"
#include "data/idx_file.h"
#include "data/sources.h"

enum { CHUNK = 1 << 20 }; /* numbers that are read before more memory is asked for */
enum { MOST_CLASSES = 65536 };

enum { TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS, FILES };

typedef struct idx {
    char *path[FILES]; /* NULL: there is none; freed when all is read */
    aed_rows rows;
    int64_t capacity; /* numbers that rows have room for */
    int64_t samples;  /* read so far */
    int32_t largest_label;
} idx;

static void free_paths(idx *state)
{
    for (int i = 0; i < FILES; i++) {
        aed_free(state->path[i]);
        state->path[i] = NULL;
    }
}

static void idx_destroy(aed_source *source)
{
    idx *state = source->state;
    if (!state) return;
    free_paths(state);
    aed_free(state->rows.target);
    aed_free(state->rows.bytes);
    aed_free(state->rows.labels);
    aed_free(state);
    source->state = NULL;
}

/* ---- Which files ------------------------------------------------------------------------------ */

static aed_status no_memory(const aed_spec *spec)
{
    return aed_fail(AED_MEMORY, "%s: no memory for the idx source", spec->where);
}

/* The text of an argument that takes one, NULL if it is not given. */
static aed_status read_text(const aed_spec *spec, const char *name, const char **text)
{
    const aed_arg_value *value = aed_spec_value(spec, name);
    *text = value->count > 0 ? value->strings[0] : NULL;
    if (value->count > 1 || (*text && !**text))
        return aed_fail(AED_CONFIG, "%s: '%s' must be one path", spec->where, name);
    return AED_OK;
}

/* The file of one kind in the folder, under one of its usual names; *path stays NULL if there is
 * none. */
static aed_status find_in_folder(const aed_spec *spec, const char *folder, int kind, char **path)
{
    static const char *const stems[FILES] = {"train-images", "train-labels", "t10k-images",
                                             "t10k-labels"};
    static const char *const joints[2] = {"-", "."}, *const ends[2] = {"", ".gz"};
    const int rank = kind == TRAIN_IMAGES || kind == TEST_IMAGES ? 3 : 1;
    for (int i = 0; i < 4; i++) {
        struct stat file;
        char *name = aed_printf_alloc("%s/%s%sidx%d-ubyte%s", folder, stems[kind], joints[i / 2],
                                      rank, ends[i % 2]);
        if (!name) return no_memory(spec);
        /* One that is there but cannot be reached is found when it is opened. */
        if (stat(name, &file) == 0 || errno != ENOENT) {
            *path = name;
            return AED_OK;
        }
        aed_free(name);
    }
    return AED_OK;
}

static aed_status find_folder_files(const aed_spec *spec, const char *folder, idx *state)
{
    static const char *const single[] = {"labels", "test", "test_labels"};
    for (int i = 0; i < 3; i++)
        if (aed_spec_value(spec, single[i])->count > 0)
            return aed_fail(AED_CONFIG,
                            "%s: '%s' goes with a single file, but %s is a folder, whose files go "
                            "by their names; leave '%s' out or make 'path' a file",
                            spec->where, single[i], folder, single[i]);
    for (int i = 0; i < FILES; i++) {
        const aed_status status = find_in_folder(spec, folder, i, &state->path[i]);
        if (status != AED_OK) return status;
    }
    if (!state->path[TRAIN_IMAGES])
        return aed_fail(AED_DATA,
                        "%s: holds no train-images-idx3-ubyte or train-images-idx3-ubyte.gz; give "
                        "the folder of MNIST's files (scripts/fetch-mnist gets them) or one file",
                        folder);
    return AED_OK;
}

static aed_status find_named_files(const aed_spec *spec, const char *file, idx *state)
{
    const char *names[FILES] = {file};
    aed_status status;
    AED_TRY(read_text(spec, "labels", &names[TRAIN_LABELS]));
    AED_TRY(read_text(spec, "test", &names[TEST_IMAGES]));
    AED_TRY(read_text(spec, "test_labels", &names[TEST_LABELS]));
    for (int i = 0; i < FILES; i++) {
        if (!names[i]) continue;
        state->path[i] = aed_strdup(names[i]);
        if (!state->path[i]) return no_memory(spec);
    }
    if (names[TEST_LABELS] && !names[TEST_IMAGES])
        status = aed_fail(AED_CONFIG, "%s: 'test_labels' needs 'test', the samples they belong to",
                          spec->where);
done:
    return status;
}

static aed_status find_files(const aed_spec *spec, idx *state)
{
    const char *path;
    struct stat place;
    aed_status status;
    AED_TRY(read_text(spec, "path", &path));
    const bool folder = stat(path, &place) == 0 && S_ISDIR(place.st_mode);
    AED_TRY(folder ? find_folder_files(spec, path, state) : find_named_files(spec, path, state));
    if (aed_spec_int(spec, "test_samples") == 0) {
        aed_free(state->path[TEST_IMAGES]);
        state->path[TEST_IMAGES] = NULL;
    }
    if (!state->path[TEST_IMAGES] && aed_spec_int(spec, "test_samples") > 0)
        AED_TRY(aed_fail(AED_DATA, "%s: there is no file of test samples; leave 'test_samples' out",
                         path));
    if (state->path[TEST_IMAGES] && !state->path[TRAIN_LABELS] != !state->path[TEST_LABELS])
        status = aed_fail(AED_DATA,
                          "%s: there are labels for %s samples only; give both or neither, or no "
                          "test samples ('test_samples: 0')",
                          path, state->path[TRAIN_LABELS] ? "the training" : "the test");
done:
    return status;
}

/* ---- Samples ---------------------------------------------------------------------------------- */

static aed_status set_shape(const aed_idx_file *file, aed_shape *shape)
{
    int64_t size[AED_MAX_RANK] = {1, 1};
    int rank = file->rank - 1;
    for (int i = 0; i < rank; i++) size[i] = file->size[i + 1];
    if (rank == 2) {
        size[2] = size[1];
        size[1] = size[0];
        size[0] = 1;
        rank = 3;
    }
    return aed_shape_make(rank > 0 ? rank : 1, size, shape);
}

/* The first file gives the shape and the kind of numbers, the second must have the same. */
static aed_status check_kind(const aed_idx_file *file, bool first, aed_source *source)
{
    aed_shape shape;
    char have[96], want[96];
    const bool is_bytes = file->type == AED_IDX_UBYTE;
    const aed_status status = set_shape(file, &shape);
    if (status != AED_OK) return status;
    if (first) {
        source->shape = shape;
        source->is_bytes = is_bytes;
        return AED_OK;
    }
    if (aed_shape_equal(&shape, &source->shape) && is_bytes == source->is_bytes) return AED_OK;
    return aed_fail(AED_DATA,
                    "%s: its samples are %s %s, but those for training %s %s; give a file of the "
                    "same kind",
                    aed_idx_path(file), aed_shape_text(&shape, have), is_bytes ? "bytes" : "floats",
                    aed_shape_text(&source->shape, want), source->is_bytes ? "bytes" : "floats");
}

/* Samples of `file` that are wanted. */
static aed_status count_samples(const aed_spec *spec, const aed_idx_file *file, const char *arg,
                                int64_t *count)
{
    const aed_arg_value *value = aed_spec_value(spec, arg);
    *count = value->given ? (int64_t)value->number : file->size[0];
    if (*count > file->size[0])
        return aed_fail(AED_DATA,
                        "%s: has %" PRId64 " samples, but '%s' asks for %" PRId64
                        "; lower it or leave it out",
                        aed_idx_path(file), file->size[0], arg, *count);
    return AED_OK;
}

/* Room for `needed` numbers. It at least doubles: how many there will be is only what a header says. */
static aed_status grow(const aed_idx_file *file, int64_t needed, bool is_bytes, idx *state)
{
    if (needed <= state->capacity) return AED_OK;
    const int64_t capacity = needed > 2 * state->capacity ? needed : 2 * state->capacity;
    const size_t count = (size_t)capacity + AED_ROWS_OVERREAD;
    void *grown = is_bytes ? aed_realloc(state->rows.bytes, count, 1)
                           : aed_realloc(state->rows.target, count, sizeof(float));
    if (!grown)
        return aed_fail(AED_MEMORY, "%s: no memory for %zu numbers; use fewer samples",
                        aed_idx_path(file), count);
    if (is_bytes)
        state->rows.bytes = grown;
    else
        state->rows.target = grown;
    state->capacity = capacity;
    return AED_OK;
}

static aed_status read_numbers(aed_idx_file *file, int64_t samples, bool is_bytes, idx *state)
{
    aed_status status = AED_OK;
    int64_t at = state->samples * file->features;
    const int64_t end = at + samples * file->features;
    while (at < end) {
        const int64_t count = end - at < CHUNK ? end - at : CHUNK;
        AED_TRY(grow(file, at + count, is_bytes, state));
        AED_TRY(is_bytes ? aed_idx_read_bytes(file, count, state->rows.bytes + at)
                         : aed_idx_read_floats(file, count, state->rows.target + at));
        at += count;
    }
    AED_TRY(aed_idx_finish(file));
    state->samples += samples;
done:
    return status;
}

/* The samples of one file, behind those that are there; *whole is how many the file has. */
static aed_status read_samples(const aed_spec *spec, const char *path, const char *arg, bool first,
                               idx *state, aed_source *source, int64_t *samples, int64_t *whole)
{
    aed_idx_file file;
    size_t numbers;
    aed_status status = aed_idx_open(path, &file);
    if (status != AED_OK) return status;
    AED_TRY(check_kind(&file, first, source));
    AED_TRY(count_samples(spec, &file, arg, samples));
    if (state->samples + *samples > UINT32_MAX)
        AED_TRY(aed_fail(AED_DATA, "%s: with its samples there are more than 2^32 - 1; lower '%s'",
                         path, arg));
    AED_TRY(aed_data_check_size(AED_DATA, path, state->samples + *samples, file.features,
                                aed_source_number_bytes(source), &numbers));
    AED_TRY(read_numbers(&file, *samples, source->is_bytes, state));
    *whole = file.size[0];
done:
    aed_idx_close(&file);
    return status;
}

/* ---- Labels ----------------------------------------------------------------------------------- */

static aed_status check_label_file(const aed_idx_file *file, int64_t samples)
{
    if (file->rank != 1 || file->type == AED_IDX_FLOAT || file->type == AED_IDX_DOUBLE)
        return aed_fail(AED_DATA,
                        "%s: holds no labels, which are a list of whole numbers; give the file of "
                        "the labels",
                        aed_idx_path(file));
    if (file->size[0] != samples)
        return aed_fail(AED_DATA,
                        "%s: has %" PRId64 " labels, but there are %" PRId64
                        " samples; give files that belong together",
                        aed_idx_path(file), file->size[0], samples);
    return AED_OK;
}

/* All labels are checked, the first `wanted` are kept. */
static aed_status read_label_values(aed_idx_file *file, int64_t classes, int64_t wanted,
                                    int32_t *labels, int32_t *largest)
{
    enum { BLOCK = 1024 };
    float values[BLOCK];
    const int64_t count = file->size[0], limit = classes > 0 ? classes : MOST_CLASSES;
    for (int64_t first = 0; first < count; first += BLOCK) {
        const int64_t n = count - first < BLOCK ? count - first : BLOCK;
        const aed_status status = aed_idx_read_floats(file, n, values);
        if (status != AED_OK) return status;
        for (int64_t i = 0; i < n; i++) {
            if (!(values[i] >= 0 && values[i] < (float)limit))
                return aed_fail(AED_DATA,
                                "%s: label %.0f of sample %" PRId64 " is not one of 0 ... %" PRId64
                                "; %s",
                                aed_idx_path(file), (double)values[i], first + i, limit - 1,
                                classes > 0 ? "raise 'classes' or mend the file" : "mend the file");
            if ((int32_t)values[i] > *largest) *largest = (int32_t)values[i];
            if (first + i < wanted) labels[first + i] = (int32_t)values[i];
        }
    }
    return aed_idx_finish(file);
}

static aed_status read_labels(const aed_spec *spec, const char *path, int64_t whole, int64_t wanted,
                              int64_t first, idx *state)
{
    aed_idx_file file;
    aed_status status = aed_idx_open(path, &file);
    if (status != AED_OK) return status;
    AED_TRY(check_label_file(&file, whole));
    AED_TRY(read_label_values(&file, aed_spec_int(spec, "classes"), wanted,
                              state->rows.labels + first, &state->largest_label));
done:
    aed_idx_close(&file);
    return status;
}

/* ---- The source ------------------------------------------------------------------------------- */

static void set_interval(const idx *state, aed_source *source)
{
    const int64_t count = state->samples * aed_shape_count(&source->shape);
    source->interval = (aed_interval){0, 255};
    if (source->is_bytes) return;
    float lo = state->rows.target[0], hi = lo;
    for (int64_t i = 1; i < count; i++) {
        const float value = state->rows.target[i];
        lo = value < lo ? value : lo;
        hi = value > hi ? value : hi;
    }
    source->interval = (aed_interval){(double)lo, (double)hi};
}

static aed_status read_files(const aed_spec *spec, idx *state, aed_source *source)
{
    int64_t whole[2] = {0, 0};
    char *const *path = state->path;
    aed_status status;
    AED_TRY(read_samples(spec, path[TRAIN_IMAGES], "samples", true, state, source, &source->samples,
                         &whole[0]));
    if (path[TEST_IMAGES])
        AED_TRY(read_samples(spec, path[TEST_IMAGES], "test_samples", false, state, source,
                             &source->test_samples, &whole[1]));
    /* What lies behind the last row is read by kernels, and not used. */
    const int64_t end = state->samples * aed_shape_count(&source->shape);
    for (int64_t i = end; i < end + AED_ROWS_OVERREAD; i++) {
        if (source->is_bytes) state->rows.bytes[i] = 0;
        if (!source->is_bytes) state->rows.target[i] = 0;
    }
    set_interval(state, source);
    if (!path[TRAIN_LABELS]) goto done;
    state->rows.labels = aed_alloc((size_t)state->samples, sizeof(int32_t));
    if (!state->rows.labels) AED_TRY(no_memory(spec));
    AED_TRY(read_labels(spec, path[TRAIN_LABELS], whole[0], source->samples, 0, state));
    if (path[TEST_IMAGES])
        AED_TRY(read_labels(spec, path[TEST_LABELS], whole[1], source->test_samples,
                            source->samples, state));
    const int64_t classes = aed_spec_int(spec, "classes");
    source->classes = classes > 0 ? (int32_t)classes : state->largest_label + 1;
done:
    return status;
}

static aed_status idx_create(const aed_spec *spec, aed_source *source)
{
    aed_status status;
    idx *state = aed_alloc(1, sizeof *state);
    source->state = state;
    if (!state) return no_memory(spec);
    AED_TRY(find_files(spec, state));
    AED_TRY(read_files(spec, state, source));
    free_paths(state);
    source->held = state->rows;
done:
    if (status != AED_OK) idx_destroy(source);
    return status;
}

static aed_status idx_make(const aed_source *source, int64_t epoch, const uint32_t *ids,
                           int64_t count, const aed_rows *rows)
{
    const aed_rows *held = &source->held;
    const int64_t features = aed_shape_count(&source->shape);
    (void)epoch;
    for (int64_t i = 0; i < count; i++) {
        const int64_t from = (int64_t)ids[i] * features, to = i * features;
        if (rows->bytes) memcpy(rows->bytes + to, held->bytes + from, (size_t)features);
        if (rows->target)
            memcpy(rows->target + to, held->target + from, (size_t)features * sizeof(float));
        if (rows->labels) rows->labels[i] = held->labels[ids[i]];
    }
    return AED_OK;
}

static const aed_arg_def idx_args[] = {
    {"path", AED_ARG_STRINGS, true, 0, 0, 0, NULL,
     "folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-... (each with .gz or "
     "without), or a file of samples; from the folder that aedist is started in"},
    {"labels", AED_ARG_STRINGS, false, 0, 0, 0, NULL, "file of labels, if 'path' is a file"},
    {"test", AED_ARG_STRINGS, false, 0, 0, 0, NULL, "file of test samples, if 'path' is a file"},
    {"test_labels", AED_ARG_STRINGS, false, 0, 0, 0, NULL, "file of their labels"},
    {"samples", AED_ARG_INT, false, 0, 1, AED_DATA_MAX_SAMPLES, NULL,
     "the first so many for training; none: all"},
    {"test_samples", AED_ARG_INT, false, -1, 0, AED_DATA_MAX_SAMPLES, NULL,
     "the first so many for tests; none: all"},
    {"classes", AED_ARG_INT, false, 0, 1, MOST_CLASSES, NULL,
     "labels are 0 ... classes - 1; none: the largest label + 1"},
};

const aed_source_ops aed_source_idx = {
    .kind = {.name = "idx",
             .help = "samples from IDX files such as MNIST's, plain or .gz, with or without labels",
             .args = idx_args,
             .arg_count = sizeof idx_args / sizeof *idx_args},
    .create = idx_create,
    .make = idx_make,
    .destroy = idx_destroy,
};
