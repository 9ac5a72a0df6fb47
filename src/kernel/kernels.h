/* The kernel table: every loop over vectors of samples or parameters.
 *
 * The same source (kernel/set/) is compiled once per instruction set; the best set that the
 * processor runs is chosen at run time. All sets give equal bits: element by element they perform
 * the same operations in the same order, fused where they say so, and sums over samples are formed
 * in 16 lanes whatever the width of a register (see set/lanes.h).
 *
 * Activations are float [features][lanes], lanes a multiple of AED_LANE_BLOCK, 64-byte aligned.
 * Parameter vectors are 64-byte aligned with counts that are multiples of 16. */
#ifndef AED_KERNEL_KERNELS_H
#define AED_KERNEL_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "aedist/rng.h"
#include "aedist/status.h"

enum { AED_LANE_BLOCK = 16, AED_POOL_CHANNELS = 8 };
/* A pooled window that is NaN gives its gradient to nobody: its winner's number. */
enum { AED_POOL_NOBODY = 4 };
/* The most taps in a line of a padded convolution. */
enum { AED_PADDED_MOST = 5 };

typedef enum aed_activation {
    AED_IDENTITY,
    AED_RELU,
    AED_LEAKY_RELU,
    AED_ELU,
    AED_TANH,
    AED_SIGMOID,
    AED_SOFTPLUS
} aed_activation;

typedef enum aed_loss_function { AED_MSE, AED_BCE, AED_L1, AED_SMOOTH_L1 } aed_loss_function;

/* The pairs of a convolution: row r owns entries start[r] ... start[r+1]-1, each a tap (an index
 * into a kernel of `taps` weights) and a position. Serves any dimension, stride, padding and
 * dilation, and the transposed operation, which is the same list sorted the other way.
 *
 * Rows that meet alike, with the same taps at the same distances, form a group: rows order[i] for i =
 * group[g] ... group[g+1]-1, ascending; row order[i] meets what the group's first row meets, shift[i]
 * positions further on. Only convolutions need groups. */
typedef struct aed_pairs {
    int32_t rows;
    const int32_t *start;
    const int32_t *tap;
    const int32_t *position;
    int32_t groups;
    const int32_t *group, *order, *shift;
} aed_pairs;

/* Maximum pooling by windows of high x 2 of a map of rows x columns, one line of windows after the
 * other, after an activation. What does not fill a window is dropped. */
typedef struct aed_pooling {
    aed_activation activation;
    float parameter;
    int32_t rows, columns, high; /* high 1 or 2 */
    const int32_t *slab; /* groups slab[i] ... slab[i+1]-1 of the pairs are those of line i */
} aed_pooling;

/* y[o][row] = bias[o] + sum over c, entries of row: w[o*w_out + c*w_in + tap] * x[c][position]. */
typedef struct aed_gather {
    int outputs, inputs; /* channels */
    int64_t w_out, w_in; /* strides of the weights */
    int32_t x_positions; /* positions a channel of x; y has pairs.rows */
    aed_pairs pairs;
} aed_gather;

/* A transposed convolution whose windows lie side by side: y[o][r*high + k][q*wide + l] = bias[o] + sum over c:
 * w[c*w_in + (o*high + k)*wide + l] * x[c][r][q]. */
typedef struct aed_scatter {
    int outputs, inputs; /* channels */
    int64_t w_in;
    int32_t rows, columns; /* of x */
    int high, wide;        /* of the kernel */
} aed_scatter;

/* grad[a*w_a + b*w_b + tap] += sum over rows, their entries and lanes: u[a][row] * v[b][position]. */
typedef struct aed_gather_weight {
    int a_channels, b_channels;
    int64_t w_a, w_b;
    int32_t v_positions; /* of a channel of v; u has pairs.rows */
    int32_t taps;
    aed_pairs pairs;
} aed_gather_weight;

/* A convolution of stride 1 over planes x[inputs][rows][columns] that are padded already, and relu or no
 * activation. */
typedef struct aed_padded_conv {
    int outputs, inputs;
    int64_t w_out, w_in; /* strides of the weights, whose taps are [high][wide] */
    int32_t rows, columns;
    int high, wide; /* wide: 2 ... AED_PADDED_MOST */
    float lowest;   /* of an output: 0 for relu, else -infinity */
} aed_padded_conv;

/* A convolution of stride 1 with a square kernel of 3 or 5, between planes [narrow][rows][columns] and those
 * of the wide side, which are as large as kernel and padding say. Weights [narrow][wide][taps][taps], as those
 * of aed_gather. Computed by minimal filtering (kernel/set/winograd.c). */
