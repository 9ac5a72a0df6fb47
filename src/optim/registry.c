/* The table of optimisers: a new one is one file and one row here. */
#include <string.h>

#include "optim/optim.h"

static const aed_optim_ops *const table[] = {&aed_optim_sgd, &aed_optim_adam, &aed_optim_adamw};

const aed_optim_ops *const *aed_optim_table(int *count)
{
    *count = AED_COUNT(table);
    return table;
}

const aed_optim_ops *aed_optim_find(const char *name)
{
    for (int i = 0; i < AED_COUNT(table); i++)
        if (strcmp(table[i]->kind.name, name) == 0) return table[i];
    return NULL;
}

double aed_optim_lr(const aed_spec *spec) { return aed_spec_number(spec, "lr"); }
