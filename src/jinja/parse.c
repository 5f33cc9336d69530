/* parse.c - see parse.h: statements. */
#include "jinja/parse.h"

#include <string.h>

/* ---- shared by both parsers ---- */

struct raml_jnode *raml_jp_node(struct raml_jparser *p, enum raml_jkind kind)
{
    struct raml_jnode *n = raml_j_alloc(p->in, 1, sizeof *n);
    if (!n) n = &p->spare;
    *n = (struct raml_jnode){.kind = kind, .line = p->t->line, .name = "", .value = raml_j_none()};
    return n;
}

void raml_jp_add(struct raml_jnodes *to, struct raml_jnode *node)
{
    if (to->last) to->last->next = node;
    else to->first = node;
    to->last = node;
    to->n++;
}

void raml_jp_fail(struct raml_jparser *p, const char *expected)
{
    char name[RAML_J_SHOWN];
    p->in->line = p->t->line;
    raml_j_fail(p->in, RAML_EFORMAT, "found %s; expected %s", raml_j_token_name(p->t, name), expected);
}

void raml_jp_next(struct raml_jparser *p)
{
    if (p->t->kind != RAML_JT_END) p->t++;
    p->in->line = p->t->line;
}

bool raml_jp_is_op(const struct raml_jparser *p, int op)
{
    return p->t->kind == RAML_JT_OP && p->t->op == op;
}

bool raml_jp_is_name(const struct raml_jparser *p, const char *name)
{
    return p->t->kind == RAML_JT_NAME && !strcmp(p->t->name, name);
}

bool raml_jp_take_op(struct raml_jparser *p, int op)
{
    if (!raml_jp_is_op(p, op)) return false;
    raml_jp_next(p);
    return true;
}

bool raml_jp_take_name(struct raml_jparser *p, const char *name)
{
    if (!raml_jp_is_name(p, name)) return false;
    raml_jp_next(p);
    return true;
}

void raml_jp_need_op(struct raml_jparser *p, int op)
{
    const char text[] = {'\'', (char)op, '\'', 0};
    if (!raml_jp_take_op(p, op)) raml_jp_fail(p, text);
}

const char *raml_jp_need_name(struct raml_jparser *p)
{
    const char *name = p->t->kind == RAML_JT_NAME ? p->t->name : NULL;
    if (!name) raml_jp_fail(p, "a name");
    raml_jp_next(p);
    return name ? name : "";
}

bool raml_jp_enter(struct raml_jparser *p)
{
    if (p->in->code) return false;
    if (p->depth >= RAML_J_MAX_PARSE_DEPTH) {
        p->in->line = p->t->line;
        raml_j_fail(p->in, RAML_ESUPPORT, "nested deeper than %d levels", RAML_J_MAX_PARSE_DEPTH);
        return false;
    }
    p->depth++;
    return true;
}

/* ---- bodies ---- */

static void need_block_end(struct raml_jparser *p)
{
    if (p->t->kind != RAML_JT_BLOCK_END) raml_jp_fail(p, "'%}'");
    raml_jp_next(p);
}

static struct raml_jnode *statement(struct raml_jparser *p);

static bool is_one_of(const struct raml_jparser *p, const char *const *names)
{
    for (; *names; names++)
        if (raml_jp_is_name(p, *names)) return true;
    return false;
}

/* Statements up to one of the tags `ends` (NULL: to the end of the template); its name is then the current token. */
static struct raml_jnodes body(struct raml_jparser *p, const char *const *ends)
{
    struct raml_jnodes out = {0};
    size_t start = p->in->line;
    while (!p->in->code && p->t->kind != RAML_JT_END) {
        struct raml_jnode *n;
        if (p->t->kind == RAML_JT_TEXT) {
            n = raml_jp_node(p, RAML_JN_TEXT);
            n->value = p->t->value;
            raml_jp_next(p);
        } else if (p->t->kind == RAML_JT_PRINT) {
            raml_jp_next(p);
            n = raml_jp_node(p, RAML_JN_PRINT);
            raml_jp_add(&n->args, raml_jp_tuple(p, true, NULL));
            if (p->t->kind != RAML_JT_PRINT_END) raml_jp_fail(p, "'}}'");
            raml_jp_next(p);
        } else {
            raml_jp_next(p); /* {% */
            if (ends && is_one_of(p, ends)) return out;
            n = statement(p);
            need_block_end(p);
        }
        raml_jp_add(&out, n);
    }
    if (ends && !p->in->code)
        raml_j_fail(p->in, RAML_EFORMAT, "the template ends where '%s' was expected, for the tag on line %zu", ends[0],
                    start);
    return out;
}

