/* lex_expr.c - see lex.h: names, numbers, strings and operators. */
#include "jinja/lex.h"

#include "core/ascii.h"
#include "core/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

enum { MAX_NUMBER_BYTES = 64 };

static bool in_name(uint32_t c, bool first)
{
    if (c < 0x80) return c == '_' || is_alpha((char)c) || (!first && is_digit((char)c));
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    if ((k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) || k == UTF8PROC_CATEGORY_NL) return true;
    return !first && (k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_MC || k == UTF8PROC_CATEGORY_ND ||
                      k == UTF8PROC_CATEGORY_PC);
}

static bool name(struct raml_jinja *in, const char *s, size_t n, size_t *at, struct raml_jtoken *out)
{
    size_t end = *at, len;
    while (end < n && in_name(raml_j_char(s + end, &len), end == *at)) end += len;
    if (end == *at) return false;
    char *copy = raml_j_alloc(in, end - *at + 1, 1);
    if (copy) memcpy(copy, s + *at, end - *at);
    out->kind = RAML_JT_NAME;
    out->name = copy ? copy : "";
    *at = end;
    return true;
}

/* Digits of the base, with single underscores between them; returns the end (at: there are none). */
static size_t digits(const char *s, size_t n, size_t at, unsigned base)
{
    size_t end = at;
    for (size_t i = at; i < n; i++) {
        int d = hex_value(s[i]);
        if (d >= 0 && (unsigned)d < base) end = i + 1;
        else if (s[i] != '_' || end == at || end != i) break;
    }
    return end;
}

/* Where the float at `at` ends; 0: it is not one. */
static size_t float_end(const char *s, size_t n, size_t at)
{
    size_t whole = digits(s, n, at, 10), end = 0, k = whole;
    if (whole == at || (at && s[at - 1] == '.')) return 0;
    if (k < n && s[k] == '.') {
        size_t frac = digits(s, n, k + 1, 10);
        if (frac > k + 1) end = k = frac;
    }
    if (k < n && (s[k] == 'e' || s[k] == 'E')) {
        size_t sign = k + 1 < n && (s[k + 1] == '+' || s[k + 1] == '-') ? k + 2 : k + 1;
        size_t exp = digits(s, n, sign, 10);
        if (exp > sign) end = exp;
    }
    return end;
}

static void read_number(struct raml_jinja *in, const char *s, size_t n, unsigned base, struct raml_jtoken *out)
{
    char text[MAX_NUMBER_BYTES], *stop;
    size_t k = 0;
    for (size_t i = 0; i < n && k + 1 < sizeof text; i++)
        if (s[i] != '_') text[k++] = s[i];
    text[k] = 0;
    errno = 0;
    if (out->kind == RAML_JT_FLOAT) out->value = raml_j_float(strtod(text, &stop));
    else out->value = raml_j_int(strtoll(text, &stop, (int)base));
    if (n >= sizeof text || (out->kind == RAML_JT_INT && errno)) {
        out->value = raml_j_none();
        raml_j_fail(in, RAML_ESUPPORT, "the number %.60s is longer than this version reads (64 bits)", text);
    }
}

static bool number(struct raml_jinja *in, const char *s, size_t n, size_t *at, struct raml_jtoken *out)
{
    if (!is_digit(s[*at])) return false;
    size_t start = *at, end = float_end(s, n, start);
    unsigned base = 10;
    out->kind = end ? RAML_JT_FLOAT : RAML_JT_INT;
    if (!end && s[start] == '0') { /* a prefix, or zeros alone */
        int x = start + 1 < n ? to_lower(s[start + 1]) : 0;
        base = x == 'x' ? 16 : x == 'o' ? 8 : x == 'b' ? 2 : 1;
        if (base > 1) {
            size_t body = start + 2 < n && s[start + 2] == '_' ? start + 3 : start + 2;
            end = digits(s, n, body, base);
            start = end > body ? body : start;
            if (end == body) base = 1;
        }
        if (base == 1) end = digits(s, n, start, 1);
        if (base == 1) base = 10;
    } else if (!end) {
        end = digits(s, n, start, 10);
    }
    read_number(in, s + start, end - start, base, out);
    *at = end;
    return true;
}

/* The value of `count` hexadecimal digits at s; -1: they are not there. */
static long hex(const char *s, size_t n, size_t count)
{
    if (count > n || digits(s, count, 0, 16) != count || memchr(s, '_', count)) return -1;
    long v = 0;
    for (size_t i = 0; i < count; i++) v = v * 16 + hex_value(s[i]);
    return v;
}

