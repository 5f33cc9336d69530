/* family_countdown.c - reach a number from given ones with + - *, each used at most once.
 *
 *   2 3 5 7 -> 30          (5*7-2)-3
 *
 * Numbers are 1 .. 12, written in rising order, so that one set of numbers has one text; the target is none of them.
 * Steps: a line takes two numbers, computes one from them, and lists what is left; the last line substitutes the steps
 * into each other until only given numbers remain. Wrong turns are dead ends of the search: from some point on other
 * pairs are tried until one number is left that is not the target, then "wait" and back.
 */
#include "task/family_util.h"

enum { MAX_NUMBERS = 6, MAX_NODES = 3 * MAX_NUMBERS - 2, MAX_DRAWS = 1000, MOST = 99, MAX_LEVELS = MAX_NUMBERS };

struct node { /* left < 0: a given number */
    int value, left, right;
    char op;
};
struct tree { /* nodes 0 .. n - 1 are given, then one per step, the last of which is the target; space for a dead end */
    int n, n_nodes;
    struct node node[MAX_NODES];
};
struct table { /* the nodes that can be taken */
    int n, node[MAX_NUMBERS];
};

static int apply(char op, int a, int b)
{
    return op == '+' ? a + b : op == '-' ? a - b : a * b;
}

/* Removes the nodes a and b and appends c. */
static void replace(struct table *t, int a, int b, int c)
{
    int n = 0;
    for (int i = 0; i < t->n; i++)
        if (t->node[i] != a && t->node[i] != b) t->node[n++] = t->node[i];
    t->node[n++] = c;
    t->n = n;
}

/* Takes two nodes off the table and joins them by an operation whose value is least .. MOST if possible (a sum is
 * always allowed). */
static struct node draw_step(struct raml_rng *r, const struct tree *t, const struct table *on, int least)
{
    uint32_t n = (uint32_t)on->n, i = raml_rng_below(r, n), j = raml_rng_below(r, n - 1);
    if (j >= i) j++;
    struct node v = {.left = on->node[i], .right = on->node[j], .op = "+-*"[raml_rng_below(r, 3)]};
    int a = t->node[v.left].value, b = t->node[v.right].value;
    if (v.op == '-' && a < b) {
        int swap = v.left;
        v.left = v.right;
        v.right = swap;
        swap = a;
        a = b;
        b = swap;
    }
    v.value = apply(v.op, a, b);
    if (v.value < least || (v.op == '*' && v.value > MOST)) {
        v.op = '+';
        v.value = a + b;
    }
    return v;
}

static void draw_once(struct raml_rng *r, int n, struct tree *t)
{
    *t = (struct tree){.n = n, .n_nodes = n};
    struct table on = {.n = n};
    for (int i = 0; i < n; i++) {
        int v = 1 + (int)raml_rng_below(r, 12), at = i;
        for (; at > 0 && t->node[at - 1].value > v; at--) t->node[at] = t->node[at - 1];
        t->node[at] = (struct node){.value = v, .left = -1, .right = -1};
        on.node[i] = i;
    }
    while (on.n > 1) {
        struct node v = draw_step(r, t, &on, 1);
        t->node[t->n_nodes] = v;
        replace(&on, v.left, v.right, t->n_nodes);
        t->n_nodes++;
    }
}

static int target_of(const struct tree *t)
{
    return t->node[t->n_nodes - 1].value;
}

static void draw(struct raml_rng r, int difficulty, struct tree *t)
{
    for (int tries = 0; tries < MAX_DRAWS; tries++) {
        bool given = false;
        draw_once(&r, difficulty, t);
        for (int i = 0; i < t->n; i++) given = given || t->node[i].value == target_of(t);
        if (!given) return;
    }
}

/* Writes node i with `levels` of its steps expanded; above that, values. around: the enclosing operation (0: none);
 * right: it is its second operand. */
static void write_node(struct raml_buf *out, const struct tree *t, int i, int levels, char around, bool right)
{
    const struct node *v = &t->node[i];
    if (v->left < 0 || levels == 0) {
        raml_buf_addf(out, "%d", v->value);
        return;
    }
    bool bracket = v->op != '*' && (around == '*' || (around == '-' && right));
    if (bracket) raml_buf_adds(out, "(");
    write_node(out, t, v->left, levels - 1, v->op, false);
    raml_buf_add(out, &v->op, 1);
    write_node(out, t, v->right, levels - 1, v->op, true);
    if (bracket) raml_buf_adds(out, ")");
}

