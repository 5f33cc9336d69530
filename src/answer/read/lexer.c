/* lexer.c - what all of lex*.c take tokens with. See lexer.h. */
#include "answer/read/lexer.h"

#include <string.h>

bool raml_lex_starts(const struct lexer *x, size_t i, const char *with)
{
    size_t n = strlen(with);
    return i <= x->n && x->n - i >= n && memcmp(x->s + i, with, n) == 0;
}

size_t raml_lex_skip_space(const struct lexer *x, size_t i)
{
    while (i < x->n && is_space(x->s[i])) i++;
    return i;
}

struct token *raml_lex_add(struct lexer *x, enum token_kind kind, int sub, const char *text, size_t n)
{
    if (x->out.n >= LEX_MAX_TOKENS) {
        x->out.bad = true;
        return &x->out.token[LEX_MAX_TOKENS];
    }
    struct token *t = &x->out.token[x->out.n++];
    *t = (struct token){.kind = (uint8_t)kind,
                        .sub = (uint8_t)sub,
                        .space = x->space,
                        .n = (uint32_t)n,
                        .at = (uint32_t)x->from,
                        .text = text ? text : ""};
    x->space = false;
    if (kind == T_OPEN && sub != '|') x->depth++;
    if (kind == T_CLOSE && x->depth) x->depth--;
    return t;
}
