/* lex.h - a template's text as tokens (private to src/jinja).
 *
 * As Jinja does with trim_blocks and lstrip_blocks: the newline after a block tag or comment is dropped, and so is
 * whitespace before one that comes first on its line; - beside a delimiter strips whitespace, + keeps it. \r\n and
 * \r are read as \n; one newline at the end of the template is dropped. {% raw %} comes out as text.
 */
#ifndef RAML_JINJA_LEX_H
#define RAML_JINJA_LEX_H

#include "jinja/value.h"

enum raml_jtoken_kind {
    RAML_JT_END,
    RAML_JT_TEXT,
    RAML_JT_PRINT,     /* {{ */
    RAML_JT_PRINT_END, /* }} */
    RAML_JT_BLOCK,     /* {% */
    RAML_JT_BLOCK_END, /* %} */
    RAML_JT_NAME,
    RAML_JT_INT,
    RAML_JT_FLOAT,
    RAML_JT_STRING,
    RAML_JT_OP
};
enum raml_jop {                         /* a single character is its own code */
                RAML_JO_FLOORDIV = 256, /* // */
                RAML_JO_POW,            /* ** */
                RAML_JO_EQ,
                RAML_JO_NE,
                RAML_JO_LE,
                RAML_JO_GE,
                RAML_JO_IN,
                RAML_JO_NOT_IN
};
struct raml_jtoken {
    enum raml_jtoken_kind kind;
    int op;
    size_t line;
    const char *name;     /* NAME */
    struct raml_jv value; /* TEXT, INT, FLOAT, STRING */
};
struct raml_jtokens {
    struct raml_jtoken *token; /* the last one is RAML_JT_END */
    size_t n, cap;
};

/* text: valid UTF-8. Failure: in->code. */
void raml_j_lex(struct raml_jinja *in, const char *text, size_t n, struct raml_jtokens *out);
/* What a token is called in messages. */
const char *raml_j_token_name(const struct raml_jtoken *t, char out[RAML_J_SHOWN]);

/* lex_expr.c: the token at *at inside a tag; *at moves past it. */
void raml_j_lex_one(struct raml_jinja *in, const char *s, size_t n, size_t *at, struct raml_jtoken *out);

#endif
