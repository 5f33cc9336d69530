/* parse.h - a template as a tree (private to src/jinja).
 *
 * One struct for all nodes; what its fields hold depends on the kind:
 *
 *     kind       a            b           c          args                    body / other          name, value, op
 *     CONST                                                                                       value
 *     NAME                                                                                        name
 *     TUPLE, LIST                                    elements
 *     DICT                                           PAIR (a: key, b: value)
 *     ATTR       object                                                                           name
 *     ITEM       object       index
 *     SLICE      start        stop        step       (each may be NULL)
 *     CALL       callee                              arguments, KEYWORD (a), then STAR (op 1 or 2, a)
 *     FILTER     input        (a is NULL at the root of a filter block)  arguments                name
 *     TEST       operand                             arguments                                    name
 *     NOT NEG POS operand
 *     BINARY     left         right                                                               op
 *     AND OR     left         right
 *     COMPARE    first                               OPERAND (op, a)
 *     CONCAT                                         operands
 *     COND       condition    if true     if not (NULL: undefined)
 *     TEXT                                                                                        value
 *     PRINT                                          expressions, printed one after the other
 *     FOR        target       iterable    filter                             body / else
 *     IF                                             BRANCH (a: condition, NULL for else; body)
 *     SET        target       value (NULL: the block) filters (or NULL)       body
 *     MACRO                                          PARAM (name, a: default)  body               name, op: RAML_J_USES_*
 *     CALLBLOCK  call                                PARAM                     body
 *     FILTERBLOCK filters                                                      body
 *     WITH                                           PAIR (a: target, b: value)  body
 *     GROUP                                                                    body               {% generation %}
 *     BREAK, CONTINUE
 * Children of a list are linked by `next`. Targets are NAME, TUPLE of targets, or ATTR of a NAME.
 */
#ifndef RAML_JINJA_PARSE_H
#define RAML_JINJA_PARSE_H

#include "jinja/lex.h"

enum raml_jkind {
    RAML_JN_CONST,
    RAML_JN_NAME,
    RAML_JN_TUPLE,
    RAML_JN_LIST,
    RAML_JN_DICT,
    RAML_JN_PAIR,
    RAML_JN_ATTR,
    RAML_JN_ITEM,
    RAML_JN_SLICE,
    RAML_JN_CALL,
    RAML_JN_KEYWORD,
    RAML_JN_STAR,
    RAML_JN_FILTER,
    RAML_JN_TEST,
    RAML_JN_NOT,
    RAML_JN_NEG,
    RAML_JN_POS,
    RAML_JN_BINARY,
    RAML_JN_AND,
    RAML_JN_OR,
    RAML_JN_COMPARE,
    RAML_JN_OPERAND,
    RAML_JN_CONCAT,
    RAML_JN_COND,
    RAML_JN_TEXT,
    RAML_JN_PRINT,
    RAML_JN_FOR,
    RAML_JN_IF,
    RAML_JN_BRANCH,
    RAML_JN_SET,
    RAML_JN_MACRO,
    RAML_JN_PARAM,
    RAML_JN_CALLBLOCK,
    RAML_JN_FILTERBLOCK,
    RAML_JN_WITH,
    RAML_JN_GROUP,
    RAML_JN_BREAK,
    RAML_JN_CONTINUE
};
enum { RAML_J_USES_VARARGS = 1, RAML_J_USES_KWARGS = 2, RAML_J_USES_CALLER = 4 };
struct raml_jnode;
struct raml_jnodes {
    struct raml_jnode *first, *last;
    size_t n;
};
struct raml_jnode {
    enum raml_jkind kind;
    int op;
    size_t line;
    struct raml_jnode *a, *b, *c, *next;
    struct raml_jnodes args, body, other;
    const char *name;
    struct raml_jv value;
};

struct raml_jparser {
    struct raml_jinja *in;
    const struct raml_jtoken *t; /* the current token; at the last one it stays */
    unsigned depth, loops;       /* nesting; the loops that break and continue may leave */
    int uses;                    /* RAML_J_USES_*: of the macro that is being read */
    struct raml_jnode spare;     /* returned when there is no memory */
};

/* NULL: failed, see in->code. */
struct raml_jnodes raml_j_parse(struct raml_jinja *in, const char *text, size_t n);

/* Between parse.c (statements) and parse_expr.c. Even a parser that failed returns a node. */
struct raml_jnode *raml_jp_node(struct raml_jparser *p, enum raml_jkind kind);
void raml_jp_add(struct raml_jnodes *to, struct raml_jnode *node);
void raml_jp_fail(struct raml_jparser *p, const char *expected);
void raml_jp_next(struct raml_jparser *p);
bool raml_jp_is_op(const struct raml_jparser *p, int op);
bool raml_jp_is_name(const struct raml_jparser *p, const char *name);
bool raml_jp_take_op(struct raml_jparser *p, int op);
bool raml_jp_take_name(struct raml_jparser *p, const char *name);
void raml_jp_need_op(struct raml_jparser *p, int op);
const char *raml_jp_need_name(struct raml_jparser *p);
bool raml_jp_enter(struct raml_jparser *p);
struct raml_jnode *raml_jp_expr(struct raml_jparser *p, bool with_cond);
/* a, b, c: a tuple; a: the expression itself. end: a name that ends it ("in", "recursive"), or NULL. */
struct raml_jnode *raml_jp_tuple(struct raml_jparser *p, bool with_cond, const char *end);
struct raml_jnode *raml_jp_target(struct raml_jparser *p, const char *end, bool attribute);
struct raml_jnode *raml_jp_primary(struct raml_jparser *p);
/* Filters after `input` (NULL: a filter block's; then the first has no | before it unless `bar`). */
struct raml_jnode *raml_jp_filters(struct raml_jparser *p, struct raml_jnode *input, bool bar);

#endif
