/* compare.c - how each kind of answer is compared (compare.h). */
#include "answer/compare/compare.h"

#include "core/ascii.h"

#include <string.h>

enum raml_verdict raml_compare_said(struct check *c, enum raml_verdict v, const char *rule)
{
    c->rule = rule;
    return v;
}

enum { DOUBLE_DIGITS = 15 }; /* and two more: what programs print of a double */

static bool is_listing(const struct expr *e)
{
    return e->kind == EXPR_LIST || e->kind == EXPR_TUPLE || e->kind == EXPR_BRACKETS || e->kind == EXPR_SET ||
           e->kind == EXPR_MATRIX || e->kind == EXPR_CASES || e->kind == EXPR_INTERVAL;
}

/* ---- scalars ---- */

/* 2.5 of 2.5 * 10^3; e itself when it has no such form. */
static const struct expr *mantissa(const struct expr *e)
{
    if (e->kind != EXPR_MUL || e->n != 2 || e->arg[0]->kind != EXPR_NUMBER || e->arg[1]->kind != EXPR_POW) return e;
    const struct expr *ten = e->arg[1]->arg[0], *power = e->arg[1]->arg[1];
    if (power->kind == EXPR_NEG) power = power->arg[0];
    return ten->kind == EXPR_NUMBER && !strcmp(ten->text, "10") && power->kind == EXPR_NUMBER ? e->arg[0] : e;
}

/* A decimal as written, maybe with a sign or a power of ten: its NUMBER. NULL: something else. */
static const struct expr *decimal(const struct expr *e)
{
    if (e->kind == EXPR_NEG) e = e->arg[0];
    e = mantissa(e);
    return e->kind == EXPR_NUMBER && e->scale > 0 ? e : NULL;
}

static uint32_t significant(const struct expr *number)
{
    uint32_t i = 0;
    while (i < number->n_text && number->text[i] == '0') i++;
    return number->n_text - i;
}

static const struct expr *hundred_times(struct check *c, const struct expr *e)
{
    const struct expr *x = raml_expr_2(&c->pool, EXPR_MUL, e, raml_expr_int(&c->pool, 100));
    return x ? x : e;
}

/* Is one of them a decimal of enough digits that the other, no decimal, rounds to? */
static bool rounded(struct check *c, const struct expr *a, const struct expr *b)
{
    if (a->kind == EXPR_PERCENT && b->kind != EXPR_PERCENT && !decimal(b))
        return rounded(c, a->arg[0], hundred_times(c, b));
    if (b->kind == EXPR_PERCENT && a->kind != EXPR_PERCENT && !decimal(a))
        return rounded(c, hundred_times(c, a), b->arg[0]);
    const struct expr *da = decimal(a), *db = decimal(b);
    if ((da != NULL) == (db != NULL)) return false;
    const struct expr *d = da ? a : b, *x = da ? b : a;
    if (significant(da ? da : db) < RAML_ANSWER_DIGITS || raml_expr_has_symbol(x)) return false;
    return raml_decide_rounds_to(x, d, &c->work) == RAML_EQUAL;
}

/* Is one of them what a program prints of the double for the other: 0.30000000000000004 for 0.3? */
static bool is_double(struct check *c, const struct expr *a, const struct expr *b)
{
    for (int side = 0; side < 2; side++) {
        const struct expr *d = decimal(side ? b : a), *x = side ? a : b;
        if (!d || significant(d) < DOUBLE_DIGITS || significant(d) > DOUBLE_DIGITS + 2 || raml_expr_has_symbol(x))
            continue;
        if (raml_decide_is_double(x, side ? b : a, &c->work) == RAML_EQUAL) return true;
    }
    return false;
}

/* i, 2.0 i: the factor of i, with its sign, in *part. */
static bool imaginary_part(struct check *c, const struct expr *e, const struct expr **part)
{
    bool minus = e->kind == EXPR_NEG;
    if (minus) e = e->arg[0];
    if (e->kind == EXPR_I) *part = raml_expr_int(&c->pool, 1);
    else if (e->kind == EXPR_MUL && e->n == 2 && e->arg[0]->kind == EXPR_NUMBER && e->arg[1]->kind == EXPR_I)
        *part = e->arg[0];
    else return false;
    if (minus) *part = raml_expr_1(&c->pool, EXPR_NEG, *part);
    return *part != NULL;
}

