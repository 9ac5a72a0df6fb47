/* /trials/<id> of results.h5: one ended trial's attributes, metrics, parameters, numbers. */
#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "io/hdf5.h"
#include "io/results_file.h"

/* Column `column` of the metrics as a dataset of float64, whole numbers for the epoch. */
static aed_status write_epochs(aed_hdf5 *file, hid_t group, const aed_metrics *metrics,
                               int64_t column, aed_hdf5_scale *scale)
{
    int64_t *epochs = aed_alloc((size_t)metrics->rows, sizeof *epochs);
    if (!epochs) return aed_fail(AED_MEMORY, "results.h5: out of memory for a trial's metrics");
    for (int64_t i = 0; i < metrics->rows; i++) {
        double value = metrics->values[i * metrics->column_count + column];
        /* Any double fits after this; a number out of range has no whole number to be. */
        epochs[i] = fabs(value) < 9.0e18 ? (int64_t)value : -1;
    }
    aed_status status = aed_hdf5_scale_create(file, group, "epoch", AED_HDF5_I64, metrics->rows,
                                              epochs, scale);
    aed_free(epochs);
    return status;
}

static aed_status write_metrics(aed_hdf5 *file, hid_t trial, const aed_metrics *metrics)
{
    aed_status status = AED_OK;
    hid_t group = H5I_INVALID_HID;
    aed_hdf5_scale scale = {0};
    double *values = aed_alloc((size_t)metrics->rows, sizeof *values);
    if (!values) return aed_fail(AED_MEMORY, "results.h5: out of memory for a trial's metrics");
    AED_TRY(aed_hdf5_group(file, trial, "metrics", metrics->column_count, &group));
    int64_t epoch = 0;
    while (epoch < metrics->column_count && strcmp(metrics->names[epoch], "epoch") != 0) epoch++;
    if (epoch < metrics->column_count) AED_TRY(write_epochs(file, group, metrics, epoch, &scale));
    for (int64_t column = 0; column < metrics->column_count; column++) {
        if (column == epoch) continue;
        for (int64_t i = 0; i < metrics->rows; i++) {
            values[i] = metrics->values[i * metrics->column_count + column];
        }
        AED_TRY(aed_hdf5_dataset(file, group, metrics->names[column], AED_HDF5_F64, 1,
                                 &metrics->rows, values, &scale));
    }
    AED_TRY(aed_hdf5_scale_finish(file, &scale));

done:
    aed_hdf5_scale_close(&scale);
    aed_hdf5_group_close(group);
    aed_free(values);
    return status;
}

static aed_status write_parameters(aed_hdf5 *file, hid_t trial, const aed_trial_result *result)
{
    hid_t group;
    aed_status status = aed_hdf5_group(file, trial, "parameters", result->tensor_count, &group);
    for (int64_t i = 0; i < result->tensor_count && status == AED_OK; i++) {
        const aed_tensor *tensor = &result->tensors[i];
        status = aed_hdf5_dataset(file, group, tensor->name, AED_HDF5_F32, tensor->shape.rank,
                                  tensor->shape.size, result->parameters + tensor->offset, NULL);
    }
    aed_hdf5_group_close(group);
    return status;
}

/* The array that counts the first dimension of `array`, NULL if there is none. */
static const aed_result_array *counter_of(const aed_trial_result *result,
                                          const aed_result_array *array)
{
    for (int64_t i = 0; i < result->array_count; i++) {
        const aed_result_array *counter = &result->arrays[i];
        if (strcmp(counter->group, array->group) == 0 && strcmp(counter->name, array->along) == 0 &&
            counter->along[0] == '\0' && counter->type == AED_NUMBER_I64 &&
            counter->shape.rank == 1)
            return counter;
    }
    return NULL;
}

static bool counts_others(const aed_trial_result *result, const aed_result_array *counter)
{
    for (int64_t i = 0; i < result->array_count; i++)
        if (counter_of(result, &result->arrays[i]) == counter) return true;
    return false;
}

static aed_status write_array(aed_hdf5 *file, hid_t group, const aed_result_array *array,
                              aed_hdf5_scale *scale)
{
    static const aed_hdf5_type types[] = {[AED_NUMBER_F32] = AED_HDF5_F32,
                                          [AED_NUMBER_F64] = AED_HDF5_F64,
                                          [AED_NUMBER_I64] = AED_HDF5_I64};
    return aed_hdf5_dataset(file, group, array->name, types[array->type], array->shape.rank,
                            array->shape.size, array->values, scale);
}

