/* server.c - the thread that has the model: it takes what waits, scores, writes, answers. See raml/serve.h. */
#include "serve/parts.h"

#include "core/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MOST_TAKEN = 256, MOST_CONTEXT = 32768, IDLE_MS = 1000 };
static const double look_every = 0.1; /* seconds between questions whether clients are still there */

/* -- Opening --------------------------------------------------------------------------------------------------------- */
static enum raml_code complete(struct raml_server *s, struct raml_err *err)
{
    struct raml_serve_options *o = &s->opt;
    int64_t context = raml_model_config(s->model)->max_positions;
    enum raml_code rc = raml_settings_check(raml_serve_settings, raml_serve_n_settings, o, err);
    if (rc) return rc;
    if (!o->name || !*o->name) return raml_fail(err, RAML_EUSAGE, "the model has no name");
    if (o->max_model_len > context)
        return raml_fail(err, RAML_EUSAGE, "max_model_len is %lld; the model's context is %lld",
                         (long long)o->max_model_len, (long long)context);
    if (!o->max_model_len) o->max_model_len = context < MOST_CONTEXT ? context : MOST_CONTEXT;
    int64_t least = o->max_model_len + 2 * RAML_TILE;
    if (!o->cache_tokens) o->cache_tokens = 2 * o->max_model_len > least ? 2 * o->max_model_len : least;
    if (o->cache_tokens < least)
        return raml_fail(err, RAML_EUSAGE,
                         "cache_tokens is %lld; expected at least %lld, for a prompt of max_model_len %lld",
                         (long long)o->cache_tokens, (long long)least, (long long)o->max_model_len);
    s->limits = (struct api_limits){.tokenizer = s->tokenizer,
                                    .opt = o,
                                    .vocabulary = (size_t)raml_model_config(s->model)->vocab_size,
                                    .max_len = (size_t)o->max_model_len,
                                    .begin = o->begin ? raml_tokenizer_id(s->tokenizer, o->begin) : -1};
    return RAML_OK;
}

enum raml_code raml_server_open(const struct raml_model *m, const struct raml_tokenizer *t,
                                const struct raml_serve_options *opt, struct raml_server **out, struct raml_err *err)
{
    struct raml_server *s = calloc(1, sizeof *s);
    if (!s) return raml_fail(err, RAML_ENOMEM, "no memory for a server");
    s->model = m;
    s->tokenizer = t;
    s->opt = *opt;
    s->across = raml_model_dtype(m) != RAML_BF16;
    s->started = (uint64_t)(1e3 * raml_clock_wall());
    s->wake = -1;
    pthread_mutex_init(&s->lock, NULL);
    enum raml_code rc = complete(s, err);
    if (!rc) s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!rc && s->wake < 0) rc = raml_fail_errno(err, "no event to wake the server by");
    if (!rc) rc = raml_serve_score_open(s, err);
    if (!rc) rc = raml_serve_write_open(s, err);
    if (rc) raml_server_close(s);
    else *out = s;
    return rc;
}

