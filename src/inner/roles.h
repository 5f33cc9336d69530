/* roles.h - what trajectory tokens are, by their text: the classes over which a loss curve's steps are compared
 * (docs/methods.md, section 2).
 *
 * A piece is a token's bytes. The first that holds:
 *   delimiter   the piece, without surrounding whitespace, opens or closes thinking
 *   reflection  covered by a match of a reflection word
 *   number      digits with . and , only, at least one digit
 *   operator    only characters of + - * / = < > ^ % × ÷ · ± ≤ ≥ ≠ ≈ −
 *   other
 * Matches are found in the joined bytes of all pieces, so a word of several tokens is found, with or without a space
 * before it, in any ASCII case, where no letter, digit or byte >= 128 stands directly before or after; a space in a
 * word is any whitespace; of several words at a place the longest, of equals the first. A match covers the tokens from
 * its first byte's to its last byte's and is one unit; a token belongs to one match at most; one that would cover a
 * delimiter is none.
 *
 * Tokens are counted from 1, as t_1 .. t_T; so the step of a match is L(last) - L(first - 1).
 * Errors   RAML_ENOMEM; output as before.      Threads  pure functions.      Cost  O(bytes x words)
 */
#ifndef RAML_INNER_ROLES_H
#define RAML_INNER_ROLES_H

#include "raml/tokenizer.h"

enum raml_token_role {
    RAML_TOKEN_DELIMITER,
    RAML_TOKEN_REFLECTION,
    RAML_TOKEN_NUMBER,
    RAML_TOKEN_OPERATOR,
    RAML_TOKEN_OTHER,
    RAML_TOKEN_ROLES
};
const char *raml_token_role_name(enum raml_token_role role); /* "reflection" */

struct raml_word_match {
    size_t word;        /* index in the list of words */
    size_t first, last; /* tokens, from 1 */
};
struct raml_token_text {          /* borrowed */
    const struct raml_str *piece; /* [n] bytes of each token */
    size_t n;
    const char *const *word; /* [n_words] lower case, without surrounding whitespace */
    size_t n_words;
    const char *const *delimiter; /* [n_delimiters] */
    size_t n_delimiters;
};
/* Words of reflection: "wait", "however", … *n of them. */
const char *const *raml_reflection_words(size_t *n);
/* "<think>" and "</think>". */
const char *const *raml_thinking_delimiters(size_t *n);

struct raml_token_roles {       /* zero-initialise; free with _deinit */
    enum raml_token_role *role; /* [n] */
    size_t n;
    struct raml_word_match *match; /* [n_matches] by rising first */
    size_t n_matches, cap_matches;
};
void raml_token_roles_deinit(struct raml_token_roles *r);
/* *out is replaced. */
RAML_CHECKED enum raml_code raml_token_roles(const struct raml_token_text *text, struct raml_token_roles *out,
                                             struct raml_err *err);

#endif
