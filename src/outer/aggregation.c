/* aggregation.c - see policy.h.
 *
 * n_i: weights of row i, N their sum over all rows, R rows counted, L norm_length or the longest row:
 *   token-mean               w / N                    seq-mean-token-sum       w / R
 *   token-sum                w                        seq-mean-token-mean      w / (n_i R)
 *   token-sum-norm           w / L                    seq-mean-token-sum-norm  w / (R L)
 * length_eps is added to n_i, count_eps to N and R. A part of a step is aggregated as if it were all, over parts.
 */
#include "outer/policy_parts.h"

struct rows {
    size_t from, to;
    const size_t *start;
    const float *weight;
};
struct counts {
    double tokens, rows, longest;
};

static double row_tokens(const struct rows *p, size_t row)
{
    double n = 0.0;
    for (size_t i = p->start[row]; i < p->start[row + 1]; i++) n += raml_policy_weight(p->weight, i);
    return n;
}

static struct counts count(const struct raml_policy_options *opt, const struct rows *p)
{
    struct counts c = {0};
    for (size_t row = p->from; row < p->to; row++) {
        double n = row_tokens(p, row), length = (double)(p->start[row + 1] - p->start[row]);
        c.tokens += opt->empty_row_counts && n < 1.0 ? 1.0 : n;
        c.rows += opt->aggregation_rows == RAML_ROWS_ALL || n > 0.0;
        if (length > c.longest) c.longest = length;
    }
    return c;
}

/* The largest of the ranks' values, by rank 0. */
static enum raml_code longest_of_all(const struct raml_comm *comm, double *x, struct raml_err *err)
{
    double *all = calloc((size_t)comm->size * 2, sizeof *all), most = *x;
    if (!all) return raml_fail(err, RAML_ENOMEM, "aggregation: no memory for %d ranks", comm->size);
    enum raml_code rc = comm->gather(comm->user, x, all, sizeof *x, err);
    if (!rc && comm->rank == 0)
        for (int i = 0; i < comm->size; i++)
            if (all[i] > most) most = all[i];
    for (int i = 0; i < comm->size; i++) all[i] = most;
    if (!rc) rc = comm->scatter(comm->user, all, x, sizeof *x, err);
    free(all);
    return rc;
}

/* Counts of all ranks. */
static enum raml_code add_ranks(const struct raml_comm *comm, struct counts *c, struct raml_err *err)
{
    if (comm->size <= 1) return RAML_OK;
    double sums[2] = {c->tokens, c->rows};
    enum raml_code rc = comm->sum(comm->user, sums, 2, err);
    if (!rc) rc = longest_of_all(comm, &c->longest, err);
    c->tokens = sums[0];
    c->rows = sums[1];
    return rc;
}

/* What every token of a row is divided by. */
static double divisor(const struct raml_policy_options *opt, int mode, const struct counts *c, double row)
{
    double length = opt->norm_length > 0.0 ? opt->norm_length : c->longest, rows = c->rows + opt->count_eps;
    switch (mode) {
    case RAML_TOKEN_MEAN: return c->tokens + opt->count_eps;
    case RAML_TOKEN_SUM_NORM: return length;
    case RAML_SEQ_MEAN_TOKEN_SUM: return rows;
    case RAML_SEQ_MEAN_TOKEN_MEAN: return (row + opt->length_eps) * rows;
    case RAML_SEQ_MEAN_TOKEN_SUM_NORM: return rows * length;
    default: return 1.0;
    }
}

static void scale_rows(const struct raml_policy_options *opt, int mode, const struct rows *p, const struct counts *c,
                       double parts, double *scale)
{
    for (size_t row = p->from; row < p->to; row++) {
        double by = divisor(opt, mode, c, row_tokens(p, row)) * parts;
        for (size_t i = p->start[row]; i < p->start[row + 1]; i++) {
            double w = raml_policy_weight(p->weight, i);
            scale[i] = w > 0.0 ? w / by : 0.0;
        }
    }
}

/* The mode of a term: entropy over kept tokens is divided later, by their number. */
static int mode_of(const struct raml_policy_options *opt, enum raml_policy_term term)
{
    if (term == RAML_TERM_KL && opt->kl_aggregation == RAML_KL_TOKEN_MEAN) return RAML_TOKEN_MEAN;
    if (term != RAML_TERM_ENTROPY || opt->entropy_aggregation == RAML_ENTROPY_SAME) return opt->loss_aggregation;
    return opt->entropy_aggregation == RAML_ENTROPY_TOKEN_MEAN_OF_KEPT ? RAML_TOKEN_SUM : RAML_TOKEN_MEAN;
}

bool raml_aggregation_differs(const struct raml_policy_options *opt, enum raml_policy_term term)
{
    return mode_of(opt, term) != opt->loss_aggregation;
}

enum raml_code raml_aggregation(const struct raml_policy_options *opt, enum raml_policy_term term, size_t n_rows,
                                const size_t *start, const float *weight, const struct raml_comm *comm, double *scale,
                                struct raml_err *err)
{
    int mode = mode_of(opt, term);
    size_t parts = opt->loss_micro_batches > 0 ? (size_t)opt->loss_micro_batches : 1;
    for (size_t k = 0; k < parts; k++) {
        struct rows p = {k * n_rows / parts, (k + 1) * n_rows / parts, start, weight};
        struct counts c = count(opt, &p);
        enum raml_code rc = opt->loss_micro_batches == 0 ? add_ranks(comm, &c, err) : RAML_OK;
        if (rc) return rc;
        scale_rows(opt, mode, &p, &c, opt->loss_micro_batches > 0 ? (double)parts * comm->size : 1.0, scale);
    }
    return RAML_OK;
}
