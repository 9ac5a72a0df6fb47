/* Reads the command line; see options.h. */
#include "app/options.h"

#include <stddef.h>
#include <string.h>

#include "app/sbatch.h"
#include "config/suggest.h"

const char aed_options_help[] =
    "Usage: [mpirun -np N] aedist CONFIG [key.path=value ...] [options]\n"
    "       aedist info RUN|FILE ...\n"
    "       [mpirun -np N] aedist eval RUN [TRIAL] [key.path=value ...]\n"
    "       [mpirun -np N] aedist analyze RUN [TRIAL] [analysis.NAME=arguments ...]\n"
    "       aedist export RUN TRIAL --to safetensors|csv\n"
    "       aedist merge OUT RUN ...                        (each has a --help of its own)\n"
    "\n"
    "Trains the autoencoders that CONFIG (YAML) describes, on N ranks. Weights and metrics have "
    "the\n"
    "same bits on any number of ranks.\n"
    "\n"
    "  key.path=value    overrides a key of the config: model.encoder.0.conv1d.out=8\n"
    "                    short: seed=3 noise_scale=0.5 input_noise=0.01\n"
    "                    several values: sweep.seed=[1,2,3] "
    "sweep.train.optimizer.adam.lr=[1e-3,1e-4]\n"
    "                    a range of them: 'sweep.seed={range: [1, 100]}'; a variant: variant=NAME\n"
    "  --output DIR      where the results go (default runs/<name of CONFIG>)\n"
    "  --part K/N        train the K-th of N parts of the sweep, of about equal work; aedist merge "
    "puts\n"
    "                    the parts together\n"
    "  --resume          continue the run in DIR; a plain rerun does the same: trials that are "
    "done\n"
    "                    are not trained again, interrupted ones go on from their checkpoints\n"
    "  --retry-failed    train trials again that the ledger holds as failed\n"
    "  --dry-run         print the model, its shapes, sizes and trials, and train nothing\n"
    "  --preview         print the first samples, clean and as the model gets them\n"
    "  --profile         train for two seconds and print where the time goes, layer by layer\n"
    "  --sbatch          print a job script for Slurm, fitted to the time and memory it will "
    "take;\n"
    "                    also --nodes N, --ranks N and, as sbatch takes it, --time T\n"
    "  --help-config     print all keys, layers, losses, optimisers and data sources;\n"
    "                    --help-config=markdown prints docs/config.md\n"
    "  --help, --version\n"
    "\n"
    "Environment: AEDIST_SIMD=avx512|avx2|plain forces a kernel set (all give equal bits).\n"
    "\n"
    "Exit codes: 0 done, 2 config or usage, 3 data or file, 4 every trial diverged, 5 some trials\n"
    "failed, 75 stopped on request with everything saved (SIGTERM, SIGINT, SIGUSR1, SIGUSR2 or\n"
    "time_limit), 69 a host or a process was lost, 1 anything else. A run that was killed or "
    "stopped\n"
    "goes on when it is started again, on any number of ranks.\n";

/* Options without a value, and where in aed_options each sets a bool. */
static const struct {
    const char *name;
    size_t at;
} flags[] = {
    {"--help", offsetof(aed_options, help)},
    {"-h", offsetof(aed_options, help)},
    {"--version", offsetof(aed_options, version)},
    {"--help-config", offsetof(aed_options, help_config)},
    {"--help-config=markdown", offsetof(aed_options, help_markdown)},
    {"--dry-run", offsetof(aed_options, dry_run)},
    {"--preview", offsetof(aed_options, preview)},
    {"--profile", offsetof(aed_options, profile)},
    {"--resume", offsetof(aed_options, resume)},
    {"--retry-failed", offsetof(aed_options, retry_failed)},
    {"--sbatch", offsetof(aed_options, sbatch.asked)},
};
enum { FLAGS = sizeof flags / sizeof *flags };

static const char *const valued[] = {"--output", "--part", "--nodes", "--ranks", "--time"};
enum { VALUED = sizeof valued / sizeof *valued };
_Static_assert((int)FLAGS + VALUED <= AED_OPTIONS_MOST, "room for the names");

int aed_options_names(const char **names)
{
    for (int i = 0; i < VALUED; i++) names[i] = valued[i];
    for (int i = 0; i < FLAGS; i++) names[VALUED + i] = flags[i].name;
    return VALUED + FLAGS;
}

bool aed_options_wants_value(const char *word)
{
    for (int i = 0; i < VALUED; i++)
        if (strcmp(valued[i], word) == 0) return true;
    return false;
}

static aed_status unknown_option(const char *word)
{
    const char *names[AED_OPTIONS_MOST];
    const int known = aed_options_names(names);
    const char *near = aed_suggest(word, names, known);
    if (near)
        return aed_fail(AED_CONFIG, "unknown option '%s' (did you mean '%s'?); see --help", word,
                        near);
    return aed_fail(AED_CONFIG, "unknown option '%s'; see --help", word);
}

/* The value of the option `name` if argv[*at] is that option; "" if it has none. */
static const char *option_value(const char *name, int argc, char **argv, int *at)
{
    const size_t length = strlen(name);
    const char *word = argv[*at];
    if (strncmp(word, name, length) != 0) return NULL;
    if (word[length] == '=') return word + length + 1;
    if (word[length] != '\0') return NULL;
    return *at + 1 < argc ? argv[++*at] : "";
}

aed_status aed_options_read(int argc, char **argv, aed_options *options)
{
    *options = (aed_options){0};
    int overrides = 0; /* moved to argv[1 ...]: always at or before where they came from */
    for (int i = 1; i < argc; i++) {
        char *word = argv[i];
        const char *value;
        if ((value = option_value("--output", argc, argv, &i))) {
            options->output = value;
            if (!*value) return aed_fail(AED_CONFIG, "--output needs a folder; see --help");
        } else if ((value = option_value("--part", argc, argv, &i))) {
            const aed_status status = aed_part_read(value, &options->part);
            if (status != AED_OK) return status;
        } else if ((value = option_value("--nodes", argc, argv, &i))) {
            options->sbatch.nodes_text = value;
        } else if ((value = option_value("--ranks", argc, argv, &i))) {
            options->sbatch.ranks_text = value;
        } else if ((value = option_value("--time", argc, argv, &i))) {
            options->sbatch.time = value;
        } else if (word[0] == '-') {
            int found = 0;
            while (found < FLAGS && strcmp(flags[found].name, word) != 0) found++;
            if (found == FLAGS) return unknown_option(word);
            *(bool *)((char *)options + flags[found].at) = true;
        } else if (strchr(word, '=')) {
            argv[1 + overrides++] = word;
        } else if (options->config) {
            return aed_fail(AED_CONFIG,
                            "'%s': a second config ('%s' is the first); overrides are written "
                            "key.path=value, see --help",
                            word, options->config);
        } else {
            options->config = word;
        }
    }
    options->overrides = (const char *const *)(argv + 1);
    options->override_count = overrides;
    const bool asks = options->help || options->version || options->help_config ||
                      options->help_markdown;
    if (!options->config && !asks)
        return aed_fail(AED_CONFIG,
                        "no config given: aedist CONFIG [key.path=value ...]; see --help");
    return aed_sbatch_check(&options->sbatch);
}
