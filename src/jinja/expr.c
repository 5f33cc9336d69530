/* expr.c - see run.h: the value of an expression. */
#include "jinja/run.h"

#include <string.h>

static bool lookup(struct raml_jinja *in, const char *name, struct raml_jv *out)
{
    for (const struct raml_jscope *s = in->scope; s; s = s->parent)
        for (const struct raml_jvar *v = s->vars; v && raml_j_work(in, 1); v = v->next)
            if (!strcmp(v->name, name)) {
                *out = v->value;
                return true;
            }
    return false;
}

static struct raml_jv name(struct raml_jinja *in, const struct raml_jnode *n)
{
    struct raml_jv v;
    if (lookup(in, n->name, &v)) return v;
    const struct raml_jfunc *f = raml_j_global(n->name);
    return f ? raml_j_bound(in, f, raml_j_none()) : raml_j_undefined(in, NULL, n->name);
}

struct raml_jargs raml_j_eval_args(struct raml_jinja *in, const struct raml_jnodes *args)
{
    struct raml_jargs out = {0};
    struct raml_jseq *pos = raml_j_new_seq(in, RAML_J_LIST, args->n);
    struct raml_jdict *named = NULL; /* names as values first, for ** */
    for (const struct raml_jnode *n = args->first; n && !in->code; n = n->next) {
        bool keyword = n->kind == RAML_JN_KEYWORD, star = n->kind == RAML_JN_STAR;
        struct raml_jv v = raml_j_eval(in, keyword || star ? n->a : n);
        if (!named && (keyword || (star && n->op == 2))) named = raml_j_new_dict(in, args->n);
        if (keyword) {
            raml_j_append(in, named, raml_j_str(in, n->name, strlen(n->name), RAML_J_FRAME), v);
        } else if (star && n->op == 2) {
            if (v.type != RAML_J_DICT) raml_j_fail(in, RAML_ERANGE, "argument after ** must be a mapping");
            for (size_t i = 0; !in->code && i < v.m->n; i++) raml_j_append(in, named, v.m->key[i], v.m->value[i]);
        } else if (star) {
            const struct raml_jseq *q = raml_j_iterate(in, v);
            for (size_t i = 0; q && i < q->n && !in->code; i++) raml_j_push(in, pos, q->item[i]);
        } else {
            raml_j_push(in, pos, v);
        }
    }
    if (in->code || !pos) return out;
    out.pos = pos->item;
    out.n = pos->n;
    if (!named || !(out.name = raml_j_alloc(in, named->n, sizeof *out.name))) return out;
    for (size_t i = 0; i < named->n; i++) {
        struct raml_jv text = raml_j_to_str(in, named->key[i]);
        struct raml_jv copy = text.type == RAML_J_STR ? raml_j_copy(in, text.s->s, text.s->n) : text;
        out.name[i] = copy.type == RAML_J_STR ? copy.s->s : ""; /* 0-terminated by raml_j_copy */
    }
    out.named = named->value;
    out.n_named = named->n;
    return out;
}

static struct raml_jv list(struct raml_jinja *in, const struct raml_jnode *n)
{
    struct raml_jseq *q = raml_j_new_seq(in, n->kind == RAML_JN_TUPLE ? RAML_J_TUPLE : RAML_J_LIST, n->args.n);
    for (const struct raml_jnode *e = n->args.first; e && !in->code; e = e->next)
        raml_j_push(in, q, raml_j_eval(in, e));
    return raml_j_seq(q);
}

static struct raml_jv dict(struct raml_jinja *in, const struct raml_jnode *n)
{
    struct raml_jdict *m = raml_j_new_dict(in, n->args.n);
    for (const struct raml_jnode *e = n->args.first; e && !in->code; e = e->next) {
        struct raml_jv key = raml_j_eval(in, e->a);
        raml_j_put(in, m, key, raml_j_eval(in, e->b));
    }
    return raml_j_dict(m);
}

static struct raml_jv item(struct raml_jinja *in, const struct raml_jnode *n)
{
    struct raml_jv object = raml_j_eval(in, n->a), part[3];
    if (n->b->kind != RAML_JN_SLICE) return raml_j_item(in, object, raml_j_eval(in, n->b));
    const struct raml_jnode *const node[] = {n->b->a, n->b->b, n->b->c};
    for (int k = 0; k < 3; k++) part[k] = node[k] ? raml_j_eval(in, node[k]) : raml_j_none();
    return raml_j_slice(in, object, part);
}

static struct raml_jv call(struct raml_jinja *in, const struct raml_jnode *n)
{
    struct raml_jv callee = raml_j_eval(in, n->a);
    struct raml_jargs args = raml_j_eval_args(in, &n->args);
    return raml_j_call(in, callee, &args);
}

