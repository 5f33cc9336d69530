/* parse_expr.c - see parse.h: expressions, loosest binding first. */
#include "jinja/parse.h"

#include <string.h>

static struct raml_jnode *binary(struct raml_jparser *p, enum raml_jkind kind, int op, struct raml_jnode *a,
                                 struct raml_jnode *b)
{
    struct raml_jnode *n = raml_jp_node(p, kind);
    n->op = op;
    n->a = a;
    n->b = b;
    return n;
}

/* ---- what binds tightest: names, constants, brackets ---- */

static struct raml_jnode *constant(struct raml_jparser *p, struct raml_jv v)
{
    struct raml_jnode *n = raml_jp_node(p, RAML_JN_CONST);
    n->value = v;
    return n;
}

static struct raml_jnode *name(struct raml_jparser *p)
{
    static const char *const words[] = {"true", "True", "false", "False", "none", "None"};
    static const char *const special[] = {"varargs", "kwargs", "caller"}; /* bits 0, 1, 2 of `uses` */
    size_t i = 0;
    while (i < 6 && !raml_jp_is_name(p, words[i])) i++;
    struct raml_jnode *n =
        i < 6 ? constant(p, i < 4 ? raml_j_bool(i < 2) : raml_j_none()) : raml_jp_node(p, RAML_JN_NAME);
    if (i == 6) n->name = p->t->name;
    for (int k = 0; k < 3; k++)
        if (raml_jp_is_name(p, special[k])) p->uses |= 1 << k;
    raml_jp_next(p);
    return n;
}

static struct raml_jnode *string(struct raml_jparser *p)
{
    struct raml_jnode *n = constant(p, p->t->value);
    raml_jp_next(p);
    if (p->t->kind != RAML_JT_STRING) return n;
    struct raml_jout o; /* adjacent strings are one */
    raml_jout_init(&o, p->in);
    raml_j_print(&o, n->value);
    for (; p->t->kind == RAML_JT_STRING; raml_jp_next(p)) raml_j_print(&o, p->t->value);
    n->value = raml_jout_done(&o);
    return n;
}

static struct raml_jnode *bracket(struct raml_jparser *p)
{
    struct raml_jnode *n = raml_jp_node(p, RAML_JN_LIST);
    raml_jp_need_op(p, '[');
    while (!p->in->code && !raml_jp_is_op(p, ']')) {
        if (n->args.n) raml_jp_need_op(p, ',');
        if (raml_jp_is_op(p, ']')) break;
        raml_jp_add(&n->args, raml_jp_expr(p, true));
    }
    raml_jp_need_op(p, ']');
    return n;
}

static struct raml_jnode *brace(struct raml_jparser *p)
{
    struct raml_jnode *n = raml_jp_node(p, RAML_JN_DICT);
    raml_jp_need_op(p, '{');
    while (!p->in->code && !raml_jp_is_op(p, '}')) {
        if (n->args.n) raml_jp_need_op(p, ',');
        if (raml_jp_is_op(p, '}')) break;
        struct raml_jnode *key = raml_jp_expr(p, true);
        raml_jp_need_op(p, ':');
        raml_jp_add(&n->args, binary(p, RAML_JN_PAIR, 0, key, raml_jp_expr(p, true)));
    }
    raml_jp_need_op(p, '}');
    return n;
}

static struct raml_jnode *parenthesis(struct raml_jparser *p)
{
    raml_jp_need_op(p, '(');
    if (raml_jp_take_op(p, ')')) return raml_jp_node(p, RAML_JN_TUPLE);
    struct raml_jnode *n = raml_jp_tuple(p, true, NULL);
    raml_jp_need_op(p, ')');
    return n;
}

struct raml_jnode *raml_jp_primary(struct raml_jparser *p)
{
    struct raml_jnode *n;
    switch (p->t->kind) {
    case RAML_JT_NAME: return name(p);
    case RAML_JT_STRING: return string(p);
    case RAML_JT_INT:
    case RAML_JT_FLOAT:
        n = constant(p, p->t->value);
        raml_jp_next(p);
        return n;
    case RAML_JT_OP:
        if (p->t->op == '(') return parenthesis(p);
        if (p->t->op == '[') return bracket(p);
        if (p->t->op == '{') return brace(p);
        break;
    default: break;
    }
    raml_jp_fail(p, "an expression");
    return raml_jp_node(p, RAML_JN_CONST);
}

/* ---- postfix: .x [x] (x) |x `is x` ---- */

