/* family_modchain.c - variables defined by each other modulo 11, in shuffled order.
 *
 *   c=b+4;x=8;a=3;b=a*2;c mod 11?          x is not needed
 *
 * The needed variables form a chain: each combines the one before it with a constant, or occasionally with a side
 * variable that is itself a constant (its place among the steps is free). Every operation with a constant is a
 * bijection modulo 11, so the answer is uniform, and operations do not commute: the definitions have to be followed
 * one by one. Steps: first the names from the asked one back to a constant, then each definition copied, filled in,
 * and computed: first the result as it is, where it is not below the modulus, then the result modulo 11.
 */
#include "task/family_util.h"

enum { MODULUS = 11, MAX_VARS = 26 };

struct variable {
    char name, op;  /* op 0: the constant k */
    int base, side; /* indices; side -1: the second operand is k */
    int k, value;
};
struct chain {
    int n, n_all; /* needed; with the irrelevant ones. The asked one is v[n - 1] */
    struct variable v[MAX_VARS];
    uint32_t order[MAX_VARS]; /* of the question's text */
};

static int plain(char op, int a, int b)
{
    return op == '+' ? a + b : op == '-' ? a - b : a * b;
}

static int apply(char op, int a, int b)
{
    return ((plain(op, a, b) % MODULUS) + MODULUS) % MODULUS;
}

static void draw_constant(struct raml_rng *r, struct variable *v)
{
    v->op = 0;
    v->base = v->side = -1;
    v->k = v->value = (int)raml_rng_below(r, MODULUS);
}

static void draw_step(struct raml_rng *r, struct chain *c, int i, int base)
{
    struct variable *v = &c->v[i];
    v->op = "+-*"[raml_rng_below(r, 3)];
    v->base = base;
    v->side = -1;
    v->k = (int)raml_rng_range(r, v->op == '*' ? 2 : 1, MODULUS - 1);
    v->value = apply(v->op, c->v[base].value, v->k);
}

static void draw(struct raml_rng r, int difficulty, struct chain *c)
{
    char name[MAX_VARS];
    *c = (struct chain){.n = difficulty};
    c->n_all = c->n + (int)raml_rng_below(&r, (uint32_t)(c->n / 4 + 1));
    raml_family_letters(&r, name, c->n_all);
    for (int i = 0; i < c->n_all; i++) c->v[i].name = name[i];
    draw_constant(&r, &c->v[0]);
    int last = 0, n_sides = 0;
    for (int i = 1; i < c->n; i++) {
        bool side = n_sides < c->n / 4 && i + 1 < c->n && raml_rng_below(&r, 4) == 0;
        if (side) {
            draw_constant(&r, &c->v[i]);
            struct variable *v = &c->v[i + 1];
            *v = (struct variable){.name = v->name, .op = "+-"[raml_rng_below(&r, 2)], .base = last, .side = i};
            v->value = apply(v->op, c->v[last].value, c->v[i].value);
            n_sides++;
            i++;
        } else {
            draw_step(&r, c, i, last);
        }
        last = i;
    }
    for (int i = c->n; i < c->n_all; i++) {
        if (raml_rng_below(&r, 2)) draw_constant(&r, &c->v[i]);
        else draw_step(&r, c, i, (int)raml_rng_below(&r, (uint32_t)c->n));
    }
    for (int i = 0; i < c->n_all; i++) c->order[i] = (uint32_t)i;
    raml_rng_shuffle(&r, c->order, (uint32_t)c->n_all);
}

static void write_right_side(struct raml_buf *out, const struct chain *c, const struct variable *v)
{
    if (!v->op) raml_buf_addf(out, "%d", v->k);
    else if (v->side < 0) raml_buf_addf(out, "%c%c%d", c->v[v->base].name, v->op, v->k);
    else raml_buf_addf(out, "%c%c%c", c->v[v->base].name, v->op, c->v[v->side].name);
}

static void make(struct raml_rng r, int difficulty, struct raml_buf *question, struct raml_buf *answer)
{
    struct chain c;
    draw(r, difficulty, &c);
    for (int i = 0; i < c.n_all; i++) {
        const struct variable *v = &c.v[c.order[i]];
        raml_buf_addf(question, "%c=", v->name);
        write_right_side(question, &c, v);
        raml_buf_adds(question, ";");
    }
    raml_buf_addf(question, "%c mod %d?", c.v[c.n - 1].name, MODULUS);
    raml_buf_addf(answer, "%d", c.v[c.n - 1].value);
}

