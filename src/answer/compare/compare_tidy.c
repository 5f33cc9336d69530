/* compare_tidy.c - plus-minus written out, matrices computed, units (compare.h). */
#include "answer/compare/compare.h"

#include "core/ascii.h"

#include <string.h>

/* ---- plus-minus ---- */

static bool has_plus_minus(const struct expr *e)
{
    if (e->kind == EXPR_PLUS_MINUS) return true;
    for (uint32_t i = 0; i < e->n; i++)
        if (has_plus_minus(e->arg[i])) return true;
    return false;
}

/* e with the upper (or lower) of all signs. */
static const struct expr *one_sign(struct expr_pool *p, const struct expr *e, bool upper)
{
    if (!has_plus_minus(e)) return e;
    struct expr *copy = raml_expr_new(p, e->kind, e->n);
    if (!copy) return NULL;
    const struct expr **arg = copy->arg;
    *copy = *e;
    copy->arg = arg;
    for (uint32_t i = 0; i < e->n; i++) {
        arg[i] = one_sign(p, e->arg[i], upper);
        if (!arg[i]) return NULL;
    }
    if (e->kind != EXPR_PLUS_MINUS) return copy;
    const struct expr *last = arg[e->n - 1];
    if ((e->sub == 1) == upper) last = raml_expr_1(p, EXPR_NEG, last);
    return e->n == 2 ? raml_expr_2(p, EXPR_ADD, arg[0], last) : last;
}

/* ---- matrices ---- */

static const struct expr *each(struct check *c, const struct expr *m, enum expr_kind kind, const struct expr *by)
{
    struct expr *e = raml_expr_new(&c->pool, EXPR_MATRIX, m->n);
    if (!e) return NULL;
    e->rows = m->rows;
    for (uint32_t i = 0; i < m->n; i++) {
        e->arg[i] =
            kind == EXPR_NEG ? raml_expr_1(&c->pool, EXPR_NEG, m->arg[i]) : raml_expr_2(&c->pool, kind, m->arg[i], by);
        if (!e->arg[i]) return NULL;
    }
    return e;
}

static const struct expr *add_matrices(struct check *c, const struct expr *a, const struct expr *b)
{
    if (a->n != b->n || a->rows != b->rows) return NULL;
    struct expr *e = raml_expr_new(&c->pool, EXPR_MATRIX, a->n);
    if (!e) return NULL;
    e->rows = a->rows;
    for (uint32_t i = 0; i < a->n; i++) {
        e->arg[i] = raml_expr_2(&c->pool, EXPR_ADD, a->arg[i], b->arg[i]);
        if (!e->arg[i]) return NULL;
    }
    return e;
}

static const struct expr *multiply_matrices(struct check *c, const struct expr *a, const struct expr *b)
{
    uint32_t inner = a->rows ? a->n / a->rows : 0, columns = b->rows ? b->n / b->rows : 0;
    if (inner != b->rows || !inner || (size_t)a->rows * columns * inner > 512) return NULL;
    struct expr *e = raml_expr_new(&c->pool, EXPR_MATRIX, a->rows * columns);
    if (!e) return NULL;
    e->rows = a->rows;
    for (uint32_t i = 0; i < e->n; i++) {
        const struct expr *sum = NULL;
        for (uint32_t k = 0; k < inner; k++) {
            const struct expr *t =
                raml_expr_2(&c->pool, EXPR_MUL, a->arg[i / columns * inner + k], b->arg[k * columns + i % columns]);
            sum = sum ? raml_expr_2(&c->pool, EXPR_ADD, sum, t) : t;
        }
        e->arg[i] = sum;
        if (!sum || !raml_expr_fits(sum, EXPR_MAX_SIZE / 64)) return NULL;
    }
    return e;
}

