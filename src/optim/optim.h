/* The optimisers, schedules and initialisations, and what they share. */
#ifndef AED_OPTIM_OPTIM_H
#define AED_OPTIM_OPTIM_H

#include "aedist/optim.h"

extern const aed_optim_ops aed_optim_sgd, aed_optim_adam, aed_optim_adamw;

enum { AED_OPTIM_MAX_SETTINGS = 8 };

/* cos(pi t) for 0 <= t <= 1 in float64 by a polynomial: the same bits on every processor. */
double aed_cos_pi(double t);

#define AED_COUNT(array) ((int)(sizeof(array) / sizeof(array)[0]))

#endif
