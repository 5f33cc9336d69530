/* generate.c - the rounds of generation. See generate.h.
 *
 * A round: jobs enter; every row's next token is chosen from what the last step said follows, or forced; tokens are
 * taken, jobs end; the tokens of all rows are appended in one step. Rows are in the order of jobs; in a step those of
 * probes come last, so that samples of one text are adjacent.
 */
#include "inner/generate_parts.h"

#include "raml/rng.h"

#include <math.h>

/* Jobs that enter; some begin with a probe. */
static enum raml_code admit(struct raml_generator *g, struct raml_err *err)
{
    size_t first = g->n_rows;
    enum raml_code rc = raml_generate_admit(g, err);
    for (size_t i = first; i < g->n_rows && !rc; i++) {
        bool probe = false;
        rc = raml_probe_ask(g, &g->row[i], &probe, err);
        if (!rc && probe) rc = raml_probe_start(g, &g->row[i], err);
    }
    return rc;
}

/* -- Choosing ------------------------------------------------------------------------------------------------------ */
static enum raml_code not_finite(const struct raml_generator *g, const struct raml_row *r, struct raml_err *err)
{
    char number[32];
    return raml_fail(err, RAML_ERANGE, "%s, sample %u, token %zu: the model's logits are not finite",
                     raml_generate_name(&g->job[r->job], raml_row_job(g, r), number), g->job[r->job].sample + 1,
                     r->out.n + 1);
}

/* Tokens for the rows who[0..n). */
static enum raml_code sample(struct raml_generator *g, const struct raml_token_sampling *o, size_t n,
                             struct raml_err *err)
{
    if (!n) return RAML_OK;
    for (size_t i = 0; i < n; i++) g->at[i] = (uint32_t)g->row[g->who[i]].at;
    enum raml_code rc = raml_sample_tokens(g->sampler, g->logits, g->at, g->u, n, g->allowed, o, g->sampled, err);
    for (size_t i = 0; i < n && rc == RAML_ERANGE; i++)
        if (g->sampled[i].token < 0) return not_finite(g, &g->row[g->who[i]], err);
    for (size_t i = 0; i < n && !rc; i++) {
        struct raml_row *r = &g->row[g->who[i]];
        r->token = g->sampled[i].token;
        r->logp = g->sampled[i].logp;
        r->mu_logp = g->sampled[i].behaviour_logp;
    }
    return rc;
}

static size_t n_top(const struct raml_generator *g, const struct raml_row *r)
{
    const struct raml_generate_own *own = g->job[r->job].own;
    return own && g->guide.top ? own->n_top : 0;
}

/* The guide hears of the likeliest tokens for those of who[0..n) that want them. */
static enum raml_code tell_top(struct raml_generator *g, size_t n, struct raml_err *err)
{
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        const struct raml_row *r = &g->row[g->who[i]];
        const struct raml_logits_tile z = {g->logits + r->at * g->V, g->V, 0, g->V};
        size_t k = n_top(g, r), at = i * g->opt.max_top;
        const struct raml_top_logits top = {k, g->top.logit + at, g->top.token + at};
        if (!k) continue;
        g->b->top_tile(g->dev, &top, &z, 1);
        g->b->download(g->dev, g->top_logp + at, top.logit, k * sizeof *top.logit);
        g->b->download(g->dev, g->top_token + at, top.token, k * sizeof *top.token);
        any = true;
    }
    enum raml_code rc = any ? g->b->sync(g->dev, err) : RAML_OK;
    for (size_t i = 0; i < n && any && !rc; i++) {
        const struct raml_row *r = &g->row[g->who[i]];
        size_t k = n_top(g, r), at = i * g->opt.max_top;
        for (size_t j = 0; j < k; j++) g->top_logp[at + j] -= g->sampled[i].lse;
        if (k) rc = g->guide.top(g->guide.user, raml_row_job(g, r), g->top_token + at, g->top_logp + at, k, err);
    }
    return rc;
}

/* Is the row's next token forced? */
static bool force(const struct raml_generator *g, struct raml_row *r)
{
    r->token = g->guide.force ? g->guide.force(g->guide.user, raml_row_job(g, r), &r->out) : -1;
    r->logp = r->mu_logp = NAN;
    return r->token >= 0;
}