static struct raml_jnode *subscript(struct raml_jparser *p)
{
    struct raml_jnode *part[3] = {NULL};
    size_t n = 0;
    bool slice = false;
    for (; n < 3 && !p->in->code; n++) {
        bool empty = raml_jp_is_op(p, ':') || raml_jp_is_op(p, ']') || raml_jp_is_op(p, ',');
        if (!empty) part[n] = raml_jp_expr(p, true);
        if (!raml_jp_take_op(p, ':')) break;
        slice = true;
    }
    if (!slice) {
        if (!part[0]) raml_jp_fail(p, "an index");
        return part[0] ? part[0] : raml_jp_node(p, RAML_JN_CONST);
    }
    struct raml_jnode *s = raml_jp_node(p, RAML_JN_SLICE);
    s->a = part[0];
    s->b = part[1];
    s->c = part[2];
    return s;
}

static struct raml_jnode *item(struct raml_jparser *p, struct raml_jnode *object)
{
    raml_jp_need_op(p, '[');
    struct raml_jnode *index = subscript(p);
    if (raml_jp_is_op(p, ',')) {
        struct raml_jnode *tuple = raml_jp_node(p, RAML_JN_TUPLE);
        raml_jp_add(&tuple->args, index);
        while (!p->in->code && raml_jp_take_op(p, ',')) raml_jp_add(&tuple->args, subscript(p));
        index = tuple;
    }
    raml_jp_need_op(p, ']');
    return binary(p, RAML_JN_ITEM, 0, object, index);
}

static struct raml_jnode *attribute(struct raml_jparser *p, struct raml_jnode *object)
{
    raml_jp_need_op(p, '.');
    if (p->t->kind == RAML_JT_INT) {
        struct raml_jnode *index = constant(p, p->t->value);
        raml_jp_next(p);
        return binary(p, RAML_JN_ITEM, 0, object, index);
    }
    struct raml_jnode *n = raml_jp_node(p, RAML_JN_ATTR);
    n->a = object;
    n->name = raml_jp_need_name(p);
    return n;
}

static void args(struct raml_jparser *p, struct raml_jnode *n);

static struct raml_jnode *call(struct raml_jparser *p, struct raml_jnode *callee)
{
    struct raml_jnode *n = raml_jp_node(p, RAML_JN_CALL);
    n->a = callee;
    args(p, n);
    return n;
}

static void args(struct raml_jparser *p, struct raml_jnode *n)
{
    bool keywords = false;
    raml_jp_need_op(p, '(');
    while (!p->in->code && !raml_jp_is_op(p, ')')) {
        if (n->args.n) raml_jp_need_op(p, ',');
        if (raml_jp_is_op(p, ')')) break;
        struct raml_jnode *arg;
        int star = raml_jp_take_op(p, '*') ? 1 : raml_jp_take_op(p, RAML_JO_POW) ? 2 : 0;
        if (star) {
            arg = binary(p, RAML_JN_STAR, star, raml_jp_expr(p, true), NULL);
            keywords = true;
        } else if (p->t->kind == RAML_JT_NAME && p->t[1].kind == RAML_JT_OP && p->t[1].op == '=') {
            arg = raml_jp_node(p, RAML_JN_KEYWORD);
            arg->name = p->t->name;
            raml_jp_next(p);
            raml_jp_next(p);
            arg->a = raml_jp_expr(p, true);
            keywords = true;
        } else {
            if (keywords) raml_jp_fail(p, "an argument with a name, after others that have one");
            arg = raml_jp_expr(p, true);
        }
        raml_jp_add(&n->args, arg);
    }
    raml_jp_need_op(p, ')');
}

static struct raml_jnode *postfix(struct raml_jparser *p, struct raml_jnode *n)
{
    while (!p->in->code) {
        if (raml_jp_is_op(p, '.')) n = attribute(p, n);
        else if (raml_jp_is_op(p, '[')) n = item(p, n);
        else if (raml_jp_is_op(p, '(')) n = call(p, n);
        else break;
    }
    return n;
}

static const char *dotted(struct raml_jparser *p)
{
    const char *first = raml_jp_need_name(p);
    if (!raml_jp_is_op(p, '.')) return first;
    struct raml_jout o;
    raml_jout_init(&o, p->in);
    raml_jout_adds(&o, first);
    while (!p->in->code && raml_jp_take_op(p, '.')) {
        raml_jout_adds(&o, ".");
        raml_jout_adds(&o, raml_jp_need_name(p));
    }
    raml_jout_add(&o, "", 1, RAML_J_FRAME);
    return o.s ? o.s : "";
}