/* "0.7071067811865476+0.7071067811865475i": what a program prints of a complex number. */
static bool complex_literal(struct check *c, const struct expr *e, struct complex_double *out)
{
    if (e->kind == EXPR_ADD && e->n == 2) {
        int im = imaginary_part(c, e->arg[1], &out->part[1]) ? 1 : 0;
        if (!im && !imaginary_part(c, e->arg[0], &out->part[1])) return false;
        out->part[0] = e->arg[1 - im];
    } else {
        out->part[0] = raml_expr_int(&c->pool, 0);
        if (!imaginary_part(c, e, &out->part[1])) return false;
    }
    bool any = false;
    for (int k = 0; k < 2; k++) {
        const struct expr *d = out->part[k];
        if (d && d->kind == EXPR_NEG) d = d->arg[0];
        if (!d || d->kind != EXPR_NUMBER) return false;
        out->printed[k] = d->scale > 0 && significant(d) >= DOUBLE_DIGITS && significant(d) <= DOUBLE_DIGITS + 2;
        any = any || out->printed[k];
    }
    return any;
}

static bool is_complex_double(struct check *c, const struct expr *a, const struct expr *b)
{
    struct complex_double d;
    return (complex_literal(c, a, &d) && raml_decide_is_complex_double(b, &d, &c->work) == RAML_EQUAL) ||
           (complex_literal(c, b, &d) && raml_decide_is_complex_double(a, &d, &c->work) == RAML_EQUAL);
}

/* The same for 66.67 % and 2/3. */
static bool nearly(struct check *c, const struct expr *a, const struct expr *b, const char **rule)
{
    bool one = (a->kind == EXPR_PERCENT) != (b->kind == EXPR_PERCENT);
    const struct expr *hundred = one ? raml_expr_int(&c->pool, 100) : NULL;
    if (one && a->kind == EXPR_PERCENT) a = a->arg[0], b = raml_expr_2(&c->pool, EXPR_MUL, b, hundred);
    else if (one) b = b->arg[0], a = raml_expr_2(&c->pool, EXPR_MUL, a, hundred);
    if (!a || !b) return false;
    *rule = "a decimal that the other rounds to";
    if (rounded(c, a, b)) return true;
    *rule = "the digits of a double";
    return is_double(c, a, b) || is_complex_double(c, a, b);
}

/* floor(x * 10^decimals + 1/2) */
static const struct expr *rounded_to(struct check *c, const struct expr *x)
{
    struct expr_pool *p = &c->pool;
    const struct expr *scale = raml_expr_number(p, "1", 1, -c->decimals);
    const struct expr *half = raml_expr_number(p, "5", 1, 1);
    const struct expr *sum = raml_expr_2(p, EXPR_ADD, raml_expr_2(p, EXPR_MUL, x, scale), half);
    return sum ? raml_expr_call(p, FN_FLOOR, sum, NULL) : NULL;
}

static bool same_when_rounded(struct check *c, const struct expr *a, const struct expr *b)
{
    const char *rule;
    if (c->decimals < 1 || raml_expr_has_symbol(a) || raml_expr_has_symbol(b)) return false;
    const struct expr *x = rounded_to(c, a), *y = rounded_to(c, b);
    return x && y && raml_decide(x, y, &c->work, &rule) == RAML_EQUAL;
}

static void say_decided(struct check *c, const struct expr *a, const struct expr *b, enum raml_verdict v)
{
    if (!c->work.explain) return;
    struct raml_buf x, y;
    raml_buf_init(&x, 1 << 16);
    raml_buf_init(&y, 1 << 16);
    raml_expr_print(a, &x);
    raml_expr_print(b, &y);
    raml_work_say(&c->work, "%.150s and %.150s: %s, %s", x.data ? x.data : "", y.data ? y.data : "",
                  raml_verdict_name(v), c->rule);
    raml_buf_deinit(&x);
    raml_buf_deinit(&y);
}

