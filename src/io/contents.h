/* What a run's files hold, in the form in which it is shown: the same of a ledger and of the results.h5
 * that was made from it. */
#ifndef AED_IO_CONTENTS_H
#define AED_IO_CONTENTS_H

#include "core/buffer.h"
#include "io/stored.h"

/* A swept key and its values in the order in which they came, numbers in at most 9 digits. */
typedef struct aed_contents_axis {
    const char *name;
    int64_t count;
    const char **values;
} aed_contents_axis;

typedef struct aed_contents_trial {
    const char *id;
    const char *status;       /* "done", "failed", "running", "pending" */
    const char *weights_hash; /* "" unless it has ended */
    double val_loss;          /* the last one; NAN */
} aed_contents_trial;

/* Where results.h5 comes from; NULL or 0 of a ledger. */
typedef struct aed_contents_origin {
    int64_t schema_version, ranks;
    const char *aedist_version, *created, *command, *hosts, *kernels, *libraries;
} aed_contents_origin;

typedef struct aed_contents {
    aed_pool pool; /* owns all that follows */
    aed_contents_origin origin;
    const char *name; /* the config's; NULL: no trial has ended */
    int64_t trial_count;
    aed_contents_trial *trials;
    int64_t axis_count; /* sorted by name */
    aed_contents_axis *axes;
    int64_t best;              /* the done trial with the least val_loss; -1: none */
    const char *best_settings; /* its "noise_scale=0.5 seed=11" */
    /* Of the best trial or, without one, the first that has ended: */
    int64_t metric_count;
    const char **metrics; /* names, sorted */
    int64_t rows;         /* epochs recorded */
    int64_t tensor_count; /* sorted by name; offsets are 0 */
    aed_tensor *tensors;
} aed_contents;

/* Of a ledger, and of one trial alone. Fail with AED_MEMORY. */
aed_status aed_contents_of_trial(const aed_trial_result *result, aed_contents *contents);
aed_status aed_contents_of_ledger(const aed_stored *stored, aed_contents *contents);

/* Reads a results.h5. Fails with AED_DATA if it is none or damaged; HDF5 may crash on bytes that were
 * changed with intent, so keep a process of its own between it and what matters. */
aed_status aed_contents_of_results(const char *path, aed_contents *contents);

void aed_contents_destroy(aed_contents *contents);

/* Between the two: the config's name out of a resolved config's first line, into the pool (NULL: there
 * is none or no memory). */
const char *aed_contents_name(aed_pool *pool, const char *resolved);
/* The text of a number as an axis shows it. NULL when memory is short. */
const char *aed_contents_number(aed_pool *pool, double number);
/* The done trial with the least val_loss, -1 if none has one. */
int64_t aed_contents_best(const aed_contents *contents);
/* Sorts names, tensors by theirs. */
void aed_contents_sort(aed_contents *contents);
/* Appends " axis=value" (the first without the space) to a text in the pool; NULL when memory is
 * short. */
const char *aed_contents_setting(aed_pool *pool, const char *before, const char *axis,
                                 const char *value);

#endif