/* e (its arguments tidy) with sums and products of matrices computed; e itself if there are none. */
static const struct expr *work_out(struct check *c, const struct expr *e)
{
    if ((e->kind == EXPR_NEG) && e->arg[0]->kind == EXPR_MATRIX) return each(c, e->arg[0], EXPR_NEG, NULL);
    if (e->kind == EXPR_DIV && e->arg[0]->kind == EXPR_MATRIX && raml_expr_is_scalar(e->arg[1]))
        return each(c, e->arg[0], EXPR_DIV, e->arg[1]);
    if (e->kind != EXPR_ADD && e->kind != EXPR_MUL) return e;
    uint32_t matrices = 0;
    for (uint32_t i = 0; i < e->n; i++) matrices += e->arg[i]->kind == EXPR_MATRIX;
    if (!matrices || (e->kind == EXPR_ADD && matrices < e->n)) return e;
    const struct expr *sum = e->arg[0];
    for (uint32_t i = 1; i < e->n && sum; i++) {
        const struct expr *a = e->arg[i];
        if (e->kind == EXPR_ADD) sum = add_matrices(c, sum, a);
        else if (sum->kind == EXPR_MATRIX && a->kind == EXPR_MATRIX) sum = multiply_matrices(c, sum, a);
        else if (sum->kind == EXPR_MATRIX && raml_expr_is_scalar(a)) sum = each(c, sum, EXPR_MUL, a);
        else if (a->kind == EXPR_MATRIX && raml_expr_is_scalar(sum)) sum = each(c, a, EXPR_MUL, sum);
        else if (raml_expr_is_scalar(a) && raml_expr_is_scalar(sum)) sum = raml_expr_2(&c->pool, EXPR_MUL, sum, a);
        else return e;
    }
    return sum ? sum : e;
}

/* ---- units ---- */

struct unit {
    const char *name;
    uint8_t what;       /* what it measures */
    const char *factor; /* in the first unit of its kind */
};

static const struct unit units[] = {{"mm", 1, "1"},
                                    {"millimeter", 1, "1"},
                                    {"millimeters", 1, "1"},
                                    {"cm", 1, "10"},
                                    {"centimeter", 1, "10"},
                                    {"centimeters", 1, "10"},
                                    {"dm", 1, "100"},
                                    {"m", 1, "1000"},
                                    {"meter", 1, "1000"},
                                    {"meters", 1, "1000"},
                                    {"metre", 1, "1000"},
                                    {"metres", 1, "1000"},
                                    {"km", 1, "1000000"},
                                    {"kilometer", 1, "1000000"},
                                    {"kilometers", 1, "1000000"},
                                    {"inch", 2, "1"},
                                    {"inches", 2, "1"},
                                    {"in", 2, "1"},
                                    {"foot", 2, "12"},
                                    {"feet", 2, "12"},
                                    {"ft", 2, "12"},
                                    {"yard", 2, "36"},
                                    {"yards", 2, "36"},
                                    {"yd", 2, "36"},
                                    {"mile", 2, "63360"},
                                    {"miles", 2, "63360"},
                                    {"mi", 2, "63360"},
                                    {"mg", 3, "1"},
                                    {"g", 3, "1000"},
                                    {"gram", 3, "1000"},
                                    {"grams", 3, "1000"},
                                    {"kg", 3, "1000000"},
                                    {"kilogram", 3, "1000000"},
                                    {"kilograms", 3, "1000000"},
                                    {"ounce", 4, "1"},
                                    {"ounces", 4, "1"},
                                    {"oz", 4, "1"},
                                    {"pound", 4, "16"},
                                    {"pounds", 4, "16"},
                                    {"lb", 4, "16"},
                                    {"lbs", 4, "16"},
                                    {"second", 5, "1"},
                                    {"seconds", 5, "1"},
                                    {"sec", 5, "1"},
                                    {"s", 5, "1"},
                                    {"minute", 5, "60"},
                                    {"minutes", 5, "60"},
                                    {"min", 5, "60"},
                                    {"hour", 5, "3600"},
                                    {"hours", 5, "3600"},
                                    {"hr", 5, "3600"},
                                    {"hrs", 5, "3600"},
                                    {"h", 5, "3600"},
                                    {"day", 5, "86400"},
                                    {"days", 5, "86400"},
                                    {"week", 5, "604800"},
                                    {"weeks", 5, "604800"},
                                    {"cent", 6, "1"},
                                    {"cents", 6, "1"},
                                    {"dollar", 6, "100"},
                                    {"dollars", 6, "100"},
                                    {"usd", 6, "100"},
                                    {"euro", 7, "1"},
                                    {"euros", 7, "1"},
                                    {"pence", 8, "1"},
                                    {"yen", 9, "1"},
                                    {"rupee", 10, "1"},
                                    {"rupees", 10, "1"},
                                    {"ml", 11, "1"},
                                    {"milliliters", 11, "1"},
                                    {"l", 11, "1000"},
                                    {"liter", 11, "1000"},
                                    {"liters", 11, "1000"},
                                    {"litres", 11, "1000"},
                                    {"month", 12, "1"},
                                    {"months", 12, "1"},
                                    {"year", 12, "12"},
                                    {"years", 12, "12"}};

