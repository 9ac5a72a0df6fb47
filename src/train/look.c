/* What a validation shows of a model beside its losses: whether its outputs and relus do anything, and how
 * many directions its codes fill. All of it follows from numbers that ride in the pass's sum.
 *
 * Outputs are the same for all samples if they are within every leaf and the leaves agree. That they do
 * is seen from a hash h of each leaf's output, a whole number: (sum h)^2 = leaves * (sum h^2) for equal ones
 * only, by Cauchy and Schwarz, and both sides are exact.
 *
 * The codes' directions are counted by the participation ratio of the eigenvalues l of their covariance C,
 * (sum l)^2 / sum l^2 = trace(C)^2 / trace(C C): k for k directions of equal variance, less if some have
 * less of it; no eigenvalues are needed. (E.g. P. Gao et al., A theory of multineuronal dimensionality,
 * dynamics and measurement, bioRxiv 214262, 2017.) */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "train/trainer.h"

enum { VARIES, HASH, SQUARE, NOT_ZERO, OUTPUT_SLOTS };

/* With at most 2^8 leaves (sum h)^2 stays below 2^52. */
enum { HASH_BITS = 18 };

/* Means and products of the codes' numbers ride as a number each. */
enum { MOST_CODE_SUMS = 1 << 16 };

static int64_t code_sums(int64_t size) { return size + size * (size + 1) / 2; }

static int64_t code_size(const aed_model *model)
{
    return aed_shape_count(model->code_layer < 0 ? &model->input
                                                 : &model->layers[model->code_layer].out);
}

aed_status aed_trainer_plan_look(aed_trainer *trainer)
{
    const aed_config *config = trainer->config;
    const int64_t size = code_size(&trainer->model);
    if (config->metrics_skill && !aed_trainer_reconstruction(trainer))
        return aed_fail(
            AED_CONFIG,
            "metrics.skill: no loss compares the model's output with the sample; leave it "
            "out");
    if (!config->metrics_code_dimension) return AED_OK;
    if (size > MOST_CODE_SUMS || code_sums(size) > MOST_CODE_SUMS)
        return aed_fail(AED_CONFIG,
                        "metrics.code_dimension: the code has %" PRId64
                        " numbers, whose products would be more than %d; leave it out",
                        size, (int)MOST_CODE_SUMS);
    trainer->code_size = size;
    return AED_OK;
}

int64_t aed_look_doubles(const aed_trainer *trainer)
{
    return OUTPUT_SLOTS + trainer->units_count + code_sums(trainer->code_size);
}

/* ---- A tile ------------------------------------------------------------------------------------- */

static bool differs_within(const float *y, int64_t features, const aed_tile *tile)
{
    for (int64_t f = 0; f < features; f++)
        for (int lane = 1; lane < tile->valid; lane++)
            if (y[f * tile->lanes + lane] != y[f * tile->lanes]) return true;
    return false;
}

/* Of the first lane's numbers, by FNV-1a over their 32 bits, folded; 0 and -0 are alike. */
static double hash_of(const float *y, int64_t features, int lanes, bool *zero)
{
    uint64_t hash = 0xCBF29CE484222325u;
    *zero = true;
    for (int64_t f = 0; f < features; f++) {
        const float value = y[f * lanes];
        uint32_t bits = 0;
        if (value != 0) memcpy(&bits, &value, sizeof bits);
        *zero &= value == 0;
        hash = (hash ^ bits) * 0x100000001B3u;
    }
    hash ^= hash >> 32;
    return (double)((hash ^ hash >> HASH_BITS) & ((1u << HASH_BITS) - 1));
}

/* Of a model that lives the first samples differ, and this costs nothing. */
static void look_at_outputs(const aed_trainer *t, const aed_tile *tile, double *sums)
{
    const int64_t features = aed_shape_count(&t->model.layers[t->model.layer_count - 1].out);
    const float *y = aed_model_output(&t->model, t->workspace, t->model.layer_count - 1);
    bool zero;
    if (sums[VARIES] != 0) return;
    sums[VARIES] = differs_within(y, features, tile);
    if (sums[VARIES] != 0) return;
    const double hash = hash_of(y, features, tile->lanes, &zero);
    if (tile->first) {
        sums[HASH] = hash;
        sums[SQUARE] = hash * hash;
        sums[NOT_ZERO] = !zero;
    } else if (hash != sums[HASH]) {
        sums[VARIES] = 1;
    }
}

/* Sum of a[lane] * b[lane] in one order for all. */
static double product(const float *a, const float *b, int valid)
{
    double sum = 0;
    for (int lane = 0; lane < valid; lane++) sum += (double)a[lane] * (double)b[lane];
    return sum;
}

static void look_at_codes(const aed_trainer *t, const aed_tile *tile, double *sums)
{
    const float *code = aed_model_output(&t->model, t->workspace, t->model.code_layer);
    for (int64_t i = 0; i < t->code_size; i++) {
        const float *own = code + i * tile->lanes;
        for (int lane = 0; lane < tile->valid; lane++) sums[i] += (double)own[lane];
    }
    sums += t->code_size;
    for (int64_t i = 0; i < t->code_size; i++)
        for (int64_t k = 0; k <= i; k++)
            *sums++ += product(code + i * tile->lanes, code + k * tile->lanes, tile->valid);
}

void aed_look_tile(const aed_trainer *trainer, const aed_tile *tile, double *sums)
{
    const aed_trainer *t = trainer;
    look_at_outputs(t, tile, sums);
    for (int64_t i = 0; i < t->units_count; i++) {
        double *alive = &sums[OUTPUT_SLOTS + i];
        if (*alive == 0) *alive = aed_units_alive(t, &t->units[i], 0, t->units[i].count, tile);
    }
    look_at_codes(t, tile, sums + OUTPUT_SLOTS + t->units_count);
}

/* ---- The sums ----------------------------------------------------------------------------------- */

/* trace(C)^2 / trace(C C); 0 of codes that are all the same, to rounding. */
static double dimension(const double *sums, int64_t size, double samples)
{
    const double *means = sums, *products = sums + size;
    double trace = 0, raw = 0, squares = 0;
    for (int64_t i = 0; i < size; i++)
        for (int64_t k = 0; k <= i; k++) {
            const double product = *products++ / samples;
            const double c = product - means[i] / samples * (means[k] / samples);
            squares += (k < i ? 2 : 1) * c * c;
            if (k < i) continue;
            trace += c;
            raw += product;
        }
    return trace > 1e-12 * raw ? trace * trace / squares : 0;
}

void aed_look_take(const aed_trainer *trainer, const double *sums, int64_t leaves, int64_t samples,
                   aed_look *look)
{
    const aed_trainer *t = trainer;
    look->same = sums[VARIES] == 0 && sums[HASH] * sums[HASH] == (double)leaves * sums[SQUARE];
    look->zero = look->same && sums[NOT_ZERO] == 0;
    for (int64_t i = 0; i < t->units_count; i++) look->dead[i] = sums[OUTPUT_SLOTS + i] == 0;
    look->code_dimension = t->code_size > 0 ? dimension(sums + OUTPUT_SLOTS + t->units_count,
                                                        t->code_size, (double)samples)
                                            : NAN;
}
