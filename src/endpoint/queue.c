/* queue.c - a list of requests, asked side by side until all are answered. See parts.h.
 *
 * What the server itself got wrong (HTTP 500, a broken reply) is asked again a few times. While it isn't there (refused,
 * silent, 429, 503) there is no such count: one request knocks, with growing pauses, until the patience is at its end.
 */
#include "endpoint/parts.h"

#include "core/clock.h"
#include "core/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BODY = 1 << 28, WINDOW = 1 << 14 };
static const double FIRST_PAUSE = 0.25, LONGEST_PAUSE = 20, STEP = 0.1;

struct queue {
    struct raml_endpoint *e;
    struct raml_ask *ask;
    size_t n, n_done, n_running;
    size_t from;           /* all before it are done */
    struct raml_buf *body; /* [parallel], of what is in flight */
    size_t *of;            /* [parallel] the request in each place; SIZE_MAX: free */
    char *url;
    double not_before; /* nothing is started earlier */
    unsigned knocks;   /* that were not answered, one after another */
};

/* Growing, and not in step with the pauses of others: between half of it and all. */
static double pause_of(unsigned tries, size_t which, double retry_after_s)
{
    double s = FIRST_PAUSE;
    for (unsigned k = 0; k < tries && s < LONGEST_PAUSE; k++) s *= 2;
    if (s > LONGEST_PAUSE) s = LONGEST_PAUSE;
    s *= 1 - 0.5 * (double)(raml_hash_u64(which * 64 + tries) >> 32) / 4294967296.0;
    return retry_after_s > s ? retry_after_s : s;
}

/* -- Starting -------------------------------------------------------------------------------------------------------- */

static bool may_start(const struct queue *q, const struct raml_ask *a, double now)
{
    if (a->done || a->running || a->not_before > now) return false;
    return !a->waits || q->ask[a->leader].done;
}

static enum raml_code start(struct queue *q, size_t i, struct raml_err *err)
{
    struct raml_endpoint *e = q->e;
    struct raml_ask *a = &q->ask[i];
    size_t place = 0;
    while (q->of[place] != SIZE_MAX) place++;
    struct raml_buf *b = &q->body[place];
    raml_buf_clear(b);
    if (a->text) a->way->write_text(e, a->text, b);
    else a->way->write_sample(e, a->sample, b);
    enum raml_code rc = raml_buf_status(b, err);
    if (rc) return rc;
    snprintf(q->url, 2 * RAML_ENDPOINT_TEXT, "%s%s%s", e->root, a->way->at_root ? "" : "/v1", a->way->path);
    const struct raml_http_request r = {.url = q->url,
                                        .header = (const char *const *)e->header,
                                        .n_headers = e->n_headers,
                                        .body = b->data,
                                        .n_body = b->len,
                                        .timeout_s = e->opt.timeout_s,
                                        .tag = place};
    rc = e->http.start(e->http.user, &r, err);
    if (rc) return rc;
    q->of[place] = i;
    a->running = true;
    q->n_running++;
    return RAML_OK;
}

static enum raml_code start_some(struct queue *q, double now, struct raml_err *err)
{
    size_t most = q->e->down ? 1 : q->e->opt.parallel;
    while (q->from < q->n && q->ask[q->from].done) q->from++;
    if (q->not_before > now) return RAML_OK;
    enum raml_code rc = RAML_OK;
    for (size_t i = q->from; i < q->n && i < q->from + WINDOW && q->n_running < most && !rc; i++)
        if (may_start(q, &q->ask[i], now)) rc = start(q, i, err);
    return rc;
}

/* -- Replies --------------------------------------------------------------------------------------------------------- */

static json_t *numbers(const float *x, size_t n)
{
    json_t *list = json_array();
    int bad = !list;
    for (size_t i = 0; i < n && !bad; i++) bad = json_array_append_new(list, json_real((double)x[i]));
    return raml_json_checked(list, bad);
}

static json_t *ids(const int32_t *x, size_t n)
{
    json_t *list = json_array();
    int bad = !list;
    for (size_t i = 0; i < n && !bad; i++) bad = json_array_append_new(list, json_integer(x[i]));
    return raml_json_checked(list, bad);
}

static json_t *text_json(const struct raml_remote_text *t)
{
    size_t n = t->n - t->first;
    json_t *o = json_object();
    int bad = !o || json_object_set_new(o, "logp", numbers(t->logp, n)) ||
              json_object_set_new(o, "argmax", ids(t->argmax, n));
    return raml_json_checked(o, bad);
}

static json_t *sample_json(const struct raml_remote_sample *s)
{
    json_t *o = json_object();
    int bad = !o || json_object_set_new(o, "token", ids(s->token, s->n)) ||
              json_object_set_new(o, "logp", numbers(s->logp, s->n)) ||
              json_object_set_new(o, "ended", json_boolean(s->ended));
    return raml_json_checked(o, bad);
}

