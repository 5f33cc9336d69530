/* prune.h - which steps of a trajectory can go: methods over the losses of kept sets (docs/methods.md, section 2).
 *
 * A trajectory of T tokens has n steps, from place at[s] to at[s + 1]: at[0] = 0, at[n] = T, rising. A kept set is
 * flags kept[n]; its text is the tokens of its steps in their order, with no gap (positions close up), and its loss is
 * the answer's loss after that text.
 *   greedy      from all steps; in each round the step goes whose removal gives the lowest loss, of equals the first.
 *               A bound stops before a removal whose loss is over it. The order in which steps go does not depend on
 *               the bound, so one path serves every bound and every number of tokens.
 *   by descent  steps whose own dL = L(its last token) - L(its first token - 1), on the whole trajectory's curve, is
 *               below -epsilon
 *   filling     steps taken in some order (random; by dL), each kept if that brings the number of kept tokens nearer
 *               to a given one: as near as whole steps in that order come
 *   subsets     the losses of all 2^n sets; bit s of an index is set for step s
 * Units     nats per answer token.     Errors  RAML_ENOMEM only.     Threads  pure functions.
 */
#ifndef RAML_INNER_PRUNE_H
#define RAML_INNER_PRUNE_H

#include "raml/err.h"
#include "raml/rng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct raml_prune_path { /* greedy's rounds; zero-initialise; free with _deinit */
    size_t n;            /* steps */
    double full;         /* the loss of all steps */
    uint32_t *step;      /* [n_rounds] the one that went */
    double *loss;        /* [n_rounds] without it */
    double *candidate;   /* the losses of round 0, n of them, then of round 1, n - 1 of them … */
    size_t n_rounds;
};
RAML_CHECKED enum raml_code raml_prune_path_init(struct raml_prune_path *p, size_t n, double full,
                                                 struct raml_err *err);
void raml_prune_path_deinit(struct raml_prune_path *p);
/* Steps that are left after the first n_rounds rounds; flags into kept[n]. */
size_t raml_prune_path_kept(const struct raml_prune_path *p, size_t n_rounds, bool *kept);
/* Is there another round under the bound? */
bool raml_prune_path_goes_on(const struct raml_prune_path *p, double bound);
/* The next round: the losses without each of the steps that are left, in their order. */
void raml_prune_path_add(struct raml_prune_path *p, const double *candidate);
const double *raml_prune_path_candidates(const struct raml_prune_path *p, size_t round);
/* Rounds whose removals the bound allows. */
size_t raml_prune_path_rounds(const struct raml_prune_path *p, double bound);
/* Rounds after which the number of kept tokens is nearest to n_tokens; of equals the fewest. */
size_t raml_prune_path_nearest(const struct raml_prune_path *p, const uint32_t *at, size_t n_tokens);

size_t raml_prune_tokens(const bool *kept, const uint32_t *at, size_t n);
/* L: [n + 1] at the places. */
void raml_prune_by_descent(const double *L, size_t n, double epsilon, bool *kept);
/* Steps by rising dL, of equals the first first. */
void raml_prune_descent_order(const double *L, size_t n, uint32_t *order);
void raml_prune_random_order(const struct raml_key *key, size_t draw, size_t n, uint32_t *order);
void raml_prune_fill(const uint32_t *order, const uint32_t *at, size_t n, size_t n_tokens, bool *kept);

enum { RAML_PRUNE_MAX_SUBSETS = 12 }; /* steps, where all sets are tried */
void raml_prune_subset(size_t mask, size_t n, bool *kept);
/* The set of fewest tokens whose loss is at most the bound; of equals the one of lowest loss, then the first. loss[2^n].
 * SIZE_MAX: there is none. */
size_t raml_prune_smallest(const double *loss, const uint32_t *at, size_t n, double bound);
/* Of the sets of n_kept steps: the mean loss, and the set of lowest loss (the first). */
size_t raml_prune_best_of_size(const double *loss, size_t n, size_t n_kept, double *mean);

#endif
