/* sample.c - the queue of samples over the cache. See sample.h.
 *
 * Entry e of the queue is sample e % n of question e / n. Live rows are in the order of the queue, so samples of one
 * question are adjacent; a row that ends is removed and the others close up.
 */
#include "raml/sample.h"

#include "inner/sample_text.h"

#include "device/backend.h"

#include "model/cache.h"
#include "inner/sample_token.h"
#include "raml/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct row { /* a live sample */
    size_t entry;
    uint64_t hash; /* of the question */
    int node;      /* of the cache */
    struct raml_sampled out;
    int32_t token;       /* sampled in this round */
    size_t n_forced, at; /* of the list being forced: its length, and how many are done */
    const int32_t *forced;
    int continuations; /* left */
    bool ended;
};
struct prompt {    /* of one question */
    int node;      /* of the cache; -1: not computed, or no longer needed */
    float *logits; /* of the device: logits of what follows it */
    size_t left;   /* samples that have not ended */
};
struct sampler {
    const struct raml_model *m;
    const struct raml_device *dev;
    const struct raml_backend *b;
    const struct raml_sample_options *opt;
    const struct raml_questions *qs;
    struct sample_texts texts;
    struct raml_cache *cache;
    struct raml_tokens *prompt_tokens; /* [qs->n] */
    struct prompt *prompt;             /* [qs->n] */
    struct raml_sampled *finished;     /* [qs->n * n] */
    struct row *row;                   /* [batch_size] */
    size_t n_rows, next, total, V, context, delivered;
    size_t n_tokens; /* the tokenizer's; V may be larger */
    float *logits;   /* of the device: [batch_size, V] */
    struct raml_token_sampler *token_sampler;
    struct raml_cache_tokens *add; /* [batch_size], as all that follows */
    uint32_t *sampling;            /* rows that sample their token in this round, and for those: */
    double *u;
    struct raml_sampled_token *sampled;
};

struct raml_sample_options raml_sample_default(void)
{
    return (struct raml_sample_options){
        .n = 1, .batch_size = 64, .max_completion_length = 512, .temperature = 1, .top_p = 1};
}

static enum raml_code check(const struct raml_sample_options *o, struct raml_err *err)
{
    if (o->n < 1 || o->batch_size < 1 || o->max_completion_length < 1)
        return raml_fail(err, RAML_EUSAGE, "sampling: expected at least 1 sample, 1 row and 1 token");
    struct raml_token_sampling p = {o->temperature, o->top_p, o->min_p, o->top_k};
    return raml_token_sampling_check(&p, err);
}

/* The cache of batch_size rows that has space for `tokens` tokens of each. */
static struct raml_cache_options cache_options(const struct raml_sample_options *o, size_t tokens)
{
    size_t pages = (tokens + RAML_TILE - 1) / RAML_TILE;
    return (struct raml_cache_options){.max_rows = o->batch_size, .max_tokens = o->batch_size * pages * RAML_TILE};
}

size_t raml_sample_estimate(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev,
                            const struct raml_sample_options *opt, size_t tokens)
{
    const struct sampler *s = NULL; /* for the sizes of what it points to */
    struct raml_cache_options o = cache_options(opt, tokens);
    size_t V = (size_t)c->vocab_size, B = opt->batch_size;
    size_t row = sizeof *s->row + sizeof *s->add + sizeof *s->sampling + sizeof *s->u + sizeof *s->sampled;
    return raml_cache_estimate(c, dtype, dev, &o) + B * (V * sizeof *s->logits + row) +
           raml_token_sampler_estimate(dev, B, V, opt->top_k > 0 || opt->top_p < 1);
}

/* Of a cache for `rows` rows and that many pages of tokens. */
static size_t cache_bytes(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev,
                          size_t rows, size_t pages)
{
    struct raml_cache_options o = {.max_rows = rows, .max_tokens = pages * RAML_TILE};
    return raml_cache_estimate(c, dtype, dev, &o);
}

