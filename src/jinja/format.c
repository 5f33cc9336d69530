/* format.c - see run.h: "..." % values and "...".format(values). */
#include "jinja/run.h"

#include "core/ascii.h"

#include <stdio.h>
#include <string.h>

enum { MAX_WIDTH = 1000, MAX_PRECISION = 100, NUMBER_BYTES = 1500 };

struct spec {
    bool minus, plus, space, zero, alt;
    int64_t width, precision; /* -1: not given */
    char align, type;         /* 0: not given */
    uint32_t fill;
};

static size_t read_number(const struct raml_jstr *s, size_t at, int64_t *out)
{
    int64_t v = 0;
    size_t start = at;
    for (; at < s->n && is_digit(s->s[at]); at++)
        if (v < 100000) v = v * 10 + (s->s[at] - '0');
    if (at > start) *out = v;
    return at;
}

static bool check(struct raml_jinja *in, const struct spec *f)
{
    if (f->width > MAX_WIDTH || f->precision > MAX_PRECISION)
        raml_j_fail(in, RAML_ESUPPORT, "a width over %d or a precision over %d", MAX_WIDTH, MAX_PRECISION);
    return !in->code;
}

/* The number v by f's type, sign included, without padding. */
static void number(struct raml_jinja *in, const struct spec *f, struct raml_jv v, char out[NUMBER_BYTES])
{
    char form[32];
    bool real = strchr("feEgGF", f->type) != NULL;
    const char *sign = f->plus ? "+" : f->space ? " " : "";
    out[0] = 0;
    if (!raml_j_is_number(v) || (!real && v.type == RAML_J_FLOAT && f->type != 'd')) {
        raml_j_fail(in, RAML_ERANGE, "%%%c format: a number is required, not %s", f->type, raml_j_type_name(v));
        return;
    }
    if (real) {
        double d = raml_j_number(v);
        int precision = f->precision < 0 ? 6 : (int)f->precision;
        snprintf(form, sizeof form, "%%%s%s.*%c", sign, f->alt ? "#" : "", f->type);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(out, NUMBER_BYTES, form, precision, d);
#pragma GCC diagnostic pop
        return;
    }
    double whole = v.type == RAML_J_FLOAT ? v.d : 0;
    if (!(whole > -9.2e18 && whole < 9.2e18)) {
        raml_j_fail(in, RAML_ESUPPORT, "an integer beyond 64 bits");
        return;
    }
    int64_t i = v.type == RAML_J_FLOAT ? (int64_t)v.d : raml_j_integer(v);
    unsigned long long magnitude = i < 0 ? 0 - (unsigned long long)i : (unsigned long long)i;
    const char *before = i < 0 ? "-" : sign;
    const char *prefix = !f->alt ? "" : f->type == 'x' ? "0x" : f->type == 'X' ? "0X" : f->type == 'o' ? "0o" : "";
    int precision = f->precision < 0 ? 1 : (int)f->precision;
    switch (f->type) {
    case 'x': snprintf(out, NUMBER_BYTES, "%s%s%.*llx", before, prefix, precision, magnitude); break;
    case 'X': snprintf(out, NUMBER_BYTES, "%s%s%.*llX", before, prefix, precision, magnitude); break;
    case 'o': snprintf(out, NUMBER_BYTES, "%s%s%.*llo", before, prefix, precision, magnitude); break;
    default: snprintf(out, NUMBER_BYTES, "%s%.*llu", before, precision, magnitude);
    }
}

/* Zeros between the sign and the digits, up to f's width. */
static void add_padded_number(struct raml_jout *o, const struct spec *f, const char *text)
{
    struct raml_jinja *in = o->in;
    struct raml_jv s = raml_j_copy(in, text, strlen(text));
    if (in->code) return;
    bool zero = f->zero && !f->align && !f->minus && !strpbrk(text, "in");
    int side = f->minus || f->align == '<' ? RAML_J_LEFT : f->align == '^' ? RAML_J_LEFT | RAML_J_RIGHT : RAML_J_RIGHT;
    if (zero) {
        size_t head = strspn(text, "+- ");
        if (text[head] == '0' && text[head + 1] && strchr("xXo", text[head + 1])) head += 2;
        raml_jout_add(o, text, head, RAML_J_FRAME);
        s = raml_j_part(in, s.s, head, s.s->n);
        if (!in->code) s = raml_j_center(in, s.s, f->width - (int64_t)head, '0', RAML_J_RIGHT);
    } else {
        s = raml_j_center(in, s.s, f->width, f->fill, side);
    }
    raml_j_print(o, s);
}

