/* compare_qualified.c - answers that say something of their letters, and letters whose name is free: the parameter of
 * a family, a constant of integration (compare.h). */
#include "answer/compare/compare.h"

#include <string.h>

enum { MAX_NAMES = 12 };

struct names {
    const struct expr *e[MAX_NAMES];
    uint32_t n;
};

static void gather(const struct expr *e, struct names *x)
{
    if (e->kind == EXPR_SYMBOL) {
        for (uint32_t i = 0; i < x->n; i++)
            if (raml_expr_same(x->e[i], e)) return;
        if (x->n < MAX_NAMES) x->e[x->n++] = e;
        return;
    }
    for (uint32_t i = 0; i < e->n; i++) gather(e->arg[i], x);
}

static bool has(const struct names *x, const struct expr *symbol)
{
    for (uint32_t i = 0; i < x->n; i++)
        if (raml_expr_same(x->e[i], symbol)) return true;
    return false;
}

/* The names of a that b has not. */
static struct names only_in(const struct names *a, const struct names *b)
{
    struct names out = {.n = 0};
    for (uint32_t i = 0; i < a->n; i++)
        if (!has(b, a->e[i])) out.e[out.n++] = a->e[i];
    return out;
}

static const struct expr *rename_in(struct check *c, const struct expr *e, const struct expr *from,
                                    const struct expr *to)
{
    return raml_expr_replace(&c->pool, e, from->text, to);
}

/* ---- what is said ---- */

/* Which numbers a letter stands for, as far as it is said: 'Z', 'N', 'R', 'C', 'Q', 'k' (a constant); 0: not said. */
static char domain_of(const struct expr *q)
{
    static const struct {
        const char *word;
        char domain;
    } said[] = {{"positive integer", 'N'},
                {"natural", 'N'},
                {"nonnegative integer", '0'},
                {"non-negative integer", '0'},
                {"integer", 'Z'},
                {"rational", 'Q'},
                {"complex", 'C'},
                {"real", 'R'},
                {"constant", 'k'}};
    for (size_t k = 0; k < sizeof said / sizeof *said; k++)
        if (strstr(q->arg[1]->text, said[k].word)) return said[k].domain;
    for (uint32_t i = 2; i < q->n; i++) {
        const struct expr *r = q->arg[i];
        if (r->kind != EXPR_RELATION || r->n != 2 || r->text[0] != EXPR_IN) continue;
        if (r->arg[1]->kind == EXPR_INTERVAL) return 'R';
        if (r->arg[1]->kind == EXPR_TEXT && r->arg[1]->n_text == 1) return r->arg[1]->text[0];
    }
    return 0;
}

static bool is_said_of(const struct expr *q, const struct expr *symbol)
{
    for (uint32_t i = 2; i < q->n; i++)
        if (raml_expr_same(q->arg[i], symbol)) return true;
    return false;
}

/* Does it say something of a letter of its value? */
static bool concerns_value(const struct expr *q)
{
    struct names x = {.n = 0};
    gather(q->arg[0], &x);
    for (uint32_t i = 2; i < q->n; i++)
        if (q->arg[i]->kind == EXPR_SYMBOL && has(&x, q->arg[i])) return true;
    for (uint32_t i = 2; i < q->n; i++)
        if (q->arg[i]->kind == EXPR_RELATION && q->arg[i]->arg[0]->kind == EXPR_I) return true;
    return q->arg[0]->kind == EXPR_RELATION && x.n > 0 && q->n > 2;
}

/* A letter that is defined, "where \varphi = ...", replaced by what it is. */
static const struct expr *defined(struct check *c, const struct expr *q)
{
    const struct expr *v = q->arg[0];
    for (uint32_t i = 2; i < q->n && v; i++) {
        const struct expr *r = q->arg[i];
        if (r->kind != EXPR_RELATION || r->n != 2 || r->text[0] != EXPR_EQ || r->arg[0]->kind != EXPR_SYMBOL) continue;
        v = rename_in(c, v, r->arg[0], r->arg[1]);
    }
    return v && raml_expr_fits(v, EXPR_MAX_SIZE) ? v : q->arg[0];
}

