/* sample_remote.c - samples of a list of questions by a model that is elsewhere (remote.h): all of them are asked for, and
 * read as those that are made here. See sample.h.
 */
#include "raml/sample.h"

#include "core/file.h"
#include "inner/sample_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    const struct raml_remote *remote;
    const struct raml_tokenizer *tokenizer;
    const struct raml_format *format;
    const struct raml_questions *qs;
    const struct raml_sample_options *opt;
    struct sample_texts texts;
    struct raml_tokens *prompt;        /* [questions] */
    struct raml_remote_sample *sample; /* [questions, n] */
    struct raml_tokens stop;           /* tokens that end a sample */
    char *stop_text;                   /* the format's, where it has several tokens; NULL: none */
    size_t *n_there;                   /* [questions] samples */
    size_t n_out;                      /* questions that were delivered: the first ones */
    struct raml_questions *out;
    struct raml_sample_stats *stats;
};

enum raml_code raml_sample_check_remote(const struct raml_sample_options *opt, struct raml_err *err)
{
    const char *what = opt->think_budget         ? "think_budget"
                       : opt->force_continuation ? "force_continuation"
                       : opt->exit               ? "exit"
                       : opt->ends               ? "a stop rule of one's own"
                                                 : NULL;
    if (what)
        return raml_fail(err, RAML_EUSAGE, "%s: needs the model itself; an endpoint gives whole samples only", what);
    return raml_sample_check(opt, err);
}

/* -- What is asked for ------------------------------------------------------------------------------------------------ */

static enum raml_code encode(const struct run *r, size_t i, struct raml_err *err)
{
    const struct raml_question *q = &r->qs->question[i];
    struct raml_tokens *p = &r->prompt[i];
    enum raml_code rc = raml_format_prompt(r->format, r->tokenizer, q->question, p, err);
    if (!rc && r->opt->answer_only) rc = raml_format_answer_prefix(r->format, r->tokenizer, p, err);
    size_t context = r->remote->max_positions;
    if (rc || !context || p->n < context) return rc;
    return raml_fail(err, RAML_ERANGE,
                     "question '%s' (line %zu): its prompt of %zu tokens fills the model's context of %zu",
                     q->id ? q->id : "?", q->line, p->n, context);
}

static uint64_t seed_of(const struct run *r, size_t question, size_t sample)
{
    const uint64_t key[] = {r->opt->seed, raml_question_hash(r->qs->question[question].question), sample};
    return raml_hash(key, sizeof key, 0) & INT32_MAX;
}

static enum raml_code fill(struct run *r, struct raml_err *err)
{
    const struct raml_sample_options *o = r->opt;
    enum raml_code rc = raml_tokens_add(&r->stop, o->eos, o->n_eos, err);
    if (!rc && r->texts.stop.n == 1) rc = raml_tokens_add(&r->stop, r->texts.stop.id, 1, err);
    for (size_t i = 0; i < r->qs->n && !rc; i++) {
        rc = encode(r, i, err);
        size_t context = r->remote->max_positions, n = r->prompt[i].n,
               room = context && context - n < o->max_completion_length ? context - n : o->max_completion_length;
        for (size_t k = 0; k < o->n; k++)
            r->sample[i * o->n + k] = (struct raml_remote_sample){.prompt = r->prompt[i].id,
                                                                  .n_prompt = n,
                                                                  .max_tokens = room,
                                                                  .seed = seed_of(r, i, k),
                                                                  .stop_token = r->stop.id,
                                                                  .n_stop_tokens = r->stop.n,
                                                                  .stop = r->stop_text,
                                                                  .temperature = o->temperature,
                                                                  .top_p = o->top_p,
                                                                  .min_p = o->min_p,
                                                                  .top_k = o->top_k};
    }
    return rc;
}

/* -- What has come ---------------------------------------------------------------------------------------------------- */

static void hear(const struct run *r, size_t i, const struct raml_sampled *s, bool done)
{
    const struct raml_sample_so_far so_far = {.question = i / r->opt->n,
                                              .sample = i % r->opt->n,
                                              .token = s->token,
                                              .n = s->n,
                                              .thinking = s->thinking,
                                              .n_end = s->n_end};
    if (r->opt->hears) r->opt->hears(r->opt->hears_user, &so_far, done);
}

/* Its tokens one by one, up to what ends it: where thinking closes, an end of several tokens, the stop text. */
static enum raml_code follow(const struct run *r, size_t i, struct raml_sampled *s, struct raml_err *err)
{
    const struct raml_remote_sample *x = &r->sample[i];
    bool ends = false;
    enum raml_code rc = RAML_OK;
    raml_sampled_begin(&r->texts, s);
    for (size_t k = 0; k < x->n && !ends && !rc; k++) {
        rc = raml_sampled_add(s, x->token[k], err);
        if (rc) break;
        s->logp_sum += (double)x->logp[k];
        ends = raml_sampled_follow(&r->texts, s);
        if (!ends && (!s->thinking || !r->texts.thinks) && r->opt->stop)
            rc = raml_sampled_has(&r->texts, s, r->opt->stop, &ends, err);
        hear(r, i, s, false);
    }
    s->finish_reason = ends || x->ended ? "stop" : "length";
    s->done = true;
    hear(r, i, s, true);
    return rc;
}

