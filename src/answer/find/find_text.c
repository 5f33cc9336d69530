/* find_text.c - characters and words of a text. See find.h. */
#include "answer/find/find.h"

#include <string.h>

bool raml_find_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

struct text raml_find_skip(struct text t, size_t n)
{
    return (struct text){t.s + n, t.n - n};
}

struct text raml_find_slice(struct text t, size_t from, size_t to)
{
    return (struct text){t.s + from, to - from};
}

size_t raml_find_space(struct text t, size_t i)
{
    size_t n = 0;
    while (i + n < t.n && is_space(t.s[i + n])) n++;
    return n;
}

struct text raml_find_trim(struct text t)
{
    t = raml_find_skip(t, raml_find_space(t, 0));
    while (t.n && is_space(t.s[t.n - 1])) t.n--;
    return t;
}

/* The length of the first of the signs (separated by spaces) that is at the front, or at the end, of t. */
static size_t sign(struct text t, const char *signs, bool at_end)
{
    for (const char *m = signs; *m;) {
        size_t n = strcspn(m, " ");
        if (n <= t.n && memcmp(at_end ? t.s + t.n - n : t.s, m, n) == 0) return n;
        m += n + (m[n] == ' ');
    }
    return 0;
}

struct text raml_find_strip(struct text t)
{
    static const char front[] = "** * __ } \\\" \" ' ` : = \xef\xbc\x9a \xe2\x80\x9c \xe2\x80\x98 \xe3\x80\x8c >";
    static const char back[] =
        "** * __ \\\" \" ' ` . , ; : ! ? \xe3\x80\x82 \xef\xbc\x8c \xef\xbc\x9b \xef\xbc\x81 \xe2\x80\x9d \xe2\x80\x99 "
        "\xe3\x80\x8d "
        /* "is", which ends a sentence in Japanese, Hindi, Korean */
        "\xe3\x81\xa7\xe3\x81\x99 \xe0\xa4\xb9\xe0\xa5\x88 \xec\x9e\x85\xeb\x8b\x88\xeb\x8b\xa4";
    bool quoted = false;
    for (size_t n = 1; n;) {
        t = raml_find_trim(t);
        n = sign(t, front, false);
        quoted = quoted || (n && t.s[0] == '\'');
        t = raml_find_skip(t, n);
    }
    for (size_t n = 1; n;) {
        t = raml_find_trim(t);
        n = sign(t, back, true);
        bool prime = !quoted && n == 1 && t.s[t.n - 1] == '\'' && t.n > 1 && is_alpha(t.s[t.n - 2]); /* f' */
        if (prime || (n == 1 && t.n > 1 && t.s[t.n - 2] == '\\')) break; /* \, \; \! belong to the formula */
        t.n -= n;
    }
    return t;
}

/* Lower case of Latin and Cyrillic letters. */
static uint32_t lower(uint32_t c)
{
    if (c >= 'A' && c <= 'Z') return c + 32;
    if (c >= 0xc0 && c <= 0xde && c != 0xd7) return c + 32;
    if (c >= 0x410 && c <= 0x42f) return c + 32;
    if (c < 0x100) return c;
    if ((c <= 0x137 || (c >= 0x14a && c <= 0x177) || (c >= 0x1e00 && c <= 0x1eff)) && c % 2 == 0) return c + 1;
    if (c >= 0x139 && c <= 0x148 && c % 2) return c + 1;
    if (c >= 0x391 && c <= 0x3a9) return c + 32;
    if (c >= 0x400 && c <= 0x40f) return c + 80;
    return c;
}

uint32_t raml_find_char(struct text t, size_t i, size_t *len)
{
    const unsigned char *p = (const unsigned char *)t.s + i;
    *len = 1;
    if (p[0] < 0x80) return lower(p[0]);
    size_t n = p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : 0;
    if (!n || n > t.n - i) return 0xfffd;
    uint32_t c = p[0] & (0x7fu >> n);
    for (size_t k = 1; k < n; k++) {
        if ((p[k] & 0xc0) != 0x80) return 0xfffd;
        c = c << 6 | (p[k] & 0x3fu);
    }
    *len = n;
    return lower(c);
}

bool raml_find_letter(uint32_t c)
{
    if (c < 0x80) return is_alpha((char)c);
    static const uint32_t range[][2] = {{0xc0, 0xd6},   {0xd8, 0xf6},    {0xf8, 0x24f},  {0x300, 0x52f},
                                        {0x5d0, 0x66f}, {0x671, 0x6ff},  {0x900, 0x963}, {0x970, 0xdff},
                                        {0xe01, 0xe4f}, {0x1e00, 0x1fff}};
    for (size_t i = 0; i < sizeof range / sizeof *range; i++)
        if (c >= range[i][0] && c <= range[i][1]) return true;
    return false;
}

bool raml_find_cjk(uint32_t c)
{
    return (c >= 0x3040 && c <= 0x30ff) || (c >= 0x3400 && c <= 0x9fff) || (c >= 0xac00 && c <= 0xd7a3) ||
           (c >= 0xf900 && c <= 0xfaff);
}

bool raml_find_joins(struct text t, size_t i)
{
    size_t len;
    return i < t.n && (is_digit(t.s[i]) || raml_find_letter(raml_find_char(t, i, &len)));
}

bool raml_find_joined(struct text t, size_t i)
{
    if (!i) return false;
    size_t back = 1;
    while (back < 4 && back < i && ((unsigned char)t.s[i - back] & 0xc0) == 0x80) back++;
    return raml_find_joins(t, i - back);
}

/* How many bytes from i on match words[0..n). */
static size_t match(struct text t, size_t i, const char *words, size_t n)
{
    size_t at = i, len, len_words;
    for (size_t k = 0; k < n; k += len_words) {
        char w = words[k];
        len = len_words = 1;
        if (at >= t.n) return 0;
        if (w == ' ') {
            len = raml_find_space(t, at);
            if (!len) return 0;
        } else if ((unsigned char)w < 0x80) {
            if (to_lower(t.s[at]) != w) return 0;
        } else if (raml_find_char(t, at, &len) != raml_find_char((struct text){words, n}, k, &len_words)) {
            return 0;
        }
        at += len;
    }
    return at - i;
}

size_t raml_find_match(struct text t, size_t i, const char *words)
{
    return match(t, i, words, strlen(words));
}

size_t raml_find_any(struct text t, size_t i, const char *words, bool word)
{
    size_t best = 0;
    if (i >= t.n) return 0;
    char first = to_lower(t.s[i]);
    for (const char *w = words; *w;) {
        const char *begin = w;
        while (*w && *w != '|') w++;
        size_t n = (size_t)(w - begin);
        w += *w == '|';
        if (*begin != first && *begin != ' ' && (unsigned char)*begin < 0x80) continue; /* as most words do */
        size_t got = match(t, i, begin, n);
        bool spaced = (unsigned char)*begin < 0xe3; /* Chinese, Japanese and Korean put no space after a word */
        if (got > best && !(word && spaced && raml_find_joins(t, i + got))) best = got;
    }
    return best;
}

bool raml_find_percent(struct text t, size_t i)
{
    i += raml_find_space(t, i);
    return raml_find_any(t, i, "%|\\%", false) || raml_find_any(t, i, "percent|pct|per cent|procent|prozent", true);
}
