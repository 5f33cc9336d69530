/* compare.c - see value.h: truth, equality and order, as Python has them. */
#include "jinja/value.h"

#include <stdlib.h>
#include <string.h>

const char *raml_j_type_name(struct raml_jv v)
{
    static const char *const seq[] = {"list", "tuple", "range", "generator", "dict_keys", "dict_values", "dict_items"};
    switch (v.type) {
    case RAML_J_UNDEFINED: return "Undefined";
    case RAML_J_BOOL: return "bool";
    case RAML_J_INT:
    case RAML_J_BIG: return "int";
    case RAML_J_FLOAT: return "float";
    case RAML_J_STR: return v.s->safe ? "Markup" : "str";
    case RAML_J_SEQ: return seq[v.q->kind];
    case RAML_J_DICT: return "dict";
    case RAML_J_NAMESPACE: return "jinja2.utils.Namespace";
    case RAML_J_CALL: return "function";
    case RAML_J_LOOP: return "jinja2.runtime.LoopContext";
    default: return "NoneType";
    }
}

bool raml_j_is_integral(struct raml_jv v)
{
    return v.type == RAML_J_BOOL || v.type == RAML_J_INT;
}

bool raml_j_is_number(struct raml_jv v)
{
    return raml_j_is_integral(v) || v.type == RAML_J_FLOAT;
}

int64_t raml_j_integer(struct raml_jv v)
{
    return v.type == RAML_J_BOOL ? v.b : v.i;
}

double raml_j_number(struct raml_jv v)
{
    return v.type == RAML_J_FLOAT ? v.d : (double)raml_j_integer(v);
}

bool raml_j_truth(struct raml_jinja *in, struct raml_jv v)
{
    (void)in;
    switch (v.type) {
    case RAML_J_BOOL: return v.b;
    case RAML_J_INT: return v.i != 0;
    case RAML_J_FLOAT: return v.d != 0.0;
    case RAML_J_STR: return v.s->n != 0;
    case RAML_J_SEQ: return v.q->kind == RAML_J_ITER || v.q->n != 0;
    case RAML_J_DICT: return v.m->n != 0;
    case RAML_J_BIG:
    case RAML_J_NAMESPACE:
    case RAML_J_CALL:
    case RAML_J_LOOP: return true;
    default: return false;
    }
}

bool raml_j_same(struct raml_jv a, struct raml_jv b)
{
    if (a.type != b.type) return false;
    switch (a.type) {
    case RAML_J_BOOL: return a.b == b.b;
    case RAML_J_INT: return a.i == b.i;
    case RAML_J_FLOAT: return a.d == b.d;
    case RAML_J_BIG:
    case RAML_J_STR: return a.s == b.s || (a.s->n == b.s->n && memcmp(a.s->s, b.s->s, a.s->n) == 0);
    case RAML_J_SEQ: return a.q == b.q;
    case RAML_J_DICT:
    case RAML_J_NAMESPACE: return a.m == b.m;
    case RAML_J_UNDEFINED: return a.u == b.u;
    case RAML_J_CALL: return a.f == b.f;
    case RAML_J_LOOP: return a.loop == b.loop;
    default: return true;
    }
}

/* -1, 0, 1; 2 when one of them is not a number. */
static int order_numbers(struct raml_jv a, struct raml_jv b)
{
    if (raml_j_is_integral(a) && raml_j_is_integral(b)) {
        int64_t x = raml_j_integer(a), y = raml_j_integer(b);
        return (x > y) - (x < y);
    }
    double x = raml_j_number(a), y = raml_j_number(b);
    if (x != x || y != y) return 2;
    return (x > y) - (x < y);
}

/* The same where one or both are beyond 64 bits: by sign, number of digits and digits. */
static int order_big(struct raml_jv a, struct raml_jv b)
{
    if (a.type == RAML_J_FLOAT || b.type == RAML_J_FLOAT) {
        double x = a.type == RAML_J_BIG ? strtod(a.s->s, NULL) : raml_j_number(a);
        double y = b.type == RAML_J_BIG ? strtod(b.s->s, NULL) : raml_j_number(b);
        return x != x || y != y ? 2 : (x > y) - (x < y);
    }
    bool below_a = a.type == RAML_J_BIG && *a.s->s == '-', below_b = b.type == RAML_J_BIG && *b.s->s == '-';
    if (a.type != RAML_J_BIG) return below_b ? 1 : -1;
    if (b.type != RAML_J_BIG) return below_a ? -1 : 1;
    if (below_a != below_b) return below_a ? -1 : 1;
    int c = a.s->n == b.s->n ? memcmp(a.s->s, b.s->s, a.s->n) : a.s->n > b.s->n ? 1 : -1;
    c = (c > 0) - (c < 0);
    return below_a ? -c : c;
}

