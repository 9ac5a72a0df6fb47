/* Poolings and resamplings: what acts on the positions of each channel alike.
 *
 * A resampling is a sparse matrix over positions (mean pooling, nearest and bilinear upsampling, and
 * their transposes for the way back); maximum pooling sends its gradient to the first largest entry
 * of each window, as PyTorch does. */
#include "kernel/set/set.h"

void AED_SET(resample)(const aed_pairs *pairs, const float *weights, int channels,
                       int32_t x_positions, int lanes, const float *x, float *y)
{
    for (int c = 0; c < channels; c++)
        for (int32_t row = 0; row < pairs->rows; row++) {
            const float *from = x + (int64_t)c * x_positions * lanes;
            float *to = y + ((int64_t)c * pairs->rows + row) * lanes;
            for (int lane = 0; lane < lanes; lane += AED_WIDTH) {
                vf sum = v_zero();
                for (int32_t e = pairs->start[row]; e < pairs->start[row + 1]; e++)
                    sum = v_fma(v_set(weights[e]),
                                v_load(from + (int64_t)pairs->position[e] * lanes + lane), sum);
                v_store(to + lane, sum);
            }
        }
}

void AED_SET(max_pool)(const aed_pairs *pairs, int channels, int32_t x_positions, int lanes,
                       const float *x, float *y)
{
    for (int c = 0; c < channels; c++)
        for (int32_t row = 0; row < pairs->rows; row++) {
            const float *from = x + (int64_t)c * x_positions * lanes;
            float *to = y + ((int64_t)c * pairs->rows + row) * lanes;
            for (int lane = 0; lane < lanes; lane += AED_WIDTH) {
                vf top = v_set(-__builtin_inff());
                for (int32_t e = pairs->start[row]; e < pairs->start[row + 1]; e++) {
                    const vf in = v_load(from + (int64_t)pairs->position[e] * lanes + lane);
                    top = v_select((in > top) | (in != in), in, top);
                }
                v_store(to + lane, top);
            }
        }
}

void AED_SET(max_pool_backward)(const aed_pairs *pairs, int channels, int32_t x_positions,
                                int lanes, const float *x, const float *y, const float *dy,
                                float *dx)
{
    const int64_t floats = (int64_t)channels * x_positions * lanes;
    for (int64_t i = 0; i < floats; i += AED_WIDTH) v_store(dx + i, v_zero());
    for (int c = 0; c < channels; c++)
        for (int32_t row = 0; row < pairs->rows; row++) {
            const int64_t in = (int64_t)c * x_positions * lanes;
            const int64_t out = ((int64_t)c * pairs->rows + row) * lanes;
            for (int lane = 0; lane < lanes; lane += AED_WIDTH) {
                const vf top = v_load(y + out + lane);
                vf left = v_load(dy + out + lane); /* becomes 0 in a lane that has given it away */
                for (int32_t e = pairs->start[row]; e < pairs->start[row + 1]; e++) {
                    const int64_t at = in + (int64_t)pairs->position[e] * lanes + lane;
                    const vi here = v_load(x + at) == top;
                    v_store(dx + at, v_load(dx + at) + v_and(here, left));
                    left = v_and(~here, left);
                }
            }
        }
}