typedef struct aed_winograd {
    int narrow, wide; /* channels */
    int taps;
    int32_t rows, columns;
    int32_t row_padding, column_padding;
} aed_winograd;
enum { AED_WINOGRAD_TILE = 4, AED_WINOGRAD_ROWS = 4 };
/* Channels times tiles whose window stays in the nearest cache. */
enum { AED_WINOGRAD_NEAR = 8 };
/* Floats of expanded weights, and of scratch. */
static inline int64_t aed_winograd_weights(const aed_winograd *conv)
{
    return (int64_t)conv->narrow * conv->wide * conv->taps * (conv->taps + AED_WINOGRAD_TILE - 1);
}
static inline int64_t aed_winograd_scratch(const aed_winograd *conv)
{
    return (int64_t)AED_WINOGRAD_NEAR * (AED_WINOGRAD_ROWS + conv->taps - 1) *
           (conv->taps + AED_WINOGRAD_TILE) * AED_LANE_BLOCK;
}

/* Floats of a tile of every line, both sides expanded; and of how many tiles they stay in the second cache. */
static inline int64_t aed_winograd_tile_floats(const aed_winograd *conv)
{
    return ((int64_t)conv->narrow * conv->rows +
            (int64_t)conv->wide * (conv->rows + conv->taps - 1)) *
           (conv->taps + AED_WINOGRAD_TILE - 1) * AED_LANE_BLOCK;
}
static inline int32_t aed_winograd_together(const aed_winograd *conv)
{
    const int64_t cache = 240 * 1024, most = cache / aed_winograd_tile_floats(conv);
    const int32_t all = (conv->columns + AED_WINOGRAD_TILE - 1) / AED_WINOGRAD_TILE;
    return most < 1 ? 1 : most < all ? (int32_t)most : all;
}
/* Floats of scratch for winograd_gradient. */
static inline int64_t aed_winograd_gradient_scratch(const aed_winograd *conv)
{
    return (AED_LANE_BLOCK + 1) * (aed_winograd_weights(conv) + conv->narrow + conv->wide) +
           aed_winograd_together(conv) * aed_winograd_tile_floats(conv) +
           (2 * (conv->taps + AED_WINOGRAD_TILE) + 3) * AED_LANE_BLOCK;
}

/* Rows of v in a strip of dense_strips, and the floats of all strips. */
enum { AED_DENSE_STRIP = 32 };
static inline int64_t aed_dense_strips_floats(int b, int64_t columns)
{
    return (b + AED_DENSE_STRIP - 1) / AED_DENSE_STRIP * AED_DENSE_STRIP * columns;
}

/* Settings of one adam step; the bias corrections are folded in. */
typedef struct aed_adam_settings {
    float beta1, beta2, eps;
    float one_minus_beta1, one_minus_beta2;
    float step_size;    /* lr / (1 - beta1^t) */
    float inverse_root; /* 1 / sqrt(1 - beta2^t) */
    float weight_decay; /* L2, added to the gradient */
    float shrink;       /* 1 - lr * decoupled weight decay */
} aed_adam_settings;

typedef struct aed_sgd_settings {
    float lr, momentum, one_minus_dampening, weight_decay;
    int nesterov;
    int first; /* the first step copies the gradient into the momentum */
} aed_sgd_settings;

