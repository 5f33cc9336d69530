/* write.c - completions: choices as jobs of generation (inner/generate.h), which share what their prompts begin with.
 * See parts.h. */
#include "serve/parts.h"

#include "core/array.h"

#include <stdlib.h>
#include <string.h>

struct group { /* its prompts live until the last of its choices has ended */
    struct group *next;
    size_t left;                 /* choices that have not ended */
    struct raml_exchange **held; /* [n_held] */
    size_t n_held, cap;
};

/* -- A choice -------------------------------------------------------------------------------------------------------- */
void raml_serve_choice_done(struct exchange_choice *c, const char *finish)
{
    struct raml_exchange *x = c->x;
    if (c->done) return;
    if (!c->finish) c->finish = finish;
    c->done = true;
    x->fresh = true;
    x->n_done++;
    x->completion_tokens += c->n;
}

static enum raml_code grow(struct exchange_choice *c, struct raml_err *err)
{
    size_t cap_token = c->cap, cap_logp = c->cap, cap_at = c->cap;
    enum raml_code rc = RAML_GROW(c->token, cap_token, c->n + 1, "tokens", err);
    if (!rc) rc = RAML_GROW(c->logp, cap_logp, c->n + 1, "tokens", err);
    if (!rc) rc = RAML_GROW(c->at, cap_at, c->n + 1, "tokens", err);
    if (!rc) c->cap = cap_at;
    return rc;
}

static bool is_end(const struct raml_exchange *x, struct exchange_choice *c, int32_t token)
{
    const struct raml_serve_options *o = &x->s->opt;
    for (size_t i = 0; i < x->request.stop_token.n; i++)
        if (x->request.stop_token.id[i] == token) {
            c->stop_token = token;
            return true;
        }
    for (size_t i = 0; i < o->n_eos && !x->request.ignore_eos; i++)
        if (o->eos[i] == token) return true;
    return false;
}

/* Does its text hold a stop now? before: its length before the last token. */
static bool reaches_stop(struct exchange_choice *c, size_t before)
{
    const struct api_request *r = &c->x->request;
    size_t longest = 1;
    for (int64_t i = 0; i < r->n_stops; i++)
        if (r->stop[i].n > longest) longest = r->stop[i].n;
    size_t from = before > longest - 1 ? before - (longest - 1) : 0;
    c->n_text = c->text.len;
    if (!c->text.data) return false;
    size_t at = raml_serve_find_stop(r, c->text.data, c->text.len, from, &c->stop);
    if (c->stop >= 0) c->n_text = at + (r->keep_stop ? r->stop[c->stop].n : 0);
    return c->stop >= 0;
}

bool raml_serve_choice_add(struct exchange_choice *c, int32_t token, float logp, struct raml_err *err)
{
    struct raml_exchange *x = c->x;
    const struct raml_tokenizer *t = x->s->tokenizer;
    if (grow(c, err)) return true;
    size_t before = c->text.len;
    c->token[c->n] = token;
    c->logp[c->n] = logp;
    c->at[c->n++] = before;
    x->fresh = true;
    bool ends = is_end(x, c, token);
    if (!ends && !(x->request.skip_special && token < raml_tokenizer_size(t) && raml_tokenizer_is_special(t, token))) {
        const char *bytes;
        size_t n;
        raml_serve_piece(t, token, &bytes, &n);
        raml_buf_add(&c->text, bytes, n);
        ends = reaches_stop(c, before);
    }
    if (ends) c->finish = "stop";
    return ends;
}

static enum raml_code add_top(struct exchange_choice *c, const int32_t *token, const float *logp, size_t k,
                              struct raml_err *err)
{
    size_t cap_token = c->cap_top, cap_logp = c->cap_top;
    enum raml_code rc = RAML_GROW(c->top.token, cap_token, (c->n_top + 1) * k, "likeliest tokens", err);
    if (!rc) rc = RAML_GROW(c->top.logp, cap_logp, (c->n_top + 1) * k, "likeliest tokens", err);
    if (rc) return rc;
    c->cap_top = cap_logp;
    memcpy(c->top.token + c->n_top * k, token, k * sizeof *token);
    memcpy(c->top.logp + c->n_top * k, logp, k * sizeof *logp);
    c->n_top++;
    return RAML_OK;
}

