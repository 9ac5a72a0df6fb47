/* Kinds and their arguments as YAML, with every default: parts of the resolved config. */
#ifndef AED_CONFIG_RESOLVE_KIND_H
#define AED_CONFIG_RESOLVE_KIND_H

#include "aedist/spec.h"
#include "config/text.h"

/* "[0.1, 0.01]" */
void aed_resolve_floats(aed_text *text, const double *numbers, int64_t count);
/* "{from: 0.1, to: 0.01, epochs: 20}" */
void aed_resolve_ramp(aed_text *text, const aed_ramp *ramp);
/* "a: 1, b: 2", or ", a: 1, b: 2" behind what is there already. */
void aed_resolve_args(aed_text *text, const aed_spec *spec, bool first);
/* "relu", or "conv1d: {out: 3, ...}", in braces unless it stands in a block of its own; name may be NULL. */
void aed_resolve_kind(aed_text *text, const aed_spec *spec, const char *name, bool braces);

#endif
