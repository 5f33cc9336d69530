/* find_number.c - numbers in running text, and the last number or formula of one. See find.h. */
#include "answer/find/find.h"

#include "answer/read/spelled.h"

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

/* A separator of thousands at i, with three digits after it, and no fourth; 0: none. */
static size_t thousands(struct text t, size_t i)
{
    static const char seps[] =
        "{,}|{\\,}|,\\!|\\,|\\ |~|'|_|,| |\xc2\xa0|\xe2\x80\x89|\xe2\x80\xaf|\xe2\x80\x87|\xe2\x80\x99|\xe3\x80\x80";
    size_t sep = raml_find_any(t, i, seps, false);
    return sep && digits(t, i + sep) == 3 ? sep : 0;
}

/* An exponent or a power at i: "e-5", "^5", "^{-5}", "**4", superscripts; 0: none. */
static size_t power(struct text t, size_t i)
{
    static const char small[] = "\xe2\x81\xbb|\xe2\x81\xb0|\xc2\xb9|\xc2\xb2|\xc2\xb3|\xe2\x81\xb4|\xe2\x81\xb5|"
                                "\xe2\x81\xb6|\xe2\x81\xb7|\xe2\x81\xb8|\xe2\x81\xb9";
    size_t n = raml_find_any(t, i, "e|^|**", false), k;
    if (!n) {
        while ((k = raml_find_any(t, i + n, small, false)) != 0) n += k;
        return n;
    }
    bool open = n < t.n - i && raml_find_one_of(t.s[i + n], "{(");
    n += open;
    n += raml_find_any(t, i + n, "-|+|\xe2\x88\x92", false);
    k = digits(t, i + n);
    if (!k || (open && !(i + n + k < t.n && raml_find_one_of(t.s[i + n + k], "})")))) return 0;
    return t.s[i] == 'e' && raml_find_joins(t, i + n + k) ? 0 : n + k + open;
}

/* "x 10^-4" after a number: the bytes; 0: none. */
static size_t times_ten(struct text t, size_t i)
{
    size_t at = i + raml_find_space(t, i), n = raml_find_any(t, at, "x|\xc3\x97|\xc2\xb7|*|\\times|\\cdot", false);
    if (!n) return 0;
    at += n + raml_find_space(t, at + n);
    if (!raml_find_match(t, at, "10")) return 0;
    n = power(t, at + 2);
    return n ? at + 2 + n - i : 0;
}

/* " 1/2" of "3 1/2"; 0: none. */
static size_t mixed(struct text t, size_t i)
{
    size_t gap = raml_find_space(t, i), n = digits(t, i + gap), at = i + gap + n;
    if (gap != 1 || t.s[i] != ' ' || !n || at >= t.n || t.s[at] != '/') return 0;
    n = digits(t, at + 1);
    return n ? at + 1 + n - i : 0;
}

/* Words that multiply the number before byte i, with the space before them; 0: none. */
static size_t scale(struct text t, size_t i)
{
    uint64_t by;
    size_t gap = raml_find_space(t, i), at = i + gap;
    size_t n = raml_spelled_scale(t.s + at, t.n - at, &by);
    return n ? gap + n : 0;
}

