/* generate.c - the rounds of generation. See generate.h.
 *
 * A round: jobs enter; every row's next token is chosen from what the last step said follows, or forced; tokens are
 * taken, jobs end; the tokens of all rows are appended in one step. Rows are in the order of jobs; in a step those of
 * probes come last, so that samples of one text are adjacent.
 */
#include "inner/generate_parts.h"

#include "raml/rng.h"

#include <math.h>
#include <stdlib.h>

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
/* Tokens for the rows who[0..n). */
static enum raml_code sample(struct raml_generator *g, const struct raml_token_sampling *o, size_t n,
                             struct raml_err *err)
{
    char number[32];
    if (!n) return RAML_OK;
    for (size_t i = 0; i < n; i++) g->at[i] = (uint32_t)g->row[g->who[i]].at;
    enum raml_code rc = raml_sample_tokens(g->sampler, g->logits, g->at, g->u, n, g->allowed, o, g->sampled, err);
    for (size_t i = 0; i < n && rc == RAML_ERANGE; i++)
        if (g->sampled[i].token < 0)
            return raml_fail(err, RAML_ERANGE, "%s: the model's logits are not finite",
                             raml_generate_name(g, g->row[g->who[i]].job, number));
    for (size_t i = 0; i < n && !rc; i++) {
        struct raml_row *r = &g->row[g->who[i]];
        r->token = g->sampled[i].token;
        r->logp = g->sampled[i].logp;
    }
    return rc;
}

/* Is the row's next token forced? */
static bool force(const struct raml_generator *g, struct raml_row *r)
{
    r->token = g->guide->force ? g->guide->force(g->guide->user, r->job, &r->out) : -1;
    r->logp = NAN;
    return r->token >= 0;
}

static void replace(const struct raml_generator *g, struct raml_row *r)
{
    if (!g->guide->replace) return;
    int32_t token = g->guide->replace(g->guide->user, r->job, &r->out, r->token);
    if (token == r->token) return;
    r->token = token;
    r->logp = NAN;
}

static enum raml_code choose_for_jobs(struct raml_generator *g, struct raml_err *err)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n_rows; i++) {
        struct raml_row *r = &g->row[i];
        if (r->phase != RAML_ROW_WRITES || r->decided || r->ended) continue;
        if (force(g, r)) continue;
        if (r->unread) return raml_fail(err, RAML_EUSAGE, "the token after a job's return is not forced");
        const struct raml_generate_job *j = &g->job[r->job];
        struct raml_key key = {
            .seed = g->opt->seed, .purpose = RAML_FOR_SAMPLE, .sample = j->sample, .question = j->question};
        g->u[n] = raml_uniform(&key, j->first + r->out.n);
        g->who[n++] = (uint32_t)i;
    }
    enum raml_code rc = sample(g, &g->opt->sampling, n, err);
    for (size_t i = 0; i < n && !rc; i++) replace(g, &g->row[g->who[i]]);
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
                     raml_generate_name(g, r->job, number), r->token, g->V);
}

