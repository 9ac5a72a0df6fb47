/* What may follow in a word of a command line that is an override: for completion by shells. */
#ifndef AED_CONFIG_COMPLETE_H
#define AED_CONFIG_COMPLETE_H

#include "config/text.h"

/* Adds to `out` a line for every key path that begins with `word` and is one key longer than its whole
 * keys, with the '.' or '=' that comes next; or, if the word has a '=', for every value that can be
 * listed. `root` is the config, for the names and layers that it has, or NULL. */
void aed_config_complete(const aed_node *root, const char *word, aed_text *out);

/* Adds the line `head``name``tail` if it begins with `word` and is not there already. */
void aed_complete_offer(aed_text *out, const char *word, const char *head, const char *name,
                        const char *tail);

#endif
