/* What the tests of src/io share: a scratch folder and small results to store. */
#ifndef AED_TEST_IO_FIXTURE_H
#define AED_TEST_IO_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/results.h"

#define assert_ok(call)                                                        \
    do {                                                                       \
        if ((call) != AED_OK) fail_msg("%s: %s", #call, aed_status_message()); \
    } while (0)

static inline int fixture_remove(const char *path, const struct stat *info, int type,
                                 struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

/* A fresh folder as the test's state, removed afterwards. It lies in memory where it can: thousands
 * of fsyncs on a disk would take most of a minute. */
static inline int fixture_setup(void **state)
{
    char name[512] = "/dev/shm/aedist-io-XXXXXX";
    if (!mkdtemp(name)) {
        snprintf(name, sizeof name, "%s", AED_TEST_SCRATCH "/io-XXXXXX");
        if (!mkdtemp(name)) return -1;
    }
    *state = strdup(name);
    return *state ? 0 : -1;
}

static inline int fixture_teardown(void **state)
{
    nftw(*state, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return 0;
}

/* folder/name, in one of four static buffers. */
static inline const char *fixture_path(const char *folder, const char *name)
{
    static char paths[4][512];
    static int next;
    next = (next + 1) % 4;
    snprintf(paths[next], sizeof paths[next], "%s/%s", folder, name);
    return paths[next];
}

static inline size_t fixture_read(const char *path, unsigned char *bytes, size_t room)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t count = fread(bytes, 1, room, file);
    assert_true(count < room);
    fclose(file);
    return count;
}

static inline void fixture_write(const char *path, const void *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static inline bool fixture_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

/* A small result with every kind of content; `number` tells one from another. */
typedef struct fixture_result {
    aed_trial_result result;
    aed_result_setting settings[2];
    char seed_text[24];
    double values[3 * 4];
    aed_tensor tensors[2];
    float parameters[32];
} fixture_result;

static inline void fixture_result_make(int number, fixture_result *made)
{
    static const char *const columns[] = {"epoch", "train_loss", "val_loss", "lr"};
    static const char *const scalars[] = {"tile", "pca_floor"};
    static const double scalar_values[] = {32.0, 0.125};
    memset(made, 0, sizeof *made);
    snprintf(made->seed_text, sizeof made->seed_text, "%d", number);
    made->settings[0] = (aed_result_setting){
        .axis = "seed", .text = made->seed_text, .number = number};
    made->settings[1] = (aed_result_setting){.axis = "train.loss", .text = "mse", .number = NAN};
    for (int row = 0; row < 3; row++) {
        made->values[4 * row] = row + 1;
        made->values[4 * row + 1] = number + 1.0 / (row + 1);
        made->values[4 * row + 2] = row == 1 ? NAN : number + 0.5 * row;
        made->values[4 * row + 3] = 1.0e-4;
    }
    made->tensors[0] = (aed_tensor){
        .name = "encoder.0.weight", .shape = {.rank = 2, .size = {2, 3}}, .offset = 0, .fan_in = 3};
    made->tensors[1] = (aed_tensor){
        .name = "encoder.0.bias", .shape = {.rank = 1, .size = {2}}, .offset = 16, .fan_in = 3};
    for (int i = 0; i < 32; i++) made->parameters[i] = (float)(100 * number + i);
    aed_trial_result *result = &made->result;
    snprintf(result->id, sizeof result->id, "t%012d", number);
    result->status = "done";
    result->reason = "";
    result->seed = (uint64_t)number;
    result->epochs = 3;
    result->seconds = 1.5;
    result->samples_per_second = 1.0e6;
    aed_weights_hash(made->tensors, 2, made->parameters, result->weights_hash);
    result->resolved = "seed: 1\n";
    result->setting_count = 2;
    result->settings = made->settings;
    result->metrics = (aed_metrics){
        .column_count = 4, .names = columns, .rows = 3, .values = made->values};
    result->scalar_count = 2;
    result->scalar_names = scalars;
    result->scalar_values = scalar_values;
    result->tensor_count = 2;
    result->tensors = made->tensors;
    result->parameters = made->parameters;
}

static inline aed_planned_trial fixture_planned(const fixture_result *made)
{
    aed_planned_trial planned = {.seed = made->result.seed,
                                 .setting_count = made->result.setting_count,
                                 .settings = made->result.settings};
    memcpy(planned.id, made->result.id, sizeof planned.id);
    return planned;
}

static const aed_run_info fixture_info = {.config = "seed: 1 # \xC3\xA4\n",
                                          .command = "aedist config.yaml",
                                          .hosts = "n1,n2",
                                          .ranks = 2,
                                          .kernels = "plain",
                                          .libraries = "Open MPI 4.1.4"};

#endif
