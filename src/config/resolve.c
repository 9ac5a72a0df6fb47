/* The config written out with every default, and the trial's id from it.
 *
 * The text is the config's identity: two configs with the same numbers give the same text, and
 * reading it back gives the same text again. */
#include <inttypes.h>
#include <sha2.h>
#include <string.h>

#include "aedist/optim.h"
#include "config/config.h"
#include "config/read.h"
#include "config/resolve_kind.h"
#include "config/text.h"
#include "core/memory.h"

static const double GIB = 1024.0 * 1024.0 * 1024.0;

/* Part of the hashed text: a change of what the settings mean is a change of every id. */
static const char identity_version[] = "# aedist trial 1\n";

/* ---- Sections --------------------------------------------------------------------------------- */

static void add_layers(aed_text *text, const aed_config *config, const char *list)
{
    int64_t found = 0;
    size_t length = strlen(list);
    aed_text_addf(text, "  %s:", list);
    for (int64_t i = 0; i < config->layer_count; i++) {
        const aed_layer_spec *layer = &config->layers[i];
        if (strncmp(layer->path, list, length) != 0 || layer->path[length] != '.') continue;
        aed_text_add(text, "\n    - ");
        aed_resolve_kind(text, &layer->spec, layer->name, false);
        found++;
    }
    aed_text_add(text, found ? "\n" : " []\n");
}

static void add_code(aed_text *text, const aed_config *config)
{
    const aed_arg_value *noise = &config->code_noise;
    aed_text_add(text, "  code: {noise: ");
    if (noise->ramp)
        aed_resolve_ramp(text, noise->ramp);
    else if (noise->count == 1)
        aed_text_add_float(text, noise->numbers[0]);
    else
        aed_resolve_floats(text, noise->numbers, noise->count);
    aed_text_add(text, ", activation: ");
    const aed_layer_spec *activation = NULL;
    for (int64_t i = 0; i < config->layer_count; i++)
        if (strcmp(config->layers[i].path, "code.activation") == 0) activation = &config->layers[i];
    if (activation)
        aed_resolve_kind(text, &activation->spec, activation->name, true);
    else
        aed_text_add(text, "null");
    aed_text_add(text, "}\n");
}

/* Terms of one tap stand together in the config and so in the list. */
static void add_losses(aed_text *text, const aed_config *config)
{
    const char *tap = "";
    aed_text_add(text, "  loss:\n");
    for (int64_t i = 0; i < config->loss_count; i++) {
        const aed_loss_term_spec *term = &config->losses[i];
        if (strcmp(term->tap, tap) != 0) aed_text_addf(text, "    %s:\n", term->tap);
        tap = term->tap;
        aed_text_addf(text, "      %s: {weight: ", term->spec.kind->name);
        aed_text_add_float(text, term->weight);
        aed_resolve_args(text, &term->spec, false);
        aed_text_add(text, "}\n");
    }
}

static void add_setting(aed_text *text, const char *key, double value)
{
    aed_text_addf(text, "  %s: ", key);
    aed_text_add_float(text, value);
    aed_text_add(text, "\n");
}

/* A count, or the word that 0 stands for. */
static void add_count(aed_text *text, const char *key, int64_t count, const char *word)
{
    if (count == 0 && word)
        aed_text_addf(text, "  %s: %s\n", key, word);
    else
        aed_text_addf(text, "  %s: %" PRId64 "\n", key, count);
}

static void add_corruptions(aed_text *text, const aed_spec *specs, int64_t count)
{
    aed_text_add(text, "[");
    for (int64_t i = 0; i < count; i++) {
        if (i) aed_text_add(text, ", ");
        aed_resolve_kind(text, &specs[i], NULL, true);
    }
    aed_text_add(text, "]");
}

/* split: test, corrupt: train */
static void add_samples(aed_text *text, const aed_evaluation_spec *evaluation)
{
    static const char *const splits[] = {
        [AED_SPLIT_TRAIN] = "train", [AED_SPLIT_VAL] = "val", [AED_SPLIT_TEST] = "test"};
    aed_text_addf(text, "split: %s, corrupt: ", splits[evaluation->split]);
    if (evaluation->corrupt_as_train)
        aed_text_add(text, "train");
    else
        add_corruptions(text, evaluation->corruptions, evaluation->corruption_count);
}

