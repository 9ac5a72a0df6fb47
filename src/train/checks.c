/* The rules for set-ups; their names, defaults and levels are the config's (`checks:`). */
#include "train/checks.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "layer/window.h"

/* ---- What the rules share ------------------------------------------------------------------------ */

static bool lies_within(aed_interval inner, aed_interval outer)
{
    return inner.lo >= outer.lo && inner.hi <= outer.hi;
}

static bool is_kind(const aed_layer *layer, const char *kind)
{
    return strcmp(layer->ops->kind.name, kind) == 0;
}

/* The layer before this one that computes anything; NULL: the input. */
static const aed_layer *before(const aed_model *model, const aed_layer *layer)
{
    for (int i = layer->index - 1; i >= 0; i--)
        if (!model->layers[i].ops->is_view) return &model->layers[i];
    return NULL;
}

/* "decoder.3 (relu)" */
typedef struct name {
    char text[112];
} name;

static name name_of(const aed_layer *layer)
{
    name shown;
    snprintf(shown.text, sizeof shown.text, "%.60s (%.40s)", layer->spec->path,
             layer->ops->kind.name);
    return shown;
}

/* "[0.5, 1)": an end that the layer only comes near to, its input being unbounded there, is open. */
static name interval_of(const aed_layer *layer)
{
    const aed_interval in = layer->in_interval, out = layer->out_interval;
    const bool exact = is_kind(layer, "relu");
    const bool open_lo = isinf(out.lo) || (isinf(in.lo) && !exact);
    const bool open_hi = isinf(out.hi) || (isinf(in.hi) && !exact);
    name shown;
    snprintf(shown.text, sizeof shown.text, "%s%.4g, %.4g%s", open_lo ? "(" : "[", out.lo, out.hi,
             open_hi ? ")" : "]");
    return shown;
}

/* Targets that cannot be made are no finding. */
static aed_status look(const aed_trainer *t, aed_targets *targets)
{
    aed_status status = aed_targets_look(t->data, targets);
    if (status == AED_DATA) {
        targets->samples = 0;
        status = AED_OK;
    }
    return status;
}

/* ---- Where a loss is defined ----------------------------------------------------------------------- */

static aed_status find_loss_targets(const aed_trainer *t, char *text)
{
    aed_targets targets = {0};
    aed_status status = AED_OK;
    for (int64_t i = 0; i < t->term_count && !text[0]; i++) {
        const aed_term *term = &t->terms[i];
        const aed_interval domain = term->ops->target_domain;
        if (term->ops->on_labels || term->is_penalty || lies_within(t->data->interval, domain))
            continue;
        if (!targets.mean) AED_TRY(look(t, &targets));
        if (targets.samples == 0 || lies_within(targets.range, domain)) continue;
        snprintf(
            text, AED_FINDING_BYTES,
            "%s: %s is defined for targets in [%g, %g], but the data lies in [%.4g, %.4g]; use "
            "mse, or data scaled to that interval",
            term->spec->where, term->ops->kind.name, domain.lo, domain.hi, targets.range.lo,
            targets.range.hi);
    }
done:
    aed_targets_destroy(&targets);
    return status;
}

static aed_status find_loss_outputs(const aed_trainer *t, char *text)
{
    for (int64_t i = 0; i < t->term_count && !text[0]; i++) {
        const aed_term *term = &t->terms[i];
        const aed_interval domain = term->ops->output_domain;
        if (term->layer < 0) continue;
        const aed_layer *layer = &t->model.layers[term->layer];
        if (lies_within(layer->out_interval, domain)) continue;
        snprintf(text, AED_FINDING_BYTES,
                 "%s: %s is defined for outputs in [%g, %g], but those of %s lie in %s; end with "
                 "sigmoid there, or use mse",
                 term->spec->where, term->ops->kind.name, domain.lo, domain.hi, name_of(layer).text,
                 interval_of(layer).text);
    }
    return AED_OK;
}

/* ---- What the last layer can give ------------------------------------------------------------------ */

/* Outputs of a layer whose inputs are unbounded, of those that can be squeezed further. */
static aed_interval free_interval(const aed_layer *layer)
{
    return is_kind(layer, "sigmoid") ? (aed_interval){0, 1}
           : is_kind(layer, "tanh")  ? (aed_interval){-1, 1}
                                     : layer->out_interval;
}

