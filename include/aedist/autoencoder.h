/* An autoencoder made and trained within a program: what the command aedist does with one trial, from
 * the text of a config, without files. Weights and losses have the same bits on any number of ranks.
 *
 * All ranks of the communicator hold the same model and the same parameters. Functions are collective
 * where they say so: all ranks then call them with the same arguments, and they fail alike on all. */
#ifndef AEDIST_AUTOENCODER_H
#define AEDIST_AUTOENCODER_H

/* MPI's bindings for C++, which the standard has dropped: with them a program would have to link more. */
#ifndef OMPI_SKIP_MPICXX
#define OMPI_SKIP_MPICXX 1
#endif
#include <mpi.h>

#include "aedist/kinds.h"
#include "aedist/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct aed_autoencoder aed_autoencoder;

typedef struct aed_autoencoder_options {
    const char *config;           /* YAML as in a config file; one trial, without a sweep */
    const char *name;             /* stands for the file in messages; NULL: "config" */
    const char *const *overrides; /* "key.path=value", in order; NULL: none */
    int override_count;
    const aed_kinds *kinds; /* of the program's own; NULL: none */
} aed_autoencoder_options;

/* Where the training stands. */
typedef struct aed_epoch {
    int64_t epoch, epochs;       /* completed, of */
    double train_loss, val_loss; /* val_loss NAN in an epoch that is not recorded */
} aed_epoch;

/* Makes model, data and initial parameters over a copy of `comm`; MPI has been initialised by then.
 * The options are copied, the kinds are not. Fails with AED_CONFIG, AED_DATA, AED_MEMORY, AED_MPI; a
 * set-up that a rule of the section `checks` calls an error is AED_CONFIG. Collective. */
aed_status aed_autoencoder_create(const aed_autoencoder_options *options, MPI_Comm comm,
                                  aed_autoencoder **autoencoder);
/* Takes a pointer to NULL, and clears the pointer. Collective. */
void aed_autoencoder_destroy(aed_autoencoder **autoencoder);

/* Trains to the config's last epoch, or to where early stopping ends it. `observe` (NULL: nobody) is
 * called on every rank after every epoch, with the same numbers. Fails with AED_DIVERGED, AED_DATA.
 * Collective. */
aed_status aed_autoencoder_train(aed_autoencoder *autoencoder,
                                 void (*observe)(void *self, const aed_epoch *epoch), void *self);

/* The last recorded value of a metric, by its name in results.h5 ("val_loss", "lr"); NAN if there is
 * none. */
double aed_autoencoder_metric(const aed_autoencoder *autoencoder, const char *name);

/* The model, whose tensors[] have names, shapes and places in the parameter block; and that block, of
 * model->parameter_block floats. Who changes parameters changes them alike on all ranks. Owned by the
 * autoencoder. */
const aed_model *aed_autoencoder_model(const aed_autoencoder *autoencoder);
float *aed_autoencoder_parameters(aed_autoencoder *autoencoder);

/* The SHA-256 of the parameters that results.h5 has as weights_hash: hash[65] gets 64 hexadecimal
 * digits and a NUL. */
void aed_autoencoder_weights_hash(const aed_autoencoder *autoencoder, char *hash);

/* Runs samples[count][input features] through the model as it is, without noise or dropout, and writes
 * the outputs at a tap (see aed_model_tap: "code", "reconstruction" ...) to out[count][features there].
 * Samples are as the model sees them: scaled. Fails with AED_CONFIG if there is no such tap. */
aed_status aed_autoencoder_apply(aed_autoencoder *autoencoder, const char *tap, int64_t count,
                                 const float *samples, float *out);

#ifdef __cplusplus
}
#endif

#endif
