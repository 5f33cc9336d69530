/* texts.c - an endpoint as a struct raml_remote: from texts and samples to requests, and which way they are asked. */
#include "endpoint/parts.h"

#include "core/array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_KEY = 1 << 28,
    TRIED = 8,         /* tokens of a text by which a way is tried */
    LEAST_SHARED = 32, /* below it nobody waits for a cache */
    BLOCK = 64 /* tokens that a request computes after a cached prompt, about: half a block of the cache and more */
};

/* -- What was asked, as a key ---------------------------------------------------------------------------------------- */

static void add_ids(struct raml_buf *b, const int32_t *id, size_t n)
{
    raml_buf_addf(b, "%zu:", n);
    raml_buf_add(b, id, n * sizeof *id);
}

static enum raml_code hash(const struct raml_buf *b, struct raml_journal_key *key, struct raml_err *err)
{
    enum raml_code rc = raml_buf_status(b, err);
    if (rc) return rc;
    for (uint64_t k = 0; k < 2; k++) key->part[k] = raml_hash(b->data, b->len, k);
    return RAML_OK;
}

static enum raml_code key_of(const struct raml_endpoint *e, const struct raml_ask *a, struct raml_buf *b,
                             struct raml_journal_key *key, struct raml_err *err)
{
    const struct raml_remote_sample *s = a->sample;
    raml_buf_clear(b);
    raml_buf_addf(b, "%s\n%s\n", e->model, a->text ? "text" : "sample");
    if (a->text) {
        add_ids(b, a->text->token, a->text->n);
        raml_buf_addf(b, "%zu", a->text->first);
        return hash(b, key, err);
    }
    add_ids(b, s->prompt, s->n_prompt);
    add_ids(b, s->stop_token, s->n_stop_tokens);
    raml_buf_addf(b, "%zu %llu %.17g %.17g %.17g %d %s", s->max_tokens, (unsigned long long)s->seed, s->temperature,
                  s->top_p, s->min_p, s->top_k, s->stop ? s->stop : "");
    return hash(b, key, err);
}

/* -- What the journal has -------------------------------------------------------------------------------------------- */

static bool numbers_are(const json_t *list, size_t n)
{
    size_t i;
    const json_t *x;
    if (!json_is_array(list) || json_array_size(list) != n) return false;
    json_array_foreach (list, i, x)
        if (!json_is_number(x)) return false;
    return true;
}

static bool fill_text(const json_t *o, const struct raml_remote_text *t)
{
    const json_t *logp = json_object_get(o, "logp"), *argmax = json_object_get(o, "argmax");
    size_t n = t->n - t->first;
    if (!numbers_are(logp, n) || !numbers_are(argmax, n)) return false;
    for (size_t i = 0; i < n; i++) {
        t->logp[i] = (float)json_number_value(json_array_get(logp, i));
        t->argmax[i] = (int32_t)json_integer_value(json_array_get(argmax, i));
    }
    return true;
}

static bool fill_sample(const json_t *o, struct raml_remote_sample *s)
{
    const json_t *token = json_object_get(o, "token"), *logp = json_object_get(o, "logp");
    size_t n = json_array_size(token);
    if (!numbers_are(token, n) || !numbers_are(logp, n) || n > s->max_tokens) return false;
    s->token = malloc((n + 1) * sizeof *s->token);
    s->logp = malloc((n + 1) * sizeof *s->logp);
    if (!s->token || !s->logp) return false;
    for (size_t i = 0; i < n; i++) {
        s->token[i] = (int32_t)json_integer_value(json_array_get(token, i));
        s->logp[i] = (float)json_number_value(json_array_get(logp, i));
    }
    s->n = n;
    s->ended = json_is_true(json_object_get(o, "ended"));
    return true;
}

/* A line that is not as it should be is asked for again. */
static enum raml_code look_up(struct raml_endpoint *e, struct raml_ask *a, struct raml_buf *b, struct raml_err *err)
{
    json_t *o = NULL;
    enum raml_code rc = key_of(e, a, b, &a->key, err);
    if (!rc) rc = raml_journal_find(&e->journal, &a->key, &o, err);
    if (rc || !o) return rc;
    a->done = a->text ? fill_text(o, a->text) : fill_sample(o, a->sample);
    json_decref(o);
    if (!a->done) return RAML_OK;
    e->stats.from_journal++;
    e->n_done++;
    return a->sample && a->took ? a->took(a->of, a->number, err) : RAML_OK;
}

