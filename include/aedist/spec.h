/* Kinds and their arguments: one description serves reading, checking, defaults, help and the
 * resolved config. Layers, data sources, losses, optimisers, schedules and initialisations are all
 * kinds: each registry is a table of ops whose first member is an aed_kind. */
#ifndef AEDIST_SPEC_H
#define AEDIST_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aedist/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum aed_arg_type {
    AED_ARG_INT,     /* a whole number; in lists too, |x| <= 2^53 */
    AED_ARG_FLOAT,   /* a finite number */
    AED_ARG_BOOL,    /* true or false */
    AED_ARG_CHOICE,  /* one of choices[]; its index in number, its text in strings[0] */
    AED_ARG_INTS,    /* list of whole numbers; a single one is a list of one */
    AED_ARG_FLOATS,  /* list of numbers; a single one is a list of one */
    AED_ARG_STRINGS, /* list of texts; a single one is a list of one */
    AED_ARG_MATRIX,  /* list of equally long lists of numbers, row-major */
    AED_ARG_LEVEL,   /* as FLOAT, or {from, to, epochs}: a ramp, number being 1 then */
    AED_ARG_LEVELS   /* as FLOATS, or a ramp for all, numbers being [1] then */
} aed_arg_type;

typedef struct aed_arg_def {
    const char *name;
    aed_arg_type type;
    bool required;
    double fallback;            /* of INT, FLOAT, BOOL (0 or 1), CHOICE (index) when not given */
    double min, max;            /* inclusive bounds of every number; both 0: any number */
    const char *const *choices; /* of CHOICE, NULL-terminated */
    const char *help;           /* one line, with the unit */
} aed_arg_def;

typedef struct aed_kind {
    const char *name;
    const char *help;
    const aed_arg_def *args;
    int arg_count;
    const char *main_arg; /* the one that may stand alone (`linear: 32`); NULL: none */
} aed_kind;

/* A level that changes from epoch to epoch: linearly from `from` in the first to `to` after `epochs`
 * epochs, where it stays. */
typedef struct aed_ramp {
    double from, to;
    int64_t epochs;
} aed_ramp;

/* Its level in `epoch` (from 1); its end for epoch 0, where there are no epochs; 1 for NULL. */
double aed_ramp_at(const aed_ramp *ramp, int64_t epoch);

/* The value of one argument. Lists that were not given have count 0. */
typedef struct aed_arg_value {
    bool given; /* false: the fallback (or a null in the config) */
    double number;
    int64_t count;         /* of INTS, FLOATS, STRINGS; rows x columns of MATRIX */
    int64_t rows;          /* of MATRIX */
    const double *numbers; /* count of them */
    const char *const *strings;
    const aed_ramp *ramp; /* of LEVEL, LEVELS: multiplies the numbers; NULL if nothing changes */
} aed_arg_value;

/* A kind with its values, values[i] belonging to kind->args[i]. Memory: the owner's (a config). */
typedef struct aed_spec {
    const aed_kind *kind;
    const aed_arg_value *values;
    const char *where; /* "file:line:column" or the override's text, for messages */
} aed_spec;

/* The value of the argument `name`, which the kind must have (config time only, not in the step). */
const aed_arg_value *aed_spec_value(const aed_spec *spec, const char *name);
double aed_spec_number(const aed_spec *spec, const char *name);
int64_t aed_spec_int(const aed_spec *spec, const char *name);
bool aed_spec_bool(const aed_spec *spec, const char *name);

#ifdef __cplusplus
}
#endif

#endif