/* A number with nothing left to compute: 5, -5, 1/2, 1 1/2, 5 %, 2 * 10^3. */
static bool is_plain_number(const struct expr *e)
{
    if (e->kind == EXPR_NEG || e->kind == EXPR_PERCENT || e->kind == EXPR_DEGREE) return is_plain_number(e->arg[0]);
    if (e->kind == EXPR_ADD)
        return e->n == 2 && e->arg[0]->kind == EXPR_NUMBER && e->arg[1]->kind == EXPR_DIV && is_plain_number(e->arg[1]);
    if (e->kind == EXPR_DIV) return e->arg[0]->kind == EXPR_NUMBER && e->arg[1]->kind == EXPR_NUMBER;
    if (e->kind == EXPR_MUL) return mantissa(e) != e;
    return e->kind == EXPR_NUMBER;
}

enum raml_verdict raml_compare_scalars(struct check *c, const struct expr *a, const struct expr *b)
{
    if (c->worked_out && is_plain_number(a) && !is_plain_number(b))
        return raml_compare_said(c, RAML_DIFFERENT, "arithmetic is left to do");
    const char *rule = "not decided";
    enum raml_verdict v = raml_decide(a, b, &c->work, &rule);
    c->rule = rule;
    say_decided(c, a, b, v);
    if (v == RAML_EQUAL) return v;
    const struct expr *bare_a = a, *bare_b = b;
    const char *why = NULL;
    if (a->kind == EXPR_PERCENT && b->kind != EXPR_PERCENT) bare_a = a->arg[0], why = "per cent left aside";
    else if (b->kind == EXPR_PERCENT && a->kind != EXPR_PERCENT) bare_b = b->arg[0], why = "per cent left aside";
    else if (a->kind == EXPR_DEGREE && b->kind != EXPR_DEGREE) bare_a = a->arg[0], why = "degrees left aside";
    else if (b->kind == EXPR_DEGREE && a->kind != EXPR_DEGREE) bare_b = b->arg[0], why = "degrees left aside";
    if (why) {
        raml_work_say(&c->work, "%s", why);
        enum raml_verdict bare = raml_decide(bare_a, bare_b, &c->work, &rule);
        if (bare == RAML_EQUAL) return raml_compare_said(c, bare, why);
    }
    if (same_when_rounded(c, a, b)) return raml_compare_said(c, RAML_EQUAL, "the same to so many decimals");
    const char *said = c->rule;
    if (nearly(c, a, b, &rule)) return raml_compare_said(c, RAML_EQUAL, rule);
    return raml_compare_said(c, v, said);
}

/* ---- ratios, times, bases ---- */

static const struct expr *minutes(struct check *c, const struct expr *e)
{
    if (e->kind == EXPR_TIME) return e->arg[0];
    const struct expr *hours = raml_expr_2(&c->pool, EXPR_MUL, e->arg[0], raml_expr_int(&c->pool, 60));
    return raml_expr_2(&c->pool, EXPR_ADD, hours, e->arg[1]);
}

static enum raml_verdict compare_times(struct check *c, const struct expr *a, const struct expr *b)
{
    bool clocks = (a->kind == EXPR_TIME || (a->kind == EXPR_RATIO && a->sub)) &&
                  (b->kind == EXPR_TIME || (b->kind == EXPR_RATIO && b->sub));
    if (!clocks) return raml_compare_said(c, RAML_DIFFERENT, "a time of day and something else");
    const struct expr *x = minutes(c, a), *y = minutes(c, b);
    if (!x || !y) return raml_compare_said(c, RAML_UNKNOWN, "too large");
    enum raml_verdict v = raml_decide(x, y, &c->work, &c->rule);
    if (v == RAML_DIFFERENT && a->kind != b->kind) { /* "4:30" may mean 4:30 PM */
        const struct expr *half = raml_expr_int(&c->pool, 720);
        if (a->kind == EXPR_TIME) y = raml_expr_2(&c->pool, EXPR_ADD, y, half);
        else x = raml_expr_2(&c->pool, EXPR_ADD, x, half);
        if (x && y && raml_decide(x, y, &c->work, &c->rule) == RAML_EQUAL) v = RAML_UNKNOWN;
        return raml_compare_said(c, v, v == RAML_UNKNOWN ? "AM or PM left out" : "times of day");
    }
    return raml_compare_said(c, v, "times of day");
}