static void clear_sample(struct raml_remote_sample *s)
{
    free(s->token);
    free(s->logp);
    s->token = NULL;
    s->logp = NULL;
    s->n = 0;
}

/* In the journal before anybody hears of it. */
static enum raml_code take(struct queue *q, struct raml_ask *a, struct raml_err *err)
{
    struct raml_endpoint *e = q->e;
    enum raml_code rc =
        raml_journal_add(&e->journal, &a->key, a->text ? text_json(a->text) : sample_json(a->sample), err);
    if (rc) return rc;
    a->done = true;
    q->n_done++;
    e->n_done++;
    e->stats.requests++;
    e->stats.prompt_tokens += a->text ? a->text->n : a->sample->n_prompt;
    if (a->sample) e->stats.tokens += a->sample->n;
    return a->sample && a->took ? a->took(a->of, a->number, err) : RAML_OK;
}

static enum raml_code read_reply(struct raml_endpoint *e, struct raml_ask *a, const struct raml_http_reply *r,
                                 struct raml_err *err)
{
    json_t *o = NULL;
    const struct raml_place at = {"its reply", 0};
    enum raml_code rc = raml_json_parse(&at, r->body, r->n_body, &o, err);
    if (rc) return rc;
    rc = a->text ? a->way->read_text(e, o, a->text, err) : a->way->read_sample(e, o, a->sample, err);
    if (rc && a->sample) clear_sample(a->sample);
    json_decref(o);
    return rc;
}

static enum raml_code give_up(const struct queue *q, enum raml_code code, const char *why, struct raml_err *err)
{
    return raml_fail(err, code, "%s: %s%s", q->e->name, why,
                     q->e->journal.path && q->n_done ? "; what was answered is in the journal" : "");
}

/* The server is not there: all others wait with this one. */
static enum raml_code not_there(struct queue *q, struct raml_ask *a, const struct raml_http_reply *r, const char *why,
                                struct raml_err *err)
{
    struct raml_endpoint *e = q->e;
    double now = raml_clock_monotonic(), silent = now - e->answered_at;
    if (silent > e->opt.patience_s) {
        char text[RAML_ENDPOINT_TEXT + 100];
        snprintf(text, sizeof text, "%s; given up after %.0f seconds without an answer (--patience)", why, silent);
        return give_up(q, RAML_EIO, text, err);
    }
    if (!e->down)
        raml_say(e->opt.sink, "%s: %s; asking again for up to %.0f seconds, %zu of %zu requests are answered", e->name,
                 why, e->opt.patience_s, e->n_done,
                 e->n_expected > e->n_done ? e->n_expected : e->n_done + q->n - q->n_done);
    bool knocked = !e->down || now >= q->not_before; /* else it was in flight with one that is counted */
    e->down = true;
    if (!knocked) return RAML_OK;
    q->not_before = now + pause_of(q->knocks, (size_t)(a - q->ask), r->retry_after_s);
    if (q->knocks < 20) q->knocks++;
    return RAML_OK;
}

static void there_again(struct queue *q)
{
    struct raml_endpoint *e = q->e;
    e->answered_at = raml_clock_monotonic();
    if (e->down) raml_say(e->opt.sink, "%s: answers again", e->name);
    e->down = false;
    q->knocks = 0;
    q->not_before = 0;
}

static enum raml_code ask_again(struct queue *q, struct raml_ask *a, enum raml_code code, const char *why,
                                struct raml_err *err)
{
    char text[RAML_ENDPOINT_TEXT + 300];
    if (++a->n_faults <= q->e->opt.retries) {
        a->not_before = raml_clock_monotonic() + pause_of((unsigned)a->n_faults - 1, (size_t)(a - q->ask), -1);
        q->e->stats.again++;
        return RAML_OK;
    }
    snprintf(text, sizeof text, "%.700s (asked %zu times)", why, a->n_faults);
    return give_up(q, code, text, err);
}

static enum raml_code handle(struct queue *q, const struct raml_http_reply *r, struct raml_err *err)
{
    struct raml_ask *a = &q->ask[q->of[r->tag]];
    char why[RAML_ENDPOINT_TEXT];
    struct raml_err fault = {0};
    enum raml_code code = RAML_OK;
    q->of[r->tag] = SIZE_MAX;
    a->running = false;
    q->n_running--;
    switch (raml_fate_of(q->e, r, why, &code)) {
    case RAML_FATE_WAIT: q->e->stats.again++; return not_there(q, a, r, why, err);
    case RAML_FATE_FATAL: return give_up(q, code, why, err);
    case RAML_FATE_AGAIN: there_again(q); return ask_again(q, a, code, why, err);
    case RAML_FATE_FINE: break;
    }
    there_again(q);
    code = read_reply(q->e, a, r, &fault);
    if (!code) return take(q, a, err);
    if (code == RAML_EFORMAT) return ask_again(q, a, code, fault.msg, err);
    return code == RAML_ENOMEM ? raml_fail(err, code, "%s", fault.msg) : give_up(q, code, fault.msg, err);
}

