/* parse_qualifier.c - what an answer says of its letters: "for all real x", "where c is a constant", "k \in Z"
 * (parse.h). */
#include "answer/read/parser.h"

#include "core/ascii.h"

#include <string.h>

enum { MAX_NAMED = 8, MAX_TAIL = 64 };

/* Does the token begin with one of these words? */
static bool begins_with(const struct token *t, const char *const *list)
{
    if (t->kind != T_WORD && t->kind != T_TEXT) return false;
    uint32_t i = 0;
    while (i < t->n && (is_space(t->text[i]) || strchr(",(~", t->text[i]))) i++;
    for (; *list; list++) {
        size_t n = strlen(*list);
        if (t->n - i >= n && !memcmp(t->text + i, *list, n) && (t->n - i == n || !is_alpha(t->text[i + n])))
            return true;
    }
    return false;
}

static bool is_letter(const struct token *t)
{
    return t->kind == T_LETTER || t->kind == T_SYMBOL;
}

static const char *const openers[] = {"for",      "For",  "where",      "Where",    "with",     "when",   "if", "given",
                                      "provided", "such", "as long as", "assuming", "whenever", "unless", NULL};
static const char *const only_if[] = {"when", "if", "provided", "whenever", "unless", NULL};

/* "a constant", not "a is an integer". */
static bool is_article(const struct token *t, const struct token *next)
{
    static const char *const verbs[] = {"is", "are", "being", "any", "denotes", "stands", "can", "may", NULL};
    return t->kind == T_LETTER && t->text[0] == 'a' && next && (next->kind == T_WORD || next->kind == T_TEXT) &&
           !begins_with(next, verbs);
}

/* Is there a letter of its own, or a relation, in tokens [from, to)? Then they say something of a letter. */
static bool says_something(const struct parser *p, uint32_t from, uint32_t to)
{
    for (uint32_t k = from; k < to; k++) {
        const struct token *t = &p->token[k];
        if (t->kind == T_RELATION) return true;
        if (is_letter(t) && !is_article(t, k + 1 < to ? t + 1 : NULL)) return true;
    }
    return false;
}

static uint32_t closing(const struct parser *p, uint32_t open)
{
    int depth = 0;
    for (uint32_t k = open; k < p->n; k++) {
        if (p->token[k].kind == T_OPEN && p->token[k].sub != '|') depth++;
        if (p->token[k].kind == T_CLOSE && --depth == 0) return k;
    }
    return p->n;
}

static bool ends(const struct parser *p, uint32_t k)
{
    while (k < p->n && (p->token[k].kind == T_DOT || p->token[k].kind == T_COMMA)) k++;
    return k == p->n;
}

/* (k \in \mathbb{Z}), (for n > 1): to the end of the answer. */
static bool bracketed(const struct parser *p)
{
    const struct token *t = raml_parse_peek(p, 0), *first = raml_parse_peek(p, 1), *then = raml_parse_peek(p, 2);
    if (t->kind != T_OPEN || t->sub != '(') return false;
    if (!begins_with(first, openers) && !(is_letter(first) && then->kind == T_RELATION && then->sub != EXPR_EQ))
        return false;
    uint32_t end = closing(p, p->i);
    return end < p->n && p->token[end].sub == ')' && ends(p, end + 1) && says_something(p, p->i + 1, end);
}

bool raml_parse_begins_qualifier(const struct parser *p, bool item)
{
    static const char *const of_letter[] = {"any",  "is",   "are",     "an",       "arbitrary", "being",
                                            "some", "real", "integer", "constant", "and",       NULL};
    const struct token *t = raml_parse_peek(p, 0);
    if (bracketed(p)) return true;
    if (item && is_letter(t) && begins_with(raml_parse_peek(p, 1), of_letter)) return true;
    return begins_with(t, openers) && says_something(p, p->i, p->n);
}

/* The relation in tokens [from, to), after words; NULL: none that can be read. */
static const struct expr *relation_in(struct parser *p, uint32_t from, uint32_t to)
{
    while (from < to && (p->token[from].kind == T_WORD || p->token[from].kind == T_TEXT)) from++;
    bool any = false;
    for (uint32_t k = from; k < to; k++) any |= p->token[k].kind == T_RELATION;
    if (!any || p->why) return NULL;
    struct parser q = *p;
    q.i = from;
    q.n = to;
    struct token last = p->token[to];
    p->token[to] = (struct token){.kind = T_END, .text = "", .at = last.at, .end = last.at};
    const struct expr *e = raml_parse_list(&q, false);
    p->token[to] = last;
    p->steps = q.steps;
    return e && q.i == to ? e : NULL;
}

