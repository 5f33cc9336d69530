/* chains.h - token trees as plain texts, for a model that is elsewhere and knows no trees (remote.h): every span that has
 * targets is one text, from the root to its last target.
 */
#ifndef RAML_INNER_CHAINS_H
#define RAML_INNER_CHAINS_H

#include "raml/remote.h"
#include "raml/tree.h"

struct raml_chain {
    size_t start, n, first; /* token[start .. start + n), targets from `first` on */
    size_t group;           /* its tree */
};
struct raml_chains { /* zero-initialise */
    struct raml_chain *chain;
    int32_t *token;
    struct raml_remote_text *text;
    size_t n, n_tokens, n_groups, cap_chains, cap_tokens, cap_texts;
};
void raml_chains_deinit(struct raml_chains *c);
void raml_chains_clear(struct raml_chains *c);
/* Chains come in the order of the tree's targets (tree.h). */
RAML_CHECKED enum raml_code raml_chains_add(struct raml_chains *c, const struct raml_tree *t, struct raml_err *err);
/* Has the remote read all of them; logp and argmax: of the targets, in their order. */
RAML_CHECKED enum raml_code raml_chains_read(struct raml_chains *c, const struct raml_remote *r, float *logp,
                                             int32_t *argmax, struct raml_err *err);

#endif
