/* policy.c - the policy-gradient objective over a step's terms. */
#include "outer/policy_parts.h"

/* ---- a row's floats as doubles -------------------------------------------------------------------------------------- */

enum { WIDENED = 6 };
struct scratch {
    double *block;
    size_t longest;
};

static const double *widen(struct scratch *s, size_t slot, const float *x, size_t from, size_t n)
{
    if (!x) return NULL;
    double *y = s->block + slot * s->longest;
    for (size_t i = 0; i < n; i++) y[i] = (double)x[from + i];
    return y;
}

static const double *from_row(const double *x, size_t from)
{
    return x ? x + from : NULL;
}

static struct raml_policy_row row_of(struct scratch *s, const struct raml_terms *t, size_t row)
{
    size_t at = t->start[row], n = t->start[row + 1] - at;
    return (struct raml_policy_row){
        .n = n,
        .weight = widen(s, 0, t->weight, at, n),
        .logp = widen(s, 1, t->logp, at, n),
        .old_logp = widen(s, 2, t->old_logp, at, n),
        .mu_logp = widen(s, 3, t->mu_logp, at, n),
        .ref_logp = widen(s, 4, t->ref_logp, at, n),
        .entropy = widen(s, 5, t->entropy, at, n),
        .advantage = t->advantage + at,
        .correction = from_row(t->correction, at),
        .scale = t->scale + at,
        .kl_scale = from_row(t->kl_scale, at),
        .entropy_scale = from_row(t->entropy_scale, at),
    };
}

/* ---- tokens of highest entropy -------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Linear interpolation between the two values around place q (n - 1), in order. */
static double quantile(double *x, size_t n, double q)
{
    if (n == 0) return -INFINITY;
    qsort(x, n, sizeof *x, by_size);
    double place = q * (double)(n - 1);
    size_t below = (size_t)place, above = below + 1 < n ? below + 1 : below;
    return x[below] + (place - (double)below) * (x[above] - x[below]);
}

/* Every rank's x[n] to rank 0, one after the other: *all is the caller's to free. */
static enum raml_code gather_all(const struct raml_comm *comm, const double *x, size_t n, double **all, size_t *n_all,
                                 struct raml_err *err)
{
    size_t size = (size_t)comm->size, most = 0;
    double *sizes = calloc(size, sizeof *sizes), *padded = NULL;
    *n_all = 0;
    if (!sizes) return raml_fail(err, RAML_ENOMEM, "top_entropy_quantile: no memory");
    sizes[comm->rank] = (double)n;
    enum raml_code rc = comm->sum(comm->user, sizes, size, err);
    for (size_t i = 0; i < size; i++) most = (size_t)sizes[i] > most ? (size_t)sizes[i] : most;
    if (!rc) {
        padded = calloc(most + 1, sizeof *padded);
        *all = calloc(size * most + 1, sizeof **all);
        if (!padded || !*all) rc = raml_fail(err, RAML_ENOMEM, "top_entropy_quantile: no memory for %zu tokens", most);
    }
    if (!rc) {
        memcpy(padded, x, n * sizeof *x);
        rc = comm->gather(comm->user, padded, *all, most * sizeof *x, err);
    }
    for (size_t i = 0; !rc && i < size; i++) {
        memmove(*all + *n_all, *all + i * most, (size_t)sizes[i] * sizeof **all);
        *n_all += (size_t)sizes[i];
    }
    free(padded);
    free(sizes);
    return rc;
}

/* The quantile of all ranks' values, on every rank. */
static enum raml_code quantile_of_ranks(const struct raml_comm *comm, const double *x, size_t n, double q,
                                        double *value, struct raml_err *err)
{
    double *all = NULL;
    size_t n_all = 0;
    enum raml_code rc = gather_all(comm, x, n, &all, &n_all, err);
    *value = 0.0;
    if (!rc && comm->rank == 0) *value = quantile(all, n_all, q);
    if (!rc) rc = comm->sum(comm->user, value, 1, err);
    free(all);
    return rc;
}

