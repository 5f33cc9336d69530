/* expr.c - see expr.h. */
#include "answer/expr.h"

#include <string.h>

enum { MAX_PRINT_BYTES = 1 << 14 };

struct expr *raml_expr_new(struct expr_pool *p, enum expr_kind kind, uint32_t n)
{
    if (p->no_memory || p->too_large) return NULL;
    if (++p->n_nodes > EXPR_MAX_NODES || n > EXPR_MAX_NODES) {
        p->too_large = true;
        return NULL;
    }
    struct expr *e = raml_arena_alloc(p->arena, 1, sizeof *e);
    const struct expr **arg = n ? raml_arena_alloc(p->arena, n, sizeof(struct expr *)) : NULL;
    if (!e || (n && !arg)) {
        p->no_memory = true;
        return NULL;
    }
    e->kind = (uint8_t)kind;
    e->n = n;
    e->arg = arg;
    e->text = "";
    return e;
}

const struct expr *raml_expr_1(struct expr_pool *p, enum expr_kind kind, const struct expr *a)
{
    struct expr *e = a ? raml_expr_new(p, kind, 1) : NULL;
    if (e) e->arg[0] = a;
    return e;
}

const struct expr *raml_expr_2(struct expr_pool *p, enum expr_kind kind, const struct expr *a, const struct expr *b)
{
    struct expr *e = a && b ? raml_expr_new(p, kind, 2) : NULL;
    if (!e) return NULL;
    e->arg[0] = a;
    e->arg[1] = b;
    return e;
}

const struct expr *raml_expr_call(struct expr_pool *p, enum expr_fn fn, const struct expr *a, const struct expr *b)
{
    struct expr *e = a ? raml_expr_new(p, EXPR_CALL, b ? 2 : 1) : NULL;
    if (!e) return NULL;
    e->sub = (uint8_t)fn;
    e->arg[0] = a;
    if (b) e->arg[1] = b;
    return e;
}

const struct expr *raml_expr_text(struct expr_pool *p, enum expr_kind kind, const char *text, size_t n)
{
    struct expr *e = raml_expr_new(p, kind, 0);
    if (!e) return NULL;
    e->text = raml_arena_text(p->arena, text, n);
    e->n_text = (uint32_t)n;
    if (e->text) return e;
    p->no_memory = true;
    return NULL;
}

const struct expr *raml_expr_number(struct expr_pool *p, const char *digits, size_t n, int32_t scale)
{
    struct expr *e = (struct expr *)raml_expr_text(p, EXPR_NUMBER, digits, n);
    if (e) e->scale = scale;
    return e;
}

const struct expr *raml_expr_int(struct expr_pool *p, long v)
{
    char text[24];
    unsigned long u = v < 0 ? 0UL - (unsigned long)v : (unsigned long)v;
    size_t n = sizeof text;
    do text[--n] = (char)('0' + u % 10);
    while (u /= 10);
    const struct expr *e = raml_expr_number(p, text + n, sizeof text - n, 0);
    return v < 0 ? raml_expr_1(p, EXPR_NEG, e) : e;
}

static uint32_t left_of(const struct expr *e, uint32_t limit)
{
    if (!limit--) return 0;
    for (uint32_t i = 0; i < e->n && limit; i++) limit = left_of(e->arg[i], limit);
    return limit;
}

bool raml_expr_fits(const struct expr *e, uint32_t limit)
{
    return left_of(e, limit) > 0;
}

bool raml_expr_is_scalar(const struct expr *e)
{
    if (e->kind > EXPR_APPLY) return false;
    for (uint32_t i = 0; i < e->n; i++)
        if (!raml_expr_is_scalar(e->arg[i])) return false;
    return true;
}

bool raml_expr_same(const struct expr *a, const struct expr *b)
{
    if (a == b) return true;
    if (a->kind != b->kind || a->sub != b->sub || a->n != b->n || a->rows != b->rows || a->scale != b->scale ||
        a->n_text != b->n_text || memcmp(a->text, b->text, a->n_text) != 0)
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (!raml_expr_same(a->arg[i], b->arg[i])) return false;
    return true;
}

bool raml_expr_has_symbol(const struct expr *e)
{
    if (e->kind == EXPR_SYMBOL || e->kind == EXPR_APPLY) return true;
    for (uint32_t i = 0; i < e->n; i++)
        if (raml_expr_has_symbol(e->arg[i])) return true;
    return false;
}