/* ---- families ---- */

static const struct expr *at(struct check *c, const struct expr *f, const struct expr *k, long v)
{
    return raml_expr_replace(&c->pool, f, k->text, raml_expr_int(&c->pool, v));
}

static const struct expr *minus(struct check *c, const struct expr *a, const struct expr *b)
{
    return raml_expr_2(&c->pool, EXPR_ADD, a, raml_expr_1(&c->pool, EXPR_NEG, b));
}

static bool decided_equal(struct check *c, const struct expr *a, const struct expr *b)
{
    const char *rule;
    return a && b && raml_decide(a, b, &c->work, &rule) == RAML_EQUAL;
}

/* a + bk and a' + b'k for all integers k: the same numbers when b' is b or -b and a' - a a multiple of it. */
static bool same_family(struct check *c, const struct expr *f, const struct expr *g, const struct expr *k)
{
    if (!raml_expr_is_scalar(f) || !raml_expr_is_scalar(g)) return false;
    const struct expr *f0 = at(c, f, k, 0), *g0 = at(c, g, k, 0), *f1 = at(c, f, k, 1), *g1 = at(c, g, k, 1);
    if (!f0 || !g0 || !f1 || !g1) return false;
    const struct expr *b = minus(c, f1, f0), *d = minus(c, g1, g0);
    const struct expr *line_f = raml_expr_2(&c->pool, EXPR_ADD, f0, raml_expr_2(&c->pool, EXPR_MUL, b, k));
    const struct expr *line_g = raml_expr_2(&c->pool, EXPR_ADD, g0, raml_expr_2(&c->pool, EXPR_MUL, d, k));
    if (!decided_equal(c, f, line_f) || !decided_equal(c, g, line_g)) return false;
    if (!decided_equal(c, b, d) && !decided_equal(c, b, raml_expr_1(&c->pool, EXPR_NEG, d))) return false;
    const struct expr *steps = raml_expr_2(&c->pool, EXPR_DIV, minus(c, g0, f0), b);
    long n;
    return steps && raml_decide_small_int(steps, &c->work, &n);
}

/* ---- comparing ---- */

/* The values, once the parameter that one side declares has the other side's name for it. */
static enum raml_verdict values(struct check *c, const struct expr *qa, const struct expr *a, const struct expr *qb,
                                const struct expr *b)
{
    enum raml_verdict v = raml_compare(c, a, b);
    if (v == RAML_EQUAL) return v;
    const char *rule = c->rule;
    struct names na = {.n = 0}, nb = {.n = 0};
    a = raml_compare_value(c, a, NULL);
    b = raml_compare_value(c, b, NULL);
    gather(a, &na);
    gather(b, &nb);
    struct names x = only_in(&na, &nb), y = only_in(&nb, &na);
    const struct expr *parameter = NULL;
    if (x.n == 1 && y.n == 1 && ((qa && is_said_of(qa, x.e[0])) || (qb && is_said_of(qb, y.e[0])))) {
        const struct expr *renamed = rename_in(c, b, y.e[0], x.e[0]);
        if (!renamed) return raml_compare_said(c, RAML_UNKNOWN, "too large");
        b = renamed;
        parameter = x.e[0];
        if (raml_compare(c, a, b) == RAML_EQUAL) return raml_compare_said(c, RAML_EQUAL, "a parameter of another name");
    } else {
        for (uint32_t i = 0; i < na.n && !parameter; i++)
            if ((qa && is_said_of(qa, na.e[i])) || (qb && is_said_of(qb, na.e[i]))) parameter = na.e[i];
    }
    bool whole = (!qa || domain_of(qa) == 'Z') && (!qb || domain_of(qb) == 'Z');
    if (parameter && whole && same_family(c, a, b, parameter))
        return raml_compare_said(c, RAML_EQUAL, "the same family of numbers");
    return raml_compare_said(c, v, rule);
}

