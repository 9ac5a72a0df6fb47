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

static aed_status write_analysis(aed_hdf5 *file, hid_t trial, const aed_trial_result *result)
{
    hid_t group;
    aed_status status = aed_hdf5_group(file, trial, "analysis", result->array_count, &group);
    for (int64_t i = 0; i < result->scalar_count && status == AED_OK; i++) {
        status = aed_hdf5_attribute_f64(file, group, result->scalar_names[i],
                                        result->scalar_values[i]);
    }
    for (int64_t i = 0; i < result->array_count && status == AED_OK; i++) {
        const aed_result_array *array = &result->arrays[i];
        status = aed_hdf5_dataset(file, group, array->name, AED_HDF5_I64, array->shape.rank,
                                  array->shape.size, array->values, NULL);
    }
    aed_hdf5_group_close(group);
    return status;
}

aed_status aed_results_write_trial(aed_hdf5 *file, hid_t trials, const aed_trial_result *result)
{
    aed_status status;
    hid_t trial;
    AED_TRY(aed_hdf5_group(file, trials, result->id, 3, &trial));
    AED_TRY(aed_hdf5_attribute_text(file, trial, "status", result->status));
    AED_TRY(aed_hdf5_attribute_text(file, trial, "reason", result->reason));
    AED_TRY(aed_hdf5_attribute_text(file, trial, "config", result->resolved));
    AED_TRY(aed_hdf5_attribute_u64(file, trial, "seed", result->seed));
    AED_TRY(aed_hdf5_attribute_text(file, trial, "weights_hash", result->weights_hash));
    AED_TRY(write_metrics(file, trial, &result->metrics));
    if (result->tensor_count > 0) AED_TRY(write_parameters(file, trial, result));
    if (result->scalar_count + result->array_count > 0)
        AED_TRY(write_analysis(file, trial, result));

done:
    aed_hdf5_group_close(trial);
    return status;
}
