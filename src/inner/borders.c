/* borders.c - see borders.h. */
#include "inner/borders.h"

#include "core/array.h"
#include "core/ascii.h"
#include "inner/pieces.h"

#include <stdlib.h>
#include <string.h>

const char *raml_border_kind_name(enum raml_border_kind kind)
{
    static const char *const name[RAML_BORDER_KINDS] = {"stride", "line", "sentence", "paragraph", "reflection"};
    return name[kind];
}

void raml_places_deinit(struct raml_places *p)
{
    free(p->at);
    *p = (struct raml_places){0};
}

/* Places come in rising order, and may come twice. */
static enum raml_code add(struct raml_places *p, size_t at, struct raml_err *err)
{
    if (p->n && p->at[p->n - 1] >= at) return RAML_OK;
    enum raml_code rc = RAML_GROW(p->at, p->cap, p->n + 1, "places of a trajectory", err);
    if (!rc) p->at[p->n++] = (uint32_t)at;
    return rc;
}

static enum raml_code add_stride(size_t T, size_t stride, struct raml_places *p, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    if (stride == 0) return raml_fail(err, RAML_ERANGE, "the stride between probes is 0; expected at least 1");
    for (size_t k = 0; !rc && k <= T / stride; k++) rc = add(p, k * stride, err);
    return rc;
}

static enum raml_code add_reflection(const struct raml_token_text *text, struct raml_places *p, struct raml_err *err)
{
    struct raml_token_roles roles = {0};
    enum raml_code rc = raml_token_roles(text, &roles, err);
    for (size_t i = 0; !rc && i < roles.n_matches; i++) {
        rc = add(p, roles.match[i].first - 1, err);
        if (!rc) rc = add(p, roles.match[i].last, err);
    }
    raml_token_roles_deinit(&roles);
    return rc;
}

/* -- Borders of the text ------------------------------------------------------------------------------------------- */

static bool begins(const struct raml_pieces *t, size_t at, const char *what)
{
    size_t n = strlen(what);
    return n <= t->n - at && memcmp(t->s + at, what, n) == 0;
}

/* Bytes of the one of the list, ended by NULL, that stands at `at`; 0: none. */
static size_t bytes_of(const struct raml_pieces *t, size_t at, const char *const *list)
{
    while (*list && !begins(t, at, *list)) list++;
    return *list ? strlen(*list) : 0;
}

static size_t whitespace(const struct raml_pieces *t, size_t at) /* the end of the run that begins there */
{
    while (at < t->n && is_space(t->s[at])) at++;
    return at;
}

/* After the last newline of the run [from, to) if it has `need`. */
static enum raml_code add_newline(const struct raml_pieces *t, size_t from, size_t to, size_t need,
                                  struct raml_places *p, struct raml_err *err)
{
    size_t n = 0, last = 0;
    for (size_t i = from; i < to; i++) {
        if (t->s[i] != '\n') continue;
        n++;
        last = i;
    }
    return n >= need ? add(p, raml_pieces_token(t, last) + 1, err) : RAML_OK;
}

/* The end of the marks that end a sentence at `at`, with what closes after them; `at`: none does. */
static size_t sentence_end(const struct raml_pieces *t, size_t at)
{
    static const char *const spaced[] = {".", "!", "?", "…", NULL}, *const wide[] = {"。", "！", "？", NULL},
                             *const closing[] = {"\"", "'", ")", "]", "}", "*", "”", "’", "」", "』", "）", NULL};
    size_t end = at, n, any = 0;
    while (end < t->n && ((n = bytes_of(t, end, spaced)) || (n = bytes_of(t, end, wide)))) {
        any |= bytes_of(t, end, wide);
        end += n;
    }
    if (end == at) return at;
    while (end < t->n && (n = bytes_of(t, end, closing))) end += n;
    return any || end == t->n || is_space(t->s[end]) ? end : at;
}

static enum raml_code add_text(const struct raml_token_text *text, enum raml_border_kind kind, struct raml_places *p,
                               struct raml_err *err)
{
    struct raml_pieces t;
    enum raml_code rc = raml_pieces_join(text->piece, text->n, &t, err);
    for (size_t at = 0; !rc && at < t.n;) {
        size_t end = whitespace(&t, at);
        if (end > at) rc = add_newline(&t, at, end, kind == RAML_BORDER_PARAGRAPH ? 2 : 1, p, err);
        else if (kind == RAML_BORDER_SENTENCE && (end = sentence_end(&t, at)) > at)
            rc = add(p, raml_pieces_token(&t, end - 1) + 1, err);
        at = end > at ? end : at + 1;
    }
    raml_pieces_deinit(&t);
    return rc;
}

enum raml_code raml_borders(const struct raml_token_text *text, enum raml_border_kind kind, size_t stride,
                            struct raml_places *out, struct raml_err *err)
{
    struct raml_places p = {0};
    enum raml_code rc =
        text->n <= UINT32_MAX ? add(&p, 0, err) : raml_fail(err, RAML_ERANGE, "a trajectory of %zu tokens", text->n);
    if (!rc && kind == RAML_BORDER_STRIDE) rc = add_stride(text->n, stride, &p, err);
    else if (!rc && kind == RAML_BORDER_REFLECTION) rc = add_reflection(text, &p, err);
    else if (!rc) rc = add_text(text, kind, &p, err);
    if (!rc) rc = add(&p, text->n, err);
    raml_places_deinit(rc ? &p : out);
    if (!rc) *out = p;
    return rc;
}