/* -- The guide ------------------------------------------------------------------------------------------------------- */
static struct exchange_choice *choice_of(const struct raml_server *s, size_t job)
{
    return raml_generator_job(s->generator, job)->user;
}

static enum raml_code top(void *user, size_t job, const int32_t *token, const float *logp, size_t n,
                          struct raml_err *err)
{
    return add_top(choice_of(user, job), token, logp, n, err);
}

static enum raml_code added(void *user, size_t job, const struct raml_generated *so_far, bool *ends,
                            struct raml_err *err)
{
    struct exchange_choice *c = choice_of(user, job);
    struct raml_err why = {0};
    *ends = c->x->dead || raml_serve_choice_add(c, so_far->token[so_far->n - 1], so_far->logp[so_far->n - 1], &why);
    if (why.code) return raml_fail(err, why.code, "%s", why.msg);
    return raml_buf_status(&c->text, err);
}

static void forget_group(struct raml_server *s, struct group *g)
{
    struct group **at = &s->groups;
    while (*at != g) at = &(*at)->next;
    *at = g->next;
    for (size_t i = 0; i < g->n_held; i++) raml_exchange_release(g->held[i]);
    free(g->held);
    free(g);
}

static enum raml_code done(void *user, size_t job, struct raml_generated *g, struct raml_err *err)
{
    struct raml_server *s = user;
    struct exchange_choice *c = choice_of(s, job);
    struct group *group = c->group;
    (void)g, (void)err;
    raml_serve_choice_done(c, "length");
    c->x->n_jobs--;
    if (--group->left == 0) forget_group(s, group);
    return RAML_OK;
}

enum raml_code raml_serve_write_open(struct raml_server *s, struct raml_err *err)
{
    const struct raml_generate_guide guide = {.user = s, .top = top, .added = added, .done = done};
    const struct raml_generate_options o = {.batch_size = (size_t)s->opt.batch_size,
                                            .sampling = {.temperature = 1, .top_p = 1},
                                            .allowed = (size_t)raml_tokenizer_size(s->tokenizer),
                                            .max_top = (size_t)s->opt.max_logprobs,
                                            .pool_tokens = (size_t)s->opt.cache_tokens};
    return raml_generator_open(s->model, &o, &guide, &s->generator, err);
}

void raml_serve_write_drop(struct raml_server *s)
{
    raml_generator_drop(s->generator);
    for (struct raml_exchange *x = s->working; x; x = x->next) x->n_jobs = 0;
    while (s->groups) forget_group(s, s->groups);
}

/* -- Jobs ------------------------------------------------------------------------------------------------------------ */
struct batch { /* of jobs that are submitted together */
    struct raml_server *s;
    struct raml_generate_job *job;
    size_t n, cap, number; /* number: of groups so far */
    struct group *group;   /* to which prompts are being added; NULL: none */
    size_t pages, own;     /* of the group's prompts, and of its longest completion */
};

static size_t pages_of(size_t tokens)
{
    return (tokens + RAML_TILE - 1) / RAML_TILE;
}

