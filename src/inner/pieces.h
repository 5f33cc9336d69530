/* pieces.h - the bytes of a trajectory's tokens, joined to one text in which every byte knows its token. */
#ifndef RAML_INNER_PIECES_H
#define RAML_INNER_PIECES_H

#include "raml/tokenizer.h"

struct raml_pieces { /* token k (from 0) has the bytes [start[k], start[k + 1]) of s, maybe none */
    char *s;
    size_t *start; /* [n_tokens + 1] */
    size_t n, n_tokens;
};
/* On failure *out is empty. */
RAML_CHECKED enum raml_code raml_pieces_join(const struct raml_str *piece, size_t n, struct raml_pieces *out,
                                             struct raml_err *err);
void raml_pieces_deinit(struct raml_pieces *p);
size_t raml_pieces_token(const struct raml_pieces *p, size_t byte); /* that the byte, < n, is of */

#endif