static enum raml_verdict in_order(struct check *c, const struct expr *a, const struct expr *b);

static enum raml_verdict compare_ratios(struct check *c, const struct expr *a, const struct expr *b)
{
    if (a->kind != EXPR_RATIO || b->kind != EXPR_RATIO) {
        const struct expr *r = a->kind == EXPR_RATIO ? a : b, *x = r == a ? b : a;
        if (r->sub && !strcmp(r->arg[1]->text, "00"))
            return raml_compare_said(c, RAML_DIFFERENT, "a time of day and something else");
        if (r->n != 2 || !raml_expr_is_scalar(x) || !raml_expr_is_scalar(r->arg[0]) || !raml_expr_is_scalar(r->arg[1]))
            return raml_compare_said(c, RAML_DIFFERENT, "a ratio and something else");
        const struct expr *q = raml_expr_2(&c->pool, EXPR_DIV, r->arg[0], r->arg[1]);
        return q ? raml_compare_scalars(c, q, x) : raml_compare_said(c, RAML_UNKNOWN, "too large");
    }
    if (a->n != b->n) return raml_compare_said(c, RAML_DIFFERENT, "ratios of unequal length");
    enum raml_verdict same = in_order(c, a, b);
    if (same == RAML_EQUAL) return raml_compare_said(c, same, "ratios");
    for (uint32_t i = 1; i < a->n; i++) { /* a0 bi = ai b0 */
        const struct expr *x = raml_expr_2(&c->pool, EXPR_MUL, a->arg[0], b->arg[i]);
        const struct expr *y = raml_expr_2(&c->pool, EXPR_MUL, a->arg[i], b->arg[0]);
        if (!x || !y || !raml_expr_is_scalar(x) || !raml_expr_is_scalar(y))
            return raml_compare_said(c, RAML_UNKNOWN, "ratios of what is no number");
        enum raml_verdict v = raml_decide(x, y, &c->work, &c->rule);
        if (v != RAML_EQUAL) return raml_compare_said(c, v, "ratios");
    }
    for (uint32_t i = 0; i < a->n && a->sub && b->sub; i++)
        if (!strcmp(a->arg[i]->text, "00") || !strcmp(b->arg[i]->text, "00"))
            return raml_compare_said(c, RAML_DIFFERENT, "times of day");
    if (a->sub && b->sub) return raml_compare_said(c, RAML_UNKNOWN, "ratios, or times of day");
    return raml_compare_said(c, RAML_EQUAL, "ratios");
}

/* The number that digits in a base stand for, as an expression; NULL: none. */
const struct expr *raml_compare_based_value(struct check *c, const struct expr *e)
{
    long base;
    const struct expr *digits = e->arg[0], *v = raml_expr_int(&c->pool, 0);
    if (!raml_decide_small_int(e->arg[1], &c->work, &base) || base < 2 || base > 36 || digits->n_text > 200)
        return NULL;
    const struct expr *b = raml_expr_int(&c->pool, base);
    for (uint32_t i = 0; i < digits->n_text && v; i++) {
        char d = digits->text[i];
        int x = d >= '0' && d <= '9' ? d - '0' : is_alpha(d) ? to_lower(d) - 'a' + 10 : 99;
        if (x >= base) return NULL;
        v = raml_expr_2(&c->pool, EXPR_ADD, raml_expr_2(&c->pool, EXPR_MUL, v, b), raml_expr_int(&c->pool, x));
    }
    return v;
}

static enum raml_verdict compare_bases(struct check *c, const struct expr *a, const struct expr *b)
{
    const struct expr *x = a->kind == EXPR_BASE ? a : b, *y = x == a ? b : a;
    if (y->kind != EXPR_BASE) {
        if (!raml_expr_is_scalar(y)) return raml_compare_said(c, RAML_DIFFERENT, "a number and something else");
        if (x->arg[1]->kind == EXPR_SYMBOL && y->kind == EXPR_NUMBER && !y->scale) /* 100_b against 100 */
            return raml_compare_said(c, strcmp(y->text, x->arg[0]->text) ? RAML_DIFFERENT : RAML_EQUAL,
                                     "digits in a base");
        const struct expr *v = raml_compare_based_value(c, x);
        return v ? raml_compare_scalars(c, v, y) : raml_compare_said(c, RAML_UNKNOWN, "digits that the base has not");
    }
    if (!strcmp(x->arg[0]->text, y->arg[0]->text)) {
        enum raml_verdict v = raml_compare(c, x->arg[1], y->arg[1]);
        return raml_compare_said(c, v, "digits in a base");
    }
    const struct expr *v = raml_compare_based_value(c, x), *w = raml_compare_based_value(c, y);
    if (!v || !w) return raml_compare_said(c, RAML_DIFFERENT, "digits in a base");
    return raml_compare_scalars(c, v, w);
}

