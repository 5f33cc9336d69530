/* compare_unit.c - units: converted where both sides have them, left aside where one has (compare.h, unit.h). */
#include "answer/compare/compare.h"
#include "answer/read/unit.h"
#include "core/ascii.h"

#include <string.h>

enum { MAX_PARTS = 6 };

struct quantity {
    const struct expr *value;           /* in SI units; as written where words change it */
    const struct expr *part[MAX_PARTS]; /* the factors of its units, of those that it is a sum in */
    uint32_t n_parts;
    struct unit unit;
    bool changes; /* words that make another number of it */
};

/* ---- conversion ---- */

static const struct expr *decimal(struct check *c, const char *s, size_t n)
{
    char digits[64];
    size_t len = 0;
    int32_t scale = 0;
    bool point = false;
    for (size_t i = 0; i < n && len < sizeof digits; i++) {
        if (s[i] == '.') point = true;
        else digits[len++] = s[i], scale += point;
    }
    return raml_expr_number(&c->pool, digits, len, scale);
}

static const struct expr *atom_factor(struct check *c, const struct unit_atom *a)
{
    const char *slash = strchr(a->factor, '/');
    size_t n = slash ? (size_t)(slash - a->factor) : strlen(a->factor);
    const struct expr *f = decimal(c, a->factor, n);
    if (slash) f = raml_expr_2(&c->pool, EXPR_DIV, f, decimal(c, slash + 1, strlen(slash + 1)));
    if (a->ten) f = raml_expr_2(&c->pool, EXPR_MUL, f, raml_expr_number(&c->pool, "1", 1, -a->ten));
    return a->power == 1 ? f : raml_expr_2(&c->pool, EXPR_POW, f, raml_expr_int(&c->pool, a->power));
}

static const struct expr *factor(struct check *c, const struct unit *u)
{
    const struct expr *f = raml_expr_int(&c->pool, 1);
    for (int i = 0; i < u->n_atoms; i++) {
        const struct expr *a = atom_factor(c, &u->atom[i]);
        f = i ? raml_expr_2(&c->pool, EXPR_MUL, f, a) : a;
    }
    return f;
}

/* 100 degrees Celsius in kelvin. */
static const struct expr *in_kelvin(struct check *c, const struct expr *v, char degrees)
{
    struct expr_pool *p = &c->pool;
    const struct expr *zero = raml_expr_number(p, "27315", 5, 2);
    if (degrees == 'K') return v;
    if (degrees == 'F') {
        const struct expr *below = raml_expr_2(p, EXPR_ADD, v, raml_expr_int(p, -32));
        const struct expr *ratio = raml_expr_2(p, EXPR_DIV, raml_expr_int(p, 5), raml_expr_int(p, 9));
        v = raml_expr_2(p, EXPR_MUL, below, ratio);
    }
    return raml_expr_2(p, EXPR_ADD, v, zero);
}

static bool no_dims(const struct unit *u)
{
    for (int d = 0; d < UNIT_N_DIMS; d++)
        if (u->dim[d]) return false;
    return true;
}

/* The parts after the first: "hours 30 minutes", from byte `at` on. False: they do not fit it. */
static bool more_parts(struct check *c, const struct expr *e, size_t at, struct quantity *q)
{
    for (;;) {
        size_t n = at, rest = 0;
        struct unit u;
        while (n < e->n_text && (is_digit(e->text[n]) || e->text[n] == '.')) n++;
        const struct expr *v = decimal(c, e->text + at, n - at);
        enum unit_words words = raml_unit_read(e->text + n, e->n_text - n, &u, &rest);
        if (words == UNIT_CHANGES || !u.n_atoms || u.degrees || q->unit.degrees) return false;
        if (!raml_unit_same_kind(&u, &q->unit) || q->n_parts == MAX_PARTS) return false;
        const struct expr *f = factor(c, &u);
        q->value = raml_expr_2(&c->pool, EXPR_ADD, q->value, raml_expr_2(&c->pool, EXPR_MUL, v, f));
        q->part[q->n_parts++] = f;
        if (words != UNIT_MORE) return q->value != NULL;
        at = n + rest;
    }
}

static void read_quantity(struct check *c, const struct expr *e, struct quantity *q)
{
    size_t rest = 0;
    memset(q, 0, sizeof *q);
    q->value = e->arg[0];
    enum unit_words words = raml_unit_read(e->text, e->n_text, &q->unit, &rest);
    bool scalar = raml_expr_is_scalar(q->value);
    q->changes = words == UNIT_CHANGES || (words == UNIT_MORE && !scalar);
    if (q->changes || !scalar || !q->unit.n_atoms) return;
    if (q->unit.degrees && q->unit.n_atoms == 1) {
        q->value = in_kelvin(c, q->value, q->unit.degrees);
        return;
    }
    const struct expr *f = factor(c, &q->unit);
    q->value = raml_expr_2(&c->pool, EXPR_MUL, q->value, f);
    q->part[q->n_parts++] = f;
    if (words == UNIT_MORE && !more_parts(c, e, rest, q)) {
        q->changes = true;
        q->value = e->arg[0];
    }
}