static enum raml_verdict both(struct check *c, const struct expr *a, const struct expr *b)
{
    enum raml_verdict v = values(c, a, a->arg[0], b, b->arg[0]);
    if (v != RAML_EQUAL) v = raml_compare(c, defined(c, a), defined(c, b));
    if (v != RAML_EQUAL) return v;
    const char *rule = c->rule;
    char x = domain_of(a), y = domain_of(b);
    bool constants = (x == 'k' && y == 'R') || (x == 'R' && y == 'k');
    if (x && y && x != y && !constants)
        return raml_compare_said(c, RAML_UNKNOWN, "letters that stand for other numbers");
    const struct expr *ra = a->n > 2 && a->arg[2]->kind == EXPR_RELATION ? a->arg[2] : NULL;
    const struct expr *rb = b->n > 2 && b->arg[2]->kind == EXPR_RELATION ? b->arg[2] : NULL;
    bool same = !ra || !rb || x || raml_compare(c, ra, rb) == RAML_EQUAL;
    return same && a->sub == b->sub ? raml_compare_said(c, RAML_EQUAL, rule)
                                    : raml_compare_said(c, RAML_UNKNOWN, "other conditions");
}

enum raml_verdict raml_compare_qualified(struct check *c, const struct expr *a, const struct expr *b)
{
    if (a->kind == EXPR_QUALIFIED && b->kind == EXPR_QUALIFIED) return both(c, a, b);
    bool first = a->kind == EXPR_QUALIFIED;
    const struct expr *q = first ? a : b, *x = first ? b : a;
    enum raml_verdict v = first ? values(c, q, q->arg[0], NULL, x) : values(c, NULL, x, q, q->arg[0]);
    if (v != RAML_EQUAL) {
        const struct expr *d = defined(c, q);
        if (d == q->arg[0]) return v;
        return first ? raml_compare(c, d, x) : raml_compare(c, x, d);
    }
    if (!concerns_value(q))
        return raml_compare_said(c, q->sub ? RAML_DIFFERENT : RAML_UNKNOWN, "a condition on the answer");
    if (q->sub) return raml_compare_said(c, RAML_UNKNOWN, "a condition on the answer");
    return v;
}

static bool holds_turn(const struct expr *e)
{
    if (e->kind == EXPR_PI || e->kind == EXPR_DEGREE) return true;
    for (uint32_t i = 0; i < e->n; i++)
        if (holds_turn(e->arg[i])) return true;
    return false;
}

/* pi/2 + k pi beside -pi/2 + n pi, where nothing says what k and n are: parameters, if they have other names (a formula
 * in n would have n on both sides) or are k. */
enum raml_verdict raml_compare_families(struct check *c, const struct expr *a, const struct expr *b)
{
    struct names x = {.n = 0}, y = {.n = 0};
    if (!holds_turn(a) || !holds_turn(b)) return RAML_DIFFERENT;
    gather(a, &x);
    gather(b, &y);
    if (x.n != 1 || y.n != 1 || x.e[0]->n_text != 1 || y.e[0]->n_text != 1) return RAML_DIFFERENT;
    char k = x.e[0]->text[0], l = y.e[0]->text[0];
    if (!strchr("kmnl", k) || !strchr("kmnl", l) || (k == l && k != 'k')) return RAML_DIFFERENT;
    const struct expr *renamed = k == l ? b : rename_in(c, b, y.e[0], x.e[0]);
    if (!renamed || !same_family(c, a, renamed, x.e[0])) return RAML_DIFFERENT;
    const struct expr *zero = raml_expr_int(&c->pool, 0), *first = at(c, a, x.e[0], 0);
    return zero && first && !decided_equal(c, first, zero) ? RAML_EQUAL : RAML_UNKNOWN; /* k pi may be a multiple */
}

/* ---- constants ---- */

