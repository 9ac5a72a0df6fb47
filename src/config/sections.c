/* The keys of the config that belong to no kind; see kinds.h. */
#include "config/config.h"
#include "config/kinds.h"

static const aed_key top_keys[] = {
    {"name", "text; names the run and its output (default: the config file's name)"},
    {"data", "mapping: the data source and its arguments"},
    {"model", "mapping: encoder, code, decoder, init"},
    {"train", "mapping: loss, optimizer and how long to train"},
    {"evaluate", "mapping of names to further evaluations: {noisy: {split: test, corrupt: train}}"},
    {"seed", "0 ... 2^64 - 1, the trial's seed (0)"},
    {"noise_scale", "level >= 0 that multiplies the code noise (1.0)"},
    {"metrics", "mapping: every, norms, layer_norms, dead_units, skill, code_dimension"},
    {"snapshots", "mapping: every, samples, split, corrupt, print (none)"},
    {"analysis", "mapping of analyses of the trained model to true or their arguments: {ablation: "
                 "true, worst: 20} (none)"},
    {"log", "mapping: every"},
    {"checks", "mapping of rules for set-ups to none, note (told by --dry-run), warn or error"},
    {"watch",
     "mapping: after, and symptoms of a training that learns nothing to none, warn or stop"},
    {"variants", "mapping of names to overrides: {wide: {train.batch: 256}} (none)"},
    {"variant",
     "name of the variant to train; sweep.variant: [wide, narrow] trains several (none)"},
    {"sweep",
     "mapping of key paths to lists or ranges of values: one trial for each combination (none)"},
    {"checkpoint", "mapping: every, keep"},
    {"ranks_per_trial", "whole number >= 1, or auto: ranks that share one trial of a sweep (auto)"},
    {"time_limit",
     "a time such as 55 min or 11.5 h after which the job saves everything and stops, exit 75, or "
     "none; Slurm's own limit is heeded without it (none)"},
};

static const aed_key data_keys[] = {
    {"source", "a data source, whose arguments stand beside it; required"},
    {"scale",
     "auto, none, unit (to [0, 1]), batch_max (by the batch's largest value), l2 (by each sample's "
     "norm) or {mean: M, std: S}; bytes by 1/255 first, but for none (auto: unit for bytes, none "
     "for others)"},
    {"holdout", "number >= 0: part (below 1) or number of training samples that are kept for "
                "validation (0.0)"},
    {"memory",
     "number >= 0, GiB a rank: samples that need more are made or read again when they are wanted, "
     "with the same results; 0 for half the machine's (0.0)"},
};

static const aed_key scale_keys[] = {
    {"mean", "number that is subtracted; required"},
    {"std", "number > 0 that divides; required"},
};

static const aed_key model_keys[] = {
    {"init", "initialisation of the parameters (default)"},
    {"init_from", "parameters of a stored trial to begin with: RUN/TRIAL, or a mapping: run, "
                  "trial, parts (none)"},
    {"encoder", "list of layers"},
    {"code", "mapping: noise, activation"},
    {"decoder", "list of layers"},
};

static const aed_key init_from_keys[] = {
    {"run", "the output folder of a run; required"},
    {"trial", "how the id of one of its trials begins (the only one)"},
    {"parts", "mapping of parts of this model to those of the stored one: {decoder.2: decoder.0}; "
              "the others "
              "begin anew (all parameters, by their names)"},
};

static const aed_key code_keys[] = {
    {"noise", "level or list (one a channel) >= 0: std of Gaussian noise on the code (0.0)"},
    {"activation", "a layer at the end of the encoder, before the noise (none)"},
};

static const aed_key train_keys[] = {
    {"loss",
     "a loss, or weighted losses by tap: {reconstruction: {mse: 0.5}, logits: {cross_entropy: "
     "0.5}}; required"},
    {"optimizer", "an optimizer: {adam: {lr: 1.0e-3}}; required"},
    {"schedule", "learning-rate schedule (constant)"},
    {"clip_norm", "number >= 0: largest norm of the gradient, 0 for no limit (0.0)"},
    {"batch", "whole number >= 1, the global batch, or full: all samples; required"},
    {"epochs", "whole number >= 1; required"},
    {"freeze", "list of parts whose parameters stay as they begin: encoder, decoder.2, a layer's "
               "name (none)"},
    {"early_stopping", "mapping: patience, metric, min_delta (none)"},
    {"keep",
     "last, best (of the recorded epoch with the lowest val_loss) or mean (the moving average, see "
     "ema): the weights that the trial ends with (last)"},
    {"ema", "number from 0 to below 1: decay of a moving average of the weights, whose loss is "
            "recorded as "
            "ema_val_loss; 0 for none (0.0)"},
    {"corrupt", "list of corruptions of the input: [{gaussian: 0.5}, {clip: [0, 1]}] (none)"},
    {"input_noise",
     "level >= 0: std of the first gaussian in corrupt, or of one put before it (none)"},
    {"tile", "16, 32, 48, 64 or auto: samples computed side by side (auto)"},
    {"leaf", "whole number of samples, a multiple of the tile, or auto (auto)"},
};

