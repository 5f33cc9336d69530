/* lex.h - private: an answer's text as tokens.
 *
 * LaTeX, plain notation and Unicode signs come out as the same tokens: \frac12, 1/2 and one half as one character are
 * T_FRAC 1 2, 1 / 2 and T_FRAC 1 2. Spacing, sizes (\left, \big) and dollar signs that only switch to mathematics are
 * dropped; a token knows whether whitespace came before it. Commands that run into a letter ("\quadx", as in texts
 * whose whitespace was removed) are split after the longest known name.
 */
#ifndef RAML_ANSWER_LEX_H
#define RAML_ANSWER_LEX_H

#include "answer/expr.h"

enum { LEX_MAX_BYTES = 1 << 16, LEX_MAX_TOKENS = 1 << 13 };

/* clang-format off */
enum token_kind {
    T_END,
    T_NUMBER,   /* text: digits with at most one '.', perhaps an exponent; thousands separators are removed */
    T_LETTER,   /* one Latin letter */
    T_WORD,     /* two or more adjacent letters */
    T_SYMBOL,   /* text: a named symbol, "alpha" */
    T_TEXT,     /* text: the content of \text{} */
    T_FN,       /* sub: enum expr_fn */
    T_BIG,      /* text: "sum", "prod", "int", "lim" ... */
    T_PI, T_EULER, T_IMAGINARY, T_INFINITY,
    T_PLUS, T_MINUS, T_TIMES, T_SLASH, T_PLUS_MINUS /* sub 1: \mp */, T_POWER, T_SUB, T_BANG, T_PRIME,
    T_DEGREE, T_PERCENT, T_CURRENCY /* text: its name */,
    T_OPEN,     /* sub: the character ( [ { | < f (floor) c (ceiling); '{' is \{, '|' may close as well */
    T_CLOSE,    /* sub: ) ] } | > f c */
    T_GROUP, T_GROUP_END, /* { and } of LaTeX */
    T_COMMA, T_SEMICOLON, T_COLON, T_DOT, T_DOTS,
    T_AND,      /* "and", "or" */
    T_RELATION, /* sub: enum expr_relation */
    T_FRAC, T_BINOM, T_SQRT, T_OVER, T_CHOOSE, T_MOD,
    T_ACCENT,   /* text: "bar", "vec", "hat" ... */
    T_CUP, T_CAP, T_SETMINUS, T_EMPTY_SET,
    T_SET_NAME, /* sub: one of R Z N Q C */
    T_BEGIN, T_FINISH, /* of an environment; text: its name */
    T_CELL, T_ROW, /* & and \\ */
    T_MID,      /* \mid */
    T_BAD       /* what no answer contains */
};
/* clang-format on */

/* Functions that the parser writes in others: T_FN's `sub` beyond enum expr_fn. */
enum lex_fn { LEX_FN_CIS = EXPR_N_FNS, LEX_FN_NCR, LEX_FN_NPR };

struct token {
    uint8_t kind, sub;
    bool space;          /* whitespace came before it */
    bool comma;          /* T_NUMBER: a plain comma separated its thousands, so it may also be two numbers */
    uint32_t n, at, end; /* bytes [at, end) of the source */
    const char *text;
};

struct tokens {          /* in the arena */
    struct token *token; /* [n + 1]; the last is T_END */
    uint32_t n;
    bool thousands; /* some number has `comma` */
    bool bad, no_memory;
};

/* split: commas always separate numbers ("1,234" is two). */
struct tokens raml_lex(const char *text, size_t n, bool split, struct raml_arena *arena);

/* A LaTeX command by its name (without the backslash), or a word of plain notation ("sqrt", "pi"); NULL: unknown. */
struct lex_name {
    const char *name;
    uint8_t kind, sub;
    const char *text;
};
const struct lex_name *raml_lex_command(const char *name, size_t n);
const struct lex_name *raml_lex_plain(const char *name, size_t n);
/* A sign beyond ASCII; NULL: a letter of some script, or unknown. */
const struct lex_name *raml_lex_sign(uint32_t code);

#endif
