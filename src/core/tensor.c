/* Shapes; see aedist/tensor.h. */
#include "aedist/tensor.h"

#include <inttypes.h>
#include <stdio.h>

int64_t aed_shape_count(const aed_shape *shape)
{
    int64_t count = 1;
    for (int i = 0; i < shape->rank; i++) count *= shape->size[i];
    return count;
}

bool aed_shape_equal(const aed_shape *a, const aed_shape *b)
{
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->size[i] != b->size[i]) return false;
    return true;
}

const char *aed_shape_text(const aed_shape *shape, char *text)
{
    int at = 0;
    text[0] = '\0';
    for (int i = 0; i < shape->rank; i++)
        at += snprintf(text + at, (size_t)(96 - at), "%s%" PRId64, i ? "x" : "", shape->size[i]);
    return text;
}

aed_status aed_shape_make(int rank, const int64_t *size, aed_shape *shape)
{
    if (rank < 0 || rank > AED_MAX_RANK)
        return aed_fail(AED_CONFIG, "a shape of %d dimensions; at most %d are supported", rank,
                        AED_MAX_RANK);
    int64_t count = 1;
    *shape = (aed_shape){.rank = rank};
    for (int i = 0; i < rank; i++) {
        if (size[i] < 1)
            return aed_fail(AED_CONFIG, "dimension %d would have size %" PRId64, i, size[i]);
        if (size[i] > INT32_MAX / count)
            return aed_fail(AED_CONFIG, "a sample would have more than %d elements", INT32_MAX);
        count *= size[i];
        shape->size[i] = size[i];
    }
    return AED_OK;
}
