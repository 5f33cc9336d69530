/* reward.h - the reward of a sample: its outcome, its length, and what its own loss curve says.
 *
 * A reward is a weighted sum of components, written as their names: "exact", or "exact:1,logp:0.5,length:0.1".
 *
 *   exact           1: the answer is right; 0: it is not, or not known to be
 *   paper           1 right and well-formed, 0 wrong and well-formed, -0.5 right and ill-formed, -1 neither
 *                   (arXiv 2505.19815); raml_reward_form says what well-formed is
 *   length          - tokens of the completion / its limit
 *   logp            - L(T), the mean log-probability of the reference answer after the whole trajectory
 *   sum_logp        the sum of the same
 *   prob            its exponential: the probability of the answer (VeriFree, arXiv 2505.21493)
 *   geometric_mean  exp(-L(T))
 *   mean_prob       mean over answer tokens of their probabilities
 *   rlpr            mean_prob - mean_prob without trajectory, at least 0 (arXiv 2506.18254)
 *   mig             sum of the rises of -L above what it has reached before, max(-L) + L(0) (arXiv 2602.01034)
 *   repro           how far and how steadily L falls (arXiv 2512.01925; docs/methods.md has the reading)
 *   termination     prob at T - prob at the place where thinking might have ended (MRT, arXiv 2503.07572)
 *
 * Curve     the answer's log-probabilities after at[i] trajectory tokens, the last after all of them. A sample that has
 *           no place to ask for an answer (its thinking was not closed) has none: its curve's components are 0, but for
 *           logp and sum_logp, which are no_answer_logp.
 * Gradient  a reward that is a function of the policy has a gradient of its own beside that of the policy
 *           (arXiv 2505.21493, 2602.03979). It is a second term of the loss, -sum_j c_j log p(a_j) for the answer's
 *           tokens at T, and answer_coefficient says what c_j is.
 * Units     nats; all computed in double.     Threads: pure functions.    Cost: O(points x answer), repro O(points^2).
 */
#ifndef RAML_REWARD_H
#define RAML_REWARD_H

#include "raml/format.h"
#include "raml/question.h"
#include "raml/setting.h"

#pragma GCC visibility push(default)

enum raml_reward_kind {
    RAML_REWARD_EXACT,
    RAML_REWARD_PAPER,
    RAML_REWARD_LENGTH,
    RAML_REWARD_LOGP, /* this and all that follow are read from a curve */
    RAML_REWARD_SUM_LOGP,
    RAML_REWARD_PROB,
    RAML_REWARD_GEOMETRIC_MEAN,
    RAML_REWARD_MEAN_PROB,
    RAML_REWARD_RLPR,
    RAML_REWARD_MIG,
    RAML_REWARD_REPRO,
    RAML_REWARD_TERMINATION,
    RAML_REWARD_KINDS
};
const char *raml_reward_name(enum raml_reward_kind kind); /* static */

enum raml_answer_coefficient {                  /* in the order of the setting's words */
                               RAML_ANSWER_OWN, /* the reward's own derivative by log p(a_j) at T: logp 1/A, prob R, mean_prob p_j/A, ..,
                            * weighted and added up; 0 of outcome and length, and of mig, repro and termination; what
                            * rlpr subtracts is a constant */
                               RAML_ANSWER_NONE,   /* 0: no second term */
                               RAML_ANSWER_REWARD, /* the sample's reward */
                               RAML_ANSWER_ADVANTAGE, /* its advantage: the answer's tokens are treated like the trajectory's */
                               RAML_ANSWER_ONE /* 1: supervised on the answer */
};
struct raml_reward_options {
    const char *reward;
    int answer_coefficient; /* enum raml_answer_coefficient */
    double repro_weight;    /* w: (1 - w) magnitude + w steadiness */
    bool repro_from_start;  /* steadiness counts the pairs with L(0) too */
    double termination_at;  /* share of the trajectory after which thinking might have ended */
    double no_answer_logp;
};
extern const struct raml_setting raml_reward_settings[];
extern const size_t raml_n_reward_settings;

struct raml_reward_mix { /* what `reward` says */
    size_t n;
    enum raml_reward_kind kind[RAML_REWARD_KINDS]; /* [n] in the order of the text */
    double weight[RAML_REWARD_KINDS];
};
/* RAML_EUSAGE, naming the nearest known component: an unknown or repeated name, a weight that is no finite number. */
RAML_CHECKED enum raml_code raml_reward_parse(const char *text, struct raml_reward_mix *out, struct raml_err *err);

enum { /* points that the curve of a sample must have */
       RAML_REWARD_AT_END = 1,
       RAML_REWARD_AT_START = 2,
       RAML_REWARD_AT_TERMINATION = 4, /* raml_reward_termination_place */
       RAML_REWARD_ALONG = 8           /* points between them as well: as many as there are */
};
unsigned raml_reward_points(const struct raml_reward_options *opt, const struct raml_reward_mix *mix);
/* For a trajectory of T tokens. */
uint32_t raml_reward_termination_place(const struct raml_reward_options *opt, size_t T);

struct raml_answer_curve {
    const float *logp;  /* [n_points, n_answer] */
    const uint32_t *at; /* [n_points] rising, the last one T */
    size_t n_points, n_answer;
};
struct raml_reward_sample {
    enum raml_verdict verdict;
    bool well_formed;
    size_t n_tokens, max_tokens;           /* of the completion */
    const struct raml_answer_curve *curve; /* NULL, or no answer tokens: it has none */
};
struct raml_reward {
    double component[RAML_REWARD_KINDS]; /* [mix.n] without their weights */
    double total;
    /* Expected outcome (exact, paper) had thinking ended at the place of termination_at, weighted: what MRT subtracts
     * from the reward; NaN where the curve has no such point. */
    double termination;
};
/* RAML_ERANGE: a log-probability that is not finite, or a point that the reward needs and the curve lacks. */
RAML_CHECKED enum raml_code raml_reward_of(const struct raml_reward_options *opt, const struct raml_reward_mix *mix,
                                           const struct raml_reward_sample *sample, struct raml_reward *out,
                                           struct raml_err *err);
/* c_j of the answer's tokens, [curve->n_answer]. advantage: of the sample; read for RAML_ANSWER_ADVANTAGE alone. */
void raml_reward_coefficients(const struct raml_reward_options *opt, const struct raml_reward_mix *mix,
                              const struct raml_reward_sample *sample, const struct raml_reward *reward,
                              double advantage, double *coefficient);

/* What is rewarded, and the second term of the loss where there is one, in plain lines. RAML_EUSAGE: as raml_reward_parse. */
struct raml_buf;
RAML_CHECKED enum raml_code raml_reward_describe(const struct raml_reward_options *opt, struct raml_buf *out,
                                                 struct raml_err *err);

/* Is a completion well-formed: it ended by itself, it closed its thinking by itself and once (and opened it, where the
 * prompt does not), and after that, or in all of it where thinking is not set apart, its answer is marked as the
 * prompt asks for it. What that is, is read in the prompt's own texts: a \boxed{} where they have one, inside
 * <conclusion> or <answer> where they have these; else some text. token[0..n): without those of its end. */
RAML_CHECKED enum raml_code raml_reward_form(const struct raml_tokenizer *t, const struct raml_format *f,
                                             const int32_t *token, size_t n, const char *finish_reason,
                                             bool *well_formed, struct raml_err *err);

#pragma GCC visibility pop
#endif