void raml_find_add_suffix(struct text t, size_t i, struct raml_buf *out)
{
    for (size_t n = 1; n; i += n) { /* "\\text{ million}" */
        n = raml_find_space(t, i);
        if (!n) n = raml_find_any(t, i, "\\text{|\\textrm{|\\mathrm{|\\,|\\ |\\;|~|\xc2\xa0", false);
    }
    size_t n = raml_find_percent(t, i) ? 0 : scale(t, i);
    if (raml_find_percent(t, i)) raml_buf_adds(out, "\\%");
    if (n) raml_buf_adds(out, " ");
    if (n) raml_buf_add(out, t.s + i, n);
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
    if (n && n <= 3)
        while ((n = thousands(t, at)) != 0) at += n + 3;
    while ((n = more(t, at)) != 0) at += n;
    n = at < t.n && t.s[at] == '/' ? digits(t, at + 1) : 0;
    if (n) at += 1 + n;
    else if ((n = mixed(t, at)) != 0) at += n;
    at += power(t, at);
    at += times_ten(t, at);
    uint64_t by;
    size_t letters = money ? raml_spelled_money_scale(t.s + at, t.n - at, &by) : 0; /* "$70k" */
    size_t percent = raml_find_any(t, at, "%|\\%| %", false), words = letters ? letters : scale(t, at);
    if (!percent && !words && !unit(t, at)) return false;
    *to = at + (percent ? percent : words);
    *value = raml_find_slice(t, letters ? i : from, *to);
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

/* The last number or formula of t, or the first. *after: the byte after it. False: there is none. */
static bool one_value(struct text t, bool first, struct raml_buf *out, size_t *after_it)
{
    struct formulas f = {.t = t};
    struct formula next;
    bool ahead = raml_find_formula(&f, &next), certain = false;
    size_t suffix = 0; /* where the last formula ends; 0: it is no formula */
    struct text last = {NULL, 0}, value;
    for (size_t i = 0, to; i < t.n;) {
        size_t n = 1;
        size_t after = 0;
        bool good = false;
        value = (struct text){NULL, 0};
        if (ahead && t.s + i == next.whole.s) {
            value = next.inner;
            n = next.whole.n;
            good = says(value);
            after = i + n;
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
            *after_it = i + n;
            suffix = after;
        }
        if (first && certain) break;
        i += n ? n : 1;
    }
    if (!last.s) return false;
    raml_buf_add(out, last.s, last.n);
    if (suffix) raml_find_add_suffix(t, suffix, out);
    return true;
}

bool raml_find_last(struct text t, struct raml_buf *out)
{
    size_t after;
    return one_value(t, false, out, &after);
}

/* Is another number joined to the one before byte i: "5 to 6", "5 out of 6", "1 hour 30 minutes", "5 apples and 3 pears"? */
static bool goes_on(struct text t, size_t i)
{
    static const char direct[] =
        "to|out of|in|of|in every|for every|per|by|over|times|plus|minus|bis|\xc3\xa0|a|sur|von|de|por|para|from|"
        "through|up to|-|\xe2\x80\x93|+|*|\xc3\x97|/|:|=|^|<|>|\xe5\x88\xb0|\xe8\x87\xb3|~";
    static const char links[] =
        "and|or|to|und|oder|bis|et|ou|y|o|e|\xd0\xb8|\xe5\x92\x8c|\xe6\x88\x96|,|+|-|by|x|\xc3\x97|"
        "per|out of|of|for every|in every|plus|minus|times|through|=|*|/";
    size_t to, len;
    struct text value;
    i += raml_find_space(t, i);
    size_t n = raml_find_any(t, i, direct, true), at = i + n;
    at += raml_find_space(t, at);
    if (n && at < t.n && (raml_find_number(t, at, &to, &value) || raml_find_one_of(t.s[at], "$\\"))) return true;
    if (raml_find_any(t, i, "en|bei|pour|nach|auf|dans|na|za|after|before|within|during|f\xc3\xbcr|p\xc3\xa5|dalam",
                      true))
        return false;                                                         /* "15 en 3 jours" */
    while (i < t.n && raml_find_letter(raml_find_char(t, i, &len))) i += len; /* a unit */
    i += raml_find_space(t, i);
    if (i < t.n && raml_find_number(t, i, &to, &value) && !raml_find_one_of(t.s[i], "+-")) return true;
    n = raml_find_any(t, i, links, true);
    at = i + n;
    at += raml_find_space(t, at);
    return n && at < t.n && raml_find_number(t, at, &to, &value);
}

bool raml_find_first(struct text t, struct raml_buf *out)
{
    size_t after = 0;
    struct raml_buf b;
    raml_buf_init(&b, t.n + 64);
    bool found = one_value(t, true, &b, &after);
    if (found && goes_on(t, after)) raml_buf_add(out, t.s, t.n); /* all of it, which says more than a number */
    else if (found) raml_buf_add(out, b.data, b.len);
    if (b.code) out->code = b.code;
    raml_buf_deinit(&b);
    return found;
}

/* The digits of a whole number, "1,204" or "00012" or "12.0", from t.s[*i] on, without leading zeros; *i moves past
 * them. Fewer than cap; 0: too long, or a fraction follows. */
static size_t whole_digits(struct text t, size_t *i, char *out, size_t cap)
{
    size_t len = 0;
    bool fraction = false;
    for (size_t n; *i < t.n;) {
        n = thousands(t, *i);
        if (!n && t.s[*i] == ',' && digits(t, *i + 1) >= 2) n = 1;
        if (n) {
            *i += n;
            continue;
        }
        if (!is_digit(t.s[*i])) break;
        if (len == 1 && out[0] == '0') len = 0;
        if (len < cap) out[len++] = t.s[*i];
        ++*i;
    }
    if (*i + 1 < t.n && t.s[*i] == '.' && is_digit(t.s[*i + 1]))
        for (++*i; *i < t.n && is_digit(t.s[*i]); ++*i) fraction = fraction || t.s[*i] != '0';
    return fraction || len == cap ? 0 : len;
}

/* Does a number in words begin at byte i that has these digits? */
static bool spells(struct text t, size_t i, const char *want, size_t n_want)
{
    struct spelled v;
    char have[24];
    size_t n = sizeof have;
    if (raml_find_joined(t, i) || !raml_spelled_number(t.s + i, t.n - i, &v) || v.above % v.below) return false;
    for (uint64_t u = v.above / v.below; n && (u || n == sizeof have); u /= 10) have[--n] = (char)('0' + u % 10);
    return sizeof have - n == n_want && !memcmp(have + n, want, n_want);
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
        if (spells(pred, i, want, n_want)) return false;
        if (!is_digit(pred.s[i])) continue;
        size_t n_have = whole_digits(pred, &i, have, CAP);
        if (n_have == n_want && memcmp(want, have, n_want) == 0) return false;
        if (n_have && scale(pred, i)) return false; /* "70 thousand" */
    }
    return true;
}
