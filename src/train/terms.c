/* Loss terms: bound to their taps once, then evaluated tile by tile; the way back through the model
 * takes up each term's gradient where its tap is. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "train/trainer.h"

/* ---- Binding ---------------------------------------------------------------------------------- */

static const aed_shape *output_shape(const aed_model *model, int layer)
{
    return layer < 0 ? &model->input : &model->layers[layer].out;
}

static aed_status check_labels(const aed_trainer *t, const aed_term *term, const char *tap)
{
    const char *where = term->spec->where, *kind = term->ops->kind.name;
    const aed_shape *shape = output_shape(&t->model, term->layer);
    char text[96];
    if (t->data->classes == 0)
        return aed_fail(AED_CONFIG,
                        "%s: %s needs labels, which this data does not have; use data with labels, "
                        "or leave the term out",
                        where, kind);
    if (shape->rank != 1 || shape->size[0] < t->data->classes)
        return aed_fail(AED_CONFIG,
                        "%s: %s wants one output for each of the data's %d classes, but '%s' is "
                        "%s; put it where the model has %d numbers",
                        where, kind, (int)t->data->classes, tap, aed_shape_text(shape, text),
                        (int)t->data->classes);
    return AED_OK;
}

static aed_status bind_term(const aed_trainer *t, const aed_loss_term_spec *spec, aed_term *term)
{
    const int reconstruction = t->model.layer_count - 1;
    *term = (aed_term){.ops = (const aed_loss_ops *)spec->spec.kind,
                       .spec = &spec->spec,
                       .weight = spec->weight,
                       .layer = aed_model_tap(&t->model, spec->tap)};
    if (term->layer == AED_NO_TAP)
        return aed_fail(AED_INTERNAL, "%s: the model has no tap '%s'", spec->spec.where, spec->tap);
    term->features = aed_shape_count(output_shape(&t->model, term->layer));
    term->elements = term->ops->on_labels ? 1 : term->features;
    term->is_penalty = !term->ops->on_labels && term->layer != reconstruction;
    return term->ops->on_labels ? check_labels(t, term, spec->tap) : AED_OK;
}

const aed_term *aed_trainer_reconstruction(const aed_trainer *trainer)
{
    for (int64_t i = 0; i < trainer->term_count; i++)
        if (!trainer->terms[i].ops->on_labels && !trainer->terms[i].is_penalty)
            return &trainer->terms[i];
    return NULL;
}

/* A term is called by its kind, and by its tap too if others have the kind. */
static void name_terms(const aed_trainer *t)
{
    for (int64_t i = 0; i < t->term_count; i++) {
        aed_term *term = &t->terms[i];
        const char *kind = term->ops->kind.name;
        int64_t same = 0;
        for (int64_t k = 0; k < t->term_count; k++) same += t->terms[k].ops == term->ops;
        if (same == 1)
            snprintf(term->name, sizeof term->name, "%.40s", kind);
        else
            snprintf(term->name, sizeof term->name, "%.40s_%.40s", t->config->losses[i].tap, kind);
    }
}

/* Sorts the terms for the way back; few, so by insertion. */
static void order_terms(const aed_trainer *t)
{
    for (int64_t i = 0; i < t->term_count; i++) {
        int64_t at = i;
        for (; at > 0 && t->terms[t->backward[at - 1]].layer < t->terms[i].layer; at--)
            t->backward[at] = t->backward[at - 1];
        t->backward[at] = i;
    }
}

static aed_status check_output(const aed_model *model, const aed_shape *shape)
{
    const aed_layer *last = &model->layers[model->layer_count - 1];
    char have[96], want[96];
    if (aed_shape_equal(&last->out, shape)) return AED_OK;
    return aed_fail(AED_CONFIG,
                    "%s: the model's output is %s, but a sample is %s; change this last layer so "
                    "that they agree",
                    last->spec->spec.where, aed_shape_text(&last->out, have),
                    aed_shape_text(shape, want));
}

aed_status aed_trainer_bind_terms(aed_trainer *trainer, const aed_shape *shape)
{
    aed_trainer *t = trainer;
    int64_t widest = 0;
    aed_status status = check_output(&t->model, shape);
    if (status != AED_OK) return status;
    t->term_count = t->config->loss_count;
    t->classifier = -1;
    t->terms = aed_alloc((size_t)t->term_count, sizeof *t->terms);
    t->backward = aed_alloc((size_t)t->term_count, sizeof *t->backward);
    if (!t->terms || !t->backward) return aed_fail(AED_MEMORY, "out of memory for the losses");
    for (int64_t i = 0; i < t->term_count; i++) {
        aed_term *term = &t->terms[i];
        AED_TRY(bind_term(t, &t->config->losses[i], term));
        if (term->ops->on_labels && t->classifier < 0) t->classifier = i;
        if (term->is_penalty && term->features > widest) widest = term->features;
    }
    name_terms(t);
    order_terms(t);
    if (widest > 0) {
        t->zeros = aed_alloc_aligned((size_t)(widest * t->model.lanes), sizeof *t->zeros);
        if (!t->zeros) status = aed_fail(AED_MEMORY, "out of memory for the losses");
    }
done:
    return status;
}

/* ---- Evaluating ------------------------------------------------------------------------------- */

static double evaluate_term(const aed_trainer *t, const aed_term *term, const aed_tile *tile,
                            const float *target, float scale, float *dy)
{
    return term->ops->evaluate(term->spec, term->features, tile->lanes, tile->valid,
                               aed_model_output(&t->model, t->workspace, term->layer),
                               term->is_penalty ? t->zeros : target, t->labels, scale, dy);
}