static const aed_key early_stopping_keys[] = {
    {"patience",
     "whole number >= 1: training ends at the first recorded epoch so many epochs after the best; "
     "required"},
    {"metric", "a recorded loss or accuracy (val_loss)"},
    {"min_delta", "number >= 0 that an improvement must exceed (0.0)"},
};

static const aed_key evaluation_keys[] = {
    {"split", "train, val or test: the samples (val: held out, else test, else training samples)"},
    {"corrupt", "list of corruptions of the input, or train: as in training (none)"},
};

static const aed_key metrics_keys[] = {
    {"every", "whole number >= 1: epochs between recorded rows (1)"},
    {"norms", "true or false: record param_norm, the norm of all parameters (false)"},
    {"layer_norms",
     "true or false: record grad_norm.LAYER, that of each layer's own parameters (false)"},
    {"dead_units",
     "true or false: record dead_units, the share of relu units that are 0 for all validation "
     "samples (false)"},
    {"skill",
     "true or false: record skill, 1 for a perfect reconstruction of the validation samples, "
     "0 for one no better than their mean (false)"},
    {"code_dimension", "true or false: record code_dimension, how many directions the codes of the "
                       "validation samples "
                       "fill (false)"},
};

static const aed_key snapshots_keys[] = {
    {"every", "whole number >= 1: epochs between snapshots (the untrained model and the last epoch "
              "always have one); required"},
    {"samples", "whole number >= 1: the first so many of the split, or a list of places in it, "
                "counted from 0 (8)"},
    {"split", "train, val or test: the samples (val: held out, else test, else training samples)"},
    {"corrupt", "list of corruptions of the input, or train: as in training (train)"},
    {"print", "true or false: print clean, noisy and output numbers of the first few (false)"},
};

static const aed_key log_keys[] = {
    {"every", "whole number >= 0: epochs between progress lines, 0 for by time (0)"},
};

static const aed_key sweep_keys[] = {
    {"zip", "list of mappings of key paths to equally long lists whose values go together (none)"},
    {"exclude", "list of partial settings, {seed: 3, noise_scale: 0}: trials to leave out (none)"},
};

static const aed_key range_keys[] = {
    {"linspace", "[from, to, count]: evenly spaced values, both ends included"},
    {"logspace", "[from, to, count]: evenly spaced in the logarithm, both ends included; the ends "
                 "are values, as in geomspace, not exponents"},
    {"range", "[first, last] or [first, last, step]: whole numbers, the last included"},
    {"random", "mapping: from, to, count, log, seed"},
};

static const aed_key random_keys[] = {
    {"from", "number, whole for keys that are; the least value; required"},
    {"to", "number larger than from: the largest value; required"},
    {"count", "how many values, all different; a larger count keeps the first ones; required"},
    {"log", "true or false: uniform in the logarithm (false)"},
    {"seed", "0 ... 2^64 - 1, of the drawing (0)"},
};

static const aed_key checkpoint_keys[] = {
    {"every", "a time such as 10 min, a number of epochs such as 5 epochs, or none (10 min)"},
    {"keep", "whole number >= 1: checkpoints of a trial that are kept (2)"},
};