static void add_remedy(const aed_trainer *t, const aed_layer *last, aed_interval targets,
                       char *text)
{
    const aed_layer *other = before(&t->model, last);
    const aed_interval most = free_interval(last);
    const bool squeezed = other && !lies_within(most, last->out_interval);
    const size_t at = strlen(text);
    char *end = text + at;
    const size_t room = AED_FINDING_BYTES - at;
    /* A source with its own input can only be left as it is. */
    const char *scaled = t->data->own_input ? "" : ", or scale the data to it (data.scale: unit)";
    if (squeezed && lies_within(targets, most))
        snprintf(end, room, "; leave out %s before it", name_of(other).text);
    else if (squeezed)
        snprintf(end, room, "; leave out both it and %s before it", name_of(other).text);
    else
        snprintf(end, room, "; end without it%s", scaled);
}

/* "outputs in [0.5, 1) cannot get below MSE 1.02 on this data; predicting the mean reaches 0.71" */
static aed_status add_floors(const aed_trainer *t, const aed_layer *last, const aed_term *term,
                             const aed_targets *targets, char *text)
{
    double nearest = NAN, mean = NAN;
    char kind[16], data[64] = "this data";
    /* What divides a batch differs by batch. */
    if (t->data->batch_scaled) return AED_OK;
    const aed_status status = aed_targets_floors(t->data, targets, term, last->out_interval,
                                                 &nearest, &mean);
    if (status == AED_MEMORY) return status;
    if (status != AED_OK || !isfinite(nearest) || !isfinite(mean)) return AED_OK;
    snprintf(kind, sizeof kind, "%s",
             strcmp(term->ops->kind.name, "mse") == 0 ? "MSE" : term->ops->kind.name);
    if (targets->samples < t->samples || (t->data->source && t->data->source->fresh))
        snprintf(data, sizeof data, "the first %" PRId64 " samples", targets->samples);
    const size_t at = strlen(text);
    snprintf(text + at, AED_FINDING_BYTES - at,
             ": outputs in %s cannot get below %s %.3g on %s; predicting the mean reaches %.3g",
             interval_of(last).text, kind, nearest, data, mean);
    return AED_OK;
}

/* A little outside is rounding. */
static bool is_reached(aed_interval targets, aed_interval outputs)
{
    const double rounding = 1e-5 * fmax(1, fmax(fabs(targets.lo), fabs(targets.hi)));
    return targets.lo >= outputs.lo - rounding && targets.hi <= outputs.hi + rounding;
}

static aed_status find_reach(const aed_trainer *t, char *text)
{
    const aed_term *term = aed_trainer_reconstruction(t);
    const aed_layer *last = &t->model.layers[t->model.layer_count - 1];
    if (last->ops->is_view) last = before(&t->model, last);
    if (!term || !last || lies_within(t->data->interval, last->out_interval)) return AED_OK;
    aed_targets targets;
    aed_status status;
    AED_TRY(look(t, &targets));
    if (targets.samples == 0 || is_reached(targets.range, last->out_interval)) goto done;
    snprintf(text, AED_FINDING_BYTES, "%s: %s gives %s and cannot reach targets in [%.4g, %.4g]",
             last->spec->spec.where, name_of(last).text, interval_of(last).text, targets.range.lo,
             targets.range.hi);
    AED_TRY(add_floors(t, last, term, &targets, text));
    add_remedy(t, last, targets.range, text);
done:
    aed_targets_destroy(&targets);
    return status;
}

/* ---- The code --------------------------------------------------------------------------------------- */

static bool is_penalised(const aed_trainer *t, int layer)
{
    for (int64_t i = 0; i < t->term_count; i++)
        if (t->terms[i].is_penalty && t->terms[i].layer == layer && t->terms[i].weight > 0)
            return true;
    return false;
}

/* The layer that adds the code's noise; NULL: none does. */
static const aed_layer *code_noise(const aed_trainer *t)
{
    const aed_config *config = t->config;
    bool noisy = config->code_noise.ramp != NULL;
    for (int64_t i = 0; i < config->code_noise.count; i++)
        noisy = noisy || config->code_noise.numbers[i] > 0;
    if (!noisy || (config->noise_scale == 0 && !config->noise_ramp)) return NULL;
    for (int i = 0; i < t->model.layer_count; i++)
        if (strcmp(t->model.layers[i].spec->path, "code.noise") == 0) return &t->model.layers[i];
    return NULL;
}

static aed_status find_code_scale(const aed_trainer *t, char *text)
{
    const aed_model *model = &t->model;
    const int code = model->code_layer;
    const aed_layer *noise = code_noise(t);
    if (!noise || code < model->first_trained || is_penalised(t, code)) return AED_OK;
    const aed_layer *layer = &model->layers[code];
    if (isfinite(layer->out_interval.lo) && isfinite(layer->out_interval.hi)) return AED_OK;
    snprintf(text, AED_FINDING_BYTES,
             "%s: the code in %s, of %s, is unbounded: it can outgrow the noise on it; bound it "
             "(model.code: {activation: tanh}), or put a penalty on it (train.loss: {code: {mse: "
             "...}, ...})",
             noise->spec->spec.where, interval_of(layer).text, name_of(layer).text);
    return AED_OK;
}

