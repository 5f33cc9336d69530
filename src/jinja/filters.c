/* filters.c - see run.h: the table of filters, and those for texts, numbers and JSON. */
#include "jinja/run.h"

#include "jinja/filters.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))
enum { MAX_NUMBER_BYTES = 400 };

static struct raml_jv text_of(struct raml_jinja *in, struct raml_jv v)
{
    return raml_j_to_str(in, v);
}

static struct raml_jv in_case(struct raml_jinja *in, struct raml_jv v, enum raml_jcase to)
{
    v = text_of(in, v);
    return in->code ? v : raml_j_case(in, v.s, to);
}
FILTER(lower)
{
    UNUSED;
    return in_case(in, v, RAML_J_LOWER);
}
FILTER(upper)
{
    UNUSED;
    return in_case(in, v, RAML_J_UPPER);
}
FILTER(title)
{
    UNUSED;
    return in_case(in, v, RAML_J_JINJA_TITLE);
}
FILTER(capitalize)
{
    UNUSED;
    return in_case(in, v, RAML_J_CAPITALIZE);
}
FILTER(trim)
{
    UNUSED;
    v = text_of(in, v);
    return in->code ? v : raml_j_strip(in, v.s, a[0], RAML_J_LEFT | RAML_J_RIGHT);
}
FILTER(string)
{
    UNUSED;
    return text_of(in, v);
}
FILTER(safe)
{
    UNUSED;
    return raml_j_safe(in, v);
}
FILTER(escape)
{
    UNUSED;
    return raml_j_escape(in, v);
}
FILTER(forceescape)
{
    UNUSED;
    v = text_of(in, v);
    if (in->code) return v;
    struct raml_jv plain = raml_j_part(in, v.s, 0, v.s->n);
    if (!in->code) ((struct raml_jstr *)plain.s)->safe = false;
    return raml_j_escape(in, plain);
}
FILTER(replace)
{
    UNUSED;
    v = text_of(in, v);
    struct raml_jv old = text_of(in, a[0]), by = text_of(in, a[1]);
    if (in->code) return v;
    return raml_j_replace(in, v.s, old.s, by.s, a[2].type == RAML_J_NONE ? -1 : raml_j_arg_int(in, a[2], -1));
}
FILTER(center)
{
    UNUSED;
    v = text_of(in, v);
    if (in->code) return v;
    return raml_j_center(in, v.s, raml_j_arg_int(in, a[0], 80), ' ', RAML_J_LEFT | RAML_J_RIGHT);
}
FILTER(format)
{
    UNUSED;
    v = text_of(in, v);
    if (in->code) return v;
    if (args->n && args->n_named) return raml_j_fail(in, RAML_ERANGE, "can't handle positional and keyword arguments");
    if (args->n_named) return raml_j_fail(in, RAML_ESUPPORT, "filter 'format' with named arguments is not supported");
    struct raml_jseq *q = raml_j_new_seq(in, RAML_J_TUPLE, args->n);
    for (size_t i = 0; i < args->n; i++) raml_j_push(in, q, args->pos[i]);
    return in->code ? v : raml_j_percent(in, v.s, raml_j_seq(q));
}
FILTER(indent)
{
    UNUSED;
    struct raml_jv step = a[0], newline = raml_j_copy(in, "\n", 1);
    if (v.type != RAML_J_STR)
        return raml_j_fail(in, RAML_ERANGE, "indent: found %s; expected a text", raml_j_type_name(v));
    if (in->code) return v;
    if (step.type != RAML_J_STR)
        step = raml_j_binary(in, '*', raml_j_copy(in, " ", 1), step.type == RAML_J_ABSENT ? raml_j_int(4) : step);
    bool first = a[1].type != RAML_J_ABSENT && raml_j_truth(in, a[1]);
    bool empty_too = a[2].type != RAML_J_ABSENT && raml_j_truth(in, a[2]);
    v = raml_j_binary(in, '+', v, newline);
    const struct raml_jseq *lines = in->code ? NULL : raml_j_split_lines(in, v.s, false);
    struct raml_jout o;
    raml_jout_init(&o, in);
    for (size_t i = 0; lines && i < lines->n && !in->code; i++) {
        if (i) raml_j_print(&o, newline);
        if (i ? empty_too || lines->item[i].s->n : first) raml_j_print(&o, step);
        raml_j_print(&o, lines->item[i]);
    }
    return raml_jout_done(&o);
}
FILTER(wordcount)
{
    UNUSED;
    int64_t n = 0;
    bool inside = false;
    v = text_of(in, v);
    if (in->code) return v;
    for (size_t i = 0, len; i < v.s->n && raml_j_work(in, 1); i += len) {
        raml_j_char(v.s->s + i, &len);
        struct raml_jv c = raml_j_part(in, v.s, i, i + len);
        const struct raml_jfunc *f = in->code ? NULL : raml_j_find_method(c, "isalnum");
        bool word = f && (raml_j_is_text(c, "_") || raml_j_run(in, "method", f, c, args).b);
        n += word && !inside;
        inside = word;
    }
    return raml_j_int(n);
}