static void replace(const struct raml_generator *g, struct raml_row *r)
{
    if (!g->guide.replace) return;
    int32_t token = g->guide.replace(g->guide.user, raml_row_job(g, r), &r->out, r->token);
    if (token == r->token) return;
    r->token = token;
    r->logp = r->mu_logp = NAN;
}

static bool same_sampling(const struct raml_token_sampling *a, const struct raml_token_sampling *b)
{
    return a == b ||
           (a->temperature == b->temperature && a->top_p == b->top_p && a->min_p == b->min_p && a->top_k == b->top_k);
}

static const struct raml_token_sampling *sampling_of(const struct raml_generator *g, const struct raml_row *r)
{
    const struct raml_generate_own *own = g->job[r->job].own;
    return own ? &own->sampling : &g->opt.sampling;
}

static double uniform(const struct raml_generator *g, const struct raml_row *r)
{
    const struct raml_generate_job *j = &g->job[r->job];
    struct raml_key key = {.seed = j->own ? j->own->seed : g->opt.seed,
                           .purpose = RAML_FOR_SAMPLE,
                           .sample = j->sample,
                           .question = j->question,
                           .round = j->round};
    return raml_uniform(&key, j->first + r->out.n);
}

/* For the undecided rows from `first` on that sample as that one does. */
static enum raml_code choose_alike(struct raml_generator *g, size_t first, struct raml_err *err)
{
    const struct raml_token_sampling *o = sampling_of(g, &g->row[first]);
    size_t n = 0;
    for (size_t i = first; i < g->n_rows; i++) {
        struct raml_row *r = &g->row[i];
        if (!r->samples || !same_sampling(o, sampling_of(g, r))) continue;
        r->samples = false;
        g->u[n] = uniform(g, r);
        g->who[n++] = (uint32_t)i;
    }
    enum raml_code rc = sample(g, o, n, err);
    if (!rc) rc = tell_top(g, n, err);
    for (size_t i = 0; i < n && !rc; i++) replace(g, &g->row[g->who[i]]);
    return rc;
}

static enum raml_code choose_for_jobs(struct raml_generator *g, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < g->n_rows; i++) {
        struct raml_row *r = &g->row[i];
        r->samples = r->phase == RAML_ROW_WRITES && !r->decided && !r->ended && !force(g, r);
        if (r->samples && r->unread) return raml_fail(err, RAML_EUSAGE, "the token after a job's return is not forced");
    }
    for (size_t i = 0; i < g->n_rows && !rc; i++)
        if (g->row[i].samples) rc = choose_alike(g, i, err);
    return rc;
}

static enum raml_code choose_for_probes(struct raml_generator *g, struct raml_err *err)
{
    static const struct raml_token_sampling likeliest = {.temperature = 0, .top_p = 1};
    size_t n = 0;
    for (size_t i = 0; i < g->n_rows; i++) {
        if (g->row[i].phase != RAML_ROW_ANSWERS || g->row[i].decided) continue;
        g->u[n] = 0;
        g->who[n++] = (uint32_t)i;
    }
    return sample(g, &likeliest, n, err);
}

/* -- Taking -------------------------------------------------------------------------------------------------------- */
static enum raml_code check_token(const struct raml_generator *g, const struct raml_row *r, struct raml_err *err)
{
    char number[32];
    if (r->token >= 0 && (size_t)r->token < g->V) return RAML_OK;
    return raml_fail(err, RAML_ERANGE, "%s: token %d is outside the model's vocabulary of %zu",
                     raml_generate_name(&g->job[r->job], raml_row_job(g, r), number), r->token, g->V);
}

static enum raml_code take_for_job(struct raml_generator *g, struct raml_row *r, struct raml_err *err)
{
    const struct raml_generate_job *j = &g->job[r->job];
    enum raml_code rc = check_token(g, r, err);
    if (!rc) rc = raml_generated_add(&r->out, r->token, r->logp, r->mu_logp, err);
    if (rc) return rc;
    g->stats.tokens++;
    bool ends = false;
    for (size_t i = 0; i < g->opt.n_ends; i++) ends |= r->token == g->opt.end[i];
    if (g->guide.added) {
        bool guide_ends = false;
        rc = g->guide.added(g->guide.user, raml_row_job(g, r), &r->out, &guide_ends, err);
        ends |= guide_ends;
    }
    r->out.ended = ends;
    r->ended = ends || r->out.n >= j->max_tokens || j->n_text + r->out.n >= g->context;
    return rc || r->ended ? rc : raml_probe_ask(g, r, &r->probe_wanted, err);
}

