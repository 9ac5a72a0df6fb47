/* The rules for what shows at recorded epochs; see symptoms.h. */
#include "train/symptoms.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/kinds.h"
#include "core/memory.h"

/* A skill that is no more than this is none, nor is a rise of it by no more. */
static const double NO_SKILL = 1e-3;

/* ---- Set-up ------------------------------------------------------------------------------------- */

aed_status aed_symptoms_create(const aed_trainer *trainer, aed_symptoms *symptoms)
{
    aed_symptoms *s = symptoms;
    *s = (aed_symptoms){
        .count = AED_SYMPTOM_DEAD + trainer->units_count, .skill = -INFINITY, .floors = {NAN, NAN}};
    s->since = aed_alloc((size_t)s->count, sizeof *s->since);
    s->told = aed_alloc((size_t)s->count, sizeof *s->told);
    return s->since && s->told ? AED_OK : aed_fail(AED_MEMORY, "out of memory for a trial");
}

void aed_symptoms_destroy(aed_symptoms *symptoms)
{
    aed_free(symptoms->since);
    aed_free(symptoms->told);
    memset(symptoms, 0, sizeof *symptoms);
}

aed_status aed_symptoms_begin(aed_symptoms *symptoms, aed_trainer *trainer)
{
    const aed_config *config = trainer->config;
    const bool wanted = config->metrics_skill ||
                        config->watch.levels[AED_SYMPTOM_SKILL] != AED_SYMPTOM_IGNORE ||
                        config->watch.levels[AED_SYMPTOM_OUTPUT] != AED_SYMPTOM_IGNORE;
    return wanted && isnan(symptoms->floors.mean) ? aed_trainer_floors(trainer, &symptoms->floors)
                                                  : AED_OK;
}

/* ---- The symptoms ------------------------------------------------------------------------------- */

static int64_t row_epoch(const double *row) { return (int64_t)row[AED_COLUMN_EPOCH]; }

static const double *last_row(const aed_trial_history *history)
{
    return history->values + (history->metrics.rows - 1) * history->metrics.column_count;
}

static double reconstruction_loss(const aed_trainer *t)
{
    return t->passes[AED_PASS_VAL].terms[aed_trainer_reconstruction(t) - t->terms];
}

double aed_symptoms_skill(const aed_symptoms *symptoms, const aed_trainer *trainer)
{
    const aed_floors *floors = &symptoms->floors;
    const double range = floors->mean - floors->least;
    if (!(range > 0) || !isfinite(range)) return NAN;
    return 1 - (reconstruction_loss(trainer) - floors->least) / range;
}

/* Each returns the epoch since which it has shown, at the last row; 0 if it does not. */

/* One that starts badly and gets better is learning: then it counts from the last improvement. */
static int64_t see_skill(aed_symptoms *s, const aed_trial_history *history, const aed_trainer *t)
{
    const double skill = aed_symptoms_skill(s, t);
    if (!(skill <= NO_SKILL)) {
        s->skill = -INFINITY;
        return 0;
    }
    if (!(skill > s->skill + NO_SKILL)) return s->since[AED_SYMPTOM_SKILL];
    s->skill = skill;
    return row_epoch(last_row(history));
}

/* Outputs that are the same are right for samples that are. */
static int64_t see_output(aed_symptoms *s, const aed_trial_history *history, const aed_trainer *t)
{
    if (!t->look.same || t->passes[AED_PASS_VAL].split.samples < 2 ||
        !aed_trainer_reconstruction(t) || s->floors.mean == s->floors.least)
        return 0;
    s->zero = t->look.zero;
    return s->since[AED_SYMPTOM_OUTPUT] ? s->since[AED_SYMPTOM_OUTPUT]
                                        : row_epoch(last_row(history));
}

static int64_t see_still(const aed_symptoms *s, const aed_trial_history *history)
{
    const double *row = last_row(history), *before = row - history->metrics.column_count;
    if (history->metrics.rows < 2 || row[AED_COLUMN_VAL_LOSS] != before[AED_COLUMN_VAL_LOSS])
        return 0;
    return s->since[AED_SYMPTOM_STILL] ? s->since[AED_SYMPTOM_STILL] : row_epoch(before);
}

/* A relu at the end is the output's. */
static int64_t see_dead(const aed_symptoms *s, const aed_trial_history *history,
                        const aed_trainer *t, int64_t sign)
{
    const int64_t relu = sign - AED_SYMPTOM_DEAD;
    const int owner = t->units[relu].layer;
    if (!t->look.dead[relu] || owner + t->model.layers[owner].absorbs == t->model.layer_count - 1)
        return 0;
    return s->since[sign] ? s->since[sign] : row_epoch(last_row(history));
}