/* The unit by name, lower case, with a power after it ("cm^2", "squarefeet"); *power 1 to 3. NULL: unknown. */
static const struct unit *look_up(const char *text, uint32_t n, int *power)
{
    char s[32];
    uint32_t len = 0;
    *power = 1;
    for (uint32_t i = 0; i < n; i++) {
        char ch = text[i];
        if (len + 1 >= sizeof s) return NULL;
        ch = to_lower(ch);
        if (!strchr(" .~", ch)) s[len++] = ch;
    }
    s[len] = 0;
    char *name = s;
    if (!strncmp(name, "text", 4)) name += 4;
    if (!strncmp(name, "square", 6)) name += 6, *power = 2;
    else if (!strncmp(name, "cubic", 5)) name += 5, *power = 3;
    else if (!strncmp(name, "sq", 2)) name += 2, *power = 2;
    len = (uint32_t)strlen(name);
    if (len > 2 && name[len - 2] == '^' && (name[len - 1] == '2' || name[len - 1] == '3')) {
        *power = name[len - 1] - '0';
        name[len - 2] = 0;
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!strcmp(units[i].name, name)) return &units[i];
    return NULL;
}

static const struct expr *in_first_unit(struct check *c, const struct expr *e, const struct unit *u, int power)
{
    const struct expr *f = raml_expr_number(&c->pool, u->factor, strlen(u->factor), 0), *v = e;
    for (int i = 0; i < power; i++) v = raml_expr_2(&c->pool, EXPR_MUL, v, f);
    return v;
}

enum raml_verdict raml_compare_units(struct check *c, const struct expr *a, const struct expr *b)
{
    if (a->kind != EXPR_UNIT || b->kind != EXPR_UNIT) {
        const struct expr *u = a->kind == EXPR_UNIT ? a : b;
        raml_work_say(&c->work, "the unit '%.40s' is left aside", u->text);
        return raml_compare(c, a->kind == EXPR_UNIT ? a->arg[0] : a, b->kind == EXPR_UNIT ? b->arg[0] : b);
    }
    int pa, pb;
    const struct unit *ua = look_up(a->text, a->n_text, &pa), *ub = look_up(b->text, b->n_text, &pb);
    if (!ua || !ub || (a->n_text == b->n_text && !strcmp(a->text, b->text)))
        return raml_compare(c, a->arg[0], b->arg[0]);
    if (pa != pb || ua->what != ub->what) {
        bool lengths = pa == pb && ua->what + ub->what == 3; /* metric and not: neither is a multiple we keep */
        enum raml_verdict v = raml_compare(c, a->arg[0], b->arg[0]);
        return raml_compare_said(c, v == RAML_EQUAL || !lengths ? RAML_DIFFERENT : RAML_UNKNOWN, "other units");
    }
    const struct expr *x = in_first_unit(c, a->arg[0], ua, pa), *y = in_first_unit(c, b->arg[0], ub, pb);
    if (!x || !y) return raml_compare_said(c, RAML_UNKNOWN, "too large");
    raml_work_say(&c->work, "both in the same unit");
    return raml_compare(c, x, y);
}

/* ---- the whole ---- */

static const struct expr *tidy(struct check *c, const struct expr *e, int depth);