typedef struct aed_kernels {
    const char *name; /* "avx512", "avx2", "plain" */

    /* out[elements][lanes]: standard normals of elements first ... first+elements-1, first even. */
    void (*normal)(aed_rng_key key, const uint32_t *ids, int lanes, uint32_t first,
                   int64_t elements, float *out);
    /* y = x + std[element] * normal, [elements][lanes]; y may be x. */
    void (*add_noise)(aed_rng_key key, const uint32_t *ids, int lanes, int64_t elements,
                      const float *std, const float *x, float *y);
    /* The same with one std for all elements, then clipped to [lo, hi] (infinite: not at all). */
    void (*add_noise_within)(aed_rng_key key, const uint32_t *ids, int lanes, int64_t elements,
                             float std, float lo, float hi, const float *x, float *y);
    /* y = x clipped to [lo, hi], NaN left; y may be x. */
    void (*clip)(int64_t count, float lo, float hi, const float *x, float *y);
    /* y = x, or by the upper 31 bits of a word keyed by sample and element: `low` below low_below,
     * `high` from there on below high_below >= low_below. NaN stays; y may be x. */
    void (*replace)(aed_rng_key key, const uint32_t *ids, int lanes, int64_t elements,
                    uint32_t low_below, uint32_t high_below, float low, float high, const float *x,
                    float *y);

    /* out[features][lanes] from rows ids[lanes] of samples[][features]. Up to 7 values beyond a row
     * may be read. Of bytes: x * factor - shift, rounded once. */
    void (*load_rows)(const float *samples, int64_t features, const uint32_t *ids, int lanes,
                      float *out);
    void (*load_bytes)(const uint8_t *samples, int64_t features, const uint32_t *ids, int lanes,
                       float factor, float shift, float *out);
    /* x = (x - shift) * factor, in place. */
    void (*standardize)(int64_t count, float shift, float factor, float *x);
    /* Divides each column of [features][lanes] by its Euclidean norm, where that is above 0. */
    void (*unit_columns)(int64_t features, int lanes, float *x);

    /* See aed_gather; then the activation (identity or relu). */
    void (*gather)(const aed_gather *plan, int lanes, const float *w, const float *bias,
                   aed_activation activation, const float *x, float *y);
    /* See aed_scatter; then the activation (identity or relu). */
    void (*scatter)(const aed_scatter *plan, int lanes, const float *w, const float *bias,
                    aed_activation activation, const float *x, float *y);
    /* As gather, followed by an activation and pooling: y[o][window] and the index of each window's winner,
     * the first largest (a NaN is; it then has the index AED_POOL_NOBODY). scratch: AED_POOL_CHANNELS * high *
     * columns * 16 floats. */
    void (*gather_pool)(const aed_gather *plan, const aed_pooling *pooling, int lanes,
                        const float *w, const float *bias, const float *x, float *y,
                        uint8_t *winner, float *scratch);
    /* dx[c][rows][columns] before activation and pooling, from what gather_pool left. */
    void (*unpool)(const aed_pooling *pooling, int channels, int lanes, const float *y,
                   const uint8_t *winner, const float *dy, float *dx);
    /* y[o][window] = the largest of a convolution's 2 x 2 outputs, after its activation, and the index of
     * the winner; windows without a column or row of outputs are dropped. */
    void (*convolve_pool)(const aed_padded_conv *conv, int lanes, const float *w, const float *bias,
                          const float *x, float *y, uint8_t *winner);
    /* Adds to the gradients of its weights and (unless NULL) biases, from what convolve_pool left. */
    void (*convolve_pool_gradient)(const aed_padded_conv *conv, int lanes, const float *x,
                                   const float *y, const uint8_t *winner, const float *dy,
                                   float *grad_w, float *grad_b);
    /* See aed_winograd: the weights as it wants them, if `turned` from those of the convolution from narrow to
     * wide, [wide][narrow] and each kernel by 180 degrees; and from one side to the other, then the activation
     * (identity or relu). */
    void (*winograd_weights)(const aed_winograd *conv, bool turned, const float *w,
                             float *expanded);
    void (*winograd)(const aed_winograd *conv, bool to_narrow, int lanes, const float *expanded,
                     const float *bias, aed_activation activation, const float *x, float *y,
                     float *scratch);
    /* Adds to the weights' gradient, from both sides, and (unless NULL) to the biases' of either, which are the sums
     * over its points and lanes. */
    void (*winograd_gradient)(const aed_winograd *conv, int lanes, const float *narrow,
                              const float *wide, float *grad, float *narrow_bias, float *wide_bias,
                              float *scratch);
    void (*gather_weight)(const aed_gather_weight *plan, int lanes, const float *u, const float *v,
                          float *grad);
    /* grad[c] += sum over positions and lanes of dy[c][position][lane]. */
    void (*bias_gradient)(int channels, int64_t columns, const float *dy, float *grad);

    /* y[m][columns] = bias[m] + sum over k: w[m*w_row + k*w_column] * x[k][columns], then the
     * activation (identity or relu). columns is a multiple of 16. With `add` the sum goes on from what y
     * holds instead of the bias. */
    void (*dense)(int rows, int inner, int64_t columns, const float *w, int64_t w_row,
                  int64_t w_column, bool add, const float *bias, aed_activation activation,
                  const float *x, float *y);
    /* v[b][columns] turned over for dense_weight: strips of aed_dense_strips_floats(b, columns) floats. */
    void (*dense_strips)(int b, int64_t columns, const float *v, float *strips);
    /* grad[a][b] += sum over columns: u[a][columns] * v[b][columns]; grad row-major [a][b]. Unless
     * `add` what grad holds does not count: the sum starts from 0. Unless `join` is NULL, join += the
     * sum instead, and grad stays. */
    void (*dense_weight)(int a, int b, int64_t columns, const float *u, const float *strips,
                         bool add, float *grad, float *join);

    void (*activate)(aed_activation kind, float parameter, int64_t count, const float *x, float *y);
    void (*activate_backward)(aed_activation kind, float parameter, int64_t count, const float *y,
                              const float *dy, float *dx);
    /* The same in place, of channels, whose sums are added to grad as by bias_gradient. */
    void (*activate_bias_gradient)(aed_activation kind, float parameter, int channels,
                                   int64_t columns, const float *y, float *dy, float *grad);
    /* Over the channels of [channels][columns]; y may be x, dx may be y or dy. */
    void (*softmax)(int channels, int64_t columns, const float *x, float *y);
    void (*softmax_backward)(int channels, int64_t columns, const float *y, const float *dy,
                             float *dx);

    /* y[c][row] = sum over the row's entries: weights[entry] * x[c][position]. */
    void (*resample)(const aed_pairs *pairs, const float *weights, int channels,
                     int32_t x_positions, int lanes, const float *x, float *y);
    /* y[c][row] = the largest x[c][position] of the row's entries; NaN wins. Backward fills dx: each
     * row's gradient goes to its first entry that equals y. */
    void (*max_pool)(const aed_pairs *pairs, int channels, int32_t x_positions, int lanes,
                     const float *x, float *y);
    void (*max_pool_backward)(const aed_pairs *pairs, int channels, int32_t x_positions, int lanes,
                              const float *x, const float *y, const float *dy, float *dx);
    /* y = x * scale, or 0 for all group_size elements of a group whose word, keyed by sample and
     * group, is below the threshold; then the activation (identity or relu). y may be x. */
    void (*dropout)(aed_rng_key key, const uint32_t *ids, int lanes, int64_t groups,
                    int64_t group_size, uint32_t threshold, float scale, aed_activation activation,
                    const float *x, float *y);
    /* dx of a dropout with relu: dy * scale where its y is above 0, else 0. dx may be dy. */
    void (*dropout_relu_backward)(int64_t count, float scale, const float *y, const float *dy,
                                  float *dx);

    /* y = (x + standard Gumbel noise) * scale, [elements][lanes], keyed as dropout; y may be x. */
    void (*add_gumbel)(aed_rng_key key, const uint32_t *ids, int lanes, int64_t elements,
                       float scale, const float *x, float *y);
    /* 1 at the first largest channel of each column of [channels][columns], 0 at the others; NaN at all
     * if there is one. y may be x. */
    void (*one_hot)(int channels, int64_t columns, const float *x, float *y);

    /* Groups of weights x places features normalised, y = n * w + b, a weight and a bias for every
     * `places` features. Backward fills dx (unless NULL) and adds to the gradients; scratch: 2 * lanes
     * floats. */
    void (*normalize)(int64_t groups, int64_t weights, int64_t places, int lanes, float eps,
                      const float *w, const float *b, const float *x, float *y);
    void (*normalize_backward)(int64_t groups, int64_t weights, int64_t places, int lanes,
                               float eps, const float *w, const float *x, const float *dy,
                               float *dx, float *grad_w, float *grad_b, float *scratch);

    /* See aed_loss_ops.evaluate. */
    double (*loss)(aed_loss_function kind, float parameter, int64_t features, int lanes, int valid,
                   const float *y, const float *target, float scale, float *dy);
    /* The sum over the valid lanes of -log softmax(y)[label], y[classes][lanes], targets smoothed as
     * the loss cross_entropy says; labels[lanes] lie in 0 ... classes-1. */
    double (*cross_entropy)(float smoothing, int64_t classes, int lanes, int valid, const float *y,
                            const int32_t *labels, float scale, float *dy);

    /* `turns` rounds of fused multiply-adds on registers alone; returns the operations done. */
    int64_t (*multiply_adds)(int64_t turns);

    double (*sum_of_squares)(int64_t count, const float *x);
    void (*scale)(int64_t count, float factor, float *x);
    void (*adam)(const aed_adam_settings *settings, int64_t count, const float *grads,
                 float *params, float *m, float *v);
    void (*sgd)(const aed_sgd_settings *settings, int64_t count, const float *grads, float *params,
                float *momentum);
} aed_kernels_table;

/* The chosen set. The first call chooses; AEDIST_SIMD=avx512|avx2|plain forces one. */
const aed_kernels_table *aed_kernels(void);
/* Chooses now; fails with AED_CONFIG if AEDIST_SIMD names no set, or one the processor lacks. */
aed_status aed_kernels_choose(void);
/* The set called `name` if this build and processor have it, else NULL: for tests. */
const aed_kernels_table *aed_kernels_named(const char *name);
/* FLOP a second that this core keeps up with fused multiply-adds in the chosen set: the median of short rounds
 * over `seconds` (at most 0.4 or so). The best of them would be that of a clock that lasts for milliseconds. */
double aed_kernels_peak(double seconds);

/* Pins rounding to nearest, flush-to-zero and denormals-are-zero on the calling thread, so that
 * results do not depend on what a library left behind. Returns the old state for restore. */
unsigned aed_float_pin(void);
void aed_float_restore(unsigned state);

#endif
