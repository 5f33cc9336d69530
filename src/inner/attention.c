/* attention.c - see attention.h. */
#include "inner/attention.h"

#include "core/array.h"
#include "inner/evaluator.h"

#include <stdlib.h>
#include <string.h>

struct raml_attention_reader {
    const struct raml_model *model;
    size_t max_rows;
    struct raml_pass *pass;
    struct raml_pack pack;
    struct raml_tree tree;
    uint32_t *row; /* of all queries of the pass */
    uint16_t *group;
    float *logp;
    int32_t *argmax;
    size_t cap_row, cap_group, cap_logp, cap_argmax;
    uint64_t n_tokens, n_passes;
    /* of the pass at hand */
    const struct raml_attention_text *text;
    size_t first, n;
    const struct raml_attention_listener *to;
};

enum raml_code raml_attention_reader_open(const struct raml_model *m, size_t max_rows,
                                          struct raml_attention_reader **out, struct raml_err *err)
{
    struct raml_attention_reader *r = calloc(1, sizeof *r);
    if (!r) return raml_fail(err, RAML_ENOMEM, "no memory to read attention");
    r->model = m;
    r->max_rows = max_rows;
    enum raml_code rc = raml_pass_open(m, false, &r->pass, err);
    if (rc) free(r);
    else *out = r;
    return rc;
}

void raml_attention_reader_close(struct raml_attention_reader *r)
{
    if (!r) return;
    raml_pass_close(r->pass);
    raml_pack_deinit(&r->pack);
    raml_tree_deinit(&r->tree);
    free(r->row);
    free(r->group);
    free(r->logp);
    free(r->argmax);
    free(r);
}

uint64_t raml_attention_tokens(const struct raml_attention_reader *r)
{
    return r->n_tokens;
}

uint64_t raml_attention_passes(const struct raml_attention_reader *r)
{
    return r->n_passes;
}

enum raml_code raml_attention_check(const struct raml_attention_reader *r, const struct raml_attention_text *t,
                                    struct raml_err *err)
{
    size_t context = (size_t)raml_model_config(r->model)->max_positions;
    if (t->n_prompt == 0 || t->n_prompt > t->n)
        return raml_fail(err, RAML_ERANGE, "a text of %zu tokens with a prompt of %zu; expected a prompt", t->n,
                         t->n_prompt);
    if (t->n > context)
        return raml_fail(err, RAML_ERANGE, "a text of %zu tokens is longer than the model's context (%zu)", t->n,
                         context);
    if (t->n_queries && t->query[t->n_queries - 1] >= t->n)
        return raml_fail(err, RAML_ERANGE, "attention of token %u of a text of %zu", t->query[t->n_queries - 1], t->n);
    return raml_vocabulary_check(r->model, "text", t->token, t->n, err);
}

/* Passes a layer's sums on, text by text. */
static enum raml_code pass_on(void *user, const struct raml_tapped *t, struct raml_err *err)
{
    const struct raml_attention_reader *r = user;
    size_t heads = (size_t)raml_model_config(r->model)->n_heads, at = 0;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < r->n; i++) {
        const struct raml_attention_mass m = {.layer = t->layer,
                                              .text = r->first + i,
                                              .n_heads = heads,
                                              .mass = t->attention + at * heads * t->n_groups,
                                              .stride = t->n_groups};
        if (r->text[i].n_queries) rc = r->to->read(r->to->user, &m, err);
        at += r->text[i].n_queries;
    }
    return rc;
}

static enum raml_code add(struct raml_attention_reader *r, const struct raml_attention_text *t, size_t *n_queries,
                          struct raml_err *err)
{
    size_t first = r->pack.n_rows;
    raml_tree_clear(&r->tree);
    enum raml_code rc = raml_attention_check(r, t, err);
    if (!rc) rc = raml_tree_add(&r->tree, -1, 0, t->token, t->n, t->n_prompt, NULL, err);
    if (!rc) rc = raml_pack_add(&r->pack, &r->tree, err);
    if (!rc) rc = RAML_GROW(r->group, r->cap_group, first + t->n, "tokens", err);
    if (!rc) rc = RAML_GROW(r->row, r->cap_row, *n_queries + t->n_queries, "queries", err);
    if (rc) return rc;
    memcpy(r->group + first, t->group, t->n * sizeof *t->group);
    for (size_t i = 0; i < t->n_queries; i++) r->row[(*n_queries)++] = (uint32_t)first + t->query[i];
    return RAML_OK;
}

/* One pass over text[n]. */
static enum raml_code run(struct raml_attention_reader *r, size_t n_queries, struct raml_err *err)
{
    struct raml_tap tap = {.row = r->row, .n_rows = n_queries, .group = r->group, .read = pass_on, .user = r};
    size_t n = r->pack.n_targets, at = 0;
    for (size_t i = 0; i < r->n; i++)
        if (r->text[i].n_groups > tap.n_groups) tap.n_groups = r->text[i].n_groups;
    enum raml_code rc = RAML_GROW(r->logp, r->cap_logp, n + 1, "targets", err);
    if (!rc) rc = RAML_GROW(r->argmax, r->cap_argmax, n + 1, "targets", err);
    const struct raml_logprobs out = {.logp = r->logp, .argmax = r->argmax};
    const struct raml_hooks hooks = {.tap = &tap};
    if (!rc) rc = raml_pass_forward_hooked(r->pass, &r->pack, n_queries ? &hooks : NULL, &out, err);
    if (rc) return rc;
    r->n_tokens += r->pack.n_rows;
    r->n_passes++;
    for (size_t i = 0; i < r->n; i++) {
        const struct raml_attention_text *t = &r->text[i];
        memcpy(t->logp, r->logp + at, (t->n - t->n_prompt) * sizeof *t->logp);
        memcpy(t->argmax, r->argmax + at, (t->n - t->n_prompt) * sizeof *t->argmax);
        at += t->n - t->n_prompt;
    }
    return RAML_OK;
}

enum raml_code raml_attention_run(struct raml_attention_reader *r, const struct raml_attention_text *text, size_t n,
                                  const struct raml_attention_listener *to, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    r->to = to;
    for (size_t i = 0; !rc && i < n; i += r->n) {
        size_t n_queries = 0;
        raml_pack_clear(&r->pack);
        r->text = text + i;
        r->first = i;
        for (r->n = 0; !rc && i + r->n < n; r->n++) {
            if (r->n && r->pack.n_rows + text[i + r->n].n > r->max_rows) break;
            rc = add(r, &text[i + r->n], &n_queries, err);
        }
        if (!rc) rc = run(r, n_queries, err);
    }
    return rc;
}
