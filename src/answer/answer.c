/* answer.c - is one answer the same as another: exact rational numbers, else normalised text. See answer.h.
 *
 * An answer is peeled first: white space, $...$, \(...\), \[...\], **...**, \boxed{...}, \text{...} around it, round
 * brackets around a single thing, a full stop behind it. What is left is a number when all of it reads as
 *   [sign] [$] N [%],   N = digits with thousands separators, a decimal, either with e-notation, a/b, \frac{a}{b},
 *                           or a mixed number (1 1/2, 1\frac{1}{2})
 * and is then an exact fraction of GMP integers. A percent sign is dropped, not applied.
 */
#include "raml/answer.h"

#include <gmp.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_DIGITS = 10000, /* also of the exponent's value: what is longer is compared as text alone */
    MAX_PEELS = 32,     /* layers around an answer; bounds the work on hostile input */
    MAX_FRACS = 2       /* \frac inside \frac */
};

struct view { /* text[0..n), not closed by a 0 */
    const char *s;
    size_t n;
};
enum kind { NOT_A_NUMBER, NUMBER, TOO_LONG };

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct view trim(struct view v)
{
    while (v.n && is_space(v.s[0])) v.s++, v.n--;
    while (v.n && is_space(v.s[v.n - 1])) v.n--;
    return v;
}

static bool starts(struct view v, const char *with)
{
    size_t n = strlen(with);
    return v.n >= n && memcmp(v.s, with, n) == 0;
}

static bool ends(struct view v, const char *with)
{
    size_t n = strlen(with);
    return v.n >= n && memcmp(v.s + v.n - n, with, n) == 0;
}

static struct view skip(struct view v, size_t n)
{
    return (struct view){v.s + n, v.n - n};
}

/* Removes `word` from the front, with the white space behind it. */
static bool take(struct view *v, const char *word)
{
    if (!starts(*v, word)) return false;
    *v = trim(skip(*v, strlen(word)));
    return true;
}

/* Is the byte at i a brace that groups, not an escaped one (\{ is, \\{ is not)? */
static bool escaped(const char *s, size_t i)
{
    size_t n = 0;
    while (i > n && s[i - 1 - n] == '\\') n++;
    return n % 2 == 1;
}

/* v starts with '{': its content up to the matching brace; false when there is none. */
static bool group(struct view v, struct view *inner)
{
    size_t depth = 0;
    for (size_t i = 0; i < v.n; i++) {
        if ((v.s[i] != '{' && v.s[i] != '}') || escaped(v.s, i)) continue;
        if (v.s[i] == '{') depth++;
        else if (--depth == 0) {
            *inner = (struct view){v.s + 1, i - 1};
            return true;
        }
    }
    return false;
}

bool raml_answer_boxed(const char *text, size_t n, const char **inner, size_t *len)
{
    size_t closing = 0; /* closing braces to the right that no opening brace has matched yet */
    for (size_t i = n; i-- > 0;) {
        if ((text[i] != '{' && text[i] != '}') || escaped(text, i)) continue;
        if (text[i] == '}') {
            closing++;
            continue;
        }
        if (!closing) continue;
        closing--;
        struct view before = {text, i}, found;
        while (before.n && is_space(text[before.n - 1])) before.n--;
        if (!ends(before, "\\boxed") && !ends(before, "\\fbox")) continue;
        if (!group((struct view){text + i, n - i}, &found)) continue;
        *inner = found.s;
        *len = found.n;
        return true;
    }
    return false;
}

/* Does the word stand in v, not behind a backslash? */
static bool holds(struct view v, const char *word)
{
    for (size_t i = 0; i < v.n; i++)
        if (starts(skip(v, i), word) && !escaped(v.s, i)) return true;
    return false;
}

