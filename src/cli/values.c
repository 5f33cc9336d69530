/* values.c - strict parsing of one value, what was expected if it fails, and the nearest known word. */
#include "cli/options.h"

#include "core/ascii.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORD = 64 }; /* longer words are not compared */

static bool bounded_above(const struct cli_option *o)
{
    /* Limits from 2^53 on are not shown. */
    return o->low != o->high && o->high < 0x1p53;
}

static void number_text(const struct cli_option *o, double x, char out[32])
{
    if (o->type == CLI_INT) snprintf(out, 32, "%" PRId64, (int64_t)x);
    else snprintf(out, 32, "%g", x);
}

static void expected_number(const struct cli_option *o, char *out, size_t cap)
{
    const char *what = o->type == CLI_INT ? "an integer" : "a number";
    bool below = o->low != o->high && o->low > -0x1p53;
    char low[32] = "", high[32] = "";
    if (below) number_text(o, o->low, low);
    if (bounded_above(o)) number_text(o, o->high, high);
    if (below && bounded_above(o)) snprintf(out, cap, "%s from %s to %s", what, low, high);
    else if (below) snprintf(out, cap, "%s of at least %s", what, low);
    else if (bounded_above(o)) snprintf(out, cap, "%s of at most %s", what, high);
    else snprintf(out, cap, "%s", what);
}

static void expected_word(const char *words, char *out, size_t cap)
{
    size_t n = (size_t)snprintf(out, cap, "one of ");
    for (const char *w = words; w && *w && n + 3 < cap; w++) {
        if (*w == '|') out[n++] = ',', out[n++] = ' ';
        else out[n++] = *w;
    }
    out[n] = 0;
}

void cli_expected(const struct cli_option *o, char *out, size_t cap)
{
    switch (o->type) {
    case CLI_FLAG: snprintf(out, cap, "true or false"); break;
    case CLI_INT:
    case CLI_REAL: expected_number(o, out, cap); break;
    case CLI_TEXT: snprintf(out, cap, "text"); break;
    case CLI_PATH: snprintf(out, cap, "a path"); break;
    case CLI_ONE: expected_word(o->words, out, cap); break;
    }
}

void cli_shown(const char *text, size_t len, char out[CLI_SHOWN])
{
    size_t n = len < CLI_SHOWN - 4 ? len : CLI_SHOWN - 4;
    while (n < len && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) n--; /* not inside a UTF-8 character */
    for (size_t i = 0; i < n; i++) out[i] = is_control(text[i]) ? '?' : text[i];
    memcpy(out + n, n < len ? "..." : "", n < len ? 4 : 1);
}

static enum raml_code refuse(const struct cli_option *o, const char *text, struct raml_err *err)
{
    char want[400], shown[CLI_SHOWN];
    cli_expected(o, want, sizeof want);
    cli_shown(text, strlen(text), shown);
    return raml_fail(err, RAML_EUSAGE, "found '%s', expected %s", shown, want);
}

/* Numbers: [-]digits[.digits][e[+-]digits], nothing before or after it; so no hexadecimal, infinity or NaN. */
enum number_form { NOT_A_NUMBER, DIGITS, FRACTION, EXPONENT };

static size_t digits(const char *s)
{
    size_t n = 0;
    while (is_digit(s[n])) n++;
    return n;
}

static enum number_form number_form(const char *s)
{
    if (*s == '-') s++;
    size_t whole = digits(s), part = 0;
    s += whole;
    enum number_form form = DIGITS;
    if (*s == '.') {
        form = FRACTION;
        part = digits(s + 1);
        s += 1 + part;
    }
    if (whole + part == 0) return NOT_A_NUMBER;
    if (*s == 'e' || *s == 'E') {
        form = EXPONENT;
        s++;
        if (*s == '-' || *s == '+') s++;
        size_t n = digits(s);
        if (n == 0) return NOT_A_NUMBER;
        s += n;
    }
    return *s ? NOT_A_NUMBER : form;
}

static bool in_range(const struct cli_option *o, double x)
{
    return o->low == o->high || (x >= o->low && x <= o->high);
}

enum raml_code cli_read_int(const struct cli_option *o, const char *text, int64_t *out, struct raml_err *err)
{
    enum number_form form = number_form(text);
    int64_t value;
    errno = 0;
    if (form == DIGITS) {
        value = (int64_t)strtoll(text, NULL, 10);
        if (errno) return refuse(o, text, err);
    } else if (form == EXPONENT) { /* 1e6; exact up to 2^53 */
        double x = strtod(text, NULL);
        if (errno || !(fabs(x) <= 0x1p53) || x != floor(x)) return refuse(o, text, err);
        value = (int64_t)x;
    } else {
        return refuse(o, text, err);
    }
    if (!in_range(o, (double)value)) return refuse(o, text, err);
    *out = value;
    return RAML_OK;
}

enum raml_code cli_read_real(const struct cli_option *o, const char *text, double *out, struct raml_err *err)
{
    if (number_form(text) == NOT_A_NUMBER) return refuse(o, text, err);
    errno = 0;
    double x = strtod(text, NULL);
    bool vanished = errno == ERANGE && x == 0.0;
    if (!isfinite(x) || vanished || !in_range(o, x)) return refuse(o, text, err);
    *out = x;
    return RAML_OK;
}

enum raml_code cli_read_flag(const struct cli_option *o, const char *text, bool *out, struct raml_err *err)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) return refuse(o, text, err);
    *out = text[0] == 't';
    return RAML_OK;
}

enum raml_code cli_check_word(const struct cli_option *o, const char *text, struct raml_err *err)
{
    size_t len = strlen(text);
    for (const char *w = o->words; len && w; w = strchr(w, '|'), w = w ? w + 1 : NULL)
        if (strncmp(w, text, len) == 0 && (w[len] == '|' || w[len] == 0) && !strchr(text, '|')) return RAML_OK;
    return refuse(o, text, err);
}

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

const char *cli_nearest(const char *word, const char *const *known, size_t n)
{
    size_t len = strlen(word);
    if (len == 0 || len > MAX_WORD) return NULL;
    int limit = len < 3 ? 1 : len < 6 ? 2 : (int)(len / 3); /* any further, a guess is noise */
    const char *best = NULL;
    for (size_t i = 0; i < n; i++) {
        size_t m = strlen(known[i]);
        if (m > MAX_WORD) continue;
        int d = distance(word, known[i]);
        if (d >= (int)(len > m ? len : m)) continue; /* nothing in common */
        if (d <= limit) {
            limit = d - 1; /* ties go to the first */
            best = known[i];
        }
    }
    for (size_t i = 0; !best && i < n; i++)
        if (begins(word, known[i])) best = known[i];
    return best;
}
