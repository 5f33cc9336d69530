/* objective.h - what training minimises, as pure functions of per-token log-probabilities.
 *
 * An objective turns the outputs of a forward pass (log-probability and entropy of every target) into a loss and the
 * coefficients d loss / d logp and d loss / d entropy that the backward pass takes. It holds no tensors and knows no
 * model.
 *
 * What it is given are the terms of a step: rows of tokens. A row is a response, a trajectory with its answer, or a
 * probe; its tokens are targets of the step's trees, in order. Every normaliser is global, and fixed for a whole
 * optimizer step before the first backward pass: a step's parts may then be computed in any split; their losses and
 * coefficients add up.
 * Units     natural logarithms; losses, sums and coefficients in double.
 */
#ifndef RAML_OBJECTIVE_H
#define RAML_OBJECTIVE_H

#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

/* The terms of a step, or of a part of it: rows first_row .. of the same arrays. Tokens are numbered through the whole
 * step: row r has tokens start[r] .. start[r + 1), and every array [n] below is indexed by that number, in a part too.
 * Arrays that nobody has filled are NULL. */
struct raml_terms {
    size_t n_rows;       /* of this part */
    size_t first_row;    /* its first one */
    const size_t *start; /* [rows of the step + 1] */

    /* Outputs of the forward pass; NULL: not known yet (objectives with `constant`). */
    const float *logp, *entropy;

    /* Per token. */
    const float *weight;                        /* >= 0: how often it counts; 0: it is not trained on */
    const float *old_logp, *mu_logp, *ref_logp; /* of the policy when the rollouts were made, of the distribution that
                                                  * sampled them, of the reference model */
    const double *advantage;                    /* constants of the step, as are the next two */
    const double *correction;                   /* weight of the policy term (policy.h) */
    const double *scale;                        /* loss = sum over tokens of scale * term */
    const double *kl_scale, *entropy_scale;     /* of these terms; NULL: as scale */
    const double *likelihood;                   /* - sum likelihood * logp is added to the loss */

    /* Per row, indexed by its number in the step. */
    const double *reward;  /* [rows] */
    const uint32_t *group; /* [rows] number of the question; rows of a group are adjacent */
    const int32_t *pair;   /* [rows] +(p + 1): chosen of pair p; -(p + 1): rejected; 0: of none */
    const double *ref_sum; /* [rows] sum of ref_logp; for pairs */

    /* Of the whole step, over all ranks. */
    double total; /* sum of weights, > 0 */
    double n_pairs;
};

enum { RAML_STATISTICS = 64 };
/* Named sums that objectives report: a value is sum / count, over all parts and ranks. Names are compared by their
 * text, and stand in the order in which they first appeared. */
struct raml_statistics { /* zero-initialise */
    struct raml_statistic {
        const char *name; /* static text: "clip_ratio/low_mean" */
        double sum, count;
        double most; /* the largest value, NaN where one was NaN; only where is_max */
        bool is_max;
    } item[RAML_STATISTICS];
    size_t n;
    const char *refused; /* the first name that could not be taken; NULL: all were */
};
void raml_statistics_add(struct raml_statistics *s, const char *name, double sum, double count);
void raml_statistics_max(struct raml_statistics *s, const char *name, double value);
/* sum / count, or the largest value; NaN where nothing was counted, or there is no such name. */
double raml_statistic_value(const struct raml_statistic *x);
double raml_statistics_value(const struct raml_statistics *s, const char *name);
/* part's after those of s: the same sums whatever the split of a step, up to rounding. */
void raml_statistics_join(struct raml_statistics *s, const struct raml_statistics *part);
/* Whether all were taken, to be asked once after many calls. RAML_ERANGE names the first that was not: there were
 * RAML_STATISTICS others before it, or it is kept both as a mean and as a maximum. */
RAML_CHECKED enum raml_code raml_statistics_status(const struct raml_statistics *s, struct raml_err *err);

struct raml_objective_out {
    double loss; /* this part's share of the step's loss */
    /* Indexed like the terms' arrays [n]; every element of the part's rows is written. NULL: not wanted. */
    double *d_logp, *d_entropy;
    struct raml_statistics *statistics; /* added to; NULL: not wanted */
};

/* Which rows an objective has to see together. */
enum raml_objective_scope {
    RAML_SCOPE_GROUP, /* rows of one tree: those of a group, both rows of a pair */
    RAML_SCOPE_STEP   /* all rows of the step: then outputs of all of them are computed before any backward pass */
};
struct raml_objective {
    const char *name; /* kept in checkpoints: a run is resumed with the objective of this name */
    /* A pure function: parts are evaluated in any split, for validation too. Another code than RAML_OK ends the
     * training with err's sentence. */
    enum raml_code (*evaluate)(const void *user, const struct raml_terms *terms, struct raml_objective_out *out,
                               struct raml_err *err);
    const void *user;
    bool constant;   /* d_logp depends on the terms only, and d_entropy is 0: then it is asked for before logp is known
                    * (terms->logp NULL, out->loss not read), and logits are computed once a step instead of twice */
    bool no_entropy; /* d_entropy is 0, and the loss does not depend on entropies; it is not asked for */
    enum raml_objective_scope scope;
};

/* Supervised fine-tuning: loss = - sum_i w_i logp_i / total,  d_logp_i = - w_i / total. A token of weight 0 is not
 * read; weight NULL: all ones. A logp of NaN or infinity is passed on, and is not an error: the caller who knows the
 * step's number refuses it. RAML_ERANGE: total is not a positive finite number, or a weight is negative or not finite;
 * nothing is written. */
struct raml_objective raml_sft_objective(void);
/* Dynamic fine-tuning (arXiv 2508.05629): - sum_i w_i sg(p_i) logp_i / total, p = exp(logp) and sg a constant to the
 * gradient: d_logp_i = - w_i p_i / total. Reports "nll", the mean of - logp. */
struct raml_objective raml_dft_objective(void);

#pragma GCC visibility pop
#endif