static void add_padded_text(struct raml_jout *o, const struct spec *f, struct raml_jv s)
{
    struct raml_jinja *in = o->in;
    if (in->code) return;
    if (f->precision >= 0 && (size_t)f->precision < s.s->n_chars)
        s = raml_j_part(in, s.s, 0, raml_j_byte_of(s.s, (size_t)f->precision));
    int side = f->align == '^' ? RAML_J_LEFT | RAML_J_RIGHT : f->align == '>' ? RAML_J_RIGHT : RAML_J_LEFT;
    if (!in->code) raml_j_print(o, raml_j_center(in, s.s, f->width, f->fill, side));
}

static struct raml_jv repr_of(struct raml_jinja *in, struct raml_jv v)
{
    struct raml_jout o;
    raml_jout_init(&o, in);
    raml_j_repr(&o, v);
    return raml_jout_done(&o);
}

/* ---- % ---- */

static size_t percent_spec(const struct raml_jstr *s, size_t at, struct spec *f)
{
    *f = (struct spec){.width = -1, .precision = -1, .fill = ' '};
    for (; at < s->n && strchr("-+ 0#", s->s[at]) && s->s[at]; at++) {
        f->minus |= s->s[at] == '-';
        f->plus |= s->s[at] == '+';
        f->space |= s->s[at] == ' ';
        f->zero |= s->s[at] == '0';
        f->alt |= s->s[at] == '#';
    }
    at = read_number(s, at, &f->width);
    if (at < s->n && s->s[at] == '.') {
        f->precision = 0;
        at = read_number(s, at + 1, &f->precision);
    }
    while (at < s->n && strchr("hlL", s->s[at]) && s->s[at]) at++;
    f->type = at < s->n ? s->s[at] : 0;
    return at + 1;
}

/* The value that "%(name)" at `at` asks for; at moves past it. */
static struct raml_jv by_name(struct raml_jinja *in, const struct raml_jstr *s, size_t *at, struct raml_jv values)
{
    struct raml_jv v = raml_j_none();
    const char *end = memchr(s->s + *at, ')', s->n - *at);
    if (!end) return raml_j_fail(in, RAML_ERANGE, "incomplete format key");
    if (values.type != RAML_J_DICT) return raml_j_fail(in, RAML_ERANGE, "format requires a mapping");
    struct raml_jv key = raml_j_part(in, s, *at + 1, (size_t)(end - s->s));
    if (!in->code && !raml_j_get(in, values.m, key, &v)) raml_j_fail(in, RAML_ERANGE, "the format names a missing key");
    *at = (size_t)(end - s->s) + 1;
    return v;
}

static void add_conversion(struct raml_jout *o, struct spec *f, struct raml_jv v)
{
    char text[NUMBER_BYTES];
    bool written = f->type == 's' || f->type == 'r';
    if (o->in->code) return;
    f->align = !written ? 0 : f->minus ? '<' : '>';
    if (written) {
        add_padded_text(o, f, f->type == 's' ? raml_j_to_str(o->in, v) : repr_of(o->in, v));
    } else if (f->type && strchr("diuxXofFeEgG", f->type)) {
        if (f->type == 'i' || f->type == 'u') f->type = 'd';
        number(o->in, f, v, text);
        add_padded_number(o, f, text);
    } else {
        raml_j_fail(o->in, RAML_ESUPPORT, "format '%%%c' is not supported", f->type ? f->type : '?');
    }
}

struct raml_jv raml_j_percent(struct raml_jinja *in, const struct raml_jstr *s, struct raml_jv values)
{
    struct raml_jout o;
    bool tuple = values.type == RAML_J_SEQ && values.q->kind == RAML_J_TUPLE, named = false;
    size_t given = tuple ? values.q->n : 1, used = 0, at = 0;
    raml_jout_init(&o, in);
    while (!in->code && at < s->n) {
        const char *p = memchr(s->s + at, '%', s->n - at);
        size_t hit = p ? (size_t)(p - s->s) : s->n;
        raml_jout_part(&o, s, at, hit);
        if (!p) break;
        at = hit + 1;
        struct spec f;
        struct raml_jv v = raml_j_none();
        bool key = at < s->n && s->s[at] == '(';
        if (key) v = by_name(in, s, &at, values);
        named |= key;
        at = percent_spec(s, at, &f);
        if (in->code || !check(in, &f)) break;
        if (f.type == '%') {
            raml_jout_adds(&o, "%");
            continue;
        }
        if (!key && used >= given) raml_j_fail(in, RAML_ERANGE, "not enough arguments for format string");
        if (!key && !in->code) v = tuple ? values.q->item[used++] : (used++, values);
        add_conversion(&o, &f, v);
    }
    if (!in->code && !named && used < given && (tuple || values.type != RAML_J_DICT))
        raml_j_fail(in, RAML_ERANGE, "not all arguments converted during string formatting");
    return raml_jout_done(&o);
}