/* "5 ft, 6 in", "2 hours and 15 minutes" as a list: one quantity. False: it is another list. */
static bool read_list(struct check *c, const struct expr *list, struct quantity *q)
{
    if (list->kind != EXPR_LIST || list->n < 2 || list->n > MAX_PARTS) return false;
    for (uint32_t i = 0; i < list->n; i++) {
        struct quantity part;
        if (list->arg[i]->kind != EXPR_UNIT) return false;
        read_quantity(c, list->arg[i], &part);
        if (part.changes || part.n_parts != 1 || !raml_unit_is_measure(&part.unit) || part.unit.degrees) return false;
        if (!i) {
            *q = part;
            continue;
        }
        int order;
        if (!raml_unit_same_kind(&part.unit, &q->unit) ||
            !raml_decide_order(q->part[i - 1], part.part[0], &c->work, &order) || order <= 0)
            return false;
        q->value = raml_expr_2(&c->pool, EXPR_ADD, q->value, part.value);
        q->part[q->n_parts++] = part.part[0];
    }
    return q->value != NULL;
}

/* ---- words that change the number ---- */

static const struct expr *number_at(struct check *c, const char *s, size_t n)
{
    size_t i = 0, k;
    while (i < n && s[i] == ' ') i++;
    for (k = i; k < n && (is_digit(s[k]) || (s[k] == '.' && k + 1 < n && is_digit(s[k + 1]))); k++) {
    }
    if (k == i) return NULL;
    for (size_t j = k; j < n; j++)
        if (!is_alpha(s[j]) && s[j] != ' ') return NULL;
    return decimal(c, s + i, k - i);
}

static bool is_text(const struct expr *e, const char *s)
{
    return strlen(s) == e->n_text && !memcmp(s, e->text, e->n_text);
}

/* "3 out of 4", "1 in 4", "5 squared", "5 times 6": what that is; NULL: not one of these. */
static const struct expr *worked(struct check *c, const struct expr *e)
{
    static const struct {
        const char *words;
        enum expr_kind kind;
    } op[] = {{"out of every ", EXPR_DIV}, {"out of ", EXPR_DIV},
              {"in every ", EXPR_DIV},     {"in ", EXPR_DIV},
              {"divided by ", EXPR_DIV},   {"over ", EXPR_DIV},
              {"times ", EXPR_MUL},        {"multiplied by ", EXPR_MUL},
              {"plus ", EXPR_ADD},         {"to the power of ", EXPR_POW},
              {"minus ", EXPR_NEG}};
    const struct expr *v = e->arg[0];
    if (!raml_expr_is_scalar(v)) return NULL;
    if (is_text(e, "squared")) return raml_expr_2(&c->pool, EXPR_POW, v, raml_expr_int(&c->pool, 2));
    if (is_text(e, "cubed")) return raml_expr_2(&c->pool, EXPR_POW, v, raml_expr_int(&c->pool, 3));
    if (is_text(e, "halves")) return raml_expr_2(&c->pool, EXPR_DIV, v, raml_expr_int(&c->pool, 2));
    if (is_text(e, "tens")) return raml_expr_2(&c->pool, EXPR_MUL, v, raml_expr_int(&c->pool, 10));
    if (is_text(e, "factorial")) return raml_expr_call(&c->pool, FN_FACTORIAL, v, NULL);
    if (e->n_text > 7 && !memcmp(e->text, "choose ", 7)) {
        const struct expr *of = number_at(c, e->text + 7, e->n_text - 7);
        return of ? raml_expr_call(&c->pool, FN_BINOMIAL, v, of) : NULL;
    }
    for (size_t k = 0; k < sizeof op / sizeof *op; k++) {
        size_t n = strlen(op[k].words);
        if (e->n_text <= n || memcmp(op[k].words, e->text, n) != 0) continue;
        const struct expr *by = number_at(c, e->text + n, e->n_text - n);
        if (by && op[k].kind == EXPR_NEG)
            return raml_expr_2(&c->pool, EXPR_ADD, v, raml_expr_1(&c->pool, EXPR_NEG, by));
        return by ? raml_expr_2(&c->pool, op[k].kind, v, by) : NULL;
    }
    return NULL;
}

