/* chains.c - see chains.h. */
#include "inner/chains.h"

#include "core/array.h"

#include <stdlib.h>
#include <string.h>

void raml_chains_deinit(struct raml_chains *c)
{
    free(c->chain);
    free(c->token);
    free(c->text);
    *c = (struct raml_chains){0};
}

void raml_chains_clear(struct raml_chains *c)
{
    c->n = c->n_tokens = c->n_groups = 0;
}

/* The tokens of span i and its ancestors, up to its last target, to out[n]: from the end to the root. */
static void spell(const struct raml_tree *t, size_t i, size_t n, int32_t *out)
{
    const struct raml_span *s = &t->span[i];
    size_t upto = s->n;
    if (s->has_end_target) out[--n] = s->end_target;
    for (;;) {
        n -= upto;
        if (upto) memcpy(out + n, t->token + s->start, upto * sizeof *out);
        if (s->parent < 0) return;
        upto = s->after;
        s = &t->span[s->parent];
    }
}

static enum raml_code add_span(struct raml_chains *c, const struct raml_tree *t, size_t i, struct raml_err *err)
{
    const struct raml_span *s = &t->span[i];
    if (s->first_target >= s->n && !s->has_end_target) return RAML_OK;
    size_t n = (size_t)s->depth + s->n + s->has_end_target;
    enum raml_code rc = RAML_GROW(c->token, c->cap_tokens, c->n_tokens + n, "tokens of texts", err);
    if (!rc) rc = RAML_GROW(c->chain, c->cap_chains, c->n + 1, "texts", err);
    if (rc) return rc;
    spell(t, i, n, c->token + c->n_tokens);
    c->chain[c->n++] = (struct raml_chain){c->n_tokens, n, (size_t)s->depth + s->first_target, c->n_groups};
    c->n_tokens += n;
    return RAML_OK;
}

enum raml_code raml_chains_add(struct raml_chains *c, const struct raml_tree *t, struct raml_err *err)
{
    size_t n = c->n, n_tokens = c->n_tokens;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < t->n_spans && !rc; i++) rc = add_span(c, t, i, err);
    if (rc) {
        c->n = n;
        c->n_tokens = n_tokens;
    } else c->n_groups++;
    return rc;
}

enum raml_code raml_chains_read(struct raml_chains *c, const struct raml_remote *r, float *logp, int32_t *argmax,
                                struct raml_err *err)
{
    size_t at = 0;
    enum raml_code rc = RAML_GROW(c->text, c->cap_texts, c->n, "texts", err);
    if (rc || !c->n) return rc;
    for (size_t i = 0; i < c->n; i++) {
        const struct raml_chain *x = &c->chain[i];
        c->text[i] = (struct raml_remote_text){.token = c->token + x->start,
                                               .n = x->n,
                                               .first = x->first,
                                               .group = x->group,
                                               .logp = logp + at,
                                               .argmax = argmax + at};
        at += x->n - x->first;
    }
    return r->logprobs(r->user, c->text, c->n, err);
}