/* The body of a tag whose head has been read: from %} to one of `ends`. */
static struct raml_jnodes tag_body(struct raml_jparser *p, const char *const *ends)
{
    raml_jp_take_op(p, ':');
    need_block_end(p);
    return body(p, ends);
}

/* ---- tags ---- */

static struct raml_jnode *for_tag(struct raml_jparser *p)
{
    static const char *const ends[] = {"endfor", "else", NULL}, *const last[] = {"endfor", NULL};
    struct raml_jnode *n = raml_jp_node(p, RAML_JN_FOR);
    n->a = raml_jp_target(p, "in", false);
    if (!raml_jp_take_name(p, "in")) raml_jp_fail(p, "'in'");
    n->b = raml_jp_tuple(p, false, "recursive");
    if (raml_jp_take_name(p, "if")) n->c = raml_jp_expr(p, true);
    if (raml_jp_is_name(p, "recursive")) raml_j_fail(p->in, RAML_ESUPPORT, "recursive loops are not supported");
    p->loops++;
    n->body = tag_body(p, ends);
    p->loops--;
    if (raml_jp_take_name(p, "else")) n->other = tag_body(p, last);
    raml_jp_next(p);
    return n;
}

static struct raml_jnode *if_tag(struct raml_jparser *p)
{
    static const char *const ends[] = {"endif", "elif", "else", NULL}, *const last[] = {"endif", NULL};
    struct raml_jnode *n = raml_jp_node(p, RAML_JN_IF);
    while (!p->in->code) {
        struct raml_jnode *branch = raml_jp_node(p, RAML_JN_BRANCH);
        branch->a = raml_jp_tuple(p, false, NULL);
        branch->body = tag_body(p, ends);
        raml_jp_add(&n->args, branch);
        if (raml_jp_take_name(p, "elif")) continue;
        if (raml_jp_take_name(p, "else")) {
            branch = raml_jp_node(p, RAML_JN_BRANCH);
            branch->body = tag_body(p, last);
            raml_jp_add(&n->args, branch);
        }
        raml_jp_next(p);
        break;
    }
    return n;
}

static struct raml_jnode *set_tag(struct raml_jparser *p)
{
    static const char *const ends[] = {"endset", NULL};
    struct raml_jnode *n = raml_jp_node(p, RAML_JN_SET);
    n->a = raml_jp_target(p, "=", true);
    if (raml_jp_take_op(p, '=')) {
        n->b = raml_jp_tuple(p, true, NULL);
        return n;
    }
    n->c = raml_jp_filters(p, NULL, true);
    n->body = tag_body(p, ends);
    raml_jp_next(p);
    return n;
}

static struct raml_jnodes params(struct raml_jparser *p)
{
    struct raml_jnodes out = {0};
    bool defaults = false;
    raml_jp_need_op(p, '(');
    while (!p->in->code && !raml_jp_is_op(p, ')')) {
        if (out.n) raml_jp_need_op(p, ',');
        struct raml_jnode *n = raml_jp_node(p, RAML_JN_PARAM);
        n->name = raml_jp_need_name(p);
        if (raml_jp_take_op(p, '=')) n->a = raml_jp_expr(p, true);
        else if (defaults) raml_jp_fail(p, "a default, as the parameter before has one");
        defaults = n->a != NULL;
        raml_jp_add(&out, n);
    }
    raml_jp_need_op(p, ')');
    return out;
}

static struct raml_jnode *macro_tag(struct raml_jparser *p)
{
    static const char *const ends[] = {"endmacro", NULL};
    struct raml_jnode *n = raml_jp_node(p, RAML_JN_MACRO);
    unsigned loops = p->loops;
    int uses = p->uses;
    n->name = raml_jp_need_name(p);
    p->uses = 0;
    n->args = params(p);
    p->loops = 0;
    n->body = tag_body(p, ends);
    p->loops = loops;
    n->op = p->uses;
    p->uses = uses;
    raml_jp_next(p);
    return n;
}

static struct raml_jnode *call_tag(struct raml_jparser *p)
{
    static const char *const ends[] = {"endcall", NULL};
    struct raml_jnode *n = raml_jp_node(p, RAML_JN_CALLBLOCK);
    unsigned loops = p->loops;
    n->name = "caller";
    if (raml_jp_is_op(p, '(')) n->args = params(p);
    n->a = raml_jp_expr(p, true);
    if (n->a->kind != RAML_JN_CALL) raml_jp_fail(p, "a call before it");
    p->loops = 0;
    n->body = tag_body(p, ends);
    p->loops = loops;
    raml_jp_next(p);
    return n;
}

