/* pieces_of.h - the token pieces of an oracle's case, or of a test's own list. */
#ifndef TESTS_PIECES_OF_H
#define TESTS_PIECES_OF_H

#include "inner/oracle.h"

#include "core/ascii.h"
#include "inner/roles.h"

struct pieces {
    struct raml_str *piece;
    char *bytes;
    size_t n;
};

static inline struct pieces pieces_of_oracle(const json_t *list)
{
    struct pieces p = {.n = json_array_size(list)};
    size_t total = 0, i;
    const json_t *x;
    json_array_foreach (list, i, x) total += json_string_length(json_object_get(x, "hex")) / 2;
    p.piece = calloc(p.n + 1, sizeof *p.piece);
    char *to = p.bytes = calloc(total + 1, 1);
    assert_true(p.piece && p.bytes);
    json_array_foreach (list, i, x) {
        const char *hex = json_string_value(json_object_get(x, "hex"));
        p.piece[i].s = to;
        for (; *hex; hex += 2) *to++ = (char)(16 * hex_value(hex[0]) + hex_value(hex[1]));
        p.piece[i].n = (size_t)(to - p.piece[i].s);
    }
    return p;
}

static inline void pieces_deinit(struct pieces *p)
{
    free(p->piece);
    free(p->bytes);
}

enum { MAX_PIECES = 24 };

/* list: ended by NULL; piece[MAX_PIECES]. */
static inline struct raml_token_text text_of(const char *const *list, struct raml_str *piece)
{
    struct raml_token_text t = {.piece = piece};
    for (; list[t.n]; t.n++) {
        assert_true(t.n < MAX_PIECES);
        piece[t.n] = (struct raml_str){list[t.n], strlen(list[t.n])};
    }
    t.word = raml_reflection_words(&t.n_words);
    t.delimiter = raml_thinking_delimiters(&t.n_delimiters);
    return t;
}

#endif