/* "(113)", "(A)": brackets around one thing, not around a pair or a product of two. */
static bool single(struct view v)
{
    if (v.n < 3 || v.s[0] != '(' || v.s[v.n - 1] != ')') return false;
    for (size_t i = 1; i + 1 < v.n; i++)
        if (strchr("(),;[]", v.s[i])) return false;
    return true;
}

/* Takes one layer off. False: there was none. */
static bool peel(struct view *v)
{
    static const char *const around[][2] = {
        {"$$", "$$"}, {"$", "$"}, {"\\(", "\\)"}, {"\\[", "\\]"}, {"**", "**"}};
    static const char *const commands[] = {"\\text", "\\textbf", "\\mathrm", "\\mathbf", "\\mbox", "\\boxed", "\\fbox"};
    struct view was = *v = trim(*v);
    for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
        size_t n = strlen(around[i][0]);
        if (v->n <= 2 * n || !starts(*v, around[i][0]) || !ends(*v, around[i][1])) continue;
        struct view in = {v->s + n, v->n - 2 * n};
        if (holds(in, around[i][0])) continue; /* "$1$ and $2$" is two of them */
        *v = in;
        return true;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct view rest = *v, inner;
        if (!take(&rest, commands[i]) || !starts(rest, "{") || !group(rest, &inner)) continue;
        if (inner.s + inner.n + 1 != v->s + v->n) continue; /* something stands behind it */
        *v = inner;
        return true;
    }
    if (single(*v)) *v = (struct view){v->s + 1, v->n - 2};
    else if (v->n > 1 && ends(*v, ".")) v->n--;
    return v->n != was.n;
}

static struct view core_of(const char *text)
{
    struct view v = {text, strlen(text)};
    const char *inner;
    size_t n;
    if (raml_answer_boxed(v.s, v.n, &inner, &n)) v = (struct view){inner, n};
    for (int i = 0; i < MAX_PEELS && peel(&v); i++) {}
    return trim(v);
}

/* The length of a thousands separator at the front: "," "{,}" "\," ",\!"; 0: none. */
static size_t separator(struct view v)
{
    static const char *const words[] = {"{,}", "\\,", ",\\!", ","};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (starts(v, words[i])) return strlen(words[i]);
    return 0;
}

static size_t count_digits(struct view v)
{
    size_t n = 0;
    while (n < v.n && is_digit(v.s[n])) n++;
    return n;
}

struct digits { /* all digits of a number, and how many of them stand behind the point */
    char text[MAX_DIGITS + 1];
    size_t n, n_fraction;
    bool too_long;
};

static void add_digits(struct digits *d, const char *s, size_t n)
{
    if (n > MAX_DIGITS - d->n) {
        d->too_long = true;
        return;
    }
    memcpy(d->text + d->n, s, n);
    d->n += n;
}

/* Reads digits with separators and a fraction from the front of *v. False: none there, or wrong groups ("1,2"). */
static bool read_digits(struct view *v, struct digits *d)
{
    d->n = d->n_fraction = 0;
    d->too_long = false;
    size_t n = count_digits(*v), first = n, sep;
    add_digits(d, v->s, n);
    *v = skip(*v, n);
    for (bool grouped = false; first && (sep = separator(*v)) != 0; grouped = true) {
        struct view next = skip(*v, sep);
        if (count_digits(next) != 3 || (!grouped && first > 3)) return false;
        add_digits(d, next.s, 3);
        *v = skip(next, 3);
    }
    if (starts(*v, ".")) {
        struct view next = skip(*v, 1);
        n = count_digits(next);
        if (!first && !n) return false;
        add_digits(d, next.s, n);
        d->n_fraction = n;
        *v = skip(next, n);
    }
    d->text[d->n] = 0;
    return first || d->n_fraction || d->too_long;
}

