/* ops.c - see run.h: arithmetic and comparison, as Python has them, with integers of 64 bits. */
#include "jinja/run.h"

#include <math.h>
#include <string.h>

static const char *op_text(int op)
{
    switch (op) {
    case '+': return "+";
    case '-': return "-";
    case '*': return "*";
    case '/': return "/";
    case '%': return "%";
    case '<': return "<";
    case '>': return ">";
    case RAML_JO_FLOORDIV: return "//";
    case RAML_JO_POW: return "** or pow()";
    case RAML_JO_LE: return "<=";
    default: return ">=";
    }
}

static struct raml_jv fail_types(struct raml_jinja *in, int op, struct raml_jv a, struct raml_jv b)
{
    if (a.type == RAML_J_UNDEFINED) return raml_j_fail_undefined(in, a);
    if (b.type == RAML_J_UNDEFINED) return raml_j_fail_undefined(in, b);
    if ((a.type == RAML_J_BIG && raml_j_is_number(b)) || (b.type == RAML_J_BIG && raml_j_is_number(a)) ||
        (a.type == RAML_J_BIG && b.type == RAML_J_BIG))
        return raml_j_fail(in, RAML_ESUPPORT, "%s of an integer beyond 64 bits", op_text(op));
    if (op == '+' && a.type == RAML_J_STR)
        return raml_j_fail(in, RAML_ERANGE, "can only concatenate str (not \"%s\") to str", raml_j_type_name(b));
    return raml_j_fail(in, RAML_ERANGE, "unsupported operand type(s) for %s: '%s' and '%s'", op_text(op),
                       raml_j_type_name(a), raml_j_type_name(b));
}

static struct raml_jv fail_big(struct raml_jinja *in)
{
    return raml_j_fail(in, RAML_ESUPPORT, "an integer beyond 64 bits");
}

static struct raml_jv fail_zero(struct raml_jinja *in)
{
    return raml_j_fail(in, RAML_ERANGE, "division by zero");
}

static struct raml_jv int_power(struct raml_jinja *in, int64_t a, int64_t b)
{
    if (b < 0) return a ? raml_j_float(pow((double)a, (double)b)) : fail_zero(in);
    int64_t r = 1;
    while (b) {
        if ((b & 1) && __builtin_mul_overflow(r, a, &r)) return fail_big(in);
        b >>= 1;
        if (b && __builtin_mul_overflow(a, a, &a)) return fail_big(in);
    }
    return raml_j_int(r);
}

static struct raml_jv int_op(struct raml_jinja *in, int op, int64_t a, int64_t b)
{
    int64_t r = 0;
    bool big = false;
    switch (op) {
    case '+': big = __builtin_add_overflow(a, b, &r); break;
    case '-': big = __builtin_sub_overflow(a, b, &r); break;
    case '*': big = __builtin_mul_overflow(a, b, &r); break;
    case '/': return b ? raml_j_float((double)a / (double)b) : fail_zero(in);
    case RAML_JO_POW: return int_power(in, a, b);
    default: /* // and %: the quotient is rounded down, the remainder has the divisor's sign */
        if (!b) return fail_zero(in);
        if (b == -1) {
            big = op != '%' && a == INT64_MIN;
            r = op == '%' || big ? 0 : -a;
            break;
        }
        int64_t rest = a % b, quotient = a / b;
        if (rest && (rest < 0) != (b < 0)) {
            rest += b;
            quotient--;
        }
        r = op == '%' ? rest : quotient;
    }
    return big ? fail_big(in) : raml_j_int(r);
}

static struct raml_jv float_op(struct raml_jinja *in, int op, double a, double b)
{
    switch (op) {
    case '+': return raml_j_float(a + b);
    case '-': return raml_j_float(a - b);
    case '*': return raml_j_float(a * b);
    case RAML_JO_POW:
        if (a < 0 && b != floor(b)) return raml_j_fail(in, RAML_ESUPPORT, "a power that is a complex number");
        return a == 0 && b < 0 ? fail_zero(in) : raml_j_float(pow(a, b));
    default: break;
    }
    if (b == 0) return fail_zero(in);
    if (op == '/') return raml_j_float(a / b);
    double rest = fmod(a, b), quotient = (a - rest) / b;
    if (rest != 0 && (rest < 0) != (b < 0)) {
        rest += b;
        quotient -= 1;
    }
    if (rest == 0) rest = copysign(0.0, b);
    double whole = floor(quotient);
    if (quotient - whole > 0.5) whole += 1;
    if (quotient == 0) whole = copysign(0.0, a / b);
    return raml_j_float(op == '%' ? rest : whole);
}

static struct raml_jv add_texts(struct raml_jinja *in, struct raml_jv a, struct raml_jv b)
{
    bool safe = a.s->safe || b.s->safe;
    struct raml_jout o;
    if (safe && !a.s->safe) a = raml_j_escape(in, a);
    if (safe && !b.s->safe) b = raml_j_escape(in, b);
    raml_jout_init(&o, in);
    raml_j_print(&o, a);
    raml_j_print(&o, b);
    return safe ? raml_j_safe(in, raml_jout_done(&o)) : raml_jout_done(&o);
}

