/* The words that may stand in the config's place: info, eval, export, merge, analyze. */
#ifndef AED_APP_COMMAND_H
#define AED_APP_COMMAND_H

#include <stdbool.h>

#include "dist/dist.h"

/* What was written behind a command's name; pointers lead into argv. */
typedef struct aed_command_args {
    const char **words; /* what is no option and no override */
    int word_count;
    const char **overrides; /* "key.path=value" */
    int override_count;
    const char *to, *output; /* values of --to and --output, NULL: not given */
    bool json;
} aed_command_args;

/* Beside --help, which every command has. */
enum { AED_OPTION_TO = 1, AED_OPTION_OUTPUT = 2, AED_OPTION_JSON = 4 };

typedef struct aed_command {
    const char *name;
    const char *help; /* whole text of its --help */
    unsigned options; /* the AED_OPTION_... that it takes */
    int least_words, most_words;
    const char *lacks; /* said if there are words, but too few */
    bool overrides;    /* words with a '=' behind the first word are overrides */
    bool collective;   /* runs on all ranks; else on rank 0 alone */
    /* Returns what the program ends with. Its results go to stdout, all else to stderr. */
    aed_status (*run)(const aed_command_args *args, const aed_comm *world);
} aed_command;

/* The command called `word`, or NULL. */
const aed_command *aed_command_find(const char *word);

/* The names of all commands, NULL-terminated: names[AED_COMMANDS_MOST]. */
enum { AED_COMMANDS_MOST = 16 };
void aed_command_names(const char **names);
/* The options of a command, NULL-terminated: names[AED_COMMANDS_MOST]. */
void aed_command_options(const aed_command *command, const char **names);

/* Fails with AED_CONFIG if `word` is no file, but nearly a command's name. */
aed_status aed_command_check(const char *word);

/* Reads argv[2 ...] and runs the command. Collective; fails alike. */
aed_status aed_command_run(const aed_command *command, int argc, char **argv,
                           const aed_comm *world);

extern const aed_command aed_command_analyze;
extern const aed_command aed_command_info;
extern const aed_command aed_command_eval;
extern const aed_command aed_command_export;
extern const aed_command aed_command_merge;

#endif
