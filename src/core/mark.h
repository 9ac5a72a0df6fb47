/* A mark: 48 bits of a SHA-256, which a double holds exactly. It tells two things apart that carry the
 * same name, such as two programs or the samples behind one path; it guards against mistakes, not
 * against forgery. */
#ifndef AED_CORE_MARK_H
#define AED_CORE_MARK_H

#include <stdint.h>

static inline double aed_mark(const uint8_t *digest)
{
    uint64_t bits = 0;
    for (int i = 0; i < 6; i++) bits = bits << 8 | digest[i];
    return (double)bits;
}

#endif
