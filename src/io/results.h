/* What a run leaves: the ledger (the truth), results.h5 (a view of it), log.jsonl, config.yaml.
 * Called on world rank 0 only; nothing here is collective. */
#ifndef AED_IO_RESULTS_H
#define AED_IO_RESULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "aedist/status.h"
#include "aedist/tensor.h"
#include "core/buffer.h"

/* Columns over the recorded epochs: "epoch", "train_loss", "val_loss", "lr", "grad_norm" ... */
typedef struct aed_metrics {
    int64_t column_count;
    const char *const *names;
    int64_t rows;
    const double *values; /* [rows][column_count] */
} aed_metrics;

/* Whether a metric gets better by rising, as accuracies and the skill do, and not by falling. */
bool aed_metric_rises(const char *name);

typedef struct aed_result_setting {
    const char *axis, *text;
    double number; /* NAN: not a number, use the text */
} aed_result_setting;

typedef enum aed_number_type { AED_NUMBER_F32, AED_NUMBER_F64, AED_NUMBER_I64 } aed_number_type;

/* Numbers beside the metrics, such as a confusion matrix. */
typedef struct aed_result_array {
    const char *group, *name; /* a dataset of the trial: "analysis", "confusion" */
    const char
        *along; /* the whole numbers of this group that count its first dimension; "": none */
    aed_number_type type;
    aed_shape shape;
    const void *values;
} aed_result_array;

/* A part of an unfinished trial's state, to go on from. */
typedef struct aed_state_array {
    const char *name;
    aed_number_type type;
    int64_t count;
    void *values;
} aed_state_array;

/* Everything known of one ended trial, or of one in a checkpoint. Pointers are the caller's (or the run's, when read back). */
typedef struct aed_trial_result {
    char id[16];
    const char *status; /* "done" or "failed"; "running" in a checkpoint */
    const char *reason; /* of a failure: step, layer; of a trial that is done: what there is to warn
                            of, a line each; "" otherwise */
    const char *failure; /* its kind: "diverged" or "data"; "" otherwise */
    uint64_t seed;
    int64_t epochs; /* completed */
    double seconds, samples_per_second;
    char weights_hash[65];
    const char *resolved; /* the trial's resolved config, YAML */
    int64_t setting_count;
    const aed_result_setting *settings; /* swept keys, in the order of the axes */
    aed_metrics metrics;
    int64_t scalar_count; /* single numbers: "tile", "leaf", ... -> attributes of analysis */
    const char *const *scalar_names;
    const double *scalar_values;
    int64_t tensor_count;
    const aed_tensor *tensors; /* name, shape, offset into parameters */
    const float *parameters;   /* may be NULL if there are no tensors */
    int64_t array_count;
    const aed_result_array *arrays;
    int64_t state_count; /* 0 unless this is a checkpoint */
    const aed_state_array *states;
} aed_trial_result;

/* Attributes of the root group. */
typedef struct aed_run_info {
    const char *config; /* the config file's text */
    const char *command;
    const char *hosts; /* comma-separated */
    int ranks;
    const char *kernels;   /* "avx512" ... */
    const char *libraries; /* "Open MPI 4.1.4; HDF5 1.10.8; ..." */
} aed_run_info;

/* The trials this run is to train, in order: gives results.h5 its rows for pending ones. */
typedef struct aed_planned_trial {
    char id[16];
    uint64_t seed;
    int64_t setting_count;
    const aed_result_setting *settings;
} aed_planned_trial;

typedef struct aed_run aed_run;
struct aed_trial_record;

/* Opens DIR (made with its parents if missing) for this run: takes the lock (a second job on one
 * output is refused), reads the ledger back (a torn tail is cut off and reported through *notice, a
 * malloc'ed text or NULL), and checks that the folder is writable.
 * Fails with AED_DATA. A DIR that exists and holds something other than a run is refused. `info`
 * and `planned` are copied. */
aed_status aed_run_open(const char *dir, const aed_run_info *info, const aed_planned_trial *planned,
                        int64_t planned_count, char **notice, aed_run **run);
/* Writes config.yaml, atomically. */
aed_status aed_run_write_config(aed_run *run, const char *resolved);
/* The ended trials that the ledger holds, and one of them, as aed_run_find gives it. */
int64_t aed_run_ended_count(const aed_run *run);
const aed_trial_result *aed_run_ended(const aed_run *run, int64_t index);
/* The result of trial `id` if the ledger holds it as ended, else NULL. Owned by the run, until a
 * later result of that trial replaces it. Its parameters and its arrays' values are
 * NULL: they stay in the ledger. */
const aed_trial_result *aed_run_find(const aed_run *run, const char *id);
/* Ended trial `index` with its parameters and its arrays' values; destroy the record. Fails with AED_DATA,
 * AED_MEMORY. */
aed_status aed_run_read(aed_run *run, int64_t index, struct aed_trial_record **record);
/* The row that an ended trial has in /summary. */
int64_t aed_run_row(const aed_run *run, const char *id);
/* Arrays of the run as a whole, for /analysis of every results.h5 from now on; the caller's. */
void aed_run_set_analysis(aed_run *run, const aed_result_array *arrays, int64_t count);
/* Appends a trial's result to the ledger and fsyncs it: durable on return. */
aed_status aed_run_append(aed_run *run, const aed_trial_result *result);
/* The same for an encoded result: AED_LEDGER_HEADER bytes of room, then what aed_trial_record_encode
 * wrote. Durable after aed_run_sync; *result (unless NULL) is the run's copy. */
aed_status aed_run_put(aed_run *run, aed_buffer *record, const aed_trial_result **result);
aed_status aed_run_sync(aed_run *run);
/* Whether trial `id` is shown as running until its result comes. */
aed_status aed_run_set_running(aed_run *run, const char *id, bool running);
/* No trial is. */
void aed_run_clear_running(aed_run *run);
/* Writes results.h5 anew from the ledger: temporary name, flush, close, fsync, rename, fsync of the
 * folder. */
aed_status aed_run_write_results(aed_run *run);
/* Appends one line to log.jsonl. `event` names it; fields are key/number or key/text pairs. */
typedef struct aed_log_field {
    const char *key;
    const char *text; /* NULL: use number; NAN and infinities are written as null */
    double number;
} aed_log_field;
aed_status aed_run_log(aed_run *run, const char *event, const aed_log_field *fields, int count);
/* Appends whole lines that aed_log_put made. */
aed_status aed_run_log_lines(aed_run *run, const aed_buffer *lines);
/* The folder that the run was opened with. */
const char *aed_run_folder(const aed_run *run);
/* Releases the lock and the memory. Takes a pointer to NULL. */
void aed_run_close(aed_run **run);

/* SHA-256 over the tensors in name order, each as little-endian float32 in PyTorch layout:
 * hash[65] gets 64 hexadecimal digits and a NUL. */
void aed_weights_hash(const aed_tensor *tensors, int64_t count, const float *parameters,
                      char *hash);

#endif
