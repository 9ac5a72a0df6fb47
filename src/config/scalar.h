/* What a plain YAML word means as a number, a truth value or a seed.
 *
 * Only what every YAML reader reads alike is taken, plus `1e-4`, which YAML 1.1 calls a text. */
#ifndef AED_CONFIG_SCALAR_H
#define AED_CONFIG_SCALAR_H

#include "config/tree.h"

typedef enum aed_number_form {
    AED_NUMBER_NONE,  /* not a number */
    AED_NUMBER_WHOLE, /* digits only */
    AED_NUMBER_FLOAT  /* with a dot or an exponent */
} aed_number_form;

/* The form of a decimal number, no white space around it, no leading zeros. */
aed_number_form aed_number_form_of(const char *text);

/* Each fails with AED_CONFIG at the node's place; `what` names the value ("'lr' in adam"). */
aed_status aed_scalar_number(const aed_node *node, const char *what, double *value);
/* Whole and at most 2^53; 1.0e+3 counts as whole. */
aed_status aed_scalar_int(const aed_node *node, const char *what, int64_t *value);
/* 0 ... 2^64 - 1, every one of them exactly. */
aed_status aed_scalar_seed(const aed_node *node, const char *what, uint64_t *value);
aed_status aed_scalar_bool(const aed_node *node, const char *what, bool *value);
/* Any scalar but null, as it is written. */
aed_status aed_scalar_text(const aed_node *node, const char *what, const char **value);

#endif
