/* sample_token.c - tokens sampled from rows of logits, one row per thread. See device/backend.h, raml_token_rows. */
#include "device/impl.h"

#include "core/elementary.h"

#include <math.h>

enum { MOST_PARTS = (1 << 24) / RAML_EXP_PART + 1 }; /* a vocabulary has at most 2^24 tokens (config.c) */

/* The most likely of the first `allowed` tokens; false when a logit is NaN or infinite, or none of the allowed is
 * finite. */
static bool scan(const struct raml_ops *ops, const float *logit, size_t n, size_t allowed, size_t *best)
{
    float most = ops->row_max(logit, allowed), rest = n > allowed ? ops->row_max(logit + allowed, n - allowed) : most;
    if (!isfinite(most) || rest != rest || rest == INFINITY) return false;
    for (*best = 0; logit[*best] != most;) ++*best;
    return true;
}

/* The token at share u of the weights, in order of the vocabulary; those below `low` do not count, and become 0. part:
 * the weights' sums by parts, valid only for low 0. */
static size_t choose(float *weight, size_t n, double low, double u, size_t best, const double *part, double *total)
{
    size_t chosen = best, i = 0;
    double at = 0;
    if (low > 0) {
        *total = 0;
        for (size_t k = 0; k < n; k++) {
            if (!((double)weight[k] >= low)) weight[k] = 0;
            *total += (double)weight[k];
        }
    } else {
        while (i + RAML_EXP_PART < n && !(at + *part > u * *total)) { /* not in this part */
            at += *part++;
            i += RAML_EXP_PART;
        }
    }
    for (; i < n; i++) {
        if (weight[i] == 0) continue;
        at += (double)weight[i];
        chosen = i;
        if (at > u * *total) break;
    }
    return chosen;
}

/* As a pass computes it: by tiles, with the same kernel (model/head.c). */
static float log_sum_exp(const struct raml_ops *ops, const float *z, size_t n, size_t tile)
{
    const int32_t token = 0;
    float max = -INFINITY, sum = 0, dot = 0, target = 0;
    const struct raml_loss_rows rows = {&max, &sum, &dot, &target, NULL};
    for (size_t v0 = 0; v0 < n; v0 += tile)
        ops->loss_tile(&rows, z + v0, n, &token, sizeof token, 1, v0, n - v0 < tile ? n - v0 : tile);
    return (float)((double)max + raml_log((double)sum));
}

static struct raml_token_sampled sample_row(const struct raml_ops *ops, const struct raml_token_rows *r, size_t i)
{
    const float *z = r->logits + (size_t)r->row[i] * r->vocab;
    float *weight = r->weight + i * r->vocab;
    size_t n = r->allowed < r->vocab ? r->allowed : r->vocab, best;
    double part[MOST_PARTS];
    struct raml_token_sampled out = {.best = -1, .token = -1};
    if (!n || r->vocab > (size_t)1 << 24 || !scan(ops, z, r->vocab, n, &best)) return out;
    out.lse = log_sum_exp(ops, z, r->vocab, r->tile);
    out.best = out.token = (int32_t)best;
    out.logit = z[best];
    if (!isfinite(r->scale)) { /* no other token is left */
        out.weight = 1;
        out.total = 1;
        return out;
    }
    out.total = ops->exp_all(weight, z, n, z[best], r->scale, part);
    if (r->weigh) return out;
    size_t chosen = choose(weight, n, r->min_p, r->u[i], best, part, &out.total);
    out.token = (int32_t)chosen;
    out.logit = z[chosen];
    out.weight = weight[chosen];
    return out;
}

void raml_cpu_sample(const struct raml_ops *ops, const struct raml_token_rows *r, struct raml_token_sampled *out)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < r->n; i++) out[i] = sample_row(ops, r, i);
}
