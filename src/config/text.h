/* A growing text and the YAML words in it, as every reader reads them alike. */
#ifndef AED_CONFIG_TEXT_H
#define AED_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "config/tree.h"

/* Starts as {0}. After a failed allocation it takes nothing more and `failed` stays set. */
typedef struct aed_text {
    char *bytes; /* NUL-terminated; NULL while empty */
    size_t length, room;
    bool failed;
} aed_text;

void aed_text_add(aed_text *text, const char *words);
void aed_text_addf(aed_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A finite number with a dot, in the fewest digits that read back to the same double: 0.5, 128.0,
 * 1.0e-4. */
void aed_text_add_float(aed_text *text, double value);
/* A text, in double quotes unless every reader takes it for that text without them. */
void aed_text_add_string(aed_text *text, const char *value);
/* A node in flow style on one line; numbers in the form above. */
void aed_text_add_node(aed_text *text, const aed_node *node);
void aed_text_free(aed_text *text);
/* Hands over the bytes (aed_free them), "" if nothing was added; AED_MEMORY if an addition failed. */
aed_status aed_text_take(aed_text *text, char **bytes);

#endif
