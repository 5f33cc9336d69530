/* fork_places.c - see fork_places.h. */
#include "inner/fork_places.h"

#include "core/array.h"

#include <stdlib.h>
#include <string.h>

enum { CONTEXT_BYTES = 64 };

const char *raml_fork_kind_name(enum raml_fork_kind kind)
{
    static const char *const name[RAML_FORK_KINDS] = {"line",       "sentence", "paragraph",
                                                      "reflection", "entropy",  "given"};
    return name[kind];
}

void raml_fork_place_list_deinit(struct raml_fork_place_list *p)
{
    free(p->place);
    *p = (struct raml_fork_place_list){0};
}

static enum raml_code add(struct raml_fork_place_list *p, size_t at, size_t end, struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(p->place, p->cap, p->n + 1, "places of forks", err);
    if (!rc) p->place[p->n++] = (struct raml_fork_place){(uint32_t)at, (uint32_t)end};
    return rc;
}

/* -- Kinds of places ----------------------------------------------------------------------------------------------- */

static enum raml_code add_borders(const struct raml_token_text *text, enum raml_border_kind kind,
                                  struct raml_fork_place_list *out, struct raml_err *err)
{
    struct raml_places p = {0};
    enum raml_code rc = raml_borders(text, kind, 1, &p, err);
    for (size_t i = 0; !rc && i < p.n; i++) rc = add(out, p.at[i], i + 1 < p.n ? p.at[i + 1] : p.at[i], err);
    raml_places_deinit(&p);
    return rc;
}

static enum raml_code add_reflection(const struct raml_token_text *text, struct raml_fork_place_list *out,
                                     struct raml_err *err)
{
    struct raml_token_roles r = {0};
    enum raml_code rc = raml_token_roles(text, &r, err);
    for (size_t i = 0; !rc && i < r.n_matches; i++) rc = add(out, r.match[i].first - 1, r.match[i].last, err);
    raml_token_roles_deinit(&r);
    return rc;
}

struct token {
    float entropy;
    uint32_t at;
};