/* C, c, C_1, c_2, K; `free`: surely a constant of integration, not a number of the question. */
static bool is_constant(const struct expr *e, bool *free)
{
    if (e->kind != EXPR_SYMBOL || !e->n_text) return false;
    char ch = e->text[0];
    bool index = e->n_text > 2 && e->text[1] == '_' && e->text[2] >= '0' && e->text[2] <= '9';
    *free = ch == 'C';
    return (ch == 'C' || ch == 'c' || ch == 'K' || ch == 'k' || ch == 'A' || ch == 'B') && (e->n_text == 1 || index);
}

/* The constant that e, a sum, adds to what does not contain it; *rest: the others. NULL: none. */
static const struct expr *added_constant(struct check *c, const struct expr *e, const struct expr **rest)
{
    if (e->kind != EXPR_ADD || e->n < 2) return NULL;
    for (uint32_t i = 0; i < e->n; i++) {
        bool free;
        if (!is_constant(e->arg[i], &free)) continue;
        struct names others = {.n = 0};
        struct expr *sum = raml_expr_new(&c->pool, EXPR_ADD, e->n - 1);
        if (!sum) return NULL;
        for (uint32_t k = 0, n = 0; k < e->n; k++)
            if (k != i) sum->arg[n++] = e->arg[k], gather(e->arg[k], &others);
        if (!others.n || has(&others, e->arg[i])) continue;
        *rest = sum->n == 1 ? sum->arg[0] : sum;
        return e->arg[i];
    }
    return NULL;
}

static bool mentions_letters_of_a_question(const struct names *x)
{
    for (uint32_t i = 0; i < x->n; i++)
        if (x->e[i]->n_text == 1 && strchr("abABkpq", x->e[i]->text[0])) return true;
    return false;
}

static bool up_to_a_constant(struct check *c, const struct expr *a, const struct expr *b)
{
    const struct expr *ra, *rb, *ca = added_constant(c, a, &ra), *cb = ca ? added_constant(c, b, &rb) : NULL;
    struct names na = {.n = 0}, nb = {.n = 0};
    bool free_a, free_b;
    if (!cb || !is_constant(ca, &free_a) || !is_constant(cb, &free_b) || (!free_a && !free_b)) return false;
    gather(ra, &na);
    gather(rb, &nb);
    if (mentions_letters_of_a_question(&na) || only_in(&na, &nb).n || only_in(&nb, &na).n) return false;
    if (decided_equal(c, ra, rb)) return true;
    if (na.n != 1 || !free_a || !free_b) return false;
    const struct expr *d = minus(c, ra, rb), *there = d ? at(c, d, na.e[0], 3) : NULL;
    return there && !raml_expr_has_symbol(there) && decided_equal(c, d, there);
}

/* Constants of other names, one or two, in any place. */
static bool constants_renamed(struct check *c, const struct expr *a, const struct expr *b)
{
    struct names na = {.n = 0}, nb = {.n = 0};
    gather(a, &na);
    gather(b, &nb);
    struct names x = only_in(&na, &nb), y = only_in(&nb, &na);
    bool any = false, free;
    if (x.n != y.n || !x.n || x.n > 2 || na.n == x.n) return false;
    for (uint32_t i = 0; i < x.n; i++) {
        if (!is_constant(x.e[i], &free)) return false;
        any = any || free || x.e[i]->text[0] == 'c';
        if (!is_constant(y.e[i], &free)) return false;
        any = any && (free || y.e[i]->text[0] == 'c' || x.e[i]->text[0] == 'C');
    }
    if (!any || (x.n == 1 && mentions_letters_of_a_question(&na))) return false;
    for (uint32_t turn = 0; turn < x.n; turn++) {
        const struct expr *r = b;
        for (uint32_t i = 0; i < y.n && r; i++) r = rename_in(c, r, y.e[i], x.e[(i + turn) % x.n]);
        if (decided_equal(c, a, r)) return true;
    }
    return false;
}

bool raml_compare_constants(struct check *c, const struct expr *a, const struct expr *b)
{
    return up_to_a_constant(c, a, b) || constants_renamed(c, a, b);
}
