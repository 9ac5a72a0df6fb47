/* Ranges: see range.h.
 *
 *   linspace: [a, b, n]   a + (b - a) i / (n - 1)
 *   logspace: [a, b, n]   a (b / a)^(i / (n - 1)); end points as values, as numpy's geomspace
 *   range: [a, b, s]      a, a + s ... not beyond b
 *   random: {from: a, to: b, count: n, log: false, seed: 0}   uniform, or uniform in the logarithm
 *
 * Values are rounded to fewer decimal digits than a double has, so that they are those that a person
 * would write into a list (1.0e-3), with the same trial's id. */
#include "config/range.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aedist/rng.h"
#include "config/path.h"
#include "config/read.h"
#include "config/scalar.h"
#include "config/suggest.h"
#include "config/text.h"
#include "core/memory.h"

/* Significant digits of what is computed between given ends, and of what is drawn; where values are
 * evenly spaced, decimals of a number between 1 and 10. */
enum { SPACED_DIGITS = 12, RANDOM_DIGITS = 6 };

typedef struct range {
    aed_config_memory *memory;
    const char *key, *word; /* of what; "linspace" */
    const aed_node *args;
    bool whole;
    int64_t limit;
    aed_node *values;
} range;

bool aed_range_is(const aed_node *node)
{
    static const char *const words[] = {"linspace", "logspace", "random"};
    if (node->type != AED_NODE_MAPPING) return false;
    if (node->count == 1 && strcmp(node->entries[0].key, "range") == 0) return true;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (aed_node_get(node, words[i])) return true;
    return false;
}

/* ---- Values ----------------------------------------------------------------------------------- */

static aed_status append_text(range *r, const char *text)
{
    aed_node *node = aed_config_alloc(r->memory, 1, sizeof *node);
    if (!node) return AED_MEMORY;
    *node = (aed_node){.type = AED_NODE_SCALAR, .place = r->values->place, .plain = true};
    node->text = aed_config_copy(r->memory, text, strlen(text));
    if (!node->text) return AED_MEMORY;
    aed_entry entry = {NULL, node->place, node};
    return aed_node_append(r->memory, r->values, entry);
}

static aed_status append(range *r, double value)
{
    char whole[32];
    aed_text text = {0};
    char *bytes;
    if (r->whole) {
        snprintf(whole, sizeof whole, "%.0f", value);
        return append_text(r, whole);
    }
    aed_text_add_float(&text, value);
    aed_status status = aed_text_take(&text, &bytes);
    if (status != AED_OK) return status;
    status = append_text(r, bytes);
    aed_free(bytes);
    return status;
}

/* `value` with so many decimals that a number as large as `scale` has `digits` digits; the nearest
 * whole number if the key takes no others. */
