/* Evaluations outside a training; see measure.h. */
#include "train/measure.h"

#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "kernel/kernels.h"

static void add(aed_measures *measures, const aed_pass *pass, const char *what, double value)
{
    const int64_t at = measures->count++;
    snprintf(measures->names[at], sizeof *measures->names, "%.48s_%.96s", pass->name, what);
    measures->values[at] = value;
}

static aed_status measure_pass(aed_trainer *trainer, aed_pass *pass, aed_measures *measures)
{
    double loss;
    const aed_status status = aed_trainer_evaluate(trainer, pass, &loss);
    /* There is no step to tell of, nor a learning rate to lower. */
    if (status == AED_DIVERGED)
        return aed_fail(status,
                        "%s_loss is not finite; look at the data, the corruption and the "
                        "parameters",
                        pass->name);
    if (status != AED_OK) return status;
    add(measures, pass, "loss", loss);
    for (int64_t i = 0; trainer->term_count > 1 && i < trainer->term_count; i++)
        add(measures, pass, trainer->terms[i].name, pass->terms[i]);
    if (trainer->classifier >= 0) add(measures, pass, "accuracy", pass->accuracy);
    return AED_OK;
}

static aed_status allocate(const aed_trainer *trainer, aed_measures *measures)
{
    const size_t most = (size_t)(trainer->pass_count * (trainer->term_count + 2));
    *measures = (aed_measures){.names = aed_alloc(most, sizeof *measures->names),
                               .values = aed_alloc(most, sizeof *measures->values)};
    if (measures->names && measures->values) return AED_OK;
    return aed_fail(AED_MEMORY, "out of memory for an evaluation");
}

aed_status aed_measures_create(aed_trainer *trainer, aed_measures *measures)
{
    aed_status status;
    AED_TRY(aed_dist_agree(&trainer->comm, allocate(trainer, measures)));
    aed_trainer_begin_epoch(trainer, 1); /* evaluations are the same in every epoch */
    const unsigned environment = aed_float_pin();
    for (int64_t i = AED_PASS_VAL; i < trainer->pass_count && status == AED_OK; i++)
        status = measure_pass(trainer, &trainer->passes[i], measures);
    aed_float_restore(environment);

done:
    if (status != AED_OK) aed_measures_destroy(measures);
    return status;
}

void aed_measures_destroy(aed_measures *measures)
{
    aed_free(measures->names);
    aed_free(measures->values);
    memset(measures, 0, sizeof *measures);
}
