/* cache.h - the token tree with keys and values: what a model has read, to which more is added anywhere.
 *
 * A node is a span of the token tree (tree.h): a root, or a run of tokens that hangs from a parent node after the
 * parent's first `after` tokens. A node is made empty and grows at its end, also when others hang from it. A token
 * attends to itself and its ancestors; its position is its depth. So a prompt, samples that grow from its end, a fork in
 * the middle of a sample with another word in it, and a probe of the answer after each are all the same thing, and
 * each is what it would be if its path were read alone, to rounding.
 *
 * Keys and values lie in pages of RAML_KEYS tokens, each of one node. What a child sees of its parent's last page is
 * hidden by a mask, so nothing is ever copied. Pages go back to the pool when their node is dropped.
 * Bits       a row's results do not depend on what shares the call or the cache; only on its path and on how that is
 *            divided into nodes.
 * Ownership  nodes are numbers that belong to the cache. Dropping a node drops all that hangs from it.
 * Errors     on failure nothing has changed (a failure of the device too); logits may hold anything. RAML_ENOMEM from
 *            _append: the pool is used up. RAML_EUSAGE: no such node, a place beyond a node's tokens, a node twice in a
 *            call. RAML_ERANGE: a token outside the vocabulary, or a path that is longer than the model's context.
 * Cost       _append: one pass over the weights for all rows; a page that several rows of a tile see is read once, so
 *            nodes below one root, and of those the ones that hang from the same place, should be adjacent. _add: O(1);
 *            _drop: O(nodes and pages dropped).
 */
#ifndef RAML_MODEL_CACHE_H
#define RAML_MODEL_CACHE_H

#include "raml/model.h"

struct raml_cache;

struct raml_cache_options {
    size_t max_rows;   /* tokens that one call usually appends; more are possible, and take memory when they come */
    size_t max_tokens; /* capacity of the pool, rounded up to pages. Each node takes whole pages */
};
RAML_CHECKED enum raml_code raml_cache_open(const struct raml_model *m, const struct raml_cache_options *opt,
                                            struct raml_cache **out, struct raml_err *err);
void raml_cache_close(struct raml_cache *c);
size_t raml_cache_bytes(const struct raml_cache *c);
/* The same, from the shape only. */
size_t raml_cache_estimate(const struct raml_config *f, enum raml_dtype dtype, const struct raml_device *dev,
                           const struct raml_cache_options *opt);
size_t raml_cache_free_tokens(const struct raml_cache *c); /* what the pool still has space for, in whole pages */

/* An empty node. parent -1: a root (after is 0 then). after <= the parent's tokens so far. */
RAML_CHECKED enum raml_code raml_cache_add(struct raml_cache *c, int parent, size_t after, int *node,
                                           struct raml_err *err);
struct raml_cache_tokens {
    int node;             /* each at most once in a call, and none that hangs from another's new tokens */
    const int32_t *token; /* [n] appended to it, n >= 1 */
    size_t n, n_read;     /* logits are wanted of what follows each of the last n_read <= n tokens */
};
/* Appends to n nodes at once. logits: f32 in the device's memory, [sum of n_read, vocab_size], in the order of the list;
 * NULL only where nothing is read. */
RAML_CHECKED enum raml_code raml_cache_append(struct raml_cache *c, const struct raml_cache_tokens *add, size_t n,
                                              float *logits, struct raml_err *err);
size_t raml_cache_length(const struct raml_cache *c, int node); /* its own tokens */
size_t raml_cache_depth(const struct raml_cache *c, int node);  /* tokens of its whole path: the next one's position */
void raml_cache_drop(struct raml_cache *c, int node);           /* and all that hangs from it */

#endif