static int64_t see(aed_symptoms *s, const aed_trial_history *history, const aed_trainer *t,
                   int64_t sign)
{
    switch (aed_symptoms_kind(sign)) {
    case AED_SYMPTOM_SKILL: return see_skill(s, history, t);
    case AED_SYMPTOM_OUTPUT: return see_output(s, history, t);
    case AED_SYMPTOM_STILL: return see_still(s, history);
    case AED_SYMPTOM_DEAD: return see_dead(s, history, t, sign);
    case AED_SYMPTOM_COUNT: break;
    }
    return 0;
}

/* ---- What they lead to -------------------------------------------------------------------------- */

aed_symptom aed_symptoms_kind(int64_t sign)
{
    return sign < AED_SYMPTOM_DEAD ? (aed_symptom)sign : AED_SYMPTOM_DEAD;
}

bool aed_symptoms_lasts(const aed_symptoms *symptoms, const aed_trial_history *history,
                        const aed_trainer *trainer, int64_t sign)
{
    if (history->metrics.rows == 0 || symptoms->since[sign] == 0) return false;
    return last_row(history)[AED_COLUMN_EPOCH] - (double)symptoms->since[sign] + 1 >=
           (double)trainer->config->watch.after;
}

bool aed_symptoms_heed(aed_symptoms *symptoms, const aed_trial_history *history,
                       const aed_trainer *trainer)
{
    const int64_t epoch = row_epoch(last_row(history));
    bool stop = false;
    for (int64_t sign = 0; sign < symptoms->count; sign++) {
        const aed_symptom_level level = trainer->config->watch.levels[aed_symptoms_kind(sign)];
        if (level == AED_SYMPTOM_IGNORE) continue;
        symptoms->since[sign] = see(symptoms, history, trainer, sign);
        if (!aed_symptoms_lasts(symptoms, history, trainer, sign)) continue;
        if (symptoms->told[sign] == 0) symptoms->told[sign] = epoch;
        stop = stop || level == AED_SYMPTOM_STOP;
    }
    return stop;
}

static void describe(const aed_symptoms *symptoms, const aed_trial_history *history,
                     const aed_trainer *trainer, int64_t sign, char *text)
{
    const aed_symptoms *s = symptoms;
    const aed_trainer *t = trainer;
    const int64_t since = s->since[sign];
    const double val_loss = last_row(history)[AED_COLUMN_VAL_LOSS];
    const aed_units *units;
    switch (aed_symptoms_kind(sign)) {
    case AED_SYMPTOM_SKILL:
        snprintf(text, AED_SYMPTOM_BYTES,
                 "no better than the mean since epoch %" PRId64
                 ": %.60s %.3g, predicting the mean sample gives %.3g",
                 since, aed_trainer_reconstruction(t)->name, reconstruction_loss(t),
                 s->floors.mean);
        break;
    case AED_SYMPTOM_OUTPUT:
        snprintf(text, AED_SYMPTOM_BYTES, "every output %s since epoch %" PRId64 "; loss %.3g%s",
                 s->zero ? "0" : "the same for all samples", since, reconstruction_loss(t),
                 s->zero ? " = predicting zero" : "");
        break;
    case AED_SYMPTOM_STILL:
        snprintf(text, AED_SYMPTOM_BYTES,
                 "val_loss %.3g, the same to the last bit since epoch %" PRId64, val_loss, since);
        break;
    case AED_SYMPTOM_DEAD:
        units = &t->units[sign - AED_SYMPTOM_DEAD];
        snprintf(text, AED_SYMPTOM_BYTES,
                 "%.60s (relu) is dead since epoch %" PRId64 ": 0 in all of %" PRId64
                 " %s for every sample",
                 units->path, since, units->count, units->features > 1 ? "maps" : "units");
        break;
    case AED_SYMPTOM_COUNT: text[0] = '\0'; break;
    }
}

void aed_symptoms_text(const aed_symptoms *symptoms, const aed_trial_history *history,
                       const aed_trainer *trainer, int64_t sign, char *text)
{
    describe(symptoms, history, trainer, sign, text);
    const size_t length = strlen(text);
    snprintf(text + length, AED_SYMPTOM_BYTES - length, " (the rule watch.%s)",
             aed_section_get(AED_SECTION_WATCH)->keys[aed_symptoms_kind(sign)].name);
}

char *aed_symptoms_lines(const aed_symptoms *symptoms, const aed_trial_history *history,
                         const aed_trainer *trainer)
{
    size_t at = 0;
    char *lines = aed_alloc((size_t)symptoms->count, AED_SYMPTOM_BYTES);
    for (int64_t sign = 0; lines && sign < symptoms->count; sign++) {
        if (!aed_symptoms_lasts(symptoms, history, trainer, sign)) continue;
        if (at > 0) lines[at++] = '\n';
        aed_symptoms_text(symptoms, history, trainer, sign, lines + at);
        at += strlen(lines + at);
    }
    return lines;
}