static void add_evaluations(aed_text *text, const aed_config *config)
{
    aed_text_add(text, config->evaluation_count ? "evaluate:\n" : "evaluate: {}\n");
    for (int64_t i = 0; i < config->evaluation_count; i++) {
        const aed_evaluation_spec *evaluation = &config->evaluations[i];
        aed_text_addf(text, "  %s: {", evaluation->name);
        add_samples(text, evaluation);
        aed_text_add(text, "}\n");
    }
}

/* Aids that are not used are no part of the identity. */
static void add_aids(aed_text *text, const aed_config *config, bool all)
{
    const aed_early_stopping *early = &config->early_stopping;
    if (early->patience > 0) {
        aed_text_addf(text, "  early_stopping: {patience: %" PRId64 ", metric: ", early->patience);
        aed_text_add_string(text, early->metric);
        aed_text_add(text, ", min_delta: ");
        aed_text_add_float(text, early->min_delta);
        aed_text_add(text, "}\n");
    } else if (all) {
        aed_text_add(text, "  early_stopping: null\n");
    }
    if (all || config->freeze_count > 0) {
        aed_text_add(text, "  freeze: [");
        for (int64_t i = 0; i < config->freeze_count; i++) {
            if (i) aed_text_add(text, ", ");
            aed_text_add_string(text, config->freeze[i]);
        }
        aed_text_add(text, "]\n");
    }
    if (all || config->keep != AED_KEEP_LAST)
        aed_text_addf(text, "  keep: %s\n", aed_keep_words[config->keep]);
    if (all || config->ema > 0) add_setting(text, "ema", config->ema);
}

static bool may_stop(const aed_watch_spec *watch)
{
    for (int i = 0; i < AED_SYMPTOM_COUNT; i++)
        if (watch->levels[i] == AED_SYMPTOM_STOP) return true;
    return false;
}

/* Whether something is decided at recorded epochs, so that their number matters. */
static bool watches_records(const aed_config *config)
{
    return config->early_stopping.patience > 0 || config->keep == AED_KEEP_BEST ||
           may_stop(&config->watch) ||
           aed_schedule_find(config->schedule.kind->name)->observe != NULL;
}

static void add_train(aed_text *text, const aed_config *config, int64_t tile, int64_t leaf,
                      bool all)
{
    aed_text_add(text, "train:\n");
    add_losses(text, config);
    aed_text_add(text, "  optimizer: ");
    aed_resolve_kind(text, &config->optimizer, NULL, true);
    aed_text_add(text, "\n  schedule: ");
    aed_resolve_kind(text, &config->schedule, NULL, true);
    aed_text_add(text, "\n");
    add_setting(text, "clip_norm", config->clip_norm);
    add_count(text, "batch", config->batch, "full");
    add_count(text, "epochs", config->epochs, NULL);
    add_aids(text, config, all);
    aed_text_add(text, "  corrupt: ");
    add_corruptions(text, config->corruptions, config->corruption_count);
    aed_text_add(text, "\n");
    add_count(text, "tile", tile, "auto");
    add_count(text, "leaf", leaf, "auto");
}

static void add_data(aed_text *text, const aed_config *config, bool all)
{
    const aed_dataset_options *options = &config->data_options;
    aed_text_addf(text, "data: {source: %s", config->data.kind->name);
    aed_resolve_args(text, &config->data, false);
    aed_text_add(text, ", scale: ");
    if (options->scale.kind == AED_SCALE_STANDARD) {
        aed_text_add(text, "{mean: ");
        aed_text_add_float(text, options->scale.mean);
        aed_text_add(text, ", std: ");
        aed_text_add_float(text, options->scale.std);
        aed_text_add(text, "}");
    } else {
        aed_text_add(text, aed_scale_words[options->scale.kind]);
    }
    aed_text_add(text, ", holdout: ");
    aed_text_add_float(text, options->holdout);
    if (all) {
        aed_text_add(text, ", memory: ");
        aed_text_add_float(text, options->memory / GIB);
    }
    aed_text_add(text, "}\n");
}

