/* eval.c - see run.h: statements. */
#include "jinja/run.h"

#include <string.h>

struct raml_jscope *raml_j_new_scope(struct raml_jinja *in, struct raml_jscope *parent)
{
    struct raml_jscope *s = raml_j_alloc(in, 1, sizeof *s);
    if (s) s->parent = parent;
    return s;
}

void raml_j_set(struct raml_jinja *in, struct raml_jscope *scope, const char *name, struct raml_jv v)
{
    if (!scope || in->code) return;
    for (struct raml_jvar *p = scope->vars; p && raml_j_work(in, 1); p = p->next)
        if (!strcmp(p->name, name)) {
            p->value = v;
            return;
        }
    struct raml_jvar *p = raml_j_alloc(in, 1, sizeof *p);
    if (!p) return;
    *p = (struct raml_jvar){name, v, scope->vars};
    scope->vars = p;
}

static void set_attribute(struct raml_jinja *in, const struct raml_jnode *n, struct raml_jv v)
{
    struct raml_jv object = raml_j_eval(in, n->a);
    if (in->code) return;
    if (object.type != RAML_J_NAMESPACE)
        raml_j_fail(in, RAML_ERANGE, "cannot assign attribute '%.100s' on non-namespace object", n->name);
    else raml_j_put(in, object.m, raml_j_str(in, n->name, strlen(n->name), RAML_J_FRAME), v);
}

static void assign(struct raml_jinja *in, struct raml_jscope *scope, const struct raml_jnode *target, struct raml_jv v)
{
    if (in->code) return;
    if (target->kind == RAML_JN_NAME) {
        raml_j_set(in, scope, target->name, v);
    } else if (target->kind == RAML_JN_ATTR) {
        set_attribute(in, target, v);
    } else {
        const struct raml_jseq *q = raml_j_iterate(in, v);
        if (!q) return;
        if (q->n != target->args.n) {
            raml_j_fail(in, RAML_ERANGE, "found %zu values to unpack; expected %zu", q->n, target->args.n);
            return;
        }
        size_t i = 0;
        for (const struct raml_jnode *t = target->args.first; t; t = t->next) assign(in, scope, t, q->item[i++]);
    }
}

struct raml_jv raml_j_capture(struct raml_jinja *in, const struct raml_jnodes *body, struct raml_jscope *scope)
{
    struct raml_jout o, *before = in->out;
    struct raml_jscope *outer = in->scope;
    if (!scope) return raml_j_none();
    raml_jout_init(&o, in);
    in->out = &o;
    in->scope = scope;
    raml_j_exec(in, body);
    in->out = before;
    in->scope = outer;
    return raml_jout_done(&o);
}

/* ---- tags ---- */

/* The elements of q that the filter keeps. */
static const struct raml_jseq *keep(struct raml_jinja *in, const struct raml_jnode *n, const struct raml_jseq *q)
{
    struct raml_jscope *outer = in->scope;
    struct raml_jseq *out = raml_j_new_seq(in, RAML_J_LIST, 0);
    for (size_t i = 0; out && i < q->n && !in->code; i++) {
        in->scope = raml_j_new_scope(in, outer);
        raml_j_set(in, in->scope, "loop", raml_j_undefined_why(in, "'loop' is undefined in a loop's filter"));
        assign(in, in->scope, n->a, q->item[i]);
        if (raml_j_truth(in, raml_j_eval(in, n->c))) raml_j_push(in, out, q->item[i]);
        in->scope = outer;
    }
    return out;
}

static void for_loop(struct raml_jinja *in, const struct raml_jnode *n)
{
    struct raml_jscope *outer = in->scope;
    const struct raml_jseq *q = raml_j_iterate(in, raml_j_eval(in, n->b));
    if (q && n->c) q = keep(in, n, q);
    struct raml_jloop *loop = q ? raml_j_alloc(in, 1, sizeof *loop) : NULL;
    if (!loop) return;
    bool finished = false; /* an iteration was completed: without one, Jinja takes the else branch */
    *loop = (struct raml_jloop){.item = q->item, .n = q->n, .depth = 1, .changed = {.type = RAML_J_ABSENT}};
    for (; loop->i < loop->n && !in->code; loop->i++) {
        in->scope = raml_j_new_scope(in, outer);
        raml_j_set(in, in->scope, "loop", (struct raml_jv){.type = RAML_J_LOOP, .loop = loop});
        assign(in, in->scope, n->a, q->item[loop->i]);
        raml_j_exec(in, &n->body);
        in->scope = outer;
        bool leave = in->flow == RAML_J_BREAK;
        finished |= in->flow == RAML_J_GOES_ON;
        in->flow = RAML_J_GOES_ON;
        if (leave) break;
    }
    if (finished || in->code) return;
    in->scope = raml_j_new_scope(in, outer);
    raml_j_exec(in, &n->other);
    in->scope = outer;
}