/* A token for every row that does not read a cue; again for jobs whose probe ends with it. */
static enum raml_code choose_all(struct raml_generator *g, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (bool more = true; more && !rc;) {
        rc = choose_for_jobs(g, err);
        if (!rc) rc = choose_for_probes(g, err);
        more = false;
        for (size_t i = 0; i < g->n_rows && !rc; i++) {
            struct raml_row *r = &g->row[i];
            if (r->decided || r->ended || r->phase == RAML_ROW_READS_CUE) continue;
            r->decided = true;
            rc = r->phase == RAML_ROW_WRITES ? take_for_job(g, r, err) : raml_probe_take(g, r, err);
            more |= !r->decided && !r->ended;
        }
    }
    return rc;
}

/* Rows that have ended leave, the others close up. */
static enum raml_code leave(struct raml_generator *g, struct raml_err *err)
{
    size_t kept = 0;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < g->n_rows; i++) {
        struct raml_row *r = &g->row[i];
        if (!r->ended || rc) {
            struct raml_row keep = *r;
            g->row[kept++] = keep;
            continue;
        }
        raml_generate_release(g, r);
        g->done++;
        if (g->guide.done) rc = g->guide.done(g->guide.user, raml_row_job(g, r), &r->out, err);
        raml_generated_deinit(&r->out);
        raml_generated_deinit(&r->probe.answer);
    }
    g->n_rows = kept;
    return rc;
}

/* -- The step ------------------------------------------------------------------------------------------------------ */
static void list_row(struct raml_generator *g, size_t *n, struct raml_row *r)
{
    bool cue = r->phase == RAML_ROW_READS_CUE;
    r->at = *n;
    g->add[(*n)++] = (struct raml_cache_tokens){.node = r->phase == RAML_ROW_WRITES ? r->node : r->probe.node,
                                                .token = cue ? r->probe.what.cue : &r->token,
                                                .n = cue ? r->probe.what.n_cue : 1,
                                                .n_read = 1};
}

static enum raml_code step(struct raml_generator *g, struct raml_err *err)
{
    size_t n = 0;
    if (!g->n_rows) return RAML_OK;
    for (size_t i = 0; i < g->n_rows; i++)
        if (g->row[i].phase == RAML_ROW_WRITES) list_row(g, &n, &g->row[i]);
    for (size_t i = 0; i < g->n_rows; i++)
        if (g->row[i].phase != RAML_ROW_WRITES) list_row(g, &n, &g->row[i]);
    enum raml_code rc = raml_cache_append(g->cache, g->add, n, g->logits, err);
    g->stats.steps++;
    for (size_t i = 0; i < g->n_rows && !rc; i++) {
        struct raml_row *r = &g->row[i];
        r->decided = r->unread = false;
        if (r->phase == RAML_ROW_READS_CUE) rc = raml_probe_cue_read(g, r, err);
        else if (r->probe_wanted) rc = raml_probe_start(g, r, err);
        r->probe_wanted = false;
    }
    return rc;
}

/* A round. */
static enum raml_code round_of(struct raml_generator *g, struct raml_err *err)
{
    enum raml_code rc = admit(g, err);
    if (!rc) rc = choose_all(g, err);
    if (!rc) rc = leave(g, err);
    return rc ? rc : step(g, err);
}

enum raml_code raml_generator_round(struct raml_generator *g, struct raml_err *err)
{
    enum raml_code rc = raml_backend_settle(g->dev, g->done < g->submitted ? round_of(g, err) : RAML_OK, err);
    if (rc) raml_generator_drop(g);
    return rc;
}

enum raml_code raml_generator_drive(struct raml_generator *g, const struct raml_sink *sink, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    size_t before = g->done;
    while (!rc && g->done < g->submitted && g->done == before) {
        if (raml_should_stop(sink))
            rc = raml_fail(err, RAML_ESTOP, "sampling stopped after %zu of %zu samples", g->done, g->submitted);
        if (!rc) rc = round_of(g, err);
        raml_progress(sink, "sample", (double)g->done, (double)g->submitted, "samples", NULL);
    }
    rc = raml_backend_settle(g->dev, rc, err);
    if (rc) raml_generator_drop(g);
    return rc;
}