size_t raml_sample_token_bytes(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev)
{
    return (cache_bytes(c, dtype, dev, 1, 2) - cache_bytes(c, dtype, dev, 1, 1)) / RAML_TILE;
}

size_t raml_sample_prompt_bytes(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev,
                                size_t n_prompts)
{
    return cache_bytes(c, dtype, dev, n_prompts, 1) - cache_bytes(c, dtype, dev, 1, 1);
}

/* -- Prompts ------------------------------------------------------------------------------------------------------- */
static enum raml_code encode_prompts(struct sampler *s, const struct raml_tokenizer *t, const struct raml_format *f,
                                     size_t *longest, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < s->qs->n && !rc; i++) {
        const struct raml_question *q = &s->qs->question[i];
        rc = raml_format_prompt(f, t, q->question, &s->prompt_tokens[i], err);
        if (!rc && s->opt->answer_only) rc = raml_format_answer_prefix(f, t, &s->prompt_tokens[i], err);
        if (!rc && s->prompt_tokens[i].n >= s->context)
            rc = raml_fail(err, RAML_ERANGE,
                           "question '%s' (line %zu): its prompt of %zu tokens fills the model's context of %zu",
                           q->id ? q->id : "?", q->line, s->prompt_tokens[i].n, s->context);
        if (s->prompt_tokens[i].n > *longest) *longest = s->prompt_tokens[i].n;
    }
    return rc;
}

/* Computes the prompts of all questions that enter next, `n_free` rows at most. */
static enum raml_code compute_prompts(struct sampler *s, size_t n_free, struct raml_err *err)
{
    size_t last = s->next + n_free < s->total ? s->next + n_free : s->total, n = 0;
    size_t q0 = s->next / s->opt->n, q1 = (last + s->opt->n - 1) / s->opt->n;
    while (q0 < q1 && s->prompt[q0].node >= 0) q0++;
    if (q0 == q1) return RAML_OK;
    n = q1 - q0;
    struct raml_cache_tokens *add = calloc(n, sizeof *add);
    float *logits = s->b->alloc(s->dev, n * s->V, sizeof *logits);
    enum raml_code rc = add && logits ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %zu prompts", n);
    for (size_t i = 0; i < n && !rc; i++) {
        struct prompt *p = &s->prompt[q0 + i];
        const struct raml_tokens *t = &s->prompt_tokens[q0 + i];
        p->logits = s->b->alloc(s->dev, s->V, sizeof(float));
        if (!p->logits) rc = raml_fail(err, RAML_ENOMEM, "no memory for a prompt's logits");
        if (!rc) rc = raml_cache_add(s->cache, -1, 0, &p->node, err);
        add[i] = (struct raml_cache_tokens){p->node, t->id, t->n, 1};
        p->left = s->opt->n;
    }
    if (!rc) rc = raml_cache_append(s->cache, add, n, logits, err);
    for (size_t i = 0; i < n && !rc; i++)
        s->b->copy(s->dev, s->prompt[q0 + i].logits, logits + i * s->V, s->V * sizeof(float));
    free(add);
    raml_array_free(s->dev, logits);
    return rc;
}

static enum raml_code admit(struct sampler *s, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    if (s->n_rows < s->opt->batch_size && s->next < s->total)
        rc = compute_prompts(s, s->opt->batch_size - s->n_rows, err);
    while (s->n_rows < s->opt->batch_size && s->next < s->total && !rc) {
        struct prompt *p = &s->prompt[s->next / s->opt->n];
        struct row *r = &s->row[s->n_rows];
        *r = (struct row){.entry = s->next,
                          .hash = raml_question_hash(s->qs->question[s->next / s->opt->n].question),
                          .continuations = s->opt->force_continuation};
        raml_sampled_begin(&s->texts, &r->out);
        rc = raml_cache_add(s->cache, p->node, raml_cache_length(s->cache, p->node), &r->node, err);
        if (rc) break;
        s->b->copy(s->dev, s->logits + s->n_rows * s->V, p->logits, s->V * sizeof(float));
        s->n_rows++;
        if (++s->next % s->opt->n == 0) { /* its last sample */
            raml_array_free(s->dev, p->logits);
            p->logits = NULL;
        }
    }
    return rc;
}

