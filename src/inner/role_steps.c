/* role_steps.c - see role_steps.h. */
#include "inner/role_steps.h"

#include "core/array.h"
#include "core/elementary.h"

#include <math.h>
#include <stdlib.h>

void raml_steps_deinit(struct raml_steps *s)
{
    free(s->delta);
    free(s->log_ratio);
    free(s->relative);
    *s = (struct raml_steps){0};
}

enum raml_code raml_steps_add(struct raml_steps *s, const double *loss, size_t first, size_t last, struct raml_err *err)
{
    double before = loss[first - 1], after = loss[last];
    if (!isfinite(before) || !isfinite(after)) return RAML_OK;
    enum raml_code rc = RAML_GROW(s->delta, s->cap, s->n + 1, "steps of a loss curve", err);
    if (!rc) rc = RAML_GROW(s->log_ratio, s->cap_log_ratio, s->n_log_ratio + 1, "steps of a loss curve", err);
    if (!rc) rc = RAML_GROW(s->relative, s->cap_relative, s->n_relative + 1, "steps of a loss curve", err);
    if (rc) return rc;
    s->delta[s->n++] = after - before;
    s->n_tokens += last - first + 1;
    if (before > 0 && after > 0) s->log_ratio[s->n_log_ratio++] = raml_log(after / before);
    if (before > 0) s->relative[s->n_relative++] = fabs(after - before) / before;
    return RAML_OK;
}

enum raml_code raml_steps_add_role(struct raml_steps *s, const struct raml_token_roles *r, enum raml_token_role role,
                                   const double *loss, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    bool words = role == RAML_TOKEN_REFLECTION;
    for (size_t i = 0; !rc && words && i < r->n_matches; i++)
        rc = raml_steps_add(s, loss, r->match[i].first, r->match[i].last, err);
    for (size_t k = 1; !rc && !words && k <= r->n; k++)
        if (role == RAML_TOKEN_ROLES || r->role[k - 1] == role) rc = raml_steps_add(s, loss, k, k, err);
    return rc;
}

enum raml_code raml_steps_add_word(struct raml_steps *s, const struct raml_token_roles *r, size_t word,
                                   const double *loss, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < r->n_matches; i++)
        if (r->match[i].word == word) rc = raml_steps_add(s, loss, r->match[i].first, r->match[i].last, err);
    return rc;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct raml_moments moments(double *x, size_t n)
{
    struct raml_moments m = {.n = n, .mean = NAN, .median = NAN, .deviation = NAN};
    double sum = 0, squares = 0;
    if (n == 0) return m;
    qsort(x, n, sizeof *x, by_value); /* sums in this order: the same however the units came */
    for (size_t i = 0; i < n; i++) sum += x[i];
    m.mean = sum / (double)n;
    m.median = n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
    for (size_t i = 0; i < n; i++) squares += (x[i] - m.mean) * (x[i] - m.mean);
    if (n > 1) m.deviation = sqrt(squares / (double)(n - 1));
    return m;
}

struct raml_steps_summary raml_steps_summarise(struct raml_steps *s)
{
    size_t falling = 0;
    for (size_t i = 0; i < s->n; i++) falling += s->delta[i] <= 0;
    return (struct raml_steps_summary){
        .n_units = s->n,
        .n_tokens = s->n_tokens,
        .delta = moments(s->delta, s->n),
        .log_ratio = moments(s->log_ratio, s->n_log_ratio),
        .relative = moments(s->relative, s->n_relative),
        .share_falling = s->n ? (double)falling / (double)s->n : NAN,
    };
}

/* -- Matched controls ---------------------------------------------------------------------------------------------- */

static size_t position_bucket(const struct raml_matching *m, size_t token)
{
    return (size_t)((uint64_t)(token - 1) * m->position_buckets / m->roles->n);
}

static const double edge[] = {0.1, 0.5, 1, 2};
enum { ENTROPY_BUCKETS = sizeof edge / sizeof *edge + 1 };

static size_t entropy_bucket(const struct raml_matching *m, size_t token)
{
    size_t n = 0;
    while (n < sizeof edge / sizeof *edge && (double)m->entropy[token - 1] >= edge[n]) n++;
    return n;
}

bool raml_matches(const struct raml_matching *m, size_t first, size_t last, size_t g)
{
    size_t k = last - first + 1;
    if (g == first || g + k - 1 > m->roles->n || position_bucket(m, g) != position_bucket(m, first)) return false;
    if (entropy_bucket(m, g) != entropy_bucket(m, first)) return false;
    for (size_t i = g; i < g + k; i++)
        if (m->roles->role[i - 1] == RAML_TOKEN_REFLECTION || m->roles->role[i - 1] == RAML_TOKEN_DELIMITER)
            return false;
    return isfinite(m->loss[g - 1]) && isfinite(m->loss[g + k - 1]);
}

struct raml_matched raml_match(const struct raml_matching *m, size_t first, size_t last)
{
    struct raml_matched x = {.delta = m->loss[last] - m->loss[first - 1], .control_mean = NAN, .effect = NAN};
    double sum = 0;
    for (size_t g = 1; g <= m->roles->n; g++) {
        if (!raml_matches(m, first, last, g)) continue;
        sum += m->loss[g + last - first] - m->loss[g - 1];
        x.n_windows++;
    }
    if (x.n_windows) x.control_mean = sum / (double)x.n_windows;
    x.effect = x.delta - x.control_mean;
    return x;
}

struct bucket {
    double sum; /* of the steps of its tokens that may be controls */
    size_t n;
};

static bool may_control(const struct raml_matching *m, size_t g)
{
    enum raml_token_role role = m->roles->role[g - 1];
    return role != RAML_TOKEN_REFLECTION && role != RAML_TOKEN_DELIMITER && isfinite(m->loss[g - 1]) &&
           isfinite(m->loss[g]);
}

enum raml_code raml_match_tokens(const struct raml_matching *m, struct raml_matched *out, struct raml_err *err)
{
    size_t T = m->roles->n,
           B = m->position_buckets < T ? m->position_buckets : T; /* no bucket of B > T has two tokens */
    struct bucket *bucket = calloc(B * ENTROPY_BUCKETS + 1, sizeof *bucket);
    if (!bucket) return raml_fail(err, RAML_ENOMEM, "no memory for %zu position buckets", B);
    bool alone = m->position_buckets > T;
    for (size_t g = 1; !alone && g <= T; g++) {
        struct bucket *b = &bucket[position_bucket(m, g) * ENTROPY_BUCKETS + entropy_bucket(m, g)];
        if (!may_control(m, g)) continue;
        b->sum += m->loss[g] - m->loss[g - 1];
        b->n++;
    }
    for (size_t g = 1; g <= T; g++) {
        struct raml_matched x = {.delta = m->loss[g] - m->loss[g - 1], .control_mean = NAN, .effect = NAN};
        struct bucket b = {0};
        if (!alone) b = bucket[position_bucket(m, g) * ENTROPY_BUCKETS + entropy_bucket(m, g)];
        if (!alone && may_control(m, g)) {
            b.sum -= x.delta;
            b.n--;
        }
        if (b.n) x.control_mean = b.sum / (double)b.n;
        x.n_windows = b.n;
        x.effect = x.delta - x.control_mean;
        out[g - 1] = x;
    }
    free(bucket);
    return RAML_OK;
}
