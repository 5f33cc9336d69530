/* print.c - see value.h: str(v) and repr(v), as Python writes them. */
#include "jinja/value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The fewest digits that read back as the same number; with an exponent below 1e-4 and from 1e16 on. */
void raml_j_print_float(struct raml_jout *o, double d)
{
    char text[40], out[64];
    if (isnan(d) || isinf(d)) {
        raml_jout_adds(o, isnan(d) ? "nan" : d < 0 ? "-inf" : "inf");
        return;
    }
    int digits = 1;
    do snprintf(text, sizeof text, "%.*e", digits - 1, d);
    while (strtod(text, NULL) != d && ++digits <= 17);
    int exponent = atoi(strchr(text, 'e') + 1);
    if (exponent < -4 || exponent >= 16) {
        int n = (int)(strchr(text, 'e') - text);
        snprintf(out, sizeof out, "%.*se%c%02d", n, text, exponent < 0 ? '-' : '+', abs(exponent));
    } else {
        int decimals = digits - 1 - exponent;
        snprintf(out, sizeof out, "%.*f", decimals > 0 ? decimals : 1, d);
    }
    raml_jout_adds(o, out);
}

static void escape_char(struct raml_jout *o, uint32_t c, size_t message)
{
    char text[12];
    const char *form;
    switch (c) {
    case '\n': form = "\\n"; break;
    case '\r': form = "\\r"; break;
    case '\t': form = "\\t"; break;
    default:
        snprintf(text, sizeof text, c < 0x100 ? "\\x%02" PRIx32 : c < 0x10000 ? "\\u%04" PRIx32 : "\\U%08" PRIx32, c);
        form = text;
    }
    raml_jout_add(o, form, strlen(form), message);
}

static void repr_text(struct raml_jout *o, const struct raml_jstr *s)
{
    bool single = memchr(s->s, '\'', s->n) != NULL, twice = memchr(s->s, '"', s->n) != NULL;
    char quote = single && !twice ? '"' : '\'';
    if (s->safe) raml_jout_adds(o, "Markup(");
    raml_jout_add(o, &quote, 1, RAML_J_FRAME);
    for (size_t i = 0, len; i < s->n && !o->in->code; i += len) {
        uint32_t c = raml_j_char(s->s + i, &len);
        size_t message = raml_j_message_at(s, i);
        if (c == (unsigned char)quote || c == '\\') raml_jout_add(o, "\\", 1, message);
        if (raml_j_is_printable(c)) raml_jout_add(o, s->s + i, len, message);
        else escape_char(o, c, message);
    }
    raml_jout_add(o, &quote, 1, RAML_J_FRAME);
    if (s->safe) raml_jout_adds(o, ")");
}

static void repr_seq(struct raml_jout *o, const struct raml_jseq *q)
{
    static const char *const open[] = {"[", "(", "", "", "dict_keys([", "dict_values([", "dict_items(["};
    static const char *const close[] = {"]", ")", "", "", "])", "])", "])"};
    char text[80];
    if (q->kind == RAML_J_RANGE) {
        snprintf(text, sizeof text,
                 q->step == 1 ? "range(%" PRId64 ", %" PRId64 ")" : "range(%" PRId64 ", %" PRId64 ", %" PRId64 ")",
                 q->start, q->stop, q->step);
        raml_jout_adds(o, text);
        return;
    }
    if (q->kind == RAML_J_ITER) {
        raml_j_fail(o->in, RAML_ESUPPORT, "a generator is printed (Python would print its address); make it a list");
        return;
    }
    raml_jout_adds(o, open[q->kind]);
    for (size_t i = 0; i < q->n && !o->in->code; i++) {
        if (i) raml_jout_adds(o, ", ");
        raml_j_repr(o, q->item[i]);
    }
    if (q->kind == RAML_J_TUPLE && q->n == 1) raml_jout_adds(o, ",");
    raml_jout_adds(o, close[q->kind]);
}

static void repr_dict(struct raml_jout *o, const struct raml_jdict *m)
{
    raml_jout_adds(o, "{");
    for (size_t i = 0; i < m->n && !o->in->code; i++) {
        if (i) raml_jout_adds(o, ", ");
        raml_j_repr(o, m->key[i]);
        raml_jout_adds(o, ": ");
        raml_j_repr(o, m->value[i]);
    }
    raml_jout_adds(o, "}");
}

static void repr_scalar(struct raml_jout *o, struct raml_jv v)
{
    char text[32];
    switch (v.type) {
    case RAML_J_UNDEFINED: raml_jout_adds(o, "Undefined"); break;
    case RAML_J_BOOL: raml_jout_adds(o, v.b ? "True" : "False"); break;
    case RAML_J_INT:
        snprintf(text, sizeof text, "%" PRId64, v.i);
        raml_jout_adds(o, text);
        break;
    case RAML_J_FLOAT: raml_j_print_float(o, v.d); break;
    case RAML_J_CALL:
    case RAML_J_LOOP: raml_j_fail(o->in, RAML_ESUPPORT, "a %s is printed as text", raml_j_type_name(v)); break;
    case RAML_J_BIG: raml_jout_str(o, v.s); break;
    default: raml_jout_adds(o, "None");
    }
}

void raml_j_repr(struct raml_jout *o, struct raml_jv v)
{
    if (!raml_j_enter(o->in)) return;
    switch (v.type) {
    case RAML_J_STR: repr_text(o, v.s); break;
    case RAML_J_SEQ: repr_seq(o, v.q); break;
    case RAML_J_DICT: repr_dict(o, v.m); break;
    case RAML_J_NAMESPACE:
        raml_jout_adds(o, "<Namespace ");
        repr_dict(o, v.m);
        raml_jout_adds(o, ">");
        break;
    default: repr_scalar(o, v);
    }
    raml_j_leave(o->in);
}

void raml_j_print(struct raml_jout *o, struct raml_jv v)
{
    if (o->in->code || v.type == RAML_J_UNDEFINED) return;
    if (v.type == RAML_J_STR) raml_jout_str(o, v.s);
    else raml_j_repr(o, v);
}

struct raml_jv raml_j_to_str(struct raml_jinja *in, struct raml_jv v)
{
    if (v.type == RAML_J_STR) return v;
    struct raml_jout o;
    raml_jout_init(&o, in);
    raml_j_print(&o, v);
    return raml_jout_done(&o);
}
