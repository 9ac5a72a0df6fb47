/* A function of x given as text, evaluated in double. Private to src/data. */
#ifndef AED_DATA_EXPRESSION_H
#define AED_DATA_EXPRESSION_H

#include <stdint.h>

#include "aedist/status.h"

typedef struct aed_expression aed_expression;

/* Parses `text`. Fails with AED_CONFIG; the message opens with `where` and `label` ("functions[2]")
 * and names the text and the character at fault. Destroy with aed_expression_destroy. */
aed_status aed_expression_create(const char *where, const char *label, const char *text,
                                 aed_expression **expression);
void aed_expression_destroy(aed_expression **expression);

/* y[i] = f(x[i]); NaN or infinite where the function is. Not for two threads at once. */
void aed_expression_evaluate(aed_expression *expression, int64_t count, const double *x, double *y);

/* label and text for a message: "functions[2] 'cos(x)'", long texts cut, on one line. */
const char *aed_expression_title(const aed_expression *expression);

#endif