static enum raml_code deliver(struct run *r, struct raml_err *err)
{
    size_t n = r->opt->n, first = r->n_out * n;
    const struct raml_question *q = &r->qs->question[r->n_out];
    struct raml_sampled *s = calloc(n, sizeof *s);
    if (!s) return raml_fail(err, RAML_ENOMEM, "no memory for %zu samples", n);
    enum raml_code rc = RAML_OK;
    for (size_t k = 0; k < n && !rc; k++) rc = follow(r, first + k, &s[k], err);
    if (!rc) rc = raml_sampled_deliver(&r->texts, q, s, n, r->opt->seed, r->out, r->stats, err);
    for (size_t k = 0; k < n; k++) {
        free(s[k].token);
        free(r->sample[first + k].token);
        free(r->sample[first + k].logp);
        r->sample[first + k].token = NULL;
        r->sample[first + k].logp = NULL;
    }
    free(s);
    if (!rc && r->opt->take) rc = r->opt->take(r->opt->take_user, &r->out->question[r->out->n - 1], err);
    return rc;
}

/* In the order of the questions. */
static enum raml_code took(void *of, size_t i, struct raml_err *err)
{
    struct run *r = of;
    enum raml_code rc = RAML_OK;
    r->n_there[i / r->opt->n]++;
    while (!rc && r->n_out < r->qs->n && r->n_there[r->n_out] == r->opt->n) {
        rc = deliver(r, err);
        r->n_out++;
    }
    return rc;
}

/* -- All -------------------------------------------------------------------------------------------------------------- */

static void expect(const struct run *r)
{
    size_t n = r->opt->n, alone = 0, shared = 0;
    for (size_t i = 0; i < r->qs->n; i++) {
        shared += r->prompt[i].n;
        alone += n * r->prompt[i].n;
    }
    const struct raml_remote_cost cost = {
        .n = n * r->qs->n, .alone = alone, .shared = shared, .most_new = n * r->qs->n * r->opt->max_completion_length};
    if (r->remote->expect) r->remote->expect(r->remote->user, &cost);
}

static enum raml_code run(struct run *r, struct raml_err *err)
{
    size_t n = r->qs->n, all = n * r->opt->n;
    r->prompt = calloc(n ? n : 1, sizeof *r->prompt);
    r->n_there = calloc(n ? n : 1, sizeof *r->n_there);
    r->sample = calloc(all ? all : 1, sizeof *r->sample);
    if (!r->prompt || !r->n_there || !r->sample) return raml_fail(err, RAML_ENOMEM, "no memory for %zu samples", all);
    struct raml_buf text;
    raml_buf_init(&text, 1 << 16);
    enum raml_code rc = RAML_OK;
    if (r->texts.stop.n > 1) {
        rc = raml_tokenizer_decode(r->tokenizer, r->texts.stop.id, r->texts.stop.n, false, &text, err);
        if (!rc) rc = raml_buf_status(&text, err);
        r->stop_text = text.data;
    }
    if (!rc) rc = fill(r, err);
    if (!rc) expect(r);
    if (!rc) rc = r->remote->samples(r->remote->user, r->sample, all, took, r, err);
    raml_buf_deinit(&text);
    return rc;
}

enum raml_code raml_sample_questions_remote(const struct raml_remote *remote, const struct raml_tokenizer *t,
                                            const struct raml_format *f, const struct raml_questions *qs,
                                            const struct raml_sample_options *opt, struct raml_questions *out,
                                            struct raml_sample_stats *stats, struct raml_err *err)
{
    struct run r = {.remote = remote, .tokenizer = t, .format = f, .qs = qs, .opt = opt, .out = out, .stats = stats};
    *stats = (struct raml_sample_stats){0};
    enum raml_code rc = raml_sample_check_remote(opt, err);
    if (!rc && !remote->samples) rc = raml_fail(err, RAML_ESUPPORT, "%s gives no samples", remote->name);
    if (!rc) rc = raml_sample_texts_init(&r.texts, t, f, err);
    r.texts.stop_text = opt->stop;
    r.texts.answer_only = opt->answer_only;
    r.texts.eos = opt->eos;
    r.texts.n_eos = opt->n_eos;
    if (!rc) rc = run(&r, err);
    for (size_t i = 0; r.sample && i < qs->n * opt->n; i++) {
        free(r.sample[i].token);
        free(r.sample[i].logp);
    }
    for (size_t i = 0; r.prompt && i < qs->n; i++) raml_tokens_deinit(&r.prompt[i]);
    raml_tokens_deinit(&r.stop);
    raml_sample_texts_deinit(&r.texts);
    free(r.prompt);
    free(r.sample);
    free(r.n_there);
    return rc;
}