static const struct expr *tidy_arguments(struct check *c, const struct expr *e, int depth)
{
    struct expr *copy = NULL;
    for (uint32_t i = 0; i < e->n; i++) {
        const struct expr *a = tidy(c, e->arg[i], depth + 1);
        if (!a) return NULL;
        if (a->kind == EXPR_BASE && e->kind <= EXPR_APPLY) { /* arithmetic with it */
            const struct expr *v = raml_compare_based_value(c, a);
            if (v) a = v;
        }
        if (a == e->arg[i]) continue;
        if (!copy) {
            copy = raml_expr_new(&c->pool, e->kind, e->n);
            if (!copy) return NULL;
            const struct expr **arg = copy->arg;
            *copy = *e;
            copy->arg = arg;
            memcpy(copy->arg, e->arg, e->n * sizeof *e->arg);
        }
        copy->arg[i] = a;
    }
    return copy ? copy : e;
}

/* Flattens a list in a list, where +- made two of one. */
static const struct expr *flatten(struct check *c, const struct expr *e)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < e->n; i++) n += e->arg[i]->kind == EXPR_LIST && e->arg[i]->sub ? e->arg[i]->n : 1;
    if (n == e->n) return e;
    struct expr *flat = raml_expr_new(&c->pool, e->kind, n);
    if (!flat) return NULL;
    n = 0;
    for (uint32_t i = 0; i < e->n; i++) {
        const struct expr *a = e->arg[i];
        if (a->kind != EXPR_LIST || !a->sub) {
            flat->arg[n++] = a;
            continue;
        }
        memcpy(flat->arg + n, a->arg, a->n * sizeof *a->arg);
        n += a->n;
    }
    return flat;
}

static const struct expr *both_signs(struct check *c, const struct expr *e)
{
    struct expr *two = raml_expr_new(&c->pool, EXPR_LIST, 2);
    if (!two) return NULL;
    two->sub = 1; /* made here */
    two->arg[0] = one_sign(&c->pool, e, true);
    two->arg[1] = one_sign(&c->pool, e, false);
    return two->arg[0] && two->arg[1] ? two : NULL;
}

static bool scalar_but_signs(const struct expr *e)
{
    if (e->kind == EXPR_UNIT) return scalar_but_signs(e->arg[0]);
    if (e->kind > EXPR_APPLY && e->kind != EXPR_PLUS_MINUS) return false;
    for (uint32_t i = 0; i < e->n; i++)
        if (!scalar_but_signs(e->arg[i])) return false;
    return true;
}

static const struct expr *tidy(struct check *c, const struct expr *e, int depth)
{
    if (depth > EXPR_MAX_DEPTH * 2) return e;
    if (scalar_but_signs(e) && has_plus_minus(e)) {
        e = both_signs(c, e);
        if (!e) return NULL;
    }
    if (e->kind == EXPR_RELATION && e->n == 2 && has_plus_minus(e->arg[1]) && !has_plus_minus(e->arg[0]) &&
        scalar_but_signs(e->arg[1]) && e->text[0] == EXPR_EQ)
        return both_signs(c, e); /* x = +-2: x = 2, x = -2 */
    e = tidy_arguments(c, e, depth);
    if (e && e->kind == EXPR_NEG && e->arg[0]->kind == EXPR_UNIT) { /* -(5 dollars) */
        const struct expr *u = e->arg[0];
        struct expr *out = (struct expr *)raml_expr_1(&c->pool, EXPR_UNIT, raml_expr_1(&c->pool, EXPR_NEG, u->arg[0]));
        if (out) out->text = u->text, out->n_text = u->n_text;
        return out;
    }
    if (e && (e->kind == EXPR_LIST || e->kind == EXPR_SET || e->kind == EXPR_CASES)) e = flatten(c, e);
    return e ? work_out(c, e) : NULL;
}

const struct expr *raml_compare_tidy(struct check *c, const struct expr *e)
{
    e = tidy(c, e, 0);
    return e && raml_expr_fits(e, 2 * EXPR_MAX_SIZE) ? e : NULL;
}