/* "remainder 2", "R 2": the 2. NULL: something else. */
static const struct expr *remainder_of(struct check *c, const struct expr *e)
{
    static const char *const words[] = {
        "with a remainder of ", "with remainder ", "remainder of ", "remainder ", "rem ", "R ", "r ", "R", "r"};
    for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
        size_t n = strlen(words[k]);
        if (e->n_text > n && !memcmp(words[k], e->text, n) && (is_digit(e->text[n])))
            return number_at(c, e->text + n, e->n_text - n);
    }
    return NULL;
}

static enum raml_verdict both_changed(struct check *c, const struct expr *a, const struct expr *b)
{
    const struct expr *v = worked(c, a), *w = worked(c, b);
    const struct expr *ra = remainder_of(c, a), *rb = remainder_of(c, b);
    if (v && w) return raml_compare(c, v, w);
    if (!ra || !rb) return raml_compare_said(c, RAML_UNKNOWN, "words that change the number");
    enum raml_verdict r = raml_compare(c, ra, rb);
    return r == RAML_EQUAL ? raml_compare(c, a->arg[0], b->arg[0]) : r;
}

static const char changed[] = "words that change the number";

/* One side has such words. */
static enum raml_verdict compare_changed(struct check *c, const struct expr *u, const struct expr *x, bool first)
{
    const struct expr *v = worked(c, u);
    const struct expr *other = x->kind == EXPR_UNIT ? x->arg[0] : x;
    if (x->kind == EXPR_RATIO && u->n_text > 3 && !memcmp(u->text, "to ", 3)) { /* 3 to 2, 3:2 */
        const struct expr *to = number_at(c, u->text + 3, u->n_text - 3);
        const struct expr *r = to ? raml_expr_2(&c->pool, EXPR_RATIO, u->arg[0], to) : NULL;
        if (r) return first ? raml_compare(c, r, x) : raml_compare(c, x, r);
    }
    if (v) {
        enum raml_verdict r = first ? raml_compare(c, v, other) : raml_compare(c, other, v);
        if (r == RAML_EQUAL || raml_expr_is_scalar(other)) return r;
    }
    bool scalar = raml_expr_is_scalar(other) || other->kind == EXPR_RELATION;
    return raml_compare_said(c, scalar ? RAML_DIFFERENT : RAML_UNKNOWN, changed);
}

/* ---- one side ---- */

/* "1 hour 30 minutes" against 90: in which of its units is not said. */
static enum raml_verdict compare_parts(struct check *c, const struct quantity *q, const struct expr *x)
{
    if (!raml_expr_is_scalar(x)) return raml_compare_said(c, RAML_DIFFERENT, "a quantity and something else");
    for (uint32_t i = 0; i < q->n_parts; i++) {
        const struct expr *in = raml_expr_2(&c->pool, EXPR_DIV, q->value, q->part[i]);
        if (!in || raml_compare(c, in, x) == RAML_EQUAL)
            return raml_compare_said(c, RAML_UNKNOWN, "a quantity, and a number without its unit");
    }
    return raml_compare_said(c, RAML_DIFFERENT, "a quantity and a number");
}

static enum raml_verdict one_unit(struct check *c, const struct expr *u, const struct expr *x, bool first)
{
    struct quantity q, list;
    read_quantity(c, u, &q);
    if (x->kind == EXPR_LIST && !q.changes && read_list(c, x, &list)) {
        if (!raml_unit_same_kind(&q.unit, &list.unit)) return raml_compare_said(c, RAML_DIFFERENT, "other units");
        return raml_compare(c, first ? q.value : list.value, first ? list.value : q.value);
    }
    if (q.changes) return compare_changed(c, u, x, first);
    if (u->sub && x->kind == EXPR_DEGREE) { /* 60' beside 1 degree */
        const struct expr *by = raml_expr_int(&c->pool, is_text(u, "ft") ? 60 : 3600);
        const struct expr *d = raml_expr_1(&c->pool, EXPR_DEGREE, raml_expr_2(&c->pool, EXPR_DIV, u->arg[0], by));
        if (d) return first ? raml_compare(c, d, x) : raml_compare(c, x, d);
    }
    if (q.n_parts > 1) return compare_parts(c, &q, x);
    bool own_unit = x->kind == EXPR_PERCENT || (x->kind == EXPR_DEGREE && !q.unit.degrees);
    if (own_unit && q.unit.n_atoms) return raml_compare_said(c, RAML_DIFFERENT, "other units"); /* 45 degrees, 45 cm */
    raml_work_say(&c->work, "the unit '%.40s' is left aside", u->text);
    return first ? raml_compare(c, u->arg[0], x) : raml_compare(c, x, u->arg[0]);
}

/* ---- both sides ---- */

static bool same_words(const struct expr *a, const struct expr *b)
{
    return a->n_text == b->n_text && !memcmp(a->text, b->text, a->n_text);
}

