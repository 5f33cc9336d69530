/* expr.h - private: an answer as an expression.
 *
 * A tree of nodes in the arena of one check. Numbers keep their digits as text, so that a tree owns no memory of any
 * arithmetic library, and so that the way a number was written ("0.50") is not lost.
 *     \frac{1}{2}x^{10}  =  MUL(DIV(NUMBER 1, NUMBER 2), POW(SYMBOL x, NUMBER 10))
 * Scalars are the kinds up to EXPR_APPLY; raml_decide (decide.h) knows only these. Structures are above.
 * Bounds: a tree has at most EXPR_MAX_NODES nodes and EXPR_MAX_DEPTH levels, so recursion over it is safe.
 */
#ifndef RAML_ANSWER_EXPR_H
#define RAML_ANSWER_EXPR_H

#include "core/arena.h"
#include "raml/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EXPR_MAX_NODES = 4096,
    EXPR_MAX_DEPTH = 100,
    EXPR_MAX_SIZE = 8192 /* of a tree, shared nodes counted each time */
};

enum expr_kind {
    /* scalars */
    EXPR_NUMBER, /* text[0..n_text): decimal digits; value = digits * 10^-scale; never negative */
    EXPR_SYMBOL, /* text: a variable, normalised: "x", "x_1", "theta" */
    EXPR_PI,
    EXPR_E, /* Euler's number */
    EXPR_I, /* the imaginary unit */
    EXPR_INFINITY,
    EXPR_NEG,     /* 1 argument */
    EXPR_ADD,     /* 2 or more */
    EXPR_MUL,     /* 2 or more */
    EXPR_DIV,     /* 2 */
    EXPR_POW,     /* 2: base, exponent */
    EXPR_CALL,    /* sub: enum expr_fn; arguments as there */
    EXPR_PERCENT, /* 1: a/100 */
    EXPR_DEGREE,  /* 1: a * pi/180 */
    EXPR_APPLY,   /* text: the name of an unknown function or operator ("f", "sum"); its arguments */
    /* several numbers at once */
    EXPR_PLUS_MINUS, /* 1 or 2: +-a, a +- b; sub 1: \mp */
    /* structures */
    EXPR_LIST,     /* a, b, c without brackets; also "a and b", "a or b" */
    EXPR_TUPLE,    /* (a, b) */
    EXPR_BRACKETS, /* [a, b] as written; an interval or a list is decided when compared */
    EXPR_INTERVAL, /* 2; sub: EXPR_OPEN_LEFT | EXPR_OPEN_RIGHT */
    EXPR_SET,      /* {a, b}; n = 0: the empty set */
    EXPR_UNION,
    EXPR_INTERSECTION,
    EXPR_MINUS_SET, /* 2 */
    EXPR_MATRIX,    /* rows; n / rows columns, row-major */
    EXPR_RELATION,  /* a chain: n arguments, text[i] the relation between i and i+1 (enum expr_relation) */
    EXPR_RATIO,     /* a : b : c */
    EXPR_TIME,      /* NUMBER of minutes after midnight, with sub 1 when AM or PM was given */
    EXPR_BASE,      /* 2: digits (SYMBOL or NUMBER as written), base */
    EXPR_UNIT,      /* 1: the value; text: the unit as written */
    EXPR_TEXT,      /* words; text normalised: lower case, single spaces */
    EXPR_CASES,     /* rows of a system, or of a piecewise function: value, condition, ... */
    EXPR_QUALIFIED, /* a value, then what is said of its letters: TEXT as written, relations, SYMBOLs named there;
                       sub 1: the value holds only if ("if", "when") */
    EXPR_N_KINDS
};

enum { EXPR_OPEN_LEFT = 1, EXPR_OPEN_RIGHT = 2 };