static void if_else(struct raml_jinja *in, const struct raml_jnode *n)
{
    for (const struct raml_jnode *b = n->args.first; b && !in->code; b = b->next)
        if (!b->a || raml_j_truth(in, raml_j_eval(in, b->a))) {
            raml_j_exec(in, &b->body);
            return;
        }
}

static void set(struct raml_jinja *in, const struct raml_jnode *n)
{
    struct raml_jv v =
        n->b ? raml_j_eval(in, n->b)
             : raml_j_eval_filters(in, n->c, raml_j_capture(in, &n->body, raml_j_new_scope(in, in->scope)));
    assign(in, in->scope, n->a, v);
}

static struct raml_jv macro_value(struct raml_jinja *in, const struct raml_jnode *n)
{
    struct raml_jcall *f = raml_j_alloc(in, 1, sizeof *f);
    if (!f) return raml_j_none();
    *f = (struct raml_jcall){.macro = n, .scope = in->scope, .self = raml_j_none()};
    return (struct raml_jv){.type = RAML_J_CALL, .f = f};
}

static void call_block(struct raml_jinja *in, const struct raml_jnode *n)
{
    struct raml_jv callee = raml_j_eval(in, n->a->a);
    struct raml_jargs args = raml_j_eval_args(in, &n->a->args), all = args;
    all.n_named = args.n_named + 1;
    all.name = raml_j_alloc(in, all.n_named, sizeof *all.name);
    all.named = raml_j_alloc(in, all.n_named, sizeof *all.named);
    if (!all.name || !all.named) return;
    if (args.n_named) memcpy(all.name, args.name, args.n_named * sizeof *all.name);
    if (args.n_named) memcpy(all.named, args.named, args.n_named * sizeof *all.named);
    all.name[args.n_named] = "caller";
    all.named[args.n_named] = macro_value(in, n);
    raml_j_print(in->out, raml_j_call(in, callee, &all));
}

static void with(struct raml_jinja *in, const struct raml_jnode *n)
{
    struct raml_jscope *outer = in->scope, *scope = raml_j_new_scope(in, outer);
    for (const struct raml_jnode *p = n->args.first; p && !in->code; p = p->next)
        assign(in, scope, p->a, raml_j_eval(in, p->b));
    if (in->code) return;
    in->scope = scope;
    raml_j_exec(in, &n->body);
    in->scope = outer;
}

static void exec(struct raml_jinja *in, const struct raml_jnode *n)
{
    struct raml_jv v;
    switch (n->kind) {
    case RAML_JN_TEXT: raml_j_print(in->out, n->value); break;
    case RAML_JN_PRINT:
        for (const struct raml_jnode *e = n->args.first; e && !in->code; e = e->next)
            raml_j_print(in->out, raml_j_eval(in, e));
        break;
    case RAML_JN_FOR: for_loop(in, n); break;
    case RAML_JN_IF: if_else(in, n); break;
    case RAML_JN_SET: set(in, n); break;
    case RAML_JN_MACRO: raml_j_set(in, in->scope, n->name, macro_value(in, n)); break;
    case RAML_JN_CALLBLOCK: call_block(in, n); break;
    case RAML_JN_FILTERBLOCK:
        v = raml_j_capture(in, &n->body, raml_j_new_scope(in, in->scope));
        raml_j_print(in->out, raml_j_eval_filters(in, n->a, v));
        break;
    case RAML_JN_WITH:
    case RAML_JN_GROUP: with(in, n); break;
    case RAML_JN_BREAK: in->flow = RAML_J_BREAK; break;
    case RAML_JN_CONTINUE: in->flow = RAML_J_CONTINUE; break;
    default: raml_j_fail(in, RAML_ESUPPORT, "found an expression where a tag was expected");
    }
}

void raml_j_exec(struct raml_jinja *in, const struct raml_jnodes *body)
{
    if (!raml_j_enter(in)) return;
    for (const struct raml_jnode *n = body->first; n && !in->code && in->flow == RAML_J_GOES_ON; n = n->next) {
        if (!raml_j_work(in, 1)) break;
        in->line = n->line;
        exec(in, n);
    }
    raml_j_leave(in);
}