static bool are_numbers(struct raml_jv a, struct raml_jv b)
{
    return (raml_j_is_number(a) || a.type == RAML_J_BIG) && (raml_j_is_number(b) || b.type == RAML_J_BIG);
}

static bool equal_seqs(struct raml_jinja *in, const struct raml_jseq *a, const struct raml_jseq *b)
{
    if (a == b) return true;
    if (a->kind != b->kind || a->kind == RAML_J_ITER || a->n != b->n) return false;
    for (size_t i = 0; i < a->n; i++)
        if (!raml_j_equal(in, a->item[i], b->item[i])) return false;
    return true;
}

static bool equal_dicts(struct raml_jinja *in, const struct raml_jdict *a, const struct raml_jdict *b)
{
    if (a == b) return true;
    if (a->n != b->n) return false;
    for (size_t i = 0; i < a->n; i++) {
        struct raml_jv other;
        if (!raml_j_get(in, b, a->key[i], &other) || !raml_j_equal(in, a->value[i], other)) return false;
    }
    return true;
}

bool raml_j_equal(struct raml_jinja *in, struct raml_jv a, struct raml_jv b)
{
    if (raml_j_is_number(a) && raml_j_is_number(b)) return order_numbers(a, b) == 0;
    if (are_numbers(a, b)) return order_big(a, b) == 0;
    if (a.type != b.type) return false;
    if (a.type == RAML_J_UNDEFINED) return true;
    if (a.type == RAML_J_STR) {
        if (!raml_j_work(in, a.s->n / 64)) return false;
        return a.s->n == b.s->n && memcmp(a.s->s, b.s->s, a.s->n) == 0;
    }
    if (a.type != RAML_J_SEQ && a.type != RAML_J_DICT) return raml_j_same(a, b);
    if (!raml_j_enter(in)) return false;
    bool same = a.type == RAML_J_SEQ ? equal_seqs(in, a.q, b.q) : equal_dicts(in, a.m, b.m);
    raml_j_leave(in);
    return same && !in->code;
}

static int order_texts(const struct raml_jstr *a, const struct raml_jstr *b)
{
    int c = memcmp(a->s, b->s, a->n < b->n ? a->n : b->n); /* UTF-8's order is that of code points */
    return c ? c : (a->n > b->n) - (a->n < b->n);
}

int raml_j_order(struct raml_jinja *in, struct raml_jv a, struct raml_jv b, const char *op)
{
    if (!raml_j_work(in, 1)) return 0;
    if (raml_j_is_number(a) && raml_j_is_number(b)) return order_numbers(a, b);
    if (are_numbers(a, b)) return order_big(a, b);
    if (a.type == RAML_J_STR && b.type == RAML_J_STR) {
        raml_j_work(in, (a.s->n < b.s->n ? a.s->n : b.s->n) / 64);
        return order_texts(a.s, b.s);
    }
    if (a.type == RAML_J_UNDEFINED || b.type == RAML_J_UNDEFINED) {
        raml_j_fail_undefined(in, a.type == RAML_J_UNDEFINED ? a : b);
        return 0;
    }
    if (a.type == RAML_J_SEQ && b.type == RAML_J_SEQ && a.q->kind == b.q->kind && a.q->kind <= RAML_J_TUPLE) {
        if (!raml_j_enter(in)) return 0;
        size_t i = 0, n = a.q->n < b.q->n ? a.q->n : b.q->n;
        while (i < n && raml_j_equal(in, a.q->item[i], b.q->item[i])) i++;
        int c = i < n ? raml_j_order(in, a.q->item[i], b.q->item[i], op) : (a.q->n > b.q->n) - (a.q->n < b.q->n);
        raml_j_leave(in);
        return c;
    }
    raml_j_fail(in, RAML_ERANGE, "'%s' not supported between instances of '%s' and '%s'", op, raml_j_type_name(a),
                raml_j_type_name(b));
    return 0;
}