/* ---- numbers ---- */

/* Reads v, a text, as Python's float() does; false: it is not a number. */
static bool read_float(struct raml_jinja *in, struct raml_jv v, double *out)
{
    char text[MAX_NUMBER_BYTES], *end;
    struct raml_jv s = raml_j_strip(in, v.s, raml_j_none(), RAML_J_LEFT | RAML_J_RIGHT);
    if (in->code || s.s->n == 0 || s.s->n >= sizeof text) return false;
    size_t k = 0;
    for (size_t i = 0; i < s.s->n; i++) {
        char c = s.s->s[i];
        bool between =
            i && i + 1 < s.s->n && strchr("0123456789", s.s->s[i - 1]) && strchr("0123456789", s.s->s[i + 1]);
        if (c == '_' && between) continue;
        if (!c || !strchr("0123456789+-.eEinfatyINFATY", c)) return false; /* no 0x, no nan(...) */
        text[k++] = c;
    }
    text[k] = 0;
    *out = strtod(text, &end);
    return *end == 0;
}

static bool read_int(struct raml_jinja *in, struct raml_jv v, int64_t base, int64_t *out)
{
    char text[MAX_NUMBER_BYTES], *end;
    struct raml_jv s = raml_j_strip(in, v.s, raml_j_none(), RAML_J_LEFT | RAML_J_RIGHT);
    if (in->code || s.s->n == 0 || s.s->n >= sizeof text || base < 0 || base > 36 || base == 1) return false;
    size_t k = 0;
    for (size_t i = 0; i < s.s->n; i++)
        if (s.s->s[i] != '_' || i == 0 || i + 1 == s.s->n || s.s->s[i - 1] == '_') text[k++] = s.s->s[i];
    text[k] = 0;
    const char *body = text + (text[0] == '-' || text[0] == '+');
    int prefix = body[0] == '0' ? body[1] | 32 : 0;
    if ((base == 2 && prefix == 'b') || (base == 8 && prefix == 'o')) body += 2;
    if (base != 16 && prefix == 'x') return false;
    if (!*body || *body == ' ' || *body == '-' || *body == '+') return false;
    errno = 0;
    long long x = strtoll(body, &end, (int)base);
    if (*end) return false;
    if (errno) raml_j_fail(in, RAML_ESUPPORT, "an integer beyond 64 bits");
    *out = text[0] == '-' ? -x : x;
    return !in->code;
}

static bool float_to_int(struct raml_jinja *in, double d, int64_t *out)
{
    if (isnan(d) || isinf(d)) return false;
    if (fabs(d) >= 9.2e18) {
        raml_j_fail(in, RAML_ESUPPORT, "an integer beyond 64 bits");
        return false;
    }
    *out = (int64_t)d;
    return true;
}
FILTER(to_int)
{
    UNUSED;
    int64_t x = 0;
    double d;
    struct raml_jv unless = a[0].type == RAML_J_ABSENT ? raml_j_int(0) : a[0];
    if (raml_j_is_integral(v)) return raml_j_int(raml_j_integer(v));
    if (v.type == RAML_J_BIG) return v;
    if (v.type == RAML_J_FLOAT) return float_to_int(in, v.d, &x) ? raml_j_int(x) : unless;
    if (v.type == RAML_J_UNDEFINED) return raml_j_fail_undefined(in, v);
    if (v.type != RAML_J_STR) return unless;
    if (read_int(in, v, raml_j_arg_int(in, a[1], 10), &x)) return raml_j_int(x);
    return !in->code && read_float(in, v, &d) && float_to_int(in, d, &x) ? raml_j_int(x) : unless;
}
FILTER(to_float)
{
    UNUSED;
    double d;
    if (raml_j_is_number(v)) return raml_j_float(raml_j_number(v));
    if (v.type == RAML_J_BIG) return raml_j_float(strtod(v.s->s, NULL));
    if (v.type == RAML_J_UNDEFINED) return raml_j_fail_undefined(in, v);
    if (v.type == RAML_J_STR && read_float(in, v, &d)) return raml_j_float(d);
    return a[0].type == RAML_J_ABSENT ? raml_j_float(0.0) : a[0];
}
FILTER(absolute)
{
    UNUSED;
    if (v.type == RAML_J_FLOAT) return raml_j_float(fabs(v.d));
    if (v.type == RAML_J_BIG) {
        struct raml_jv part = *v.s->s == '-' ? raml_j_part(in, v.s, 1, v.s->n) : v;
        return part.type == RAML_J_STR ? (struct raml_jv){.type = RAML_J_BIG, .s = part.s} : part;
    }
    if (raml_j_is_integral(v) && raml_j_integer(v) < 0) return raml_j_negative(in, v);
    if (raml_j_is_integral(v)) return raml_j_int(raml_j_integer(v));
    if (v.type == RAML_J_UNDEFINED) return raml_j_fail_undefined(in, v);
    return raml_j_fail(in, RAML_ERANGE, "bad operand type for abs(): '%s'", raml_j_type_name(v));
}
FILTER(rounded)
{
    UNUSED;
    char text[MAX_NUMBER_BYTES];
    int64_t digits = raml_j_arg_int(in, a[0], 0);
    struct raml_jv common = raml_j_copy(in, "common", 6), how = a[1].type == RAML_J_ABSENT ? common : a[1];
    if (in->code) return v;
    if (v.type == RAML_J_UNDEFINED) return raml_j_fail_undefined(in, v);
    if (v.type == RAML_J_BIG && digits >= 0) return v;
    if (!raml_j_is_number(v)) return raml_j_fail(in, RAML_ERANGE, "type %s has no round()", raml_j_type_name(v));
    if (digits < -300 || digits > 300) return raml_j_fail(in, RAML_ESUPPORT, "round to more than 300 digits");
    if (raml_j_is_text(how, "ceil") || raml_j_is_text(how, "floor")) {
        double p = pow(10.0, (double)digits), x = raml_j_number(v) * p;
        return raml_j_float((raml_j_is_text(how, "ceil") ? ceil(x) : floor(x)) / p);
    }
    if (!raml_j_is_text(how, "common")) return raml_j_fail(in, RAML_ERANGE, "method must be common, ceil or floor");
    if (raml_j_is_integral(v) && digits >= 0) return raml_j_int(raml_j_integer(v));
    if (digits < 0) {
        double p = pow(10.0, (double)-digits), x = rint(raml_j_number(v) / p) * p;
        return raml_j_is_integral(v) ? raml_j_int((int64_t)x) : raml_j_float(x);
    }
    if (!isfinite(v.d)) return v;
    if (digits > 40 || fabs(v.d) > 1e300) return v;
    snprintf(text, sizeof text, "%.*f", (int)digits, v.d); /* correctly rounded, ties to even */
    return raml_j_float(strtod(text, NULL));
}