const struct expr *raml_expr_replace(struct expr_pool *p, const struct expr *e, const char *name, const struct expr *by)
{
    if (!e) return NULL;
    if (e->kind == EXPR_SYMBOL && !strcmp(e->text, name)) return by;
    if (e->kind == EXPR_I && !strcmp(name, "i")) return by;
    if (!e->n) return e;
    struct expr *copy = NULL;
    for (uint32_t i = 0; i < e->n; i++) {
        const struct expr *a = raml_expr_replace(p, e->arg[i], name, by);
        if (!a) return NULL;
        if (a == e->arg[i] && !copy) continue;
        if (!copy) {
            copy = raml_expr_new(p, e->kind, e->n);
            if (!copy) return NULL;
            const struct expr **arg = copy->arg;
            *copy = *e;
            copy->arg = arg;
            memcpy(copy->arg, e->arg, i * sizeof *copy->arg);
        }
        copy->arg[i] = a;
    }
    return copy ? copy : e;
}

const char *raml_expr_fn_name(enum expr_fn fn)
{
    static const char *const name[EXPR_N_FNS] = {[FN_SQRT] = "sqrt",
                                                 [FN_ROOT] = "root",
                                                 [FN_EXP] = "exp",
                                                 [FN_LN] = "ln",
                                                 [FN_LOG] = "log",
                                                 [FN_SIN] = "sin",
                                                 [FN_COS] = "cos",
                                                 [FN_TAN] = "tan",
                                                 [FN_COT] = "cot",
                                                 [FN_SEC] = "sec",
                                                 [FN_CSC] = "csc",
                                                 [FN_ASIN] = "asin",
                                                 [FN_ACOS] = "acos",
                                                 [FN_ATAN] = "atan",
                                                 [FN_ACOT] = "acot",
                                                 [FN_ASEC] = "asec",
                                                 [FN_ACSC] = "acsc",
                                                 [FN_SINH] = "sinh",
                                                 [FN_COSH] = "cosh",
                                                 [FN_TANH] = "tanh",
                                                 [FN_COTH] = "coth",
                                                 [FN_SECH] = "sech",
                                                 [FN_CSCH] = "csch",
                                                 [FN_ASINH] = "asinh",
                                                 [FN_ACOSH] = "acosh",
                                                 [FN_ATANH] = "atanh",
                                                 [FN_ABS] = "abs",
                                                 [FN_FLOOR] = "floor",
                                                 [FN_CEIL] = "ceil",
                                                 [FN_SIGN] = "sign",
                                                 [FN_FACTORIAL] = "factorial",
                                                 [FN_FACTORIAL2] = "factorial2",
                                                 [FN_BINOMIAL] = "binomial",
                                                 [FN_PERMUTATIONS] = "permutations",
                                                 [FN_GCD] = "gcd",
                                                 [FN_LCM] = "lcm",
                                                 [FN_MIN] = "min",
                                                 [FN_MAX] = "max",
                                                 [FN_MOD] = "mod",
                                                 [FN_RE] = "re",
                                                 [FN_IM] = "im",
                                                 [FN_CONJ] = "conj",
                                                 [FN_ARG] = "arg"};
    return fn < EXPR_N_FNS ? name[fn] : "?";
}

static void print(const struct expr *e, struct raml_buf *out);

static void print_all(const struct expr *e, const char *open, const char *between, const char *close,
                      struct raml_buf *out)
{
    raml_buf_adds(out, open);
    for (uint32_t i = 0; i < e->n; i++) {
        if (i) raml_buf_adds(out, between);
        print(e->arg[i], out);
    }
    raml_buf_adds(out, close);
}

static void print_number(const struct expr *e, struct raml_buf *out)
{
    if (e->scale <= 0) {
        raml_buf_adds(out, e->text);
        if (e->scale < 0) raml_buf_addf(out, "e%d", -e->scale);
    } else if ((uint32_t)e->scale < e->n_text) {
        raml_buf_add(out, e->text, e->n_text - (uint32_t)e->scale);
        raml_buf_adds(out, ".");
        raml_buf_adds(out, e->text + e->n_text - (uint32_t)e->scale);
    } else if ((uint32_t)e->scale - e->n_text < 32) {
        raml_buf_adds(out, "0.");
        for (uint32_t i = e->n_text; i < (uint32_t)e->scale; i++) raml_buf_adds(out, "0");
        raml_buf_adds(out, e->text);
    } else {
        raml_buf_addf(out, "%se-%d", e->text, e->scale);
    }
}