/* By aed_check; each value is none, note, warn or error. */
static const aed_key checks_keys[] = {
    [AED_CHECK_LOSS_TARGETS] = {"loss_targets",
                                "targets for which a loss is not defined: of bce, outside of [0, "
                                "1] (error)"},
    [AED_CHECK_LOSS_OUTPUTS] = {"loss_outputs",
                                "outputs for which a loss is not defined: of bce, outside of [0, "
                                "1] (error)"},
    [AED_CHECK_REACH] = {"reach", "targets that the last layer cannot give (error)"},
    [AED_CHECK_CODE_SCALE] = {"code_scale", "an unbounded code, which outgrows its noise (warn)"},
    [AED_CHECK_SOFTMAX] = {"softmax", "a saturating layer directly behind a softmax (warn)"},
    [AED_CHECK_CHECKERBOARD] = {"checkerboard",
                                "a transposed convolution whose kernel is larger than its stride, "
                                "but no multiple of it (note)"},
    [AED_CHECK_WIDE_CODE] = {"wide_code",
                             "a code at least as wide as the input, without any noise (note)"},
    [AED_CHECK_ONE_CHANNEL] = {"one_channel", "dropout of channels where there is one (note)"},
};
_Static_assert(sizeof checks_keys / sizeof *checks_keys == AED_CHECK_COUNT, "a key for each rule");

/* By aed_symptom, then `after`; each value but this is none, warn or stop. */
static const aed_key watch_keys[] = {
    [AED_SYMPTOM_SKILL] = {"skill", "no better than predicting the mean sample, and not getting "
                                    "better (warn)"},
    [AED_SYMPTOM_OUTPUT] = {"output", "every output 0, or the same for all samples (warn)"},
    [AED_SYMPTOM_STILL] = {"still", "a val_loss that stays the same to the last bit (warn)"},
    [AED_SYMPTOM_DEAD] = {"dead", "a relu all of whose units are 0 for all samples (warn)"},
    [AED_SYMPTOM_COUNT] = {"after",
                           "whole number >= 1: epochs that a symptom must have lasted (10)"},
};
_Static_assert(sizeof watch_keys / sizeof *watch_keys == AED_SYMPTOM_COUNT + 1,
               "a key for each symptom, and after");

/* What may stand where a number does that is a level. */
static const aed_key level_keys[] = {
    {"from", "number >= 0: the level in the first epoch; required"},
    {"to", "number >= 0: the level after `epochs` epochs, and from there on; required"},
    {"epochs", "whole number >= 1; required"},
};

#define SECTION(path, keys)                             \
    {                                                   \
        path, keys, (int)(sizeof keys / sizeof keys[0]) \
    }

static const aed_section sections[AED_SECTION_COUNT] = {
    [AED_SECTION_TOP] = SECTION("", top_keys),
    [AED_SECTION_DATA] = SECTION("data", data_keys),
    [AED_SECTION_SCALE] = SECTION("data.scale", scale_keys),
    [AED_SECTION_MODEL] = SECTION("model", model_keys),
    [AED_SECTION_INIT_FROM] = SECTION("model.init_from", init_from_keys),
    [AED_SECTION_CODE] = SECTION("model.code", code_keys),
    [AED_SECTION_TRAIN] = SECTION("train", train_keys),
    [AED_SECTION_EARLY_STOPPING] = SECTION("train.early_stopping", early_stopping_keys),
    [AED_SECTION_EVALUATION] = SECTION("evaluate.NAME", evaluation_keys),
    [AED_SECTION_METRICS] = SECTION("metrics", metrics_keys),
    [AED_SECTION_SNAPSHOTS] = SECTION("snapshots", snapshots_keys),
    [AED_SECTION_LOG] = SECTION("log", log_keys),
    [AED_SECTION_SWEEP] = SECTION("sweep", sweep_keys),
    [AED_SECTION_RANGE] = SECTION("sweep.KEY", range_keys),
    [AED_SECTION_RANDOM] = SECTION("sweep.KEY.random", random_keys),
    [AED_SECTION_CHECKPOINT] = SECTION("checkpoint", checkpoint_keys),
    [AED_SECTION_CHECKS] = SECTION("checks", checks_keys),
    [AED_SECTION_WATCH] = SECTION("watch", watch_keys),
    [AED_SECTION_LEVEL] = SECTION("LEVEL", level_keys),
};

const char *const aed_section_wholes[] = {"seed",
                                          "train.batch",
                                          "train.epochs",
                                          "train.tile",
                                          "train.leaf",
                                          "metrics.every",
                                          "snapshots.every",
                                          "snapshots.samples",
                                          "log.every",
                                          "checkpoint.keep",
                                          "ranks_per_trial",
                                          "train.early_stopping.patience",
                                          "watch.after",
                                          "LEVEL.epochs",
                                          NULL};

const aed_section *aed_section_get(aed_section_id id) { return &sections[id]; }