static int by_entropy(const void *a, const void *b)
{
    const struct token *x = a, *y = b;
    if (x->entropy > y->entropy || x->entropy < y->entropy) return x->entropy > y->entropy ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static int by_place(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Before tokens at[n], in any order. */
static enum raml_code add_tokens(uint32_t *at, size_t n, size_t T, struct raml_fork_place_list *out,
                                 struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    qsort(at, n, sizeof *at, by_place);
    for (size_t i = 0; !rc && i < n; i++)
        if (i == 0 || at[i] != at[i - 1]) rc = add(out, at[i], at[i] < T ? at[i] + 1 : at[i], err);
    return rc;
}

static enum raml_code add_entropy(const struct raml_fork_choice *c, size_t T, struct raml_fork_place_list *out,
                                  struct raml_err *err)
{
    size_t n = c->k < T ? c->k : T;
    struct token *token = calloc(T + 1, sizeof *token);
    uint32_t *at = calloc(T + 1, sizeof *at);
    enum raml_code rc = token && at ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for the order of %zu tokens", T);
    for (size_t i = 0; !rc && i < T; i++) token[i] = (struct token){c->entropy[i], (uint32_t)i};
    if (!rc) {
        qsort(token, T, sizeof *token, by_entropy);
        for (size_t i = 0; i < n; i++) at[i] = token[i].at;
        rc = add_tokens(at, n, T, out, err);
    }
    free(token);
    free(at);
    return rc;
}

static enum raml_code add_given(const struct raml_fork_choice *c, size_t T, struct raml_fork_place_list *out,
                                struct raml_err *err)
{
    uint32_t *at = calloc(c->n_given + 1, sizeof *at);
    enum raml_code rc = at ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %zu places", c->n_given);
    for (size_t i = 0; !rc && i < c->n_given; i++) {
        at[i] = c->given[i];
        if (at[i] > T)
            rc = raml_fail(err, RAML_ERANGE, "place %u is outside the trajectory; expected 0 to %zu, its tokens",
                           (unsigned)at[i], T);
    }
    if (!rc) rc = add_tokens(at, c->n_given, T, out, err);
    free(at);
    return rc;
}

/* Keeps `most` of them, evenly spaced. */
static void thin(struct raml_fork_place_list *p, size_t most)
{
    if (most == 0 || p->n <= most) return;
    for (size_t i = 0; i < most; i++) p->place[i] = p->place[most > 1 ? i * (p->n - 1) / (most - 1) : 0];
    p->n = most;
}

enum raml_code raml_fork_places(const struct raml_token_text *text, const struct raml_fork_choice *choice,
                                struct raml_fork_place_list *out, struct raml_err *err)
{
    static const enum raml_border_kind border[] = {RAML_BORDER_LINE, RAML_BORDER_SENTENCE, RAML_BORDER_PARAGRAPH};
    struct raml_fork_place_list found = {0};
    enum raml_code rc;
    switch (choice->kind) {
    case RAML_FORK_REFLECTION: rc = add_reflection(text, &found, err); break;
    case RAML_FORK_ENTROPY: rc = add_entropy(choice, text->n, &found, err); break;
    case RAML_FORK_GIVEN: rc = add_given(choice, text->n, &found, err); break;
    default: rc = add_borders(text, border[choice->kind], &found, err); break;
    }
    if (!rc && choice->kind != RAML_FORK_ENTROPY) thin(&found, choice->most);
    if (rc) {
        raml_fork_place_list_deinit(&found);
        return rc;
    }
    raml_fork_place_list_deinit(out);
    *out = found;
    return RAML_OK;
}

/* -- Words --------------------------------------------------------------------------------------------------------- */

static bool is_word_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 128;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* Letters, digits and marks that end something: a word after them needs a space. */
static bool wants_space(const struct raml_str *before)
{
    char c = before->n ? before->s[before->n - 1] : ' ';
    return is_word_byte(c) || (c && strchr(".,;:!?)]}\"'", c));
}

/* The last bytes of a text, from the beginning of a character on. */
static struct raml_str tail(const struct raml_str *s)
{
    size_t from = s->n > CONTEXT_BYTES ? s->n - CONTEXT_BYTES : 0;
    while (from < s->n && from && ((unsigned char)s->s[from] & 0xC0) == 0x80) from++;
    return (struct raml_str){s->s + from, s->n - from};
}

static enum raml_code encode(const struct raml_tokenizer *t, const struct raml_str *before, const char *text, size_t n,
                             struct raml_tokens *out, struct raml_err *err)
{
    struct raml_joined j = {0};
    const struct raml_str last = tail(before);
    const struct raml_join_text context = {.s = last.n ? last.s : "", .n = last.n}, word = {.s = text, .n = n};
    enum raml_code rc = raml_join(t, RAML_JOIN_JOINT, &context, &word, &j, err);
    if (!rc && j.border_bytes == 0) rc = raml_tokens_add(out, j.continuation.id, j.continuation.n, err);
    else if (!rc) rc = raml_tokenizer_encode(t, text, n, false, out, err);
    raml_joined_deinit(&j);
    return rc;
}

enum raml_code raml_fork_word(const struct raml_tokenizer *t, const struct raml_str *before,
                              const struct raml_str *after, const char *word, struct raml_tokens *out,
                              struct raml_tokens *gap, struct raml_err *err)
{
    size_t n = strlen(word), had = out->n;
    bool spaced = n && is_word_byte(word[0]) && wants_space(before);
    char *text = malloc(n + 2);
    if (!text) return raml_fail(err, RAML_ENOMEM, "no memory for a word of %zu bytes", n);
    text[0] = ' ';
    memcpy(text + spaced, word, n + 1);
    enum raml_code rc = encode(t, before, text, n + spaced, out, err);
    bool apart = n && !is_space(word[n - 1]) && after->n && is_word_byte(after->s[0]);
    if (!rc && apart) rc = raml_tokenizer_encode(t, " ", 1, false, gap, err);
    if (rc) out->n = had;
    free(text);
    return rc;
}

/* -- Matched windows ----------------------------------------------------------------------------------------------- */

static bool is_window(const struct raml_matching *m, size_t first, size_t last, size_t g)
{
    size_t k = last - first + 1;
    return (g + k <= first || g > last) && raml_matches(m, first, last, g);
}

size_t raml_fork_windows(const struct raml_matching *m, const struct raml_fork_place *unit, size_t most, size_t *first)
{
    size_t a = (size_t)unit->at + 1, z = unit->end, all = 0, n = 0, seen = 0;
    if (unit->end <= unit->at) return 0;
    for (size_t g = 1; g <= m->roles->n; g++) all += is_window(m, a, z, g);
    size_t wanted = all < most ? all : most;
    for (size_t g = 1; n < wanted && g <= m->roles->n; g++) {
        if (!is_window(m, a, z, g)) continue;
        size_t next = wanted > 1 ? n * (all - 1) / (wanted - 1) : (all - 1) / 2;
        if (seen++ == next) first[n++] = g;
    }
    return n;
}
