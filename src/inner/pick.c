/* pick.c - see pick.h. */
#include "raml/pick.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_PARTS = (1 << 24) / RAML_DEVICE_PART + 1 }; /* a vocabulary has at most 2^24 tokens (config.c) */

enum raml_code raml_pick_check(const struct raml_pick_options *o, struct raml_err *err)
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

/* The likeliest of the first `allowed` tokens, and of all; false when a logit is NaN or none of the allowed is finite.
 */
static int survey(const struct raml_device *dev, const float *logit, size_t n, size_t allowed, size_t *best, float *top)
{
    float most = raml_device_top(dev, logit, allowed), rest = n > allowed ? raml_device_top(dev, logit + allowed, n - allowed) : most;
    if (!isfinite(most) || rest != rest || rest == INFINITY) return 0;
    for (*best = 0; logit[*best] != most;) ++*best;
    *top = rest > most ? rest : most;
    return 1;
}

struct kept { /* what the filters left, likeliest first */
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

/* Moves the top of the heap behind it; returns its weight. */
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

/* Heap order (likeliest on top), then as many as the filters keep are taken off; they end up at the back, in order. */
static struct kept filter(float *w, int32_t *x, size_t n, const struct raml_pick_options *o, double total)
{
    size_t left = n, most = o->top_k > 0 && (size_t)o->top_k < n ? (size_t)o->top_k : n;
    double reach = 0, base = total;
    for (size_t i = n / 2; i-- > 0;) sift_down(w, x, i, n);
    float top = w[0];
    size_t keep = 0;
    if (most < n) { /* top_p is a share of what top_k left */
        base = 0;
        for (size_t k = 0; k < most; k++) base += take_top(w, x, &left);
        while (keep < most && (keep == 0 || (reach < o->top_p * base && w[n - 1 - keep] >= o->min_p * top)))
            reach += w[n - 1 - keep++];
    } else {
        for (; left > 0 && (keep == 0 || (reach < o->top_p * base && w[0] >= o->min_p * top)); keep++)
            reach += take_top(w, x, &left);
    }
    return (struct kept){w + n - keep, x + n - keep, keep};
}

/* The token at share u of the weights, in order of the vocabulary; those under `low` do not count. part: the weights'
 * sums by parts, good for low 0 alone. */
static size_t draw(float *weight, size_t n, double low, double u, size_t best, const double *part, double *total)
{
    size_t chosen = best, i = 0;
    double at = 0;
    if (low > 0) {
        *total = 0;
        for (size_t k = 0; k < n; k++) {
            if (!(weight[k] >= low)) weight[k] = 0;
            *total += weight[k];
        }
    } else {
        while (i + RAML_DEVICE_PART < n && !(at + *part > u * *total)) { /* not in this part */
            at += *part++;
            i += RAML_DEVICE_PART;
        }
    }
    for (; i < n; i++) {
        if (weight[i] == 0) continue;
        at += weight[i];
        chosen = i;
        if (at > u * *total) break;
    }
    return chosen;
}

/* Puts the tokens that top_p can keep at all in front, by index: together, those below `least` weigh less than what it
 * leaves out. Returns how many. */
static size_t worth_sorting(float *w, int32_t *x, size_t n, const struct raml_pick_options *o, double total)
{
    size_t kept = 0;
    double least = o->top_k > 0 && (size_t)o->top_k < n ? 0 : (1 - o->top_p) * total / (2.0 * (double)n);
    for (size_t i = 0; i < n; i++) {
        if (w[i] < least) continue;
        w[kept] = w[i];
        x[kept++] = (int32_t)i;
    }
    return kept;
}

enum raml_code raml_pick(const struct raml_device *dev, const float *logit, size_t n, size_t allowed,
                         const struct raml_pick_options *o, double u, float *scratch, int32_t *scratch_index,
                         struct raml_picked *out)
{
    size_t best = 0, all = n;
    float top;
    double part[MOST_PARTS];
    if (allowed < n) n = allowed;
    if (!n || all > (size_t)1 << 24 || !survey(dev, logit, all, n, &best, &top)) return RAML_ERANGE;
    float inv = (float)(1 / o->temperature);
    double total = raml_device_exp(dev, scratch, logit, all, top, 1, part), lse = top + log(total);
    if (!isfinite(inv)) { /* 0, or so near it that no other token is left */
        *out = (struct raml_picked){(int32_t)best, (float)(logit[best] - lse), 0};
        return RAML_OK;
    }
    if (inv != 1 || n < all) total = raml_device_exp(dev, scratch, logit, n, logit[best], inv, part);
    size_t chosen = best;
    float weight;
    if (o->top_p < 1 || (o->top_k > 0 && (size_t)o->top_k < n)) {
        size_t sorted = worth_sorting(scratch, scratch_index, n, o, total);
        struct kept k = filter(scratch, scratch_index, sorted, o, total);
        double at = 0;
        total = weight = 0;
        for (size_t i = 0; i < k.n; i++) total += k.weight[i];
        for (size_t i = k.n; i-- > 0;) { /* likeliest stand last */
            at += k.weight[i];
            chosen = (size_t)k.index[i];
            weight = k.weight[i];
            if (at > u * total) break;
        }
    } else {
        chosen = draw(scratch, n, o->min_p, u, best, part, &total);
        weight = scratch[chosen];
    }
    *out = (struct raml_picked){(int32_t)chosen, (float)(logit[chosen] - lse), (float)log(weight / total)};
    return RAML_OK;
}