/* The group for a prompt of x: what is in a group fits the cache, whatever it shares. */
static enum raml_code choose_group(struct batch *b, struct raml_exchange *x, size_t prompt, struct raml_err *err)
{
    const struct api_prompt *p = &x->request.prompt[prompt];
    struct raml_server *s = b->s;
    size_t pages = pages_of(p->token.n), own = pages_of(raml_serve_max_tokens(&x->request, p, s->limits.max_len));
    size_t most = own > b->own ? own : b->own;
    bool held = b->group && b->group->n_held && b->group->held[b->group->n_held - 1] == x;
    if (!b->group || (!s->across && !held) || b->pages + pages + most > pages_of((size_t)s->opt.cache_tokens)) {
        struct group *g = calloc(1, sizeof *g);
        if (!g) return raml_fail(err, RAML_ENOMEM, "no memory for a group of requests");
        g->next = s->groups;
        s->groups = b->group = g;
        b->number++;
        b->pages = 0;
        most = own;
        held = false;
    }
    b->pages += pages;
    b->own = most;
    if (held) return RAML_OK;
    enum raml_code rc = RAML_GROW(b->group->held, b->group->cap, b->group->n_held + 1, "requests", err);
    if (rc) return rc;
    raml_exchange_hold(x);
    b->group->held[b->group->n_held++] = x;
    return RAML_OK;
}

static enum raml_code add_jobs(struct batch *b, struct raml_exchange *x, size_t prompt, struct raml_err *err)
{
    const struct api_request *r = &x->request;
    const struct api_prompt *p = &r->prompt[prompt];
    enum raml_code rc = choose_group(b, x, prompt, err);
    if (!rc) rc = RAML_GROW(b->job, b->cap, b->n + r->n, "jobs", err);
    for (size_t i = 0; i < r->n && !rc; i++) {
        struct exchange_choice *c = &x->choice[prompt * r->n + i];
        c->group = b->group;
        b->group->left++;
        x->n_jobs++;
        b->job[b->n++] = (struct raml_generate_job){.text = p->token.id,
                                                    .n_text = p->token.n,
                                                    .group = b->number,
                                                    .max_tokens = raml_serve_max_tokens(r, p, b->s->limits.max_len),
                                                    .question = p->question,
                                                    .sample = (uint32_t)i,
                                                    .name = x->id,
                                                    .user = c,
                                                    .own = &r->own};
    }
    return rc;
}

/* The likeliest token after the prompt, as its score has it, where that may be sampled. */
static bool take_next(struct raml_exchange *x, size_t prompt, struct raml_err *err)
{
    const struct score *s = &x->score[prompt];
    size_t k = s->top.k, at = (x->request.prompt[prompt].token.n - 1) * k;
    if (!s->next || s->top.token[at] >= raml_tokenizer_size(x->s->tokenizer)) return false;
    for (size_t i = 0; i < x->request.n; i++) {
        struct exchange_choice *c = &x->choice[prompt * x->request.n + i];
        if (c->top.k && add_top(c, s->top.token + at, s->top.logp + at, c->top.k, err)) return false;
        (void)raml_serve_choice_add(c, s->top.token[at], s->top.logp[at], err);
        raml_serve_choice_done(c, "length");
    }
    return true;
}

static enum raml_code add_prompt(struct batch *b, struct raml_exchange *x, size_t prompt, struct raml_err *err)
{
    const struct api_request *r = &x->request;
    struct raml_err why = {0};
    if (!raml_serve_max_tokens(r, &r->prompt[prompt], b->s->limits.max_len)) {
        for (size_t i = 0; i < r->n; i++) raml_serve_choice_done(&x->choice[prompt * r->n + i], "length");
        return RAML_OK;
    }
    if (raml_serve_takes_next(x) && take_next(x, prompt, &why)) return RAML_OK;
    return why.code ? raml_fail(err, why.code, "%s", why.msg) : add_jobs(b, x, prompt, err);
}

enum raml_code raml_serve_write(struct raml_server *s, struct raml_exchange *const *x, size_t n, struct raml_err *err)
{
    struct batch b = {.s = s};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n && !rc; i++)
        for (size_t k = 0; k < x[i]->request.n_prompts && !rc && !x[i]->dead; k++) rc = add_prompt(&b, x[i], k, err);
    if (!rc && b.n) rc = raml_generator_submit(s->generator, b.job, b.n, err);
    free(b.job);
    return rc;
}