/* Reads an exponent ("e-5") from the front of *v, if there is one. False: larger than MAX_DIGITS. */
static bool read_exponent(struct view *v, long *exponent)
{
    *exponent = 0;
    if (!starts(*v, "e") && !starts(*v, "E")) return true;
    struct view rest = skip(*v, 1);
    bool minus = starts(rest, "-");
    if (minus || starts(rest, "+")) rest = skip(rest, 1);
    size_t n = count_digits(rest);
    if (!n) return true; /* not an exponent: what is left makes this no number */
    for (size_t i = 0; i < n; i++) {
        *exponent = *exponent * 10 + (rest.s[i] - '0');
        if (*exponent > MAX_DIGITS) return false;
    }
    if (minus) *exponent = -*exponent;
    *v = skip(rest, n);
    return true;
}

/* Reads an unsigned integer or decimal from the front of *v; *whole: it is a plain integer. */
static enum kind read_plain(struct view *v, mpq_t out, bool *whole)
{
    struct digits d;
    long exponent;
    if (!read_digits(v, &d)) return NOT_A_NUMBER;
    struct view before = *v;
    if (!read_exponent(v, &exponent) || d.too_long) return TOO_LONG;
    *whole = d.n_fraction == 0 && before.n == v->n;
    mpq_set_ui(out, 0, 1);
    if (mpz_set_str(mpq_numref(out), d.text, 10)) return NOT_A_NUMBER;
    long scale = exponent - (long)d.n_fraction;
    mpz_t power;
    mpz_init(power);
    mpz_ui_pow_ui(power, 10, (unsigned long)labs(scale));
    if (scale >= 0) mpz_mul(mpq_numref(out), mpq_numref(out), power);
    else mpz_set(mpq_denref(out), power);
    mpz_clear(power);
    mpq_canonicalize(out);
    return NUMBER;
}

static enum kind divide(mpq_t out, const mpq_t by)
{
    if (mpq_sgn(by) == 0) return NOT_A_NUMBER;
    mpq_div(out, out, by);
    return NUMBER;
}

static enum kind read_number(struct view v, int depth, mpq_t out);

/* One argument of \frac at the front of *v: {...} or a single digit. */
static bool frac_argument(struct view *v, struct view *arg)
{
    *v = trim(*v);
    if (starts(*v, "{")) {
        if (!group(*v, arg)) return false;
        *v = skip(*v, arg->n + 2);
        return true;
    }
    if (!v->n || !is_digit(v->s[0])) return false;
    *arg = (struct view){v->s, 1};
    *v = skip(*v, 1);
    return true;
}

/* \frac{a}{b}, which must be all of v. */
static enum kind read_frac(struct view v, int depth, mpq_t out)
{
    struct view a, b;
    if (depth >= MAX_FRACS || !(take(&v, "\\frac") || take(&v, "\\dfrac") || take(&v, "\\tfrac"))) return NOT_A_NUMBER;
    if (!frac_argument(&v, &a) || !frac_argument(&v, &b) || trim(v).n) return NOT_A_NUMBER;
    mpq_t below;
    mpq_init(below);
    enum kind kind = read_number(a, depth + 1, out);
    if (kind == NUMBER) kind = read_number(b, depth + 1, below);
    if (kind == NUMBER) kind = divide(out, below);
    mpq_clear(below);
    return kind;
}

/* What may stand behind the first plain number: nothing, "/b", or the fraction of a mixed number. */
static enum kind read_rest(struct view v, int depth, bool whole, mpq_t out)
{
    struct view rest = trim(v);
    if (!rest.n) return NUMBER;
    mpq_t x;
    mpq_init(x);
    bool more_whole, below = take(&rest, "/");
    enum kind kind = NOT_A_NUMBER;
    if (below) {
        kind = read_plain(&rest, x, &more_whole);
        if (kind == NUMBER) kind = trim(rest).n ? NOT_A_NUMBER : divide(out, x);
    } else if (whole && starts(rest, "\\")) {
        kind = read_frac(rest, depth, x);
        if (kind == NUMBER) mpq_add(out, out, x);
    } else if (whole && rest.s != v.s && is_digit(rest.s[0]) && memchr(rest.s, '/', rest.n)) {
        kind = read_plain(&rest, x, &more_whole);
        if (kind == NUMBER && !(more_whole && starts(trim(rest), "/"))) kind = NOT_A_NUMBER;
        if (kind == NUMBER) kind = read_rest(rest, depth, false, x);
        if (kind == NUMBER) mpq_add(out, out, x);
    }
    mpq_clear(x);
    return kind;
}

