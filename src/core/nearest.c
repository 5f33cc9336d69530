/* nearest.c - see nearest.h. */
#include "core/nearest.h"

#include "core/ascii.h"
#include "raml/buf.h"

#include <string.h>

enum { MAX_WORD = 64 }; /* longer words are not compared */

static char folded(char c)
{
    return c == '-' ? '_' : to_lower(c);
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Edits that turn a into b: insert, delete, change, swap two neighbours (Damerau 1964, optimal string alignment).
 * Row i of the table holds the distances of a's first i letters; three rows are kept. */
static int distance(const char *a, const char *b)
{
    int row[3][MAX_WORD + 1];
    int n = (int)strlen(b), *two = row[0], *last = row[1], *now = row[2];
    for (int j = 0; j <= n; j++) last[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        now[0] = i;
        for (int j = 1; j <= n; j++) {
            char x = folded(a[i - 1]), y = folded(b[j - 1]);
            now[j] = least(least(now[j - 1], last[j]) + 1, last[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == folded(b[j - 2]) && folded(a[i - 2]) == y)
                now[j] = least(now[j], two[j - 2] + 1);
        }
        int *t = two;
        two = last;
        last = now;
        now = t;
    }
    return last[n];
}

static bool begins(const char *word, const char *known)
{
    size_t i = 0;
    while (word[i] && folded(word[i]) == folded(known[i])) i++;
    return word[i] == 0 && i >= 3;
}

const char *raml_nearest(const char *word, const char *const *known, size_t n)
{
    size_t len = strlen(word);
    if (len == 0 || len > MAX_WORD) return NULL;
    int limit = len < 3 ? 1 : len < 6 ? 2 : (int)(len / 3); /* any further, a guess is noise */
    int least_cost = 4 * (limit + 1);
    const char *best = NULL;
    for (size_t i = 0; i < n; i++) {
        size_t m = strlen(known[i]);
        if (m > MAX_WORD) continue;
        int d = distance(word, known[i]);
        if (d >= (int)(len > m ? len : m)) continue; /* nothing in common */
        int cost = 4 * d + 2 * (folded(word[0]) != folded(known[i][0])) + (len != m);
        if (d > limit || cost >= least_cost) continue; /* ties go to the first */
        least_cost = cost;
        best = known[i];
    }
    for (size_t i = 0; !best && i < n; i++)
        if (begins(word, known[i])) best = known[i];
    return best;
}

enum raml_code raml_fail_unknown(struct raml_err *err, const char *what, const char *word, const char *const *known,
                                 size_t n)
{
    const char *near = raml_nearest(word, known, n);
    if (near) return raml_fail(err, RAML_EUSAGE, "there is no %s '%.60s'; did you mean '%s'?", what, word, near);
    struct raml_buf list;
    raml_buf_init(&list, 1 << 16);
    for (size_t i = 0; i < n; i++) raml_buf_addf(&list, "%s%s", i ? ", " : "", known[i]);
    raml_fail(err, RAML_EUSAGE, "there is no %s '%.60s'; expected one of %s", what, word, list.data ? list.data : "");
    raml_buf_deinit(&list);
    return RAML_EUSAGE;
}