/* ---- listings ---- */

static enum raml_verdict in_order(struct check *c, const struct expr *a, const struct expr *b)
{
    enum raml_verdict all = RAML_EQUAL;
    const char *rule = "element by element";
    if (a->n != b->n) return raml_compare_said(c, RAML_DIFFERENT, "not as many");
    for (uint32_t i = 0; i < a->n; i++) {
        enum raml_verdict v = raml_compare(c, a->arg[i], b->arg[i]);
        if (v == RAML_DIFFERENT) return v;
        if (v == RAML_UNKNOWN) all = v, rule = c->rule;
    }
    return raml_compare_said(c, all, rule);
}

static enum raml_verdict any_order(struct check *c, const struct expr *a, const struct expr *b)
{
    enum raml_verdict all = RAML_EQUAL;
    const char *rule = "elements in any order";
    if (a->n != b->n) return raml_compare_said(c, RAML_DIFFERENT, "not as many");
    bool *used = raml_arena_alloc(c->pool.arena, b->n + 1, sizeof *used);
    if (!used) return raml_compare_said(c, RAML_UNKNOWN, "too large");
    for (uint32_t i = 0; i < a->n; i++) {
        bool found = false, unsure = false;
        for (uint32_t k = 0; k < b->n && !found; k++) {
            uint32_t j = (i + k) % b->n; /* the same place first */
            if (used[j]) continue;
            enum raml_verdict v = raml_compare(c, a->arg[i], b->arg[j]);
            if (v == RAML_EQUAL) found = used[j] = true;
            if (v == RAML_UNKNOWN) unsure = true, rule = c->rule;
        }
        if (!found && !unsure) return raml_compare_said(c, RAML_DIFFERENT, "an element that the other has not");
        if (!found) all = RAML_UNKNOWN;
    }
    return raml_compare_said(c, all, all == RAML_EQUAL ? "elements in any order" : rule);
}

static bool is_named(struct check *c, const struct expr *e)
{
    const struct expr *name;
    raml_compare_value(c, e, &name);
    return name != NULL;
}

/* "x = 1, y = 2" against "1, 2"; "a = 4, -8" against "4, -8": the names go where the other side has none. */
static const struct expr *without_names(struct check *c, const struct expr *e)
{
    struct expr *bare = raml_expr_new(&c->pool, e->kind, e->n);
    if (!bare) return NULL;
    const struct expr **arg = bare->arg;
    *bare = *e;
    bare->arg = arg;
    for (uint32_t i = 0; i < e->n; i++) arg[i] = raml_compare_value(c, e->arg[i], NULL);
    return bare;
}

static uint32_t count_named(struct check *c, const struct expr *e)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < e->n; i++) n += is_named(c, e->arg[i]);
    return n;
}

/* Without duplicates. */
static const struct expr *as_set(struct check *c, const struct expr *e)
{
    struct expr *set = raml_expr_new(&c->pool, EXPR_SET, e->n);
    if (!set) return NULL;
    set->n = 0;
    for (uint32_t i = 0; i < e->n; i++) {
        bool there = false;
        for (uint32_t k = 0; k < set->n && !there; k++) there = raml_compare(c, set->arg[k], e->arg[i]) == RAML_EQUAL;
        if (!there) set->arg[set->n++] = e->arg[i];
    }
    return set;
}