void aed_trainer_losses(const aed_trainer *trainer, const aed_tile *tile, const float *target,
                        double *sums)
{
    for (int64_t i = 0; i < trainer->term_count; i++)
        sums[i] += evaluate_term(trainer, &trainer->terms[i], tile, target, 0, NULL);
}

static void add(int64_t count, const float *restrict from, float *restrict to)
{
    for (int64_t i = 0; i < count; i++) to[i] += from[i];
}

/* Whether a leaf's losses are finite, and so small that no batch of such gives a sum that is not. */
static bool are_small(const aed_trainer *t, const double *sums)
{
    bool small = true;
    for (int64_t i = 0; i < t->term_count; i++)
        small = small && fabs(t->terms[i].weight * sums[i]) < 1e290; /* not if it is NaN */
    return small;
}

/* From the last tap to the first layer: each term's gradient joins what comes back there. Parameters change
 * on the way from the first tap only, where all losses are known: a step that diverges changes none. */
static void backward(aed_trainer *t, const aed_tile *tile, const float *target, int64_t samples,
                     float *grads, double *sums)
{
    const aed_model *model = &t->model;
    aed_tile still = *tile;
    still.update = NULL;
    float *dy = NULL; /* of the output of layer `at` */
    int at = 0;
    for (int64_t k = 0; k < t->term_count; k++) {
        const int64_t i = t->backward[k];
        const aed_term *term = &t->terms[i];
        const float scale = (float)(term->weight / ((double)samples * (double)term->elements));
        if (dy && term->layer < at)
            dy = aed_model_backward(model, t->params, t->workspace, at, term->layer, dy, grads,
                                    &still);
        at = term->layer;
        /* Nothing is trained before a tap that the gradient does not reach. */
        float *own = at < model->first_trained ? NULL : aed_model_gradient(model, t->workspace, dy);
        sums[i] += evaluate_term(t, term, tile, target, scale, own);
        if (dy && own)
            add(term->features * tile->lanes, own, dy);
        else
            dy = own;
        aed_lap(t->laps, aed_trainer_slot(t, AED_LAP_LOSS));
    }
    t->early = t->early && are_small(t, sums);
    if (dy)
        aed_model_backward(model, t->params, t->workspace, at, -1, dy, grads,
                           t->early ? tile : &still);
}

/* Counts samples whose largest output is their label's, and which class was taken for which. */
static void judge(const aed_trainer *t, const aed_pass *pass, const aed_tile *tile, double *slots)
{
    const aed_term *term = &t->terms[t->classifier];
    const float *y = aed_model_output(&t->model, t->workspace, term->layer);
    for (int lane = 0; lane < tile->valid; lane++) {
        int64_t best = 0;
        for (int64_t c = 1; c < term->features; c++)
            if (y[c * tile->lanes + lane] > y[best * tile->lanes + lane]) best = c;
        slots[AED_SLOT_CORRECT] += best == t->labels[lane];
        if (pass->confusion) slots[AED_SLOTS + t->labels[lane] * term->features + best] += 1;
    }
}

void aed_trainer_tile(aed_trainer *trainer, const aed_pass *pass, const aed_tile *tile,
                      const float *target, int64_t samples, float *grads, double *sums)
{
    aed_trainer *t = trainer;
    aed_model_forward(&t->model, t->params, t->workspace, tile);
    if (t->classifier >= 0) judge(t, pass, tile, sums + t->term_count);
    if (pass->units) aed_trainer_watch_units(t, tile, sums + pass->units_at);
    if (pass->looks) aed_look_tile(t, tile, sums + pass->look_at);
    aed_lap(t->laps, aed_trainer_slot(t, AED_LAP_LOSS));
    if (grads)
        backward(t, tile, target, samples, grads, sums);
    else
        aed_trainer_losses(t, tile, target, sums);
}

static double term_mean(const aed_trainer *t, int64_t term, double sum, int64_t samples)
{
    return sum / ((double)samples * (double)t->terms[term].elements);
}

double aed_trainer_weigh(const aed_trainer *trainer, const double *sums, int64_t samples)
{
    double loss = 0;
    for (int64_t i = 0; i < trainer->term_count; i++)
        loss += trainer->terms[i].weight * term_mean(trainer, i, sums[i], samples);
    return loss;
}

double aed_trainer_mean(aed_trainer *trainer, aed_pass *pass, const double *sums, int64_t samples)
{
    aed_trainer *t = trainer;
    const double *slots = sums + t->term_count;
    for (int64_t i = 0; i < t->term_count; i++) pass->terms[i] = term_mean(t, i, sums[i], samples);
    pass->accuracy = t->classifier < 0 ? NAN : slots[AED_SLOT_CORRECT] / (double)samples;
    const int64_t units = pass->units ? t->unit_count : 0;
    const int64_t cells = pass->units_at - t->term_count - AED_SLOTS;
    for (int64_t i = 0; i < units; i++) pass->dead[i] = sums[pass->units_at + i] == 0;
    for (int64_t i = 0; i < cells; i++) pass->confused[i] = (int64_t)slots[AED_SLOTS + i];
    if (pass->looks)
        aed_look_take(t, sums + pass->look_at, aed_pass_leaves(pass), samples, &t->look);
    return aed_trainer_weigh(t, sums, samples);
}
