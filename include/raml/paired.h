/* paired.h - two runs on the same questions, compared question by question.
 *
 * Questions are matched by id. Those in only one run are counted and named, not silently dropped. d is the
 * second run's value of a measure minus the first's, question by question; questions, not samples, are the independent
 * draws.
 * Interval  of the mean of d: bootstrap over questions (metric.h, resampled as in table.h).
 * p-value   two-sided, by flipping signs: were the runs alike, d and -d would be equally likely (Fisher 1935, The
 *           design of experiments, sec. 21). All 2^m sign patterns when at most 16 of the d differ from 0, or when they
 *           all have one size (then it is the binomial sign test); else 9999 patterns drawn, p = (1 + as extreme) / (1
 *           + 9999) (Phipson and Smyth 2010, which is never 0). Where more than 4096 sizes of d occur, neighbours share
 *           their mean.
 * McNemar   with one sample per question in both runs: b correct only in the first, c only in the second,
 *           p = min(1, 2 P(Binomial(b + c, 1/2) <= min(b, c))) (McNemar 1947; exact form).
 * What it can't see: the runs' sampling noise is part of d; more samples per question make d sharper (raml_sample_size,
 * below).
 */
#ifndef RAML_PAIRED_H
#define RAML_PAIRED_H

#include "raml/buf.h"
#include "raml/table.h"

#pragma GCC visibility push(default)

enum { RAML_PAIRED_NAMED = 5 };

struct raml_difference { /* of one measure */
    struct raml_measure measure;
    double first, second; /* means over the questions of both */
    struct raml_estimate d;
    double p;
    size_t n_better, n_worse, n_equal; /* questions where the second is better, worse, the same */
};

struct raml_paired {                    /* zero-initialise */
    struct raml_difference *difference; /* accuracy, pass@k, then the measures that both runs have */
    size_t n_differences;
    size_t n_both, n_only_first, n_only_second;
    char *only_first[RAML_PAIRED_NAMED], *only_second[RAML_PAIRED_NAMED]; /* the first few ids, in order; NULL ends */
    bool one_each; /* one sample per question in both runs: McNemar's test is reported */
    size_t mcnemar_b, mcnemar_c;
    double mcnemar_p;
    double variance; /* of the d of accuracy over questions; NaN for fewer than two */
    double within;   /* the part of it due to one sample each: the samples' variances, added; NaN when not known */
    double noise;    /* the part of variance due to drawing the samples; NaN when not known */
};

/* Both opened with keep and the same options. RAML_EFORMAT: an id twice in one run, or no question in both. */
RAML_CHECKED enum raml_code raml_paired_compare(const struct raml_tallies *first, const struct raml_tallies *second,
                                                struct raml_paired *out, struct raml_err *err);
void raml_paired_deinit(struct raml_paired *p);

/* Appends the comparison as lines of text; names: what the two runs are called. */
void raml_paired_text(const struct raml_paired *p, const char *first, const char *second, struct raml_buf *out);
/* {"questions", "only_first": {"questions", "ids"}, "only_second", "measures": {"accuracy": {"first", "second",
 * "difference": {"value", "low", "high"}, "p", "better", "worse", "equal"}, …}, "mcnemar": {"first_only",
 * "second_only", "p"} (with one sample each)}. A new reference; NULL: out of memory. */
json_t *raml_paired_json(const struct raml_paired *p);

/* ---------------------------------------------------------------------------------------------------------------- */

/* How many questions a result of a given precision needs.
 *
 * One run. A question's rate p differs between questions with variance B; one sample of it has variance W = mean of
 * p (1 - p). The mean accuracy of Q questions with s samples each then has variance (B + W / s) / Q, so that
 *   Q = z^2 (B + W / s) / x^2       gives a 95 % interval of half-width x, z = 1.96.
 * More samples help only against W; B belongs to the questions, and the limit s -> infinity is given too.
 * Two runs on the same questions, to see a difference d in 4 of 5 repetitions (power 0.8) at 5 % two-sided:
 *   Q = (1.96 + 0.8416)^2 V / d^2   V: variance over questions of the difference of the two runs' rates.
 * V is taken from a comparison if there is one (D + (W1 + W2) / s, D: how differently hard the questions are for the
 * two). From one run D is not known: V = 2 W / s (D = 0: both find the same questions hard) gives the smallest number
 * that can do.
 * (Cochran 1977, Sampling techniques, ch. 10: two-stage sampling; the normal approximation throughout.)
 */

struct raml_sample_size { /* variances of accuracy, per question */
    double between;       /* B, or D of a comparison */
    double within;        /* W, or W1 + W2 */
};
/* From the spread of a row; RAML_ERANGE when it is not known (fewer than two questions, or one sample in some). B is
 * total - noise, 0 when that is negative. */
RAML_CHECKED enum raml_code raml_sample_size_of(const struct raml_spread *s, struct raml_sample_size *out,
                                                struct raml_err *err);
/* From only the accuracy p, in the least favourable case: all of p (1 - p) is between questions, so that samples don't
 * help. */
RAML_CHECKED enum raml_code raml_sample_size_of_accuracy(double p, struct raml_sample_size *out, struct raml_err *err);

/* Questions for an interval of half-width x; s: samples per question, 0: infinitely many. At least 1. x > 0. */
double raml_sample_size_width(const struct raml_sample_size *p, uint32_t s, double x);
/* Questions to see a difference d of two paired runs with power 0.8. p: of the difference. */
double raml_sample_size_paired(const struct raml_sample_size *p, uint32_t s, double d);

#pragma GCC visibility pop
#endif
