/* family_countdown_check.c - exact evaluation of an expression that claims to reach a countdown target.
 *
 *   sum = product { ("+" | "-") product }    product = factor { "*" factor }    factor = number | "(" sum ")"
 *
 * Text is untrusted: length and nesting are bounded, every operation is checked for overflow, unused text is an error.
 */
#include "task/family_util.h"

#include "core/ascii.h"

#include <stdint.h>
#include <string.h>

enum { MAX_NUMBERS = 64, MAX_TEXT = 4096, MAX_DEPTH = 64 };
static const int64_t MOST = INT64_C(1000000000); /* of a written number */

struct parser {
    const char *at;
    int64_t number[MAX_NUMBERS]; /* given and not yet used */
    int n_numbers, depth;
    bool bad; /* not an expression, a number that was not given, or a value that does not fit */
};

static void skip_space(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\t') p->at++;
}

static bool read_number(struct parser *p, int64_t *out)
{
    skip_space(p);
    if (!is_digit(*p->at)) return false;
    int64_t v = 0;
    for (; is_digit(*p->at); p->at++) {
        v = v * 10 + (*p->at - '0');
        if (v > MOST) return false;
    }
    *out = v;
    return true;
}

static bool take(struct parser *p, char c)
{
    skip_space(p);
    if (*p->at != c) return false;
    p->at++;
    return true;
}

static bool use_number(struct parser *p, int64_t v)
{
    for (int i = 0; i < p->n_numbers; i++) {
        if (p->number[i] != v) continue;
        p->number[i] = p->number[--p->n_numbers];
        return true;
    }
    return false;
}

static int64_t fail(struct parser *p)
{
    p->bad = true;
    return 0;
}

static int64_t add(struct parser *p, int64_t a, int64_t b)
{
    if ((b > 0 && a > INT64_MAX - b) || (b < 0 && a < INT64_MIN - b)) return fail(p);
    return a + b;
}

static int64_t mul(struct parser *p, int64_t a, int64_t b)
{
    if (a == 0 || b == 0) return 0;
    /* Both away from INT64_MIN, so that magnitudes exist. */
    if (a < -INT64_MAX || b < -INT64_MAX) return fail(p);
    int64_t x = a < 0 ? -a : a, y = b < 0 ? -b : b;
    if (x > INT64_MAX / y) return fail(p);
    return a * b;
}

static int64_t read_sum(struct parser *p);

static int64_t read_factor(struct parser *p)
{
    int64_t v = 0;
    if (take(p, '(')) {
        if (++p->depth > MAX_DEPTH) return fail(p);
        v = read_sum(p);
        p->depth--;
        return !p->bad && take(p, ')') ? v : fail(p);
    }
    return read_number(p, &v) && use_number(p, v) ? v : fail(p);
}

static int64_t read_product(struct parser *p)
{
    int64_t v = read_factor(p);
    while (!p->bad && take(p, '*')) {
        int64_t w = read_factor(p);
        v = p->bad ? 0 : mul(p, v, w);
    }
    return v;
}

static int64_t read_sum(struct parser *p)
{
    int64_t v = read_product(p);
    while (!p->bad) {
        bool minus = false;
        if (!take(p, '+')) {
            minus = take(p, '-');
            if (!minus) break;
        }
        int64_t w = read_product(p);
        if (w == INT64_MIN) fail(p);
        if (!p->bad) v = add(p, v, minus ? -w : w);
    }
    return v;
}

/* "2 3 5 7 -> 30" */
static bool read_question(const char *text, struct parser *p, int64_t *target)
{
    if (!text || strnlen(text, MAX_TEXT) >= MAX_TEXT) return false;
    *p = (struct parser){.at = text};
    for (;;) {
        skip_space(p);
        if (*p->at == '-') break;
        if (p->n_numbers == MAX_NUMBERS || !read_number(p, &p->number[p->n_numbers])) return false;
        p->n_numbers++;
    }
    if (p->n_numbers == 0 || p->at[1] != '>') return false;
    p->at += 2;
    if (!read_number(p, target)) return false;
    skip_space(p);
    return !*p->at;
}

enum raml_verdict raml_countdown_check(const char *question, const char *pred)
{
    struct parser p;
    int64_t target, claimed;
    if (!pred || !pred[strspn(pred, " \t\r\n")] || !read_question(question, &p, &target)) return RAML_UNKNOWN;
    if (strnlen(pred, MAX_TEXT) >= MAX_TEXT) return RAML_DIFFERENT;
    p.at = pred + strspn(pred, " \t\r\n");
    int64_t value = read_sum(&p);
    if (p.bad) return RAML_DIFFERENT;
    if (take(&p, '=') && (!read_number(&p, &claimed) || claimed != target)) return RAML_DIFFERENT;
    p.at += strspn(p.at, " \t\r\n");
    return !*p.at && value == target ? RAML_EQUAL : RAML_DIFFERENT;
}
