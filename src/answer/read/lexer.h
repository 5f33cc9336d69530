/* lexer.h - private to lex*.c: a text on its way to tokens. */
#ifndef RAML_ANSWER_LEXER_H
#define RAML_ANSWER_LEXER_H

#include "answer/read/lex.h"
#include "core/ascii.h"

struct lexer {
    const char *s;
    size_t n, i;
    size_t from; /* where the current token began */
    struct raml_arena *arena;
    char *scratch; /* [n + 2] */
    struct tokens out;
    bool split, space;
    bool doubled;      /* commands are written with two backslashes */
    bool drop_dollars; /* dollar signs switch to mathematics */
    uint32_t depth;    /* ( [ \{ that are open */
    uint32_t environments;
};

static inline char at(const struct lexer *x, size_t i)
{
    return i < x->n ? x->s[i] : 0;
}

/* Is `with` at byte i? */
bool raml_lex_starts(const struct lexer *x, size_t i, const char *with);
size_t raml_lex_skip_space(const struct lexer *x, size_t i);
/* The next token; text must live as long as the arena. */
struct token *raml_lex_add(struct lexer *x, enum token_kind kind, int sub, const char *text, size_t n);
/* lex_number.c: a number begins at x->i. */
void raml_lex_number(struct lexer *x);

#endif
