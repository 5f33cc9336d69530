/* exchange.c - a request and its answer, between the thread that carries the bytes and the server's. See raml/serve.h. */
#include "serve/parts.h"

#include "core/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_ANSWER = 1 << 30 }; /* bytes */

/* -- What is held ---------------------------------------------------------------------------------------------------- */
static void deinit(struct raml_exchange *x)
{
    for (size_t i = 0; x->score && i < x->request.n_prompts; i++) {
        free(x->score[i].logp);
        free(x->score[i].top.token);
        free(x->score[i].top.logp);
    }
    for (size_t i = 0; x->choice && i < x->n_choices; i++) {
        struct exchange_choice *c = &x->choice[i];
        free(c->token);
        free(c->logp);
        free(c->at);
        free(c->top.token);
        free(c->top.logp);
        raml_buf_deinit(&c->text);
    }
    free(x->score);
    free(x->choice);
    raml_api_request_deinit(&x->request);
    raml_buf_deinit(&x->out);
    free(x);
}

void raml_exchange_hold(struct raml_exchange *x)
{
    pthread_mutex_lock(&x->s->lock);
    x->refs++;
    pthread_mutex_unlock(&x->s->lock);
}

void raml_exchange_release(struct raml_exchange *x)
{
    struct raml_server *s = x->s;
    pthread_mutex_lock(&s->lock);
    bool last = --x->refs == 0;
    if (last) s->n_exchanges--;
    pthread_mutex_unlock(&s->lock);
    if (last) deinit(x);
}

/* -- Answers --------------------------------------------------------------------------------------------------------- */
/* Locked. */
static void count(struct raml_exchange *x, int status)
{
    struct raml_server_figures *f = &x->s->figures;
    f->refused += status >= 400 && status < 500;
    f->failed += status >= 500;
    if (status >= 400) return;
    f->prompt_tokens += x->prompt_tokens;
    f->completion_tokens += x->completion_tokens;
}

void raml_exchange_give(struct raml_exchange *x, int status, struct raml_buf *out, bool end)
{
    struct raml_server *s = x->s;
    if (out->code) { /* no memory: what was sent before can't be taken back */
        struct api_error e;
        raml_buf_deinit(out);
        (void)raml_api_refuse(&e, 500, NULL, NULL, "no memory for the answer");
        raml_exchange_fail(x, &e);
        return;
    }
    pthread_mutex_lock(&s->lock);
    if (x->n_read == x->out.len) {
        raml_buf_clear(&x->out);
        x->n_read = 0;
    }
    if (!x->end && !x->closed) raml_buf_add(&x->out, out->data, out->len);
    if (!x->status) x->status = x->out.code ? 500 : status;
    if (end && !x->end) count(x, x->status);
    x->end |= end || x->out.code;
    if (x->waits && !x->closed) {
        x->waits = false;
        x->client.ready(x->client.user);
    }
    pthread_mutex_unlock(&s->lock);
    raml_buf_deinit(out);
}

void raml_exchange_fail(struct raml_exchange *x, const struct api_error *e)
{
    struct raml_buf b;
    raml_buf_init(&b, MOST_ANSWER);
    x->dead = true;
    pthread_mutex_lock(&x->s->lock);
    bool streams = x->status == 200;
    pthread_mutex_unlock(&x->s->lock);
    if (streams) raml_buf_adds(&b, "data: ");
    raml_server_error(e->status, e->param, e->code, e->message, &b);
    if (streams) raml_buf_adds(&b, "\ndata: [DONE]\n\n");
    if (b.code) { /* without a body, then */
        raml_buf_clear(&b);
        raml_buf_adds(&b, "");
    }
    raml_exchange_give(x, e->status, &b, true);
}

/* -- The client's side ----------------------------------------------------------------------------------------------- */
static uint64_t mixed(uint64_t x) /* splitmix64 */
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static bool begin_choices(struct raml_exchange *x)
{
    struct api_request *r = &x->request;
    x->n_choices = r->n_prompts * r->n;
    x->score = calloc(r->n_prompts, sizeof *x->score);
    x->choice = calloc(x->n_choices, sizeof *x->choice);
    if (!x->score || !x->choice) return false;
    r->own.n_top = r->logprobs > 0 ? (size_t)r->logprobs : 0;
    for (size_t i = 0; i < r->n_prompts; i++) x->prompt_tokens += r->prompt[i].token.n;
    for (size_t i = 0; i < x->n_choices; i++) {
        struct exchange_choice *c = &x->choice[i];
        *c = (struct exchange_choice){
            .x = x, .prompt = i / r->n, .number = i % r->n, .stop = -1, .stop_token = -1, .top.k = r->own.n_top};
        raml_buf_init(&c->text, MOST_ANSWER);
    }
    return true;
}