struct raml_jnode *raml_jp_filters(struct raml_jparser *p, struct raml_jnode *input, bool bar)
{
    while (!p->in->code && (!bar || raml_jp_take_op(p, '|'))) {
        struct raml_jnode *n = raml_jp_node(p, RAML_JN_FILTER);
        n->a = input;
        n->name = dotted(p);
        if (raml_jp_is_op(p, '(')) args(p, n);
        input = n;
        bar = true;
    }
    return input;
}

static struct raml_jnode *test(struct raml_jparser *p, struct raml_jnode *operand)
{
    struct raml_jnode *n = raml_jp_node(p, RAML_JN_TEST), *no = NULL;
    if (raml_jp_take_name(p, "not")) no = raml_jp_node(p, RAML_JN_NOT);
    n->a = operand;
    n->name = dotted(p);
    bool value = p->t->kind == RAML_JT_NAME || p->t->kind == RAML_JT_STRING || p->t->kind == RAML_JT_INT ||
                 p->t->kind == RAML_JT_FLOAT || raml_jp_is_op(p, '[') || raml_jp_is_op(p, '{');
    if (raml_jp_is_op(p, '(')) {
        args(p, n);
    } else if (value && !raml_jp_is_name(p, "else") && !raml_jp_is_name(p, "or") && !raml_jp_is_name(p, "and")) {
        if (raml_jp_is_name(p, "is")) raml_jp_fail(p, "one test, not a chain of them");
        raml_jp_add(&n->args, postfix(p, raml_jp_primary(p)));
    }
    if (!no) return n;
    no->a = n;
    return no;
}

static struct raml_jnode *filter_chain(struct raml_jparser *p, struct raml_jnode *n)
{
    while (!p->in->code) {
        if (raml_jp_is_op(p, '|')) n = raml_jp_filters(p, n, true);
        else if (raml_jp_take_name(p, "is")) n = test(p, n);
        else if (raml_jp_is_op(p, '(')) n = call(p, n);
        else break;
    }
    return n;
}

/* ---- operators ---- */

static struct raml_jnode *unary(struct raml_jparser *p, bool with_filter)
{
    struct raml_jnode *n;
    if (!raml_jp_enter(p)) return raml_jp_node(p, RAML_JN_CONST);
    if (raml_jp_is_op(p, '-') || raml_jp_is_op(p, '+')) {
        n = raml_jp_node(p, p->t->op == '-' ? RAML_JN_NEG : RAML_JN_POS);
        raml_jp_next(p);
        n->a = unary(p, false);
    } else {
        n = raml_jp_primary(p);
    }
    n = postfix(p, n);
    if (with_filter) n = filter_chain(p, n);
    p->depth--;
    return n;
}

static struct raml_jnode *power(struct raml_jparser *p)
{
    struct raml_jnode *n = unary(p, true);
    while (!p->in->code && raml_jp_take_op(p, RAML_JO_POW))
        n = binary(p, RAML_JN_BINARY, RAML_JO_POW, n, unary(p, true));
    return n;
}

static struct raml_jnode *product(struct raml_jparser *p)
{
    struct raml_jnode *n = power(p);
    while (!p->in->code && p->t->kind == RAML_JT_OP &&
           (p->t->op == '*' || p->t->op == '/' || p->t->op == '%' || p->t->op == RAML_JO_FLOORDIV)) {
        int op = p->t->op;
        raml_jp_next(p);
        n = binary(p, RAML_JN_BINARY, op, n, power(p));
    }
    return n;
}

static struct raml_jnode *concatenation(struct raml_jparser *p)
{
    struct raml_jnode *n = product(p);
    if (!raml_jp_is_op(p, '~')) return n;
    struct raml_jnode *all = raml_jp_node(p, RAML_JN_CONCAT);
    raml_jp_add(&all->args, n);
    while (!p->in->code && raml_jp_take_op(p, '~')) raml_jp_add(&all->args, product(p));
    return all;
}

static struct raml_jnode *sum(struct raml_jparser *p)
{
    struct raml_jnode *n = concatenation(p);
    while (!p->in->code && (raml_jp_is_op(p, '+') || raml_jp_is_op(p, '-'))) {
        int op = p->t->op;
        raml_jp_next(p);
        n = binary(p, RAML_JN_BINARY, op, n, concatenation(p));
    }
    return n;
}

/* Takes the comparison operator here; 0: there is none. */
static int comparison(struct raml_jparser *p)
{
    int op = p->t->kind == RAML_JT_OP ? p->t->op : 0;
    if (op == '<' || op == '>' || (op >= RAML_JO_EQ && op <= RAML_JO_GE)) {
        raml_jp_next(p);
        return op;
    }
    if (raml_jp_take_name(p, "in")) return RAML_JO_IN;
    if (raml_jp_is_name(p, "not") && p->t[1].kind == RAML_JT_NAME && !strcmp(p->t[1].name, "in")) {
        raml_jp_next(p);
        raml_jp_next(p);
        return RAML_JO_NOT_IN;
    }
    return 0;
}