/* ---- {} ---- */

/* [[fill]align][sign][#][0][width][.precision][type] */
static bool brace_spec(const struct raml_jstr *s, size_t at, size_t end, struct spec *f)
{
    *f = (struct spec){.width = -1, .precision = -1, .fill = ' '};
    size_t len = 1;
    if (at < end) raml_j_char(s->s + at, &len);
    if (at + len < end && s->s[at + len] && strchr("<>^", s->s[at + len])) {
        f->fill = raml_j_char(s->s + at, &len);
        f->align = s->s[at + len];
        at += len + 1;
    } else if (at < end && s->s[at] && strchr("<>^", s->s[at])) {
        f->align = s->s[at++];
    }
    if (at < end && s->s[at] == '+') f->plus = true, at++;
    if (at < end && s->s[at] == '#') f->alt = true, at++;
    if (at < end && s->s[at] == '0') f->zero = true, at++;
    at = read_number(s, at, &f->width);
    if (at < end && s->s[at] == '.') at = read_number(s, at + 1, &f->precision);
    if (at < end) f->type = s->s[at++];
    return at == end;
}

static void add_field(struct raml_jout *o, struct raml_jv v, const struct raml_jstr *s, size_t at, size_t end)
{
    struct spec f;
    char text[NUMBER_BYTES];
    if (at >= end) {
        raml_j_print(o, v);
        return;
    }
    bool read = brace_spec(s, at, end, &f);
    bool known = !f.type || strchr("sdxXofFeEgG", f.type);
    if (!f.type && raml_j_is_integral(v)) f.type = 'd';
    if (!read || !known || (!f.type && v.type != RAML_J_STR) || (f.type == 's') != (v.type == RAML_J_STR && f.type)) {
        raml_j_fail(o->in, RAML_ESUPPORT, "format '{:%.*s}' of a %s is not supported",
                    (int)(end - at < 40 ? end - at : 40), s->s + at, raml_j_type_name(v));
        return;
    }
    if (!check(o->in, &f)) return;
    if (v.type == RAML_J_STR) {
        add_padded_text(o, &f, v);
        return;
    }
    number(o->in, &f, v, text);
    add_padded_number(o, &f, text);
}

static struct raml_jv field_value(struct raml_jinja *in, const struct raml_jstr *s, size_t at, size_t end,
                                  const struct raml_jargs *args, size_t *next)
{
    int64_t i = -1;
    if (at == end) i = (int64_t)(*next)++;
    else if (read_number(s, at, &i) != end) i = -1;
    if (i >= 0 && (size_t)i < args->n) return args->pos[i];
    for (size_t k = 0; i < 0 && k < args->n_named; k++)
        if (strlen(args->name[k]) == end - at && !memcmp(args->name[k], s->s + at, end - at)) return args->named[k];
    if (memchr(s->s + at, '.', end - at) || memchr(s->s + at, '[', end - at))
        return raml_j_fail(in, RAML_ESUPPORT, "attributes and items in format() are not supported");
    return raml_j_fail(in, RAML_ERANGE, "format(): no argument for field '%.*s'", (int)(end - at < 40 ? end - at : 40),
                       s->s + at);
}

struct raml_jv raml_j_braces(struct raml_jinja *in, const struct raml_jstr *s, const struct raml_jargs *args)
{
    struct raml_jout o;
    size_t at = 0, next = 0;
    raml_jout_init(&o, in);
    while (!in->code && at < s->n) {
        char c = s->s[at];
        size_t end = at;
        if ((c == '{' || c == '}') && at + 1 < s->n && s->s[at + 1] == c) {
            raml_jout_part(&o, s, at, at + 1);
            at += 2;
            continue;
        }
        if (c != '{' && c != '}') {
            while (end < s->n && s->s[end] != '{' && s->s[end] != '}') end++;
            raml_jout_part(&o, s, at, end);
            at = end;
            continue;
        }
        const char *close = c == '{' ? memchr(s->s + at, '}', s->n - at) : NULL;
        if (!close) return raml_j_fail(in, RAML_ERANGE, "Single '%c' encountered in format string", c);
        end = (size_t)(close - s->s);
        const char *colon = memchr(s->s + at, ':', end - at), *bang = memchr(s->s + at, '!', end - at);
        size_t name_end = colon ? (size_t)(colon - s->s) : end;
        if (bang && (size_t)(bang - s->s) < name_end)
            return raml_j_fail(in, RAML_ESUPPORT, "conversions (!r) in format() are not supported");
        struct raml_jv v = field_value(in, s, at + 1, name_end, args, &next);
        if (!in->code) add_field(&o, v, s, colon ? name_end + 1 : end, end);
        at = end + 1;
    }
    return raml_jout_done(&o);
}