static double round_to(const range *r, double value, double scale, int digits)
{
    char text[512];
    if (r->whole) return floor(value + 0.5);
    if (scale == 0) return value;
    snprintf(text, sizeof text, "%.16e", scale);
    int decimals = digits - 1 - (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    snprintf(text, sizeof text, "%.*f", decimals < 0 ? 0 : decimals, value);
    return strtod(text, NULL) + 0.0; /* no -0 */
}

static double largest(double a, double b) { return fabs(a) > fabs(b) ? fabs(a) : fabs(b); }

/* The logarithm of x > 0: 2 artanh((m - 1) / (m + 1)) of the mantissa, by its series. The C
 * library's differ by processor, and with them might the trials of two machines. */
static double logarithm(double x)
{
    int exponent;
    double m = frexp(x, &exponent), sum = 0;
    if (m < 0.7071067811865476) {
        m *= 2;
        exponent--;
    }
    const double s = (m - 1) / (m + 1);
    for (int k = 14; k >= 0; k--) sum = sum * s * s + 1.0 / (2 * k + 1);
    return exponent * 0.6931471805599453 + 2 * s * sum;
}

/* The exponential function by Taylor's series within half a doubling. */
static double exponential(double x)
{
    const double doublings = floor(x / 0.6931471805599453 + 0.5);
    const double rest = x - doublings * 0.6931471805599453;
    double sum = 1;
    for (int k = 17; k > 0; k--) sum = 1 + sum * rest / k;
    return ldexp(sum, (int)doublings);
}

/* ---- Arguments -------------------------------------------------------------------------------- */

static aed_status read_number(const range *r, const aed_node *node, const char *name, double *value)
{
    char what[64];
    int64_t whole;
    snprintf(what, sizeof what, "'%s' in %s", name, r->word);
    if (r->whole) {
        aed_status status = aed_scalar_int(node, what, &whole);
        if (status == AED_OK) *value = (double)whole;
        return status;
    }
    aed_status status = aed_scalar_number(node, what, value);
    if (status == AED_OK && fabs(*value) > AED_LARGEST_AMOUNT)
        status = aed_place_fail(node->place, "%s is %s, but must be at most %g", what,
                                aed_show(node->text).text, AED_LARGEST_AMOUNT);
    return status;
}

static aed_status read_range_count(const range *r, const aed_node *node, int64_t least,
                                   int64_t *count)
{
    char what[64];
    snprintf(what, sizeof what, "'count' in %s", r->word);
    aed_status status = aed_scalar_int(node, what, count);
    if (status == AED_OK && (*count < least || *count > r->limit))
        status = aed_place_fail(node->place, "%s is %lld, but must be from %lld to %lld", what,
                                (long long)*count, (long long)least, (long long)r->limit);
    return status;
}

/* The three elements of [from, to, count]. */
static aed_status read_ends(const range *r, double *from, double *to, int64_t *count)
{
    aed_status status;
    const aed_node *args = r->args;
    char text[128];
    if (aed_node_is_null(args) || args->type != AED_NODE_SEQUENCE || args->count != 3)
        return aed_place_fail(args ? args->place : r->values->place,
                              "%s takes [from, to, count], such as [%s], but is %s", r->word,
                              strcmp(r->word, "linspace") == 0 ? "0, 1, 5" : "1.0e-4, 0.1, 4",
                              args && args->type == AED_NODE_SEQUENCE
                                  ? "a list of another length"
                                  : aed_node_describe(args, text));
    AED_TRY(read_number(r, args->entries[0].value, "from", from));
    AED_TRY(read_number(r, args->entries[1].value, "to", to));
    AED_TRY(read_range_count(r, args->entries[2].value, 2, count));
done:
    return status;
}

static aed_status check_above_zero(const range *r, double from, double to)
{
    if (from > 0 && to > 0) return AED_OK;
    return aed_place_fail(r->args->place,
                          "%s needs 'from' and 'to' above 0: they are the first and the last value "
                          "themselves, not their exponents; write 1.0e-4, not -4",
                          r->word);
}

/* ---- Each kind -------------------------------------------------------------------------------- */

static aed_status linspace(range *r)
{
    aed_status status;
    double from, to;
    int64_t count;
    AED_TRY(read_ends(r, &from, &to, &count));
    for (int64_t i = 0; i < count; i++) {
        const double left = (double)(count - 1 - i), right = (double)i;
        const double value = (from * left + to * right) / (double)(count - 1);
        const bool end = i == 0 || i == count - 1; /* as it was written */
        AED_TRY(append(r, end ? i == 0 ? from : to
                              : round_to(r, value, largest(from, to), SPACED_DIGITS + 1)));
    }
done:
    return status;
}

static aed_status logspace(range *r)
{
    aed_status status;
    double from, to;
    int64_t count;
    AED_TRY(read_ends(r, &from, &to, &count));
    AED_TRY(check_above_zero(r, from, to));
    const double low = logarithm(from), high = logarithm(to);
    for (int64_t i = 0; i < count; i++) {
        const double left = (double)(count - 1 - i), right = (double)i;
        const double value = exponential((low * left + high * right) / (double)(count - 1));
        const bool end = i == 0 || i == count - 1;
        AED_TRY(append(r, end ? i == 0 ? from : to : round_to(r, value, value, SPACED_DIGITS)));
    }
done:
    return status;
}

static aed_status whole_range(range *r)
{
    aed_status status;
    const aed_node *args = r->args;
    double ends[3] = {0, 0, 1};
    static const char *const names[] = {"first", "last", "step"};
    char text[128];
    r->whole = true;
    if (aed_node_is_null(args) || args->type != AED_NODE_SEQUENCE || args->count < 2 ||
        args->count > 3)
        return aed_place_fail(args ? args->place : r->values->place,
                              "range takes [first, last] or [first, last, step], such as [1, 100], "
                              "but is %s",
                              args && args->type == AED_NODE_SEQUENCE
                                  ? "a list of another length"
                                  : aed_node_describe(args, text));
    for (int64_t i = 0; i < args->count; i++)
        AED_TRY(read_number(r, args->entries[i].value, names[i], &ends[i]));
    const double steps = ends[2] != 0 ? floor((ends[1] - ends[0]) / ends[2]) : -1;
    if (steps < 0)
        AED_TRY(aed_place_fail(args->place, "range never gets from %.0f to %.0f by steps of %.0f",
                               ends[0], ends[1], ends[2]));
    if (steps >= (double)r->limit)
        AED_TRY(
            aed_place_fail(args->place, "range has more than %lld values", (long long)r->limit));
    for (int64_t i = 0; i <= (int64_t)steps; i++) AED_TRY(append(r, ends[0] + (double)i * ends[2]));
done:
    return status;
}

/* ---- Random values ---------------------------------------------------------------------------- */

typedef struct drawing {
    double from, to;
    int64_t count;
    bool log;
    uint64_t seed;
} drawing;

static aed_status read_drawing(const range *r, drawing *d)
{
    aed_status status;
    const aed_node *args = r->args, *from, *to, *count;
    char text[128];
    if (aed_node_is_null(args) || args->type != AED_NODE_MAPPING)
        return aed_place_fail(args ? args->place : r->values->place,
                              "random takes {from: A, to: B, count: N}, but is %s",
                              aed_node_describe(args, text));
    AED_TRY(aed_read_section(args, AED_SECTION_RANDOM));
    AED_TRY(aed_read_required(args, AED_SECTION_RANDOM, "from", &from));
    AED_TRY(aed_read_required(args, AED_SECTION_RANDOM, "to", &to));
    AED_TRY(aed_read_required(args, AED_SECTION_RANDOM, "count", &count));
    AED_TRY(read_number(r, from, "from", &d->from));
    AED_TRY(read_number(r, to, "to", &d->to));
    AED_TRY(read_range_count(r, count, 1, &d->count));
    const aed_node *log = aed_node_get(args, "log"), *seed = aed_node_get(args, "seed");
    if (!aed_node_is_null(log)) AED_TRY(aed_scalar_bool(log, "'log' in random", &d->log));
    if (!aed_node_is_null(seed)) AED_TRY(aed_scalar_seed(seed, "'seed' in random", &d->seed));
    if (d->from >= d->to)
        AED_TRY(aed_place_fail(to->place, "'to' in random must be larger than 'from'"));
    if (d->log) status = check_above_zero(r, d->from, d->to);
done:
    return status;
}

/* The value that the uniform number u of [0, 1) stands for. */
static double draw(const range *r, const drawing *d, double u)
{
    const double width = d->to - d->from;
    double value;
    if (d->log) {
        const double low = logarithm(d->from), high = logarithm(d->to);
        value = exponential(low + (high - low) * u);
        value = round_to(r, value, value, RANDOM_DIGITS);
    } else if (r->whole) {
        value = d->from + floor((width + 1) * u);
    } else {
        value = round_to(r, d->from + width * u, width, RANDOM_DIGITS + 1);
    }
    return value < d->from ? d->from : value > d->to ? d->to : value;
}

/* Puts a value into a table of `size` (a power of two) numbers, NAN where free; false if it is there
 * already. */
static bool add_new(double *table, uint64_t size, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t at = (bits * 0x9E3779B97F4A7C15u) >> 20 & (size - 1);
    for (; !isnan(table[at]); at = (at + 1) & (size - 1))
        if (table[at] == value) return false;
    table[at] = value;
    return true;
}

/* Draws until there are `count` different values. A value depends on the seed, the key and its
 * number alone: a larger count keeps the first ones. */
static aed_status draw_all(range *r, const drawing *d, double *table, uint64_t size)
{
    aed_status status = AED_OK;
    char purpose[160];
    snprintf(purpose, sizeof purpose, "sweep/%.150s", aed_path_full(r->key));
    const aed_rng_key key = aed_rng_key_make(d->seed, purpose, 0);
    /* Of n values, n (ln n + 1) draws find all but always; 64 n for any n of a sweep. */
    const int64_t most = 64 * d->count;
    for (int64_t i = 0; i < most && r->values->count < d->count; i++) {
        const double value = draw(r, d, aed_rng_uniform(key, (uint32_t)i, 0));
        if (add_new(table, size, value)) AED_TRY(append(r, value));
    }
    if (r->values->count < d->count)
        status = aed_place_fail(r->args->place,
                                "random finds no %lld different values between 'from' and 'to', "
                                "only %lld; lower 'count'",
                                (long long)d->count, (long long)r->values->count);
done:
    return status;
}

static aed_status random_values(range *r)
{
    drawing d = {.log = false};
    aed_status status = read_drawing(r, &d);
    if (status != AED_OK) return status;
    uint64_t size = 16;
    while (size < 2 * (uint64_t)d.count) size *= 2;
    double *table = aed_alloc((size_t)size, sizeof *table);
    if (!table) return aed_fail(AED_MEMORY, "config: out of memory; use fewer trials");
    for (uint64_t i = 0; i < size; i++) table[i] = NAN;
    status = draw_all(r, &d, table, size);
    aed_free(table);
    return status;
}

/* ---- All kinds -------------------------------------------------------------------------------- */

aed_status aed_range_expand(aed_config_memory *memory, const aed_node *node, const char *key,
                            bool whole, int64_t limit, const aed_node **values)
{
    static const struct {
        const char *word;
        aed_status (*expand)(range *r);
    } kinds[] = {{"linspace", linspace},
                 {"logspace", logspace},
                 {"random", random_values},
                 {"range", whole_range}};
    range r = {.memory = memory, .key = key, .whole = whole, .limit = limit};
    aed_status status = aed_read_section(node, AED_SECTION_RANGE);
    if (status != AED_OK) return status;
    if (node->count != 1)
        return aed_place_fail(node->entries[1].place,
                              "a range is one word with its values, but '%s' stands beside '%s'",
                              node->entries[1].key, node->entries[0].key);
    r.word = node->entries[0].key;
    r.args = node->entries[0].value;
    r.values = aed_config_alloc(memory, 1, sizeof *r.values);
    if (!r.values) return AED_MEMORY;
    *r.values = (aed_node){.type = AED_NODE_SEQUENCE, .place = node->place};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].word, r.word) == 0) status = kinds[i].expand(&r);
    *values = r.values;
    return status;
}
