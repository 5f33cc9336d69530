/* find_number.c - numbers in running text, and the last number or formula of one. See find.h. */
#include "answer/find/find.h"

#include <string.h>

static size_t digits(struct text t, size_t i)
{
    size_t n = 0;
    while (i + n < t.n && is_digit(t.s[i + n])) n++;
    return n;
}

/* More of the number whose digits end at i: ",000" ".5" ",5" ":30" "{,}000"; 0: no more. */
static size_t more(struct text t, size_t i)
{
    size_t sep = raml_find_any(t, i, "{,}|,\\!|\\,|,|.|:", false);
    size_t n = sep ? digits(t, i + sep) : 0;
    return n ? sep + n : 0;
}

/* The sign at i: its bytes. */
static size_t sign(struct text t, size_t i)
{
    return raml_find_any(t, i, "-|+|\xe2\x88\x92|\xc2\xb1", false);
}

static size_t currency(struct text t, size_t i)
{
    return raml_find_any(t, i, "\\$|$|\xe2\x82\xac|\xc2\xa3|\xc2\xa5|\xe2\x82\xb9", false);
}

/* Letters right after a number make it part of a name ("2A7"), unless they are a unit ("353g", "99m^2"). */
static bool unit(struct text t, size_t i)
{
    size_t n = 0, len;
    while (i + n < t.n && raml_find_letter(raml_find_char(t, i + n, &len)) && n <= 4) n += len;
    if (n > 4 || raml_find_any(t, i, "st|nd|rd|th", true)) return false;
    return n == 0 || i + n >= t.n || !is_digit(t.s[i + n]);
}

bool raml_find_number(struct text t, size_t i, size_t *to, struct text *value)
{
    size_t n_sign = sign(t, i), money = currency(t, i + n_sign), begin = i + n_sign + money, from = begin;
    if (n_sign) from = i; /* -$5: the value keeps both */
    else if (money) begin += sign(t, begin);
    size_t at = begin, n = digits(t, at);
    if (!n && (at >= t.n || t.s[at] != '.' || !digits(t, at + 1))) return false;
    at += n;
    while ((n = more(t, at)) != 0) at += n;
    if (at < t.n && t.s[at] == '/' && (n = digits(t, at + 1)) != 0) at += 1 + n;
    size_t percent = raml_find_any(t, at, "%|\\%| %", false);
    if (!percent && !unit(t, at)) return false;
    *to = at + percent;
    *value = raml_find_slice(t, from, *to);
    return true;
}

/* Is the number at i the number of a line of a list: "3. " or "3) "? */
static bool of_list(struct text t, size_t i, size_t to)
{
    size_t at = i;
    while (at && (t.s[at - 1] == ' ' || t.s[at - 1] == '*' || t.s[at - 1] == '#')) at--;
    if (at && t.s[at - 1] != '\n') return false;
    return to + 1 < t.n && (t.s[to] == '.' || t.s[to] == ')') && is_space(t.s[to + 1]);
}

/* May a number begin at byte i, given what comes before it? */
static bool may_begin(struct text t, size_t i)
{
    if (!i) return true;
    char c = t.s[i - 1];
    if (raml_find_one_of(c, "^_.") || raml_find_joined(t, i)) return false;
    return !sign(t, i) || is_digit(t.s[i]) || !raml_find_one_of(c, ")]}");
}

/* \frac{1}{2} and other commands with arguments, outside formulas: the bytes; 0: none. */
static size_t command(struct text t, size_t i)
{
    size_t n = 1, groups = 0;
    while (i + n < t.n && is_alpha(t.s[i + n])) n++;
    while (n > 1 && i + n < t.n && t.s[i + n] == '{') {
        size_t end = n, depth = 0;
        for (; i + end < t.n; end++) {
            if (t.s[i + end] == '{') depth++;
            else if (t.s[i + end] == '}' && --depth == 0) break;
            else if (t.s[i + end] == '\n' || end > 4096) return 0; /* a bound, so that many open braces cost little */
        }
        if (i + end >= t.n) return 0;
        n = end + 1;
        groups++;
    }
    return groups ? n : 0;
}

/* Is the formula more than the name of a variable? */
static bool says(struct text t)
{
    return t.n > 1;
}

bool raml_find_last(struct text t, struct raml_buf *out)
{
    struct formulas f = {.t = t};
    struct formula next;
    bool ahead = raml_find_formula(&f, &next), certain = false, of_hundred = false;
    struct text last = {NULL, 0}, value;
    for (size_t i = 0, to; i < t.n;) {
        size_t n = 1;
        bool good = false, percent = false;
        value = (struct text){NULL, 0};
        if (ahead && t.s + i == next.whole.s) {
            value = next.inner;
            n = next.whole.n;
            good = says(value);
            percent = raml_find_percent(t, i + n);
            ahead = raml_find_formula(&f, &next);
        } else if (t.s[i] == '\\' && (n = command(t, i)) != 0) {
            value = raml_find_slice(t, i, i + n);
            good = true;
        } else if (may_begin(t, i) && raml_find_number(t, i, &to, &value)) {
            n = to - i;
            good = !of_list(t, i, to);
        }
        if (value.s && (good || !certain)) {
            last = value;
            certain = good;
            of_hundred = percent;
        }
        i += n ? n : 1;
    }
    if (!last.s) return false;
    raml_buf_add(out, last.s, last.n);
    if (of_hundred) raml_buf_adds(out, "\\%");
    return true;
}

/* The digits of a whole number, "1,204" or "00012" or "12.0", from t.s[*i] on, without leading zeros; *i moves past
 * them. Fewer than cap; 0: too long, or a fraction follows. */
static size_t whole_digits(struct text t, size_t *i, char *out, size_t cap)
{
    size_t len = 0;
    bool fraction = false;
    for (; *i < t.n; ++*i) {
        if (t.s[*i] == ',' && *i + 3 < t.n && digits(t, *i + 1) >= 3) continue;
        if (!is_digit(t.s[*i])) break;
        if (len == 1 && out[0] == '0') len = 0;
        if (len < cap) out[len++] = t.s[*i];
    }
    if (*i + 1 < t.n && t.s[*i] == '.' && is_digit(t.s[*i + 1]))
        for (++*i; *i < t.n && is_digit(t.s[*i]); ++*i) fraction = fraction || t.s[*i] != '0';
    return fraction || len == cap ? 0 : len;
}

bool raml_find_never_said(struct text gold, struct text pred)
{
    enum { CAP = 64 };
    char want[CAP], have[CAP];
    size_t i = 0;
    while (i < gold.n && (is_space(gold.s[i]) || raml_find_one_of(gold.s[i], "-+$"))) i++;
    size_t n_want = whole_digits(gold, &i, want, CAP);
    while (i < gold.n && (is_space(gold.s[i]) || raml_find_one_of(gold.s[i], "$."))) i++;
    if (!n_want || i < gold.n) return false;
    for (i = 0; i < pred.n; i++) {
        if (!is_digit(pred.s[i])) continue;
        size_t n_have = whole_digits(pred, &i, have, CAP);
        if (n_have == n_want && memcmp(want, have, n_want) == 0) return false;
    }
    return true;
}
