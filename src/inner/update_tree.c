/* update_tree.c - trees of probes and twins, and the rows that a pass over them reads. See update_parts.h. */
#include "inner/update_parts.h"

#include "core/array.h"

#include <stdlib.h>

struct raml_update_twins raml_update_twins_of(const struct raml_update_input *in, bool span)
{
    size_t n = in->text.n_answer_prefix + in->text.n_answer;
    if (span) return (struct raml_update_twins){.n = n, .n_rows = n - 1, .targets = true};
    return (struct raml_update_twins){.first = in->probe, .n = 1, .n_rows = 1};
}

void raml_update_batch_deinit(struct raml_update_batch *b)
{
    raml_tree_deinit(&b->tree);
    raml_pack_deinit(&b->pack);
    raml_tokens_deinit(&b->probe);
    free(b->row);
    free(b->take);
    free(b->first);
    free(b->logp);
    free(b->argmax);
    *b = (struct raml_update_batch){0};
}

void raml_update_batch_clear(struct raml_update_batch *b)
{
    raml_pack_clear(&b->pack);
    b->n_rows = b->n_takes = 0;
}

/* A span whose last token is only a target, and takes no row. */
static enum raml_code add_text(struct raml_tree *t, int32_t parent, size_t after, const int32_t *token, size_t n,
                               size_t first_target, struct raml_err *err)
{
    int32_t span;
    enum raml_code rc = raml_tree_add(t, parent, (uint32_t)after, token, n - 1, first_target, &span, err);
    return rc ? rc : raml_tree_add_end_target(t, span, token[n - 1], err);
}

static enum raml_code build(struct raml_update_batch *b, const struct raml_update_places *p, struct raml_err *err)
{
    const struct raml_trace_input *x = &p->in->text;
    const struct raml_update_twins *w = &p->twins;
    size_t end = p->n ? p->at[p->n - 1] : 0;
    struct raml_tokens *s = &b->probe;
    int32_t base = 0;
    s->n = 0;
    raml_tree_clear(&b->tree);
    enum raml_code rc = raml_tokens_add(s, x->answer_prefix, x->n_answer_prefix, err);
    if (!rc) rc = raml_tokens_add(s, x->answer, x->n_answer, err);
    if (!rc) rc = raml_tree_add(&b->tree, -1, 0, x->prompt, x->n_prompt, x->n_prompt, NULL, err);
    if (!rc) rc = raml_tree_add(&b->tree, 0, (uint32_t)x->n_prompt, x->trajectory, end, end, NULL, err);
    for (size_t k = 0; !rc && k < p->n; k++) rc = add_text(&b->tree, 1, p->at[k], s->id, s->n, x->n_answer_prefix, err);
    if (!rc) rc = raml_tree_add(&b->tree, 0, (uint32_t)x->n_prompt, s->id, w->first, w->first, &base, err);
    for (size_t k = 0; !rc && k < p->n; k++) {
        const int32_t *twin = s->id + w->first;
        if (w->targets) rc = add_text(&b->tree, base, w->first, twin, w->n, x->n_answer_prefix - w->first, err);
        else rc = raml_tree_add(&b->tree, base, (uint32_t)w->first, twin, w->n, w->n, NULL, err);
    }
    return rc;
}

/* Rows of the tree that is about to be the pack's next. */
static void list_rows(struct raml_update_batch *b, const struct raml_update_places *p)
{
    size_t n = p->n * p->twins.n_rows, at = b->n_rows;
    uint32_t row0 = (uint32_t)b->pack.n_rows;
    for (size_t k = 0; k < p->n; k++) {
        const struct raml_span *probe = &b->tree.span[2 + k], *twin = &b->tree.span[3 + p->n + k];
        for (size_t j = 0; j < p->twins.n_rows; j++, at++) {
            uint32_t from = row0 + probe->start + (uint32_t)(p->twins.first + j), to = row0 + twin->start + (uint32_t)j;
            b->row[at] = from;
            b->row[at + n] = to;
            b->take[b->n_takes++] = (struct raml_row_take){.to = to, .from = from};
        }
    }
    b->n_rows += 2 * n;
}

enum raml_code raml_update_batch_add(struct raml_update_batch *b, const struct raml_update_places *p,
                                     struct raml_err *err)
{
    size_t n = p->n * p->twins.n_rows;
    enum raml_code rc = build(b, p, err);
    if (!rc) rc = RAML_GROW(b->row, b->cap_rows, b->n_rows + 2 * n, "rows to read", err);
    if (!rc) rc = RAML_GROW(b->take, b->cap_takes, b->n_takes + n, "rows to take", err);
    if (!rc) rc = RAML_GROW(b->first, b->cap_first, b->pack.n_trees + 1, "trees of a pass", err);
    if (rc) return rc;
    size_t first = b->n_rows, takes = b->n_takes;
    list_rows(b, p);
    rc = raml_pack_add(&b->pack, &b->tree, err);
    if (rc) {
        b->n_rows = first;
        b->n_takes = takes;
        return rc;
    }
    b->first[b->pack.n_trees - 1] = first;
    return RAML_OK;
}

enum raml_code raml_update_batch_run(struct raml_update_batch *b, struct raml_pass *pass,
                                     const struct raml_hooks *hooks, struct raml_err *err)
{
    size_t n = b->pack.n_targets, cap = b->cap_targets;
    struct raml_hooks h = *hooks;
    struct raml_tap tap;
    enum raml_code rc = RAML_RESERVE(b->logp, cap, n, "log-probabilities", err);
    if (!rc) rc = RAML_RESERVE(b->argmax, b->cap_targets, n, "log-probabilities", err);
    if (rc) return rc;
    if (h.tap) {
        tap = *h.tap;
        tap.row = b->row;
        tap.n_rows = b->n_rows;
        h.tap = &tap;
    }
    const struct raml_logprobs out = {.logp = b->logp, .argmax = b->argmax};
    return raml_pass_forward_hooked(pass, &b->pack, &h, &out, err);
}
