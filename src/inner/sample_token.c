/* sample_token.c - see sample_token.h. */
#include "inner/sample_token.h"

#include "core/elementary.h"
#include "core/parallel.h"
#include "device/backend.h"

#include <math.h>
#include <stdlib.h>

struct raml_token_sampler {
    const struct raml_device *dev;
    const struct raml_backend *b;
    size_t max_rows, vocab;
    float *weight;                                    /* dev [max_rows, vocab] */
    uint32_t *row;                                    /* dev [max_rows] */
    double *u;                                        /* dev [max_rows] */
    struct raml_token_sampled *sampled_dev, *sampled; /* dev, and the same for the host: [max_rows] */
    /* Only with top_k or top_p: */
    float *copy;    /* [max_rows, vocab], where the host can't read the device's memory */
    float *kept;    /* [workers, vocab] weights that need sorting */
    int32_t *index; /* [workers, vocab] their tokens */
};

enum raml_code raml_token_sampling_check(const struct raml_token_sampling *o, struct raml_err *err)
{
    if (!(o->temperature >= 0) || !isfinite(o->temperature))
        return raml_fail(err, RAML_EUSAGE, "temperature: found %g, expected 0 or more", o->temperature);
    if (!(o->top_p > 0 && o->top_p <= 1))
        return raml_fail(err, RAML_EUSAGE, "top_p: found %g, expected 0 to 1", o->top_p);
    if (!(o->min_p >= 0 && o->min_p <= 1))
        return raml_fail(err, RAML_EUSAGE, "min_p: found %g, expected 0 to 1", o->min_p);
    if (o->top_k < 0) return raml_fail(err, RAML_EUSAGE, "top_k: found %d, expected 0 or more", o->top_k);
    return RAML_OK;
}

struct kept {            /* what the filters left, most likely first */
    const float *weight; /* exp((logit - best) / temperature) */
    const int32_t *index;
    size_t n;
};

static void sift_down(float *w, int32_t *x, size_t i, size_t n)
{
    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= n) return;
        if (c + 1 < n && (w[c + 1] > w[c] || (w[c + 1] == w[c] && x[c + 1] < x[c]))) c++;
        if (w[i] > w[c] || (w[i] == w[c] && x[i] < x[c])) return;
        float tw = w[i];
        int32_t tx = x[i];
        w[i] = w[c];
        x[i] = x[c];
        w[c] = tw;
        x[c] = tx;
        i = c;
    }
}

/* Moves the top of the heap to just after it; returns its weight. */
static float take_top(float *w, int32_t *x, size_t *left)
{
    float top = w[0];
    int32_t index = x[0];
    --*left;
    w[0] = w[*left];
    x[0] = x[*left];
    w[*left] = top;
    x[*left] = index;
    sift_down(w, x, 0, *left);
    return top;
}

/* Heap order (most likely on top), then as many as the filters keep are popped; they end up at the back, in order. */
static struct kept filter(float *w, int32_t *x, size_t n, const struct raml_token_sampling *o, double total)
{
    size_t left = n, most = o->top_k > 0 && (size_t)o->top_k < n ? (size_t)o->top_k : n;
    double reach = 0, base = total;
    for (size_t i = n / 2; i-- > 0;) sift_down(w, x, i, n);
    float max = w[0];
    size_t keep = 0;
    if (most < n) { /* top_p is a share of what top_k left */
        base = 0;
        for (size_t k = 0; k < most; k++) base += take_top(w, x, &left);
        while (keep < most && (keep == 0 || (reach < o->top_p * base && w[n - 1 - keep] >= o->min_p * max)))
            reach += w[n - 1 - keep++];
    } else {
        for (; left > 0 && (keep == 0 || (reach < o->top_p * base && w[0] >= o->min_p * max)); keep++)
            reach += take_top(w, x, &left);
    }
    return (struct kept){w + n - keep, x + n - keep, keep};
}

/* Puts the tokens that top_p can keep at all into w and x, by index: together, those below `least` weigh less than what
 * it leaves out. Returns how many. */