/* One escape: s[0] is the byte after the backslash. Returns the bytes read. */
static size_t escape(struct raml_jinja *in, const char *s, size_t n, struct raml_jout *out)
{
    static const char plain[] = "abfnrtv\\'\"", means[] = "\a\b\f\n\r\t\v\\'\"";
    const char *p = s[0] ? strchr(plain, s[0]) : NULL;
    if (p) {
        raml_jout_add(out, &means[p - plain], 1, RAML_J_FRAME);
        return 1;
    }
    if (s[0] == '\n') return 1;
    if (s[0] >= '0' && s[0] <= '7') {
        unsigned v = 0;
        size_t k = 0;
        for (; k < 3 && k < n && s[k] >= '0' && s[k] <= '7'; k++) v = v * 8 + (unsigned)(s[k] - '0');
        raml_jout_char(out, v, RAML_J_FRAME);
        return k;
    }
    size_t count = s[0] == 'x' ? 2 : s[0] == 'u' ? 4 : s[0] == 'U' ? 8 : 0;
    if (count) {
        long v = hex(s + 1, n - 1, count);
        if (v < 0 || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
            raml_j_fail(in, RAML_EFORMAT, "'\\%c' in a string: expected %zu hexadecimal digits of a character", s[0],
                        count);
        else raml_jout_char(out, (uint32_t)v, RAML_J_FRAME);
        return count + 1;
    }
    if (s[0] == 'N') raml_j_fail(in, RAML_ESUPPORT, "'\\N{...}' in a string is not supported");
    raml_jout_adds(out, "\\");
    if ((unsigned char)s[0] < 0x80) return 0;
    char code[16]; /* Jinja spells out what is beyond ASCII before it looks for escapes */
    size_t len;
    uint32_t c = raml_j_char(s, &len);
    snprintf(code, sizeof code, c < 0x100 ? "x%02x" : c < 0x10000 ? "u%04x" : "U%08x", (unsigned)c);
    raml_jout_adds(out, code);
    return len;
}

static bool string(struct raml_jinja *in, const char *s, size_t n, size_t *at, struct raml_jtoken *out)
{
    char quote = s[*at];
    if (quote != '\'' && quote != '"') return false;
    size_t end = *at + 1;
    while (end < n && s[end] != quote) end += s[end] == '\\' ? 2 : 1;
    if (end >= n) {
        raml_j_fail(in, RAML_EFORMAT, "this string is not closed: expected %c", quote);
        return true;
    }
    struct raml_jout text;
    raml_jout_init(&text, in);
    size_t i = *at + 1;
    while (i < end && !in->code) {
        const char *back = memchr(s + i, '\\', end - i);
        size_t to = back ? (size_t)(back - s) : end;
        raml_jout_add(&text, s + i, to - i, RAML_J_FRAME);
        i = to;
        if (back) i += 1 + escape(in, s + to + 1, end - to - 1, &text);
    }
    out->kind = RAML_JT_STRING;
    out->value = raml_jout_done(&text);
    *at = end + 1;
    return true;
}

static void operator(struct raml_jinja *in, const char *s, size_t n, size_t *at, struct raml_jtoken *out)
{
    static const struct {
        char text[3];
        int op;
    } two[] = {
        {"//", RAML_JO_FLOORDIV}, {"**", RAML_JO_POW}, {"==", RAML_JO_EQ},
        {"!=", RAML_JO_NE},       {"<=", RAML_JO_LE},  {">=", RAML_JO_GE},
    };
    out->kind = RAML_JT_OP;
    for (size_t i = 0; i < sizeof two / sizeof *two; i++)
        if (n - *at >= 2 && memcmp(s + *at, two[i].text, 2) == 0) {
            out->op = two[i].op;
            *at += 2;
            return;
        }
    unsigned char c = (unsigned char)s[*at];
    if (!c || !strchr("+-/*%~[](){}<>=.:|,;", c)) {
        size_t len;
        uint32_t code = raml_j_char(s + *at, &len);
        raml_j_fail(in, RAML_EFORMAT, "unexpected character '%.*s' (U+%04X)", c >= 0x20 ? (int)len : 0, s + *at,
                    (unsigned)code);
        return;
    }
    out->op = c;
    ++*at;
}

void raml_j_lex_one(struct raml_jinja *in, const char *s, size_t n, size_t *at, struct raml_jtoken *out)
{
    if (!raml_j_work(in, 1)) return;
    if (number(in, s, n, at, out) || name(in, s, n, at, out) || string(in, s, n, at, out)) return;
    operator(in, s, n, at, out);
}