/* An array that counts others' first dimension, with those. */
static aed_status write_counted(aed_hdf5 *file, hid_t group, const aed_trial_result *result,
                                const aed_result_array *counter)
{
    aed_hdf5_scale scale = {0};
    aed_status status;
    AED_TRY(aed_hdf5_scale_create(file, group, counter->name, AED_HDF5_I64, counter->shape.size[0],
                                  counter->values, &scale));
    for (int64_t i = 0; i < result->array_count; i++) {
        const aed_result_array *array = &result->arrays[i];
        if (counter_of(result, array) == counter) AED_TRY(write_array(file, group, array, &scale));
    }
    AED_TRY(aed_hdf5_scale_finish(file, &scale));

done:
    aed_hdf5_scale_close(&scale);
    return status;
}

static int64_t count_arrays(const aed_trial_result *result, const char *group)
{
    int64_t count = 0;
    for (int64_t i = 0; i < result->array_count; i++)
        count += strcmp(result->arrays[i].group, group) == 0;
    return count;
}

static aed_status write_arrays(aed_hdf5 *file, hid_t group, const aed_trial_result *result,
                               const char *name)
{
    aed_status status = AED_OK;
    for (int64_t i = 0; i < result->array_count && status == AED_OK; i++) {
        const aed_result_array *array = &result->arrays[i];
        if (strcmp(array->group, name) != 0 || counter_of(result, array)) continue;
        status = counts_others(result, array) ? write_counted(file, group, result, array)
                                              : write_array(file, group, array, NULL);
    }
    return status;
}

/* A group of arrays that has no other in it. */
static aed_status write_group(aed_hdf5 *file, hid_t parent, const aed_trial_result *result,
                              const char *name)
{
    const char *slash = strrchr(name, '/');
    const int64_t arrays = count_arrays(result, name);
    hid_t group;
    if (arrays == 0) return AED_OK;
    aed_status status = aed_hdf5_group(file, parent, slash ? slash + 1 : name, arrays, &group);
    if (status == AED_OK) status = write_arrays(file, group, result, name);
    aed_hdf5_group_close(group);
    return status;
}

static bool is_first_of_group(const aed_trial_result *result, int64_t index)
{
    for (int64_t i = 0; i < index; i++)
        if (strcmp(result->arrays[i].group, result->arrays[index].group) == 0) return false;
    return true;
}

/* Single numbers as attributes, arrays, and a group for each analysis. */
aed_status aed_results_write_analysis(aed_hdf5 *file, hid_t parent, const aed_trial_result *result)
{
    static const char name[] = "analysis", below[] = "analysis/";
    int64_t groups = 0;
    hid_t group;
    aed_status status = AED_OK;
    for (int64_t i = 0; i < result->array_count; i++)
        groups += strncmp(result->arrays[i].group, below, sizeof below - 1) == 0 &&
                  is_first_of_group(result, i);
    if (result->scalar_count + groups + count_arrays(result, name) == 0) return AED_OK;
    AED_TRY(aed_hdf5_group(file, parent, name, groups + count_arrays(result, name), &group));
    for (int64_t i = 0; i < result->scalar_count; i++)
        AED_TRY(
            aed_hdf5_attribute_f64(file, group, result->scalar_names[i], result->scalar_values[i]));
    AED_TRY(write_arrays(file, group, result, name));
    for (int64_t i = 0; i < result->array_count; i++)
        if (strncmp(result->arrays[i].group, below, sizeof below - 1) == 0 &&
            is_first_of_group(result, i))
            AED_TRY(write_group(file, group, result, result->arrays[i].group));

done:
    aed_hdf5_group_close(group);
    return status;
}

aed_status aed_results_write_trial(aed_hdf5 *file, hid_t trials, const aed_trial_result *result)
{
    aed_status status;
    hid_t trial;
    const bool done = strcmp(result->status, "done") == 0;
    AED_TRY(aed_hdf5_group(file, trials, result->id, 4, &trial));
    AED_TRY(aed_hdf5_attribute_text(file, trial, "status", result->status));
    AED_TRY(aed_hdf5_attribute_text(file, trial, "reason", done ? "" : result->reason));
    if (done && result->reason[0])
        AED_TRY(aed_hdf5_attribute_text(file, trial, "warnings", result->reason));
    AED_TRY(aed_hdf5_attribute_text(file, trial, "config", result->resolved));
    AED_TRY(aed_hdf5_attribute_u64(file, trial, "seed", result->seed));
    AED_TRY(aed_hdf5_attribute_text(file, trial, "weights_hash", result->weights_hash));
    AED_TRY(write_metrics(file, trial, &result->metrics));
    if (result->tensor_count > 0) AED_TRY(write_parameters(file, trial, result));
    AED_TRY(aed_results_write_analysis(file, trial, result));
    AED_TRY(write_group(file, trial, result, "snapshots"));

done:
    aed_hdf5_group_close(trial);
    return status;
}