static enum raml_code take_for_job(struct raml_generator *g, struct raml_row *r, struct raml_err *err)
{
    const struct raml_generate_job *j = &g->job[r->job];
    enum raml_code rc = check_token(g, r, err);
    if (!rc) rc = raml_generated_add(&r->out, r->token, r->logp, err);
    if (rc) return rc;
    g->stats.tokens++;
    bool ends = false;
    for (size_t i = 0; i < g->opt->n_ends; i++) ends |= r->token == g->opt->end[i];
    if (g->guide->added) {
        bool guide_ends = false;
        rc = g->guide->added(g->guide->user, r->job, &r->out, &guide_ends, err);
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
        if (g->guide->done) rc = g->guide->done(g->guide->user, r->job, &r->out, err);
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

/* -- Set-up -------------------------------------------------------------------------------------------------------- */
static enum raml_code check_job(const struct raml_generator *g, size_t i, struct raml_err *err)
{
    const struct raml_generate_job *j = &g->job[i];
    char number[32];
    const char *name = raml_generate_name(g, i, number);
    if (!j->n_text) return raml_fail(err, RAML_ERANGE, "%s: its text has no tokens; expected at least one", name);
    if (j->n_text >= g->context)
        return raml_fail(err, RAML_ERANGE, "%s: its text of %zu tokens fills the model's context of %zu", name,
                         j->n_text, g->context);
    if (!j->max_tokens) return raml_fail(err, RAML_EUSAGE, "%s: max_tokens is 0, expected at least 1", name);
    bool same = i && g->job[i - 1].text == j->text && g->job[i - 1].n_text == j->n_text; /* it has been checked */
    for (size_t k = 0; k < j->n_text && !same; k++)
        if (j->text[k] < 0 || (size_t)j->text[k] >= g->V)
            return raml_fail(err, RAML_ERANGE, "%s: token %zu is %d, outside the model's vocabulary of %zu", name,
                             k + 1, j->text[k], g->V);
    return RAML_OK;
}

static enum raml_code check(const struct raml_generator *g, struct raml_err *err)
{
    if (g->opt->batch_size < 1) return raml_fail(err, RAML_EUSAGE, "batch_size is 0, expected at least 1");
    if (g->guide->wants_probe && !g->opt->probe_tokens)
        return raml_fail(err, RAML_EUSAGE, "probe_tokens is 0, but probes may be wanted");
    enum raml_code rc = raml_token_sampling_check(&g->opt->sampling, err);
    for (size_t i = 0; i < g->n_jobs && !rc; i++) rc = check_job(g, i, err);
    return rc;
}

static enum raml_code open_states(struct raml_generator *g, struct raml_err *err)
{
    enum raml_code rc = raml_texts_init(&g->texts, g->job, g->n_jobs, err);
    if (rc) return rc;
    g->state = calloc(g->texts.n, sizeof *g->state);
    if (!g->state) return raml_fail(err, RAML_ENOMEM, "no memory for %zu texts", g->texts.n);
    for (size_t i = 0; i < g->texts.n; i++) {
        const struct raml_text *t = &g->texts.text[i];
        g->state[i] = (struct raml_text_state){.node = -1, .users = t->n_jobs + t->n_kids, .waiting = t->n_jobs};
    }
    return RAML_OK;
}

static enum raml_code open_rows(struct raml_generator *g, struct raml_err *err)
{
    size_t B = g->B;
    bool probes = g->guide->wants_probe;
    g->row = calloc(B, sizeof *g->row);
    g->add = calloc(B, sizeof *g->add);
    g->free_slot = calloc(B, sizeof *g->free_slot);
    g->who = calloc(B, sizeof *g->who);
    g->at = calloc(B, sizeof *g->at);
    g->u = calloc(B, sizeof *g->u);
    g->sampled = calloc(B, sizeof *g->sampled);
    g->logits = g->b->alloc(g->dev, B * g->V, sizeof *g->logits);
    if (probes) g->kept = g->b->alloc(g->dev, B * g->V, sizeof *g->kept);
    if (probes) g->ends = raml_array_new(g->dev, 8, sizeof *g->ends);
    if (!g->row || !g->add || !g->free_slot || !g->who || !g->at || !g->u || !g->sampled || !g->logits ||
        (probes && (!g->kept || !g->ends)))
        return raml_fail(err, RAML_ENOMEM, "no memory for %zu samples in progress", B);
    for (size_t i = 0; i < B; i++) g->free_slot[g->n_free_slots++] = B - 1 - i;
    return raml_token_sampler_open(g->dev, B, g->V, &g->sampler, err);
}

size_t raml_generate_estimate(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev,
                              const struct raml_generate_options *opt)
{
    const struct raml_generator *g = NULL; /* for the sizes of what it points to */
    const struct raml_token_sampling *o = &opt->sampling;
    struct raml_cache_options cache = {.max_rows = opt->batch_size, .max_tokens = opt->pool_tokens};
    size_t V = (size_t)c->vocab_size, B = opt->batch_size, logits = (opt->probe_tokens ? 2 : 1) * V * sizeof *g->logits;
    size_t row = sizeof *g->row + sizeof *g->add + sizeof *g->free_slot + sizeof *g->who + sizeof *g->at +
                 sizeof *g->u + sizeof *g->sampled;
    return raml_cache_estimate(c, dtype, dev, &cache) + B * (logits + row) +
           raml_token_sampler_estimate(dev, B, V, o->top_k > 0 || o->top_p < 1);
}

static enum raml_code set_up(struct raml_generator *g, struct raml_err *err)
{
    enum raml_code rc = open_states(g, err);
    if (!rc) rc = open_rows(g, err);
    if (rc) return rc;
    g->pages = g->opt->pool_tokens ? raml_pages_of(g->opt->pool_tokens) : raml_generate_pool(g);
    struct raml_cache_options o = {.max_rows = g->B, .max_tokens = g->pages * RAML_KEYS};
    return raml_cache_open(g->m, &o, &g->cache, err);
}

static void tear_down(struct raml_generator *g)
{
    for (size_t i = 0; i < g->n_rows; i++) {
        raml_generated_deinit(&g->row[i].out);
        raml_generated_deinit(&g->row[i].probe.answer);
    }
    for (size_t i = 0; g->state && i < g->texts.n; i++) raml_array_free(g->dev, g->state[i].logits);
    raml_cache_close(g->cache);
    raml_token_sampler_close(g->sampler);
    raml_texts_deinit(&g->texts);
    raml_array_free(g->dev, g->logits);
    raml_array_free(g->dev, g->kept);
    raml_array_free(g->dev, g->ends);
    free(g->state);
    free(g->reading.text);
    free(g->reading.add);
    free(g->reading.added);
    free(g->row);
    free(g->add);
    free(g->free_slot);
    free(g->who);
    free(g->at);
    free(g->u);
    free(g->sampled);
}

enum raml_code raml_generate(const struct raml_model *m, const struct raml_generate_options *opt,
                             const struct raml_generate_job *job, size_t n_jobs,
                             const struct raml_generate_guide *guide, struct raml_generate_stats *stats,
                             const struct raml_sink *sink, struct raml_err *err)
{
    static const struct raml_generate_guide none = {0};
    const struct raml_device *dev = raml_model_device(m);
    struct raml_generator g = {.m = m,
                               .dev = dev,
                               .b = raml_backend_of(dev),
                               .opt = opt,
                               .job = job,
                               .n_jobs = n_jobs,
                               .guide = guide ? guide : &none,
                               .V = (size_t)raml_model_config(m)->vocab_size,
                               .context = (size_t)raml_model_config(m)->max_positions};
    g.B = opt->batch_size < n_jobs ? opt->batch_size : n_jobs;
    g.allowed = opt->allowed ? opt->allowed : g.V;
    enum raml_code rc = check(&g, err);
    if (!rc && n_jobs) rc = set_up(&g, err);
    while (!rc && g.done < n_jobs) {
        rc = admit(&g, err);
        if (!rc) rc = choose_all(&g, err);
        if (!rc) rc = leave(&g, err);
        if (!rc) rc = step(&g, err);
        raml_progress(sink, "sample", (double)g.done, (double)n_jobs, "samples", NULL);
        if (!rc && g.done < n_jobs && raml_should_stop(sink))
            rc = raml_fail(err, RAML_ESTOP, "sampling stopped after %zu of %zu samples", g.done, n_jobs);
    }
    rc = raml_backend_settle(dev, rc, err);
    tear_down(&g);
    if (stats) *stats = g.stats;
    return rc;
}