static struct raml_jnode *compare(struct raml_jparser *p)
{
    struct raml_jnode *first = sum(p), *n = NULL;
    for (int op; !p->in->code && (op = comparison(p)) != 0;) {
        if (!n) n = raml_jp_node(p, RAML_JN_COMPARE);
        n->a = first;
        raml_jp_add(&n->args, binary(p, RAML_JN_OPERAND, op, sum(p), NULL));
    }
    return n ? n : first;
}

static struct raml_jnode *negation(struct raml_jparser *p)
{
    if (!raml_jp_is_name(p, "not")) return compare(p);
    struct raml_jnode *n = raml_jp_node(p, RAML_JN_NOT);
    if (!raml_jp_enter(p)) return n;
    raml_jp_next(p);
    n->a = negation(p);
    p->depth--;
    return n;
}

static struct raml_jnode *conjunction(struct raml_jparser *p)
{
    struct raml_jnode *n = negation(p);
    while (!p->in->code && raml_jp_take_name(p, "and")) n = binary(p, RAML_JN_AND, 0, n, negation(p));
    return n;
}

static struct raml_jnode *disjunction(struct raml_jparser *p)
{
    struct raml_jnode *n = conjunction(p);
    while (!p->in->code && raml_jp_take_name(p, "or")) n = binary(p, RAML_JN_OR, 0, n, conjunction(p));
    return n;
}

struct raml_jnode *raml_jp_expr(struct raml_jparser *p, bool with_cond)
{
    if (!raml_jp_enter(p)) return raml_jp_node(p, RAML_JN_CONST);
    struct raml_jnode *n = disjunction(p);
    while (with_cond && !p->in->code && raml_jp_take_name(p, "if")) {
        struct raml_jnode *c = raml_jp_node(p, RAML_JN_COND);
        c->b = n;
        c->a = disjunction(p);
        if (raml_jp_take_name(p, "else")) c->c = raml_jp_expr(p, true);
        n = c;
    }
    p->depth--;
    return n;
}

/* ---- lists without brackets, and what can be assigned to ---- */

static bool tuple_ends(const struct raml_jparser *p, const char *end)
{
    return p->t->kind == RAML_JT_PRINT_END || p->t->kind == RAML_JT_BLOCK_END || raml_jp_is_op(p, ')') ||
           (end && raml_jp_is_name(p, end));
}

struct raml_jnode *raml_jp_tuple(struct raml_jparser *p, bool with_cond, const char *end)
{
    if (tuple_ends(p, end)) raml_jp_fail(p, "an expression");
    struct raml_jnode *n = raml_jp_expr(p, with_cond);
    if (!raml_jp_is_op(p, ',')) return n;
    struct raml_jnode *t = raml_jp_node(p, RAML_JN_TUPLE);
    raml_jp_add(&t->args, n);
    while (!p->in->code && raml_jp_take_op(p, ',') && !tuple_ends(p, end))
        raml_jp_add(&t->args, raml_jp_expr(p, with_cond));
    return t;
}

static void check_target(struct raml_jparser *p, const struct raml_jnode *n)
{
    if (p->in->code || n->kind == RAML_JN_NAME) return;
    if (n->kind != RAML_JN_TUPLE) raml_jp_fail(p, "a name to assign to");
    for (const struct raml_jnode *e = n->args.first; e && !p->in->code; e = e->next) check_target(p, e);
}

struct raml_jnode *raml_jp_target(struct raml_jparser *p, const char *end, bool attribute_too)
{
    struct raml_jnode *n = raml_jp_primary(p);
    if (attribute_too && n->kind == RAML_JN_NAME && raml_jp_is_op(p, '.')) {
        n = attribute(p, n);
        if (n->kind != RAML_JN_ATTR) raml_jp_fail(p, "the name of an attribute");
        return n;
    }
    if (raml_jp_is_op(p, ',')) {
        struct raml_jnode *t = raml_jp_node(p, RAML_JN_TUPLE);
        raml_jp_add(&t->args, n);
        while (!p->in->code && raml_jp_take_op(p, ',') && !tuple_ends(p, end) && !raml_jp_is_op(p, '='))
            raml_jp_add(&t->args, raml_jp_primary(p));
        n = t;
    }
    check_target(p, n);
    return n;
}