static enum raml_code ask(struct raml_endpoint *e, struct raml_ask *list, size_t n, struct raml_err *err)
{
    struct raml_buf b;
    raml_buf_init(&b, MAX_KEY);
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n && !rc; i++) rc = look_up(e, &list[i], &b, err);
    raml_buf_deinit(&b);
    return rc ? rc : raml_ask_all(e, list, n, err);
}

/* -- Which way ------------------------------------------------------------------------------------------------------- */

struct attempt {
    char why[RAML_ENDPOINT_TEXT]; /* it is not the way */
    bool fits;
};

static enum raml_code try_text(struct raml_endpoint *e, const struct raml_way *way, const int32_t *token, size_t n,
                               struct attempt *out, struct raml_err *err)
{
    float logp[TRIED];
    int32_t argmax[TRIED];
    struct raml_remote_text t = {.token = token, .n = n, .first = 1, .logp = logp, .argmax = argmax};
    struct raml_buf b;
    struct raml_err fault = {0};
    json_t *reply = NULL;
    long status = 0;
    if (way->one_by_one) t.first = n - 1;
    raml_buf_init(&b, MAX_KEY);
    way->write_text(e, &t, &b);
    enum raml_code rc = raml_buf_status(&b, err);
    if (!rc) rc = raml_ask_once(e, way->path, way->at_root, b.data, b.len, 1 + e->opt.retries, &status, &reply, err);
    raml_buf_deinit(&b);
    *out = (struct attempt){.fits = false};
    if (rc) return rc;
    if (!reply) snprintf(out->why, sizeof out->why, "HTTP %ld", status);
    else rc = way->read_text(e, reply, &t, &fault);
    out->fits = reply && !rc;
    json_decref(reply);
    if (rc == RAML_ERANGE || rc == RAML_ENOMEM) return raml_fail(err, rc, "%s: %s", e->name, fault.msg);
    if (rc) snprintf(out->why, sizeof out->why, "%.500s", fault.msg);
    return RAML_OK;
}

/* By a text of at least two tokens. */
static enum raml_code find_text_way(struct raml_endpoint *e, const struct raml_remote_text *t, struct raml_err *err)
{
    static const struct raml_way *const all[] = {&raml_way_vllm, &raml_way_echo, &raml_way_sglang};
    char said[700] = "";
    size_t n = t->n < TRIED ? t->n : TRIED;
    for (size_t i = 0; i < sizeof all / sizeof *all && !e->text; i++) {
        struct attempt a;
        if (e->api != RAML_API_AUTO && e->api != all[i]->api) continue;
        enum raml_code rc = try_text(e, all[i], t->token, n, &a, err);
        if (rc) return rc;
        if (a.fits) e->text = all[i];
        size_t len = strlen(said);
        snprintf(said + len, sizeof said - len, "%s%s: %.160s", len ? "; " : "", all[i]->what, a.why);
    }
    if (!e->text)
        return raml_fail(err, RAML_ESUPPORT,
                         "%s gives no log-probabilities of prompts, which vLLM, SGLang and raml serve do (%s)", e->name,
                         said);
    e->api = e->text->api;
    return RAML_OK;
}

/* Is one token at a time cheaper, after a prompt in the cache? */
static enum raml_code way_of(struct raml_endpoint *e, const struct raml_remote_text *t, const struct raml_way **out,
                             struct raml_err *err)
{
    struct attempt a;
    *out = e->text;
    if (e->text != &raml_way_vllm || !e->opt.prefix_cache || e->next_fails || (t->n - t->first) * BLOCK >= t->n)
        return RAML_OK;
    if (!e->next_tried) {
        enum raml_code rc = try_text(e, &raml_way_vllm_next, t->token, TRIED, &a, err);
        if (rc) return rc;
        e->next_tried = true;
        e->next_fails = !a.fits;
    }
    if (!e->next_fails) *out = &raml_way_vllm_next;
    return RAML_OK;
}

/* -- Texts ------------------------------------------------------------------------------------------------------------ */

struct list {
    struct raml_ask *ask;
    struct raml_remote_text *part; /* of texts that are asked for token by token */
    size_t n, cap, n_parts, cap_parts;
};

