/* A layer kind of the program's own: `gain` multiplies every channel by a number that is trained. The
 * config names it like any other layer, with its argument and its key path:
 *
 *     mpirun -np 2 ./layer [model.encoder.0.start=2 ...]
 */
#include <aedist/autoencoder.h>
#include <stdio.h>

static const char config[] =
    "data: {source: bezier, samples: 4096, points: 15, window: 7, seed: 22}\n"
    "model:\n"
    "  encoder: [gain: 0.5, conv1d: {out: 3, kernel: 7, stride: 4}, tanh]\n"
    "  decoder: [conv_transpose1d: {out: 1, kernel: 7, stride: 4}, gain: {start: 2}]\n"
    "train: {loss: mse, optimizer: {adam: {lr: 0.003}}, batch: 128, epochs: 20}\n"
    "seed: 7\n";

/* The shapes, the interval of the outputs, and one parameter a channel, which begins as `start`. */
static aed_status gain_infer(aed_layer *layer)
{
    const double start = aed_spec_number(&layer->spec->spec, "start");
    if (layer->in.rank < 2) return aed_layer_fail(layer, "needs an input of channels and sizes");
    layer->out = layer->in;
    layer->out_interval = (aed_interval){-__builtin_inf(), __builtin_inf()}; /* as it is trained */
    layer->flops = aed_shape_count(&layer->in);
    layer->tensor_count = 1;
    layer->tensors[0] = (aed_tensor){.name = "weight",
                                     .shape = {1, {layer->in.size[0]}},
                                     .constant = true,
                                     .value = (float)start};
    return AED_OK;
}

/* Numbers of one channel in a tile: its samples lie innermost. */
static int64_t channel_count(const aed_layer *layer)
{
    return aed_shape_count(&layer->in) / layer->in.size[0] * layer->lanes;
}

/* y = g x */
static void gain_forward(const aed_layer *layer, const float *params, const float *x, float *y,
                         const aed_tile *tile)
{
    const float *gains = params + layer->tensors[0].offset;
    const int64_t count = channel_count(layer);
    (void)tile;
    for (int64_t c = 0; c < layer->in.size[0]; c++)
        for (int64_t i = c * count; i < (c + 1) * count; i++) y[i] = gains[c] * x[i];
}

/* dx = g dy, dg = sum of x dy: added to grads, in the order of the numbers, so that the bits are the same
 * wherever the tile is computed. Lanes without a sample have a dy of 0. */
static void gain_backward(const aed_layer *layer, const float *params, const float *x,
                          const float *y, float *dy, float *dx, float *grads, const aed_tile *tile)
{
    const int64_t at = layer->tensors[0].offset, count = channel_count(layer);
    (void)y;
    (void)tile;
    for (int64_t c = 0; c < layer->in.size[0]; c++) {
        float sum = 0;
        for (int64_t i = c * count; i < (c + 1) * count; i++) {
            sum += x[i] * dy[i];
            if (dx) dx[i] = params[at + c] * dy[i];
        }
        grads[at + c] += sum;
    }
}

static const aed_arg_def gain_args[] = {
    {"start", AED_ARG_FLOAT, false, 1, -1e6, 1e6, NULL, "the number that it begins with"},
};
static const aed_layer_ops gain = {
    .kind = {"gain", "a trained factor a channel", gain_args, 1, "start"},
    .infer = gain_infer,
    .forward = gain_forward,
    .backward = gain_backward,
};

int main(int argc, char **argv)
{
    static const aed_layer_ops *const layers[] = {&gain, NULL};
    static const aed_kinds kinds = {.layers = layers};
    const aed_autoencoder_options options = {.config = config,
                                             .overrides = (const char *const *)argv + 1,
                                             .override_count = argc - 1,
                                             .kinds = &kinds};
    aed_autoencoder *model = NULL;
    aed_status status;
    char hash[65];
    int rank;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    AED_TRY(aed_autoencoder_create(&options, MPI_COMM_WORLD, &model));
    AED_TRY(aed_autoencoder_train(model, NULL, NULL));
    aed_autoencoder_weights_hash(model, hash);
    const float *gains = aed_autoencoder_parameters(model);
    const aed_model *plan = aed_autoencoder_model(model);
    if (rank == 0) printf("val_loss %.6f\n", aed_autoencoder_metric(model, "val_loss"));
    for (int64_t i = 0; i < plan->tensor_count && rank == 0; i++)
        if (plan->tensors[i].constant)
            printf("%s %.4f\n", plan->tensors[i].name, gains[plan->tensors[i].offset]);
    if (rank == 0) printf("weights_hash %s\n", hash);

done:
    if (status != AED_OK && rank == 0) fprintf(stderr, "layer: %s\n", aed_status_message());
    aed_autoencoder_destroy(&model);
    MPI_Finalize();
    return aed_status_exit_code(status);
}
