/* call.c - see run.h: binding arguments, macros, global functions. */
#include "jinja/run.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

const struct raml_jfunc *raml_j_find(const struct raml_jfunc *table, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(table[i].name, name)) return &table[i];
    return NULL;
}

/* Index of the parameter called `name` in "a b c"; -1: none. */
static int param_index(const char *params, const char *name)
{
    size_t n = strlen(name);
    for (int i = 0; *params; i++) {
        size_t len = strcspn(params, " ");
        if (len == n && !memcmp(params, name, n)) return i;
        params += len + (params[len] == ' ');
    }
    return -1;
}

static unsigned count_params(const char *params)
{
    unsigned n = *params != 0;
    for (; *params; params++) n += *params == ' ';
    return n;
}

static void bind(struct raml_jinja *in, const char *what, const struct raml_jfunc *f, const struct raml_jargs *args,
                 struct raml_jv a[RAML_J_MAX_PARAMS])
{
    unsigned n = count_params(f->params);
    for (unsigned i = 0; i < RAML_J_MAX_PARAMS; i++) a[i].type = RAML_J_ABSENT;
    if (args->n > n) {
        raml_j_fail(in, RAML_ERANGE, "%s '%s' takes at most %u arguments; found %zu", what, f->name, n, args->n);
        return;
    }
    for (size_t i = 0; i < args->n; i++) a[i] = args->pos[i];
    for (size_t i = 0; i < args->n_named; i++) {
        int k = param_index(f->params, args->name[i]);
        if (k < 0 || a[k].type != RAML_J_ABSENT) {
            raml_j_fail(in, RAML_ERANGE, k < 0 ? "%s '%s' has no argument '%.60s'" : "%s '%s': argument '%.60s' twice",
                        what, f->name, args->name[i]);
            return;
        }
        a[k] = args->named[i];
    }
    for (unsigned i = 0; i < f->need; i++)
        if (a[i].type == RAML_J_ABSENT) {
            raml_j_fail(in, RAML_ERANGE, "%s '%s' needs %u arguments (%s)", what, f->name, f->need, f->params);
            return;
        }
}

struct raml_jv raml_j_run(struct raml_jinja *in, const char *what, const struct raml_jfunc *f, struct raml_jv self,
                          const struct raml_jargs *args)
{
    struct raml_jv a[RAML_J_MAX_PARAMS];
    if (!raml_j_work(in, 2)) return raml_j_none();
    if (!f->run) return raml_j_fail(in, RAML_ESUPPORT, "%s '%s' is not supported", what, f->name);
    if (strcmp(f->params, "*") != 0) bind(in, what, f, args, a);
    if (!raml_j_enter(in)) return raml_j_none();
    struct raml_jv v = f->run(in, self, args, a);
    raml_j_leave(in);
    return in->code ? raml_j_none() : v;
}

struct raml_jv raml_j_bound(struct raml_jinja *in, const struct raml_jfunc *f, struct raml_jv self)
{
    const char *of = self.type == RAML_J_NONE ? "function" : raml_j_type_name(self);
    if (!f->run) return raml_j_fail(in, RAML_ESUPPORT, "%s '%s' is not supported", of, f->name);
    struct raml_jcall *c = raml_j_alloc(in, 1, sizeof *c);
    if (!c) return raml_j_none();
    *c = (struct raml_jcall){.func = f, .self = self};
    return (struct raml_jv){.type = RAML_J_CALL, .f = c};
}

int64_t raml_j_arg_int(struct raml_jinja *in, struct raml_jv v, int64_t unless)
{
    if (v.type == RAML_J_ABSENT || in->code) return unless;
    if (raml_j_is_integral(v)) return raml_j_integer(v);
    raml_j_fail(in, RAML_ERANGE, "'%s' object cannot be interpreted as an integer", raml_j_type_name(v));
    return unless;
}

const struct raml_jstr *raml_j_arg_text(struct raml_jinja *in, struct raml_jv v, const char *what)
{
    if (in->code) return NULL;
    if (v.type == RAML_J_STR) return v.s;
    raml_j_fail(in, RAML_ERANGE, "%s: found %s; expected str", what, raml_j_type_name(v));
    return NULL;
}

/* ---- macros ---- */

