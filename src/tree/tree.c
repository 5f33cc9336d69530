/* tree.c - spans and their tokens. See tree.h. */
#include "raml/tree.h"

#include "core/array.h"

#include <stdlib.h>
#include <string.h>

void raml_tree_deinit(struct raml_tree *t)
{
    free(t->span);
    free(t->token);
    *t = (struct raml_tree){0};
}

void raml_tree_clear(struct raml_tree *t)
{
    t->n_spans = t->n_tokens = t->n_targets = 0;
}

static enum raml_code reserve(struct raml_tree *t, size_t n, struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(t->span, t->cap_spans, t->n_spans + 1, "spans", err);
    if (!rc) rc = RAML_GROW(t->token, t->cap_tokens, t->n_tokens + n, "tokens", err);
    return rc ? raml_wrap(err, rc, "token tree") : RAML_OK;
}

int64_t raml_tree_parent_token(const struct raml_tree *t, int32_t span, uint32_t offset)
{
    const struct raml_span *s = &t->span[span];
    while (offset == 0) {
        if (s->parent < 0) return -1;
        offset = s->after;
        s = &t->span[s->parent];
    }
    return (int64_t)s->start + offset - 1;
}

static enum raml_code check(const struct raml_tree *t, int32_t parent, uint32_t after, size_t n, size_t first_target,
                            struct raml_err *err)
{
    if (n > INT32_MAX || t->n_tokens > INT32_MAX - n || t->n_spans >= INT32_MAX)
        return raml_fail(err, RAML_ERANGE, "token tree: more than 2^31 tokens");
    if (first_target > n)
        return raml_fail(err, RAML_ERANGE, "token tree: targets from token %zu of a span of %zu", first_target, n);
    if (parent == -1) return RAML_OK;
    if (t->n_spans == 0) return raml_fail(err, RAML_ERANGE, "token tree: the first span is a root; parent -1 expected");
    if (parent < 0 || (size_t)parent >= t->n_spans) {
        return raml_fail(err, RAML_ERANGE, "token tree: parent %d of span %zu does not come before it", parent,
                         t->n_spans);
    } else if (after > t->span[parent].n) {
        return raml_fail(err, RAML_ERANGE, "token tree: span %zu hangs after token %u of span %d, which has %u",
                         t->n_spans, after, parent, t->span[parent].n);
    }
    return RAML_OK;
}

enum raml_code raml_tree_add(struct raml_tree *t, int32_t parent, uint32_t after, const int32_t *token, size_t n,
                             size_t first_target, int32_t *index, struct raml_err *err)
{
    enum raml_code rc = check(t, parent, after, n, first_target, err);
    if (rc) return rc;
    uint32_t depth = parent < 0 ? 0 : t->span[parent].depth + after;
    if (depth == 0 && first_target == 0 && n > 0)
        return raml_fail(err, RAML_ERANGE,
                         "token tree: the first token of a root has no token before it and can't be a target");
    rc = reserve(t, n, err);
    if (rc) return rc;
    t->span[t->n_spans] = (struct raml_span){.parent = parent,
                                             .after = parent < 0 ? 0 : after,
                                             .start = (uint32_t)t->n_tokens,
                                             .n = (uint32_t)n,
                                             .depth = depth,
                                             .first_target = (uint32_t)first_target};
    if (n) memcpy(t->token + t->n_tokens, token, n * sizeof *token);
    if (index) *index = (int32_t)t->n_spans;
    t->n_spans++;
    t->n_tokens += n;
    t->n_targets += n - first_target;
    return RAML_OK;
}

enum raml_code raml_tree_add_end_target(struct raml_tree *t, int32_t span, int32_t token, struct raml_err *err)
{
    if (span < 0 || (size_t)span >= t->n_spans)
        return raml_fail(err, RAML_ERANGE, "token tree: an end target of span %d; the tree has %zu", span, t->n_spans);
    struct raml_span *s = &t->span[span];
    if (s->has_end_target) return raml_fail(err, RAML_ERANGE, "token tree: span %d has an end target already", span);
    if (s->depth + s->n == 0)
        return raml_fail(err, RAML_ERANGE, "token tree: no token is before the end target of span %d", span);
    s->has_end_target = true;
    s->end_target = token;
    t->n_targets++;
    return RAML_OK;
}
