/* roles.c - see roles.h. */
#include "inner/roles.h"

#include "core/array.h"
#include "core/ascii.h"
#include "inner/pieces.h"

#include <stdlib.h>
#include <string.h>

static const char *const reflection_words[] = {"wait", "however",      "alternatively", "recheck",  "retry",
                                               "hmm",  "let me check", "hold on",       "actually", "double-check"};
static const char *const thinking_delimiters[] = {"<think>", "</think>"};
static const char *const operators[] = {"+", "-", "*", "/", "=", "<", ">", "^", "%",
                                        "×", "÷", "·", "±", "≤", "≥", "≠", "≈", "−"};

#define COUNT(a) (sizeof(a) / sizeof *(a))

const char *const *raml_reflection_words(size_t *n)
{
    *n = COUNT(reflection_words);
    return reflection_words;
}

const char *const *raml_thinking_delimiters(size_t *n)
{
    *n = COUNT(thinking_delimiters);
    return thinking_delimiters;
}

const char *raml_token_role_name(enum raml_token_role role)
{
    static const char *const name[RAML_TOKEN_ROLES] = {"delimiter", "reflection", "number", "operator", "other"};
    return name[role];
}

void raml_token_roles_deinit(struct raml_token_roles *r)
{
    free(r->role);
    free(r->match);
    *r = (struct raml_token_roles){0};
}

/* -- By a token's own text ----------------------------------------------------------------------------------------- */

static struct raml_str strip(struct raml_str x)
{
    while (x.n && is_space(x.s[0])) x = (struct raml_str){x.s + 1, x.n - 1};
    while (x.n && is_space(x.s[x.n - 1])) x.n--;
    return x;
}

static bool is_delimiter(const struct raml_token_text *t, struct raml_str x)
{
    for (size_t i = 0; i < t->n_delimiters; i++)
        if (strlen(t->delimiter[i]) == x.n && x.n && memcmp(t->delimiter[i], x.s, x.n) == 0) return true;
    return false;
}

static bool is_number(struct raml_str x)
{
    size_t digits = 0;
    for (size_t i = 0; i < x.n; i++) {
        if (!is_digit(x.s[i]) && x.s[i] != '.' && x.s[i] != ',') return false;
        digits += is_digit(x.s[i]);
    }
    return digits > 0;
}

static size_t operator_bytes(struct raml_str x) /* of the operator that x begins with; 0: none */
{
    for (size_t i = 0; i < COUNT(operators); i++) {
        size_t n = strlen(operators[i]);
        if (n <= x.n && memcmp(operators[i], x.s, n) == 0) return n;
    }
    return 0;
}

static bool is_operator(struct raml_str x)
{
    if (x.n == 0) return false;
    while (x.n) {
        size_t n = operator_bytes(x);
        if (n == 0) return false;
        x = (struct raml_str){x.s + n, x.n - n};
    }
    return true;
}

/* -- Matches of words in the joined text --------------------------------------------------------------------------- */

static bool is_word_byte(char c)
{
    return is_alnum(c) || (unsigned char)c >= 128;
}

static size_t word_bytes(const struct raml_pieces *j, size_t at, const char *word) /* of its match at `at`; 0: none */
{
    size_t i = at;
    for (; *word; word++) {
        size_t from = i;
        if (*word == ' ') {
            while (i < j->n && is_space(j->s[i])) i++;
        } else if (i < j->n && to_lower(j->s[i]) == to_lower(*word)) {
            i++;
        }
        if (i == from) return 0;
    }
    return i < j->n && is_word_byte(j->s[i]) ? 0 : i - at;
}

static bool find_word(const struct raml_token_text *t, const struct raml_pieces *j, size_t at, size_t *word, size_t *n)
{
    *n = 0;
    if (at && is_word_byte(j->s[at - 1])) return false;
    for (size_t w = 0; w < t->n_words; w++) {
        size_t bytes = word_bytes(j, at, t->word[w]);
        if (bytes > *n) {
            *word = w;
            *n = bytes;
        }
    }
    return *n > 0;
}

/* Covers the tokens first..last (from 1) where none of them is a delimiter. */
static bool cover(enum raml_token_role *role, size_t first, size_t last)
{
    for (size_t k = first; k <= last; k++)
        if (role[k - 1] == RAML_TOKEN_DELIMITER) return false;
    for (size_t k = first; k <= last; k++) role[k - 1] = RAML_TOKEN_REFLECTION;
    return true;
}

static enum raml_code find_matches(const struct raml_token_text *t, const struct raml_pieces *j,
                                   struct raml_token_roles *r, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t at = 0, word = 0, n = 0; !rc && at < j->n;) {
        bool found = find_word(t, j, at, &word, &n);
        size_t first = found ? raml_pieces_token(j, at) + 1 : 0,
               last = found ? raml_pieces_token(j, at + n - 1) + 1 : 0;
        if (!found || !cover(r->role, first, last)) {
            at++;
            continue;
        }
        rc = RAML_GROW(r->match, r->cap_matches, r->n_matches + 1, "reflection words of a trajectory", err);
        if (!rc) r->match[r->n_matches++] = (struct raml_word_match){word, first, last};
        at = j->start[last];
    }
    return rc;
}

enum raml_code raml_token_roles(const struct raml_token_text *text, struct raml_token_roles *out, struct raml_err *err)
{
    struct raml_pieces j;
    struct raml_token_roles r = {.role = calloc(text->n ? text->n : 1, sizeof *r.role), .n = text->n};
    if (!r.role) return raml_fail(err, RAML_ENOMEM, "no memory for the roles of %zu tokens", text->n);
    for (size_t k = 0; k < text->n; k++) {
        struct raml_str x = strip(text->piece[k]);
        r.role[k] = is_delimiter(text, x) ? RAML_TOKEN_DELIMITER
                    : is_number(x)        ? RAML_TOKEN_NUMBER
                    : is_operator(x)      ? RAML_TOKEN_OPERATOR
                                          : RAML_TOKEN_OTHER;
    }
    enum raml_code rc = raml_pieces_join(text->piece, text->n, &j, err);
    if (!rc) rc = find_matches(text, &j, &r, err);
    raml_pieces_deinit(&j);
    raml_token_roles_deinit(rc ? &r : out);
    if (!rc) *out = r;
    return rc;
}
