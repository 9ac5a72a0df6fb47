/* The command line. */
#ifndef AED_APP_OPTIONS_H
#define AED_APP_OPTIONS_H

#include <stdbool.h>

#include "app/part.h"

typedef struct aed_sbatch_options {
    bool asked;
    const char *nodes_text, *ranks_text; /* as given, NULL if not */
    const char *time;                    /* likewise, in Slurm's own form */
    int64_t nodes, ranks;                /* read from these, 0 if not given */
} aed_sbatch_options;

typedef struct aed_options {
    const char *config;           /* path, NULL if none was given */
    const char *const *overrides; /* "key.path=value", pointing into argv */
    int override_count;
    const char *output; /* NULL: runs/<config name> */
    aed_part part;      /* of the sweep, to be trained */
    aed_sbatch_options sbatch;
    bool help, help_config, help_markdown, version, dry_run, preview, profile, resume, retry_failed;
} aed_options;

/* Reads argv (which it reorders: overrides are moved together). Fails with AED_CONFIG. */
aed_status aed_options_read(int argc, char **argv, aed_options *options);

/* All options by their names, into names[AED_OPTIONS_MOST]; returns how many there are. */
enum { AED_OPTIONS_MOST = 32 };
int aed_options_names(const char **names);
/* Whether the option `word` is followed by a value. */
bool aed_options_wants_value(const char *word);

/* The text of --help. */
extern const char aed_options_help[];

#endif
