/* From YAML and overrides to typed, checked configs: one per trial.
 *
 * Everything a config holds lives in one allocation list and dies with aed_config_destroy(). */
#ifndef AED_CONFIG_CONFIG_H
#define AED_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "aedist/data.h"
#include "aedist/kinds.h"
#include "aedist/layer.h"
#include "aedist/spec.h"

typedef struct aed_loss_term_spec {
    const char *tap; /* "reconstruction" */
    aed_spec spec;   /* of a loss kind */
    double weight;
} aed_loss_term_spec;

/* One entry of `evaluate:`: what the model is measured on beside the validation data. */
typedef struct aed_evaluation_spec {
    const char *name;      /* its metrics are NAME_loss ... */
    const char *where;     /* for messages */
    aed_split_kind split;  /* val unless said otherwise */
    bool corrupt_as_train; /* inputs are corrupted as in training; else by the list: */
    aed_spec *corruptions;
    int64_t corruption_count;
} aed_evaluation_spec;

/* Samples whose outputs are kept as the epochs pass; see read_evaluate.c. */
typedef struct aed_snapshot_spec {
    int64_t every;          /* epochs; 0: no snapshots */
    int64_t samples;        /* their number: of those at places[] of the split, or the first ones */
    const uint32_t *places; /* NULL: the first ones */
    bool print;             /* some of them to standard output, too */
    aed_evaluation_spec of; /* split and corruption */
} aed_snapshot_spec;

/* When training ends before its last epoch; see read_aids.c. */
typedef struct aed_early_stopping {
    const char *metric; /* a column of the metrics */
    const char *where;  /* for messages */
    int64_t patience;   /* epochs without an improvement; 0: never ends early */
    double min_delta;   /* what an improvement must exceed */
} aed_early_stopping;

/* Parameters of a stored trial to begin with; see read_aids.c. */
typedef struct aed_init_from {
    const char *run;     /* folder; NULL: none */
    const char *trial;   /* how its id begins; "" for the run's only one */
    const char *where;   /* for messages */
    int64_t part_count;  /* 0: all parameters, by their names */
    const char **parts;  /* [2 part_count]: a part of this model, the stored one's that it takes */
    const char *weights; /* weights_hash of what was found, set when it is read; NULL before */
} aed_init_from;

/* The weights that a trial ends with. */
typedef enum aed_keep { AED_KEEP_LAST, AED_KEEP_BEST, AED_KEEP_MEAN } aed_keep;

/* Rules that a set-up is checked by before any training, as the section `checks` lists them, and what
 * becomes of one that is broken: see train/checks.h. */
typedef enum aed_check {
    AED_CHECK_LOSS_TARGETS,
    AED_CHECK_LOSS_OUTPUTS,
    AED_CHECK_REACH,
    AED_CHECK_CODE_SCALE,
    AED_CHECK_SOFTMAX,
    AED_CHECK_CHECKERBOARD,
    AED_CHECK_WIDE_CODE,
    AED_CHECK_ONE_CHANNEL,
    AED_CHECK_COUNT
} aed_check;

typedef enum aed_check_level {
    AED_CHECK_NONE, /* not looked for */
    AED_CHECK_NOTE, /* told by --dry-run */
    AED_CHECK_WARN, /* told on stderr */
    AED_CHECK_ERROR /* refused */
} aed_check_level;

/* What shows during a training that it learns nothing, as the section `watch` lists it, and what becomes
 * of one: see train/symptoms.h. */
typedef enum aed_symptom {
    AED_SYMPTOM_SKILL,
    AED_SYMPTOM_OUTPUT,
    AED_SYMPTOM_STILL,
    AED_SYMPTOM_DEAD,
    AED_SYMPTOM_COUNT
} aed_symptom;

typedef enum aed_symptom_level {
    AED_SYMPTOM_IGNORE, /* not looked for */
    AED_SYMPTOM_WARN,   /* told, and recorded with the trial */
    AED_SYMPTOM_STOP    /* ends the training, too */
} aed_symptom_level;

typedef struct aed_watch_spec {
    int64_t after; /* epochs that a symptom must have lasted */
    aed_symptom_level levels[AED_SYMPTOM_COUNT];
} aed_watch_spec;

