/* attention_stats.c - sums of attention by question, and their means over queries. See attention_parts.h. */
#include "study/attention_parts.h"

#include "eval/cluster_draws.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { Q = RAML_ATTENTION_QUERIES, G = RAML_ATTENTION_GROUPS, U = RAML_ATTENTION_UNITS };

const char *raml_attention_query_name(enum raml_attention_query q)
{
    static const char *const name[Q] = {"line", "result", "state", "operand"};
    return name[q];
}

const char *raml_attention_group_name(enum raml_attention_group g)
{
    static const char *const name[G] = {"question", "last_line", "earlier_lines", "line", "prompt", "source"};
    return name[g];
}

const char *raml_attention_unit_name(enum raml_attention_unit u)
{
    static const char *const name[U] = {"result", "line", "trajectory", "state", "operand", "lookup"};
    return name[u];
}

enum raml_code raml_attention_stats_init(struct raml_attention_stats *s, size_t n_questions, size_t n_layers,
                                         size_t n_heads, struct raml_err *err)
{
    *s = (struct raml_attention_stats){.n_questions = n_questions, .n_layers = n_layers, .n_heads = n_heads};
    bool fits = n_questions < SIZE_MAX / sizeof *s->mass / ((size_t)Q * G) / n_layers / n_heads;
    s->mass = fits ? calloc((size_t)Q * G * n_layers * n_heads, n_questions * sizeof *s->mass) : NULL;
    s->uniform = fits ? calloc((size_t)Q * G, n_questions * sizeof *s->uniform) : NULL;
    s->n = fits ? calloc(Q, n_questions * sizeof *s->n) : NULL;
    if (s->mass && s->uniform && s->n) return RAML_OK;
    raml_attention_stats_deinit(s);
    return raml_fail(err, RAML_ENOMEM, "no memory for the attention of %zu heads over %zu questions",
                     n_layers * n_heads, n_questions);
}

void raml_attention_stats_deinit(struct raml_attention_stats *s)
{
    free(s->mass);
    free(s->uniform);
    free(s->n);
    for (size_t u = 0; u < U; u++) raml_clustered_deinit(&s->right[u]);
    *s = (struct raml_attention_stats){0};
}

void raml_attention_stats_clear(struct raml_attention_stats *s)
{
    size_t bytes = s->n_questions * sizeof *s->mass;
    memset(s->mass, 0, (size_t)Q * G * s->n_layers * s->n_heads * bytes);
    memset(s->uniform, 0, (size_t)Q * G * bytes);
    memset(s->n, 0, Q * bytes);
    for (size_t u = 0; u < U; u++) s->right[u].n = 0;
}

/* What a group of tokens is to a query. */
static enum raml_attention_group seen_as(const struct raml_attention_bundle *b, const struct raml_attention_site *site)
{
    if (b->of != RAML_ATTENTION_TO_LINE) return b->of;
    if (b->step >= site->step) return RAML_ATTENTION_TO_LINE;
    return b->step + 1 == site->step ? RAML_ATTENTION_TO_LAST_LINE : RAML_ATTENTION_TO_EARLIER_LINES;
}

static bool has_source(const struct raml_attention_site *site)
{
    return site->at == RAML_ATTENTION_STATE || site->at == RAML_ATTENTION_OPERAND;
}

void raml_attention_stats_layer(struct raml_attention_stats *s, size_t question, const struct raml_attention_plan *p,
                                const struct raml_attention_mass *m)
{
    for (size_t i = 0, query = 0; i < p->n_sites; i++) {
        const struct raml_attention_site *site = &p->site[i];
        while (p->query[query] != site->token) query++;
        for (size_t h = 0; h < m->n_heads; h++) {
            const float *mass = m->mass + (query * m->n_heads + h) * m->stride;
            double *to = s->mass + (((size_t)site->at * s->n_layers + m->layer) * s->n_heads + h) * G * s->n_questions +
                         question;
            for (size_t g = 0; g < p->n_groups; g++)
                to[(size_t)seen_as(&p->bundle[g], site) * s->n_questions] += (double)mass[g];
            if (has_source(site)) to[RAML_ATTENTION_TO_SOURCE * s->n_questions] += (double)mass[site->source];
        }
    }
}