enum expr_relation { /* bytes of a RELATION's text */
                     EXPR_EQ = '=',
                     EXPR_NE = '!',
                     EXPR_LT = '<',
                     EXPR_GT = '>',
                     EXPR_LE = 'l',
                     EXPR_GE = 'g',
                     EXPR_APPROX = '~',
                     EXPR_IN = 'e', /* element of */
                     EXPR_NOTIN = 'n',
                     EXPR_SUBSET = 's',
                     EXPR_EQUIV = '3' /* congruent, equivalent, similar, parallel ...: compared as written */
};

/* clang-format off */
enum expr_fn {
    FN_SQRT,  /* x */
    FN_ROOT,  /* x, n: the n-th root */
    FN_EXP,
    FN_LN,    /* x; also \log without a base */
    FN_LOG,   /* x, base */
    FN_SIN, FN_COS, FN_TAN, FN_COT, FN_SEC, FN_CSC,
    FN_ASIN, FN_ACOS, FN_ATAN, FN_ACOT, FN_ASEC, FN_ACSC,
    FN_SINH, FN_COSH, FN_TANH, FN_COTH, FN_SECH, FN_CSCH,
    FN_ASINH, FN_ACOSH, FN_ATANH,
    FN_ABS, FN_FLOOR, FN_CEIL, FN_SIGN,
    FN_FACTORIAL, FN_FACTORIAL2, /* n!, n!! */
    FN_BINOMIAL,                 /* n, k */
    FN_PERMUTATIONS,             /* n, k: n! / (n-k)! */
    FN_GCD, FN_LCM, FN_MIN, FN_MAX, /* 1 or more */
    FN_MOD,                      /* a, b: the remainder in [0, b) */
    FN_RE, FN_IM, FN_CONJ, FN_ARG,
    EXPR_N_FNS
};
/* clang-format on */

struct expr {
    uint8_t kind, sub;
    uint32_t n, rows;
    int32_t scale;
    const struct expr **arg;
    const char *text; /* closed by a 0 */
    uint32_t n_text;
};

struct expr_pool { /* allocates nodes; zero-initialise, then set arena */
    struct raml_arena *arena;
    uint32_t n_nodes;
    bool no_memory, too_large; /* once set, every further node is NULL */
};

/* A node with n arguments (NULL each). NULL: limits reached, noted in the pool. */
struct expr *raml_expr_new(struct expr_pool *p, enum expr_kind kind, uint32_t n);
/* NULL when an argument is NULL, so that calls can be nested and checked once. */
const struct expr *raml_expr_1(struct expr_pool *p, enum expr_kind kind, const struct expr *a);
const struct expr *raml_expr_2(struct expr_pool *p, enum expr_kind kind, const struct expr *a, const struct expr *b);
const struct expr *raml_expr_call(struct expr_pool *p, enum expr_fn fn, const struct expr *a, const struct expr *b);
const struct expr *raml_expr_number(struct expr_pool *p, const char *digits, size_t n, int32_t scale);
const struct expr *raml_expr_int(struct expr_pool *p, long v);
const struct expr *raml_expr_text(struct expr_pool *p, enum expr_kind kind, const char *text, size_t n);

/* Has e at most `limit` nodes, shared ones counted as often as they occur? Every walk over a tree is bounded by this,
 * so it is checked wherever nodes become shared. O(limit). */
bool raml_expr_fits(const struct expr *e, uint32_t limit);
bool raml_expr_is_scalar(const struct expr *e);                  /* this node and all below it */
bool raml_expr_same(const struct expr *a, const struct expr *b); /* node by node */
bool raml_expr_has_symbol(const struct expr *e);                 /* a SYMBOL or APPLY anywhere */
/* e with every SYMBOL `name` (for "i" also EXPR_I) replaced; e itself where there is none. NULL: limits reached. */
const struct expr *raml_expr_replace(struct expr_pool *p, const struct expr *e, const char *name,
                                     const struct expr *by);
const char *raml_expr_fn_name(enum expr_fn fn);
/* As plain text, for --explain and tests: "1/2*x^10", "{1, 2}", "[0, 1)". Bounded length. */
void raml_expr_print(const struct expr *e, struct raml_buf *out);

#endif