/* -- One round ----------------------------------------------------------------------------------------------------- */
/* Is the next token fixed? Then the row has it. */
static bool force(const struct sampler *s, struct row *r)
{
    const struct sample_texts *x = &s->texts;
    bool closing = r->n_forced && r->forced == x->answer_prefix.id;
    /* in the middle of a continuation too */
    if (!closing && r->out.thinking && s->opt->think_budget && r->out.n_think >= s->opt->think_budget) {
        r->forced = x->answer_prefix.id;
        r->n_forced = x->answer_prefix.n;
        r->at = 0;
        r->out.budget_hit = true;
    }
    if (!r->n_forced) return false;
    r->token = r->forced[r->at++];
    if (r->at == r->n_forced) r->n_forced = 0;
    return true;
}

static void take(const struct sampler *s, struct row *r, const struct raml_sampled_token *p)
{
    const struct sample_texts *x = &s->texts;
    r->token = p->token;
    if (r->out.thinking && r->continuations > 0 && p->token == x->close.id[0] &&
        x->continuation.n) { /* it is one token: set_up */
        r->continuations--;
        r->forced = x->continuation.id;
        r->n_forced = x->continuation.n > 1 ? x->continuation.n : 0;
        r->at = 1;
        r->token = x->continuation.id[0];
        return;
    }
    r->out.logp_sum += p->logp;
}

/* A token for every row. */
static enum raml_code choose(struct sampler *s, struct raml_err *err)
{
    const struct raml_token_sampling o = {s->opt->temperature, s->opt->top_p, s->opt->min_p, s->opt->top_k};
    size_t n = 0;
    for (size_t i = 0; i < s->n_rows; i++) {
        struct row *r = &s->row[i];
        if (force(s, r)) continue;
        struct raml_key key = {.seed = s->opt->seed,
                               .purpose = RAML_FOR_SAMPLE,
                               .sample = (uint32_t)(r->entry % s->opt->n),
                               .question = r->hash};
        s->u[n] = raml_uniform(&key, r->out.n);
        s->sampling[n++] = (uint32_t)i;
    }
    if (!n) return RAML_OK;
    enum raml_code rc =
        raml_sample_tokens(s->token_sampler, s->logits, s->sampling, s->u, n, s->n_tokens, &o, s->sampled, err);
    for (size_t k = 0; k < n && rc == RAML_ERANGE; k++)
        if (s->sampled[k].token < 0)
            return raml_fail(err, RAML_ERANGE, "question '%s': the model's logits are not finite",
                             s->qs->question[s->row[s->sampling[k]].entry / s->opt->n].id);
    for (size_t k = 0; k < n && !rc; k++) take(s, &s->row[s->sampling[k]], &s->sampled[k]);
    return rc;
}

static bool rule_ends(const struct sampler *s, const struct row *r)
{
    const struct raml_sample_so_far so_far = {.question = r->entry / s->opt->n,
                                              .sample = r->entry % s->opt->n,
                                              .token = r->out.token,
                                              .n = r->out.n,
                                              .thinking = r->out.thinking};
    return s->opt->ends && s->opt->ends(s->opt->ends_user, &so_far);
}