static bool is_noisy(const aed_trainer *t)
{
    if (t->config->corruption_count > 0 || t->data->own_input || code_noise(t)) return true;
    for (int i = 0; i <= t->model.code_layer; i++)
        if (t->model.layers[i].ops->is_random) return true;
    return false;
}

static aed_status find_wide_code(const aed_trainer *t, char *text)
{
    const aed_model *model = &t->model;
    const int code = model->code_layer;
    if (code < 0 || is_noisy(t) || is_penalised(t, code)) return AED_OK;
    const aed_layer *layer = &model->layers[code];
    const int64_t size = aed_shape_count(&layer->out);
    if (size < t->features) return AED_OK;
    snprintf(text, AED_FINDING_BYTES,
             "%s: the code has %" PRId64 " numbers for %" PRId64
             " of the input and no noise: it can copy them; use a smaller code, or noise",
             layer->spec->spec.where, size, t->features);
    return AED_OK;
}

/* ---- Layers ------------------------------------------------------------------------------------------ */

static bool is_softmax(const aed_layer *layer)
{
    return is_kind(layer, "softmax") || is_kind(layer, "gumbel_softmax");
}

static aed_status find_softmax(const aed_trainer *t, char *text)
{
    for (int i = 1; i < t->model.layer_count; i++) {
        const aed_layer *layer = &t->model.layers[i], *other = before(&t->model, layer);
        if (!other || !is_softmax(other)) continue;
        if (!is_softmax(layer) && !is_kind(layer, "sigmoid") && !is_kind(layer, "tanh")) continue;
        snprintf(text, AED_FINDING_BYTES,
                 "%s: %s is directly behind %s, whose outputs in [0, 1] it presses together; leave "
                 "one of them out, or put a linear layer between them",
                 layer->spec->spec.where, name_of(layer).text, name_of(other).text);
        break;
    }
    return AED_OK;
}

static aed_status find_checkerboard(const aed_trainer *t, char *text)
{
    for (int i = 0; i < t->model.layer_count && !text[0]; i++) {
        const aed_layer *layer = &t->model.layers[i];
        const int dimensions = is_kind(layer, "conv_transpose1d")   ? 1
                               : is_kind(layer, "conv_transpose2d") ? 2
                                                                    : 0;
        for (int d = 0; d < dimensions && !text[0]; d++) {
            const int64_t kernel = aed_window_value(layer, dimensions, "kernel", d, 1);
            const int64_t stride = aed_window_value(layer, dimensions, "stride", d, 1);
            if (kernel <= stride || kernel % stride == 0) continue;
            snprintf(text, AED_FINDING_BYTES,
                     "%s: %s overlaps unevenly, its kernel of %" PRId64
                     " being no multiple of the stride of %" PRId64
                     ": outputs may show a pattern of that period; use a kernel of %" PRId64
                     ", or upsample and a convolution",
                     layer->spec->spec.where, name_of(layer).text, kernel, stride,
                     (kernel / stride + 1) * stride);
        }
    }
    return AED_OK;
}

static aed_status find_one_channel(const aed_trainer *t, char *text)
{
    for (int i = 0; i < t->model.layer_count; i++) {
        const aed_layer *layer = &t->model.layers[i];
        if (!is_kind(layer, "dropout1d") && !is_kind(layer, "dropout2d")) continue;
        if (layer->in.size[0] != 1) continue;
        snprintf(text, AED_FINDING_BYTES,
                 "%s: %s has one channel and so drops whole samples; use dropout for elements, or "
                 "put it where there are more channels",
                 layer->spec->spec.where, name_of(layer).text);
        break;
    }
    return AED_OK;
}

/* ---- The table --------------------------------------------------------------------------------------- */

aed_status aed_check_find(const aed_trainer *trainer, aed_check rule, char *text)
{
    static aed_status (*const rules[AED_CHECK_COUNT])(const aed_trainer *t, char *text) = {
        [AED_CHECK_LOSS_TARGETS] = find_loss_targets,
        [AED_CHECK_LOSS_OUTPUTS] = find_loss_outputs,
        [AED_CHECK_REACH] = find_reach,
        [AED_CHECK_CODE_SCALE] = find_code_scale,
        [AED_CHECK_SOFTMAX] = find_softmax,
        [AED_CHECK_CHECKERBOARD] = find_checkerboard,
        [AED_CHECK_WIDE_CODE] = find_wide_code,
        [AED_CHECK_ONE_CHANNEL] = find_one_channel,
    };
    text[0] = '\0';
    return rules[rule](trainer, text);
}
