/* Trains an autoencoder on samples of the program's own: eight numbers each, made of two, so that a code
 * of two can hold them. Prints the same on any number of ranks:
 *
 *     mpirun -np 2 ./train [KEY=VALUE ...]
 */
#include <aedist/autoencoder.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAMPLES = 4096, FEATURES = 8, CODE = 2, SHOWN = 3 };

static const char config[] =
    "data: {source: products, holdout: 0.1}\n"
    "model:\n"
    "  encoder: [linear: 16, tanh, linear: 2]\n"
    "  decoder: [linear: 16, tanh, linear: 8]\n"
    "train: {loss: mse, optimizer: {adam: {lr: 0.003}}, batch: 128, epochs: 100}\n"
    "seed: 7\n";

/* Every rank makes the same samples: random numbers are functions of seed, purpose and place, and what
 * is done with them is arithmetic alone. */
static void make_samples(float *values)
{
    const aed_rng_key key = aed_rng_key_make(1, "products", 0);
    for (uint32_t i = 0; i < SAMPLES; i++) {
        const double u = 2 * aed_rng_uniform(key, i, 0) - 1, v = 2 * aed_rng_uniform(key, i, 1) - 1;
        const double sample[FEATURES] = {u, v, u * v, u * u, v * v, u + v, u - v, u * u * v};
        for (int f = 0; f < FEATURES; f++) values[i * FEATURES + f] = (float)sample[f];
    }
}

static void show_epoch(void *self, const aed_epoch *epoch)
{
    if (epoch->epoch == 1 || epoch->epoch % 20 == 0)
        fprintf(self, "epoch %3d  train_loss %.6f  val_loss %.6f\n", (int)epoch->epoch,
                epoch->train_loss, epoch->val_loss);
}

static aed_status show_codes(aed_autoencoder *model, const float *values)
{
    float codes[SHOWN][CODE];
    const aed_status status = aed_autoencoder_apply(model, "code", SHOWN, values, codes[0]);
    for (int i = 0; i < SHOWN && status == AED_OK; i++)
        printf("sample %d of (%.3f, %.3f) has the code (%.3f, %.3f)\n", i, values[i * FEATURES],
               values[i * FEATURES + 1], codes[i][0], codes[i][1]);
    return status;
}

int main(int argc, char **argv)
{
    int rank;
    char hash[65];
    aed_status status = AED_OK;
    aed_autoencoder *model = NULL;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    float *values = malloc(sizeof(float[SAMPLES][FEATURES]));
    if (!values) MPI_Abort(MPI_COMM_WORLD, 1);
    make_samples(values);

    aed_array_source products = {.shape = {1, {FEATURES}}, .samples = SAMPLES, .values = values};
    aed_array_source_set(&products, "products");
    const aed_source_ops *const sources[] = {&products.ops, NULL};
    const aed_kinds kinds = {.sources = sources};
    const aed_autoencoder_options options = {.config = config,
                                             .overrides = (const char *const *)argv + 1,
                                             .override_count = argc - 1,
                                             .kinds = &kinds};
    AED_TRY(aed_autoencoder_create(&options, MPI_COMM_WORLD, &model));
    AED_TRY(aed_autoencoder_train(model, rank == 0 ? show_epoch : NULL, stdout));
    aed_autoencoder_weights_hash(model, hash);
    if (rank == 0) AED_TRY(show_codes(model, values));
    if (rank == 0) printf("weights_hash %s\n", hash);

done:
    if (status != AED_OK && rank == 0) fprintf(stderr, "train: %s\n", aed_status_message());
    aed_autoencoder_destroy(&model);
    free(values);
    MPI_Finalize();
    return aed_status_exit_code(status);
}
