/* Which program this is. */
#ifndef AED_APP_PROGRAM_H
#define AED_APP_PROGRAM_H

/* A whole number below 2^48 that tells this executable file from others, by its bytes; 0 where the
 * system does not show them. */
double aed_program_mark(void);

#endif