/* What the stored parameters are decides, not where they lie. */
static void add_init_from(aed_text *text, const aed_config *config, bool all)
{
    const aed_init_from *from = &config->init_from;
    if (!from->run) {
        if (all) aed_text_add(text, "  init_from: null\n");
        return;
    }
    aed_text_add(text, all ? "  init_from: {run: " : "  init_from: {weights: ");
    aed_text_add_string(text, all ? from->run : from->weights ? from->weights : "");
    if (all && from->trial[0]) {
        aed_text_add(text, ", trial: ");
        aed_text_add_string(text, from->trial);
    }
    for (int64_t i = 0; i < from->part_count; i++) {
        aed_text_add(text, i ? ", " : ", parts: {");
        aed_text_add_string(text, from->parts[2 * i]);
        aed_text_add(text, ": ");
        aed_text_add_string(text, from->parts[2 * i + 1]);
    }
    aed_text_add(text, from->part_count ? "}}\n" : "}\n");
}

/* Only what may end the training is part of the identity. */
static void add_watch(aed_text *text, const aed_watch_spec *watch, bool all)
{
    const aed_key *keys = aed_section_get(AED_SECTION_WATCH)->keys;
    aed_text_addf(text, "watch: {after: %" PRId64, watch->after);
    for (int i = 0; i < AED_SYMPTOM_COUNT; i++)
        if (all || watch->levels[i] == AED_SYMPTOM_STOP)
            aed_text_addf(text, ", %s: %s", keys[i].name, aed_symptom_words[watch->levels[i]]);
    aed_text_add(text, "}\n");
}

/* What decides about the trial's numbers, or all that belongs to the same sections. */
static void add_sections(aed_text *text, const aed_config *config, int64_t tile, int64_t leaf,
                         bool all)
{
    add_data(text, config, all);
    aed_text_add(text, "model:\n  init: ");
    aed_resolve_kind(text, &config->init, NULL, true);
    aed_text_add(text, "\n");
    add_init_from(text, config, all);
    add_layers(text, config, "encoder");
    add_code(text, config);
    add_layers(text, config, "decoder");
    add_train(text, config, tile, leaf, all);
    add_evaluations(text, config);
    aed_text_addf(text, "seed: %" PRIu64 "\nnoise_scale: ", config->seed);
    if (config->noise_ramp)
        aed_resolve_ramp(text, config->noise_ramp);
    else
        aed_text_add_float(text, config->noise_scale);
    aed_text_add(text, "\n");
    if (!all && may_stop(&config->watch)) add_watch(text, &config->watch, false);
    if (!all && watches_records(config))
        aed_text_addf(text, "metrics: {every: %" PRId64 "}\n", config->metrics_every);
}

static void add_metrics(aed_text *text, const aed_config *config)
{
    const struct {
        const char *key;
        bool recorded;
    } extras[] = {{"norms", config->metrics_norms},
                  {"layer_norms", config->metrics_layer_norms},
                  {"dead_units", config->metrics_dead_units},
                  {"skill", config->metrics_skill},
                  {"code_dimension", config->metrics_code_dimension}};
    aed_text_addf(text, "metrics: {every: %" PRId64, config->metrics_every);
    for (size_t i = 0; i < sizeof extras / sizeof *extras; i++)
        aed_text_addf(text, ", %s: %s", extras[i].key, extras[i].recorded ? "true" : "false");
    aed_text_add(text, "}\n");
}

static void add_snapshots(aed_text *text, const aed_snapshot_spec *snapshots)
{
    if (snapshots->every == 0) {
        aed_text_add(text, "snapshots: null\n");
        return;
    }
    aed_text_addf(text, "snapshots: {every: %" PRId64 ", samples: ", snapshots->every);
    if (!snapshots->places) aed_text_addf(text, "%" PRId64 ", ", snapshots->samples);
    for (int64_t i = 0; snapshots->places && i < snapshots->samples; i++)
        aed_text_addf(text, "%s%" PRIu32 "%s", i == 0 ? "[" : "", snapshots->places[i],
                      i + 1 < snapshots->samples ? ", " : "], ");
    add_samples(text, &snapshots->of);
    aed_text_addf(text, ", print: %s}\n", snapshots->print ? "true" : "false");
}

static void add_analyses(aed_text *text, const aed_config *config)
{
    aed_text_add(text, config->analysis_count ? "analysis:\n" : "analysis: {}\n");
    for (int i = 0; i < config->analysis_count; i++) {
        aed_text_addf(text, "  %s: {", config->analyses[i].kind->name);
        aed_resolve_args(text, &config->analyses[i], true);
        aed_text_add(text, "}\n");
    }
}