static struct raml_jv compare(struct raml_jinja *in, const struct raml_jnode *n)
{
    struct raml_jv left = raml_j_eval(in, n->a);
    bool holds = true;
    for (const struct raml_jnode *e = n->args.first; e && holds && !in->code; e = e->next) {
        struct raml_jv right = raml_j_eval(in, e->a);
        holds = !in->code && raml_j_compare(in, e->op, left, right);
        left = right;
    }
    return raml_j_bool(holds);
}

static struct raml_jv concat(struct raml_jinja *in, const struct raml_jnode *n)
{
    struct raml_jout o;
    raml_jout_init(&o, in);
    for (const struct raml_jnode *e = n->args.first; e && !in->code; e = e->next) raml_j_print(&o, raml_j_eval(in, e));
    return raml_jout_done(&o);
}

static struct raml_jv cond(struct raml_jinja *in, const struct raml_jnode *n)
{
    if (raml_j_truth(in, raml_j_eval(in, n->a))) return raml_j_eval(in, n->b);
    if (n->c) return raml_j_eval(in, n->c);
    return raml_j_undefined_why(in, "the inline if-expression evaluated to false and no else section was defined");
}

static struct raml_jv filter(struct raml_jinja *in, const struct raml_jnode *n, struct raml_jv input)
{
    struct raml_jargs args = raml_j_eval_args(in, &n->args);
    return raml_j_filter(in, n->name, input, &args);
}

struct raml_jv raml_j_eval_filters(struct raml_jinja *in, const struct raml_jnode *filters, struct raml_jv input)
{
    if (!filters || !raml_j_enter(in)) return input;
    input = filter(in, filters, raml_j_eval_filters(in, filters->a, input));
    raml_j_leave(in);
    return input;
}

static struct raml_jv test(struct raml_jinja *in, const struct raml_jnode *n)
{
    struct raml_jv v = raml_j_eval(in, n->a);
    struct raml_jargs args = raml_j_eval_args(in, &n->args);
    return raml_j_bool(raml_j_test(in, n->name, v, &args));
}

static struct raml_jv positive(struct raml_jinja *in, struct raml_jv v)
{
    if (v.type == RAML_J_FLOAT || in->code) return v;
    if (raml_j_is_integral(v)) return raml_j_int(raml_j_integer(v));
    if (v.type == RAML_J_UNDEFINED) return raml_j_fail_undefined(in, v);
    return raml_j_fail(in, RAML_ERANGE, "bad operand type for unary +: '%s'", raml_j_type_name(v));
}

static struct raml_jv eval(struct raml_jinja *in, const struct raml_jnode *n)
{
    struct raml_jv v;
    switch (n->kind) {
    case RAML_JN_CONST: return n->value;
    case RAML_JN_NAME: return name(in, n);
    case RAML_JN_TUPLE:
    case RAML_JN_LIST: return list(in, n);
    case RAML_JN_DICT: return dict(in, n);
    case RAML_JN_ATTR: return raml_j_attr(in, raml_j_eval(in, n->a), n->name);
    case RAML_JN_ITEM: return item(in, n);
    case RAML_JN_CALL: return call(in, n);
    case RAML_JN_FILTER: return filter(in, n, raml_j_eval(in, n->a));
    case RAML_JN_TEST: return test(in, n);
    case RAML_JN_NOT: return raml_j_bool(!raml_j_truth(in, raml_j_eval(in, n->a)));
    case RAML_JN_NEG: return raml_j_negative(in, raml_j_eval(in, n->a));
    case RAML_JN_POS: return positive(in, raml_j_eval(in, n->a));
    case RAML_JN_BINARY: v = raml_j_eval(in, n->a); return raml_j_binary(in, n->op, v, raml_j_eval(in, n->b));
    case RAML_JN_AND: v = raml_j_eval(in, n->a); return raml_j_truth(in, v) ? raml_j_eval(in, n->b) : v;
    case RAML_JN_OR: v = raml_j_eval(in, n->a); return raml_j_truth(in, v) ? v : raml_j_eval(in, n->b);
    case RAML_JN_COMPARE: return compare(in, n);
    case RAML_JN_CONCAT: return concat(in, n);
    case RAML_JN_COND: return cond(in, n);
    default: return raml_j_fail(in, RAML_ESUPPORT, "a slice outside of an index is not supported");
    }
}

struct raml_jv raml_j_eval(struct raml_jinja *in, const struct raml_jnode *n)
{
    if (!raml_j_enter(in)) return raml_j_none();
    in->line = n->line;
    struct raml_jv v = eval(in, n);
    raml_j_leave(in);
    return in->code ? raml_j_none() : v;
}