/* "A and C" beside AC. */
static bool same_letters(const struct expr *list, const struct expr *word)
{
    if ((list->kind != EXPR_LIST && list->kind != EXPR_SET) || word->kind != EXPR_MUL || word->n != list->n ||
        word->n > 8)
        return false;
    uint32_t in = 0, of = 0;
    for (uint32_t i = 0; i < list->n; i++) {
        const struct expr *x = list->arg[i], *y = word->arg[i];
        if (x->kind != EXPR_SYMBOL || y->kind != EXPR_SYMBOL || x->n_text != 1 || y->n_text != 1) return false;
        if (x->text[0] < 'A' || x->text[0] > 'H' || y->text[0] < 'A' || y->text[0] > 'H') return false;
        in |= UINT32_C(1) << (x->text[0] - 'A');
        of |= UINT32_C(1) << (y->text[0] - 'A');
    }
    return in == of;
}

/* [[1, 2], [3, 4]] as a matrix of as many rows; e itself where it is none, or there is no memory. */
static const struct expr *as_matrix(struct check *c, const struct expr *e, const struct expr *matrix)
{
    uint32_t columns = matrix->rows ? matrix->n / matrix->rows : 0;
    if ((e->kind != EXPR_BRACKETS && e->kind != EXPR_TUPLE && e->kind != EXPR_LIST) || e->n != matrix->rows || e->n < 2)
        return e;
    struct expr *m = raml_expr_new(&c->pool, EXPR_MATRIX, matrix->n);
    if (!m) return e;
    m->rows = matrix->rows;
    for (uint32_t i = 0; i < e->n; i++) {
        const struct expr *row = e->arg[i];
        if ((row->kind != EXPR_BRACKETS && row->kind != EXPR_TUPLE) || row->n != columns) return e;
        memcpy(m->arg + (size_t)i * columns, row->arg, columns * sizeof *row->arg);
    }
    return m;
}

/* An interval and none, or other ends; two elements in brackets and in parentheses. */
static bool other_brackets(const struct expr *a, const struct expr *b)
{
    bool interval = a->kind == EXPR_INTERVAL;
    if (interval != (b->kind == EXPR_INTERVAL)) return true;
    if (interval) return a->sub != b->sub;
    return a->n == 2 &&
           ((a->kind == EXPR_BRACKETS && b->kind == EXPR_TUPLE) || (a->kind == EXPR_TUPLE && b->kind == EXPR_BRACKETS));
}

static enum raml_verdict compare_listings(struct check *c, const struct expr *a, const struct expr *b)
{
    if (a->kind == EXPR_MATRIX && b->kind != EXPR_MATRIX) b = as_matrix(c, b, a);
    else if (b->kind == EXPR_MATRIX && a->kind != EXPR_MATRIX) a = as_matrix(c, a, b);
    if (!is_listing(a) || !is_listing(b)) {
        const struct expr *one = is_listing(a) ? a : b, *x = one == a ? b : a;
        if (one->n == 1) return raml_compare(c, one->arg[0], x);
        if (same_letters(one, x)) return raml_compare_said(c, RAML_EQUAL, "letters of a choice");
        return raml_compare_said(c, RAML_DIFFERENT, "several elements and one");
    }
    uint32_t named_a = count_named(c, a), named_b = count_named(c, b);
    bool named = named_a || named_b;
    if ((named_a != 0) != (named_b != 0) || (named_a < a->n) != (named_b < b->n)) {
        a = without_names(c, a);
        b = without_names(c, b);
        if (!a || !b) return raml_compare_said(c, RAML_UNKNOWN, "too large");
    }
    if (other_brackets(a, b)) return raml_compare_said(c, RAML_DIFFERENT, "other brackets");
    if (a->kind == EXPR_MATRIX && b->kind == EXPR_MATRIX && a->rows != b->rows)
        return raml_compare_said(c, RAML_DIFFERENT, "another shape");
    if (a->kind == EXPR_SET || b->kind == EXPR_SET) {
        const struct expr *o = a->kind == EXPR_SET ? b : a;
        if (o->kind != EXPR_SET && o->kind != EXPR_LIST)
            return raml_compare_said(c, RAML_DIFFERENT, "a set and a tuple");
        a = as_set(c, a);
        b = as_set(c, b);
        return a && b ? any_order(c, a, b) : raml_compare_said(c, RAML_UNKNOWN, "too large");
    }
    if (a->kind == EXPR_LIST && b->kind == EXPR_LIST && a->n != b->n && a->arg[0]->kind == EXPR_TUPLE) {
        a = as_set(c, a); /* points given twice */
        b = as_set(c, b);
        return a && b ? any_order(c, a, b) : raml_compare_said(c, RAML_UNKNOWN, "too large");
    }
    bool free_order =
        (a->kind == EXPR_LIST || a->kind == EXPR_CASES) && (b->kind == EXPR_LIST || b->kind == EXPR_CASES);
    if (free_order) return any_order(c, a, b);
    enum raml_verdict v = in_order(c, a, b);
    bool pair = a->n == 2 && !named && a->kind != b->kind && (a->kind == EXPR_LIST || b->kind == EXPR_LIST) &&
                (a->kind == EXPR_TUPLE || b->kind == EXPR_TUPLE);
    return v == RAML_EQUAL && pair ? raml_compare_said(c, RAML_UNKNOWN, "two numbers, or a pair of them") : v;
}