enum raml_code raml_attention_stats_text(struct raml_attention_stats *s, size_t question,
                                         const struct raml_attention_plan *p, const int32_t *argmax,
                                         struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < p->n_sites; i++) {
        const struct raml_attention_site *site = &p->site[i];
        double *to = s->uniform + (size_t)site->at * G * s->n_questions + question, one = 1.0 / (site->token + 1.0);
        for (size_t k = 0; k <= site->token; k++)
            to[(size_t)seen_as(&p->bundle[p->group[k]], site) * s->n_questions] += one;
        if (has_source(site)) to[RAML_ATTENTION_TO_SOURCE * s->n_questions] += one;
        s->n[(size_t)site->at * s->n_questions + question]++;
    }
    for (size_t i = 0; !rc && i < p->n_units; i++) {
        const struct raml_attention_unit_at *u = &p->unit[i];
        bool right = true;
        for (size_t k = u->first; k <= u->last; k++) right &= argmax[k - p->n_prompt] == p->token.id[k];
        rc = raml_clustered_add(&s->right[u->unit], question, right, err);
    }
    return rc;
}

static double sum(const double *x, size_t n)
{
    double all = 0;
    for (size_t i = 0; i < n; i++) all += x[i];
    return all;
}

/* Of one kind of query: every head's means, and of each group the largest. */
static void read_query(const struct raml_attention_stats *s, struct raml_cluster_draws *d, size_t q,
                       struct raml_estimate *e, struct raml_attention_most *most)
{
    size_t heads = s->n_layers * s->n_heads;
    const double *n = s->n + q * s->n_questions;
    double all = sum(n, s->n_questions);
    bool sourced = q == RAML_ATTENTION_STATE || q == RAML_ATTENTION_OPERAND;
    for (size_t g = 0; g < G; g++) {
        struct raml_attention_most *m = &most[g];
        *m = (struct raml_attention_most){.e = {.value = NAN, .low = NAN, .high = NAN, .se = NAN},
                                          .mean = NAN,
                                          .uniform = NAN,
                                          .n_queries = (size_t)all};
        for (size_t h = 0; h < heads; h++) e[h * G + g] = m->e;
        if (all == 0 || (g == RAML_ATTENTION_TO_SOURCE && !sourced)) continue;
        m->mean = 0;
        m->uniform = sum(s->uniform + (q * G + g) * s->n_questions, s->n_questions) / all;
        for (size_t h = 0; h < heads; h++) {
            struct raml_estimate *x = &e[h * G + g];
            *x = raml_cluster_draws_ratio(d, s->mass + ((q * heads + h) * G + g) * s->n_questions, n);
            m->mean += x->value / (double)heads;
            if (h && !(x->value > m->e.value)) continue;
            m->e = *x;
            m->layer = h / s->n_heads;
            m->head = h % s->n_heads;
        }
    }
}

enum raml_code raml_attention_stats_read(const struct raml_attention_stats *s,
                                         const struct raml_attention_files_options *opt, struct raml_estimate *e,
                                         struct raml_attention_result *out, struct raml_err *err)
{
    struct raml_cluster_draws d;
    enum raml_code rc = raml_cluster_draws_init(&d, s->n_questions, opt->seed, opt->n_draws, err);
    if (rc) return rc;
    for (size_t q = 0; q < Q; q++) read_query(s, &d, q, e + q * s->n_layers * s->n_heads * G, out->of[q]);
    raml_cluster_draws_deinit(&d);
    for (size_t u = 0; !rc && u < U; u++) {
        out->n_right[u] = s->right[u].n;
        rc = raml_clustered_share(&s->right[u], opt->seed, opt->n_draws, &out->right[u], err);
    }
    return rc;
}