/* x = 5 of "x = 5 m": its value; the names must be the same, or one side has none. */
static bool without_names(struct check *c, const struct expr **a, const struct expr **b)
{
    const struct expr *name_a = NULL, *name_b = NULL;
    const struct expr *x = raml_compare_value(c, (*a)->arg[0], &name_a);
    const struct expr *y = raml_compare_value(c, (*b)->arg[0], &name_b);
    if (name_a && name_b && !raml_expr_same(name_a, name_b)) return false;
    struct expr *u = (struct expr *)raml_expr_1(&c->pool, EXPR_UNIT, x);
    struct expr *v = (struct expr *)raml_expr_1(&c->pool, EXPR_UNIT, y);
    if (!u || !v) return false;
    u->text = (*a)->text, u->n_text = (*a)->n_text;
    v->text = (*b)->text, v->n_text = (*b)->n_text;
    *a = u, *b = v;
    return true;
}

/* Units of other kinds: what do equal numbers in them mean? */
static enum raml_verdict other_kinds(struct check *c, const struct unit *a, const struct unit *b)
{
    if (raml_unit_excludes(a, b)) return raml_compare_said(c, RAML_DIFFERENT, "other things counted");
    if (!raml_unit_is_measure(a) || !raml_unit_is_measure(b))
        return raml_compare_said(c, RAML_UNKNOWN, "other words after the number");
    return raml_compare_said(c, RAML_DIFFERENT, "other units");
}

/* Calendar months have no fixed number of days. */
static bool months_and_days(const struct unit *a, const struct unit *b)
{
    int month = a->dim[DIM_MONTH] - b->dim[DIM_MONTH], time = a->dim[DIM_TIME] - b->dim[DIM_TIME];
    return month && month == -time;
}

/* "5 pounds" beside money. */
static bool is_sterling(const struct expr *e, const struct unit *other)
{
    return (is_text(e, "pounds") || is_text(e, "pound")) && other->dim[DIM_GBP] == 1;
}

static bool is_ton(const struct expr *e)
{
    return is_text(e, "tons") || is_text(e, "ton");
}

static enum raml_verdict both_units(struct check *c, const struct expr *a, const struct expr *b)
{
    struct quantity x, y;
    if (same_words(a, b)) return raml_compare(c, a->arg[0], b->arg[0]);
    if ((a->arg[0]->kind == EXPR_RELATION || b->arg[0]->kind == EXPR_RELATION) && !without_names(c, &a, &b))
        return raml_compare_said(c, RAML_UNKNOWN, "other names");
    read_quantity(c, a, &x);
    read_quantity(c, b, &y);
    if (x.changes && y.changes) return both_changed(c, a, b);
    if (x.changes || y.changes) return compare_changed(c, x.changes ? a : b, x.changes ? b : a, x.changes);
    bool plain =
        (x.unit.any && no_dims(&x.unit) && !x.unit.n_nouns) || (y.unit.any && no_dims(&y.unit) && !y.unit.n_nouns);
    if (plain) return raml_compare(c, a->arg[0], b->arg[0]);
    if (raml_unit_same_kind(&x.unit, &y.unit)) {
        bool zero = x.unit.degrees && y.unit.degrees && x.unit.degrees == y.unit.degrees;
        bool scalars = raml_expr_is_scalar(x.value) && raml_expr_is_scalar(y.value);
        if (zero || !x.unit.n_atoms) return raml_compare(c, a->arg[0], b->arg[0]);
        if (!scalars) {
            enum raml_verdict v = raml_compare(c, a->arg[0], b->arg[0]);
            bool sure = v != RAML_EQUAL && x.value->kind != EXPR_RATIO && y.value->kind != EXPR_RATIO;
            return raml_compare_said(c, sure ? v : RAML_UNKNOWN, "units of what is no number");
        }
        raml_work_say(&c->work, "both in the same unit");
        return raml_compare(c, x.value, y.value);
    }
    if (is_sterling(a, &y.unit) || is_sterling(b, &x.unit))
        return raml_compare_said(c, RAML_UNKNOWN, "pounds of mass, or money");
    if (is_ton(a) || is_ton(b)) return raml_compare_said(c, RAML_UNKNOWN, "tons of several masses");
    if (months_and_days(&x.unit, &y.unit)) return raml_compare_said(c, RAML_UNKNOWN, "months and days");
    enum raml_verdict v = raml_compare(c, a->arg[0], b->arg[0]);
    if (v != RAML_EQUAL && (!raml_unit_is_measure(&x.unit) || !raml_unit_is_measure(&y.unit))) return v;
    return other_kinds(c, &x.unit, &y.unit);
}

enum raml_verdict raml_compare_units(struct check *c, const struct expr *a, const struct expr *b)
{
    if (a->kind != EXPR_UNIT) return one_unit(c, b, a, false);
    if (b->kind != EXPR_UNIT) return one_unit(c, a, b, true);
    return both_units(c, a, b);
}