/* ---- all kinds ---- */

/* \log without a base (rows 1) to base 10; e itself where there is none. */
static const struct expr *to_base_ten(struct check *c, const struct expr *e)
{
    struct expr *copy = NULL;
    for (uint32_t i = 0; i < e->n; i++) {
        const struct expr *a = to_base_ten(c, e->arg[i]);
        if (!a) return NULL;
        if (a == e->arg[i]) continue;
        if (!copy) {
            copy = raml_expr_new(&c->pool, e->kind, e->n);
            if (!copy) return NULL;
            const struct expr **arg = copy->arg;
            *copy = *e;
            copy->arg = arg;
            memcpy(arg, e->arg, e->n * sizeof *arg);
        }
        copy->arg[i] = a;
    }
    if (copy) e = copy;
    if (e->kind != EXPR_CALL || e->sub != FN_LN || !e->rows) return e;
    return raml_expr_call(&c->pool, FN_LOG, e->arg[0], raml_expr_int(&c->pool, 10));
}

/* "\log 100" is natural here, but the answer 2 can only mean base 10: where one side is a rational number. */
static bool same_to_base_ten(struct check *c, const struct expr *a, const struct expr *b)
{
    const char *rule;
    if (!is_plain_number(a) && !is_plain_number(b)) return false;
    const struct expr *x = to_base_ten(c, a), *y = to_base_ten(c, b);
    if (!x || !y || (x == a && y == b)) return false;
    return raml_decide(x, y, &c->work, &rule) == RAML_EQUAL;
}

/* 3 (mod 7) */
static bool is_residue(const struct expr *e)
{
    return e->kind == EXPR_CALL && e->sub == FN_MOD && e->n == 2 && is_plain_number(e->arg[0]);
}

static enum raml_verdict compare_formulas(struct check *c, const struct expr *a, const struct expr *b)
{
    enum raml_verdict v = raml_compare_scalars(c, a, b);
    if (v == RAML_EQUAL && is_residue(a) && is_residue(b) && raml_compare(c, a->arg[1], b->arg[1]) != RAML_EQUAL)
        return raml_compare_said(c, RAML_UNKNOWN, "residues of other moduli");
    const char *rule = c->rule;
    if (v != RAML_EQUAL && same_to_base_ten(c, a, b))
        return raml_compare_said(c, RAML_EQUAL, "a logarithm without a base, to base 10");
    c->rule = rule;
    if (v == RAML_EQUAL || !raml_expr_has_symbol(a) || !raml_expr_has_symbol(b)) return v;
    if (v == RAML_UNKNOWN) {
        v = raml_compare_induction(c, a, b);
        if (v == RAML_UNKNOWN) v = raml_compare_induction(c, b, a);
        if (v != RAML_UNKNOWN) return raml_compare_said(c, v, "a sum, by induction");
    }
    const struct expr *va = raml_compare_vector(c, a, b), *vb = va ? raml_compare_vector(c, b, a) : NULL;
    if (vb && raml_compare(c, va, vb) == RAML_EQUAL) return raml_compare_said(c, RAML_EQUAL, "unit vectors");
    enum raml_verdict family = raml_compare_families(c, a, b);
    if (family != RAML_DIFFERENT) return raml_compare_said(c, family, "a family of angles");
    if (raml_compare_constants(c, a, b)) return raml_compare_said(c, RAML_EQUAL, "a constant of another name");
    return raml_compare_said(c, v, rule);
}