/* Appends the sampled token and checks whether thinking or the sample ends with it. */
static enum raml_code append(struct sampler *s, struct row *r, struct raml_err *err)
{
    const struct sample_texts *x = &s->texts;
    enum raml_code rc = raml_sampled_add(&r->out, r->token, err);
    if (rc) return rc;
    size_t n = r->out.n, length = s->prompt_tokens[r->entry / s->opt->n].n + n;
    bool end = raml_sampled_follow(x, &r->out);
    if (r->out.thinking && r->out.budget_hit && !r->n_forced) { /* an answer prefix that does not close thinking */
        r->out.thinking = false;
        r->out.closed = true;
        r->out.answer_at = x->boxed ? n - x->answer_prefix.n : n;
    }
    if (!end && (!r->out.thinking || !x->thinks) && s->opt->stop)
        rc = raml_sampled_has(x, &r->out, s->opt->stop, &end, err);
    if (!rc && !end) end = rule_ends(s, r);
    if (end || n >= s->opt->max_completion_length || length >= s->context) {
        r->ended = true;
        r->out.finish_reason = end ? "stop" : "length";
    }
    return rc;
}

/* The node of a sample that ended, and of its prompt with the last one. */
static void drop(struct sampler *s, const struct row *r)
{
    struct prompt *p = &s->prompt[r->entry / s->opt->n];
    raml_cache_drop(s->cache, --p->left ? r->node : p->node);
}

static enum raml_code choose_all(struct sampler *s, struct raml_err *err)
{
    size_t kept = 0;
    enum raml_code rc = choose(s, err);
    for (size_t i = 0; i < s->n_rows && !rc; i++) {
        struct row *r = &s->row[i];
        rc = append(s, r, err);
        if (r->ended) {
            drop(s, r);
            s->finished[r->entry] = r->out;
            s->finished[r->entry].done = true;
            r->out = (struct raml_sampled){0};
        } else {
            struct row keep = *r;
            r->out = (struct raml_sampled){0};
            s->row[kept++] = keep;
        }
    }
    if (!rc) s->n_rows = kept;
    return rc;
}

static enum raml_code step(struct sampler *s, struct raml_err *err)
{
    for (size_t i = 0; i < s->n_rows; i++)
        s->add[i] = (struct raml_cache_tokens){s->row[i].node, &s->row[i].token, 1, 1};
    return raml_cache_append(s->cache, s->add, s->n_rows, s->logits, err);
}

/* Hands over the questions whose samples are complete, in order. */
static enum raml_code deliver(struct sampler *s, struct raml_questions *out, struct raml_sample_stats *stats,
                              struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (; s->delivered < s->qs->n && !rc; s->delivered++) {
        struct raml_sampled *x = s->finished + s->delivered * s->opt->n;
        for (size_t k = 0; k < s->opt->n; k++)
            if (!x[k].done) return RAML_OK;
        rc = raml_sampled_deliver(&s->texts, &s->qs->question[s->delivered], x, s->opt->n, s->opt->seed, out, stats,
                                  err);
        for (size_t k = 0; k < s->opt->n; k++) {
            free(x[k].token);
            x[k].token = NULL;
        }
    }
    return rc;
}