static void add_checks(aed_text *text, const aed_check_level levels[AED_CHECK_COUNT])
{
    const aed_section *section = aed_section_get(AED_SECTION_CHECKS);
    aed_text_add(text, "checks:\n");
    for (int i = 0; i < AED_CHECK_COUNT; i++)
        aed_text_addf(text, "  %s: %s\n", section->keys[i].name, aed_check_words[levels[i]]);
}

/* A time in the unit that the config takes; a positive one only. */
static void add_minutes(aed_text *text, double minutes)
{
    aed_text_add_float(text, minutes);
    aed_text_add(text, " min");
}

static void add_job(aed_text *text, const aed_config *config)
{
    aed_text_add(text, "checkpoint: {every: ");
    if (config->checkpoint_epochs > 0)
        aed_text_addf(text, "%" PRId64 " epochs", config->checkpoint_epochs);
    else if (config->checkpoint_minutes > 0)
        add_minutes(text, config->checkpoint_minutes);
    else
        aed_text_add(text, "none");
    aed_text_addf(text, ", keep: %" PRId64 "}\nranks_per_trial: ", config->checkpoint_keep);
    if (config->ranks_per_trial > 0)
        aed_text_addf(text, "%" PRId64, config->ranks_per_trial);
    else
        aed_text_add(text, "auto");
    aed_text_add(text, "\ntime_limit: ");
    if (config->time_limit > 0)
        add_minutes(text, config->time_limit);
    else
        aed_text_add(text, "none");
    aed_text_add(text, "\n");
}

aed_status aed_config_resolve(const aed_config *config, int64_t tile, int64_t leaf, char **text)
{
    aed_text all = {0};
    aed_text_add(&all, "name: ");
    aed_text_add_string(&all, config->name);
    aed_text_add(&all, "\n");
    add_sections(&all, config, tile, leaf, true);
    add_metrics(&all, config);
    add_snapshots(&all, &config->snapshots);
    add_analyses(&all, config);
    aed_text_addf(&all, "log: {every: %" PRId64 "}\n", config->log_every);
    add_checks(&all, config->checks);
    add_watch(&all, &config->watch, true);
    add_job(&all, config);
    return aed_text_take(&all, text);
}

aed_status aed_config_same_data(const aed_config *a, const aed_config *b, bool *same)
{
    aed_text texts[2] = {{0}, {0}};
    add_data(&texts[0], a, true);
    add_data(&texts[1], b, true);
    const bool failed = texts[0].failed || texts[1].failed;
    *same = !failed && strcmp(texts[0].bytes, texts[1].bytes) == 0;
    aed_text_free(&texts[0]);
    aed_text_free(&texts[1]);
    return failed ? aed_fail(AED_MEMORY, "out of memory for the config") : AED_OK;
}

aed_status aed_config_resolve_list(const aed_trial_list *list, int64_t tile, int64_t leaf,
                                   char **text)
{
    const aed_config *base = list->base ? list->base : &list->trials[0].config;
    aed_text all = {0};
    char *resolved;
    aed_status status = aed_config_resolve(base, tile, leaf, &resolved);
    if (status != AED_OK) return status;
    aed_text_add(&all, resolved);
    aed_free(resolved);
    if (list->sweep_text) aed_text_add(&all, list->sweep_text);
    return aed_text_take(&all, text);
}

aed_status aed_config_data_key(const aed_config *config, uint64_t *key)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA2_CTX context;
    aed_text all = {0};
    char *text;
    add_data(&all, config, true);
    aed_status status = aed_text_take(&all, &text);
    if (status != AED_OK) return status;
    SHA256Init(&context);
    SHA256Update(&context, (const uint8_t *)text, strlen(text));
    SHA256Final(digest, &context);
    memcpy(key, digest, sizeof *key);
    aed_free(text);
    return AED_OK;
}

aed_status aed_config_trial_id(const aed_config *config, int64_t tile, int64_t leaf, char *id)
{
    enum { ID_DIGITS = 12 };
    char digits[SHA256_DIGEST_STRING_LENGTH];
    aed_text all = {0};
    char *text;
    aed_text_add(&all, identity_version);
    add_sections(&all, config, tile, leaf, false);
    aed_status status = aed_text_take(&all, &text);
    if (status != AED_OK) return status;
    SHA256Data((const uint8_t *)text, strlen(text), digits);
    aed_free(text);
    id[0] = 't';
    memcpy(id + 1, digits, ID_DIGITS);
    id[1 + ID_DIGITS] = 0;
    return AED_OK;
}
