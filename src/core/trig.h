/* Sine and cosine with the same bits on every processor. */
#ifndef AED_CORE_TRIG_H
#define AED_CORE_TRIG_H

/* Within 1 ulp or so of the true value for |x| < 2^48; beyond, libm's. */
double aed_trig_sin(double x);
double aed_trig_cos(double x);

#endif
