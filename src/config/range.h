/* Ranges of a sweep: {linspace: [0, 1, 5]} and its like stand for the list of their values. */
#ifndef AED_CONFIG_RANGE_H
#define AED_CONFIG_RANGE_H

#include "config/tree.h"

/* Whether a mapping is a range rather than keys with their own lists. */
bool aed_range_is(const aed_node *node);

/* The values of a range of `key` as a list of numbers, each at the range's place; whole numbers if
 * `whole`, and always of {range: ...}. At most `limit` values. The same on every machine: nothing but
 * rounded additions, products and quotients is used. Fails with AED_CONFIG. */
aed_status aed_range_expand(aed_config_memory *memory, const aed_node *node, const char *key,
                            bool whole, int64_t limit, const aed_node **values);

#endif
