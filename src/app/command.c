/* The table of commands, and how their arguments are read; see command.h. */
#include "app/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/suggest.h"
#include "core/memory.h"

static const aed_command *const commands[] = {&aed_command_info, &aed_command_eval,
                                              &aed_command_export, &aed_command_merge,
                                              &aed_command_analyze};
enum { COMMANDS = sizeof commands / sizeof *commands };

const aed_command *aed_command_find(const char *word)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, word) == 0) return commands[i];
    return NULL;
}

_Static_assert((int)COMMANDS < AED_COMMANDS_MOST, "room for the names");

void aed_command_names(const char **names)
{
    for (int i = 0; i < COMMANDS; i++) names[i] = commands[i]->name;
    names[COMMANDS] = NULL;
}

aed_status aed_command_check(const char *word)
{
    const char *names[COMMANDS];
    if (word[0] == '-' || strpbrk(word, "=./") || access(word, F_OK) == 0) return AED_OK;
    for (int i = 0; i < COMMANDS; i++) names[i] = commands[i]->name;
    const char *near = aed_suggest(word, names, COMMANDS);
    if (!near) return AED_OK;
    return aed_fail(AED_CONFIG, "'%s' is neither a config nor a command (did you mean '%s'?)", word,
                    near);
}

/* ---- Arguments --------------------------------------------------------------------------------- */

typedef struct option {
    const char *name;
    unsigned bit;       /* AED_OPTION_..., 0: of every command */
    const char **value; /* NULL: it has none, and sets: */
    bool *flag;
} option;

static bool is_taken(const aed_command *command, const option *o)
{
    return o->bit == 0 || (command->options & o->bit);
}

/* The table, which reads into args and help. */
enum { OPTIONS = 4 };
static void list_options(aed_command_args *args, bool *help, option options[OPTIONS])
{
    options[0] = (option){"--help", 0, NULL, help};
    options[1] = (option){"--json", AED_OPTION_JSON, NULL, &args->json};
    options[2] = (option){"--to", AED_OPTION_TO, &args->to, NULL};
    options[3] = (option){"--output", AED_OPTION_OUTPUT, &args->output, NULL};
}

void aed_command_options(const aed_command *command, const char **names)
{
    aed_command_args args;
    bool help;
    option options[OPTIONS];
    list_options(&args, &help, options);
    for (int i = 0; i < OPTIONS; i++)
        if (is_taken(command, &options[i])) *names++ = options[i].name;
    *names = NULL;
}

/* The option that `word` names, alone or before a '='; NULL if the command has none of that name. */
static const option *find_option(const aed_command *command, const option *options, int count,
                                 const char *word)
{
    for (int i = 0; i < count; i++) {
        const size_t length = strlen(options[i].name);
        const bool named = strncmp(word, options[i].name, length) == 0 &&
                           (word[length] == '\0' || (word[length] == '=' && options[i].value));
        if (named && is_taken(command, &options[i])) return &options[i];
    }
    return NULL;
}

static aed_status unknown_option(const aed_command *command, const option *options, int count,
                                 const char *word)
{
    const char *names[8];
    int known = 0;
    for (int i = 0; i < count; i++)
        if (is_taken(command, &options[i])) names[known++] = options[i].name;
    const char *near = aed_suggest(word, names, known);
    return aed_fail(AED_CONFIG, "%s: unknown option '%s'%s%s%s; see aedist %s --help",
                    command->name, word, near ? " (did you mean '" : "", near ? near : "",
                    near ? "'?)" : "", command->name);
}

static aed_status check_words(const aed_command *command, const aed_command_args *args)
{
    if (args->word_count < command->least_words)
        return aed_fail(AED_CONFIG, "%s: %s; see aedist %s --help", command->name,
                        args->word_count == 0 ? "nothing is named" : command->lacks, command->name);
    if (args->word_count > command->most_words)
        return aed_fail(AED_CONFIG, "%s: '%s' is one word too many; see aedist %s --help",
                        command->name, args->words[command->most_words], command->name);
    return AED_OK;
}

/* args->words and overrides have room for all of argv. */
static aed_status read_args(const aed_command *command, int argc, char **argv,
                            aed_command_args *args, bool *help)
{
    option options[OPTIONS];
    const int count = OPTIONS;
    list_options(args, help, options);
    for (int i = 2; i < argc; i++) {
        const char *word = argv[i];
        if (word[0] != '-' || word[1] == '\0') {
            if (command->overrides && args->word_count > 0 && strchr(word, '='))
                args->overrides[args->override_count++] = word;
            else
                args->words[args->word_count++] = word;
            continue;
        }
        const option *named = find_option(command, options, count,
                                          strcmp(word, "-h") == 0 ? "--help" : word);
        if (!named) return unknown_option(command, options, count, word);
        if (named->flag) {
            *named->flag = true;
            continue;
        }
        const char *equals = strchr(word, '=');
        *named->value = equals ? equals + 1 : i + 1 < argc ? argv[++i] : "";
        if (!**named->value)
            return aed_fail(AED_CONFIG, "%s: %s needs a value; see aedist %s --help", command->name,
                            named->name, command->name);
    }
    return *help ? AED_OK : check_words(command, args);
}

/* ---- Running ----------------------------------------------------------------------------------- */

/* What is printed goes into pipes and files: a full disk must not look like success. */
static aed_status flush_output(aed_status status)
{
    if (status > AED_DIVERGED || (fflush(stdout) == 0 && !ferror(stdout))) return status;
    return aed_fail(AED_DATA, "standard output: cannot be written; free some space");
}

aed_status aed_command_run(const aed_command *command, int argc, char **argv, const aed_comm *world)
{
    aed_status status = AED_OK;
    bool help = false;
    aed_command_args args = {.words = aed_alloc((size_t)argc, sizeof *args.words),
                             .overrides = aed_alloc((size_t)argc, sizeof *args.overrides)};
    if (!args.words || !args.overrides) {
        status = aed_fail(AED_MEMORY, "out of memory for the command line");
        goto done;
    }
    AED_TRY(read_args(command, argc, argv, &args, &help));
    if (help) {
        if (world->rank == 0) fputs(command->help, stdout);
    } else if (command->collective || world->rank == 0) {
        status = command->run(&args, world);
    }
    if (world->rank == 0) status = flush_output(status);

done:
    status = aed_dist_agree(world, status);
    aed_free(args.words);
    aed_free(args.overrides);
    return status;
}