/* All of v as a number. */
static enum kind read_number(struct view v, int depth, mpq_t out)
{
    v = trim(v);
    bool money = take(&v, "$") || take(&v, "\\$"); /* before the sign or behind it */
    bool minus = take(&v, "-") || take(&v, "\xe2\x88\x92"); /* U+2212 */
    if (!minus) take(&v, "+");
    if (!money && !take(&v, "$")) take(&v, "\\$");
    if (ends(v, "%")) v.n -= ends(v, "\\%") ? 2 : 1;
    v = trim(v);
    bool whole = false;
    bool frac = starts(v, "\\");
    enum kind kind = frac ? read_frac(v, depth, out) : read_plain(&v, out, &whole);
    if (kind == NUMBER && !frac) kind = read_rest(v, depth, whole, out);
    if (kind == NUMBER && minus) mpq_neg(out, out);
    return kind;
}

static bool hugs(char c) /* no space is needed beside it */
{
    return c && strchr("()[]{},;:=", c) != NULL;
}

/* Lower case, white space folded and dropped beside brackets and commas, \left, \right and \! dropped, \dfrac and
 * \tfrac written \frac. out has room for v.n bytes; returns the length. */
static size_t normal(struct view v, char *out)
{
    static const char *const dropped[] = {"\\left", "\\right", "\\!"};
    size_t n = 0;
    bool gap = false;
    while (v.n) {
        size_t w = 0, n_words = sizeof dropped / sizeof *dropped;
        while (w < n_words && !starts(v, dropped[w])) w++;
        if (w < n_words) {
            v = skip(v, strlen(dropped[w]));
            continue;
        }
        char c = v.s[0];
        v = skip(v, starts(v, "\\dfrac") || starts(v, "\\tfrac") ? 2 : 1);
        if (is_space(c)) {
            gap = true;
            continue;
        }
        if (gap && n && !hugs(out[n - 1]) && !hugs(c)) out[n++] = ' ';
        gap = false;
        out[n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return n;
}

static bool same_text(struct view a, struct view b, bool *no_memory)
{
    char *x = malloc(a.n + 1), *y = malloc(b.n + 1);
    bool same = false;
    *no_memory = !x || !y;
    if (x && y) {
        size_t n = normal(a, x);
        same = n == normal(b, y) && memcmp(x, y, n) == 0;
    }
    free(x);
    free(y);
    return same;
}

enum raml_verdict raml_answer_check(const char *gold, const char *pred)
{
    if (!gold || !pred) return RAML_UNKNOWN;
    struct view a = core_of(gold), b = core_of(pred);
    if (!a.n || !b.n) return RAML_UNKNOWN;
    mpq_t x, y;
    mpq_init(x);
    mpq_init(y);
    enum kind ka = read_number(a, 0, x), kb = read_number(b, 0, y);
    enum raml_verdict verdict;
    bool no_memory = false;
    if (ka == NUMBER && kb == NUMBER) verdict = mpq_equal(x, y) ? RAML_EQUAL : RAML_DIFFERENT;
    else if (same_text(a, b, &no_memory)) verdict = ka == kb ? RAML_EQUAL : RAML_DIFFERENT;
    else verdict = no_memory || ka == TOO_LONG || kb == TOO_LONG ? RAML_UNKNOWN : RAML_DIFFERENT;
    mpq_clear(x);
    mpq_clear(y);
    return verdict;
}
