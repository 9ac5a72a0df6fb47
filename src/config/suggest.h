/* The nearest of a list of known words, for "did you mean". */
#ifndef AED_CONFIG_SUGGEST_H
#define AED_CONFIG_SUGGEST_H

/* The candidate that `word` most likely stands for, or NULL if none is near. Ties go to the first
 * one; NULL candidates are skipped. */
const char *aed_suggest(const char *word, const char *const *candidates, int count);

#endif