static struct raml_jnode *filter_tag(struct raml_jparser *p)
{
    static const char *const ends[] = {"endfilter", NULL};
    struct raml_jnode *n = raml_jp_node(p, RAML_JN_FILTERBLOCK);
    n->a = raml_jp_filters(p, NULL, false);
    n->body = tag_body(p, ends);
    raml_jp_next(p);
    return n;
}

static struct raml_jnode *with_tag(struct raml_jparser *p)
{
    static const char *const ends[] = {"endwith", NULL};
    struct raml_jnode *n = raml_jp_node(p, RAML_JN_WITH);
    while (!p->in->code && p->t->kind != RAML_JT_BLOCK_END && !raml_jp_is_op(p, ':')) {
        if (n->args.n) raml_jp_need_op(p, ',');
        struct raml_jnode *pair = raml_jp_node(p, RAML_JN_PAIR);
        pair->a = raml_jp_primary(p);
        if (pair->a->kind != RAML_JN_NAME) raml_jp_fail(p, "a name before it, to assign to");
        raml_jp_need_op(p, '=');
        pair->b = raml_jp_expr(p, true);
        raml_jp_add(&n->args, pair);
    }
    n->body = tag_body(p, ends);
    raml_jp_next(p);
    return n;
}

static struct raml_jnode *generation_tag(struct raml_jparser *p)
{
    static const char *const ends[] = {"endgeneration", NULL};
    struct raml_jnode *n = raml_jp_node(p, RAML_JN_GROUP);
    n->body = tag_body(p, ends);
    raml_jp_next(p);
    return n;
}

static struct raml_jnode *print_tag(struct raml_jparser *p)
{
    struct raml_jnode *n = raml_jp_node(p, RAML_JN_PRINT);
    while (!p->in->code && p->t->kind != RAML_JT_BLOCK_END) {
        if (n->args.n) raml_jp_need_op(p, ',');
        raml_jp_add(&n->args, raml_jp_expr(p, true));
    }
    return n;
}

static struct raml_jnode *leave_tag(struct raml_jparser *p, enum raml_jkind kind)
{
    if (!p->loops) raml_j_fail(p->in, RAML_EFORMAT, "break or continue outside of a loop");
    return raml_jp_node(p, kind);
}

static struct raml_jnode *break_tag(struct raml_jparser *p)
{
    return leave_tag(p, RAML_JN_BREAK);
}

static struct raml_jnode *continue_tag(struct raml_jparser *p)
{
    return leave_tag(p, RAML_JN_CONTINUE);
}

static struct raml_jnode *statement(struct raml_jparser *p)
{
    static const struct {
        const char *name;
        struct raml_jnode *(*parse)(struct raml_jparser *p);
    } tags[] = {
        {"for", for_tag},     {"if", if_tag},         {"set", set_tag},           {"macro", macro_tag},
        {"call", call_tag},   {"filter", filter_tag}, {"with", with_tag},         {"generation", generation_tag},
        {"break", break_tag}, {"print", print_tag},   {"continue", continue_tag},
    };
    static const char *const stray[] = {"endfor",  "endif",     "else",    "elif",          "endset", "endmacro",
                                        "endcall", "endfilter", "endwith", "endgeneration", "endraw", NULL};
    struct raml_jnode *n = NULL;
    if (p->t->kind != RAML_JT_NAME) raml_jp_fail(p, "the name of a tag");
    if (is_one_of(p, stray)) raml_jp_fail(p, "the tag that it belongs to, before it");
    if (!raml_jp_enter(p)) return raml_jp_node(p, RAML_JN_CONST);
    for (size_t i = 0; i < sizeof tags / sizeof *tags && !n; i++)
        if (raml_jp_take_name(p, tags[i].name)) n = tags[i].parse(p);
    if (!n) raml_j_fail(p->in, RAML_ESUPPORT, "unknown tag '%.60s'", p->t->name);
    p->depth--;
    return n ? n : raml_jp_node(p, RAML_JN_CONST);
}

struct raml_jnodes raml_j_parse(struct raml_jinja *in, const char *text, size_t n)
{
    struct raml_jtokens tokens;
    struct raml_jparser p = {.in = in};
    raml_j_lex(in, text, n, &tokens);
    if (in->code) return (struct raml_jnodes){0};
    p.t = tokens.token;
    in->line = 1;
    return body(&p, NULL);
}
