/* Access to a kind's values by name; see aedist/spec.h. */
#include "aedist/spec.h"

#include <stddef.h>
#include <string.h>

const aed_arg_value *aed_spec_value(const aed_spec *spec, const char *name)
{
    for (int i = 0; i < spec->kind->arg_count; i++)
        if (strcmp(spec->kind->args[i].name, name) == 0) return &spec->values[i];
    return NULL; /* a kind asked for an argument that it does not have: the caller's bug */
}

double aed_spec_number(const aed_spec *spec, const char *name)
{
    return aed_spec_value(spec, name)->number;
}

int64_t aed_spec_int(const aed_spec *spec, const char *name)
{
    return (int64_t)aed_spec_value(spec, name)->number;
}

bool aed_spec_bool(const aed_spec *spec, const char *name)
{
    return aed_spec_value(spec, name)->number != 0;
}

double aed_ramp_at(const aed_ramp *ramp, int64_t epoch)
{
    if (!ramp) return 1;
    if (epoch <= 0 || epoch > ramp->epochs) return ramp->to;
    return ramp->from + (ramp->to - ramp->from) * ((double)(epoch - 1) / (double)ramp->epochs);
}