/* plan[0 .. n): the needed variables, each before what it depends on. A side variable comes right after its user in
 * sample 0 and anywhere after it in others. */
static void plan_order(struct raml_pen *p, const struct chain *c, int plan[MAX_VARS])
{
    int n = 0;
    for (int i = c->n - 1; i >= 0; i = c->v[i].base) plan[n++] = i;
    for (int i = c->n - 1; i >= 0; i = c->v[i].base) {
        int side = c->v[i].op ? c->v[i].side : -1, at = 0;
        if (side < 0) continue;
        while (plan[at] != i) at++;
        at++;
        if (p->vary) at += (int)raml_rng_below(&p->s, (uint32_t)(n - at + 1));
        for (int j = n; j > at; j--) plan[j] = plan[j - 1];
        plan[at] = side;
        n++;
    }
}

static void write_plan(struct raml_pen *p, const struct chain *c, const int plan[MAX_VARS])
{
    if (p->style != RAML_STYLE_VERBOSE) {
        raml_pen_line(p, "%c", c->v[plan[0]].name);
        for (int i = 1; i < c->n; i++) raml_pen_add(p, "<%c", c->v[plan[i]].name);
        return;
    }
    static const char *const words[] = {"To find", "In order to get", "For"};
    raml_pen_line(p, "%s %c I need", raml_pen_word(p, words, 3), c->v[plan[0]].name);
    for (int i = 1; i < c->n; i++) raml_pen_add(p, "%s %c", i > 1 ? " and" : "", c->v[plan[i]].name);
    raml_pen_add(p, ".");
}

static void write_step(struct raml_pen *p, const struct chain *c, const struct variable *v, int value)
{
    bool verbose = p->style == RAML_STYLE_VERBOSE;
    raml_pen_line(p, verbose ? "%c is " : "%c=", v->name);
    write_right_side(p->out, c, v);
    if (v->op) {
        int a = c->v[v->base].value, b = v->side < 0 ? v->k : c->v[v->side].value;
        int whole = plain(v->op, a, b);
        raml_pen_add(p, verbose ? ", that is %d%c%d" : "=%d%c%d", a, v->op, b);
        if (whole < 0 || whole >= MODULUS) raml_pen_add(p, "=%d", whole);
        raml_pen_add(p, verbose ? "=%d modulo %d" : "=%d", value, MODULUS);
    }
    if (verbose) raml_pen_add(p, ".");
}

static void solve(struct raml_rng r, int difficulty, enum raml_style style, struct raml_rng s, struct raml_buf *out)
{
    struct chain c;
    int plan[MAX_VARS] = {0};
    draw(r, difficulty, &c);
    struct raml_pen p = raml_pen_open(out, style, s, c.n - 1);
    plan_order(&p, &c, plan);
    if (!raml_pen_coin(&p)) write_plan(&p, &c, plan);
    int step = 0, n_ops = 0;
    for (int i = 0; i < c.n; i++) n_ops += c.v[i].op != 0;
    for (int i = c.n - 1; i >= 0; i--) {
        const struct variable *v = &c.v[plan[i]];
        /* Side variables make fewer operations than steps: a slip chosen after the last one happens there. */
        bool slip = v->op && (raml_pen_slips(&p, step) || (step == n_ops - 1 && p.slips));
        if (slip) {
            write_step(&p, &c, v, raml_pen_wrong(&p, v->value, 0, MODULUS - 1));
            raml_pen_wait(&p);
        }
        write_step(&p, &c, v, v->value);
        step += v->op != 0;
    }
    if (style == RAML_STYLE_VERBOSE) raml_pen_line(&p, "So %c is %d.", c.v[c.n - 1].name, c.v[c.n - 1].value);
}

/* clang-format off */
const struct raml_family raml_family_modchain = {
    .name = "modchain",
    .about = "variables defined by each other modulo 11, in shuffled order",
    .difficulty = "number of variables needed",
    .low = 2, .high = 20, .easy = 4, .hard = 6,
    .make = make, .solve = solve,
};
/* clang-format on */