static void bind_macro(struct raml_jinja *in, const struct raml_jnode *m, const struct raml_jargs *args)
{
    struct raml_jdict *rest = raml_j_new_dict(in, args->n_named);
    struct raml_jseq *more = raml_j_new_seq(in, RAML_J_TUPLE, args->n);
    struct raml_jv caller = raml_j_undefined_why(in, "No caller defined");
    bool block = !strcmp(m->name, "caller") && m->kind == RAML_JN_CALLBLOCK;
    size_t i = 0;
    for (const struct raml_jnode *p = m->args.first; p && !in->code; p = p->next, i++) {
        struct raml_jv v = {.type = RAML_J_ABSENT};
        for (size_t k = 0; k < args->n_named; k++)
            if (!strcmp(args->name[k], p->name)) v = args->named[k];
        if (i < args->n && v.type != RAML_J_ABSENT)
            raml_j_fail(in, RAML_ERANGE, "macro '%s' got two values for argument '%.60s'", m->name, p->name);
        if (i < args->n) v = args->pos[i];
        if (v.type == RAML_J_ABSENT && p->a) v = raml_j_eval(in, p->a);
        if (v.type == RAML_J_ABSENT) v = raml_j_undefined_why(in, "an argument of a macro was not provided");
        raml_j_set(in, in->scope, p->name, v);
    }
    for (; i < args->n; i++) raml_j_push(in, more, args->pos[i]);
    for (size_t k = 0; k < args->n_named && !in->code; k++) {
        const char *name = args->name[k];
        const struct raml_jnode *p = m->args.first;
        while (p && strcmp(p->name, name) != 0) p = p->next;
        if (p) continue;
        if (!strcmp(name, "caller") && (m->op & RAML_J_USES_CALLER)) caller = args->named[k];
        else if (m->op & RAML_J_USES_KWARGS)
            raml_j_append(in, rest, raml_j_copy(in, name, strlen(name)), args->named[k]);
        else raml_j_fail(in, RAML_ERANGE, "macro '%.60s' takes no keyword argument '%.60s'", m->name, name);
    }
    if (more && more->n && !block && !(m->op & RAML_J_USES_VARARGS))
        raml_j_fail(in, RAML_ERANGE, "macro '%.60s' takes at most %zu argument(s)", m->name, m->args.n);
    if (m->op & RAML_J_USES_VARARGS) raml_j_set(in, in->scope, "varargs", raml_j_seq(more));
    if (m->op & RAML_J_USES_KWARGS) raml_j_set(in, in->scope, "kwargs", raml_j_dict(rest));
    if (m->op & RAML_J_USES_CALLER) raml_j_set(in, in->scope, "caller", caller);
}

static struct raml_jv call_macro(struct raml_jinja *in, const struct raml_jcall *f, const struct raml_jargs *args)
{
    struct raml_jscope *outer = in->scope;
    enum raml_jflow flow = in->flow;
    if (!raml_j_enter(in)) return raml_j_none();
    in->scope = raml_j_new_scope(in, f->scope);
    in->flow = RAML_J_GOES_ON;
    bind_macro(in, f->macro, args);
    struct raml_jv v = raml_j_capture(in, &f->macro->body, in->scope);
    in->scope = outer;
    in->flow = flow;
    raml_j_leave(in);
    return v;
}

struct raml_jv raml_j_call(struct raml_jinja *in, struct raml_jv callee, const struct raml_jargs *args)
{
    if (in->code) return raml_j_none();
    if (callee.type == RAML_J_UNDEFINED) return raml_j_fail_undefined(in, callee);
    if (callee.type != RAML_J_CALL)
        return raml_j_fail(in, RAML_ERANGE, "'%s' object is not callable", raml_j_type_name(callee));
    size_t line = in->line;
    struct raml_jv v = callee.f->macro ? call_macro(in, callee.f, args)
                                       : raml_j_run(in, callee.f->self.type == RAML_J_NONE ? "function" : "method",
                                                    callee.f->func, callee.f->self, args);
    in->line = line;
    return v;
}

struct raml_jv raml_j_filter(struct raml_jinja *in, const char *name, struct raml_jv v, const struct raml_jargs *args)
{
    const struct raml_jfunc *f = raml_j_find_filter(name);
    if (in->code) return raml_j_none();
    if (!f) return raml_j_fail(in, RAML_ESUPPORT, "unknown filter '%.60s'", name);
    return raml_j_run(in, "filter", f, v, args);
}

bool raml_j_test(struct raml_jinja *in, const char *name, struct raml_jv v, const struct raml_jargs *args)
{
    const struct raml_jfunc *f = raml_j_find_test(name);
    if (in->code) return false;
    if (!f) raml_j_fail(in, RAML_ESUPPORT, "unknown test '%.60s'", name);
    return f && raml_j_truth(in, raml_j_run(in, "test", f, v, args));
}

/* ---- global functions ---- */