/* Pointers into part[] are set once it doesn't move any more: until then `number` is the part's number. */
static enum raml_code add_text(struct raml_endpoint *e, struct list *l, struct raml_remote_text *t,
                               struct raml_err *err)
{
    const struct raml_way *way;
    enum raml_code rc = way_of(e, t, &way, err);
    size_t n = way->one_by_one ? t->n - t->first : 1;
    if (!rc) rc = RAML_GROW(l->ask, l->cap, l->n + n, "requests", err);
    if (!rc && way->one_by_one) rc = RAML_GROW(l->part, l->cap_parts, l->n_parts + n, "requests", err);
    if (rc) return rc;
    for (size_t k = 0; k < n; k++) {
        struct raml_ask *a = &l->ask[l->n++];
        *a = (struct raml_ask){.way = way, .text = way->one_by_one ? NULL : t, .number = l->n_parts};
        if (!way->one_by_one) continue;
        size_t place = t->first + k;
        l->part[l->n_parts++] = (struct raml_remote_text){.token = t->token,
                                                          .n = place + 1,
                                                          .first = place,
                                                          .group = t->group,
                                                          .logp = t->logp + k,
                                                          .argmax = t->argmax + k};
    }
    return RAML_OK;
}

/* Whose keys and values most others can use: the longest, first of those that are read anyway. */
static bool leads_more(const struct raml_ask *a, const struct raml_ask *b)
{
    if (a->way->one_by_one != b->way->one_by_one) return b->way->one_by_one;
    return a->text->n > b->text->n;
}

static void choose_leaders(const struct raml_endpoint *e, const struct list *l)
{
    for (size_t i = 0, end; i < l->n; i = end) {
        size_t leader = i;
        for (end = i; end < l->n && l->ask[end].text->group == l->ask[i].text->group; end++)
            if (leads_more(&l->ask[end], &l->ask[leader])) leader = end;
        if (!e->opt.prefix_cache || l->ask[leader].text->n < LEAST_SHARED) continue;
        for (size_t k = i; k < end; k++) {
            l->ask[k].waits = k != leader && l->ask[k].way->reads_cache;
            l->ask[k].leader = leader;
        }
    }
}

static enum raml_code logprobs(void *user, struct raml_remote_text *text, size_t n, struct raml_err *err)
{
    struct raml_endpoint *e = user;
    struct list l = {0};
    enum raml_code rc = n && !e->text ? find_text_way(e, text, err) : RAML_OK;
    for (size_t i = 0; i < n && !rc; i++) rc = add_text(e, &l, &text[i], err);
    for (size_t i = 0; i < l.n && !rc; i++)
        if (!l.ask[i].text) l.ask[i].text = &l.part[l.ask[i].number];
    if (!rc) choose_leaders(e, &l);
    if (!rc) rc = ask(e, l.ask, l.n, err);
    free(l.ask);
    free(l.part);
    return rc;
}

/* -- Samples ---------------------------------------------------------------------------------------------------------- */

static enum raml_code samples(void *user, struct raml_remote_sample *sample, size_t n,
                              enum raml_code (*took)(void *of, size_t i, struct raml_err *err), void *of,
                              struct raml_err *err)
{
    struct raml_endpoint *e = user;
    struct raml_ask *list = calloc(n ? n : 1, sizeof *list);
    if (!list) return raml_fail(err, RAML_ENOMEM, "no memory for %zu requests", n);
    e->sample = e->api == RAML_API_SGLANG   ? &raml_way_sglang_sample
                : e->api == RAML_API_OPENAI ? &raml_way_openai_sample
                                            : &raml_way_vllm_sample;
    for (size_t i = 0; i < n; i++) {
        sample[i].token = NULL;
        sample[i].logp = NULL;
        sample[i].n = 0;
        list[i] = (struct raml_ask){.way = e->sample, .sample = &sample[i], .number = i, .took = took, .of = of};
    }
    enum raml_code rc = ask(e, list, n, err);
    for (size_t i = 0; i < n && rc; i++) {
        free(sample[i].token);
        free(sample[i].logp);
        sample[i].token = NULL;
        sample[i].logp = NULL;
    }
    free(list);
    return rc;
}

/* -- All -------------------------------------------------------------------------------------------------------------- */

static void expect(void *user, const struct raml_remote_cost *c)
{
    struct raml_endpoint *e = user;
    e->n_expected = e->n_done + c->n;
    if (c->most_new)
        raml_say(e->opt.sink,
                 "%s: %zu samples; tokens to compute: %zu of prompts without the server's prefix cache, %zu with it, "
                 "and at most %zu new ones",
                 e->name, c->n, c->alone, c->shared, c->most_new);
    else
        raml_say(e->opt.sink,
                 "%s: %zu texts; tokens to compute: %zu without the server's prefix cache, about %zu with it", e->name,
                 c->n, c->alone, c->shared);
}

void raml_endpoint_fill_remote(struct raml_endpoint *e)
{
    e->remote = (struct raml_remote){.name = e->name,
                                     .max_positions = e->max_model_len ? e->max_model_len - 1 : 0, /* it adds a token */
                                     .logprobs = logprobs,
                                     .samples = samples,
                                     .expect = expect,
                                     .user = e};
}
