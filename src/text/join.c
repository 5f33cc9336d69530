/* join.c - see tokenizer.h. */
#include "raml/tokenizer.h"

#include <stdlib.h>
#include <string.h>

const char *raml_join_name(enum raml_join join)
{
    return join == RAML_JOIN_SPLIT ? "split" : "joint";
}

void raml_joined_deinit(struct raml_joined *j)
{
    raml_tokens_deinit(&j->context);
    raml_tokens_deinit(&j->continuation);
    *j = (struct raml_joined){0};
}

/* The plain ranges of x, whose text begins at byte `at` of the whole. If special tokens are not parsed, all is plain.
 * Returns how many were written; the caller has space for n_plain + 1. */
static size_t add_plain(const struct raml_join_text *x, size_t at, struct raml_range *out)
{
    if (!x->opt.parse_special) {
        *out = (struct raml_range){at, at + x->n};
        return 1;
    }
    for (size_t i = 0; i < x->opt.n_plain; i++)
        out[i] = (struct raml_range){at + x->opt.plain[i].start, at + x->opt.plain[i].end};
    return x->opt.n_plain;
}

/* Both texts and their plain ranges as one. */
struct whole {
    char *text;
    struct raml_range *plain;
    struct raml_tokens id;
    struct raml_ranges where;
};

static enum raml_code encode_whole(const struct raml_tokenizer *t, const struct raml_join_text *a,
                                   const struct raml_join_text *b, struct whole *w, struct raml_err *err)
{
    size_t n = a->n + b->n, n_plain = a->opt.n_plain + b->opt.n_plain + 2;
    w->text = n < a->n ? NULL : malloc(n + 1);
    w->plain = calloc(n_plain, sizeof *w->plain);
    if (!w->text || !w->plain) return raml_fail(err, RAML_ENOMEM, "no memory to join texts of %zu bytes", n);
    if (a->n) memcpy(w->text, a->s, a->n);
    if (b->n) memcpy(w->text + a->n, b->s, b->n);
    struct raml_encode_options opt = {.parse_special = a->opt.parse_special || b->opt.parse_special, .plain = w->plain};
    opt.n_plain = add_plain(a, 0, w->plain);
    opt.n_plain += add_plain(b, a->n, w->plain + opt.n_plain);
    return raml_tokenizer_encode_parts(t, w->text, n, &opt, &w->id, &w->where, err);
}

static enum raml_code join_jointly(const struct raml_tokenizer *t, const struct raml_join_text *a,
                                   const struct raml_join_text *b, struct raml_joined *out, struct raml_err *err)
{
    struct whole w = {0};
    size_t first = 0; /* token with a byte of b */
    enum raml_code rc = encode_whole(t, a, b, &w, err);
    if (!rc) {
        while (first < w.id.n && w.where.range[first].end <= a->n) first++;
        rc = raml_tokens_add(&out->context, w.id.id, first, err);
        if (!rc) rc = raml_tokens_add(&out->continuation, w.id.id + first, w.id.n - first, err);
    }
    if (!rc && first < w.id.n && w.where.range[first].start < a->n)
        out->border_bytes = a->n - w.where.range[first].start;
    free(w.text);
    free(w.plain);
    raml_tokens_deinit(&w.id);
    raml_ranges_deinit(&w.where);
    return rc;
}

enum raml_code raml_join(const struct raml_tokenizer *t, enum raml_join join, const struct raml_join_text *context,
                         const struct raml_join_text *continuation, struct raml_joined *out, struct raml_err *err)
{
    const struct raml_join_text *a = context, *b = continuation;
    out->context.n = out->continuation.n = out->border_bytes = 0;
    enum raml_code rc = RAML_OK;
    if (join == RAML_JOIN_JOINT) {
        rc = join_jointly(t, a, b, out, err);
    } else {
        rc = raml_tokenizer_encode_parts(t, a->s, a->n, &a->opt, &out->context, NULL, err);
        if (!rc) rc = raml_tokenizer_encode_parts(t, b->s, b->n, &b->opt, &out->continuation, NULL, err);
    }
    if (!rc && b->n && !out->continuation.n)
        rc = raml_fail(err, RAML_ERANGE, "the vocabulary has no token for any byte of the text '%.*s'",
                       b->n < 40 ? (int)b->n : 40, b->s);
    if (rc) out->context.n = out->continuation.n = out->border_bytes = 0;
    return rc;
}