typedef struct aed_config {
    const char *name; /* the config file's name without folder and suffix */

    aed_spec data;                    /* of a source kind */
    aed_dataset_options data_options; /* scale AED_SCALE_AUTO until the source is known */
    aed_layer_spec *layers; /* encoder, code activation, code noise, decoder, in this order */
    int64_t layer_count;
    int64_t code_layer; /* index of the layer whose output is the code (before noise); -1: none */
    aed_spec init;      /* of an initialisation kind */
    aed_init_from init_from;

    aed_loss_term_spec *losses;
    int64_t loss_count;
    aed_spec optimizer, schedule;
    double clip_norm; /* 0: no clipping */
    int64_t batch;    /* 0: full, all samples */
    int64_t epochs;
    aed_early_stopping early_stopping;
    aed_keep keep;
    const char **freeze; /* parts whose parameters stay; their layers say so too */
    int64_t freeze_count;
    double ema;            /* decay of the weights' moving average; 0: none is kept */
    aed_spec *corruptions; /* of the input, in this order; input_noise is among them */
    int64_t corruption_count;
    int64_t tile, leaf; /* samples; 0: chosen from the model */
    uint64_t seed;
    double noise_scale;         /* multiplies the code noise; already applied to its layer */
    const aed_ramp *noise_ramp; /* the same by epoch, noise_scale being 1 then; NULL: constant */
    aed_arg_value code_noise;   /* stds as written, before noise_scale; [0] if there is none */

    aed_evaluation_spec *evaluations;
    int64_t evaluation_count;

    aed_snapshot_spec snapshots;
    aed_spec *analyses; /* of the trained model, in the order of their table */
    int analysis_count;
    /* Recorded as well: */
    bool metrics_norms, metrics_layer_norms, metrics_dead_units, metrics_skill;
    bool metrics_code_dimension;
    int64_t metrics_every; /* epochs between recorded rows (the first and the last always are) */
    /* How the job is run; no trial's numbers depend on it. */
    double checkpoint_minutes; /* between checkpoints; 0: not by time */
    int64_t checkpoint_epochs; /* between checkpoints; 0: not by epochs */
    int64_t checkpoint_keep;   /* of a trial */
    int64_t ranks_per_trial;   /* 0: auto */
    double time_limit;         /* minutes from the start of the job; 0: none */

    aed_check_level checks[AED_CHECK_COUNT];
    aed_watch_spec watch; /* what it ends by matters to the numbers */

    int64_t log_every; /* epochs between progress lines in a batch log; 0: by time */

    struct aed_config_memory *memory;
} aed_config;

/* One swept setting of a trial, as its axis has it. */
typedef struct aed_trial_setting {
    const char *axis; /* "seed", "train.optimizer.adam.lr", "variant" */
    const char *text; /* the value as YAML flow text */
    double number;    /* the value if it is a number, else NAN */
} aed_trial_setting;

typedef struct aed_trial {
    aed_config config;
    const aed_trial_setting *settings;
    int64_t setting_count;
    uint64_t data_key; /* of the data section: trials with one key train on the same data */
} aed_trial;

typedef struct aed_trial_list {
    aed_trial *trials;
    int64_t count;
    char *source_text; /* the config file as read, for provenance */

    int64_t excluded;       /* trials that `sweep.exclude` left out */
    const char *summary;    /* the axes in a line; NULL without a sweep */
    const char *sweep_text; /* variants and sweep as YAML; NULL without a sweep */
    const aed_config
        *base;          /* what the sweep is about, where the first trial does not stand for it */
    const char **notes; /* lines that the user should read: what has no effect */
    int64_t note_count;
} aed_trial_list;

/* Reads CONFIG, applies its variant and the overrides ("train.batch=64", in order), expands `sweep:`
 * into trials (the product of its axes less what it excludes, the first axis slowest; one trial
 * without it) and checks each. Every key of a zip group, and `variant`, is a setting of its own.
 * Fails with AED_CONFIG (or AED_DATA if the file cannot be read); not collective. */
aed_status aed_config_read(const char *path, const char *const *overrides, int override_count,
                           aed_trial_list *trials);
/* The same from text; `name` stands for the file in messages. */
aed_status aed_config_parse(const char *text, const char *name, const char *const *overrides,
                            int override_count, aed_trial_list *trials);
/* The same, where the text may name kinds of the program's own too; they must outlive the trials. */
aed_status aed_config_parse_with(const aed_kinds *own, const char *text, const char *name,
                                 const char *const *overrides, int override_count,
                                 aed_trial_list *trials);
/* A config file's text as it is, of *length bytes and a NUL behind them; to be freed in any case. Fails
 * with AED_DATA. */
aed_status aed_config_read_text(const char *path, char **text, size_t *length);
void aed_trial_list_destroy(aed_trial_list *trials);

/* The whole config with every default written out, as YAML that reads back to the same config, with
 * the tile and leaf that the model chose and the scale as it is in data_options. A malloc'ed text for the caller to free. */
aed_status aed_config_resolve(const aed_config *config, int64_t tile, int64_t leaf, char **text);

/* Whether both have the same data: source, scale, holdout, memory. Fails with AED_MEMORY. */
aed_status aed_config_same_data(const aed_config *a, const aed_config *b, bool *same);

/* The job's config in the same way: what the sweep is about, variants and sweep. */
aed_status aed_config_resolve_list(const aed_trial_list *list, int64_t tile, int64_t leaf,
                                   char **text);

/* A hash over the data section: 64 bits of its SHA-256. */
aed_status aed_config_data_key(const aed_config *config, uint64_t *key);

/* The trial's id: "t" and 12 hexadecimal digits of the SHA-256 over the resolved settings that
 * matter to its numbers (not name, log, data.memory, analysis, checks, checkpoint, ranks_per_trial, time_limit;
 * watch only if it may end the training, metrics only if something is decided at recorded epochs). id
 * holds at least 16 bytes. */
aed_status aed_config_trial_id(const aed_config *config, int64_t tile, int64_t leaf, char *id);

/* All keys and kinds with their arguments, as a malloc'ed text for people. */
aed_status aed_config_help(char **text);
/* The same as Markdown: docs/config.md. */
aed_status aed_config_help_markdown(char **text);

#endif
