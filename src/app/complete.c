/* See complete.h. */
#include "app/complete.h"

#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/options.h"
#include "config/complete.h"
#include "config/config.h"
#include "core/memory.h"
#include "io/export.h"
#include "io/stored.h"

static void offer(aed_text *out, const char *word, const char *name)
{
    aed_complete_offer(out, word, "", name, "");
}

static void offer_files(aed_text *out) { aed_text_add(out, "<files>\n"); }

/* Key paths and values, by the config in `text` if it can be read. */
static void offer_overrides(const char *word, const char *text, size_t length, aed_text *out)
{
    aed_config_memory *memory = NULL;
    const aed_place place = {"config", 1, 1};
    const aed_node *root = NULL;
    if (aed_config_memory_create(NULL, &memory) != AED_OK) return;
    if (text && aed_node_parse(memory, text, length, place, &root) != AED_OK) root = NULL;
    aed_config_complete(root, word, out);
    aed_config_memory_destroy(&memory);
}

/* The trials of a run, and overrides by the config of the first. */
static void offer_trials(const char *run, const char *word, bool overrides, aed_text *out)
{
    aed_stored *stored = NULL;
    const char *text = NULL;
    if (aed_stored_open(run, &stored) == AED_OK) {
        for (int64_t i = 0; i < aed_stored_count(stored); i++) {
            const aed_trial_result *trial = aed_stored_trial(stored, i);
            offer(out, word, trial->id);
            if (!text) text = trial->resolved;
        }
    }
    if (overrides) offer_overrides(word, text, text ? strlen(text) : 0, out);
    aed_stored_close(&stored);
}

/* ---- Commands --------------------------------------------------------------------------------- */

static void complete_command(const aed_command *command, int count, char **words, aed_text *out)
{
    const char *word = words[count - 1], *before = words[count - 2];
    const char *names[AED_COMMANDS_MOST], *run = NULL;
    if (strcmp(before, "--to") == 0) {
        for (int i = 0; i < aed_export_format_count; i++)
            offer(out, word, aed_export_formats[i].name);
        return;
    }
    aed_command_options(command, names);
    for (int i = 0; word[0] == '-' && names[i]; i++) offer(out, word, names[i]);
    if (word[0] == '-') return;
    for (int i = 1; i < count - 1 && !run; i++)
        if (words[i][0] != '-' && strcmp(words[i - 1], "--to") != 0 &&
            strcmp(words[i - 1], "--output") != 0)
            run = words[i];
    const bool takes_trial = command->overrides || (command->options & AED_OPTION_TO);
    if (strcmp(before, "--output") == 0 || !run || !takes_trial)
        offer_files(out);
    else
        offer_trials(run, word, command->overrides, out);
}

/* ---- Training --------------------------------------------------------------------------------- */

static void complete_config(int count, char **words, aed_text *out)
{
    const char *word = words[count - 1], *config = NULL, *names[AED_OPTIONS_MOST];
    if (count > 1 && aed_options_wants_value(words[count - 2])) {
        if (strcmp(words[count - 2], "--output") == 0) offer_files(out);
        return;
    }
    if (word[0] == '-') {
        const int known = aed_options_names(names);
        for (int i = 0; i < known; i++) offer(out, word, names[i]);
        return;
    }
    for (int i = 0; i < count - 1 && !config; i++)
        if (words[i][0] != '-' && !strchr(words[i], '=') &&
            (i == 0 || !aed_options_wants_value(words[i - 1])))
            config = words[i];
    if (!config) {
        offer_files(out);
        return;
    }
    char *text = NULL;
    size_t length = 0;
    const bool read = aed_config_read_text(config, &text, &length) == AED_OK;
    offer_overrides(word, read ? text : NULL, length, out);
    aed_free(text);
}

int aed_complete(int count, char **words)
{
    const char *names[AED_COMMANDS_MOST];
    aed_text out = {0};
    char *lines;
    if (count < 1) return 0;
    const aed_command *command = count > 1 ? aed_command_find(words[0]) : NULL;
    aed_command_names(names);
    for (int i = 0; count == 1 && names[i]; i++) offer(&out, words[0], names[i]);
    if (command)
        complete_command(command, count, words, &out);
    else
        complete_config(count, words, &out);
    if (aed_text_take(&out, &lines) == AED_OK) {
        fputs(lines, stdout);
        aed_free(lines);
    }
    return 0;
}