static const char *relation_text(char r)
{
    switch (r) {
    case EXPR_EQ: return " = ";
    case EXPR_NE: return " != ";
    case EXPR_LT: return " < ";
    case EXPR_GT: return " > ";
    case EXPR_LE: return " <= ";
    case EXPR_GE: return " >= ";
    case EXPR_APPROX: return " ~ ";
    case EXPR_IN: return " in ";
    case EXPR_NOTIN: return " not in ";
    case EXPR_SUBSET: return " subset ";
    default: return " equiv ";
    }
}

static void print_structure(const struct expr *e, struct raml_buf *out)
{
    switch (e->kind) {
    case EXPR_LIST: print_all(e, "", ", ", "", out); break;
    case EXPR_TUPLE: print_all(e, "(", ", ", ")", out); break;
    case EXPR_BRACKETS: print_all(e, "[", ", ", "]", out); break;
    case EXPR_INTERVAL:
        print_all(e, e->sub & EXPR_OPEN_LEFT ? "(" : "[", ", ", e->sub & EXPR_OPEN_RIGHT ? ")" : "]", out);
        break;
    case EXPR_SET: print_all(e, "{", ", ", "}", out); break;
    case EXPR_UNION: print_all(e, "", " union ", "", out); break;
    case EXPR_INTERSECTION: print_all(e, "", " intersection ", "", out); break;
    case EXPR_MINUS_SET: print_all(e, "", " \\ ", "", out); break;
    case EXPR_RATIO: print_all(e, "", ":", "", out); break;
    case EXPR_MATRIX:
        raml_buf_addf(out, "matrix %u x %u ", e->rows, e->rows ? e->n / e->rows : 0);
        print_all(e, "[", ", ", "]", out);
        break;
    case EXPR_CASES: print_all(e, "cases[", "; ", "]", out); break;
    case EXPR_QUALIFIED: print_all(e, "", " where ", "", out); break;
    case EXPR_RELATION:
        for (uint32_t i = 0; i < e->n; i++) {
            if (i) raml_buf_adds(out, relation_text(e->text[i - 1]));
            print(e->arg[i], out);
        }
        break;
    case EXPR_TIME: print_all(e, "minute ", "", e->sub ? " (am/pm)" : "", out); break;
    case EXPR_BASE: print_all(e, "base(", ", ", ")", out); break;
    case EXPR_UNIT:
        print(e->arg[0], out);
        raml_buf_addf(out, " [%s]", e->text);
        break;
    default: raml_buf_addf(out, "\"%s\"", e->text); break;
    }
}

static void print(const struct expr *e, struct raml_buf *out)
{
    if (out->len > MAX_PRINT_BYTES) return;
    switch (e->kind) {
    case EXPR_NUMBER: print_number(e, out); break;
    case EXPR_SYMBOL: raml_buf_adds(out, e->text); break;
    case EXPR_PI: raml_buf_adds(out, "pi"); break;
    case EXPR_E: raml_buf_adds(out, "e"); break;
    case EXPR_I: raml_buf_adds(out, "i"); break;
    case EXPR_INFINITY: raml_buf_adds(out, "oo"); break;
    case EXPR_NEG: print_all(e, "-(", "", ")", out); break;
    case EXPR_ADD: print_all(e, "(", " + ", ")", out); break;
    case EXPR_MUL: print_all(e, "(", "*", ")", out); break;
    case EXPR_DIV: print_all(e, "(", "/", ")", out); break;
    case EXPR_POW: print_all(e, "(", "^", ")", out); break;
    case EXPR_CALL:
        raml_buf_adds(out, raml_expr_fn_name(e->sub));
        print_all(e, "(", ", ", ")", out);
        break;
    case EXPR_PERCENT: print_all(e, "", "", "%", out); break;
    case EXPR_DEGREE: print_all(e, "", "", " deg", out); break;
    case EXPR_APPLY:
        raml_buf_adds(out, e->text);
        print_all(e, "(", ", ", ")", out);
        break;
    case EXPR_PLUS_MINUS: print_all(e, e->n == 1 ? "+-(" : "(", " +- ", ")", out); break;
    default: print_structure(e, out); break;
    }
}

void raml_expr_print(const struct expr *e, struct raml_buf *out)
{
    print(e, out);
}