/* -- Set-up -------------------------------------------------------------------------------------------------------- */
static enum raml_code set_up(struct sampler *s, const struct raml_tokenizer *t, const struct raml_format *f,
                             struct raml_err *err)
{
    size_t B = s->opt->batch_size, longest = 0;
    s->V = (size_t)raml_model_config(s->m)->vocab_size;
    s->n_tokens = (size_t)raml_tokenizer_size(t);
    s->context = (size_t)raml_model_config(s->m)->max_positions;
    s->total = s->qs->n * s->opt->n;
    s->prompt_tokens = calloc(s->qs->n + 1, sizeof *s->prompt_tokens);
    s->prompt = calloc(s->qs->n + 1, sizeof *s->prompt);
    s->finished = calloc(s->total + 1, sizeof *s->finished);
    s->row = calloc(B, sizeof *s->row);
    s->logits = s->b->alloc(s->dev, B * s->V, sizeof *s->logits);
    s->add = calloc(B, sizeof *s->add);
    s->sampling = calloc(B, sizeof *s->sampling);
    s->u = calloc(B, sizeof *s->u);
    s->sampled = calloc(B, sizeof *s->sampled);
    if (!s->prompt_tokens || !s->prompt || !s->finished || !s->row || !s->logits || !s->add || !s->sampling || !s->u ||
        !s->sampled)
        return raml_fail(err, RAML_ENOMEM, "no memory to sample %zu questions", s->qs->n);
    for (size_t i = 0; i < s->qs->n; i++) s->prompt[i].node = -1;
    enum raml_code rc = raml_token_sampler_open(s->dev, B, s->V, &s->token_sampler, err);
    if (!rc) rc = raml_sample_texts_init(&s->texts, t, f, err);
    s->texts.stop_text = s->opt->stop;
    s->texts.answer_only = s->opt->answer_only;
    s->texts.eos = s->opt->eos;
    s->texts.n_eos = s->opt->n_eos;
    /* a longer one is recognised when complete: too late to swap */
    if (!rc && s->opt->force_continuation > 0 && s->texts.close.n != 1)
        rc = raml_fail(err, RAML_EUSAGE, "force_continuation: the text that closes thinking has %zu tokens, expected 1",
                       s->texts.close.n);
    if (!rc) rc = encode_prompts(s, t, f, &longest, err);
    if (rc) return rc;
    size_t own = s->opt->max_completion_length < s->context ? s->opt->max_completion_length : s->context;
    /* every live row may hold a prompt of its own; more are computed while the last ones are still in use */
    size_t pages = own / RAML_TILE + 1 + 2 * (longest / RAML_TILE + 1);
    struct raml_cache_options o = cache_options(s->opt, pages * RAML_TILE);
    return raml_cache_open(s->m, &o, &s->cache, err);
}

static void tear_down(struct sampler *s)
{
    for (size_t i = 0; s->prompt_tokens && i < s->qs->n; i++) raml_tokens_deinit(&s->prompt_tokens[i]);
    for (size_t i = 0; s->prompt && i < s->qs->n; i++) raml_array_free(s->dev, s->prompt[i].logits);
    for (size_t i = 0; s->finished && i < s->total; i++) free(s->finished[i].token);
    for (size_t i = 0; s->row && i < s->n_rows; i++) free(s->row[i].out.token);
    raml_sample_texts_deinit(&s->texts);
    raml_cache_close(s->cache);
    free(s->prompt_tokens);
    free(s->prompt);
    free(s->finished);
    free(s->row);
    raml_array_free(s->dev, s->logits);
    raml_token_sampler_close(s->token_sampler);
    free(s->add);
    free(s->sampling);
    free(s->u);
    free(s->sampled);
}

enum raml_code raml_sample_questions(const struct raml_model *m, const struct raml_tokenizer *t,
                                     const struct raml_format *f, const struct raml_questions *qs,
                                     const struct raml_sample_options *opt, struct raml_questions *out,
                                     struct raml_sample_stats *stats, const struct raml_sink *sink,
                                     struct raml_err *err)
{
    struct sampler s = {.m = m, .opt = opt, .qs = qs, .dev = raml_model_device(m)};
    s.b = raml_backend_of(s.dev);
    *stats = (struct raml_sample_stats){0};
    enum raml_code rc = check(opt, err);
    if (!rc) rc = set_up(&s, t, f, err);
    while (!rc && (s.next < s.total || s.n_rows)) {
        rc = admit(&s, err);
        if (!rc) rc = choose_all(&s, err);
        if (!rc) rc = deliver(&s, out, stats, err);
        if (!rc) rc = step(&s, err);
        raml_progress(sink, "sample", (double)(s.delivered * opt->n), (double)s.total, "samples", NULL);
        if (!rc && raml_should_stop(sink))
            rc = raml_fail(err, RAML_ESTOP, "sampling stopped after %zu questions", s.delivered);
    }
    rc = raml_backend_settle(s.dev, rc, err);
    tear_down(&s);
    return rc;
}