void raml_server_close(struct raml_server *s)
{
    if (!s) return;
    raml_serve_score_close(s);
    raml_generator_close(s->generator);
    if (s->wake >= 0) close(s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

size_t raml_server_max_model_len(const struct raml_server *s)
{
    return s->limits.max_len;
}

bool raml_server_has_model(const struct raml_server *s, const char *name)
{
    return !strcmp(name, s->opt.name);
}

void raml_server_model(const struct raml_server *s, struct raml_buf *out)
{
    raml_buf_adds(out, "{\"id\":");
    raml_json_out_text(out, s->opt.name, strlen(s->opt.name));
    raml_buf_addf(out, ",\"object\":\"model\",\"created\":%llu,\"owned_by\":\"raml\",\"max_model_len\":%zu}",
                  (unsigned long long)(s->started / 1000), s->limits.max_len);
}

void raml_server_models(const struct raml_server *s, struct raml_buf *out)
{
    raml_buf_adds(out, "{\"object\":\"list\",\"data\":[");
    raml_server_model(s, out);
    raml_buf_adds(out, "]}\n");
}

/* -- The queue ------------------------------------------------------------------------------------------------------- */
/* Until something comes, a signal does, or ms have passed. */
static void wait_for(struct raml_server *s, int ms)
{
    struct pollfd p = {.fd = s->wake, .events = POLLIN};
    uint64_t count;
    if (poll(&p, 1, ms) > 0 && read(s->wake, &count, sizeof count) < 0) return; /* nobody else reads it */
}

static size_t n_queued(struct raml_server *s)
{
    pthread_mutex_lock(&s->lock);
    size_t n = s->n_queued;
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* The next requests, as many as a pass scores and the generator has use for; the server works on them from here on. */
static size_t take(struct raml_server *s, struct raml_exchange *out[MOST_TAKEN])
{
    size_t n = 0, tokens = 0;
    if (raml_generator_jobs(s->generator) >= 4 * (size_t)s->opt.batch_size) return 0;
    pthread_mutex_lock(&s->lock);
    while (s->first && n < MOST_TAKEN && (!n || tokens + s->first->prompt_tokens <= (size_t)s->opt.max_batch_tokens)) {
        struct raml_exchange *x = s->first;
        s->first = x->next;
        if (!s->first) s->last = NULL;
        x->queued = false;
        s->n_queued--;
        s->queued_tokens -= x->prompt_tokens;
        tokens += x->prompt_tokens;
        x->dead |= x->closed;
        x->next = s->working;
        s->working = x;
        out[n++] = x;
    }
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* The first of a batch has come: others may, within the window. */
static void gather(struct raml_server *s)
{
    double end = raml_clock_monotonic() + s->opt.batch_window, now;
    while ((now = raml_clock_monotonic()) < end && n_queued(s) < MOST_TAKEN) wait_for(s, (int)(1e3 * (end - now)) + 1);
}

/* Locked. */
static void look_at(struct raml_exchange *x)
{
    if (x->closed || x->end || !x->client.gone || !x->client.gone(x->client.user)) return;
    x->closed = x->end = true;
    x->s->figures.cancelled++;
    if (!x->status) x->status = 499; /* nobody will see it */
    if (x->waits) x->client.ready(x->client.user);
    x->waits = false;
}

static void look_for_gone(struct raml_server *s)
{
    double now = raml_clock_monotonic();
    if (now - s->looked < look_every) return;
    s->looked = now;
    pthread_mutex_lock(&s->lock);
    for (struct raml_exchange *x = s->first; x; x = x->next) look_at(x);
    for (struct raml_exchange *x = s->working; x; x = x->next) {
        look_at(x);
        x->dead |= x->closed;
    }
    pthread_mutex_unlock(&s->lock);
}

/* -- Rounds ---------------------------------------------------------------------------------------------------------- */
/* Everything that is being worked on fails, for this reason. */
static void fail_all(struct raml_server *s, int status, const char *code, const char *why)
{
    struct api_error e;
    (void)raml_api_refuse(&e, status, NULL, code, "%s", why);
    raml_serve_write_drop(s);
    for (struct raml_exchange *x = s->working; x; x = x->next)
        if (!x->dead) raml_exchange_fail(x, &e);
}

/* Answers what is ready, and lets go of what is over. */
static void answer(struct raml_server *s)
{
    struct raml_exchange **at = &s->working;
    while (*at) {
        struct raml_exchange *x = *at;
        bool whole = x->n_done == x->n_choices;
        if (!x->dead && x->request.stream && x->fresh) raml_serve_reply_events(x);
        else if (!x->dead && whole) raml_serve_reply(x);
        if (!(whole || x->dead) || x->n_jobs) {
            at = &x->next;
            continue;
        }
        pthread_mutex_lock(&s->lock);
        *at = x->next;
        pthread_mutex_unlock(&s->lock);
        raml_exchange_release(x);
    }
}

static void note_generator(struct raml_server *s)
{
    const struct raml_generate_stats *g = raml_generator_stats(s->generator);
    pthread_mutex_lock(&s->lock);
    s->figures.read_tokens = g->text_tokens;
    s->figures.written_tokens = g->tokens;
    s->figures.steps = g->steps;
    pthread_mutex_unlock(&s->lock);
}

static void work(struct raml_server *s, struct raml_exchange *const *x, size_t n, const struct raml_sink *sink)
{
    struct raml_err err = {0};
    enum raml_code rc = n ? raml_serve_score(s, x, n, &err) : RAML_OK;
    if (!rc && n) rc = raml_serve_write(s, x, n, &err);
    if (!rc) rc = raml_generator_round(s->generator, &err);
    if (rc) {
        raml_say(sink, "requests in progress have failed: %s", err.msg);
        fail_all(s, 500, NULL, err.msg);
    }
    note_generator(s);
    answer(s);
}

/* What still waits when the server ends. */
static void refuse_queue(struct raml_server *s)
{
    struct raml_exchange *x[MOST_TAKEN];
    while (n_queued(s)) {
        size_t n = take(s, x);
        fail_all(s, 503, "shutting_down", "the server is shutting down");
        answer(s);
        if (!n) break;
    }
}

enum raml_code raml_server_run(struct raml_server *s, const struct raml_sink *sink, struct raml_err *err)
{
    struct raml_exchange *x[MOST_TAKEN];
    double until = 0;
    bool stops = false;
    (void)err;
    for (;;) {
        if (!stops && raml_should_stop(sink)) {
            stops = true;
            until = raml_clock_monotonic() + s->opt.drain;
            pthread_mutex_lock(&s->lock);
            s->draining = true;
            pthread_mutex_unlock(&s->lock);
        }
        bool idle = !s->working && !n_queued(s);
        if (stops && (idle || raml_clock_monotonic() >= until)) break;
        if (idle) {
            wait_for(s, IDLE_MS);
            if (n_queued(s)) gather(s);
            continue;
        }
        look_for_gone(s);
        work(s, x, take(s, x), sink);
    }
    fail_all(s, 503, "shutting_down", "the server is shutting down");
    answer(s);
    refuse_queue(s);
    return RAML_OK;
}

void raml_server_read_figures(struct raml_server *s, struct raml_server_figures *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->figures;
    pthread_mutex_unlock(&s->lock);
}
