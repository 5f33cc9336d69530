/* prune.c - see prune.h. */
#include "inner/prune.h"

#include <stdlib.h>

/* -- Greedy -------------------------------------------------------------------------------------------------------- */

enum raml_code raml_prune_path_init(struct raml_prune_path *p, size_t n, double full, struct raml_err *err)
{
    *p = (struct raml_prune_path){.n = n, .full = full};
    p->step = calloc(n + 1, sizeof *p->step);
    p->loss = calloc(n + 1, sizeof *p->loss);
    p->candidate = n < UINT32_MAX ? calloc(n * (n + 1) / 2 + 1, sizeof *p->candidate) : NULL;
    if (p->step && p->loss && p->candidate) return RAML_OK;
    raml_prune_path_deinit(p);
    return raml_fail(err, RAML_ENOMEM, "no memory for the rounds of %zu steps", n);
}

void raml_prune_path_deinit(struct raml_prune_path *p)
{
    free(p->step);
    free(p->loss);
    free(p->candidate);
    *p = (struct raml_prune_path){0};
}

size_t raml_prune_path_kept(const struct raml_prune_path *p, size_t n_rounds, bool *kept)
{
    for (size_t s = 0; s < p->n; s++) kept[s] = true;
    for (size_t r = 0; r < n_rounds; r++) kept[p->step[r]] = false;
    return p->n - n_rounds;
}

bool raml_prune_path_goes_on(const struct raml_prune_path *p, double bound)
{
    return p->n_rounds < p->n && (p->n_rounds == 0 || p->loss[p->n_rounds - 1] <= bound);
}

static double *candidates(const struct raml_prune_path *p, size_t round) /* n + (n - 1) + … before it */
{
    return p->candidate + round * p->n - round * (round - (round > 0)) / 2;
}

const double *raml_prune_path_candidates(const struct raml_prune_path *p, size_t round)
{
    return candidates(p, round);
}

/* The k-th of the steps that are left; n: there are not that many. */
static size_t left(const struct raml_prune_path *p, size_t k)
{
    for (size_t s = 0; s < p->n; s++) {
        bool gone = false;
        for (size_t r = 0; r < p->n_rounds && !gone; r++) gone = p->step[r] == s;
        if (!gone && k-- == 0) return s;
    }
    return p->n;
}

void raml_prune_path_add(struct raml_prune_path *p, const double *candidate)
{
    size_t round = p->n_rounds, n = p->n - round, best = 0;
    double *to = candidates(p, round);
    for (size_t k = 0; k < n; k++) {
        to[k] = candidate[k];
        if (candidate[k] < candidate[best]) best = k;
    }
    p->step[round] = (uint32_t)left(p, best);
    p->loss[round] = candidate[best];
    p->n_rounds++;
}

size_t raml_prune_path_rounds(const struct raml_prune_path *p, double bound)
{
    size_t r = 0;
    while (r < p->n_rounds && p->loss[r] <= bound) r++;
    return r;
}

static size_t distance(size_t a, size_t b)
{
    return a > b ? a - b : b - a;
}

size_t raml_prune_path_nearest(const struct raml_prune_path *p, const uint32_t *at, size_t n_tokens)
{
    size_t kept = at[p->n], best = 0, off = distance(kept, n_tokens);
    for (size_t r = 0; r < p->n_rounds; r++) {
        kept -= at[p->step[r] + 1] - at[p->step[r]];
        if (distance(kept, n_tokens) >= off) continue;
        off = distance(kept, n_tokens);
        best = r + 1;
    }
    return best;
}

/* -- Without asking ------------------------------------------------------------------------------------------------ */

size_t raml_prune_tokens(const bool *kept, const uint32_t *at, size_t n)
{
    size_t sum = 0;
    for (size_t s = 0; s < n; s++) sum += kept[s] ? at[s + 1] - at[s] : 0;
    return sum;
}

void raml_prune_by_descent(const double *L, size_t n, double epsilon, bool *kept)
{
    for (size_t s = 0; s < n; s++) kept[s] = L[s + 1] - L[s] < -epsilon;
}

void raml_prune_descent_order(const double *L, size_t n, uint32_t *order)
{
    for (size_t s = 0; s < n; s++) {
        size_t k = s;
        for (; k && L[s + 1] - L[s] < L[order[k - 1] + 1] - L[order[k - 1]]; k--) order[k] = order[k - 1];
        order[k] = (uint32_t)s;
    }
}

void raml_prune_random_order(const struct raml_key *key, size_t draw, size_t n, uint32_t *order)
{
    struct raml_rng r = {.key = *key, .position = (uint64_t)draw << 32};
    for (size_t s = 0; s < n; s++) order[s] = (uint32_t)s;
    raml_rng_shuffle(&r, order, (uint32_t)n);
}

void raml_prune_fill(const uint32_t *order, const uint32_t *at, size_t n, size_t n_tokens, bool *kept)
{
    size_t sum = 0;
    for (size_t k = 0; k < n; k++) {
        size_t s = order[k], with = sum + at[s + 1] - at[s];
        kept[s] = distance(with, n_tokens) < distance(sum, n_tokens);
        if (kept[s]) sum = with;
    }
}

/* -- All subsets --------------------------------------------------------------------------------------------------- */

void raml_prune_subset(size_t mask, size_t n, bool *kept)
{
    for (size_t s = 0; s < n; s++) kept[s] = mask >> s & 1;
}

static size_t subset_tokens(size_t mask, const uint32_t *at, size_t n)
{
    size_t sum = 0;
    for (size_t s = 0; s < n; s++) sum += mask >> s & 1 ? at[s + 1] - at[s] : 0;
    return sum;
}

static size_t subset_size(size_t mask)
{
    size_t n = 0;
    for (; mask; mask &= mask - 1) n++;
    return n;
}

size_t raml_prune_smallest(const double *loss, const uint32_t *at, size_t n, double bound)
{
    size_t best = SIZE_MAX, fewest = 0;
    for (size_t mask = 0; mask < (size_t)1 << n; mask++) {
        size_t tokens = subset_tokens(mask, at, n);
        if (!(loss[mask] <= bound)) continue;
        if (best != SIZE_MAX && (tokens > fewest || (tokens == fewest && loss[mask] >= loss[best]))) continue;
        best = mask;
        fewest = tokens;
    }
    return best;
}

size_t raml_prune_best_of_size(const double *loss, size_t n, size_t n_kept, double *mean)
{
    size_t best = SIZE_MAX, count = 0;
    double sum = 0;
    for (size_t mask = 0; mask < (size_t)1 << n; mask++) {
        if (subset_size(mask) != n_kept) continue;
        sum += loss[mask];
        count++;
        if (best == SIZE_MAX || loss[mask] < loss[best]) best = mask;
    }
    *mean = sum / (double)count;
    return best;
}
