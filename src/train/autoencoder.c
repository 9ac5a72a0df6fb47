/* A trial without files for programs: see aedist/autoencoder.h. */
#include "aedist/autoencoder.h"

#include <math.h>
#include <string.h>

#include "config/kinds.h"
#include "core/memory.h"
#include "kernel/kernels.h"
#include "train/checks.h"
#include "train/initial.h"
#include "train/trial.h"

struct aed_autoencoder {
    aed_comm comm;
    aed_trial_list list; /* of one trial */
    aed_initials initials;
    aed_source source;
    aed_dataset data;
    aed_trainer trainer;
    aed_training training;
};

/* ---- Making ----------------------------------------------------------------------------------- */

/* A communicator of its own over all ranks of the program's. */
static aed_status take_comm(MPI_Comm comm, aed_comm *own)
{
    aed_comm given = {.handle = comm};
    int initialised = 0;
    MPI_Initialized(&initialised);
    if (!initialised) return aed_fail(AED_CONFIG, "autoencoder: call MPI_Init before");
    if (MPI_Comm_rank(comm, &given.rank) != MPI_SUCCESS ||
        MPI_Comm_size(comm, &given.size) != MPI_SUCCESS)
        return aed_fail(AED_MPI, "autoencoder: the communicator cannot be used");
    return aed_dist_copy(&given, own);
}

static aed_status read_config(const aed_autoencoder_options *options, aed_trial_list *list)
{
    const char *name = options->name ? options->name : "config";
    const aed_status status = aed_config_parse_with(
        options->kinds, options->config, name, options->overrides, options->override_count, list);
    if (status != AED_OK || list->count == 1) return status;
    return aed_fail(AED_CONFIG, "%s: a sweep of %lld trials; an autoencoder is one of them", name,
                    (long long)list->count);
}

static aed_status make_data(aed_autoencoder *a, const aed_config *config)
{
    aed_status status = aed_source_create(&config->data, &a->source);
    if (status == AED_OK) status = aed_dataset_create(&a->source, &config->data_options, &a->data);
    return status;
}

/* Rules that are no errors have nobody here to be told to. */
static aed_status check_set_up(const aed_autoencoder *a, const aed_config *config)
{
    char text[AED_FINDING_BYTES];
    for (aed_check rule = 0; rule < AED_CHECK_COUNT; rule++) {
        if (config->checks[rule] != AED_CHECK_ERROR) continue;
        const aed_status status = aed_check_find(&a->trainer, rule, text);
        if (status != AED_OK) return status;
        if (text[0])
            return aed_fail(AED_CONFIG, "%s (the rule checks.%s)", text,
                            aed_section_get(AED_SECTION_CHECKS)->keys[rule].name);
    }
    return AED_OK;
}

static aed_status make(const aed_autoencoder_options *options, aed_autoencoder *a)
{
    aed_status status = aed_kernels_choose();
    if (status == AED_OK) status = read_config(options, &a->list);
    AED_TRY(aed_dist_agree(&a->comm, status));
    const aed_config *config = &a->list.trials[0].config;
    AED_TRY(aed_dist_agree(&a->comm, make_data(a, config)));
    AED_TRY(aed_trainer_create(config, &a->data, &a->source.shape, &a->comm, &a->trainer));
    AED_TRY(aed_dist_agree(&a->comm, check_set_up(a, config)));
    AED_TRY(aed_initials_create(&a->list, &a->comm, &a->initials));
    AED_TRY(aed_initials_apply(&a->initials, &config->init_from, &a->trainer));
    status = aed_training_create(&a->trainer, &a->training);
done:
    return status;
}

aed_status aed_autoencoder_create(const aed_autoencoder_options *options, MPI_Comm comm,
                                  aed_autoencoder **autoencoder)
{
    aed_comm own;
    aed_status status = take_comm(comm, &own);
    *autoencoder = NULL;
    if (status != AED_OK) return status;
    aed_autoencoder *a = aed_alloc(1, sizeof *a);
    status = aed_dist_agree(&own, a ? AED_OK : aed_fail(AED_MEMORY, "out of memory for a model"));
    if (status == AED_OK) {
        a->comm = own;
        status = make(options, a);
    }
    *autoencoder = a;
    if (status == AED_OK) return AED_OK;
    if (a)
        aed_autoencoder_destroy(autoencoder);
    else
        aed_dist_free(&own);
    return status;
}