static size_t worth_sorting(float *w, int32_t *x, const float *weight, size_t n, const struct raml_token_sampling *o,
                            double total)
{
    size_t kept = 0;
    double least = o->top_k > 0 && (size_t)o->top_k < n ? 0 : (1 - o->top_p) * total / (2.0 * (double)n);
    for (size_t i = 0; i < n; i++) {
        if ((double)weight[i] < least) continue;
        w[kept] = weight[i];
        x[kept++] = (int32_t)i;
    }
    return kept;
}

/* -- Memory -------------------------------------------------------------------------------------------------------- */
enum raml_code raml_token_sampler_open(const struct raml_device *dev, size_t max_rows, size_t vocab,
                                       struct raml_token_sampler **out, struct raml_err *err)
{
    struct raml_token_sampler *p = calloc(1, sizeof *p);
    if (!p) return raml_fail(err, RAML_ENOMEM, "no memory to sample tokens");
    p->dev = dev;
    p->b = raml_backend_of(dev);
    p->max_rows = max_rows;
    p->vocab = vocab;
    p->weight = p->b->alloc(dev, max_rows * vocab, sizeof *p->weight);
    p->row = p->b->alloc(dev, max_rows, sizeof *p->row);
    p->u = p->b->alloc(dev, max_rows, sizeof *p->u);
    p->sampled_dev = p->b->alloc(dev, max_rows, sizeof *p->sampled_dev);
    p->sampled = calloc(max_rows + 1, sizeof *p->sampled);
    if (!p->weight || !p->row || !p->u || !p->sampled_dev || !p->sampled) {
        raml_token_sampler_close(p);
        return raml_fail(err, RAML_ENOMEM, "no memory to sample from %zu rows of %zu tokens", max_rows, vocab);
    }
    *out = p;
    return RAML_OK;
}

void raml_token_sampler_close(struct raml_token_sampler *p)
{
    if (!p) return;
    raml_array_free(p->dev, p->weight);
    raml_array_free(p->dev, p->row);
    raml_array_free(p->dev, p->u);
    raml_array_free(p->dev, p->sampled_dev);
    free(p->sampled);
    free(p->copy);
    free(p->kept);
    free(p->index);
    free(p);
}

size_t raml_token_sampler_estimate(const struct raml_device *dev, size_t max_rows, size_t vocab, bool sorts)
{
    const struct raml_token_sampler *p = NULL; /* for the sizes of what it points to */
    size_t row =
        vocab * sizeof *p->weight + sizeof *p->row + sizeof *p->u + sizeof *p->sampled_dev + sizeof *p->sampled;
    size_t worker = vocab * (sizeof *p->kept + sizeof *p->index);
    size_t bytes = max_rows * row;
    if (sorts) bytes += (size_t)raml_parallel_workers(raml_device_threads(dev)) * worker;
    return bytes;
}

static enum raml_code reserve_to_sort(struct raml_token_sampler *p, struct raml_err *err)
{
    size_t workers = (size_t)raml_parallel_workers(raml_device_threads(p->dev));
    bool unread = !p->b->view(p->dev, p->weight);
    if (!p->kept) p->kept = malloc(workers * p->vocab * sizeof *p->kept);
    if (!p->index) p->index = malloc(workers * p->vocab * sizeof *p->index);
    if (unread && !p->copy) p->copy = malloc(p->max_rows * p->vocab * sizeof *p->copy);
    if (p->kept && p->index && (p->copy || !unread)) return RAML_OK;
    return raml_fail(err, RAML_ENOMEM, "no memory to sort %zu tokens", p->vocab);
}

/* -- Sampling from what top_k and top_p leave ---------------------------------------------------------------------- */
struct sorting {
    struct raml_token_sampler *p;
    const float *weight; /* of the host: [n, vocab] */
    const double *u;
    size_t allowed;
    const struct raml_token_sampling *o;
};