static struct raml_jv raise_exception(struct raml_jinja *in, struct raml_jv self, const struct raml_jargs *args,
                                      struct raml_jv *a)
{
    (void)self;
    (void)args;
    struct raml_jv text = raml_j_to_str(in, a[0]);
    if (in->code) return text;
    size_t n = text.s->n < 400 ? text.s->n : 400;
    char *shown = raml_j_alloc(in, n + 1, 1);
    if (!shown) return text;
    for (size_t i = 0; i < n; i++) shown[i] = (unsigned char)text.s->s[i] < 0x20 ? ' ' : text.s->s[i];
    return raml_j_fail(in, RAML_ERANGE, "the template says: %s", shown);
}

static struct raml_jv range(struct raml_jinja *in, struct raml_jv self, const struct raml_jargs *args,
                            struct raml_jv *a)
{
    (void)self;
    bool one = args->n < 2;
    int64_t start = one ? 0 : raml_j_arg_int(in, a[0], 0), stop = raml_j_arg_int(in, a[one ? 0 : 1], 0);
    int64_t step = raml_j_arg_int(in, a[2], 1);
    if (in->code) return raml_j_none();
    if (!step) return raml_j_fail(in, RAML_ERANGE, "range() arg 3 must not be zero");
    uint64_t distance = step > 0 ? (uint64_t)stop - (uint64_t)start : (uint64_t)start - (uint64_t)stop;
    uint64_t stride = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    uint64_t n = (step > 0 ? stop > start : stop < start) ? (distance - 1) / stride + 1 : 0;
    if (n > RAML_J_MAX_RANGE)
        return raml_j_fail(in, RAML_ERANGE, "range too big: more than %d elements", RAML_J_MAX_RANGE);
    struct raml_jseq *q = raml_j_new_seq(in, RAML_J_RANGE, (size_t)n);
    for (uint64_t i = 0; i < n; i++) raml_j_push(in, q, raml_j_int((int64_t)((uint64_t)start + i * (uint64_t)step)));
    if (!q) return raml_j_none();
    q->start = start;
    q->stop = stop;
    q->step = step;
    return raml_j_seq(q);
}

static struct raml_jv dict(struct raml_jinja *in, struct raml_jv self, const struct raml_jargs *args, struct raml_jv *a)
{
    struct raml_jdict *m = raml_j_new_dict(in, args->n_named);
    (void)self;
    (void)a;
    if (args->n > 1) return raml_j_fail(in, RAML_ERANGE, "dict expected at most 1 argument; found %zu", args->n);
    if (args->n && args->pos[0].type == RAML_J_DICT) {
        const struct raml_jdict *from = args->pos[0].m;
        for (size_t i = 0; i < from->n; i++) raml_j_append(in, m, from->key[i], from->value[i]);
    } else if (args->n) {
        const struct raml_jseq *q = raml_j_iterate(in, args->pos[0]);
        for (size_t i = 0; q && i < q->n && !in->code; i++) {
            const struct raml_jseq *pair = raml_j_iterate(in, q->item[i]);
            if (pair && pair->n == 2) raml_j_put(in, m, pair->item[0], pair->item[1]);
            else raml_j_fail(in, RAML_ERANGE, "dict: element %zu is not a pair", i);
        }
    }
    for (size_t i = 0; i < args->n_named; i++)
        raml_j_put(in, m, raml_j_copy(in, args->name[i], strlen(args->name[i])), args->named[i]);
    return raml_j_dict(m);
}

static struct raml_jv namespace(struct raml_jinja *in, struct raml_jv self, const struct raml_jargs *args,
                                struct raml_jv *a)
{
    struct raml_jv v = dict(in, self, args, a);
    if (v.type == RAML_J_DICT) v.type = RAML_J_NAMESPACE;
    return v;
}

static struct raml_jv strftime_now(struct raml_jinja *in, struct raml_jv self, const struct raml_jargs *args,
                                   struct raml_jv *a)
{
    (void)self;
    (void)args;
    const struct raml_jstr *format = raml_j_arg_text(in, a[0], "strftime_now");
    return format ? raml_j_strftime(in, format) : raml_j_none();
}

const struct raml_jfunc *raml_j_global(const char *name)
{
    static const struct raml_jfunc table[] = {
        {"raise_exception", "message", 1, raise_exception},
        {"strftime_now", "format", 1, strftime_now},
        {"range", "start stop step", 1, range},
        {"dict", "*", 0, dict},
        {"namespace", "*", 0, namespace},
        {"cycler", "*", 0, NULL},
        {"joiner", "*", 0, NULL},
        {"lipsum", "*", 0, NULL},
        {"self", "*", 0, NULL},
    };
    return raml_j_find(table, COUNT(table), name);
}