/* ---- JSON: as transformers defines the filter ---- */

static struct raml_jv text_or(struct raml_jinja *in, struct raml_jv v, const char *unless)
{
    return v.type == RAML_J_STR ? v : raml_j_copy(in, unless, strlen(unless));
}
FILTER(tojson)
{
    UNUSED;
    struct raml_jv step = raml_j_none();
    struct raml_jjson_style style = {0};
    bool many = a[1].type != RAML_J_ABSENT && a[1].type != RAML_J_NONE;
    style.ascii = a[0].type != RAML_J_ABSENT && raml_j_truth(in, a[0]);
    style.sort_keys = a[3].type != RAML_J_ABSENT && raml_j_truth(in, a[3]);
    if (many && a[1].type == RAML_J_STR) step = a[1];
    else if (many) step = raml_j_binary(in, '*', raml_j_copy(in, " ", 1), raml_j_int(raml_j_arg_int(in, a[1], 0)));
    struct raml_jv comma = text_or(in, raml_j_none(), many ? "," : ", "), colon = text_or(in, raml_j_none(), ": ");
    if (a[2].type != RAML_J_ABSENT && a[2].type != RAML_J_NONE) {
        const struct raml_jseq *q = raml_j_iterate(in, a[2]);
        if (!q || q->n != 2 || q->item[0].type != RAML_J_STR || q->item[1].type != RAML_J_STR)
            return raml_j_fail(in, RAML_ERANGE, "tojson: separators must be two texts");
        comma = q->item[0];
        colon = q->item[1];
    }
    if (in->code) return v;
    style.indent = many ? step.s : NULL;
    style.comma = comma.s;
    style.colon = colon.s;
    struct raml_jout o;
    raml_jout_init(&o, in);
    raml_j_to_json(&o, v, &style, 0);
    return raml_jout_done(&o);
}

const struct raml_jfunc *raml_j_find_filter(const char *name)
{
    static const struct raml_jfunc table[] = {
        {"lower", "", 0, lower},
        {"upper", "", 0, upper},
        {"title", "", 0, title},
        {"capitalize", "", 0, capitalize},
        {"trim", "chars", 0, trim},
        {"string", "", 0, string},
        {"safe", "", 0, safe},
        {"escape", "", 0, escape},
        {"e", "", 0, escape},
        {"forceescape", "", 0, forceescape},
        {"replace", "old new count", 2, replace},
        {"center", "width", 0, center},
        {"format", "*", 0, format},
        {"indent", "width first blank", 0, indent},
        {"wordcount", "", 0, wordcount},
        {"int", "default base", 0, to_int},
        {"float", "default", 0, to_float},
        {"abs", "", 0, absolute},
        {"round", "precision method", 0, rounded},
        {"tojson", "ensure_ascii indent separators sort_keys", 0, tojson},
    };
    const struct raml_jfunc *f = raml_j_find(table, COUNT(table), name);
    return f ? f : raml_j_find_seq_filter(name);
}
