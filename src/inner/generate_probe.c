/* generate_probe.c - what a model would answer after a job's tokens, asked in passing (generate.h).
 *
 * The job's logits wait in `kept`; its node does not change meanwhile. The probe's node hangs from it.
 */
#include "inner/generate_parts.h"

#include <math.h>

/* Tokens of the job's text and its own up to the probe's place. */
static size_t depth(const struct raml_generator *g, const struct raml_row *r)
{
    return g->job[r->job].n_text + r->out.n - r->probe.what.back;
}

enum raml_code raml_probe_ask(struct raml_generator *g, struct raml_row *r, bool *wanted, struct raml_err *err)
{
    struct raml_generate_probe *p = &r->probe.what;
    *p = (struct raml_generate_probe){0};
    *wanted = false;
    if (!g->guide.wants_probe) return RAML_OK;
    enum raml_code rc = g->guide.wants_probe(g->guide.user, raml_row_job(g, r), &r->out, wanted, p, err);
    if (rc || !*wanted) return rc;
    if (!p->n_cue || (!p->max_tokens && !p->entropy) || p->n_cue + p->max_tokens > g->opt.probe_tokens)
        return raml_fail(err, RAML_EUSAGE,
                         "a probe of %zu tokens that answers in %zu; expected at least one each, %zu together at most",
                         p->n_cue, p->max_tokens, g->opt.probe_tokens);
    *wanted = p->back <= r->out.n - r->base && p->n_cue < g->context - depth(g, r);
    return RAML_OK;
}

enum raml_code raml_probe_start(struct raml_generator *g, struct raml_row *r, struct raml_err *err)
{
    g->b->copy(g->dev, g->kept + r->slot * g->V, g->logits + r->at * g->V, g->V * sizeof *g->kept);
    r->phase = RAML_ROW_READS_CUE;
    r->probe.answer.n = 0;
    r->probe.answer.ended = false;
    r->probe.entropy = NAN;
    g->stats.n_probes++;
    g->stats.probe_tokens += r->probe.what.n_cue;
    return raml_cache_add(g->cache, r->node, r->out.n - r->base - r->probe.what.back, &r->probe.node, err);
}

/* Of the distribution that a row of logits gives; a tile at a time, as a pass does (model/head.c). */
static enum raml_code entropy(struct raml_generator *g, const float *logits, double *out, struct raml_err *err)
{
    const struct raml_backend *b = g->b;
    struct raml_loss_state state = {g->ends, g->ends + 1, g->ends + 2, g->ends + 3, NULL};
    struct raml_loss_end end = {g->ends + 4, g->ends + 5, g->ends + 6};
    struct raml_targets target = {(const int32_t *)(const void *)(g->ends + 7), sizeof(int32_t), 1};
    size_t tile = b->sizes(g->dev).head_tile;
    float nats;
    b->loss_start(g->dev, &state, 1);
    for (size_t v0 = 0; v0 < g->V; v0 += tile) {
        struct raml_logits_tile z = {logits + v0, g->V, v0, g->V - v0 < tile ? g->V - v0 : tile};
        b->loss_tile(g->dev, &state, &z, &target);
    }
    b->loss_end(g->dev, &state, &end, 1);
    b->download(g->dev, &nats, g->ends + 5, sizeof nats);
    enum raml_code rc = b->sync(g->dev, err);
    *out = (double)nats;
    return rc;
}

/* The job grows on from the probe's place. */
static enum raml_code go_back(struct raml_generator *g, struct raml_row *r, struct raml_err *err)
{
    size_t back = r->probe.what.back, place = r->out.n - back;
    if (r->returns++ >= g->opt.max_returns)
        return raml_fail(err, RAML_EUSAGE, "a job returns more often than max_returns, %zu times", g->opt.max_returns);
    if (!back) return RAML_OK;
    enum raml_code rc = raml_cache_add(g->cache, r->node, place - r->base, &r->node, err);
    r->base = r->out.n = place;
    r->unread = true;
    return rc;
}

/* The job goes on from where it was. */
static enum raml_code end_probe(struct raml_generator *g, struct raml_row *r, struct raml_err *err)
{
    raml_cache_drop(g->cache, r->probe.node);
    r->probe.node = -1;
    g->b->copy(g->dev, g->logits + r->at * g->V, g->kept + r->slot * g->V, g->V * sizeof *g->kept);
    r->phase = RAML_ROW_WRITES;
    r->decided = false;
    enum raml_generate_next next = RAML_GENERATE_GOES_ON;
    if (!g->guide.probed) return RAML_OK;
    enum raml_code rc =
        g->guide.probed(g->guide.user, raml_row_job(g, r), &r->out, &r->probe.answer, r->probe.entropy, &next, err);
    if (!rc && next == RAML_GENERATE_RETURNS) return go_back(g, r, err);
    r->out.ended = r->ended = next == RAML_GENERATE_ENDS;
    return rc;
}

enum raml_code raml_probe_cue_read(struct raml_generator *g, struct raml_row *r, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    r->phase = RAML_ROW_ANSWERS;
    if (r->probe.what.entropy) rc = entropy(g, g->logits + r->at * g->V, &r->probe.entropy, err);
    return !rc && !r->probe.what.max_tokens ? end_probe(g, r, err) : rc;
}

enum raml_code raml_probe_take(struct raml_generator *g, struct raml_row *r, struct raml_err *err)
{
    struct raml_generated *a = &r->probe.answer;
    enum raml_code rc = raml_generated_add(a, r->token, r->logp, r->mu_logp, err);
    if (rc) return rc;
    g->stats.probe_tokens++;
    for (size_t i = 0; i < g->opt.n_ends; i++) a->ended |= r->token == g->opt.end[i];
    if (!a->ended && g->guide.probe_ends)
        rc = g->guide.probe_ends(g->guide.user, raml_row_job(g, r), a, &a->ended, err);
    bool full = a->n >= r->probe.what.max_tokens || depth(g, r) + r->probe.what.n_cue + a->n >= g->context;
    return !rc && (a->ended || full) ? end_probe(g, r, err) : rc;
}