void aed_autoencoder_destroy(aed_autoencoder **autoencoder)
{
    aed_autoencoder *a = *autoencoder;
    if (!a) return;
    aed_training_destroy(&a->training);
    aed_trainer_destroy(&a->trainer);
    aed_initials_destroy(&a->initials);
    aed_dataset_destroy(&a->data);
    aed_source_destroy(&a->source);
    aed_trial_list_destroy(&a->list);
    aed_dist_free(&a->comm);
    aed_free(a);
    *autoencoder = NULL;
}

/* ---- Training --------------------------------------------------------------------------------- */

typedef struct listener {
    void (*observe)(void *self, const aed_epoch *epoch);
    void *self;
} listener;

static void tell_epoch(void *self, const aed_progress *progress)
{
    const listener *to = self;
    const aed_epoch epoch = {progress->epoch, progress->epochs, progress->train_loss,
                             progress->recorded ? progress->val_loss : NAN};
    to->observe(to->self, &epoch);
}

aed_status aed_autoencoder_train(aed_autoencoder *autoencoder,
                                 void (*observe)(void *self, const aed_epoch *epoch), void *self)
{
    listener to = {observe, self};
    const aed_observer observer = {.epoch = tell_epoch, .self = &to};
    return aed_training_run(&autoencoder->training, observe ? &observer : NULL);
}

double aed_autoencoder_metric(const aed_autoencoder *autoencoder, const char *name)
{
    const aed_metrics *metrics = &autoencoder->training.history.metrics;
    for (int64_t i = 0; i < metrics->column_count && metrics->rows > 0; i++)
        if (strcmp(metrics->names[i], name) == 0)
            return metrics->values[(metrics->rows - 1) * metrics->column_count + i];
    return NAN;
}

/* ---- The trained model ------------------------------------------------------------------------ */

const aed_model *aed_autoencoder_model(const aed_autoencoder *autoencoder)
{
    return &autoencoder->trainer.model;
}

float *aed_autoencoder_parameters(aed_autoencoder *autoencoder)
{
    return autoencoder->trainer.params;
}

void aed_autoencoder_weights_hash(const aed_autoencoder *autoencoder, char *hash)
{
    const aed_model *model = &autoencoder->trainer.model;
    aed_weights_hash(model->tensors, model->tensor_count, autoencoder->trainer.params, hash);
}

aed_status aed_autoencoder_apply(aed_autoencoder *autoencoder, const char *tap, int64_t count,
                                 const float *samples, float *out)
{
    const aed_trainer *t = &autoencoder->trainer;
    const aed_model *model = &t->model;
    const int layer = aed_model_tap(model, tap), lanes = model->lanes;
    const uint32_t ids[64] = {0}; /* of the samples, for random layers, which are silent here */
    if (layer == AED_NO_TAP)
        return aed_fail(AED_CONFIG, "autoencoder: the model has no tap '%s'", tap);
    const int64_t inputs = aed_shape_count(&model->input);
    const int64_t outputs = layer < 0 ? inputs : aed_shape_count(&model->layers[layer].out);
    float *input = t->workspace + model->input_at;
    const unsigned environment = aed_float_pin();
    for (int64_t first = 0; first < count; first += lanes) {
        const int valid = (int)(count - first < lanes ? count - first : lanes);
        const aed_tile tile = {.lanes = lanes,
                               .valid = valid,
                               .ids = ids,
                               .keys = t->keys,
                               .scratch = t->workspace + model->scratch_at};
        for (int lane = 0; lane < lanes; lane++) {
            const float *sample = samples + (first + (lane < valid ? lane : valid - 1)) * inputs;
            for (int64_t f = 0; f < inputs; f++) input[f * lanes + lane] = sample[f];
        }
        aed_model_forward(model, t->params, t->workspace, &tile);
        const float *values = aed_model_output(model, t->workspace, layer);
        for (int lane = 0; lane < valid; lane++)
            for (int64_t f = 0; f < outputs; f++) *out++ = values[f * lanes + lane];
    }
    aed_float_restore(environment);
    return AED_OK;
}