/* Samples row i: sampled[i].token, weight and total. */
static void sample_sorted_row(void *user, size_t i, int worker)
{
    const struct sorting *s = user;
    struct raml_token_sampler *p = s->p;
    struct raml_token_sampled *d = &p->sampled[i];
    float *w = p->kept + (size_t)worker * p->vocab;
    int32_t *x = p->index + (size_t)worker * p->vocab;
    if (d->best < 0) return;
    size_t n = worth_sorting(w, x, s->weight + i * p->vocab, s->allowed, s->o, d->total);
    struct kept k = filter(w, x, n, s->o, d->total);
    double at = 0, total = 0;
    for (size_t j = 0; j < k.n; j++) total += (double)k.weight[j];
    d->weight = 0;
    for (size_t j = k.n; j-- > 0;) { /* the most likely come last */
        at += (double)k.weight[j];
        d->token = k.index[j];
        d->weight = k.weight[j];
        if (at > s->u[i] * total) break;
    }
    d->total = total;
}

static enum raml_code sample_sorted(struct raml_token_sampler *p, const float *logits, const uint32_t *row,
                                    const double *u, size_t n, size_t allowed, const struct raml_token_sampling *o,
                                    struct raml_err *err)
{
    enum raml_code rc = reserve_to_sort(p, err);
    if (rc) return rc;
    struct sorting s = {p, p->b->view(p->dev, p->weight), u, allowed, o};
    if (!s.weight) {
        s.weight = p->copy;
        p->b->download(p->dev, p->copy, p->weight, n * p->vocab * sizeof *p->copy);
        rc = p->b->sync(p->dev, err);
        if (rc) return rc;
    }
    raml_parallel(raml_device_threads(p->dev), n, sample_sorted_row, &s);
    for (size_t i = 0; i < n; i++)
        if (p->sampled[i].best >= 0)
            p->b->download(p->dev, &p->sampled[i].logit,
                           logits + (size_t)row[i] * p->vocab + (size_t)p->sampled[i].token,
                           sizeof p->sampled[i].logit);
    return p->b->sync(p->dev, err);
}

enum raml_code raml_sample_tokens(struct raml_token_sampler *p, const float *logits, const uint32_t *row,
                                  const double *u, size_t n, size_t allowed, const struct raml_token_sampling *o,
                                  struct raml_sampled_token *out, struct raml_err *err)
{
    if (n > p->max_rows)
        return raml_fail(err, RAML_EUSAGE, "sampling from %zu rows at once; the capacity is %zu", n, p->max_rows);
    if (allowed > p->vocab) allowed = p->vocab;
    struct raml_token_rows r = {.logits = logits,
                                .row = p->row,
                                .u = p->u,
                                .n = n,
                                .vocab = p->vocab,
                                .allowed = allowed,
                                .tile = p->b->sizes(p->dev).head_tile,
                                .scale = (float)(1 / o->temperature),
                                .min_p = o->min_p,
                                .weight = p->weight};
    r.weigh = isfinite(r.scale) && (o->top_p < 1 || (o->top_k > 0 && (size_t)o->top_k < allowed));
    bool whole = r.scale == 1 && !r.weigh && o->min_p <= 0 && allowed == p->vocab;
    p->b->upload(p->dev, p->row, row, n * sizeof *row);
    p->b->upload(p->dev, p->u, u, n * sizeof *u);
    p->b->sample_tokens(p->dev, &r, p->sampled_dev);
    p->b->download(p->dev, p->sampled, p->sampled_dev, n * sizeof *p->sampled);
    enum raml_code rc = p->b->sync(p->dev, err);
    if (!rc && r.weigh) rc = sample_sorted(p, logits, row, u, n, allowed, o, err);
    if (rc) return rc;
    for (size_t i = 0; i < n; i++) {
        const struct raml_token_sampled *d = &p->sampled[i];
        if (d->best < 0 && !rc)
            rc = raml_fail(err, RAML_ERANGE, "the logits of row %u are not finite", (unsigned)row[i]);
        float logp = d->logit - d->lse, mu_logp = whole ? logp : (float)raml_log((double)d->weight / d->total);
        out[i] = (struct raml_sampled_token){d->token, logp, mu_logp, d->lse};
    }
    return rc;
}