static struct raml_jv add_seqs(struct raml_jinja *in, const struct raml_jseq *a, const struct raml_jseq *b)
{
    struct raml_jseq *q = raml_j_new_seq(in, a->kind, a->n + b->n);
    for (size_t i = 0; i < a->n; i++) raml_j_push(in, q, a->item[i]);
    for (size_t i = 0; i < b->n; i++) raml_j_push(in, q, b->item[i]);
    return raml_j_seq(q);
}

/* v: a text, list or tuple. */
static struct raml_jv repeat(struct raml_jinja *in, struct raml_jv v, int64_t count)
{
    struct raml_jout o;
    if (v.type == RAML_J_STR) {
        raml_jout_init(&o, in);
        for (int64_t i = 0; v.s->n && i < count && raml_j_work(in, 1); i++) raml_jout_str(&o, v.s);
        return v.s->safe ? raml_j_safe(in, raml_jout_done(&o)) : raml_jout_done(&o);
    }
    struct raml_jseq *q = raml_j_new_seq(in, v.q->kind, 0);
    for (int64_t i = 0; v.q->n && i < count && !in->code; i++)
        for (size_t k = 0; k < v.q->n; k++) raml_j_push(in, q, v.q->item[k]);
    return raml_j_seq(q);
}

static bool repeatable(struct raml_jv v)
{
    return v.type == RAML_J_STR || (v.type == RAML_J_SEQ && v.q->kind <= RAML_J_TUPLE);
}

struct raml_jv raml_j_binary(struct raml_jinja *in, int op, struct raml_jv a, struct raml_jv b)
{
    if (in->code) return raml_j_none();
    if (raml_j_is_integral(a) && raml_j_is_integral(b)) return int_op(in, op, raml_j_integer(a), raml_j_integer(b));
    if (raml_j_is_number(a) && raml_j_is_number(b)) return float_op(in, op, raml_j_number(a), raml_j_number(b));
    if (op == '+' && a.type == RAML_J_STR && b.type == RAML_J_STR) return add_texts(in, a, b);
    if (op == '+' && a.type == RAML_J_SEQ && b.type == RAML_J_SEQ && a.q->kind == b.q->kind &&
        a.q->kind <= RAML_J_TUPLE)
        return add_seqs(in, a.q, b.q);
    if (op == '*' && repeatable(a) && raml_j_is_integral(b)) return repeat(in, a, raml_j_integer(b));
    if (op == '*' && repeatable(b) && raml_j_is_integral(a)) return repeat(in, b, raml_j_integer(a));
    if (op == '%' && a.type == RAML_J_STR) return raml_j_percent(in, a.s, b);
    return fail_types(in, op, a, b);
}

struct raml_jv raml_j_negative(struct raml_jinja *in, struct raml_jv v)
{
    if (v.type == RAML_J_FLOAT) return raml_j_float(-v.d);
    if (v.type == RAML_J_UNDEFINED) return raml_j_fail_undefined(in, v);
    if (raml_j_is_integral(v)) return int_op(in, '-', 0, raml_j_integer(v));
    return raml_j_fail(in, RAML_ERANGE, "bad operand type for unary -: '%s'", raml_j_type_name(v));
}

bool raml_j_contains(struct raml_jinja *in, struct raml_jv all, struct raml_jv one)
{
    struct raml_jv found;
    if (in->code) return false;
    if (all.type == RAML_J_STR) {
        if (one.type == RAML_J_STR)
            return raml_j_work(in, all.s->n / 64) && raml_j_find_text(all.s, 0, one.s) <= all.s->n;
        raml_j_fail(in, RAML_ERANGE, "'in <string>' requires string as left operand, not %s", raml_j_type_name(one));
        return false;
    }
    if (all.type == RAML_J_DICT) return raml_j_get(in, all.m, one, &found);
    const struct raml_jseq *q = raml_j_iterate(in, all);
    for (size_t i = 0; q && i < q->n && raml_j_work(in, 1); i++)
        if (raml_j_same(q->item[i], one) || raml_j_equal(in, q->item[i], one)) return !in->code;
    return false;
}

bool raml_j_compare(struct raml_jinja *in, int op, struct raml_jv a, struct raml_jv b)
{
    switch (op) {
    case RAML_JO_EQ: return raml_j_equal(in, a, b);
    case RAML_JO_NE: return !raml_j_equal(in, a, b);
    case RAML_JO_IN: return raml_j_contains(in, b, a);
    case RAML_JO_NOT_IN: return !raml_j_contains(in, b, a);
    default: break;
    }
    int c = raml_j_order(in, a, b, op_text(op));
    if (c == 2) return false; /* not a number */
    return op == '<' ? c < 0 : op == '>' ? c > 0 : op == RAML_JO_LE ? c <= 0 : c >= 0;
}