struct raml_exchange *raml_exchange_open(struct raml_server *s, const char *body, size_t n,
                                         const struct raml_exchange_client *client)
{
    struct api_error e = {0};
    struct raml_exchange *x = calloc(1, sizeof *x);
    if (!x) return NULL;
    x->s = s;
    x->client = *client;
    x->created = raml_clock_wall();
    x->refs = 1;
    raml_buf_init(&x->out, MOST_ANSWER);
    pthread_mutex_lock(&s->lock);
    uint64_t number = ++s->n_opened;
    s->n_exchanges++;
    s->figures.requests++;
    pthread_mutex_unlock(&s->lock);
    snprintf(x->id, sizeof x->id, "cmpl-%llx-%llu", (unsigned long long)s->started, (unsigned long long)number);
    bool ok = raml_api_request_read(body, n, &s->limits, &x->request, &e);
    if (ok && !x->request.has_seed) x->request.own.seed = mixed(s->opt.seed + number * 0x9e3779b97f4a7c15u);
    if (ok && !begin_choices(x)) ok = raml_api_refuse(&e, 500, NULL, NULL, "no memory for the request");
    if (!ok) raml_exchange_fail(x, &e);
    return x;
}

static void wake(struct raml_server *s)
{
    const uint64_t one = 1;
    ssize_t n = write(s->wake, &one, sizeof one);
    (void)n; /* full: it is awake */
}

void raml_exchange_submit(struct raml_exchange *x)
{
    struct raml_server *s = x->s;
    struct api_error e = {0};
    pthread_mutex_lock(&s->lock);
    bool answered = x->status != 0;
    bool full = s->n_queued >= (size_t)s->opt.max_queue ||
                (s->n_queued && s->queued_tokens + x->prompt_tokens > (size_t)s->opt.max_queued_tokens);
    if (s->draining) (void)raml_api_refuse(&e, 503, NULL, "shutting_down", "the server is shutting down");
    else if (full)
        (void)raml_api_refuse(&e, 503, NULL, "overloaded", "the server has %zu requests waiting; try again",
                              s->n_queued);
    if (!answered && !e.status) {
        x->refs++;
        x->waits = x->queued = true;
        x->next = NULL;
        if (s->last) s->last->next = x;
        else s->first = x;
        s->last = x;
        s->n_queued++;
        s->queued_tokens += x->prompt_tokens;
    }
    pthread_mutex_unlock(&s->lock);
    if (!answered && e.status) raml_exchange_fail(x, &e);
    else if (!answered) wake(s);
}

int raml_exchange_status(struct raml_exchange *x)
{
    pthread_mutex_lock(&x->s->lock);
    int status = x->status;
    if (!status) x->waits = true;
    pthread_mutex_unlock(&x->s->lock);
    return status;
}

bool raml_exchange_streams(const struct raml_exchange *x)
{
    return x->request.stream;
}

size_t raml_exchange_read(struct raml_exchange *x, char *to, size_t max, bool *end)
{
    pthread_mutex_lock(&x->s->lock);
    size_t n = x->out.len - x->n_read;
    if (n > max) n = max;
    if (n) memcpy(to, x->out.data + x->n_read, n);
    x->n_read += n;
    *end = x->end && x->n_read == x->out.len;
    if (!n && !*end) x->waits = true;
    pthread_mutex_unlock(&x->s->lock);
    return n;
}

void raml_exchange_read_figures(struct raml_exchange *x, struct raml_exchange_figures *out)
{
    pthread_mutex_lock(&x->s->lock);
    *out = (struct raml_exchange_figures){.id = x->id,
                                          .prompts = x->request.n_prompts,
                                          .choices = x->n_choices,
                                          .prompt_tokens = x->prompt_tokens,
                                          .completion_tokens = x->end ? x->completion_tokens : 0,
                                          .seed = x->request.own.seed};
    pthread_mutex_unlock(&x->s->lock);
}

/* Locked: nobody waits for it, and nobody works on it yet. */
static void leave_queue(struct raml_exchange *x)
{
    struct raml_server *s = x->s;
    struct raml_exchange *before = NULL;
    for (struct raml_exchange *at = s->first; at != x; at = at->next) before = at;
    if (before) before->next = x->next;
    else s->first = x->next;
    if (s->last == x) s->last = before;
    s->n_queued--;
    s->queued_tokens -= x->prompt_tokens;
    x->queued = false;
    x->refs--; /* the client's is left */
}

void raml_exchange_close(struct raml_exchange *x)
{
    if (!x) return;
    pthread_mutex_lock(&x->s->lock);
    if (!x->end) x->s->figures.cancelled++;
    if (x->queued) leave_queue(x);
    x->closed = true;
    pthread_mutex_unlock(&x->s->lock);
    raml_exchange_release(x);
}