static int height(const struct tree *t, int i)
{
    if (t->node[i].left < 0) return 0;
    int a = height(t, t->node[i].left), b = height(t, t->node[i].right);
    return 1 + (a > b ? a : b);
}

static void make(struct raml_rng r, int difficulty, struct raml_buf *question, struct raml_buf *answer)
{
    struct tree t;
    draw(r, difficulty, &t);
    for (int i = 0; i < t.n; i++) raml_buf_addf(question, "%d ", t.node[i].value);
    raml_buf_addf(question, "-> %d", target_of(&t));
    write_node(answer, &t, t.n_nodes - 1, MAX_LEVELS, 0, false);
}

static void write_table(struct raml_pen *p, const struct tree *t, const struct table *on)
{
    for (int i = 0; i < on->n; i++) raml_pen_add(p, " %d", t->node[on->node[i]].value);
}

/* The line of the step that made node i, `on` being the table after it. */
static void write_step(struct raml_pen *p, const struct tree *t, int i, const struct table *on)
{
    const struct node *v = &t->node[i];
    bool verbose = p->style == RAML_STYLE_VERBOSE;
    static const char *const words[] = {"Take", "Use", "I try"};
    raml_pen_line(p, "%s%s%d%c%d=%d", verbose ? raml_pen_word(p, words, 3) : "", verbose ? " " : "",
                  t->node[v->left].value, v->op, t->node[v->right].value, v->value);
    if (on->n > 1) {
        raml_pen_add(p, verbose ? ", now there are" : ";");
        write_table(p, t, on);
    }
    if (verbose) raml_pen_add(p, ".");
}

/* From the table `on` to one number that is not the target, and back. */
static void write_dead_end(struct raml_pen *p, const struct tree *t, const struct table *on)
{
    struct tree w;
    struct table now;
    do { /* ends: sum and difference of the last two cannot both be the target */
        w = *t;
        now = *on;
        while (now.n > 1) {
            struct node v = draw_step(&p->s, &w, &now, 0);
            w.node[w.n_nodes] = v;
            replace(&now, v.left, v.right, w.n_nodes++);
        }
    } while (target_of(&w) == target_of(t));
    now = *on;
    for (int i = t->n_nodes; i < w.n_nodes; i++) {
        replace(&now, w.node[i].left, w.node[i].right, i);
        write_step(p, &w, i, &now);
    }
    raml_pen_line(p, "wait, %d is not %d, back to", target_of(&w), target_of(t));
    write_table(p, t, on);
}

/* The next step in an order that keeps operands first: the first one, or any that is ready when the sample varies. */
static int next_step(struct raml_pen *p, const struct tree *t, const struct table *on)
{
    int ready[MAX_NODES] = {0}, n = 0;
    for (int i = t->n; i < t->n_nodes; i++) {
        int here = 0;
        for (int k = 0; k < on->n; k++) here += on->node[k] == t->node[i].left || on->node[k] == t->node[i].right;
        if (here == 2) ready[n++] = i;
    }
    return ready[p->vary ? raml_rng_below(&p->s, (uint32_t)n) : 0];
}

static void solve(struct raml_rng r, int difficulty, enum raml_style style, struct raml_rng s, struct raml_buf *out)
{
    struct tree t;
    draw(r, difficulty, &t);
    struct raml_pen p = raml_pen_open(out, style, s, t.n - 1);
    struct table on = {.n = t.n};
    for (int i = 0; i < t.n; i++) on.node[i] = i;
    for (int step = 0; step < t.n - 1; step++) {
        if (raml_pen_slips(&p, step)) write_dead_end(&p, &t, &on);
        int i = next_step(&p, &t, &on);
        replace(&on, t.node[i].left, t.node[i].right, i);
        write_step(&p, &t, i, &on);
    }
    int last = t.n_nodes - 1, n_levels = height(&t, last);
    raml_pen_line(&p, style == RAML_STYLE_VERBOSE ? "Put together: %d" : "%d", target_of(&t));
    for (int levels = 1; levels <= n_levels; levels++) {
        raml_pen_add(&p, "=");
        write_node(out, &t, last, levels, 0, false);
    }
    if (style == RAML_STYLE_VERBOSE) raml_pen_add(&p, ".");
}

/* clang-format off */
const struct raml_family raml_family_countdown = {
    .name = "countdown",
    .about = "reach a number from given ones with + - *, each used at most once",
    .difficulty = "how many numbers are given",
    .low = 2, .high = MAX_NUMBERS, .easy = 3, .hard = 4,
    .make = make, .solve = solve, .check = raml_countdown_check,
};
/* clang-format on */