/* -- All ------------------------------------------------------------------------------------------------------------- */

static void tell(const struct queue *q)
{
    const struct raml_endpoint *e = q->e;
    size_t left = q->n - q->n_done, all = e->n_expected > e->n_done + left ? e->n_expected : e->n_done + left;
    raml_progress(e->opt.sink, "endpoint", (double)e->n_done, (double)all, "requests", e->down ? "waiting" : NULL);
}

static enum raml_code stopped(const struct queue *q, struct raml_err *err)
{
    const char *journal = q->e->journal.path;
    if (!journal) return raml_fail(err, RAML_ESTOP, "asked to stop");
    return raml_fail(err, RAML_ESTOP,
                     "asked to stop; what was answered is in %s, and the same command goes on from there", journal);
}

static enum raml_code run(struct queue *q, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    while (!rc && q->n_done < q->n) {
        struct raml_http_reply reply;
        bool got = true;
        if (raml_should_stop(q->e->opt.sink)) return stopped(q, err);
        rc = start_some(q, raml_clock_monotonic(), err);
        if (!rc) rc = q->e->http.wait(q->e->http.user, STEP, &reply, &got, err);
        while (!rc && got) {
            rc = handle(q, &reply, err);
            got = false;
            if (!rc) rc = q->e->http.wait(q->e->http.user, 0, &reply, &got, err);
        }
        tell(q);
    }
    return rc;
}

enum raml_code raml_ask_all(struct raml_endpoint *e, struct raml_ask *ask, size_t n, struct raml_err *err)
{
    size_t parallel = e->opt.parallel;
    struct queue q = {.e = e, .ask = ask, .n = n};
    for (size_t i = 0; i < n; i++) q.n_done += ask[i].done;
    q.body = calloc(parallel, sizeof *q.body);
    q.of = calloc(parallel, sizeof *q.of);
    q.url = malloc(2 * (size_t)RAML_ENDPOINT_TEXT);
    enum raml_code rc =
        q.body && q.of && q.url ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %zu requests", parallel);
    for (size_t i = 0; i < parallel && !rc; i++) {
        raml_buf_init(&q.body[i], MAX_BODY);
        q.of[i] = SIZE_MAX;
    }
    e->answered_at = raml_clock_monotonic();
    if (!rc) rc = run(&q, err);
    if (q.n_running) e->http.drop(e->http.user);
    for (size_t i = 0; q.body && i < parallel; i++) raml_buf_deinit(&q.body[i]);
    free(q.body);
    free(q.of);
    free(q.url);
    return rc;
}

enum raml_code raml_ask_once(struct raml_endpoint *e, const char *path, bool at_root, const char *body, size_t n_body,
                             size_t tries, long *status, json_t **reply, struct raml_err *err)
{
    char url[2 * RAML_ENDPOINT_TEXT], why[RAML_ENDPOINT_TEXT];
    *reply = NULL;
    snprintf(url, sizeof url, "%s%s%s", e->root, at_root ? "" : "/v1", path);
    const struct raml_http_request r = {.url = url,
                                        .header = (const char *const *)e->header,
                                        .n_headers = e->n_headers,
                                        .body = body,
                                        .n_body = n_body,
                                        .timeout_s = e->opt.timeout_s};
    for (size_t k = 0;; k++) {
        struct raml_http_reply x;
        bool got = false;
        enum raml_code code = RAML_OK, rc = e->http.start(e->http.user, &r, err);
        while (!rc && !got) {
            rc = e->http.wait(e->http.user, STEP, &x, &got, err);
            if (!rc && !got && raml_should_stop(e->opt.sink)) rc = raml_fail(err, RAML_ESTOP, "asked to stop");
        }
        if (rc) return rc;
        enum raml_fate fate = raml_fate_of(e, &x, why, &code);
        *status = x.status;
        if (fate == RAML_FATE_FINE) {
            const struct raml_place at = {url, 0};
            return raml_json_parse(&at, x.body, x.n_body, reply, err);
        }
        if (fate == RAML_FATE_FATAL && x.status >= 400 && x.status != 401 && x.status != 403) return RAML_OK;
        if (fate == RAML_FATE_FATAL || k + 1 >= tries)
            return raml_fail(err, code ? code : RAML_EIO, "%s: %s", url, why);
        const struct timespec pause = {0, (long)(1e9 * FIRST_PAUSE)};
        nanosleep(&pause, NULL);
    }
}
