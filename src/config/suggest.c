/* Suggestions by edit distance.
 *
 * The distance counts insertions, deletions, substitutions and swaps of neighbours, each letter
 * moved at most once (optimal string alignment, a restricted form of Damerau's measure), without
 * regard to case. A word of n letters may be off by 1 + n / 4 of them; beyond that a guess annoys
 * more than it helps, unless one word is the beginning of the other ("optim"). */
#include "config/suggest.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { MAX_LETTERS = 48, MIN_PREFIX = 3 };

static int least(int a, int b) { return a < b ? a : b; }

/* The distance of two words of at most MAX_LETTERS letters, by rows of the usual table. */
static int edit_distance(const char *a, const char *b)
{
    int rows[3][MAX_LETTERS + 1];
    int *before = rows[0], *last = rows[1], *row = rows[2];
    int length = (int)strlen(b);
    for (int j = 0; j <= length; j++) before[j] = last[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int letter = tolower((unsigned char)a[i - 1]);
        row[0] = i;
        for (int j = 1; j <= length; j++) {
            int other = tolower((unsigned char)b[j - 1]);
            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + (letter != other));
            if (i > 1 && j > 1 && letter == tolower((unsigned char)b[j - 2]) &&
                other == tolower((unsigned char)a[i - 2]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        int *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[length];
}

static const char *by_prefix(const char *word, const char *const *candidates, int count)
{
    size_t length = strlen(word);
    for (int i = 0; i < count; i++) {
        if (!candidates[i]) continue;
        size_t shorter = strlen(candidates[i]);
        if (length < shorter) shorter = length;
        if (shorter >= MIN_PREFIX && strncasecmp(word, candidates[i], shorter) == 0)
            return candidates[i];
    }
    return NULL;
}

const char *aed_suggest(const char *word, const char *const *candidates, int count)
{
    size_t length = strlen(word);
    if (length == 0 || length > MAX_LETTERS) return NULL;
    const char *best = NULL;
    int nearest = (int)length; /* as many edits as letters: nothing in common */
    int allowed = 1 + (int)length / 4;
    for (int i = 0; i < count; i++) {
        if (!candidates[i] || strlen(candidates[i]) > MAX_LETTERS) continue;
        int distance = edit_distance(word, candidates[i]);
        if (distance <= allowed && distance < nearest) {
            nearest = distance;
            best = candidates[i];
        }
    }
    return best ? best : by_prefix(word, candidates, count);
}