enum raml_code raml_policy_top_entropy(const struct raml_policy_options *opt, const float *entropy, const float *weight,
                                       size_t n, const struct raml_comm *comm, double *threshold, double *kept,
                                       struct raml_err *err)
{
    double *x = calloc(n + 1, sizeof *x), q = 1.0 - opt->top_entropy_quantile;
    size_t m = 0;
    if (!x) return raml_fail(err, RAML_ENOMEM, "top_entropy_quantile: no memory for %zu tokens", n);
    for (size_t i = 0; i < n; i++)
        if (raml_policy_weight(weight, i) > 0.0) x[m++] = (double)entropy[i];
    enum raml_code rc = RAML_OK;
    bool many = comm && comm->size > 1;
    if (many) rc = quantile_of_ranks(comm, x, m, q, threshold, err);
    else *threshold = quantile(x, m, q);
    *kept = 0.0;
    for (size_t i = 0; i < m; i++) *kept += !(x[i] < *threshold);
    if (!rc && many) rc = comm->sum(comm->user, kept, 1, err);
    free(x);
    return rc;
}

/* ---- statistics ----------------------------------------------------------------------------------------------------- */

static void report(const struct raml_policy_options *opt, const struct raml_terms *t, const struct raml_policy_sums *s,
                   struct raml_statistics *out)
{
    if (!out || !t->logp) return;
    double share = t->total > 0.0 ? s->weight / t->total : 1.0; /* of the step: a loss is a sum over its parts */
    raml_statistics_add(out, "clip_ratio/low_mean", s->low, s->tokens);
    raml_statistics_add(out, "clip_ratio/high_mean", s->high, s->tokens);
    raml_statistics_add(out, "clip_ratio/region_mean", s->low + s->high, s->tokens);
    raml_statistics_add(out, "clip_ratio/dual_mean", s->dual, s->tokens);
    raml_statistics_add(out, "approx_kl", -s->log_ratio, s->tokens);
    raml_statistics_max(out, "ratio_max", s->ratio_max);
    raml_statistics_add(out, "policy_loss", s->policy, share);
    if (t->ref_logp) raml_statistics_add(out, "kl", s->kl_value, s->tokens);
    if (t->ref_logp) raml_statistics_add(out, "kl_loss", s->kl, share);
    if (t->entropy) raml_statistics_add(out, "entropy", s->entropy, s->tokens);
    if (t->entropy && opt->top_entropy_quantile < 1.0) raml_statistics_add(out, "entropy_kept", s->kept, s->tokens);
}

/* ---- the objective -------------------------------------------------------------------------------------------------- */

static enum raml_code check_terms(const struct raml_policy_options *opt, const struct raml_terms *t,
                                  struct raml_err *err)
{
    bool kl = opt->beta != 0.0 && opt->kl_in == RAML_KL_IN_LOSS;
    bool entropy = opt->entropy_coef != 0.0 || opt->top_entropy_quantile < 1.0;
    if (!t->advantage || !t->scale)
        return raml_fail(err, RAML_EUSAGE, "policy loss: advantages and scales are needed before it");
    if (kl && !t->ref_logp)
        return raml_fail(err, RAML_EUSAGE, "policy loss: beta is %g; expected ref_logp, of a reference model",
                         opt->beta);
    if (entropy && !t->entropy)
        return raml_fail(err, RAML_EUSAGE, "policy loss: entropies are needed (entropy_coef, top_entropy_quantile)");
    return RAML_OK;
}

/* - sum likelihood * logp, the gradient of a reward that is a likelihood. */
static double likelihood_term(const struct raml_terms *t, size_t from, size_t to, double *d_logp)
{
    double loss = 0.0;
    for (size_t i = from; t->likelihood && i < to; i++) {
        if (t->likelihood[i] == 0.0) continue;
        if (t->logp) loss -= t->likelihood[i] * (double)t->logp[i];
        if (d_logp) d_logp[i] -= t->likelihood[i];
    }
    return loss;
}

