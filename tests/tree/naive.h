/* naive.h - random trees, and the simplest model of their meaning: a parent for every token. Include after cmocka's
 * own. */
#ifndef RAML_TESTS_TREE_NAIVE_H
#define RAML_TESTS_TREE_NAIVE_H

#include "raml/rng.h"
#include "raml/tree.h"

#include <stdlib.h>
#include <string.h>

struct naive { /* one entry per token, in the order of adding */
    size_t n, n_spans, n_targets;
    int32_t *token;
    int64_t *parent;      /* token before it; -1: none */
    int64_t *target;      /* targets, in order */
    int64_t (*path)[512]; /* [n_spans]: all tokens of a span and of those before it, from the root on */
    size_t *path_n, *own; /* [n_spans]: length of path; how many of its last tokens belong to the span */
    int *level;           /* [n_spans]: spans above it */
};

enum { NAIVE_TOKENS = 20000, NAIVE_SPANS = 2000 };
static inline void naive_init(struct naive *m)
{
    *m = (struct naive){0};
    m->token = malloc(NAIVE_TOKENS * sizeof *m->token);
    m->parent = malloc(NAIVE_TOKENS * sizeof *m->parent);
    m->target = malloc(NAIVE_TOKENS * sizeof *m->target);
    m->path = malloc(NAIVE_SPANS * sizeof *m->path);
    m->path_n = malloc(NAIVE_SPANS * sizeof *m->path_n);
    m->own = malloc(NAIVE_SPANS * sizeof *m->own);
    m->level = malloc(NAIVE_SPANS * sizeof *m->level);
    if (!m->token || !m->parent || !m->target || !m->path || !m->path_n || !m->own || !m->level) abort();
}
static inline void naive_deinit(struct naive *m)
{
    free(m->token), free(m->parent), free(m->target), free(m->path), free(m->path_n), free(m->own), free(m->level);
}

/* The span's texts are copied whole: what comes before it is the parent's path without the parent's last tokens.
 */
static inline void naive_add(struct naive *m, int32_t parent, uint32_t after, const int32_t *token, size_t n,
                             size_t first_target)
{
    size_t s = m->n_spans++, front = 0;
    if (parent >= 0) {
        front = m->path_n[parent] - m->own[parent] + after;
        memcpy(m->path[s], m->path[parent], front * sizeof(int64_t));
    }
    if (s >= NAIVE_SPANS || m->n + n > NAIVE_TOKENS || front + n > 512) abort();
    for (size_t i = 0; i < n; i++) {
        size_t at = m->n++;
        m->token[at] = token[i];
        m->parent[at] = front + i ? m->path[s][front + i - 1] : -1;
        m->path[s][front + i] = (int64_t)at;
        if (i >= first_target) m->target[m->n_targets++] = (int64_t)at;
    }
    m->path_n[s] = front + n;
    m->own[s] = n;
    m->level[s] = parent < 0 ? 0 : m->level[parent] + 1;
}

static inline int naive_sees(const struct naive *m, int64_t row, int64_t key)
{
    while (row > key) row = m->parent[row];
    return row == key;
}

/* Adds the same span to the tree and to the model. */
static inline void both_add(struct raml_tree *t, struct naive *m, struct raml_rng *r, int vocab, int32_t parent,
                            uint32_t after, size_t n, size_t first_target)
{
    int32_t token[256], index = -2;
    struct raml_err err = {0};
    for (size_t i = 0; i < n; i++) token[i] = (int32_t)raml_rng_below(r, (uint32_t)vocab);
    if (raml_tree_add(t, parent, after, n ? token : NULL, n, first_target, &index, &err)) fail_msg("%s", err.msg);
    assert_int_equal(index, m->n_spans);
    naive_add(m, parent, after, token, n, first_target);
}

/* A tree of `spans` random spans, up to four levels below a root, now and then a further root, and after every token (and before the first)
 * of one of them a probe. Spans are sometimes empty, and hang from any place of any earlier one. long_n bounds
 * lengths. */
static inline void random_tree(struct raml_tree *t, struct naive *m, struct raml_rng *r, int vocab, size_t spans,
                               uint32_t long_n)
{
    size_t n = 1 + raml_rng_below(r, long_n);
    both_add(t, m, r, vocab, -1, 0, n, 1 + raml_rng_below(r, (uint32_t)n));
    for (size_t i = 1; i < spans; i++) {
        int32_t parent = (int32_t)raml_rng_below(r, (uint32_t)m->n_spans);
        while (m->level[parent] >= 4) parent = (int32_t)raml_rng_below(r, (uint32_t)m->n_spans);
        uint32_t after =
            raml_rng_below(r, 3) ? (uint32_t)m->own[parent] : raml_rng_below(r, (uint32_t)m->own[parent] + 1);
        size_t front = m->path_n[parent] - m->own[parent] + after;
        if (!raml_rng_below(r, 9)) {
            parent = -1;
            after = 0;
            front = 0;
        }
        n = raml_rng_below(r, 5) ? 1 + raml_rng_below(r, long_n) : 0;
        size_t first_target = raml_rng_below(r, (uint32_t)n + 1);
        if (front == 0 && first_target == 0) first_target = n ? 1 : 0;
        both_add(t, m, r, vocab, parent, after, n, first_target);
    }
    int32_t probed = (int32_t)raml_rng_below(r, (uint32_t)m->n_spans);
    for (uint32_t i = m->path_n[probed] == m->own[probed]; i <= m->own[probed]; i++)
        both_add(t, m, r, vocab, probed, i, 2, i % 2);
}

#endif