const struct expr *raml_parse_qualifier(struct parser *p, const struct expr *e)
{
    uint32_t from = p->i, end = p->n;
    bool brackets = bracketed(p);
    if (brackets) end = closing(p, from++);
    if (end - from > MAX_TAIL) return raml_parse_stop(p, "too much said of its letters");
    for (uint32_t k = from + 1; k < end; k++)
        if (p->token[k - 1].kind == T_COMMA && k > from + 1 && begins_with(&p->token[k], openers) &&
            !begins_with(&p->token[k], (const char *const[]){"where", "with", NULL}))
            return raml_parse_stop(p, "several cases in prose");
    const struct expr *relation = relation_in(p, from, end), *named[MAX_NAMED];
    uint32_t n = 0;
    for (uint32_t k = from; k < end && n < MAX_NAMED; k++) {
        const struct token *t = &p->token[k];
        if (!is_letter(t) || is_article(t, k + 1 < end ? t + 1 : NULL)) continue;
        uint32_t to = k + 1;
        if (to + 1 < end && p->token[to].kind == T_SUB) to += 2; /* C_1 */
        size_t len;
        const char *name = t->kind == T_SYMBOL ? t->text : raml_parse_slice(p, k, to, &len);
        if (t->kind == T_SYMBOL) len = t->n;
        named[n] = name ? raml_expr_text(p->pool, EXPR_SYMBOL, name, len) : NULL;
        if (!named[n++]) return NULL;
    }
    struct expr *q = raml_expr_new(p->pool, EXPR_QUALIFIED, 2 + (relation != NULL) + n);
    const struct expr *words = q ? raml_parse_words(p, from, end) : NULL;
    if (!words) return NULL;
    q->arg[0] = e;
    q->arg[1] = words;
    if (relation) q->arg[2] = relation;
    memcpy(q->arg + q->n - n, named, n * sizeof *named);
    q->sub = begins_with(&p->token[from], only_if);
    p->i = brackets ? end + 1 : end;
    return q;
}

/* ---- conditions in a list ---- */

static bool mentions(const struct expr *e, const struct expr *letter)
{
    if (raml_expr_same(e, letter)) return true;
    for (uint32_t i = 0; i < e->n; i++)
        if (mentions(e->arg[i], letter)) return true;
    return false;
}

/* Is `r` a condition on a letter of e: k \in Z, n > 1, c != 0? */
static bool is_condition(const struct expr *r, const struct expr *e)
{
    if (r->kind != EXPR_RELATION || r->n != 2 || r->arg[0]->kind != EXPR_SYMBOL || !strchr("e!<>lg", r->text[0]))
        return false;
    if (e->kind == EXPR_RELATION) {
        if (e->text[0] != EXPR_EQ || e->n != 2 || raml_expr_same(e->arg[0], r->arg[0])) return false;
        e = e->arg[1];
    } else if (e->kind > EXPR_APPLY && e->kind != EXPR_TUPLE && e->kind != EXPR_PLUS_MINUS) {
        return false;
    }
    return !raml_expr_same(e, r->arg[0]) && mentions(e, r->arg[0]);
}

const struct expr *raml_parse_conditions(struct parser *p, const struct expr *list)
{
    if (list->kind != EXPR_LIST) return list;
    uint32_t n = list->n;
    while (n > 1 && is_condition(list->arg[n - 1], list->arg[0])) n--;
    if (n == list->n) return list;
    struct expr *value = n > 1 ? raml_expr_new(p->pool, EXPR_LIST, n) : NULL;
    if (value) memcpy(value->arg, list->arg, n * sizeof *value->arg);
    uint32_t rest = list->n - n;
    struct expr *q = n == 1 || value ? raml_expr_new(p->pool, EXPR_QUALIFIED, 2 + 2 * rest) : NULL;
    const struct expr *words = q ? raml_expr_text(p->pool, EXPR_TEXT, "", 0) : NULL;
    if (!words) return NULL;
    q->arg[0] = value ? value : list->arg[0];
    q->arg[1] = words;
    for (uint32_t i = 0; i < rest; i++) {
        q->arg[2 + i] = list->arg[n + i];
        q->arg[2 + rest + i] = list->arg[n + i]->arg[0];
    }
    return q;
}