/* P(5,2) and C(5,2) beside a pair are points; else they are numbers. */
static const struct expr *named_point(struct check *c, const struct expr *e, const struct expr *other)
{
    if (e->kind != EXPR_CALL || !e->rows || e->n != 2 || other->kind != EXPR_TUPLE) return NULL;
    return raml_expr_2(&c->pool, EXPR_TUPLE, e->arg[0], e->arg[1]);
}

static bool is_formula_of_sets(const struct expr *e)
{
    return e->kind == EXPR_INTERSECTION || e->kind == EXPR_MINUS_SET;
}

static enum raml_verdict compare_kinds(struct check *c, const struct expr *a, const struct expr *b)
{
    if (a->kind == EXPR_QUALIFIED || b->kind == EXPR_QUALIFIED) return raml_compare_qualified(c, a, b);
    enum raml_verdict dates;
    if (raml_compare_dates(c, a, b, &dates)) return dates;
    if (a->kind == EXPR_UNIT || b->kind == EXPR_UNIT) return raml_compare_units(c, a, b);
    if (a->kind == EXPR_RELATION || b->kind == EXPR_RELATION) return raml_compare_relations(c, a, b);
    if (raml_compare_is_set(a) && raml_compare_is_set(b)) {
        enum raml_verdict v = raml_compare_sets(c, a, b);
        if (c->rule) return v;
    }
    if (a->kind == EXPR_TEXT || b->kind == EXPR_TEXT) return raml_compare_words(c, a, b);
    const struct expr *pa = named_point(c, a, b), *pb = named_point(c, b, a);
    if (pa || pb) return raml_compare(c, pa ? pa : a, pb ? pb : b);
    if (!raml_expr_is_scalar(a) || !raml_expr_is_scalar(b)) {
        const struct expr *va = raml_compare_vector(c, a, b), *vb = raml_compare_vector(c, b, a);
        if (va || vb) return raml_compare(c, va ? va : a, vb ? vb : b);
    }
    if (is_formula_of_sets(a) != is_formula_of_sets(b) && a->kind != EXPR_UNION && b->kind != EXPR_UNION &&
        raml_compare_is_set(a) && raml_compare_is_set(b))
        return raml_compare_said(c, RAML_UNKNOWN, "not decided: a formula of sets");
    if (is_listing(a) || is_listing(b)) return compare_listings(c, a, b);
    if (a->kind == EXPR_TIME || b->kind == EXPR_TIME) return compare_times(c, a, b);
    if (a->kind == EXPR_RATIO || b->kind == EXPR_RATIO) return compare_ratios(c, a, b);
    if (a->kind == EXPR_BASE || b->kind == EXPR_BASE) return compare_bases(c, a, b);
    if (raml_expr_is_scalar(a) && raml_expr_is_scalar(b)) return compare_formulas(c, a, b);
    if (a->kind != b->kind || a->sub != b->sub) return raml_compare_said(c, RAML_DIFFERENT, "another kind of answer");
    bool free_order =
        a->kind == EXPR_UNION || a->kind == EXPR_INTERSECTION || a->kind == EXPR_ADD || a->kind == EXPR_MUL;
    enum raml_verdict v = free_order ? any_order(c, a, b) : in_order(c, a, b);
    return v == RAML_DIFFERENT && a->kind <= EXPR_APPLY
               ? raml_compare_said(c, RAML_UNKNOWN, "not decided: a formula of sets")
               : v;
}

enum raml_verdict raml_compare(struct check *c, const struct expr *a, const struct expr *b)
{
    if (raml_expr_same(a, b)) return raml_compare_said(c, RAML_EQUAL, "same expression");
    if (c->depth >= COMPARE_MAX_DEPTH) return raml_compare_said(c, RAML_UNKNOWN, "nested too deeply");
    if (!raml_work_charge(&c->work, 1)) return raml_compare_said(c, RAML_UNKNOWN, "too much work");
    c->depth++;
    enum raml_verdict v = compare_kinds(c, a, b);
    c->depth--;
    return v;
}