static enum raml_code evaluate(const void *user, const struct raml_terms *t, struct raml_objective_out *out,
                               struct raml_err *err)
{
    const struct raml_policy *p = user;
    const struct raml_policy_options *opt = p->options;
    enum raml_code rc = check_terms(opt, t, err);
    if (rc) return rc;
    size_t last = t->first_row + t->n_rows;
    double threshold = -INFINITY, kept = 1.0;
    if (opt->top_entropy_quantile < 1.0)
        rc = raml_policy_top_entropy(opt, t->entropy, t->weight, t->start[last], p->comm, &threshold, &kept, err);
    if (rc) return rc;
    struct scratch s = {0};
    for (size_t r = t->first_row; r < last; r++)
        if (t->start[r + 1] - t->start[r] > s.longest) s.longest = t->start[r + 1] - t->start[r];
    s.block = calloc(s.longest * WIDENED + 1, sizeof *s.block);
    if (!s.block) return raml_fail(err, RAML_ENOMEM, "policy loss: no memory for rows of %zu tokens", s.longest);
    struct raml_policy_sums sums = {.ratio_max = -INFINITY};
    for (size_t r = t->first_row; r < last; r++) {
        struct raml_policy_row row = row_of(&s, t, r);
        size_t at = t->start[r];
        row.entropy_threshold = threshold;
        row.entropy_divisor = opt->entropy_aggregation == RAML_ENTROPY_TOKEN_MEAN_OF_KEPT && kept > 0.0 ? kept : 1.0;
        raml_policy_row(opt, &row, out->d_logp ? out->d_logp + at : NULL, out->d_entropy ? out->d_entropy + at : NULL,
                        &sums);
        sums.loss += likelihood_term(t, at, at + row.n, out->d_logp);
    }
    free(s.block);
    out->loss = sums.loss;
    report(opt, t, &sums, out->statistics);
    return RAML_OK;
}

/* At a ratio of 1: is the gradient of the policy term by logp a function of constants alone? */
static bool known_at_one(const struct raml_policy_options *opt)
{
    bool bounds = (opt->dual_clip == 0.0 || opt->dual_clip > 1.0) && (opt->delta == 0.0 || opt->delta > 1.0);
    bool old =
        opt->ratio_against == RAML_AGAINST_OLD && (opt->opsm_delta == 0.0 || opt->opsm_against == RAML_AGAINST_OLD);
    return old && opt->policy_loss != RAML_LOSS_DFT && (opt->policy_loss != RAML_LOSS_CLIP || bounds);
}

struct raml_objective raml_policy_objective(const struct raml_policy *p)
{
    const struct raml_policy_options *opt = p->options;
    bool no_entropy = opt->entropy_coef == 0.0 && opt->top_entropy_quantile >= 1.0;
    bool no_kl = opt->beta == 0.0 || opt->kl_in != RAML_KL_IN_LOSS;
    return (struct raml_objective){
        .name = "policy",
        .evaluate = evaluate,
        .user = p,
        .constant = p->on_policy && no_entropy && no_kl && known_at_one(opt),
        .no_entropy = no_entropy,
        .scope = opt->top_entropy_quantile < 1.0 ? RAML_SCOPE_STEP : RAML_SCOPE_GROUP,
    };
}

/* DAPO's soft overlong punishment (arXiv 2503.14476, eq. 13), without its constant beyond the longest length. */
double raml_overlong_penalty(const struct raml_policy_options *opt, size_t length, size_t longest)
{
    if (!(opt->overlong_buffer > 0.0)) return 0.0;
    double over = ((double)length - ((double)longest - opt->overlong_buffer)) / opt->overlong_buffer;
    if (over < 0.0) over = 0.0;
    if (opt->overlong_capped && over > 1.0) over = 1.0;
    return over > 0.0 ? -opt->overlong_factor * over : 0.0;
}
