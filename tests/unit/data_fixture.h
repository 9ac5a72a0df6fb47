/* Specs of data sources without a config: every argument at its default until it is set. */
#ifndef AED_TESTS_DATA_FIXTURE_H
#define AED_TESTS_DATA_FIXTURE_H

#include <stdio.h>
#include <string.h>

#include "aedist/data.h"

enum { FIXTURE_ARGS = 16 };

typedef struct fixture {
    aed_spec spec;
    aed_arg_value values[FIXTURE_ARGS];
} fixture;

static inline void fixture_start(fixture *f, const char *source)
{
    const aed_source_ops *ops = aed_source_find(source);
    memset(f, 0, sizeof *f);
    for (int i = 0; i < ops->kind.arg_count; i++) f->values[i].number = ops->kind.args[i].fallback;
    f->spec = (aed_spec){.kind = &ops->kind, .values = f->values, .where = "test.yaml:3:7"};
}

static inline aed_arg_value *fixture_value(fixture *f, const char *name)
{
    return (aed_arg_value *)aed_spec_value(&f->spec, name);
}

static inline void fixture_number(fixture *f, const char *name, double number)
{
    fixture_value(f, name)->given = true;
    fixture_value(f, name)->number = number;
}

/* rows: 1 for a plain list of numbers. The numbers stay the caller's. */
static inline void fixture_numbers(fixture *f, const char *name, int64_t rows, int64_t count,
                                   const double *numbers)
{
    *fixture_value(f, name) = (aed_arg_value){
        .given = true, .count = count, .rows = rows, .numbers = numbers};
}

static inline void fixture_strings(fixture *f, const char *name, int64_t count,
                                   const char *const *strings)
{
    *fixture_value(f, name) = (aed_arg_value){.given = true, .count = count, .strings = strings};
}

/* The source must fail with `status` and a message that holds both words. */
static inline int fixture_fails(const fixture *f, aed_status status, const char *word,
                                const char *other)
{
    aed_source source;
    const aed_status got = aed_source_create(&f->spec, &source);
    const char *message = aed_status_message();
    if (got == status && strstr(message, f->spec.where) && strstr(message, word) &&
        strstr(message, other) && !source.ops && !source.state)
        return 1;
    fprintf(stderr, "status %d (wanted %d), message '%s' lacks '%s' or '%s'\n", (int)got,
            (int)status, got == AED_OK ? "" : message, word, other);
    if (got == AED_OK) aed_source_destroy(&source);
    return 0;
}

#endif
