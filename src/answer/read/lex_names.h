/* lex_names.h - private: kinds that only the lexer sees, in addition to those of its tokens. */
#ifndef RAML_ANSWER_LEX_NAMES_H
#define RAML_ANSWER_LEX_NAMES_H

#include "answer/read/lex.h"

enum {
    LEX_DROP = T_BAD + 1,
    LEX_DROP_ARGUMENT, /* the command and what follows it in braces */
    LEX_TEXT,          /* \text{words} */
    LEX_ROMAN,         /* \mathrm{...}: a name, or mathematics in another typeface */
    LEX_BB,            /* \mathbb{R} */
    LEX_BEGIN,
    LEX_END,
    LEX_PMOD /* \pmod{n} */
};

/* The code point at text[0..left), left > 0; U+FFFD where it is not UTF-8. Returns its length, 1 or more. */
size_t raml_lex_decode(const char *text, size_t left, uint32_t *code);
/* '0' to '9', '+', '-', 'n' for a superscript sign; 0: none. */
char raml_lex_superscript(uint32_t code);
/* A fraction that is one character: its parts, one digit each. */
bool raml_lex_fraction(uint32_t code, const char **above, const char **below);

#endif
